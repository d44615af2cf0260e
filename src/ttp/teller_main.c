/* A teller as a process: ready, one connection, overwritten, gone. */
#include "ttp/teller.h"

#include "host/heap.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "host/secret.h"
#include "ttp/cell.h"
#include "ttp/room.h"
#include "ttp/vault_warm.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LEAST_LOCKED = 64 << 10 };

static struct teller teller;

int64_t teller_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- messages ------------------------------------------------------------------------------------------------------
 */

static enum err on_TELLER_START(void *room, const union msg_any *m)
{
    struct teller *t = room;
    const struct msg_TELLER_START *s = &m->TELLER_START;
    struct tls_conf c = {.server = true, .cert_pem = s->certificate, .key_pem = s->key, .ca_pem = s->ca};
    struct arena a;
    arena_over(&a, t->desk->work, sizeof t->desk->work);
    if (s->fqdn.n >= sizeof t->fqdn || p256_read_text(s->till, &a, &t->till) != REASON_OK)
        return ERR_SYNTAX;
    memcpy(t->fqdn, s->fqdn.p, s->fqdn.n);
    TRY(tls_ctx_new(&c, &t->tls, NULL));
    TRY(p256_new(&t->epk));
    t->state = AT_REST;
    return OK;
}

static enum err on_PAID(void *room, const union msg_any *m)
{
    struct teller *t = room;
    if (m->PAID.n != t->n || t->paid)
        return ERR_NOTNOW;
    buf_reset(&t->answer);
    buf_put(&t->answer, m->PAID.box);
    t->paid = true;
    return t->answer.e;
}

static void ears(struct teller *t)
{
    t->end = (struct msg_end){.me = ROOM_TELLER, .state = &t->state, .room = t};
    t->end.on[SAY_TELLER_START] = on_TELLER_START;
    t->end.on[SAY_PAID] = on_PAID;
}

/* ---- before the connection -----------------------------------------------------------------------------------------
 */

static uint64_t port(void)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    if (getsockname(TELLER_LISTEN, (struct sockaddr *)&a, &n) != 0)
        return 0;
    return a.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&a)->sin6_port)
                                   : ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static enum err get_ready(struct teller *t)
{
    while (t->state == AT_START)
        TRY(link_read(&t->hall, &t->end));
    uint64_t p = port();
    TRY(cell_enter(CELL_TELLER));
    msg_put_TELLER_UP(&t->hall.out, &(struct msg_TELLER_UP){.port = p});
    return link_flush(&t->hall);
}

/* The one connection. Other tellers wait at the same socket. ERR_CLOSED: the hall has gone. */
static enum err accept_one(struct teller *t, int *fd)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = TELLER_LISTEN, .events = POLLIN}, {.fd = t->hall.fd, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return ERR_IO;
        if (p[1].revents) /* nothing is said to a teller that waits: the hall has gone */
            return ERR_CLOSED;
        *fd = accept4(TELLER_LISTEN, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (*fd >= 0)
            break;
    }
    int on = 1;
    close(TELLER_LISTEN);
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    msg_put_TELLER_BUSY(&t->hall.out, &(struct msg_TELLER_BUSY){.from = SPAN_NONE});
    return link_flush(&t->hall);
}

/* ---- the connection ------------------------------------------------------------------------------------------------
 */

/* Who is it? By PSK the vault said so; by certificate its names. */
static void name_client(struct teller *t)
{
    struct tls_peer peer;
    if (tls_one_by_psk(t->one))
        return;
    struct buf b = BUF_ARRAY(t->names);
    if (tls_one_peer(t->one, &peer))
        for (uint8_t i = 0; i < peer.n; i++) {
            buf_put(&b, tls_name_span(&peer.name[i]));
            buf_c(&b, '\n');
        }
    t->names_n = b.e == OK ? b.n : 0;
}

static void forget_request(struct teller_desk *d)
{
    wipe(d->in, sizeof d->in);
    wipe(d->paid, sizeof d->paid);
    wipe(d->value, sizeof d->value);
    wipe(d->ask, sizeof d->ask);
}

static void serve(struct teller *t, int fd)
{
    struct tls_one_conf c = {.ctx = t->tls, .fd = fd, .psk = teller_psk, .user = t, .now_ms = teller_now};
    enum err e = tls_one_new(&c, &t->one);
    t->until = teller_now() + TELLER_LIFE_MS;
    if (e == OK)
        e = tls_one_accept(t->one, teller_now() + TELLER_HANDSHAKE_MS);
    if (e != OK)
        return;
    name_client(t);
    for (unsigned i = 0; i < TELLER_REQUESTS_MAX; i++) {
        struct teller_req r;
        e = teller_read(t, &r);
        if (e == OK) {
            r.last = r.last || i + 1 == TELLER_REQUESTS_MAX;
            e = teller_serve(t, &r);
        }
        forget_request(t->desk);
        if (e != OK || r.last)
            break;
    }
    tls_one_end(t->one);
}

static void forget(struct teller *t)
{
    tls_one_free(t->one);
    tls_ctx_free(t->tls);
    p256_free(t->epk);
    p256_free(t->till);
    buf_wipe(&t->answer);
    heap_buf_free(&t->answer);
    buf_wipe(&t->hall.in);
    buf_wipe(&t->hall.out);
    secret_free(t->desk);
    wipe(t->names, sizeof t->names);
}

/* What the stack held below this frame. */
static NOINLINE void forget_stack(void)
{
    uint8_t below[128 << 10];
    wipe(below, sizeof below);
}

int teller_main(void)
{
    struct teller *t = &teller;
    int fd = -1;
    if (secret_openssl_wipes() != OK || sandbox_no_dumps() != OK || !room_fds_good(TELLER_FDS))
        return ROOM_FAILED;
    log_open("oneseal-ttp", false, LOG_L_INFO);
    (void)cell_lock_memory(); /* where the limit is too small, the desk alone is locked */
    t->desk = secret_alloc(sizeof *t->desk);
    if (!t->desk || vault_warm() != OK)
        return ROOM_FAILED;
    t->answer = heap_buf(TILL_BOX_MAX);
    t->state = AT_START;
    ears(t);
    link_init(&t->hall, TELLER_HALL, ROOM_HALL);
    signal(SIGPIPE, SIG_IGN);
    enum err e = get_ready(t);
    if (e == OK)
        e = accept_one(t, &fd);
    if (e != OK)
        room_end(ROOM_TELLER, ROOM_HALL, e);
    serve(t, fd);
    forget(t);
    forget_stack();
    _exit(ROOM_DONE);
}
