/* opened.c - see opened.h. */
#include "cli/opened.h"

#include "host/heap.h"
#include "wire/json.h"

enum { LINE_MAX_ = 32 << 20 };

static void put_flags(struct jw *w, reason_set flags)
{
    JW_NAME(w, "flags");
    jw_arr(w);
    for (unsigned r = 1; r < REASON__N; r++)
        if (flags & reason_bit((enum reason)r))
            jw_str(w, span_str(reason_code((enum reason)r)));
    jw_end_arr(w);
}

/* "confirmed" is the word for a second verdict of OK. */
static struct span second_word(enum reason r)
{
    return span_str(r == REASON_OK ? "confirmed" : reason_code(r));
}

static void put_reading(struct jw *w, const struct outcome *out, bool confirmed)
{
    const struct esd_label *l = &out->res.label;
    const struct reader_result *r = &out->res;
    JW_U64(w, "v", 1);
    JW_STR(w, "verdict", span_str(r->clear ? "clear" : confirmed ? "confirmed" : "opened"));
    if (!r->clear)
        JW_STR(w, "second", second_word(r->second));
    if (r->anyone && r->second != REASON_OK) /* a public key sealed it */
        JW_STR(w, "author", SPAN("unknown until confirmed"));
    if (out->address)
        JW_STR(w, "address", span_str(out->address));
    if (!r->clear) {
        JW_STR(w, "kid", l->kid);
        JW_U64(w, "ep", l->e2e.ep);
        JW_U64(w, "i", l->e2e.i);
        JW_U64(w, "t", l->e2e.t_ms);
    }
    if (r->missing)
        JW_U64(w, "missing", r->missing);
    if (r->signer.n)
        JW_STR(w, "signer", r->signer);
    put_flags(w, r->flags);
}

static void put_plain(struct jw *w, struct span plain, bool json)
{
    JW_NAME(w, "plain");
    if (json)
        jw_raw(w, plain);
    else
        jw_str(w, plain);
}

static enum status finish(struct cli *c, struct buf *b)
{
    enum status st = cli_out_line(c, buf_span(b));
    buf_wipe(b);
    heap_buf_free(b);
    return st;
}

enum status opened_print(struct cli *c, const struct outcome *out)
{
    if (!c->json && out->res.anyone && out->res.second != REASON_OK)
        cli_say(c, "sealed with a public key: it opened, which tells nothing about its author (--confirmed does)");
    if (!c->json)
        return cli_out_line(c, out->plain);
    struct buf b = heap_buf(LINE_MAX_);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    put_reading(&w, out, out->res.second == REASON_OK && !out->res.clear);
    put_plain(&w, out->plain, out->res.json);
    jw_end_obj(&w);
    return finish(c, &b);
}

enum status opened_event(struct cli *c, const struct outcome *out)
{
    if (!c->json)
        return ST_DONE;
    struct buf b = heap_buf(LINE_MAX_);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    put_reading(&w, out, false);
    jw_end_obj(&w);
    return finish(c, &b);
}

enum status opened_confirmed(struct cli *c, const struct book_reading *r)
{
    if (!c->json)
        return cli_out_line(c, r->plain);
    struct buf b = heap_buf(LINE_MAX_);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "verdict", SPAN("confirmed"));
    JW_STR(&w, "second", SPAN("confirmed"));
    if (r->address.n)
        JW_STR(&w, "address", r->address);
    JW_STR(&w, "kid", r->kid);
    JW_U64(&w, "ep", r->ep);
    JW_U64(&w, "i", r->i);
    JW_U64(&w, "t", r->t_ms);
    put_flags(&w, r->flags);
    put_plain(&w, r->plain, r->json);
    jw_end_obj(&w);
    return finish(c, &b);
}

