/* src/cse: CREATE, RETRIEVE, UPDATE, DELETE on one CSE with the memory store. */
#include "cse_node.h"

static struct node *in_lab(void)
{
    return node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
}

static void ae(struct node *n, const char *fr, const char *rn)
{
    char body[200];
    snprintf(body, sizeof body, "{\"m2m:ae\":{\"rn\":\"%s\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}", rn);
    IS(2001, CREATE(n, "in", fr, 2, body));
}

static void shows_its_base(void **state)
{
    (void)state;
    struct node *n = in_lab();
    IS(2000, RETRIEVE(n, "in", "CAdmin"));
    HOLDS("{\"m2m:cb\":{\"rn\":\"in\",\"ty\":5,\"ri\":\"id-in\",\"pi\":\"\"");
    HOLDS("\"csi\":\"/id-in\"");
    HOLDS("\"ctm\":\"20260921T");
    HOLDS("\"srv\":[\"2a\",\"3\",\"4\",\"5\"]");
    IS(2000, RETRIEVE(n, "/id-in/-", "CAdmin"));
    IS(2000, RETRIEVE(n, "id-in", "CAdmin"));
    IS(4000, RETRIEVE(n, "/id-in", "CAdmin"));
    IS(4005, UPDATE(n, "in", "CNobody", "{\"m2m:cnt\":{}}"));
    IS(4005, DELETE(n, "in", "CNobody"));
    IS(4004, RETRIEVE(n, "in/nothing", "CNobody"));
    IS(4103, RETRIEVE(n, "in", "CNobody"));
}

