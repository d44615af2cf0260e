/* access.h - what access decisions need beyond the policies of this CSE (TS-0004 7.3.3.15, TS-0003 7.3):
 *
 *   member.c    is the originator a member of the group that a rule names?
 *   claims.c    roles and tokens that the request claims, as far as this CSE's <role> and <token> prove them
 *   consult.c   policies and groups of other CSEs, and what a dynamic authorization server says
 *
 * rights.c decides; these answer its questions. Everything lies in the exchange's arena. */
#ifndef CSE_ACCESS_H
#define CSE_ACCESS_H

#include "cse/inside.h"

/* ---- member.c ---------------------------------------------------------------------------------------- */

/* An entry of acor that is neither equal to the originator nor a pattern: the address of an AE's resource, of a group
 * of this CSE, or of a group on another CSE. A group's members are AEs and remoteCSEs: by their identifier in any form,
 * or by the address of the resource here; members of groups in the group are not looked at. */
enum acr_member member_of(struct run *r, struct span entry, const struct id *who);
/* The same for a list of members (mid of a group), wherever it came from. */
bool member_listed(struct run *r, const struct jval *mid, const struct id *who);

/* ---- rights.c ---------------------------------------------------------------------------------------- */

/* The row whose policies decide about *row (which is moved there; room: *up) and its authorization servers; NULL: none.
 */
MUST_USE enum err rights_daci(struct run *r, const struct row **row, struct row *up, const struct jval **daci);

/* ---- claims.c ---------------------------------------------------------------------------------------- */

enum {
    ROLES_MAX = 16,     /* role-IDs that one request may claim, tokens included */
    TOKENS_MAX = 8,     /* tokens that one request may name */
    CLAIMS_SCAN = 1000, /* <role> and <token> resources that are looked through for them */
};

struct claims {
    struct span roles[ROLES_MAX]; /* held by the originator now */
    size_t n_roles;
    const struct jval *tokens[TOKENS_MAX]; /* tkps of valid tokens: {pm:[{ris, pv, rids}]} */
    size_t n_tokens;
};
/* What the request claims and this CSE knows to be so; NULL when it claims nothing. Good for this turn.
 *
 * A role is held when a <role> here names it (rlid), the originator (tkhd) and a time that is now; a token likewise
 * (tkid, tkhd, tknb, tkna) when its audience is open or names this CSE. Only those whom the operator lets create these
 * resources can put them there, which is what they are trusted for. Self-contained tokens (tkns) are not taken: there
 * is no key to check them with. */
MUST_USE enum err claims_of(struct run *r, const struct claims **out);

/* ---- consult.c --------------------------------------------------------------------------------------- */

enum {
    CONSULT_MAX = 8,     /* policies and groups of other CSEs that one request may lead to */
    CONSULT_ROUNDS = 3,  /* a fetched policy may name a group elsewhere, and so on */
    CONSULTS_MAX = 1024, /* requests that wait for such answers; more are denied at once */
    GRANTS = 128,        /* answers of authorization servers that are kept */
    GRANT_TEXT = 4096,   /* octets of one; a larger one counts for its request only */
    DAS_MAX = 4,         /* authorization servers asked for one request */
    PL_MAX = 86400000,   /* ms: longest life of what a server granted */
};
struct consult;

/* Policies of a resource on another CSE: compiled pv; NULL: not known (noted, so that it is fetched when everything
 * else denies) or not to be had: it grants nothing. */
const struct acr_set *consult_policy(struct run *r, struct span id);
/* Members of a group on another CSE. */
enum acr_member consult_group(struct run *r, struct span id, const struct id *who);
/* Step authorise has come to no permission for r->target. Is there somebody to ask? On its loop: asks, and the step
 * runs again (WAIT); on the writer: notes it, and the request goes back to its loop (consult_wanted) to ask there.
 * MORE: nobody is left to ask. */
enum says consult_start(struct run *r);
/* Loop thread, cse_finish: the writer's refusal is not the last word. */
bool consult_wanted(struct run *r);
/* Does what an authorization server of `daci` granted for this resource permit it? *yes becomes true or stays. */
MUST_USE enum err consult_granted(struct run *r, const struct row *row, const struct jval *daci,
                                  const struct acr_ask *q, bool *yes);
/* Content of a refusal that tells where tokens are to be had (tqi): {"m2m:tqf":...}; empty: nowhere. */
MUST_USE enum err consult_token_info(struct run *r, struct span *out);
void consult_free(struct cse *c);

#endif
