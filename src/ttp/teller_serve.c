/* What a teller answers: the oneM2M bases, where keys cross in clear, and the signed paths, which it hands on as the
 * front does. */
#include "ttp/teller.h"

#include "base/code.h"
#include "ttp/name.h"
#include "wire/json.h"

#include <string.h>

static const struct {
    enum ttp_kind kind;
    const char *method, *path;
    bool cert;
} routes[] = {
#define KIND(name, method, path, cert, letter) {KIND_##name, (method), (path), (cert)},
#include "ttp/kind.def"
#undef KIND
};

/* ---- answers -------------------------------------------------------------------------------------------------------
 */

static void m2m_fields_put(struct buf *b, unsigned rsc, struct span ri)
{
    buf_fmt(b, "X-M2M-RSC: %u\r\nX-M2M-RVI: 3\r\n", rsc);
    if (ri.n > 0) {
        buf_str(b, "X-M2M-RI: ");
        buf_put(b, ri);
        buf_str(b, "\r\n");
    }
}

struct words {
    int status;
    unsigned rsc;
    const char *code, *what, *todo;
};

static enum err refuse(struct teller *t, const struct teller_req *r, const struct words *w)
{
    uint8_t text[1024], head[512];
    struct buf b = BUF_ARRAY(text), h = BUF_ARRAY(head);
    struct jw j = jw_over(&b);
    m2m_fields_put(&h, w->rsc, teller_field(r, SPAN("x-m2m-ri")));
    jw_obj(&j);
    JW_STR(&j, "code", span_str(w->code));
    JW_STR(&j, "what", span_str(w->what));
    JW_STR(&j, "who", span_str(t->fqdn));
    JW_STR(&j, "object", SPAN("request"));
    JW_STR(&j, "do", span_str(w->todo));
    jw_end_obj(&j);
    return teller_write(t, w->status, "application/json", buf_span(&h), buf_span(&b), r->last);
}

static enum err told(struct teller *t, const struct teller_req *r, const struct till_answer *m, bool m2m)
{
    static const char *const media[] = {"application/json", "application/jose", "text/plain; charset=utf-8",
                                        "application/json"};
    uint8_t head[1024];
    struct buf h = BUF_ARRAY(head);
    if (m2m)
        m2m_fields_put(&h, m->rsc, teller_field(r, SPAN("x-m2m-ri")));
    if (m->nonce.n > 0) {
        buf_str(&h, "Oneseal-Nonce: ");
        b64url_put(&h, m->nonce);
        buf_str(&h, "\r\n");
    }
    return teller_write(t, m->status, media[m->type < LEN(media) ? m->type : 0], buf_span(&h),
                        m->body.n > 0 ? m->body : m->meta, r->last);
}

static enum err ask(struct teller *t, const struct teller_req *r, enum ttp_kind kind, uint8_t base, struct span body,
                    bool m2m)
{
    static const struct words late = {503, 5000, "ttp-unreachable", "the vault did not answer", "try again"};
    struct till_answer m;
    enum err e = teller_tell(t, kind, base, body, &m);
    if (e == ERR_TIMEOUT || e == ERR_FULL)
        return refuse(t, r, &late);
    TRY(e);
    return told(t, r, &m, m2m);
}

/* ---- signed paths --------------------------------------------------------------------------------------------------
 */

static enum err signed_path(struct teller *t, const struct teller_req *r)
{
    static const struct words nothing = {404, 4004, "malformed", "there is nothing at this path", "see kind.def"},
                              method = {405, 4005, "malformed", "this path takes another method", "see kind.def"},
                              nobody = {403, 4106, "refused", "this path needs a client that is known",
                                        "connect with a certificate or a pre-shared key"};
    for (size_t i = 0; i < LEN(routes); i++) {
        if (!routes[i].path || !span_eq(r->path, span_str(routes[i].path)))
            continue;
        if (!span_eq(r->method, span_str(routes[i].method)))
            return refuse(t, r, &method);
        if (routes[i].cert && t->names_n == 0)
            return refuse(t, r, &nobody);
        return ask(t, r, routes[i].kind, 0, r->body, false);
    }
    return refuse(t, r, &nothing);
}

enum err teller_serve(struct teller *t, const struct teller_req *r)
{
    return signed_path(t, r);
}
