/* match.h - filter criteria against resources (TS-0001 8.1.2, TS-0004 7.3.3.17).
 *
 * Criteria of different kinds, and conditions on different attributes, are joined by fo (AND, OR, XOR: an odd number);
 * repeats of one are alternatives. What is cheap comes from columns; the text of a resource is parsed only when a
 * criterion needs it. Content that is protected (third part of cnf) is never compared. */
#ifndef CSE_MATCH_H
#define CSE_MATCH_H

#include "cse/inside.h"

enum { GEO_PAGE = 20 }; /* rows of a turn when each is compared with a geometry, in place of PAGE */

struct match_test {
    uint8_t crit;     /* enum crit */
    struct span attr; /* attribute conditions: short name */
};
struct match {
    const struct fc *fc;
    bool wild;          /* '*' in attribute conditions */
    bool body;          /* rows are needed with their body */
    bool parent, child; /* some test asks for the parent, for the children */
    unsigned n;
    struct match_test *test;
    int64_t up; /* the parent that was looked at last, and which tests it meets */
    uint64_t up_met;
    int64_t rid, after; /* a row whose children are being looked at: how far, and what they meet so far */
    uint64_t met;
};

/* Rows that a turn should take under these criteria. */
size_t match_page(const struct fc *fc);
/* Does fc select anything? NULL: no. */
bool match_selects(const struct fc *fc);
/* ERR_NOMEM. fc lives as long as m. */
MUST_USE enum err match_begin(struct match *m, const struct fc *fc, bool wild, struct arena *a);
/* Leaves out a criterion that holds for every row that will be asked about. */
void match_without(struct match *m, enum crit crit);
/* A new turn: what was seen of parents may have changed. */
void match_turn(struct match *m);
/* Does the row (with body when m->body) meet the criteria? ERR_NOTNOW: it has more children to be looked at than a turn
 * takes; call again with the same row in a later turn. What is allocated in r->a is not needed afterwards. */
MUST_USE enum err match_row(struct run *r, struct match *m, const struct row *row, bool *yes);
/* A conditional UPDATE, DELETE or RETRIEVE: MORE, or 4004 when the target does not meet the criteria. */
enum says match_condition(struct run *r);

#endif
