/* name.h - may a certificate with this name speak for that identity? (TS-0003 10.1.1; spec/security.md 8.5, 8.6) */
#ifndef TTP_NAME_H
#define TTP_NAME_H

#include "base/span.h"

/* name: a SAN URI ("m2m://sp/stem" or "//sp/stem": exactly that AE), or a dNSName (the public domain name of a CSE: its
 * CSE-ID, those of its registrars upwards, the SP domain). iss: absolute AE-ID or CSE-ID. */
bool name_covers(struct span name, struct span iss);
/* Any of several, one to a line. */
bool names_cover(struct span names, struct span iss);

#endif
