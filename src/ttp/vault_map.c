#include "ttp/vault_map.h"

#include "ttp/msg.h"
#include "ttp/take.h"

#include <stdlib.h>

enum { ENTRY_COST = 8 }; /* the two lengths */

void vault_map_free(struct vault_map *m)
{
    for (size_t i = 0; i < m->n; i++)
        free((void *)(uintptr_t)m->e[i].key.p);
    free(m->e);
    *m = (struct vault_map){0};
}

/* Place of the key, or where it belongs. */
static size_t place(const struct vault_map *m, struct span key, bool *here)
{
    size_t lo = 0, hi = m->n;
    *here = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = span_cmp(m->e[mid].key, key);
        if (c == 0) {
            *here = true;
            return mid;
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct span *vault_map_get(const struct vault_map *m, struct span key)
{
    bool here;
    size_t i = place(m, key, &here);
    return here ? &m->e[i].value : NULL;
}

const struct vault_entry *vault_map_entry(const struct vault_map *m, struct span key)
{
    bool here;
    size_t i = place(m, key, &here);
    return here ? &m->e[i] : NULL;
}

static bool entry_new(struct span key, struct span value, struct vault_entry *out)
{
    uint8_t *p = malloc(key.n + value.n + 1);
    if (!p)
        return false;
    if (key.n > 0)
        memcpy(p, key.p, key.n);
    if (value.n > 0)
        memcpy(p + key.n, value.p, value.n);
    *out = (struct vault_entry){span_of(p, key.n), span_of(p + key.n, value.n)};
    return true;
}

static void entry_free(struct vault_map *m, size_t i)
{
    m->octets -= m->e[i].key.n + m->e[i].value.n + ENTRY_COST;
    free((void *)(uintptr_t)m->e[i].key.p);
}

enum err vault_map_put(struct vault_map *m, struct span key, struct span value)
{
    struct vault_entry fresh;
    bool here;
    size_t i = place(m, key, &here);
    if (!here && m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 16;
        struct vault_entry *e = realloc(m->e, cap * sizeof *e);
        if (!e)
            return ERR_NOMEM;
        m->e = e;
        m->cap = cap;
    }
    if (!entry_new(key, value, &fresh))
        return ERR_NOMEM;
    if (here) {
        entry_free(m, i);
    } else {
        memmove(m->e + i + 1, m->e + i, (m->n - i) * sizeof *m->e);
        m->n++;
    }
    m->e[i] = fresh;
    m->octets += key.n + value.n + ENTRY_COST;
    return OK;
}

void vault_map_del(struct vault_map *m, struct span key)
{
    bool here;
    size_t i = place(m, key, &here);
    if (!here)
        return;
    entry_free(m, i);
    memmove(m->e + i, m->e + i + 1, (m->n - i - 1) * sizeof *m->e);
    m->n--;
}

void vault_map_write(const struct vault_map *m, struct buf *b)
{
    buf_be32(b, (uint32_t)m->n);
    for (size_t i = 0; i < m->n; i++) {
        msg_item_put(b, m->e[i].key);
        msg_item_put(b, m->e[i].value);
    }
}

enum err vault_map_read(struct span *s, struct vault_map *m)
{
    uint64_t n;
    TRY(take_be(s, 4, &n));
    for (uint64_t i = 0; i < n; i++) {
        struct span key, value;
        TRY(take_blob(s, &key));
        TRY(take_blob(s, &value));
        if (m->n > 0 && span_cmp(m->e[m->n - 1].key, key) >= 0)
            return ERR_SYNTAX;
        TRY(vault_map_put(m, key, value));
    }
    return OK;
}
