/* cse_node.h - a CSE in a test: memory store, virtual clock, captured sends; several of them make a network. */
#ifndef TEST_CSE_NODE_H
#define TEST_CSE_NODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/m2mtime.h"
#include "cse/cse.h"
#include "cse/hook.h"
#include "host/heap.h"

#define T0 INT64_C(1790000000000) /* 2026-09-21 */

struct node;

/* A notification target or another entity outside: answers what stands in `rsc`; 0: does not answer. */
struct outside {
    const char *url; /* prefix */
    unsigned rsc;
    bool silent;     /* keeps the connection and never answers */
    unsigned seen;   /* requests that came */
    char last[4096]; /* content of the last */
    char rqi[200], fr[200], ec[8], rvi[8];
    char all[16384]; /* contents of all, one a line; the newest that have room */
    char peer[200], to[300], vsi[40];
    const char *answer; /* content of its answer */
};

struct ask;
struct sent {
    struct sent *next;
    struct sending *s;
    struct node *from;
};

struct net {
    int64_t now;
    uint64_t dice;
    struct node *nodes[8];
    size_t n;
    struct outside *outside[8];
    size_t nout;
    struct sent *first;  /* waiting to be delivered */
    struct sent *silent; /* sent to somebody who never answers */
    unsigned down;       /* bit per node: unreachable */
    unsigned delivered;
    struct ask *asks; /* that came from another node: freed at the end */
};

struct later {
    void (*fn)(void *arg);
    void *arg;
};

struct node {
    struct net *net;
    struct cse *cse;
    struct store *store;
    struct cse_conf conf;
    struct world w;
    struct span poa[1];
    const char *url;
    struct exch *queue, **end;
    struct later later[256];
    int64_t wake; /* of loop 0; 0: none */
    size_t nlater;
    bool full; /* the writer's queue refuses */
};

/* One request and its answer. */
struct ask {
    struct exch x;
    struct prim q;
    struct arena a;
    bool done;
    unsigned rsc;
    char pc[1 << 20];
    char *spilt;          /* content that went to a spill; NULL: none did */
    struct sending *back; /* came from another node */
    struct ask *next;
};

static UNUSED int64_t node_now(void *ctx)
{
    return ((struct node *)ctx)->net->now;
}

static UNUSED void node_entropy(void *ctx, void *p, size_t n)
{
    struct net *net = ((struct node *)ctx)->net;
    for (size_t i = 0; i < n; i++) {
        net->dice = net->dice * 6364136223846793005ULL + 1442695040888963407ULL;
        ((uint8_t *)p)[i] = (uint8_t)(net->dice >> 56);
    }
}

static UNUSED void node_send(void *ctx, struct sending *s)
{
    struct node *n = ctx;
    struct sent *e = calloc(1, sizeof *e), **at = &n->net->first;
    e->s = s;
    e->from = n;
    while (*at)
        at = &(*at)->next;
    *at = e;
}

static UNUSED bool node_enqueue(void *ctx, struct exch *x)
{
    struct node *n = ctx;
    if (n->full)
        return false;
    x->next = NULL;
    *n->end = x;
    n->end = &x->next;
    return true;
}

static UNUSED void node_later(void *ctx, unsigned loop, void (*fn)(void *arg), void *arg)
{
    struct node *n = ctx;
    (void)loop;
    assert_true(n->nlater < LEN(n->later));
    n->later[n->nlater++] = (struct later){fn, arg};
}

static UNUSED void node_wake(void *ctx, unsigned loop, int64_t when)
{
    struct node *n = ctx;
    assert_int_equal(loop, 0);
    n->wake = when;
}

/* Rings the timers of a node that are due. */
static UNUSED bool ring_all(struct node *n)
{
    if (!n->wake || n->wake > n->net->now)
        return false;
    int64_t next = cse_loop_tick(n->cse, 0);
    n->wake = next == INT64_MAX ? 0 : next;
    return true;
}

/* ---- long results: in memory, but not the request's ---- */
struct spill {
    char *p;
    size_t n;
};

static UNUSED struct spill *node_spill_new(void *ctx)
{
    (void)ctx;
    return calloc(1, sizeof(struct spill));
}

