/* fan.c - the fan-out point of a group (TS-0004 7.4.14): a request to it becomes one request for each member, as from
 * the same originator, and their answers one answer.
 *
 * FAN_WINDOW of them are under way at a time; each that comes back makes room for the next. Once the time of the
 * request is over what has come is answered, and whatever comes later is thrown away: so a fan-out may outlive its
 * request, and keeps in its own memory what its members' requests need. */
#include "cse/fan.h"

#include <stdlib.h>
#include <string.h>

#include "cse/access.h"
#include "cse/errand.h"
#include "cse/group.h"
#include "cse/request.h"
#include "cse/timer.h"
#include "host/heap.h"

enum { FAN_BLOCK = 8192, FAN_MEM = 64 << 20, FAN_PART_MAX = 256 << 10, FAN_PART_MS = 1000 };

struct target {
    struct span id; /* as it stands in mid */
    struct span to; /* with what stood behind fopt */
    struct fan *of;
};

struct fan {
    struct cse *c;
    struct run *r; /* NULL: it was answered */
    unsigned loop;
    struct timer timer;
    struct arena a;
    struct prim q; /* what every member's request says; spans in `a` */
    bool self;
    struct target *v;
    size_t n, at, flying, answered;
    size_t spoken;    /* answers of members that could be reached */
    int64_t told_at;  /* when a request resource last had what came so far */
    struct text out;  /* answers so far, in the exchange's arena */
    struct text gone; /* DELETE: members that are no more, a JSON list without brackets */
    struct row group;
};

static void finish(struct fan *f);

/* ---- group request identifiers ---------------------------------------------------------------------- */
/* A request that comes back to the same group goes in circles, or came by two ways: the second time it is refused. */

struct gid {
    uint64_t hash; /* of identifier and group */
    int64_t until;
};
struct gids {
    struct gid v[FAN_GIDS];
    size_t at;
};

static uint64_t gid_hash(struct span gid, int64_t group)
{
    uint64_t h = 0xcbf29ce484222325ULL ^ (uint64_t)group * 0x9e3779b97f4a7c15ULL;
    for (size_t i = 0; i < gid.n; i++)
        h = (h ^ gid.p[i]) * 0x100000001b3ULL;
    return h;
}

/* add: false only looks. True: it was here before. */
static bool gid_seen(struct run *r, struct span gid, bool add)
{
    struct cse *c = r->c;
    uint64_t h = gid_hash(gid, r->target.rid);
    bool seen = false;
    while (atomic_flag_test_and_set_explicit(&c->gids_lock, memory_order_acquire)) {
    }
    if (!c->gids && add)
        c->gids = calloc(1, sizeof *c->gids);
    for (size_t i = 0; c->gids && i < FAN_GIDS && !seen; i++)
        seen = c->gids->v[i].hash == h && c->gids->v[i].until > r->now;
    if (add && c->gids && !seen)
        c->gids->v[c->gids->at++ % FAN_GIDS] = (struct gid){h, r->now + FAN_GID_MS};
    atomic_flag_clear_explicit(&c->gids_lock, memory_order_release);
    return seen;
}

void fan_free(struct cse *c)
{
    free(c->gids);
}

/* ---- which members ----------------------------------------------------------------------------------- */

static bool listed(struct span list, struct run *r, struct span id)
{
    for (struct span w = prim_word(&list); w.n; w = prim_word(&list))
        if (span_eq(w, id) || fan_same(r, w, id))
            return true;
    return false;
}

bool fan_same(struct run *r, struct span x, struct span y)
{
    struct addr a, b;
    struct found f, g;
    const char *why;
    const struct cse_conf *conf = &r->c->conf;
    if (addr_parse(x, &conf->self, &conf->sw, &a, &why) != OK || addr_parse(y, &conf->self, &conf->sw, &b, &why) != OK)
        return false;
    if (a.where != b.where || !span_eq(a.csi, b.csi))
        return false;
    if (span_eq(a.path, b.path))
        return true;
    if (a.where != ADDR_HERE || find_addr(r, &a, &f) != OK || find_addr(r, &b, &g) != OK)
        return false;
    return f.virt == g.virt && f.row.rid == g.row.rid;
}

