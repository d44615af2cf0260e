/* enrol.h - the files of one enrolment, PREFIX.key .pem .ca.pem .bundle .conf, shared by the verbs that make and renew
 * them. */
#ifndef CLI_ENROL_H
#define CLI_ENROL_H

#include "app/enrol.h"
#include "cli/cli.h"

struct enrolment {
    const char *key, *pem, *ca, *bundle, *conf; /* paths */
    const char *key_next, *pem_next;            /* while a renewal is under way */
    const char *url, *fqdn;                     /* of the TTP */
    const char *iss, *san;
};
void enrolment_paths(struct cli *c, const char *prefix, struct enrolment *f);
/* PREFIX.conf and the name in PREFIX.pem. Says the fault. */
MUST_USE enum status enrolment_read(struct cli *c, const char *prefix, struct enrolment *f);
/* A fresh key for the same name, or the same one again; finishes what was cut off. Binds it at the vault. */
MUST_USE enum status enrolment_renew(struct cli *c, struct enrolment *f, bool same_key);
/* A way to the TTP with the files' certificate in TLS. */
MUST_USE enum status enrolment_open(struct cli *c, const struct enrolment *f, struct enrol *e);

#endif