static UNUSED enum err node_spill_put(struct spill *s, struct span octets)
{
    s->p = realloc(s->p, s->n + octets.n + 1);
    memcpy(s->p + s->n, octets.p, octets.n);
    s->n += octets.n;
    s->p[s->n] = 0;
    return OK;
}

static UNUSED void node_spill_free(struct spill *s)
{
    free(s->p);
    free(s);
}

static bool ask_spills; /* of one request */

/* ---- requests ------------------------------------------------------------------------------------ */

static UNUSED void ask_done(struct exch *x)
{
    struct ask *k = x->door;
    k->done = true;
    k->rsc = x->rsp->rsc;
    if (x->spill) {
        assert_int_equal(x->spill_n, x->spill->n);
        k->spilt = x->spill->p;
        free(x->spill);
    }
    assert_true(x->rsp->pc.n < sizeof k->pc);
    if (x->rsp->pc.n)
        memcpy(k->pc, x->rsp->pc.p, x->rsp->pc.n);
    k->pc[x->rsp->pc.n] = 0;
    if (k->back)
        k->back->reply(k->back, OK, x->rsp);
}

static size_t ask_memory = 64 << 20; /* of one request */

static UNUSED struct ask *ask_new(void)
{
    struct ask *k = calloc(1, sizeof *k);
    heap_arena(&k->a, 4096, ask_memory);
    prim_init(&k->q);
    k->x = (struct exch){.req = &k->q, .arena = &k->a, .spills = ask_spills, .done = ask_done, .door = k};
    return k;
}

static UNUSED void ask_free(struct ask *k)
{
    arena_reset(&k->a);
    free(k->spilt);
    free(k);
}

static UNUSED void put_text(struct ask *k, enum param id, const char *s)
{
    if (s)
        prim_set(&k->q, id, arena_dup(&k->a, span_str(s)));
}

/* ---- the network runs ---------------------------------------------------------------------------- */

static UNUSED struct outside *outside_of(struct net *net, struct span url)
{
    for (size_t i = 0; i < net->nout; i++)
        if (span_starts(url, span_str(net->outside[i]->url)))
            return net->outside[i];
    return NULL;
}

static UNUSED void copy_text(char *to, size_t cap, struct span s)
{
    size_t n = s.n < cap - 1 ? s.n : cap - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = 0;
}

static UNUSED void strcat_line(char *s)
{
    size_t n = strlen(s);
    s[n] = '\n';
    s[n + 1] = 0;
}

static UNUSED void deliver_outside(struct outside *o, struct sending *s)
{
    struct prim rsp;
    prim_init(&rsp);
    o->seen++;
    copy_text(o->last, sizeof o->last, s->req->pc);
    copy_text(o->rqi, sizeof o->rqi, prim_text(s->req, PA_rqi));
    copy_text(o->fr, sizeof o->fr, prim_text(s->req, PA_fr));
    copy_text(o->ec, sizeof o->ec, prim_text(s->req, PA_ec));
    copy_text(o->rvi, sizeof o->rvi, prim_text(s->req, PA_rvi));
    size_t n = strlen(o->all);
    if (n + s->req->pc.n + 2 > sizeof o->all)
        n = 0;
    copy_text(o->all + n, sizeof o->all - n - 1, s->req->pc);
    strcat_line(o->all);
    copy_text(o->peer, sizeof o->peer, s->peer);
    copy_text(o->to, sizeof o->to, prim_text(s->req, PA_to));
    copy_text(o->vsi, sizeof o->vsi, prim_text(s->req, PA_vsi));
    if (o->answer) {
        rsp.pc = span_str(o->answer);
        rsp.ser = SER_JSON;
    }
    rsp.rsc = (uint16_t)o->rsc;
    if (o->rsc)
        s->reply(s, OK, &rsp);
    else
        s->reply(s, ERR_UNREACHABLE, NULL);
}

