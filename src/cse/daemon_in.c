/* daemon_in.c - from a request of a listener to an exchange of the engine, and back. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bind/http.h"
#include "cse/daemon.h"
#include "host/heap.h"

struct visit {
    struct exch x;
    struct prim req;
    struct arena arena;
    struct station *at;
    struct http_req *http;
    struct visit *next; /* spare */
    _Alignas(max_align_t) uint8_t block[VISIT_BLOCK];
};

enum { RQI_MAX = 512 }; /* octets of a request identifier that is repeated without being read */

static struct visit *visit_new(struct station *s)
{
    struct visit *v = s->spare;
    if (s->visits >= s->d->set.exchanges)
        return NULL;
    if (v) {
        s->spare = v->next;
        s->spares--;
    } else {
        v = malloc(sizeof *v);
        if (!v)
            return NULL;
        heap_arena_over(&v->arena, v->block, sizeof v->block, s->d->set.request_memory);
        v->at = s;
    }
    s->visits++;
    return v;
}

/* Content may be a reading that nobody but its readers is to see: nothing of a request stays in memory. */
static void visit_free(struct visit *v)
{
    struct station *s = v->at;
    s->visits--;
    if (!v->arena.blocks)
        wipe(v->block, v->arena.n);
    else
        wipe(v->block, sizeof v->block);
    arena_reset(&v->arena);
    if (s->spares >= VISITS_KEPT) {
        free(v);
        return;
    }
    v->next = s->spare;
    s->spare = v;
    s->spares++;
}

void daemon_in_free(struct station *s)
{
    for (struct visit *v = s->spare, *next; v; v = next) {
        next = v->next;
        free(v);
    }
    s->spare = NULL;
}

/* ---- who is there -------------------------------------------------------------------------------- */

static void add_id(struct assoc *a, struct span *ids, enum assoc_kind kind, struct span id)
{
    a->kind = (uint8_t)kind;
    ids[a->n_ids++] = id;
}

/* The IN-CSE of another service provider that the operator named: its domain name under that provider's domain. */
static struct span peer_csi(struct visit *v, struct span dns)
{
    const struct cse_conf *conf = &v->at->d->set.cse;
    for (size_t i = 0; i < conf->npeers; i++) {
        const struct cse_peer *p = &conf->peers[i];
        uint8_t text[ID_MAX];
        struct buf want = BUF_ARRAY(text);
        id_put_dns(&want, p->csi, p->csi, p->sp);
        if (want.e == OK && span_eq_nocase(buf_span(&want), dns))
            return arena_join(&v->arena, p->sp, p->csi);
    }
    return SPAN_NONE;
}

/* A certificate with a CSE's domain name is a CSE; one with AE-IDs is an AE; with neither of our service provider it
 * is a peer without any identity that it could use. */
static void fill_ids(struct visit *v, const struct tls_peer *peer)
{
    struct assoc *a = &v->req.assoc;
    struct span *ids = ARENA_ARRAY(&v->arena, struct span, TLS_NAMES_MAX);
    if (!ids)
        return;
    a->ids = ids;
    a->kind = ASSOC_AE;
    for (unsigned i = 0; i < peer->n; i++) {
        struct span name = tls_name_span(&peer->name[i]);
        uint8_t text[TLS_NAME_TEXT_MAX + 1];
        struct buf csi = BUF_ARRAY(text);
        if (peer->name[i].kind == TLS_NAME_AE && a->kind == ASSOC_AE) {
            add_id(a, ids, ASSOC_AE, name);
        } else if (peer->name[i].kind == TLS_NAME_DNS && id_of_dns(name, &v->at->d->set.cse.self, &csi) == OK) {
            if (a->kind == ASSOC_AE)
                a->n_ids = 0;
            add_id(a, ids, ASSOC_CSE, arena_dup(&v->arena, buf_span(&csi)));
        } else if (peer->name[i].kind == TLS_NAME_DNS && a->n_ids == 0) {
            struct span other = peer_csi(v, name);
            if (other.n > 0)
                add_id(a, ids, ASSOC_CSE, other);
        }
    }
}

