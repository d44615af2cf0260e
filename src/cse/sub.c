/* sub.c - subscriptions, parsed: eventNotificationCriteria (TS-0001 table 9.6.8-3) and how their notices leave. The
 * writer keeps what it parsed; as with other attributes the text is compared, so nothing has to be told of changes. */
#include "cse/sub.h"

#include <stdlib.h>

#include "base/m2mtime.h"
#include "host/heap.h"

/* ---- conditions ------------------------------------------------------------------------------------ */

/* On the subscribed-to resource: "since" and "bigger" are strict here, sizeAbove is not (switch 7). */
static const struct bound {
    const char *name;
    enum { OF_CT, OF_LT, OF_ET, OF_ST, OF_SIZE } of;
    enum { BELOW, ABOVE, AT_LEAST } how;
} bounds[SUB_LIMITS] = {
    {"crb", OF_CT, BELOW},   {"cra", OF_CT, ABOVE},      {"ms", OF_LT, ABOVE},  {"us", OF_LT, BELOW},
    {"exb", OF_ET, BELOW},   {"exa", OF_ET, ABOVE},      {"sts", OF_ST, BELOW}, {"stb", OF_ST, ABOVE},
    {"szb", OF_SIZE, BELOW}, {"sza", OF_SIZE, AT_LEAST},
};

static int64_t value_of(const struct row *r, const struct bound *b)
{
    const int64_t of[] = {[OF_CT] = r->ct,
                          [OF_LT] = r->lt,
                          [OF_ET] = r->et,
                          [OF_ST] = r->st,
                          [OF_SIZE] = r->ty == TY_CIN ? r->cs : r->cbs};
    return of[b->of];
}

static void read_limits(const struct jval *enc, struct arena *a, struct sub *s)
{
    uint64_t fo = 1;
    for (uint8_t i = 0; i < SUB_LIMITS; i++) {
        int64_t limit;
        const struct jval *v = json_get(enc, span_str(bounds[i].name));
        bool time = bounds[i].of <= OF_ET;
        if (!v || (time ? m2mtime_get(name_text(v, a), &limit) : json_i64(v, &limit)) != OK)
            continue;
        s->limits[s->nlimits].which = i;
        s->limits[s->nlimits++].limit = limit;
    }
    const struct jval *j = JSON_GET(enc, "fo");
    s->fo = j && json_u64(j, 3, &fo) == OK ? (uint8_t)fo : 1;
}

static bool within_limits(const struct sub *s, const struct row *row)
{
    unsigned met = 0;
    for (unsigned i = 0; i < s->nlimits; i++) {
        const struct bound *b = &bounds[s->limits[i].which];
        int64_t has = value_of(row, b), limit = s->limits[i].limit;
        met += b->how == BELOW ? has < limit : b->how == ABOVE ? has > limit : has >= limit;
    }
    return !s->nlimits || (s->fo == 2 ? met > 0 : s->fo == 3 ? met % 2 == 1 : met == s->nlimits);
}

/* ---- operation monitors ------------------------------------------------------------------------------ */

enum { ACOP_ALL = ACOP_CREATE | ACOP_RETRIEVE | ACOP_UPDATE | ACOP_DELETE | ACOP_NOTIFY | ACOP_DISCOVERY };

static enum err read_monitors(const struct cse *c, const struct jval *om, struct arena *a, struct sub *s)
{
    if (!om || om->type != J_ARR)
        return OK;
    struct monitor *v = ARENA_ARRAY(a, struct monitor, om->n);
    if (!v)
        return ERR_NOMEM;
    s->om = v;
    for (const struct jval *e = om->child; e; e = e->next, v++) {
        uint64_t ops = 0;
        const struct jval *jops = JSON_GET(e, "ops"), * or = JSON_GET(e, "or"), *org = JSON_GET(e, "org");
        v->ops = !jops ? ACOP_ALL : json_u64(jops, UINT32_MAX, &ops) == OK ? check_sub_ops(&c->conf.sw, ops) : 0;
        v->org = ! or &&org;
        v->who = name_text(v->org ? org : or, a);
        s->nom++;
    }
    return OK;
}

