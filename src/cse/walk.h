/* walk.h - over everything below a resource, in turns of PAGE rows.
 *
 * Of each resource the children come type by type, in the order of their creation, a page at a time; before the next
 * page the walk goes down into those of the page. So what is held is a page of children for each level, and nothing
 * grows with the number of resources. Types that nobody can want and that have no children are not even listed. */
#ifndef CSE_WALK_H
#define CSE_WALK_H

#include "cse/inside.h"

struct branch { /* a resource whose children are still to be looked at */
    struct branch *next, *up;
    struct branch *first, **end; /* its children of the last page, to be gone into */
    int64_t rid;
    uint32_t level;          /* of the resource itself, 0: the root of the walk */
    uint32_t ty;             /* children of this type are being listed; 0: not begun */
    int64_t after;           /* resume key among them */
    bool fresh;              /* the present row is the first of a page */
    bool listed;             /* all of them */
    bool asked, may, hidden; /* rights of its instances; hidden: the visitor's */
    void *under;             /* the visitor's */
    size_t n;
    uint8_t name[STORE_NAME_MAX + 16]; /* as the last segment of its address */
};
struct walk {
    struct run *r;
    struct arena *keep;
    struct branch *top, *spare;
    size_t page;                /* rows of a turn, when they cost more than others; 0: PAGE */
    bool bare;                  /* rows come without body */
    bool stop;                  /* set by the visitor: enough */
    const struct numbers *only; /* types that can be wanted; NULL: all */
    struct {
        uint32_t ty;
        bool leaf;
    } known[4]; /* instance types that the store was asked about in this turn */
    unsigned nknown;
    /* ERR_NOTNOW: the same row once more in the next turn. While it runs r->a is an arena that is given back soon
     * after; what shall last goes into w->keep. */
    enum err (*visit)(struct walk *w, struct branch *b, struct row *row);
    void *ctx;
    struct span root_path;
    struct branch *path_of; /* whose address stands in `path` */
    struct text path;
};

/* visit, ctx, bare, only are set before. ERR_NOMEM. */
MUST_USE enum err walk_begin(struct walk *w, struct run *r, const struct row *root, void *under);
/* By the visitor: the walk shall go down into this row, which is a child of b. */
MUST_USE enum err walk_push(struct walk *w, struct branch *b, const struct row *row, void *under);
MUST_USE enum err walk_turn(struct walk *w);
bool walk_over(const struct walk *w);
/* Can a row of that type have children? */
MUST_USE enum err walk_is_leaf(struct walk *w, uint32_t ty, bool *yes);
/* May the originator do `op` on a row that the walk met? Loads its body when the rights need it. */
MUST_USE enum err walk_may(struct walk *w, struct branch *b, struct row *row, unsigned op, bool *yes);
/* Structured address of a row below b. */
void walk_put_path(struct walk *w, struct branch *b, const struct row *row, struct buf *out);

#endif
