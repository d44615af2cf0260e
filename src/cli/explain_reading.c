/* explain_reading.c - `oneseal explain RESOURCE --as APP`: step by step, in the order of the checks, why a reading does
 * or does not open for an application. Shows neither keys nor content. The TTP logs the request for the key like any
 * other. */
#include "cli/explain_reading.h"

#include "base/m2mtime.h"
#include "cli/opened.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum { ARENA_BLOCK = 1 << 16, ARENA_MAX = 64 << 20, LINES_MAX = 1 << 16, TIME_MAX = 32 };

/* ---- the steps -------------------------------------------------------------------------------------- */

enum step {
    STEP_FETCH,
    STEP_CNF,
    STEP_OUTSIDE,
    STEP_ALGORITHM,
    STEP_PLACE,
    STEP_TTP,
    STEP_KEY,
    STEP_POLICY,
    STEP_WRITER,
    STEP_COMMITMENT,
    STEP_AEAD,
    STEP_ORDER,
    STEP_TIME,
    STEP_HEAD,
    STEP__N
};
static const char *const step_names[STEP__N] = {
    "fetch",  "cnf",    "outside",    "algorithm", "place", "ttp",  "key",
    "policy", "writer", "commitment", "aead",      "order", "time", "head",
};
enum state { NOT_REACHED, FINE, REMARK, FAILS };
static const char *const state_words[] = {"-", "ok", "note", "FAIL"};
static const char *const state_json[] = {"not-reached", "ok", "note", "fail"};

struct explaining {
    struct cli *c;
    struct session *s;
    struct span address; /* as asked for, absolute */
    struct span attribute, place;
    struct arena mem;
    struct {
        enum state state;
        const char *text;
    } step[STEP__N];
    enum reason verdict, second;
    enum status st;
};

static void put(struct explaining *x, enum step at, enum state state, const char *text)
{
    x->step[at].state = state;
    x->step[at].text = text;
}

/* The check that says no: false, and nothing behind it is reached. */
static bool no(struct explaining *x, enum step at, enum reason r, const char *text)
{
    put(x, at, FAILS, cli_fmt(x->c, "%s: %s", reason_code(r), text ? text : reason_text(r)));
    x->verdict = r;
    x->st = (enum status)reason_exit(r);
    return false;
}

static const char *time_text(struct explaining *x, int64_t ms)
{
    char text[TIME_MAX];
    struct buf b = BUF_ARRAY(text);
    m2mtime_put(&b, ms);
    return cli_fmt(x->c, "%.*s", SPAN_FMT(buf_span(&b)));
}

/* ---- from the server -------------------------------------------------------------------------------- */

static bool fetch(struct explaining *x, struct talk_answer *a)
{
    const struct talk *t = &x->s->t;
    talk_m2m(&x->s->t, &(struct talk_ask){.op = TALK_RETRIEVE, .to = x->address}, a);
    if (a->e != OK) {
        put(x, STEP_FETCH, FAILS, cli_fmt(x->c, "%s does not answer: %s", t->p->url, err_text(a->e)));
        x->st = ST_UNREACHABLE;
        return false;
    }
    const struct rsc_row *row = rsc_row((unsigned)a->rsc);
    const char *name = row ? row->name : "";
    put(x, STEP_FETCH, rsc_ok((unsigned)a->rsc) ? FINE : FAILS,
        cli_fmt(x->c, "%s answers %d %s, %zu octets", t->p->url, a->rsc, name, talk_body(a).n));
    x->st = talk_status(a->rsc);
    return rsc_ok((unsigned)a->rsc);
}

