/* reader_want.h - which keys a reader is about to ask its TTPs for: one flight per credential. However many readings
 * wait for a key, it is asked for once; keys of one TTP travel in one request of up to 256; what was just denied, or
 * not answered, is not asked for again at once. No network here: the caller takes, asks and says how it went. */
#ifndef ESD_READER_WANT_H
#define ESD_READER_WANT_H

#include "esd/reader.h"

enum {
    READER_WANTS_MAX = 256,  /* also the most keys of one request (e2e.md 6) */
    READER_DENIED_MS = 5000, /* a final denial stands so long */
    READER_AGAIN_MS = 500,   /* what heals by itself is asked for twice a second at most */
};
enum reader_want_state { WANT_FREE, WANT_NOTED, WANT_ASKED, WANT_ANSWERED };

struct reader_want {
    enum reader_want_state state;
    enum reason answer; /* WANT_ANSWERED: why not */
    int64_t at_ms;      /* of the last change */
    bool placed;        /* sid is known */
    uint8_t sid[ESD_SID];
    uint16_t kid_n;
    char kid[READER_KID_TEXT];
};
struct reader_wants {
    struct reader_want one[READER_WANTS_MAX]; /* all zero at first */
};

/* Notes the wish. REASON_OK: it is to be asked for now; NO_KEY_YET: it is being asked for already; another reason: what
 * was answered a moment ago. MALFORMED: kid without form. FAILED: too many are being asked for. sid may be NULL. */
enum reason reader_want(struct reader *r, struct reader_wants *w, struct span kid, const uint8_t *sid, int64_t now_ms);
/* The noted keys of one TTP, at most max: they count as asked until reader_want_done. Spans point into w. */
size_t reader_want_take(struct reader *r, struct reader_wants *w, struct span fqdn, int64_t now_ms, struct span *kids,
                        size_t max);
/* REASON_OK: it is in the cache. */
void reader_want_done(struct reader *r, struct reader_wants *w, struct span kid, enum reason answer, int64_t now_ms);
/* The stream that a key is wanted for; NULL: not known. For release_expect.sid. */
const uint8_t *reader_want_sid(const struct reader_wants *w, struct span kid);

#endif
