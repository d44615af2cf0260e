/* writer_head.h - the heads of a device that seals for itself (e2e.md 4): a signed statement about each segment of its
 * stream, stored in e2e-heads, by which a reader notices what the server or another reader did.
 *
 * The hash of each envelope is in the book before the envelope leaves, a head before the segment is forgotten; what an
 * earlier run left open is closed first, or, when the machine went down with it, covered as far as it is known. A head
 * that cannot be sent waits in the book. The stream has no other writer than this store's. Provisioned keys have no
 * heads: no TTP vouches for their writer's signing key. */
#ifndef APP_WRITER_HEAD_H
#define APP_WRITER_HEAD_H

#include "app/writer.h"

struct writer_head;

/* What the stream lies in. */
enum writer_place { WRITER_CNT, WRITER_TS, WRITER_FCNT };

/* `place`: the container, timeSeries or flexContainer of w's stream. Looks at its retention, makes e2e-heads where
 * there is none and gives it the data's acpi. *out is NULL for a provisioned key. Says the fault: the place or its
 * heads cannot be read or made. */
MUST_USE enum status writer_head_open(struct writer *w, struct span place, enum writer_place kind,
                                      struct writer_head **out);
/* NULL is fine, here and below. */
void writer_head_free(struct writer_head *h);
/* `con` is what the writer sealed last: remembered, whatever becomes of this process. Before it is sent. */
MUST_USE enum err writer_head_sealed(struct writer_head *h, struct span con);
/* It is not known whether that one was stored: nobody shall take its absence for an attack. */
void writer_head_lost(struct writer_head *h);
/* Signs what is due, and with `closing` closes the epoch; then sends what waits, oldest first. False: some still wait.
 * Says nothing. */
bool writer_head_post(struct writer_head *h, bool closing);
/* Milliseconds until a head is due, at least 0; -1: nothing is open. */
int64_t writer_head_due(const struct writer_head *h);

#endif
