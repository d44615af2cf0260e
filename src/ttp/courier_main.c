/* The courier as a process: one loop, a client, one link to the ledger. */
#include "ttp/courier.h"

#include "host/heap.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "net/client.h"
#include "ttp/cell.h"
#include "ttp/room.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* Texts lie in the start message, which is kept. */
struct target {
    struct span name, url, address, host;
    struct tls_ctx *tls;
};

static struct {
    struct net_loop *loop;
    struct http_client *client;
    struct link parent, ledger;
    struct msg_end end;
    uint32_t state;
    uint8_t *start;
    struct target target[COURIER_TARGETS_MAX];
    size_t n_targets, n_flying;
    uv_poll_t watch;
} courier;

struct flight {
    uint64_t id;
};

static void ended(const struct link *l, enum err e)
{
    room_end(ROOM_COURIER, l->peer, e);
}

/* ---- the link ------------------------------------------------------------------------------------------------------
 */

static void push(void);

static void on_link(uv_poll_t *p, int status, int events)
{
    (void)p;
    if (status < 0)
        ended(&courier.ledger, ERR_CLOSED);
    if (events & (UV_READABLE | UV_DISCONNECT)) {
        enum err e = link_read(&courier.ledger, &courier.end);
        if (e != OK)
            ended(&courier.ledger, e);
    }
    push();
}

static void push(void)
{
    enum err e = link_write(&courier.ledger);
    if (e != OK)
        ended(&courier.ledger, e);
    uv_poll_start(&courier.watch, UV_READABLE | UV_DISCONNECT | (link_pending(&courier.ledger) ? UV_WRITABLE : 0),
                  on_link);
}

static void tick(void *ctx)
{
    (void)ctx;
    msg_put_COURIER_TICK(&courier.ledger.out, &(struct msg_COURIER_TICK){.now = (uint64_t)net_loop_now(courier.loop)});
    push();
}

/* ---- carrying ------------------------------------------------------------------------------------------------------
 */

static void answer(uint64_t id, int status, struct span media, struct span body)
{
    msg_put_SENT(&courier.ledger.out,
                 &(struct msg_SENT){.id = id, .status = (uint16_t)status, .media = media, .body = body});
    push();
}

static void on_done(void *ctx, const struct http_result *r)
{
    struct flight *f = ctx;
    courier.n_flying--;
    if (r->e == OK) {
        answer(f->id, r->status, http_result_field(r, SPAN("content-type")), r->body);
    } else {
        LOG(LOG_L_WARN, "courier-failed", log_str("what", r->why), log_err("error", r->e));
        answer(f->id, 0, SPAN_NONE, SPAN_NONE);
    }
    free(f);
}

static const struct target *find(struct span name)
{
    for (size_t i = 0; i < courier.n_targets; i++)
        if (span_eq_nocase(courier.target[i].name, name))
            return &courier.target[i];
    return NULL;
}

/* The path stands behind the one of the target's URL. */
static enum err start(const struct msg_SEND *q, const struct target *t, struct flight *f)
{
    char path[1024], fields[256];
    struct http_url u;
    struct buf p = BUF_ARRAY(path), h = BUF_ARRAY(fields);
    TRY(http_url_parse(t->url, &u));
    struct span prefix = u.target;
    while (prefix.n > 0 && prefix.p[prefix.n - 1] == '/')
        prefix.n--;
    buf_put(&p, prefix);
    buf_put(&p, q->path);
    if (q->media.n > 0) {
        buf_str(&h, "Content-Type: ");
        buf_put(&h, q->media);
        buf_str(&h, "\r\n");
    }
    TRY(p.e);
    TRY(h.e);
    struct http_call c = {.address = t->address,
                          .tls = t->tls,
                          .name = t->host,
                          .host = u.address,
                          .method = q->body.n > 0 ? SPAN("POST") : SPAN("GET"),
                          .target = buf_span(&p),
                          .fields = buf_span(&h),
                          .body = q->body,
                          .done = on_done,
                          .ctx = f};
    http_call_start(courier.client, &c, NULL);
    return OK;
}

