/* The hall as a process: spare tellers, and their boxes. */
#include "ttp/hall.h"

#include "host/heap.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "host/secret.h"
#include "ttp/cell.h"
#include "ttp/room.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TILL_TEXT_MAX = 4096, PEM_MAX = 1 << 20 };

/* One teller. */
struct post {
    pid_t pid; /* 0: nobody */
    struct link link;
    struct msg_end end;
    uint32_t state;
    bool up, busy, asks; /* asks: a box of it is with the vault */
    uint64_t id, n;      /* of that box: for the vault, for the teller */
    int64_t since;       /* busy since */
};

static struct hall {
    struct link parent, vault;
    struct msg_end end;
    uint32_t state;
    struct buf fqdn, cert, key, ca, till;
    bool told, keyed, said_up; /* HALL_START and TILL_KEY came; HALL_UP went */
    struct post post[HALL_TELLERS_MAX];
    uint64_t next_id;
    unsigned quick;
} hall;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void keep(struct buf *to, struct span s)
{
    buf_reset(to);
    buf_put(to, s);
}

static enum err on_HALL_START(void *room, const union msg_any *m)
{
    struct hall *h = room;
    keep(&h->fqdn, m->HALL_START.fqdn);
    keep(&h->cert, m->HALL_START.certificate);
    keep(&h->key, m->HALL_START.key);
    keep(&h->ca, m->HALL_START.ca);
    h->told = true;
    return h->key.e;
}

static enum err on_TILL_KEY(void *room, const union msg_any *m)
{
    struct hall *h = room;
    keep(&h->till, m->TILL_KEY.jwk);
    h->keyed = true;
    return h->till.e;
}

/* A teller that has gone meanwhile gets nothing; nobody else can read it. */
static enum err on_PAY(void *room, const union msg_any *m)
{
    struct hall *h = room;
    for (size_t i = 0; i < HALL_TELLERS_MAX; i++) {
        struct post *p = &h->post[i];
        if (p->pid == 0 || !p->asks || p->id != m->PAY.id)
            continue;
        p->asks = false;
        msg_put_PAID(&p->link.out, &(struct msg_PAID){.n = p->n, .box = m->PAY.box});
        break;
    }
    return OK;
}

/* ---- what a teller says: an error ends that teller -----------------------------------------------------------------
 */

static enum err on_TELLER_UP(void *room, const union msg_any *m)
{
    struct post *p = room;
    if (p->up)
        return ERR_NOTNOW;
    p->up = true;
    hall.quick = 0;
    if (!hall.said_up)
        msg_put_HALL_UP(&hall.parent.out, &(struct msg_HALL_UP){.port = m->TELLER_UP.port});
    hall.said_up = true;
    hall.state = AT_REST;
    return OK;
}

static enum err on_TELLER_BUSY(void *room, const union msg_any *m)
{
    struct post *p = room;
    if (!p->up || p->busy)
        return ERR_NOTNOW;
    p->busy = true;
    p->since = now_ms();
    LOG(LOG_L_DEBUG, "teller-busy", log_span("from", m->TELLER_BUSY.from));
    return OK;
}

static enum err on_TELL(void *room, const union msg_any *m)
{
    struct post *p = room;
    if (!p->busy || p->asks)
        return ERR_NOTNOW;
    p->asks = true;
    p->id = hall.next_id++;
    p->n = m->TELL.n;
    msg_put_TOLD(&hall.vault.out, &(struct msg_TOLD){.id = p->id, .box = m->TELL.box});
    return OK;
}

/* Handlers of one room by the table: the hall's own, and those that a post has. */
static void ears(void)
{
    hall.end = (struct msg_end){.me = ROOM_HALL, .state = &hall.state, .room = &hall};
    hall.end.on[SAY_HALL_START] = on_HALL_START;
    hall.end.on[SAY_TILL_KEY] = on_TILL_KEY;
    hall.end.on[SAY_PAY] = on_PAY;
}

static void post_ears(struct post *p)
{
    p->state = AT_REST;
    p->end = (struct msg_end){.me = ROOM_HALL, .state = &p->state, .room = p};
    p->end.on[SAY_TELLER_UP] = on_TELLER_UP;
    p->end.on[SAY_TELLER_BUSY] = on_TELLER_BUSY;
    p->end.on[SAY_TELL] = on_TELL;
}

/* ---- starting and ending tellers -----------------------------------------------------------------------------------
 */

