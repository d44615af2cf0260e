/* head.h - heads: what a writer signs about its stream, so that a reader notices what a server or another reader did
 * (e2e.md 4; vectors README 17). A shared key lets every reader forge, and a server may drop, reorder or roll back;
 * neither can sign.
 *
 * A head is a JWS ES256, typ oneseal-head+jws, over {sid, ep, kid, kc, first, last, root, oldest, closed, prev, t,
 * ttp}. It covers one segment: the indices first..last of one key. `root` is the RFC 9162 root over SHA-256 of the
 * envelopes' text in index order. Three kinds:
 *
 *     segment     n > 0          at 1000 messages or 10 s; `prev` = SHA-256 of the link before, the text of its JWS
 *     heartbeat   n == 0         every 10 minutes while nothing comes: last = first - 1, root of the empty tree.
 *                                It repeats `prev` and is no link: nothing ever names it, it may be dropped for a later
 * one closing     closed         the last of its epoch, n >= 0: a link. The first head of ep + 1 names it in `prev`
 *
 * As an instance of e2e-heads a head has one of two forms. Both are signed ESData objects of the standard (TS-0003
 * 8.5.3.3), so that any JOSE library verifies them:
 *
 *     cnf application/json:0:1   con = JWS compact
 *     cnf application/json:0:2   con = JWS flattened JSON (RFC 7515 7.2.2) with a further member "hashes", base64url of
 *                                n * 32 octets: SHA-256 of each envelope in index order. Not signed: they hash to
 * `root`. 32 zero octets: the writer itself no longer knows that one (it was deleted before a crash); nobody can
 * confirm it, the others are as good as ever.
 *
 * The header carries the writer's public key (`jwk`). It proves nothing by itself: it counts when its RFC 7638
 * thumbprint is the `wk` that the TTP released with the content key. No allocation, no I/O, no clock. */
#ifndef ESD_HEAD_H
#define ESD_HEAD_H

#include "esd/jose.h"
#include "esd/log.h"

enum {
    HEAD_SEGMENT_MAX = 1000,         /* messages after which a head is due; also the most hashes in an instance */
    HEAD_SEGMENT_MS = 10 * 1000,     /* or so long after the first of them */
    HEAD_IDLE_MS = 10 * 60 * 1000,   /* a heartbeat */
    HEAD_TTP_MAX = LOG_NOTE_MAX,     /* octets of `ttp` */
    HEAD_PAYLOAD_MAX = 10 * 1024,    /* octets of the claims, `ttp` escaped */
    HEAD_JWS_MAX = 16 * 1024,        /* octets of a head's compact text */
    HEAD_CON_MAX = 64 * 1024 + 1024, /* octets of either form */
    HEAD_FULL_MAX = 16,              /* full segments that a writer may be behind with its heads */
    HEAD_ROOM = (HEAD_FULL_MAX + 1) * HEAD_SEGMENT_MAX,
};
#define HEAD_NAME       SPAN("e2e-heads")  /* child of container and flexContainer */
#define HEAD_NAME_AFTER SPAN("-e2e-heads") /* behind the name of a timeSeries: its sibling */
#define HEAD_LABEL      SPAN("e2e:heads")
#define HEAD_CNF        SPAN("application/json:0:1")
#define HEAD_CNF_HASHES SPAN("application/json:0:2")

