/* writer.h - a device that seals for itself (e2e.md 2, 9 device mode): epochs, letters, sealed messages.
 *
 * The key of an epoch lives in locked memory only. Its letter to the TTP is in the book, durably, before
 * the epoch's first message can leave. Before it seals on, the writer asks the vault for news when its newest
 * answer is older than 10 s; news of a policy or denial end the epoch. Without an answer for 30 s it begins one
 * new epoch and keeps letters back until an answer is there again (e2e.md 7), but it never waits to write. */
#ifndef APP_WRITER_H
#define APP_WRITER_H

#include "app/session.h"
#include "esd/seal.h"

struct writer;

/* For one container. The profile's [seal] names TTP, policy and readers; the policy is sent to the TTP together with
 * the first letter. Says the fault. */
MUST_USE enum status writer_open(struct session *s, struct span container, struct writer **out);
/* Wipes the key. NULL is fine. */
void writer_close(struct writer *w);
/* One reading (JSON text of `con`) becomes the envelope and its cnf. Takes a new epoch when it must. Says the fault. */
MUST_USE enum status writer_seal(struct writer *w, struct span con_json, struct span cnf, struct buf *con,
                                 struct buf *cnf_out);
/* Sends the letters that wait, oldest first. Never says anything; false: some still wait. */
bool writer_post(struct writer *w);
/* The present key's identifier, for output; empty before the first message. */
struct span writer_kid(const struct writer *w);

#endif
