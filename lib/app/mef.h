/* mef.h - a client of an M2M Enrolment Function: its registration and the commands that wait for it (TS-0003 8.3.9;
 * spec/security.md 6.7; names in m2m/m2mnames.def). Over the way of an enrolment, which has the certificate in TLS. */
#ifndef APP_MEF_H
#define APP_MEF_H

#include "app/enrol.h"
#include "m2m/mefcmd.h"

enum { MEF_RI_MAX = 128 };

struct mef {
    struct enrol *e;
    const char *iss;     /* absolute AE-ID or CSE-ID: X-M2M-Origin */
    char ri[MEF_RI_MAX]; /* of the registration; empty: none yet */
    uint64_t calls;
};
/* One command as it came. */
struct mef_command {
    bool here;               /* false: none is outstanding */
    struct span id;          /* cmdID */
    uint64_t klass;          /* cmdClassID as it stands there, UINT64_MAX: no number */
    enum mefcmd_status form; /* what mefcmd_read said of it: OK, 41, 42 */
    struct mefcmd cmd;       /* with OK */
};
/* CREATE of the registration; fills m->ri. Says the fault; CONFLICT: there is one already, whose name is not known. */
MUST_USE enum status mef_register(struct mef *m, int64_t until_ms);
/* RETRIEVE of the outstanding command. NOT_FOUND (not said): the registration itself is gone. */
MUST_USE enum status mef_next(struct mef *m, struct mef_command *out);
/* UPDATE with a status; *out is the next command, which may come with the answer. */
MUST_USE enum status mef_report(struct mef *m, struct span id, unsigned status, struct mef_command *out);

#endif
