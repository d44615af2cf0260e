/* acr.h - the access decision (TS-0001 9.6.2, TS-0004 7.3.3.15, TS-0003 7.1): pure, over parsed rules.
 *
 *   permit = some rule of some policy has originator AND operation AND context AND object AND authentication
 *
 * What cannot be evaluated here (countries, user ids, evaluation criteria, limits) makes its rule grant nothing. A rule
 * with accessControlAttributes (Release 4) grants no whole operation: acr_ask_attrs tells which attributes it opens. */
#ifndef M2M_ACR_H
#define M2M_ACR_H

#include "base/arena.h"
#include "m2m/addr.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum {
    ACOP_CREATE = 1,
    ACOP_RETRIEVE = 2,
    ACOP_UPDATE = 4,
    ACOP_DELETE = 8,
    ACOP_NOTIFY = 16,
    ACOP_DISCOVERY = 32,
};

/* A pv or pvs, compiled once and kept as long as its policy is cached. Opaque; lives in the arena; its
 * texts are copied there too, so that the source may go. */
struct acr_set;
/* From the value of pv or pvs, which was accepted by check_create. ERR_NOMEM; ERR_TYPE when it is no setOfAcrs. */
MUST_USE enum err acr_compile(const struct jval *pv, struct arena *a, const struct acr_set **out);
/* Number of rules. */
size_t acr_rules(const struct acr_set *s);

enum acr_member { ACR_NO_GROUP, ACR_NOT_MEMBER, ACR_MEMBER, ACR_GROUP_UNKNOWN };

struct acr_ask {
    const struct self *self;
    struct id who;      /* originator */
    bool authenticated; /* rq_authn of TS-0003 table 7.1.5-1 */
    uint8_t op;         /* one ACOP_ bit */
    uint8_t ip_family;  /* 4, 6; 0: unknown, and then no rule with acip grants */
    uint8_t ip[16];
    uint16_t ty;              /* type of the target */
    uint16_t child_ty;        /* CREATE: type to be created */
    int64_t now;              /* ms, UTC */
    const struct span *roles; /* role-IDs that the originator holds, proved by whoever fills them in */
    size_t n_roles;
    /* Is the originator a member of the group that this acor entry names (or the AE whose resource it names by a
     * structured identifier)? Asked only for entries that no
     * form of the originator equals or matches. ACR_GROUP_UNKNOWN: it is a group whose members cannot be
     * read, and the request is refused (TS-0001 9.6.2.1). NULL: no groups here. */
    enum acr_member (*group)(void *ctx, struct span entry, const struct id *who);
    /* Where the originator is, in degrees. false, NULL: nobody knows, and then no rule with aclr grants. */
    bool (*place)(void *ctx, double *lat, double *lon);
    /* Is what the CREATE concerns of this specialization: containerDefinition, or (cnd empty) mgmtDefinition?
     * NULL: no specializations here, and no entry of acod with spty fits. */
    bool (*special)(void *ctx, struct span cnd, uint64_t mgd);
    void *ctx;
};

enum acr_answer { ACR_DENY, ACR_PERMIT, ACR_REFUSE /* a group could not be read: the request is refused */ };
/* One set. For several policies any ACR_PERMIT suffices; ACR_REFUSE ends the search. */
enum acr_answer acr_ask_set(const struct acr_set *s, const struct acr_ask *q);

/* For RETRIEVE and UPDATE: rules whose accessControlAttributes open only a part of the target. `take` is called with
 * each name that a rule opens to this originator, names may come twice. ACR_PERMIT: some rule did; ACR_REFUSE as above.
 */
enum acr_answer acr_ask_attrs(const struct acr_set *s, const struct acr_ask *q,
                              void (*take)(void *ctx, struct span name), void *ctx);

/* m2m:scheduleEntry: seven fields, UTC. */
bool acr_schedule_valid(struct span entry, bool any_year /* switch 23 */);
bool acr_schedule_now(struct span entry, int64_t now);
/* The next moment (ms) at which the entry holds: now, the begin of a second, or INT64_MAX when it does not in five
 * years.
 */
int64_t acr_schedule_next(struct span entry, int64_t now);

#endif
