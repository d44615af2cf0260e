#include "cse/action.h"

#include <stdlib.h>
#include <string.h>

#include "cse/alarm.h"
#include "cse/criterion.h"
#include "cse/errand.h"
#include "cse/patch.h"
#include "host/heap.h"
#include "m2m/prim_json.h"

enum { OFF, ONCE, PERIODIC, CONTINUOUS };
enum { ACTION_BLOCK = 4096, ACTION_MEM = 16 << 20, WISHES_MAX = 1000 };

struct looks { /* action looks at subject, itself or by one of its dependencies */
    int64_t subject, action;
};
struct wishes {
    int64_t v[WISHES_MAX]; /* of actions; negative: its period is over */
    size_t n;
};
/* One action that is being carried out. Loop 0. */
struct deed {
    struct deed *next;
    struct cse *c;
    int64_t rid, priority;
    struct arena a;
    struct prim q;
    struct exch x;
    struct errand *e;
    struct span air;
    bool answered, queued;
};
struct actions {
    struct looks *v; /* writer; ascending by subject */
    size_t n, cap;
    bool loaded;
    struct wishes made;  /* writer: of the present transaction */
    struct wishes ready; /* of committed ones; under the lock */
    atomic_flag lock;
    struct deed *deeds; /* loop 0 */
};

enum err action_new(struct cse *c)
{
    c->actions = calloc(1, sizeof *c->actions);
    if (!c->actions)
        return ERR_NOMEM;
    atomic_flag_clear(&c->actions->lock);
    return OK;
}

static void deed_free(struct deed *d)
{
    struct deed **at = &d->c->actions->deeds;
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    if (d->e)
        errand_free(d->e);
    arena_reset(&d->a);
    free(d);
}

void action_free(struct cse *c)
{
    while (c->actions && c->actions->deeds)
        deed_free(c->actions->deeds);
    if (c->actions)
        free(c->actions->v);
    free(c->actions);
}

/* ---- the index: writer ----------------------------------------------------------------------------- */

static size_t place(const struct actions *m, int64_t subject, int64_t action)
{
    size_t lo = 0, hi = m->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct looks *l = &m->v[mid];
        if (l->subject < subject || (l->subject == subject && l->action < action))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static enum err add(struct actions *m, int64_t subject, int64_t action)
{
    size_t at = place(m, subject, action);
    if (at < m->n && m->v[at].subject == subject && m->v[at].action == action)
        return OK;
    if (m->n == ACTIONS_MAX)
        return ERR_LIMIT;
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 64;
        struct looks *v = realloc(m->v, cap * sizeof *v);
        if (!v)
            return ERR_NOMEM;
        m->v = v;
        m->cap = cap;
    }
    memmove(m->v + at + 1, m->v + at, (m->n - at) * sizeof *m->v);
    m->v[at] = (struct looks){subject, action};
    m->n++;
    return OK;
}

/* The resource whose attribute the criterion is about: sri, else the parent. */
static enum err subject_of(struct run *r, const struct row *action, const struct attrs *at, struct row *out)
{
    struct span sri = attrs_text(at, AT_sri, r->a);
    return sri.n ? find_text(r, sri, out) : store_get(r->t, action->pid, r->a, out);
}

static enum err add_row(struct run *r, const struct row *row)
{
    struct attrs at;
    struct row subject;
    TRY(name_attrs(row, r->a, &at));
    enum err e =
        row->ty == TY_ACTR ? subject_of(r, row, &at, &subject) : find_text(r, attrs_text(&at, AT_rri, r->a), &subject);
    return e == OK ? add(r->c->actions, subject.rid, row->ty == TY_ACTR ? row->rid : row->pid) : OK;
}

static enum err load(struct run *r)
{
    static const uint32_t types[] = {TY_ACTR, TY_DEPR};
    if (r->c->actions->loaded)
        return OK;
    for (size_t i = 0; i < LEN(types); i++) {
        struct rows page = {.more = true};
        for (int64_t after = 0; page.more; after = page.n ? page.v[page.n - 1].rid : after) {
            TRY(store_find(r->t, FIND_TYPE, types[i], SPAN_NONE, after, PAGE, false, r->a, &page));
            for (size_t k = 0; k < page.n; k++)
                TRY(add_row(r, &page.v[k]));
        }
    }
    r->c->actions->loaded = true;
    return OK;
}

