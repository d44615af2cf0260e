/* hook_cnt.c - container and contentInstance (TS-0004 7.4.6, 7.4.7): sizes, numbers, what an UPDATE of the limits does.
 */
#include <string.h>

#include "cse/hold.h"

/* ---- contentInstance ------------------------------------------------------------------------------ */

/* Octets of content as they are stored. */
static size_t size_of(const struct run *r)
{
    const struct jval *con = attrs_get(&r->in, AT_con);
    if (!r->con.p)
        return con ? check_content_size(con) : 0;
    /* sealed content is a string without escapes: two quotes less than its JSON text */
    return r->con.n >= 2 && r->con.p[0] == '"' ? r->con.n - 2 : r->con.n;
}

static bool over(const struct attrs *limits, enum attr a, size_t size)
{
    uint64_t max;
    const struct jval *v = attrs_get(limits, a);
    return v && json_u64(v, INT64_MAX, &max) == OK && size > max;
}

enum says hook_cin_fits(struct run *r)
{
    STEP_TRY(r, run_old(r));
    if (over(&r->old, AT_mbs, size_of(r)))
        return refuse(r, RSC_NOT_ACCEPTABLE, SPAN("con"),
                      "its content is larger than maxByteSize of the container (TS-0004 7.4.7.2.1)");
    if (over(&r->old, AT_mbis, size_of(r)))
        return refuse(r, RSC_NOT_ACCEPTABLE, SPAN("con"),
                      "its content is larger than maxByteSizePerInstance of the container (TS-0001 9.6.6, Release 5)");
    return MORE;
}

static enum err fill_cin(struct run *r, struct jw *w)
{
    const struct jval *con = attrs_get(&r->in, AT_con), *cnf = attrs_get(&r->in, AT_cnf);
    const struct jval *dcnt = attrs_get(&r->in, AT_dcnt);
    uint64_t reads = 0;
    if (dcnt && json_u64(dcnt, INT64_MAX, &reads) == OK)
        r->out.cni = (int64_t)reads; /* RETRIEVEs that are left: a column, for it falls with each of them */
    r->out.st = r->target.st + 1;
    r->out.cs = (int64_t)size_of(r);
    JW_U64(w, "st", (uint64_t)r->out.st);
    JW_U64(w, "cs", (uint64_t)r->out.cs);
    if (r->con.p) {
        JW_STR(w, "cnf", r->cnf);
        JW_NAME(w, "con");
        jw_raw(w, r->con);
        return OK;
    }
    if (cnf) {
        JW_NAME(w, "cnf");
        jw_raw(w, cnf->raw);
    }
    if (con) {
        JW_NAME(w, "con");
        jw_raw(w, con->raw);
    }
    return OK;
}

bool hook_cin_counts(const struct run *r)
{
    return r->target.ty == TY_CIN && r->target.cni > 0 && r->q->op == OP_RETRIEVE &&
           (r->q->rcn == RCN_DEFAULT || r->q->rcn == RCN_ATTRIBUTES) && !(r->q->fc && r->q->fc->fu == FU_DISCOVERY);
}

/* After the answer that showed 1 the instance goes (Release 4: TS-0001 9.6.7 deletionCnt). */
enum err hook_cin_read(struct run *r)
{
    if (--r->target.cni == 0)
        return gone_tree(r, &r->target, true);
    return make_count(r, &r->target);
}

const struct type_hook hook_cin = {.check = hook_cin_fits, .fill = fill_cin};

/* ---- container ------------------------------------------------------------------------------------ */

static bool is_true(const struct jval *v)
{
    bool yes = false;
    return v && json_bool(v, &yes) == OK && yes;
}

/* UPDATE: lowered limits take the oldest at once; disr from true to false takes every instance. */
static enum says after_cnt(struct run *r)
{
    struct attrs now;
    if (r->q->op != OP_UPDATE)
        return MORE;
    STEP_TRY(r, name_attrs(&r->out, r->a, &now));
    const struct jval *disr = attrs_get(&r->in, AT_disr);
    if (is_true(attrs_get(&r->old, AT_disr)) && disr && disr->type == J_BOOL && !is_true(disr)) {
        STEP_TRY(r, hold_clear(r, &r->out));
    }
    STEP_TRY(r, hold_trim(r, &r->out, &now));
    return MORE;
}

/* Trees are walked with a bounded stack: nesting has a limit. */
static enum says check_depth(struct run *r)
{
    struct row up = r->target;
    for (unsigned depth = 1; up.pid; depth++) {
        if (depth == LEVELS_MAX)
            return refuse(r, RSC_NOT_ACCEPTABLE, SPAN("to"), "containers nest no deeper at this CSE");
        STEP_TRY(r, store_get(r->t, up.pid, r->a, &up));
    }
    return MORE;
}

const struct type_hook hook_cnt = {.check = check_depth, .after = after_cnt};

const struct type_hook hook_acp = {0};
