/* The vault's own keys: made at init, stored by the ledger under RK, published in the bundle. */
#include "base/m2mtime.h"
#include "host/heap.h"
#include "ttp/take.h"
#include "ttp/vault_own.h"

#include <string.h>

static const char keys_label[] = "oneseal-vault-keys-v1";
enum { KEYS_MAX = 4096, BUNDLE_NEXT_S = 86400, BUNDLE_DAYS = 400, DAY_S = 86400 };

/* p256_put_private of the three pairs and the log's seed, each an item. */
static enum err write_keys(struct vault *v, struct buf *b)
{
    struct p256 *const pair[] = {v->identity, v->sealing, v->release};
    for (size_t i = 0; i < LEN(pair); i++) {
        uint8_t jwk[512];
        struct buf one = BUF_ARRAY(jwk);
        p256_put_private(&one, pair[i]);
        msg_item_put(b, buf_span(&one));
        enum err e = one.e;
        wipe(jwk, sizeof jwk);
        TRY(e);
    }
    msg_item_put(b, span_of(v->secret->log, LOG_SEED));
    return b->e;
}

static enum err read_pair(struct span *s, struct p256 **out)
{
    static uint8_t memory[16384];
    struct arena a;
    struct span jwk;
    arena_over(&a, memory, sizeof memory);
    TRY(take_blob(s, &jwk));
    enum reason r = p256_read_text(jwk, &a, out);
    wipe(memory, sizeof memory);
    return r == REASON_OK && p256_private(*out) ? OK : ERR_SYNTAX;
}

static enum err read_keys(struct vault *v, struct span s)
{
    struct span seed;
    TRY(read_pair(&s, &v->identity));
    TRY(read_pair(&s, &v->sealing));
    TRY(read_pair(&s, &v->release));
    TRY(take_blob(&s, &seed));
    if (seed.n != LOG_SEED || s.n > 0)
        return ERR_SYNTAX;
    memcpy(v->secret->log, seed.p, LOG_SEED);
    return log_public(v->secret->log, v->log_public);
}

enum err vault_keys_open(struct vault *v, struct span wrapped)
{
    struct buf b = heap_buf(KEYS_MAX);
    enum err e = vault_box_open(v->secret->rk, keys_label, span_str(v->fqdn), wrapped, &b);
    if (e == OK)
        e = read_keys(v, buf_span(&b));
    buf_wipe(&b);
    heap_buf_free(&b);
    return e;
}

static enum err make_bundle(struct vault *v, struct buf *out)
{
    uint8_t vkey[512];
    struct buf vk = BUF_ARRAY(vkey);
    uint64_t now = (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000);
    TRY(log_vkey_put(span_str(v->origin), v->log_public, &vk));
    struct bundle b = {.fqdn = span_str(v->fqdn),
                       .seq = 1,
                       .next = BUNDLE_NEXT_S,
                       .exp = now + (uint64_t)BUNDLE_DAYS * DAY_S,
                       .identity = v->identity,
                       .sealing = v->sealing,
                       .release = v->release,
                       .sealing_kid = span_str(v->sealing_kid),
                       .release_kid = span_str(v->release_kid),
                       .log_vkey = buf_span(&vk)};
    return bundle_build(&b, out);
}

enum err vault_keys_new(struct vault *v)
{
    struct buf plain = heap_buf(KEYS_MAX), box = heap_buf(KEYS_MAX);
    TRY(p256_new(&v->identity));
    TRY(p256_new(&v->sealing));
    TRY(p256_new(&v->release));
    TRY(esd_random(v->secret->log, LOG_SEED));
    TRY(log_public(v->secret->log, v->log_public));
    buf_reset(&v->bundle);
    TRY(make_bundle(v, &v->bundle));
    enum err e = write_keys(v, &plain);
    if (e == OK)
        e = vault_box_seal(v->secret->rk, keys_label, span_str(v->fqdn), buf_span(&plain), &box);
    if (e == OK)
        msg_put_KEEP_KEYS(v->conf.to_ledger,
                          &(struct msg_KEEP_KEYS){.keys = buf_span(&box), .bundle = buf_span(&v->bundle)});
    buf_wipe(&plain);
    heap_buf_free(&plain);
    heap_buf_free(&box);
    return e;
}

/* ---- nonces -------------------------------------------------------------------------------------------------------
 */

static void nonce_of(struct vault *v, uint32_t seconds, uint8_t out[RELEASE_NONCE])
{
    uint8_t mac[ESD_HASH];
    for (size_t i = 0; i < 4; i++)
        out[i] = (uint8_t)(seconds >> (24 - 8 * i));
    if (esd_hmac(span_of(v->secret->boot, VAULT_KEY), span_of(out, 4), SPAN_NONE, mac) != OK)
        memset(mac, 0, sizeof mac);
    memcpy(out + 4, mac, RELEASE_NONCE - 4);
}

void vault_nonce(struct vault *v, uint8_t out[RELEASE_NONCE])
{
    nonce_of(v, (uint32_t)(v->conf.now_ms(v->conf.ctx) / 1000), out);
}

bool vault_nonce_good(struct vault *v, const uint8_t nonce[RELEASE_NONCE])
{
    uint8_t want[RELEASE_NONCE];
    uint32_t s = (uint32_t)nonce[0] << 24 | (uint32_t)nonce[1] << 16 | (uint32_t)nonce[2] << 8 | nonce[3];
    int64_t age = v->conf.now_ms(v->conf.ctx) / 1000 - (int64_t)s;
    nonce_of(v, s, want);
    return age >= -VAULT_AHEAD_S && age <= VAULT_NONCE_S &&
           span_eq_secret(span_of(want, sizeof want), span_of(nonce, RELEASE_NONCE));
}

/* ---- the head ------------------------------------------------------------------------------------------------------
 */

enum err vault_sign_head(struct vault *v)
{
    struct log_head h = {.size = v->tree.size};
    TRY(log_tree_root(&v->tree, &h.root));
    /* Never two heads of one size, never a smaller one after a larger one. */
    if (v->note.n > 0 &&
        (h.size < v->head.size || (h.size == v->head.size && memcmp(&h.root, &v->head.root, LOG_HASH) != 0)))
        return ERR_NOTNOW;
    buf_reset(&v->note);
    TRY(log_checkpoint_sign(span_str(v->origin), &h, v->secret->log, &v->note));
    v->head = h;
    return OK;
}
