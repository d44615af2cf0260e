/* confirm.h - the second verdict for an application (esd/reader_head.h): fetches the heads that lie beside the data,
 * judges them, looks for what is missing. Synchronous, bounded. */
#ifndef APP_CONFIRM_H
#define APP_CONFIRM_H

#include "app/opening.h"

enum {
    CONFIRM_PAGE = 256, /* heads of one fetch */
    CONFIRM_PAGES = 16,
    CONFIRM_FILL = 1000,              /* readings of one fetch */
    CONFIRM_BACK_MS = 10 * 60 * 1000, /* so far back a gap is looked for */
    CONFIRM_POLL_MS = 1000,           /* so often heads are looked for while something waits */
    CONFIRM_WAIT_MS = 20000,          /* a head is due 10 s after its first reading */
};

/* What happened to heads, for whoever explains. */
struct confirm_count {
    uint64_t heads, confirmed, forged, withheld, partial, invalid;
    enum reason fault; /* the first head that was refused; REASON_OK: none */
    struct span kid;   /* of that head, in app->mem; empty: not known */
    uint32_t i;        /* its first index; READER_NO_INDEX: not known */
    int rsc;           /* of the last fetch of heads; 0: no answer */
};

/* Fetches the heads of the stream (an absolute structured address, `#name` for an attribute) that were made since
 * `since_ms` (0: all that there are, the oldest page) and judges those of its stream; then looks for readings that they
 * name and that did not come. */
void confirm_fetch(struct opening *o, struct span address, int64_t since_ms, struct confirm_count *n);

/* Fetches and judges the readings of the stream made around `at_ms`: what a segment needs beside one reading. */
void confirm_neighbours(struct opening *o, struct span address, int64_t at_ms);

/* Fetches readings that were skipped before one that was made at `at_ms`, judges and keeps them: o->found is told. */
void confirm_gap(struct opening *o, struct span address, int64_t at_ms);

/* Waits until the second verdict of an opened reading is there, at most `wait_ms`; out->res.second is then the newest.
 * UNCONFIRMED: the time is over. */
enum reason confirm_wait(struct opening *o, struct span address, struct outcome *out, int64_t wait_ms,
                         struct confirm_count *n);

#endif
