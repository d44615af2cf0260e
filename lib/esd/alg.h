/* alg.h - the algorithms of the ESData profile as one table (alg.def), and what goes with what: families, kinds of
 * key, SUIDs, Credential-ID prefixes (TS-0003 8.5.3, 10.4; security.md 2.4 to 2.7). No cryptography. */
#ifndef ESD_ALG_H
#define ESD_ALG_H

#include "base/span.h"

/* Kinds of keys (RFC 7517): a curve is a kind of its own. */
enum jwkey_kind {
    JWKEY_NONE,
    JWKEY_OCT,
    JWKEY_P256,
    JWKEY_P384,
    JWKEY_P521,
    JWKEY_X25519, /* ECDH-ES in the place of P-256: our extension */
    JWKEY_RSA,
};

enum esd_family {
    ALG_DIRECT, /* the key itself is the content key */
    ALG_KW,     /* AES key wrap */
    ALG_ECDH,   /* ephemeral-static agreement, then AES key wrap */
    ALG_RSA,    /* RSA-OAEP with SHA-256 */
    ALG_MAC,    /* HMAC */
    ALG_SIGN,   /* ECDSA, RSASSA-PKCS1-v1_5 */
};

enum esd_alg {
#define ALG(name, text, family, octets, sig, kind) ESD_##name,
#include "esd/alg.def"
#undef ALG
    ESD_ALG__N
};
struct esd_alg_row {
    const char *text;
    enum esd_family family;
    uint16_t octets; /* wrapping key, or hash; an HMAC key has at least as many (RFC 7518 3.2) */
    uint16_t sig;    /* octets of a signature; 0: as many as the RSA key has */
    enum jwkey_kind kind;
};
/* The row of an algorithm below ESD_ALG__N. */
const struct esd_alg_row *alg_row(enum esd_alg a);
/* The algorithm of that name; names are case-sensitive. ERR_UNSUPPORTED: outside the profile. */
MUST_USE enum err alg_of(struct span text, enum esd_alg *out);

enum esd_enc { ESD_A128GCM, ESD_A192GCM, ESD_A256GCM, ESD_ENC__N };
/* Key octets of a content algorithm: 16, 24, 32. */
size_t esd_enc_key(enum esd_enc enc);
const char *enc_text(enum esd_enc enc);
MUST_USE enum err enc_of(struct span text, enum esd_enc *out);

/* What a stream or a profile permits: a bit per algorithm, per content algorithm, and for the extension. */
typedef uint32_t alg_set;
#define ALG_BIT(a) ((alg_set)1 << (a))
#define ALG_ENC(e) ((alg_set)1 << (ESD_ALG__N + (e)))
#define ALG_X25519 ((alg_set)1 << (ESD_ALG__N + ESD_ENC__N))
#define ALG_ALL    ((ALG_X25519 << 1) - 1)
/* A set from a list of names with one blank between two: "dir A256GCM x25519". ERR_UNSUPPORTED: a name outside. */
MUST_USE enum err alg_set_read(struct span names, alg_set *out);

/* May a key of this SUID (security.md 15.1) serve this algorithm? 14 24 34 encrypt, 15 25 35 authenticate, 44 is a
 * private key to decrypt with, 45 a key that verifies. A strict epoch's private half is registered like a value, so
 * 24 and 34 serve ECDH too. */
bool alg_suid_fits(enum esd_alg a, uint8_t suid);
/* First half of a value (TS-0003 8.3.5.1): true for values registered at a MEF or MAF (24 25 34 35). */
bool alg_suid_halves(uint8_t suid);
/* May a kid with this Credential-ID type (TS-0003 10.4; 0: none) stand beside this algorithm? 14 direct, 15 key wrap,
 * 16 HMAC, 41 to 45 encryption and 51 to 55 signature certificates; other numbers are part of the identifier. */
bool alg_prefix_fits(enum esd_alg a, unsigned type);

#endif
