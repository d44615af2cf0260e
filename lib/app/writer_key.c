/* Keys of epochs, by where they come from (e2e.md 2, 9). */
#include "app/ttp_bundle.h"
#include "app/writer_own.h"

#include "esd/keyask.h"
#include "esd/strict.h"
#include "host/heap.h"
#include "host/secret.h"

#include <stdlib.h>

enum { SUID_MEF = 24, SUID_PROVISIONED = 14, GIVEN_OCTETS = 32 };
#define KEEP_MS       ((int64_t)400 * 86400 * 1000)
/* A pair must last until its activation has arrived: one that ends sooner is not begun with. */
#define PAIR_LEAST_MS ((int64_t)86400 * 1000)

/* A key while it is got. */
struct fresh {
    struct writer *w;
    struct span ttp; /* FQDN */
    struct buf scratch, text;
    struct arena mem;
    char kid[ESD_KID_MAX];
    struct buf name; /* over kid */
    uint8_t kc[ESD_KC];
    uint64_t ep;
};

static enum err item_of(const struct fresh *f, struct letter_item *item)
{
    const struct writer *w = f->w;
    const struct profile *p = &w->s->p;
    *item = (struct letter_item){.ep = f->ep,
                                 .kid = buf_span(&f->name),
                                 .policy = span_str(p->seal_policy),
                                 .adfq = span_str(p->seal_ttp),
                                 .et = ttp_now_ms() + KEEP_MS,
                                 .suid = SUID_MEF};
    memcpy(item->sid, w->sid, ESD_SID);
    memcpy(item->kc, f->kc, ESD_KC);
    return p256_thumb(w->s->ttps.key, item->wk);
}

/* The letter of the epoch into the book, in the caller's transaction; keys NULL: the activation of a pair. */
static enum err store_letter(struct fresh *f, const struct esd_keys *keys)
{
    struct writer *w = f->w;
    struct session *s = w->s;
    struct letter_item item;
    struct span key_id = span_str(s->ttps.key_id);
    const struct bundle *b = &w->ttp->bundle;
    TRY(writer_policy_store(s, f->ttp, &f->scratch, &f->text));
    TRY(item_of(f, &item));
    struct key_letter l = {.iss = span_str(s->p.ae_id), .aud = span_str(s->p.seal_ttp), .items = &item, .n = 1};
    buf_reset(&f->text);
    if (keys)
        TRY(letter_build(&l, &keys->kv, s->ttps.key, key_id, b->sealing, b->sealing_kid, &f->scratch, &f->text));
    else
        TRY(letter_activation_build(&l, s->ttps.key, key_id, &f->scratch, &f->text));
    return book_letter_put(s->book, buf_span(&f->name), f->ttp, SPAN("/letter"), buf_span(&f->text));
}

static enum err commit(struct fresh *f, enum err e)
{
    if (e == OK)
        e = book_commit(f->w->s->book);
    if (e != OK)
        book_rollback(f->w->s->book);
    return e;
}

/* ---- own: random octets of ours ---- */

/* From the Key Value in secret->value: commitment and name. */
static enum err derive(struct fresh *f)
{
    struct writer_secret *x = f->w->secret;
    if (keys_derive(span_of(x->value, ESD_KV), f->w->sid, &x->fresh) != REASON_OK)
        return ERR_CRYPTO;
    memcpy(f->kc, x->fresh.kc, ESD_KC);
    keys_kid_put(&f->name, f->kc, f->ttp);
    return f->name.e;
}

static enum reason own_key(struct fresh *f)
{
    struct writer *w = f->w;
    if (ttp_bundle_over(w->ttp))
        return REASON_REGISTRATION_OVERDUE;
    enum err e = esd_random(w->secret->value, ESD_KV);
    if (e == OK)
        e = derive(f);
    if (e == OK)
        e = book_begin(w->s->book);
    if (e != OK)
        return REASON_FAILED;
    e = book_writer_next(w->s->book, w->sid, w->known_ep, &f->ep);
    if (e == OK)
        e = store_letter(f, &w->secret->fresh);
    if (commit(f, e) != OK || seal_key_init(&w->secret->key, &w->secret->fresh, f->ttp) != OK)
        return REASON_FAILED;
    return REASON_OK;
}

