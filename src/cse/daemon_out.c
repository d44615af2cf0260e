/* daemon_out.c - requests of the engine that leave: HTTP to other CSEs and notification targets. */
#include <stdlib.h>

#include "bind/http.h"
#include "cse/daemon.h"
#include "host/log.h"

struct errand {
    struct net_post post; /* first: for the answer of one that could not leave */
    struct sending *s;
    struct station *at;
    enum err why;
};

static void over(struct errand *n, enum err e, const struct prim *rsp)
{
    struct sending *s = n->s;
    n->at->errands--;
    free(n);
    s->reply(s, e, rsp);
}

static void could_not(struct net_post *p)
{
    struct errand *n = (struct errand *)(void *)p;
    over(n, n->why, NULL);
}

/* Never from inside world.send. */
static void fail_later(struct errand *n, enum err e)
{
    n->why = e;
    n->post.run = could_not;
    net_loop_post(n->at->loop, &n->post);
}

/* What came back points into the connection: the engine gets copies in the arena that it gave. */
static enum err keep(struct prim *rsp, struct arena *a)
{
    for (uint64_t left = rsp->have; left; left &= left - 1) {
        unsigned id = (unsigned)__builtin_ctzll(left);
        rsp->raw[id] = arena_dup(a, rsp->raw[id]);
    }
    rsp->pc = arena_dup(a, rsp->pc);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

/* The engine tells apart only what it can act on. */
static enum err plain(enum err e)
{
    static const enum err known[] = {ERR_UNREACHABLE, ERR_TIMEOUT, ERR_TLS, ERR_CLOSED, ERR_SYNTAX, ERR_NOMEM};
    for (size_t i = 0; i < LEN(known); i++)
        if (e == known[i])
            return e;
    return ERR_UNREACHABLE;
}

static void came_back(void *ctx, const struct http_result *r)
{
    struct errand *n = ctx;
    if (r->e != OK) {
        LOG(LOG_L_NOTICE, "not-sent", log_span("url", n->s->url), log_err("cause", r->e), log_str("why", r->why));
        over(n, plain(r->e), NULL);
        return;
    }
    struct prim rsp;
    enum err e = bind_http_result(r->status, r->field, r->fields, r->body, n->s->req, &rsp, n->s->arena);
    if (e == OK)
        e = keep(&rsp, n->s->arena);
    if (e == OK && n->s->req->op == OP_NOTIFY && rsp.rsc >= RSC_BAD_REQUEST)
        LOG(LOG_L_NOTICE, "notification-refused", log_span("url", n->s->url), log_int("rsc", rsp.rsc),
            log_span("to", n->s->req->raw[PA_to]));
    over(n, e, e == OK ? &rsp : NULL);
}

/* The name that the certificate at the other end must carry: an AE-ID as it is, a CSE-ID as public domain name
 * (TS-0003 10.1.1), our registrar by the name that the operator gave. Empty: the host of the URL. */
static struct span expected(const struct settings *set, struct span peer, struct buf *b)
{
    const struct self *me = &set->cse.self;
    struct id id = id_parse(peer, me);
    if (peer.n == 0)
        return SPAN_NONE;
    if (id.kind != ID_CSE)
        return peer;
    struct id parent = id_parse(set->cse.parent_csi, me);
    if (set->parent_name && set->cse.parent_csi.n > 0 && id_same(&id, &parent))
        return span_str(set->parent_name);
    struct span in = set->cse.role == ROLE_IN ? me->csi : set->cse.parent_csi;
    if (!span_eq_nocase(id.sp, me->sp)) /* of another service provider only its IN-CSE is met */
        in = id.cse;
    id_put_dns(b, id.cse, in, id.sp);
    return buf_span(b);
}

static enum err write_request(const struct sending *s, const struct http_url *url, struct buf *head,
                              struct bind_message *m)
{
    if (!s->base)
        return bind_http_send_to_url(s->req, url->target, head, m);
    struct span prefix = url->target;
    return bind_http_send(s->req, prefix.n == 1 ? SPAN_NONE : prefix, head, m);
}

static enum err leave(struct errand *n)
{
    struct sending *s = n->s;
    struct daemon *d = n->at->d;
    struct http_url url;
    struct bind_message m;
    uint8_t name[ID_MAX];
    struct buf who = BUF_ARRAY(name);
    int64_t left = s->deadline - daemon_now(d);
    TRY(http_url_parse(s->url, &url));
    if (left <= 0)
        return ERR_TIMEOUT;
    if (url.tls ? !d->client_tls : !d->set.clear)
        return ERR_TLS;
    buf_reset(&n->at->head);
    TRY(write_request(s, &url, &n->at->head, &m));
    struct http_call call = {.address = url.address,
                             .tls = url.tls ? d->client_tls : NULL,
                             .name = expected(&d->set, s->peer, &who),
                             .method = m.method,
                             .target = m.target,
                             .fields = m.fields,
                             .body = m.body,
                             .may_repeat = s->req->op == OP_NOTIFY,
                             .response_ms = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX,
                             .done = came_back,
                             .ctx = n};
    http_call_start(n->at->client, &call, NULL);
    return OK;
}

void daemon_out(void *ctx, struct sending *s)
{
    struct daemon *d = ctx;
    struct errand *n = calloc(1, sizeof *n);
    if (!n)
        abort(); /* a sending that is never answered would hold its exchange for ever */
    n->s = s;
    n->at = &d->station[s->loop];
    n->at->errands++;
    enum err e = n->at->client ? leave(n) : ERR_UNREACHABLE;
    if (e == OK)
        return;
    LOG(LOG_L_NOTICE, "not-sent", log_span("url", s->url), log_err("cause", e));
    fail_later(n, plain(e));
}
