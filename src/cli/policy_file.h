/* policy_file.h - a policy as people write it: INI,
 *
 *   [policy]
 *   name = ward-3
 *   until = 20271231T000000          (from, until: m2m:timestamp, UTC; both optional)
 *   [reader //demo.example/Sapp-heat]  one section for each target: identity, //domain/S*, //domain (esd/target.h)
 *   pin = 32 octets, base64url         only with the signing key of this thumbprint
 *   from = ...  until = ...  escrow = yes
 *
 * or JSON: {"policy","readers":[{"id","jkt","from","until","escrow"}],"from","until"}, the members that are signed. */
#ifndef CLI_POLICY_FILE_H
#define CLI_POLICY_FILE_H

#include "cli/cli.h"
#include "esd/letter.h"

/* Texts lie in the app's memory. Says the fault: ST_CONFIG, ST_NOT_FOUND. */
MUST_USE enum status policy_file_read(struct cli *c, const char *path, struct policy *out);

#endif