static bool read_item(struct explaining *x, struct span body, struct item *it, unsigned *security)
{
    enum err e = x->attribute.n ? item_attribute(body, x->attribute, &x->mem, it) : item_read(body, &x->mem, it);
    if (e != OK)
        return no(x, STEP_CNF, REASON_MALFORMED, "there is no content in it: name an instance, /la or #attribute");
    enum reason r = cnf_security(it->con_json ? SPAN_NONE : it->con, it->cnf, security);
    if (r != REASON_OK)
        return no(x, STEP_CNF, r, NULL);
    static const char *const forms[] = {"clear", "compact", "JSON", "base64 of JSON"};
    const char *form = forms[*security < LEN(forms) ? *security : 0];
    put(x, STEP_CNF, it->cnf.n ? FINE : REMARK,
        it->cnf.n ? cli_fmt(x->c, "%.*s: sealed, %s", SPAN_FMT(it->cnf), form)
                  : cli_fmt(x->c, "absent; it looks sealed, %s", form));
    return true;
}

/* ---- the outside ------------------------------------------------------------------------------------ */

static bool read_outside(struct explaining *x, const struct item *it, unsigned security, struct esd_label *l)
{
    bool refused = false;
    enum reason r = label_shape(it->con, security, &x->mem, l, &refused);
    if (r != REASON_OK)
        return no(x, STEP_OUTSIDE, r, NULL);
    const struct esd_e2e *e = &l->e2e;
    put(x, STEP_OUTSIDE, e->here ? FINE : REMARK,
        e->here ? cli_fmt(x->c, "epoch %llu, reading %u, made %s, sealed by the %s%s", (unsigned long long)e->ep,
                          (unsigned)e->i, e->t_ms ? time_text(x, (int64_t)e->t_ms) : "by no clock",
                          e->device ? "device" : "gateway", e->batch ? ", a batch" : "")
                : "no e2e member: an object of somebody else's making, without place, order and head");
    r = label_read_as(it->con, security, &x->mem, l);
    if (r != REASON_OK)
        return no(x, STEP_ALGORITHM, r, NULL);
    if (l->jws)
        return no(x, STEP_ALGORITHM, REASON_NOT_SEALED, "it is signed, not sealed: everybody on the way can read it");
    put(x, STEP_ALGORITHM, FINE, cli_fmt(x->c, "%s, %s", alg_row(l->alg)->text, enc_text(l->enc)));
    return true;
}

static bool check_place(struct explaining *x, const struct esd_label *l)
{
    uint8_t sid[ESD_SID];
    if (x->place.n == 0 || keys_sid(x->place, sid) != REASON_OK || !l->e2e.here) {
        put(x, STEP_PLACE, REMARK,
            x->place.n == 0 ? "place-unverified: this address is no structured path, and the profile pins none for it "
                              "([stream] also)"
                            : "place-unverified: the object names no place");
        return true;
    }
    if (memcmp(sid, l->e2e.sid, ESD_SID) != 0)
        return no(x, STEP_PLACE, REASON_WRONG_PLACE, cli_fmt(x->c, "it was not sealed for %.*s", SPAN_FMT(x->place)));
    put(x, STEP_PLACE, FINE, cli_fmt(x->c, "sealed for %.*s", SPAN_FMT(x->place)));
    return true;
}

static bool check_ttp(struct explaining *x, const struct esd_label *l)
{
    const struct reader *r = &x->s->o.reader;
    for (size_t i = 0; i < r->n_ttps; i++)
        if (span_eq_nocase(r->ttps[i], l->ttp)) {
            put(x, STEP_TTP, FINE, cli_fmt(x->c, "%.*s is trusted by the profile", SPAN_FMT(l->ttp)));
            return true;
        }
    if (l->ttp.n == 0) {
        put(x, STEP_TTP, FINE, "none: the key is a certificate's");
        return true;
    }
    return no(x, STEP_TTP, REASON_UNKNOWN_TTP, cli_fmt(x->c, "the profile has no [ttp %.*s]", SPAN_FMT(l->ttp)));
}

/* ---- the key ---------------------------------------------------------------------------------------- */

