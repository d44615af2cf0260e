#include "ttp/msg.h"

#include "ttp/take.h"

const char *msg_room_name(enum msg_room r)
{
    static const char *const names[] = {"parent", "front", "ledger", "vault", "courier", "hall", "teller"};
    return (unsigned)r < LEN(names) ? names[r] : "nobody";
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void put_u16(struct buf *b, uint16_t v)
{
    buf_c(b, (uint8_t)(v >> 8));
    buf_c(b, (uint8_t)v);
}

void msg_item_put(struct buf *b, struct span item)
{
    buf_be32(b, (uint32_t)item.n);
    buf_put(b, item);
}

/* The length is written when the frame is complete. */
static size_t begin(struct buf *b, enum msg type)
{
    size_t at = b->n;
    buf_be32(b, 0);
    put_u16(b, (uint16_t)type);
    return at;
}

static void end(struct buf *b, size_t at)
{
    if (b->e != OK)
        return;
    size_t n = b->n - at;
    if (n > MSG_FRAME_MAX) {
        b->e = ERR_LIMIT;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        b->p[at + i] = (uint8_t)((n - 4) >> (24 - 8 * i));
}

#define M_U8(n)   buf_c(b, m->n);
#define M_U16(n)  put_u16(b, m->n);
#define M_U64(n)  buf_be64(b, m->n);
#define M_HASH(n) buf_put(b, span_of(m->n, MSG_HASH));
#define M_BLOB(n) msg_item_put(b, m->n);
#define M_ROW(n)  row_put(b, &m->n);
#define MSG(name, from, to, armed, fields, what)                                                                       \
    void msg_put_##name(struct buf *b, const struct msg_##name *m)                                                     \
    {                                                                                                                  \
        size_t at = begin(b, SAY_##name);                                                                              \
        fields end(b, at);                                                                                             \
    }
#include "ttp/msg.def"
#undef MSG
#undef M_U8
#undef M_U16
#undef M_U64
#undef M_HASH
#undef M_BLOB
#undef M_ROW

/* ---- reading ------------------------------------------------------------------------------------------------- */

enum err msg_item_get(struct span *list, struct span *item)
{
    return take_blob(list, item);
}

#define M_U8(n)   TRY(take_u8(&s, &m->n));
#define M_U16(n)  TRY(take_u16(&s, &m->n));
#define M_U64(n)  TRY(take_u64(&s, &m->n));
#define M_HASH(n) TRY(take_fix(&s, m->n, MSG_HASH));
#define M_BLOB(n) TRY(take_blob(&s, &m->n));
#define M_ROW(n)  TRY(row_get(&s, &m->n));
#define MSG(name, from, to, armed, fields, what)                                                                       \
    static enum err get_##name(struct span s, union msg_any *any)                                                      \
    {                                                                                                                  \
        struct msg_##name *m = &any->name;                                                                             \
        fields return s.n == 0 ? OK : ERR_SYNTAX;                                                                      \
    }
#include "ttp/msg.def"
#undef MSG
#undef M_U8
#undef M_U16
#undef M_U64
#undef M_HASH
#undef M_BLOB
#undef M_ROW

static const struct {
    const char *name;
    enum msg_room from, to;
    uint32_t armed;
    enum err (*get)(struct span s, union msg_any *any);
} table[SAY__N] = {
#define MSG(name, from, to, armed, fields, what) [SAY_##name] = {#name, ROOM_##from, ROOM_##to, (armed), get_##name},
#include "ttp/msg.def"
#undef MSG
};

const char *msg_name(enum msg m)
{
    return m > SAY__NONE && m < SAY__N ? table[m].name : "none";
}

size_t msg_frame_len(struct span o)
{
    if (o.n < 4)
        return 0;
    size_t n = ((size_t)o.p[0] << 24 | (size_t)o.p[1] << 16 | (size_t)o.p[2] << 8 | o.p[3]) + 4;
    return n < MSG_FRAME_LEAST || n > MSG_FRAME_MAX ? MSG_FRAME_MAX + 1 : n;
}

enum err msg_get(struct span frame, enum msg *type, union msg_any *m)
{
    *type = SAY__NONE;
    if (frame.n < MSG_FRAME_LEAST || msg_frame_len(frame) != frame.n)
        return ERR_SYNTAX;
    unsigned number = (unsigned)frame.p[4] << 8 | frame.p[5];
    if (number == SAY__NONE || number >= SAY__N)
        return ERR_UNSUPPORTED;
    *type = (enum msg)number;
    memset(m, 0, sizeof *m);
    return table[number].get(span_from(frame, MSG_FRAME_LEAST), m);
}

enum err msg_receive(const struct msg_end *end_of, enum msg_room from, struct span frame)
{
    if (frame.n < MSG_FRAME_LEAST || msg_frame_len(frame) != frame.n)
        return ERR_SYNTAX;
    unsigned number = (unsigned)frame.p[4] << 8 | frame.p[5];
    if (number == SAY__NONE || number >= SAY__N || table[number].from != from || table[number].to != end_of->me ||
        !end_of->on[number])
        return ERR_UNSUPPORTED;
    if (!(table[number].armed & *end_of->state))
        return ERR_NOTNOW;
    union msg_any m;
    enum msg type;
    TRY(msg_get(frame, &type, &m));
    return end_of->on[number](end_of->room, &m);
}