static enum err start(struct post *p)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
        return ERR_IO;
    const int theirs[] = {fd[1], HALL_LISTEN};
    pid_t self = getpid(), pid = fork();
    if (pid == 0)
        room_become("teller", theirs, TELLER_FDS, self);
    close(fd[1]);
    if (pid < 0) {
        close(fd[0]);
        return ERR_IO;
    }
    *p = (struct post){.pid = pid};
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    link_init(&p->link, fd[0], ROOM_TELLER);
    post_ears(p);
    msg_put_TELLER_START(&p->link.out, &(struct msg_TELLER_START){.fqdn = buf_span(&hall.fqdn),
                                                                  .certificate = buf_span(&hall.cert),
                                                                  .key = buf_span(&hall.key),
                                                                  .ca = buf_span(&hall.ca),
                                                                  .till = buf_span(&hall.till)});
    return p->link.out.e;
}

/* Its link is broken, or it did wrong: it is gone before this returns. */
static void end(struct post *p)
{
    int status = 0;
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        LOG(LOG_L_ERROR, "teller-died", log_int("signal", WTERMSIG(status)));
    if (!p->up && ++hall.quick > HALL_QUICK_MAX) {
        LOG(LOG_L_ERROR, "room-ends", log_str("room", "hall"), log_str("what", "its tellers do not come up"));
        _exit(ROOM_FAILED);
    }
    link_free(&p->link);
    p->pid = 0;
}

static void staff(void)
{
    size_t spare = 0;
    if (!hall.told || !hall.keyed)
        return;
    for (size_t i = 0; i < HALL_TELLERS_MAX; i++)
        spare += hall.post[i].pid > 0 && !hall.post[i].busy;
    for (size_t i = 0; i < HALL_TELLERS_MAX && spare < HALL_SPARE; i++)
        if (hall.post[i].pid == 0) {
            if (start(&hall.post[i]) != OK)
                room_end(ROOM_HALL, ROOM_TELLER, ERR_IO);
            spare++;
        }
}

/* ---- the loop ------------------------------------------------------------------------------------------------------
 */

static void hear(struct link *l)
{
    enum err e = link_read(l, &hall.end);
    if (e != OK)
        room_end(ROOM_HALL, l->peer, e);
}

static void speak(struct link *l)
{
    enum err e = link_write(l);
    if (e != OK)
        room_end(ROOM_HALL, l->peer, e);
}

static void hear_post(struct post *p, short events)
{
    enum err e = OK;
    if (events & ~POLLOUT)
        e = link_read(&p->link, &p->end);
    if (e == OK && p->busy && now_ms() - p->since > HALL_LIFE_MS)
        e = ERR_TIMEOUT;
    if (e != OK && e != ERR_CLOSED)
        LOG(LOG_L_WARN, "teller-ended", log_err("error", e), log_str("what", err_text(e)));
    if (e != OK)
        end(p);
}

static struct pollfd waits(const struct link *l)
{
    return (struct pollfd){.fd = l->fd, .events = (short)(POLLIN | (link_pending(l) ? POLLOUT : 0))};
}

static void turn(void)
{
    struct pollfd f[2 + HALL_TELLERS_MAX] = {waits(&hall.parent), waits(&hall.vault)};
    for (size_t i = 0; i < HALL_TELLERS_MAX; i++)
        f[2 + i] = hall.post[i].pid > 0 ? waits(&hall.post[i].link) : (struct pollfd){.fd = -1};
    if (poll(f, LEN(f), HALL_TURN_MS) < 0)
        return;
    if (f[0].revents & ~POLLOUT)
        hear(&hall.parent);
    if (f[1].revents & ~POLLOUT)
        hear(&hall.vault);
    for (size_t i = 0; i < HALL_TELLERS_MAX; i++)
        if (f[2 + i].fd >= 0)
            hear_post(&hall.post[i], f[2 + i].revents);
    staff();
    speak(&hall.parent);
    speak(&hall.vault);
    for (size_t i = 0; i < HALL_TELLERS_MAX; i++)
        if (hall.post[i].pid > 0 && link_write(&hall.post[i].link) != OK)
            end(&hall.post[i]);
}

int hall_main(void)
{
    if (secret_openssl_wipes() != OK || sandbox_no_dumps() != OK || !room_fds_good(HALL_FDS))
        return ROOM_FAILED;
    log_open("oneseal-ttp", false, LOG_L_INFO);
    struct buf *const held[] = {&hall.fqdn, &hall.cert, &hall.key, &hall.ca, &hall.till};
    for (size_t i = 0; i < LEN(held); i++)
        *held[i] = heap_buf(i + 1 < LEN(held) ? PEM_MAX : TILL_TEXT_MAX);
    hall.state = AT_START;
    ears();
    link_init(&hall.parent, HALL_PARENT, ROOM_PARENT);
    link_init(&hall.vault, HALL_VAULT, ROOM_VAULT);
    for (int fd = HALL_PARENT; fd <= HALL_VAULT; fd++)
        if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
            return ROOM_FAILED;
    signal(SIGPIPE, SIG_IGN);
    if (cell_enter(CELL_HALL) != OK)
        return ROOM_FAILED;
    for (;;)
        turn();
}