static const struct reader_key *cached(const struct explaining *x, struct span kid)
{
    const struct reader *r = &x->s->o.reader;
    for (size_t i = 0; i < r->n_keys; i++)
        if (r->keys[i].kv_n && kid_eq(span_of(r->keys[i].kid, r->keys[i].kid_n), kid))
            return &r->keys[i];
    return NULL;
}

struct key_row {
    struct span kid;
    uint64_t pv;
    bool there;
};

static enum err take_row(void *ctx, const struct book_key *k)
{
    struct key_row *row = ctx;
    if (kid_eq(k->kid, row->kid)) {
        row->pv = k->pv;
        row->there = true;
    }
    return OK;
}

static bool ask_key(struct explaining *x, const struct esd_label *l)
{
    struct open_key own;
    const struct ttps *t = &x->s->ttps;
    if (x->s->o.own.n && own_keys_find(&x->s->o.own, l, &own) == REASON_OK) {
        put(x, STEP_KEY, FINE, cli_fmt(x->c, "%.*s, from the profile ([key], suid %u)", SPAN_FMT(l->kid), own.suid));
        put(x, STEP_POLICY, FINE, "none: no TTP is asked");
        return true;
    }
    bool had = reader_key_has(&x->s->o.reader, l->kid, ttp_now_ms());
    enum reason r = had ? REASON_OK : opening_ask(&x->s->o, l->kid, x->place);
    if (r != REASON_OK) {
        const char *who = t->who[0] ? t->who : "the TTP", *why = t->why[0] ? t->why : reason_text(r);
        return no(x, STEP_KEY, r,
                  cli_fmt(x->c, "%.*s was asked for; %s says: %s%s%s", SPAN_FMT(l->kid), who, why,
                          t->todo[0] ? "; " : "", t->todo));
    }
    const struct reader_key *k = cached(x, l->kid);
    put(x, STEP_KEY, FINE,
        cli_fmt(x->c, "%.*s, %s, good until %s", SPAN_FMT(l->kid), had ? "cached" : "asked for and released",
                k ? time_text(x, k->until_ms) : "?"));
    struct key_row row = {.kid = l->kid};
    if (book_key_each(x->s->book, take_row, &row) == OK && row.there)
        put(x, STEP_POLICY, FINE, cli_fmt(x->c, "version %llu decided", (unsigned long long)row.pv));
    return true;
}

static bool check_writer(struct explaining *x, const struct esd_label *l, enum reason verdict)
{
    const struct reader_key *k = cached(x, l->kid);
    if (!k) {
        put(x, STEP_WRITER, REMARK, "whoever has the same key");
        return true;
    }
    struct span cr = span_of(k->cr, k->cr_n);
    if (verdict == REASON_WRITER_CHANGED)
        return no(x, STEP_WRITER, verdict,
                  cli_fmt(x->c, "the key was registered by %.*s, which neither hosts the data nor is pinned (writer=)",
                          SPAN_FMT(cr)));
    put(x, STEP_WRITER, FINE, cli_fmt(x->c, "%.*s registered it", SPAN_FMT(cr)));
    return true;
}

/* ---- inside ----------------------------------------------------------------------------------------- */

/* What `la` would say of its order; nothing of it is kept. */
static enum reason order_of_latest(struct explaining *x, const struct item *it, struct outcome *out)
{
    const struct profile_stream *s = profile_stream_of(&x->s->p, x->place);
    uint8_t *room = arena_alloc(&x->mem, it->con.n + 1);
    if (!room || book_begin(x->s->book) != OK)
        return REASON_FAILED;
    struct buf plain = buf_over(room, it->con.n + 1);
    struct reader_item ri = {.con = it->con,
                             .con_json = it->con_json,
                             .cnf = it->cnf,
                             .address = x->place,
                             .how = READER_LATEST,
                             .writer = s ? s->writer : SPAN_NONE,
                             .policy = s ? &s->policy : NULL,
                             .now_ms = ttp_now_ms()};
    enum reason r = reader_judge(&x->s->o.reader, &ri, &x->mem, &plain, &out->res);
    buf_wipe(&plain);
    book_rollback(x->s->book);
    return r;
}

