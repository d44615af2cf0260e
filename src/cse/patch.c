#include "cse/patch.h"

static const struct patch *find(const struct patch *p, size_t n, struct span name)
{
    for (size_t i = 0; i < n; i++)
        if (span_eq(p[i].name, name))
            return &p[i];
    return NULL;
}

enum err patch_body(struct run *r, struct row *row, const struct patch *p, size_t n)
{
    struct text t;
    const struct jval *body;
    TRY(name_parse(row->body, r->a, &body));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    for (const struct jval *v = body->child; v; v = v->next) {
        if (find(p, n, v->key))
            continue;
        jw_name(&w, v->key);
        jw_raw(&w, v->raw);
    }
    for (size_t i = 0; i < n; i++) {
        if (!p[i].json.p)
            continue;
        jw_name(&w, p[i].name);
        jw_raw(&w, p[i].json);
    }
    jw_end_obj(&w);
    row->body = buf_span(&t.b);
    return t.b.e;
}

enum err patch_row(struct run *r, struct row *row, const struct patch *p, size_t n)
{
    struct attrs at;
    TRY(patch_body(r, row, p, n));
    TRY(name_attrs(row, r->a, &at));
    TRY(make_labels(r, attrs_get(&at, AT_lbl), row));
    readers_moved(r, row->ty);
    return store_set(r->t, row);
}

int64_t patch_int(const struct attrs *at, enum attr a, int64_t none)
{
    int64_t v;
    const struct jval *j = attrs_get(at, a);
    return j && j->type == J_INT && json_i64(j, &v) == OK ? v : none;
}

bool patch_true(const struct attrs *at, enum attr a)
{
    bool yes = false;
    const struct jval *j = attrs_get(at, a);
    return j && j->type == J_BOOL && json_bool(j, &yes) == OK && yes;
}
