#include "esd/seal_to.h"

#include <string.h>

#include "base/code.h"
#include "esd/jwe.h"
#include "esd/seal_port.h"
#include "esd/strict.h"

enum err seal_to_init(struct seal_to_key *k, const struct p256 *to, const uint8_t sid[ESD_SID], struct span fqdn)
{
    *k = (struct seal_to_key){0};
    if (!esd_fqdn_ok(fqdn))
        return ERR_RANGE;
    TRY(strict_kc(to, sid, k->kc));
    struct buf kid = buf_over(k->kid, sizeof k->kid);
    keys_kid_put(&kid, k->kc, fqdn);
    TRY(kid.e);
    k->kid_n = (uint16_t)kid.n;
    memcpy(k->sid, sid, ESD_SID);
    k->to = p256_ref(to);
    return k->to ? OK : ERR_CRYPTO;
}

void seal_to_free(struct seal_to_key *k)
{
    p256_free(k->to);
    *k = (struct seal_to_key){0};
}

size_t seal_to_room(size_t n)
{
    return B64URL_LEN(ESD_KID_OURS_MAX + 512) + B64URL_LEN(40) + B64URL_LEN(ESD_IV) + B64URL_LEN(n) +
           B64URL_LEN(ESD_TAG) + 8;
}

enum err seal_to_fixed(struct sealer *s, const struct seal_to_key *k, const struct seal_msg *m, struct span plain,
                       const struct jwe_fixed *f, struct buf *scratch, struct buf *out)
{
    struct jwkey key = {.kind = JWKEY_P256, .evp = p256_evp(k->to)}, epk = key;
    struct jwe_to t = {.alg = ESD_ECDH_A256KW, .key = &key, .kid = span_of(k->kid, k->kid_n)};
    struct esd_e2e e2e = seal_e2e(m, k->sid);
    struct jwe_ask j = {.form = JOSE_COMPACT, .enc = ESD_A256GCM, .to = &t, .n = 1, .e2e = &e2e};
    if (!seal_msg_ok(m, plain))
        return ERR_RANGE;
    j.cty = m->json ? SPAN("json") : m->nested ? SPAN("JOSE") : SPAN_NONE;
    if (f) {
        epk.evp = p256_evp(f->epk);
        t.epk = &epk;
        j.cek = f->cek;
        j.iv = f->iv;
    }
    enum err e = seal_padded(m, &plain, scratch);
    if (e == OK)
        e = jwe_seal(s, &j, plain, out);
    if (m->pad && scratch)
        buf_wipe(scratch);
    return e;
}

enum err seal_to(struct sealer *s, const struct seal_to_key *k, const struct seal_msg *m, struct span plain,
                 struct buf *scratch, struct buf *out)
{
    return seal_to_fixed(s, k, m, plain, NULL, scratch, out);
}
