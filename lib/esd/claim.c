#include <string.h>

#include "base/code.h"
#include "esd/claim.h"

enum reason claim_str(const struct jval *o, const char *name, struct arena *a, struct span *out)
{
    enum err e = json_str(json_get(o, span_str(name)), a, out);
    return e == OK ? REASON_OK : e == ERR_NOMEM ? REASON_FAILED : REASON_MALFORMED;
}

enum reason claim_u64(const struct jval *o, const char *name, uint64_t end, uint64_t *out)
{
    return json_u64(json_get(o, span_str(name)), end - 1, out) == OK ? REASON_OK : REASON_MALFORMED;
}

enum reason claim_octets(const struct jval *o, const char *name, struct arena *a, uint8_t *out, size_t n)
{
    struct span text;
    struct buf b = buf_over(out, n);
    JUDGE(claim_str(o, name, a, &text));
    if (text.n != B64URL_LEN(n) || b64url_get(text, &b) != OK || b.n != n)
        return REASON_MALFORMED;
    return REASON_OK;
}

enum reason claim_aud(const struct jval *o, struct arena *a, struct span me)
{
    const struct jval *aud = JSON_GET(o, "aud");
    struct span s;
    if (!aud || (aud->type == J_ARR && aud->n == 0))
        return REASON_MALFORMED;
    bool found = false;
    const struct jval *v = aud->type == J_ARR ? aud->child : aud;
    for (; v; v = aud->type == J_ARR ? v->next : NULL) {
        if (json_str(v, a, &s) != OK)
            return REASON_MALFORMED;
        found = found || span_eq_nocase(s, me);
    }
    return found ? REASON_OK : REASON_REFUSED;
}

enum reason claim_name(const struct jval *o, const char *name, struct arena *a, struct span *out)
{
    JUDGE(claim_str(o, name, a, out));
    return out->n > 0 && out->n <= CLAIM_TEXT_MAX ? REASON_OK : REASON_MALFORMED;
}

enum reason claim_name_opt(const struct jval *o, const char *name, struct arena *a, struct span *out)
{
    *out = SPAN_NONE;
    return json_get(o, span_str(name)) ? claim_name(o, name, a, out) : REASON_OK;
}

enum reason claim_u64_opt(const struct jval *o, const char *name, uint64_t end, uint64_t *out)
{
    *out = 0;
    return json_get(o, span_str(name)) ? claim_u64(o, name, end, out) : REASON_OK;
}

enum reason claim_bool_opt(const struct jval *o, const char *name, bool *out)
{
    *out = false;
    const struct jval *v = json_get(o, span_str(name));
    return !v || json_bool(v, out) == OK ? REASON_OK : REASON_MALFORMED;
}

enum reason claim_time_opt(const struct jval *o, const char *name, struct arena *a, int64_t *ms)
{
    struct span text;
    *ms = 0;
    if (!json_get(o, span_str(name)))
        return REASON_OK;
    JUDGE(claim_str(o, name, a, &text));
    return m2mtime_get(text, ms) == OK ? REASON_OK : REASON_MALFORMED;
}

enum reason claim_parties(const struct jval *o, struct arena *a, struct span *iss, struct span *aud)
{
    JUDGE(claim_name(o, "iss", a, iss));
    return claim_name(o, "aud", a, aud);
}

enum reason claim_list(const struct jval *o, const char *name, uint32_t max, const struct jval **out)
{
    *out = json_get(o, span_str(name));
    return *out && (*out)->type == J_ARR && (*out)->n <= max ? REASON_OK : REASON_MALFORMED;
}
