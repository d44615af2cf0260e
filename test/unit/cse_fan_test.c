/* src/cse: the fan-out point of a group: rights, members here and elsewhere, nesting, time. */
#include "cse_node.h"

/* Containers a and b of Cone with an instance each, c of Ctwo, a policy "ro" by which everybody may read. */
static struct node *lab(void)
{
    struct node *n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    IS(2001, CREATE(n, "in", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in", "Ctwo", 2, "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"a\"}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"b\"}}"));
    IS(2001, CREATE(n, "in/two", "Ctwo", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(2001, CREATE(n, "in/one/a", "Cone", 4, "{\"m2m:cin\":{\"con\":\"in a\"}}"));
    IS(2001, CREATE(n, "in/one/b", "Cone", 4, "{\"m2m:cin\":{\"con\":\"in b\"}}"));
    IS(2001, CREATE(n, "in", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"ro\",\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":2}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    IS(2001, CREATE(n, "in", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"rw\",\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    return n;
}

static unsigned fan(struct node *n, enum op op, const char *to, const char *fr, unsigned ty, const char *body,
                    const char *name, const char *text)
{
    return call(n, op, to, fr, ty, body, (const struct more[]){{name, text}, {NULL, NULL}});
}

/* How often does a piece of text stand in the answer? */
static unsigned times(const char *piece)
{
    unsigned n = 0;
    for (const char *at = last->pc; (at = strstr(at, piece)); at++)
        n++;
    return n;
}

static void reaches_members(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one/a\",\"in/one/b\",\"in/two/c\"]}}"));
    IS(2000, RETRIEVE(n, "in/one/g/fopt", "Cone"));
    HOLDS("{\"m2m:agr\":{\"m2m:rsp\":[{\"rsc\":2000,\"rqi\":\"r");
    HOLDS("\"fr\":\"in/one/a\"");
    HOLDS("\"pc\":{\"m2m:cnt\":{\"rn\":\"a\"");
    HOLDS("\"fr\":\"in/two/c\"");
    HOLDS("\"rsc\":4103"); /* the originator's rights decide at each member */
    assert_int_equal(times("\"rsc\":2000"), 2);
    IS(2000, RETRIEVE(n, "in/one/g/fopt/la", "Cone"));
    HOLDS("\"con\":\"in a\"");
    HOLDS("\"con\":\"in b\"");
    IS(2000, CREATE(n, "in/one/g/fopt", "Cone", 4, "{\"m2m:cin\":{\"con\":\"both\"}}"));
    assert_int_equal(times("\"rsc\":2001"), 2);
    IS(2000, UPDATE(n, "in/one/g/fopt", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"x\"]}}"));
    assert_int_equal(times("\"rsc\":2004"), 2);
    IS(2000, QUERY(n, "in/one/g/fopt", "Cone", {"rcn", "8"}));
    assert_int_equal(times("\"m2m:cin\":["), 2);
    IS(2000, QUERY(n, "in/one/g/fopt", "Cone", {"fu", "1"}, {"ty", "4"}));
    assert_int_equal(times("m2m:uril"), 3);
    IS(2000, DELETE(n, "in/one/g/fopt/la", "Cone"));
    assert_int_equal(times("\"rsc\":2002"), 2);
    IS(2000, RETRIEVE(n, "in/one/g/fopt/la", "Cone"));
    HOLDS("\"con\":\"in a\"");
    IS(2000, RETRIEVE(n, "in/one/g/fopt/none", "Cone"));
    assert_int_equal(times("\"rsc\":4004"), 3);
    IS(2000, RETRIEVE(n, "in/one/g", "Cone"));
    HOLDS("\"cnm\":3"); /* something below the members went, not they */
    IS(4004, RETRIEVE(n, "in/one/x/fopt", "Cone"));
}

static void rights(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001,
       CREATE(
           n, "in/one", "Cone", 9,
           "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one/a\"],\"macp\":[\"in/ro\"],\"acpi\":[\"in/rw\"]}}"));
    IS(2000, RETRIEVE(n, "in/one/g/fopt", "Ctwo"));
    assert_int_equal(times("\"rsc\":4103"), 1);
    IS(4103,
       CREATE(n, "in/one/g/fopt", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}")); /* acpi does not count with macp */
    IS(4103, UPDATE(n, "in/one/g/fopt", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"x\"]}}"));
    IS(4103, DELETE(n, "in/one/g/fopt", "Cone"));
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"h\",\"mnm\":5,\"mid\":[\"in/one/a\"],\"acpi\":[\"in/rw\"]}}"));
    IS(2000, CREATE(n, "in/one/h/fopt", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2000, DELETE(n, "in/one/h/fopt/la", "Ctwo"));
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"i\",\"mnm\":5,\"mid\":[\"in/one/a\"],\"acpi\":[\"in/ro\"]}}"));
    IS(4103, CREATE(n, "in/one/i/fopt", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"rn\":\"j\",\"mnm\":5,\"mid\":[]}}"));
    IS(4103, RETRIEVE(n, "in/one/j/fopt", "Ctwo")); /* rights before contents */
    IS(4109, RETRIEVE(n, "in/one/j/fopt", "Cone"));
    IS(2000, RETRIEVE(n, "in/one/g/fopt", "CAdmin"));
    assert_int_equal(times("\"rsc\":2000"), 1);
}

