/* steps.c - how an exchange moves: the list of steps, the turns on its loop and on the writer, its answer. */
#include <stdlib.h>
#include <string.h>

#include "cse/access.h"
#include "cse/action.h"
#include "cse/annc.h"
#include "cse/block.h"
#include "cse/heads.h"
#include "cse/node.h"
#include "cse/pace.h"
#include "cse/prelude.h"
#include "cse/reach.h"
#include "cse/tell.h"
#include "host/heap.h"

static enum says (*const steps[STEP__N])(struct run *) = {
#define STEP(name, clause, what) step_##name,
#include "cse/step.def"
#undef STEP
};

/* ---- answers ------------------------------------------------------------------------------------- */

static struct prim *answer_of(struct run *r)
{
    static _Thread_local struct prim none; /* when not even the answer has room: a bare 5000 */
    struct prim *p = ARENA_NEW(r->a, struct prim);
    if (!p) {
        prim_init(&none);
        p = &none;
        p->rsc = RSC_INTERNAL_SERVER_ERROR;
    }
    return r->x->rsp = p;
}

enum says refuse_verdict(struct run *r, struct verdict v)
{
    prim_refuse(answer_of(r), r->q, v, r->a);
    return DONE;
}

enum says refuse(struct run *r, enum rsc rsc, struct span attr, const char *rule)
{
    return refuse_verdict(r, verdict_of(rsc, attr, rule));
}

enum says oops(struct run *r, enum err e)
{
    return refuse(r, RSC_INTERNAL_SERVER_ERROR, SPAN_NONE, err_text(e));
}

void view_answer(struct run *r, enum rsc rsc, struct span pc)
{
    struct prim *p = answer_of(r);
    prim_respond(p, r->q, rsc);
    p->pc = pc;
    p->ser = pc.n ? SER_JSON : SER_NONE;
}

/* ---- turns --------------------------------------------------------------------------------------- */

static enum says drive(struct run *r)
{
    enum says say = MORE;
    while (say == MORE && r->step < STEP__N) {
        say = steps[r->step](r);
        if (say == MORE)
            r->step++;
    }
    return say == WAIT ? WAIT : DONE;
}

static bool changes(const struct run *r)
{
    return r->q->op == OP_CREATE || r->q->op == OP_UPDATE || r->q->op == OP_DELETE;
}

static void enqueue(struct run *r)
{
    if (r->c->w.enqueue(r->c->w.ctx, r->x))
        return;
    r->x->busy = true;
    refuse(r, RSC_INTERNAL_SERVER_ERROR, SPAN_NONE, "more changes are waiting than this CSE queues; try again later");
    run_answer(r);
}

/* One turn on the loop thread, on a read transaction of its own. */
static void turn(struct run *r)
{
    struct cse *c = r->c;
    r->now = c->w.now(c->w.ctx);
    enum err e = store_read(c->w.store, r->x->loop, &r->t);
    enum says say = e == OK ? drive(r) : oops(r, e);
    if (r->t)
        store_end(r->t);
    r->t = NULL;
    if (say == DONE)
        run_answer(r);
    else if (r->stage == AT_WRITER || r->stage == AT_RESERVE)
        enqueue(r);
}

void run_go_on(struct run *r)
{
    r->step++;
    turn(r);
}

void run_again(struct run *r)
{
    turn(r);
}

void run_to_writer(struct run *r)
{
    r->stage = AT_WRITER;
    enqueue(r);
}

/* rset: a result that is late is no result (TS-0004 7.3.2.1). */
static bool too_late(const struct run *r)
{
    return r->q->rset && rsc_ok(r->x->rsp->rsc) && r->c->w.now(r->c->w.ctx) >= r->q->rset;
}

void run_answer(struct run *r)
{
    r->stage = AT_END;
    if (r->block)
        block_over(r);
    if (too_late(r))
        refuse(r, RSC_REQUEST_TIMEOUT, SPAN("rset"), "the result came too late for its originator (TS-0001 8.1.2)");
    if (prim_has(r->q, PA_ot) && !prim_has(r->x->rsp, PA_ot)) /* a request with ot wants to know the answer's */
        prim_set(r->x->rsp, PA_ot, name_time(r->now, r->a));
    r->x->done(r->x);
}