static const char *remarks(struct explaining *x, reason_set s)
{
    const char *text = NULL;
    for (unsigned r = 1; r < REASON__N; r++)
        if (s & reason_bit((enum reason)r))
            text = cli_fmt(x->c, "%s%s%s", text ? text : "", text ? "; " : "", reason_text((enum reason)r));
    return text;
}

static bool check_inside(struct explaining *x, const struct outcome *out)
{
    enum reason r = out->reason;
    if (r == REASON_COMMITMENT_MISMATCH)
        return no(x, STEP_COMMITMENT, r, NULL);
    const struct reader_key *k = cached(x, out->res.label.kid);
    put(x, STEP_COMMITMENT, k && k->commits ? FINE : REMARK,
        k && k->commits ? "the key's name commits to it" : "the key's name does not commit to it");
    if (r == REASON_TAMPERED || r == REASON_MALFORMED)
        return no(x, STEP_AEAD, r, NULL);
    if (r != REASON_OK && r != REASON_REPLAYED && r != REASON_ROLLED_BACK && r != REASON_GAP && r != REASON_STALE &&
        r != REASON_PLACE_UNVERIFIED && r != REASON_NO_CLOCK && r != REASON_WRITER_RESTORED)
        return no(x, STEP_AEAD, r, NULL);
    put(x, STEP_AEAD, out->res.anyone ? REMARK : FINE,
        out->res.anyone ? "it authenticates, but whoever has the public key can seal: only a head tells the author"
                        : "it authenticates");
    return true;
}

static bool check_order(struct explaining *x, const struct outcome *out, const struct outcome *latest, enum reason la)
{
    static const reason_set order = READER_BIT(REPLAYED) | READER_BIT(ROLLED_BACK) | READER_BIT(GAP);
    reason_set flags = out->res.flags | (latest ? latest->res.flags & ~READER_BIT(REPLAYED) : 0);
    enum reason r = out->reason != REASON_OK ? out->reason : latest ? la : REASON_OK;
    if (r != REASON_OK)
        return no(x, r == REASON_STALE ? STEP_TIME : STEP_ORDER, r, NULL);
    const char *said = remarks(x, flags & (order | READER_BIT(WRITER_RESTORED)));
    put(x, STEP_ORDER, said ? REMARK : FINE, said ? said : "nothing speaks against it");
    said = remarks(x, flags & (READER_BIT(STALE) | READER_BIT(NO_CLOCK)));
    put(x, STEP_TIME, said ? REMARK : FINE, said ? said : "fresh enough");
    return true;
}

static void check_head(struct explaining *x, struct outcome *out)
{
    struct confirm_count n;
    x->second = confirm_wait(&x->s->o, x->place, out, 0, &n);
    const char *heads = n.rsc == RSC_NOT_FOUND     ? "there is no e2e-heads beside the data"
                        : n.rsc == 0               ? "no answer about e2e-heads"
                        : !rsc_ok((unsigned)n.rsc) ? cli_fmt(x->c, "e2e-heads answers %d", n.rsc)
                                                   : cli_fmt(x->c, "%llu heads seen", (unsigned long long)n.heads);
    if (n.fault != REASON_OK)
        heads = cli_fmt(x->c, "%s, one refused: %s", heads, reason_code(n.fault));
    if (x->second == REASON_OK)
        put(x, STEP_HEAD, FINE, cli_fmt(x->c, "confirmed: a signed head of the writer covers it (%s)", heads));
    else
        put(x, STEP_HEAD, x->second == REASON_FORGED_BY_READER ? FAILS : REMARK,
            cli_fmt(x->c, "%s: %s (%s)", reason_code(x->second), reason_text(x->second), heads));
}

