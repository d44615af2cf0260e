/* sgn.c - what a notification says (TS-0004 7.5.1.2.2). The representation is the state right after the event: the text
 * is made at once and waits as it is. */
#include "cse/sgn.h"

/* ---- representation -------------------------------------------------------------------------------- */

/* nct 2: attributes that the UPDATE named, as they are now, what the CSE changed itself, null for what went. */
static enum err put_modified(struct run *r, struct jw *w, const struct event *e)
{
    struct text whole;
    const struct jval *v;
    text_init(&whole, r->a);
    view_put_object(r, &whole.b, e->subject);
    TRY(whole.b.e);
    TRY(name_parse(buf_span(&whole.b), r->a, &v));
    jw_obj(w);
    jw_name(w, type_of_row(e->subject)->root);
    jw_obj(w);
    for (v = v->child; v; v = v->next)
        if (attr_set_named(e->changed, v->key)) {
            jw_name(w, v->key);
            jw_raw(w, v->raw);
        }
    for (v = r->q->content ? r->q->content->child : NULL; v; v = v->next)
        if (v->type == J_NULL && !span_eq(v->key, SPAN("et"))) {
            jw_name(w, v->key);
            jw_null(w);
        }
    jw_end_obj(w);
    jw_end_obj(w);
    return OK;
}

static enum err put_rep(struct run *r, struct jw *w, const struct event *e, unsigned nct)
{
    struct span rep = e->rep;
    if (nct == 2 && e->changed)
        return put_modified(r, w, e);
    if (nct == 3) {
        jw_obj(w);
        JW_STR(w, "m2m:uri", name_sp_relative(r->c, e->subject, r->a));
        jw_end_obj(w);
        return OK;
    }
    if (!rep.n)
        TRY(view_text(r, e->subject, &rep));
    jw_raw(w, rep);
    return OK;
}

/* Switch 19: the spelling of the subscription comes back, with `ops` for `op`. */
static void put_monitor(struct run *r, struct jw *w, const struct monitor *om)
{
    JW_NAME(w, "om");
    jw_obj(w);
    jw_name(w, sw_open(&r->c->conf.sw, SW_monitor_by_number) ? SPAN("ops") : SPAN("op"));
    jw_u64(w, r->q->op);
    jw_name(w, om->org ? SPAN("org") : SPAN("or"));
    jw_str(w, prim_text(r->q, PA_fr));
    jw_end_obj(w);
}

/* ---- m2m:sgn ----------------------------------------------------------------------------------------- */

#define SGN_HEAD "{\"m2m:sgn\":"

enum err sgn_event(struct run *r, const struct row *row, const struct sub *s, const struct event *e,
                   const struct monitor *om, struct span *open)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sgn");
    jw_obj(&w);
    JW_NAME(&w, "nev");
    jw_obj(&w);
    JW_NAME(&w, "rep");
    TRY(put_rep(r, &w, e, s->nct));
    if (om)
        put_monitor(r, &w, om);
    else
        JW_U64(&w, "net", e->net);
    jw_end_obj(&w);
    JW_STR(&w, "sur", name_sp_relative(r->c, row, r->a));
    if (s->nfu.n)
        JW_STR(&w, "nfu", s->nfu);
    *open = buf_span(&t.b);
    return t.b.e;
}

/* cr as it is stored; for a target on another CSE in the form that names it there. */
static struct span creator_for(struct run *r, struct span cr, struct span nu)
{
    struct addr at;
    struct text t;
    const char *why;
    struct span ct;
    nu = nu_plain(nu, &ct);
    if (!cr.n || is_url(nu) || addr_parse(nu, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK || !find_away(r, &at))
        return cr;
    text_init(&t, r->a);
    id_put_forwarded(&t.b, cr, &r->c->conf.self, at.where == ADDR_OTHER_SP);
    return buf_span(&t.b);
}

enum err sgn_close(struct run *r, struct span open, struct span cr, struct span to, struct span *out)
{
    struct text t;
    text_init(&t, r->a);
    buf_put(&t.b, open);
    if (cr.n) {
        struct jw w = {.b = &t.b, .comma = true};
        JW_STR(&w, "cr", creator_for(r, cr, to));
    }
    buf_str(&t.b, "}}");
    *out = buf_span(&t.b);
    return t.b.e;
}

enum err sgn_end(struct run *r, const struct row *row, struct span cr, struct span to, struct span *out)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sgn");
    jw_obj(&w);
    JW_BOOL(&w, "sud", true);
    JW_STR(&w, "sur", name_sp_relative(r->c, row, r->a));
    TRY(t.b.e);
    return sgn_close(r, buf_span(&t.b), cr, to, out);
}

struct span sgn_inner(struct span sgn)
{
    size_t head = sizeof SGN_HEAD - 1;
    if (!span_starts(sgn, SPAN(SGN_HEAD)) || sgn.n <= head)
        return sgn;
    return span_first(span_from(sgn, head), sgn.n - head - 1);
}
