#include "esp/derive.h"

#include <string.h>

#include "base/code.h"
#include "esp/port.h"

enum err derive_exporter(struct span material, struct span fqdn, struct buf *id, struct span *key)
{
    *key = SPAN_NONE;
    if (material.n != DERIVE_EXPORTER)
        return ERR_RANGE;
    hex_put_upper(id, span_first(material, DERIVE_ID));
    if (fqdn.n) {
        buf_c(id, '@');
        buf_put(id, fqdn);
    }
    *key = span_from(material, DERIVE_ID);
    return id->e;
}

static enum err labelled(struct span ke, const char *label, struct span a, struct span b, uint8_t out[DERIVE_KEY])
{
    const struct span parts[] = {span_str(label), a, b};
    return esp_port_hmac(ke, parts, LEN(parts), out);
}

enum err derive_km(struct span ke, struct span maf_id, uint8_t out[DERIVE_KEY])
{
    return labelled(ke, "oneM2M Enrolment Key to Master Credential derivation", maf_id, SPAN_NONE, out);
}

enum err derive_kpsa(struct span ke, struct span enrolee_b, uint8_t out[DERIVE_KEY])
{
    return labelled(ke, "oneM2M Enrolment Key to Provisioned Secure Connection Key derivation", enrolee_b, SPAN_NONE,
                    out);
}

enum err derive_kuc(struct span ke, unsigned suid, struct span target, uint8_t out[DERIVE_KEY])
{
    uint8_t room[16];
    struct buf digits = BUF_ARRAY(room);
    buf_u64(&digits, suid);
    return labelled(ke, "oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation", buf_span(&digits), target,
                    out);
}

enum err derive_e2e(struct span kpsa, struct span salt, struct derive_e2e *out)
{
    static const uint8_t zero[DERIVE_KEY];
    const struct {
        const char *label;
        uint8_t *to;
    } row[] = {{"E2E Message Authentication Key", out->msg_auth},
               {"E2E Message Confidentiality Key", out->msg_conf},
               {"E2E Attribute Authenticity Key", out->att_auth},
               {"E2E Attribute Confidentiality Key", out->att_conf}};
    struct span before = SPAN_NONE;
    TRY(esp_port_hmac(salt.n ? salt : span_of(zero, sizeof zero), &kpsa, 1, out->master));
    for (uint8_t i = 0; i < LEN(row); i++) {
        const uint8_t number = (uint8_t)(i + 1);
        const struct span parts[] = {before, span_str(row[i].label), span_of(&number, 1)};
        TRY(esp_port_hmac(span_of(out->master, DERIVE_KEY), parts, LEN(parts), row[i].to));
        before = span_of(row[i].to, DERIVE_KEY);
    }
    return OK;
}
