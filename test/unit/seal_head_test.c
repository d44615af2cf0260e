/* The gateway's heads, engine and hook and virtual clock: by number, by time, idle, at the end of an epoch, after a
 * crash, with little retention; a small reader of the test's own follows every chain and confirms every message. */
#include "seal_watch.h"

#define DATA_BOX "mn/one/data/e2e-heads"
#define DATA_AT  ONE "data"

/* ---- when ------------------------------------------------------------------------------------------------ */

static void by_time(void **state)
{
    (void)state;
    container("data", "");
    say("data", 3);
    wait_ms(&net, HEAD_SEGMENT_MS - 1000);
    assert_int_equal(judge(DATA_BOX, DATA_AT).heads, 0);
    wait_ms(&net, 2000);
    struct found f = judge(DATA_BOX, DATA_AT);
    assert_true(f.heads == 1 && f.confirmed == 3 && f.hashes == 0 && f.closed == 0);
    assert_true(f.newest.ep == 1 && f.newest.first == 0 && f.newest.t > T0 && !f.newest.has_prev);
    IS(2000, RETRIEVE(n, DATA_BOX, "CAdmin"));
    HOLDS("\"lbl\":[\"e2e:heads\"]");
    HOLDS("\"cni\":1");
    LACKS("\"mni\":");
    IS(2000, RETRIEVE(n, "mn/one/data", "CAdmin"));
    HOLDS("\"cni\":3"); /* heads are no readings */
    say("data", 2);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.heads == 2 && f.confirmed == 5 && f.newest.first == 3);
}

static void by_number(void **state)
{
    (void)state;
    container("data", "");
    say("data", HEAD_SEGMENT_MAX - 1);
    assert_int_equal(judge(DATA_BOX, DATA_AT).heads, 0);
    say("data", 1);
    settle(&net); /* at once, not at the next second */
    struct found f = judge(DATA_BOX, DATA_AT);
    assert_true(f.heads == 1 && f.confirmed == HEAD_SEGMENT_MAX);
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    assert_int_equal(judge(DATA_BOX, DATA_AT).confirmed, HEAD_SEGMENT_MAX + 1);
}

/* Idle: a heartbeat every ten minutes for every stream, until the epoch's time is over. */
static void heartbeats(void **state)
{
    (void)state;
    container("data", "");
    container("more", "");
    say("data", 1);
    say("more", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    wait_ms(&net, HEAD_IDLE_MS);
    struct found f = judge(DATA_BOX, DATA_AT);
    assert_true(f.heads == 2 && f.links == 1 && f.newest.n == 0 && f.newest.first == 1);
    assert_int_equal(judge("mn/one/more/e2e-heads", ONE "more").heads, 2);
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    assert_int_equal(judge(DATA_BOX, DATA_AT).heads, 3);
    wait_ms(&net, SEAL_SOFT_MS + HEAD_IDLE_MS);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.closed == 1 && f.newest.closed && f.confirmed == 2 && f.heads <= 3 + 6);
    assert_int_equal(hook_seal_counts(h).streams, 0);
    wait_ms(&net, 2 * HEAD_IDLE_MS);
    assert_int_equal(judge(DATA_BOX, DATA_AT).heads, f.heads); /* nothing is to be said any more */
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.ep == 2 && f.newest.has_prev && f.confirmed == 3);
}

/* A revocation ends every epoch, of quiet streams too. */
static void revocation_closes(void **state)
{
    (void)state;
    container("data", "");
    container("quiet", "");
    say("data", 2);
    say("quiet", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    say("data", 1);
    hook_seal_new_epoch(h);
    say("data", 1); /* index 0 of the next */
    wait_ms(&net, 2000);
    struct found f = judge("mn/one/quiet/e2e-heads", ONE "quiet");
    assert_true(f.newest.closed && f.newest.n == 0 && f.confirmed == 1);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.closed && f.newest.ep == 1 && f.confirmed == 3);
    uint8_t end[ESD_HASH];
    memcpy(end, f.id, sizeof end);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.ep == 2 && f.confirmed == 4 && f.newest.has_prev);
    assert_memory_equal(f.newest.prev, end, sizeof end);
}

/* ---- crashes ----------------------------------------------------------------------------------------------- */

static void restart_closes_what_was_open(void **state)
{
    (void)state;
    container("data", "");
    container("more", "");
    say("data", 4);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    say("data", 3); /* no head covers them yet */
    say("more", 2);
    restart();
    wait_ms(&net, 2000);
    struct found f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.closed && f.newest.first == 4 && f.confirmed == 7 && f.hashes == 0);
    f = judge("mn/one/more/e2e-heads", ONE "more");
    assert_true(f.newest.closed && f.heads == 1 && f.confirmed == 2);
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.ep == 2 && f.newest.has_prev && f.confirmed == 8);
    restart(); /* twice in a row, with nothing in between */
    restart();
    wait_ms(&net, 2000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.closed == 2 && f.newest.n == 0);
}

