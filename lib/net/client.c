#include "net/client_in.h"

#include "host/heap.h"

#include <stddef.h>
#include <string.h>

static void check_tick(struct http_client *c);

/* ---- ends of calls */

void client_forget(struct http_pending *p)
{
    p->client->calls--;
    if (p->client->conf.wipe)
        explicit_bzero(p->request, p->n);
    free(p);
}

void client_unline(struct http_pending *p)
{
    struct target *t = p->target;
    if (p->prev)
        p->prev->next = p->next;
    else if (t->first == p)
        t->first = p->next;
    if (p->next)
        p->next->prev = p->prev;
    else if (t->last == p)
        t->last = p->prev;
    p->next = p->prev = NULL;
}

void client_end_later(struct http_pending *p, enum err e, const char *why)
{
    if (p->ended)
        return;
    if (p->link)
        p->link->call = NULL;
    else if (p->target)
        client_unline(p);
    p->link = NULL;
    p->ended = true;
    p->e = e;
    snprintf(p->why, sizeof p->why, "%s: %s", p->target ? p->target->address : "request", why);
    struct http_pending **at = &p->client->ended;
    while (*at)
        at = &(*at)->next;
    p->next = NULL;
    *at = p;
    net_dirty_add(p->client->loop, &p->client->dirty);
}

static void deliver_failure(struct http_pending *p)
{
    struct http_result r = {.e = p->e, .why = p->why, .sent = p->sent};
    void (*done)(void *, const struct http_result *) = p->done;
    void *ctx = p->ctx;
    char why[CLIENT_WHY_MAX];
    memcpy(why, p->why, sizeof why);
    r.why = why;
    client_forget(p);
    done(ctx, &r);
}

static void maybe_free(struct http_client *c)
{
    if (!c->freed || c->links > 0 || c->calls > 0 || c->in_dirty)
        return;
    while (c->targets) {
        struct target *t = c->targets;
        c->targets = t->next;
        tls_ctx_free(t->tls);
        free(t->address);
        free(t->name);
        free(t);
    }
    net_dirty_remove(c->loop, &c->dirty);
    free(c);
}

static void deliver_ended(struct http_client *c)
{
    c->in_dirty = true;
    while (c->ended) {
        struct http_pending *p = c->ended;
        c->ended = p->next;
        deliver_failure(p);
    }
    c->in_dirty = false;
    if (!c->freed)
        check_tick(c);
    maybe_free(c);
}

static void on_dirty(struct net_dirty *d)
{
    deliver_ended((struct http_client *)((char *)d - offsetof(struct http_client, dirty)));
}

/* ---- targets and their lines */

static bool text_is(const char *s, struct span t)
{
    return span_eq(span_str(s), t);
}

