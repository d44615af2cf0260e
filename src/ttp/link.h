/* link.h - a socketpair between two rooms, cut into frames. Non-blocking for rooms that serve several, blocking for
 * the vault, which has nothing else to do. */
#ifndef TTP_LINK_H
#define TTP_LINK_H

#include "ttp/msg.h"

enum { LINK_QUEUE_MAX = 64 << 20 }; /* octets that wait for a slow reader; more ends the room */

struct link {
    int fd;
    enum msg_room peer;
    struct buf in, out; /* growing */
    size_t in_at, out_at;
};
void link_init(struct link *l, int fd, enum msg_room peer);
/* Frees and wipes the buffers, closes the descriptor. */
void link_free(struct link *l);
/* Reads what is there (once) and gives every whole frame to `end`. ERR_CLOSED: the peer is gone; ERR_IO; ERR_LIMIT (a
 * frame that cannot be one); or what the gate said. */
MUST_USE enum err link_read(struct link *l, const struct msg_end *end);
/* Writes as much of `out` as the socket takes now. ERR_CLOSED, ERR_IO, ERR_LIMIT (the queue is too long). */
MUST_USE enum err link_write(struct link *l);
/* Writes all of it, however long that takes. */
MUST_USE enum err link_flush(struct link *l);
static inline bool link_pending(const struct link *l)
{
    return l->out.n > l->out_at;
}

#endif
