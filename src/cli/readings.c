/* readings.c - see readings.h. Lines are read by hand, so that waiting for the next one can end. */
#include "cli/readings.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/telemetry.h"
#include "host/heap.h"
#include "wire/csv.h"
#include "wire/json.h"

enum {
    LINE_OCTETS_MAX = 16 << 20, /* of a JSON reading */
    PIECE = 1 << 16,
    HOST_MAX = 1 << 16,
    ARENA_BLOCK = 1 << 14,
    ARENA_MAX = 8 << 20
};

struct readings {
    struct cli *c;
    int fd; /* -1: telemetry of this host */
    bool csv, has_header, ended;
    struct buf in;  /* read and not yet taken */
    size_t at;      /* where in `in` the next record begins; the newest one stands before it */
    uint64_t lines; /* ended so far */
    uint64_t line;  /* where the newest record begins */
    struct csv header;
    struct arena names, work;
    struct buf out;
};

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum status readings_open(struct cli *c, const char *from, bool csv, struct readings **out)
{
    struct readings *r = xalloc(sizeof *r);
    bool host = from && strcmp(from, "host") == 0, input = !from || strcmp(from, "-") == 0;
    *r = (struct readings){.c = c, .fd = host ? -1 : STDIN_FILENO};
    r->csv = csv || (from && span_ends(span_str(from), SPAN(".csv")));
    r->in = heap_buf(LINE_OCTETS_MAX + PIECE);
    r->out = heap_buf(LINE_OCTETS_MAX);
    heap_arena(&r->names, ARENA_BLOCK, ARENA_MAX);
    heap_arena(&r->work, ARENA_BLOCK, ARENA_MAX);
    *out = r;
    if (host || input)
        return ST_DONE;
    r->fd = open(from, O_RDONLY | O_CLOEXEC);
    return r->fd >= 0 ? ST_DONE
                      : cli_fail_file(c, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "the readings cannot be read", from);
}

void readings_close(struct readings *r)
{
    if (!r)
        return;
    if (r->fd > STDIN_FILENO)
        (void)close(r->fd);
    buf_wipe(&r->in);
    buf_wipe(&r->out);
    heap_buf_free(&r->in);
    heap_buf_free(&r->out);
    arena_reset(&r->names);
    arena_reset(&r->work);
    free(r);
}

uint64_t readings_line(const struct readings *r)
{
    return r->fd < 0 ? 0 : r->line;
}

/* ---- faults ---- */

static enum reading bad(struct readings *r, const char *what, const char *todo)
{
    (void)CLI_FAIL(r->c, ST_USAGE, .what = what, .who = "this program", .kind = "line",
                   .object = cli_fmt(r->c, "number %llu", (unsigned long long)r->line), .todo = todo);
    return READING_BAD;
}

static enum reading bad_csv(struct readings *r, enum err e, bool header)
{
    static const struct {
        enum err e;
        const char *what;
    } rows[] = {
        {ERR_SYNTAX, "this record is no valid CSV: a quote is out of place, or it is not UTF-8"},
        {ERR_RANGE, "this record has another number of fields than the header line"},
        {ERR_EXISTS, "the header line names a field twice"},
        {ERR_NOTFOUND, "the header line leaves a field without a name"},
        {ERR_LIMIT, "this record is too long, or has too many fields"},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].e == e)
            return bad(r, rows[i].what,
                       header ? "begin with a line of names: temp,unit" : "correct the line, then go on from it");
    return bad(r, err_text(e), "correct the line");
}

/* ---- octets ---- */

/* More octets, within the time. READING_ONE: there are some, or the input has ended. */
static enum reading fill(struct readings *r, int64_t until)
{
    int64_t left = until < 0 ? -1 : until - now_ms();
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    int rc = poll(&p, 1, left > INT32_MAX ? INT32_MAX : left < 0 && until >= 0 ? 0 : (int)left);
    if (rc == 0)
        return READING_LATER;
    uint8_t *at = buf_take(&r->in, PIECE);
    if (!at)
        return bad(r, "this line is too long", "a reading has at most 16 MiB");
    ssize_t n = rc < 0 ? -1 : read(r->fd, at, PIECE);
    r->in.n -= PIECE - (n > 0 ? (size_t)n : 0);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        return bad(r, "reading failed", "check the input");
    r->ended = n == 0;
    return READING_ONE;
}

static void drop_taken(struct readings *r)
{
    memmove(r->in.p, r->in.p + r->at, r->in.n - r->at);
    r->in.n -= r->at;
    r->at = 0;
}

/* Length with its newline of what stands first: a line, in CSV a record with open quotes to their end; 0: not whole
 * yet. */
static size_t whole(const struct readings *r, uint64_t *newlines)
{
    bool quoted = false;
    *newlines = 0;
    for (size_t i = r->at; i < r->in.n; i++) {
        uint8_t c = r->in.p[i];
        quoted ^= r->csv && c == '"';
        if (c != '\n')
            continue;
        ++*newlines;
        if (!quoted)
            return i + 1 - r->at;
    }
    return r->ended ? r->in.n - r->at : 0;
}

/* The next line or record that is not empty, without its end. */
static enum reading next_record(struct readings *r, int64_t until, struct span *out)
{
    for (;;) {
        uint64_t newlines;
        r->line = r->lines + 1;
        size_t n = whole(r, &newlines);
        if (n == 0 && r->ended)
            return READING_END;
        if (n == 0) {
            drop_taken(r);
            enum reading got = fill(r, until);
            if (got != READING_ONE)
                return got;
            continue;
        }
        *out = span_of(r->in.p + r->at, n);
        r->at += n;
        r->lines += newlines;
        if (out->p[out->n - 1] == '\n')
            out->n--;
        if (out->n && out->p[out->n - 1] == '\r')
            out->n--;
        if (out->n)
            return READING_ONE;
    }
}

/* ---- readings ---- */

static enum reading next_csv(struct readings *r, int64_t until, struct span *out)
{
    struct span record;
    enum reading got;
    if (!r->has_header) {
        got = next_record(r, until, &record);
        enum err e = got == READING_ONE ? csv_header(record, &r->names, &r->header) : OK;
        if (got != READING_ONE || e != OK)
            return e != OK ? bad_csv(r, e, true) : got;
        r->has_header = true;
    }
    got = next_record(r, until, &record);
    if (got != READING_ONE)
        return got;
    buf_reset(&r->out);
    arena_reset(&r->work);
    enum err e = csv_object(&r->header, record, &r->work, &r->out);
    *out = buf_span(&r->out);
    return e == OK ? READING_ONE : bad_csv(r, e, false);
}

static enum reading next_json(struct readings *r, int64_t until, struct span *out)
{
    enum reading got = next_record(r, until, out);
    if (got != READING_ONE || json_check(*out, NULL) == OK)
        return got;
    return bad(r, "this line is no JSON value", "write one JSON value a line; a text stands in quotes");
}

enum reading readings_next(struct readings *r, int64_t wait_ms, struct span *out)
{
    int64_t until = wait_ms < 0 ? -1 : now_ms() + wait_ms;
    if (r->fd < 0) {
        buf_reset(&r->out);
        telemetry_put(&r->out);
        *out = buf_span(&r->out);
        return READING_ONE;
    }
    return r->csv ? next_csv(r, until, out) : next_json(r, until, out);
}