/* The claims. */
struct head {
    uint8_t sid[ESD_SID], kc[ESD_KC], root[ESD_HASH];
    uint64_t ep;
    int64_t t;       /* ms since 1970; 0: no clock */
    struct span kid; /* as in the envelopes */
    uint32_t first, n;
    uint32_t oldest; /* the lowest index that may still be retained */
    bool closed;
    bool has_prev;
    uint8_t prev[ESD_HASH];
    struct span ttp; /* text of the newest checkpoint that the writer saw; empty: none */
};
/* A link: what `prev` may name. */
static inline bool head_is_link(const struct head *h)
{
    return h->n > 0 || h->closed;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

/* Appends the compact text. kid names the signing key ("53-//sp.example/mn-cse"). with_key: the public key goes into
 * the header. ERR_RANGE: an empty segment that begins at 0, or a number or text out of bounds; ERR_NOTNOW: no private
 * half; ERR_CRYPTO; the buf's errors. */
MUST_USE enum err head_sign(const struct head *h, const struct p256 *key, struct span kid, bool with_key,
                            struct buf *out);
/* The text of `con`: with n_hashes 0 the compact text itself, otherwise the flattened form. ERR_RANGE. */
MUST_USE enum err head_content(struct span jws, const struct log_hash *hashes, size_t n_hashes, struct buf *out);
/* SHA-256 of the compact text: what `prev` says. */
MUST_USE enum err head_id(struct span jws, uint8_t id[ESD_HASH]);

/* ---- reading one ------------------------------------------------------------------------------------ */

/* A head as read, not verified. Spans point into `con` or the arena. */
struct head_text {
    struct head head;
    struct jws jws;       /* jws.text: the compact text, also of the flattened form */
    uint8_t id[ESD_HASH]; /* of jws.text */
    struct span hashes;   /* n * 32 octets, or empty */
    struct p256 *key;     /* of the header; NULL: it has none. The caller's: head_text_free */
};
/* con: the string's octets in either form; the form is seen from the text, not from cnf. MALFORMED, ALGORITHM_REFUSED
 * (jws_read), also for claims that contradict themselves, and for hashes of another number than n. FAILED. On anything
 * but OK there is nothing to free. */
MUST_USE enum reason head_read(struct span con, struct arena *a, struct head_text *out);
void head_text_free(struct head_text *t);
/* Could con be a head? Cheap, for whoever must tell heads from readings; says nothing about validity. */
bool head_looks_like(struct span con);

/* What the reader knows about the key that a head speaks of: by the TTP's answer and by the place that it asked for. */
struct head_of {
    const uint8_t *sid; /* of the place; NULL: not known */
    struct span kid;
    const uint8_t *kc;        /* ESD_KC octets */
    const uint8_t *wk;        /* JOSE_THUMB octets: thumbprint of the writer's data-signing key */
    const struct p256 *known; /* that key, where the reader has it; NULL: the one in the header */
};
/* In this order: WRONG_PLACE, COMMITMENT_MISMATCH (kid or kc), PROOF_INVALID (no key with that thumbprint, the
 * signature, or hashes that do not make the root). FAILED. */
MUST_USE enum reason head_verify(const struct head_text *t, const struct head_of *of);

/* ---- a chain ---------------------------------------------------------------------------------------- */

/* What is remembered of one key's heads. Stored as it is; all zero: nothing yet. */
struct head_chain {
    uint64_t ep;
    int64_t t;            /* of the newest head */
    uint32_t next;        /* indices below are covered: the next link begins here */
    uint32_t from;        /* first index of the first link that was followed */
    uint32_t oldest;      /* the newest head's */
    bool begun, closed;   /* closed: no index from `next` on was ever sealed */
    uint8_t id[ESD_HASH]; /* of the newest link */
    uint32_t id_first;    /* its first index */
};
enum head_step {
    HEAD_FOLLOWS, /* the next one; the chain has moved on */
    HEAD_STARTS,  /* the first that this reader sees of the key; indices below chain.from are PARTIAL for it */
    HEAD_KNOWN,   /* an old one: fine for confirming what it covers; the chain stands */
    HEAD_AHEAD,   /* links between are missing: the chain stands. Fetch them and come back; where the server does not
                     have them, that is WITHHELD for chain.next .. head.first - 1, and head_skip goes on */
};
/* Call it with verified heads only. prior: the newest link of ep - 1 when it is known to be the closing one, else NULL.
 * PROOF_INVALID: it contradicts the chain: a fork, a second closing, a link behind the closing one, another `prev`, a
 * head that takes back what is covered. */
MUST_USE enum reason head_follow(struct head_chain *c, const struct head_text *t, const struct head_chain *prior,
                                 enum head_step *step);
/* Goes on behind a hole. */
void head_skip(struct head_chain *c, const struct head_text *t);
/* Is (kid, i) covered by the links seen so far? REASON_OK: yes, or it will be (i >= next). FORGED_BY_READER: the writer
 * closed the epoch before i. PARTIAL: below `from`. */
enum reason head_place(const struct head_chain *c, uint32_t i);

/* ---- confirming ------------------------------------------------------------------------------------- */

/* What the reader has of a segment: SHA-256 of the envelope at index i, whether opened now or remembered. ERR_NOTFOUND:
 * not there; anything else fails the call. */
struct head_got {
    enum err (*get)(void *ctx, uint32_t i, uint8_t out[ESD_HASH]);
    void *ctx;
};
struct head_say {
    void (*say)(void *ctx, uint32_t i, enum reason r);
    void *ctx;
};
/* The verdict of each index of a verified segment, in order:
 *     OK                confirmed: this very envelope is the writer's
 *     FORGED_BY_READER  the reader has an envelope there that is not the writer's
 *     WITHHELD          the reader has none, and it may still be retained (i >= oldest) and was promised (i >= since).
 *                       Retention moves between heads: say it to a user only when a head that is newer than the failed
 *                       fetch repeats it (pass the chain's `oldest`)
 *     PARTIAL           not there and evicted or before the reader came; or there, and others that it would take to
 *                       compute the root are not (no hashes were stored): no attack, no confirmation
 * A root that does not come out although every member is there, without stored hashes, makes all of them
 * FORGED_BY_READER: at least one is, and which one cannot be told. Returns the gravest: FORGED_BY_READER, WITHHELD,
 * PARTIAL, OK; FAILED: a getter or the hash function, nothing reliable was said. */
enum reason head_confirm(const struct head_text *t, uint32_t oldest, uint32_t since, struct head_got got,
                         struct head_say say);
/* One envelope against stored hashes alone: OK, FORGED_BY_READER, PARTIAL (no hash stored, or index outside). */
enum reason head_confirm_one(const struct head_text *t, uint32_t i, const uint8_t hash[ESD_HASH]);

/* ---- a writer's open segment ------------------------------------------------------------------------ */

/* One epoch of one stream as its writer keeps it. No secret in it. */
struct head_maker {
    uint8_t sid[ESD_SID], kc[ESD_KC];
    uint64_t ep;
    char kid[ESD_KID_OURS_MAX];
    uint16_t kid_n;
    bool has_prev;
    uint8_t prev[ESD_HASH];      /* the newest link; before the first one the closing head of ep - 1 */
    uint32_t first;              /* of the open segment */
    int64_t since;               /* time of its first message, on any clock that does not go back */
    int64_t beat;                /* time of the last head, or of the epoch's begin */
    int64_t segment_ms, idle_ms; /* HEAD_SEGMENT_MS, HEAD_IDLE_MS, or what the caller sets after begin */
    struct log_tree tree;
    struct log_hash full[HEAD_FULL_MAX]; /* roots of segments of HEAD_SEGMENT_MAX that wait for their heads */
    uint8_t n_full;
    struct log_hash *hashes; /* the caller's room for HEAD_ROOM, where they are to be stored; NULL: not */
};
/* prev NULL: none. ERR_RANGE: kid. */
MUST_USE enum err head_maker_begin(struct head_maker *m, const uint8_t sid[ESD_SID], const uint8_t kc[ESD_KC],
                                   uint64_t ep, struct span kid, const uint8_t *prev, int64_t now);
/* The next envelope in index order. A segment that is full stands aside until head_maker_make. ERR_LIMIT: HEAD_ROOM
 * messages wait for their heads; ERR_CRYPTO. */
MUST_USE enum err head_maker_add(struct head_maker *m, const struct log_hash *hash, int64_t now);
/* Messages that no head covers yet. */
static inline uint32_t head_maker_count(const struct head_maker *m)
{
    return (uint32_t)m->tree.size + (uint32_t)m->n_full * HEAD_SEGMENT_MAX;
}
/* When a head is due: the same clock. */
int64_t head_maker_due(const struct head_maker *m);
/* Writes con of the next head and its cnf (a constant): of the first full segment, else of the open one, which is empty
 * then. `closed` is heeded by the last of them alone: make heads until head_maker_count says 0. jws (HEAD_JWS_MAX
 * octets of room) is scratch. ERR_NOTNOW: nothing sealed yet, so nothing to say. On an error the maker is unchanged. */
struct head_make {
    const struct p256 *key;
    struct span signer; /* kid of the signing key */
    struct span ttp;
    uint32_t oldest;
    int64_t t; /* production time in ms since 1970; 0: no clock */
    int64_t now;
    bool closed;
};
MUST_USE enum err head_maker_make(struct head_maker *m, const struct head_make *how, struct buf *jws, struct buf *con,
                                  struct span *cnf);

#endif
