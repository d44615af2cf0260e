/* hook_lcp.c - locationPolicy: its container, and what must be known for a position (TS-0004 7.4.10). Positions of a
 * device come from the device, which stores them into the container; this CSE asks no location server. */
#include "cse/patch.h"

enum { NETWORK_BASED = 1 };

static enum says check_lcp(struct run *r)
{
    struct row row;
    struct span lon = attrs_text(&r->in, AT_lon, r->a);
    if (patch_int(&r->in, AT_los, 0) == NETWORK_BASED && !attrs_get(&r->in, AT_lot))
        return refuse(r, RSC_BAD_REQUEST, SPAN("lot"),
                      "a network based position needs its target (TS-0004 7.4.10.2.1)");
    if (patch_int(&r->in, AT_los, 0) == NETWORK_BASED && !attrs_get(&r->in, AT_lor))
        return refuse(r, RSC_BAD_REQUEST, SPAN("lor"),
                      "a network based position needs its server (TS-0004 7.4.10.2.1)");
    if (!lon.n)
        return MORE;
    if (!check_resource_name(lon) || type_reserved(r->target.ty, lon))
        return refuse(r, RSC_BAD_REQUEST, SPAN("lon"), "is no name that a container may have here (TS-0004 6.2.4)");
    enum err e = store_child(r->t, r->target.rid, lon, r->a, &row);
    if (e == OK || span_eq(lon, attrs_text(&r->in, AT_rn, r->a)))
        return refuse(r, RSC_CONFLICT, SPAN("lon"), "the parent has a child of this name already");
    return e == ERR_NOTFOUND ? MORE : oops(r, e);
}

static enum err fill_lcp(struct run *r, struct jw *w)
{
    if (!attrs_get(&r->in, AT_lit))
        JW_U64(w, "lit", 1);
    JW_STR(w, "lost", SPAN("no position known yet"));
    return OK;
}

static struct span id_of(struct run *r, const struct row *row)
{
    struct text t;
    text_init(&t, r->a);
    name_put_ri(&t.b, row);
    return buf_span(&t.b);
}

/* The container beside the policy, each with the other's identifier. */
static enum says after_lcp(struct run *r)
{
    struct row box;
    struct text t;
    struct span lon = attrs_text(&r->in, AT_lon, r->a);
    const struct jval *acpi = attrs_get(&r->in, AT_acpi);
    if (r->q->op != OP_CREATE)
        return MORE;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    if (lon.n)
        JW_STR(&w, "rn", lon);
    if (acpi && acpi->type == J_ARR)
        JW_NAME(&w, "acpi"), jw_raw(&w, acpi->raw);
    JW_STR(&w, "li", id_of(r, &r->out));
    jw_end_obj(&w);
    STEP_TRY(r, t.b.e);
    STEP_TRY(r, make_inside(r, &r->target, type_of(TY_CNT), buf_span(&t.b), &box));
    STEP_TRY(r, patch_row(r, &r->out, &(struct patch){SPAN("loi"), name_json(id_of(r, &box), r->a)}, 1));
    return MORE;
}

/* What was measured stays; the container is one like others from now on. */
static enum err gone_lcp(struct run *r, const struct row *row)
{
    struct attrs at;
    struct row box;
    TRY(name_attrs(row, r->a, &at));
    struct span loi = attrs_text(&at, AT_loi, r->a);
    if (!loi.n || find_text(r, loi, &box) != OK || box.ty != TY_CNT)
        return OK;
    return patch_row(r, &box, &(struct patch){SPAN("li"), SPAN_NONE}, 1);
}

const struct type_hook hook_lcp = {.check = check_lcp, .fill = fill_lcp, .after = after_lcp, .gone = gone_lcp};
