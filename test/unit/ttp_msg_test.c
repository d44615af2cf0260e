/* src/ttp/msg, row, link: the rooms' language and its gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ttp/link.h"

static uint8_t octets[1 << 16], again[1 << 16];
static unsigned seed;

static uint64_t next(void)
{
    seed = seed * 1103515245U + 12345U;
    return seed >> 8;
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)next();
}

static struct span text(void)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz@.-/ABCDEF0123456789";
    return span_of(alphabet, next() % sizeof alphabet);
}

static struct row some_row(void)
{
    struct row r = {.klass = 1,
                    .suid = 24,
                    .base = 2,
                    .has_pv = 1,
                    .kid = text(),
                    .iss = text(),
                    .adfq = text(),
                    .policy = text(),
                    .ep = next(),
                    .pv = next(),
                    .et = next(),
                    .ct = next(),
                    .leaf = next()};
    fill(r.sid, sizeof r.sid);
    fill(r.kc, sizeof r.kc);
    fill(r.wk, sizeof r.wk);
    return r;
}

#define M_U8(n)   m.n = (uint8_t)next();
#define M_U16(n)  m.n = (uint16_t)next();
#define M_U64(n)  m.n = next() << 30 ^ next();
#define M_HASH(n) fill(m.n, sizeof m.n);
#define M_BLOB(n) m.n = text();
#define M_ROW(n)  m.n = some_row();
#define MSG(name, from, to, armed, fields, what)                                                                       \
    static void make_##name(struct buf *b)                                                                             \
    {                                                                                                                  \
        struct msg_##name m;                                                                                           \
        memset(&m, 0, sizeof m);                                                                                       \
        fields msg_put_##name(b, &m);                                                                                  \
    }                                                                                                                  \
    static void put_##name(struct buf *b, const union msg_any *m)                                                      \
    {                                                                                                                  \
        msg_put_##name(b, &m->name);                                                                                   \
    }
#include "ttp/msg.def"
#undef MSG

static const struct {
    void (*make)(struct buf *b);
    void (*put)(struct buf *b, const union msg_any *m);
    enum msg_room from, to;
    uint32_t armed;
} table[SAY__N] = {
#define MSG(name, from, to, armed, fields, what)                                                                       \
    [SAY_##name] = {make_##name, put_##name, ROOM_##from, ROOM_##to, (armed)},
#include "ttp/msg.def"
#undef MSG
};

static unsigned heard;

static enum err hear(void *room, const union msg_any *m)
{
    (void)room;
    (void)m;
    heard++;
    return OK;
}

static uint32_t state;

static struct msg_end end_of(enum msg_room me)
{
    struct msg_end e = {.me = me, .state = &state};
    for (int i = 1; i < SAY__N; i++)
        e.on[i] = hear;
    return e;
}

static void every_message_reads_as_written(void **s)
{
    (void)s;
    for (int i = 1; i < SAY__N; i++)
        for (int turn = 0; turn < 20; turn++) {
            struct buf b = BUF_ARRAY(octets), c = BUF_ARRAY(again);
            enum msg type;
            union msg_any m;
            table[i].make(&b);
            assert_int_equal(b.e, OK);
            assert_int_equal(msg_frame_len(buf_span(&b)), b.n);
            assert_int_equal(msg_get(buf_span(&b), &type, &m), OK);
            assert_int_equal(type, i);
            table[i].put(&c, &m);
            assert_true(span_eq(buf_span(&b), buf_span(&c)));
        }
}

static void set_length(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < 4; i++)
        p[i] = (uint8_t)((n - 4) >> (24 - 8 * i));
}

static void nothing_may_be_missing_or_left_over(void **s)
{
    (void)s;
    for (int i = 1; i < SAY__N; i++) {
        struct buf b = BUF_ARRAY(octets);
        enum msg type;
        union msg_any m;
        table[i].make(&b);
        for (size_t n = MSG_FRAME_LEAST; n < b.n; n++) {
            memcpy(again, octets, n);
            set_length(again, n);
            assert_int_equal(msg_get(span_of(again, n), &type, &m), ERR_SYNTAX);
        }
        buf_c(&b, 0);
        set_length(octets, b.n);
        assert_int_equal(msg_get(buf_span(&b), &type, &m), ERR_SYNTAX);
    }
}

static void the_gate_asks_who_and_when(void **s)
{
    (void)s;
    for (int i = 1; i < SAY__N; i++) {
        struct buf b = BUF_ARRAY(octets);
        table[i].make(&b);
        for (unsigned from = 0; from < ROOM__N; from++)
            for (unsigned to = 0; to < ROOM__N; to++)
                for (unsigned bit = 0; bit < 6; bit++) {
                    struct msg_end e = end_of((enum msg_room)to);
                    bool listed = table[i].from == from && table[i].to == to;
                    state = 1U << bit;
                    heard = 0;
                    enum err want = !listed ? ERR_UNSUPPORTED : table[i].armed & state ? OK : ERR_NOTNOW;
                    assert_int_equal(msg_receive(&e, (enum msg_room)from, buf_span(&b)), want);
                    assert_int_equal(heard, want == OK);
                }
    }
}

static void an_unknown_number_is_refused(void **s)
{
    (void)s;
    struct msg_end e = end_of(ROOM_VAULT);
    state = UINT32_MAX;
    for (unsigned n = 0; n < 70000; n += n < 100 ? 1 : 997) {
        uint8_t f[6] = {0, 0, 0, 2, (uint8_t)(n >> 8), (uint8_t)n};
        assert_int_not_equal(msg_receive(&e, ROOM_LEDGER, span_of(f, 6)), OK);
    }
}

/* No room but the ledger hears the front, and nobody but the ledger and the parent speaks to the vault. */
static void the_front_has_no_way_to_the_vault(void **s)
{
    (void)s;
    for (int i = 1; i < SAY__N; i++) {
        assert_false(table[i].from == ROOM_FRONT && table[i].to == ROOM_VAULT);
        assert_false(table[i].from == ROOM_VAULT && table[i].to == ROOM_FRONT);
        assert_false(table[i].from == table[i].to);
    }
}