static bool is_member(struct run *r, const struct jval *mid, struct span id)
{
    for (const struct jval *v = mid->child; v; v = v->next)
        if (fan_same(r, name_text(v, r->a), id))
            return true;
    return false;
}

static enum says check_members(struct run *r, const struct jval *mid)
{
    struct span grtm = prim_text(r->q, PA_grtm);
    size_t n = 0;
    if (!mid || mid->type != J_ARR || mid->n == 0)
        return refuse(r, RSC_NO_MEMBERS, SPAN("mid"), "the group has no members (TS-0004 7.4.14.2.2)");
    for (struct span w = prim_word(&grtm); w.n; w = prim_word(&grtm)) {
        if (++n > mid->n || !is_member(r, mid, w))
            return refuse(r, RSC_BAD_REQUEST, SPAN("grtm"), "names a resource that is no member (TS-0004 7.4.14.2.2)");
    }
    return MORE;
}

static struct span address(struct run *r, struct span id, struct arena *a)
{
    struct text t;
    if (!r->rest.n)
        return arena_dup(a, id);
    text_init(&t, a);
    buf_put(&t.b, id);
    buf_c(&t.b, '/');
    buf_put(&t.b, r->rest);
    return buf_span(&t.b);
}

static enum err take_members(struct fan *f, const struct jval *mid)
{
    struct run *r = f->r;
    struct span grtm = prim_text(r->q, PA_grtm);
    f->v = ARENA_ARRAY(&f->a, struct target, mid->n);
    for (const struct jval *v = mid->child; f->v && v; v = v->next) {
        struct span id = arena_dup(&f->a, name_text(v, r->a));
        if (!grtm.n || listed(grtm, r, id))
            f->v[f->n++] = (struct target){id, address(r, id, &f->a), f};
    }
    return arena_ok(&f->a) ? OK : ERR_NOMEM;
}

/* ---- what their requests say ------------------------------------------------------------------------- */

static struct span keep(struct fan *f, struct span s)
{
    return arena_dup(&f->a, s);
}

static void keep_args(struct fan *f, const struct prim *q)
{
    struct arg **end = &f->q.args;
    for (const struct arg *p = q->args; p; p = p->next) {
        struct arg *mine = ARENA_NEW(&f->a, struct arg);
        if (!mine)
            return;
        *mine = *p;
        mine->next = NULL;
        mine->value = keep(f, p->value);
        *end = mine;
        end = &mine->next;
    }
}

static void keep_assoc(struct fan *f, const struct assoc *as)
{
    struct span *ids = ARENA_ARRAY(&f->a, struct span, as->n_ids);
    f->q.assoc = *as;
    f->q.assoc.ids = ids;
    for (size_t i = 0; ids && i < as->n_ids; i++)
        ids[i] = keep(f, as->ids[i]);
}

/* Times were relative to the arrival of the request. */
static void keep_time(struct fan *f, enum param id, int64_t ms)
{
    if (ms)
        prim_set(&f->q, id, name_time(ms, &f->a));
}

/* A new identifier where groups are nested: what comes back by it goes in circles. */
static bool is_nested(const struct fan *f, const struct run *r)
{
    bool deep = span_ends(r->rest, SPAN("fopt")) || span_starts(r->rest, SPAN("fopt/"));
    for (size_t i = 0; i < f->n && !deep; i++)
        deep = span_ends(f->v[i].id, SPAN("/fopt"));
    return deep;
}

