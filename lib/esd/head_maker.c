/* Heads: a writer's open segment. */
#include <string.h>

#include "esd/head.h"

enum err head_maker_begin(struct head_maker *m, const uint8_t sid[ESD_SID], const uint8_t kc[ESD_KC], uint64_t ep,
                          struct span kid, const uint8_t *prev, int64_t now)
{
    if (kid.n == 0 || kid.n > sizeof m->kid)
        return ERR_RANGE;
    *m = (struct head_maker){.ep = ep, .kid_n = (uint16_t)kid.n, .has_prev = prev != NULL, .beat = now};
    memcpy(m->sid, sid, ESD_SID);
    memcpy(m->kc, kc, ESD_KC);
    memcpy(m->kid, kid.p, kid.n);
    if (prev)
        memcpy(m->prev, prev, ESD_HASH);
    return OK;
}

enum err head_maker_add(struct head_maker *m, const struct log_hash *hash, int64_t now)
{
    struct log_hash leaf;
    if (m->hashes && m->tree.size >= HEAD_SEGMENT_MAX)
        return ERR_LIMIT;
    TRY(log_leaf(hash, &leaf));
    TRY(log_tree_append(&m->tree, &leaf));
    if (m->tree.size == 1)
        m->since = now;
    if (m->hashes)
        m->hashes[m->tree.size - 1] = *hash;
    return OK;
}

int64_t head_maker_due(const struct head_maker *m)
{
    if (m->tree.size >= HEAD_SEGMENT_MAX)
        return m->since;
    return m->tree.size ? m->since + HEAD_SEGMENT_MS : m->beat + HEAD_IDLE_MS;
}

static enum err fill(const struct head_maker *m, const struct head_make *how, struct head *h)
{
    struct log_hash root;
    *h = (struct head){.ep = m->ep,
                       .t = how->t,
                       .kid = span_of(m->kid, m->kid_n),
                       .first = m->first,
                       .n = head_maker_count(m),
                       .oldest = how->oldest,
                       .closed = how->closed,
                       .has_prev = m->has_prev,
                       .ttp = how->ttp};
    TRY(log_tree_root(&m->tree, &root));
    memcpy(h->sid, m->sid, ESD_SID);
    memcpy(h->kc, m->kc, ESD_KC);
    memcpy(h->root, root.b, ESD_HASH);
    memcpy(h->prev, m->prev, ESD_HASH);
    if (h->oldest > h->first + h->n)
        h->oldest = h->first + h->n;
    return OK;
}

enum err head_maker_make(struct head_maker *m, const struct head_make *how, struct buf *jws, struct buf *con,
                         struct span *cnf)
{
    struct head h;
    uint8_t id[ESD_HASH];
    size_t kept = m->hashes ? head_maker_count(m) : 0;
    if (m->first == 0 && m->tree.size == 0)
        return ERR_NOTNOW;
    buf_reset(jws);
    TRY(fill(m, how, &h));
    TRY(head_sign(&h, how->key, how->signer, true, jws));
    TRY(head_id(buf_span(jws), id));
    TRY(head_content(buf_span(jws), m->hashes, kept, con));
    *cnf = kept ? HEAD_CNF_HASHES : HEAD_CNF;
    m->beat = how->now;
    if (!head_is_link(&h))
        return OK;
    m->first = h.first + h.n;
    m->has_prev = true;
    memcpy(m->prev, id, ESD_HASH);
    log_tree_init(&m->tree);
    return OK;
}
