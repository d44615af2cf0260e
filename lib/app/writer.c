/* writer.c - see writer.h. */
#include "app/writer.h"

#include <time.h>

#include "host/heap.h"
#include "host/secret.h"

enum {
    EPOCH_MESSAGES = 1 << 20,
    EPOCH_MS = 3600 * 1000,
    DOCUMENT_MAX = 1 << 18,
    ARENA_BLOCK = 1 << 16,
    ARENA_MAX = 32 << 20,
    SUID_MEF = 24,
    ASK_MS = 10 * 1000,   /* news older than this are asked for before the next message */
    STALE_MS = 30 * 1000, /* without news for so long the epoch ends */
    NEWS_TIMEOUT_MS = 2000,
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
    /* News of the vault; times on the monotonic clock, from before the question was sent. */
    int64_t asked_ms, fresh_ms;
    uint64_t state, known_ep;
    bool ever, cautious; /* ever: an answer came; cautious: none came for too long, letters stay here */
};

static int64_t monotonic_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum status fault(struct writer *w, const char *what, enum reason r)
{
    return APP_FAIL(w->s->app, r == REASON_FAILED ? ST_FAILED : (enum status)reason_exit(r), .what = what,
                    .who = "this program", .object = w->container, .code = reason_code(r),
                    .todo = "check [seal] in the profile and the store");
}