/* ---- the TTP's: a Key Value that the vault made and registered ---- */

/* The number first: one that is taken and not used is no harm, one that is used twice would be. */
static enum err take_number(struct fresh *f)
{
    struct writer *w = f->w;
    TRY(book_begin(w->s->book));
    enum err e = book_writer_next(w->s->book, w->sid, w->known_ep, &f->ep);
    if (e == OK)
        e = writer_policy_store(w->s, f->ttp, &f->scratch, &f->text);
    return commit(f, e);
}

static enum reason made_key(struct fresh *f)
{
    struct writer *w = f->w;
    struct key_ask q = {0};
    struct key_answer got;
    if (w->cautious) /* without fresh news a key of now might be released to who was just denied */
        return w->said != REASON_OK ? w->said : REASON_NO_CREDENTIAL;
    if (take_number(f) != OK || item_of(f, &q.item) != OK)
        return REASON_FAILED;
    JUDGE(ttp_key(&w->s->ttps, w->ttp, &q, &f->mem, &got));
    memcpy(w->secret->value, got.keys[0].kv, ESD_KV);
    keyask_free(&got);
    bool good = derive(f) == OK && seal_key_init(&w->secret->key, &w->secret->fresh, f->ttp) == OK;
    return good ? REASON_OK : REASON_FAILED;
}

/* ---- strict: public halves, fetched ahead ---- */

static enum err offer(struct fresh *f, const struct key_answer *got)
{
    struct book *b = f->w->s->book;
    TRY(book_begin(b));
    enum err e = book_pair_past(b, ttp_now_ms());
    for (size_t i = 0; e == OK && i < got->n; i++) {
        const struct key_made *k = &got->keys[i];
        buf_reset(&f->text);
        p256_put(&f->text, k->pub);
        struct book_pair pair = {.kid = k->kid, .jwk = buf_span(&f->text), .et_ms = k->et};
        e = f->text.e == OK ? book_pair_put(b, f->w->sid, f->ttp, &pair) : f->text.e;
    }
    return commit(f, e);
}

static enum reason fetch_pairs(struct fresh *f)
{
    struct writer *w = f->w;
    struct key_ask q = {.pairs = WRITER_PAIRS, .item = {.adfq = f->ttp}};
    struct key_answer got;
    memcpy(q.item.sid, w->sid, ESD_SID);
    JUDGE(ttp_key(&w->s->ttps, w->ttp, &q, &f->mem, &got));
    enum err e = offer(f, &got);
    keyask_free(&got);
    return e == OK ? REASON_OK : REASON_FAILED;
}

/* Sees to it that there are some, without waiting for them where one is left. */
static enum reason have_pairs(struct fresh *f)
{
    struct writer *w = f->w;
    uint64_t n = 0;
    if (book_pair_count(w->s->book, w->sid, f->ttp, ttp_now_ms() + PAIR_LEAST_MS, &n) != OK)
        return REASON_FAILED;
    if (n >= WRITER_PAIRS_LOW || (n > 0 && w->cautious))
        return REASON_OK;
    enum reason r = fetch_pairs(f);
    return n > 0 ? REASON_OK : r;
}

static enum err take_pair(struct fresh *f, struct p256 **pub)
{
    struct writer *w = f->w;
    struct book_pair pair;
    TRY(book_pair_take(w->s->book, w->sid, f->ttp, ttp_now_ms() + PAIR_LEAST_MS, &f->mem, &pair));
    if (p256_read_text(pair.jwk, &f->mem, pub) != REASON_OK || strict_kc(*pub, w->sid, f->kc) != OK)
        return ERR_SYNTAX;
    keys_kid_put(&f->name, f->kc, f->ttp);
    return kid_eq(buf_span(&f->name), pair.kid) ? f->name.e : ERR_SYNTAX;
}

