#include "esd/keys.h"

#include <string.h>

#include "base/code.h"

/* ---- sid ---------------------------------------------------------------------------------------- */

static bool one_of(struct span s, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_eq(s, span_str(names[i])))
            return true;
    return false;
}

/* //SP-domain/CSE-ID/CSEBase name/... ; at least those three parts. */
static bool address_pinned(struct span address)
{
    static const char *const no_name[] = {"-", "~", "_", "la", "ol", ".", ".."};
    if (!span_starts(address, SPAN("//")))
        return false;
    struct span rest = span_from(address, 2), last = SPAN_NONE;
    size_t n = 0;
    for (; rest.p; n++) {
        last = span_cut(&rest, '/');
        if (last.n == 0 || one_of(last, no_name, 3) || (n == 0 && !esd_fqdn_ok(last)))
            return false;
    }
    size_t hash = span_find(last, '#');
    if (hash == 0 || hash + 1 == last.n)
        return false;
    return n >= 3 && !one_of(last, no_name, LEN(no_name));
}

enum reason keys_sid(struct span address, uint8_t sid[ESD_SID])
{
    uint8_t h[ESD_HASH];
    if (!address_pinned(address))
        return REASON_PLACE_UNVERIFIED;
    if (esd_sha256_2(SPAN("oneseal-sid-v1"), address, h) != OK)
        return REASON_FAILED;
    memcpy(sid, h, ESD_SID);
    return REASON_OK;
}

/* ---- from KV ------------------------------------------------------------------------------------ */

enum reason keys_kc(struct span kv, const uint8_t sid[ESD_SID], uint8_t kc[ESD_KC])
{
    /* HMAC pads short keys and hashes long ones, so two values of other lengths could share one KC */
    if (kv.n != ESD_KV)
        return REASON_COMMITMENT_MISMATCH;
    return esd_hmac(kv, SPAN("oneseal-kc-v1"), span_of(sid, ESD_SID), kc) == OK ? REASON_OK : REASON_FAILED;
}

enum reason keys_derive(struct span kv, const uint8_t sid[ESD_SID], struct esd_keys *out)
{
    JUDGE(keys_kc(kv, sid, out->kc));
    if (esd_hmac(kv, SPAN("oneseal-nonce-v1"), span_of(sid, ESD_SID), out->nk) != OK)
        return REASON_FAILED;
    memcpy(out->kv, kv.p, ESD_KV);
    memcpy(out->sid, sid, ESD_SID);
    return REASON_OK;
}

void keys_wipe(struct esd_keys *k)
{
    wipe(k, sizeof *k);
}

/* ---- kid ---------------------------------------------------------------------------------------- */

void keys_kid_put(struct buf *b, const uint8_t kc[ESD_KC], struct span fqdn)
{
    hex_put_upper(b, span_of(kc, 16));
    buf_c(b, '@');
    buf_put(b, fqdn);
}

enum reason keys_check_kc(const uint8_t kc[ESD_KC], struct span kid)
{
    struct span relative, fqdn;
    uint8_t text[32];
    struct buf b = BUF_ARRAY(text);
    JUDGE(kid_split(kid, &relative, &fqdn));
    hex_put_upper(&b, span_of(kc, 16));
    return span_eq_nocase(relative, buf_span(&b)) ? REASON_OK : REASON_COMMITMENT_MISMATCH;
}

enum reason keys_check(struct span kv, const uint8_t sid[ESD_SID], struct span kid)
{
    uint8_t kc[ESD_KC];
    JUDGE(keys_kc(kv, sid, kc));
    return keys_check_kc(kc, kid);
}
