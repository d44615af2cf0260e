/* enrol_commands.c - `oneseal enrol --commands PREFIX`: does what the MEF wants done, one command after the other,
 * until there are no more (TS-0003 8.3.9). The order of judging is the standard's: repeated cmdID 40, class 41,
 * arguments that cannot be parsed 42, that are not acceptable 43, then the command itself.
 *
 * PREFIX.mef keeps the registration's name and the last report, so that a command is never done twice. */
#include <time.h>

#include "app/mef.h"
#include "cli/enrol.h"
#include "cli/enrol_commands.h"
#include "host/heap.h"

enum { STATE_MAX = 4096, COMMANDS_MAX = 64, REGISTER_DAYS = 365, DAY_MS = 86400000 };

struct loop {
    struct cli *c;
    struct enrolment *f;
    struct enrol e;
    struct mef m;
    const char *file;
    char last[MEFCMD_ID_MAX + 1]; /* cmdID of the last report */
    unsigned last_status;
    unsigned done;
};

/* ---- what is remembered ---------------------------------------------------------------------------------------------
 */

static void copy(char *out, size_t cap, struct span s)
{
    size_t n = s.n < cap ? s.n : 0;
    memcpy(out, s.p ? (const void *)s.p : "", n);
    out[n] = '\0';
}

/* Nothing there: nothing is known. */
static void remember(struct loop *l)
{
    struct buf b = heap_buf(STATE_MAX);
    struct jval *doc;
    struct span ri, id;
    uint64_t status = 0;
    struct arena *a = &l->c->app.mem;
    if (file_read(l->file, &b) == OK && json_parse(arena_dup(a, buf_span(&b)), a, &doc, NULL) == OK) {
        if (json_str(JSON_GET(doc, "ri"), a, &ri) == OK)
            copy(l->m.ri, sizeof l->m.ri, ri);
        if (json_str(JSON_GET(doc, "command"), a, &id) == OK)
            copy(l->last, sizeof l->last, id);
        if (json_u64(JSON_GET(doc, "status"), 999, &status) == OK)
            l->last_status = (unsigned)status;
    }
    heap_buf_free(&b);
}

static enum status keep(struct loop *l)
{
    char text[STATE_MAX];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "ri", span_str(l->m.ri));
    JW_STR(&w, "command", span_str(l->last));
    JW_U64(&w, "status", l->last_status);
    jw_end_obj(&w);
    enum err e = b.e != OK ? b.e : file_replace(l->file, buf_span(&b), 0600);
    return e == OK ? ST_DONE : cli_fail_file(l->c, e, "the state of the commands cannot be kept", l->file);
}

/* ---- judging and doing
 * ------------------------------------------------------------------------------------------------ */

/* A certificate for somebody else, or of another kind of name, is nothing that this client may take (D17: type 2 is a
 * CSE, 3 an AE; a Node-ID is not enrolled here). */
static bool subject_is_ours(const struct loop *l, const struct mefcmd *c)
{
    bool ae = l->f->san[0] == 'U';
    return c->subject_type == (ae ? MEFCMD_AE_ID : MEFCMD_CSE_ID) && span_eq(c->subject, span_str(l->f->iss));
}

/* Where EST is, which must be where this enrolment's TTP has it. */
static bool est_is_here(const struct mefcmd *c)
{
    struct span rest = span_from(c->uri, 8); /* https:// was checked with the host */
    size_t slash = span_find(rest, '/');
    struct span path = span_from(rest, slash);
    while (path.n > 0 && path.p[path.n - 1] == '/')
        path.n--;
    return path.n == 0 || span_eq(path, SPAN("/.well-known/est"));
}

static unsigned judge(const struct loop *l, const struct mef_command *q)
{
    if (l->last[0] && span_eq(q->id, span_str(l->last)))
        return MEFCMD_REPEATED_CMD_ID;
    if (q->klass == MEFCMD_MO_NODE)
        return MEFCMD_CLASS_NOT_SUPPORTED; /* there are no management objects here, whatever its arguments say */
    if (q->form != MEFCMD_OK)
        return q->form;
    const struct mefcmd *c = &q->cmd;
    if (!mefcmd_acceptable(c, span_str(l->f->fqdn)) || (c->target.n > 0 && !span_eq(c->target, span_str(l->f->iss))))
        return MEFCMD_UNACCEPTABLE_ARGUMENTS;
    if (c->klass == MEFCMD_CERT_PROV && (c->protocol != MEFCMD_EST || !subject_is_ours(l, c) || !est_is_here(c)))
        return MEFCMD_UNACCEPTABLE_ARGUMENTS;
    return MEFCMD_OK;
}

