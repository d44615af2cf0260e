/* name.h - oneM2M identifiers as certificate names (TS-0001 7.2, TS-0003 10.1.1). All functions append
 * to b and end it with a NUL that is not counted; ERR_SYNTAX when the identifier has another form. */
#ifndef APP_NAME_H
#define APP_NAME_H

#include "base/buf.h"

/* Letters, digits, hyphens and dots, labels of 1 to 63, 253 in all. */
bool name_is_fqdn(struct span s);
/* RFC 3986 unreserved characters, at least one. */
bool name_is_stem(struct span s);

/* "//demo.example" to "demo.example". */
MUST_USE enum err name_sp_domain(struct span sp_id, struct buf *b);
/* An AE-ID in any form to its absolute form: "//demo.example/Sapp" as it is (when of this domain), "/Sapp" and
 * "/id-mn/Cdev" with the domain in front, "Sapp" likewise; "Cdev" alone names no registrar: ERR_SYNTAX. */
MUST_USE enum err name_ae_absolute(struct span id, struct span domain, struct buf *b);
/* Absolute AE-ID to the SAN URI: "m2m:" in front. */
MUST_USE enum err name_ae_uri(struct span absolute, struct buf *b);
/* The public domain name of a CSE: "/id-in" to id-in.demo.example; with in_cse "/id-in", "/id-mn" to
 * id-mn.id-in.demo.example. CSE-IDs SP-relative or absolute. in_cse empty: it is the IN-CSE itself. */
MUST_USE enum err name_cse_domain(struct span id, struct span in_cse, struct span domain, struct buf *b);

#endif