/* The receiving door: a request from another CSE over a security association. */
static UNUSED void deliver_node(struct node *to, struct node *from, struct sending *s)
{
    struct ask *k = ask_new();
    struct span *id = ARENA_NEW(&k->a, struct span);
    k->q = *s->req;
    k->q.addr = (struct addr){0};
    k->q.fc = NULL;
    k->q.body = k->q.content = NULL;
    k->q.assoc = (struct assoc){.secured = true, .kind = ASSOC_CSE, .ids = id, .n_ids = 1};
    *id = arena_join(&k->a, from->conf.self.sp, from->conf.self.csi);
    k->back = s;
    k->next = to->net->asks;
    to->net->asks = k;
    cse_submit(to->cse, &k->x);
}

static UNUSED bool deliver_one(struct net *net)
{
    struct sent *e = net->first;
    if (!e)
        return false;
    net->first = e->next;
    net->delivered++;
    struct outside *o = outside_of(net, e->s->url);
    if (o && o->silent) {
        o->seen++;
        e->next = net->silent;
        net->silent = e;
        return true;
    }
    struct node *to = NULL;
    for (size_t i = 0; i < net->n; i++)
        if (span_starts(e->s->url, span_str(net->nodes[i]->url)) && !(net->down >> i & 1))
            to = net->nodes[i];
    if (o)
        deliver_outside(o, e->s);
    else if (to)
        deliver_node(to, e->from, e->s);
    else
        e->s->reply(e->s, ERR_UNREACHABLE, NULL);
    free(e);
    return true;
}

static UNUSED bool write_all(struct node *n)
{
    struct exch *list[256];
    size_t count = 0;
    for (struct exch *x = n->queue; x && count < LEN(list); x = x->next)
        list[count++] = x;
    n->queue = NULL;
    n->end = &n->queue;
    if (!count)
        return false;
    cse_run_write(n->cse, list, count);
    for (size_t i = 0; i < count; i++)
        cse_finish(n->cse, list[i]);
    return true;
}

static UNUSED bool later_all(struct node *n)
{
    size_t k = n->nlater;
    struct later v[256];
    memcpy(v, n->later, sizeof v);
    n->nlater = 0;
    for (size_t i = 0; i < k; i++)
        v[i].fn(v[i].arg);
    return k > 0;
}

/* Until nothing is left to do at this moment of the virtual clock. */
static UNUSED void settle(struct net *net)
{
    for (bool busy = true; busy;) {
        busy = false;
        for (size_t i = 0; i < net->n; i++) {
            busy |= write_all(net->nodes[i]);
            busy |= later_all(net->nodes[i]);
            busy |= ring_all(net->nodes[i]);
            if (cse_wants_tick(net->nodes[i]->cse)) {
                cse_tick(net->nodes[i]->cse);
                busy = true;
            }
        }
        busy |= deliver_one(net);
    }
}

/* Whoever waits for somebody silent waits until its deadline. */
static UNUSED void give_up(struct net *net, int64_t now)
{
    for (struct sent **at = &net->silent; *at;) {
        struct sent *e = *at;
        if (e->s->deadline > now) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        e->s->reply(e->s, ERR_TIMEOUT, NULL);
        free(e);
        at = &net->silent; /* the answer may have led to new ones */
    }
}

/* The clock goes on, with a tick each second. */
static UNUSED void wait_ms(struct net *net, int64_t ms)
{
    for (int64_t end = net->now + ms; net->now < end;) {
        net->now += end - net->now < 1000 ? end - net->now : 1000;
        for (size_t i = 0; i < net->n; i++)
            cse_tick(net->nodes[i]->cse);
        settle(net);
        give_up(net, net->now);
        settle(net);
    }
}

static UNUSED void node_note(void *ctx, const char *event, struct span target, const char *why, uint32_t tries)
{
    (void)ctx;
    if (getenv("NODE_NOTES"))
        print_error("  note: %s %.*s: %s (%u)\n", event, SPAN_FMT(target), why, tries);
}

/* What the next nodes are configured beyond the arguments of node_up; NULL: nothing. */
static void (*node_conf)(struct cse_conf *conf);

static struct strings base_policies; /* acpi of the CSEBases that are made next */

/* ---- nodes --------------------------------------------------------------------------------------- */

