/* consult.c - whom this CSE asks before it denies (TS-0004 7.3.3.15, TS-0003 7.3.2): policies and groups of other CSEs
 * that a policy list names, then the dynamic authorization servers of the resource (daci).
 *
 * Nothing that was fetched outlives its request: what another CSE revokes is revoked for the very next one here. Only
 * what an authorization server grants is kept, as long as the server said and the resource still names it. */
#include "cse/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/m2mtime.h"
#include "cse/errand.h"

/* Something of another CSE that a rule or a policy list named. */
struct fact {
    struct fact *next;
    struct span id;
    struct run *r;
    bool known, policy;
    const struct acr_set *pv; /* of a policy */
    const struct jval *mid;   /* of a group */
};

/* What a server granted for one resource. */
struct grant {
    int64_t target, dac; /* rid */
    int64_t until;       /* ms */
    size_t n;
    uint8_t gp[GRANT_TEXT]; /* JSON of a setOfAcrs */
};

struct private_grant {
    struct private_grant *next;
    int64_t target, dac;
    struct span gp;
};

struct consult {
    struct fact *facts;
    struct private_grant *grants; /* for this request */
    size_t n;
    unsigned rounds, waits;
    bool das_asked, back;
    int64_t target; /* rid of the resource that the servers are asked about */
};

static struct consult *consult_of(struct run *r)
{
    if (!r->consult)
        r->consult = ARENA_NEW(r->a, struct consult);
    return r->consult;
}

/* ---- other CSEs' policies and groups --------------------------------------------------------------- */

static struct fact *fact_of(struct run *r, struct span id, bool policy)
{
    struct consult *c = consult_of(r);
    struct fact *f = c ? c->facts : NULL;
    while (f && !(f->policy == policy && span_eq(f->id, id)))
        f = f->next;
    if (f || !c || c->n == CONSULT_MAX || !(f = ARENA_NEW(r->a, struct fact)))
        return f;
    *f = (struct fact){.next = c->facts, .id = arena_dup(r->a, id), .r = r, .policy = policy};
    c->facts = f;
    c->n++;
    return f;
}

const struct acr_set *consult_policy(struct run *r, struct span id)
{
    const struct fact *f = fact_of(r, id, true);
    return f ? f->pv : NULL;
}

enum acr_member consult_group(struct run *r, struct span id, const struct id *who)
{
    struct id entity = id_parse(id, &r->c->conf.self);
    if (entity.kind != ID_BAD)
        return ACR_NO_GROUP; /* an AE or CSE that is not the originator */
    const struct fact *f = fact_of(r, id, false);
    if (!f || !f->mid)
        return ACR_NO_GROUP; /* not known to be a group */
    return member_listed(r, f->mid, who) ? ACR_MEMBER : ACR_NOT_MEMBER;
}

static void learn(struct fact *f, const struct prim *rsp)
{
    struct jval *doc;
    struct run *r = f->r;
    if (!rsp || rsp->rsc != RSC_OK || json_parse(arena_dup(r->a, rsp->pc), r->a, &doc, NULL) != OK)
        return;
    const struct jval *pv = JSON_GET(JSON_GET(doc, "m2m:acp"), "pv");
    if (f->policy && pv && acr_compile(pv, r->a, &f->pv) != OK)
        f->pv = NULL;
    if (!f->policy)
        f->mid = JSON_GET(JSON_GET(doc, "m2m:grp"), "mid");
}

static void one_less(struct run *r)
{
    if (--r->consult->waits > 0)
        return;
    atomic_fetch_sub(&r->c->consulting, 1);
    run_again(r);
}

static void fetched(struct errand *e)
{
    struct fact *f = e->ctx;
    struct run *r = f->r;
    learn(f, e->x.rsp);
    errand_free(e);
    one_less(r);
}

static bool fetch(struct run *r, struct fact *f)
{
    struct errand *e = errand_new(r->c, NULL, r->x->loop, OP_RETRIEVE, f->id);
    f->known = true; /* whatever comes of it: asked once */
    if (!e)
        return false;
    e->over = fetched;
    e->ctx = f;
    errand_go(e);
    return true;
}