/* kill -9 before the restarted one has closed anything, and in the middle of that. */
static void crash_while_closing(void **state)
{
    (void)state;
    char rn[20], box[60], at[60];
    for (int k = 0; k < 40; k++) { /* more than one transaction of jobs */
        snprintf(rn, sizeof rn, "data%d", k);
        container(rn, k % 2 ? ",\"mni\":3" : "");
        say(rn, 2);
    }
    restart();
    restart();
    net.now += 1000;
    cse_tick(n->cse);
    write_all(n); /* the first jobs */
    restart();
    plan.left = 0; /* and the next commit fails */
    net.now += 1000;
    cse_tick(n->cse);
    write_all(n);
    plan.left = FAULT_NEVER;
    restart();
    wait_ms(&net, 5000);
    for (int k = 0; k < 40; k++) {
        snprintf(box, sizeof box, "mn/one/data%d/e2e-heads", k);
        snprintf(at, sizeof at, ONE "data%d", k);
        struct found f = judge(box, at);
        assert_true(f.heads == 1 && f.closed == 1 && f.confirmed == 2);
    }
}

/* A commit that fails: nothing of it was acknowledged, the chain covers what was before. */
static void failed_commits(void **state)
{
    (void)state;
    container("data", "");
    say("data", 2);
    plan.left = 0;
    IS(5000, CREATE(n, "mn/one/data", "Cone", TY_CIN, "{\"m2m:cin\":{\"con\":\"21.5\"}}"));
    plan.left = FAULT_NEVER;
    wait_ms(&net, 2000);
    struct found f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.closed && f.confirmed == 2 && f.newest.n == 2);
    say("data", 2);
    net.now += HEAD_SEGMENT_MS + 1000;
    plan.left = 0; /* the transaction of the head itself */
    cse_tick(n->cse);
    write_all(n);
    plan.left = FAULT_NEVER;
    assert_int_equal(judge(DATA_BOX, DATA_AT).heads, 1);
    wait_ms(&net, 2000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.ep == 2 && f.closed == 2 && f.confirmed == 4);
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.ep == 3 && f.confirmed == 5 && f.newest.has_prev);
}

/* The store fails at any one of its changes while a head is made: later it is there, and the chain holds. */
static void failed_changes(void **state)
{
    (void)state;
    container("data", "");
    plan.at = FAULT_CHANGE;
    unsigned told = 0;
    for (int left = 0; left < 12; left++) {
        say("data", 2);
        told += 2;
        net.now += HEAD_SEGMENT_MS + 1000;
        plan.left = left;
        cse_tick(n->cse);
        write_all(n);
        plan.left = FAULT_NEVER;
        wait_ms(&net, HEAD_AGAIN_MS + 2000);
        struct found f = judge(DATA_BOX, DATA_AT);
        assert_int_equal(f.confirmed, told);
    }
    hook_seal_new_epoch(h);
    for (int left = 0; left < 8; left++) {
        net.now += 1000;
        plan.left = left;
        cse_tick(n->cse);
        write_all(n);
        plan.left = FAULT_NEVER;
        settle(&net);
    }
    wait_ms(&net, HEAD_AGAIN_MS + 2000);
    struct found f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.closed && f.closed == 1);
}

/* A member of the open segment was deleted before the crash: the others are confirmed all the same. */
static void deleted_before_a_crash(void **state)
{
    (void)state;
    container("data", "");
    say("data", 2);
    IS(2001, CREATE(n, "mn/one/data", "Cone", TY_CIN, "{\"m2m:cin\":{\"rn\":\"gone\",\"con\":\"21.5\"}}"));
    say("data", 2);
    IS(2002, DELETE(n, "mn/one/data/gone", "Cone"));
    restart();
    wait_ms(&net, 2000);
    struct found f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.closed && f.newest.n == 5 && f.hashes == 1 && f.confirmed == 4);
}

/* ---- retention ------------------------------------------------------------------------------------------ */