static enum err on_SEND(void *room, const union msg_any *m)
{
    const struct msg_SEND *q = &m->SEND;
    const struct target *t = find(q->who);
    (void)room;
    struct flight *f = t && t->address.n > 0 && courier.n_flying < COURIER_FLIGHT_MAX ? calloc(1, sizeof *f) : NULL;
    if (f)
        f->id = q->id;
    if (!f || start(q, t, f) != OK) {
        free(f);
        answer(q->id, 0, SPAN_NONE, SPAN_NONE);
        return OK;
    }
    courier.n_flying++;
    return OK;
}

/* ---- starting ------------------------------------------------------------------------------------------------------
 */

static enum err take_target(struct span *list)
{
    struct target *t = &courier.target[courier.n_targets];
    struct span ca;
    struct buf why = heap_buf(4096);
    if (courier.n_targets == COURIER_TARGETS_MAX)
        return ERR_LIMIT;
    TRY(msg_item_get(list, &t->name));
    TRY(msg_item_get(list, &t->url));
    TRY(msg_item_get(list, &t->address));
    TRY(msg_item_get(list, &t->host));
    TRY(msg_item_get(list, &ca));
    struct tls_conf c = {.ca_pem = ca};
    enum err e = span_starts(t->url, SPAN("https:")) ? tls_ctx_new(&c, &t->tls, &why) : OK;
    if (e != OK)
        LOG(LOG_L_ERROR, "courier-start", log_span("target", t->name), log_span("what", buf_span(&why)));
    heap_buf_free(&why);
    courier.n_targets++;
    return e;
}

static enum err on_COURIER_START(void *room, const union msg_any *m)
{
    struct span list = m->COURIER_START.targets;
    (void)room;
    courier.start = malloc(list.n + 1);
    if (!courier.start)
        return ERR_NOMEM;
    memcpy(courier.start, list.p, list.n);
    list.p = courier.start;
    while (list.n > 0)
        TRY(take_target(&list));
    courier.state = AT_REST;
    return OK;
}

static void ears(void)
{
    courier.end = (struct msg_end){.me = ROOM_COURIER, .state = &courier.state, .room = &courier};
#define HEAR_COURIER(name) courier.end.on[SAY_##name] = on_##name;
#define HEAR_PARENT(name)
#define HEAR_FRONT(name)
#define HEAR_LEDGER(name)
#define HEAR_VAULT(name)
#define HEAR_HALL(name)
#define HEAR_TELLER(name)
#define MSG(name, from, to, armed, fields, what) HEAR_##to(name)
#include "ttp/msg.def"
#undef MSG
}

/* The one message of the parent, before anything else is heard. */
static void wait_start(void)
{
    while (courier.state == AT_START) {
        enum err e = link_read(&courier.parent, &courier.end);
        if (e != OK)
            ended(&courier.parent, e);
    }
    link_free(&courier.parent);
}

int courier_main(void)
{
    struct net_timer *t;
    struct http_client_conf c = {
        .connect_ms = COURIER_TIME_MS / 2, .response_ms = COURIER_TIME_MS, .body_max = COURIER_BODY_MAX};
    if (sandbox_no_dumps() != OK || !room_fds_good(COURIER_FDS))
        return ROOM_FAILED;
    log_open("oneseal-ttp", false, LOG_L_INFO);
    link_init(&courier.parent, COURIER_PARENT, ROOM_PARENT);
    link_init(&courier.ledger, COURIER_LEDGER, ROOM_LEDGER);
    courier.state = AT_START;
    ears();
    wait_start();
    if (net_loop_new(&courier.loop) != OK || http_client_new(courier.loop, &c, &courier.client) != OK ||
        net_timer_new(courier.loop, tick, NULL, &t) != OK ||
        uv_poll_init(net_loop_uv(courier.loop), &courier.watch, COURIER_LEDGER) != 0 || cell_enter(CELL_COURIER) != OK)
        return ROOM_FAILED;
    net_timer_start(t, COURIER_TICK_MS, COURIER_TICK_MS);
    push();
    net_loop_run(courier.loop);
    _exit(ROOM_DONE);
}
