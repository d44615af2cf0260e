/* label.h - the outside of an envelope: JWE compact in `con` (TS-0003 8.5.3.2, RFC 7516), its protected
 * header, the `e2e` member (e2e.md 3), `cnf`. Reads and checks; knows no key and no cryptography, so that
 * every program may link it. */
#ifndef ESD_LABEL_H
#define ESD_LABEL_H

#include "base/arena.h"
#include "base/buf.h"
#include "esd/reason.h"

enum {
    ESD_SID = 16,        /* octets of a stream identifier */
    ESD_SID_TEXT = 22,   /* the same as base64url */
    ESD_KV = 64,         /* Key Value */
    ESD_KC = 32,         /* key commitment */
    ESD_HASH = 32,       /* SHA-256 */
    ESD_IV = 12,         /* GCM */
    ESD_TAG = 16,        /* GCM */
    ESD_FQDN_MAX = 253,  /* RFC 1035 */
    ESD_RELKEY_MAX = 64, /* relative part of a foreign kid */
    ESD_KID_MAX = 320,   /* prefix, relative part, @, domain; or a certificate's identifier */
    ESD_KID_OURS_MAX = 32 + 1 + ESD_FQDN_MAX,
    ESD_HEADER_MAX = 4096,          /* octets of a decoded header */
    ESD_HEADER_DEPTH = 4,           /* nesting, the header object counts as 1 */
    ESD_INDEX_END = 1 << 24,        /* indices are below this */
    ESD_PAD_MAX = 1 << 20,          /* padding octets */
    ESD_CON_MAX = 16 * 1024 * 1024, /* text of an envelope */
    ESD_ARENA = 512 * 1024,         /* an arena of this size holds the work for any one header */
};
#define ESD_INT_END ((uint64_t)1 << 53) /* ep and t_ms are below this */

enum esd_enc { ESD_A128GCM, ESD_A192GCM, ESD_A256GCM };
/* Key octets of a content algorithm: 16, 24, 32. */
size_t esd_enc_key(enum esd_enc enc);

/* The `e2e` member. */
struct esd_e2e {
    bool here;   /* the header has one; otherwise the rest is zero */
    bool device; /* mode d, not g */
    bool batch;  /* a JSON array of readings */
    bool padded; /* a seventh element is there */
    uint8_t sid[ESD_SID];
    uint64_t ep, t_ms; /* t_ms 0: the writer had no clock */
    uint32_t i, pad;
};

/* What the outside tells. Spans point into the envelope's text or into the arena. */
struct esd_label {
    struct span aad;    /* the protected header's base64url text: the associated data */
    struct span header; /* the same, decoded: JSON */
    struct span kid;    /* as written, without a Credential-ID prefix 14- */
    struct span ttp;    /* domain behind the @ of kid; empty when kid names a certificate (41- .. 55-) */
    struct span cty;    /* empty: absent */
    enum esd_enc enc;
    struct esd_e2e e2e;
    struct span iv_text, ct_text, tag_text; /* base64url, checked: canonical and of right length */
    size_t ct_len;                          /* octets of the ciphertext, at least 1 */
};

/* Reads JWE compact. MALFORMED (vectors README 13), ALGORITHM_REFUSED: another `alg` than dir, an `enc`
 * that is not AES-GCM, `zip`, a `crit` extension, a kid of a kind that does not go with dir; FAILED: the
 * arena is too small (ESD_ARENA is enough). JWS compact text with a well-formed header gives
 * ALGORITHM_REFUSED too: signed objects are not read here. */
MUST_USE enum reason label_read(struct span con, struct arena *a, struct esd_label *out);

/* True when the text can be an envelope: five parts, the first two starting as ours do. Cheap, for walls
 * that must tell clear text from sealed; says nothing about validity. */
bool label_looks_sealed(struct span con);

/* relative@fqdn: splits and checks the form. MALFORMED. */
MUST_USE enum reason kid_split(struct span kid, struct span *relative, struct span *fqdn);
/* Both sides of the @ compare without regard to case. */
bool kid_eq(struct span a, struct span b);
/* True when the text is a domain name: letters, digits, hyphens, dots; 1 to 253 octets. */
bool esd_fqdn_ok(struct span s);

/* contentInfo (TS-0001 9.6.7, TS-0004 6.3.3): media:encoding[:security]. */
struct esd_cnf {
    struct span media;
    uint8_t encoding; /* 0 1 2 */
    uint8_t security; /* 0 clear, 1 compact, 2 3 JSON serialization, 4 5 XML */
};
/* MALFORMED when it does not follow the grammar. */
MUST_USE enum reason cnf_read(struct span cnf, struct esd_cnf *out);

#endif
