/* Writing JWS of every algorithm and serialization. */
#include "base/code.h"
#include "esd/header.h"
#include "esd/jwe.h"

static enum err check(const struct jws_ask *j, struct span payload)
{
    if (payload.n > ESD_CON_MAX || j->n == 0 || j->n > ESD_SIGNATURES_MAX || (j->form != JOSE_GENERAL && j->n > 1) ||
        (j->detached && j->form != JOSE_COMPACT) || (j->outside && j->form == JOSE_COMPACT))
        return ERR_RANGE;
    for (size_t i = 0; i < j->n; i++)
        if (j->by[i].kid.n == 0 || j->by[i].kid.n > ESD_KID_MAX)
            return ERR_RANGE;
    return OK;
}

/* alg kid e2e cty */
static enum err put_header(const struct jws_ask *j, const struct jws_by *by, struct buf *b)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_STR(&w, "alg", span_str(alg_row(by->alg)->text));
    if (!j->outside)
        JW_STR(&w, "kid", by->kid);
    if (j->e2e) {
        uint8_t text[24], value[160];
        struct buf t = BUF_ARRAY(text), v = BUF_ARRAY(value);
        b64url_put(&t, span_of(j->e2e->sid, ESD_SID));
        header_put_e2e(&v, buf_span(&t), j->e2e);
        jw_name(&w, SPAN("e2e"));
        jw_raw(&w, buf_span(&v));
    }
    if (j->cty.n)
        JW_STR(&w, "cty", j->cty);
    jw_end_obj(&w);
    return b->e;
}

/* Texts of a header and of the signature over it and the payload's text. */
struct signature {
    uint8_t head[B64URL_LEN(ESD_HEADER_MAX)], value[JWKEY_SIG_MAX];
    struct buf h, v;
};
static enum err sign(const struct jws_ask *j, const struct jws_by *by, struct span payload_text, struct signature *s)
{
    uint8_t header[ESD_HEADER_MAX];
    struct buf b = BUF_ARRAY(header);
    TRY(put_header(j, by, &b));
    s->h = buf_over(s->head, sizeof s->head);
    s->v = buf_over(s->value, sizeof s->value);
    b64url_put(&s->h, buf_span(&b));
    TRY(s->h.e);
    const struct span parts[] = {buf_span(&s->h), SPAN("."), payload_text};
    return jwkey_sign(by->key, by->alg, parts, LEN(parts), &s->v);
}

/* The payload's text is made at its own place in `out`; for compact text that is behind the header, whose length is
 * known first. */
static enum err compact(const struct jws_ask *j, struct span payload, struct buf *out)
{
    uint8_t header[ESD_HEADER_MAX], value[JWKEY_SIG_MAX];
    struct buf b = BUF_ARRAY(header), v = BUF_ARRAY(value);
    size_t start = out->n;
    TRY(put_header(j, &j->by[0], &b));
    b64url_put(out, buf_span(&b));
    buf_c(out, '.');
    size_t at = out->n;
    b64url_put(out, payload);
    TRY(out->e);
    struct span input = span_of(out->p + start, out->n - start);
    TRY(jwkey_sign(j->by[0].key, j->by[0].alg, &input, 1, &v));
    if (j->detached)
        out->n = at;
    buf_c(out, '.');
    b64url_put(out, buf_span(&v));
    return out->e;
}

static enum err put_signature(const struct jws_ask *j, const struct jws_by *by, size_t at, size_t n, struct buf *out)
{
    struct signature s;
    TRY(sign(j, by, span_of(out->p + at, n), &s));
    buf_put(out, SPAN("\"protected\":\""));
    buf_put(out, buf_span(&s.h));
    if (j->outside) {
        struct jw w = jw_over(out);
        buf_put(out, SPAN("\",\"header\":"));
        jw_obj(&w);
        JW_STR(&w, "kid", by->kid);
        jw_end_obj(&w);
        buf_put(out, SPAN(",\"signature\":\""));
    } else {
        buf_put(out, SPAN("\",\"signature\":\""));
    }
    b64url_put(out, buf_span(&s.v));
    buf_c(out, '"');
    return out->e;
}

static enum err json(const struct jws_ask *j, struct span payload, struct buf *out)
{
    buf_put(out, SPAN("{\"payload\":\""));
    size_t at = out->n;
    b64url_put(out, payload);
    size_t n = out->n - at;
    buf_put(out, SPAN("\","));
    if (j->form == JOSE_FLATTENED) {
        TRY(put_signature(j, &j->by[0], at, n, out));
    } else {
        buf_put(out, SPAN("\"signatures\":["));
        for (size_t i = 0; i < j->n; i++) {
            buf_str(out, i ? ",{" : "{");
            TRY(put_signature(j, &j->by[i], at, n, out));
            buf_c(out, '}');
        }
        buf_c(out, ']');
    }
    buf_c(out, '}');
    return out->e;
}

enum err jws_write(const struct jws_ask *j, struct span payload, struct buf *out)
{
    size_t start = out->n;
    enum err e = check(j, payload);
    if (e == OK)
        e = j->form == JOSE_COMPACT ? compact(j, payload, out) : json(j, payload, out);
    if (e != OK)
        out->n = start;
    return e;
}
