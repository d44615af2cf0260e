/* gcm.h - AES-GCM, opening direction, with the key schedule kept between messages under one key; internal to those who
 * open envelopes. Holds the last key: a secret. */
#ifndef ESD_GCM_H
#define ESD_GCM_H

#include "esd/label.h"

struct gcm {
    void *ctx;       /* the library's */
    uint8_t key[32]; /* whose schedule is in ctx; key_n 0: none */
    uint8_t key_n;
};
/* ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err gcm_init(struct gcm *g);
/* Wipes key and schedule. */
void gcm_forget(struct gcm *g);
void gcm_free(struct gcm *g);
/* in.n octets to out, which may be in.p; key.n is 16, 24 or 32. ERR_AUTH: the tag does not fit, and out holds octets
 * that nobody may see; ERR_CRYPTO. */
MUST_USE enum err gcm_open(struct gcm *g, struct span key, const uint8_t iv[ESD_IV], const struct span *aad,
                           size_t n_aad, struct span in, const uint8_t tag[ESD_TAG], uint8_t *out);

#endif
