/* stats.c - notification statistics live in the resource itself, as the list nsi of its body. */
#include "cse/stats.h"

#include "cse/tell.h"

struct gain {
    struct span to; /* empty: every target */
    unsigned rqs, rsr, noec;
};

static void put_counter(struct jw *w, struct span name, const struct jval *was, unsigned gain)
{
    uint64_t n = 0;
    if (was && json_u64(was, INT64_MAX, &n) != OK)
        n = 0;
    jw_name(w, name);
    jw_u64(w, n + gain);
}

static void put_entry(struct jw *w, struct span tg, const struct jval *was, const struct gain *g)
{
    bool it = !g->to.n || span_eq(g->to, tg);
    jw_obj(w);
    JW_STR(w, "tg", tg);
    put_counter(w, SPAN("rqs"), JSON_GET(was, "rqs"), it ? g->rqs : 0);
    put_counter(w, SPAN("rsr"), JSON_GET(was, "rsr"), it ? g->rsr : 0);
    put_counter(w, SPAN("noec"), JSON_GET(was, "noec"), it ? g->noec : 0);
    jw_end_obj(w);
}

static const struct jval *entry_of(const struct jval *nsi, struct span tg)
{
    for (const struct jval *v = nsi ? nsi->child : NULL; v; v = v->next)
        if (json_is(JSON_GET(v, "tg"), tg))
            return v;
    return NULL;
}

static void put_all(struct jw *w, const struct jval *nu, const struct jval *nsi, const struct gain *g, struct arena *a)
{
    jw_arr(w);
    for (const struct jval *v = nu && nu->type == J_ARR ? nu->child : NULL; v; v = v->next) {
        struct span tg = name_text(v, a);
        put_entry(w, tg, entry_of(nsi, tg), g);
    }
    jw_end_arr(w);
}

void stats_begin(struct jw *w, const struct jval *nu, struct arena *a)
{
    JW_NAME(w, "nsi");
    put_all(w, nu, NULL, &(struct gain){0}, a);
}

static enum err count(struct run *r, int64_t rid, const struct gain *g)
{
    struct row row;
    struct attrs at;
    struct text t;
    bool on = false;
    enum err e = store_get(r->t, rid, r->a, &row);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    TRY(name_attrs(&row, r->a, &at));
    const struct jval *nse = attrs_get(&at, AT_nse);
    if (!nse || json_bool(nse, &on) != OK || !on)
        return OK; /* switched off meanwhile: what was counted stays */
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    put_all(&w, attrs_get(&at, AT_nu), attrs_get(&at, AT_nsi), g, r->a);
    TRY(t.b.e);
    TRY(name_with(row.body, SPAN("nsi"), buf_span(&t.b), r->a, &row.body));
    TRY(make_labels(r, attrs_get(&at, AT_lbl), &row));
    return store_set(r->t, &row);
}

enum err stats_event(struct run *r, int64_t rid)
{
    return count(r, rid, &(struct gain){.noec = 1});
}

enum err stats_sent(struct run *r, int64_t rid, struct span to, bool answered)
{
    return count(r, rid, &(struct gain){.to = to, .rqs = 1, .rsr = answered});
}
