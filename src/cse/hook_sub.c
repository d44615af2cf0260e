/* hook_sub.c - subscription: what is not offered, defaults, creator (TS-0004 7.4.8). */
#include "cse/inside.h"

static bool holds_net(const struct jval *enc, uint64_t net)
{
    uint64_t v;
    const struct jval *list = JSON_GET(enc, "net");
    for (const struct jval *e = list ? list->child : NULL; e; e = e->next)
        if (json_u64(e, UINT32_MAX, &v) == OK && v == net)
            return true;
    return false;
}

/* Features that are not built: said aloud rather than stored and forgotten. */
static enum says check_offered(struct run *r)
{
    static const struct {
        enum attr a;
        const char *rule;
    } rows[] = {{AT_bn, "batches of notifications are not supported here"},
                {AT_rl, "rate limits of notifications are not supported here"},
                {AT_nfu, "forwarding of notifications for groups is not supported here"},
                {AT_psn, "notifications of the past are not supported here"},
                {AT_acrs, "cross resource subscriptions are not supported here"}};
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct jval *v = attrs_get(&r->in, rows[i].a);
        if (v && v->type != J_NULL)
            return refuse(r, RSC_NOT_IMPLEMENTED, attr_row(rows[i].a)->sn, rows[i].rule);
    }
    const struct jval *enc = attrs_get(&r->in, AT_enc), *nu = attrs_get(&r->in, AT_nu);
    if (enc && JSON_GET(enc, "om") && JSON_GET(enc, "net"))
        return refuse(r, RSC_BAD_REQUEST, SPAN("enc"), "net and om exclude each other (TS-0004 7.4.8.2.1)");
    if (enc && (JSON_GET(enc, "om") || holds_net(enc, 7)))
        return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("enc"),
                      "operation monitors and blocking updates are not supported here");
    if (nu && nu->n > NU_MAX)
        return refuse(r, RSC_BAD_REQUEST, SPAN("nu"), "more notification targets than this CSE serves");
    for (const struct jval *v = nu ? nu->child : NULL; v; v = v->next) {
        struct span ct;
        nu_plain(name_text(v, r->a), &ct);
        if (ct.n && !span_eq(ct, SPAN("json")))
            return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("nu"), "notifications are sent as JSON only (ct=json)");
    }
    return MORE;
}

static bool any_foreign(struct run *r, const struct jval *nu)
{
    for (const struct jval *v = nu ? nu->child : NULL; v; v = v->next)
        if (!verify_is_originator(r, name_text(v, r->a)))
            return true;
    return false;
}

static void put_default_enc(struct jw *w)
{
    JW_NAME(w, "enc");
    jw_raw(w, SPAN("{\"net\":[1]}"));
}

static enum err fill_sub(struct run *r, struct jw *w)
{
    const struct jval *enc = attrs_get(&r->in, AT_enc);
    if (!attrs_get(&r->in, AT_nct))
        JW_U64(w, "nct", check_sub_nct_default(enc));
    if (!enc && sw_open(&r->c->conf.sw, SW_enc_default))
        put_default_enc(w);
    /* switch 15; when it was asked for by null, make.c has put it */
    if (!attrs_get(&r->in, AT_cr) && !sw_open(&r->c->conf.sw, SW_creator_on_request) &&
        any_foreign(r, attrs_get(&r->in, AT_nu)))
        JW_STR(w, "cr", r->out.creator);
    return OK;
}

static enum err fill_update(struct run *r, struct jw *w)
{
    const struct jval *enc = attrs_get(&r->in, AT_enc);
    if (enc && enc->type == J_NULL && sw_open(&r->c->conf.sw, SW_enc_default))
        put_default_enc(w);
    return OK;
}

const struct type_hook hook_sub = {
    .check = check_offered, .fill = fill_sub, .check_update = check_offered, .fill_update = fill_update};
