/* writer.c - see writer.h. */
#include "cli/writer.h"

#include "base/m2mtime.h"
#include "host/heap.h"
#include "host/secret.h"

enum {
    EPOCH_MESSAGES = 1 << 20,
    EPOCH_MS = 3600 * 1000,
    DOCUMENT_MAX = 1 << 18,
    ARENA_BLOCK = 1 << 16,
    ARENA_MAX = 32 << 20,
    SUID_MEF = 24,
};
#define KEEP_MS ((int64_t)400 * 86400 * 1000)

struct writer {
    struct session *s;
    struct ttp *ttp;
    const char *container; /* absolute */
    uint8_t sid[ESD_SID];
    struct sealer sealer;
    struct seal_key *key; /* locked memory */
    char kid[ESD_KID_OURS_MAX + 1];
    size_t kid_n;
    uint64_t ep;
    uint32_t i;
    int64_t began_ms;
    bool open;
};

static enum status fault(struct writer *w, const char *what, enum reason r)
{
    return CLI_FAIL(w->s->c, r == REASON_FAILED ? ST_FAILED : (enum status)reason_exit(r), .what = what,
                    .who = "this program", .object = w->container, .code = reason_code(r),
                    .todo = "check [seal] in the profile and the store");
}

enum status writer_open(struct session *s, struct span container, struct writer **out)
{
    struct writer *w = xalloc(sizeof *w);
    *w = (struct writer){.s = s};
    struct span absolute = profile_absolute(s->c, &s->p, container);
    w->container = cli_fmt(s->c, "%.*s", SPAN_FMT(absolute));
    w->ttp = s->p.seal_ttp ? ttps_find(&s->ttps, span_str(s->p.seal_ttp)) : NULL;
    w->key = secret_alloc(sizeof *w->key);
    *out = w;
    if (!w->ttp || !s->p.seal_policy)
        return CLI_FAIL(s->c, ST_CONFIG, .what = "the profile does not say with which TTP and policy to seal",
                        .who = "this program", .kind = "profile", .object = s->p.path,
                        .todo = "set ttp=, policy= and readers= in [seal], and [ttp FQDN]");
    if (keys_sid(absolute, w->sid) != REASON_OK)
        return fault(w, "the container's address is no absolute structured address", REASON_PLACE_UNVERIFIED);
    if (!w->key || sealer_init(&w->sealer, (struct esd_rng){0}) != OK)
        return fault(w, "no locked memory, or no cipher", REASON_FAILED);
    return ST_DONE;
}

void writer_close(struct writer *w)
{
    if (!w)
        return;
    if (w->key) {
        seal_key_wipe(w->key);
        secret_free(w->key);
    }
    sealer_free(&w->sealer);
    wipe(w, sizeof *w);
    free(w);
}

static enum err put_policy(struct writer *w, struct buf *scratch, struct buf *out)
{
    const struct profile *p = &w->s->p;
    struct policy_reader readers[PROFILE_READERS_MAX];
    for (size_t i = 0; i < p->n_readers; i++)
        readers[i] = (struct policy_reader){.id = p->readers[i]};
    struct policy pol = {.iss = span_str(p->ae_id),
                         .aud = span_str(p->seal_ttp),
                         .policy = span_str(p->seal_policy),
                         .version = 1,
                         .readers = readers,
                         .n = p->n_readers};
    return policy_build(&pol, w->s->ttps.key, span_str(w->s->ttps.key_id), scratch, out);
}

static enum err put_letter(struct writer *w, const struct esd_keys *k, struct buf *scratch, struct buf *out)
{
    const struct profile *p = &w->s->p;
    struct bundle *b = &w->ttp->bundle;
    struct letter_item item = {.ep = w->ep,
                               .kid = span_of(w->kid, w->kid_n),
                               .policy = span_str(p->seal_policy),
                               .adfq = span_str(p->seal_ttp),
                               .et = ttp_now_ms() + KEEP_MS,
                               .suid = SUID_MEF};
    memcpy(item.sid, w->sid, ESD_SID);
    memcpy(item.kc, k->kc, ESD_KC);
    TRY(p256_thumb(w->s->ttps.key, item.wk));
    struct key_letter l = {.iss = span_str(p->ae_id), .aud = span_str(p->seal_ttp), .items = &item, .n = 1};
    return letter_build(&l, &k->kv, w->s->ttps.key, span_str(w->s->ttps.key_id), b->sealing, b->sealing_kid, scratch,
                        out);
}