void cse_submit(struct cse *c, struct exch *x)
{
    struct run none = {0}, *r = ARENA_NEW(x->arena, struct run);
    bool room = r != NULL;
    if (!room)
        r = &none;
    r->c = c;
    r->x = x;
    r->q = x->req;
    r->a = x->arena;
    r->slot = x->loop;
    x->run = r;
    if (!room) {
        oops(r, ERR_NOMEM);
        run_answer(r);
        return;
    }
    turn(r);
}

/* ---- the writer ---------------------------------------------------------------------------------- */

/* What the loop found out may be old by now: everything that needs the store is done again. */
static void forget(struct run *r)
{
    r->step = STEP_resolve;
    memset(&r->target, 0, sizeof r->target);
    memset(&r->holder, 0, sizeof r->holder);
    memset(&r->in, 0, sizeof r->in);
    r->virt = NULL;
    r->have_old = r->hooked = false;
    r->nnotices = 0;
    r->claims = NULL;
    r->annc = NULL;
    r->x->rsp = NULL;
}

static enum err write_one(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct run *r = x->run;
    TRY(store_save(t));
    if (x->job) {
        enum err e = x->job(c, t, x);
        if (e == OK)
            return store_keep(t);
        x->wrote = e;
        pace_undone(c);
        return store_undo(t);
    }
    r->t = t;
    r->slot = STORE_SLOTS_MAX;
    r->now = c->w.now(c->w.ctx);
    forget(r);
    drive(r);
    r->t = NULL;
    r->slot = x->loop;
    if (rsc_ok(x->rsp->rsc))
        return store_keep(t);
    TRY(store_undo(t));
    pace_undone(c);
    if (r->hooked && c->hook.undone)
        c->hook.undone(c->hook.ctx);
    return OK;
}

void cse_run_write(struct cse *c, struct exch **list, size_t n)
{
    struct store_tx *t = NULL;
    enum err e = store_write(c->w.store, &t);
    for (size_t i = 0; i < n; i++)
        list[i]->wrote = OK;
    for (size_t i = 0; i < n && e == OK; i++)
        e = write_one(c, t, list[i]);
    if (e == OK)
        e = store_commit(t);
    else if (t)
        store_abort(t);
    if (e != OK)
        pace_undone(c);
    for (size_t i = 0; i < n && e != OK; i++)
        list[i]->wrote = e;
    if (c->hook.committed)
        c->hook.committed(c->hook.ctx, e);
    if (e == OK && c->hook.access && c->access_told != c->access_turn)
        c->hook.access(c->hook.ctx);
    c->access_told = c->access_turn;
    action_committed(c, e);
    if (c->csr_changed)
        atomic_store(&c->below_changed, true);
    if (c->told || c->csr_changed)
        atomic_store(&c->tick, true);
    c->told = c->csr_changed = false;
}

void cse_finish(struct cse *c, struct exch *x)
{
    struct run *r = x->run;
    (void)c;
    if (x->job && !r) {
        x->done(x); /* an internal job */
        return;
    }
    x->job = NULL;
    if (x->wrote != OK) {
        oops(r, x->wrote); /* nothing of it is durable: whatever was decided does not count */
        run_answer(r);
    } else if (r->stage == AT_RESERVE) {
        r->stage = AT_PRELUDE; /* a rid is there: on with the verification */
        turn(r);
    } else if (!rsc_ok(x->rsp->rsc) && consult_wanted(r)) {
        r->stage = AT_PRELUDE; /* others may permit what our policies did not: they are asked from here */
        r->prelude = 0;
        forget(r);
        turn(r);
    } else {
        postlude_run(r);
    }
}

/* ---- steps that only choose ----------------------------------------------------------------------- */

bool run_is_admin(const struct run *r)
{
    return r->x->self || (r->q->from.kind != ID_BAD && id_same(&r->q->from, &r->c->admin));
}

/* The attributes of targets that the writer had lately: a container that takes instances is parsed once, not for each
 * of them. As with policies the text is compared. An entry stays until another target takes its place, and the writer
 * works on one request after the other, so nobody holds on to what is thrown away. */
struct known_attrs {
    int64_t rid;
    struct span body;
    struct attrs at;
    struct arena mem;
};
enum { KNOWN = 64, KNOWN_BODY_MAX = 16384, KNOWN_BLOCK = 2048, KNOWN_MEM = 1 << 22 };

void run_known_free(struct cse *c)
{
    for (size_t i = 0; c->known && i < KNOWN; i++)
        arena_reset(&c->known[i].mem);
    free(c->known);
}

