/* hop.c - where a request goes when it leaves this CSE (TS-0004 7.3.2.6, 7.3.3.9), and the sending of it: each address
 * in turn until one answers. */
#include <string.h>

#include "cse/annc.h"
#include "cse/poll.h"

bool is_url(struct span s)
{
    size_t at = span_find(s, ':');
    return at > 0 && at + 2 < s.n && s.p[at + 1] == '/' && s.p[at + 2] == '/';
}

/* A notification target without the suffix that chooses a serialization: "?ct=json" (TS-0001 9.6.8). */
struct span nu_plain(struct span nu, struct span *ct)
{
    size_t at = span_rfind(nu, '?');
    struct span tail = span_from(nu, at);
    *ct = SPAN_NONE;
    if (!span_starts(tail, SPAN("?ct=")))
        return nu;
    *ct = span_from(tail, 4);
    return span_first(nu, at);
}

/* ---- addresses ----------------------------------------------------------------------------------- */

static enum err poa_of(struct run *r, const struct attrs *at, struct hop *h)
{
    const struct jval *poa = attrs_get(at, AT_poa);
    h->n = 0;
    if (!poa || poa->type != J_ARR || poa->n == 0)
        return ERR_UNREACHABLE;
    struct span *urls = ARENA_ARRAY(r->a, struct span, poa->n);
    if (!urls)
        return ERR_NOMEM;
    for (const struct jval *v = poa->child; v; v = v->next)
        urls[h->n++] = name_text(v, r->a);
    h->urls = urls;
    return OK;
}

/* Highest release that an entity says it serves; REL_NONE: it does not say. */
static enum release highest(const struct attrs *at, struct arena *a)
{
    enum release best = REL_NONE;
    const struct jval *srv = attrs_get(at, AT_srv);
    for (const struct jval *v = srv && srv->type == J_ARR ? srv->child : NULL; v; v = v->next) {
        enum release rel = release_of(name_text(v, a));
        if (rel != REL_OTHER && rel > best)
            best = rel;
    }
    return best;
}

static struct span absolute(struct run *r, struct span id)
{
    struct text t;
    struct id i = id_parse(id, &r->c->conf.self);
    text_init(&t, r->a);
    id_put_absolute(&t.b, &i);
    return buf_span(&t.b);
}

static enum err to_csr(struct run *r, const struct row *csr, struct hop *h)
{
    struct attrs at;
    TRY(name_attrs(csr, r->a, &at));
    h->base = true;
    h->peer = absolute(r, csr->alias);
    h->rel = highest(&at, r->a);
    TRY(poll_channel(r->t, csr->rid, r->a, &h->channel));
    return h->channel ? OK : poa_of(r, &at, h);
}

static enum err to_registrar(struct run *r, struct hop *h)
{
    const struct cse_conf *conf = &r->c->conf;
    h->base = true;
    h->urls = &conf->parent_url;
    h->n = 1;
    h->peer = absolute(r, conf->parent_csi);
    return OK;
}

/* Another service provider: the IN-CSE knows the way over Mcc'. */
static enum err to_other_sp(struct run *r, const struct addr *to, struct hop *h)
{
    const struct cse_conf *conf = &r->c->conf;
    for (size_t i = 0; i < conf->npeers; i++) {
        const struct cse_peer *p = &conf->peers[i];
        if (!span_eq_nocase(p->sp, to->sp))
            continue;
        h->base = true;
        h->urls = &p->url;
        h->n = 1;
        h->peer = arena_join(r->a, p->sp, p->csi);
        return OK;
    }
    return ERR_NOTFOUND;
}

/* The registered CSE whose descendants include the wanted one. */
static enum err by_descendant(struct run *r, struct span csi, struct row *out)
{
    struct rows page = {.more = true};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_find(r->t, FIND_TYPE, TY_CSR, SPAN_NONE, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n; i++) {
            struct attrs at;
            TRY(name_attrs(&page.v[i], r->a, &at));
            const struct jval *dcse = attrs_get(&at, AT_dcse);
            for (const struct jval *v = dcse ? dcse->child : NULL; v; v = v->next)
                if (id_same_text(name_text(v, r->a), csi, &r->c->conf.self)) {
                    *out = page.v[i];
                    return OK;
                }
        }
        if (!page.n)
            break;
    }
    return ERR_NOTFOUND;
}

enum err hop_towards(struct run *r, const struct addr *to, bool from_registrar, struct hop *h)
{
    const struct cse_conf *conf = &r->c->conf;
    struct row csr;
    enum err e = ERR_NOTFOUND;
    bool up = conf->parent_url.n && !from_registrar;
    struct span csi = to->where == ADDR_OTHER_CSE ? to->csi : SPAN_NONE;
    if (to->s_ae && annc_home(r, to->id, &csi) != OK)
        csi = SPAN_NONE;
    if (csi.n) {
        if (up && span_eq(csi, conf->parent_csi))
            return to_registrar(r, h);
        e = find_cse(r, csi, &csr);
        if (e == ERR_NOTFOUND)
            e = by_descendant(r, csi, &csr);
    } else if (conf->role == ROLE_IN) {
        return to_other_sp(r, to, h);
    }
    if (e == OK)
        return to_csr(r, &csr, h);
    return e == ERR_NOTFOUND && up ? to_registrar(r, h) : e;
}

