/* vault_own.h - the vault's inside, shared by its own files only. */
#ifndef TTP_VAULT_OWN_H
#define TTP_VAULT_OWN_H

#include "esd/letter.h"
#include "esd/log.h"
#include "esd/release.h"
#include "ttp/kind.h"
#include "ttp/vault.h"
#include "ttp/vault_ca.h"
#include "ttp/vault_health.h"
#include "ttp/vault_hold.h"
#include "ttp/vault_life.h"
#include "ttp/vault_map.h"
#include "ttp/vault_peer.h"
#include "ttp/vault_quarantine.h"
#include "ttp/vault_quota.h"
#include "ttp/vault_scrub.h"
#include "ttp/vault_till.h"
#include "ttp/vault_tomb.h"
#include "ttp/vault_witness.h"
#include "ttp/vault_work.h"

/* Every verification of a signature in the vault goes through this, and every question about the class of a row. The
 * hostile tests build a vault in which it always succeeds, to show that their attacks then get a key; the shipped
 * program is never built so. */
#ifdef HOSTILE_CONTROL
static inline enum reason vault_verify_not(enum reason verdict)
{
    (void)verdict;
    return REASON_OK;
}
#define VAULT_VERIFY(verdict) vault_verify_not(verdict)
#define VAULT_CLASS(allowed)  ((allowed) || true)
#else
#define VAULT_VERIFY(verdict) (verdict)
#define VAULT_CLASS(allowed)  (allowed)
#endif

enum {
    VAULT_KEY = 32,               /* octets of RK, TK, SK, MK */
    VAULT_BOX = 12 + 16,          /* octets that a box is longer than its content */
    VAULT_NONCE_S = 120,          /* seconds a nonce is good for */
    VAULT_AHEAD_S = 5,            /* seconds a nonce may be ahead: a clock that was set back */
    VAULT_ET_DAYS = 400,          /* life of a registration whose letter names none */
    VAULT_PAIR_DAYS = 30,         /* how long a strict pair waits for its activation */
    VAULT_TTL_S = 600,            /* how long an honest reader keeps a released key */
    VAULT_BATCH_MAX = 256,        /* requests decided in one batch */
    VAULT_READ_KEYS = 512,        /* clients' keys that stay ready for use */
    VAULT_TOUCHES = 4096,         /* writes that are remembered for it */
    VAULT_FOLD_MAX = 256,         /* (client, code) pairs of denials folded at a time */
    VAULT_LIFE_LEAVES = 16,       /* leaves of one batch that nobody asked for */
    VAULT_ASK_MEMORY = 8 << 20,   /* octets of work for one request */
    VAULT_ANSWER_MAX = 1536 << 10 /* octets of one answer */
};

/* What stands in memory and in the snapshot. */
enum vault_table {
    TABLE_CLIENTS,
    TABLE_POLICIES,
    TABLE_DENIALS,
    TABLE_SHREDS,
    TABLE_LIFE,
    TABLE_CUSTODY,
    TABLE_NEWS,
    TABLE_CA,     /* vault_ca.h */
    TABLE_TOKENS, /* vault_join.h */
    TABLE_ISSUED, /* vault_est.h */
    TABLE_WITNESSED,
    TABLE_ADMINS,   /* vault_reg.h: administrations and whom they admit */
    TABLE_REGS,     /* vault_reg.h: oneM2M client registrations */
    TABLE_CHANGES,  /* vault_change.h: what an UPDATE changed of a key registration */
    TABLE_COMMANDS, /* vault_command.h: MEF client commands */
    TABLE_PEERS,
    TABLE_PSK, /* vault_psk.h: pre-shared keys of clients without a certificate */
    TABLE__N
};

struct vault_undo {
    struct vault_undo *next;
    enum vault_table table;
    bool was;               /* a value was there */
    struct span key, value; /* behind the struct */
};

/* All in locked memory. */
struct vault_secrets {
    uint8_t rk[VAULT_KEY], mk[VAULT_KEY], boot[VAULT_KEY]; /* mk: of snapshots, from rk */
    uint8_t other[VAULT_KEY]; /* a second root at start, of a re-keying that did not end; the next one while it comes */
    uint8_t before[VAULT_KEY]; /* the root before, until the head of the re-keying is kept */
};

/* One row that a request needs. */
struct vault_found {
    bool here, came;
    struct row row;
    struct span sealed, stream_key, tenant_key;
    uint64_t ep; /* STREAM: highest epoch */
};

