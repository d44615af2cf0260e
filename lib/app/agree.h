/* agree.h - an AE agrees a pairwise key with a CSE by certificates: the initiating end of ESCertKE (TS-0003 8.7), in
 * two NOTIFY exchanges through the registrar. Nobody on the way learns the key, no TTP takes part. */
#ifndef APP_AGREE_H
#define APP_AGREE_H

#include "app/talk.h"
#include "esp/certke.h"

struct agreed {
    char kid[CERTKE_ID_TEXT + 1];
    uint8_t key[CERTKE_KEY]; /* secret: wipe it */
};
/* cse: absolute CSE-ID, which the other certificate must name. Own certificate, key and authorities are those of [tls]
 * of the profile. `out` in locked memory. Says the fault: ST_CONFIG (certificate, key, authorities), ST_UNREACHABLE,
 * ST_REFUSED (also: the other end is not that CSE), ST_FAILED. */
MUST_USE enum status agree_key(struct talk *t, struct span cse, struct agreed *out);

#endif
