/* reader_want.c - see reader_want.h. */
#include <string.h>

#include "esd/reader_want.h"

static struct span kid_of(const struct reader_want *x)
{
    return span_of(x->kid, x->kid_n);
}

static struct reader_want *find(struct reader_wants *w, struct span kid)
{
    for (size_t i = 0; i < READER_WANTS_MAX; i++)
        if (w->one[i].state != WANT_FREE && kid_eq(kid_of(&w->one[i]), kid))
            return &w->one[i];
    return NULL;
}

/* A free place, otherwise that of the oldest answer; NULL: all are being asked for. */
static struct reader_want *place(struct reader_wants *w)
{
    struct reader_want *best = NULL;
    for (size_t i = 0; i < READER_WANTS_MAX; i++) {
        struct reader_want *x = &w->one[i];
        if (x->state == WANT_FREE)
            return x;
        if (x->state == WANT_ANSWERED && (!best || x->at_ms < best->at_ms))
            best = x;
    }
    return best;
}

/* A clock that was set back makes no answer eternal. */
static bool stands(const struct reader_want *x, int64_t now_ms)
{
    int64_t age = now_ms - x->at_ms;
    return age >= 0 && age < (reason_heals(x->answer) ? READER_AGAIN_MS : READER_DENIED_MS);
}

enum reason reader_want(struct reader *r, struct reader_wants *w, struct span kid, const uint8_t *sid, int64_t now_ms)
{
    struct span relative, fqdn;
    JUDGE(kid_split(kid, &relative, &fqdn));
    if (kid.n > READER_KID_TEXT)
        return REASON_MALFORMED;
    struct reader_want *x = find(w, kid);
    if (x && (x->state != WANT_ANSWERED || stands(x, now_ms))) {
        r->count.coalesced++;
        return x->state == WANT_ANSWERED ? x->answer : REASON_NO_KEY_YET;
    }
    x = x ? x : place(w);
    if (!x)
        return REASON_FAILED;
    *x = (struct reader_want){.state = WANT_NOTED, .at_ms = now_ms, .placed = sid != NULL, .kid_n = (uint16_t)kid.n};
    memcpy(x->kid, kid.p, kid.n);
    if (sid)
        memcpy(x->sid, sid, ESD_SID);
    return REASON_OK;
}

size_t reader_want_take(struct reader *r, struct reader_wants *w, struct span fqdn, int64_t now_ms, struct span *kids,
                        size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < READER_WANTS_MAX && n < max; i++) {
        struct reader_want *x = &w->one[i];
        struct span relative, ttp;
        if (x->state != WANT_NOTED || kid_split(kid_of(x), &relative, &ttp) != REASON_OK || !span_eq_nocase(ttp, fqdn))
            continue;
        x->state = WANT_ASKED;
        x->at_ms = now_ms;
        kids[n++] = kid_of(x);
    }
    r->count.asked += n;
    return n;
}

void reader_want_done(struct reader *r, struct reader_wants *w, struct span kid, enum reason answer, int64_t now_ms)
{
    struct reader_want *x = find(w, kid);
    bool denied = answer != REASON_OK && !reason_heals(answer);
    r->count.refusals += denied;
    if (!x)
        return;
    if (answer == REASON_OK) {
        *x = (struct reader_want){0};
        return;
    }
    x->state = WANT_ANSWERED;
    x->answer = answer;
    x->at_ms = now_ms;
}

const uint8_t *reader_want_sid(const struct reader_wants *w, struct span kid)
{
    for (size_t i = 0; i < READER_WANTS_MAX; i++)
        if (w->one[i].state != WANT_FREE && kid_eq(kid_of(&w->one[i]), kid))
            return w->one[i].placed ? w->one[i].sid : NULL;
    return NULL;
}