static void chosen_members(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mt\":3,\"mid\":[\"in/one/a\",\"in/one/b\"]}}"));
    IS(2000, fan(n, OP_RETRIEVE, "in/one/g/fopt", "Cone", 0, NULL, "grtm", "in/one/b"));
    assert_int_equal(times("\"fr\":"), 1);
    HOLDS("\"fr\":\"in/one/b\"");
    IS(2000, fan(n, OP_RETRIEVE, "in/one/g/fopt", "Cone", 0, NULL, "grtm", "-/one/b /id-in/in/one/a"));
    assert_int_equal(times("\"fr\":"), 2);
    IS(4000, fan(n, OP_RETRIEVE, "in/one/g/fopt", "Cone", 0, NULL, "grtm", "in/one/b in/two/c"));
    HOLDS("grtm");
    IS(4108, CREATE(n, "in/one/g/fopt", "Cone", 2, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":false}}"));
}

static void deleted_members_leave(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001,
       CREATE(
           n, "in/one", "Cone", 9,
           "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":9,\"mid\":[\"in/one/a\",\"in/one/b/la\",\"in/two/c\",\"in/one/b\"]}}"));
    IS(2000, fan(n, OP_DELETE, "in/one/g/fopt", "Cone", 0, NULL, "grtm", "in/one/a in/one/b/la in/two/c"));
    assert_int_equal(times("\"rsc\":2002"), 2);
    IS(2000, RETRIEVE(n, "in/one/g", "Cone"));
    HOLDS("\"mid\":[\"in/one/b/la\",\"in/two/c\",\"in/one/b\"]");
    HOLDS("\"cnm\":3");
    IS(4004, RETRIEVE(n, "in/one/a", "Cone"));
}

static void nested(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"rn\":\"h\",\"mnm\":5,\"mid\":[\"in/one/b\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one/a\",\"in/one/h/fopt\"]}}"));
    IS(2000, RETRIEVE(n, "in/one/g/fopt/la", "Cone"));
    HOLDS("\"con\":\"in a\"");
    HOLDS("\"con\":\"in b\"");
    assert_int_equal(times("m2m:agr"), 2);
    /* in a circle: the second time round it is known */
    IS(2004, UPDATE(n, "in/one/h", "Cone", "{\"m2m:grp\":{\"mid\":[\"in/one/b\",\"in/one/g/fopt\"]}}"));
    IS(2000, RETRIEVE(n, "in/one/g/fopt/la", "Cone"));
    assert_int_equal(times("\"rsc\":4104"), 1);
    HOLDS("\"con\":\"in b\"");
    IS(2000, RETRIEVE(n, "in/one/g/fopt/la", "Cone")); /* another request is another matter */
    assert_int_equal(times("\"rsc\":4104"), 1);
    IS(2000, fan(n, OP_RETRIEVE, "in/one/g/fopt", "Cone", 0, NULL, "gid", "mine"));
    IS(4104, fan(n, OP_RETRIEVE, "in/one/g/fopt", "Cone", 0, NULL, "gid", "mine"));
    IS(4104, fan(n, OP_RETRIEVE, "in/one/g/fopt", "Ctwo", 0, NULL, "gid", "mine")); /* before rights */
}

static struct node *below(struct node *in)
{
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    wait_ms(&net, 3000);
    IS(2001, CREATE(mn, "mn", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"open\",\"pv\":{\"acr\":[{\"acor\":[\"/id-in/Cone\"],\"acop\":63}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    IS(2001, CREATE(mn, "mn", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"d\",\"acpi\":[\"mn/open\"]}}"));
    return mn;
}

