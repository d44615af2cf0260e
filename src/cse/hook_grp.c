/* hook_grp.c - a group's members (TS-0004 7.4.13.2): how many, each once, each of the type that was promised.
 *
 * Each member is looked at on the loop thread before the writer has the request, PAGE of them a turn, those of other
 * CSEs by RETRIEVE with the originator's rights. What was found lies in r->roster; the check uses it on the writer
 * again. */
#include "cse/errand.h"
#include "cse/group.h"
#include "cse/prelude.h"

enum look { NOT_YET, SEEN, NOT_THERE, DENIED, AWAY };

struct seat {
    struct span text; /* as sent */
    const struct jval *v;
    int64_t rid;  /* of a resource here; 0: elsewhere or none */
    uint32_t ty;  /* memberType that it counts as */
    uint8_t look; /* enum look */
    struct span cnd;
    uint64_t mgd;
    struct roster *of;
};

struct roster {
    struct run *r;
    struct seat *v;
    size_t n, at; /* looked at, or being asked, so far */
    unsigned waits;
    bool typed; /* mt is not mixed: members elsewhere are asked */
    bool going; /* inside of the prelude: an answer does not start the next turn */
};

static uint64_t number_of(const struct attrs *at, enum attr id, uint64_t otherwise)
{
    uint64_t v;
    const struct jval *j = attrs_get(at, id);
    return j && json_u64(j, UINT32_MAX, &v) == OK ? v : otherwise;
}

/* ---- looking ----------------------------------------------------------------------------------------- */

static struct roster *roster_of(struct run *r, const struct jval *mid)
{
    struct roster *o = ARENA_NEW(r->a, struct roster);
    struct seat *s = ARENA_ARRAY(r->a, struct seat, mid->n);
    if (!o || !s)
        return NULL;
    *o = (struct roster){.r = r, .v = s, .typed = number_of(r->q->op == OP_CREATE ? &r->in : &r->old, AT_mt, 0) != 0};
    for (const struct jval *v = mid->child; v; v = v->next)
        s[o->n++] = (struct seat){.text = name_text(v, r->a), .v = v, .of = o};
    return o;
}

/* What a representation says about the type of a member: m2m:memberType and specializationType. */
static void read_member(struct seat *s, const struct jval *object, struct arena *a, bool subgroup)
{
    uint64_t ty;
    if (json_u64(json_get(object, subgroup ? SPAN("mt") : SPAN("ty")), UINT32_MAX, &ty) == OK)
        s->ty = (uint32_t)ty;
    s->cnd = name_text(JSON_GET(object, "cnd"), a);
    if (json_u64(JSON_GET(object, "mgd"), UINT32_MAX, &s->mgd) != OK)
        s->mgd = 0;
    s->look = SEEN;
}

/* A virtual resource here counts by its kind, a fan-out point by the type of its group's members. */
static enum err look_here(struct run *r, struct seat *s, const struct addr *at)
{
    struct found f;
    const struct jval *body;
    bool yes;
    enum err e = find_addr(r, at, &f);
    const struct row *row = f.virt && f.holder.rid ? &f.holder : &f.row;
    if (e == ERR_NOTFOUND && f.virt && f.holder.rid)
        e = OK; /* la of an empty container */
    s->look = NOT_THERE;
    if (e == ERR_NOTFOUND)
        return OK;
    TRY(e);
    TRY(rights_ask(r, &r->q->from, row, ACOP_RETRIEVE, 0, &yes));
    s->look = DENIED;
    if (!yes)
        return OK;
    TRY(name_parse(row->body, r->a, &body));
    read_member(s, body, r->a, f.virt && f.virt->number == TY_FOPT);
    s->rid = row->rid;
    if (f.virt && f.virt->number != TY_FOPT)
        s->ty = f.virt->number;
    return OK;
}

