/* Targets: msg_get, msg_receive, row_get. Property: what reads also writes back the same octets, and nothing but a
 * listed and armed message reaches a handler. */
#include "target.h"

#include "ttp/msg.h"

static uint8_t text[MSG_FRAME_MAX + 64];
static uint32_t state;
static const struct {
    enum msg_room from, to;
    uint32_t armed;
} table[SAY__N] = {
#define MSG(name, from, to, armed, fields, what) [SAY_##name] = {ROOM_##from, ROOM_##to, (armed)},
#include "ttp/msg.def"
#undef MSG
};

static void put(struct buf *b, enum msg type, const union msg_any *m)
{
    switch (type) {
#define MSG(name, from, to, armed, fields, what)                                                                       \
    case SAY_##name:                                                                                                   \
        msg_put_##name(b, &m->name);                                                                                   \
        break;
#include "ttp/msg.def"
#undef MSG
    case SAY__NONE:
    case SAY__N:
        __builtin_trap();
    }
}

static enum msg_room from_room;
static enum msg_room me;

#define MSG(name, f, t, a, fields, what)                                                                               \
    static enum err on_##name(void *room, const union msg_any *m)                                                      \
    {                                                                                                                  \
        (void)room;                                                                                                    \
        (void)m;                                                                                                       \
        if (table[SAY_##name].from != from_room || table[SAY_##name].to != me || !(table[SAY_##name].armed & state))   \
            __builtin_trap();                                                                                          \
        return OK;                                                                                                     \
    }
#include "ttp/msg.def"
#undef MSG

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    from_room = (enum msg_room)(data[0] % ROOM__N);
    me = (enum msg_room)(data[1] % ROOM__N);
    state = data[2];
    struct span frame = span_of(data + 3, size - 3);
    struct msg_end end = {.me = me,
                          .state = &state,
                          .on = {
#define MSG(name, from, to, armed, fields, what) [SAY_##name] = on_##name,
#include "ttp/msg.def"
#undef MSG
                          }};
    enum err gate = msg_receive(&end, from_room, frame);
    enum msg type;
    union msg_any m;
    enum err e = msg_get(frame, &type, &m);
    if (e == OK) {
        struct buf b = BUF_ARRAY(text);
        put(&b, type, &m);
        if (b.e != OK || !span_eq(buf_span(&b), frame))
            __builtin_trap();
    } else if (gate == OK) {
        __builtin_trap();
    }
    return 0;
}
