/* target.h - whom a policy or a denial means: one identity, a prefix pattern, or a domain (e2e.md 6). One grammar for
 * every place that reads such a text, so that signer, vault and reader never understand it differently:
 *
 *   target = "//" fqdn                          domain: every AE of that service provider
 *          | "//" fqdn "/" part [ "/" part ]    identity: exactly this AE-ID or CSE-ID
 *          | "//" fqdn "/" part "*"             prefix: identities of one part that begin so
 *          | "//" fqdn "/" part "/" [ part ] "*"  prefix: identities of two parts, the first exactly this one
 *   part   = printable ASCII without "/", "*", "\" and quotation mark, at least one character
 *
 * A star stands at the end and nowhere else, never stands for a "/", and never touches the domain: a pattern cannot
 * leave its service provider. Every AE of a domain: identities "//fqdn/S..." and "//fqdn/cse/C..." (TS-0001 7.1.4);
 * CSEs of it are not meant, but where it is denied they are.
 *
 * The domain is compared without case and written in lower case (target_put); the rest octet by octet. */
#ifndef ESD_TARGET_H
#define ESD_TARGET_H

#include "base/buf.h"

enum target_kind { TARGET_ID, TARGET_PREFIX, TARGET_DOMAIN };

struct target {
    enum target_kind kind;
    struct span domain; /* as written */
    struct span rest;   /* behind the domain's "/"; a prefix without its star; empty: a domain */
};
/* ERR_SYNTAX: no target. Spans point into text. */
MUST_USE enum err target_read(struct span text, struct target *out);
/* Is the identity meant? False also for an id that is no identity. */
bool target_covers(const struct target *t, struct span id);
/* The canonical text, appended. */
void target_put(struct buf *b, const struct target *t);
/* The domain of an absolute identity, as written; empty when it is none. */
struct span target_domain(struct span id);

#endif