static void came(struct errand *e)
{
    struct seat *s = e->ctx;
    struct roster *o = s->of;
    struct jval *doc;
    const struct prim *rsp = e->x.rsp;
    s->look = rsp->rsc == RSC_NOT_FOUND ? NOT_THERE : rsp->rsc == RSC_ORIGINATOR_HAS_NO_PRIVILEGE ? DENIED : AWAY;
    if (rsp->rsc == RSC_OK && json_parse(arena_dup(o->r->a, rsp->pc), o->r->a, &doc, NULL) == OK && doc->child) {
        uint32_t virt = s->ty;
        read_member(s, doc->child, o->r->a, virt == TY_FOPT);
        if (virt && virt != TY_FOPT)
            s->ty = virt;
    }
    errand_free(e);
    o->waits--;
    if (!o->going)
        run_again(o->r);
}

/* The last segment of a member elsewhere that names a virtual resource: its parent is asked. */
static struct span without_virtual(struct span text, uint32_t *ty)
{
    static const struct {
        const char *tail;
        uint32_t ty;
    } rows[] = {{"/la", TY_LA}, {"/ol", TY_OL}, {"/fopt", TY_FOPT}};
    for (size_t i = 0; i < LEN(rows); i++)
        if (span_ends(text, span_str(rows[i].tail))) {
            *ty = rows[i].ty;
            return span_first(text, text.n - span_str(rows[i].tail).n);
        }
    return text;
}

static enum err look_away(struct run *r, struct seat *s)
{
    struct errand *e = errand_new(r->c, r, r->x->loop, OP_RETRIEVE, without_virtual(s->text, &s->ty));
    if (!e)
        return ERR_NOMEM;
    e->ctx = s;
    e->over = came;
    s->of->waits++;
    errand_go(e);
    return OK;
}

static enum err look(struct run *r, struct seat *s)
{
    struct addr at;
    const char *why;
    if (addr_parse(s->text, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK) {
        s->look = NOT_THERE;
        return OK;
    }
    if (!find_away(r, &at))
        return look_here(r, s, &at);
    s->look = AWAY;
    return s->of->typed ? look_away(r, s) : OK;
}

static void again(void *arg)
{
    run_again(arg);
}

bool group_wanted(struct run *r)
{
    bool it = r->q->op == OP_CREATE ? r->q->ty == TY_GRP : r->target.ty == TY_GRP;
    const struct jval *mid = it ? JSON_GET(r->q->content, "mid") : NULL;
    return mid && mid->type == J_ARR && mid->n > 0;
}

/* Called again each turn until nothing is left. */
enum says group_start(struct run *r)
{
    enum err e = OK;
    size_t end;
    if (!r->roster && !(r->roster = roster_of(r, JSON_GET(r->q->content, "mid"))))
        return oops(r, ERR_NOMEM);
    struct roster *o = r->roster;
    o->going = true;
    for (end = o->at + PAGE; o->at < o->n && o->at < end && o->waits < GROUP_WINDOW && e == OK; o->at++)
        e = look(r, &o->v[o->at]);
    o->going = false;
    if (o->waits > 0) {
        if (e != OK)
            o->at = o->n; /* those that were asked must come back first */
        return WAIT;
    }
    STEP_TRY(r, e);
    if (o->at == o->n)
        return MORE;
    r->c->w.later(r->c->w.ctx, r->x->loop, again, r);
    return WAIT;
}

/* ---- judging ----------------------------------------------------------------------------------------- */

static bool same_special(const struct jval *spty, const struct seat *s)
{
    uint64_t mgd;
    const struct jval *cnd = JSON_GET(spty, "cnd");
    if (cnd)
        return json_is(cnd, s->cnd);
    return json_u64(JSON_GET(spty, "mgd"), UINT32_MAX, &mgd) == OK && mgd == s->mgd;
}

/* The same resource, whatever form its identifier has; elsewhere by the text. */
static bool same_seat(const struct seat *x, const struct seat *y)
{
    return x->rid && y->rid ? x->rid == y->rid && x->ty == y->ty : span_eq(x->text, y->text);
}

static uint64_t hash_of(const struct seat *s)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    if (s->rid)
        return ((uint64_t)s->rid * 31 + s->ty) * 0x9e3779b97f4a7c15ULL;
    for (size_t i = 0; i < s->text.n; i++)
        h = (h ^ s->text.p[i]) * 0x100000001b3ULL;
    return h;
}

