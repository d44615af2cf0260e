/* hook_fcnt.c - flexContainer and its instances (TS-0004 7.4.37, TS-0001 9.6.35, Release 4 for instances).
 *
 * cni of a row is -1 while the flexContainer keeps no instances. */
#include "cse/hold.h"
#include "cse/patch.h"
#include "cse/tell.h"

/* An attribute of the specialization, not of flexContainer itself. */
bool hook_fcnt_custom(struct span name)
{
    return type_named(type_of(TY_FCNT), name)->create == P_ABSENT;
}

static bool any_custom(const struct attrs *in)
{
    bool any = false;
    for (size_t i = 1; i <= in->n && !any; i++)
        any = in->v[i] && hook_fcnt_custom(in->v[i]->key);
    return any;
}

/* What the resource will have: sent attributes, and those of before that were not mentioned. */
static const struct jval *will(const struct run *r, enum attr a)
{
    const struct jval *in = attrs_get(&r->in, a);
    if (in)
        return in->type == J_NULL ? NULL : in;
    return r->q->op == OP_UPDATE ? attrs_get(&r->old, a) : NULL;
}

static bool keeps_instances(const struct run *r)
{
    bool on = false;
    const struct jval *fcied = will(r, AT_fcied);
    if (fcied && json_bool(fcied, &on) == OK)
        return on;
    return will(r, AT_mni) || will(r, AT_mbs) || will(r, AT_mia);
}

/* contentSize: octets of the custom attributes. */
static int64_t size_of(const struct run *r)
{
    size_t n = 0;
    for (size_t i = 1; i <= r->in.n; i++)
        if (r->in.v[i] && r->in.v[i]->type != J_NULL && hook_fcnt_custom(r->in.v[i]->key))
            n += check_content_size(r->in.v[i]);
    for (size_t i = 1; r->q->op == OP_UPDATE && i <= r->old.n; i++)
        if (r->old.v[i] && hook_fcnt_custom(r->old.v[i]->key) && !attrs_named(&r->in, r->old.v[i]->key))
            n += check_content_size(r->old.v[i]);
    return (int64_t)n;
}

enum says hook_fcnt_fits(struct run *r)
{
    int64_t max;
    const struct jval *mbs = will(r, AT_mbs);
    if (!mbs || json_i64(mbs, &max) != OK || !keeps_instances(r) || size_of(r) <= max)
        return MORE;
    return refuse(r, RSC_NOT_ACCEPTABLE, SPAN("mbs"),
                  "an instance of this content would be larger than maxByteSize of the flexContainer");
}

static enum err fill_fcnt(struct run *r, struct jw *w)
{
    (void)w; /* columns */
    r->out.cs = size_of(r);
    r->out.cni = keeps_instances(r) ? 0 : -1;
    return OK;
}

static enum err fill_update(struct run *r, struct jw *w)
{
    (void)w;
    if (any_custom(&r->in)) {
        r->out.cs = size_of(r);
        r->out.st++;
    }
    if (keeps_instances(r) && r->out.cni < 0)
        r->out.cni = r->out.cbs = 0;
    return OK;
}

/* The custom attributes as they are now, who set them, labels and location. */
static enum err instance_text(struct run *r, const struct attrs *now, struct span *out)
{
    struct text t;
    static const struct {
        enum attr a;
    } also[] = {{AT_lbl}, {AT_loc}};
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_STR(&w, "org", prim_text(r->q, PA_fr));
    JW_U64(&w, "cs", (uint64_t)r->out.cs);
    for (size_t i = 0; i < LEN(also); i++) {
        const struct jval *v = attrs_get(now, also[i].a);
        if (v)
            jw_name(&w, v->key), jw_raw(&w, v->raw);
    }
    for (size_t i = 1; i <= now->n; i++)
        if (now->v[i] && hook_fcnt_custom(now->v[i]->key)) {
            jw_name(&w, now->v[i]->key);
            jw_raw(&w, now->v[i]->raw);
        }
    jw_end_obj(&w);
    *out = buf_span(&t.b);
    return t.b.e;
}

static enum err make_instance(struct run *r, const struct attrs *now)
{
    struct span text;
    struct row kid;
    const struct type *t = r->out.spec.n ? type_spec(TY_FCI, r->out.spec) : NULL;
    TRY(instance_text(r, now, &text));
    TRY(make_inside(r, &r->out, t ? t : type_of(TY_FCI), text, &kid));
    return tell_create(r, &r->out, &kid);
}

static enum err stop_instances(struct run *r)
{
    TRY(hold_clear(r, &r->out));
    r->out.cni = -1;
    return make_count(r, &r->out);
}

static enum says after_fcnt(struct run *r)
{
    struct attrs now;
    bool update = r->q->op == OP_UPDATE, custom = any_custom(&r->in);
    STEP_TRY(r, name_attrs(&r->out, r->a, &now));
    if (update && custom) {
        attr_set_add(&r->changed, AT_st);
        attr_set_add(&r->changed, AT_cs);
    }
    if (!keeps_instances(r)) {
        if (r->out.cni >= 0)
            STEP_TRY(r, stop_instances(r));
        return MORE;
    }
    if (!update || custom)
        STEP_TRY(r, make_instance(r, &now));
    STEP_TRY(r, hold_trim(r, &r->out, &now));
    return MORE;
}

const struct type_hook hook_fcnt = {.check = hook_fcnt_fits,
                                    .fill = fill_fcnt,
                                    .check_update = hook_fcnt_fits,
                                    .fill_update = fill_update,
                                    .after = after_fcnt};

static enum err fill_fci(struct run *r, struct jw *w)
{
    (void)w;
    r->out.cs = patch_int(&r->in, AT_cs, 0);
    return OK;
}

const struct type_hook hook_fci = {.fill = fill_fci};
