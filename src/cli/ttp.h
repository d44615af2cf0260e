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
/* The same for a line that came already; `command` is what was said. */
enum status ttp_taken(struct cli *c, struct span text, const char *command, struct jval **answer);
/* A secret of one line, without its line feed, of --secret-file or the terminal: p has room for 4000 octets. Says the
 * fault. */
enum status ttp_secret(struct cli *c, const char *want, uint8_t *p, size_t *n);
/* Prints an answer: with --json as it came, otherwise a line a member. */
enum status ttp_print(struct cli *c, const struct jval *answer);
/* The value of a key in the configuration of an oneseal-ttp, in c->app.mem; NULL: it is not set. Says the fault. */
enum status ttp_config(struct cli *c, const char *file, const char *section, const char *key, const char **out);
/* Path of the admin socket, at most 107 octets; *folder stays open while it is used (close it). Says the fault. */
enum status ttp_socket(struct cli *c, char path[64], int *folder);

#endif