/* Policy and letter into the book, in one transaction together with the epoch's number. */
static enum err store_letter(struct writer *w, const struct esd_keys *k, struct buf *scratch, struct buf *text)
{
    struct book *b = w->s->book;
    struct span kid = span_of(w->kid, w->kid_n), ttp = span_str(w->ttp->row->fqdn);
    TRY(put_policy(w, scratch, text));
    TRY(book_letter_put(b, SPAN_NONE, ttp, SPAN("/policy"), buf_span(text)));
    buf_reset(text);
    TRY(put_letter(w, k, scratch, text));
    return book_letter_put(b, kid, ttp, SPAN("/letter"), buf_span(text));
}

static enum err new_epoch(struct writer *w, struct esd_keys *k, struct buf *scratch, struct buf *text)
{
    uint8_t kv[ESD_KV];
    TRY(esd_random(kv, sizeof kv));
    enum reason r = keys_derive(span_of(kv, sizeof kv), w->sid, k);
    wipe(kv, sizeof kv);
    if (r != REASON_OK)
        return ERR_CRYPTO;
    struct buf kid = BUF_ARRAY(w->kid);
    keys_kid_put(&kid, k->kc, span_str(w->ttp->row->fqdn));
    w->kid_n = kid.n;
    TRY(kid.e);
    TRY(seal_key_init(w->key, k, span_str(w->ttp->row->fqdn)));
    TRY(book_begin(w->s->book));
    enum err e = book_writer_next(w->s->book, w->sid, &w->ep);
    if (e == OK)
        e = store_letter(w, k, scratch, text);
    if (e == OK)
        e = book_commit(w->s->book);
    if (e != OK)
        book_rollback(w->s->book);
    return e;
}

static enum status begin_epoch(struct writer *w)
{
    struct esd_keys *k = secret_alloc(sizeof *k);
    struct buf scratch = heap_buf(DOCUMENT_MAX), text = heap_buf(DOCUMENT_MAX);
    enum err e = k ? new_epoch(w, k, &scratch, &text) : ERR_NOMEM;
    if (k)
        keys_wipe(k);
    secret_free(k);
    buf_wipe(&scratch);
    heap_buf_free(&scratch);
    heap_buf_free(&text);
    w->open = e == OK;
    w->i = 0;
    w->began_ms = ttp_now_ms();
    return e == OK ? ST_DONE : fault(w, cli_fmt(w->s->c, "no epoch can begin: %s", err_text(e)), REASON_NO_CREDENTIAL);
}

enum status writer_seal(struct writer *w, struct span con_json, struct span cnf, struct buf *con, struct buf *cnf_out)
{
    struct arena mem;
    struct span plain;
    bool json = false, over = w->i >= EPOCH_MESSAGES || ttp_now_ms() - w->began_ms >= EPOCH_MS;
    if (!w->open || over) {
        enum status st = begin_epoch(w);
        if (st != ST_DONE)
            return st;
    }
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    struct seal_msg m = {.ep = w->ep, .t_ms = (uint64_t)ttp_now_ms(), .i = w->i, .device = true};
    enum err e = seal_plain(con_json, &mem, &plain, &json);
    m.json = json;
    if (e == OK)
        e = seal(&w->sealer, w->key, &m, plain, NULL, con);
    if (e == OK)
        e = seal_cnf(cnf, json, cnf_out);
    arena_reset(&mem);
    if (e != OK)
        return fault(w, cli_fmt(w->s->c, "the reading cannot be sealed: %s", err_text(e)), REASON_FAILED);
    w->i++;
    return ST_DONE;
}

bool writer_post(struct session *s)
{
    struct arena mem;
    struct book_letter l;
    bool all = true;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    for (int64_t at = 0; all && book_letter_next(s->book, at, &mem, &l) == OK; arena_reset(&mem)) {
        struct ttp *t = ttps_find(&s->ttps, l.ttp);
        char code[64];
        struct buf word = BUF_ARRAY(code);
        at = l.n;
        enum reason r = t ? ttp_register(&s->ttps, t) : REASON_UNKNOWN_TTP;
        if (r == REASON_OK)
            r = ttp_send(&s->ttps, t, cli_fmt(s->c, "%.*s", SPAN_FMT(l.path)), l.body, &word);
        /* "conflict" for a policy: this version is there already, from an earlier start. */
        bool there = span_eq(buf_span(&word), SPAN("conflict")) && span_eq(l.path, SPAN("/policy"));
        all = (r == REASON_OK || there) && book_letter_drop(s->book, l.n) == OK;
        if (!all)
            cli_note(s->c, "%.*s waits: %s, %s", SPAN_FMT(l.path), reason_code(r), s->ttps.why);
    }
    arena_reset(&mem);
    return all;
}

struct span writer_kid(const struct writer *w)
{
    return span_of(w->kid, w->kid_n);
}
