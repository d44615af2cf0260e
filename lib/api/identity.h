/* identity.h - what the handles of oneseal/keys.h are; internal to liboneseal. */
#ifndef API_IDENTITY_H
#define API_IDENTITY_H

#include "esd/letter.h"
#include "oneseal/keys.h"

static inline const struct p256 *identity_key(const oneseal_identity *identity)
{
    return (const struct p256 *)(const void *)identity;
}
/* NULL: it was not read. */
const struct bundle *identity_bundle(const oneseal_bundle *b);

#endif
