/* The front as a process: one loop, one listening socket that it was given, two links. */
#include "ttp/front_tile.h"

#include "host/heap.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "host/secret.h"
#include "ttp/cell.h"
#include "ttp/room.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { PARENT, LEDGER, GRACE_MS = 1000 };

static void ended(struct link *l, enum err e)
{
    room_end(ROOM_FRONT, l->peer, e);
}

/* ---- links on the loop
 * ------------------------------------------------------------------------------------------------ */

static void on_link(uv_poll_t *p, int status, int events);

static void watch(struct front *f, int which)
{
    struct link *l = which == PARENT ? &f->parent : &f->ledger;
    uv_poll_start(f->watch[which], UV_READABLE | UV_DISCONNECT | (link_pending(l) ? UV_WRITABLE : 0), on_link);
}

static void push(struct front *f, int which)
{
    struct link *l = which == PARENT ? &f->parent : &f->ledger;
    enum err e = link_write(l);
    if (e != OK)
        ended(l, e);
    watch(f, which);
}

void front_flush(struct front *f)
{
    push(f, LEDGER);
}

static void on_link(uv_poll_t *p, int status, int events)
{
    struct front *f = p->data;
    int which = (void *)p == f->watch[PARENT] ? PARENT : LEDGER;
    struct link *l = which == PARENT ? &f->parent : &f->ledger;
    if (status < 0)
        ended(l, ERR_CLOSED);
    if (events & (UV_READABLE | UV_DISCONNECT)) {
        enum err e = link_read(l, &f->end);
        if (e != OK)
            ended(l, e);
    }
    push(f, PARENT);
    push(f, LEDGER);
}

static enum err watch_new(struct front *f, int which, int fd)
{
    uv_poll_t *p = xalloc(sizeof *p);
    if (uv_poll_init(net_loop_uv(f->loop), p, fd) != 0)
        return ERR_IO;
    p->data = f;
    f->watch[which] = p;
    watch(f, which);
    return OK;
}

/* ---- messages
 * ----------------------------------------------------------------------------------------------------------- */

static void ask_nonce(void *ctx)
{
    struct front *f = ctx;
    struct front_ask *a = front_take(f, NULL);
    if (a)
        front_ask(f, a, KIND_NONCE, 0, SPAN_NONE);
}

static enum err fail_start(struct buf *why)
{
    LOG(LOG_L_ERROR, "front-start", log_span("what", buf_span(why)));
    return ERR_CONFIG;
}

static void refused(void *ctx, int status, const char *sentence, struct buf *fields, struct buf *body)
{
    (void)ctx;
    (void)status;
    buf_str(fields, "Content-Type: application/json\r\n");
    buf_str(body, "{\"code\":\"malformed\",\"what\":\"");
    buf_str(body, sentence);
    buf_str(body, "\",\"who\":\"front\",\"object\":\"request\",\"do\":\"send HTTP/1.1 as RFC 9112 has it\"}");
}

/* The first nonce is here, or there is no vault that could make one: now requests may come. */
static enum err open_door(struct front *f)
{
    struct buf why = heap_buf(4096);
    struct http_conf c = {.fd = FRONT_LISTEN,
                          .tls = f->tls,
                          .limits = http_limits_default(),
                          .wipe = true,
                          .handle = front_handle,
                          .refuse = refused,
                          .ctx = f};
    c.limits.body = TTP_BODY_MAX;
    if (http_server_new(f->loop, &c, &f->http, &why) != OK)
        return fail_start(&why);
    struct net_addr a = http_server_addr(f->http);
    TRY(cell_enter(CELL_FRONT));
    f->port = net_addr_port(&a);
    msg_put_FRONT_UP(&f->parent.out, &(struct msg_FRONT_UP){.port = f->port});
    return OK;
}

static enum err on_FRONT_SEALED(void *room, const union msg_any *m)
{
    struct front *f = room;
    f->sealed = true;
    f->sealed_what = heap_buf(512);
    f->sealed_todo = heap_buf(512);
    buf_put(&f->sealed_what, m->FRONT_SEALED.what);
    buf_put(&f->sealed_todo, m->FRONT_SEALED.todo);
    return f->sealed_what.e != OK ? f->sealed_what.e : f->sealed_todo.e;
}

