/* Heads: how they follow one another, and what they confirm. */
#include <string.h>

#include "esd/head.h"

/* ---- the chain -------------------------------------------------------------------------------------- */

static bool same(const uint8_t *x, const uint8_t *y)
{
    return memcmp(x, y, ESD_HASH) == 0;
}

static void advance(struct head_chain *c, const struct head_text *t)
{
    const struct head *h = &t->head;
    c->oldest = h->oldest > c->oldest ? h->oldest : c->oldest;
    c->t = h->t > c->t ? h->t : c->t;
    if (!head_is_link(h))
        return;
    c->next = h->first + h->n;
    c->closed = h->closed;
    c->id_first = h->first;
    memcpy(c->id, t->id, ESD_HASH);
}

static void start(struct head_chain *c, const struct head_text *t)
{
    *c = (struct head_chain){.ep = t->head.ep, .next = t->head.first, .from = t->head.first, .begun = true};
    c->id_first = UINT32_MAX;
    if (!head_is_link(&t->head)) { /* its `prev` is the newest link, which the reader has not seen */
        memcpy(c->id, t->head.prev, ESD_HASH);
    }
    advance(c, t);
}

/* The first head of an epoch stands by itself, unless the end of the one before is known. */
static enum reason begin(struct head_chain *c, const struct head_text *t, const struct head_chain *prior)
{
    const struct head *h = &t->head;
    bool known = prior && prior->begun && prior->closed && prior->ep + 1 == h->ep && h->ep > 0;
    if (h->first == 0 && known && (!h->has_prev || !same(h->prev, prior->id)))
        return REASON_PROOF_INVALID;
    if (h->first > 0 && !h->has_prev)
        return REASON_PROOF_INVALID;
    start(c, t);
    return REASON_OK;
}

/* A head of indices that are covered already. */
static enum reason judge_old(const struct head_chain *c, const struct head_text *t)
{
    const struct head *h = &t->head;
    if (h->first + h->n > c->next) /* it reaches into both: the writer never signs that */
        return REASON_PROOF_INVALID;
    if (head_is_link(h) && h->first == c->id_first && !same(t->id, c->id))
        return REASON_PROOF_INVALID; /* two links at one place */
    return REASON_OK;
}

enum reason head_follow(struct head_chain *c, const struct head_text *t, const struct head_chain *prior,
                        enum head_step *step)
{
    const struct head *h = &t->head;
    *step = HEAD_STARTS;
    if (!c->begun)
        return begin(c, t, prior);
    if (h->ep != c->ep)
        return REASON_PROOF_INVALID;
    *step = HEAD_KNOWN;
    if (h->first < c->next || same(t->id, c->id))
        return judge_old(c, t);
    if (c->closed) /* a heartbeat from before the end repeats the link before the closing one */
        return head_is_link(h) || h->first > c->next ? REASON_PROOF_INVALID : REASON_OK;
    *step = HEAD_AHEAD;
    if (h->first > c->next)
        return REASON_OK;
    if (!h->has_prev || !same(h->prev, c->id))
        return REASON_PROOF_INVALID;
    *step = HEAD_FOLLOWS;
    advance(c, t);
    return REASON_OK;
}

void head_skip(struct head_chain *c, const struct head_text *t)
{
    uint32_t from = c->from;
    start(c, t);
    c->from = from;
}

enum reason head_place(const struct head_chain *c, uint32_t i)
{
    if (!c->begun)
        return REASON_OK;
    if (i < c->from)
        return REASON_PARTIAL;
    return c->closed && i >= c->next ? REASON_FORGED_BY_READER : REASON_OK;
}

/* ---- confirming ------------------------------------------------------------------------------------- */

static bool unknown(const uint8_t *hash)
{
    static const uint8_t zero[ESD_HASH];
    return same(hash, zero);
}

enum reason head_confirm_one(const struct head_text *t, uint32_t i, const uint8_t hash[ESD_HASH])
{
    const struct head *h = &t->head;
    if (i < h->first || i - h->first >= h->n || !t->hashes.n)
        return REASON_PARTIAL;
    const uint8_t *stored = t->hashes.p + (size_t)(i - h->first) * ESD_HASH;
    if (unknown(stored))
        return REASON_PARTIAL;
    return same(stored, hash) ? REASON_OK : REASON_FORGED_BY_READER;
}

/* Deleted at the gateway before a crash: nobody withholds it. */
static bool lost_by_writer(const struct head_text *t, uint32_t i)
{
    return t->hashes.n && unknown(t->hashes.p + (size_t)(i - t->head.first) * ESD_HASH);
}

struct judged {
    uint32_t missing; /* how many the reader does not have */
    bool fits;        /* all there, and they make the root */
};

/* First look: is every member there, and do they make the root? */
static enum err look(const struct head *h, struct head_got got, struct judged *j)
{
    struct log_tree tree;
    struct log_hash hash, leaf, root;
    log_tree_init(&tree);
    for (uint32_t k = 0; k < h->n; k++) {
        enum err e = got.get(got.ctx, h->first + k, hash.b);
        if (e == ERR_NOTFOUND) {
            j->missing++;
            continue;
        }
        TRY(e);
        if (j->missing)
            continue;
        TRY(log_leaf(&hash, &leaf));
        TRY(log_tree_append(&tree, &leaf));
    }
    if (j->missing)
        return OK;
    TRY(log_tree_root(&tree, &root));
    j->fits = same(root.b, h->root);
    return OK;
}

static enum reason verdict(const struct head_text *t, uint32_t i, const struct judged *j, enum err e,
                           const uint8_t *hash, bool promised)
{
    if (e == ERR_NOTFOUND)
        return promised && !lost_by_writer(t, i) ? REASON_WITHHELD : REASON_PARTIAL;
    if (j->fits)
        return REASON_OK;
    if (t->hashes.n)
        return head_confirm_one(t, i, hash);
    return j->missing ? REASON_PARTIAL : REASON_FORGED_BY_READER;
}

static int weight(enum reason r)
{
    return r == REASON_FORGED_BY_READER ? 3 : r == REASON_WITHHELD ? 2 : r == REASON_PARTIAL;
}

enum reason head_confirm(const struct head_text *t, uint32_t oldest, uint32_t since, struct head_got got,
                         struct head_say say)
{
    const struct head *h = &t->head;
    struct judged j = {0};
    enum reason worst = REASON_OK;
    if (look(h, got, &j) != OK)
        return REASON_FAILED;
    for (uint32_t k = 0; k < h->n; k++) {
        uint8_t hash[ESD_HASH];
        uint32_t i = h->first + k;
        enum err e = got.get(got.ctx, i, hash);
        if (e != OK && e != ERR_NOTFOUND)
            return REASON_FAILED;
        enum reason r = verdict(t, i, &j, e, hash, i >= oldest && i >= since);
        if (weight(r) > weight(worst))
            worst = r;
        say.say(say.ctx, i, r);
    }
    return worst;
}