static void registers_an_ae(void **state)
{
    (void)state;
    struct node *n = in_lab();
    ae(n, "Cone", "one");
    HOLDS("\"ri\":\"Cone\"");
    HOLDS("\"aei\":\"Cone\"");
    HOLDS("\"pi\":\"id-in\"");
    IS(4117, CREATE(n, "in", "Cone", 2, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in", "C", 2, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    assert_int_equal(value("aei")[0], 'C');
    assert_true(strlen(value("aei")) > 8);
    IS(2001, CREATE(n, "in", NULL, 2, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    assert_int_equal(value("aei")[0], 'C');
    IS(2001, CREATE(n, "in", "S", 2, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    assert_int_equal(value("aei")[0], 'S');
    IS(2001, CREATE(n, "in", "Sapp", 2, "{\"m2m:ae\":{\"rn\":\"app\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(4107, CREATE(n, "in", "/id-in", 2, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(4108, CREATE(n, "in/one", "Cfoo", 2, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(4105, CREATE(n, "in", "Ctwo", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(4000, CREATE(n, "in", "Ctwo", 2, "{\"m2m:ae\":{\"rr\":true,\"srv\":[\"3\"]}}"));
    HOLDS("api");
    IS(2002, DELETE(n, "in/one", "Cone"));
    ae(n, "Cone", "one"); /* a stem is free again at once */
}

static void answers_to_six_forms(void **state)
{
    (void)state;
    struct node *n = in_lab();
    ae(n, "Cone", "one");
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    char ri[300], form[400];
    snprintf(ri, sizeof ri, "%s", value("ri"));
    static const char *const structured[] = {"in/one/c",
                                             "-/one/c",
                                             "/id-in/in/one/c",
                                             "/id-in/-/one/c",
                                             "//demo.example/id-in/in/one/c",
                                             "//demo.example/id-in/-/one/c",
                                             "Cone/c"};
    for (size_t i = 0; i < LEN(structured); i++) {
        IS(2000, RETRIEVE(n, structured[i], "Cone"));
        assert_string_equal(value("ri"), ri);
    }
    static const char *const prefix[] = {"", "/id-in/", "//demo.example/id-in/"};
    for (size_t i = 0; i < LEN(prefix); i++) {
        snprintf(form, sizeof form, "%s%s", prefix[i], ri);
        IS(2000, RETRIEVE(n, form, "Cone"));
        snprintf(form, sizeof form, "%s%s/la", prefix[i], ri);
        IS(4004, RETRIEVE(n, form, "Cone"));
        HOLDS("no instance");
    }
    IS(4000, RETRIEVE(n, "in//c", "Cone"));
    IS(4004, RETRIEVE(n, "in/one/c/la/x", "Cone"));
}

static void keeps_what_was_sent(void **state)
{
    (void)state;
    struct node *n = in_lab();
    ae(n, "Cone", "one");
    IS(2001,
       CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"lbl\":[\"a\",\"k:v\"],\"mni\":3,\"cr\":null}}"));
    HOLDS("\"lbl\":[\"a\",\"k:v\"]");
    HOLDS("\"cr\":\"Cone\"");
    HOLDS("\"st\":0,\"cni\":0,\"cbs\":0");
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"21.5 \\u00b0C\",\"cnf\":\"text/plain:0\"}}"));
    HOLDS("\"con\":\"21.5 \\u00b0C\"");
    HOLDS("\"cs\":8");
    HOLDS("\"st\":1");
    IS(2000, RETRIEVE(n, "in/one/c/la", "Cone"));
    HOLDS("{\"m2m:cin\":{");
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":{\"t\": 21.50, \"u\":[1]}}}"));
    IS(2000, RETRIEVE(n, "in/one/c/la", "Cone"));
    HOLDS("\"con\":{\"t\": 21.50, \"u\":[1]}");
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    HOLDS("\"st\":2,\"cni\":2");
    /* names that the CSE derives lead back to their resource */
    IS(2000, RETRIEVE(n, "in/one/c/ol", "Cone"));
    char path[400], rn[300];
    snprintf(rn, sizeof rn, "%s", value("rn"));
    snprintf(path, sizeof path, "in/one/c/%s", rn);
    IS(2000, RETRIEVE(n, path, "Cone"));
    assert_string_equal(value("rn"), rn);
    snprintf(path, sizeof path, "{\"m2m:cin\":{\"rn\":\"%s\",\"con\":\"x\"}}", rn);
    IS(4105, CREATE(n, "in/one/c", "Cone", 4, path));
    IS(4005, UPDATE(n, "in/one/c/la", "Cone", "{\"m2m:cin\":{\"lbl\":[\"x\"]}}"));
    IS(4005, CREATE(n, "in/one/c/la", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
}

static void keeps_to_its_limits(void **state)
{
    (void)state;
    struct node *n = in_lab();
    ae(n, "Cone", "one");
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"mni\":2,\"mbs\":10}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"one\"}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"two\"}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"three\"}}"));
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    HOLDS("\"st\":3,\"cni\":2,\"cbs\":8");
    IS(2000, RETRIEVE(n, "in/one/c/ol", "Cone"));
    HOLDS("\"con\":\"two\"");
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"four567890\"}}"));
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    HOLDS("\"cni\":1,\"cbs\":10");
    IS(5207, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"four5678901\"}}"));
    HOLDS("con");
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"mbs\":5}}"));
    HOLDS("\"cni\":0,\"cbs\":0");
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"mbs\":null,\"mni\":10}}"));
    LACKS("mbs");
    for (int i = 0; i < 5; i++)
        IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"mni\":2}}"));
    HOLDS("\"cni\":2,\"cbs\":2");
    IS(2002, DELETE(n, "in/one/c/la", "Cone"));
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    HOLDS("\"cni\":1,\"cbs\":1");
}