static enum err on_FRONT_START(void *room, const union msg_any *m)
{
    struct front *f = room;
    const struct msg_FRONT_START *s = &m->FRONT_START;
    struct buf why = heap_buf(4096);
    struct net_timer *t;
    if (s->fqdn.n >= sizeof f->fqdn)
        return ERR_SYNTAX;
    memcpy(f->fqdn, s->fqdn.p, s->fqdn.n);
    f->auditors = heap_buf(1 << 20);
    buf_put(&f->auditors, s->auditors);
    struct tls_conf c = {.server = true, .cert_pem = s->certificate, .key_pem = s->key, .ca_pem = s->ca};
    if (tls_ctx_new(&c, &f->tls, &why) != OK)
        return fail_start(&why);
    f->state = AT_REST;
    if (f->sealed)
        return open_door(f);
    TRY(net_timer_new(f->loop, ask_nonce, f, &t));
    net_timer_start(t, FRONT_NONCE_EVERY_MS, FRONT_NONCE_EVERY_MS);
    ask_nonce(f);
    return OK;
}

static enum err on_FRONT_CA(void *room, const union msg_any *m)
{
    struct front *f = room;
    return tls_ctx_trust(f->tls, m->FRONT_CA.ca);
}

static void deliver(struct front *f, struct front_ask *a, const struct msg_ANSWER *m)
{
    static const char *const media[] = {
        [TYPE_ERROR] = "application/json",
        [TYPE_JOSE] = "application/jose",
        [TYPE_TEXT] = "text/plain; charset=utf-8",
        [TYPE_JSON] = "application/json",
        [TYPE_CERTS] = "application/pkcs7-mime; smime-type=certs-only",
        [TYPE_CSRATTRS] = "application/csrattrs",
        [TYPE_SIZE] = "text/x.tlog.size",
        [TYPE_TILE] = "application/octet-stream",
    };
    static const char encoded[] = "Content-Transfer-Encoding: base64\r\n"; /* RFC 7030 4.1.3 */
    uint8_t text[128];
    struct buf fields = BUF_ARRAY(text);
    if (!a->req)
        return;
    if (m->type == TYPE_TILE) {
        front_tile_answer(f, a->req, m);
        return;
    }
    front_retry_put(&fields, m);
    if (m->type == TYPE_CERTS || m->type == TYPE_CSRATTRS)
        buf_str(&fields, encoded);
    if (a->m2m.here)
        front_m2m_answer(f, a, m);
    else
        front_reply(f, a->req, m->status, media[m->type < LEN(media) ? m->type : 0], buf_span(&fields), m->body);
}

static enum err on_ANSWER(void *room, const union msg_any *m)
{
    struct front *f = room;
    const struct msg_ANSWER *q = &m->ANSWER;
    struct front_ask *a = &f->ask[q->id % TTP_ASKS_MAX];
    if (!a->used || a->id != q->id)
        return ERR_SYNTAX;
    if (q->nonce.n == FRONT_NONCE) {
        memcpy(f->nonce, q->nonce.p, FRONT_NONCE);
        f->has_nonce = true;
    }
    deliver(f, a, q);
    a->used = false;
    return f->http ? OK : open_door(f);
}

static void ears(struct front *f)
{
    f->end = (struct msg_end){.me = ROOM_FRONT, .state = &f->state, .room = f};
#define HEAR_FRONT(name) f->end.on[SAY_##name] = on_##name;
#define HEAR_PARENT(name)
#define HEAR_COURIER(name)
#define HEAR_LEDGER(name)
#define HEAR_VAULT(name)
#define HEAR_HALL(name)
#define HEAR_TELLER(name)
#define MSG(name, from, to, armed, fields, what) HEAR_##to(name)
#include "ttp/msg.def"
#undef MSG
}

int front_main(void)
{
    static struct front f;
    if (secret_openssl_wipes() != OK || sandbox_no_dumps() != OK || !room_fds_good(FRONT_FDS))
        return ROOM_FAILED;
    log_open("oneseal-ttp", false, LOG_L_INFO);
    link_init(&f.parent, FRONT_PARENT, ROOM_PARENT);
    link_init(&f.ledger, FRONT_LEDGER, ROOM_LEDGER);
    f.state = AT_START;
    ears(&f);
    if (net_loop_new(&f.loop) != OK || watch_new(&f, PARENT, FRONT_PARENT) != OK ||
        watch_new(&f, LEDGER, FRONT_LEDGER) != OK)
        return ROOM_FAILED;
    net_loop_run(f.loop);
    _exit(ROOM_DONE);
}
