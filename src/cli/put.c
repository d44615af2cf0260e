/* put.c - `oneseal put`: a device (or anybody) stores readings, one a line of JSON or a record of CSV; with --seal it
 * seals them itself. */
#include "cli/put.h"

#include <errno.h>
#include <time.h>

#include "cli/verbs.h"
#include "host/heap.h"

enum { BODY_MAX = 20 << 20, ARRAY_MAX = 8 << 20, CNF_MAX = 256, BATCH_MAX = 1000 };

static int64_t monotonic_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* ---- options ---- */

static enum status usage(struct cli *c, const char *what, const char *object, const char *todo)
{
    return CLI_FAIL(c, ST_USAGE, .what = what, .who = "this program", .kind = "argument", .object = object,
                    .todo = todo);
}

static enum status take_times(struct cli *c, struct put *p)
{
    const struct {
        const char *name;
        int64_t *ms;
    } times[] = {{"every", &p->every_ms}, {"retry", &p->retry_ms}, {"batch-time", &p->batch_ms}};
    for (size_t i = 0; i < LEN(times); i++) {
        const char *text = cli_opt(c, times[i].name);
        if (text && cli_time(text, times[i].ms) != OK)
            return usage(c, "--every, --retry and --batch-time want a time with a unit", text, "write 500ms, 2s, 5m");
    }
    if (p->retry_ms && !cli_has(c, "rn"))
        return usage(c, "--retry needs names for the readings", cli_opt(c, "retry"),
                     "add --rn PREFIX, so that a repeated request cannot store a reading twice");
    return ST_DONE;
}

/* cin, tsi, or ROOT#attribute of a flexContainer. */
static enum status take_as(struct cli *c, struct put *p)
{
    const char *as = cli_opt(c, "as");
    struct span rest = span_str(as);
    if (!as || strcmp(as, "cin") == 0)
        return ST_DONE;
    p->as = PUT_TSI;
    if (strcmp(as, "tsi") == 0)
        return ST_DONE;
    p->as = PUT_FCNT;
    p->root = span_cut(&rest, '#');
    p->attribute = rest;
    if (p->root.n == 0 || p->attribute.n == 0 || span_find(p->root, ':') == p->root.n)
        return usage(c, "--as names no kind of content", as, "write cin, tsi, or ROOT#attribute: cod:tempe#curT0");
    return cli_has(c, "rn") ? usage(c, "an attribute of a flexContainer has no name of its own", cli_opt(c, "rn"),
                                    "leave --rn and --retry out")
                            : ST_DONE;
}

static enum status take_padding(struct cli *c, struct profile *p)
{
    const char *list = cli_opt(c, "pad");
    struct span rest = span_str(list);
    if (!list)
        return ST_DONE;
    p->seal_pads = 0;
    while (rest.p)
        if (!profile_pad_add(p, span_cut(&rest, ',')))
            return usage(c, "--pad wants sizes in octets, each larger than the one before", list, "write 64,256,1024");
    return ST_DONE;
}

/* What the command line says about sealing counts more than the profile's [seal]. */
static enum status take_sealing(struct cli *c, struct put *p)
{
    static const char *const keys[] = {
        [PROFILE_KEY_OWN] = "own", [PROFILE_KEY_TTP] = "ttp", [PROFILE_KEY_PROVISIONED] = "provisioned"};
    static const char *const words[] = {"key", "strict", "batch", "batch-time", "pad"};
    struct profile *f = &p->s.p;
    const char *key = cli_opt(c, "key");
    size_t i = 0;
    for (size_t k = 0; !cli_has(c, "seal") && k < LEN(words); k++)
        if (cli_has(c, words[k]))
            return usage(c, "--key, --strict, --batch and --pad are for sealing", words[k], "add --seal");
    while (key && i < LEN(keys) && strcmp(key, keys[i]) != 0)
        i++;
    if (i == LEN(keys))
        return usage(c, "--key names no source of keys", key, "write own, ttp or provisioned");
    if (key)
        f->seal_key = (enum profile_key)i;
    f->seal_strict = f->seal_strict || cli_has(c, "strict");
    if (!cli_has(c, "seal"))
        return ST_DONE;
    if (!cli_has(c, "batch-time"))
        p->batch_ms = f->seal_batch_ms;
    enum status st = cli_number(c, "batch", 1, BATCH_MAX, f->seal_batch, &p->batch);
    if (st == ST_DONE && p->batch_ms && !p->batch)
        p->batch = BATCH_MAX;
    return st == ST_DONE ? take_padding(c, f) : st;
}

static enum status take_options(struct cli *c, struct put *p)
{
    p->cnf = cli_opt(c, "cnf");
    p->rn = cli_opt(c, "rn");
    enum status st = take_times(c, p);
    if (st == ST_DONE)
        st = take_as(c, p);
    if (st == ST_DONE)
        st = cli_number(c, "count", 1, UINT64_MAX, UINT64_MAX, &p->count);
    return st;
}

/* ---- readings ---- */

static enum status flush(struct put *p)
{
    if (p->pending == 0)
        return ST_DONE;
    buf_c(&p->array, ']');
    enum status st = p->array.e == OK ? put_send(p, buf_span(&p->array), p->pending)
                                      : cli_fail_file(cli_of(p->s.app), p->array.e, "a batch does not fit", "memory");
    buf_wipe(&p->array);
    p->pending = 0;
    return st;
}

