/* put.c - `oneseal put`: a device (or anybody) creates contentInstances, one a line of JSON; with --seal it
 * seals them itself. */
#include <errno.h>
#include <time.h>

#include "app/writer.h"
#include "cli/telemetry.h"
#include "cli/verbs.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum { BODY_MAX = 20 << 20, LINE_MAX_ = 4096, CNF_MAX = 256, RETRY_MS = 300, READING_MAX = 1 << 16 };

struct put {
    struct session s;
    struct writer *w; /* NULL: not sealing */
    struct span to;
    FILE *in; /* NULL: telemetry of this host */
    char *line;
    size_t line_cap;
    const char *cnf, *rn;
    uint64_t count, n;
    int64_t every_ms, retry_ms;
    struct buf con, cnf_out, body;
};

static void pause_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* The next reading as JSON text; false: there is none. Empty lines are passed over. */
static bool next_reading(struct put *p, char host[READING_MAX], struct span *out)
{
    if (!p->in) {
        struct buf b = buf_over(host, READING_MAX);
        telemetry_put(&b);
        *out = buf_span(&b);
        return true;
    }
    for (ssize_t n; (n = getline(&p->line, &p->line_cap, p->in)) > 0;) {
        while (n > 0 && (p->line[n - 1] == '\n' || p->line[n - 1] == '\r'))
            n--;
        if (n > 0) {
            *out = span_of(p->line, (size_t)n);
            return true;
        }
    }
    return false;
}

static void put_body(struct put *p, struct span con, struct span cnf, bool text, const char *rn)
{
    struct jw w = jw_over(&p->body);
    buf_reset(&p->body);
    jw_obj(&w);
    JW_NAME(&w, "m2m:cin");
    jw_obj(&w);
    if (rn)
        JW_STR(&w, "rn", span_str(rn));
    if (cnf.n)
        JW_STR(&w, "cnf", cnf);
    JW_NAME(&w, "con");
    if (text)
        jw_str(&w, con);
    else
        jw_raw(&w, con);
    jw_end_obj(&w);
    jw_end_obj(&w);
}

static enum status build(struct put *p, struct span reading, const char *rn)
{
    struct span cnf = span_str(p->cnf);
    if (!p->w) {
        put_body(p, reading, cnf, false, rn);
        return ST_DONE;
    }
    buf_reset(&p->con);
    buf_reset(&p->cnf_out);
    enum status st = writer_seal(p->w, reading, cnf, &p->con, &p->cnf_out);
    if (st == ST_DONE)
        put_body(p, buf_span(&p->con), buf_span(&p->cnf_out), true, rn);
    return st;
}

/* Sends until there is an answer, for at most retry_ms. A name makes this safe: 4105 to a repeated request
 * means that the first one was stored. */
static void send_reading(struct put *p, struct talk_answer *a)
{
    int64_t until = ttp_now_ms() + p->retry_ms;
    bool again = false;
    for (;; again = true) {
        talk_m2m(&p->s.t, &(struct talk_ask){.op = TALK_CREATE, .to = p->to, .ty = 4, .body = buf_span(&p->body)}, a);
        if (again && a->e == OK && a->rsc == RSC_CONFLICT)
            a->rsc = RSC_CREATED;
        bool settled = a->e == OK && a->rsc < 5000;
        if (settled || ttp_now_ms() >= until)
            return;
        talk_answer_free(a);
        pause_ms(RETRY_MS);
    }
}

