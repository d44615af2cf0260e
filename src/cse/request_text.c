/* request_text.c - request resources as JSON, and the letters that notify results (TS-0004 7.5.1.2.5). */
#include "cse/request_text.h"

#include "cse/pace.h"
#include "cse/tell.h"

/* ---- a new one ------------------------------------------------------------------------------------------- */

static void put_head(struct cse *c, struct jw *w, const struct row *row, struct arena *a)
{
    struct text rn, ri;
    text_init(&rn, a);
    text_init(&ri, a);
    name_put_rn(&rn.b, row);
    name_put_ri(&ri.b, row);
    JW_STR(w, "rn", buf_span(&rn.b));
    JW_U64(w, "ty", row->ty);
    JW_STR(w, "ri", buf_span(&ri.b));
    JW_STR(w, "pi", span_from(c->conf.self.csi, 1));
    JW_STR(w, "ct", name_time(row->ct, a));
    if (!(type_of(row->ty)->flags & TF_STATE))
        JW_STR(w, "lt", name_time(row->lt, a));
    JW_STR(w, "et", name_time_s(row->et, a));
    JW_NAME(w, "lbl");
    jw_arr(w);
    jw_str(w, row->creator);
    jw_end_arr(w);
}

/* A reading is sealed before anything of it is stored (e2e.md 7), and what is only on its way to another CSE is not
 * kept on this one's disk. */
static bool keeps_content(const struct cse *c, const struct prim *q, bool away)
{
    return q->pc.n && q->ser == SER_JSON && !((away || c->hook.before) && before_is_reading(q));
}

enum err request_text_new(struct cse *c, const struct prim *q, const struct row *row, bool away, struct arena *a,
                          struct span *out)
{
    struct text t;
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    put_head(c, &w, row, a);
    JW_U64(&w, "op", q->op);
    JW_STR(&w, "tg", prim_text(q, PA_to));
    JW_STR(&w, "org", prim_text(q, PA_fr));
    JW_STR(&w, "rid", prim_text(q, PA_rqi));
    JW_NAME(&w, "mi");
    prim_put_meta(&w, q);
    if (keeps_content(c, q, away)) {
        JW_NAME(&w, "pc");
        jw_raw(&w, q->pc);
    }
    JW_U64(&w, "rs", RS_PENDING);
    JW_NAME(&w, "ors");
    jw_obj(&w);
    JW_U64(&w, "rsc", RSC_ACCEPTED);
    JW_STR(&w, "rqi", prim_text(q, PA_rqi));
    jw_end_obj(&w);
    jw_end_obj(&w);
    *out = buf_span(&t.b);
    return t.b.e;
}

enum err request_text_uri(struct cse *c, struct store_tx *t, const struct prim *q, const struct row *row,
                          struct arena *a, struct span *out)
{
    const struct id *from = &q->from;
    bool foreign = from->cse.n && !span_eq(from->cse, c->conf.self.csi);
    if (!foreign)
        return name_path(t, row, a, out);
    *out = name_sp_relative(c, row, a);
    return out->n ? OK : ERR_NOMEM;
}

/* ---- its result ------------------------------------------------------------------------------------------ */

/* A result that is too large to be kept says so. */
static const struct prim *bounded(const struct prim *rsp, struct arena *a)
{
    if (rsp->pc.n <= REQUEST_RESULT_MAX)
        return rsp;
    struct prim *p = ARENA_NEW(a, struct prim);
    if (!p)
        return rsp;
    *p = *rsp;
    p->pc = SPAN("{\"m2m:dbg\":\"the result is larger than a request resource keeps\"}");
    p->ser = SER_JSON;
    return p;
}

static enum err put_body(struct run *r, struct row *row, enum request_status rs, const struct prim *rsp)
{
    struct text t;
    const struct jval *old;
    TRY(name_parse(row->body, r->a, &old));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    for (const struct jval *v = old->child; v; v = v->next) {
        if (span_eq(v->key, SPAN("ors")))
            continue;
        jw_name(&w, v->key);
        if (span_eq(v->key, SPAN("rs")))
            jw_u64(&w, rs);
        else if (span_eq(v->key, SPAN("lt")))
            jw_str(&w, name_time(r->now, r->a));
        else
            jw_raw(&w, v->raw);
    }
    JW_NAME(&w, "ors");
    prim_put_result(&w, rsp, r->c->conf.self.csi, row->creator);
    jw_end_obj(&w);
    row->body = buf_span(&t.b);
    return t.b.e;
}

/* ---- letters of response type 2 ---------------------------------------------------------------------------- */

/* An originator that is a CSE gets it at its CSEBase. */
static struct span originator(struct run *r, struct span org)
{
    struct id id = id_parse(org, &r->c->conf.self);
    return id.kind == ID_CSE ? arena_join(r->a, org, SPAN("/-")) : org;
}

static enum err post(struct run *r, const struct row *row, struct span to, const struct prim *rsp)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:rsp");
    prim_put_response(&w, rsp, r->c->conf.self.csi, to);
    jw_end_obj(&w);
    TRY(t.b.e);
    int64_t id;
    return pace_plain(r, row->rid, to, &(struct pace){0}, buf_span(&t.b), &id);
}

static enum err post_all(struct run *r, const struct row *row, const struct attrs *at, const struct prim *rsp)
{
    uint64_t rtv = 0;
    const struct jval *rt = JSON_GET(attrs_get(at, AT_mi), "rt"), *nu = JSON_GET(rt, "nu");
    if (!rt || json_u64(JSON_GET(rt, "rtv"), UINT8_MAX, &rtv) != OK || (rtv != RT_ASYNCH && !(rtv == RT_FLEX && nu)))
        return OK;
    if (!nu)
        return post(r, row, originator(r, row->creator), rsp);
    for (const struct jval *v = nu->child; v; v = v->next)
        TRY(post(r, row, name_text(v, r->a), rsp));
    return OK;
}

enum err request_text_result(struct run *r, struct row *row, enum request_status rs, const struct prim *rsp)
{
    struct attrs at;
    static const enum attr touched[] = {AT_rs, AT_ors, AT_lt};
    struct attr_set changed = {.t = type_of(TY_REQ)};
    for (size_t i = 0; i < LEN(touched); i++)
        attr_set_add(&changed, touched[i]);
    TRY(name_attrs(row, r->a, &at));
    rsp = bounded(rsp, r->a);
    TRY(put_body(r, row, rs, rsp));
    row->lt = r->now;
    row->lbl = &row->creator;
    row->nlbl = 1;
    TRY(store_set(r->t, row));
    TRY(tell_update(r, row, &changed));
    return rs == RS_COMPLETED || rs == RS_FAILED ? post_all(r, row, &at, rsp) : OK;
}
