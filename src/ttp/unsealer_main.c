/* The unsealer: locks itself in, obtains the root once, writes it to the vault's pipe, ends. */
#include "ttp/unsealer.h"

#include "host/sandbox.h"
#include "host/secret.h"
#include "ttp/room.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct unsealer_kind *const kinds[] = {&unsealer_passphrase, &unsealer_credential, &unsealer_shares,
                                                    &unsealer_tpm2};

static size_t read_all(int fd, void *p, size_t cap)
{
    size_t n = 0;
    ssize_t got = 1;
    while (n < cap && ((got = read(fd, (uint8_t *)p + n, cap - n)) > 0 || (got < 0 && errno == EINTR)))
        n += got > 0 ? (size_t)got : 0;
    close(fd);
    return got < 0 ? 0 : n;
}

struct span unsealer_read(struct unsealer *u)
{
    return span_of(u->in, read_all(UNSEALER_PASS, u->in, sizeof u->in));
}

enum err unsealer_say(const char *fmt, ...)
{
    char line[UNSEALER_TEXT_MAX + 64];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line - 1, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof line - 1)
        return ERR_LIMIT;
    line[n++] = '\n';
    return write(UNSEALER_SAY, line, (size_t)n) == n ? OK : ERR_IO;
}

/* Which kind, and is it to be made? NULL: no custody file. */
static const struct unsealer_kind *choose(struct unsealer *u, bool *make)
{
    struct span text = span_of(u->text, read_all(UNSEALER_CUSTODY, u->text, sizeof u->text - 1));
    struct span rest = text;
    u->file = u->words = text;
    if (!span_eq(span_cut(&rest, ' '), SPAN("oneseal-custody")) || !span_ends(text, SPAN("\n")))
        return NULL;
    struct span version = span_cut(&rest, ' ');
    rest.n--;
    struct span word = span_cut(&rest, ' ');
    u->words = rest;
    *make = span_eq(version, SPAN("new"));
    for (size_t i = 0; i < LEN(kinds); i++)
        if (span_eq(word, span_str(kinds[i]->word)) && (*make ? kinds[i]->make != NULL : span_eq(version, SPAN("1"))))
            return kinds[i];
    return NULL;
}

static enum err give(struct unsealer *u, const struct unsealer_kind *k, bool make)
{
    TRY(make ? k->make(u) : k->secret(u));
    struct span xk = span_of(u->xk, read_all(UNSEALER_XK, u->xk, sizeof u->xk));
    TRY(custody_mix(u->secret, xk, u->root));
    return write(UNSEALER_PIPE, u->root, CUSTODY_ROOT) == CUSTODY_ROOT ? OK : ERR_IO;
}

static int failed(const struct unsealer *u, enum err e)
{
    fprintf(stderr, "oneseal-ttp: the unsealer cannot make the root key: %s\n", u->why ? u->why : err_text(e));
    return ROOM_FAILED;
}

int unsealer_main(void)
{
    bool make = false;
    if (secret_openssl_wipes() != OK || sandbox_no_dumps() != OK || !room_fds_good(UNSEALER_FDS))
        return ROOM_FAILED;
    struct unsealer *u = secret_alloc(sizeof *u);
    if (!u || custody_warm() != OK)
        return ROOM_FAILED;
    const struct unsealer_kind *k = choose(u, &make);
    enum err e = k ? OK : ERR_SYNTAX;
    /* Drawn here, since the cell lets nobody ask the kernel for more. */
    if (k && make && (RAND_bytes(u->secret, sizeof u->secret) != 1 || RAND_bytes(u->in, sizeof u->in) != 1))
        e = ERR_CRYPTO;
    if (e == OK && k->open)
        e = k->open(u);
    if (cell_enter(k ? k->cell : CELL_UNSEALER) != OK)
        return ROOM_FAILED;
    if (e == OK)
        e = give(u, k, make);
    int rc = e == OK ? ROOM_DONE : failed(u, e);
    secret_free(u);
    _exit(rc); /* what OpenSSL would do at exit is not in the cell */
}
