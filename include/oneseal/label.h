/* oneseal/label.h - statuses of liboneseal, and what the outside of a sealed reading tells.
 *
 * liboneseal seals and opens oneM2M content end to end (TS-0003 ESData). Headers:
 *
 *     label.h   statuses; reads the outside of an envelope              device
 *     keys.h    stream identifiers, key identifiers, signing keys       device
 *     seal.h    writers: epochs, registration letters, sealing          device
 *     open.h    readers: one envelope with a key that the caller has    device
 *     client.h  profile, requests, TTP, store, subscriptions            hosted
 *
 * The device headers take all memory from the caller: no call of malloc, files, threads or clock by this library (the
 * cryptographic library below may allocate; it does so in *_init, *_begin and where a function says so, never in
 * oneseal_seal and oneseal_open of the compact form). client.h is for systems with all of that.
 *
 * Rules for every function:
 *   - It returns ONESEAL_OK or why not; oneseal_code() and oneseal_sentence() tell it in words. Nothing is printed.
 *   - NULL where none is allowed, an object that was not initialised and a number out of range give
 *     ONESEAL_BAD_ARGUMENT; room that is too small gives ONESEAL_NO_ROOM. Outputs are then unchanged, or empty.
 *   - Text in is UTF-8, ended by NUL unless a length goes with it; text out is ended by NUL, which is not counted.
 *   - An object belongs to one thread at a time. Different objects do not share anything.
 *
 * Versions: within one soname (liboneseal.so.0) functions and numbers are only added. Structs that the caller makes
 * begin with `size`: set it to sizeof, zero the rest (ONESEAL_INIT); members are only added behind. */
#ifndef ONESEAL_LABEL_H
#define ONESEAL_LABEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of these headers; oneseal_version() tells that of the library. */
#define ONESEAL_VERSION       "0.1.0"
#define ONESEAL_VERSION_MAJOR 0
#define ONESEAL_VERSION_MINOR 1
#define ONESEAL_VERSION_PATCH 0

#if defined(__GNUC__) || defined(__clang__)
#define ONESEAL_API __attribute__((visibility("default"))) __attribute__((warn_unused_result))
#define ONESEAL_SAY __attribute__((visibility("default")))
#else
#define ONESEAL_API
#define ONESEAL_SAY
#endif

/* For structs that begin with `size`: oneseal_x how = ONESEAL_INIT(oneseal_x); then set members. Or as C has it:
 * oneseal_x how = {.size = sizeof how, .member = ...}. In C++: oneseal_x how{}; how.size = sizeof how; */
#define ONESEAL_INIT(type)                                                                                             \
    {                                                                                                                  \
        .size = sizeof(type)                                                                                           \
    }

enum {
    ONESEAL_SID = 16,       /* octets of a stream identifier */
    ONESEAL_KEY_VALUE = 64, /* octets of a Key Value made by a writer or a TTP */
    ONESEAL_FQDN_MAX = 253,
    ONESEAL_KID_MAX = 320,
    ONESEAL_CONTENT_MAX = 16 * 1024 * 1024, /* octets of an envelope */
    ONESEAL_WORK = 16 * 1024,               /* octets of work memory: any header as oneseal writes them */
    ONESEAL_WORK_MAX = 2048 * 1024          /* any object; of base64 (contentSecurity 3) its length in addition */
};

/* The verdicts about sealed data and keys (1 to 63, also used as bits in a set of flags), and what else can happen
 * (100 and up). Numbers never change. */
