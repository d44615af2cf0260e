/* open.h - the reader's half: any JWE or JWS of the ESData profile becomes plaintext, or a reason (e2e.md 3, 5).
 *
 * A CSE never opens: its build defines ONESEAL_NEVER_OPENS, and this header does not compile there. */
#ifndef ESD_OPEN_H
#define ESD_OPEN_H

#ifdef ONESEAL_NEVER_OPENS
#error "this program never opens sealed data (architecture.md 1): it must not include esd/open.h"
#endif

#include "esd/gcm.h"
#include "esd/jwkey.h"

/* One per thread: OpenSSL's contexts, fetched once; and what the last message needed, so that the next one of the same
 * epoch parses no JSON, derives nothing and builds no key schedule. Holds the last key: a secret. */
struct opener {
    struct gcm gcm;
    struct open_memory {
        uint8_t value[ESD_KV], sid[ESD_SID], kid[ESD_KID_OURS_MAX]; /* the commitment fitted for these */
        uint16_t value_n, kid_n;
        struct esd_label label; /* of the last header; its spans lie in text */
        struct esd_part part;
        alg_set allow;
        uint16_t text_n;           /* decoded header; 0: none */
        uint16_t index_at, same_n; /* octets of it, and characters of base64url, that stay the same in an epoch */
        uint8_t text[512], same[512];
    } last;
};
/* ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err opener_init(struct opener *o);
/* Wipes what it remembered: when a key expires or is dropped. */
void opener_forget(struct opener *o);
void opener_free(struct opener *o);

/* The key that goes with a kid, as the cache or the TTP gave it. */
struct open_key {
    struct span value; /* dir, KW, HS: 16 to 128 octets; of a key registered at a TTP (SUID 24 25 34 35) the first half
                        * is used (TS-0003 8.3.5.1), of a provisioned one (14, 15) the whole. ECDH of a strict epoch:
                        * the 32 octets d of the P-256 private half, as released */
    const struct jwkey *pair; /* ECDH, RSA: a private key; ES, RS: a public one. NULL: value. Stays the callee's until
                               * the end of the call */
    uint8_t suid;             /* alg_suid_fits decides; anything else is ALGORITHM_REFUSED */
    bool commits; /* the stream requires commitment: kid and KC are checked against value (or the public key) and sid */
};

/* Content that was signed before it was sealed (cty JOSE; TS-0003 8.5.2.4), as its verifier found it. */
struct open_inner {
    struct span payload; /* in the arena */
    struct span signer;  /* kid of the signature */
    bool json;           /* the inner header says cty json */
};

/* What the caller knows about the object before it opens it. */
struct open_ask {
    const uint8_t *sid;      /* of the address that was asked for; NULL: not known, PLACE_UNVERIFIED is flagged */
    const struct span *ttps; /* the reader's TTP list */
    size_t n_ttps;
    unsigned security;   /* contentSecurity: 1 compact, 2 JSON, 3 base64 of JSON; 0 counts as 1 */
    alg_set allow;       /* what the stream permits; 0: the whole profile */
    struct span payload; /* of a detached JWS; p NULL: not detached */
    /* Finds the key for l->kid and l->alg; called for each recipient or signature in turn until one opens. Any reason
     * but OK goes on to the next one; when none is left, the reason that got furthest is the verdict and l->kid the one
     * it is about. The span in *out must live until the end of the call. */
    enum reason (*key)(void *ctx, const struct esd_label *l, struct open_key *out);
    void *ctx;
    /* Verifies signed content: nested_verify of nested.h. NULL: signed content is ALGORITHM_REFUSED, since nobody would
     * look at its signature. */
    enum reason (*nested)(void *ctx, const struct esd_label *outer, struct span text, struct arena *a,
                          struct open_inner *out);
    void *nested_ctx;
};

struct opened {
    struct esd_label label; /* filled as soon as the outside is read, also when a later check refuses */
    struct span plain;      /* in the caller's buffer, without padding */
    reason_set flags;       /* PLACE_UNVERIFIED, NO_CLOCK */
    struct span signer;     /* kid of the verified signature, inside or of a JWS that stands alone; empty: not signed */
    bool json;              /* the content is JSON (cty json) */
};

/* Checks in the order of e2e.md 5: outside, algorithm, place, TTP, key, commitment, AEAD or signature, padding. `out`
 * must have room for con.n octets (and for a detached payload); on a refusal it holds nothing of the content. A JWS
 * that stands alone is OK when at least one signature is by a known key and all those verify. */
MUST_USE enum reason open_envelope(struct opener *o, struct span con, const struct open_ask *ask, struct arena *a,
                                   struct buf *out, struct opened *res);

/* The AEAD alone, with the content key itself: for envelopes whose label was checked. ALGORITHM_REFUSED:
 * the key's length does not go with `enc`; TAMPERED; MALFORMED: the padding; FAILED. */
MUST_USE enum reason open_aead(struct opener *o, const struct esd_label *l, struct span cek, struct buf *out,
                               struct span *plain);

#endif