static UNUSED struct node *node_up_on(struct net *net, uint8_t role, const char *csi, const char *name, const char *url,
                                      struct node *parent, bool lab, struct store *store)
{
    const char *why = NULL;
    struct node *n = calloc(1, sizeof *n);
    n->net = net;
    n->url = url;
    n->end = &n->queue;
    n->store = store;
    n->poa[0] = span_str(url);
    n->conf = (struct cse_conf){.role = role,
                                .self = {SPAN("//demo.example"), span_str(csi), span_str(name)},
                                .admin = SPAN("CAdmin"),
                                .poa = n->poa,
                                .npoa = 1,
                                .policies = base_policies};
    if (parent) {
        n->conf.parent_url = span_str(parent->url);
        n->conf.parent_csi = parent->conf.self.csi;
    }
    if (lab)
        n->conf.sw = switches_open();
    if (node_conf)
        node_conf(&n->conf);
    n->w = (struct world){.ctx = n,
                          .now = node_now,
                          .entropy = node_entropy,
                          .store = n->store,
                          .send = node_send,
                          .enqueue = node_enqueue,
                          .later = node_later,
                          .wake = node_wake,
                          .spill_new = node_spill_new,
                          .spill_put = node_spill_put,
                          .spill_free = node_spill_free};
    if (!net->now)
        net->now = T0;
    assert_int_equal(cse_new(&n->conf, &n->w, &n->cse, &why), OK);
    net->nodes[net->n++] = n;
    return n;
}

static UNUSED struct node *node_up(struct net *net, uint8_t role, const char *csi, const char *name, const char *url,
                                   struct node *parent, bool lab)
{
    static const uint8_t instance[16] = {1, 2, 3, 4, 5, 6, 7, 8};
    return node_up_on(net, role, csi, name, url, parent, lab, store_mem(instance));
}

static UNUSED void net_down(struct net *net)
{
    while (net->first) {
        struct sent *e = net->first;
        net->first = e->next;
        e->s->reply(e->s, ERR_CLOSED, NULL);
        free(e);
    }
    give_up(net, INT64_MAX);
    settle(net);
    for (size_t i = 0; i < net->n; i++) {
        cse_free(net->nodes[i]->cse);
        store_close(net->nodes[i]->store);
        free(net->nodes[i]);
    }
    for (struct ask *k = net->asks, *next; k; k = next) {
        next = k->next;
        ask_free(k);
    }
    *net = (struct net){0};
}

/* ---- one call ------------------------------------------------------------------------------------ */

/* Further parameters of the next request: "rcn", "1" pairs; criteria by their names. */
struct more {
    const char *name, *value;
};

/* "cr", "c.cr" of a child, "p.cr" of the parent */
static UNUSED void put_condition(struct ask *k, struct span name, struct span v)
{
    bool child = span_starts(name, SPAN("c.")), parent = span_starts(name, SPAN("p."));
    enum attr a = attr_find(span_from(name, child || parent ? 2 : 0));
    assert_int_equal(prim_add(&k->q, child ? FC_catr : parent ? FC_patr : FC_atr, a, v, &k->a), OK);
}

static UNUSED void put_more(struct ask *k, const struct more *m)
{
    for (; m && m->name; m++) {
        enum param id = param_of_query(span_str(m->name));
        if (id == PA_NONE)
            for (unsigned i = 1; i < PA__N && id == PA_NONE; i++)
                if (span_eq(param_row((enum param)i)->sn, span_str(m->name)))
                    id = (enum param)i;
        enum crit c = crit_of_query(span_str(m->name));
        struct span v = arena_dup(&k->a, span_str(m->value));
        if (c != FC_NONE)
            assert_int_equal(prim_add(&k->q, c, AT_NONE, v, &k->a), OK);
        else if (id != PA_NONE)
            prim_set(&k->q, id, v);
        else
            put_condition(k, span_str(m->name), v);
    }
}

