/* explain.c - `oneseal explain CODE`: what a code means, from the same rows that the programs use. */
#include "cli/explain_reading.h"

#include "app/talk.h"
#include "cli/verbs.h"

#include "esd/reason.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum { LINE_MAX_ = 2048 };

/* What to do about the codes that people meet. */
static const struct {
    unsigned rsc;
    const char *todo;
} advice[] = {
    {RSC_BAD_REQUEST, "read the text of the answer: it names the attribute and the rule"},
    {RSC_NOT_FOUND, "check the address: CSEBase name first, each name exactly as it was created"},
    {RSC_OPERATION_NOT_ALLOWED, "the standard forbids this operation on this type of resource"},
    {RSC_REQUEST_TIMEOUT, "try again; if it stays, check the clocks of both sides"},
    {RSC_CONTENTS_UNACCEPTABLE, "the container takes sealed content only: seal it (oneseal put --seal)"},
    {RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "ask the owner of the resource for a rule in its accessControlPolicy"},
    {RSC_CONFLICT, "choose another name, or use what is there"},
    {RSC_ORIGINATOR_NOT_AUTHENTICATED, "use the certificate that belongs to this AE-ID"},
    {RSC_SECURITY_ASSOCIATION_REQUIRED, "connect by TLS with the certificate of this entity"},
    {RSC_INVALID_CHILD_RESOURCE_TYPE, "create it under another parent"},
    {RSC_TARGET_NOT_REACHABLE, "check that the target runs and that its pointOfAccess is right"},
};

static const char *rsc_advice(unsigned rsc)
{
    for (size_t i = 0; i < LEN(advice); i++)
        if (advice[i].rsc == rsc)
            return advice[i].todo;
    return rsc_ok(rsc) ? "nothing: it is a success" : "read the text of the answer";
}

static enum status explain_rsc(struct cli *c, const struct rsc_row *row)
{
    const char *todo = rsc_advice(row->rsc);
    if (!c->json)
        return cli_out_line(c, span_str(cli_fmt(c,
                                                "%u %s\n  kind       oneM2M response status code (TS-0004 6.6.3)\n"
                                                "  HTTP       %u\n  exit       %d\n  do         %s",
                                                row->rsc, row->name, row->http, (int)talk_status(row->rsc), todo)));
    char text[LINE_MAX_];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "rsc", row->rsc);
    JW_STR(&w, "name", span_str(row->name));
    JW_U64(&w, "http", row->http);
    JW_U64(&w, "exit", (uint64_t)talk_status(row->rsc));
    JW_STR(&w, "do", span_str(todo));
    jw_end_obj(&w);
    return cli_out_line(c, buf_span(&b));
}

static enum status explain_reason(struct cli *c, enum reason r)
{
    const char *heals = reason_heals(r) ? "yes: waiting or trying again may help" : "no";
    if (!c->json)
        return cli_out_line(c, span_str(cli_fmt(c,
                                                "%s\n  kind       verdict about sealed data\n  means      %s\n"
                                                "  exit       %d\n  heals      %s",
                                                reason_code(r), reason_text(r), reason_exit(r), heals)));
    char text[LINE_MAX_];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "code", span_str(reason_code(r)));
    JW_STR(&w, "what", span_str(reason_text(r)));
    JW_U64(&w, "exit", (uint64_t)reason_exit(r));
    JW_BOOL(&w, "heals", reason_heals(r));
    jw_end_obj(&w);
    return cli_out_line(c, buf_span(&b));
}

enum status explain(struct cli *c)
{
    if (cli_has(c, "as"))
        return explain_reading(c);
    struct span code = span_str(c->arg[0]);
    uint64_t number = 0;
    enum reason r = REASON_OK;
    if (span_u64(code, 9999, &number) == OK && rsc_row((unsigned)number))
        return explain_rsc(c, rsc_row((unsigned)number));
    if (reason_of(code, &r) == OK)
        return explain_reason(c, r);
    const char *names[REASON__N];
    for (int i = 0; i < REASON__N; i++)
        names[i] = reason_code((enum reason)i);
    const char *near = help_nearest(c->arg[0], names, REASON__N);
    return CLI_FAIL(c, ST_NOT_FOUND, .what = "no such code", .who = "this program", .kind = "code", .object = c->arg[0],
                    .todo = near ? cli_fmt(c, "did you mean %s?", near)
                                 : "give a response status code (4103) or a verdict (tampered)");
}
