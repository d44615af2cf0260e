/* reader.h - everything a reader checks before it believes a sealed reading (e2e.md 5): place, TTP, key, writer,
 * commitment, AEAD, order, time, and clear text where sealed text is expected. Pure: memory, time and state come
 * from the caller.
 *
 * Two verdicts. `opened`: AEAD, place and order hold. `confirmed`: the writer's signed head covers it (reader_head.h);
 * the result tells it beside the first (`second`), and the store keeps it for what comes later.
 *
 * Not thread-safe; one reader for one state store. */
#ifndef ESD_READER_H
#define ESD_READER_H

#include "esd/open.h"

enum {
    READER_WINDOW = 4096, /* indices below the mark that are remembered */
    READER_CR_MAX = 320,
    READER_AHEAD_MS = 5000, /* t_ms further in the future is STALE; clocks of two writers differ by no more */
    READER_KID_TEXT = ESD_KID_MAX,
    READER_HEARTBEAT_MS = 10 * 60 * 1000, /* so often a writer shows a head even when nothing comes (e2e.md 4) */
};
#define READER_NO_INDEX UINT32_MAX

/* High-water mark of one key. Stored as it is. */
struct reader_mark {
    uint64_t ep;
    uint32_t high;                   /* highest index seen */
    uint8_t seen[READER_WINDOW / 8]; /* bit k: index high - 1 - k was seen */
    uint8_t sid[ESD_SID];
    uint32_t low;   /* from here on every index was promised by notifications; READER_NO_INDEX: none was */
    uint32_t shown; /* 1 + the highest index that `la` showed; 0: none */
};
/* What is sticky about a stream. Stored as it is. */
struct reader_stream {
    uint64_t ep;   /* highest epoch opened */
    int64_t la_t;  /* latest production time that `la` showed; 0: none */
    uint32_t la_i; /* what `la` showed last: index, and hash of the kid */
    uint8_t la_kid[ESD_HASH];
    bool sealed;   /* a sealed reading was opened once */
    bool notified; /* notifications come: what begins from now on is promised whole */
};

/* State store: called inside the caller's transaction, so that marks and opened readings are committed together.
 * Each getter returns ERR_NOTFOUND when there is nothing, or the store's own failures. kid is in upper case. */
struct reader_store {
    enum err (*mark_get)(void *ctx, struct span kid, struct reader_mark *out);
    enum err (*mark_put)(void *ctx, struct span kid, const struct reader_mark *m);
    /* SHA-256 of the envelope text of (kid, i) and when it came (came_ms may be NULL); put also forgets indices below
     * `forget`. */
    enum err (*hash_get)(void *ctx, struct span kid, uint32_t i, uint8_t out[ESD_HASH], int64_t *came_ms);
    enum err (*hash_put)(void *ctx, struct span kid, uint32_t i, const uint8_t h[ESD_HASH], int64_t came_ms,
                         uint32_t forget);
    enum err (*stream_get)(void *ctx, const uint8_t sid[ESD_SID], struct reader_stream *out);
    enum err (*stream_put)(void *ctx, const uint8_t sid[ESD_SID], const struct reader_stream *s);
    /* The key under which (sid, ep) was first opened: another one flags WRITER_RESTORED. */
    enum err (*epoch_get)(void *ctx, const uint8_t sid[ESD_SID], uint64_t ep, struct buf *kid);
    enum err (*epoch_put)(void *ctx, const uint8_t sid[ESD_SID], uint64_t ep, struct span kid);
    /* The chain of heads of a key, an opaque value of n octets (at most READER_CHAIN_MAX); next gives the first kid of
     * the stream behind `after` (empty: the first) in any fixed order. */
    enum err (*chain_get)(void *ctx, struct span kid, void *out, size_t n);
    enum err (*chain_put)(void *ctx, struct span kid, const uint8_t sid[ESD_SID], const void *chain, size_t n);
    enum err (*chain_next)(void *ctx, const uint8_t sid[ESD_SID], struct span after, struct buf *kid);
    /* Verified heads by kid and first index, as they came; `open`: not every index is confirmed yet. cover: the one
     * that covers i; next: the first open one with first >= from. Their text is appended to `con`. put replaces, and
     * forgets those that end below `forget`. */
    enum err (*head_put)(void *ctx, struct span kid, uint32_t first, uint32_t n, struct span con, bool open,
                         uint32_t forget);
    enum err (*head_cover)(void *ctx, struct span kid, uint32_t i, struct buf *con);
    enum err (*head_next)(void *ctx, struct span kid, uint32_t from, uint32_t *first, struct buf *con);
    /* The second verdict of (kid, i): OK (confirmed), FORGED_BY_READER, WITHHELD, PARTIAL. */
    enum err (*second_get)(void *ctx, struct span kid, uint32_t i, enum reason *out);
    enum err (*second_put)(void *ctx, struct span kid, uint32_t i, enum reason r);
    void *ctx;
};
enum { READER_CHAIN_MAX = 256 };

