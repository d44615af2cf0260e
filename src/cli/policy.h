/* policy.h - what the demo needs of `oneseal policy`. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "app/session.h"
#include "cli/cli.h"

/* Denies (or allows again) a reader at the vault, for one policy or ("") all. */
enum reason policy_denial(struct session *s, struct ttp *t, const char *reader, const char *policy, bool deny);

/* The TTP of --ttp, or the profile's only one. Says the fault. */
MUST_USE enum status policy_ttp(struct cli *c, struct session *s, struct ttp **out);
/* A refusal of the vault, said. */
MUST_USE enum status policy_refused(struct cli *c, struct session *s, struct ttp *t, enum reason r, const char *object);
/* The present version of a policy as the vault signs it; version 0: there is none. Spans lie in the app's memory. */
MUST_USE enum status policy_now(struct cli *c, struct session *s, struct ttp *t, struct span owner, struct span name,
                                struct policy *out);
/* One reader as a line: "//demo.example/S*  every AE whose name begins so, until 20270101T000000". */
void policy_reader_put(struct buf *b, const struct policy_reader *r);

#endif
