/* opened.h - an opened reading as a line of data. */
#ifndef CLI_OPENED_H
#define CLI_OPENED_H

#include "app/confirm.h"
#include "app/session.h"
#include "cli/cli.h"
#include "wire/json.h"

/* One line of data: the plaintext, or with --json an object with it. */
MUST_USE enum status opened_print(struct cli *c, const struct outcome *out);
/* With --json: that it opened, without the plaintext, which is shown when it is confirmed. */
MUST_USE enum status opened_event(struct cli *c, const struct outcome *out);
/* A reading that was kept and is confirmed now. */
MUST_USE enum status opened_confirmed(struct cli *c, const struct book_reading *r);

/* A verdict about a reading, a head or a writer; kid, address empty and i READER_NO_INDEX: not known. With --json an
 * object on standard output, otherwise a line on standard error. */
struct verdict_line {
    enum reason verdict;
    const char *about; /* "reading", "head", "writer" */
    struct span kid, address;
    uint32_t i;
};
MUST_USE enum status opened_verdict(struct cli *c, const struct verdict_line *v);

/* The counters of the key cache as a member "cache". */
void opened_counters(struct jw *w, const struct reader_counters *n);
/* The same for whoever watches closely (--verbose). */
void opened_note_counters(struct cli *c, const struct reader_counters *n);

/* With --confirmed: waits for the second verdict of an opened reading, at most --wait, saying what for. ST_DONE:
 * confirmed, and nothing else may be printed as data. Otherwise the fault was said. */
MUST_USE enum status opened_await(struct session *s, struct span address, struct outcome *out);

#endif
