#include "esd/log_port.h"

static const uint8_t leaf_mark = 0, node_mark = 1;

enum err log_entry(const uint8_t salt[LOG_SALT], struct span record, struct log_hash *entry)
{
    const struct span piece[] = {span_of(salt, LOG_SALT), record};
    return log_port_sha256(piece, LEN(piece), entry);
}

enum err log_entry_envelope(struct span con, struct log_hash *entry)
{
    return log_port_sha256(&con, 1, entry);
}

enum err log_leaf(const struct log_hash *entry, struct log_hash *leaf)
{
    const struct span piece[] = {span_of(&leaf_mark, 1), span_of(entry->b, LOG_HASH)};
    return log_port_sha256(piece, LEN(piece), leaf);
}

/* out may be l or r. */
static enum err join(const struct log_hash *l, const struct log_hash *r, struct log_hash *out)
{
    struct log_hash h;
    const struct span piece[] = {span_of(&node_mark, 1), span_of(l->b, LOG_HASH), span_of(r->b, LOG_HASH)};
    TRY(log_port_sha256(piece, LEN(piece), &h));
    *out = h;
    return OK;
}

static bool same(const struct log_hash *a, const struct log_hash *b)
{
    return memcmp(a->b, b->b, LOG_HASH) == 0;
}

/* ---- the running tree ------------------------------------------------------------------------- */

void log_tree_init(struct log_tree *t)
{
    memset(t, 0, sizeof *t);
}

enum err log_tree_append(struct log_tree *t, const struct log_hash *leaf)
{
    if (t->size >= UINT64_C(1) << 63)
        return ERR_LIMIT;
    struct log_hash h = *leaf;
    unsigned k = 0;
    /* A binary counter: each carry joins two subtrees of equal height. */
    for (; t->size >> k & 1; k++)
        TRY(join(&t->node[k], &h, &h));
    t->node[k] = h;
    t->size++;
    return OK;
}

enum err log_tree_root(const struct log_tree *t, struct log_hash *root)
{
    bool any = false;
    struct log_hash h;
    for (unsigned k = 0; k < LOG_LEVELS; k++) {
        if (!(t->size >> k & 1))
            continue;
        if (any)
            TRY(join(&t->node[k], &h, &h));
        else
            h = t->node[k];
        any = true;
    }
    if (!any)
        return log_port_sha256(NULL, 0, root);
    *root = h;
    return OK;
}

void log_tree_put(const struct log_tree *t, struct buf *b)
{
    buf_be64(b, t->size);
    for (unsigned k = LOG_LEVELS; k-- > 0;)
        if (t->size >> k & 1)
            buf_put(b, span_of(t->node[k].b, LOG_HASH));
}

enum err log_tree_get(struct span octets, struct log_tree *t)
{
    log_tree_init(t);
    if (octets.n < 8)
        return ERR_SYNTAX;
    uint64_t size = 0;
    for (size_t i = 0; i < 8; i++)
        size = size << 8 | octets.p[i];
    octets = span_from(octets, 8);
    for (unsigned k = LOG_LEVELS; k-- > 0;) {
        if (!(size >> k & 1))
            continue;
        if (octets.n < LOG_HASH)
            return ERR_SYNTAX;
        memcpy(t->node[k].b, octets.p, LOG_HASH);
        octets = span_from(octets, LOG_HASH);
    }
    if (octets.n > 0)
        return ERR_SYNTAX;
    t->size = size;
    return OK;
}

/* ---- proofs ----------------------------------------------------------------------------------- */

/* The largest power of two below n, n >= 2, as an exponent. */
static unsigned split(uint64_t n)
{
    return 63U - (unsigned)__builtin_clzll(n - 1);
}

/* MTH of leaves [first, first + n), n >= 1, first a multiple of the power of two that covers n. */
static enum err range(struct log_nodes from, uint64_t first, uint64_t n, struct log_hash *out)
{
    if ((n & (n - 1)) == 0) {
        unsigned level = (unsigned)__builtin_ctzll(n);
        return from.get(from.ctx, level, first >> level, out);
    }
    /* Depth is bounded by the 64 bits of n: each turn clears its highest one. */
    unsigned k = split(n);
    struct log_hash l, r;
    TRY(range(from, first, UINT64_C(1) << k, &l));
    TRY(range(from, first + (UINT64_C(1) << k), n - (UINT64_C(1) << k), &r));
    return join(&l, &r, out);
}

