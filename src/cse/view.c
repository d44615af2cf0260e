/* view.c - what the answer shows (TS-0001 8.1.2 resultContent, TS-0004 7.5.2). The stored text is copied; members that
 * change by themselves are put behind it. */
#include "base/m2mtime.h"
#include "cse/hunt.h"
#include "cse/match.h"
#include "cse/show.h"
#include "cse/tree.h"

/* ---- one resource -------------------------------------------------------------------------------- */

/* Which members of a type change by themselves (volatile.def). */
enum { V_LT = 1, V_ST = 2, V_CS = 4, V_COUNT = 8, V_READS = 16, V_CTM = 32 };
static const uint8_t changing[] = {
#define VOLATILE(id, members) [TY_##id] = (members),
#include "cse/volatile.def"
#undef VOLATILE
};

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    buf_str(b, name);
    m2mtime_put_us(b, ms);
    buf_c(b, '"');
}

static void put_number(struct buf *b, const char *name, int64_t v)
{
    buf_str(b, name);
    buf_i64(b, v);
}

bool view_put_open(struct run *r, struct buf *b, const struct row *row)
{
    unsigned what = row->ty < LEN(changing) ? changing[row->ty] : 0;
    buf_put(b, span_first(row->body, row->body.n - 1)); /* never empty: rn, ty, ri ... */
    if (!what)
        return true;
    if (what & V_CTM)
        put_time(b, ",\"ctm\":\"", r->now);
    if (what & V_LT)
        put_time(b, ",\"lt\":\"", row->lt);
    if (what & V_ST)
        put_number(b, ",\"st\":", row->st);
    if (what & V_CS)
        put_number(b, ",\"cs\":", row->cs);
    if (what & V_COUNT && row->cni >= 0) /* below: a flexContainer that keeps no instances */
        put_number(b, ",\"cni\":", row->cni);
    if (what & V_COUNT && row->cni >= 0)
        put_number(b, ",\"cbs\":", row->cbs);
    if (what & V_READS && row->cni > 0) /* 0: no deletionCnt */
        put_number(b, ",\"dcnt\":", row->cni);
    return true;
}

void view_put_object(struct run *r, struct buf *b, const struct row *row)
{
    view_put_open(r, b, row);
    buf_c(b, '}');
}

static struct span root_of(const struct row *row)
{
    return row->spec.n ? row->spec : type_of(row->ty)->root;
}

void view_put(struct run *r, struct buf *b, const struct row *row)
{
    buf_str(b, "{\"");
    buf_put(b, root_of(row));
    buf_str(b, "\":");
    view_put_object(r, b, row);
    buf_c(b, '}');
}

enum err view_text(struct run *r, const struct row *row, struct span *out)
{
    struct text t;
    text_init(&t, r->a);
    view_put(r, &t.b, row);
    *out = buf_span(&t.b);
    return t.b.e;
}

void view_put_ref(struct run *r, struct jw *w, const struct row *row, struct span address)
{
    struct text name;
    text_init(&name, r->a);
    name_put_rn(&name.b, row);
    jw_obj(w);
    JW_STR(w, "nm", buf_span(&name.b));
    JW_U64(w, "typ", row->ty);
    JW_STR(w, "val", address);
    const struct type *t = type_of_row(row);
    if (t->cnd.n && (t->flags & TF_SPEC))
        JW_STR(w, "spid", t->cnd);
    jw_end_obj(w);
}

void view_cut(struct run *r)
{
    uint8_t p[20];
    struct buf b = BUF_ARRAY(p);
    if (!r->cut_at)
        return;
    buf_u64(&b, r->cut_at);
    prim_set(r->x->rsp, PA_cnst, SPAN("1"));
    prim_set(r->x->rsp, PA_cnot, arena_dup(r->a, buf_span(&b)));
}

static enum says answer_row(struct run *r, enum rsc rsc, const struct row *row)
{
    struct span pc;
    STEP_TRY(r, view_text(r, row, &pc));
    view_answer(r, rsc, pc);
    return DONE;
}

/* Only those members of the object for which `take` says so. */
static enum err some(struct run *r, const struct row *row, bool (*take)(struct run *r, const struct jval *v),
                     void (*more)(struct run *r, struct jw *w, const struct jval *object), struct span *out)
{
    const struct jval *object;
    struct text whole, t;
    text_init(&whole, r->a);
    text_init(&t, r->a);
    view_put_object(r, &whole.b, row);
    TRY(whole.b.e);
    TRY(name_parse(buf_span(&whole.b), r->a, &object));
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    jw_name(&w, root_of(row));
    jw_obj(&w);
    for (const struct jval *v = object->child; v; v = v->next) {
        if (!take(r, v))
            continue;
        jw_name(&w, v->key);
        jw_raw(&w, v->raw);
    }
    if (more)
        more(r, &w, object);
    jw_end_obj(&w);
    jw_end_obj(&w);
    *out = buf_span(&t.b);
    return t.b.e;
}

/* ---- CREATE, UPDATE, DELETE ---------------------------------------------------------------------- */

static unsigned rcn_of(const struct run *r, unsigned by_default)
{
    return r->q->rcn == RCN_DEFAULT ? by_default : r->q->rcn;
}

/* rcn 9: what the CSE added or changed beyond the request, as it came: hooks put what they decide into r->in. */
static bool beyond_create(struct run *r, const struct jval *v)
{
    const struct jval *in = json_get(r->q->content, v->key);
    bool con = span_eq(v->key, SPAN("con"));
    return !in || (!con && !span_eq(in->raw, v->raw)) || (con && r->con.p);
}

static bool beyond_update(struct run *r, const struct jval *v)
{
    return attr_set_named(&r->changed, v->key) && beyond_create(r, v);
}

