/* log.h - an append-only log that others can check: the Merkle tree of RFC 9162 section 2.1, records
 * under a salt, and heads as C2SP signed notes (tlog-checkpoint, signed-note) under Ed25519.
 *
 * Entry = SHA-256(salt || record), so that a leaf tells nothing about its record (e2e.md 6);
 * leaf hash = SHA-256(00 || entry); node = SHA-256(01 || left || right); the empty tree hashes to
 * SHA-256 of nothing. No allocation, no I/O, no clock. Every function is pure but for its arguments. */
#ifndef ESD_LOG_H
#define ESD_LOG_H

#include "base/buf.h"

enum {
    LOG_HASH = 32,        /* octets of an entry, a leaf hash, a node, a root */
    LOG_SALT = 32,        /* octets of a record's salt */
    LOG_LEVELS = 64,      /* levels of the highest tree; also the longest inclusion path */
    LOG_PROOF_MAX = 65,   /* elements of the longest consistency proof */
    LOG_PUBLIC = 32,      /* octets of an Ed25519 public key */
    LOG_SEED = 32,        /* octets of an Ed25519 private key (RFC 8032 seed) */
    LOG_ORIGIN_MAX = 256, /* octets of a log's name */
    LOG_NOTE_MAX = 4096   /* octets of a checkpoint with all its signatures */
};

struct log_hash {
    uint8_t b[LOG_HASH];
};

/* ---- hashing ---------------------------------------------------------------------------------- */
/* ERR_CRYPTO when the library fails; the result is then zero octets. */
MUST_USE enum err log_entry(const uint8_t salt[LOG_SALT], struct span record, struct log_hash *entry);
/* The entry of a head segment (e2e.md 4): SHA-256 of the envelope's ASCII octets. */
MUST_USE enum err log_entry_envelope(struct span con, struct log_hash *entry);
MUST_USE enum err log_leaf(const struct log_hash *entry, struct log_hash *leaf);

/* ---- the running tree ------------------------------------------------------------------------- */
/* The frontier: node[k] is the root of a complete subtree of 2^k leaves and is valid when bit k of
 * `size` is set; the subtrees follow one another from the highest bit down. */
struct log_tree {
    uint64_t size;
    struct log_hash node[LOG_LEVELS];
};
void log_tree_init(struct log_tree *t);
/* Takes the leaf hash (not the entry). ERR_LIMIT at 2^63 leaves, ERR_CRYPTO; *t is then unchanged. */
MUST_USE enum err log_tree_append(struct log_tree *t, const struct log_hash *leaf);
MUST_USE enum err log_tree_root(const struct log_tree *t, struct log_hash *root);
/* size as 8 octets big endian, then the valid nodes from the highest level down: 8 + 32 * (bits set).
 * ERR_SYNTAX when the octets are not exactly that. */
void log_tree_put(const struct log_tree *t, struct buf *b);
MUST_USE enum err log_tree_get(struct span octets, struct log_tree *t);

/* ---- proofs ----------------------------------------------------------------------------------- */
/* Whoever keeps the tree hands out its complete subtrees: number `index` of those with 2^level
 * leaves. Level 0 are the leaf hashes. */
struct log_nodes {
    enum err (*get)(void *ctx, unsigned level, uint64_t index, struct log_hash *out);
    void *ctx;
};
/* A getter that holds nothing but a frontier and the leaves appended since: enough for the inclusion
 * proof of each of those leaves (RFC 9162 2.1.3.1: every subtree on their left is in the frontier). */
struct log_recent {
    const struct log_tree *before;
    const struct log_hash *leaf; /* n of them */
    size_t n;
};
/* ctx is a struct log_recent. ERR_NOTFOUND for a subtree that it cannot know. */
enum err log_recent_get(void *ctx, unsigned level, uint64_t index, struct log_hash *out);

/* RFC 9162 2.1.3.1: the path of leaf `index` in the tree of `size` leaves, lowest first; at most
 * LOG_LEVELS. ERR_RANGE index >= size; otherwise what the getter says. */
