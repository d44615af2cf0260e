/* policy_show.c - `oneseal policy show` and `why`: what the vault goes by, signed by it for this very question. */
#include "cli/policy.h"

#include "base/code.h"
#include "base/m2mtime.h"
#include "cli/verbs.h"
#include "esd/target.h"
#include "host/heap.h"
#include "wire/json.h"

enum { OUT_MAX = 1 << 20 };

void policy_reader_put(struct buf *b, const struct policy_reader *r)
{
    static const char *const means[] = {
        [TARGET_ID] = "", [TARGET_PREFIX] = "  whoever's name begins so", [TARGET_DOMAIN] = "  every AE of the domain"};
    struct target t;
    buf_put(b, r->id);
    if (target_read(r->id, &t) == OK)
        buf_str(b, means[t.kind]);
    if (r->pinned) {
        buf_str(b, "  key ");
        b64url_put(b, span_of(r->jkt, JOSE_THUMB));
    }
    if (r->from) {
        buf_str(b, "  from ");
        m2mtime_put(b, r->from);
    }
    if (r->until) {
        buf_str(b, "  until ");
        m2mtime_put(b, r->until);
    }
    if (r->escrow)
        buf_str(b, "  ESCROW: keeps keys for the owner");
}

/* ---- show -------------------------------------------------------------------------------------------------------- */

static enum status ask(struct cli *c, struct session *s, struct ttp *t, struct policy_show *q, struct jval **claims)
{
    enum reason r = ttp_policy_show(&s->ttps, t, q, &c->app.mem, claims);
    return r == REASON_OK ? ST_DONE : policy_refused(c, s, t, r, cli_fmt(c, "%.*s", SPAN_FMT(q->policy)));
}

static void put_text(struct buf *b, struct cli *c, const struct jval *v, const char *name)
{
    struct span s;
    const struct jval *m = json_get(v, span_str(name));
    if (json_str(m, &c->app.mem, &s) == OK)
        buf_put(b, s);
    else if (m)
        buf_put(b, m->raw);
}

static bool time_of(struct cli *c, const struct jval *v, const char *name, int64_t *ms)
{
    struct span s;
    *ms = 0;
    return !json_get(v, span_str(name)) ||
           (json_str(json_get(v, span_str(name)), &c->app.mem, &s) == OK && m2mtime_get(s, ms) == OK);
}

static bool reader_of(struct cli *c, const struct jval *v, struct policy_reader *r)
{
    *r = (struct policy_reader){.pinned = JSON_GET(v, "jkt") != NULL};
    if (json_str(JSON_GET(v, "id"), &c->app.mem, &r->id) != OK || !time_of(c, v, "from", &r->from) ||
        !time_of(c, v, "until", &r->until))
        return false;
    if (JSON_GET(v, "escrow") && json_bool(JSON_GET(v, "escrow"), &r->escrow) != OK)
        return false;
    return !r->pinned || claim_octets(v, "jkt", &c->app.mem, r->jkt, JOSE_THUMB) == REASON_OK;
}

static bool policy_of(struct cli *c, const struct jval *v, struct policy *p)
{
    const struct jval *list = JSON_GET(v, "readers");
    *p = (struct policy){0};
    if (json_str(JSON_GET(v, "policy"), &c->app.mem, &p->policy) != OK || !list || list->type != J_ARR ||
        claim_u64(v, "version", ESD_INT_END, &p->version) != REASON_OK || !time_of(c, v, "from", &p->from) ||
        !time_of(c, v, "until", &p->until))
        return false;
    p->readers = ARENA_ARRAY(&c->app.mem, struct policy_reader, (size_t)list->n + 1);
    for (const struct jval *r = list->child; p->readers && r; r = r->next)
        if (!reader_of(c, r, &p->readers[p->n++]))
            return false;
    return p->readers != NULL;
}

enum status policy_now(struct cli *c, struct session *s, struct ttp *t, struct span owner, struct span name,
                       struct policy *out)
{
    struct policy_show q = {.owner = owner, .policy = name};
    struct jval *claims;
    enum status st = ask(c, s, t, &q, &claims);
    if (st != ST_DONE || policy_of(c, claims, out))
        return st;
    return policy_refused(c, s, t, REASON_MALFORMED, cli_fmt(c, "%.*s", SPAN_FMT(name)));
}

static void put_denials(struct cli *c, struct buf *b, const struct jval *list)
{
    for (const struct jval *d = list ? list->child : NULL; d; d = d->next) {
        buf_str(b, "  denied  ");
        put_text(b, c, d, "id");
        if (JSON_GET(d, "jkt")) {
            buf_str(b, "key ");
            put_text(b, c, d, "jkt");
        }
        buf_str(b, "  by the ");
        put_text(b, c, d, "by");
        buf_str(b, JSON_GET(d, "policy") ? "\n" : ", in every policy\n");
    }
}