struct vault_ask {
    struct vault_ask *next;
    uint64_t id;
    enum ttp_kind kind;
    uint8_t base;
    uint8_t space; /* enum ttp_space */
    bool gathered; /* every row that it needs has come */
    bool done;     /* answered */
    bool away;     /* its leaf is there, and the answer comes from a partner (vault_relay.c) */
    struct arena mem;
    struct span peer, body;
    uint8_t req[ESD_HASH]; /* SHA-256 of body */
    struct vault_m2m *m2m; /* a request of the oneM2M face (vault_m2m.h), or NULL */
    struct jws jws;
    void *own; /* the kind's own, in mem */
    struct vault_found *need;
    size_t n_need, n_came;
    uint64_t asked_at;    /* v->commits when the rows were asked for */
    uint64_t asked_scrub; /* run of the scrub that it waits for */
    bool flying;
    struct vault_hold hold;
    /* with a leaf */
    bool leaf;
    uint8_t salt[LOG_SALT];
    struct span record;
    uint64_t index;
    bool prove;
    uint64_t prove_from;
    struct span proof;
    struct vault_till *till; /* NULL: it came by the front */
};

struct vault_fold {
    uint64_t minute, n;
    enum reason code;
    uint16_t iss_n;
    char iss[256];
};

/* What a batch wrote, so that a request which looked before that looks again: hash of a kid, stream or tenant. */
struct vault_touch {
    uint8_t what[16];
    uint64_t commit; /* v->commits after the batch */
};

/* A client's key as it was read: what its thumbprint stands for never changes. */
struct vault_read_key {
    uint8_t jkt[JOSE_THUMB];
    struct p256 *key;
};

struct vault {
    struct vault_conf conf;
    struct msg_end end;
    uint32_t state;
    struct vault_secrets *secret;
    char fqdn[ESD_FQDN_MAX + 1];
    char origin[ESD_FQDN_MAX + 8]; /* <fqdn>/log */
    void *anchors;                 /* X509_STORE */
    struct p256 *identity, *sealing, *release, *operator_key;
    char sealing_kid[ESD_FQDN_MAX + 16], release_kid[ESD_FQDN_MAX + 16];
    uint8_t log_public[LOG_PUBLIC];
    struct buf bundle;
    struct vault_life life;
    struct vault_work work;
    struct vault_tombs tombs;
    struct {
        unsigned stage;
        uint64_t id;
    } rewrap; /* vault_root.c */
    /* loading */
    bool has_other, other_fits;
    bool known;
    bool init;
    uint64_t known_size, want_size, replay_to;
    struct log_hash known_root;
    uint8_t known_state[MSG_HASH];
    /* state */
    struct log_tree tree;
    struct vault_map table[TABLE__N];
    uint64_t changes; /* rises with what concerns every writer (vault_news.h) */
    uint8_t state_hash[MSG_HASH];
    uint64_t snapshot_size; /* leaves in the newest snapshot */
    struct log_head head;   /* newest signed */
    struct buf note;
    /* requests, oldest first */
    struct vault_ask *first, **last;
    size_t n_asks;
    /* the batch under way */
    struct log_tree before; /* the tree without it */
    struct log_hash leaf[2 * VAULT_BATCH_MAX + VAULT_FOLD_MAX + VAULT_LIFE_LEAVES + VAULT_PEERS_MAX];
    size_t n_leaf;
    struct vault_ask *flying[VAULT_BATCH_MAX];
    size_t n_flying;
    bool open, changed, snapshot_sent;
    uint8_t state_before[MSG_HASH];
    uint64_t changes_before;
    struct vault_undo *undo;
    uint64_t commits;
    struct vault_touch touch[VAULT_TOUCHES]; /* a ring, newest at (n_touch - 1) % VAULT_TOUCHES */
    uint64_t n_touch, n_touch_before;
    /* denials that are not in a leaf yet */
    struct vault_fold fold[VAULT_FOLD_MAX];
    size_t n_fold;
    struct vault_ca ca; /* vault_ca.h */
    struct vault_health health;
    struct vault_quota quota;
    struct vault_holds holds;
    struct vault_witnesses witness;
    struct vault_scrub scrub;
    struct vault_tills tills;
    struct vault_read_key read_key[VAULT_READ_KEYS]; /* slot: first octets of the thumbprint */
    struct vault_quarantine quarantine;
    struct vault_peers peers;
    struct buf scratch; /* secrets pass through it; wiped after each use */
};

