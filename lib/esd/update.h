/* update.h - an owner changes how long a registration of his is good: JWS ES256 of typ oneseal-update+jws over
 * {iss, aud, kid, n, et}. A row of the class sealed changes by no less, whoever stands between owner and vault. Who may
 * read changes by a policy (letter.h), the key itself never. */
#ifndef ESD_UPDATE_H
#define ESD_UPDATE_H

#include "esd/jose.h"

struct key_update {
    struct span iss, aud, kid;
    uint64_t n; /* rises with every update of this kid, so that an old one cannot be played again */
    int64_t et; /* ms */
};
MUST_USE enum err update_build(const struct key_update *u, const struct p256 *key, struct span kid, struct buf *scratch,
                               struct buf *out);
/* Reads without verifying, as letter_read. MALFORMED, ALGORITHM_REFUSED, FAILED. */
MUST_USE enum reason update_read(struct span text, struct arena *a, struct jws *j, struct key_update *out);

#endif
