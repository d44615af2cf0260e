/* hook_mgo.c - mgmtObj: what a CSE can do that manages no device itself. An action that is asked for is under way
 * (status In_Process) until whoever manages the device reports its end by UPDATE of the status attribute (switch 12);
 * actions that exclude each other are refused (TS-0001 annex D, TS-0004 7.4.15). */
#include "cse/patch.h"

/* Two flags of a specialization, and where the status of both is told. */
struct pair {
    struct span root;
    enum attr a, b, status; /* AT_NONE: there is none */
    bool always;            /* the flags are always there: false when nobody gave them */
};
#define ROOT(lit)                                                                                                      \
    {                                                                                                                  \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                                        \
    }
static const struct pair pairs[] = {
    {ROOT("m2m:fwr"), AT_ud, AT_NONE, AT_uds, false},  {ROOT("m2m:swr"), AT_in, AT_un, AT_ins, true},
    {ROOT("m2m:swr"), AT_act, AT_dea, AT_acts, false}, {ROOT("m2m:dvc"), AT_ena, AT_dis, AT_cas, false},
    {ROOT("m2m:rbo"), AT_rbo, AT_far, AT_NONE, true},  {ROOT("m2m:evl"), AT_lga, AT_lgo, AT_NONE, true},
};

static bool is_of(const struct run *r, const struct pair *p)
{
    return r->in.t && span_eq(r->in.t->root, p->root);
}

static bool asked(const struct run *r, enum attr a)
{
    return a != AT_NONE && patch_true(&r->in, a);
}

static enum says check_pairs(struct run *r)
{
    for (size_t i = 0; i < LEN(pairs); i++)
        if (is_of(r, &pairs[i]) && asked(r, pairs[i].a) && asked(r, pairs[i].b))
            return refuse(r, RSC_BAD_REQUEST, attr_row(pairs[i].b)->sn,
                          "two actions that exclude each other are both true (TS-0001 annex D)");
    return MORE;
}

static struct span status_text(struct run *r, struct span action, unsigned status)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    if (action.n)
        JW_STR(&w, "acn", action);
    JW_U64(&w, "sus", status);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

enum { UNINITIALIZED = 0, IN_PROCESS = 3 };

static void put_flag(struct run *r, struct jw *w, enum attr a)
{
    if (a == AT_NONE || attrs_get(&r->in, a))
        return;
    jw_name(w, attr_row(a)->sn);
    jw_bool(w, false);
}

/* Flags and status that every such object has. */
static enum err fill_mgo(struct run *r, struct jw *w)
{
    for (size_t i = 0; i < LEN(pairs); i++) {
        const struct pair *p = &pairs[i];
        if (!is_of(r, p))
            continue;
        if (p->always) {
            put_flag(r, w, p->a);
            put_flag(r, w, p->b);
        }
        if (p->status != AT_NONE && !attrs_get(&r->in, p->status) && type_rule(r->in.t, p->status)->one) {
            jw_name(w, attr_row(p->status)->sn);
            jw_raw(w, asked(r, p->a) ? status_text(r, attr_row(p->a)->sn, IN_PROCESS)
                                     : status_text(r, SPAN_NONE, UNINITIALIZED));
        }
    }
    return OK;
}

/* An action begins: its status says so, unless the same UPDATE reports one. */
static enum says after_mgo(struct run *r)
{
    for (size_t i = 0; i < LEN(pairs) && r->q->op == OP_UPDATE; i++) {
        const struct pair *p = &pairs[i];
        enum attr a = asked(r, p->a) ? p->a : asked(r, p->b) ? p->b : AT_NONE;
        if (!is_of(r, p) || a == AT_NONE || p->status == AT_NONE || attrs_get(&r->in, p->status))
            continue;
        struct patch now = {attr_row(p->status)->sn, status_text(r, attr_row(a)->sn, IN_PROCESS)};
        STEP_TRY(r, patch_row(r, &r->out, &now, 1));
        attr_set_add(&r->changed, p->status);
    }
    return MORE;
}

const struct type_hook hook_mgo = {
    .check = check_pairs, .fill = fill_mgo, .check_update = check_pairs, .after = after_mgo};