/* ---- vault_box.c: sealing at rest ------------------------------------------------------------------------------ */
/* out = 12 random octets || ciphertext || 16 tag, AES-256-GCM, associated data = label || aad. ERR_CRYPTO, ERR_FULL. */
MUST_USE enum err vault_box_seal(const uint8_t key[VAULT_KEY], const char *label, struct span aad, struct span plain,
                                 struct buf *out);
/* ERR_AUTH. */
MUST_USE enum err vault_box_open(const uint8_t key[VAULT_KEY], const char *label, struct span aad, struct span box,
                                 struct buf *out);
/* HKDF-Expand of one block (RFC 5869 2.3): HMAC-SHA-256(key, label || 01). */
MUST_USE enum err vault_expand(const uint8_t key[VAULT_KEY], const char *label, uint8_t out[VAULT_KEY]);
/* The value of a row, row_value_n(kind) octets, by RK > TK > SK. ERR_AUTH: any octet of row, sealed or a wrap was
 * changed. */
MUST_USE enum err vault_row_open(struct vault *v, const struct vault_found *f, uint8_t value[ROW_VALUE_MAX]);
/* Seals a value for `row`; makes and sends TENANT_KEY and STREAM_KEY when `f` has none, and then fills them into f. */
MUST_USE enum err vault_row_seal(struct vault *v, const struct row *row, struct vault_found *f, struct arena *a,
                                 const uint8_t *value, struct buf *sealed);
/* What stands in a box of a tenant's or stream's key: the key, and while it is replaced the one before it as well. New
 * boxes are made under the first. */
struct vault_two {
    uint8_t key[2][VAULT_KEY];
    size_t n;
};
/* While RK is replaced, a tenant's key stands in two boxes, one under each root. ERR_AUTH. */
MUST_USE enum err vault_tenant_open(struct vault *v, struct span tenant, struct span wrapped, struct vault_two *tk);
MUST_USE enum err vault_tenant_seal(const uint8_t rk[VAULT_KEY], struct span tenant, const struct vault_two *tk,
                                    struct buf *out);
/* adfq, iss and sid of row count. *which: the key above that opened it, 0 the new one. ERR_AUTH. */
MUST_USE enum err vault_stream_open(const struct vault_two *tk, const struct row *row, struct span wrapped,
                                    struct vault_two *sk, size_t *which);
MUST_USE enum err vault_stream_seal(const uint8_t tk[VAULT_KEY], const struct row *row, const struct vault_two *sk,
                                    struct buf *out);
MUST_USE enum err vault_row_open_by(const struct vault_two *sk, const struct row *row, struct span sealed,
                                    uint8_t value[ROW_VALUE_MAX], size_t *which);
MUST_USE enum err vault_row_seal_by(const uint8_t sk[VAULT_KEY], const struct row *row, const uint8_t *value,
                                    struct buf *sealed);
/* Do the keys above a row that the ledger found belong to the row's administration? Asked before anything is written: a
 * stream stays with the one that it began with. */
bool vault_path_fits(struct vault *v, const struct row *row, const struct vault_found *above);
/* Do the wrapped keys of a tenant, and of a stream (row: iss and sid; NULL: only the tenant) under it, open? */
bool vault_path_good(struct vault *v, struct span tenant, struct span tenant_key, const struct row *stream,
                     struct span stream_key);
/* MAC of a record or a snapshot. */
MUST_USE enum err vault_mac_leaf(struct vault *v, uint64_t index, const uint8_t salt[LOG_SALT], struct span record,
                                 uint8_t mac[MSG_HASH]);
MUST_USE enum err vault_mac_snapshot(struct vault *v, struct span snapshot, uint8_t mac[MSG_HASH]);

/* ---- vault_row.c: what is registered ------------------------------------------------------------------------------
 */
/* What must not be registered, whoever asks. NULL: nothing wrong. */
const char *vault_item_wrong(struct vault *v, struct span iss, const struct letter_item *m);
/* The row of an item; the texts stay the item's. leaf is left to vault_row_write. */
struct row vault_row_of(struct vault *v, const struct vault_ask *a, struct span iss, const struct letter_item *m,
                        enum row_kind kind);