static void evictions(void **state)
{
    (void)state;
    container("data", ",\"mni\":5");
    say("data", 12);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    struct found f = judge(DATA_BOX, DATA_AT);
    assert_true(f.heads == 1 && f.hashes == 1 && f.confirmed == 12 && f.newest.oldest == 7);
    IS(2000, RETRIEVE(n, DATA_BOX, "CAdmin"));
    HOLDS("\"mni\":1040");
    /* a crash: hashes of what was evicted are there */
    say("data", 9);
    restart();
    wait_ms(&net, 2000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.newest.closed && f.hashes == 2 && f.confirmed == 21 && f.newest.n == 9);
    /* retention that changes takes hold with the next segment */
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    IS(2004, UPDATE(n, "mn/one/data", "Cone", "{\"m2m:cnt\":{\"mni\":5000}}"));
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.heads == 5 && f.hashes == 4 && f.confirmed == 24);
    IS(2004, UPDATE(n, "mn/one/data", "Cone", "{\"m2m:cnt\":{\"mia\":5}}"));
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    f = judge(DATA_BOX, DATA_AT);
    assert_true(f.heads == 7 && f.hashes == 5);
}

static void attributes_and_series(void **state)
{
    (void)state;
    IS(2001, CREATE(n, "mn/one", "Cone", TY_FCNT,
                    "{\"x:lamp\":{\"rn\":\"lamp\",\"cnd\":\"org.x.lamp\",\"motto\":\"a\",\"note\":\"b\"}}"));
    see("motto");
    see("note");
    IS(2004, UPDATE(n, "mn/one/lamp", "Cone", "{\"x:lamp\":{\"motto\":\"c\"}}"));
    see("motto");
    IS(2001, CREATE(n, "mn/one", "Cone", TY_TS, "{\"m2m:ts\":{\"rn\":\"ts\"}}"));
    IS(2001, CREATE(n, "mn/one/ts", "Cone", TY_TSI, "{\"m2m:tsi\":{\"dgt\":\"20260921T100001\",\"con\":\"7\"}}"));
    see("con");
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    struct found f = judge("mn/one/lamp/e2e-heads", ONE "lamp#motto");
    assert_true(f.heads == 1 && f.hashes == 1 && f.confirmed == 2 && f.newest.oldest == 1);
    assert_int_equal(judge("mn/one/lamp/e2e-heads", ONE "lamp#note").confirmed, 1);
    f = judge("mn/one/ts-e2e-heads", ONE "ts");
    assert_true(f.heads == 1 && f.confirmed == 1 && f.hashes == 0);
    IS(2004, UPDATE(n, "mn/one/lamp", "Cone", "{\"x:lamp\":{\"motto\":\"d\"}}"));
    see("motto");
    restart();
    wait_ms(&net, 2000);
    f = judge("mn/one/lamp/e2e-heads", ONE "lamp#motto");
    assert_true(f.newest.closed && f.confirmed == 3);
    assert_true(judge("mn/one/ts-e2e-heads", ONE "ts").newest.closed);
}

static void place_deleted(void **state)
{
    (void)state;
    container("data", "");
    say("data", 1);
    IS(2002, DELETE(n, "mn/one/data", "Cone"));
    wait_ms(&net, HEAD_SEGMENT_MS + 2000);
    assert_int_equal(hook_seal_counts(h).streams, 0);
    container("data", ",\"mni\":2");
    say("data", 3);
    IS(2002, DELETE(n, "mn/one/data", "Cone"));
    restart();
    wait_ms(&net, 2000);
    uint64_t first, next;
    struct store_tx *t;
    assert_int_equal(store_read(store, 0, &t), OK);
    assert_int_equal(seal_book_span(t, &mem, &first, &next), OK);
    store_end(t);
    assert_int_equal(first, next); /* nothing stays in the books */
}

/* ---- the container of heads ------------------------------------------------------------------------------- */

static void acpi_follows(void **state)
{
    (void)state;
    IS(2001,
       CREATE(n, "mn", "CAdmin", 1,
              "{\"m2m:acp\":{\"rn\":\"acp\",\"pv\":{\"acr\":[{\"acor\":[\"Cone\",\"Cheat\"],\"acop\":63}]},\"pvs\":{"
              "\"acr\":[{\"acor\":[\"Cone\"],\"acop\":63}]}}}"));
    container("data", ",\"acpi\":[\"mn/acp\"]");
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    IS(2000, RETRIEVE(n, DATA_BOX, "Cheat"));
    HOLDS("\"acpi\":[\"mn/acp\"]");
    IS(2001, CREATE(n, "mn", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"mine\",\"pv\":{\"acr\":[{\"acor\":[\"Cone\"],\"acop\":63}]},\"pvs\":{"
                    "\"acr\":[{\"acor\":[\"Cone\"],\"acop\":63}]}}}"));
    IS(2004, UPDATE(n, "mn/one/data", "Cone", "{\"m2m:cnt\":{\"acpi\":[\"mn/mine\"]}}"));
    IS(4103, RETRIEVE(n, DATA_BOX, "Cheat")); /* at once */
    IS(2000, RETRIEVE(n, DATA_BOX, "Cone"));
    HOLDS("\"acpi\":[\"mn/mine\"]");
    IS(2004, UPDATE(n, "mn/one/data", "Cone", "{\"m2m:cnt\":{\"acpi\":null}}"));
    IS(2000, RETRIEVE(n, DATA_BOX, "Cone")); /* now the creator of the data decides */
    LACKS("\"acpi\"");
}

