/* letter.h - what a writer, an owner or a client sends to its TTP, each a JWS with a typ of its own, and the
 * bundle of the TTP's public keys (e2e.md 2, 6). Builds and verifies; the Key Value inside a letter is taken out
 * with letter_open (letter_open.h, vault only). */
#ifndef ESD_LETTER_H
#define ESD_LETTER_H

#include "esd/jose.h"

/* ---- bundle ------------------------------------------------------------------------------------
 * JWS by the identity key over
 * {"fqdn","seq","keys":{"identity":{"jwk"},"sealing":{"kid","jwk"},"release":{"kid","jwk"}, "log":"vkey text"},
 *  "next":seconds,"exp":seconds,"coming":[key..]?,"past":[key..]?,"chain":[successor..]?,"vouches":[domain..]?}
 * key = {"use":"sealing|release|log|identity","kid"?,"jwk"?,"vkey"?,"at":seconds}: `coming` ones count from then on and
 * are announced three refreshes ahead, `past` ones counted until then. A successor is a JWS oneseal-successor+jws
 * {"fqdn","identity":{"jwk"},"at"} by an identity key, which names the one that follows it; oldest first. The first
 * bundle is pinned as a file, out of band; whoever pinned an older identity follows the chain from there.
 * vouches: domains of service providers (the sp of //sp/Sname) whose applications this TTP may vouch for before others;
 * absent: none (voucher.h). */
enum { BUNDLE_OTHERS_MAX = 40, BUNDLE_CHAIN_MAX = 8, BUNDLE_VOUCHES_MAX = 16 };

enum bundle_use { BUNDLE_SEALING, BUNDLE_RELEASE, BUNDLE_LOG, BUNDLE_IDENTITY, BUNDLE_USES };

/* A key that does not count now. */
struct bundle_key {
    enum bundle_use use;
    bool coming;
    struct p256 *key;      /* NULL for log */
    struct span kid, vkey; /* kid: sealing and release; vkey: log */
    uint64_t at;           /* seconds since 1970 */
};
struct bundle {
    struct span fqdn;
    uint64_t seq, next, exp; /* next: seconds after which to ask again; exp: seconds since 1970 */
    struct p256 *identity, *sealing, *release;
    struct span sealing_kid, release_kid, log_vkey;
    struct bundle_key *others; /* coming first */
    size_t n_others;
    const struct span *chain; /* compact texts */
    size_t n_chain;
    const struct span *vouches;
    size_t n_vouches;
};
const char *bundle_use_name(enum bundle_use use);
/* b->identity with its private half. ERR_LIMIT: more others or links than a reader takes. */
MUST_USE enum err bundle_build(const struct bundle *b, struct buf *out);
/* The link from `old` (with its private half) to `next`. */
MUST_USE enum err bundle_successor_build(const struct p256 *old, const struct p256 *next, struct span fqdn,
                                         uint64_t at_s, struct buf *out);
/* `pinned` NULL: the bundle is the pin itself and must be signed by the identity key that it names; otherwise the chain
 * must lead from `pinned` to that key. Spans live in the arena, which must outlive *out. REFUSED: another fqdn than
 * `fqdn`; EXPIRED: exp < now_s; MALFORMED, ALGORITHM_REFUSED, TAMPERED, FAILED. On OK end with bundle_free. */
MUST_USE enum reason bundle_open(struct span text, struct span fqdn, const struct p256 *pinned, uint64_t now_s,
                                 struct arena *a, struct bundle *out);
void bundle_free(struct bundle *b);
/* May `fresh`, which was opened under the pin, take the place of `kept`? ROLLED_BACK: its number is lower, or the same
 * with other keys. */
MUST_USE enum reason bundle_follows(const struct bundle *kept, const struct bundle *fresh);
/* The release key that an answer of the vault names: the present one, or one that is coming. NULL: this bundle does not
 * know it, so ask for a newer one. An answer that names none is the present key's. */