/* Did a batch since a->asked_at touch what this row hangs on: its kid (unless empty), stream or tenant? */
bool vault_row_stale(struct vault *v, const struct vault_ask *a, const struct row *r);
/* Seals the value under the keys above (which it makes when there are none) and sends the row; the ask has its leaf. */
MUST_USE enum err vault_row_write(struct vault *v, struct vault_ask *a, struct row *r, struct vault_found *above,
                                  const uint8_t *value);

/* ---- vault_keys.c ----------------------------------------------------------------------------------------------- */
/* Nonce: be32 seconds || HMAC(boot, those)[0..12). */
void vault_nonce(struct vault *v, uint8_t out[RELEASE_NONCE]);
bool vault_nonce_good(struct vault *v, const uint8_t nonce[RELEASE_NONCE]);
/* Signs a head of the present tree into v->note and v->head. ERR_NOTNOW: another head of this size was signed. */
MUST_USE enum err vault_sign_head(struct vault *v);

/* ---- vault_state.c ----------------------------------------------------------------------------------------------- */
/* Keys of the tables are lists of items. Appends one to b. */
void vault_key_put(struct buf *b, const struct span *part, size_t n);
/* Octets that the snapshot may still grow by. */
size_t vault_state_room(const struct vault *v);
/* Puts (value.p != NULL) or deletes, and remembers how to undo it. ERR_NOMEM, ERR_LIMIT (the snapshot is full). */
MUST_USE enum err vault_state_set(struct vault *v, enum vault_table t, struct span key, struct span value);
void vault_state_keep(struct vault *v); /* the batch is durable: forget the undo list */
MUST_USE enum err vault_state_undo(struct vault *v);
/* Canonical snapshot, its hash into v->state_hash. */
MUST_USE enum err vault_snapshot_write(struct vault *v, struct buf *b);
/* ERR_SYNTAX. */
MUST_USE enum err vault_snapshot_read(struct vault *v, struct span snapshot);

struct vault_client {
    struct span jwk;
    uint64_t until; /* ms: the certificate's end */
    uint8_t jkt[JOSE_THUMB];
};
/* ERR_NOTFOUND; spans live until the table changes. */
MUST_USE enum err vault_client_get(struct vault *v, struct span iss, struct vault_client *out);
/* The key that iss registered, checked for validity. REFUSED, EXPIRED, FAILED. Free with p256_free. */
MUST_USE enum reason vault_client_key(struct vault *v, struct span iss, struct arena *a, struct p256 **out,
                                      uint8_t jkt[JOSE_THUMB]);

/* ---- vault_batch.c: the order of e2e.md 6 point 4 ------------------------------------------------------------------
 */
/* Decides what is ready when no batch is under way. */
MUST_USE enum err vault_launch(struct vault *v);
/* COMMITTED, NOT_COMMITTED, HEAD_KEPT. */
MUST_USE enum err vault_batch_committed(struct vault *v, uint64_t size);
MUST_USE enum err vault_batch_failed(struct vault *v);
MUST_USE enum err vault_batch_kept(struct vault *v, uint64_t size);
/* Inclusion path of an ask's leaf in the newest head, from the frontier and the batch alone. */
MUST_USE enum err vault_batch_path(struct vault *v, const struct vault_ask *a, struct log_hash path[LOG_LEVELS],
                                   size_t *n);
/* Adds a leaf for `a` to the batch. ERR_FULL. */
MUST_USE enum err vault_leaf(struct vault *v, struct vault_ask *a, struct span record);
/* The same for what nobody asked for; or a second one, at most, of a request that has its own. */
MUST_USE enum err vault_batch_leaf(struct vault *v, struct span record);
/* Writes to the ledger: opens the batch when it is not open. */
void vault_batch_open(struct vault *v);
/* Remembers that the batch in hand writes this; true when a batch since a->asked_at wrote it (or too many did). */
enum vault_touched { TOUCH_KID = 'k', TOUCH_STREAM = 's', TOUCH_TENANT = 't' };
MUST_USE enum err vault_touch(struct vault *v, enum vault_touched kind, struct span what);
/* The same for a stream. */
MUST_USE enum err vault_touch_stream(struct vault *v, struct span iss, const uint8_t *sid);
bool vault_touched_stream(const struct vault *v, const struct vault_ask *a, struct span iss, const uint8_t *sid);
bool vault_touched(const struct vault *v, const struct vault_ask *a, enum vault_touched kind, struct span what);
/* Asks for all rows of `a` again. */
void vault_look_again(struct vault *v, struct vault_ask *a);
/* Counts a denial to be folded. */
void vault_fold_add(struct vault *v, struct span iss, enum reason code);