static UNUSED struct ask *start(struct node *n, enum op op, const char *to, const char *fr, unsigned ty,
                                const char *body, const struct more *m)
{
    static unsigned serial;
    struct ask *k = ask_new();
    struct text_ {
        char s[32];
    } t;
    k->q.op = (uint8_t)op;
    put_text(k, PA_to, to);
    put_text(k, PA_fr, fr);
    snprintf(t.s, sizeof t.s, "r%u", ++serial);
    put_text(k, PA_rqi, t.s);
    put_text(k, PA_rvi, "3");
    if (ty) {
        snprintf(t.s, sizeof t.s, "%u", ty);
        put_text(k, PA_ty, t.s);
    }
    put_more(k, m);
    if (body) {
        k->q.pc = arena_dup(&k->a, span_str(body));
        k->q.ser = SER_JSON;
    }
    if (fr && !strcmp(fr, "CAdmin")) { /* the administrator proves who it is; all others come without certificate */
        struct span *id = ARENA_NEW(&k->a, struct span);
        *id = arena_join(&k->a, arena_join(&k->a, n->conf.self.sp, n->conf.self.csi), SPAN("/CAdmin"));
        k->q.assoc = (struct assoc){.secured = true, .kind = ASSOC_AE, .ids = id, .n_ids = 1};
    }
    cse_submit(n->cse, &k->x);
    return k;
}

/* Runs the request to its end. `last` keeps the answer until the next call. */
static struct ask *last;

static UNUSED unsigned call(struct node *n, enum op op, const char *to, const char *fr, unsigned ty, const char *body,
                            const struct more *m)
{
    if (last)
        ask_free(last);
    last = start(n, op, to, fr, ty, body, m);
    settle(n->net);
    assert_true(last->done);
    return last->rsc;
}

#define CREATE(n, to, fr, ty, body) call((n), OP_CREATE, (to), (fr), (ty), (body), NULL)
#define RETRIEVE(n, to, fr)         call((n), OP_RETRIEVE, (to), (fr), 0, NULL, NULL)
#define UPDATE(n, to, fr, body)     call((n), OP_UPDATE, (to), (fr), 0, (body), NULL)
#define DELETE(n, to, fr)           call((n), OP_DELETE, (to), (fr), 0, NULL, NULL)
#define NOTIFY(n, to, fr, body)     call((n), OP_NOTIFY, (to), (fr), 0, (body), NULL)
#define QUERY(n, to, fr, ...)                                                                                          \
    call((n), OP_RETRIEVE, (to), (fr), 0, NULL, (const struct more[]){__VA_ARGS__, {NULL, NULL}})

/* The answer's content must hold this piece of text. */
static UNUSED void holds_(const char *piece, const char *file, int line)
{
    if (strstr(last->pc, piece))
        return;
    print_error("%s:%d: not in the answer: %s\n  %s\n", file, line, piece, last->pc);
    fail();
}
#define HOLDS(piece) holds_((piece), __FILE__, __LINE__)
static UNUSED void lacks_(const char *piece, const char *file, int line)
{
    if (!strstr(last->pc, piece))
        return;
    print_error("%s:%d: in the answer: %s\n  %s\n", file, line, piece, last->pc);
    fail();
}
#define LACKS(piece) lacks_((piece), __FILE__, __LINE__)
static UNUSED void is_(unsigned want, unsigned got, const char *file, int line)
{
    if (want == got)
        return;
    print_error("%s:%d: wanted %u, got %u: %s\n", file, line, want, got, last->pc);
    fail();
}
#define IS(want, what) is_((want), (what), __FILE__, __LINE__)

/* A value of the answer: text between `"name":"` and the next quote. */
static UNUSED const char *value(const char *name)
{
    static char out[8][300];
    static unsigned turn;
    char key[64], *to = out[turn++ % 8];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(last->pc, key), *end = at ? strchr(at + strlen(key), '"') : NULL;
    to[0] = 0;
    if (end)
        copy_text(to, 300, span_of(at + strlen(key), (size_t)(end - at) - strlen(key)));
    return to;
}

/* The network of a test, and its end: what most tests need. */
static UNUSED struct net net;

static UNUSED int down(void **state)
{
    (void)state;
    if (last)
        ask_free(last);
    last = NULL;
    net_down(&net);
    return 0;
}

#endif
