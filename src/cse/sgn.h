/* sgn.h - texts of notifications: m2m:sgn and m2m:agn (TS-0004 6.3.5.12, 6.3.5.13). */
#ifndef CSE_SGN_H
#define CSE_SGN_H

#include "cse/sub.h"

/* {"m2m:sgn":{"nev":{...},"sur":...}} without its two last braces, for sgn_close. */
enum err sgn_event(struct run *r, const struct row *row, const struct sub *s, const struct event *e,
                   const struct monitor *om, struct span *open);
/* ... closed for one target: with cr in the form that names the creator there. */
enum err sgn_close(struct run *r, struct span open, struct span cr, struct span to, struct span *out);
/* Deletion notice of a subscription. */
enum err sgn_end(struct run *r, const struct row *row, struct span cr, struct span to, struct span *out);
/* The object inside {"m2m:sgn":...}. */
struct span sgn_inner(struct span sgn);

#endif