static void wish_for(struct wishes *w, int64_t rid)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i] == rid)
            return;
    if (w->n < WISHES_MAX)
        w->v[w->n++] = rid;
}

static void wish(struct cse *c, int64_t rid)
{
    wish_for(&c->actions->made, rid);
    c->told = true;
}

enum err action_look(struct run *r, int64_t rid)
{
    struct actions *m = r->c->actions;
    if (!m->loaded)
        TRY(load(r));
    for (size_t i = m->n ? place(m, rid, 0) : 0; i < m->n && m->v[i].subject == rid; i++)
        wish(r->c, m->v[i].action);
    return OK;
}

static void lock(struct actions *m)
{
    while (atomic_flag_test_and_set_explicit(&m->lock, memory_order_acquire)) {
    }
}

static void unlock(struct actions *m)
{
    atomic_flag_clear_explicit(&m->lock, memory_order_release);
}

void action_committed(struct cse *c, enum err e)
{
    struct actions *m = c->actions;
    if (m->made.n == 0)
        return;
    lock(m);
    for (size_t i = 0; i < m->made.n && e == OK; i++)
        wish_for(&m->ready, m->made.v[i]);
    unlock(m);
    m->made.n = 0;
}

/* A period is over. */
enum err action_ring(struct run *r, struct row *row, int64_t due)
{
    struct attrs at;
    TRY(name_attrs(row, r->a, &at));
    int64_t period = patch_int(&at, AT_ecp, ACTION_PERIOD_MIN);
    if (patch_int(&at, AT_evm, OFF) != PERIODIC)
        return OK;
    wish(r->c, -row->rid);
    period = period < ACTION_PERIOD_MIN ? ACTION_PERIOD_MIN : period;
    int64_t next = due + period;
    return alarm_at(r, ALARM_action, row->rid, next > r->now ? next : r->now + period);
}

/* ---- does it apply? --------------------------------------------------------------------------------- */

/* One dependency that suffices, or all that are necessary; without any: yes. */
static enum err dependencies_hold(struct run *r, const struct attrs *at, bool *yes)
{
    const struct jval *dep = attrs_get(at, AT_dep);
    bool any_necessary = false, all = true, enough = false;
    for (const struct jval *v = dep ? dep->child : NULL; v && !enough; v = v->next) {
        struct row row, subject;
        struct attrs d;
        bool holds = false;
        if (find_text(r, name_text(v, r->a), &row) != OK || row.ty != TY_DEPR)
            continue;
        TRY(name_attrs(&row, r->a, &d));
        if (find_text(r, attrs_text(&d, AT_rri, r->a), &subject) == OK)
            TRY(criterion_holds(r, &subject, attrs_get(&d, AT_evc), &holds));
        bool sufficient = patch_true(&d, AT_sfc);
        enough = sufficient && holds;
        any_necessary |= !sufficient;
        all &= sufficient || holds;
    }
    *yes = enough || !dep || dep->n == 0 || (any_necessary && all);
    return OK;
}

static enum err applies(struct run *r, const struct row *row, const struct attrs *at, bool *yes)
{
    struct row subject;
    *yes = false;
    if (patch_int(at, AT_evm, OFF) == OFF || row->et <= r->now)
        return OK;
    enum err e = subject_of(r, row, at, &subject);
    if (e != OK)
        return OK; /* it is gone */
    TRY(criterion_holds(r, &subject, attrs_get(at, AT_evc), yes));
    return *yes ? dependencies_hold(r, at, yes) : OK;
}

/* ---- carrying out: loop 0 --------------------------------------------------------------------------- */

/* Its answer, and once means once. */
static enum err record(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct deed *d = x->door;
    struct run r = {.c = c, .x = x, .q = &d->q, .a = &d->a, .t = t, .slot = STORE_SLOTS_MAX};
    struct row row;
    struct attrs at;
    r.now = c->w.now(c->w.ctx);
    enum err e = store_get(t, d->rid, r.a, &row);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    TRY(name_attrs(&row, r.a, &at));
    struct patch p[] = {{SPAN("air"), d->air}, {SPAN("evm"), SPAN("0")}};
    return patch_row(&r, &row, p, patch_int(&at, AT_evm, OFF) == ONCE ? 2 : 1);
}

