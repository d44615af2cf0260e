/* hook_sub.c - subscription: rules that need the store, defaults, creator (TS-0004 7.4.8). */
#include "cse/missing.h"
#include "cse/stats.h"
#include "cse/sub.h"

/* ---- check ------------------------------------------------------------------------------------------- */

static enum says check_nu(struct run *r, const struct jval *nu)
{
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

/* At most one blocking update for a resource. */
static enum says check_blocking(struct run *r, const struct jval *enc)
{
    struct rows page = {.more = r->q->op == OP_CREATE && check_sub_nets(enc) >> NET_BLOCKING & 1 && r->target.subs > 0};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        STEP_TRY(r, store_list(r->t, r->target.rid, TY_SUB, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n; i++) {
            struct attrs at;
            STEP_TRY(r, name_attrs(&page.v[i], r->a, &at));
            if (page.v[i].et > r->now && check_sub_nets(attrs_get(&at, AT_enc)) >> NET_BLOCKING & 1)
                return refuse(r, RSC_BLOCKING_SUBSCRIPTION_ALREADY_EXISTS, SPAN("enc.net"),
                              "another subscription blocks updates of this resource already (TS-0004 7.4.8.2.1)");
        }
        if (!page.n)
            break;
    }
    return MORE;
}

/* bn says how long a batch lasts, even if nobody did (switch 30). */
static enum err complete_batch(struct run *r)
{
    const struct jval *bn = attrs_get(&r->in, AT_bn), *whole;
    struct span dur = sw_open(&r->c->conf.sw, SW_batch_seconds) ? SPAN("60") : SPAN("\"PT60S\""), text;
    _Static_assert(BATCH_MS == 60000, "the two texts of it");
    if (!bn || bn->type != J_OBJ || JSON_GET(bn, "dur"))
        return OK;
    TRY(name_with(bn->raw, SPAN("dur"), dur, r->a, &text));
    TRY(name_parse(text, r->a, &whole));
    attrs_set(&r->in, AT_bn, whole);
    return OK;
}

static enum says check_sub(struct run *r)
{
    const struct jval *enc = attrs_get(&r->in, AT_enc), *psn = attrs_get(&r->in, AT_psn);
    if (psn && psn->type != J_NULL)
        return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("psn"), "notifications of the past cannot be had (TS-0001 9.6.8)");
    if (enc && JSON_GET(enc, "om") && JSON_GET(enc, "net"))
        return refuse(r, RSC_BAD_REQUEST, SPAN("enc"), "net and om exclude each other (TS-0004 7.4.8.2.1)");
    enum says say = check_blocking(r, enc);
    if (say == MORE)
        say = check_nu(r, attrs_get(&r->in, AT_nu));
    if (say == MORE)
        STEP_TRY(r, complete_batch(r));
    return say;
}

/* ---- what the CSE gives -------------------------------------------------------------------------------- */

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

static bool is_true(const struct jval *v)
{
    bool yes = false;
    return v && json_bool(v, &yes) == OK && yes;
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
    if (is_true(attrs_get(&r->in, AT_nse)))
        stats_begin(w, attrs_get(&r->in, AT_nu), r->a);
    return OK;
}

static enum err fill_update(struct run *r, struct jw *w)
{
    const struct jval *enc = attrs_get(&r->in, AT_enc);
    if (enc && enc->type == J_NULL && sw_open(&r->c->conf.sw, SW_enc_default))
        put_default_enc(w);
    return OK;
}

/* ---- afterwards ---------------------------------------------------------------------------------------- */

/* Statistics begin anew when they are switched on, and with other targets. */
static enum err restart_stats(struct run *r)
{
    struct text t;
    const struct jval *nse = attrs_get(&r->in, AT_nse), *nu = attrs_get(&r->in, AT_nu);
    struct attrs next;
    TRY(name_attrs(&r->out, r->a, &next));
    if (!is_true(attrs_get(&next, AT_nse)) || (!nu && (!nse || is_true(attrs_get(&r->old, AT_nse)))))
        return OK;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    stats_begin(&w, attrs_get(&next, AT_nu), r->a);
    jw_end_obj(&w);
    const struct jval *whole;
    TRY(name_parse(buf_span(&t.b), r->a, &whole));
    TRY(name_with(r->out.body, SPAN("nsi"), whole->child->raw, r->a, &r->out.body));
    TRY(make_labels(r, attrs_get(&next, AT_lbl), &r->out));
    return store_set(r->t, &r->out);
}

/* Does the parent still have to look when it is read? */
static enum err weigh_again(struct run *r)
{
    struct row up;
    int64_t was, is;
    TRY(store_get(r->t, r->target.pid, r->a, &up));
    TRY(tell_weight(r, &r->target, up.ty, &was));
    TRY(tell_weight(r, &r->out, up.ty, &is));
    up.subs += is - was;
    return was == is ? OK : make_count(r, &up);
}

static enum says after_sub(struct run *r)
{
    struct attrs next;
    if (r->q->op != OP_UPDATE)
        return MORE;
    STEP_TRY(r, restart_stats(r));
    STEP_TRY(r, name_attrs(&r->out, r->a, &next));
    STEP_TRY(r, tell_sub_changed(r, &r->out, &r->old, &next));
    if (attrs_get(&r->in, AT_enc)) /* md may have changed: its window begins anew */
        STEP_TRY(r, missing_window_forget(r, r->out.rid));
    STEP_TRY(r, weigh_again(r));
    return MORE;
}

static enum err gone_sub(struct run *r, const struct row *row)
{
    return missing_window_forget(r, row->rid);
}

const struct type_hook hook_sub = {.check = check_sub,
                                   .fill = fill_sub,
                                   .check_update = check_sub,
                                   .fill_update = fill_update,
                                   .after = after_sub,
                                   .gone = gone_sub};