typedef enum oneseal_status {
    ONESEAL_OK = 0,
    /* The data, its key, its order: the words are those of `oneseal explain`. */
    ONESEAL_MALFORMED = 1,
    ONESEAL_ALGORITHM_REFUSED = 2,
    ONESEAL_WRONG_PLACE = 3,
    ONESEAL_PLACE_UNVERIFIED = 4,
    ONESEAL_UNKNOWN_TTP = 5,
    ONESEAL_NO_KEY_YET = 6,
    ONESEAL_TTP_UNREACHABLE = 7,
    ONESEAL_TTP_SEALED = 8,
    ONESEAL_REFUSED = 9,
    ONESEAL_EXPIRED = 10,
    ONESEAL_SHREDDED = 11,
    ONESEAL_WRITER_CHANGED = 12,
    ONESEAL_COMMITMENT_MISMATCH = 13,
    ONESEAL_TAMPERED = 14,
    ONESEAL_REPLAYED = 15,
    ONESEAL_ROLLED_BACK = 16,
    ONESEAL_GAP = 17,
    ONESEAL_STALE = 18,
    ONESEAL_WITHHELD = 19,
    ONESEAL_FORGED_BY_READER = 20,
    ONESEAL_PROOF_INVALID = 21,
    ONESEAL_NOT_SEALED = 22,
    ONESEAL_NO_CREDENTIAL = 23,
    ONESEAL_REGISTRATION_OVERDUE = 24,
    ONESEAL_NO_CLOCK = 25,
    ONESEAL_WRITER_RESTORED = 26,
    ONESEAL_PARTIAL = 27,
    ONESEAL_UNCONFIRMED = 28,
    ONESEAL_OTHER_VERDICT = 63, /* one that is newer than these headers */
    /* The caller, the system, the other end. */
    ONESEAL_BAD_ARGUMENT = 100,
    ONESEAL_NO_ROOM = 101,
    ONESEAL_EPOCH_OVER = 102, /* no epoch was begun, or its hard limit is reached: begin another one */
    ONESEAL_CRYPTO = 103,     /* the cryptographic library or a random callback failed */
    ONESEAL_NO_MEMORY = 104,
    ONESEAL_CONFIG = 105, /* the profile or a file that it names is not valid */
    ONESEAL_NOT_FOUND = 106,
    ONESEAL_CONFLICT = 107,     /* it is there already */
    ONESEAL_NO_PRIVILEGE = 108, /* access control said no */
    ONESEAL_UNREACHABLE = 109,  /* no answer from the CSE, or TLS failed */
    ONESEAL_STOPPED = 110,      /* oneseal_client_stop was called, or a callback ended the run */
    ONESEAL_FAILED = 111        /* something else in this process; oneseal_client_why tells what */
} oneseal_status;

/* A set of verdicts: bit number = status, below 64. */
#define ONESEAL_FLAG(status) (UINT64_C(1) << (status))

/* "0.1.0". */
ONESEAL_SAY const char *oneseal_version(void);
/* The word for a status: "ok", "wrong-place", "bad-argument". Never NULL; "unknown" for any other number. */
ONESEAL_SAY const char *oneseal_code(oneseal_status s);
/* One sentence for users. Never NULL. */
ONESEAL_SAY const char *oneseal_sentence(oneseal_status s);
/* 1 when waiting and trying again may help, otherwise 0. */
ONESEAL_SAY int oneseal_heals(oneseal_status s);

/* What an envelope tells without a key. Texts are empty where there is nothing. Filled by the library; `reserved` is
 * for members of later versions. */
typedef struct oneseal_label {
    char kid[ONESEAL_KID_MAX + 1];  /* the key's identifier */
    char ttp[ONESEAL_FQDN_MAX + 1]; /* the domain behind its @ */
    int sealed_here;                /* 1: it has the member e2e; otherwise all below is 0 */
    int device;                     /* 1: the device sealed, 0: its gateway */
    int batch;                      /* 1: a JSON array of readings */
    int json;                       /* 1: the content is JSON */
    unsigned char sid[ONESEAL_SID]; /* the stream that it was sealed for */
    uint32_t index;                 /* in its epoch */
    uint32_t padding;               /* octets */
    uint64_t epoch;
    uint64_t time_ms; /* of production, ms since 1970; 0: the writer had no clock */
    unsigned char reserved[128];
} oneseal_label;

/* Reads the outside of the JWE compact text con[0..n) (the value of `con`). `work` is memory for the time of the call,
 * ONESEAL_WORK octets for what oneseal writes. MALFORMED, ALGORITHM_REFUSED; NO_ROOM: more work memory is needed. Says
 * nothing about who wrote it or whether it is whole: only opening does. */
ONESEAL_API oneseal_status oneseal_label_read(const char *con, size_t n, void *work, size_t work_n, oneseal_label *out);
/* 1 when the text can be an envelope: five parts that begin as ours do. Cheap; says nothing about validity. */
ONESEAL_SAY int oneseal_label_looks_sealed(const char *con, size_t n);

#ifdef __cplusplus
}
#endif
#endif