static enum reason strict_key(struct fresh *f)
{
    struct writer *w = f->w;
    struct p256 *pub = NULL;
    struct seal_to_key to;
    JUDGE(have_pairs(f));
    if (book_begin(w->s->book) != OK)
        return REASON_FAILED;
    enum err e = take_pair(f, &pub);
    bool none = e == ERR_NOTFOUND;
    if (e == OK)
        e = book_writer_next(w->s->book, w->sid, w->known_ep, &f->ep);
    if (e == OK)
        e = store_letter(f, NULL);
    e = commit(f, e);
    if (e == OK)
        e = seal_to_init(&to, pub, w->sid, f->ttp);
    p256_free(pub);
    if (e != OK)
        return none ? REASON_NO_CREDENTIAL : REASON_FAILED;
    seal_to_free(&w->to);
    w->to = to;
    return REASON_OK;
}

/* ---- provisioned: a file, no TTP ---- */

static enum reason given_key(struct fresh *f)
{
    struct writer *w = f->w;
    const struct profile *p = &w->s->p;
    const char *why;
    size_t n = 0;
    f->ep = 1; /* one key, one epoch: what tells messages apart is the index, which is never taken twice */
    buf_put(&f->name, span_str(p->seal_key_id));
    if (secret_key_file(p->seal_key_file, GIVEN_OCTETS, GIVEN_OCTETS, w->secret->value, &n, &why) != OK) {
        w->why = app_fmt(w->s->app, "%s: %s", p->seal_key_file, why);
        return REASON_NO_CREDENTIAL;
    }
    enum err e =
        seal_key_foreign(&w->secret->key, span_of(w->secret->value, n), SUID_PROVISIONED, buf_span(&f->name), w->sid);
    return e == OK && f->name.e == OK ? REASON_OK : REASON_FAILED;
}

enum err writer_key_index(struct writer *w)
{
    uint64_t i = 0;
    TRY(book_index_next(w->s->book, span_of(w->kid, w->kid_n), &i));
    if (i >= ESD_INDEX_END)
        return ERR_LIMIT;
    w->i = (uint32_t)i;
    return OK;
}

/* ---- all ---- */

static enum reason get_key(struct fresh *f)
{
    static enum reason (*const from[])(struct fresh * f) = {
        [PROFILE_KEY_OWN] = own_key, [PROFILE_KEY_TTP] = made_key, [PROFILE_KEY_PROVISIONED] = given_key};
    const struct profile *p = &f->w->s->p;
    return p->seal_strict ? strict_key(f) : from[p->seal_key](f);
}

enum reason writer_key_begin(struct writer *w)
{
    struct fresh *f = xalloc(sizeof *f);
    *f = (struct fresh){.w = w, .scratch = heap_buf(WRITER_DOCUMENT_MAX), .text = heap_buf(WRITER_DOCUMENT_MAX)};
    f->ttp = w->ttp ? span_str(w->ttp->row->fqdn) : SPAN_NONE;
    f->name = buf_over((uint8_t *)f->kid, sizeof f->kid);
    heap_arena(&f->mem, WRITER_ARENA_BLOCK, WRITER_ARENA_MAX);
    enum reason r = get_key(f);
    wipe(w->secret->value, sizeof w->secret->value);
    keys_wipe(&w->secret->fresh);
    if (r == REASON_OK) {
        memcpy(w->kid, f->kid, f->name.n);
        w->kid_n = f->name.n;
        memcpy(w->kc, f->kc, ESD_KC);
        w->ep = f->ep;
        w->i = 0;
        w->octets = 0;
        w->began_ms = ttp_now_ms();
        w->open = true;
    }
    buf_wipe(&f->scratch);
    heap_buf_free(&f->scratch);
    heap_buf_free(&f->text);
    arena_reset(&f->mem);
    free(f);
    return r;
}
