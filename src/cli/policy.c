/* policy.c - `oneseal policy`: denies an application at the vault, and allows it again. Signed by the owner
 * of the policy or by the operator; effective when the vault has acknowledged. */
#include "cli/policy.h"

#include "app/name.h"
#include "cli/verbs.h"
#include "host/heap.h"
#include "wire/json.h"

enum { DOCUMENT_MAX = 1 << 16, NAME_MAX_ = 600, LINE_MAX_ = 2048 };

enum reason policy_denial(struct session *s, struct ttp *t, const char *reader, const char *policy, bool deny)
{
    struct buf scratch = heap_buf(DOCUMENT_MAX), jws = heap_buf(DOCUMENT_MAX);
    struct denial d = {.iss = span_str(s->p.ae_id),
                       .aud = span_str(t->row->fqdn),
                       .policy = span_str(policy),
                       .id = span_str(reader),
                       .deny = deny,
                       .n = (uint64_t)ttp_now_ms()};
    enum reason r = ttp_register(&s->ttps, t);
    if (r == REASON_OK && denial_build(&d, s->ttps.key, span_str(s->ttps.key_id), &scratch, &jws) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK)
        r = ttp_send(&s->ttps, t, "/policy", buf_span(&jws), NULL);
    heap_buf_free(&scratch);
    heap_buf_free(&jws);
    return r;
}

static enum status say_done(struct cli *c, const char *reader, const char *ttp, bool deny)
{
    if (!c->json) {
        cli_say(c,
                deny ? "%s: %s no longer may open; keys it already has stay good for what they sealed. A new epoch "
                       "at the gateway ends that: oneseal-cse admin socket, line `epoch`"
                     : "%s: the denial of %s is lifted",
                ttp, reader);
        return ST_DONE;
    }
    char text[LINE_MAX_];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "ttp", span_str(ttp));
    JW_STR(&w, "reader", span_str(reader));
    JW_BOOL(&w, "deny", deny);
    jw_end_obj(&w);
    return cli_out_line(c, buf_span(&b));
}

enum status policy_ttp(struct cli *c, struct session *s, struct ttp **out)
{
    const char *fqdn = cli_opt(c, "ttp");
    *out = fqdn ? ttps_find(&s->ttps, span_str(fqdn)) : s->p.ttps == 1 ? &s->ttps.one[0] : NULL;
    if (*out)
        return ST_DONE;
    return CLI_FAIL(c, ST_USAGE, .what = "which TTP?", .who = "this program", .object = fqdn,
                    .todo = "name one of the profile's [ttp FQDN] sections: --ttp FQDN");
}

enum status policy_refused(struct cli *c, struct session *s, struct ttp *t, enum reason r, const char *object)
{
    return CLI_FAIL(c, (enum status)reason_exit(r),
                    .what = cli_fmt(c, "the vault has not taken it: %s", s->ttps.why[0] ? s->ttps.why : reason_text(r)),
                    .who = s->ttps.who[0] ? s->ttps.who : t->row->fqdn, .kind = "policy", .object = object,
                    .code = reason_code(r),
                    .todo = s->ttps.todo[0] ? s->ttps.todo : "sign as the owner of the policy or as the operator");
}

static enum status decide(struct cli *c, bool deny)
{
    struct session s = {0};
    struct ttp *t = NULL;
    char id[NAME_MAX_];
    struct buf b = BUF_ARRAY(id);
    enum status st = profile_load(&c->app, NULL, &s.p);
    if (st != ST_DONE)
        return st;
    if (name_ae_absolute(span_str(c->arg[0]), span_from(span_str(s.p.sp), 2), &b) != OK &&
        !span_starts(span_str(c->arg[0]), SPAN("//")))
        return CLI_FAIL(c, ST_USAGE, .what = "this is no AE-ID", .who = "this program", .object = c->arg[0],
                        .todo = "write //sp/Sname");
    const char *reader = span_starts(span_str(c->arg[0]), SPAN("//")) ? c->arg[0] : id;
    if (c->dry_run) {
        cli_say(c, "would %s %s", deny ? "deny" : "allow", reader);
        return ST_DONE;
    }
    st = session_open(&c->app, &s, SESSION_TTP);
    if (st == ST_DONE)
        st = policy_ttp(c, &s, &t);
    if (st == ST_DONE) {
        const char *policy = cli_opt(c, "policy");
        enum reason r = policy_denial(&s, t, reader, policy ? policy : "", deny);
        st = r == REASON_OK ? say_done(c, reader, t->row->fqdn, deny)
                            : CLI_FAIL(c, (enum status)reason_exit(r),
                                       .what = cli_fmt(c, "the vault has not taken it: %s",
                                                       s.ttps.why[0] ? s.ttps.why : reason_text(r)),
                                       .who = s.ttps.who[0] ? s.ttps.who : t->row->fqdn, .kind = "reader",
                                       .object = reader, .code = reason_code(r),
                                       .todo = s.ttps.todo[0] ? s.ttps.todo
                                                              : "sign as the owner of the policy or as the operator");
    }
    session_close(&s);
    return st;
}

enum status policy_deny(struct cli *c)
{
    return decide(c, true);
}

enum status policy_allow(struct cli *c)
{
    return decide(c, false);
}
