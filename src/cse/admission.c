/* admission.c - which AEs may register here (TS-0004 7.3.2.7, TS-0001 9.6.29). */
#include "cse/admission.h"

#include "m2m/labelq.h"

static enum says denied(struct run *r, enum rsc rsc, const char *attr, const char *rule)
{
    return refuse(r, rsc, span_str(attr), rule);
}

static bool fits_any(const struct strings *patterns, struct span text)
{
    bool any = patterns->n == 0;
    for (size_t i = 0; i < patterns->n && !any; i++)
        any = labelq_wild(patterns->v[i], text);
    return any;
}

static struct span stem_of(const struct run *r)
{
    return r->aei.n ? r->aei : SPAN("S");
}

static enum says check_operator(struct run *r)
{
    const struct admission_conf *k = &r->c->conf.admission;
    if (!fits_any(&k->originators, stem_of(r)))
        return denied(r, RSC_APP_RULE_VALIDATION_FAILED, "fr", "the operator lets no AE of this AE-ID-Stem register");
    if (!fits_any(&k->app_ids, attrs_text(&r->in, AT_api, r->a)))
        return denied(r, RSC_APP_RULE_VALIDATION_FAILED, "api", "the operator lets no AE of this App-ID register");
    return MORE;
}

/* ---- service subscription ------------------------------------------------------------------------- */

bool admission_subscribed(const struct cse *c)
{
    return !sw_open(&c->conf.sw, SW_service_subscription);
}

/* A list of patterns in a rule; without one there is no restriction. */
static bool listed(struct run *r, const struct jval *list, struct span text)
{
    bool any = !list || list->type != J_ARR;
    for (const struct jval *v = any ? NULL : list->child; v && !any; v = v->next)
        any = labelq_wild(name_text(v, r->a), text);
    return any;
}

static bool credential(struct run *r, const struct jval *list)
{
    const struct assoc *as = &r->q->assoc;
    bool any = !list || list->type != J_ARR;
    for (size_t i = 0; i < as->n_ids && !any && as->secured; i++)
        any = listed(r, list, as->ids[i]);
    return any;
}

static bool satisfied(struct run *r, const struct jval *rule)
{
    return listed(r, JSON_GET(rule, "aai"), attrs_text(&r->in, AT_api, r->a)) &&
           listed(r, JSON_GET(rule, "aae"), stem_of(r)) && credential(r, JSON_GET(rule, "apci"));
}

enum says admission_judge(struct run *r, enum profile p, const struct jval *rules)
{
    bool any = false;
    if (p == PROFILE_UNKNOWN || p == PROFILE_NONE)
        return r->c->conf.admission.profiles_always
                   ? denied(r, RSC_SERVICE_SUBSCRIPTION_NOT_ESTABLISHED, "fr",
                            "no service subscription is known for this CSE (TS-0004 7.3.2.7)")
                   : MORE;
    if (p == PROFILE_NO_NODE)
        return denied(r, RSC_SERVICE_SUBSCRIPTION_NOT_ESTABLISHED, "fr",
                      "no serviceSubscribedNode names this CSE (TS-0004 7.3.2.7)");
    for (const struct jval *v = rules ? rules->child : NULL; v && !any; v = v->next)
        any = satisfied(r, v);
    return any ? MORE
               : denied(r, RSC_APP_RULE_VALIDATION_FAILED, "fr",
                        "no serviceSubscribedAppRule of this CSE admits the App-ID and AE-ID-Stem (TS-0004 7.3.2.7)");
}

/* ---- at the IN-CSE itself ------------------------------------------------------------------------- */

static enum err put_rules(struct run *r, const struct jval *links, struct jw *w)
{
    size_t n = 0;
    for (const struct jval *v = links ? links->child : NULL; v && n < PROFILE_RULES_MAX; v = v->next, n++) {
        struct row rule;
        enum err e = find_text(r, name_text(v, r->a), &rule);
        if (e == OK && rule.ty == TY_ASAR)
            jw_raw(w, rule.body);
        else if (e != OK && e != ERR_NOTFOUND && e != ERR_SYNTAX && e != ERR_UNREACHABLE)
            return e;
    }
    return OK;
}

/* The node of this CSE; *any: there is one of some CSE. */
static enum err own_node(struct run *r, bool *any, bool *mine, struct attrs *at)
{
    struct rows page = {.more = true};
    *any = *mine = false;
    for (int64_t after = 0; page.more && !*mine; after = page.n ? page.v[page.n - 1].rid : after) {
        TRY(store_find(r->t, FIND_TYPE, TY_SVSN, SPAN_NONE, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n && !*mine; i++) {
            if (page.v[i].et <= r->now)
                continue;
            *any = true;
            TRY(name_attrs(&page.v[i], r->a, at));
            *mine = id_same_text(attrs_text(at, AT_csi, r->a), r->c->conf.self.csi, &r->c->conf.self);
        }
    }
    return OK;
}

static enum err any_profile(struct run *r, bool *any)
{
    struct rows page;
    TRY(store_find(r->t, FIND_TYPE, TY_MSSP, SPAN_NONE, 0, 1, true, r->a, &page));
    *any = page.n > 0;
    return OK;
}

static enum says check_here(struct run *r)
{
    struct attrs at = {0};
    struct text t;
    const struct jval *rules;
    bool any, mine;
    STEP_TRY(r, own_node(r, &any, &mine, &at));
    if (!any)
        STEP_TRY(r, any_profile(r, &any));
    if (!mine)
        return admission_judge(r, any ? PROFILE_NO_NODE : PROFILE_NONE, NULL);
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_arr(&w);
    STEP_TRY(r, put_rules(r, attrs_get(&at, AT_rlk), &w));
    jw_end_arr(&w);
    STEP_TRY(r, name_parse(buf_span(&t.b), r->a, &rules));
    return admission_judge(r, PROFILE_RULES, rules);
}

enum says admission_check(struct run *r)
{
    enum says say = check_operator(r);
    if (say != MORE || !admission_subscribed(r->c) || r->c->conf.role != ROLE_IN)
        return say; /* other CSEs ask the IN-CSE beforehand: profile.c */
    return check_here(r);
}