/* Members that an earlier one names already lose their text. */
static enum err drop_doubles(struct run *r, struct roster *o)
{
    size_t cap = 8;
    while (cap < o->n * 2)
        cap *= 2;
    struct seat **table = ARENA_ARRAY(r->a, struct seat *, cap);
    if (!table)
        return ERR_NOMEM;
    for (size_t i = 0; i < o->n; i++) {
        size_t k = (size_t)(hash_of(&o->v[i]) >> 20) & (cap - 1);
        while (table[k] && !same_seat(table[k], &o->v[i]))
            k = (k + 1) & (cap - 1);
        if (table[k])
            o->v[i].text = SPAN_NONE;
        else
            table[k] = &o->v[i];
    }
    return OK;
}

/* What the group becomes. */
struct judged {
    uint64_t mt, csy;
    const struct jval *spty;
    bool unsure; /* a member could not be reached */
};

static enum says judge_one(struct run *r, struct seat *s, struct judged *j)
{
    if (!j->mt || !s->text.n)
        return MORE;
    if (s->look == DENIED)
        return refuse(r, RSC_RECEIVER_HAS_NO_PRIVILEGE, SPAN("mid"),
                      "the type of a member cannot be read: no right to RETRIEVE it (TS-0004 7.4.13.2.1)");
    if (s->look == AWAY) {
        j->unsure = true;
        return MORE;
    }
    if (s->look == SEEN && s->ty == j->mt && (!j->spty || same_special(j->spty, s)))
        return MORE;
    if (j->csy == 2)
        return refuse(r, RSC_GROUP_MEMBER_TYPE_INCONSISTENT, SPAN("mid"),
                      "a member is not of the type mt, and csy is ABANDON_GROUP (TS-0004 7.4.13.2.1)");
    if (j->csy == 3) {
        j->mt = 0;
        j->unsure = false;
    } else {
        s->text = SPAN_NONE;
    }
    return MORE;
}

/* ---- what the CSE writes ----------------------------------------------------------------------------- */

static enum err give(struct run *r, enum attr id, struct span json)
{
    struct jval *v;
    TRY(json_parse(arena_dup(r->a, json), r->a, &v, NULL));
    attrs_set(&r->in, id, v);
    return OK;
}

static enum err give_number(struct run *r, enum attr id, uint64_t n)
{
    uint8_t p[20];
    struct buf b = BUF_ARRAY(p);
    buf_u64(&b, n);
    return give(r, id, buf_span(&b));
}

static enum err give_members(struct run *r, const struct roster *o)
{
    struct text t;
    size_t n = 0;
    text_init(&t, r->a);
    buf_c(&t.b, '[');
    for (size_t i = 0; i < o->n; i++) {
        if (!o->v[i].text.n)
            continue;
        if (n++)
            buf_c(&t.b, ',');
        buf_put(&t.b, o->v[i].v->raw);
    }
    buf_c(&t.b, ']');
    TRY(t.b.e);
    if (n < o->n)
        TRY(give(r, AT_mid, buf_span(&t.b)));
    return give_number(r, AT_cnm, n);
}

/* mtv is there unless mt is mixed. */
static enum err give_type(struct run *r, const struct judged *j, uint64_t mt_before, bool update)
{
    if (j->mt != mt_before || !update)
        TRY(give_number(r, AT_mt, j->mt));
    if (j->mt)
        return give(r, AT_mtv, j->unsure ? SPAN("false") : SPAN("true"));
    return update && mt_before ? give(r, AT_mtv, SPAN("null")) : OK;
}