static enum status print_stored(struct put *p, const struct talk_answer *a, const char *rn)
{
    struct cli *c = cli_of(p->s.app);
    p->n++;
    if (!c->json)
        return c->quiet ? ST_DONE : cli_out_line(c, rn ? span_str(rn) : talk_body(a));
    struct buf b = heap_buf(BODY_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "n", p->n);
    JW_U64(&w, "rsc", (uint64_t)a->rsc);
    JW_STR(&w, "request", span_str(a->request));
    if (rn)
        JW_STR(&w, "rn", span_str(rn));
    if (p->w)
        JW_STR(&w, "kid", writer_kid(p->w));
    if (talk_body(a).n && json_check(talk_body(a), NULL) == OK) {
        JW_NAME(&w, "resource");
        jw_raw(&w, talk_body(a));
    }
    jw_end_obj(&w);
    enum status st = cli_out_line(c, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

static enum status one_reading(struct put *p, struct span reading)
{
    struct cli *c = cli_of(p->s.app);
    char name[LINE_MAX_];
    if (json_check(reading, NULL) != OK)
        return CLI_FAIL(c, ST_USAGE, .what = "this line is no JSON value", .who = "this program", .kind = "line",
                        .object = cli_fmt(c, "number %llu", (unsigned long long)p->n + 1),
                        .todo = "write one JSON value a line; a text stands in quotes");
    if (p->rn)
        (void)snprintf(name, sizeof name, "%s%llu", p->rn, (unsigned long long)p->n + 1);
    enum status st = build(p, reading, p->rn ? name : NULL);
    if (st != ST_DONE)
        return st;
    struct talk_answer a;
    send_reading(p, &a);
    st = talk_judge(&c->app, &a, "the reading is not stored", p->to);
    if (st == ST_DONE)
        st = print_stored(p, &a, p->rn ? name : NULL);
    talk_answer_free(&a);
    if (p->w)
        (void)writer_post(p->w); /* what does not go now goes with the next reading, or at the end */
    return st;
}

static enum status take_options(struct cli *c, struct put *p)
{
    const char *from = cli_opt(c, "from"), *every = cli_opt(c, "every"), *retry = cli_opt(c, "retry");
    p->cnf = cli_opt(c, "cnf");
    p->rn = cli_opt(c, "rn");
    if ((every && cli_time(every, &p->every_ms) != OK) || (retry && cli_time(retry, &p->retry_ms) != OK))
        return CLI_FAIL(c, ST_USAGE, .what = "--every and --retry want a time with a unit", .who = "this program",
                        .kind = "argument", .object = every ? every : retry, .todo = "write 500ms, 2s, 5m");
    if (p->retry_ms && !p->rn)
        return CLI_FAIL(c, ST_USAGE, .what = "--retry needs names for the readings", .who = "this program",
                        .kind = "argument", .object = retry,
                        .todo = "add --rn PREFIX, so that a repeated request cannot store a reading twice");
    p->in = stdin;
    if (from && strcmp(from, "host") == 0)
        p->in = NULL;
    else if (from && strcmp(from, "-") != 0 && !(p->in = fopen(from, "re")))
        return cli_fail_file(c, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "the readings cannot be read", from);
    return cli_number(c, "count", 1, UINT64_MAX, UINT64_MAX, &p->count);
}

static enum status put_all(struct put *p)
{
    static char host[READING_MAX];
    struct span reading;
    enum status st = ST_DONE;
    while (st == ST_DONE && p->n < p->count && next_reading(p, host, &reading)) {
        st = one_reading(p, reading);
        if (st == ST_DONE && p->every_ms && p->n < p->count)
            pause_ms(p->every_ms);
    }
    if (st == ST_DONE && p->w && !writer_post(p->w))
        cli_say(cli_of(p->s.app),
                "a key is not registered yet: %s. It goes with the next `oneseal put --seal` of this profile",
                p->s.ttps.why);
    return st;
}

enum status put_readings(struct cli *c)
{
    struct put p = {.con = heap_buf(BODY_MAX), .cnf_out = heap_buf(CNF_MAX), .body = heap_buf(BODY_MAX)};
    bool seals = cli_has(c, "seal");
    enum status st = take_options(c, &p);
    if (st == ST_DONE)
        st = profile_object(&c->app, c->arg[0], &p.s.p, &p.to);
    if (st == ST_DONE && c->dry_run) {
        cli_say(c, "would create contentInstances under %.*s", SPAN_FMT(p.to));
        return ST_DONE;
    }
    if (st == ST_DONE && seals && !p.s.p.store)
        st = CLI_FAIL(c, ST_CONFIG, .what = "the profile names no store", .who = "this program", .kind = "profile",
                      .object = p.s.p.path, .todo = "set store= in [profile]: letters to the TTP must survive a crash");
    if (st == ST_DONE)
        st = session_open(&c->app, &p.s, seals ? SESSION_BOOK | SESSION_TTP : SESSION_TALK);
    if (st == ST_DONE && seals)
        st = writer_open(&p.s, p.to, &p.w);
    if (st == ST_DONE)
        st = put_all(&p);
    writer_close(p.w);
    session_close(&p.s);
    if (p.in && p.in != stdin)
        (void)fclose(p.in);
    free(p.line);
    buf_wipe(&p.body);
    heap_buf_free(&p.body);
    heap_buf_free(&p.con);
    heap_buf_free(&p.cnf_out);
    return st;
}