static void lets_nobody_else_in(void **state)
{
    (void)state;
    struct node *n = in_lab();
    ae(n, "Cone", "one");
    ae(n, "Ctwo", "two");
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(4103, RETRIEVE(n, "in/one/c", "Ctwo"));
    IS(4103, CREATE(n, "in/one/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 1,
                    "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"Ctwo\"],\"acop\":34}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"Cone\"],\"acop\":63}]}}}"));
    IS(4000, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"acpi\":[\"in/one/none\"]}}"));
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"acpi\":[\"in/one/p\"]}}"));
    IS(2000, RETRIEVE(n, "in/one/c", "Ctwo"));
    IS(4103, RETRIEVE(n, "in/one/c", "Cone")); /* the policy decides now, not the creator */
    IS(4103, DELETE(n, "in/one/c", "Ctwo"));
    IS(4103, RETRIEVE(n, "in/one/p", "Ctwo"));
    IS(2000, RETRIEVE(n, "in/one/p", "Cone"));
    IS(2000, RETRIEVE(n, "in/one/c", "CAdmin"));
    /* a policy that changes decides at once */
    IS(2004, UPDATE(n, "in/one/p", "Cone", "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":1}]}}}"));
    IS(4103, RETRIEVE(n, "in/one/c", "Ctwo"));
    IS(2001, CREATE(n, "in/one/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(4103, RETRIEVE(n, "in/one/c/la", "Ctwo"));
    /* switch 21: a deleted policy leaves acpi, the creator decides again */
    IS(2002, DELETE(n, "in/one/p", "Cone"));
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    LACKS("acpi");
}

static void updates_and_deletes(void **state)
{
    (void)state;
    struct node *n = in_lab();
    ae(n, "Cone", "one");
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"lbl\":[\"a\"]}}"));
    net.now += 5000;
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"lbl\":null,\"mni\":7}}"));
    LACKS("lbl");
    HOLDS("\"mni\":7");
    HOLDS("\"st\":1");
    assert_string_not_equal(value("lt"), value("ct"));
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{}}"));
    HOLDS("\"st\":2");
    IS(4000, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"nope\":1}}"));
    HOLDS("nope");
    IS(4000, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"rn\":\"d\"}}"));
    IS(4000, UPDATE(n, "in/one/c", "Cone", NULL));
    IS(2001, CREATE(n, "in/one/c", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"d\"}}"));
    IS(2001, CREATE(n, "in/one/c/d", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2002, DELETE(n, "in/one/c", "Cone"));
    IS(4004, RETRIEVE(n, "in/one/c/d", "Cone"));
    IS(4004, RETRIEVE(n, "in/one/c", "Cone"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(2002, call(n, OP_DELETE, "in/one/c", "Cone", 0, NULL, (const struct more[]){{"rcn", "1"}, {0}}));
    HOLDS("\"rn\":\"c\"");
}

static void dies_in_time(void **state)
{
    (void)state;
    struct node *n = in_lab();
    ae(n, "Cone", "one");
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"mia\":10}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    wait_ms(&net, 5000);
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"yy\"}}"));
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    HOLDS("\"cni\":2,\"cbs\":3");
    wait_ms(&net, 6000);
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    HOLDS("\"cni\":1,\"cbs\":2");
    net.now += 5000; /* no sweep: still never served */
    IS(4004, RETRIEVE(n, "in/one/c/la", "Cone"));
    char body[200];
    uint8_t p[40];
    struct buf b = BUF_ARRAY(p);
    m2mtime_put(&b, net.now + 3000);
    buf_nul(&b);
    snprintf(body, sizeof body, "{\"m2m:cnt\":{\"rn\":\"short\",\"et\":\"%s\"}}", (char *)p);
    IS(2001, CREATE(n, "in/one", "Cone", 3, body));
    assert_string_equal(value("et"), (char *)p);
    IS(2001, CREATE(n, "in/one/short", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"inner\"}}"));
    assert_string_equal(value("et"), (char *)p); /* never later than its parent */
    net.now += 4000;
    IS(4004, RETRIEVE(n, "in/one/short/inner", "Cone"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"short\"}}")); /* the name is free, sweep or not */
    wait_ms(&net, 2000);
    IS(2000, RETRIEVE(n, "in/one/short", "Cone"));
    IS(4000, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"et\":\"20200101T000000\"}}"));
}

static void retrieval_can_be_disabled(void **state)
{
    (void)state;
    struct node *n = in_lab();
    ae(n, "Cone", "one");
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"disr\":true}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"i\",\"con\":\"x\"}}"));
    IS(4005, RETRIEVE(n, "in/one/c/la", "Cone"));
    IS(4005, RETRIEVE(n, "in/one/c/i", "Cone"));
    IS(4103, RETRIEVE(n, "in/one/c/la", "Cother"));
    IS(2000, QUERY(n, "in/one/c", "Cone", {"rcn", "4"}));
    LACKS("m2m:cin");
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"disr\":false}}"));
    HOLDS("\"cni\":0,\"cbs\":0");
    IS(4004, RETRIEVE(n, "in/one/c/la", "Cone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(shows_its_base, down),
        cmocka_unit_test_teardown(registers_an_ae, down),
        cmocka_unit_test_teardown(answers_to_six_forms, down),
        cmocka_unit_test_teardown(keeps_what_was_sent, down),
        cmocka_unit_test_teardown(keeps_to_its_limits, down),
        cmocka_unit_test_teardown(lets_nobody_else_in, down),
        cmocka_unit_test_teardown(updates_and_deletes, down),
        cmocka_unit_test_teardown(dies_in_time, down),
        cmocka_unit_test_teardown(retrieval_can_be_disabled, down),
    };
    return cmocka_run_group_tests_name("cse_crud", tests, NULL, NULL);
}
