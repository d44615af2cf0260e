/* receiver.h - the end that gets ESPrim requests: its random objects, the originators' objects in use, and the order in
 * which an object is judged (TS-0003 8.4.2, TS-0004 7.6.2).
 *
 * The receiver's own objects are not kept: identifier and value are made from a key that lives as long as the process,
 * so that anybody may ask for one and none fills a table. The identifier tells its kind (first letter, s shared or u
 * unique), its expiry, and by a code that this receiver made it.
 *
 * Of originators' objects a bounded number is kept until they expire. Each serves ESP_ORIG_USES requests, whose tags
 * are remembered: the same ESPrim Object is never carried out twice. An object that has no room is refused as unknown
 * (4113), and its originator makes another one later; nothing that is in use ever gives way, since what is forgotten
 * could be replayed.
 *
 * esp_find and esp_accept use ring and table, which threads share under a lock of the caller's; esp_open between them
 * needs none. */
#ifndef ESP_RECEIVER_H
#define ESP_RECEIVER_H

#include "esp/rand.h"
#include "esp/ring.h"

enum {
    ESP_ORIG_USES = 1024,  /* requests that one originator object serves */
    ESP_ORIGS_A_KEY = 256, /* of one pairwise key, in use at once */
    ESP_BOOT = 32,         /* octets of the key of a receiver's own objects */
    ESP_OWN_ID = 33,       /* octets of their identifiers */
};

/* ---- own objects ---- */

struct esp_own {
    uint8_t boot[ESP_BOOT]; /* random, secret, one for each start */
    unsigned enc;           /* what this receiver takes: bit for each enum esp_enc */
};
/* A new object, valid until `expiry` (whole seconds count); random: 11 octets of the caller's. Appends its text.
 * ERR_CRYPTO; the buf's errors. */
MUST_USE enum err esp_own_make(const struct esp_own *o, bool shared, int64_t expiry, const uint8_t random[11],
                               struct buf *out);
/* The object of that identifier, its text in the arena. ERR_NOTFOUND: none of ours; ERR_STALE: expired; ERR_NOMEM,
 * ERR_CRYPTO. */
MUST_USE enum err esp_own_find(const struct esp_own *o, struct span id, int64_t now, struct arena *a,
                               struct esp_rand *out);

/* ---- originators' objects in use ---- */

struct esp_orig {
    bool used;
    uint16_t kid_n, id_n, text_n, uses;
    int64_t expiry, keep; /* it serves until, and is remembered until: what is forgotten could be replayed */
    uint8_t kid[ESP_KID_MAX], id[ESP_ID_MAX], text[ESP_RAND_MAX];
    uint32_t seen[ESP_ORIG_USES]; /* a piece of each tag: one in four million honest requests is refused for nothing */
};
/* Zeroed at first. Nothing in it is secret. */
struct esp_origs {
    struct esp_orig *slot;
    size_t n;
};

/* ---- judging ---- */

struct esp_ask {
    int64_t now;
    const struct esp_ring *ring;
    struct esp_origs *origs;
    /* The receiver's object of an identifier, as esp_own_find. */
    enum err (*own)(void *ctx, struct span id, int64_t now, struct arena *a, struct esp_rand *out);
    void *ctx;
};
/* A session as the answer needs it: no secret. Texts lie in the arena. */
struct esp_session {
    struct span kid, peer; /* the pairwise key, and who is bound to it */
    struct esp_rand recv, orig;
    struct esp_rand next; /* an object that the originator will use from now on; text empty: none */
    enum esp_enc enc;
};
/* In this order: kid 4112, rri 4114, ori and oro 4113 (4000: oro has another form), expiry of the originator's object,
 * also when it is beyond the receiver's, 4113; algorithms outside of what either object allows 4111. The session key to
 * *key. 5210: cryptography; 5000: memory. */
MUST_USE struct verdict esp_find(const struct esp_ask *ask, const struct esp_head *h, struct arena *a,
                                 struct esp_session *s, struct esp_key *key);
/* After esp_open: the object counts. 5210: it was here before; 4113: its originator object has served often enough, or
 * no further one finds room. */
MUST_USE struct verdict esp_accept(const struct esp_ask *ask, const struct esp_head *h, const struct esp_session *s);
/* All three. */
MUST_USE struct verdict esp_receive(const struct esp_ask *ask, struct span object, struct arena *a, struct buf *out,
                                    struct span *plain, struct esp_session *s);

/* 4116: `fr` of the inner primitive is not the entity that the key is bound to. */
MUST_USE struct verdict esp_check_from(struct span fr, const struct esp_session *s, const struct self *me);

/* The answer, under the same session; rro: a fresh object of the receiver in place of one that ends soon, else empty.
 * ERR_NOTFOUND: the pairwise key is gone; the errors of esp_seal. */
MUST_USE enum err esp_answer(const struct esp_ring *ring, const struct esp_session *s, int64_t now,
                             const uint8_t iv[ESP_IV], struct span rro, struct span plain, struct buf *out);

#endif