static char *dup_text(struct span s)
{
    char *p = xalloc(s.n + 1);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

/* The host of "host:port", without brackets. */
static struct span host_of(struct span address)
{
    struct span h = span_first(address, span_rfind(address, ':'));
    bool bracket = h.n > 1 && h.p[0] == '[' && h.p[h.n - 1] == ']';
    return bracket ? span_of(h.p + 1, h.n - 2) : h;
}

static struct target *target_of(struct http_client *c, const struct http_call *call)
{
    struct span name = call->name.n > 0 ? call->name : host_of(call->address);
    for (struct target *t = c->targets; t; t = t->next)
        if (t->tls == call->tls && text_is(t->address, call->address) && (!t->tls || text_is(t->name, name)))
            return t;
    struct target *t = xalloc(sizeof *t);
    t->client = c;
    t->tls = call->tls ? tls_ctx_ref(call->tls) : NULL;
    t->address = dup_text(call->address);
    t->name = dup_text(name);
    t->next = c->targets;
    c->targets = t;
    return t;
}

/* Targets that nobody uses go with the tick, so that a CSE with many notification targets does not collect them. */
static void drop_unused_targets(struct http_client *c)
{
    struct target **at = &c->targets;
    while (*at) {
        struct target *t = *at;
        bool used = t->links || t->first;
        for (struct http_pending *p = c->ended; p && !used; p = p->next)
            used = p->target == t;
        if (used) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        tls_ctx_free(t->tls);
        free(t->address);
        free(t->name);
        free(t);
    }
}

static struct link *idle_link(struct target *t)
{
    for (struct link *k = t->links, *next; k; k = next) {
        next = k->next;
        if (k->phase == LINK_IDLE && !k->closing && link_usable(k))
            return k;
    }
    return NULL;
}

void client_pump(struct target *t)
{
    while (t->first) {
        struct http_pending *p = t->first;
        struct link *k = idle_link(t);
        if (!k)
            break;
        client_unline(p);
        link_start(k, p);
    }
    uint32_t connecting = 0, waiting = 0;
    for (struct link *k = t->links; k; k = k->next)
        connecting += !k->closing && k->phase < LINK_IDLE;
    for (struct http_pending *p = t->first; p && waiting <= connecting; p = p->next)
        waiting++;
    /* One new link per turn of the pump and waiting call, never more than the limit. */
    if (waiting > connecting && t->links_n < t->client->conf.per_target_max)
        link_open(t);
}

void client_again(struct http_pending *p)
{
    struct target *t = p->target;
    p->repeated = true;
    p->sent = false;
    p->link = NULL;
    p->prev = NULL;
    p->next = t->first;
    if (t->first)
        t->first->prev = p;
    else
        t->last = p;
    t->first = p;
}

void client_link_gone(struct link *k)
{
    struct target *t = k->target;
    struct http_client *c = k->client;
    struct link **at = &t->links;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    t->links_n--;
    c->links--;
    free(k->peer);
    free(k);
    if (!c->freed)
        client_pump(t);
    maybe_free(c);
}

/* ---- deadlines */

static void tick_link(struct link *k, int64_t now)
{
    char why[64];
    if (k->closing || now < k->deadline)
        return;
    if (k->phase == LINK_IDLE) {
        link_close(k);
    } else if (k->phase < LINK_IDLE) {
        snprintf(why, sizeof why, "no connection within %u ms", (unsigned)k->client->conf.connect_ms);
        link_fail(k, k->phase == LINK_HANDSHAKE ? ERR_TIMEOUT : ERR_UNREACHABLE, why);
    }
}

static void tick_call(struct http_pending *p, int64_t now)
{
    char why[64];
    if (now < p->deadline)
        return;
    snprintf(why, sizeof why, "no answer within %u ms", (unsigned)p->response_ms);
    if (p->link)
        link_fail(p->link, ERR_TIMEOUT, why);
    else
        client_end_later(p, ERR_TIMEOUT, why);
}

static void on_tick(void *ctx)
{
    struct http_client *c = ctx;
    int64_t now = net_loop_now(c->loop);
    for (struct target *t = c->targets; t; t = t->next) {
        for (struct link *k = t->links; k; k = k->next) {
            if (k->call)
                tick_call(k->call, now);
            else
                tick_link(k, now);
        }
        for (struct http_pending *p = t->first, *next; p; p = next) {
            next = p->next;
            tick_call(p, now);
        }
    }
    drop_unused_targets(c);
    check_tick(c);
}

/* Often while somebody waits, seldom while links are only kept, not at all otherwise. */
static void check_tick(struct http_client *c)
{
    uint64_t want = c->calls > 0 ? CLIENT_TICK_MS : c->links > 0 ? CLIENT_IDLE_TICK_MS : 0;
    if (want == c->tick_ms)
        return;
    c->tick_ms = want;
    if (want)
        net_timer_start(c->tick, want, want);
    else
        net_timer_stop(c->tick);
}

/* ---- starting */

/* Complete lines, each "name: value" CR LF, without a control character: what others gave us must not become
 * more lines than it is. */
static bool fields_ok(struct span f)
{
    size_t line = 0;
    for (size_t i = 0; i < f.n; i++) {
        uint8_t c = f.p[i];
        if (c == '\r') {
            if (i + 1 >= f.n || f.p[i + 1] != '\n' || i == line)
                return false;
            line = i + 2;
            i++;
        } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return line == f.n;
}

static bool printable(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return s.n > 0;
}

static const char *defect_of(const struct http_call *call)
{
    struct span host = call->host.n > 0 ? call->host : call->address;
    if (!printable(call->method))
        return "the method is no token";
    if (!printable(call->target) || call->target.p[0] != '/')
        return "the request target is no path that begins with '/'";
    if (!printable(host) || !printable(call->address))
        return "the address or host has a blank or control character";
    if (!fields_ok(call->fields))
        return "the header fields are not complete lines";
    return NULL;
}

static void write_request(struct buf *b, const struct http_call *call)
{
    struct span host = call->host.n > 0 ? call->host : call->address;
    bool bodyless = span_eq(call->method, SPAN("GET")) || span_eq(call->method, SPAN("HEAD")) ||
                    span_eq(call->method, SPAN("DELETE"));
    buf_put(b, call->method);
    buf_c(b, ' ');
    buf_put(b, call->target);
    buf_str(b, " HTTP/1.1\r\nHost: ");
    buf_put(b, host);
    buf_str(b, "\r\n");
    buf_put(b, call->fields);
    if (call->body.n > 0 || !bodyless) {
        buf_str(b, "Content-Length: ");
        buf_u64(b, call->body.n);
        buf_str(b, "\r\n");
    }
    buf_str(b, "\r\n");
    buf_put(b, call->body);
}

static bool is_idempotent(struct span method)
{
    static const char *const word[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < LEN(word); i++)
        if (span_eq(method, span_str(word[i])))
            return true;
    return false;
}

static struct http_pending *pending_new(struct http_client *c, const struct http_call *call)
{
    size_t room =
        call->method.n + call->target.n + call->host.n + call->address.n + call->fields.n + call->body.n + 128;
    struct http_pending *p = xalloc(sizeof *p + room);
    struct buf b = buf_over(p->request, room);
    write_request(&b, call);
    p->n = b.n;
    p->client = c;
    p->done = call->done;
    p->ctx = call->ctx;
    p->head_only = span_eq(call->method, SPAN("HEAD"));
    p->may_repeat = call->may_repeat || is_idempotent(call->method);
    p->response_ms = call->response_ms ? call->response_ms : c->conf.response_ms;
    p->deadline = net_loop_now(c->loop) + c->conf.connect_ms + p->response_ms;
    c->calls++;
    return p;
}

void http_call_start(struct http_client *c, const struct http_call *call, struct http_pending **out)
{
    uv_update_time(net_loop_uv(c->loop)); /* outside of a turn its clock may be old */
    struct http_pending *p = pending_new(c, call);
    if (out)
        *out = p;
    check_tick(c);
    const char *defect = defect_of(call);
    if (c->freed)
        client_end_later(p, ERR_NOTNOW, "the client is closing");
    else if (defect)
        client_end_later(p, ERR_SYNTAX, defect);
    else if (c->calls > c->conf.waiting_max)
        client_end_later(p, ERR_LIMIT, "too many calls wait");
    if (p->ended)
        return;
    struct target *t = target_of(c, call);
    p->target = t;
    p->prev = t->last;
    if (t->last)
        t->last->next = p;
    else
        t->first = p;
    t->last = p;
    client_pump(t);
}

void http_call_cancel(struct http_pending *p)
{
    struct http_client *c = p->client;
    if (p->link) {
        struct link *k = p->link;
        k->call = NULL;
        p->link = NULL;
        link_close(k);
    } else if (!p->ended) {
        client_unline(p);
    } else {
        struct http_pending **at = &c->ended;
        while (*at != p)
            at = &(*at)->next;
        *at = p->next;
    }
    p->e = ERR_NOTNOW;
    snprintf(p->why, sizeof p->why, "cancelled");
    deliver_failure(p);
}

/* ---- the client */

static uint32_t or_default(uint32_t v, uint32_t def)
{
    return v ? v : def;
}

enum err http_client_new(struct net_loop *l, const struct http_client_conf *conf, struct http_client **out)
{
    static const struct http_client_conf none;
    *out = NULL;
    conf = conf ? conf : &none;
    struct http_client *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->loop = l;
    c->conf = *conf;
    c->conf.connect_ms = or_default(conf->connect_ms, 5000);
    c->conf.response_ms = or_default(conf->response_ms, 10000);
    c->conf.idle_ms = or_default(conf->idle_ms, 30000);
    c->conf.head_max = or_default(conf->head_max, 16384);
    c->conf.body_max = or_default(conf->body_max, 4 << 20);
    c->conf.per_target_max = or_default(conf->per_target_max, 16);
    c->conf.waiting_max = or_default(conf->waiting_max, 10000);
    c->limits = (struct head_limits){c->conf.head_max, HTTP_FIELDS_MAX, c->conf.head_max, c->conf.body_max};
    c->dirty.flush = on_dirty;
    if (net_timer_new(l, on_tick, c, &c->tick) != OK) {
        free(c);
        return ERR_NOMEM;
    }
    *out = c;
    return OK;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    c->freed = true;
    for (struct target *t = c->targets; t; t = t->next) {
        while (t->first)
            client_end_later(t->first, ERR_NOTNOW, "the client is closing");
        for (struct link *k = t->links; k; k = k->next) {
            if (k->call)
                client_end_later(k->call, ERR_NOTNOW, "the client is closing");
            link_close(k);
        }
    }
    net_timer_free(c->tick);
    c->tick = NULL;
    if (!c->in_dirty)
        deliver_ended(c);
}
