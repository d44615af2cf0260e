/* src/cse: announcement. What is announced at the gateway has its copy at the server. */
#include "cse_node.h"

static struct node *in, *mn;

static int all_down(void **state)
{
    (void)state;
    node_conf = NULL;
    if (last)
        ask_free(last);
    last = NULL;
    net_down(&net);
    return 0;
}

static void up(bool lab)
{
    in = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, lab);
    mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, lab);
    wait_ms(&net, 2000);
    IS(2001, CREATE(mn, "mn", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
}

/* The one entry of `at` of the last answer. */
static const char *announced(void)
{
    static char out[4][300];
    static unsigned turn;
    char *to = out[turn++ % 4];
    const char *at = strstr(last->pc, "\"at\":[\""), *end = at ? strchr(at + 7, '"') : NULL;
    to[0] = 0;
    if (end)
        copy_text(to, 300, span_of(at + 7, (size_t)(end - at) - 7));
    return to;
}

static void a_container_and_its_instances(void **state)
{
    (void)state;
    up(false);
    IS(2001, CREATE(mn, "mn/one", "Cone", 3,
                    "{\"m2m:cnt\":{\"rn\":\"c\",\"lbl\":[\"a\"],\"mni\":9,\"at\":[\"/id-in\"],\"aa\":[\"mni\"]}}"));
    char cnt[300], cin[300], ri[100];
    snprintf(cnt, sizeof cnt, "%s", announced());
    snprintf(ri, sizeof ri, "\"lnk\":\"/id-mn/%s\"", value("ri"));
    assert_true(strncmp(cnt, "/id-in/", 7) == 0);
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    HOLDS("{\"m2m:cntA\":{");
    HOLDS("\"ty\":10003");
    HOLDS(ri);
    HOLDS("\"lbl\":[\"a\"]");
    HOLDS("\"mni\":9");
    LACKS("\"cni\"");
    LACKS("\"st\"");
    IS(2000, RETRIEVE(in, "in/annc-id-mn", "CAdmin"));
    HOLDS("{\"m2m:cbA\":{");
    HOLDS("\"lnk\":\"/id-mn/id-mn\"");
    LACKS("\"srv\""); /* switch 11 */
    IS(2001, CREATE(mn, "mn/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\",\"at\":[\"/id-in\"],\"aa\":[\"con\"]}}"));
    snprintf(cin, sizeof cin, "%s", announced());
    IS(2000, QUERY(in, cnt, "CAdmin", {"rcn", "4"}));
    HOLDS("\"m2m:cinA\":[{");
    HOLDS("\"con\":\"x\"");
    IS(2001, CREATE(mn, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"d\"}}"));
    IS(4005, CREATE(mn, "mn/one/d", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\",\"at\":[\"/id-in\"]}}"));
    IS(2002, DELETE(mn, "mn/one/c/la", "Cone"));
    IS(4004, RETRIEVE(in, cin, "CAdmin"));
    IS(2002, DELETE(mn, "mn/one/c", "Cone"));
    IS(4004, RETRIEVE(in, cnt, "CAdmin"));
    IS(2000, RETRIEVE(in, "in/annc-id-mn", "CAdmin")); /* stays for the next */
}

static void changes_follow(void **state)
{
    (void)state;
    up(true);
    IS(2001, CREATE(mn, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"lbl\":[\"a\"],\"mni\":9}}"));
    assert_string_equal(announced(), "");
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"at\":[\"/id-in\"]}}"));
    char cnt[300], set[400];
    snprintf(cnt, sizeof cnt, "%s", announced());
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    LACKS("\"mni\"");
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"b\"],\"aa\":[\"mni\",\"mbs\"]}}"));
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    HOLDS("\"lbl\":[\"b\"]");
    HOLDS("\"mni\":9");
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"lbl\":null,\"mni\":7,\"mbs\":100}}"));
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    LACKS("\"lbl\"");
    HOLDS("\"mni\":7");
    HOLDS("\"mbs\":100");
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"aa\":[\"mbs\"]}}"));
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    LACKS("\"mni\"");
    HOLDS("\"mbs\":100");
    IS(4000, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"aa\":[\"ct\"]}}"));
    HOLDS("aa");
    IS(4000, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"aa\":[\"nix\"]}}"));
    IS(4000, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"at\":[\"/id-mn\"]}}"));
    /* the same entry again, or its CSE: it stays */
    snprintf(set, sizeof set, "{\"m2m:cnt\":{\"at\":[\"%s\",\"/id-in\"]}}", cnt);
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", set));
    assert_string_equal(announced(), cnt);
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"at\":[]}}"));
    LACKS("\"at\"");
    IS(4004, RETRIEVE(in, cnt, "CAdmin"));
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"at\":[\"/id-in\"]}}"));
    snprintf(cnt, sizeof cnt, "%s", announced());
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"at\":null}}"));
    IS(4004, RETRIEVE(in, cnt, "CAdmin"));
}

