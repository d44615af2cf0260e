#include "esd/unwrap.h"

#include <string.h>

#include "base/code.h"
#include "esd/cek.h"
#include "esd/header.h"
#include "esd/p256_port.h"

static bool apv_fits(const struct esd_part *p, const uint8_t *apv)
{
    uint8_t got[ESD_HASH];
    struct buf b = BUF_ARRAY(got);
    if (!apv)
        return p->apv.n == 0;
    return b64url_get(p->apv, &b) == OK && b.n == ESD_HASH && memcmp(got, apv, ESD_HASH) == 0;
}

static enum reason read(struct span jwe, const uint8_t *apv, struct arena *a, struct esd_label *l)
{
    bool refused;
    if (jwe.n > JWS_MAX)
        return REASON_MALFORMED;
    JUDGE(label_shape(jwe, 1, a, l, &refused));
    if (l->jws)
        return REASON_MALFORMED;
    JUDGE(cek_points(l));
    if (refused || l->alg != ESD_ECDH_A256KW || l->enc != ESD_A256GCM || l->parts[0].epk != JWKEY_P256)
        return REASON_ALGORITHM_REFUSED;
    /* an encrypted key of another length than 40 cannot hold a 256-bit key */
    bool fits = l->parts[0].key_text.n == B64URL_LEN(40) && l->parts[0].apu.n == 0 && apv_fits(&l->parts[0], apv);
    return fits ? REASON_OK : REASON_TAMPERED;
}

static enum reason decrypt(const struct esd_label *l, const uint8_t cek[32], struct buf *out)
{
    struct gcm g;
    struct span plain;
    if (gcm_init(&g) != OK)
        return REASON_FAILED;
    enum reason r = cek_aead(&g, l, span_of(cek, 32), out, &plain);
    gcm_free(&g);
    return r;
}

enum reason jwe_unwrap(const struct p256 *me, struct span jwe, const uint8_t *apv, struct arena *a, struct buf *out)
{
    struct jwkey key = {.kind = JWKEY_P256, .evp = p256_evp(me)};
    struct esd_label l;
    uint8_t cek[32];
    JUDGE(read(jwe, apv, a, &l));
    enum reason r = cek_unwrap(&l, &l.parts[0], &key, cek);
    if (r == REASON_OK)
        r = decrypt(&l, cek, out);
    wipe(cek, sizeof cek);
    return r;
}

enum reason jwe_kid(struct span jwe, struct arena *a, struct span *kid)
{
    struct header h;
    bool here;
    struct span rest = jwe;
    *kid = SPAN_NONE;
    JUDGE(header_read(span_cut(&rest, '.'), a, &h));
    return header_text(&h, SPAN("kid"), kid, &here);
}
