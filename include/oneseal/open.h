/* oneseal/open.h - opens one envelope with a key that the caller has, without malloc. See label.h for the rules.
 *
 * This is the stateless half of a reader: form, algorithm, place, TTP, key, commitment, authenticity. What needs
 * memory of earlier readings (replay, order, gaps, heads, sticky sealing) and the release of keys by a TTP is client.h.
 */
#ifndef ONESEAL_OPEN_H
#define ONESEAL_OPEN_H

#include "keys.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Holds the last key: keep it in locked memory where there is such a thing. */
enum { ONESEAL_OPENER_SIZE = 12 * 1024 };
typedef union oneseal_opener {
    uint64_t align_;
    void *align_p_;
    unsigned char memory_[ONESEAL_OPENER_SIZE];
} oneseal_opener;
/* CRYPTO, NO_MEMORY. After OK end with oneseal_opener_free. The object must not be copied or moved. */
ONESEAL_API oneseal_status oneseal_opener_init(oneseal_opener *o);
/* Wipes it. NULL and one whose init failed, or all zero, are fine. */
ONESEAL_SAY void oneseal_opener_free(oneseal_opener *o);

typedef enum oneseal_key_kind {
    ONESEAL_KEY_OURS = 0,       /* a Key Value of 64 octets; kid commits to it, which is checked */
    ONESEAL_KEY_REGISTERED = 1, /* registered at a TTP by somebody who makes no commitment; the first half counts */
    ONESEAL_KEY_PROVISIONED = 2 /* given to both ends beforehand; used whole, no commitment */
} oneseal_key_kind;
enum { ONESEAL_KEY_VALUE_MAX = 128 };
typedef struct oneseal_key {
    oneseal_key_kind kind;
    const unsigned char *value; /* 16 to ONESEAL_KEY_VALUE_MAX octets */
    size_t n;
} oneseal_key;

typedef struct oneseal_open_how {
    size_t size;
    /* The container that the caller asked for, as an absolute structured address. NULL: not known; then
     * ONESEAL_PLACE_UNVERIFIED is flagged. */
    const char *address;
    /* The TTPs whose keys count; ttps_n 0: any, since the caller chose the key itself (compact form only: with security
     * 2 or 3 they must be named). */
    const char *const *ttps;
    size_t ttps_n;
    /* The key, or, when `find` is set, whom to ask for it. */
    oneseal_key key;
    /* Finds the key for label->kid; any status but OK ends the opening with it. key->value must live until
     * oneseal_open returns. */
    oneseal_status (*find)(void *ctx, const oneseal_label *label, oneseal_key *key);
    void *ctx;
    /* contentSecurity, the last part of cnf: 1 compact, 2 JSON, 3 base64 of JSON. 0 counts as 1. */
    int security;
    /* Work memory: ONESEAL_WORK for what oneseal writes, ONESEAL_WORK_MAX for anything. */
    void *work;
    size_t work_n;
} oneseal_open_how;

/* What was opened. */
typedef struct oneseal_opened {
    oneseal_label label; /* filled as far as it could be read, also when the verdict is not OK */
    size_t n;            /* octets of the content, without padding */
    uint64_t flags;      /* ONESEAL_FLAG of PLACE_UNVERIFIED, NO_CLOCK */
    int json;            /* 1: the content is JSON */
    unsigned char reserved[60];
} oneseal_opened;

/* Opens con[0..n) into plain, which needs n octets of room; a NUL is set behind the content. The verdict is the first
 * check that fails, in this order: MALFORMED, ALGORITHM_REFUSED, WRONG_PLACE, UNKNOWN_TTP, what `find` says,
 * COMMITMENT_MISMATCH, TAMPERED. On any verdict but OK `plain` holds nothing of the content. Signed content inside an
 * envelope is ALGORITHM_REFUSED here: its signature needs a signer's key (client.h). */
ONESEAL_API oneseal_status oneseal_open(oneseal_opener *o, const oneseal_open_how *how, const char *con, size_t n,
                                        char *plain, size_t room, oneseal_opened *out);

#ifdef __cplusplus
}
#endif
#endif