static void a_tree(void **state)
{
    (void)state;
    up(true);
    IS(2001, CREATE(mn, "mn/one", "Cone", 1,
                    "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"Cone\",\"/id-in/Ctwo\"],\"acop\":63}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"Cone\"],\"acop\":63}]}}}"));
    IS(2004, UPDATE(mn, "mn/one", "Cone", "{\"m2m:ae\":{\"at\":[\"/id-in\"],\"aa\":[\"api\",\"aei\"]}}"));
    char ae[300], cnt[300];
    snprintf(ae, sizeof ae, "%s", announced());
    IS(2000, RETRIEVE(in, ae, "CAdmin"));
    HOLDS("{\"m2m:aeA\":{");
    HOLDS("\"api\":\"Nx\"");
    HOLDS("\"aei\":\"Cone\"");
    IS(2001,
       CREATE(mn, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"acpi\":[\"mn/one/p\"],\"at\":[\"/id-in\"]}}"));
    snprintf(cnt, sizeof cnt, "%s", announced());
    IS(2000, QUERY(in, ae, "CAdmin", {"rcn", "4"})); /* below its parent's copy */
    HOLDS("\"m2m:cntA\":[{");
    HOLDS("\"acpi\":[\"/id-mn/mn/one/p\"]");
    /* by whom a copy may be changed */
    IS(2001, CREATE(in, "in", "Ctwo", 2, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(4103, UPDATE(in, cnt, "Ctwo", "{\"m2m:cntA\":{\"lbl\":[\"x\"]}}"));
    IS(4103, DELETE(in, cnt, "Ctwo"));
    IS(4103, DELETE(in, cnt, "/id-other"));
    /* an application's own resource below */
    IS(2001, CREATE(in, cnt, "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"mine\"}}"));
    IS(2002, DELETE(mn, "mn/one", "Cone"));
    wait_ms(&net, 1000);
    IS(4004, RETRIEVE(in, cnt, "CAdmin"));
    IS(4004, RETRIEVE(in, ae, "CAdmin"));
}

static void a_target_that_is_down(void **state)
{
    (void)state;
    up(true);
    IS(2001, CREATE(mn, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"at\":[\"/id-in\"]}}"));
    char cnt[300];
    snprintf(cnt, sizeof cnt, "%s", announced());
    net.down = 1;
    IS(2001, CREATE(mn, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"d\",\"at\":[\"/id-in\",\"/id-nowhere\"]}}"));
    LACKS("\"at\"");
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"one\"]}}"));
    for (int i = 0; i < 20; i++)
        call(mn, OP_UPDATE, "mn/one/c", "Cone", 0, "{\"m2m:cnt\":{\"lbl\":[\"two\"],\"mni\":3}}", NULL);
    int64_t letters = 0;
    struct store_tx *t;
    assert_int_equal(store_read(mn->store, 0, &t), OK);
    assert_int_equal(store_letters_count(t, 0, &letters), OK);
    store_end(t);
    assert_in_range(letters, 1, 2); /* not one for each */
    net.down = 0;
    wait_ms(&net, 60000);
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    HOLDS("\"lbl\":[\"two\"]");
    /* the server lost it: the gateway learns so */
    IS(2002, DELETE(in, cnt, "CAdmin"));
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"three\"]}}"));
    wait_ms(&net, 2000);
    IS(2000, RETRIEVE(mn, "mn/one/c", "Cone"));
    LACKS("\"at\"");
    /* even the place of all copies is made again */
    IS(2002, DELETE(in, "in/annc-id-mn", "CAdmin"));
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"at\":[\"/id-in\"]}}"));
    snprintf(cnt, sizeof cnt, "%s", announced());
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    HOLDS("three");
    IS(2000, RETRIEVE(in, "in/annc-id-mn", "CAdmin"));
    /* a DELETE while it is down comes later */
    net.down = 1;
    IS(2002, DELETE(mn, "mn/one/c", "Cone"));
    net.down = 0;
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    wait_ms(&net, 60000);
    IS(4004, RETRIEVE(in, cnt, "CAdmin"));
}