static void fill_address(struct assoc *a, const char *from)
{
    struct net_addr at;
    if (net_addr_parse(span_str(from), &at) != OK)
        return;
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&at.sa;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&at.sa;
    a->ip_family = at.sa.ss_family == AF_INET ? 4 : 6;
    if (a->ip_family == 4)
        memcpy(a->ip, &four->sin_addr, 4);
    else
        memcpy(a->ip, &six->sin6_addr, 16);
}

static void fill_assoc(struct visit *v)
{
    struct assoc *a = &v->req.assoc;
    *a = (struct assoc){.secured = v->http->peer != NULL};
    fill_address(a, http_req_from(v->http));
    if (a->secured)
        fill_ids(v, v->http->peer);
}

/* ---- in and out ---------------------------------------------------------------------------------- */

/* Without an exchange: there is no memory for one. */
static void refuse_busy(struct station *s, struct http_req *r)
{
    struct span rqi = HTTP_FIELD(r, "x-m2m-ri"), rvi = HTTP_FIELD(r, "x-m2m-rvi");
    struct buf *head = &s->head;
    buf_reset(head);
    buf_str(head, "Retry-After: 1\r\nX-M2M-RSC: 5000\r\nContent-Type: application/json\r\n");
    if (rqi.n > 0 && rqi.n <= RQI_MAX) {
        buf_str(head, "X-M2M-RI: ");
        buf_put(head, rqi);
        buf_str(head, "\r\n");
    }
    if (release_of(rvi) != REL_NONE && release_of(rvi) != REL_OTHER) {
        buf_str(head, "X-M2M-RVI: ");
        buf_put(head, rvi);
        buf_str(head, "\r\n");
    }
    s->busy++;
    http_reply(r, &(struct http_answer){.status = 503,
                                        .fields = buf_span(head),
                                        .body = SPAN("{\"m2m:dbg\":\"too many requests are waiting here; try again "
                                                     "in a second\"}")});
}

static void spill_done(void *ctx)
{
    daemon_spill_free(ctx);
}

static void answer(struct exch *x)
{
    struct visit *v = x->door;
    struct bind_message m;
    struct buf *head = &v->at->head;
    buf_reset(head);
    if (x->spill) /* for the binding: there is JSON content */
        x->rsp->pc = SPAN("{}");
    enum err e = bind_http_response(x->rsp, &v->at->d->set.cse.sw, head, &m);
    if (e != OK) {
        buf_reset(head);
        m = (struct bind_message){.status = 500, .fields = SPAN("X-M2M-RSC: 5000\r\n")};
        LOG(LOG_L_ERROR, "answer-lost", log_err("cause", e));
    } else if (x->busy) {
        m.status = 503;
        buf_str(head, "Retry-After: 1\r\n");
        m.fields = buf_span(head);
    }
    struct http_answer a = {.status = m.status, .fields = m.fields, .body = m.body};
    if (x->spill && e == OK) {
        a.file = daemon_spill_fd(x->spill);
        a.file_n = x->spill_n;
        a.file_done = spill_done;
        a.file_ctx = x->spill;
    } else if (x->spill) {
        daemon_spill_free(x->spill);
    }
    http_reply(v->http, &a);
    visit_free(v);
}

void daemon_in(void *ctx, struct http_req *r)
{
    struct station *s = ctx;
    struct visit *v = visit_new(s);
    if (!v) {
        refuse_busy(s, r);
        return;
    }
    v->http = r;
    prim_init(&v->req);
    struct bind_request in = {.method = r->method,
                              .path = r->path,
                              .query = r->query,
                              .body = r->body,
                              .field = r->field,
                              .fields = r->fields};
    enum err e = bind_http_request(&in, &v->req, &v->arena);
    fill_assoc(v);
    v->x = (struct exch){.req = &v->req, .arena = &v->arena, .loop = s->n, .spills = true, .done = answer, .door = v};
    if (e != OK || !arena_ok(&v->arena)) {
        refuse_busy(s, r);
        visit_free(v);
        return;
    }
    cse_submit(s->d->cse, &v->x);
}
