/* src/cse: S-type AE-ID-Stems at a gateway, and who may register at all. */
#include "cse_node.h"

static struct node *in, *mn, *low;

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
}

#define AE_BODY "{\"m2m:ae\":{\"rn\":\"%s\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://t/\"]}}"
static unsigned ae(struct node *n, const char *fr, const char *rn)
{
    char body[200];
    snprintf(body, sizeof body, AE_BODY, rn);
    return CREATE(n, "-", fr, 2, body);
}

static void a_stem_of_the_server(void **state)
{
    (void)state;
    up(false);
    char stem[100], id[120];
    IS(2001, ae(mn, "S", "one"));
    snprintf(stem, sizeof stem, "%s", value("aei"));
    assert_int_equal(stem[0], 'S');
    assert_true(strlen(stem) > 1);
    assert_string_equal(value("ri"), stem);
    snprintf(id, sizeof id, "/id-in/%s", stem);
    IS(2000, RETRIEVE(in, id, "CAdmin"));
    HOLDS("{\"m2m:aeA\":{");
    HOLDS("\"lnk\":\"/id-mn/mn/one\"");
    HOLDS("\"api\":\"Nx\"");
    HOLDS("\"lbl\":[\"Credential-ID:\"]");
    IS(2001, CREATE(mn, "mn/one", stem, 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(4117, ae(mn, stem, "again"));
    /* who has left can come back, and is known to have left */
    IS(2002, DELETE(mn, "mn/one", stem));
    wait_ms(&net, 1000);
    IS(2000, RETRIEVE(in, id, "CAdmin"));
    HOLDS("\"lnk\":\"INACTIVE\"");
    IS(2001, ae(mn, stem, "two"));
    IS(2000, RETRIEVE(in, id, "CAdmin"));
    char lnk[200];
    snprintf(lnk, sizeof lnk, "\"lnk\":\"/id-mn/%s\"", stem);
    HOLDS(lnk);
}

static void a_chosen_stem_moves(void **state)
{
    (void)state;
    up(true);
    low = node_up(&net, ROLE_MN, "/id-low", "low", "https://low", in, true);
    wait_ms(&net, 2000);
    IS(2001, ae(mn, "Sapp", "one"));
    assert_string_equal(value("aei"), "Sapp");
    IS(2000, RETRIEVE(in, "/id-in/Sapp", "CAdmin"));
    HOLDS("\"lnk\":\"/id-mn/Sapp\"");
    IS(2001, ae(low, "/Sapp", "one"));
    IS(2000, RETRIEVE(in, "/id-in/Sapp", "CAdmin"));
    HOLDS("\"lnk\":\"/id-low/Sapp\"");
    /* a request to the AE finds it there */
    static struct outside t = {.url = "http://t/", .rsc = 2000};
    net.outside[0] = &t;
    net.nout = 1;
    t.seen = 0;
    IS(2002, DELETE(mn, "mn/one", "Sapp"));
    wait_ms(&net, 1000);
    IS(2000, NOTIFY(in, "/Sapp", "/id-in", "{\"m2m:sgn\":{\"sur\":\"/id-in/x\"}}"));
    assert_int_equal(t.seen, 1);
    /* the old place has nothing to say about it any more */
    IS(2000, RETRIEVE(in, "/id-in/Sapp", "CAdmin"));
    HOLDS("\"lnk\":\"/id-low/Sapp\"");
    /* the IN-CSE itself takes it */
    IS(2001, ae(in, "Sapp", "one"));
    IS(2000, RETRIEVE(in, "/id-in/Sapp", "CAdmin"));
    HOLDS("{\"m2m:ae\":{");
    IS(4103, ae(mn, "Sapp", "three")); /* said by the IN-CSE, handed on: it is an AE of its own now */
}

static void nobody_to_ask(void **state)
{
    (void)state;
    up(true);
    net.down = 1;
    IS(5103, ae(mn, "S", "one"));
    IS(5103, ae(mn, "Sapp", "one"));
    IS(2001, ae(mn, "C", "one"));
    net.down = 0;
    IS(2001, ae(mn, "Sapp", "two"));
    IS(4000, CREATE(mn, "-", "Sother", 2, "{\"m2m:ae\":{\"rr\":true}}"));
    IS(4004, RETRIEVE(in, "/id-in/Sother", "CAdmin")); /* refused before anybody was asked */
}

static void operator_s_list(struct cse_conf *c)
{
    static const struct span stems[] = {{(const uint8_t *)"Cok*", 4}, {(const uint8_t *)"S*", 2}};
    static const struct span apps[] = {{(const uint8_t *)"Nx*", 3}};
    c->admission.originators = (struct strings){stems, 2};
    c->admission.app_ids = (struct strings){apps, 1};
    c->admission.empty_is_s = true;
}

static void the_operator_decides(void **state)
{
    (void)state;
    node_conf = operator_s_list;
    up(true);
    IS(4126, ae(in, "Cbad", "a"));
    HOLDS("fr");
    IS(2001, ae(in, "Cok1", "a"));
    IS(4126, CREATE(in, "-", "Cok2", 2, "{\"m2m:ae\":{\"api\":\"Nother\",\"rr\":false,\"srv\":[\"3\"]}}"));
    HOLDS("api");
    IS(2001, ae(in, "", "b"));
    assert_int_equal(value("aei")[0], 'S');
}

static void rules_of_the_service_subscription(void **state)
{
    (void)state;
    up(false);
    IS(2001, ae(in, "Cfirst", "a")); /* no profile at all */
    IS(2001, CREATE(in, "in", "CAdmin", 11, "{\"m2m:mssp\":{\"rn\":\"p\"}}"));
    IS(4128, ae(in, "Csecond", "b"));
    IS(2001, CREATE(in, "in", "CAdmin", 19,
                    "{\"m2m:asar\":{\"rn\":\"r\",\"aai\":[\"Nx*\",\"Nz\"],\"aae\":[\"Cok*\",\"S*\"]}}"));
    IS(2001,
       CREATE(in, "in/p", "CAdmin", 20, "{\"m2m:svsn\":{\"ni\":\"n1\",\"csi\":\"/id-in\",\"rlk\":[\"/id-in/in/r\"]}}"));
    IS(4000, CREATE(in, "in/p", "CAdmin", 20, "{\"m2m:svsn\":{\"ni\":\"n2\",\"rlk\":[\"/id-in/in/r\"]}}"));
    HOLDS("rlk");
    IS(4126, ae(in, "Csecond", "b"));
    IS(2001, ae(in, "Cok2", "b"));
    IS(4126, CREATE(in, "-", "Cok3", 2, "{\"m2m:ae\":{\"api\":\"Ny\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(4103, RETRIEVE(in, "in", "Cok2")); /* which says nothing about other rights */
}

/* A gateway asks the server, and goes on without it. */
static void rules_for_a_gateway(void **state)
{
    (void)state;
    up(false);
    IS(2001, ae(mn, "Cfirst", "a"));
    IS(2001, CREATE(in, "in", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"acp\",\"pv\":{\"acr\":[{\"acor\":[\"/id-mn\"],\"acop\":34}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    IS(2001, CREATE(in, "in", "CAdmin", 11, "{\"m2m:mssp\":{\"rn\":\"p\",\"acpi\":[\"in/acp\"]}}"));
    IS(2001, ae(mn, "Csecond", "b")); /* what it learned is good for a minute */
    wait_ms(&net, 61000);
    IS(4128, ae(mn, "Cthird", "c"));
    IS(2001, CREATE(in, "in", "CAdmin", 19,
                    "{\"m2m:asar\":{\"rn\":\"r\",\"acpi\":[\"in/acp\"],\"aai\":[\"N*\"],\"aae\":[\"Cok*\"]}}"));
    IS(2001,
       CREATE(in, "in/p", "CAdmin", 20,
              "{\"m2m:svsn\":{\"ni\":\"n1\",\"acpi\":[\"in/acp\"],\"csi\":\"/id-mn\",\"rlk\":[\"/id-in/in/r\"]}}"));
    wait_ms(&net, 61000);
    IS(4126, ae(mn, "Cthird", "c"));
    IS(2001, ae(mn, "Cok3", "c"));
    net.down = 1;
    wait_ms(&net, 120000);
    IS(4126, ae(mn, "Cfourth", "d")); /* the last that is known */
    IS(2001, ae(mn, "Cok4", "d"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_stem_of_the_server, all_down),
        cmocka_unit_test_teardown(a_chosen_stem_moves, all_down),
        cmocka_unit_test_teardown(nobody_to_ask, all_down),
        cmocka_unit_test_teardown(the_operator_decides, all_down),
        cmocka_unit_test_teardown(rules_of_the_service_subscription, all_down),
        cmocka_unit_test_teardown(rules_for_a_gateway, all_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