static void members_elsewhere(void **state)
{
    (void)state;
    struct node *n = lab(), *mn = below(n);
    IS(2001,
       CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one/a\",\"/id-mn/mn/d\"]}}"));
    IS(2000, CREATE(n, "in/one/g/fopt", "Cone", 4, "{\"m2m:cin\":{\"con\":\"far\"}}"));
    assert_int_equal(times("\"rsc\":2001"), 2);
    HOLDS("\"fr\":\"/id-mn/mn/d\"");
    IS(2000, RETRIEVE(n, "in/one/g/fopt/la", "Cone"));
    assert_int_equal(times("\"con\":\"far\""), 2);
    /* an AE of the other CSE asks, and one of its own resources is a member: out and back again */
    IS(2001, CREATE(mn, "mn", "Cfar", 2, "{\"m2m:ae\":{\"rn\":\"far\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(mn, "mn/far", "Cfar", 3, "{\"m2m:cnt\":{\"rn\":\"e\"}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"k\",\"mnm\":5,\"mid\":[\"/id-mn/mn/far/e\"],\"acpi\":[\"in/rw\"]}}"));
    IS(2000, RETRIEVE(mn, "/id-in/in/one/k/fopt", "Cfar"));
    HOLDS("\"rsc\":4106"); /* it got there; but nobody else may speak in the name of our own AEs */
    /* unreachable ones do not hold up the others */
    net.down = 2;
    IS(2000, RETRIEVE(n, "in/one/g/fopt", "Cone"));
    HOLDS("\"rsc\":5103");
    HOLDS("\"rsc\":2000");
    IS(5209, RETRIEVE(n, "in/one/k/fopt", "Cone"));
}

/* A member that never answers: what is there is answered when the time is over. */
static struct outside mute;

static void time_runs_out(void **state)
{
    (void)state;
    struct node *n = lab();
    (void)below(n);
    mute = (struct outside){.url = "https://mn", .silent = true};
    net.outside[net.nout++] = &mute;
    IS(2001,
       CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one/a\",\"/id-mn/mn/d\"]}}"));
    struct ask *k =
        start(n, OP_RETRIEVE, "in/one/g/fopt", "Cone", 0, NULL, (const struct more[]){{"rset", "4000"}, {NULL, NULL}});
    settle(&net);
    assert_false(k->done);
    wait_ms(&net, 3900); /* a little before the time is over */
    assert_true(k->done);
    assert_int_equal(k->rsc, 2000);
    assert_non_null(strstr(k->pc, "\"fr\":\"in/one/a\""));
    assert_null(strstr(k->pc, "/id-mn/mn/d"));
    ask_free(k); /* its memory is gone before the late answer comes */
    wait_ms(&net, 60000);
}

static void thousand(void **state)
{
    (void)state;
    struct node *n = lab();
    static char body[64000], one[100];
    size_t at = (size_t)snprintf(body, sizeof body, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":1000,\"mt\":3,\"mid\":[");
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(one, sizeof one, "{\"m2m:cnt\":{\"rn\":\"m%u\"}}", i);
        IS(2001, CREATE(n, "in/one", "Cone", 3, one));
        at += (size_t)snprintf(body + at, sizeof body - at, "%s\"in/one/m%u\"", i ? "," : "", i);
    }
    (void)snprintf(body + at, sizeof body - at, "]}}");
    IS(2001, CREATE(n, "in/one", "Cone", 9, body));
    HOLDS("\"cnm\":1000");
    struct ask *k =
        start(n, OP_RETRIEVE, "in/one/g/fopt", "Cone", 0, NULL, (const struct more[]){{"rcn", "1"}, {NULL, NULL}});
    later_all(n);
    assert_false(k->done);
    IS(2000, RETRIEVE(n, "in/one/a", "Cone")); /* others are served meanwhile; settles everything */
    assert_true(k->done);
    assert_int_equal(k->rsc, 2000);
    last->pc[0] = 0;
    unsigned n_rsp = 0;
    for (const char *p = k->pc; (p = strstr(p, "\"rsc\":2000")); p++)
        n_rsp++;
    assert_int_equal(n_rsp, 1000);
    ask_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(reaches_members, down), cmocka_unit_test_teardown(rights, down),
        cmocka_unit_test_teardown(chosen_members, down),  cmocka_unit_test_teardown(deleted_members_leave, down),
        cmocka_unit_test_teardown(nested, down),          cmocka_unit_test_teardown(members_elsewhere, down),
        cmocka_unit_test_teardown(time_runs_out, down),   cmocka_unit_test_teardown(thousand, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