static bool is_he(struct run *r, struct span who)
{
    struct id id = id_parse(who, &r->c->conf.self);
    return id_same(&id, &r->q->from) || span_eq(who, prim_text(r->q, PA_fr));
}

static const struct monitor *monitor_of(struct run *r, const struct sub *s, unsigned op)
{
    for (size_t i = 0; i < s->nom && op; i++)
        if (s->om[i].ops & op && (!s->om[i].who.n || is_he(r, s->om[i].who)))
            return &s->om[i];
    return NULL;
}

/* ---- does it hear? ----------------------------------------------------------------------------------- */

static bool any_changed(const struct sub *s, const struct event *e)
{
    for (size_t i = 0; i < s->atr.n; i++)
        if (attr_set_named(e->changed, s->atr.v[i]))
            return true;
    return false;
}

static bool child_type(const struct sub *s, uint32_t ty)
{
    bool hit = !s->chty.n;
    for (size_t i = 0; i < s->chty.n && !hit; i++)
        hit = s->chty.v[i] == ty;
    return hit;
}

bool sub_hears(struct run *r, const struct sub *s, const struct event *e, const struct monitor **om)
{
    *om = NULL;
    if (s->nom) {
        *om = monitor_of(r, s, e->op);
        return *om && within_limits(s, e->target);
    }
    if (!(s->nets >> e->net & 1) || e->net == NET_NONE)
        return false;
    if ((e->net == NET_CREATE_CHILD || e->net == NET_DELETE_CHILD) && !child_type(s, e->subject->ty))
        return false;
    if (s->atr.n && (e->net == NET_UPDATE || e->net == NET_BLOCKING) && !any_changed(s, e))
        return false;
    return within_limits(s, e->target);
}

bool sub_hears_reads(const struct sub *s)
{
    bool any = s->nets >> NET_RETRIEVE_NONE & 1;
    for (size_t i = 0; i < s->nom && !any; i++)
        any = s->om[i].ops & (ACOP_RETRIEVE | ACOP_DISCOVERY | ACOP_NOTIFY);
    return any;
}

/* ---- parsing ----------------------------------------------------------------------------------------- */

static struct strings texts(const struct jval *list, struct arena *a)
{
    struct strings out = {0};
    struct span *v = list && list->type == J_ARR && list->n ? ARENA_ARRAY(a, struct span, list->n) : NULL;
    for (const struct jval *e = v ? list->child : NULL; e; e = e->next)
        v[out.n++] = name_text(e, a);
    out.v = v;
    return out;
}

static struct numbers numbers(const struct jval *list, struct arena *a)
{
    struct numbers out = {0};
    uint64_t n;
    uint32_t *v = list && list->type == J_ARR && list->n ? ARENA_ARRAY(a, uint32_t, list->n) : NULL;
    for (const struct jval *e = v ? list->child : NULL; e; e = e->next)
        if (json_u64(e, UINT32_MAX, &n) == OK)
            v[out.n++] = (uint32_t)n;
    out.v = v;
    return out;
}

static int64_t number(const struct jval *v, int64_t max)
{
    uint64_t n;
    return v && json_u64(v, (uint64_t)max, &n) == OK ? (int64_t)n : v && v->type == J_INT ? max : 0;
}

static bool truth(const struct jval *v)
{
    bool yes = false;
    return v && json_bool(v, &yes) == OK && yes;
}

/* xs:duration, or seconds (switch 30). */
static int64_t duration(const struct jval *v, struct arena *a)
{
    int64_t ms = 0;
    if (v && v->type == J_INT)
        return number(v, INT64_MAX / 2000) * 1000;
    return v && check_duration(name_text(v, a), &ms) ? ms : 0;
}

