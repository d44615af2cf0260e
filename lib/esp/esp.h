/* esp.h - ESPrim: a whole request or response primitive inside a JWE compact, `dir`, under a session key that two
 * random objects and a pairwise key give (TS-0003 8.4, 10.3.8; vectors README 16). The object alone: reading, sealing,
 * opening. random objects are rand.h, pairwise keys ring.h, the receiver's rules receiver.h, the other end
 * originator.h.
 *
 * Nothing here can open ESData: a session key has a type of its own, made by esp_derive alone, and this layer links
 * neither esd-open nor esd-keys. No allocation, file, thread or clock; randomness comes from the caller.
 * Refusals are verdicts with the code of TS-0004 table 7.6.2-1. */
#ifndef ESP_ESP_H
#define ESP_ESP_H

#include "base/arena.h"
#include "base/buf.h"
#include "m2m/rsc.h"

enum {
    ESP_KEY = 32,             /* octets of a session key */
    ESP_PAIR_MIN = 16,        /* octets of a pairwise key */
    ESP_PAIR_MAX = 64,        /* ERR_RANGE outside */
    ESP_KID_MAX = 320,        /* identifier of a pairwise key */
    ESP_ID_MAX = 64,          /* identifier of a random object */
    ESP_RAND_MAX = 512,       /* JSON text of a random object */
    ESP_IV = 12,              /* octets */
    ESP_TAG = 16,             /* octets */
    ESP_PLAIN_MAX = 16 << 20, /* octets of an inner primitive */
    ESP_ARENA = 512 * 1024,   /* an arena of this size holds the work for any one header */
};

enum esp_enc { ESP_A128GCM, ESP_A192GCM, ESP_A256GCM, ESP_ENC__N };
#define ESP_ENC_ALL  7u /* a bit for each */
#define ESP_ENC_ID   10 /* esprimProtocolAndAlgID of the first */
#define ESP_KGEN_ALL 1u /* bit 0: esprimKeyGenAlgID 1, HMAC-SHA256 */

/* sessionESPrimKey. Secret: wipe it. Nothing but esp_derive makes one and nothing but esp_seal and esp_open takes one.
 */
struct esp_key {
    uint8_t session_only[ESP_KEY];
};
/* HMAC-SHA-256(pairwise key, receiver's object || originator's object || label), over the exact JSON octets of both
 * (TS-0003 10.3.8.2). ERR_RANGE: length of the pairwise key; ERR_CRYPTO. */
MUST_USE enum err esp_derive(struct span pair, struct span receiver, struct span originator, struct esp_key *out);
void esp_key_wipe(struct esp_key *k);

/* The protected header. Spans point into the object's text or the arena. */
struct esp_head {
    struct span kid;      /* of the pairwise key */
    struct span cty;      /* empty: absent */
    struct span ori, rri; /* identifiers of the random objects in use */
    struct span oro, rro; /* random objects as they stand there; empty: absent */
    enum esp_enc enc;
    struct span aad; /* base64url text of the header */
    struct span iv_text, ct_text, tag_text;
};
/* BAD_REQUEST: not parsable (TS-0003 8.4.3.2: five parts, the second empty, canonical base64url, members of the right
 * type, oro and rro not both); 4111: another `alg` than dir, an `enc` that is not AES-GCM, zip, a crit extension;
 * 5000: the arena is too small. */
MUST_USE struct verdict esp_read(struct span object, struct arena *a, struct esp_head *out);

/* Appends the object. Of `h` are used: kid, cty, ori, rri, oro, rro, enc. The IV must never come twice for a key: take
 * random octets. ERR_RANGE: an identifier or the plaintext is too long or the plaintext empty; ERR_CRYPTO; the buf's
 * errors. On an error out->n is as it was. */
MUST_USE enum err esp_seal(const struct esp_key *k, const struct esp_head *h, const uint8_t iv[ESP_IV],
                           struct span plain, struct buf *out);

/* The inner primitive, appended to `out`; *plain shows where. 4115: it does not authenticate; 5210: anything else.
 * What did not authenticate is wiped. */
MUST_USE struct verdict esp_open(const struct esp_key *k, const struct esp_head *h, struct buf *out,
                                 struct span *plain);

/* What cty says of a request and of a response. */
#define ESP_CTY_REQUEST  SPAN("vnd.onem2m-preq+json")
#define ESP_CTY_RESPONSE SPAN("vnd.onem2m-prsp+json")

#endif
