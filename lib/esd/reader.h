/* reader.h - everything a reader checks before it believes a sealed reading (e2e.md 5): place, TTP, key, writer,
 * commitment, AEAD, order, time, and clear text where sealed text is expected. Pure: memory, time and state come
 * from the caller.
 *
 * Not thread-safe; one reader for one state store. */
#ifndef ESD_READER_H
#define ESD_READER_H

#include "esd/open.h"

enum {
    READER_WINDOW = 4096, /* indices below the mark that are remembered */
    READER_CR_MAX = 320,
    READER_AHEAD_MS = 5000, /* t_ms further in the future is STALE */
    READER_KID_TEXT = ESD_KID_MAX,
};

/* High-water mark of one key. Stored as it is. */
struct reader_mark {
    uint64_t ep;
    uint32_t high;                   /* highest index seen */
    uint8_t seen[READER_WINDOW / 8]; /* bit k: index high - 1 - k was seen */
    uint8_t sid[ESD_SID];
};
/* What is sticky about a stream. */
struct reader_stream {
    bool sealed; /* a sealed reading was opened once */
    uint64_t ep; /* highest epoch opened */
};

/* State store: called inside the caller's transaction, so that marks and opened readings are committed together.
 * Each returns ERR_NOTFOUND when there is nothing, or the store's own failures. kid is in upper case. */
struct reader_store {
    enum err (*mark_get)(void *ctx, struct span kid, struct reader_mark *out);
    enum err (*mark_put)(void *ctx, struct span kid, const struct reader_mark *m);
    /* SHA-256 of the envelope text of (kid, i); put also forgets indices below `forget`. */
    enum err (*hash_get)(void *ctx, struct span kid, uint32_t i, uint8_t out[ESD_HASH]);
    enum err (*hash_put)(void *ctx, struct span kid, uint32_t i, const uint8_t h[ESD_HASH], uint32_t forget);
    enum err (*stream_get)(void *ctx, const uint8_t sid[ESD_SID], struct reader_stream *out);
    enum err (*stream_put)(void *ctx, const uint8_t sid[ESD_SID], const struct reader_stream *s);
    /* The key under which (sid, ep) was first opened: another one flags WRITER_RESTORED. */
    enum err (*epoch_get)(void *ctx, const uint8_t sid[ESD_SID], uint64_t ep, struct buf *kid);
    enum err (*epoch_put)(void *ctx, const uint8_t sid[ESD_SID], uint64_t ep, struct span kid);
    void *ctx;
};

/* One cached key. Secret. */
struct reader_key {
    char kid[READER_KID_TEXT]; /* upper case */
    uint16_t kid_n, cr_n;
    uint8_t kv[128];
    uint8_t kv_n; /* 0: free slot */
    uint8_t suid;
    bool commits;
    bool checked; /* the commitment was checked, for the stream `sid`: two HMACs less for every further reading */
    uint8_t sid[ESD_SID];
    uint8_t wk[ESD_HASH];
    char cr[READER_CR_MAX];
    int64_t until_ms; /* absolute; never slides */
    uint64_t used;
};

struct reader {
    struct opener *opener;
    struct reader_store store;
    const struct span *ttps;
    size_t n_ttps;
    struct reader_key *keys; /* the caller's slots: the bound of the cache */
    size_t n_keys;
    int64_t max_age_ms; /* 0: no STALE by age */
    /* Verifies signed content (open_ask.nested); NULL: it is refused. */
    enum reason (*nested)(void *ctx, const struct esd_label *outer, struct span text, struct arena *a,
                          struct open_inner *out);
    void *nested_ctx;
    uint64_t ticks;
    uint64_t hits, misses; /* counters */
};

/* Puts a key into the cache, in the place of an expired or the least recently used one. ERR_RANGE: a length. */
MUST_USE enum err reader_key_put(struct reader *r, struct span kid, struct span kv, uint8_t suid, bool commits,
                                 struct span cr, const uint8_t *wk, int64_t until_ms);
/* True when the key is cached and not expired. */
bool reader_key_has(struct reader *r, struct span kid, int64_t now_ms);
void reader_key_drop(struct reader *r, struct span kid);
/* Wipes all keys. */
void reader_wipe(struct reader *r);

/* How the object came: `la` and NOTIFY and gap filling are judged for order; reads by name only against the
 * remembered hash. */
enum reader_how { READER_LATEST, READER_NOTIFY, READER_FILL, READER_BY_NAME };

struct reader_item {
    struct span con; /* value of `con`: the string's octets, or, when con_json, the JSON text of another type */
    bool con_json;
    struct span cnf;     /* empty: absent */
    struct span address; /* absolute structured address of the container as pinned; empty: not known */
    struct span writer;  /* pinned writer: absolute CSE-ID or AE-ID; empty: the hosting CSE of `address` */
    enum reader_how how;
    bool may_be_clear; /* the profile says that clear text is fine here (never after a sealed reading) */
    int64_t now_ms;
};
struct reader_result {
    enum reason reason;     /* REASON_OK: opened */
    reason_set flags;       /* remarks beside an opened reading: GAP, STALE, REPLAYED, PLACE_UNVERIFIED, ... */
    struct span plain;      /* the opened content; empty unless opened */
    bool json;              /* it is JSON (cty json, or clear JSON) */
    bool batch;             /* a JSON array of readings */
    bool clear;             /* it came as clear text, and that was allowed */
    uint32_t missing;       /* with GAP: how many indices */
    struct esd_label label; /* of a sealed object, as far as it was read */
    uint8_t sid[ESD_SID];
    struct span cr, wk; /* of the key */
    struct span signer; /* kid of the verified signature inside; empty: not signed */
};
/* Judges one object. NO_KEY_YET means: ask the TTP for label.kid, reader_key_put, call again; a caller that could
 * not reach the TTP reports its own reason. The plaintext stands in `out` (room for con.n octets). The store's
 * failures give FAILED. Call it inside the transaction that also stores the opened reading. */
enum reason reader_judge(struct reader *r, const struct reader_item *item, struct arena *a, struct buf *out,
                         struct reader_result *res);

/* Each reading of an opened batch, or the whole of a single one: calls `each` with the JSON text (or the plain
 * octets) and its number. ERR_SYNTAX when a batch is no JSON array. */
MUST_USE enum err reader_each(const struct reader_result *res, struct arena *a,
                              enum err (*each)(void *ctx, uint32_t n, struct span reading), void *ctx);

#endif
