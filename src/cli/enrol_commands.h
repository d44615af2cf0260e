/* enrol_commands.h - the client's side of MEF client commands. */
#ifndef CLI_ENROL_COMMANDS_H
#define CLI_ENROL_COMMANDS_H

#include "cli/cli.h"

/* Registers at the MEF unless PREFIX.mef says that it is, and does its commands until there are no more. */
MUST_USE enum status enrol_commands(struct cli *c, const char *prefix);

#endif
