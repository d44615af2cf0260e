/* policy_apply.c - `oneseal policy check`, `diff` and `apply`: a policy as a file, compared with what the vault goes
 * by, and signed as its next version. */
#include "cli/policy.h"
#include "cli/policy_file.h"
#include "cli/verbs.h"
#include "esd/target.h"
#include "host/heap.h"
#include "wire/json.h"

#include <string.h>

enum { OUT_MAX = 1 << 20 };

/* ---- check ------------------------------------------------------------------------------------------------------- */

static bool same_reader(const struct policy_reader *a, const struct policy_reader *b)
{
    uint8_t x[512], y[512];
    struct buf p = BUF_ARRAY(x), q = BUF_ARRAY(y);
    struct target s, t;
    if (target_read(a->id, &s) != OK || target_read(b->id, &t) != OK)
        return false;
    target_put(&p, &s);
    target_put(&q, &t);
    return p.e == OK && q.e == OK && span_eq(buf_span(&p), buf_span(&q)) && a->pinned == b->pinned &&
           (!a->pinned || memcmp(a->jkt, b->jkt, JOSE_THUMB) == 0) && a->from == b->from && a->until == b->until &&
           a->escrow == b->escrow;
}

static bool covered(const struct policy *p, size_t i)
{
    for (size_t k = 0; k < p->n; k++) {
        const struct policy_reader *r = &p->readers[k];
        struct target t;
        if (k != i && !r->pinned && !r->from && !r->until && target_read(r->id, &t) == OK && t.kind != TARGET_ID &&
            target_covers(&t, p->readers[i].id))
            return true;
    }
    return false;
}

static bool over(int64_t from, int64_t until, int64_t now)
{
    return until && (until <= now || until <= from);
}

/* What looks wrong about the nth reader; NULL: nothing. */
static const char *lint(const struct policy *p, size_t i, int64_t now)
{
    const struct policy_reader *r = &p->readers[i];
    struct target t;
    for (size_t k = 0; k < i; k++)
        if (same_reader(r, &p->readers[k]))
            return "stands there twice";
    if (over(r->from, r->until, now))
        return "its time is over: it reads nothing";
    if (covered(p, i))
        return "another entry without pin or time means it already";
    if (target_read(r->id, &t) == OK && t.kind != TARGET_ID && r->pinned)
        return "a pin on many: only the one who holds that key";
    return NULL;
}

static unsigned put_lint(struct buf *b, const struct policy *p, bool json)
{
    int64_t now = ttp_now_ms();
    unsigned n = 0;
    struct jw w = jw_over(b);
    if (json)
        jw_arr(&w);
    for (size_t i = 0; i < p->n; i++) {
        const char *what = lint(p, i, now);
        n += what != NULL;
        if (json) {
            jw_obj(&w);
            JW_STR(&w, "id", p->readers[i].id);
            if (what)
                JW_STR(&w, "warning", span_str(what));
            jw_end_obj(&w);
            continue;
        }
        buf_str(b, "  reads   ");
        policy_reader_put(b, &p->readers[i]);
        buf_fmt(b, "%s%s\n", what ? "\n          warning: " : "", what ? what : "");
    }
    if (json)
        jw_end_arr(&w);
    return n;
}

enum status policy_check(struct cli *c)
{
    struct policy p;
    struct buf b = heap_buf(OUT_MAX);
    enum status st = policy_file_read(c, c->arg[0], &p);
    if (st == ST_DONE) {
        unsigned n = 0;
        if (c->json) {
            buf_str(&b, "{\"v\":1,\"readers\":");
            n = put_lint(&b, &p, true);
            buf_str(&b, "}\n");
        } else {
            buf_put(&b, p.policy);
            buf_str(&b, p.n ? "\n" : ": nobody reads\n");
            n = put_lint(&b, &p, false);
            if (over(p.from, p.until, ttp_now_ms()) && ++n)
                buf_str(&b, "  warning: the time of the policy is over\n");
        }
        st = b.e == OK ? cli_out(c, buf_span(&b)) : ST_FAILED;
        if (st == ST_DONE && n > 0)
            st = ST_FOUND;
    }
    heap_buf_free(&b);
    return st;
}

/* ---- diff -------------------------------------------------------------------------------------------------------- */

static bool stands(const struct policy *p, const struct policy_reader *r)
{
    for (size_t i = 0; i < p->n; i++)
        if (same_reader(&p->readers[i], r))
            return true;
    return false;
}

static unsigned put_those(struct buf *b, const char *mark, const struct policy *in, const struct policy *not_in)
{
    unsigned n = 0;
    for (size_t i = 0; i < in->n; i++)
        if (!stands(not_in, &in->readers[i])) {
            buf_str(b, mark);
            policy_reader_put(b, &in->readers[i]);
            buf_c(b, '\n');
            n++;
        }
    return n;
}

