/* src/cse: actions and their dependencies. */
#include "cse_node.h"

static struct node *lab(void)
{
    struct node *n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    IS(2001, CREATE(n, "in", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"a\"}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"b\"}}"));
    return n;
}

#define APV                                                                                                            \
    "\"orc\":\"in/one/b\",\"apv\":{\"op\":1,\"rqi\":\"q\",\"rvi\":\"3\",\"to\":\"in/one/"                              \
    "b\",\"ty\":4,\"pc\":{\"m2m:cin\":{\"con\":\"done\"}}}"
#define MORE_THAN(n) "\"sri\":\"in/one/a\",\"evc\":{\"optr\":3,\"sbjt\":\"cni\",\"thld\":" #n "}"

static unsigned action(struct node *n, const char *members)
{
    char body[900];
    snprintf(body, sizeof body, "{\"m2m:actr\":{%s}}", members);
    return CREATE(n, "in/one", "Cone", TY_ACTR, body);
}

static void put(struct node *n)
{
    IS(2001, CREATE(n, "in/one/a", "Cone", 4, "{\"m2m:cin\":{\"con\":\"1\"}}"));
}

static void done(struct node *n, unsigned times)
{
    char piece[40];
    snprintf(piece, sizeof piece, "\"cni\":%u,", times);
    IS(2000, RETRIEVE(n, "in/one/b", "Cone"));
    HOLDS(piece);
}

static void rules(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(4000, action(n, "\"evm\":1," MORE_THAN(1)));
    IS(4000, action(n, "\"evm\":2," MORE_THAN(1) "," APV)); /* no period */
    IS(4000, action(n, "\"evm\":1,\"sri\":\"in/none\",\"evc\":{\"optr\":3,\"sbjt\":\"cni\",\"thld\":1}," APV));
    IS(4000, action(n, "\"evm\":1,\"sri\":\"in/one/a\",\"evc\":{\"optr\":3,\"sbjt\":\"poa\",\"thld\":1}," APV));
    IS(4000, action(n, "\"evm\":1,\"sri\":\"in/one/a\",\"evc\":{\"optr\":3,\"sbjt\":\"disr\",\"thld\":true}," APV));
    IS(4000,
       action(n, "\"evm\":1," MORE_THAN(
                     1) ",\"orc\":\"in/one/b\",\"apv\":{\"op\":2,\"rqi\":\"q\",\"rvi\":\"3\",\"fr\":\"CAdmin\"}"));
}

static void once(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, action(n, "\"rn\":\"x\",\"evm\":1," MORE_THAN(1) "," APV));
    LACKS("air");
    put(n);
    done(n, 0);
    put(n);
    done(n, 1);
    IS(2000, RETRIEVE(n, "in/one/x", "Cone"));
    HOLDS("\"air\":{");
    HOLDS("2001");
    HOLDS("\"evm\":0");
    put(n);
    done(n, 1);
    IS(2004, UPDATE(n, "in/one/x", "Cone", "{\"m2m:actr\":{\"evm\":1}}"));
    done(n, 2); /* it holds already */
}

static void each_time(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, action(n, "\"rn\":\"x\",\"evm\":3," MORE_THAN(1) "," APV));
    for (int i = 0; i < 4; i++)
        put(n);
    done(n, 3);
    IS(2004, UPDATE(n, "in/one/x", "Cone", "{\"m2m:actr\":{\"evm\":0}}"));
    put(n);
    done(n, 3);
    IS(2002, DELETE(n, "in/one/x", "Cone"));
    put(n);
}

static void periodically(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, action(n, "\"rn\":\"x\",\"evm\":2,\"ecp\":5000," MORE_THAN(0) "," APV));
    wait_ms(&net, 6000);
    done(n, 0);
    put(n);
    done(n, 0);
    wait_ms(&net, 5000);
    done(n, 1);
    wait_ms(&net, 10000);
    done(n, 3);
}

static void a_dependency_blocks(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"gate\"}}"));
    IS(2001, action(n, "\"rn\":\"x\",\"evm\":1," MORE_THAN(0) "," APV));
    IS(2001, CREATE(n, "in/one/x", "Cone", TY_DEPR,
                    "{\"m2m:depr\":{\"rn\":\"d\",\"sfc\":false,\"rri\":\"in/one/gate\","
                    "\"evc\":{\"optr\":1,\"sbjt\":\"cni\",\"thld\":1}}}"));
    IS(4000, CREATE(n, "in/one/x", "Cone", TY_DEPR,
                    "{\"m2m:depr\":{\"sfc\":false,\"rri\":\"in/one/none\","
                    "\"evc\":{\"optr\":1,\"sbjt\":\"cni\",\"thld\":1}}}"));
    IS(2000, RETRIEVE(n, "in/one/x", "Cone"));
    HOLDS("\"dep\":[\"");
    put(n);
    done(n, 0);
    IS(2001, CREATE(n, "in/one/gate", "Cone", 4, "{\"m2m:cin\":{\"con\":\"1\"}}"));
    done(n, 1);
    IS(2002, DELETE(n, "in/one/x/d", "Cone"));
    IS(2000, RETRIEVE(n, "in/one/x", "Cone"));
    LACKS("\"dep\"");
}

static void rights_are_those_of_its_creator(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in", "Ctwo", 2, "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in/two", "Ctwo", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(2001, action(n, "\"rn\":\"x\",\"evm\":1," MORE_THAN(
                           0) ",\"orc\":\"in/two/c\",\"apv\":{\"op\":1,\"rqi\":\"q\",\"rvi\":\"3\",\"to\":\"in/two/"
                              "c\",\"ty\":4,\"pc\":{\"m2m:cin\":{"
                              "\"con\":\"1\"}}}"));
    put(n);
    IS(2000, RETRIEVE(n, "in/one/x", "Cone"));
    HOLDS("\"rsc\":4103");
    IS(2000, RETRIEVE(n, "in/two/c", "Ctwo"));
    HOLDS("\"cni\":0");
}

#define T(name) cmocka_unit_test_teardown(name, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rules), T(once), T(each_time), T(periodically), T(a_dependency_blocks), T(rights_are_those_of_its_creator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
