/* seal.h - the writer's half: a reading becomes JWE compact, `dir`, with the header in canonical order,
 * a hedged nonce and the `e2e` member (e2e.md 2, 3; vectors README 6 to 9). Seals, never opens. Nothing is
 * allocated per message; OpenSSL's contexts and algorithms are fetched once. */
#ifndef ESD_SEAL_H
#define ESD_SEAL_H

#include "esd/keys.h"

/* Where the 16 octets of a nonce come from; tests give fixed ones. */
struct esd_rng {
    enum err (*fill)(void *ctx, uint8_t *p, size_t n);
    void *ctx;
};

struct seal_key;

/* One per thread. */
struct sealer {
    void *gcm;             /* OpenSSL context */
    uint64_t keyed_serial; /* of the seal_key whose EK is in gcm; 0: none */
    struct esd_rng rng;
    uint8_t pool[1024]; /* random octets fetched ahead */
    size_t pool_at;
};
/* rng.fill NULL: OpenSSL's generator. ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err sealer_init(struct sealer *s, struct esd_rng rng);
/* Frees the contexts and wipes what they held. */
void sealer_free(struct sealer *s);

/* The key is going away: the sealer keeps nothing that was made from it. */
void sealer_forget(struct sealer *s, const struct seal_key *k);

enum { SEAL_HEAD_MAX = 384 };

/* One epoch's key, ready to seal. Secret; the caller keeps it in locked memory. */
struct seal_key {
    uint8_t ek[32], nk_in[64], nk_out[64]; /* NK as HMAC's two key blocks */
    uint64_t serial;                       /* differs for every key of the process */
    uint16_t enc_key;                      /* octets of ek that are used */
    uint16_t head_n;
    char head[SEAL_HEAD_MAX]; /* {"alg":"dir","enc":"A256GCM","kid":"..." */
    uint8_t sid[ESD_SID];
    char sid_text[24];
};
/* kid is made from the keys' KC and the TTP's domain. ERR_RANGE: fqdn is no domain. */
MUST_USE enum err seal_key_init(struct seal_key *k, const struct esd_keys *keys, struct span fqdn);
/* A key that somebody else made: provisioned (suid 14: 16, 24 or 32 octets, used whole) or registered at a foreign TTP
 * (24, 34: the first half of 32, 48 or 64 octets). Foreign kid, name@fqdn, no commitment; the nonce is hedged as for
 * our own keys, NK made from the octets that were given. ERR_RANGE: a length, kid without form or too long;
 * ERR_UNSUPPORTED: another suid; ERR_CRYPTO. */
MUST_USE enum err seal_key_foreign(struct seal_key *k, struct span value, uint8_t suid, struct span kid,
                                   const uint8_t sid[ESD_SID]);
void seal_key_wipe(struct seal_key *k);

/* One message. */
struct seal_msg {
    uint64_t ep, t_ms;
    uint32_t i;       /* index in the epoch, below ESD_INDEX_END */
    bool device;      /* mode d (the device seals) or g (the gateway does) */
    bool batch, json; /* json: cty "json" is written */
    bool nested;      /* the plaintext is JWS compact (jwe.h): cty "JOSE" is written, json must be false */
    bool padding;     /* the stream pads: the number is written, also 0 */
    uint32_t pad;
};
/* Octets that seal() writes at most for n octets of plaintext and padding. */
size_t seal_room(size_t n);
/* Appends the compact text to `out`. `scratch` needs plain.n + m->pad octets of room and is wiped; NULL is
 * fine when m->pad is 0. ERR_RANGE (index, epoch, time), ERR_FULL, ERR_CRYPTO. On an error out->n is as it was. */
MUST_USE enum err seal(struct sealer *s, const struct seal_key *k, const struct seal_msg *m, struct span plain,
                       struct buf *scratch, struct buf *out);

/* Content of `con` as JSON text -> plaintext: a string gives its UTF-8 (unescaped into the arena), any other
 * value its source octets and *json. ERR_SYNTAX and the other errors of json_parse. */
MUST_USE enum err seal_plain(struct span con_json, struct arena *a, struct span *plain, bool *json);
/* cnf of the envelope: `<media>:<encoding>:1`; cnf of n == 0 (absent): text/plain:0 or application/json:0.
 * ERR_SYNTAX: no contentInfo; ERR_NOTNOW: it says already protected. */
MUST_USE enum err seal_cnf(struct span cnf, bool json, struct buf *out);

#endif