enum status writer_open(struct session *s, struct span container, struct writer **out)
{
    struct writer *w = xalloc(sizeof *w);
    *w = (struct writer){.s = s};
    struct span absolute = profile_absolute(s->app, &s->p, container);
    w->container = app_fmt(s->app, "%.*s", SPAN_FMT(absolute));
    w->ttp = s->p.seal_ttp ? ttps_find(&s->ttps, span_str(s->p.seal_ttp)) : NULL;
    w->key = secret_alloc(sizeof *w->key);
    *out = w;
    if (!w->ttp || !s->p.seal_policy)
        return APP_FAIL(s->app, ST_CONFIG, .what = "the profile does not say with which TTP and policy to seal",
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

static enum err put_policy(struct session *s, uint64_t version, struct buf *scratch, struct buf *out)
{
    const struct profile *p = &s->p;
    struct policy_reader readers[PROFILE_READERS_MAX];
    for (size_t i = 0; i < p->n_readers; i++)
        readers[i] = (struct policy_reader){.id = p->readers[i]};
    struct policy pol = {.iss = span_str(p->ae_id),
                         .aud = span_str(p->seal_ttp),
                         .policy = span_str(p->seal_policy),
                         .version = version,
                         .readers = readers,
                         .n = p->n_readers};
    return policy_build(&pol, s->ttps.key, span_str(s->ttps.key_id), scratch, out);
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

static void put_readers(const struct profile *p, struct buf *b)
{
    for (size_t i = 0; i < p->n_readers; i++)
        buf_fmt(b, "%.*s\n", SPAN_FMT(p->readers[i]));
}

/* The policy goes to the TTP when its readers are not those that were sent last. */
static enum err store_policy(struct session *s, struct span ttp, struct buf *scratch, struct buf *text)
{
    struct arena mem;
    uint64_t version = 0;
    struct span before = SPAN_NONE, name = span_str(s->p.seal_policy);
    struct buf readers = heap_buf(DOCUMENT_MAX);
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    put_readers(&s->p, &readers);
    enum err e = book_policy_get(s->book, ttp, name, &mem, &version, &before);
    bool same = e == OK && span_eq(before, buf_span(&readers));
    if (e == ERR_NOTFOUND)
        e = OK;
    if (e == OK && !same)
        e = put_policy(s, version + 1, scratch, text);
    if (e == OK && !same)
        e = book_letter_put(s->book, SPAN_NONE, ttp, SPAN("/policy"), buf_span(text));
    if (e == OK && !same)
        e = book_policy_put(s->book, ttp, name, version + 1, buf_span(&readers));
    arena_reset(&mem);
    heap_buf_free(&readers);
    return e;
}

/* Policy and letter into the book, in one transaction together with the epoch's number. */
static enum err store_letter(struct writer *w, const struct esd_keys *k, struct buf *scratch, struct buf *text)
{
    struct span kid = span_of(w->kid, w->kid_n), ttp = span_str(w->ttp->row->fqdn);
    TRY(store_policy(w->s, ttp, scratch, text));
    buf_reset(text);
    TRY(put_letter(w, k, scratch, text));
    return book_letter_put(w->s->book, kid, ttp, SPAN("/letter"), buf_span(text));
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
    enum err e = book_writer_next(w->s->book, w->sid, w->known_ep, &w->ep);
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
    return e == OK ? ST_DONE
                   : fault(w, app_fmt(w->s->app, "no epoch can begin: %s", err_text(e)), REASON_NO_CREDENTIAL);
}

/* Asks the vault before sealing on. Whatever comes of it, the writer writes. */
static void ask_news(struct writer *w)
{
    struct ttp_news news;
    int64_t now = monotonic_ms(), patience = w->s->app->timeout_ms;
    if (w->asked_ms && now - w->asked_ms < ASK_MS)
        return;
    w->asked_ms = now;
    w->s->app->timeout_ms = patience < NEWS_TIMEOUT_MS ? patience : NEWS_TIMEOUT_MS;
    enum reason r = ttp_poll(&w->s->ttps, w->ttp, w->sid, w->ep, &news);
    w->s->app->timeout_ms = patience;
    if (r == REASON_OK) {
        if (w->ever && news.state != w->state)
            w->open = false;
        w->ever = true;
        w->cautious = false;
        w->fresh_ms = now;
        w->state = news.state;
        w->known_ep = news.ep;
    } else if (w->ever && !w->cautious && now - w->fresh_ms >= STALE_MS) {
        w->open = false;
        w->cautious = true;
    }
}

enum status writer_seal(struct writer *w, struct span con_json, struct span cnf, struct buf *con, struct buf *cnf_out)
{
    struct arena mem;
    struct span plain;
    ask_news(w);
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
        return fault(w, app_fmt(w->s->app, "the reading cannot be sealed: %s", err_text(e)), REASON_FAILED);
    w->i++;
    return ST_DONE;
}

/* The vault knows a later version of the policy than our book does (which was lost, then): ours becomes the next. */
static enum reason policy_again(struct session *s, struct ttp *t, uint64_t current)
{
    struct buf scratch = heap_buf(DOCUMENT_MAX), text = heap_buf(DOCUMENT_MAX), readers = heap_buf(DOCUMENT_MAX);
    enum reason r = put_policy(s, current + 1, &scratch, &text) == OK ? REASON_OK : REASON_FAILED;
    if (r == REASON_OK)
        r = ttp_send(&s->ttps, t, "/policy", buf_span(&text), NULL);
    put_readers(&s->p, &readers);
    if (r == REASON_OK && book_policy_put(s->book, span_str(t->row->fqdn), span_str(s->p.seal_policy), current + 1,
                                          buf_span(&readers)) != OK)
        r = REASON_FAILED;
    heap_buf_free(&scratch);
    heap_buf_free(&text);
    heap_buf_free(&readers);
    return r;
}

static enum reason post_one(struct session *s, const struct book_letter *l)
{
    struct ttp *t = ttps_find(&s->ttps, l->ttp);
    struct ttp_ack ack = {0};
    bool policy = span_eq(l->path, SPAN("/policy"));
    if (!t)
        return REASON_UNKNOWN_TTP;
    JUDGE(ttp_register(&s->ttps, t));
    enum reason r = ttp_send(&s->ttps, t, policy ? "/policy" : "/letter", l->body, &ack);
    return policy && strcmp(ack.code, "conflict") == 0 ? policy_again(s, t, ack.version) : r;
}

bool writer_post(struct writer *w)
{
    struct session *s = w->s;
    struct arena mem;
    struct book_letter l;
    bool all = !w->cautious;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    for (int64_t at = 0; all && book_letter_next(s->book, at, &mem, &l) == OK; arena_reset(&mem)) {
        enum reason r = post_one(s, &l);
        at = l.n;
        all = r == REASON_OK && book_letter_drop(s->book, l.n) == OK;
        if (!all)
            app_note(s->app, "%.*s waits: %s, %s", SPAN_FMT(l.path), reason_code(r), s->ttps.why);
    }
    arena_reset(&mem);
    return all;
}

struct span writer_kid(const struct writer *w)
{
    return span_of(w->kid, w->kid_n);
}
