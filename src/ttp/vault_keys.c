/* Nonces and signed heads. */
#include "ttp/vault_own.h"

#include <string.h>

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

/* While one log key follows another, both sign. */
static enum err sign(struct vault *v, const struct log_head *h)
{
    const struct ring *r = v->life.ring;
    TRY(log_checkpoint_sign(span_str(v->origin), h, ring_present(r, BUNDLE_LOG)->seed, &v->note));
    for (size_t i = r->n[BUNDLE_LOG]; i-- > 0;)
        if (r->key[BUNDLE_LOG][i].state == RING_PAST)
            TRY(log_checkpoint_again(span_str(v->origin), r->key[BUNDLE_LOG][i].seed, &v->note));
    return OK;
}

enum err vault_sign_head(struct vault *v)
{
    struct log_head h = {.size = v->tree.size};
    TRY(log_tree_root(&v->tree, &h.root));
    /* Never two heads of one size, never a smaller one after a larger one. */
    if (v->note.n > 0 &&
        (h.size < v->head.size || (h.size == v->head.size && memcmp(&h.root, &v->head.root, LOG_HASH) != 0)))
        return ERR_NOTNOW;
    buf_reset(&v->note);
    TRY(sign(v, &h));
    v->head = h;
    return OK;
}
