/* vault_ring.h - the vault's own keys with their generations: sealing, release, log, identity, and the key of the
 * records' MACs. A plain value: it decides nothing about requests and sends nothing.
 *
 * A generation is COMING (announced in the bundle), PRESENT (one of each use), PAST (its private half still works:
 * letters are opened, heads are signed with it too) or GONE (the private half is destroyed; the public one stays
 * listed, so that old answers and heads can be verified).
 *
 *   sealing   PAST for three refreshes and offline-max after its successor took over, then GONE
 *   log       PAST for offline-max: heads carry both signatures meanwhile
 *   release, identity   GONE at once; the old identity has signed the new one before (bundle chain)
 *
 * Its text, which only ever leaves sealed under RK: "oneseal-ring-v1", be64 seq and signed_at, 32 octets MAC key, 32
 * octets witness seed, then of each use be32 number of generations and each as n, state, made, from, until, gone
 * (be64), private part and public part (be32 length and octets); then the links of the identity chain. */
#ifndef TTP_VAULT_RING_H
#define TTP_VAULT_RING_H

#include "esd/letter.h"
#include "esd/log.h"

enum {
    RING_KEY = 32,
    RING_GENERATIONS = 8,     /* of one use */
    RING_LINK_MAX = 1024,     /* octets of a link of the chain */
    RING_TEXT_MAX = 48 << 10, /* octets of the whole as text */
    RING_BUNDLE_MAX = 48 << 10,
    RING_REFRESH_S = 86400,               /* after so long clients ask for the bundle again */
    RING_ANNOUNCE_S = 3 * RING_REFRESH_S, /* so long before it counts a key is announced */
    RING_OFFLINE_S = 30 * 86400,          /* offline-max (protection 2) */
    RING_SEALING_S = 90 * 86400,          /* after so long a sealing key is replaced by itself */
    RING_BUNDLE_S = 400 * 86400,          /* life of a bundle */
    RING_RENEW_S = 30 * 86400             /* a bundle that is so old is made anew */
};

enum ring_state { RING_COMING = 1, RING_PRESENT, RING_PAST, RING_GONE };
const char *ring_state_name(enum ring_state s);

struct ring_key {
    uint32_t n; /* generation, from 1 */
    enum ring_state state;
    uint64_t made, from, until, gone;        /* seconds since 1970; until, gone: 0 while not known */
    struct p256 *pair;                       /* NULL for log; the public half alone when GONE */
    uint8_t seed[LOG_SEED], pub[LOG_PUBLIC]; /* log */
};
struct ring {
    struct ring_key key[BUNDLE_USES][RING_GENERATIONS]; /* oldest first */
    size_t n[BUNDLE_USES];
    uint64_t seq, signed_at;   /* of the newest bundle */
    uint8_t mac[RING_KEY];     /* of the records */
    uint8_t witness[RING_KEY]; /* Ed25519 seed by which this TTP cosigns the logs of others; partners configure it */
    char link[BUNDLE_CHAIN_MAX][RING_LINK_MAX];
    size_t link_n[BUNDLE_CHAIN_MAX], n_links;
};

/* Three at a time in the process, in memory of secret_alloc that is taken at the first call. ERR_NOMEM. */
MUST_USE enum err ring_new(struct ring **out);
void ring_free(struct ring *r); /* NULL is fine */
/* First generation of everything. ERR_CRYPTO. */
MUST_USE enum err ring_fill(struct ring *r, uint64_t now);
MUST_USE enum err ring_copy(const struct ring *r, struct ring **out);
MUST_USE enum err ring_write(const struct ring *r, struct buf *out);
/* ERR_SYNTAX: no ring, or none that is whole: one PRESENT key of each use. */
MUST_USE enum err ring_read(struct span text, struct ring *r);

/* Never NULL in a ring that is whole. */
const struct ring_key *ring_present(const struct ring *r, enum bundle_use use);
const struct ring_key *ring_coming(const struct ring *r, enum bundle_use use); /* NULL: none is announced */
/* Announces a key that counts from `at` on; one that is announced already is moved there. ERR_LIMIT: RING_GENERATIONS
 * of them still live. ERR_CRYPTO. */
MUST_USE enum err ring_announce(struct ring *r, enum bundle_use use, uint64_t now, uint64_t at);
/* Everything whose time has come: announces the next sealing key, lets announced keys take over, destroys private
 * halves. *n counts what changed. */
MUST_USE enum err ring_turn(struct ring *r, uint64_t now, struct span fqdn, size_t *n);
/* When ring_turn has something to do, or a new bundle is wanted: seconds since 1970. */
uint64_t ring_due_at(const struct ring *r);
/* Destroys every sealing key but the present one at once, whatever letters are under way. */
void ring_cut_sealing(struct ring *r, uint64_t now);
/* When the last private half is gone that could open a letter of before now; the present one at its planned end. */
uint64_t ring_letters_end(const struct ring *r);

/* "release-2@fqdn". */
void ring_kid_put(struct buf *b, const struct ring_key *k, enum bundle_use use, struct span fqdn);
/* The bundle of this ring, signed; counts seq up. vouches: the domains that it claims (voucher.h). ERR_FULL,
 * ERR_CRYPTO. */
MUST_USE enum err ring_bundle(struct ring *r, struct span fqdn, const struct span *vouches, size_t n, uint64_t now,
                              struct buf *out);
/* {"sealing":[{"n","state","from","until","gone"}..],...}: dates in seconds. */
void ring_json(const struct ring *r, struct jw *w);

#endif
