/* session.h - everything that a verb needs to speak and to open: profile, loop, store, TTPs, reader. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/esprim.h"
#include "app/opening.h"

enum { SESSION_TALK = 0, SESSION_BOOK = 1, SESSION_TTP = 2, SESSION_OPEN = 4 };

struct session {
    struct app *app;
    struct profile p;
    struct talk t;
    struct book *book;
    struct ttps ttps;
    struct opening o;
    struct esprim *inside; /* requests of session_ask go in ESPrim Objects; NULL: as they are */
    unsigned has;
};
/* Opens what `needs` says (SESSION_OPEN brings the others). s->p is loaded. Says the fault. */
MUST_USE enum status session_open(struct app *app, struct session *s, unsigned needs);
/* Fine in every state after session_open or when *s is all zero. */
void session_close(struct session *s);

/* talk_m2m, or esprim_ask where s->inside is open: for resources of the CSE that it was opened for. */
void session_ask(struct session *s, const struct talk_ask *ask, struct talk_answer *out);

#endif
