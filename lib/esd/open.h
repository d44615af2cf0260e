/* open.h - the reader's half: JWE compact with `dir` becomes plaintext, or a reason (e2e.md 3, 5).
 *
 * A CSE never opens: its build defines ONESEAL_NEVER_OPENS, and this header does not compile there. */
#ifndef ESD_OPEN_H
#define ESD_OPEN_H

#ifdef ONESEAL_NEVER_OPENS
#error "this program never opens sealed data (architecture.md 1): it must not include esd/open.h"
#endif

#include "esd/keys.h"

/* One per thread: OpenSSL's contexts, fetched once. */
struct opener {
    void *gcm;
    const void *alg[3];
};
/* ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err opener_init(struct opener *o);
void opener_free(struct opener *o);

/* The key that goes with a kid, as the cache or the TTP gave it. */
struct open_key {
    struct span value; /* 16 to 128 octets; of a key registered at a TTP (SUID 24, 34) the first half is used
                        * (TS-0003 8.3.5.1), of a provisioned one (14) the whole */
    uint8_t suid;      /* 14, 24, 34 may encrypt; anything else is ALGORITHM_REFUSED */
    bool commits;      /* the stream requires commitment: kid and KC are checked against value and sid */
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
    /* Finds the key. Any reason but OK ends the opening with it. The span in *out must live until the end
     * of the call. */
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
    struct span signer;     /* kid of the verified signature inside; empty: not signed */
    bool json;              /* the content is JSON (cty json) */
};

/* Checks in the order of e2e.md 5: outside, algorithm, place, TTP, key, commitment, AEAD, padding. `out` must
 * have room for con.n octets; on a refusal it holds nothing of the content. */
MUST_USE enum reason open_envelope(struct opener *o, struct span con, const struct open_ask *ask, struct arena *a,
                                   struct buf *out, struct opened *res);

/* The AEAD alone, with the content key itself: for envelopes whose label was checked. ALGORITHM_REFUSED:
 * the key's length does not go with `enc`; TAMPERED; MALFORMED: the padding; FAILED. */
MUST_USE enum reason open_aead(struct opener *o, const struct esd_label *l, struct span cek, struct buf *out,
                               struct span *plain);

#endif
