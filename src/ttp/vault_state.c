/* What the vault holds in memory and the ledger keeps as a snapshot: clients, policies, denials, shreds. */
#include "ttp/take.h"
#include "ttp/vault_own.h"

#include <stdlib.h>
#include <string.h>

static const char magic[] = "oneseal-state-v1";

void vault_key_put(struct buf *b, const struct span *part, size_t n)
{
    for (size_t i = 0; i < n; i++)
        msg_item_put(b, part[i]);
}

static size_t octets(const struct vault *v)
{
    size_t n = 0;
    for (int t = 0; t < TABLE__N; t++)
        n += v->table[t].octets;
    return n;
}

static struct vault_undo *undo_new(enum vault_table t, struct span key, const struct span *was)
{
    size_t n = was ? was->n : 0;
    struct vault_undo *u = malloc(sizeof *u + key.n + n);
    if (!u)
        return NULL;
    uint8_t *p = (uint8_t *)(u + 1);
    memcpy(p, key.p, key.n);
    if (n > 0)
        memcpy(p + key.n, was->p, n);
    *u = (struct vault_undo){.table = t, .was = was != NULL, .key = span_of(p, key.n), .value = span_of(p + key.n, n)};
    return u;
}

size_t vault_state_room(const struct vault *v)
{
    size_t used = octets(v) + 4096;
    return used < TTP_SNAPSHOT_MAX ? TTP_SNAPSHOT_MAX - used : 0;
}

enum err vault_state_set(struct vault *v, enum vault_table t, struct span key, struct span value)
{
    if (value.p && octets(v) + key.n + value.n + 4096 > TTP_SNAPSHOT_MAX)
        return ERR_LIMIT;
    struct vault_undo *u = undo_new(t, key, vault_map_get(&v->table[t], key));
    if (!u)
        return ERR_NOMEM;
    if (value.p) {
        enum err e = vault_map_put(&v->table[t], key, value);
        if (e != OK) {
            free(u);
            return e;
        }
    } else {
        vault_map_del(&v->table[t], key);
    }
    u->next = v->undo;
    v->undo = u;
    v->changed = true;
    return OK;
}

void vault_state_keep(struct vault *v)
{
    while (v->undo) {
        struct vault_undo *u = v->undo;
        v->undo = u->next;
        free(u);
    }
    v->changed = false;
}

enum err vault_state_undo(struct vault *v)
{
    /* Newest first: the oldest value of a key comes last. */
    while (v->undo) {
        struct vault_undo *u = v->undo;
        enum err e = OK;
        if (u->was)
            e = vault_map_put(&v->table[u->table], u->key, u->value);
        else
            vault_map_del(&v->table[u->table], u->key);
        v->undo = u->next;
        free(u);
        TRY(e);
    }
    v->changed = false;
    return OK;
}

enum err vault_snapshot_write(struct vault *v, struct buf *b)
{
    uint8_t tree[8 + LOG_LEVELS * LOG_HASH];
    struct buf t = BUF_ARRAY(tree);
    size_t at = b->n;
    log_tree_put(&v->tree, &t);
    buf_str(b, magic);
    msg_item_put(b, buf_span(&t));
    buf_be64(b, v->changes);
    for (int i = 0; i < TABLE__N; i++)
        vault_map_write(&v->table[i], b);
    TRY(b->e);
    return esd_sha256(span_from(buf_span(b), at), v->state_hash);
}

enum err vault_snapshot_read(struct vault *v, struct span s)
{
    struct span tree, all = s;
    if (!span_starts(s, span_str(magic)))
        return ERR_SYNTAX;
    s = span_from(s, sizeof magic - 1);
    TRY(take_blob(&s, &tree));
    TRY(log_tree_get(tree, &v->tree));
    TRY(take_u64(&s, &v->changes));
    for (int i = 0; i < TABLE__N; i++)
        TRY(vault_map_read(&s, &v->table[i]));
    if (s.n > 0)
        return ERR_SYNTAX;
    v->snapshot_size = v->tree.size;
    return esd_sha256(all, v->state_hash);
}

/* ---- clients: key = iss; value = jwk item, until, thumbprint --------------------------------------------------------
 */

enum err vault_client_get(struct vault *v, struct span iss, struct vault_client *out)
{
    const struct span *value = vault_map_get(&v->table[TABLE_CLIENTS], iss);
    if (!value)
        return ERR_NOTFOUND;
    struct span s = *value;
    TRY(take_blob(&s, &out->jwk));
    TRY(take_u64(&s, &out->until));
    return take_fix(&s, out->jkt, JOSE_THUMB);
}

/* Another reference to the key of a client. */
static enum reason read_key(struct vault *v, const struct vault_client *c, struct arena *a, struct p256 **out)
{
    struct vault_read_key *r = &v->read_key[((size_t)c->jkt[0] << 8 | c->jkt[1]) % VAULT_READ_KEYS];
    if (!r->key || memcmp(r->jkt, c->jkt, JOSE_THUMB) != 0) {
        struct p256 *k;
        if (p256_read_text(c->jwk, a, &k) != REASON_OK)
            return REASON_FAILED;
        p256_free(r->key);
        r->key = k;
        memcpy(r->jkt, c->jkt, JOSE_THUMB);
    }
    *out = p256_ref(r->key);
    return *out ? REASON_OK : REASON_FAILED;
}

enum reason vault_client_key(struct vault *v, struct span iss, struct arena *a, struct p256 **out,
                             uint8_t jkt[JOSE_THUMB])
{
    struct vault_client c;
    *out = NULL;
    if (vault_client_get(v, iss, &c) != OK)
        return REASON_REFUSED;
    if ((int64_t)c.until < v->conf.now_ms(v->conf.ctx))
        return REASON_EXPIRED;
    memcpy(jkt, c.jkt, JOSE_THUMB);
    return read_key(v, &c, a, out);
}
