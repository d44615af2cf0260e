/* The enrolment CA as far as the parent has to do with it: it says that there shall be one. */
#include "host/log.h"
#include "ttp/parent.h"

#include <string.h>

static bool wanted(const struct parent *p)
{
    return strcmp(conf_text(p->conf, "enrol", "ca"), "own") == 0;
}

/* "//sp.example" to "sp.example"; anything else goes on as it is, and the vault refuses what is no domain. */
static struct span domain(const struct parent *p)
{
    struct span sp = span_str(conf_text(p->conf, "enrol", "sp"));
    return span_starts(sp, SPAN("//")) ? span_from(sp, 2) : sp;
}

void parent_enrol_start(struct parent *p)
{
    if (wanted(p))
        msg_put_ENROL_START(&p->link[P_VAULT].out,
                            &(struct msg_ENROL_START){.sp = domain(p),
                                                      .days = (uint64_t)conf_int(p->conf, "enrol", "days"),
                                                      .ca_days = (uint64_t)conf_int(p->conf, "enrol", "ca-days")});
}

/* As the operator would say it; nobody waits for the answer, and id 0 is no call's. */
void parent_enrol_open(struct parent *p)
{
    if (wanted(p))
        msg_put_VAULT_DO(&p->link[P_VAULT].out, &(struct msg_VAULT_DO){.id = 0, .command = ADMIN_enrol_ca});
}
