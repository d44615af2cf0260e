/* verify.c - before a subscription is made, its targets are asked (TS-0004 7.4.8.2.1): NOTIFY with vrq, sur, cr. On the
 * loop thread; the writer does the rest when all have agreed. The notice names the subscription, so that its rid is
 * reserved first (a short visit to the writer). */
#include "cse/prelude.h"

static bool is_sub_create(const struct run *r)
{
    return r->q->op == OP_CREATE && r->q->ty == TY_SUB;
}

bool verify_wanted(struct run *r)
{
    return is_sub_create(r) || (r->q->op == OP_UPDATE && sw_open(&r->c->conf.sw, SW_verify_on_update) &&
                                span_eq(r->q->root, SPAN("m2m:sub")) && JSON_GET(r->q->content, "nu"));
}

/* Does the target name the originator's own AE, here (any form) or on another CSE (unstructured forms)? */
bool verify_is_originator(struct run *r, struct span nu)
{
    struct addr at;
    struct found f;
    struct span ct;
    const char *why;
    const struct id *from = &r->q->from;
    nu = nu_plain(nu, &ct);
    if (is_url(nu) || addr_parse(nu, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK || at.s_ae)
        return id_same_text(nu, prim_text(r->q, PA_fr), &r->c->conf.self);
    if (at.where == ADDR_HERE) {
        struct id ae;
        if (find_addr(r, &at, &f) != OK || f.row.ty != TY_AE)
            return false;
        ae = id_parse(f.row.alias, &r->c->conf.self);
        return id_same(&ae, from);
    }
    bool stem =
        !at.structured && !at.names.n && from->stem.n && span_eq(at.id, from->stem) && span_eq_nocase(at.sp, from->sp);
    return stem && (from->kind == ID_AE_S || span_eq(at.csi, from->cse));
}

static bool listed(const struct jval *list, struct span text)
{
    for (const struct jval *v = list ? list->child : NULL; v; v = v->next)
        if (json_is(v, text))
            return true;
    return false;
}

/* A crossResourceSubscription of this CSE has asked for the subscription itself; what a group of this CSE takes, its
 * members decide about. */
static bool agrees(struct run *r, struct span nu)
{
    struct row row;
    struct span ct;
    return find_text(r, nu_plain(nu, &ct), &row) == OK && (row.ty == TY_CRS || row.ty == TY_GRP);
}

/* The target must agree: a resource identifier that is not the originator; a URL only by switch 13; in an UPDATE only
 * what is new. */
static bool must_agree(struct run *r, struct span nu)
{
    if (!is_sub_create(r) && listed(attrs_get(&r->old, AT_nu), nu))
        return false;
    if (is_url(nu))
        return sw_open(&r->c->conf.sw, SW_verify_urls);
    if (agrees(r, nu))
        return false;
    return !verify_is_originator(r, nu);
}

/* ---- answers of the targets ---------------------------------------------------------------------- */

static void over_all(struct run *r)
{
    if (--r->children > 0)
        return;
    if (verdict_go(r->bad))
        prelude_over(r);
    else
        prelude_fail(r, r->bad);
}

static void refused(struct run *r, const char *rule)
{
    if (verdict_go(r->bad))
        r->bad = verdict_of(RSC_SUBSCRIPTION_VERIFICATION_INITIATION_FAILED, SPAN("nu"), rule);
}

static void over(struct hop *h, enum err e, const struct prim *rsp)
{
    if (e != OK)
        refused(h->r, "a notification target cannot be reached for verification (TS-0004 7.4.8.2.1)");
    else if (!rsp || !rsc_ok(rsp->rsc))
        refused(h->r, "a notification target did not agree to the subscription (TS-0004 7.4.8.2.1)");
    over_all(h->r);
}

/* ---- asking -------------------------------------------------------------------------------------- */

static struct span question(struct run *r, struct span sur, struct span nu)
{
    struct addr at;
    struct text t, cr;
    const char *why;
    struct span ct;
    nu = nu_plain(nu, &ct);
    bool away = !is_url(nu) && addr_parse(nu, &r->c->conf.self, &r->c->conf.sw, &at, &why) == OK && find_away(r, &at);
    text_init(&t, r->a);
    text_init(&cr, r->a);
    if (away)
        id_put_forwarded(&cr.b, prim_text(r->q, PA_fr), &r->c->conf.self, at.where == ADDR_OTHER_SP);
    else
        buf_put(&cr.b, prim_text(r->q, PA_fr));
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sgn");
    jw_obj(&w);
    JW_BOOL(&w, "vrq", true);
    JW_STR(&w, "sur", sur);
    JW_STR(&w, "cr", buf_span(&cr.b));
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

static struct span request_id(struct run *r, unsigned i)
{
    struct text t;
    uint8_t salt[6];
    r->c->w.entropy(r->c->w.ctx, salt, sizeof salt);
    text_init(&t, r->a);
    buf_str(&t.b, "v-");
    for (size_t k = 0; k < sizeof salt; k++)
        buf_fmt(&t.b, "%02x", salt[k]);
    buf_fmt(&t.b, "-%u", i);
    return buf_span(&t.b);
}

/* An AE of this CSE: the creator must be allowed to NOTIFY it. */
static enum err allowed(struct run *r, struct span nu, bool *yes)
{
    struct row row;
    struct span ct;
    *yes = true;
    nu = nu_plain(nu, &ct);
    enum err e = is_url(nu) ? ERR_UNREACHABLE : find_text(r, nu, &row);
    if (e == OK && row.ty == TY_AE)
        return rights_ask(r, &r->q->from, &row, ACOP_NOTIFY, 0, yes);
    return OK; /* elsewhere: its own CSE decides */
}

static enum err ask(struct run *r, struct span nu, struct span sur, unsigned i)
{
    bool here, yes;
    struct hop *h = ARENA_NEW(r->a, struct hop);
    if (!h)
        return ERR_NOMEM;
    *h = (struct hop){.r = r, .a = r->a, .loop = r->x->loop, .deadline = hop_deadline(r), .over = over};
    TRY(allowed(r, nu, &yes));
    enum err e = yes ? hop_to_target(r, nu, h, &here) : OK;
    if (!yes)
        refused(r, "the originator may not NOTIFY a notification target (TS-0004 7.4.8.2.1)");
    else if (e == ERR_NOTFOUND || e == ERR_UNREACHABLE)
        refused(r, "a notification target is unknown or has no point of access (TS-0004 7.4.8.2.1)");
    else if (e != OK)
        return e;
    if (!yes || e != OK || here)
        return OK; /* this CSE itself agrees */
    hop_notify(r, h, nu, request_id(r, i), question(r, sur, nu));
    r->children++;
    hop_go(r->c, h);
    return OK;
}

static enum says ask_all(struct run *r)
{
    struct row sub = {.rid = r->reserved ? r->reserved : r->target.rid, .ty = TY_SUB};
    struct span sur = name_sp_relative(r->c, &sub, r->a);
    const struct jval *nu = attrs_get(&r->in, AT_nu);
    unsigned i = 0;
    r->bad = VERDICT_GO;
    r->children = 1; /* this loop itself: nobody may be last before everybody was asked */
    for (const struct jval *v = nu ? nu->child : NULL; v && verdict_go(r->bad); v = v->next) {
        struct span to = name_text(v, r->a);
        enum err e = must_agree(r, to) ? ask(r, to, sur, i++) : OK;
        if (e != OK)
            r->bad = verdict_of(RSC_INTERNAL_SERVER_ERROR, SPAN("nu"), err_text(e));
    }
    if (--r->children > 0)
        return WAIT;
    return verdict_go(r->bad) ? MORE : refuse_verdict(r, r->bad);
}

enum says verify_start(struct run *r)
{
    const struct jval *nu = attrs_get(&r->in, AT_nu);
    bool any = false;
    for (const struct jval *v = nu ? nu->child : NULL; v && !any; v = v->next)
        any = must_agree(r, name_text(v, r->a));
    if (any && is_sub_create(r) && !r->reserved)
        return prelude_reserve(r);
    return any ? ask_all(r) : MORE;
}
