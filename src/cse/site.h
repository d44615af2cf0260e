/* site.h - where a row of an index stands: below the root of a search or not, how deep, under what address.
 *
 * What is found out about one parent is kept for the other rows below it, so that a search over an index walks up once
 * for each parent and not for each row. Bounded: SITES parents, each with its address. */
#ifndef CSE_SITE_H
#define CSE_SITE_H

#include "cse/inside.h"

enum { SITES = 256 };

struct site {
    int64_t rid;      /* the resource; 0: free */
    bool below;       /* it is the root, or below it, and no INACTIVE AE is between */
    bool asked, may;  /* the visitor's: rights of its instances */
    uint32_t depth;   /* below the root, 0: the root */
    struct span path; /* structured address */
    size_t room;      /* octets that path has */
};
struct sites {
    struct arena *keep;
    int64_t root;
    struct span root_path;
    struct site *v;
};

/* keep: lives as long as the search. ERR_NOMEM. */
MUST_USE enum err sites_begin(struct sites *p, struct run *r, const struct row *root, struct arena *keep);
/* A new turn: what was found out about rights and INACTIVE AEs may have changed. */
void sites_turn(struct sites *p);
/* The place of a resource by its rid; good until the next call. ERR_NOTFOUND: it is gone. */
MUST_USE enum err site_of(struct sites *p, struct run *r, int64_t rid, struct site **out);
/* The structured address of a row that stands under `up`. */
void site_put_path(struct buf *b, const struct site *up, const struct row *row);
/* Is it an AE that is registered elsewhere by now (regs 2)? Its whole tree counts as not there. The row is loaded when
 * it came without its body. */
MUST_USE enum err site_inactive(struct run *r, struct row *row, bool *yes);

#endif