static enum status take(struct put *p, struct span reading)
{
    p->taken++;
    if (!p->batch)
        return put_send(p, reading, 1);
    if (p->pending == 0)
        p->since_ms = monotonic_ms();
    buf_c(&p->array, p->pending++ ? ',' : '[');
    buf_put(&p->array, reading);
    return p->pending >= p->batch || p->array.n > ARRAY_MAX / 2 ? flush(p) : ST_DONE;
}

/* Has the batch in hand waited long enough? */
static bool batch_over(const struct put *p)
{
    return p->pending > 0 && p->batch_ms > 0 && monotonic_ms() - p->since_ms >= p->batch_ms;
}

/* How long to wait for the next reading before a batch or a head must go; negative: as long as it takes. */
static int64_t patience(const struct put *p)
{
    int64_t head = writer_head_due(p->h);
    if (p->pending == 0 || p->batch_ms == 0)
        return head;
    int64_t left = p->since_ms + p->batch_ms - monotonic_ms();
    left = left > 0 ? left : 0;
    return head < 0 || left < head ? left : head;
}

/* Nothing came: what is due goes. */
static enum status meanwhile(struct put *p)
{
    (void)writer_head_post(p->h, false);
    return batch_over(p) ? flush(p) : ST_DONE;
}

/* The end of the epoch: its key goes with this process. What waits is not worth a word beside a fault. */
static void finish(struct put *p, bool say)
{
    bool letters = !p->w || writer_post(p->w), heads = writer_head_post(p->h, true);
    if (!letters && say)
        cli_say(cli_of(p->s.app),
                "a key is not registered yet: %s. It goes with the next `oneseal put --seal` of this profile",
                p->s.ttps.why);
    if (!heads && say)
        cli_say(cli_of(p->s.app),
                "a head is not stored yet. It goes with the next `oneseal put --seal` of this stream");
}

static enum status put_all(struct put *p)
{
    enum status st = ST_DONE;
    enum reading got = READING_LATER;
    while (st == ST_DONE && p->taken < p->count) {
        struct span reading;
        int64_t wait = patience(p);
        got = wait == 0 ? READING_LATER : readings_next(p->r, wait, &reading);
        if (got == READING_ONE)
            st = take(p, reading);
        else if (got == READING_LATER)
            st = meanwhile(p);
        else
            break;
        if (st == ST_DONE && got == READING_ONE && p->every_ms && p->taken < p->count)
            pause_ms(p->every_ms);
    }
    if (st == ST_DONE) /* whatever ended the input, what came before it is stored */
        st = flush(p);
    finish(p, st == ST_DONE && got != READING_BAD);
    return st == ST_DONE && got == READING_BAD ? ST_USAGE : st;
}

/* ---- the verb ---- */

static struct span stream_of(struct put *p)
{
    return p->as == PUT_FCNT ? span_str(app_fmt(p->s.app, "%.*s#%.*s", SPAN_FMT(p->to), SPAN_FMT(p->attribute)))
                             : p->to;
}

static enum status open_all(struct cli *c, struct put *p)
{
    static const enum writer_place places[] = {[PUT_CIN] = WRITER_CNT, [PUT_TSI] = WRITER_TS, [PUT_FCNT] = WRITER_FCNT};
    bool seals = cli_has(c, "seal"), given = p->s.p.seal_key == PROFILE_KEY_PROVISIONED;
    if (seals && !p->s.p.store)
        return CLI_FAIL(c, ST_CONFIG, .what = "the profile names no store", .who = "this program", .kind = "profile",
                        .object = p->s.p.path,
                        .todo = "set store= in [profile]: letters to the TTP must survive a crash");
    enum status st = readings_open(c, cli_opt(c, "from"), cli_has(c, "csv"), &p->r);
    if (st == ST_DONE)
        st = session_open(&c->app, &p->s, !seals ? SESSION_TALK : given ? SESSION_BOOK : SESSION_BOOK | SESSION_TTP);
    if (st == ST_DONE && seals)
        st = writer_open(&p->s, stream_of(p), &p->w);
    if (st == ST_DONE && cli_has(c, "esprim"))
        st = esprim_open(&p->s.t, profile_absolute(&c->app, &p->s.p, p->to), &p->s.inside);
    if (st == ST_DONE && seals)
        st = writer_head_open(p->w, p->to, places[p->as], &p->h);
    return st;
}

enum status put_readings(struct cli *c)
{
    struct put p = {.con = heap_buf(BODY_MAX),
                    .cnf_out = heap_buf(CNF_MAX),
                    .body = heap_buf(BODY_MAX),
                    .array = heap_buf(ARRAY_MAX + BODY_MAX)};
    enum status st = take_options(c, &p);
    if (st == ST_DONE)
        st = profile_object(&c->app, c->arg[0], &p.s.p, &p.to);
    if (st == ST_DONE)
        st = take_sealing(c, &p);
    if (st == ST_DONE && c->dry_run) {
        cli_say(c, "would store readings at %.*s", SPAN_FMT(p.to));
    } else {
        if (st == ST_DONE)
            st = open_all(c, &p);
        if (st == ST_DONE)
            st = put_all(&p);
    }
    writer_head_free(p.h);
    writer_close(p.w);
    session_close(&p.s);
    readings_close(p.r);
    buf_wipe(&p.body);
    buf_wipe(&p.array);
    heap_buf_free(&p.body);
    heap_buf_free(&p.con);
    heap_buf_free(&p.cnf_out);
    heap_buf_free(&p.array);
    return st;
}