static void only_heads_are_stored_there(void **state)
{
    (void)state;
    container("data", "");
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    IS(4102, CREATE(n, DATA_BOX, "CAdmin", TY_CIN, "{\"m2m:cin\":{\"con\":\"clear\"}}"));
    IS(4102,
       CREATE(n, DATA_BOX, "CAdmin", TY_CIN, "{\"m2m:cin\":{\"cnf\":\"application/json:0:1\",\"con\":\"a.b.c\"}}"));
    IS(2000, RETRIEVE(n, DATA_BOX "/la", "CAdmin"));
    char body[8192];
    const char *con = strstr(last->pc, "\"con\":\"");
    assert_non_null(con);
    con += 7;
    snprintf(body, sizeof body, "{\"m2m:cin\":{\"cnf\":\"application/json:0:1\",\"con\":\"%.*s\"}}",
             (int)(strchr(con, '"') - con), con);
    IS(2001, CREATE(n, DATA_BOX, "CAdmin", TY_CIN, body)); /* a head, as a device would publish it */
}

static void watchers_are_told(void **state)
{
    (void)state;
    container("data", "");
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    IS(2001, CREATE(n, DATA_BOX, "CAdmin", 23,
                    "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://w/1\"],\"nct\":1,\"enc\":{\"net\":[3]}}}"));
    settle(&net);
    unsigned was = watcher.seen;
    say("data", 1);
    wait_ms(&net, HEAD_SEGMENT_MS + 2000);
    assert_int_equal(watcher.seen, was + 1);
    assert_non_null(strstr(watcher.last, "application/json:0:1"));
}

/* ---- who signs ----------------------------------------------------------------------------------------------- */

static void data_signing_key(void **state)
{
    (void)state;
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    struct p256 *data;
    assert_int_equal(p256_new(&data), OK);
    assert_int_equal(p256_write_pem(data, &b), OK);
    assert_int_equal(file_replace(in_folder("data-key"), buf_span(&b), 0600), OK);
    seal_down();
    more_conf = "data-signing-key-file=data-key\n";
    seal_up();
    container("data", "");
    say("data", 2);
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    assert_int_equal(judge_as(DATA_BOX, DATA_AT, data).confirmed, 2);
    uint8_t kv[ESD_KV], wk[JOSE_THUMB];
    struct letter_item item;
    assert_true(kv_of(span_str(seen[0].kid), kv, &item));
    assert_int_equal(p256_thumb(data, wk), OK);
    assert_memory_equal(item.wk, wk, sizeof wk); /* the letter names it */
    /* another key since: what was open is not signed by it */
    say("data", 1);
    seal_down();
    more_conf = NULL;
    seal_up();
    wait_ms(&net, 2000);
    assert_int_equal(judge_as(DATA_BOX, DATA_AT, data).heads, 1);
    unlink(in_folder("data-key"));
    p256_free(data);
}

static void the_log_is_witnessed(void **state)
{
    (void)state;
    container("data", "");
    say("data", 1);
    struct seal_ttp *t = &h->ttps[0];
    static const char note[] = "ttp.demo.example/log\n5\nAAAA\n\n- ttp.demo.example/log AAAA\n";
    seal_head_saw_log(t, 5, span_str(note));
    seal_head_saw_log(t, 4, SPAN("an older one"));
    wait_ms(&net, HEAD_SEGMENT_MS + 1000);
    assert_string_equal(judge(DATA_BOX, DATA_AT).ttp, note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, up, all_down)
        T(by_time),
        T(by_number),
        T(heartbeats),
        T(revocation_closes),
        T(restart_closes_what_was_open),
        T(crash_while_closing),
        T(failed_commits),
        T(failed_changes),
        T(deleted_before_a_crash),
        T(evictions),
        T(attributes_and_series),
        T(place_deleted),
        T(acpi_follows),
        T(only_heads_are_stored_there),
        T(watchers_are_told),
        T(data_signing_key),
        T(the_log_is_witnessed),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
