#include "esd/strict.h"

#include "esd/p256_port.h"

enum err strict_kc(const struct p256 *pub, const uint8_t sid[ESD_SID], uint8_t kc[ESD_KC])
{
    uint8_t thumb[JOSE_THUMB];
    TRY(p256_thumb(pub, thumb));
    return esd_hmac(span_of(thumb, sizeof thumb), SPAN("oneseal-kc-v1"), span_of(sid, ESD_SID), kc);
}

enum reason strict_check(const struct p256 *k, const uint8_t sid[ESD_SID], struct span kid)
{
    uint8_t kc[ESD_KC];
    if (strict_kc(k, sid, kc) != OK)
        return REASON_FAILED;
    return keys_check_kc(kc, kid);
}

enum reason strict_pair(struct span d, struct p256 **out)
{
    *out = NULL;
    if (d.n != STRICT_D)
        return REASON_COMMITMENT_MISMATCH;
    enum err e = p256_of_scalar(d.p, out);
    return e == OK ? REASON_OK : e == ERR_AUTH ? REASON_COMMITMENT_MISMATCH : REASON_FAILED;
}

enum err strict_new(uint8_t d[STRICT_D], struct p256 **out)
{
    TRY(p256_new(out));
    enum err e = p256_scalar(*out, d);
    if (e != OK) {
        p256_free(*out);
        *out = NULL;
    }
    return e;
}