static bool fetch_all(struct run *r)
{
    struct consult *c = r->consult;
    if (c->rounds >= CONSULT_ROUNDS)
        return false;
    c->rounds++;
    for (struct fact *f = c->facts; f; f = f->next)
        if (!f->known)
            c->waits += fetch(r, f);
    return c->waits > 0;
}

static bool any_unknown(const struct consult *c)
{
    const struct fact *f = c ? c->facts : NULL;
    while (f && f->known)
        f = f->next;
    return f != NULL && c->rounds < CONSULT_ROUNDS;
}

/* ---- grants ------------------------------------------------------------------------------------------ */
/* A table of all threads: an entry is small and looked at only when policies deny. */

static struct grant *slot_of(struct cse *c, int64_t target, int64_t dac)
{
    uint64_t h = ((uint64_t)target * 0x9e3779b97f4a7c15ULL) ^ (uint64_t)dac;
    return &c->grants[(h ^ h >> 29) % GRANTS];
}

static void lock(struct cse *c)
{
    while (atomic_flag_test_and_set_explicit(&c->grants_lock, memory_order_acquire)) {
    }
}

static void unlock(struct cse *c)
{
    atomic_flag_clear_explicit(&c->grants_lock, memory_order_release);
}

static void keep(struct cse *c, int64_t target, int64_t dac, struct span gp, int64_t until)
{
    if (gp.n > GRANT_TEXT)
        return;
    lock(c);
    if (!c->grants)
        c->grants = calloc(GRANTS, sizeof *c->grants);
    if (c->grants) {
        struct grant *g = slot_of(c, target, dac);
        g->target = target;
        g->dac = dac;
        g->until = until;
        g->n = gp.n;
        memcpy(g->gp, gp.p, gp.n);
    }
    unlock(c);
}

static struct span kept(struct run *r, int64_t target, int64_t dac)
{
    struct cse *c = r->c;
    struct span gp = SPAN_NONE;
    lock(c);
    const struct grant *g = c->grants ? slot_of(c, target, dac) : NULL;
    if (g && g->target == target && g->dac == dac && g->until > r->now)
        gp = arena_dup(r->a, span_of(g->gp, g->n));
    unlock(c);
    return gp;
}

static struct span granted_by(struct run *r, int64_t target, int64_t dac)
{
    const struct private_grant *g = r->consult ? r->consult->grants : NULL;
    while (g && !(g->target == target && g->dac == dac))
        g = g->next;
    return g ? g->gp : kept(r, target, dac);
}

void consult_free(struct cse *c)
{
    free(c->grants);
}

/* ---- authorization servers --------------------------------------------------------------------------- */

/* A <dynamicAuthorizationConsultation> of this CSE that is switched on. */
static bool server_of(struct run *r, struct span id, struct row *row, struct attrs *at)
{
    bool on = false;
    return find_text(r, id, row) == OK && row->ty == TY_DAC && name_attrs(row, r->a, at) == OK &&
           attrs_get(at, AT_dae) && json_bool(attrs_get(at, AT_dae), &on) == OK && on;
}

enum err consult_granted(struct run *r, const struct row *row, const struct jval *daci, const struct acr_ask *q,
                         bool *yes)
{
    for (const struct jval *v = daci ? daci->child : NULL; v && !*yes; v = v->next) {
        struct row dac;
        struct attrs at;
        struct jval *gp;
        const struct acr_set *set;
        if (!server_of(r, name_text(v, r->a), &dac, &at))
            continue;
        struct span text = granted_by(r, row->rid, dac.rid);
        if (text.n && json_parse(text, r->a, &gp, NULL) == OK && acr_compile(gp, r->a, &set) == OK)
            *yes = acr_ask_set(set, q) == ACR_PERMIT;
    }
    return arena_ok(r->a) ? OK : ERR_NOMEM;
}