static enum err learn(struct known_attrs *k, const struct row *row)
{
    struct row mine = *row;
    arena_reset(&k->mem);
    heap_arena(&k->mem, KNOWN_BLOCK, KNOWN_MEM);
    k->rid = row->rid;
    k->body = SPAN_NONE; /* until it is whole */
    mine.body = arena_dup(&k->mem, row->body);
    TRY(name_attrs(&mine, &k->mem, &k->at));
    k->body = mine.body;
    return OK;
}

static enum err known_old(struct run *r)
{
    struct cse *c = r->c;
    if (!c->known && !(c->known = calloc(KNOWN, sizeof *c->known)))
        return ERR_NOMEM;
    struct known_attrs *k = &c->known[(uint64_t)r->target.rid % KNOWN];
    if (k->rid != r->target.rid || k->body.n == 0 || !span_eq(k->body, r->target.body))
        TRY(learn(k, &r->target));
    r->old = k->at;
    return OK;
}

enum err run_old(struct run *r)
{
    if (r->have_old)
        return OK;
    r->have_old = true;
    if (r->slot == STORE_SLOTS_MAX && r->target.body.n <= KNOWN_BODY_MAX)
        return known_old(r);
    return name_attrs(&r->target, r->a, &r->old);
}

/* Operations that a type never allows are refused before rights and content (Recv-1.0). */
static enum says check_never(struct run *r)
{
    static const struct {
        uint8_t op;
        uint16_t flag;
    } rows[] = {{OP_CREATE, TF_VIRTUAL}, {OP_UPDATE, TF_NO_UPDATE}, {OP_DELETE, TF_NO_DELETE}};
    const struct type *t = r->virt ? r->virt : r->type, *made = r->q->op == OP_CREATE ? type_of(r->q->ty) : NULL;
    if (t->number == TY_FOPT)
        return MORE; /* every operation is for the members */
    if (made && (made->flags & TF_NO_CREATE))
        return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("ty"),
                      "resources of this type are made by the CSE alone (TS-0004 7.4.3, 7.4.12)");
    for (size_t i = 0; i < LEN(rows); i++)
        if (r->q->op == rows[i].op && (t->flags & rows[i].flag))
            return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("to"),
                          "resources of this type never take this operation (TS-0004 7.3.2.1)");
    bool takes_over = r->virt && type_hook(r->virt->number) && type_hook(r->virt->number)->virt;
    if (r->q->op == OP_NOTIFY && t->number != TY_AE && t->number != TY_CB && t->number != TY_CRS && !takes_over)
        return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("to"), "NOTIFY goes to an AE or a CSEBase (TS-0004 7.3.3.9)");
    return MORE;
}

/* The writer does the rest; turn() enqueues once the read transaction has ended. */
static enum says to_writer(struct run *r)
{
    r->stage = AT_WRITER;
    return WAIT;
}

/* Does the address lead through a virtual resource that takes requests over? Names alone tell: a resource cannot have
 * such a name where the virtual one exists, and elsewhere nothing is lost but a look. */
static bool behind_virtual(const struct run *r)
{
    bool any = false;
    struct span names = r->q->addr.names;
    for (struct span seg = addr_next(&names); seg.n && !any; seg = addr_next(&names))
        any = span_eq(seg, SPAN("fopt")) || span_eq(seg, SPAN("pcu")) || span_eq(seg, SPAN("ntsr"));
    return any;
}

/* The request may have waited. */
static enum says check_time(struct run *r)
{
    bool rqet = r->q->rqet && r->q->rqet <= r->now, rset = r->q->rset && r->q->rset <= r->now;
    return rqet || rset ? refuse(r, RSC_REQUEST_TIMEOUT, rqet ? SPAN("rqet") : SPAN("rset"),
                                 "the time was over before the request could be carried out (TS-0004 7.3.3.1)")
                        : MORE;
}