/* ---- vault_ask.c: answers -------------------------------------------------------------------------------------------
 */
/* Each answers `a` and marks it done. */
void vault_reply(struct vault *v, struct vault_ask *a, uint16_t status, enum ttp_type type, struct span body,
                 struct span meta);
/* Error JSON, unsigned. `what` and `todo` are sentences. */
void vault_refuse(struct vault *v, struct vault_ask *a, uint16_t status, const char *code, const char *what,
                  const char *todo);
/* With a oneM2M response status code of its own. */
void vault_refuse_as(struct vault *v, struct vault_ask *a, uint16_t status, uint16_t rsc, const char *code,
                     const char *what, const char *todo);
/* The same for a verdict about the request itself. */
void vault_refuse_reason(struct vault *v, struct vault_ask *a, enum reason r);
/* Asks the ledger for the row of a kid, or for the keys above a stream, as need[n]. */
void vault_find(struct vault *v, struct vault_ask *a, size_t n, struct span kid);
void vault_find_stream(struct vault *v, struct vault_ask *a, size_t n, struct span iss, const uint8_t *sid,
                       struct span tenant);
/* A signed acknowledgement as answer. code "ok", "conflict" or a reason's. */
MUST_USE enum err vault_ack(struct vault *v, struct vault_ask *a, const char *code, uint64_t version, uint64_t index,
                            struct span meta);
/* Verifies the signature by the key registered for iss, and the audience; counts the rate. `jkt` (may be NULL) gets the
 * key's thumbprint. Answers and returns false when refused. */
bool vault_signed_by(struct vault *v, struct vault_ask *a, struct span iss, uint8_t jkt[JOSE_THUMB]);
/* Is it within the rate of this client? Answers and returns false when not. */
bool vault_rate_good(struct vault *v, struct vault_ask *a, struct span iss);
/* The same for something that costs as much as n requests. */
bool vault_rate_take(struct vault *v, struct vault_ask *a, struct span iss, uint32_t n);
const struct vault_kind *vault_kind_of(enum ttp_kind k);
/* Takes a request in: reads it, asks for its rows, decides it when nothing is missing and no batch is under way. */
MUST_USE enum err vault_take(struct vault *v, const struct msg_ASKED *q);
/* Frees an ask that is no longer in the list. */
void vault_ask_free(struct vault_ask *a);

/* ---- what each kind does
 * ----------------------------------------------------------------------------------------------- */
struct vault_kind {
    /* Shape, signature, freshness; asks for rows. Answers itself when it refuses. */
    enum err (*read)(struct vault *v, struct vault_ask *a);
    /* In the batch: decides, makes the leaf and the writes, or answers at once without a leaf. */
    enum err (*decide)(struct vault *v, struct vault_ask *a);
    /* The leaf is durable, the head signed and kept: the answer. */
    enum err (*answer)(struct vault *v, struct vault_ask *a);
    /* Asks for the rows; NULL: needs none. */
    void (*find)(struct vault *v, struct vault_ask *a);
    void (*end)(struct vault_ask *a); /* frees what `own` holds outside of mem; NULL: nothing */
};
extern const struct vault_kind vault_kind_simple, vault_kind_health, vault_kind_client, vault_kind_letter,
    vault_kind_key, vault_kind_release, vault_kind_policy, vault_kind_show, vault_kind_why, vault_kind_poll,
    vault_kind_cosign, vault_kind_witness, vault_kind_vouched, vault_kind_relay, vault_kind_partner;

/* vault_client.c, for a registration that came by another face: binds the key of an ask that vault_kind_client.read
 * took, without a leaf. False: answered. */
bool vault_client_bind(struct vault *v, struct vault_ask *a);
const uint8_t *vault_client_thumb(const struct vault_ask *a);

/* Verifies the chain against the anchors and that the leaf speaks for iss with key `k`; *until = its end in ms.
 * REFUSED, EXPIRED, MALFORMED. */
MUST_USE enum reason vault_x5c(struct vault *v, const struct jws *j, struct span iss, const struct p256 *k,
                               uint64_t *until);

#endif