const struct p256 *bundle_release_by(const struct bundle *b, struct span kid);
/* Any release key that the bundle lists, those of the past too: for answers that were kept. NULL: none of that name. */
const struct p256 *bundle_release_ever(const struct bundle *b, struct span kid);
/* As bundle_release_by for a signed answer as it came, whose kid is read without belief in it; typ does not matter. */
const struct p256 *bundle_release_of(const struct bundle *b, struct span answer, struct arena *a);

/* ---- letter ------------------------------------------------------------------------------------ */
enum { LETTER_ITEMS_MAX = 100 };

struct letter_item {
    uint8_t sid[ESD_SID], kc[ESD_KC], wk[JOSE_THUMB];
    uint64_t ep, pv;
    struct span kid, adfq, policy;
    int64_t et;   /* ms; written as YYYYMMDDThhmmss. 0: left out, the vault sets it */
    uint8_t suid; /* 24 */
    bool has_pv, plain;
};
struct key_letter {
    struct span iss, aud;
    struct letter_item *items;
    size_t n;
    bool batch;       /* written with `items`; jwe is over JSON kid -> KV */
    struct span jwe;  /* filled by letter_read */
    struct span text; /* filled by letter_read */
};
/* kvs[i] goes with items[i] and is secret; kid and kc of the items are the caller's. Signed by `key` under `kid`
 * (53-<absolute CSE-ID>, 54-<absolute AE-ID>). `scratch` is wiped; (n + 1) * 256 octets of room suffice. */
MUST_USE enum err letter_build(const struct key_letter *l, const uint8_t (*kvs)[ESD_KV], const struct p256 *key,
                               struct span kid, const struct p256 *sealing, struct span sealing_kid,
                               struct buf *scratch, struct buf *out);
/* Reads without verifying, so that the vault can look up the key of iss: verify with jws_verify(j, key).
 * MALFORMED, ALGORITHM_REFUSED, FAILED. */
MUST_USE enum reason letter_read(struct span text, struct arena *a, struct jws *j, struct key_letter *out);

/* The activation of strict pairs that the vault holds (strict.h): the same members without `jwe`, typ
 * oneseal-activate+jws, POST /letter like a letter and answered alike. From then on the private half is released. */
MUST_USE enum err letter_activation_build(const struct key_letter *l, const struct p256 *key, struct span kid,
                                          struct buf *scratch, struct buf *out);
MUST_USE enum reason letter_activation_read(struct span text, struct arena *a, struct jws *j, struct key_letter *out);

/* ---- policy: {iss, aud, policy, version, readers:[{id, jkt?, from?, until?, escrow?}], from?, until?} ------ */
enum { POLICY_READERS_MAX = 1024 };

/* Who is meant by id and jkt, within from and until, may read. Several entries for one identity add up. */
struct policy_reader {
    struct span id; /* a target (target.h): identity, prefix pattern or domain */
    bool pinned;    /* only with the key of this thumbprint */
    bool escrow;    /* keeps keys for the owner: shown to every reader of the policy (e2e.md 7) */
    uint8_t jkt[JOSE_THUMB];
    int64_t from, until; /* ms; 0: no bound */
};
struct policy {
    struct span iss, aud, policy;
    uint64_t version;    /* 1, 2 ...: current + 1, else the vault answers 4105 */
    int64_t from, until; /* ms; 0: no bound */
    struct policy_reader *readers;
    size_t n;
};
MUST_USE enum err policy_build(const struct policy *p, const struct p256 *key, struct span kid, struct buf *scratch,
                               struct buf *out);
MUST_USE enum reason policy_read(struct span text, struct arena *a, struct jws *j, struct policy *out);

/* ---- denial: {iss, aud, policy?, id | jkt, deny, n} ------------------------------------------------
 * id is one identity, or a domain "//fqdn" and with it everybody of it; jkt a signing key, whoever uses it.
 * n rises with every denial or lift for the same (policy, id or jkt): the vault keeps the highest and refuses others,
 * so that an old lift cannot be played again. Writers use the time in ms. */
