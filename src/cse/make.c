/* make.c - CREATE (TS-0004 7.3.3.3, 7.3.3.5): checks that need the store, the new row, its parent's counters. */
#include <string.h>

#include "base/m2mtime.h"
#include "cse/annc.h"
#include "cse/hold.h"
#include "cse/tell.h"

const struct type_hook *type_hook(unsigned ty)
{
    static const struct {
        uint16_t ty;
        const struct type_hook *hook;
    } rows[] = {
#define HOOK(ty, hook) {TY_##ty, &hook},
#include "cse/type_hook.def"
#undef HOOK
    };
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].ty == ty)
            return rows[i].hook;
    return NULL;
}

/* ---- check --------------------------------------------------------------------------------------- */

/* An entry of acpi that belongs to this CSE must name a policy (procedures 4.7). */
enum says make_check_acpi(struct run *r)
{
    const struct jval *acpi = attrs_get(&r->in, AT_acpi);
    for (const struct jval *v = acpi && acpi->type == J_ARR ? acpi->child : NULL; v; v = v->next) {
        struct row row;
        enum err e = find_text(r, name_text(v, r->a), &row);
        if (e == ERR_NOTFOUND || e == ERR_SYNTAX || (e == OK && row.ty != TY_ACP))
            return refuse(r, RSC_BAD_REQUEST, SPAN("acpi"),
                          "an entry of this CSE must be the identifier of an existing accessControlPolicy");
        if (e != ERR_UNREACHABLE)
            STEP_TRY(r, e);
    }
    return MORE;
}

static bool is_derived(struct run *r, struct span rn)
{
    int64_t rid;
    struct row row;
    uint8_t p[64];
    struct buf b = BUF_ARRAY(p);
    if (!name_derived(rn, &rid) || store_get(r->t, rid, r->a, &row) != OK || row.pid != r->target.rid || row.rn.n)
        return false;
    name_put_rn(&b, &row);
    return span_eq(buf_span(&b), rn);
}

static enum says check_sibling(struct run *r)
{
    struct row row;
    struct span rn = attrs_text(&r->in, AT_rn, r->a);
    if (!rn.n)
        return MORE;
    enum err e = store_child(r->t, r->target.rid, rn, r->a, &row);
    if (e == OK && row.et <= r->now && r->t->writes) {
        STEP_TRY(r, gone_tree(r, &row, true)); /* expired, the sweep has not come by yet */
        STEP_TRY(r, store_get(r->t, r->target.rid, r->a, &r->target));
        e = ERR_NOTFOUND;
    }
    if ((e == OK && row.et > r->now) || is_derived(r, rn))
        return refuse(r, RSC_CONFLICT, SPAN("rn"), "the parent has a child of this name already (TS-0004 7.3.3.5)");
    if (e != OK && e != ERR_NOTFOUND)
        return oops(r, e);
    return MORE;
}

/* A subscription may only be made by whom may read what it reports: asked before anything else about it. */
static enum says check_sub_right(struct run *r)
{
    bool yes;
    if (r->q->ty != TY_SUB)
        return MORE;
    STEP_TRY(r, rights_ask(r, &r->q->from, &r->target, ACOP_RETRIEVE, 0, &yes));
    return yes ? MORE
               : refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                        "a subscription needs the right to RETRIEVE the subscribed-to resource (TS-0004 7.4.8.2.1)");
}

enum says make_check(struct run *r)
{
    enum says say = check_sub_right(r);
    if (say != MORE)
        return say;
    struct check c = {.sw = &r->c->conf.sw,
                      .now = r->now,
                      .role = r->c->conf.role,
                      .rvi = r->q->rvi,
                      .parent_ty = (uint16_t)r->target.ty,
                      .ty = r->q->ty,
                      .late = r->stage != AT_WRITER, /* verification comes before some rules of subscriptions */
                      .pc = r->q->body};
    struct verdict v = check_create(&c, r->a, &r->in);
    if (!verdict_go(v))
        return refuse_verdict(r, v);
    const struct type_hook *h = type_hook(r->q->ty);
    say = make_check_acpi(r);
    if (say == MORE)
        say = annc_check(r);
    if (say == MORE)
        say = annc_check_copy(r);
    if (say == MORE && h && h->check)
        say = h->check(r);
    return say == MORE ? check_sibling(r) : say;
}

