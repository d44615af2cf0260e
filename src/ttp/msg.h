/* msg.h - the rooms' language: structs, codec and the one gate that every message passes (msg.def).
 *
 * A frame is be32 length of the rest, be16 number of the message, then its fields. Blobs in a received message
 * point into the frame. */
#ifndef TTP_MSG_H
#define TTP_MSG_H

#include "base/buf.h"
#include "ttp/row.h"

enum {
    MSG_FRAME_MAX = 2 << 20, /* octets of one frame */
    MSG_FRAME_LEAST = 6,     /* octets of length and number */
    MSG_HASH = 32
};

enum msg_room { ROOM_PARENT, ROOM_FRONT, ROOM_LEDGER, ROOM_VAULT, ROOM_COURIER, ROOM_HALL, ROOM_TELLER, ROOM__N };
const char *msg_room_name(enum msg_room r);

/* States of a room; `armed` in msg.def is a set of them. */
enum msg_state {
    AT_START = 1,   /* waits for its start message (parent: for the room to come up) */
    AT_LOAD = 2,    /* vault and ledger bring the vault up to date */
    AT_REST = 4,    /* serving; the vault: no batch under way */
    AT_LEDGER = 8,  /* vault: a batch is with the ledger */
    AT_PARENT = 16, /* vault: a head is with the parent */
    AT_BATCH = 32,  /* ledger: between BATCH and COMMIT */
    AT_SEALED = 64, /* ledger: there is no vault; log pages may be read */
    AT_SERVE = AT_REST | AT_BATCH
};

enum msg {
    SAY__NONE,
#define MSG(name, from, to, armed, fields, what) SAY_##name,
#include "ttp/msg.def"
#undef MSG
    SAY__N
};

#define M_U8(n)   uint8_t n;
#define M_U16(n)  uint16_t n;
#define M_U64(n)  uint64_t n;
#define M_HASH(n) uint8_t n[MSG_HASH];
#define M_BLOB(n) struct span n;
#define M_ROW(n)  struct row n;
#define MSG(name, from, to, armed, fields, what)                                                                       \
    struct msg_##name {                                                                                                \
        fields                                                                                                         \
    };
#include "ttp/msg.def"
#undef MSG
#undef M_U8
#undef M_U16
#undef M_U64
#undef M_HASH
#undef M_BLOB
#undef M_ROW

union msg_any {
#define MSG(name, from, to, armed, fields, what) struct msg_##name name;
#include "ttp/msg.def"
#undef MSG
};

/* Writers, one per message: msg_put_ASK(b, &(struct msg_ASK){...}). Sticky errors of b; ERR_LIMIT when the frame is
 * larger than MSG_FRAME_MAX. */
#define MSG(name, from, to, armed, fields, what) void msg_put_##name(struct buf *b, const struct msg_##name *m);
#include "ttp/msg.def"
#undef MSG

/* One end of the language: a room with its handlers. */
struct msg_end {
    enum msg_room me;
    const uint32_t *state; /* the room's present state */
    void *room;            /* handed to handlers */
    enum err (*on[SAY__N])(void *room, const union msg_any *m);
};

/* The gate. `frame` is one whole frame with its head. ERR_UNSUPPORTED: no such message, or not for this pair of rooms;
 * ERR_NOTNOW: not armed; ERR_SYNTAX: fields do not fill the frame exactly; or what the handler returns. After any
 * error the receiver ends. */
MUST_USE enum err msg_receive(const struct msg_end *end, enum msg_room from, struct span frame);
/* Reads without the gate: for tests and the fuzz target. */
MUST_USE enum err msg_get(struct span frame, enum msg *type, union msg_any *m);
/* Length of the frame that starts here: 0 when fewer than four octets are there, MSG_FRAME_MAX + 1 when it is too long
 * or too short to be one. */
size_t msg_frame_len(struct span octets);
const char *msg_name(enum msg m);

/* Lists inside blobs: be32 length, octets, again and again. ERR_SYNTAX when it does not come out even. */
void msg_item_put(struct buf *b, struct span item);
MUST_USE enum err msg_item_get(struct span *list, struct span *item);

#endif
