/* session.c - see session.h. */
#include "app/session.h"

enum status session_open(struct app *app, struct session *s, unsigned needs)
{
    s->app = app;
    if (needs & SESSION_OPEN)
        needs |= SESSION_BOOK | SESSION_TTP;
    enum status st = talk_open(app, &s->p, &s->t);
    if (st == ST_DONE && (needs & SESSION_BOOK))
        st = book_open(app, s->p.store, &s->book);
    if (st == ST_DONE && (needs & SESSION_TTP))
        st = ttps_open(&s->t, s->book, &s->ttps);
    if (st == ST_DONE && (needs & SESSION_OPEN))
        st = opening_new(&s->t, &s->ttps, s->book, &s->o);
    s->has = st == ST_DONE ? needs : 0;
    if (st != ST_DONE)
        session_close(s);
    return st;
}

void session_ask(struct session *s, const struct talk_ask *ask, struct talk_answer *out)
{
    if (s->inside)
        esprim_ask(s->inside, ask, out);
    else
        talk_m2m(&s->t, ask, out);
}

void session_close(struct session *s)
{
    esprim_close(s->inside);
    s->inside = NULL;
    if (s->has & SESSION_OPEN)
        opening_free(&s->o);
    ttps_close(&s->ttps);
    book_close(s->book);
    s->book = NULL;
    talk_close(&s->t);
    s->has = 0;
}
