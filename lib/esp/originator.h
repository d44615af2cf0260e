/* originator.h - the end that sends ESPrim requests: a session with one receiver (TS-0003 8.4.2, steps B and C). */
#ifndef ESP_ORIGINATOR_H
#define ESP_ORIGINATOR_H

#include "esp/rand.h"

/* A session. Secret: keep it in locked memory and wipe it. */
struct esp_call {
    struct esp_key key;
    enum esp_enc enc;
    bool told; /* the receiver has our object: an answer came */
    int64_t expiry;
    uint16_t kid_n, ori_n, rri_n, oro_n;
    uint8_t kid[ESP_KID_MAX], ori[ESP_ID_MAX], rri[ESP_ID_MAX], oro[ESP_RAND_MAX];
};

/* From the receiver's object as it came (exact octets). Ours ends after `life` ms, not later than the receiver's. The
 * strongest algorithm that both have is taken; random: 32 octets of the caller's. ERR_SYNTAX: no such object;
 * ERR_STALE: expired; ERR_UNSUPPORTED: no algorithm in common; ERR_RANGE: kid or key; ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err esp_call_begin(struct esp_call *c, struct span kid, struct span pair, struct span receiver,
                                 int64_t now, int64_t life, const uint8_t random[32], struct arena *a);
/* The object of a request; our random object goes along until an answer came. Errors of esp_seal. */
MUST_USE enum err esp_call_seal(const struct esp_call *c, const uint8_t iv[ESP_IV], struct span plain, struct buf *out);
/* The object of an answer. *rro: a fresh object of the receiver for the next session (empty: none), text in the arena.
 * The verdicts of esp_read and esp_open; 4112, 4113, 4114 when it belongs to another session. */
MUST_USE struct verdict esp_call_open(struct esp_call *c, struct span object, struct arena *a, struct buf *out,
                                      struct span *plain, struct span *rro);

#endif
