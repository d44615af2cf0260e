/* writer.h - a device that seals for itself (e2e.md 2, 9 device mode): epochs, letters, sealed messages.
 *
 * Where the key of an epoch comes from, says the profile's [seal] (profile.h): own, asked of the TTP, strict (the
 * TTP's, of which the device has the public half alone), provisioned (no TTP at all). It lives in locked memory only.
 * Its letter to the TTP, or its activation, is in the book, durably, before the epoch's first message can leave.
 *
 * Before it seals on, the writer asks the vault for news when its newest answer is older than 10 s, by a clock that
 * goes on while the device sleeps; news of a policy or denial end the epoch. Without an answer for 30 s, or without any
 * yet, it begins one new epoch and keeps letters back until an answer is there again (e2e.md 7). With keys of its own,
 * and with strict pairs fetched ahead, it never waits to write; with keys that the TTP makes it does not seal beyond
 * that without the TTP (no-credential). */
#ifndef APP_WRITER_H
#define APP_WRITER_H

#include "app/session.h"
#include "esd/seal.h"

struct writer;

/* For one stream: a container or timeSeries, or "ADDRESS#attribute" of a flexContainer. The profile's [seal] names TTP,
 * policy and readers; the policy is sent to the TTP together with the first letter. The book must be open, the TTP too
 * unless the key is provisioned. Says the fault. */
MUST_USE enum status writer_open(struct session *s, struct span stream, struct writer **out);
/* Wipes the key. NULL is fine. */
void writer_close(struct writer *w);
/* One reading (JSON text of `con`) becomes the envelope and its cnf. Takes a new epoch when it must. Says the fault. */
MUST_USE enum status writer_seal(struct writer *w, struct span con_json, struct span cnf, struct buf *con,
                                 struct buf *cnf_out);
/* The same for a JSON array of readings in one envelope (e2e.md 3). */
MUST_USE enum status writer_seal_batch(struct writer *w, struct span array, struct span cnf, struct buf *con,
                                       struct buf *cnf_out);
/* Sends the letters that wait, oldest first. Never says anything; false: some still wait. */
bool writer_post(struct writer *w);
/* The present key's identifier, for output; empty before the first message. */
struct span writer_kid(const struct writer *w);

/* What was sealed last: what a head says of it (e2e.md 4). Spans and pointers are the writer's, until its next call. */
struct writer_last {
    struct span kid;
    const uint8_t *sid, *kc; /* kc NULL: a provisioned key, which commits to nothing */
    uint64_t ep;
    uint32_t i;
};
struct writer_last writer_last(const struct writer *w);

#endif
