/* keyask_open.h - the writer opens the answer to its own request for a key, and nothing else: what it takes out was
 * wrapped to that request's ephemeral key and names the request. A gateway may link it; it opens no content. */
#ifndef ESD_KEYASK_OPEN_H
#define ESD_KEYASK_OPEN_H

#include "esd/keyask.h"

struct keyask_expect {
    struct span request;        /* compact text that was sent */
    const struct key_ask *ask;  /* with epk's private half where a Key Value was asked for */
    const struct p256 *release; /* from the pinned bundle */
};
/* Checks signature, `req`, that each kid commits to its key in the stream of the request under aud's domain, and that
 * there are as many as were asked for (at least one pair, none twice). Texts and kv (secret) lie in the arena.
 * MALFORMED, ALGORITHM_REFUSED, TAMPERED, COMMITMENT_MISMATCH, FAILED. On OK end with keyask_free. */
MUST_USE enum reason keyask_open(struct span answer, const struct keyask_expect *x, struct arena *a,
                                 struct key_answer *out);
/* Wipes Key Values, frees public halves. */
void keyask_free(struct key_answer *r);

#endif
