/* opening.c - see opening.h. */
#include "app/opening.h"

#include "host/heap.h"
#include "host/secret.h"

/* Keys may come from these: the TTPs, and the domains that own keys are named after. */
static size_t domains(struct opening *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->p->ttps; i++)
        o->names[n++] = o->p->ttp_names[i];
    for (size_t i = 0; i < o->own.n; i++) {
        struct span relative, fqdn;
        if (kid_split(o->own.one[i].kid, &relative, &fqdn) == REASON_OK)
            o->names[n++] = fqdn;
    }
    return n;
}

enum status opening_new(struct talk *t, struct ttps *ttps, struct book *book, struct opening *o)
{
    *o = (struct opening){.app = t->app, .p = t->p, .book = book, .ttps = ttps};
    if (opener_init(&o->opener) != OK)
        return APP_FAIL(t->app, ST_FAILED, .what = "the cipher cannot be set up", .who = "OpenSSL",
                        .todo = "check the OpenSSL installation");
    enum status st = own_keys_open(t->app, t->p, &o->own);
    if (st != ST_DONE) {
        opener_free(&o->opener);
        return st;
    }
    o->reader = (struct reader){.opener = &o->opener,
                                .store = book_reader(book),
                                .ttps = o->names,
                                .n_ttps = domains(o),
                                .own = own_keys_find,
                                .own_ctx = &o->own,
                                .keys = o->keys,
                                .n_keys = OPENING_KEYS_MAX};
    if (esd_random(&o->reader.jitter, sizeof o->reader.jitter) != OK)
        o->reader.jitter = (uint64_t)ttp_now_ms();
    return ST_DONE;
}

void opening_free(struct opening *o)
{
    reader_wipe(&o->reader);
    own_keys_close(&o->own);
    opener_free(&o->opener);
}

static void said(struct opening *o, enum reason r, const char *who)
{
    (void)snprintf(o->ttps->why, sizeof o->ttps->why, "%s", reason_text(r));
    (void)snprintf(o->ttps->who, sizeof o->ttps->who, "%s", who);
}

struct span opening_container(struct span absolute)
{
    size_t last = span_rfind(absolute, '/');
    return last == absolute.n || last < 3 ? SPAN_NONE : span_first(absolute, last);
}

static const uint8_t *wanted_sid(void *ctx, struct span kid)
{
    return reader_want_sid(ctx, kid);
}

/* One request for what is wanted of one TTP. */
static void ask_one(struct opening *o, struct ttp *t)
{
    struct span kids[READER_WANTS_MAX];
    enum reason verdict[READER_WANTS_MAX];
    size_t n = reader_want_take(&o->reader, &o->wants, span_str(t->row->fqdn), ttp_now_ms(), kids, READER_WANTS_MAX);
    if (n == 0)
        return;
    enum reason r = ttp_release(o->ttps, t, &o->reader, kids, n, wanted_sid, &o->wants, verdict);
    for (size_t i = 0; i < n; i++) {
        enum reason v = r == REASON_OK ? verdict[i] : r;
        if (v != REASON_OK && !reason_heals(v))
            reader_key_drop(&o->reader, kids[i]); /* refused when it was to be refreshed: revoked meanwhile */
        if (r == REASON_OK && v != REASON_OK)
            said(o, v, t->row->fqdn);
        reader_want_done(&o->reader, &o->wants, kids[i], v, ttp_now_ms());
    }
}

enum reason opening_want(struct opening *o, struct span kid, struct span address)
{
    struct span relative, fqdn;
    uint8_t sid[ESD_SID];
    JUDGE(kid_split(kid, &relative, &fqdn));
    if (!ttps_find(o->ttps, fqdn))
        return REASON_UNKNOWN_TTP;
    bool placed = address.n && keys_sid(address, sid) == REASON_OK;
    return reader_want(&o->reader, &o->wants, kid, placed ? sid : NULL, ttp_now_ms());
}

void opening_flush(struct opening *o)
{
    struct span due[READER_WANTS_MAX];
    size_t n = reader_key_due(&o->reader, ttp_now_ms(), due, READER_WANTS_MAX);
    for (size_t i = 0; i < n; i++)
        (void)reader_want(&o->reader, &o->wants, due[i], NULL, ttp_now_ms()); /* otherwise it is on its way already */
    for (size_t i = 0; i < o->p->ttps; i++)
        ask_one(o, &o->ttps->one[i]);
}

enum reason opening_ask(struct opening *o, struct span kid, struct span address)
{
    enum reason r = opening_want(o, kid, address);
    if (r != REASON_OK && r != REASON_NO_KEY_YET)
        return r;
    opening_flush(o);
    if (reader_key_has(&o->reader, kid, ttp_now_ms()))
        return REASON_OK;
    r = opening_want(o, kid, address); /* the answer of a moment ago */
    return r == REASON_OK ? REASON_NO_KEY_YET : r;
}

/* Opened and kept: the reading (each part of a batch) and the marks that reader_judge wrote. */
struct keeping {
    struct opening *o;
    const struct reader_result *res;
    struct span address;
    int64_t now;
    bool there; /* it is in the book already */
};