static void set_gid(struct fan *f, struct run *r)
{
    struct span gid = prim_text(r->q, PA_gid);
    struct text t;
    uint8_t salt[12];
    if (!gid.n && is_nested(f, r)) {
        r->c->w.entropy(r->c->w.ctx, salt, sizeof salt);
        text_init(&t, &f->a);
        buf_put(&t.b, r->c->conf.self.csi);
        buf_c(&t.b, '-');
        for (size_t i = 0; i < sizeof salt; i++)
            buf_fmt(&t.b, "%02x", salt[i]);
        gid = buf_span(&t.b);
    }
    if (!gid.n)
        return;
    (void)gid_seen(r, gid, true);
    prim_set(&f->q, PA_gid, keep(f, gid));
    if (!r->q->rqet && !r->q->rset) /* however long the chain of groups is, it ends with this one's time */
        keep_time(f, PA_rqet, fan_deadline(r));
}

static enum err keep_request(struct fan *f)
{
    static const enum param same[] = {PA_fr,   PA_rvi,  PA_ty,    PA_rcn,  PA_drt, PA_ec,  PA_da, PA_rids,
                                      PA_tkns, PA_tids, PA_ltids, PA_atrl, PA_vsi, PA_msu, PA_sqi};
    struct run *r = f->r;
    f->q.op = r->q->op;
    for (size_t i = 0; i < LEN(same); i++)
        if (prim_has(r->q, same[i]))
            prim_set(&f->q, same[i], keep(f, prim_text(r->q, same[i])));
    keep_time(f, PA_rqet, r->q->rqet);
    keep_time(f, PA_rset, r->q->rset);
    keep_args(f, r->q);
    keep_assoc(f, &r->q->assoc);
    TRY(fan_content(r, &f->a, &f->q.pc));
    f->q.ser = f->q.pc.n ? SER_JSON : SER_NONE;
    set_gid(f, r);
    return arena_ok(&f->a) ? OK : ERR_NOMEM;
}

/* ---- sending ----------------------------------------------------------------------------------------- */

static void came(struct errand *e);

static bool send(struct fan *f, struct target *m)
{
    struct errand *e = errand_new(f->c, NULL, f->loop, f->q.op, m->to);
    if (!e)
        return false;
    for (unsigned id = 1; id < PA__N; id++)
        if (prim_has(&f->q, (enum param)id))
            prim_set(&e->q, (enum param)id, prim_text(&f->q, (enum param)id));
    e->q.args = f->q.args;
    e->q.assoc = f->q.assoc;
    e->x.self = f->self;
    if (f->q.pc.n) /* its own: sealing overwrites what it has read */
        errand_content(e, arena_dup(&e->a, f->q.pc));
    e->over = came;
    e->ctx = m;
    f->flying++;
    errand_go(e);
    return true;
}

static void send_some(struct fan *f)
{
    while (f->r && f->at < f->n && f->flying < FAN_WINDOW && send(f, &f->v[f->at]))
        f->at++;
}

/* ---- answers ----------------------------------------------------------------------------------------- */

/* One m2m:rsp of the aggregated answer. */
static void put_answer(struct fan *f, struct span member, const struct prim *rsp)
{
    struct text *t = &f->out;
    struct jw w = jw_over(&t->b);
    bool room = t->b.n + rsp->pc.n < FAN_TEXT_MAX;
    if (f->answered++)
        buf_c(&t->b, ',');
    jw_obj(&w);
    JW_U64(&w, "rsc", rsp->rsc);
    JW_STR(&w, "rqi", prim_text(f->r->q, PA_rqi));
    JW_STR(&w, "fr", member);
    if (prim_has(&f->q, PA_rvi))
        JW_STR(&w, "rvi", prim_text(&f->q, PA_rvi));
    if (prim_has(rsp, PA_cnst) && prim_has(rsp, PA_cnot) && room)
        buf_fmt(&t->b, ",\"cnst\":%.*s,\"cnot\":%.*s", SPAN_FMT(prim_text(rsp, PA_cnst)),
                SPAN_FMT(prim_text(rsp, PA_cnot)));
    if (rsp->pc.n && rsp->ser == SER_JSON && room) {
        JW_NAME(&w, "pc");
        jw_raw(&w, rsp->pc);
    }
    jw_end_obj(&w);
}