static void each_column_changes_the_encoding(void **s)
{
    (void)s;
    struct row r = some_row(), other = r;
    assert_true(row_same(&r, &other));
    other.ct++;
    other.leaf++;
    assert_true(row_same(&r, &other));
#define CHECK_U8(n)   other = r, other.n ^= 1;
#define CHECK_U64(n)  other = r, other.n ^= 1;
#define CHECK_TEXT(n) other = r, other.n = SPAN("another");
#define CHECK_FIX(n)  other = r, other.n[7] ^= 1;
#define COLUMN(type, name, what)                                                                                       \
    {                                                                                                                  \
        struct buf b = BUF_ARRAY(octets), c = BUF_ARRAY(again);                                                        \
        CHECK_##type(name) row_put(&b, &r);                                                                            \
        row_put(&c, &other);                                                                                           \
        assert_false(span_eq(buf_span(&b), buf_span(&c)));                                                             \
    }
#include "ttp/columns.def"
#undef COLUMN
}

static void kids_are_looked_up_without_case(void **s)
{
    (void)s;
    struct buf b = BUF_ARRAY(octets), c = BUF_ARRAY(again);
    assert_int_equal(row_kid_key(SPAN("abCD12@TTP.Example.com"), &b), OK);
    assert_true(span_eq(buf_span(&b), SPAN("ABCD12@ttp.example.com")));
    assert_int_equal(row_kid_key(SPAN("@x"), &c), ERR_SYNTAX);
    assert_int_equal(row_kid_key(SPAN("x@"), &c), ERR_SYNTAX);
    assert_int_equal(row_kid_key(SPAN("x"), &c), ERR_SYNTAX);
}

static void a_link_cuts_frames(void **s)
{
    (void)s;
    int fd[2];
    struct link a, b;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    link_init(&a, fd[0], ROOM_VAULT);
    link_init(&b, fd[1], ROOM_LEDGER);
    state = AT_REST;
    struct msg_end e = end_of(ROOM_VAULT);
    struct buf one = BUF_ARRAY(octets);
    table[SAY_ASKED].make(&one);
    for (int i = 0; i < 50; i++)
        buf_put(&a.out, buf_span(&one));
    assert_int_equal(link_flush(&a), OK);
    heard = 0;
    while (heard < 50)
        assert_int_equal(link_read(&b, &e), OK);
    /* in the smallest pieces */
    for (size_t i = 0; i < one.n; i++) {
        assert_int_equal(heard, 50);
        assert_int_equal(write(fd[0], octets + i, 1), 1);
        assert_int_equal(link_read(&b, &e), OK);
    }
    assert_int_equal(heard, 51);
    /* an unarmed one */
    state = AT_START;
    assert_int_equal(write(fd[0], octets, one.n), (ssize_t)one.n);
    assert_int_equal(link_read(&b, &e), ERR_NOTNOW);
    link_free(&a);
    assert_int_equal(link_read(&b, &e), ERR_CLOSED);
    link_free(&b);
}

static void a_length_beyond_the_limit_ends_the_link(void **s)
{
    (void)s;
    int fd[2];
    struct link b;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    link_init(&b, fd[1], ROOM_LEDGER);
    struct msg_end e = end_of(ROOM_VAULT);
    assert_int_equal(write(fd[0], "\x7f\xff\xff\xff\0\1", 6), 6);
    assert_int_equal(link_read(&b, &e), ERR_LIMIT);
    link_free(&b);
    close(fd[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_reads_as_written),
        cmocka_unit_test(nothing_may_be_missing_or_left_over),
        cmocka_unit_test(the_gate_asks_who_and_when),
        cmocka_unit_test(an_unknown_number_is_refused),
        cmocka_unit_test(the_front_has_no_way_to_the_vault),
        cmocka_unit_test(each_column_changes_the_encoding),
        cmocka_unit_test(kids_are_looked_up_without_case),
        cmocka_unit_test(a_link_cuts_frames),
        cmocka_unit_test(a_length_beyond_the_limit_ends_the_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