/* The answer to the CREATE of a copy is lost: after a restart the copy is adopted, not made twice. */
static void a_copy_of_that_name_is_there(void **state)
{
    (void)state;
    up(true);
    IS(2001, CREATE(mn, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"lbl\":[\"a\"],\"at\":[\"/id-in\"]}}"));
    char cnt[300];
    snprintf(cnt, sizeof cnt, "%s", announced());
    net.down = 1;
    IS(2004, UPDATE(mn, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"at\":null,\"lbl\":[\"b\"]}}"));
    net.down = 0;
    struct ask *k = start(mn, OP_UPDATE, "mn/one/c", "Cone", 0, "{\"m2m:cnt\":{\"at\":[\"/id-in\"]}}", NULL);
    wait_ms(&net, 60000); /* the DELETE goes first, since it is of the same lane */
    assert_true(k->done);
    ask_free(k);
    IS(2000, RETRIEVE(mn, "mn/one/c", "Cone"));
    assert_string_not_equal(announced(), cnt);
    snprintf(cnt, sizeof cnt, "%s", announced());
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    HOLDS("\"lbl\":[\"b\"]");
    /* a stale copy under the same name */
    IS(2001, CREATE(mn, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"d\",\"lbl\":[\"d\"]}}"));
    char name[300], body[600];
    snprintf(name, sizeof name, "annc-id-mn-%s", value("ri"));
    snprintf(body, sizeof body,
             "{\"m2m:cntA\":{\"rn\":\"%s\",\"lnk\":\"/id-mn/%s\",\"et\":\"20990101T000000\",\"lbl\":[\"old\"]}}", name,
             value("ri"));
    IS(2001, CREATE(in, "in/annc-id-mn", "/id-mn", 10003, body));
    IS(2004, UPDATE(mn, "mn/one/d", "Cone", "{\"m2m:cnt\":{\"at\":[\"/id-in\"]}}"));
    snprintf(cnt, sizeof cnt, "%s", announced());
    assert_true(strncmp(cnt, "/id-in/", 7) == 0);
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    HOLDS(name);
    HOLDS("\"lbl\":[\"d\"]");
}

/* The gateway dies after the commit, before anybody was asked: its next life announces what was promised, once. */
static void a_crash_in_between(void **state)
{
    (void)state;
    up(true);
    struct ask *k = start(mn, OP_CREATE, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"at\":[\"/id-in\"]}}", NULL);
    assert_true(write_all(mn));
    assert_false(k->done);
    cse_free(mn->cse);
    const char *why = NULL;
    assert_int_equal(cse_new(&mn->conf, &mn->w, &mn->cse, &why), OK);
    ask_free(k); /* its client has gone */
    wait_ms(&net, 3000);
    IS(2000, RETRIEVE(mn, "mn/one/c", "Cone"));
    char cnt[300];
    snprintf(cnt, sizeof cnt, "%s", announced());
    assert_true(strncmp(cnt, "/id-in/", 7) == 0);
    IS(2000, RETRIEVE(in, cnt, "CAdmin"));
    IS(2000, QUERY(in, "in/annc-id-mn", "CAdmin", {"rcn", "6"}));
    assert_null(strstr(strstr(last->pc, "\"nm\"") + 1, "\"nm\"")); /* one copy */
}

static void who_may_announce_here(void **state)
{
    (void)state;
    up(true);
    static const char *const good = "{\"m2m:cntA\":{\"lnk\":\"/id-mn/x\",\"et\":\"20990101T000000\"}}";
    IS(4000,
       CREATE(in, "in/id-mn", "/id-mn", 10003, "{\"m2m:cntA\":{\"lnk\":\"/id-in/x\",\"et\":\"20990101T000000\"}}"));
    IS(4000, CREATE(in, "in", "/id-mn", 10005, "{\"m2m:cbA\":{\"lnk\":\"nothing\",\"et\":\"20990101T000000\"}}"));
    IS(4000, CREATE(in, "in", "/id-mn", 10005, "{\"m2m:cbA\":{\"et\":\"20990101T000000\"}}"));
    IS(2001, CREATE(in, "in", "/id-mn", 10005,
                    "{\"m2m:cbA\":{\"rn\":\"b\",\"lnk\":\"/id-mn/-\",\"et\":\"20990101T000000\"}}"));
    IS(2001, CREATE(in, "in/b", "/id-mn", 10003, good));
    IS(4103, CREATE(in, "in/b", "/id-low", 10003, good));
    IS(4103, CREATE(in, "in/b", "Cx", 10003, good));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_container_and_its_instances, all_down),
        cmocka_unit_test_teardown(changes_follow, all_down),
        cmocka_unit_test_teardown(a_tree, all_down),
        cmocka_unit_test_teardown(a_target_that_is_down, all_down),
        cmocka_unit_test_teardown(a_copy_of_that_name_is_there, all_down),
        cmocka_unit_test_teardown(a_crash_in_between, all_down),
        cmocka_unit_test_teardown(who_may_announce_here, all_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
