/* The unsealer: locks itself in, obtains the root once, writes it to the vault's pipe, ends. */
#include "host/sandbox.h"
#include "host/secret.h"
#include "ttp/cell.h"
#include "ttp/room.h"
#include "ttp/unsealer_custody.h"

#include <stdio.h>
#include <unistd.h>

struct secrets {
    uint8_t pass[CUSTODY_PASS_MAX], root[CUSTODY_ROOT], xk[CUSTODY_XK + 1];
};

static struct span read_all(int fd, uint8_t *p, size_t cap)
{
    size_t n = 0;
    ssize_t got = 1;
    while (n < cap && (got = read(fd, p + n, cap - n)) > 0)
        n += (size_t)got;
    close(fd);
    return span_of(p, got < 0 ? 0 : n);
}

static int give(struct secrets *s)
{
    uint8_t text[512];
    struct custody c;
    struct span pass = read_all(UNSEALER_PASS, s->pass, sizeof s->pass);
    struct span custody = read_all(UNSEALER_CUSTODY, text, sizeof text);
    struct span xk = read_all(UNSEALER_XK, s->xk, sizeof s->xk);
    enum err e = custody_read(custody, &c);
    if (e == OK)
        e = custody_root(&c, pass, xk, s->root);
    if (e == OK && write(UNSEALER_PIPE, s->root, CUSTODY_ROOT) != CUSTODY_ROOT)
        e = ERR_IO;
    if (e != OK)
        fprintf(stderr, "oneseal-ttp: the unsealer cannot make the root key: %s\n", err_text(e));
    return e == OK ? ROOM_DONE : ROOM_FAILED;
}

int unsealer_main(void)
{
    if (secret_openssl_wipes() != OK || sandbox_no_dumps() != OK || !room_fds_good(UNSEALER_FDS))
        return ROOM_FAILED;
    struct secrets *s = secret_alloc(sizeof *s);
    if (!s || custody_warm() != OK || cell_enter(CELL_UNSEALER) != OK)
        return ROOM_FAILED;
    int rc = give(s);
    secret_free(s);
    _exit(rc); /* what OpenSSL would do at exit is not in the cell */
}