enum err hop_to_ae(struct run *r, const struct row *ae, struct hop *h)
{
    struct attrs at;
    bool rr = false;
    TRY(name_attrs(ae, r->a, &at));
    h->base = false;
    h->peer = absolute(r, ae->alias);
    h->rel = highest(&at, r->a);
    TRY(poll_channel(r->t, ae->rid, r->a, &h->channel));
    if (h->channel)
        return OK; /* whoever polls need not be reachable */
    const struct jval *j = attrs_get(&at, AT_rr);
    if (!j || json_bool(j, &rr) != OK || !rr)
        return ERR_UNREACHABLE;
    return poa_of(r, &at, h);
}

enum err hop_to_target(struct run *r, struct span nu, struct hop *h, bool *here)
{
    struct addr at;
    struct found f;
    struct span ct;
    const char *why;
    *here = false;
    nu = nu_plain(nu, &ct);
    if (is_url(nu)) {
        struct span *url = ARENA_NEW(r->a, struct span);
        if (!url)
            return ERR_NOMEM;
        *url = nu;
        h->urls = url;
        h->n = 1;
        h->base = false;
        h->peer = SPAN_NONE;
        return OK;
    }
    if (addr_parse(nu, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK)
        return ERR_NOTFOUND;
    if (find_away(r, &at))
        return hop_towards(r, &at, false, h);
    TRY(find_addr(r, &at, &f));
    *here = f.row.ty == TY_CB || f.row.ty == TY_GRP; /* a group passes it on to its members (fan.c) */
    if (*here)
        return OK;
    return f.row.ty == TY_AE ? hop_to_ae(r, &f.row, h) : ERR_NOTFOUND;
}

/* ---- the request --------------------------------------------------------------------------------- */

/* This CSE's identifier as the receiver knows it: absolute for another service provider. */
static struct span from_for(struct run *r, struct span to)
{
    const struct self *me = &r->c->conf.self;
    struct addr at;
    const char *why;
    struct span ct;
    to = nu_plain(to, &ct);
    bool far = !is_url(to) && addr_parse(to, me, &r->c->conf.sw, &at, &why) == OK && at.where == ADDR_OTHER_SP;
    return far ? arena_join(r->a, me->sp, me->csi) : me->csi;
}

void hop_notify(struct run *r, struct hop *h, struct span to, struct span rqi, struct span pc)
{
    struct prim *p = &h->req;
    struct span ct;
    prim_init(p);
    p->op = OP_NOTIFY;
    p->pc = pc;
    p->ser = SER_JSON;
    prim_set(p, PA_op, SPAN("5"));
    prim_set(p, PA_to, nu_plain(to, &ct));
    prim_set(p, PA_fr, from_for(r, to));
    prim_set(p, PA_rqi, rqi);
    hop_release(r->c, h);
}

void hop_release(const struct cse *c, struct hop *h)
{
    unsigned rel = h->rel;
    for (unsigned i = REL_1; i < REL_OTHER && !h->rel; i++)
        if (c->conf.releases >> i & 1)
            rel = i;
    h->req.rvi = (uint8_t)rel;
    prim_set(&h->req, PA_rvi, release_text(rel));
    if (rel == REL_1)
        hop_release_1(h);
}

void hop_release_1(struct hop *h)
{
    h->req.have &= ~(PA_BIT(rvi) | PA_BIT(vsi));
    h->req.raw[PA_rvi] = h->req.raw[PA_vsi] = SPAN_NONE;
}

/* ---- sending ------------------------------------------------------------------------------------- */

static void next(struct cse *c, struct hop *h);

static void came_back(struct sending *s, enum err e, const struct prim *rsp)
{
    struct hop *h = s->ctx;
    h->at++;
    if (e != OK && h->at < h->n && h->c->w.now(h->c->w.ctx) < h->deadline)
        next(h->c, h);
    else
        h->over(h, e, rsp);
}

/* An address that says nothing may not use up the time of those behind it. */
static int64_t share(const struct cse *c, const struct hop *h)
{
    int64_t now = c->w.now(c->w.ctx);
    return now + (h->deadline - now) / (int64_t)(h->n - h->at);
}

static void next(struct cse *c, struct hop *h)
{
    h->s = (struct sending){.req = &h->req,
                            .url = h->urls[h->at],
                            .base = h->base,
                            .peer = h->peer,
                            .deadline = share(c, h),
                            .loop = h->loop,
                            .arena = h->a,
                            .reply = came_back,
                            .ctx = h};
    c->w.send(c->w.ctx, &h->s);
}

void hop_go(struct cse *c, struct hop *h)
{
    h->c = c;
    h->at = 0;
    if (h->channel)
        poll_put(c, h);
    else
        next(c, h);
}

/* What is to be executed later takes that much longer. */
int64_t hop_deadline(const struct run *r)
{
    int64_t from = r->q && r->q->oet > r->now ? r->q->oet : r->now;
    int64_t at = from + (r->c->conf.remote_ms ? r->c->conf.remote_ms : REMOTE_MS);
    if (r->q && r->q->rqet && r->q->rqet < at)
        at = r->q->rqet;
    if (r->q && r->q->rset && r->q->rset < at)
        at = r->q->rset;
    return at;
}