static void walk(struct explaining *x, struct span body)
{
    struct item it;
    struct esd_label l;
    struct outcome out, latest = {0};
    unsigned security = 0;
    if (!read_item(x, body, &it, &security) || !read_outside(x, &it, security, &l) || !check_place(x, &l) ||
        !check_ttp(x, &l) || !ask_key(x, &l))
        return;
    bool is_latest = span_ends(x->address, SPAN("/la"));
    opening_item(&x->s->o, &it, x->place, READER_BY_NAME, false, &x->mem, &out);
    enum reason la = is_latest && out.reason == REASON_OK ? order_of_latest(x, &it, &latest) : REASON_OK;
    if (!check_writer(x, &l, out.reason) || !check_inside(x, &out) ||
        !check_order(x, &out, is_latest ? &latest : NULL, la))
        return;
    x->st = ST_DONE;
    check_head(x, &out);
}

/* ---- saying it -------------------------------------------------------------------------------------- */

static const char *verdict_word(const struct explaining *x)
{
    if (x->step[STEP_FETCH].state == FAILS)
        return "not read";
    return x->verdict != REASON_OK ? reason_code(x->verdict) : x->second == REASON_OK ? "confirmed" : "opened";
}

static enum status say_json(const struct explaining *x)
{
    struct buf b = heap_buf(LINES_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "address", x->address);
    JW_STR(&w, "as", span_str(x->s->p.ae_id));
    JW_STR(&w, "verdict", span_str(verdict_word(x)));
    JW_NAME(&w, "steps");
    jw_arr(&w);
    for (size_t i = 0; i < STEP__N; i++) {
        jw_obj(&w);
        JW_STR(&w, "step", span_str(step_names[i]));
        JW_STR(&w, "state", span_str(state_json[x->step[i].state]));
        if (x->step[i].text)
            JW_STR(&w, "text", span_str(x->step[i].text));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    opened_counters(&w, &x->s->o.reader.count);
    jw_end_obj(&w);
    enum status st = cli_out_line(x->c, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

static enum status say_text(const struct explaining *x)
{
    struct cli *c = x->c;
    enum status st =
        cli_out_line(c, span_str(cli_fmt(c, "%.*s, as %s: %s", SPAN_FMT(x->address), x->s->p.ae_id, verdict_word(x))));
    for (size_t i = 0; st == ST_DONE && i < STEP__N; i++)
        st = cli_out_line(c, span_str(cli_fmt(c, "  %-5s %-11s %s", state_words[x->step[i].state], step_names[i],
                                              x->step[i].text ? x->step[i].text : "")));
    return st;
}

enum status explain_reading(struct cli *c)
{
    struct session s = {0};
    struct explaining x = {.c = c, .s = &s, .second = REASON_UNCONFIRMED};
    struct span address = span_str(c->arg[0]);
    enum status st = profile_load(&c->app, cli_opt(c, "as"), &s.p);
    if (st == ST_DONE)
        st = session_open(&c->app, &s, SESSION_OPEN);
    if (st != ST_DONE)
        return st;
    x.attribute = address;
    address = span_cut(&x.attribute, '#');
    x.address = profile_absolute(&c->app, &s.p, address);
    x.place = profile_place(&s.p, x.attribute.n
                                      ? span_str(cli_fmt(c, "%.*s#%.*s", SPAN_FMT(x.address), SPAN_FMT(x.attribute)))
                                      : opening_container(x.address));
    heap_arena(&x.mem, ARENA_BLOCK, ARENA_MAX);
    struct talk_answer a;
    if (fetch(&x, &a))
        walk(&x, talk_body(&a));
    talk_answer_free(&a);
    st = c->json ? say_json(&x) : say_text(&x);
    arena_reset(&x.mem);
    session_close(&s);
    return st == ST_DONE ? x.st : st;
}