struct denial {
    struct span iss, aud, policy; /* policy empty: every policy */
    struct span id;               /* empty: by_key */
    bool by_key;
    uint8_t jkt[JOSE_THUMB];
    bool deny; /* false: lifted */
    uint64_t n;
};
MUST_USE enum err denial_build(const struct denial *d, const struct p256 *key, struct span kid, struct buf *scratch,
                               struct buf *out);
MUST_USE enum reason denial_read(struct span text, struct arena *a, struct jws *j, struct denial *out);

/* ---- client registration: {iss, aud, nonce, jwk, join?}, x5c in the header ------------------------- */
struct client {
    struct span iss, aud, nonce, join; /* join: token, or empty */
    struct p256 *key;                  /* the signing key that is bound; by it the JWS is signed */
};
MUST_USE enum err client_build(const struct client *c, struct span kid, const struct span *x5c, size_t n_x5c,
                               struct buf *scratch, struct buf *out);
/* Verifies the signature by the key inside (proof of possession); that the key may stand for iss is the caller's to
 * find out, by x5c or token. Free out->key with p256_free on OK. */
MUST_USE enum reason client_open(struct span text, struct arena *a, struct jws *j, struct client *out);

/* ---- acknowledgement of the vault, by its release key: {req, code, what?, version?, index, size, head} ---- */
struct ack {
    uint8_t req[ESD_HASH]; /* SHA-256 of the compact text that is answered */
    struct span code;      /* "ok", or a code of reasons.def, or "conflict" (4105) */
    uint64_t version;      /* of the policy, where it concerns one */
    uint64_t index, size;  /* of the log leaf */
    struct span head;      /* checkpoint text */
};
MUST_USE enum err ack_build(const struct ack *k, const struct p256 *release, struct span kid, struct buf *scratch,
                            struct buf *out);
/* `request`: the text that was sent. TAMPERED: signature, or another request's. */
MUST_USE enum reason ack_open(struct span text, struct span request, const struct p256 *release, struct arena *a,
                              struct ack *out);

/* ---- poll: {iss, aud, nonce, streams:[{sid, ep}], state?, wait?} and its answer {req, t, state, streams:[{sid, ep}]}
 * by the release key. With `state`, the one that the writer saw last, and `wait` the vault holds the poll so many
 * seconds, or until its state for this issuer is another one (e2e.md 7). ------------------------------ */
enum { POLL_STREAMS_MAX = 1024, POLL_WAIT_S = 12 };

struct poll_stream {
    uint8_t sid[ESD_SID];
    uint64_t ep; /* asked: highest of the writer; answered: highest that the vault knows */
};
struct poll {
    struct span iss, aud, nonce;
    struct poll_stream *streams;
    size_t n;
    bool has_state; /* `state` is asked for, otherwise answered at once */
    uint64_t state;
    uint64_t wait; /* seconds, at most POLL_WAIT_S; 0: none */
};
struct poll_answer {
    uint8_t req[ESD_HASH];
    uint64_t t_ms;  /* the vault's clock */
    uint64_t state; /* rises with every policy or denial that concerns the issuer; a change asks for new epochs */
    struct poll_stream *streams;
    size_t n;
};
MUST_USE enum err poll_build(const struct poll *p, const struct p256 *key, struct span kid, struct buf *scratch,
                             struct buf *out);
MUST_USE enum reason poll_read(struct span text, struct arena *a, struct jws *j, struct poll *out);
MUST_USE enum err poll_answer_build(const struct poll_answer *p, const struct p256 *release, struct span kid,
                                    struct buf *scratch, struct buf *out);
MUST_USE enum reason poll_answer_open(struct span text, struct span request, const struct p256 *release,
                                      struct arena *a, struct poll_answer *out);

#endif
