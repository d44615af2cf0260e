/* hook_ts.c - timeSeries and timeSeriesInstance (TS-0004 7.4.38, 7.4.39). */
#include "cse/hold.h"
#include "cse/missing.h"
#include "cse/patch.h"

/* ---- timeSeries: rules ---------------------------------------------------------------------------- */

/* Old and new together: what the resource will have. */
static const struct jval *will(const struct run *r, enum attr a)
{
    const struct jval *in = attrs_get(&r->in, a);
    if (in)
        return in->type == J_NULL ? NULL : in;
    return r->q->op == OP_UPDATE ? attrs_get(&r->old, a) : NULL;
}

static int64_t will_int(const struct run *r, enum attr a, int64_t none)
{
    int64_t v;
    const struct jval *j = will(r, a);
    return j && json_i64(j, &v) == OK ? v : none;
}

static bool will_true(const struct run *r, enum attr a)
{
    bool yes = false;
    const struct jval *j = will(r, a);
    return j && json_bool(j, &yes) == OK && yes;
}

/* peid that the CSE chooses: half of the period, but less than mdt. */
static int64_t chosen_peid(const struct run *r)
{
    int64_t peid = will_int(r, AT_pei, 0) / 2, mdt = will_int(r, AT_mdt, INT64_MAX);
    return peid < mdt ? peid : mdt - 1;
}

static enum says check_terms(struct run *r)
{
    int64_t pei = will_int(r, AT_pei, -1), peid = will_int(r, AT_peid, -1), mdt = will_int(r, AT_mdt, -1);
    if (peid >= 0 && pei >= 0 && peid > pei / 2)
        return refuse(r, RSC_BAD_REQUEST, SPAN("peid"), "must not be greater than half of pei (TS-0004 7.4.38.2.1)");
    if (!will_true(r, AT_mdd))
        return MORE;
    if (mdt < 0)
        return refuse(r, RSC_BAD_REQUEST, SPAN("mdt"), "must be there when mdd is true (TS-0004 7.4.38.2.1)");
    if (mdt <= (peid >= 0 ? peid : 0))
        return refuse(r, RSC_BAD_REQUEST, SPAN("mdt"), "must be greater than peid (TS-0004 7.4.38.2.1)");
    return MORE;
}

static enum says check_ts(struct run *r)
{
    return check_terms(r);
}

static const struct {
    enum attr a;
} terms[] = {{AT_mdt}, {AT_mdn}, {AT_peid}, {AT_pei}};

static bool any_term(const struct run *r, struct span *name)
{
    for (size_t i = 0; i < LEN(terms); i++)
        if (attrs_get(&r->in, terms[i].a)) {
            *name = attr_row(terms[i].a)->sn;
            return true;
        }
    return false;
}

static enum says check_ts_update(struct run *r)
{
    struct span name;
    bool any = any_term(r, &name);
    if (any && attrs_get(&r->in, AT_mdd))
        return refuse(r, RSC_BAD_REQUEST, name, "cannot change together with mdd (TS-0004 7.4.38.2.3)");
    if (any && patch_true(&r->old, AT_mdd))
        return refuse(r, RSC_BAD_REQUEST, name, "cannot change while mdd is true (TS-0004 7.4.38.2.3)");
    return check_terms(r);
}

/* ---- timeSeries: what the CSE gives and does -------------------------------------------------------- */

static void put_peid(struct run *r, struct jw *w)
{
    if (will(r, AT_pei) && !will(r, AT_peid))
        JW_U64(w, "peid", (uint64_t)chosen_peid(r));
}

static enum err fill_ts(struct run *r, struct jw *w)
{
    put_peid(r, w);
    JW_U64(w, "mdc", 0);
    return OK;
}

static enum err fill_update(struct run *r, struct jw *w)
{
    put_peid(r, w);
    return OK;
}

/* mdd true clears and begins anew; false stops and keeps; a term changed meanwhile makes what was found meaningless. */
static enum says after_ts(struct run *r)
{
    struct attrs now;
    struct span name;
    const struct jval *mdd = attrs_get(&r->in, AT_mdd);
    if (r->q->op != OP_UPDATE)
        return MORE;
    STEP_TRY(r, name_attrs(&r->out, r->a, &now));
    if (mdd || any_term(r, &name))
        STEP_TRY(r, missing_forget(r, r->out.rid));
    if ((mdd && patch_true(&now, AT_mdd)) || any_term(r, &name))
        STEP_TRY(r, patch_row(r, &r->out, (struct patch[]){{SPAN("mdlt"), SPAN_NONE}, {SPAN("mdc"), SPAN("0")}}, 2));
    STEP_TRY(r, hold_trim(r, &r->out, &now));
    return MORE;
}

static enum err gone_ts(struct run *r, const struct row *row)
{
    return missing_forget(r, row->rid);
}

const struct type_hook hook_ts = {.check = check_ts,
                                  .fill = fill_ts,
                                  .check_update = check_ts_update,
                                  .fill_update = fill_update,
                                  .after = after_ts,
                                  .gone = gone_ts};

/* ---- timeSeriesInstance ----------------------------------------------------------------------------- */

static enum says check_dgt(struct run *r)
{
    struct row twin;
    int64_t ms, rank;
    if (missing_dgt(r, attrs_get(&r->in, AT_dgt), &ms, &rank) != OK)
        return refuse(r, RSC_BAD_REQUEST, SPAN("dgt"), "is no timestamp and no number of milliseconds (TS-0004 6.3.3)");
    enum err e = store_ranked(r->t, r->target.rid, TY_TSI, rank, rank, false, r->now, r->a, &twin);
    if (e == OK)
        return refuse(r, RSC_CONFLICT, SPAN("dgt"),
                      "the timeSeries has an instance of this time already (TS-0004 7.4.39.2.1)");
    return e == ERR_NOTFOUND ? MORE : oops(r, e);
}

enum says hook_tsi_fits(struct run *r)
{
    const struct jval *con = attrs_get(&r->in, AT_con);
    STEP_TRY(r, run_old(r));
    if ((int64_t)check_content_size(con) > patch_int(&r->old, AT_mbs, INT64_MAX))
        return refuse(r, RSC_NOT_ACCEPTABLE, SPAN("con"),
                      "its content is larger than maxByteSize of the timeSeries (TS-0004 7.4.39.2.1)");
    return MORE;
}

static enum says check_tsi(struct run *r)
{
    enum says say = check_dgt(r);
    return say == MORE ? hook_tsi_fits(r) : say;
}

static enum err fill_tsi(struct run *r, struct jw *w)
{
    int64_t ms;
    const struct jval *con = attrs_get(&r->in, AT_con);
    TRY(missing_dgt(r, attrs_get(&r->in, AT_dgt), &ms, &r->out.rank));
    r->out.cs = (int64_t)check_content_size(con);
    JW_U64(w, "cs", (uint64_t)r->out.cs);
    return OK;
}

static enum says after_tsi(struct run *r)
{
    int64_t ms, rank;
    STEP_TRY(r, missing_dgt(r, attrs_get(&r->in, AT_dgt), &ms, &rank));
    STEP_TRY(r, missing_came(r, ms));
    return MORE;
}

const struct type_hook hook_tsi = {.check = check_tsi, .fill = fill_tsi, .after = after_tsi};