enum status opened_verdict(struct cli *c, const struct verdict_line *v)
{
    bool indexed = v->i != READER_NO_INDEX;
    if (!c->json) {
        cli_say(c, "%s: %s (%s%s%s, key %.*s)", reason_code(v->verdict), reason_text(v->verdict), v->about,
                indexed ? " " : "", indexed ? cli_fmt(c, "%u", (unsigned)v->i) : "", SPAN_FMT(v->kid));
        return ST_DONE;
    }
    struct buf b = heap_buf(LINE_MAX_);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "verdict", span_str(reason_code(v->verdict)));
    JW_STR(&w, "about", span_str(v->about));
    if (v->kid.n)
        JW_STR(&w, "kid", v->kid);
    if (indexed)
        JW_U64(&w, "i", v->i);
    if (v->address.n)
        JW_STR(&w, "address", v->address);
    jw_end_obj(&w);
    return finish(c, &b);
}

void opened_counters(struct jw *w, const struct reader_counters *n)
{
    JW_NAME(w, "cache");
    jw_obj(w);
    JW_U64(w, "hits", n->hits);
    JW_U64(w, "misses", n->misses);
    JW_U64(w, "asked", n->asked);
    JW_U64(w, "refreshes", n->refreshes);
    JW_U64(w, "coalesced", n->coalesced);
    JW_U64(w, "refusals", n->refusals);
    JW_U64(w, "expired", n->expired);
    JW_U64(w, "evicted", n->evicted);
    jw_end_obj(w);
}

void opened_note_counters(struct cli *c, const struct reader_counters *n)
{
    char text[CLI_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    opened_counters(&w, n);
    jw_end_obj(&w);
    app_note(&c->app, "%.*s", SPAN_FMT(buf_span(&b)));
}

/* ---- waiting for a head ---- */

static enum status not_confirmed(struct session *s, const struct outcome *out, const struct confirm_count *n)
{
    struct cli *c = cli_of(s->app);
    enum reason r = out->res.second;
    const char *heads = n->rsc == 0             ? "the server does not answer for e2e-heads"
                        : n->rsc == 4004        ? "there is no e2e-heads beside the data: its writer shows no heads"
                        : n->rsc >= 4000        ? cli_fmt(c, "e2e-heads answers %d", n->rsc)
                        : n->fault != REASON_OK ? cli_fmt(c, "a head was refused: %s", reason_code(n->fault))
                                                : cli_fmt(c, "%llu heads were seen", (unsigned long long)n->heads);
    enum status st = r == REASON_PARTIAL ? ST_FOUND : (enum status)reason_exit(r);
    return CLI_FAIL(c, st, .what = cli_fmt(c, "it opened and is not confirmed: %s; %s", reason_text(r), heads),
                    .who = "this program", .kind = "key", .object = cli_fmt(c, "%.*s", SPAN_FMT(out->res.label.kid)),
                    .code = reason_code(r),
                    .todo = reason_heals(r) ? "try again: a head is due 10 s after its first reading"
                                            : cli_fmt(c, "see: oneseal explain %s", reason_code(r)));
}

enum status opened_await(struct session *s, struct span address, struct outcome *out)
{
    struct cli *c = cli_of(s->app);
    struct confirm_count n;
    int64_t wait = CONFIRM_WAIT_MS;
    const char *given = cli_opt(c, "wait");
    if (given && cli_time(given, &wait) != OK)
        return CLI_FAIL(c, ST_USAGE, .what = "--wait wants a time with a unit: 500ms, 10s, 2m", .who = "this program",
                        .object = given, .todo = "see: oneseal get --help");
    if (out->res.clear)
        return ST_DONE; /* nobody claims to have sealed it */
    cli_say(c, "opened; waiting at most %lld s for a head of its writer that covers reading %u",
            (long long)((wait + 999) / 1000), (unsigned)out->res.label.e2e.i);
    return confirm_wait(&s->o, address, out, wait, &n) == REASON_OK ? ST_DONE : not_confirmed(s, out, &n);
}