static void put_address(struct jw *w, const struct assoc *as)
{
    if (as->ip_family != 4)
        return;
    JW_NAME(w, "oip");
    jw_obj(w);
    JW_NAME(w, "ip4");
    buf_fmt(w->b, "\"%u.%u.%u.%u\"", as->ip[0], as->ip[1], as->ip[2], as->ip[3]);
    w->comma = true;
    jw_end_obj(w);
}

/* m2m:dynAuthDasRequest (TS-0004 6.3.5.46). */
static void put_request(struct run *r, struct jw *w, const struct row *row)
{
    const struct claims *claims = r->claims;
    jw_obj(w);
    JW_STR(w, "or", prim_text(r->q, PA_fr));
    JW_U64(w, "trt", row->ty);
    JW_U64(w, "op", r->q->op);
    put_address(w, &r->q->assoc);
    if (claims && claims->n_roles) {
        JW_NAME(w, "orid");
        jw_arr(w);
        for (size_t i = 0; i < claims->n_roles; i++)
            jw_str(w, claims->roles[i]);
        jw_end_arr(w);
    }
    JW_STR(w, "rts", name_time_s(r->now, r->a));
    JW_STR(w, "trid", name_sp_relative(r->c, row, r->a));
    jw_end_obj(w);
}

/* A question under way: one address of one server. */
struct server {
    struct hop hop;
    struct run *r;
    int64_t target, dac, end; /* end: dal, the server's own limit */
};

static int64_t lifetime(struct run *r, const struct server *s, const struct jval *pl)
{
    int64_t until = 0, ms;
    struct span text = pl ? name_text(pl, r->a) : SPAN_NONE;
    uint64_t n;
    if (pl && json_i64(pl, &ms) == OK)
        until = ms > 0 && ms < PL_MAX ? r->now + ms : r->now + (ms > 0 ? PL_MAX : 0);
    else if (span_u64(text, INT64_MAX, &n) == OK)
        until = r->now + (n < PL_MAX ? (int64_t)n : PL_MAX);
    else if (m2mtime_get(text, &until) != OK)
        until = 0;
    if (until > r->now + PL_MAX)
        until = r->now + PL_MAX;
    return until < s->end ? until : s->end;
}

static void take_grant(struct server *s, const struct prim *rsp)
{
    struct jval *doc;
    struct run *r = s->r;
    uint64_t sit;
    if (!rsp || !rsc_ok(rsp->rsc) || json_parse(arena_dup(r->a, rsp->pc), r->a, &doc, NULL) != OK)
        return;
    const struct jval *seci = JSON_GET(doc, "m2m:seci"), *dai = JSON_GET(JSON_GET(seci, "dres"), "dai");
    const struct jval *gp = JSON_GET(dai, "gp");
    struct private_grant *g = gp ? ARENA_NEW(r->a, struct private_grant) : NULL;
    if (!g || json_u64(JSON_GET(seci, "sit"), 8, &sit) != OK || sit != 2)
        return;
    *g = (struct private_grant){r->consult->grants, s->target, s->dac, gp->raw};
    r->consult->grants = g;
    int64_t until = lifetime(r, s, JSON_GET(dai, "pl"));
    if (until > r->now)
        keep(r->c, s->target, s->dac, gp->raw, until);
}

static void server_answered(struct hop *h, enum err e, const struct prim *rsp)
{
    struct server *s = h->ctx;
    if (e == OK)
        take_grant(s, rsp);
    one_less(s->r);
}

static struct span question(struct run *r, const struct row *row)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:seci");
    jw_obj(&w);
    JW_U64(&w, "sit", 1);
    JW_NAME(&w, "dreq");
    put_request(r, &w, row);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

