/* Commands of the operator in vault and ledger: they take the way of a request, with its leaf, and the network cannot
 * give them. */
#include "ttp_house.h"

#include "ttp/admin.h"
#include "ttp/vault_admin.h"

static struct span done_json;
static unsigned done_status;

/* As the parent: the command goes in, everything moves, the answer is what came to the parent. */
static bool told(struct house *h, enum admin_name name, struct span words)
{
    struct buf b = heap_buf(MSG_FRAME_MAX);
    bool vault = admin_row(name)->room == ROOM_VAULT;
    h->done_status = 0;
    if (vault)
        msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 7, .command = (uint8_t)name, .words = words});
    else
        msg_put_LEDGER_DO(&b, &(struct msg_LEDGER_DO){.id = 7, .command = (uint8_t)name, .words = words});
    enum err e = msg_receive(vault ? vault_end(h->vault) : ledger_end(h->ledger), ROOM_PARENT, buf_span(&b));
    heap_buf_free(&b);
    if (e != OK)
        return false;
    pump(h);
    done_status = h->done_status;
    done_json = h->done_json;
    return h->done_status != 0;
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ADMIN__N; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", admin_row(i)->name);
        for (char *at = name; *at; at++)
            *at = *at == '_' ? '-' : *at;
        assert_int_equal(admin_find(span_str(name)), i);
        assert_true(admin_row(i)->when != 0);
    }
    assert_int_equal(admin_find(SPAN("")), ADMIN__N);
    assert_int_equal(admin_find(SPAN("statu")), ADMIN__N);
}

static void test_note_has_its_leaf(void **state)
{
    struct house *h = *state;
    uint64_t size = h->size;
    assert_true(told(h, ADMIN_note, SPAN("disk \"changed\"\x01")));
    assert_int_equal(done_status, 200);
    assert_int_equal(h->size, size + 1);
    assert_true(span_starts(done_json, SPAN("{\"v\":1,\"ok\":true,\"index\":")));
    house_restart(h);
    assert_true(h->up);
    assert_int_equal(h->size, size + 1);
}

static void test_what_refuses_leaves_nothing(void **state)
{
    struct house *h = *state;
    uint64_t size = h->size;
    assert_true(told(h, ADMIN_note, SPAN_NONE));
    assert_int_equal(done_status, 400);
    assert_int_equal(h->size, size);
}

static void test_ledger(void **state)
{
    struct house *h = *state;
    assert_true(told(h, ADMIN_storage, SPAN_NONE));
    assert_int_equal(done_status, 200);
    assert_true(span_starts(done_json, SPAN("{\"v\":1,\"leaves\":")));
}

static void test_rooms_do_their_own_only(void **state)
{
    struct house *h = *state;
    struct buf b = heap_buf(4096);
    msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 1, .command = ADMIN_storage});
    h->vault_end = msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b));
    pump(h);
    assert_int_equal(h->done_status, 500);
    buf_reset(&b);
    msg_put_LEDGER_DO(&b, &(struct msg_LEDGER_DO){.id = 1, .command = ADMIN_note});
    assert_int_equal(msg_receive(ledger_end(h->ledger), ROOM_PARENT, buf_span(&b)), ERR_UNSUPPORTED);
    heap_buf_free(&b);
}

/* A conquered front or ledger says what only the operator may. */
static void test_the_network_cannot_command(void **state)
{
    struct house *h = *state;
    struct buf b = heap_buf(4096);
    static const struct {
        enum msg_room from;
        uint8_t kind;
        uint64_t id;
    } rows[] = {{ROOM_LEDGER, KIND_ADMIN, 1}, {ROOM_LEDGER, KIND_NONCE, VAULT_ADMIN_ID | 1}};
    for (size_t i = 0; i < LEN(rows); i++) {
        buf_reset(&b);
        msg_put_ASKED(&b,
                      &(struct msg_ASKED){
                          .id = rows[i].id, .kind = rows[i].kind, .base = ADMIN_note, .body = SPAN("from outside")});
        assert_int_equal(msg_receive(vault_end(h->vault), rows[i].from, buf_span(&b)), ERR_SYNTAX);
    }
    buf_reset(&b);
    msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 1, .command = ADMIN_note, .words = SPAN("from outside")});
    assert_int_equal(msg_receive(vault_end(h->vault), ROOM_LEDGER, buf_span(&b)), ERR_UNSUPPORTED);
    assert_int_equal(msg_receive(vault_end(h->vault), ROOM_FRONT, buf_span(&b)), ERR_UNSUPPORTED);
    heap_buf_free(&b);
}

/* The disk is full: the command is refused, and nothing of it stays. */
static void test_undone_when_the_batch_fails(void **state)
{
    struct house *h = *state;
    uint64_t size = h->size;
    h->fail_commit = true;
    assert_true(told(h, ADMIN_note, SPAN("lost")));
    assert_int_equal(done_status, 503);
    h->fail_commit = false;
    assert_true(told(h, ADMIN_note, SPAN("kept")));
    assert_int_equal(done_status, 200);
    assert_int_equal(h->size, size + 1);
}

static int setup(void **state)
{
    *state = house_new();
    return 0;
}

static int teardown(void **state)
{
    house_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_note_has_its_leaf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_refuses_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ledger, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rooms_do_their_own_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_network_cannot_command, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undone_when_the_batch_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