static unsigned put_diff(struct buf *b, const struct policy *now, const struct policy *then)
{
    buf_put(b, then->policy);
    buf_fmt(b, ", version %llu at the vault\n", (unsigned long long)now->version);
    unsigned n = put_those(b, "- ", now, then) + put_those(b, "+ ", then, now);
    if (now->from != then->from || now->until != then->until) {
        buf_str(b, "- all of it");
        policy_reader_put(b, &(struct policy_reader){.from = now->from, .until = now->until});
        buf_str(b, "\n+ all of it");
        policy_reader_put(b, &(struct policy_reader){.from = then->from, .until = then->until});
        buf_c(b, '\n');
        n++;
    }
    if (n == 0)
        buf_str(b, "no difference\n");
    return n;
}

/* The file, the vault's version, and how many differences there are, printed. */
struct change {
    struct session s;
    struct ttp *t;
    struct policy now, then;
    unsigned n;
};

static enum status say_change(struct cli *c, struct change *x)
{
    struct buf b = heap_buf(OUT_MAX);
    x->n = put_diff(&b, &x->now, &x->then);
    enum status st = ST_DONE;
    if (c->json) {
        struct span text = arena_dup(&c->app.mem, buf_span(&b));
        buf_reset(&b);
        struct jw w = jw_over(&b);
        jw_obj(&w);
        JW_U64(&w, "v", 1);
        JW_STR(&w, "policy", x->then.policy);
        JW_U64(&w, "version", x->now.version);
        JW_U64(&w, "differences", x->n);
        JW_STR(&w, "text", text);
        jw_end_obj(&w);
        buf_c(&b, '\n');
    }
    st = b.e == OK ? cli_out(c, buf_span(&b)) : ST_FAILED;
    heap_buf_free(&b);
    return st;
}

static enum status compare(struct cli *c, struct change *x)
{
    *x = (struct change){0};
    enum status st = policy_file_read(c, c->arg[0], &x->then);
    if (st == ST_DONE)
        st = profile_load(&c->app, NULL, &x->s.p);
    if (st == ST_DONE)
        st = session_open(&c->app, &x->s, SESSION_TTP);
    if (st == ST_DONE)
        st = policy_ttp(c, &x->s, &x->t);
    if (st == ST_DONE)
        st = policy_now(c, &x->s, x->t, SPAN_NONE, x->then.policy, &x->now);
    return st == ST_DONE ? say_change(c, x) : st;
}

enum status policy_diff(struct cli *c)
{
    struct change x;
    enum status st = compare(c, &x);
    session_close(&x.s);
    return st == ST_DONE && x.n > 0 ? ST_FOUND : st;
}

/* ---- apply ------------------------------------------------------------------------------------------------------- */

static enum status sign_and_send(struct cli *c, struct change *x)
{
    struct buf scratch = heap_buf(OUT_MAX), jws = heap_buf(2 * OUT_MAX);
    struct ttp_ack ack = {0};
    const char *name = cli_fmt(c, "%.*s", SPAN_FMT(x->then.policy));
    x->then.iss = span_str(x->s.p.ae_id);
    x->then.aud = span_str(x->t->row->fqdn);
    x->then.version = x->now.version + 1;
    enum reason r = policy_build(&x->then, x->s.ttps.key, span_str(x->s.ttps.key_id), &scratch, &jws) == OK
                        ? REASON_OK
                        : REASON_FAILED;
    if (r == REASON_OK)
        r = ttp_send(&x->s.ttps, x->t, "/policy", buf_span(&jws), &ack);
    heap_buf_free(&scratch);
    heap_buf_free(&jws);
    if (strcmp(ack.code, "conflict") == 0)
        return CLI_FAIL(c, ST_CONFLICT, .what = "somebody signed another version meanwhile", .who = x->t->row->fqdn,
                        .kind = "policy", .object = name, .todo = "look at the difference again: oneseal policy diff");
    if (r != REASON_OK)
        return policy_refused(c, &x->s, x->t, r, name);
    cli_say(c, "%s: %s is version %llu from now on; writers begin new epochs within 31 s", x->t->row->fqdn, name,
            (unsigned long long)x->then.version);
    return ST_DONE;
}

enum status policy_apply(struct cli *c)
{
    struct change x;
    enum status st = compare(c, &x);
    if (st == ST_DONE && x.n > 0 && (c->dry_run || !c->yes))
        cli_say(c, "nothing was changed; with --yes it becomes version %llu", (unsigned long long)x.now.version + 1);
    else if (st == ST_DONE && x.n > 0)
        st = sign_and_send(c, &x);
    session_close(&x.s);
    return st;
}
