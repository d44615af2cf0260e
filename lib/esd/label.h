/* label.h - the outside of an envelope: JWE and JWS in `con`, compact, flattened or general (TS-0003 8.5.3.2, 8.5.3.3;
 * RFC 7515, 7516), the headers, the `e2e` member (e2e.md 3), `cnf`. Reads and checks; knows no key and no cryptography,
 * so that every program may link it. */
#ifndef ESD_LABEL_H
#define ESD_LABEL_H

#include "base/arena.h"
#include "base/buf.h"
#include "esd/alg.h"
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
    ESD_RECIPIENTS_MAX = 32,
    ESD_SIGNATURES_MAX = 8,
    ESD_AAD_MAX = 64 * 1024,     /* text of the `aad` member */
    ESD_KEY_TEXT_MAX = 2048,     /* text of an encrypted key or a signature */
    ESD_PARTY_MAX = 512,         /* text of apu, apv */
    ESD_ARENA = 2 * 1024 * 1024, /* an arena of this size holds the work for any one object; base64 of a JSON
                                  * serialization (contentSecurity 3) needs its length in addition */
};
#define ESD_INT_END ((uint64_t)1 << 53) /* ep and t_ms are below this */

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

/* One recipient of a JWE, or one signature of a JWS. */
struct esd_part {
    enum esd_alg alg;     /* ESD_ALG__N: outside the profile, and nothing else was read */
    struct span kid;      /* as written, without a Credential-ID prefix 14-, 15-, 16- */
    struct span ttp;      /* domain behind the @ of kid; empty when kid names a certificate (41- .. 55-) */
    struct span key_text; /* base64url: encrypted key, empty for dir; or the signature */
    struct span apu, apv; /* base64url as they stand; empty: absent */
    enum jwkey_kind epk;  /* of the ephemeral key: P256, X25519; NONE: no ECDH */
    uint8_t epk_x[32], epk_y[32];
    /* signatures: */
    struct span signed_head; /* base64url of the protected header */
    struct span cty;
    struct esd_e2e e2e; /* of the protected header */
};

/* What the outside tells. Spans point into the envelope's text or into the arena. */
struct esd_label {
    struct span aad;    /* the protected header's base64url text: the associated data */
    struct span aad2;   /* text of the `aad` member: associated data behind a dot; empty: absent */
    struct span header; /* the protected header, decoded: JSON; empty: absent */
    struct span kid;    /* of the recipient that is judged: at first the first, after opening the one that opened */
    struct span ttp;    /* of the same */
    enum esd_alg alg;   /* of the same */
    struct span cty;    /* empty: absent */
    enum esd_enc enc;
    struct esd_e2e e2e;
    struct span iv_text, ct_text, tag_text; /* base64url, checked: canonical and of right length */
    size_t ct_len;                          /* octets of the ciphertext, at least 1; of a JWS: of the payload */
    bool jws;                               /* signed, not encrypted: ct_text is the payload, readable for everyone */
    const struct esd_part *parts;           /* recipients or signatures, in the arena */
    size_t n_parts;
};
/* Reads JWE compact. MALFORMED (vectors README 13), ALGORITHM_REFUSED: an algorithm outside alg.def, `zip`, a `crit`
 * extension, a kid of a kind that does not go with the algorithm, or a JWS: what is only signed is not sealed;
 * FAILED: the arena is too small (ESD_ARENA is enough). Whether the point of an ephemeral key lies on its curve is not
 * judged here. */
MUST_USE enum reason label_read(struct span con, struct arena *a, struct esd_label *out);
/* Reads a JWE or a JWS (out->jws) in the serialization that contentSecurity says: 1 compact, 2 JSON, 3 base64 of JSON.
 * ALGORITHM_REFUSED also for 4 and 5 (XML). */
MUST_USE enum reason label_read_as(struct span con, unsigned security, struct arena *a, struct esd_label *out);
/* The same without the last steps: what is well formed but not permitted sets *refused, so that the caller may first
 * look for what is malformed in a way that only cryptography can see; and a kid may be missing or without form
 * (part.kid empty), as in key envelopes, whose reader knows his key. */
MUST_USE enum reason label_shape(struct span con, unsigned security, struct arena *a, struct esd_label *out,
                                 bool *refused);

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
/* contentSecurity of a content: what cnf says (n == 0: absent); 1 for compact text that looks sealed although cnf
 * denies it, so that nobody gains by editing cnf. NOT_SEALED: clear text; ALGORITHM_REFUSED: XML (4, 5); MALFORMED:
 * cnf. */
MUST_USE enum reason cnf_security(struct span con, struct span cnf, unsigned *security);

#endif