static void recorded(struct exch *x)
{
    struct deed *d = x->door;
    struct cse *c = d->c;
    deed_free(d);
    atomic_store(&c->tick, true);
}

static void queue_record(struct deed *d)
{
    d->x = (struct exch){.arena = &d->a, .self = true, .done = recorded, .door = d, .job = record};
    d->queued = d->c->w.enqueue(d->c->w.ctx, &d->x);
}

static void over(struct errand *e)
{
    struct deed *d = e->ctx;
    struct text t;
    text_init(&t, &d->a);
    struct jw w = jw_over(&t.b);
    prim_put_response(&w, e->x.rsp, SPAN_NONE, SPAN_NONE);
    d->air = buf_span(&t.b);
    d->answered = true;
    errand_free(e);
    d->e = NULL;
    queue_record(d);
}

static enum param param_named(struct span name)
{
    for (unsigned id = 1; id < PA__N; id++)
        if (span_eq(param_row((enum param)id)->sn, name))
            return (enum param)id;
    return PA_NONE;
}

/* The action primitive as a request of the creator. */
static struct errand *request_of(struct deed *d, const struct row *row, const struct attrs *at)
{
    const struct jval *apv = attrs_get(at, AT_apv), *pc = JSON_GET(apv, "pc"), *ty = JSON_GET(apv, "ty");
    int64_t op = 0, type = 0;
    struct span to = name_text(JSON_GET(apv, "to"), &d->a);
    if (json_i64(JSON_GET(apv, "op"), &op) != OK || op < OP_CREATE || op > OP_NOTIFY)
        return NULL;
    struct errand *e = errand_new(d->c, NULL, 0, (enum op)op, to.n ? to : attrs_text(at, AT_orc, &d->a));
    if (!e)
        return NULL;
    e->x.self = false;
    prim_set(&e->q, PA_fr, arena_dup(&e->a, row->creator));
    for (const struct jval *v = apv->child; v; v = v->next) {
        enum param id = param_named(v->key);
        if (id == PA_NONE || id == PA_op || id == PA_to || id == PA_fr || id == PA_rqi || id == PA_pc || id == PA_ty ||
            id == PA_rt)
            continue;
        prim_set(&e->q, id, arena_dup(&e->a, v->type == J_STR ? name_text(v, &d->a) : v->raw));
    }
    if (ty && json_i64(ty, &type) == OK && op == OP_CREATE)
        errand_type(e, (unsigned)type);
    if (pc)
        errand_content(e, arena_dup(&e->a, pc->raw));
    e->ctx = d;
    e->over = over;
    return e;
}

static bool under_way(const struct actions *m, int64_t rid)
{
    bool yes = false;
    for (const struct deed *d = m->deeds; d && !yes; d = d->next)
        yes = d->rid == rid;
    return yes;
}

/* Prepared, not sent: several that became ready at once leave by their priority. */
static enum err prepare(struct cse *c, struct store_tx *t, int64_t wished)
{
    int64_t rid = wished < 0 ? -wished : wished;
    struct row row;
    struct attrs at;
    bool yes = false;
    struct deed *d = calloc(1, sizeof *d);
    if (!d)
        return ERR_NOMEM;
    heap_arena(&d->a, ACTION_BLOCK, ACTION_MEM);
    prim_init(&d->q);
    d->c = c;
    d->rid = rid;
    d->next = c->actions->deeds;
    c->actions->deeds = d;
    d->x = (struct exch){.req = &d->q, .arena = &d->a, .self = true, .door = d};
    struct run r = {.c = c, .x = &d->x, .q = &d->q, .a = &d->a, .t = t, .now = c->w.now(c->w.ctx)};
    enum err e = store_get(t, rid, r.a, &row);
    if (e == OK && row.ty == TY_ACTR)
        e = name_attrs(&row, r.a, &at);
    if (e == OK && row.ty == TY_ACTR && (wished < 0) == (patch_int(&at, AT_evm, OFF) == PERIODIC))
        e = applies(&r, &row, &at, &yes);
    if (e == OK && yes) {
        d->priority = patch_int(&at, AT_apy, INT64_MAX);
        d->e = request_of(d, &row, &at);
    }
    if (!d->e)
        deed_free(d);
    return e == ERR_NOTFOUND ? OK : e;
}

