#include "esd/header.h"

#include <string.h>

#include "base/code.h"

/* ---- header ------------------------------------------------------------------------------------- */

/* A number that a double cannot hold means different things to different readers: more than
 * 1.7976931348623157e308 in size is refused. The significant digits and the power of ten decide. */
static bool number_finite(struct span raw)
{
    static const char largest[] = "17976931348623157";
    int64_t power = 0, exp = 0; /* the value is 0.DIGITS times 10 to the power */
    char digits[sizeof largest] = {0};
    size_t n = 0, i = 0;
    bool point = false, minus = false;
    for (; i < raw.n && (raw.p[i] | 32) != 'e'; i++) {
        uint8_t c = raw.p[i];
        if (c == '.')
            point = true;
        if (c < '0' || c > '9')
            continue;
        bool counts = n > 0 || c != '0';
        power += point ? -(int64_t)!counts : (int64_t)counts;
        if (counts && n < sizeof digits - 1)
            digits[n++] = (char)c;
    }
    if (++i < raw.n && (raw.p[i] == '+' || raw.p[i] == '-'))
        minus = raw.p[i++] == '-';
    for (; i < raw.n && exp < 100000; i++)
        exp = exp * 10 + (raw.p[i] - '0');
    power += minus ? -exp : exp;
    return n == 0 || power < 309 || (power == 309 && strcmp(digits, largest) <= 0);
}

/* Depth and numbers of the whole header; it is small, and its nesting is bounded before the recursion. */
static bool tree_ok(const struct jval *v, int depth)
{
    bool opens = v->type == J_ARR || v->type == J_OBJ;
    if (opens && depth > ESD_HEADER_DEPTH)
        return false;
    if ((v->type == J_INT || v->type == J_FLOAT) && !number_finite(v->raw))
        return false;
    for (const struct jval *c = v->child; c; c = c->next)
        if (!tree_ok(c, depth + 1))
            return false;
    return true;
}

bool header_tree_ok(const struct jval *object)
{
    return object->type == J_OBJ && object->raw.n <= ESD_HEADER_MAX && tree_ok(object, 1);
}

enum reason header_read(struct span text, struct arena *a, struct header *out)
{
    *out = (struct header){.a = a};
    if (text.n == 0 || text.n > B64URL_LEN(ESD_HEADER_MAX) || !b64url_ok(text))
        return REASON_MALFORMED;
    uint8_t *p = (uint8_t *)arena_alloc(a, text.n);
    if (!p)
        return REASON_FAILED;
    struct buf b = buf_over(p, text.n);
    if (b64url_get(text, &b) != OK || b.n > ESD_HEADER_MAX)
        return REASON_MALFORMED;
    out->text = buf_span(&b);
    enum err e = json_parse(out->text, a, &out->tree, NULL);
    if (e != OK)
        return e == ERR_NOMEM || !arena_ok(a) ? REASON_FAILED : REASON_MALFORMED;
    return out->tree->type == J_OBJ && tree_ok(out->tree, 1) ? REASON_OK : REASON_MALFORMED;
}

enum reason header_text(const struct header *h, struct span name, struct span *out, bool *here)
{
    const struct jval *v = json_get(h->tree, name);
    *out = SPAN_NONE;
    *here = v != NULL;
    if (!v)
        return REASON_OK;
    enum err e = json_str(v, h->a, out);
    return e == OK ? REASON_OK : e == ERR_NOMEM ? REASON_FAILED : REASON_MALFORMED;
}

static bool registered(struct span name)
{
    static const char *const names[] = {"alg", "enc",  "zip",      "jku", "jwk", "kid", "x5u", "x5c", "x5t", "typ",
                                        "cty", "crit", "x5t#S256", "epk", "apu", "apv", "iv",  "tag", "p2s", "p2c"};
    for (size_t i = 0; i < LEN(names); i++)
        if (span_eq(name, span_str(names[i])))
            return true;
    return false;
}

enum reason header_crit(const struct header *h)
{
    const struct jval *crit = JSON_GET(h->tree, "crit");
    if (!crit)
        return REASON_OK;
    if (crit->type != J_ARR || crit->n == 0)
        return REASON_MALFORMED;
    for (const struct jval *c = crit->child; c; c = c->next) {
        struct span name;
        if (json_str(c, h->a, &name) != OK || !json_get(h->tree, name) || registered(name))
            return REASON_MALFORMED;
        for (const struct jval *d = crit->child; d != c; d = d->next)
            if (json_is(d, name))
                return REASON_MALFORMED;
    }
    return REASON_ALGORITHM_REFUSED;
}

void header_put_e2e(struct buf *b, struct span sid_text, const struct esd_e2e *e)
{
    buf_put(b, SPAN("[1,\""));
    buf_put(b, sid_text);
    buf_put(b, SPAN("\","));
    buf_u64(b, e->ep);
    buf_c(b, ',');
    buf_u64(b, e->i);
    buf_c(b, ',');
    buf_u64(b, e->t_ms);
    buf_put(b, SPAN(",\""));
    buf_c(b, e->device ? 'd' : 'g');
    if (e->batch)
        buf_c(b, 'b');
    buf_c(b, '"');
    if (e->padded) {
        buf_c(b, ',');
        buf_u64(b, e->pad);
    }
    buf_c(b, ']');
}

enum reason header_e2e(const struct header *h, size_t pad_end, struct esd_e2e *e)
{
    static const struct {
        const char *text;
        bool device, batch;
    } modes[] = {{"d", true, false}, {"g", false, false}, {"db", true, true}, {"gb", false, true}};
    const struct jval *v = JSON_GET(h->tree, "e2e");
    *e = (struct esd_e2e){0};
    if (!v)
        return REASON_OK;
    struct span sid;
    uint64_t version, i, pad = 0;
    if (v->type != J_ARR || v->n < 6 || v->n > 7)
        return REASON_MALFORMED;
    if (json_u64(json_at(v, 0), 1, &version) != OK || version != 1)
        return REASON_MALFORMED;
    if (json_str(json_at(v, 1), h->a, &sid) != OK || sid.n != ESD_SID_TEXT)
        return REASON_MALFORMED;
    struct buf b = buf_over(e->sid, ESD_SID);
    if (b64url_get(sid, &b) != OK || json_u64(json_at(v, 2), ESD_INT_END - 1, &e->ep) != OK ||
        json_u64(json_at(v, 3), ESD_INDEX_END - 1, &i) != OK ||
        json_u64(json_at(v, 4), ESD_INT_END - 1, &e->t_ms) != OK)
        return REASON_MALFORMED;
    if (v->n == 7 && json_u64(json_at(v, 6), ESD_INT_END - 1, &pad) != OK)
        return REASON_MALFORMED;
    struct span mode;
    if (json_str(json_at(v, 5), h->a, &mode) != OK)
        return REASON_MALFORMED;
    size_t m = 0;
    while (m < LEN(modes) && !span_eq(mode, span_str(modes[m].text)))
        m++;
    if (m == LEN(modes) || pad > pad_end)
        return REASON_MALFORMED;
    e->here = true;
    e->device = modes[m].device;
    e->batch = modes[m].batch;
    e->padded = v->n == 7;
    e->i = (uint32_t)i;
    e->pad = (uint32_t)pad;
    return REASON_OK;
}