static bool put_one(struct cli *c, struct buf *b, const struct jval *v)
{
    struct policy p;
    bool all = false;
    if (!policy_of(c, v, &p) || json_bool(JSON_GET(v, "all"), &all) != OK)
        return false;
    buf_put(b, p.policy);
    buf_str(b, " of ");
    put_text(b, c, v, "owner");
    buf_fmt(b, ", version %llu", (unsigned long long)p.version);
    if (p.version == 0)
        buf_str(b, ": there is none, nobody reads");
    buf_str(b, all ? "\n" : ": what means you, and who keeps keys in escrow\n");
    for (size_t i = 0; i < p.n; i++) {
        buf_str(b, "  reads   ");
        policy_reader_put(b, &p.readers[i]);
        buf_c(b, '\n');
    }
    if (p.from || p.until) {
        buf_str(b, "  all of it");
        policy_reader_put(b, &(struct policy_reader){.from = p.from, .until = p.until});
        buf_c(b, '\n');
    }
    put_denials(c, b, JSON_GET(v, "denials"));
    return true;
}

static bool put_list(struct cli *c, struct buf *b, const struct jval *v)
{
    const struct jval *list = JSON_GET(v, "policies");
    for (const struct jval *p = list ? list->child : NULL; p; p = p->next) {
        put_text(b, c, p, "policy");
        buf_str(b, "  version ");
        put_text(b, c, p, "version");
        buf_str(b, "  targets ");
        put_text(b, c, p, "readers");
        buf_c(b, '\n');
    }
    if (list && list->n == 0)
        buf_str(b, "no policies\n");
    return list != NULL;
}

/* With --json what the vault signed, and a version of ours in front. */
static enum status say(struct cli *c, const struct jval *v,
                       bool (*put)(struct cli *, struct buf *, const struct jval *))
{
    struct buf b = heap_buf(OUT_MAX);
    bool good = true;
    if (c->json) {
        buf_str(&b, "{\"v\":1,");
        buf_put(&b, span_from(v->raw, 1));
        buf_c(&b, '\n');
    } else {
        good = put(c, &b, v);
    }
    enum status st = good && b.e == OK ? cli_out(c, buf_span(&b))
                                       : CLI_FAIL(c, ST_FAILED, .what = "the vault's answer has another form",
                                                  .who = "this program", .todo = "is the TTP of a newer version?");
    heap_buf_free(&b);
    return st;
}

enum status policy_show(struct cli *c)
{
    struct session s = {0};
    struct ttp *t = NULL;
    struct jval *claims;
    const char *owner = cli_opt(c, "owner");
    struct policy_show q = {.owner = owner ? span_str(owner) : SPAN_NONE,
                            .policy = c->args ? span_str(c->arg[0]) : SPAN_NONE};
    enum status st = profile_load(&c->app, NULL, &s.p);
    if (st == ST_DONE)
        st = session_open(&c->app, &s, SESSION_TTP);
    if (st == ST_DONE)
        st = policy_ttp(c, &s, &t);
    if (st == ST_DONE)
        st = ask(c, &s, t, &q, &claims);
    if (st == ST_DONE)
        st = say(c, claims, q.policy.n ? put_one : put_list);
    session_close(&s);
    return st;
}

/* ---- why --------------------------------------------------------------------------------------------------------- */

static bool put_why(struct cli *c, struct buf *b, const struct jval *v)
{
    static const char *const rows[][2] = {{"subject", "who     "}, {"kid", "key     "},     {"code", "verdict "},
                                          {"rule", "rule    "},    {"what", "        "},    {"target", "entry   "},
                                          {"policy", "policy  "},  {"version", "version "}, {"owner", "owner   "}};
    for (size_t i = 0; i < LEN(rows); i++) {
        if (!json_get(v, span_str(rows[i][0])))
            continue;
        buf_str(b, rows[i][1]);
        put_text(b, c, v, rows[i][0]);
        buf_c(b, '\n');
    }
    return JSON_GET(v, "rule") != NULL;
}

static enum status find_ttp(struct cli *c, struct session *s, struct span kid, struct ttp **out)
{
    struct span relative, fqdn;
    if (kid_split(kid, &relative, &fqdn) != REASON_OK)
        return CLI_FAIL(c, ST_USAGE, .what = "this is no key identifier", .who = "this program",
                        .object = cli_opt(c, "key"), .todo = "write --key NAME@TTP");
    *out = cli_has(c, "ttp") ? NULL : ttps_find(&s->ttps, fqdn);
    return *out ? ST_DONE : policy_ttp(c, s, out);
}

enum status policy_why(struct cli *c)
{
    struct session s = {0};
    struct ttp *t = NULL;
    struct jval *claims;
    const char *key = cli_need(c, "key"), *subject = cli_opt(c, "subject");
    if (!key)
        return ST_USAGE;
    enum status st = profile_load(&c->app, NULL, &s.p);
    if (st == ST_DONE)
        st = session_open(&c->app, &s, SESSION_TTP);
    if (st == ST_DONE)
        st = find_ttp(c, &s, span_str(key), &t);
    if (st == ST_DONE) {
        struct policy_why q = {.subject = span_str(subject ? subject : s.p.ae_id), .kid = span_str(key)};
        enum reason r = ttp_policy_why(&s.ttps, t, &q, &c->app.mem, &claims);
        st = r == REASON_OK ? say(c, claims, put_why) : policy_refused(c, &s, t, r, key);
    }
    session_close(&s);
    return st;
}
