/* show.c - originals, permissions, proxies. */
#include "cse/show.h"

#include "cse/errand.h"
#include "m2m/prim_json.h"

/* ---- asking somebody else -------------------------------------------------------------------------- */

/* Its answer is there: the step runs once more and finds r->ask. */
static void over(struct errand *e)
{
    run_again(e->ctx);
}

static enum says ask(struct run *r, struct errand *e)
{
    if (!e)
        return oops(r, ERR_NOMEM);
    e->over = over;
    e->ctx = r;
    r->ask = e;
    errand_go(e);
    return WAIT;
}

/* Takes the errand off the run; its texts are copied. */
static void took(struct run *r, enum rsc *rsc, struct span *pc)
{
    struct errand *e = r->ask;
    *rsc = (enum rsc)e->x.rsp->rsc;
    *pc = arena_dup(r->a, e->x.rsp->pc);
    errand_free(e);
    r->ask = NULL;
}

/* ---- rcn 7 ----------------------------------------------------------------------------------------- */

enum says show_original(struct run *r)
{
    if (!(r->type->flags & TF_ANNOUNCED))
        return refuse(r, RSC_BAD_REQUEST, SPAN("rcn"),
                      "7 asks for an original: the target is no announced resource (TS-0001 table 8.1.2-1)");
    if (r->ask) {
        enum rsc rsc;
        struct span pc;
        took(r, &rsc, &pc);
        if (!arena_ok(r->a))
            return oops(r, ERR_NOMEM);
        view_answer(r, rsc, pc);
        return DONE;
    }
    STEP_TRY(r, run_old(r));
    struct span lnk = attrs_text(&r->old, AT_lnk, r->a);
    if (!lnk.n || span_eq(lnk, SPAN("INACTIVE")))
        return refuse(r, RSC_NOT_FOUND, SPAN("lnk"), "the original is not there any more");
    return ask(r, errand_new(r->c, r, r->x->loop, OP_RETRIEVE, lnk));
}

/* ---- rcn 12 ---------------------------------------------------------------------------------------- */

enum says show_permissions(struct run *r)
{
    unsigned may = 0;
    for (unsigned op = ACOP_CREATE; op <= ACOP_DISCOVERY; op <<= 1) {
        bool yes;
        STEP_TRY(r, rights_ask(r, &r->q->from, &r->target, op, 0, &yes));
        may |= yes ? op : 0;
    }
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:ps");
    jw_obj(&w);
    JW_NAME(&w, "pv");
    jw_arr(&w);
    jw_obj(&w);
    JW_NAME(&w, "acr");
    jw_arr(&w);
    jw_obj(&w);
    JW_NAME(&w, "acor");
    jw_arr(&w);
    jw_str(&w, prim_text(r->q, PA_fr));
    jw_end_arr(&w);
    JW_U64(&w, "acop", may);
    jw_end_obj(&w);
    jw_end_arr(&w);
    jw_end_obj(&w);
    jw_end_arr(&w);
    jw_end_obj(&w);
    jw_end_obj(&w);
    STEP_TRY(r, t.b.e);
    view_answer(r, RSC_OK, buf_span(&t.b));
    return DONE;
}

/* ---- fu 3 ------------------------------------------------------------------------------------------ */

static struct span request_of_ipe(struct run *r, struct arena *a)
{
    struct text t;
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sgn");
    jw_obj(&w);
    JW_NAME(&w, "idr");
    jw_obj(&w);
    JW_STR(&w, "or", prim_text(r->q, PA_fr));
    JW_NAME(&w, "fc");
    prim_put_fc(&w, r->q);
    jw_end_obj(&w);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return t.b.e == OK ? buf_span(&t.b) : SPAN_NONE;
}

enum says show_ipe(struct run *r)
{
    if (r->target.ty != TY_AE)
        return refuse(r, RSC_BAD_REQUEST, SPAN("fu"), "3 asks an interworking proxy: the target must be its AE");
    if (r->ask) {
        enum rsc rsc;
        struct span pc;
        took(r, &rsc, &pc);
        if (rsc_ok(rsc))
            return MORE;
        if (rsc == RSC_TARGET_NOT_REACHABLE)
            return refuse(r, rsc, SPAN("to"), "the interworking proxy cannot be reached");
        return refuse(r, RSC_DISCOVERY_DENIED_BY_IPE, SPAN("fu"), "the interworking proxy denied the discovery");
    }
    struct text to;
    text_init(&to, r->a);
    name_put_ri(&to.b, &r->target);
    struct errand *e = errand_new(r->c, NULL, r->x->loop, OP_NOTIFY, buf_span(&to.b));
    if (e)
        errand_content(e, request_of_ipe(r, &e->a));
    return ask(r, e);
}
