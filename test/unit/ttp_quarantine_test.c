/* Quarantine: keys are there, nothing is released; it outlives starts, and ends by the operator's word alone. */
#include "ttp_house.h"

#include "ttp/admin.h"
#include "ttp/vault_own.h"

struct scene {
    struct house *h;
    struct party owner, reader;
    struct span kid;
    uint8_t kv[ESD_KV];
};

static unsigned command(struct house *h, enum admin_name name, const char *words)
{
    struct buf b = heap_buf(4096);
    h->done_status = 0;
    msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 3, .command = (uint8_t)name, .words = span_str(words)});
    assert_int_equal(msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b)), OK);
    heap_buf_free(&b);
    pump(h);
    return h->done_status;
}

static bool released(struct scene *s)
{
    uint8_t kv[ESD_KV];
    return release_one(s->h, &s->reader, s->kid, kv) == REASON_OK && memcmp(kv, s->kv, ESD_KV) == 0;
}

static int setup(void **state)
{
    struct scene *s = xalloc(sizeof *s);
    struct house *h = house_new();
    *s = (struct scene){.h = h,
                        .owner = party_new(h, "//demo.example/id-mn", "DNS:id-mn.demo.example"),
                        .reader = party_new(h, "//demo.example/Sreader", "URI:m2m://demo.example/Sreader")};
    join(h, &s->owner);
    join(h, &s->reader);
    memset(s->kv, 7, ESD_KV);
    struct letter_item m = item_of(h, s->kv, 1, 1, "hall");
    s->kid = m.kid;
    struct span letter = letter_text(h, &s->owner, &m, 1, (const uint8_t(*)[ESD_KV])s->kv);
    struct span policy = policy_text(h, &s->owner, "hall", 1, &s->reader);
    assert_int_equal(ask(h, KIND_POLICY, "", policy).status, 200);
    assert_int_equal(ask(h, KIND_LETTER, "", letter).status, 200);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    p256_free(s->owner.key);
    p256_free(s->reader.key);
    house_free(s->h);
    free(s);
    return 0;
}

static void test_nothing_leaves_until_the_operator_says_so(void **state)
{
    struct scene *s = *state;
    struct house *h = s->h;
    assert_true(released(s));
    uint64_t size = h->size;
    assert_int_equal(vault_quarantine(h->vault, "a witness knows a newer head"), OK);
    assert_false(released(s)); /* at once, before the leaf is there */
    pump(h);
    assert_int_equal(h->size, size + 1);
    assert_false(released(s));
    assert_int_equal(vault_quarantine(h->vault, "again"), OK);
    pump(h);
    assert_int_equal(h->size, size + 1);
    struct answer a = ask(h, KIND_POLL, "", SPAN("x"));
    assert_int_equal(a.status, 503);
    assert_non_null(memmem(a.body.p, a.body.n, "knows a newer head", 18));
    assert_int_equal(ask(h, KIND_BUNDLE, "", SPAN_NONE).status, 200);
    house_restart(h); /* warm */
    assert_true(h->up);
    assert_false(released(s));
    h->known = false; /* cold */
    house_restart(h);
    assert_true(h->up);
    assert_false(released(s));
    assert_int_equal(command(h, ADMIN_unquarantine, ""), 400);
    assert_false(released(s));
    assert_int_equal(command(h, ADMIN_unquarantine, "the copy is the newest"), 200);
    assert_true(released(s));
    house_restart(h);
    assert_true(released(s));
}

static void test_what_was_decided_does_not_leave_either(void **state)
{
    struct scene *s = *state;
    struct house *h = s->h;
    struct release_ask q = {0};
    struct span text = release_text(h, &s->reader, &q, &s->kid, 1);
    for (int quarantined = 0; quarantined < 2; quarantined++) { /* the control first */
        h->n_answers = 0;
        h->hold_heads = true;
        uint64_t id = ask_only(h, KIND_RELEASE, "", text);
        pump(h);
        assert_null(answer_of(h, id)); /* durable, signed, not yet kept */
        if (quarantined)
            assert_int_equal(vault_quarantine(h->vault, "now"), OK);
        h->hold_heads = false;
        h->size++;
        kept(h);
        pump(h);
        const struct answer *a = answer_of(h, id);
        assert_non_null(a);
        assert_int_equal(a->status, quarantined ? 503 : 200);
    }
    p256_free(q.epk);
}

/* No space for its leaf: it holds all the same. */
static void test_without_its_leaf(void **state)
{
    struct scene *s = *state;
    struct house *h = s->h;
    h->fail_commit = true;
    assert_int_equal(command(h, ADMIN_quarantine, "stolen laptop"), 503);
    h->fail_commit = false;
    assert_false(released(s));
    assert_int_equal(command(h, ADMIN_unquarantine, "found again"), 200);
    assert_true(released(s));
    /* And an end that cannot be written does not end it. */
    assert_int_equal(command(h, ADMIN_quarantine, "stolen laptop"), 200);
    h->fail_commit = true;
    assert_int_equal(command(h, ADMIN_unquarantine, "found again"), 503);
    h->fail_commit = false;
    assert_false(released(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_leaves_until_the_operator_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_decided_does_not_leave_either, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_its_leaf, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