static enum err keep_part(void *ctx, uint32_t n, struct span part)
{
    struct keeping *k = ctx;
    const struct esd_label *l = &k->res->label;
    struct book_reading r = {.kid = l->kid,
                             .i = l->e2e.i,
                             .part = n,
                             .address = k->address,
                             .ep = l->e2e.ep,
                             .t_ms = l->e2e.t_ms,
                             .opened_ms = k->now,
                             .flags = k->res->flags,
                             .json = k->res->json,
                             .watched = k->o->watches,
                             .plain = part};
    enum err e = book_reading_put(k->o->book, &r);
    k->there = k->there || e == ERR_EXISTS; /* the statement alone is undone; the marks are kept */
    return e == ERR_EXISTS ? OK : e;
}

/* The same envelope once more (a NOTIFY whose answer was lost) is no attack; another one under its index is. */
static bool same_as_before(struct opening *o, const struct reader_item *ri, const struct esd_label *l)
{
    char text[ESD_KID_MAX];
    uint8_t seen[ESD_HASH], now[ESD_HASH];
    struct reader_store st = o->reader.store;
    for (size_t i = 0; i < l->kid.n && i < sizeof text; i++)
        text[i] = (char)(l->kid.p[i] >= 'a' && l->kid.p[i] <= 'z' ? l->kid.p[i] - 'a' + 'A' : l->kid.p[i]);
    return l->kid.n <= sizeof text && st.hash_get(st.ctx, span_of(text, l->kid.n), l->e2e.i, seen, NULL) == OK &&
           esd_sha256(ri->con, now) == OK && memcmp(seen, now, ESD_HASH) == 0;
}

static void judge(struct opening *o, const struct reader_item *ri, struct arena *a, struct buf *plain,
                  struct outcome *out)
{
    struct keeping k = {.o = o, .res = &out->res, .address = ri->address, .now = ri->now_ms};
    out->reason = REASON_FAILED;
    if (book_begin(o->book) != OK)
        return;
    out->reason = reader_judge(&o->reader, ri, a, plain, &out->res);
    enum err e = OK;
    if (out->reason == REASON_OK && !out->res.clear)
        e = reader_each(&out->res, a, keep_part, &k);
    out->duplicate = k.there || (out->reason == REASON_REPLAYED && same_as_before(o, ri, &out->res.label));
    if (e != OK || book_commit(o->book) != OK) {
        book_rollback(o->book);
        out->reason = REASON_FAILED;
    }
}

void opening_item(struct opening *o, const struct item *it, struct span address, enum reader_how how, bool ask,
                  struct arena *a, struct outcome *out)
{
    const struct profile_stream *s = profile_stream_of(o->p, address);
    struct reader_item ri = {.con = it->con,
                             .con_json = it->con_json,
                             .cnf = it->cnf,
                             .address = address,
                             .how = how,
                             .writer = s ? s->writer : SPAN_NONE,
                             .may_be_clear = s && s->clear,
                             .policy = s ? &s->policy : NULL,
                             .now_ms = ttp_now_ms()};
    *out = (struct outcome){.address = address.n ? arena_cstr(a, address) : NULL};
    uint8_t *room = arena_alloc(a, it->con.n + 1);
    if (!room) {
        out->reason = REASON_FAILED;
        return;
    }
    struct buf plain = buf_over(room, it->con.n + 1);
    judge(o, &ri, a, &plain, out);
    if (out->reason == REASON_NO_KEY_YET && ask) {
        enum reason r = opening_ask(o, out->res.label.kid, address);
        buf_reset(&plain);
        if (r == REASON_OK)
            judge(o, &ri, a, &plain, out);
        else
            out->reason = r;
    }
    if (out->reason == REASON_OK)
        out->plain = out->res.plain;
    if (!it->con_json && esd_sha256(it->con, out->hash) != OK)
        out->reason = REASON_FAILED;
}

enum status opening_fail(struct opening *o, const struct outcome *out)
{
    static const struct {
        enum reason r;
        const char *who, *todo;
    } rows[] = {
        {REASON_UNKNOWN_TTP, "this program, by its profile",
         "trust that TTP: add a [ttp FQDN] with its bundle to the profile"},
        {REASON_TTP_UNREACHABLE, "the network", "check the TTP's url and that it runs; try again"},
        {REASON_REFUSED, "the TTP", "ask the owner of the data to let you read"},
        {REASON_NO_KEY_YET, "the TTP", "wait: it is opened when the writer's letter has arrived"},
        {REASON_NOT_SEALED, "this program",
         "alarm: ask who wrote it; set clear=yes in [stream] only where clear text is meant"},
        {REASON_WRITER_CHANGED, "this program",
         "alarm: only when the writer is known and right, pin it with writer= in [stream]"},
    };
    const char *who = "this program", *todo = app_fmt(o->app, "see: oneseal explain %s", reason_code(out->reason));
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].r == out->reason) {
            who = rows[i].who;
            todo = rows[i].todo;
        }
    const struct ttps *t = o->ttps;
    bool more = t->why[0] && strcmp(t->why, reason_text(out->reason)) != 0;
    const char *what =
        app_fmt(o->app, "cannot open: %s%s%s", reason_text(out->reason), more ? " - " : "", more ? t->why : "");
    struct span kid = out->res.label.kid;
    return APP_FAIL(o->app, (enum status)reason_exit(out->reason), .what = what, .who = t->who[0] ? t->who : who,
                    .kind = "key", .object = kid.n ? app_fmt(o->app, "%.*s", SPAN_FMT(kid)) : out->address,
                    .code = reason_code(out->reason), .todo = t->todo[0] ? t->todo : todo);
}