/* A new certificate means a new way: with the new one in TLS. */
static unsigned provision(struct loop *l)
{
    enum status st = enrolment_renew(l->c, l->f, false);
    enrol_close(&l->e);
    if (enrolment_open(l->c, l->f, &l->e) != ST_DONE)
        return 0;
    return st == ST_DONE                                              ? MEFCMD_OK
           : st == ST_REFUSED || st == ST_TTP || st == ST_UNREACHABLE ? MEFCMD_CERT_PROV_SERVER_ERROR
                                                                      : MEFCMD_CERT_PROV_CLIENT_ERROR;
}

static const char *class_name(const struct mef_command *q)
{
    static const char *const names[] = {[MEFCMD_NO_MORE] = "NO_MORE_COMMANDS",
                                        [MEFCMD_CERT_PROV] = "CERT_PROV",
                                        [MEFCMD_DEV_CFG] = "DEV_CFG",
                                        [MEFCMD_MO_NODE] = "MO_NODE"};
    return q->form == MEFCMD_OK && (size_t)q->cmd.klass < LEN(names) ? names[q->cmd.klass] : "command";
}

static enum status say(struct loop *l, const struct mef_command *q, unsigned status)
{
    char text[STATE_MAX];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    if (!l->c->json) {
        cli_say(l->c, "%s %.*s: %u", class_name(q), SPAN_FMT(q->id), status);
        return ST_DONE;
    }
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "command", q->id);
    JW_STR(&w, "class", span_str(class_name(q)));
    JW_U64(&w, "status", status);
    if (q->form == MEFCMD_OK && q->cmd.klass == MEFCMD_NO_MORE)
        JW_U64(&w, "retry_ms", (uint64_t)q->cmd.retry_ms);
    jw_end_obj(&w);
    return cli_out_line(l->c, buf_span(&b));
}

/* The report is kept before it is sent: cut off in between, the command comes again and is known. */
static enum status one(struct loop *l, const struct mef_command *q, struct mef_command *next)
{
    unsigned status = judge(l, q);
    if (status == MEFCMD_OK && q->cmd.klass == MEFCMD_CERT_PROV)
        status = provision(l);
    if (status == MEFCMD_OK && q->cmd.klass == MEFCMD_DEV_CFG)
        status = MEFCMD_DEV_CFG_CLIENT_ERROR; /* this program manages no devices */
    if (status == 0)
        return ST_UNREACHABLE;
    if (status != MEFCMD_REPEATED_CMD_ID) {
        copy(l->last, sizeof l->last, q->id);
        l->last_status = status;
    }
    enum status st = keep(l);
    if (st == ST_DONE)
        st = say(l, q, status);
    return st == ST_DONE ? mef_report(&l->m, q->id, status, next) : st;
}

/* ---- the loop
 * ---------------------------------------------------------------------------------------------------------- */

static enum status begin(struct loop *l, struct mef_command *first)
{
    enum status st = l->m.ri[0] ? mef_next(&l->m, first) : ST_NOT_FOUND;
    if (st != ST_NOT_FOUND)
        return st;
    st = mef_register(&l->m, (int64_t)time(NULL) * 1000 + (int64_t)REGISTER_DAYS * DAY_MS);
    if (st == ST_DONE)
        st = keep(l);
    return st == ST_DONE ? mef_next(&l->m, first) : st;
}

static enum status run(struct loop *l)
{
    struct mef_command q, next;
    enum status st = begin(l, &q);
    for (l->done = 0; st == ST_DONE && q.here; l->done++) {
        if (l->done == COMMANDS_MAX)
            return CLI_FAIL(l->c, ST_FAILED, .what = "the MEF sends command after command", .who = l->f->fqdn,
                            .todo = "ask its operator; the next run goes on");
        bool last = q.form == MEFCMD_OK && q.cmd.klass == MEFCMD_NO_MORE;
        int64_t retry = last ? q.cmd.retry_ms : 0;
        st = one(l, &q, &next);
        if (st == ST_DONE && last && !next.here)
            cli_say(l->c, "no more commands; ask again in %lld s", (long long)(retry / 1000));
        q = next;
    }
    if (st == ST_DONE && l->done == 0)
        cli_say(l->c, "no command is waiting");
    return st;
}

enum status enrol_commands(struct cli *c, const char *prefix)
{
    struct enrolment f;
    struct loop l = {.c = c, .f = &f, .file = cli_fmt(c, "%s.mef", prefix)};
    enum status st = enrolment_read(c, prefix, &f);
    if (st == ST_DONE)
        st = enrolment_open(c, &f, &l.e);
    if (st != ST_DONE)
        return st;
    l.m = (struct mef){.e = &l.e, .iss = f.iss};
    remember(&l);
    st = run(&l);
    enrol_close(&l.e);
    return st;
}