/* ---- apply ---------------------------------------------------------------------------------------- */

/* An identifier that no other kind of identifier can be mistaken for: the first segment of an address may also be the
 * CSE-ID without slash or the CSEBase's name. */
enum err make_rid(struct run *r, int64_t *rid)
{
    bool clash = true;
    *rid = r->reserved;
    while (clash && !r->reserved) {
        uint8_t p[64];
        struct buf b = BUF_ARRAY(p);
        struct row row = {0};
        TRY(store_next_rid(r->t, rid));
        row.rid = *rid;
        name_put_ri(&b, &row);
        clash = span_eq(buf_span(&b), span_from(r->c->conf.self.csi, 1)) || span_eq(buf_span(&b), r->c->conf.self.base);
    }
    return OK;
}

struct span make_et(struct run *r, const struct jval *given, const struct row *parent, const struct attrs *parent_at,
                    int64_t *et)
{
    struct span text = SPAN_NONE;
    int64_t max = r->now + (r->c->conf.et_max ? r->c->conf.et_max : ET_DEFAULT);
    *et = max;
    if (given && given->type == J_STR) {
        text = name_text(given, r->a);
        if (m2mtime_get(text, et) != OK || *et > max) {
            *et = max;
            text = SPAN_NONE;
        }
    }
    if (parent->et < *et) {
        *et = parent->et;
        text = attrs_text(parent_at, AT_et, r->a); /* byte for byte */
    }
    return text.n ? text : name_time_s(*et, r->a);
}

enum err make_label_list(struct run *r, const struct jval *lbl, const struct span **v, size_t *n)
{
    *n = 0;
    *v = NULL;
    if (!lbl || lbl->type != J_ARR || lbl->n == 0)
        return OK;
    struct span *s = ARENA_ARRAY(r->a, struct span, lbl->n);
    if (!s)
        return ERR_NOMEM;
    for (const struct jval *l = lbl->child; l; l = l->next)
        s[(*n)++] = name_text(l, r->a);
    *v = s;
    return OK;
}

enum err make_labels(struct run *r, const struct jval *lbl, struct row *row)
{
    return make_label_list(r, lbl, &row->lbl, &row->nlbl);
}

enum err make_count(struct run *r, struct row *row)
{
    return store_count(r->t, row);
}

/* Members that stand at fixed places or are given by the CSE; those of a contentInstance and a remoteCSE by their
 * hooks. */
static bool special(unsigned ty, enum attr a)
{
    return a == AT_rn || a == AT_et || a == AT_cr || (ty == TY_CIN && (a == AT_con || a == AT_cnf || a == AT_dcnt)) ||
           (ty == TY_CSR && a == AT_csi);
}

static void put_sent(struct run *r, struct jw *w)
{
    const struct type *t = r->in.t;
    for (size_t i = 1; i <= r->in.n; i++) {
        const struct jval *v = r->in.v[i];
        if (!v || v->type == J_NULL || (i <= t->n && special(t->number, (enum attr)t->own[i].at)))
            continue;
        jw_name(w, i <= t->n ? t->own[i].row->sn : v->key);
        jw_raw(w, v->raw);
    }
    if (attrs_get(&r->in, AT_cr))
        JW_STR(w, "cr", r->out.creator);
}

