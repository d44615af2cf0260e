/* hook_sch.c - schedule: what belongs to a node alone (TS-0004 7.4.9). When it is open is reach.c's. */
#include "cse/inside.h"

static enum says check_nco(struct run *r, unsigned parent_ty)
{
    const struct jval *nco = attrs_get(&r->in, AT_nco);
    if (nco && nco->type != J_NULL && parent_ty != TY_NOD)
        return refuse(r, RSC_CONTENTS_UNACCEPTABLE, SPAN("nco"),
                      "only the schedule of a node is coordinated with the network (TS-0004 7.4.9.2.1)");
    return MORE;
}

static enum says check_create_sch(struct run *r)
{
    return check_nco(r, r->target.ty);
}

static enum says check_update_sch(struct run *r)
{
    return check_nco(r, r->holder.ty);
}

const struct type_hook hook_sch = {.check = check_create_sch, .check_update = check_update_sch};