enum says step_resolve(struct run *r)
{
    struct found f;
    if ((r->q->rqet || r->q->rset) && check_time(r) != MORE)
        return DONE;
    bool ahead = r->stage == AT_DOOR && changes(r); /* a change is looked at before the writer has it */
    if (ahead && r->q->op == OP_CREATE && !behind_virtual(r) && !prelude_wanted(r))
        return to_writer(r);
    enum err e = find_addr(r, &r->q->addr, &f);
    r->virt = f.virt;
    r->rest = f.rest;
    if (f.virt && e == ERR_NOTFOUND && f.holder.rid && (r->q->op == OP_CREATE || r->q->op == OP_UPDATE))
        return check_never(r);
    if (e == ERR_NOTFOUND)
        return refuse(r, RSC_NOT_FOUND, SPAN("to"),
                      f.virt && f.holder.rid ? "the container has no instance (TS-0004 7.4.27, 7.4.28)"
                                             : "there is no resource of this identifier (TS-0004 7.3.3.1)");
    STEP_TRY(r, e);
    r->target = f.row;
    r->holder = f.holder;
    r->type = type_of_row(&f.row);
    if (r->q->op == OP_NOTIFY && f.row.ty == TY_GRP && !f.virt)
        r->virt = type_virtual(TY_GRP, SPAN("fopt")); /* a group among nu stands for its members */
    if (!r->holder.rid && (r->type->flags & TF_INSTANCE))
        STEP_TRY(r, store_get(r->t, r->target.pid, r->a, &r->holder));
    enum says say = check_never(r);
    if (say != MORE)
        return say;
    const struct type_hook *h = r->virt ? type_hook(r->virt->number) : NULL;
    if (h && h->virt)
        return h->virt(r);
    if (r->stage == AT_DOOR && hook_cin_counts(r))
        return to_writer(r);
    return ahead && !prelude_wanted(r) ? to_writer(r) : MORE;
}

enum says step_check(struct run *r)
{
    static enum says (*const by_op[OP__N])(struct run *) = {
        [OP_CREATE] = make_check, [OP_UPDATE] = change_check, [OP_DELETE] = gone_check};
    return by_op[r->q->op] ? by_op[r->q->op](r) : MORE;
}

enum says step_prelude(struct run *r)
{
    return r->stage != AT_WRITER && changes(r) ? prelude_run(r) : MORE;
}

enum says step_apply(struct run *r)
{
    static enum says (*const by_op[OP__N])(struct run *) = {
        [OP_CREATE] = make_apply, [OP_UPDATE] = change_apply, [OP_DELETE] = gone_apply, [OP_NOTIFY] = notify_apply};
    if (!changes(r))
        tell_read(r);
    return by_op[r->q->op] ? by_op[r->q->op](r) : MORE;
}

enum says step_after(struct run *r)
{
    const struct type_hook *h = type_hook(r->out.rid ? r->out.ty : r->target.ty);
    if (r->q->op == OP_DELETE || !changes(r))
        return MORE;
    STEP_TRY(r, annc_after(r));
    if (attrs_get(&r->in, AT_nl))
        STEP_TRY(r, node_follow(r));
    if (r->q->op == OP_UPDATE && attrs_get(&r->in, AT_acpi))
        STEP_TRY(r, heads_follow(r));
    return h && h->after ? h->after(r) : MORE;
}

/* May letters leave that waited for this resource? */
static bool opens(uint32_t ty)
{
    return ty == TY_SCH || ty == TY_PCH || ty == TY_AE;
}

enum says step_tell(struct run *r)
{
    if (r->q->op == OP_CREATE)
        STEP_TRY(r, tell_create(r, &r->target, &r->out));
    else if (r->q->op == OP_UPDATE)
        STEP_TRY(r, tell_update(r, &r->out, &r->changed));
    if (changes(r) && opens(r->out.rid ? r->out.ty : r->target.ty))
        STEP_TRY(r, reach_changed(r, r->out.rid ? &r->out : &r->target));
    if (r->q->op == OP_CREATE)
        STEP_TRY(r, action_look(r, r->target.rid));
    else if (changes(r))
        STEP_TRY(r, action_look(r, r->q->op == OP_UPDATE ? r->out.rid : r->target.pid));
    return MORE; /* DELETE told while it removed: afterwards the subscriptions are gone */
}

enum says step_project(struct run *r)
{
    static enum says (*const by_op[OP__N])(struct run *) = {[OP_CREATE] = view_created,
                                                            [OP_RETRIEVE] = view_retrieved,
                                                            [OP_UPDATE] = view_updated,
                                                            [OP_DELETE] = view_deleted};
    enum says say = by_op[r->q->op] ? by_op[r->q->op](r) : DONE;
    if (r->stage == AT_WRITER && say == DONE && rsc_ok(r->x->rsp->rsc) && hook_cin_counts(r))
        STEP_TRY(r, hook_cin_read(r));
    return say;
}
