#include <string.h>

#include "base/code.h"
#include "esd/header.h"
#include "esd/p256_port.h"

static const char *const typs[] = {
#define TYP(name, text) [JWS_##name] = text,
#include "esd/typ.def"
#undef TYP
};

const char *jws_typ_text(enum jws_typ t)
{
    return (unsigned)t < JWS__N ? typs[t] : "";
}

/* ---- signing ------------------------------------------------------------------------------------ */

static void put_chain(struct jw *w, const struct span *x5c, size_t n)
{
    jw_name(w, SPAN("x5c"));
    jw_arr(w);
    for (size_t i = 0; i < n; i++) {
        uint8_t text[ESD_HEADER_MAX];
        struct buf b = BUF_ARRAY(text);
        b64_put(&b, x5c[i]);
        if (b.e != OK && w->b->e == OK)
            w->b->e = b.e;
        jw_str(w, buf_span(&b));
    }
    jw_end_arr(w);
}

enum err jws_sign_header(const struct p256 *key, struct span header, struct span payload, struct buf *out)
{
    uint8_t sig[JOSE_SIG];
    size_t start = out->n;
    b64url_put(out, header);
    buf_c(out, '.');
    b64url_put(out, payload);
    enum err e = out->e;
    if (e == OK)
        e = p256_sign(key, span_of(out->p + start, out->n - start), sig);
    if (e == OK) {
        buf_c(out, '.');
        b64url_put(out, span_of(sig, sizeof sig));
        e = out->e;
    }
    if (e != OK)
        out->n = start;
    return e;
}

enum err jws_sign_x5c(const struct p256 *key, enum jws_typ typ, struct span kid, const struct span *x5c, size_t n_x5c,
                      struct span payload, struct buf *out)
{
    uint8_t header[ESD_HEADER_MAX];
    struct buf h = BUF_ARRAY(header);
    struct jw w = jw_over(&h);
    if (n_x5c > JWS_X5C_MAX)
        return ERR_RANGE;
    jw_obj(&w);
    JW_STR(&w, "alg", SPAN("ES256"));
    if (kid.n)
        JW_STR(&w, "kid", kid);
    JW_STR(&w, "typ", span_str(jws_typ_text(typ)));
    if (n_x5c)
        put_chain(&w, x5c, n_x5c);
    jw_end_obj(&w);
    TRY(h.e);
    return jws_sign_header(key, buf_span(&h), payload, out);
}

enum err jws_sign(const struct p256 *key, enum jws_typ typ, struct span kid, struct span payload, struct buf *out)
{
    return jws_sign_x5c(key, typ, kid, NULL, 0, payload, out);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static enum reason read_chain(const struct header *h, struct jws *out)
{
    const struct jval *x5c = JSON_GET(h->tree, "x5c");
    if (!x5c)
        return REASON_OK;
    if (x5c->type != J_ARR || x5c->n == 0 || x5c->n > JWS_X5C_MAX)
        return REASON_MALFORMED;
    for (const struct jval *c = x5c->child; c; c = c->next) {
        struct span text;
        if (json_str(c, h->a, &text) != OK)
            return REASON_MALFORMED;
        uint8_t *p = (uint8_t *)arena_alloc(h->a, text.n + 1);
        struct buf b = buf_over(p, text.n + 1);
        if (!p)
            return REASON_FAILED;
        if (b64_get(text, &b) != OK || b.n == 0)
            return REASON_MALFORMED;
        out->x5c[out->n_x5c++] = buf_span(&b);
    }
    return REASON_OK;
}

static enum reason read_payload(struct span text, struct arena *a, struct jws *out)
{
    uint8_t *p = (uint8_t *)arena_alloc(a, text.n + 1);
    if (!p)
        return REASON_FAILED;
    struct buf b = buf_over(p, text.n + 1);
    if (b64url_get(text, &b) != OK)
        return REASON_MALFORMED;
    out->payload = buf_span(&b);
    enum err e = json_parse(out->payload, a, &out->claims, NULL);
    if (e != OK)
        return e == ERR_NOMEM || !arena_ok(a) ? REASON_FAILED : REASON_MALFORMED;
    return out->claims->type == J_OBJ ? REASON_OK : REASON_MALFORMED;
}

enum reason jws_read(struct span text, enum jws_typ want, struct arena *a, struct jws *out)
{
    struct span rest = text, part[3], alg, typ;
    struct header h;
    bool has_alg, has_kid, has_typ;
    *out = (struct jws){.text = text, .typ = want};
    if (text.n > JWS_MAX)
        return REASON_MALFORMED;
    for (int i = 0; i < 3; i++) {
        if (i > 0 && !rest.p)
            return REASON_MALFORMED;
        part[i] = span_cut(&rest, '.');
    }
    struct buf s = buf_over(out->sig, JOSE_SIG);
    if (rest.p || !b64url_ok(part[1]) || !b64url_ok(part[2]))
        return REASON_MALFORMED;
    out->signing_input = span_first(text, part[0].n + 1 + part[1].n);
    JUDGE(header_read(part[0], a, &h));
    JUDGE(header_text(&h, SPAN("alg"), &alg, &has_alg));
    JUDGE(header_text(&h, SPAN("kid"), &out->kid, &has_kid));
    JUDGE(header_text(&h, SPAN("typ"), &typ, &has_typ));
    if (!has_alg || !span_eq(typ, span_str(jws_typ_text(want))) || out->kid.n > JWS_KID_MAX)
        return REASON_MALFORMED;
    bool es256 = span_eq(alg, SPAN("ES256"));
    JUDGE(read_chain(&h, out));
    JUDGE(header_crit(&h));
    if (!es256 || JSON_GET(h.tree, "b64"))
        return REASON_ALGORITHM_REFUSED;
    if (b64url_get(part[2], &s) != OK || s.n != JOSE_SIG)
        return REASON_MALFORMED;
    return read_payload(part[1], a, out);
}

enum reason jws_verify(const struct jws *j, const struct p256 *key)
{
    return key && p256_verify(key, j->signing_input, j->sig) == OK ? REASON_OK : REASON_TAMPERED;
}

enum reason jws_open(struct span text, enum jws_typ want, const struct p256 *key, struct arena *a, struct jws *out)
{
    JUDGE(jws_read(text, want, a, out));
    return jws_verify(out, key);
}