/* r->in.mid against what was seen. Without a roster (the loop's first look): counts only. */
static enum says settle(struct run *r, struct judged *j, bool update)
{
    uint64_t before = j->mt;
    struct roster *o = r->roster;
    if (!o) {
        const struct jval *mid = attrs_get(&r->in, AT_mid);
        STEP_TRY(r, give_number(r, AT_cnm, mid ? mid->n : 0));
        STEP_TRY(r, give_type(r, j, before, update));
        return MORE;
    }
    STEP_TRY(r, drop_doubles(r, o));
    for (size_t i = 0; i < o->n; i++) {
        enum says say = judge_one(r, &o->v[i], j);
        if (say != MORE)
            return say;
    }
    STEP_TRY(r, give_members(r, o));
    STEP_TRY(r, give_type(r, j, before, update));
    return MORE;
}

static enum says too_many(struct run *r, struct span attr)
{
    return refuse(r, RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED, attr, "more members than mnm allows (TS-0004 7.4.13.2.1)");
}

static enum says check_grp(struct run *r)
{
    const struct jval *mid = attrs_get(&r->in, AT_mid);
    struct judged j = {number_of(&r->in, AT_mt, 0), number_of(&r->in, AT_csy, 1), attrs_get(&r->in, AT_spty), false};
    if (mid->n > number_of(&r->in, AT_mnm, 0))
        return too_many(r, SPAN("mid"));
    if (!attrs_get(&r->in, AT_csy))
        STEP_TRY(r, give_number(r, AT_csy, 1));
    return settle(r, &j, false);
}

/* The list of a request of our own (GROUP_GONE) holds those that go. */
static enum says take_out(struct run *r)
{
    struct text t;
    size_t n = 0;
    const struct jval *mid = attrs_get(&r->in, AT_mid), *old = attrs_get(&r->old, AT_mid);
    text_init(&t, r->a);
    buf_c(&t.b, '[');
    for (const struct jval *v = old ? old->child : NULL; v; v = v->next) {
        const struct jval *g = mid->child;
        while (g && !span_eq(g->raw, v->raw))
            g = g->next;
        if (g)
            continue;
        if (n++)
            buf_c(&t.b, ',');
        buf_put(&t.b, v->raw);
    }
    buf_c(&t.b, ']');
    STEP_TRY(r, t.b.e);
    STEP_TRY(r, give(r, AT_mid, buf_span(&t.b)));
    STEP_TRY(r, give_number(r, AT_cnm, n));
    return MORE;
}

static bool of_our_own(const struct run *r, struct span what)
{
    return r->x->self && span_eq(prim_text(r->q, PA_vsi), what);
}

static enum says check_change(struct run *r)
{
    const struct jval *mid = attrs_get(&r->in, AT_mid);
    struct judged j = {number_of(&r->old, AT_mt, 0), number_of(&r->old, AT_csy, 1), attrs_get(&r->old, AT_spty), false};
    uint64_t mnm = number_of(&r->in, AT_mnm, number_of(&r->old, AT_mnm, 0));
    if (mid && of_our_own(r, GROUP_GONE))
        return take_out(r);
    if ((mid ? mid->n : number_of(&r->old, AT_cnm, 0)) > mnm)
        return too_many(r, mid ? SPAN("mid") : SPAN("mnm"));
    enum says say = mid ? settle(r, &j, true) : MORE;
    if (say == MORE && r->roster && j.unsure && of_our_own(r, GROUP_AGAIN))
        return refuse(r, RSC_TARGET_NOT_REACHABLE, SPAN("mid"), "a member is still out of reach"); /* nothing new */
    return say;
}

static enum says after_grp(struct run *r)
{
    struct attrs at;
    bool sure = true;
    STEP_TRY(r, name_attrs(&r->out, r->a, &at));
    const struct jval *mtv = attrs_get(&at, AT_mtv);
    if (mtv && json_bool(mtv, &sure) == OK && !sure)
        STEP_TRY(r, group_unsure(r, &r->out));
    return MORE;
}

const struct type_hook hook_grp = {.check = check_grp, .check_update = check_change, .after = after_grp};
