#include <string.h>

#include "base/code.h"
#include "esd/p256_port.h"

/* RFC 7518 4.6.2 with RFC 5869's cousin, the Concat KDF of SP 800-56A: SHA-256(1 || Z || AlgorithmID || PartyU ||
 * PartyV || key length), each part with its length before it. */
enum err ecdh_kek(const uint8_t z[32], const uint8_t *apv, uint8_t kek[32])
{
    uint8_t in[4 + 32 + 4 + 14 + 4 + 4 + ESD_HASH + 4];
    struct buf b = BUF_ARRAY(in);
    buf_be32(&b, 1);
    buf_put(&b, span_of(z, 32));
    buf_be32(&b, 14);
    buf_put(&b, SPAN("ECDH-ES+A256KW"));
    buf_be32(&b, 0);
    buf_be32(&b, apv ? ESD_HASH : 0);
    if (apv)
        buf_put(&b, span_of(apv, ESD_HASH));
    buf_be32(&b, 256);
    enum err e = b.e == OK ? esd_sha256(buf_span(&b), kek) : b.e;
    wipe(in, sizeof in);
    return e;
}

/* alg enc kid epk apv */
static enum err put_header(struct buf *b, struct span kid, const struct p256 *epk, const uint8_t *apv)
{
    struct jw w = jw_over(b);
    uint8_t jwk[256];
    struct buf k = BUF_ARRAY(jwk);
    p256_put(&k, epk);
    jw_obj(&w);
    JW_STR(&w, "alg", SPAN("ECDH-ES+A256KW"));
    JW_STR(&w, "enc", SPAN("A256GCM"));
    if (kid.n)
        JW_STR(&w, "kid", kid);
    jw_name(&w, SPAN("epk"));
    jw_raw(&w, buf_span(&k));
    if (apv)
        JW_B64URL(&w, "apv", span_of(apv, ESD_HASH));
    jw_end_obj(&w);
    return k.e != OK ? k.e : b->e;
}

static enum err wrapped_key(const struct p256 *to, const struct jwe_fixed *f, const uint8_t *apv, uint8_t ek[KW_TEXT])
{
    uint8_t z[32], kek[32];
    enum err e = p256_ecdh(f->epk, to, z);
    if (e == OK)
        e = ecdh_kek(z, apv, kek);
    if (e == OK)
        e = kw_wrap(kek, f->cek, ek);
    wipe(z, sizeof z);
    wipe(kek, sizeof kek);
    return e;
}

enum err jwe_wrap_fixed(const struct p256 *to, struct span kid, const uint8_t *apv, struct span plain,
                        const struct jwe_fixed *f, struct buf *out)
{
    uint8_t header[1024], ek[KW_TEXT], tag[ESD_TAG];
    struct buf h = BUF_ARRAY(header);
    size_t start = out->n, room = B64URL_LEN(plain.n);
    TRY(put_header(&h, kid, f->epk, apv));
    TRY(wrapped_key(to, f, apv, ek));
    b64url_put(out, buf_span(&h));
    size_t aad_n = out->n - start;
    buf_c(out, '.');
    b64url_put(out, span_of(ek, sizeof ek));
    buf_c(out, '.');
    b64url_put(out, span_of(f->iv, ESD_IV));
    buf_c(out, '.');
    size_t at = out->n;
    enum err e = buf_take(out, room) ? OK : out->e;
    if (e == OK) { /* encrypts at the end of the room and writes the text over it from the left, as seal does */
        uint8_t *ct = out->p + at + room - plain.n;
        e = gcm_wrap(f->cek, f->iv, span_of(out->p + start, aad_n), plain, ct, tag);
        struct buf text = buf_over(out->p + at, room);
        b64url_put(&text, span_of(ct, plain.n));
    }
    buf_c(out, '.');
    b64url_put(out, span_of(tag, sizeof tag));
    if (e == OK)
        e = out->e;
    if (e != OK)
        out->n = start;
    return e;
}

enum err jwe_wrap(const struct p256 *to, struct span kid, const uint8_t *apv, struct span plain, struct buf *out)
{
    struct jwe_fixed f = {0};
    struct p256 *epk = NULL;
    enum err e = p256_new(&epk);
    f.epk = epk;
    if (e == OK)
        e = esd_random(f.cek, sizeof f.cek);
    if (e == OK)
        e = esd_random(f.iv, sizeof f.iv);
    if (e == OK)
        e = jwe_wrap_fixed(to, kid, apv, plain, &f, out);
    p256_free(epk);
    wipe(&f, sizeof f);
    return e;
}