/* A smaller apy comes first. */
static void send_all(struct actions *m)
{
    for (;;) {
        struct deed *best = NULL;
        for (struct deed *d = m->deeds; d; d = d->next)
            if (d->e && !d->queued && (!best || d->priority < best->priority))
                best = d;
        if (!best)
            return;
        best->queued = true; /* sent */
        errand_go(best->e);
    }
}

void action_tick(struct cse *c)
{
    struct actions *m = c->actions;
    struct wishes now;
    struct store_tx *t;
    for (struct deed *d = m->deeds; d; d = d->next)
        if (d->answered && !d->queued)
            queue_record(d); /* the queue was full */
    lock(m);
    now.n = m->ready.n;
    memcpy(now.v, m->ready.v, now.n * sizeof *now.v);
    m->ready.n = 0;
    unlock(m);
    if (now.n == 0 || store_read(c->w.store, 0, &t) != OK)
        return;
    for (size_t i = 0; i < now.n; i++)
        if (!under_way(m, now.v[i] < 0 ? -now.v[i] : now.v[i]) && prepare(c, t, now.v[i]) != OK)
            break;
    store_end(t);
    send_all(m);
}

/* ---- rules: action ----------------------------------------------------------------------------------- */

static const struct jval *will(const struct run *r, enum attr a)
{
    const struct jval *in = attrs_get(&r->in, a);
    if (in)
        return in->type == J_NULL ? NULL : in;
    return r->q->op == OP_UPDATE ? attrs_get(&r->old, a) : NULL;
}

/* The resource that a criterion looks at: it is here, the originator may read it, and it has such an attribute. */
static enum says check_subject(struct run *r, enum attr name, struct span id, const struct row *parent)
{
    struct row subject = {0};
    bool yes;
    enum err e = id.n ? find_text(r, id, &subject) : OK;
    if (!id.n)
        subject = *parent;
    if (e == ERR_UNREACHABLE)
        return refuse(r, RSC_NOT_IMPLEMENTED, attr_row(name)->sn, "only resources of this CSE are looked at");
    if (e == ERR_NOTFOUND || e == ERR_SYNTAX)
        return refuse(r, RSC_BAD_REQUEST, attr_row(name)->sn, "names no resource of this CSE");
    STEP_TRY(r, e);
    STEP_TRY(r, rights_ask(r, &r->q->from, &subject, ACOP_RETRIEVE, 0, &yes));
    if (!yes)
        return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, attr_row(name)->sn,
                      "the originator may not RETRIEVE the resource that is looked at");
    const char *fault = criterion_fault(&subject, will(r, AT_evc), r->a);
    return fault ? refuse(r, RSC_BAD_REQUEST, SPAN("evc"), fault) : MORE;
}

/* The primitive is carried out with its creator's rights, so that it is the creator's. */
static enum says check_primitive(struct run *r, struct span creator)
{
    int64_t op = 0;
    const struct jval *apv = will(r, AT_apv), *fr = JSON_GET(apv, "fr"), *jop = JSON_GET(apv, "op");
    if (!jop || json_i64(jop, &op) != OK || op < OP_CREATE || op > OP_NOTIFY)
        return refuse(r, RSC_BAD_REQUEST, SPAN("apv"), "needs op, 1 to 5");
    if (fr && !id_same_text(name_text(fr, r->a), creator, &r->c->conf.self))
        return refuse(r, RSC_BAD_REQUEST, SPAN("apv"), "its fr is the creator of the action");
    if (JSON_GET(apv, "fc"))
        return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("apv"), "filter criteria in an action's request are not supported");
    if (op == OP_CREATE && (!JSON_GET(apv, "ty") || !JSON_GET(apv, "pc")))
        return refuse(r, RSC_BAD_REQUEST, SPAN("apv"), "a CREATE needs ty and pc");
    return MORE;
}

