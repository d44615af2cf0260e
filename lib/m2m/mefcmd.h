/* mefcmd.h - MEF client commands (TS-0003 8.3.9, 12.3.2, 12.4.4 to 12.4.10): the description that a MEF writes and a
 * client reads, and the status codes that the client reports. Both sides use this reader, so that what a MEF cannot
 * have sent a client never executes.
 *
 * A description is {cmdClassID, cmdArgs:{one of four}, targetID?}; names as in m2mnames.def. */
#ifndef M2M_MEFCMD_H
#define M2M_MEFCMD_H

#include "wire/json.h"

enum { MEFCMD_ID_MAX = 32, MEFCMD_TEXT_MAX = 320 };

enum mefcmd_class { MEFCMD_NO_MORE, MEFCMD_CERT_PROV, MEFCMD_DEV_CFG, MEFCMD_MO_NODE };
enum { MEFCMD_EST = 1, MEFCMD_SCEP = 2 };                                             /* certProvProtocolID */
enum { MEFCMD_NODE_ID = 1, MEFCMD_CSE_ID = 2, MEFCMD_AE_ID = 3 };                     /* certSubjectType */
enum { MEFCMD_AUTH_PROFILE = 1, MEFCMD_TRUST_ANCHOR = 2, MEFCMD_MAF_CLIENT_CFG = 3 }; /* objectTypeID */

/* cmdStatusCode (TS-0003 12.3.2.7) */
enum mefcmd_status {
    MEFCMD_ISSUED = 10,
    MEFCMD_REISSUED = 11,
    MEFCMD_OK = 20,
    MEFCMD_REPEATED_CMD_ID = 40,
    MEFCMD_CLASS_NOT_SUPPORTED = 41,
    MEFCMD_BAD_ARGUMENTS = 42,
    MEFCMD_UNACCEPTABLE_ARGUMENTS = 43,
    MEFCMD_CERT_PROV_SERVER_ERROR = 100,
    MEFCMD_CERT_PROV_CLIENT_ERROR = 101,
    MEFCMD_DEV_CFG_SERVER_ERROR = 201,
    MEFCMD_DEV_CFG_CLIENT_ERROR = 202,
    MEFCMD_MO_NODE_NOT_FOUND = 300,
    MEFCMD_MO_NODE_FAILED = 305 /* the last of MO_NODE's own codes */
};

/* Texts belong to whoever filled it. */
struct mefcmd {
    enum mefcmd_class klass;
    struct span target; /* targetID; empty: absent */
    struct span retry;  /* NO_MORE: xs:duration ... */
    int64_t retry_ms;   /* ... and what it is */
    uint8_t protocol, subject_type;
    struct span uri;           /* CERT_PROV; DEV_CFG: behind the number */
    struct span subject;       /* CERT_PROV: an absolute ID or a Node-ID */
    uint8_t management;        /* DEV_CFG: devMgmtID 1..4 */
    struct span path;          /* MO_NODE */
    uint8_t object_type, suid; /* suid 0: absent */
};

/* `cmdd` is the description. MEFCMD_OK; MEFCMD_CLASS_NOT_SUPPORTED: a class that we do not know; MEFCMD_BAD_ARGUMENTS:
 * no object, a member missing or of another form, none or more than one kind of arguments, or those of another class.
 * Texts point into the text that was parsed, or into the arena. */
MUST_USE enum mefcmd_status mefcmd_read(const struct jval *cmdd, struct arena *a, struct mefcmd *out);
/* What mefcmd_read reads; short names. */
void mefcmd_put(struct jw *w, const struct mefcmd *c);
/* Do the URIs of CERT_PROV and DEV_CFG name the MEF's own host (TS-0003 8.3.9.7, 8.3.9.8)? True for other classes.
 * False: the client reports MEFCMD_UNACCEPTABLE_ARGUMENTS, the MEF does not issue it. */
bool mefcmd_acceptable(const struct mefcmd *c, struct span fqdn);
/* 1 to MEFCMD_ID_MAX letters, digits, '.', '_' or '-'. */
bool mefcmd_id_good(struct span id);
/* May a client report this of a command of that class? */
bool mefcmd_status_fits(enum mefcmd_class klass, uint64_t status);

#endif
