/* oneseal/seal.h - a device seals its readings itself (device mode), without malloc. See label.h for the rules.
 *
 *     oneseal_sealer s;
 *     oneseal_sealer_init(&s, NULL)
 *     oneseal_epoch_begin(&s, "//demo.example/id-mn/mn/thermo-1/data", "ttp.demo.example", 1)
 *     oneseal_epoch_letter(...)   -> POST it to the TTP, or keep it durably until it is there
 *     oneseal_seal(...)           -> `con`; oneseal_seal_cnf(...) -> `cnf`; CREATE a contentInstance with them
 *
 * An epoch is the life of one random key. The caller keeps two promises that no library without storage can:
 *   - the epoch number rises with every oneseal_epoch_begin of a stream, also over restarts;
 *   - the letter of an epoch is stored durably before its first message leaves: without it nobody ever opens them. */
#ifndef ONESEAL_SEAL_H
#define ONESEAL_SEAL_H

#include "keys.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where random octets and the time come from. */
typedef struct oneseal_platform {
    size_t size;
    /* Fills p[0..n) with random octets from a cryptographic generator; 0: done. NULL: that of the cryptographic
     * library. */
    int (*random)(void *ctx, unsigned char *p, size_t n);
    /* Milliseconds since 1970; 0 or less: not known. NULL: there is no clock. Messages then carry time 0, and readers
     * flag `no-clock`. oneseal_system_clock for hosted systems. */
    int64_t (*clock)(void *ctx);
    void *ctx;
} oneseal_platform;
/* The clock of the operating system, for `clock` (hosted). */
ONESEAL_SAY int64_t oneseal_system_clock(void *ctx);

/* One writer of one stream. Holds the key: keep it in locked memory where there is such a thing. */
enum { ONESEAL_SEALER_SIZE = 12 * 1024 };
typedef union oneseal_sealer {
    uint64_t align_;
    void *align_p_;
    unsigned char memory_[ONESEAL_SEALER_SIZE];
} oneseal_sealer;

/* platform NULL: random octets of the cryptographic library, no clock. CRYPTO, NO_MEMORY. After OK end with
 * oneseal_sealer_free. The object must not be copied or moved. */
ONESEAL_API oneseal_status oneseal_sealer_init(oneseal_sealer *s, const oneseal_platform *platform);
/* Wipes the key and everything else. NULL and one whose init failed, or all zero, are fine. */
ONESEAL_SAY void oneseal_sealer_free(oneseal_sealer *s);

enum {
    ONESEAL_EPOCH_MESSAGES = 1 << 20, /* begin a new epoch after so many messages ... */
    ONESEAL_EPOCH_SECONDS = 3600,     /* ... or so long after its begin */
    ONESEAL_EPOCH_MESSAGES_MAX = 1 << 24
};

/* Begins an epoch with a fresh random Key Value; one before it ends. `address` is the absolute structured address of
 * the container, `ttp` the domain of the TTP that shall release the key, `epoch` 1, 2 ... PLACE_UNVERIFIED: the
 * address; BAD_ARGUMENT: the domain or the number; CRYPTO. */
ONESEAL_API oneseal_status oneseal_epoch_begin(oneseal_sealer *s, const char *address, const char *ttp, uint64_t epoch);
/* The same with a key that both ends were given beforehand: 16, 24 or 32 octets, used whole, under a name of the
 * owner's
 * ("thermo-1@demo.example"). There is no commitment, no letter and no TTP; oneseal/open.h opens with
 * ONESEAL_KEY_PROVISIONED. BAD_ARGUMENT: the length or the form of kid. */
ONESEAL_API oneseal_status oneseal_epoch_provisioned(oneseal_sealer *s, const char *address, const char *kid,
                                                     const unsigned char *key, size_t key_n, uint64_t epoch);
/* Wipes the key; sealing gives EPOCH_OVER until the next begin. */
ONESEAL_SAY void oneseal_epoch_end(oneseal_sealer *s);
/* The key's identifier; "" when there is no epoch. Lives until the epoch ends. */
ONESEAL_SAY const char *oneseal_epoch_kid(const oneseal_sealer *s);
/* 1 when the next epoch should begin (ONESEAL_EPOCH_MESSAGES, or ONESEAL_EPOCH_SECONDS by the platform's clock), or
 * none has begun. */
ONESEAL_SAY int oneseal_epoch_due(const oneseal_sealer *s);
/* The Key Value itself, for whoever hands it to its readers on another way than by a TTP. EPOCH_OVER, also
 * with a provisioned key. A secret. */
