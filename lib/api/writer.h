/* writer.h - what a oneseal_sealer is; internal to liboneseal. */
#ifndef API_WRITER_H
#define API_WRITER_H

#include "esd/seal.h"
#include "oneseal/seal.h"

#define SEALER_MAGIC UINT64_C(0x6f6e657365616c31)

struct writer {
    uint64_t magic;
    oneseal_platform platform;
    struct sealer sealer;
    struct esd_keys keys;
    struct seal_key key;
    uint64_t ep;
    int64_t began_ms;
    uint32_t i;
    bool open, own; /* own: the Key Value is in keys */
    char kid[ESD_KID_MAX + 1];
};

/* NULL: it was not initialised. */
static inline const struct writer *writer_read(const oneseal_sealer *s)
{
    const struct writer *w = (const void *)s;
    return w && w->magic == SEALER_MAGIC ? w : NULL;
}

#endif
