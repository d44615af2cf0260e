/* name.h - may a certificate with this name speak for that identity? (TS-0003 10.1.1; spec/security.md 8.5, 8.6) */
#ifndef TTP_NAME_H
#define TTP_NAME_H

#include "base/buf.h"

enum { NAME_MAX_OCTETS = 320 };

/* name: a SAN URI ("m2m://sp/stem" or "//sp/stem": exactly that AE), or a dNSName (the public domain name of a CSE: its
 * CSE-ID, those of its registrars upwards, the SP domain). iss: absolute AE-ID or CSE-ID. */
bool name_covers(struct span name, struct span iss);
/* Any of several, one to a line. */
bool names_cover(struct span names, struct span iss);

/* An AE-ID or CSE-ID as it stands at `self`, written as an absolute one: its SP domain in lower case, the rest as it is
 * (TS-0001 7.2). "//sp/..." stays; "/..." is of self's SP domain; an S-type stem is too; a C-type stem belongs to
 * self's CSE, when `self` is a CSE or has a C-type AE-ID. So two spellings meet only within one SP domain. `self`:
 * absolute. False: none of these, or characters that no identifier has. */
bool name_absolute(struct span id, struct span self, struct buf *out);
/* Do two absolute identifiers name the same? SP domains compare without regard to case. */
bool name_same(struct span a, struct span b);
/* The identity that `origin` means under a certificate with these names, one to a line, as name_absolute writes it.
 * False: the certificate does not speak for it. */
bool names_identity(struct span names, struct span origin, struct buf *out);

#endif