MUST_USE enum err log_inclusion(struct log_nodes from, uint64_t index, uint64_t size, struct log_hash path[LOG_LEVELS],
                                size_t *n);
/* RFC 9162 2.1.3.2. ERR_AUTH when it does not prove it, whatever the cause. */
MUST_USE enum err log_inclusion_verify(const struct log_hash *leaf, uint64_t index, uint64_t size,
                                       const struct log_hash *path, size_t n, const struct log_hash *root);
/* RFC 9162 2.1.4.1: from size m to size n. m == n gives no element. ERR_RANGE m == 0 or m > n. */
MUST_USE enum err log_consistency(struct log_nodes from, uint64_t m, uint64_t n, struct log_hash proof[LOG_PROOF_MAX],
                                  size_t *count);
/* RFC 9162 2.1.4.2. ERR_AUTH when it does not prove it; m == 0 has no proof. */
MUST_USE enum err log_consistency_verify(uint64_t m, uint64_t n, const struct log_hash *root_m,
                                         const struct log_hash *root_n, const struct log_hash *proof, size_t count);

/* ---- checkpoints ------------------------------------------------------------------------------ */
struct log_head {
    uint64_t size;
    struct log_hash root;
};
/* The Ed25519 public key of a seed. ERR_CRYPTO. */
MUST_USE enum err log_public(const uint8_t seed[LOG_SEED], uint8_t pub[LOG_PUBLIC]);
/* First four octets of SHA-256(name || 0A || 01 || public key). */
MUST_USE enum err log_key_id(struct span name, const uint8_t pub[LOG_PUBLIC], uint8_t id[4]);
/* The verifier key text `name+hex id+base64(01 || public key)`. ERR_SYNTAX, ERR_AUTH (id of another key). */
MUST_USE enum err log_vkey_put(struct span name, const uint8_t pub[LOG_PUBLIC], struct buf *b);
MUST_USE enum err log_vkey_get(struct span vkey, struct span *name, uint8_t pub[LOG_PUBLIC]);

/* Writes body, empty line and one signature line. The origin is the key's name too.
 * ERR_SYNTAX (origin empty, with blank, plus, or control), ERR_FULL, ERR_CRYPTO. */
MUST_USE enum err log_checkpoint_sign(struct span origin, const struct log_head *head, const uint8_t seed[LOG_SEED],
                                      struct buf *out);
/* Another signature line of the log's own, by another of its keys: while one follows another (`note` is a signed
 * checkpoint). The same errors. */
MUST_USE enum err log_checkpoint_again(struct span origin, const uint8_t seed[LOG_SEED], struct buf *note);
/* Checks form, origin and our log's signature; lines of other keys (witnesses) are passed over.
 * ERR_SYNTAX: no checkpoint; ERR_AUTH: another origin, no signature by this key, or a wrong one. */
MUST_USE enum err log_checkpoint_verify(struct span note, struct span origin, const uint8_t pub[LOG_PUBLIC],
                                        struct log_head *head);

/* A witness puts its line below the others: it saw this head at `time` (seconds; C2SP tlog-cosignature, key type 04).
 * ERR_SYNTAX: `note` is no signed checkpoint, or the name is none; ERR_FULL, ERR_CRYPTO. */
MUST_USE enum err log_witness_sign(struct span name, const uint8_t seed[LOG_SEED], uint64_t time, struct buf *note);
/* The line of this witness, wherever it stands; the log's own is log_checkpoint_verify's. ERR_SYNTAX, ERR_AUTH. */
MUST_USE enum err log_witness_verify(struct span note, struct span name, const uint8_t pub[LOG_PUBLIC], uint64_t *time);
/* Its verifier key text `name+hex id+base64(04 || public key)`. As log_vkey_put and log_vkey_get. */
MUST_USE enum err log_witness_vkey_put(struct span name, const uint8_t pub[LOG_PUBLIC], struct buf *b);
MUST_USE enum err log_witness_vkey_get(struct span vkey, struct span *name, uint8_t pub[LOG_PUBLIC]);

#endif
