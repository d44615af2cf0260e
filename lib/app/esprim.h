/* esprim.h - an AE's requests inside ESPrim Objects, to the CSE that hosts the resource (TS-0003 8.4): transit CSEs see
 * a NOTIFY and nothing of what is asked, and the host knows who asks. The pairwise key is a section [esprim KID] of the
 * profile whose peer is that CSE. */
#ifndef APP_ESPRIM_H
#define APP_ESPRIM_H

#include "app/talk.h"

struct esprim;

enum {
    ESPRIM_OWN_LIFE_MS = 120000, /* our random object: short, since the receiver keeps a bounded number of them */
    ESPRIM_TRIES = 2,            /* a session that the receiver does not know any more is made anew */
};

/* For the CSE that hosts `absolute` ("//sp/cse/..."): finds the key, and begins a session with the receiver's shared
 * random object (attribute esi of its remoteCSE at our registrar) or, where that is not to be had, one that it gives on
 * request. Says the fault: ST_CONFIG (no key for that CSE, or the file), ST_UNREACHABLE, ST_REFUSED, ST_FAILED. */
MUST_USE enum status esprim_open(struct talk *t, struct span absolute, struct esprim **out);
/* Wipes the session. NULL is fine. */
void esprim_close(struct esprim *e);

/* talk_m2m through the session: body and rsc of *out are those of the inner answer. An answer that is not sealed under
 * our session is none: out->e is ERR_AUTH. A refusal in clear (the receiver knew no session) comes with its own code.
 */
void esprim_ask(struct esprim *e, const struct talk_ask *ask, struct talk_answer *out);

#endif