static enum says check_action(struct run *r, struct span creator, const struct row *parent)
{
    int64_t evm = OFF;
    const struct jval *v = will(r, AT_evm), *sri = will(r, AT_sri);
    if (v && json_i64(v, &evm) != OK)
        evm = OFF;
    if (evm == PERIODIC && !will(r, AT_ecp))
        return refuse(r, RSC_BAD_REQUEST, SPAN("ecp"), "a periodic evaluation needs its period, in milliseconds");
    enum says say = check_primitive(r, creator);
    return say == MORE ? check_subject(r, AT_sri, sri ? name_text(sri, r->a) : SPAN_NONE, parent) : say;
}

static enum says check_create_actr(struct run *r)
{
    return check_action(r, prim_text(r->q, PA_fr), &r->target);
}

static enum says check_update_actr(struct run *r)
{
    return check_action(r, r->target.creator, &r->holder);
}

static enum says after_actr(struct run *r)
{
    struct attrs at;
    STEP_TRY(r, load(r));
    STEP_TRY(r, name_attrs(&r->out, r->a, &at));
    enum err e = add_row(r, &r->out);
    if (e == ERR_LIMIT)
        return refuse(r, RSC_NOT_ACCEPTABLE, SPAN("sri"), "more actions than this CSE serves");
    STEP_TRY(r, e);
    int64_t evm = patch_int(&at, AT_evm, OFF), period = patch_int(&at, AT_ecp, ACTION_PERIOD_MIN);
    period = period < ACTION_PERIOD_MIN ? ACTION_PERIOD_MIN : period;
    STEP_TRY(r, alarm_at(r, ALARM_action, r->out.rid, evm == PERIODIC ? r->now + period : NEVER));
    if (evm == ONCE || evm == CONTINUOUS)
        wish(r->c, r->out.rid);
    return MORE;
}

const struct type_hook hook_actr = {.check = check_create_actr, .check_update = check_update_actr, .after = after_actr};

/* ---- rules: dependency ------------------------------------------------------------------------------- */

static enum says check_depr(struct run *r)
{
    const struct jval *rri = will(r, AT_rri);
    return check_subject(r, AT_rri, rri ? name_text(rri, r->a) : SPAN_NONE, &r->target);
}

/* The action's list of dependencies without one, or with it at the end. */
static enum err list_in(struct run *r, struct row *action, const struct row *depr, bool with)
{
    struct attrs at;
    struct text t, id;
    size_t n = with;
    TRY(name_attrs(action, r->a, &at));
    text_init(&t, r->a);
    text_init(&id, r->a);
    name_put_ri(&id.b, depr);
    struct jw w = jw_over(&t.b);
    const struct jval *dep = attrs_get(&at, AT_dep);
    jw_arr(&w);
    for (const struct jval *v = dep ? dep->child : NULL; v; v = v->next)
        if (!json_is(v, buf_span(&id.b))) {
            jw_raw(&w, v->raw);
            n++;
        }
    if (with)
        jw_str(&w, buf_span(&id.b));
    jw_end_arr(&w);
    return patch_row(r, action, &(struct patch){SPAN("dep"), n ? buf_span(&t.b) : SPAN_NONE}, 1);
}

static enum says after_depr(struct run *r)
{
    STEP_TRY(r, load(r));
    enum err e = add_row(r, &r->out);
    if (e == ERR_LIMIT)
        return refuse(r, RSC_NOT_ACCEPTABLE, SPAN("rri"), "more dependencies than this CSE serves");
    STEP_TRY(r, e);
    if (r->q->op == OP_CREATE)
        STEP_TRY(r, list_in(r, &r->target, &r->out, true));
    wish(r->c, r->out.pid);
    return MORE;
}

static enum err gone_depr(struct run *r, const struct row *row)
{
    struct row action;
    enum err e = store_get(r->t, row->pid, r->a, &action);
    return e == OK ? list_in(r, &action, row, false) : e == ERR_NOTFOUND ? OK : e;
}

const struct type_hook hook_depr = {
    .check = check_depr, .check_update = check_depr, .after = after_depr, .gone = gone_depr};
