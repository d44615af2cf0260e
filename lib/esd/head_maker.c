/* Heads: a writer's open segment. */
#include <string.h>

#include "esd/head.h"

enum err head_maker_begin(struct head_maker *m, const uint8_t sid[ESD_SID], const uint8_t kc[ESD_KC], uint64_t ep,
                          struct span kid, const uint8_t *prev, int64_t now)
{
    if (kid.n == 0 || kid.n > sizeof m->kid)
        return ERR_RANGE;
    *m = (struct head_maker){.ep = ep,
                             .kid_n = (uint16_t)kid.n,
                             .has_prev = prev != NULL,
                             .beat = now,
                             .segment_ms = HEAD_SEGMENT_MS,
                             .idle_ms = HEAD_IDLE_MS};
    memcpy(m->sid, sid, ESD_SID);
    memcpy(m->kc, kc, ESD_KC);
    memcpy(m->kid, kid.p, kid.n);
    if (prev)
        memcpy(m->prev, prev, ESD_HASH);
    return OK;
}

/* A full segment: its root is all that is left of it, beside the hashes. */
static enum err stand_aside(struct head_maker *m)
{
    if (m->tree.size < HEAD_SEGMENT_MAX)
        return OK;
    if (m->n_full == HEAD_FULL_MAX)
        return ERR_LIMIT;
    TRY(log_tree_root(&m->tree, &m->full[m->n_full]));
    m->n_full++;
    log_tree_init(&m->tree);
    return OK;
}

enum err head_maker_add(struct head_maker *m, const struct log_hash *hash, int64_t now)
{
    struct log_hash leaf;
    uint32_t at = head_maker_count(m);
    TRY(log_leaf(hash, &leaf));
    TRY(stand_aside(m));
    TRY(log_tree_append(&m->tree, &leaf));
    if (m->tree.size == 1 && m->n_full == 0)
        m->since = now;
    if (m->hashes)
        m->hashes[at] = *hash;
    return OK;
}

int64_t head_maker_due(const struct head_maker *m)
{
    if (head_maker_count(m) >= HEAD_SEGMENT_MAX)
        return m->since;
    return m->tree.size ? m->since + m->segment_ms : m->beat + m->idle_ms;
}

static enum err fill(const struct head_maker *m, const struct head_make *how, struct head *h)
{
    bool full = m->n_full > 0;
    struct log_hash root = m->full[0];
    *h = (struct head){.ep = m->ep,
                       .t = how->t,
                       .kid = span_of(m->kid, m->kid_n),
                       .first = m->first,
                       .n = full ? HEAD_SEGMENT_MAX : (uint32_t)m->tree.size,
                       .oldest = how->oldest,
                       .closed = how->closed && !(full && head_maker_count(m) > HEAD_SEGMENT_MAX),
                       .has_prev = m->has_prev,
                       .ttp = how->ttp};
    if (!full)
        TRY(log_tree_root(&m->tree, &root));
    memcpy(h->sid, m->sid, ESD_SID);
    memcpy(h->kc, m->kc, ESD_KC);
    memcpy(h->root, root.b, ESD_HASH);
    memcpy(h->prev, m->prev, ESD_HASH);
    if (h->oldest > h->first + h->n)
        h->oldest = h->first + h->n;
    return OK;
}

/* The head is out: what it covers goes. */
static void advance(struct head_maker *m, const struct head *h, const uint8_t id[ESD_HASH], int64_t now)
{
    m->beat = now;
    if (!head_is_link(h))
        return;
    m->first += h->n;
    m->has_prev = true;
    memcpy(m->prev, id, ESD_HASH);
    if (m->n_full > 0)
        memmove(m->full, m->full + 1, (size_t)--m->n_full * sizeof *m->full);
    else
        log_tree_init(&m->tree);
    if (m->hashes && head_maker_count(m))
        memmove(m->hashes, m->hashes + h->n, head_maker_count(m) * sizeof *m->hashes);
    m->since = now;
}

enum err head_maker_make(struct head_maker *m, const struct head_make *how, struct buf *jws, struct buf *con,
                         struct span *cnf)
{
    struct head h;
    uint8_t id[ESD_HASH];
    if (m->first == 0 && head_maker_count(m) == 0)
        return ERR_NOTNOW;
    buf_reset(jws);
    TRY(fill(m, how, &h));
    TRY(head_sign(&h, how->key, how->signer, true, jws));
    TRY(head_id(buf_span(jws), id));
    TRY(head_content(buf_span(jws), m->hashes, m->hashes ? h.n : 0, con));
    *cnf = m->hashes && h.n ? HEAD_CNF_HASHES : HEAD_CNF;
    advance(m, &h, id, how->now);
    return OK;
}
