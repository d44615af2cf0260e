/* seal_seen.c - the highest epochs that TTPs know of our streams (e2e.md 1): a database that was put back counts from
 * an earlier number, and goes on above what the TTP has seen. The writer notes the streams that begin epochs, the task
 * asks about each once and notes the answer. Under a lock of its own. */
#include <string.h>

#include "cse/seal_own.h"

static struct seal_seen *place(struct hook_seal *h, const uint8_t sid[ESD_SID])
{
    enum { PROBES = 16 };
    size_t at = (size_t)sid[3] << 16 | (size_t)sid[4] << 8 | sid[5];
    struct seal_seen *first = &h->seen[at % SEAL_STREAMS];
    for (size_t i = 0; i < PROBES; i++) {
        struct seal_seen *s = &h->seen[(at + i) % SEAL_STREAMS];
        if (!s->ttp || memcmp(s->sid, sid, ESD_SID) == 0)
            return s;
    }
    return first; /* forgotten for another: asked again when it comes */
}

void seal_seen_begins(struct hook_seal *h, const struct seal_ttp *t, const uint8_t sid[ESD_SID], uint64_t ep)
{
    pthread_mutex_lock(&h->seen_lock);
    struct seal_seen *s = place(h, sid);
    if (s->ttp != t || memcmp(s->sid, sid, ESD_SID) != 0)
        *s = (struct seal_seen){.ttp = t};
    memcpy(s->sid, sid, ESD_SID);
    s->ours = ep;
    pthread_mutex_unlock(&h->seen_lock);
}

uint64_t seal_seen_floor(struct hook_seal *h, const uint8_t sid[ESD_SID])
{
    pthread_mutex_lock(&h->seen_lock);
    const struct seal_seen *s = place(h, sid);
    uint64_t ep = s->ttp && memcmp(s->sid, sid, ESD_SID) == 0 ? s->ep : 0;
    pthread_mutex_unlock(&h->seen_lock);
    return ep;
}

size_t seal_seen_ask(struct hook_seal *h, const struct seal_ttp *t, struct poll_stream *out, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&h->seen_lock);
    for (size_t i = 0; i < SEAL_STREAMS && n < max; i++) {
        const struct seal_seen *s = &h->seen[i];
        if (s->ttp != t || s->told)
            continue;
        memcpy(out[n].sid, s->sid, ESD_SID);
        out[n++].ep = s->ours;
    }
    pthread_mutex_unlock(&h->seen_lock);
    return n;
}

void seal_seen_told(struct hook_seal *h, const struct seal_ttp *t, const struct poll_stream *streams, size_t n)
{
    pthread_mutex_lock(&h->seen_lock);
    for (size_t i = 0; i < n; i++) {
        struct seal_seen *s = place(h, streams[i].sid);
        if (s->ttp != t || memcmp(s->sid, streams[i].sid, ESD_SID) != 0)
            continue;
        s->told = true;
        s->ep = streams[i].ep > s->ep ? streams[i].ep : s->ep;
    }
    pthread_mutex_unlock(&h->seen_lock);
}