enum err log_recent_get(void *ctx, unsigned level, uint64_t index, struct log_hash *out)
{
    const struct log_recent *r = ctx;
    memset(out, 0, sizeof *out);
    if (level >= LOG_LEVELS)
        return ERR_NOTFOUND;
    uint64_t old = r->before->size, first = index << level, end = first + (UINT64_C(1) << level);
    if (end <= old) {
        /* The frontier has it when the bits of `old` above `level` spell this place. */
        if (!(old >> level & 1) || old >> level != index + 1)
            return ERR_NOTFOUND;
        *out = r->before->node[level];
        return OK;
    }
    if (end > old + r->n)
        return ERR_NOTFOUND;
    if (level == 0) {
        *out = r->leaf[first - old];
        return OK;
    }
    struct log_hash left, right;
    TRY(log_recent_get(ctx, level - 1, index * 2, &left));
    TRY(log_recent_get(ctx, level - 1, index * 2 + 1, &right));
    return join(&left, &right, out);
}

enum err log_inclusion(struct log_nodes from, uint64_t index, uint64_t size, struct log_hash path[LOG_LEVELS],
                       size_t *n)
{
    *n = 0;
    if (index >= size)
        return ERR_RANGE;
    uint64_t first = 0;
    size_t depth = 0;
    /* Top down as in the definition, then turned round, since the path is written lowest first. */
    while (size > 1) {
        uint64_t k = UINT64_C(1) << split(size);
        if (depth == LOG_LEVELS)
            return ERR_LIMIT;
        if (index - first < k) {
            TRY(range(from, first + k, size - k, &path[depth++]));
            size = k;
        } else {
            TRY(range(from, first, k, &path[depth++]));
            first += k;
            size -= k;
        }
    }
    for (size_t i = 0; i < depth / 2; i++) {
        struct log_hash h = path[i];
        path[i] = path[depth - 1 - i];
        path[depth - 1 - i] = h;
    }
    *n = depth;
    return OK;
}

enum err log_inclusion_verify(const struct log_hash *leaf, uint64_t index, uint64_t size, const struct log_hash *path,
                              size_t n, const struct log_hash *root)
{
    if (index >= size)
        return ERR_AUTH;
    uint64_t fn = index, sn = size - 1;
    struct log_hash r = *leaf;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return ERR_AUTH;
        if ((fn & 1) || fn == sn) {
            TRY(join(&path[i], &r, &r));
            for (; !(fn & 1) && fn != 0; sn >>= 1)
                fn >>= 1;
        } else {
            TRY(join(&r, &path[i], &r));
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(&r, root) ? OK : ERR_AUTH;
}

enum err log_consistency(struct log_nodes from, uint64_t m, uint64_t n, struct log_hash proof[LOG_PROOF_MAX],
                         size_t *count)
{
    *count = 0;
    if (m == 0 || m > n)
        return ERR_RANGE;
    uint64_t first = 0;
    size_t depth = 0;
    bool whole = true; /* the subtree under the hand is the old tree itself */
    while (m != n) {
        uint64_t k = UINT64_C(1) << split(n);
        if (depth == LOG_PROOF_MAX)
            return ERR_LIMIT;
        if (m <= k) {
            TRY(range(from, first + k, n - k, &proof[depth++]));
            n = k;
        } else {
            TRY(range(from, first, k, &proof[depth++]));
            first += k;
            m -= k;
            n -= k;
            whole = false;
        }
    }
    if (!whole) {
        if (depth == LOG_PROOF_MAX)
            return ERR_LIMIT;
        TRY(range(from, first, m, &proof[depth++]));
    }
    for (size_t i = 0; i < depth / 2; i++) {
        struct log_hash h = proof[i];
        proof[i] = proof[depth - 1 - i];
        proof[depth - 1 - i] = h;
    }
    *count = depth;
    return OK;
}

enum err log_consistency_verify(uint64_t m, uint64_t n, const struct log_hash *root_m, const struct log_hash *root_n,
                                const struct log_hash *proof, size_t count)
{
    if (m == 0 || m > n)
        return ERR_AUTH;
    if (m == n)
        return count == 0 && same(root_m, root_n) ? OK : ERR_AUTH;
    bool power = (m & (m - 1)) == 0; /* then the old root itself is the first element */
    if (count == 0 && !power)
        return ERR_AUTH;
    size_t i = 0;
    struct log_hash fr = power ? *root_m : proof[i++], sr = fr;
    uint64_t fn = m - 1, sn = n - 1;
    for (; fn & 1; sn >>= 1)
        fn >>= 1;
    for (; i < count; i++) {
        if (sn == 0)
            return ERR_AUTH;
        if ((fn & 1) || fn == sn) {
            TRY(join(&proof[i], &fr, &fr));
            TRY(join(&proof[i], &sr, &sr));
            for (; !(fn & 1) && fn != 0; sn >>= 1)
                fn >>= 1;
        } else {
            TRY(join(&sr, &proof[i], &sr));
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(&fr, root_m) && same(&sr, root_n) ? OK : ERR_AUTH;
}