/* The addresses of a server's dap are tried in turn; identifiers among them only when the first is one. */
static bool ask_server(struct run *r, const struct row *row, const struct row *dac, const struct attrs *at)
{
    const struct jval *dap = attrs_get(at, AT_dap);
    struct server *s = ARENA_NEW(r->a, struct server);
    struct span *urls = dap && dap->n ? ARENA_ARRAY(r->a, struct span, dap->n) : NULL;
    bool here = false;
    if (!s || !urls)
        return false;
    *s = (struct server){.r = r, .target = row->rid, .dac = dac->rid, .end = NEVER};
    if (m2mtime_get(attrs_text(at, AT_dal, r->a), &s->end) != OK)
        s->end = NEVER;
    s->hop = (struct hop){
        .r = r, .a = r->a, .loop = r->x->loop, .deadline = hop_deadline(r), .over = server_answered, .ctx = s};
    struct span first = name_text(dap->child, r->a);
    if (s->end <= r->now || hop_to_target(r, first, &s->hop, &here) != OK || here)
        return false;
    if (is_url(first)) {
        size_t n = 0;
        for (const struct jval *v = dap->child; v; v = v->next)
            if (is_url(name_text(v, r->a)))
                urls[n++] = name_text(v, r->a);
        s->hop.urls = urls;
        s->hop.n = n;
    }
    hop_notify(r, &s->hop, first, name_fresh(r->c, "d-", r->a), question(r, row));
    hop_go(r->c, &s->hop);
    return true;
}

static bool ask_servers(struct run *r, const struct row *row, const struct jval *daci)
{
    struct consult *c = r->consult;
    unsigned n = 0;
    c->das_asked = true;
    for (const struct jval *v = daci ? daci->child : NULL; v && n < DAS_MAX; v = v->next, n++) {
        struct row dac;
        struct attrs at;
        if (server_of(r, name_text(v, r->a), &dac, &at))
            c->waits += ask_server(r, row, &dac, &at);
    }
    return c->waits > 0;
}

static bool any_server(struct run *r, const struct jval *daci)
{
    struct row dac;
    struct attrs at;
    for (const struct jval *v = daci ? daci->child : NULL; v; v = v->next)
        if (server_of(r, name_text(v, r->a), &dac, &at))
            return true;
    return false;
}

/* ---- the step ---------------------------------------------------------------------------------------- */

enum says consult_start(struct run *r)
{
    struct row up;
    const struct row *row = &r->target;
    const struct jval *daci;
    STEP_TRY(r, rights_daci(r, &row, &up, &daci));
    if (!r->consult && !daci)
        return MORE;
    struct consult *c = consult_of(r);
    if (!c)
        return oops(r, ERR_NOMEM);
    if (r->stage == AT_WRITER) {
        c->back = any_unknown(c) || (!c->das_asked && any_server(r, daci));
        return MORE;
    }
    if (atomic_fetch_add(&r->c->consulting, 1) < CONSULTS_MAX &&
        ((any_unknown(c) && fetch_all(r)) || (!c->das_asked && ask_servers(r, row, daci))))
        return WAIT;
    atomic_fetch_sub(&r->c->consulting, 1);
    return MORE;
}

bool consult_wanted(struct run *r)
{
    bool back = r->consult && r->consult->back;
    if (back)
        r->consult->back = false;
    return back;
}

/* m2m:dynAuthTokenReqInfo (TS-0004 6.3.5.45). */
enum err consult_token_info(struct run *r, struct span *out)
{
    struct row up;
    const struct row *row = &r->target;
    const struct jval *daci;
    struct text t;
    unsigned n = 0;
    *out = SPAN_NONE;
    TRY(rights_daci(r, &row, &up, &daci));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:tqf");
    jw_obj(&w);
    JW_NAME(&w, "dasi");
    jw_arr(&w);
    for (const struct jval *v = daci ? daci->child : NULL; v && n < DAS_MAX; v = v->next) {
        struct row dac;
        struct attrs at;
        if (!server_of(r, name_text(v, r->a), &dac, &at) || !attrs_get(&at, AT_dap))
            continue;
        jw_obj(&w);
        JW_STR(&w, "uri", name_text(attrs_get(&at, AT_dap)->child, r->a));
        JW_NAME(&w, "dreq");
        put_request(r, &w, row);
        jw_end_obj(&w);
        n++;
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    jw_end_obj(&w);
    if (n)
        *out = buf_span(&t.b);
    return t.b.e;
}