static void read_pace(const struct row *row, struct arena *a, struct sub *s)
{
    struct pace *p = &s->pace;
    const struct attrs *at = &s->at;
    const struct jval *bn = attrs_get(at, AT_bn), *rl = attrs_get(at, AT_rl);
    p->ln = truth(attrs_get(at, AT_ln));
    p->ec = p->ln ? EC_LATEST : (uint16_t)number(attrs_get(at, AT_nec), UINT16_MAX);
    p->pn = (uint8_t)number(attrs_get(at, AT_pn), 2);
    p->exc = attrs_get(at, AT_exc) != NULL;
    p->nse = truth(attrs_get(at, AT_nse));
    p->sched = row->subs > 0; /* make.c counts the schedules of a subscription there */
    p->batch = bn != NULL;
    p->num = number(JSON_GET(bn, "num"), INT64_MAX);
    p->dur = JSON_GET(bn, "dur") ? duration(JSON_GET(bn, "dur"), a) : BATCH_MS;
    p->mnn = rl ? number(JSON_GET(rl, "mnn"), INT64_MAX) : -1;
    p->tww = rl ? duration(JSON_GET(rl, "tww"), a) : 0;
}

enum err sub_parse(const struct cse *c, const struct row *row, struct arena *a, struct sub *s)
{
    *s = (struct sub){.rid = row->rid};
    TRY(name_attrs(row, a, &s->at));
    const struct jval *enc = attrs_get(&s->at, AT_enc), *nfu = attrs_get(&s->at, AT_nfu);
    s->nets = check_sub_nets(enc);
    s->nct = (uint8_t)number(attrs_get(&s->at, AT_nct), 9);
    s->nu = texts(attrs_get(&s->at, AT_nu), a);
    s->cr = attrs_text(&s->at, AT_cr, a);
    s->su = attrs_text(&s->at, AT_su, a);
    s->nfu = name_text(nfu && nfu->type == J_ARR ? nfu->child : nfu, a);
    read_pace(row, a, s);
    if (enc) {
        s->chty = numbers(JSON_GET(enc, "chty"), a);
        s->atr = texts(JSON_GET(enc, "atr"), a);
        read_limits(enc, a, s);
        TRY(read_monitors(c, JSON_GET(enc, "om"), a, s));
    }
    return arena_ok(a) ? OK : ERR_NOMEM;
}

/* ---- what the writer knows ----------------------------------------------------------------------------- */

struct known_sub {
    int64_t rid, subs;
    struct span body;
    struct sub s;
    struct arena mem;
};
enum { KNOWN_SUBS = 256, KNOWN_BODY_MAX = 65536, KNOWN_BLOCK = 4096, KNOWN_MEM = 4 << 20 };

void sub_forget(struct cse *c)
{
    for (size_t i = 0; c->known_subs && i < KNOWN_SUBS; i++)
        arena_reset(&c->known_subs[i].mem);
    free(c->known_subs);
    c->known_subs = NULL;
}

static enum err learn(const struct cse *c, struct known_sub *k, const struct row *row)
{
    struct row mine = *row;
    arena_reset(&k->mem);
    heap_arena(&k->mem, KNOWN_BLOCK, KNOWN_MEM);
    k->body = SPAN_NONE; /* until it is whole */
    mine.body = arena_dup(&k->mem, row->body);
    TRY(sub_parse(c, &mine, &k->mem, &k->s));
    k->rid = row->rid;
    k->subs = row->subs;
    k->body = mine.body;
    return OK;
}

enum err sub_of(struct run *r, const struct row *row, const struct sub **out)
{
    struct cse *c = r->c;
    struct sub *fresh;
    if (r->slot == STORE_SLOTS_MAX && row->body.n <= KNOWN_BODY_MAX) {
        if (!c->known_subs && !(c->known_subs = calloc(KNOWN_SUBS, sizeof *c->known_subs)))
            return ERR_NOMEM;
        struct known_sub *k = &c->known_subs[(uint64_t)row->rid % KNOWN_SUBS];
        if (k->rid != row->rid || k->subs != row->subs || !k->body.n || !span_eq(k->body, row->body))
            TRY(learn(c, k, row));
        *out = &k->s;
        return OK;
    }
    fresh = ARENA_NEW(r->a, struct sub);
    *out = fresh;
    return fresh ? sub_parse(c, row, r->a, fresh) : ERR_NOMEM;
}