/* One cached key. Secret. */
struct reader_key {
    char kid[READER_KID_TEXT]; /* upper case */
    uint16_t kid_n, cr_n;
    uint8_t kv[128];
    uint8_t kv_n; /* 0: free slot */
    uint8_t suid;
    bool commits;
    bool checked; /* the commitment was checked, for the stream `sid`: two HMACs less for every further reading */
    bool signs;   /* wk is there: its heads can be judged */
    bool has_kc;  /* kc came with the key */
    bool touched; /* used since it came: worth a refresh */
    uint8_t sid[ESD_SID];
    uint8_t wk[ESD_HASH], kc[ESD_KC];
    char cr[READER_CR_MAX];
    int64_t until_ms;   /* absolute; never slides */
    int64_t refresh_ms; /* when to ask again, ahead of until_ms */
    uint64_t used;
};

/* Counters of the cache, in the order in which they are told. */
struct reader_counters {
    uint64_t hits, misses;
    uint64_t asked;     /* keys asked for, first time and again */
    uint64_t refreshes; /* of these, ahead of their expiry */
    uint64_t coalesced; /* wishes that found the same key being asked for, or just denied */
    uint64_t refusals;  /* keys that were denied */
    uint64_t expired, evicted;
};

/* What a stream's reader is content with (the profile's [stream]). */
struct reader_policy {
    reason_set fatal;     /* remarks that refuse the reading; out of READER_CHOICE */
    int64_t max_age_ms;   /* 0: no STALE by age */
    int64_t heartbeat_ms; /* no head for so long: WITHHELD; 0: READER_HEARTBEAT_MS */
    alg_set allow;        /* algorithms; 0: the whole profile */
};
/* What a policy may choose about; everything else refuses always. Without a policy REPLAYED and ROLLED_BACK refuse. */
#define READER_BIT(name) ((reason_set)1 << REASON_##name)
#define READER_CHOICE                                                                                                  \
    (READER_BIT(PLACE_UNVERIFIED) | READER_BIT(REPLAYED) | READER_BIT(ROLLED_BACK) | READER_BIT(GAP) |                 \
     READER_BIT(STALE) | READER_BIT(NO_CLOCK) | READER_BIT(WRITER_RESTORED))
#define READER_FATAL (READER_BIT(REPLAYED) | READER_BIT(ROLLED_BACK))

struct reader {
    struct opener *opener;
    struct reader_store store;
    const struct span *ttps;
    size_t n_ttps;
    struct reader_key *keys; /* the caller's slots: the bound of the cache */
    size_t n_keys;
    const struct reader_policy *policy; /* of streams whose item names none; NULL: the default */
    /* Verifies signed content (open_ask.nested); NULL: it is refused. */
    enum reason (*nested)(void *ctx, const struct esd_label *outer, struct span text, struct arena *a,
                          struct open_inner *out);
    void *nested_ctx;
    /* Keys that the reader has without a TTP (provisioned ones, private halves of its certificates): asked before the
     * cache. NO_KEY_YET: not one of them. NULL: there are none. */
    enum reason (*own)(void *ctx, const struct esd_label *l, struct open_key *out);
    void *own_ctx;
    uint64_t jitter; /* seed of the times of refresh: random, so that readers do not come together */
    uint64_t ticks;
    struct reader_counters count;
};

/* A key as it came. */
struct reader_fresh {
    struct span kid, value; /* value: 16 to 128 octets */
    uint8_t suid;
    bool commits;
    struct span cr;    /* who registered it */
    const uint8_t *wk; /* JOSE_THUMB octets; NULL: no heads can be judged */
    const uint8_t *kc; /* ESD_KC octets; NULL: made from the value where it has 64 octets */
    int64_t now_ms;    /* with until_ms gives the time of the refresh: the last fifth to tenth of its life */
    int64_t until_ms;  /* INT64_MAX: never, and no refresh */
};
/* Puts a key into the cache, in the place of itself, of an expired or of the least recently used one. ERR_RANGE: a
 * length. */
MUST_USE enum err reader_key_put(struct reader *r, const struct reader_fresh *k);
/* True when the key is cached and not expired. */
bool reader_key_has(struct reader *r, struct span kid, int64_t now_ms);
void reader_key_drop(struct reader *r, struct span kid);
/* Keys that were used and whose time of refresh has come, at most max; they are counted and not given again before
 * half of the rest of their life is over. Spans live as long as the slots. */
size_t reader_key_due(struct reader *r, int64_t now_ms, struct span *kids, size_t max);
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
    const struct reader_policy *policy; /* NULL: the reader's */
    int64_t now_ms;
};
struct reader_result {
    enum reason reason;     /* REASON_OK: opened */
    enum reason second;     /* REASON_OK: confirmed; UNCONFIRMED: no head yet; WITHHELD, FORGED_BY_READER, PARTIAL */
    reason_set flags;       /* remarks beside an opened reading: GAP, STALE, REPLAYED, PLACE_UNVERIFIED, ... */
    struct span plain;      /* the opened content; empty unless opened */
    bool json;              /* it is JSON (cty json, or clear JSON) */
    bool batch;             /* a JSON array of readings */
    bool clear;             /* it came as clear text, and that was allowed */
    bool anyone;            /* a public key sealed it: opened tells nothing about who did; only confirmed counts */
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

/* Indices of the key that are promised and not seen, lowest first, at most max; `end`: look as far as this index
 * (exclusive), when a head names more than came. FAILED: the store. */
enum reason reader_holes(struct reader *r, struct span kid, uint32_t end, uint32_t *out, size_t max, size_t *n);

#endif