ONESEAL_API oneseal_status oneseal_epoch_value(const oneseal_sealer *s, unsigned char value[ONESEAL_KEY_VALUE]);

/* How a key is registered. */
typedef struct oneseal_letter {
    size_t size;
    const oneseal_identity *identity; /* signs */
    const char *writer;               /* absolute AE-ID, "//demo.example/id-mn/Cthermo-1" */
    const oneseal_bundle *ttp;        /* its vault opens the letter */
    const char *policy;               /* name of the policy that says who may read */
    int64_t until_ms;                 /* the TTP keeps the key until then; 0: the TTP decides */
    void *work;                       /* memory for the time of the call, wiped: ONESEAL_WORK octets, and */
    size_t work_n;                    /* ONESEAL_POLICY_READER more for each reader of a policy */
} oneseal_letter;
enum { ONESEAL_LETTER_MAX = 4 * 1024, ONESEAL_POLICY_READER = 512 };
/* The registration letter of the present epoch: text for POST to /letter of the TTP (content type application/jose).
 * out needs ONESEAL_LETTER_MAX octets at most. May allocate in the cryptographic library. EPOCH_OVER, also with a
 * provisioned key; NO_ROOM; CRYPTO.
 */
ONESEAL_API oneseal_status oneseal_epoch_letter(const oneseal_sealer *s, const oneseal_letter *how, char *out,
                                                size_t room, size_t *out_n);
/* A policy of this writer: who may read what is registered under its name. `version` is 1, then one more for every
 * change. Text for POST to /policy, before the first letter that names it. */
ONESEAL_API oneseal_status oneseal_policy(const oneseal_letter *how, uint64_t version, const char *const *readers,
                                          size_t readers_n, char *out, size_t room, size_t *out_n);

/* Registers this writer with the TTP, once, before anything else: text for POST to /client. `nonce` is the field
 * Oneseal-Nonce of an answer to GET /nonce, `certificate` the DER octets of the certificate of `identity`. how->policy
 * may be NULL. */
ONESEAL_API oneseal_status oneseal_registration(const oneseal_letter *how, const char *nonce,
                                                const unsigned char *certificate, size_t certificate_n, char *out,
                                                size_t room, size_t *out_n);
/* What the TTP answered to one of these texts (application/jose): signed by the vault, about this very request. OK: it
 * did what was asked; CONFLICT: another version is current, *version (may be NULL) tells which; TAMPERED, MALFORMED: it
 * is not the vault's answer to this; REFUSED and others as the vault says. An answer in another content type is not
 * signed and can only be taken for a refusal. */
ONESEAL_API oneseal_status oneseal_acknowledged(const oneseal_bundle *ttp, const char *request, size_t request_n,
                                                const char *answer, size_t answer_n, void *work, size_t work_n,
                                                uint64_t *version);

/* How a reading is sealed; NULL: text, not padded. */
typedef struct oneseal_seal_how {
    size_t size;
    int json;            /* 1: the content is JSON; 0: text */
    int batch;           /* 1: it is a JSON array of readings (json must be 1) */
    uint32_t bucket;     /* 0: no padding; otherwise the content is padded to a multiple of so many octets (<= 65536) */
    unsigned char *work; /* with a bucket: memory for content and padding, wiped afterwards; otherwise NULL */
    size_t work_n;
} oneseal_seal_how;
/* Octets that an envelope of n octets of content and padding needs at most, NUL included. */
#define ONESEAL_SEAL_ROOM(n) (((n)*4 + 2) / 3 + 1024)
/* Seals plain[0..n) and takes the next index of the epoch: the text for `con`. Nothing is allocated. NO_ROOM;
 * EPOCH_OVER; BAD_ARGUMENT: nothing to seal (n and padding 0), or more than ONESEAL_CONTENT_MAX; CRYPTO. No index is
 * taken then. */
ONESEAL_API oneseal_status oneseal_seal(oneseal_sealer *s, const oneseal_seal_how *how, const char *plain, size_t n,
                                        char *out, size_t room, size_t *out_n);
/* `cnf` that goes with it: `cnf` of the content (NULL: text or JSON, unencoded) with "protected" set. MALFORMED: no
 * contentInfo; CONFLICT: it says protected already. */
ONESEAL_API oneseal_status oneseal_seal_cnf(const char *cnf, int json, char *out, size_t room);

#ifdef __cplusplus
}
#endif
#endif
