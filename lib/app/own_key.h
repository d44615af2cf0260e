/* own_key.h - the keys that a profile has without asking a TTP ([key NAME]): provisioned ones (SUID 14, e2e.md 9) and
 * private halves of certificates that data is sealed to (SUID 44). Secrets: read from files of their owner alone. */
#ifndef APP_OWN_KEY_H
#define APP_OWN_KEY_H

#include "app/profile.h"
#include "esd/open.h"

struct own_key {
    struct span kid; /* as envelopes name it: name@fqdn, or the identifier of a certificate */
    uint8_t suid;
    struct jwkey key;
};
struct own_keys {
    struct own_key *one; /* locked memory */
    size_t n;
};
/* Reads the files of the profile. Says the fault: ST_CONFIG. */
MUST_USE enum status own_keys_open(struct app *app, const struct profile *p, struct own_keys *out);
/* Wipes them; an empty one is fine. */
void own_keys_close(struct own_keys *k);
/* For reader.own: ctx is a struct own_keys. NO_KEY_YET: none of them. */
enum reason own_keys_find(void *ctx, const struct esd_label *l, struct open_key *out);

#endif
