/* jwe.h - writing every JWE of the ESData profile (TS-0003 8.5.3.2; RFC 7516): compact, flattened, general to as many
 * as 32 recipients, with any algorithm of alg.def. For `dir` under an epoch's key, seal.h is the quick way; for
 * strict epochs seal_to.h. Reading is open.h. */
#ifndef ESD_JWE_H
#define ESD_JWE_H

#include "esd/jwkey.h"
#include "esd/seal.h"

enum jose_form { JOSE_COMPACT, JOSE_FLATTENED, JOSE_GENERAL };

/* One who shall be able to open it. */
struct jwe_to {
    enum esd_alg alg;
    const struct jwkey *key; /* symmetric (as it is used: halve a registered value before), or the public half */
    struct span kid;         /* written as it is; n == 0: left out */
    struct span apu, apv;    /* octets, ECDH only; n == 0: left out */
    const struct jwkey *epk; /* the ephemeral pair; NULL: a hedged one */
};

struct jwe_ask {
    enum jose_form form;
    enum esd_enc enc;
    const struct jwe_to *to;
    size_t n;
    struct span cty;           /* n == 0: left out */
    const struct esd_e2e *e2e; /* NULL: left out */
    struct span aad;           /* octets of the `aad` member; JSON only; n == 0: left out */
    bool outside;              /* flattened: alg, kid, epk ... in `header`, not in `protected` */
    const uint8_t *cek;        /* content key and IV; NULL: hedged */
    const uint8_t *iv;
};
/* Appends the text. Compact header: alg enc kid epk apu apv cty e2e. General: enc cty e2e protected, the rest in each
 * recipient's header. Whatever is not given is hedged (seal_to.h). ERR_RANGE: an empty plaintext, recipients not 1 to
 * 32, more than one for compact, flattened or `dir`, `aad` on compact; ERR_UNSUPPORTED: a key that does not go with
 * its algorithm or enc; ERR_CRYPTO; the buf's errors. On an error out->n is as it was. */
MUST_USE enum err jwe_seal(struct sealer *s, const struct jwe_ask *j, struct span plain, struct buf *out);

/* One who signs or authenticates. */
struct jws_by {
    enum esd_alg alg;
    const struct jwkey *key;
    struct span kid;
};
struct jws_ask {
    enum jose_form form;
    const struct jws_by *by;
    size_t n; /* 1 to ESD_SIGNATURES_MAX; compact and flattened: 1 */
    struct span cty;
    const struct esd_e2e *e2e; /* nested: that of the envelope */
    bool outside;              /* JSON: kid in the unprotected header */
    bool detached;             /* compact: the payload's place stays empty */
};
/* Appends the text; each header: alg kid e2e cty. Nested content is this text, sealed with cty JOSE (compact) or
 * JOSE+JSON. ERR_RANGE, ERR_UNSUPPORTED, ERR_NOTNOW: no private half; ERR_CRYPTO; the buf's errors. */
MUST_USE enum err jws_write(const struct jws_ask *j, struct span payload, struct buf *out);

#endif