static enum says answer_address(struct run *r, bool with_attributes)
{
    struct span path;
    struct text t;
    STEP_TRY(r, name_path(r->t, &r->out, r->a, &path));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    if (with_attributes) {
        JW_NAME(&w, "m2m:rce");
        jw_obj(&w);
        JW_STR(&w, "uri", path);
        jw_name(&w, root_of(&r->out));
        struct text o;
        text_init(&o, r->a);
        view_put_object(r, &o.b, &r->out);
        jw_raw(&w, buf_span(&o.b));
        jw_end_obj(&w);
    } else {
        JW_STR(&w, "m2m:uri", path);
    }
    jw_end_obj(&w);
    STEP_TRY(r, t.b.e);
    view_answer(r, RSC_CREATED, buf_span(&t.b));
    r->x->rsp->uri = path;
    return DONE;
}

/* What the CSE took away without being asked to. */
static void put_taken(struct run *r, struct jw *w, const struct jval *object)
{
    const struct type *t = type_of_row(&r->out);
    for (unsigned i = 1; i <= t->n; i++) {
        struct span name = t->own[i].row->sn;
        if (!attr_set_named(&r->changed, name) || json_get(object, name) || json_get(r->q->content, name))
            continue;
        jw_name(w, name);
        jw_null(w);
    }
}

static enum says answer_some(struct run *r, enum rsc rsc, bool (*take)(struct run *r, const struct jval *v))
{
    struct span pc;
    STEP_TRY(r, some(r, &r->out, take, rsc == RSC_UPDATED ? put_taken : NULL, &pc));
    view_answer(r, rsc, pc);
    return DONE;
}

enum says view_created(struct run *r)
{
    switch (rcn_of(r, RCN_ATTRIBUTES)) {
    case RCN_NOTHING:
        view_answer(r, RSC_CREATED, SPAN_NONE);
        return DONE;
    case RCN_ADDRESS:
        return answer_address(r, false);
    case RCN_ADDRESS_ATTRIBUTES:
        return answer_address(r, true);
    case RCN_MODIFIED:
        return answer_some(r, RSC_CREATED, beyond_create);
    default:
        return answer_row(r, RSC_CREATED, &r->out);
    }
}

enum says view_updated(struct run *r)
{
    switch (rcn_of(r, RCN_ATTRIBUTES)) {
    case RCN_NOTHING:
        view_answer(r, RSC_UPDATED, SPAN_NONE);
        return DONE;
    case RCN_MODIFIED:
        return answer_some(r, RSC_UPDATED, beyond_update);
    default:
        return answer_row(r, RSC_UPDATED, &r->out);
    }
}

bool view_is_tree(unsigned rcn)
{
    return rcn == RCN_ATTRIBUTES_CHILDREN || rcn == RCN_ATTRIBUTES_REFS || rcn == RCN_REFS || rcn == RCN_CHILDREN;
}

enum says view_before_delete(struct run *r)
{
    unsigned rcn = rcn_of(r, RCN_NOTHING);
    if (rcn == RCN_ATTRIBUTES)
        STEP_TRY(r, view_text(r, &r->target, &r->pc));
    else if (view_is_tree(rcn))
        return tree_content(r, rcn, &r->pc);
    return MORE;
}

enum says view_deleted(struct run *r)
{
    view_answer(r, RSC_DELETED, r->pc);
    return DONE;
}

/* ---- RETRIEVE ------------------------------------------------------------------------------------ */

static bool is_asked_for(struct run *r, const struct jval *v)
{
    bool hit = false;
    for (size_t i = 0; i < r->q->atrl.n && !hit; i++)
        hit = span_eq(r->q->atrl.v[i], v->key);
    return hit;
}

/* Partial RETRIEVE: names unknown to the type 4000, names that the resource does not have 4004. */
static enum says retrieve_part(struct run *r)
{
    struct text whole;
    const struct jval *v;
    text_init(&whole, r->a);
    view_put_object(r, &whole.b, &r->target);
    STEP_TRY(r, whole.b.e);
    STEP_TRY(r, name_parse(buf_span(&whole.b), r->a, &v));
    for (size_t i = 0; i < r->q->atrl.n; i++) {
        struct span name = r->q->atrl.v[i];
        if (type_named(r->type, name)->create == P_ABSENT && !(r->type->flags & TF_OPEN))
            return refuse(r, RSC_BAD_REQUEST, name, "is no attribute of this resource type");
        if (!json_get(v, name))
            return refuse(r, RSC_NOT_FOUND, name, "the resource does not have this attribute");
    }
    struct span pc;
    STEP_TRY(r, some(r, &r->target, is_asked_for, NULL, &pc));
    view_answer(r, RSC_OK, pc);
    return DONE;
}

enum says view_retrieved(struct run *r)
{
    unsigned rcn = rcn_of(r, RCN_ATTRIBUTES), fu = r->q->fc ? r->q->fc->fu : FU_NONE;
    if (fu == FU_IPE && !r->hunt) {
        enum says say = show_ipe(r);
        if (say != MORE)
            return say;
    }
    if (fu == FU_DISCOVERY || fu == FU_IPE)
        return hunt_start(r);
    if (view_is_tree(rcn))
        return tree_start(r, rcn);
    if (rcn == RCN_ORIGINAL)
        return show_original(r);
    enum says say = sw_open(&r->c->conf.sw, SW_retrieve_conditions) ? MORE : match_condition(r);
    if (say != MORE)
        return say;
    if (rcn == RCN_PERMISSIONS)
        return show_permissions(r);
    return r->q->atrl.n ? retrieve_part(r) : answer_row(r, RSC_OK, &r->target);
}
