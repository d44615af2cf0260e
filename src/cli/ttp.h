/* ttp.h - speaking with an oneseal-ttp that runs on this machine, by its admin socket (src/ttp/parent_admin.h). */
#ifndef CLI_TTP_H
#define CLI_TTP_H

#include "cli/cli.h"
#include "wire/json.h"

/* Says one line (a command of src/ttp/admin.def and its words) to the TTP of --state DIR, or of --config FILE, and
 * gives what stands in "answer", in c->app.mem. Any other status than 200 is told as a fault and mapped: 400 USAGE, 403
 * and 429 REFUSED, 404 NOT_FOUND, 409 CONFLICT, 422 INTEGRITY, 503 and 507 TTP, others FAILED; nobody listens:
 * UNREACHABLE. */
enum status ttp_admin(struct cli *c, const char *line, struct jval **answer);
/* Prints an answer: with --json as it came, otherwise a line a member. */
enum status ttp_print(struct cli *c, const struct jval *answer);
/* Path of the admin socket, at most 107 octets; *folder stays open while it is used (close it). Says the fault. */
enum status ttp_socket(struct cli *c, char path[64], int *folder);

#endif