/* A member that answered DELETED leaves the group, unless it is a virtual resource or only something below it went. */
static void note_gone(struct fan *f, struct span member, const struct prim *rsp)
{
    static const char *const kept[] = {"/la", "/ol", "/fopt"};
    if (f->q.op != OP_DELETE || rsp->rsc != RSC_DELETED || f->r->rest.n)
        return;
    for (size_t i = 0; i < LEN(kept); i++)
        if (span_ends(member, span_str(kept[i])))
            return;
    if (f->gone.b.n)
        buf_c(&f->gone.b, ',');
    buf_put(&f->gone.b, name_json(member, &f->a));
}

static void fan_end(struct fan *f)
{
    if (f->r || f->flying)
        return;
    if (f->q.pc.n)
        wipe((void *)(uintptr_t)f->q.pc.p, f->q.pc.n); /* content that the members have sealed */
    arena_reset(&f->a);
    free(f);
}

/* An entity that cannot be reached has not answered (TS-0004 7.4.14.2.1): its code tells, but nobody spoke. */
static bool spoke(const struct prim *rsp)
{
    return rsp->rsc != RSC_TARGET_NOT_REACHABLE && rsp->rsc != RSC_REQUEST_TIMEOUT;
}

static struct span so_far(struct fan *f, struct arena *a)
{
    struct text t;
    text_init(&t, a);
    buf_str(&t.b, "{\"m2m:agr\":{\"m2m:rsp\":[");
    buf_put(&t.b, buf_span(&f->out.b));
    buf_str(&t.b, "]}}");
    return f->out.b.e == OK && t.b.e == OK ? buf_span(&t.b) : SPAN_NONE;
}

/* Who asked for the result by a request resource sees the answers that are there, about once a second. */
static void tell_part(struct fan *f)
{
    int64_t now = f->c->w.now(f->c->w.ctx);
    if (!f->r || !f->flying || !f->r->x->request || now - f->told_at < FAN_PART_MS || f->out.b.n > FAN_PART_MAX)
        return;
    struct span pc = so_far(f, &f->a);
    f->told_at = now;
    if (pc.n)
        request_partial(f->r, pc);
}

static void came(struct errand *e)
{
    struct target *m = e->ctx;
    struct fan *f = m->of;
    f->flying--;
    if (f->r) {
        put_answer(f, m->id, e->x.rsp);
        f->spoken += spoke(e->x.rsp);
        note_gone(f, m->id, e->x.rsp);
    }
    errand_free(e);
    send_some(f);
    tell_part(f);
    if (f->r && !f->flying)
        finish(f);
    fan_end(f);
}

static void reply(struct fan *f)
{
    struct run *r = f->r;
    struct span pc = so_far(f, r->a);
    f->r = NULL;
    timer_stop(f->c, &f->timer);
    if (!pc.n)
        oops(r, ERR_NOMEM);
    else if (!f->spoken)
        refuse(r, RSC_GROUP_MEMBERS_NOT_RESPONDED, SPAN("to"), "no member answered in time (TS-0004 7.4.14.2.1)");
    else
        view_answer(r, RSC_OK, pc);
    run_answer(r);
}

static void left(struct errand *e)
{
    struct fan *f = e->ctx;
    f->flying--;
    errand_free(e);
    if (f->r)
        reply(f);
    fan_end(f);
}

/* The members that were deleted leave mid before the answer tells of it. */
static bool take_out(struct fan *f)
{
    struct text to, pc;
    struct errand *e = f->gone.b.n ? errand_new(f->c, NULL, f->loop, OP_UPDATE, SPAN("-")) : NULL;
    if (!e)
        return false;
    text_init(&to, &e->a);
    text_init(&pc, &e->a);
    name_put_ri(&to.b, &f->group);
    buf_str(&pc.b, "{\"m2m:grp\":{\"mid\":[");
    buf_put(&pc.b, buf_span(&f->gone.b));
    buf_str(&pc.b, "]}}");
    prim_set(&e->q, PA_to, buf_span(&to.b));
    prim_set(&e->q, PA_vsi, GROUP_GONE);
    errand_content(e, buf_span(&pc.b));
    e->over = left;
    e->ctx = f;
    f->gone.b.n = 0;
    f->flying++;
    errand_go(e);
    return true;
}