static enum err put_body(struct run *r, struct span et)
{
    struct text t, rn, ri, pi;
    struct row *o = &r->out;
    const struct type_hook *h = type_hook(o->ty);
    text_init(&t, r->a);
    text_init(&rn, r->a);
    text_init(&ri, r->a);
    text_init(&pi, r->a);
    name_put_rn(&rn.b, o);
    name_put_ri(&ri.b, o);
    name_put_ri(&pi.b, &r->target);
    struct jw w = jw_over(&t.b);
    struct span now = name_time(r->now, r->a);
    jw_obj(&w);
    JW_STR(&w, "rn", buf_span(&rn.b));
    JW_U64(&w, "ty", o->ty);
    JW_STR(&w, "ri", buf_span(&ri.b));
    JW_STR(&w, "pi", buf_span(&pi.b));
    JW_STR(&w, "ct", now);
    if (!(type_of(o->ty)->flags & TF_STATE) && type_rule(type_of(o->ty), AT_lt)->create != P_ABSENT)
        JW_STR(&w, "lt", now);
    JW_STR(&w, "et", et);
    put_sent(r, &w);
    if (h && h->fill)
        TRY(h->fill(r, &w));
    jw_end_obj(&w);
    o->body = buf_span(&t.b);
    return t.b.e != OK ? t.b.e : rn.b.e != OK ? rn.b.e : ri.b.e;
}

/* subs tells who listens (tell.h); of an instance, to which nobody can, how many children it has, so that retention
 * knows which of them are more than a row. An instance is written at once: clearing looks for them in the table. */
enum err make_count_child(struct run *r, struct row *parent, const struct row *child, int by)
{
    struct attrs at;
    int64_t weight = 1;
    bool instance = type_of(parent->ty)->flags & TF_INSTANCE;
    if (!instance)
        TRY(tell_weight(r, child, parent->ty, &weight));
    if (!weight)
        return OK;
    parent->subs += by * weight;
    if (!instance)
        return make_count(r, parent);
    TRY(name_attrs(parent, r->a, &at));
    TRY(make_labels(r, attrs_get(&at, AT_lbl), parent));
    return store_set(r->t, parent);
}

static enum err count_parent(struct run *r)
{
    if (type_of(r->out.ty)->flags & TF_INSTANCE)
        return hold_took(r, &r->target, &r->old, &r->out);
    return make_count_child(r, &r->target, &r->out, 1);
}

enum says make_apply(struct run *r)
{
    struct row *o = &r->out;
    *o = (struct row){.pid = r->target.rid,
                      .ty = r->q->ty,
                      .rn = attrs_text(&r->in, AT_rn, r->a),
                      .creator = prim_text(r->q, PA_fr),
                      .ct = r->now,
                      .lt = r->now,
                      .spec = r->in.t->flags & TF_SPEC ? r->in.t->root : SPAN_NONE};
    STEP_TRY(r, make_rid(r, &o->rid));
    STEP_TRY(r, run_old(r));
    if (o->ty == TY_AE) {
        o->alias = r->aei;
        o->creator = r->aei;
    } else if (o->ty == TY_CSR || o->ty == TY_AE_A) {
        o->alias = r->aei;
    }
    struct span et = make_et(r, attrs_get(&r->in, AT_et), &r->target, &r->old, &o->et);
    if (type_of(o->ty)->flags & TF_INSTANCE)
        et = hold_shorten(r, &r->old, et, &o->et);
    STEP_TRY(r, make_labels(r, attrs_get(&r->in, AT_lbl), o));
    STEP_TRY(r, put_body(r, et));
    enum err e = store_put(r->t, o);
    if (e == ERR_EXISTS)
        return refuse(r, RSC_CONFLICT, SPAN("rn"),
                      "a resource of this name or identifier exists already (TS-0004 7.3.3.5)");
    STEP_TRY(r, e);
    STEP_TRY(r, count_parent(r));
    readers_moved(r, o->ty);
    return arena_ok(r->a) ? MORE : oops(r, ERR_NOMEM);
}

enum err make_inside(struct run *r, struct row *parent, const struct type *t, struct span object, struct row *out)
{
    struct prim q = *r->q;
    struct run in = *r;
    const struct jval *v;
    TRY(name_parse(object, r->a, &v));
    q.ty = t->number;
    q.op = OP_CREATE;
    in.q = &q;
    in.target = *parent;
    in.type = type_of_row(parent);
    in.have_old = false;
    in.reserved = 0;
    in.con = in.cnf = SPAN_NONE;
    attrs_from(v, t, &in.in);
    enum says say = make_apply(&in);
    *parent = in.target;
    *out = in.out;
    return say == MORE ? OK : ERR_EXISTS;
}
