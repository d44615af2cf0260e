#include "cse/heads.h"

#include "cse/hold.h"
#include "cse/patch.h"
#include "cse/tell.h"
#include "esd/head.h"

/* ---- the container ---------------------------------------------------------------------------------- */

/* The parent of the container, and its name there. */
static enum err where(struct run *r, const struct row *place, struct row *parent, struct span *rn)
{
    struct text t;
    *parent = *place;
    *rn = HEAD_NAME;
    if (place->ty != TY_TS)
        return OK;
    text_init(&t, r->a);
    name_put_rn(&t.b, place);
    buf_put(&t.b, HEAD_NAME_AFTER);
    TRY(t.b.e);
    *rn = buf_span(&t.b);
    return store_get(r->t, place->pid, r->a, parent);
}

/* Limits that follow from the data's, so that no reading outlives the heads that cover it. */
static void put_limits(struct jw *w, const struct row *place, const struct attrs *at)
{
    int64_t mni = patch_int(at, AT_mni, INT64_MAX), mbs = patch_int(at, AT_mbs, INT64_MAX),
            mia = patch_int(at, AT_mia, INT64_MAX);
    if (mbs / HEADS_ENVELOPE < mni)
        mni = mbs / HEADS_ENVELOPE;
    if (place->ty == TY_FCNT && mni > INT32_MAX)
        mni = 1; /* it holds what is there now */
    if (mni < INT32_MAX / HEADS_PER_READING)
        JW_U64(w, "mni", (uint64_t)(mni * HEADS_PER_READING + HEADS_MORE));
    if (mia < INT32_MAX)
        JW_U64(w, "mia", (uint64_t)(mia + HEADS_LATER_S));
}

static enum err make_box(struct run *r, const struct row *place, struct row *parent, struct span rn, struct row *box)
{
    struct text t;
    struct attrs at;
    TRY(name_attrs(place, r->a, &at));
    const struct jval *acpi = attrs_get(&at, AT_acpi);
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_STR(&w, "rn", rn);
    JW_NAME(&w, "lbl");
    jw_arr(&w);
    jw_str(&w, HEAD_LABEL);
    jw_end_arr(&w);
    if (acpi) {
        JW_NAME(&w, "acpi");
        jw_raw(&w, acpi->raw);
    }
    put_limits(&w, place, &at);
    jw_end_obj(&w);
    TRY(t.b.e);
    /* Without acpi the creator decides (TS-0004 7.3.3.15): the same who may read the data. */
    struct prim q = *r->q;
    struct run by = *r;
    by.q = &q;
    prim_set(&q, PA_fr, place->creator);
    return make_inside(&by, parent, type_of(TY_CNT), buf_span(&t.b), box);
}

static bool is_box(struct run *r, const struct row *row)
{
    struct attrs at;
    if (row->ty != TY_CNT || name_attrs(row, r->a, &at) != OK)
        return false;
    const struct jval *lbl = attrs_get(&at, AT_lbl);
    for (const struct jval *v = lbl && lbl->type == J_ARR ? lbl->child : NULL; v; v = v->next)
        if (json_is(v, HEAD_LABEL))
            return true;
    return false;
}

static enum err find_box(struct run *r, const struct row *place, struct row *parent, struct span *rn, struct row *box)
{
    TRY(where(r, place, parent, rn));
    TRY(store_child(r->t, parent->rid, *rn, r->a, box));
    return is_box(r, box) ? OK : ERR_EXISTS;
}

/* acpi of the data, or none. */
static enum err align(struct run *r, const struct row *place, struct row *box)
{
    struct attrs data, heads;
    TRY(name_attrs(place, r->a, &data));
    TRY(name_attrs(box, r->a, &heads));
    const struct jval *will = attrs_get(&data, AT_acpi), *is = attrs_get(&heads, AT_acpi);
    if (will ? is && span_eq(will->raw, is->raw) : !is)
        return OK;
    struct patch p = {SPAN("acpi"), will ? will->raw : SPAN_NONE};
    return patch_row(r, box, &p, 1);
}

enum err heads_box(struct run *r, const struct row *place, struct row *box)
{
    struct row parent;
    struct span rn;
    enum err e = find_box(r, place, &parent, &rn, box);
    if (e == OK)
        return align(r, place, box);
    return e == ERR_NOTFOUND ? make_box(r, place, &parent, rn, box) : e;
}

enum err heads_follow(struct run *r)
{
    struct row parent, box;
    struct span rn;
    if (!hold_of(r->out.ty))
        return OK;
    enum err e = find_box(r, &r->out, &parent, &rn, &box);
    if (e == ERR_NOTFOUND || e == ERR_EXISTS)
        return OK;
    return e == OK ? align(r, &r->out, &box) : e;
}

enum err heads_put(struct run *r, struct row *box, struct span cnf, struct span con)
{
    struct text t;
    struct row kid;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_STR(&w, "cnf", cnf);
    JW_STR(&w, "con", con);
    jw_end_obj(&w);
    TRY(t.b.e);
    TRY(make_inside(r, box, type_of(TY_CIN), buf_span(&t.b), &kid));
    return tell_create(r, box, &kid);
}
