/* sheet.h - a result as it grows. What a door can take piece by piece goes to a spill, SHEET_HELD octets at a time, so
 * that a result of any length costs no memory; for everybody else it is held, and RESULT_HELD bounds it. */
#ifndef CSE_SHEET_H
#define CSE_SHEET_H

#include "cse/inside.h"

enum {
    SHEET_HELD = 65536,     /* octets that are held before they go to the spill */
    RESULT_HELD = 10000,    /* entries of a result that is held (switches.md, laboratory settings) */
    RESULT_SPILT = 1000000, /* of one that is not */
};

struct sheet {
    struct text t;
    struct jw w;
    struct spill *spill; /* NULL: none yet */
    uint64_t out;        /* octets in it */
    bool may;            /* the door takes one */
};
void sheet_begin(struct sheet *s, struct run *r);
/* How many entries this result may have. */
uint64_t sheet_entries(const struct sheet *s);
/* Between two entries: gives away what is enough to be given. ERR_IO, ERR_DISK; ERR_NOMEM when the buffer failed. */
MUST_USE enum err sheet_flush(struct sheet *s, struct run *r);
/* The answer of r; the sheet is used up. */
enum says sheet_answer(struct sheet *s, struct run *r);
/* Gives the spill back; instead of sheet_answer. */
void sheet_drop(struct sheet *s, struct run *r);

#endif
