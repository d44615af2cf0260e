/* What a teller answers: the oneM2M bases, where keys cross in clear, and the signed paths, which it hands on as the
 * front does. */
#include "ttp/teller.h"

#include "base/code.h"
#include "ttp/m2mroute.h"
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
    m2mroute_fields(&h, w->rsc, teller_field(r, SPAN("x-m2m-ri")));
    jw_obj(&j);
    JW_STR(&j, "code", span_str(w->code));
    JW_STR(&j, "what", span_str(w->what));
    JW_STR(&j, "who", span_str(t->fqdn));
    JW_STR(&j, "object", SPAN("request"));
    JW_STR(&j, "do", span_str(w->todo));
    jw_end_obj(&j);
    return teller_write(t, w->status, "application/json", buf_span(&h), buf_span(&b), r->last);
}

static enum err told(struct teller *t, const struct teller_req *r, const struct till_answer *m,
                     const struct m2mroute *to)
{
    static const char *const media[] = {"application/json", "application/jose", "text/plain; charset=utf-8",
                                        "application/json"};
    uint8_t head[1024];
    struct buf h = BUF_ARRAY(head);
    bool good = to && m->status == 200; /* an acknowledgement carries the resource beside it */
    if (to)
        m2mroute_fields(&h, good ? to->rsc : m->rsc, teller_field(r, SPAN("x-m2m-ri")));
    if (m->nonce.n > 0) {
        buf_str(&h, "Oneseal-Nonce: ");
        b64url_put(&h, m->nonce);
        buf_str(&h, "\r\n");
    }
    return teller_write(t, good ? to->status : m->status, media[good || m->type >= LEN(media) ? TYPE_JSON : m->type],
                        buf_span(&h), good && m->meta.n > 0 ? m->meta : m->body, r->last);
}

static enum err ask(struct teller *t, const struct teller_req *r, enum ttp_kind kind, uint8_t base, struct span body,
                    const struct m2mroute *to)
{
    static const struct words late = {503, 5000, "ttp-unreachable", "the vault did not answer", "try again"};
    struct till_answer m;
    enum err e = teller_tell(t, kind, base, body, &m);
    if (e == ERR_TIMEOUT || e == ERR_FULL)
        return refuse(t, r, &late);
    TRY(e);
    return told(t, r, &m, to);
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
        return ask(t, r, routes[i].kind, 0, r->body, NULL);
    }
    return refuse(t, r, &nothing);
}

/* ---- the oneM2M bases ----------------------------------------------------------------------------------------------
 */

static struct span exporter(struct teller *t, uint8_t base)
{
    /* spec/security.md 15.10; for the MEF the label of enrolment (6.5) */
    struct span label = base == M2MBASE_MEF ? SPAN("EXPORTER-oneM2M-Bootstrap") : SPAN("EXPORTER-oneM2M-Connection");
    if (tls_one_export(t->one, label, t->desk->value, TELLER_EXPORT) != OK)
        return SPAN_NONE;
    return span_of(t->desk->value, TELLER_EXPORT);
}

static enum err show_base(struct teller *t, const struct teller_req *r, const struct m2mroute *to)
{
    uint8_t text[256], head[512];
    struct buf b = BUF_ARRAY(text), h = BUF_ARRAY(head);
    m2mroute_base(&b, to->base);
    m2mroute_fields(&h, to->rsc, teller_field(r, SPAN("x-m2m-ri")));
    return teller_write(t, to->status, "application/json", buf_span(&h), buf_span(&b), r->last);
}

static enum err m2m(struct teller *t, const struct teller_req *r)
{
    static const struct words nobody = {403, 4106, "refused", "the bases need a client that is known",
                                        "connect with a certificate or a pre-shared key"},
                              other = {403, 4103, "refused", "this pre-shared key is enrolled for the other base",
                                       "a KmID is for the MAF, a KpmID for the MEF"},
                              large = {400, 4000, "malformed", "the request is too large", "send one resource"};
    struct m2mroute to;
    const struct m2mroute_wrong *wrong = m2mroute_read(r->method, r->path, teller_field(r, SPAN("content-type")), &to);
    if (t->names_n == 0)
        return refuse(t, r, &nobody);
    if (wrong)
        return refuse(t, r, &(struct words){wrong->status, wrong->rsc, "malformed", wrong->what, wrong->todo});
    if (t->psk_base != 0 && t->psk_base != to.base)
        return refuse(t, r, &other);
    if (to.kind == KIND__N)
        return show_base(t, r, &to);
    struct buf b = BUF_ARRAY(t->desk->ask);
    m2mroute_put(&b, teller_field(r, SPAN("x-m2m-origin")), to.name, to.kind == KIND_REG_CFG ? SPAN_NONE : r->body);
    if (to.kind == KIND_SKR_CREATE) {
        to.kind = KIND_PLAIN_CREATE;
        msg_item_put(&b, exporter(t, to.base));
    }
    enum err e = b.e == OK ? ask(t, r, to.kind, to.base, buf_span(&b), &to) : refuse(t, r, &large);
    buf_wipe(&b);
    return e;
}

enum err teller_serve(struct teller *t, const struct teller_req *r)
{
    return m2mroute_here(r->path) ? m2m(t, r) : signed_path(t, r);
}