static void finish(struct fan *f)
{
    f->at = f->n;
    if (!take_out(f))
        reply(f);
}

static void time_is_over(struct timer *t)
{
    struct fan *f = (struct fan *)(void *)((char *)t - offsetof(struct fan, timer));
    if (f->r)
        reply(f);
    fan_end(f);
}

/* ---- the virtual resource ---------------------------------------------------------------------------- */

static enum says start(struct run *r, const struct jval *mid)
{
    struct fan *f = calloc(1, sizeof *f);
    if (!f)
        return oops(r, ERR_NOMEM);
    heap_arena(&f->a, FAN_BLOCK, FAN_MEM);
    f->c = r->c;
    f->r = r;
    f->loop = r->x->loop;
    f->self = r->x->self;
    f->group = (struct row){.rid = r->target.rid, .ty = r->target.ty};
    text_init(&f->out, r->a);
    text_init(&f->gone, &f->a);
    enum err e = take_members(f, mid);
    if (e == OK)
        e = keep_request(f);
    if (r->c->hook.before && before_is_reading(r->q))
        wipe((void *)(uintptr_t)r->q->pc.p, r->q->pc.n); /* as sealing would: nothing echoes it */
    if (e == OK)
        send_some(f);
    if (e != OK || !f->flying) {
        f->r = NULL;
        fan_end(f);
        return oops(r, e == OK ? ERR_NOMEM : e);
    }
    timer_set(f->c, &f->timer, f->loop, fan_deadline(r), time_is_over);
    return WAIT;
}

/* As long as the request allows, less what the answer needs to get there; else as long as two entities get, one behind
 * the other. */
int64_t fan_deadline(const struct run *r)
{
    int64_t until = r->q->rset && (!r->q->rqet || r->q->rset < r->q->rqet) ? r->q->rset : r->q->rqet;
    if (!until)
        return r->now + 2 * (r->c->conf.remote_ms ? r->c->conf.remote_ms : REMOTE_MS);
    int64_t left = until - r->now;
    return until - (left < 2000 ? left / 10 : 200);
}

static enum says check_child(struct run *r, const struct attrs *at)
{
    uint64_t mt = 0;
    const struct jval *j = attrs_get(at, AT_mt);
    if (r->q->op != OP_CREATE || r->rest.n || !j || json_u64(j, UINT32_MAX, &mt) != OK || !mt ||
        !type_of((unsigned)mt) || (type_of((unsigned)mt)->flags & TF_VIRTUAL))
        return MORE;
    if (!type_child((unsigned)mt, r->q->ty))
        return refuse(r, RSC_INVALID_CHILD_RESOURCE_TYPE, SPAN("ty"),
                      "no member may have a child of this type (TS-0004 7.4.14.2.2)");
    return MORE;
}

static enum says judge(struct run *r)
{
    bool yes;
    struct attrs at;
    struct span gid = prim_text(r->q, PA_gid);
    if (gid.n && gid_seen(r, gid, false))
        return refuse(r, RSC_GROUP_REQUEST_IDENTIFIER_EXISTS, SPAN("gid"),
                      "the group had this request before (TS-0004 7.3.2.9)");
    STEP_TRY(r, rights_fan(r, &r->target, op_acop(r->q->op), r->q->ty, &yes));
    enum says say = yes ? MORE : consult_start(r);
    if (say != MORE)
        return say;
    if (!yes)
        return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                      "neither macp nor, without it, acpi of the group permits this (TS-0004 7.4.14.2.2)");
    STEP_TRY(r, name_attrs(&r->target, r->a, &at));
    say = check_members(r, attrs_get(&at, AT_mid));
    if (say == MORE)
        say = check_child(r, &at);
    return say == MORE ? start(r, attrs_get(&at, AT_mid)) : say;
}

static enum says virt(struct run *r)
{
    return fan_is_notice(r) ? fan_notice(r) : judge(r);
}

const struct type_hook hook_fopt = {.virt = virt};
