/* Wrapping keys for others: one form of what jwe_seal writes. */
#include "esd/jwe.h"
#include "esd/p256_port.h"

static enum err wrapped(const struct p256 *to, struct span kid, const uint8_t *apv, struct span plain,
                        const struct jwe_fixed *f, struct buf *out)
{
    struct sealer s;
    struct jwkey key = {.kind = JWKEY_P256, .evp = p256_evp(to)}, epk = key;
    struct jwe_to t = {.alg = ESD_ECDH_A256KW, .key = &key, .kid = kid, .apv = span_of(apv, apv ? ESD_HASH : 0)};
    struct jwe_ask j = {.form = JOSE_COMPACT, .enc = ESD_A256GCM, .to = &t, .n = 1};
    if (f) {
        epk.evp = p256_evp(f->epk);
        t.epk = &epk;
        j.cek = f->cek;
        j.iv = f->iv;
    }
    TRY(sealer_init(&s, (struct esd_rng){0}));
    enum err e = jwe_seal(&s, &j, plain, out);
    sealer_free(&s);
    return e;
}

enum err jwe_wrap_fixed(const struct p256 *to, struct span kid, const uint8_t *apv, struct span plain,
                        const struct jwe_fixed *f, struct buf *out)
{
    return wrapped(to, kid, apv, plain, f, out);
}

enum err jwe_wrap(const struct p256 *to, struct span kid, const uint8_t *apv, struct span plain, struct buf *out)
{
    return wrapped(to, kid, apv, plain, NULL, out);
}
