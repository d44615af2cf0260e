/* keys.c - oneseal/keys.h over esd/keys.h, esd/jose.h and esd/letter.h. */
#include "oneseal/keys.h"

#include <string.h>

#include "api/api.h"
#include "api/identity.h"

#define BUNDLE_MAGIC UINT64_C(0x6f6e657362756e31)

struct pinned {
    uint64_t magic;
    struct bundle b;
    struct arena mem;
    unsigned char room[]; /* the rest of the handle */
};
_Static_assert(sizeof(struct pinned) < ONESEAL_BUNDLE_SIZE / 4, "there is room for a bundle's text");

oneseal_status oneseal_keys_sid(const char *address, unsigned char sid[ONESEAL_SID])
{
    return address && sid ? api_reason(keys_sid(span_str(address), sid)) : ONESEAL_BAD_ARGUMENT;
}

oneseal_status oneseal_keys_kid(const unsigned char value[ONESEAL_KEY_VALUE], const char *address, const char *ttp,
                                char kid[ONESEAL_KID_MAX + 1])
{
    uint8_t sid[ESD_SID], kc[ESD_KC];
    if (!value || !address || !ttp || !kid || !esd_fqdn_ok(span_str(ttp)))
        return ONESEAL_BAD_ARGUMENT;
    enum reason r = keys_sid(span_str(address), sid);
    if (r == REASON_OK)
        r = keys_kc(span_of(value, ESD_KV), sid, kc);
    if (r != REASON_OK)
        return api_reason(r);
    struct buf b = buf_over(kid, ONESEAL_KID_MAX + 1);
    keys_kid_put(&b, kc, span_str(ttp));
    return api_ended(&b, OK, NULL);
}

oneseal_status oneseal_keys_check(const unsigned char value[ONESEAL_KEY_VALUE], const char *address, const char *kid)
{
    uint8_t sid[ESD_SID];
    if (!value || !address || !kid)
        return ONESEAL_BAD_ARGUMENT;
    enum reason r = keys_sid(span_str(address), sid);
    return api_reason(r == REASON_OK ? keys_check(span_of(value, ESD_KV), sid, span_str(kid)) : r);
}

oneseal_status oneseal_identity_read(const char *pem, size_t n, oneseal_identity **out)
{
    if (!pem || !out)
        return ONESEAL_BAD_ARGUMENT;
    struct p256 *key = NULL;
    *out = NULL;
    enum err e = p256_read_pem(span_of(pem, n), &key);
    if (e == OK && !p256_private(key)) {
        p256_free(key);
        return ONESEAL_MALFORMED;
    }
    if (e == OK)
        *out = (oneseal_identity *)(void *)key;
    return api_err(e);
}

void oneseal_identity_free(oneseal_identity *identity)
{
    p256_free((struct p256 *)(void *)identity);
}

const struct bundle *identity_bundle(const oneseal_bundle *b)
{
    const struct pinned *p = (const void *)b;
    return p && p->magic == BUNDLE_MAGIC ? &p->b : NULL;
}

oneseal_status oneseal_bundle_read(oneseal_bundle *bundle, const char *text, size_t n, const char *fqdn, uint64_t now_s)
{
    struct pinned *p = (void *)bundle;
    if (!p || !text || !fqdn)
        return ONESEAL_BAD_ARGUMENT;
    p->magic = 0;
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    arena_over(&p->mem, p->room, ONESEAL_BUNDLE_SIZE - sizeof *p);
    struct span whole = arena_dup(&p->mem, span_of(text, n)); /* the bundle's spans point into it */
    enum reason r = arena_ok(&p->mem) ? bundle_open(whole, span_str(fqdn), NULL, now_s, &p->mem, &p->b) : REASON_FAILED;
    if (r != REASON_OK)
        return arena_ok(&p->mem) ? api_reason(r) : ONESEAL_MALFORMED; /* larger than any bundle */
    p->magic = BUNDLE_MAGIC;
    return ONESEAL_OK;
}

void oneseal_bundle_free(oneseal_bundle *bundle)
{
    struct pinned *p = (void *)bundle;
    if (!p || p->magic != BUNDLE_MAGIC)
        return;
    bundle_free(&p->b);
    p->magic = 0;
}
