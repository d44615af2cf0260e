/* policy.h - what the demo needs of `oneseal policy`. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "app/session.h"
#include "cli/cli.h"

/* Denies (or allows again) a reader at the vault, for one policy or ("") all. */
enum reason policy_denial(struct session *s, struct ttp *t, const char *reader, const char *policy, bool deny);

#endif
