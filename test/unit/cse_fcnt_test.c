/* src/cse: flexContainer and the instances that the CSE makes of it. */
#include "cse_node.h"
#include "m2m/spec.h"

static struct arena mem;
static struct spec_list list;

static int all_down(void **state)
{
    (void)state;
    if (last)
        ask_free(last);
    last = NULL;
    net_down(&net);
    type_extend(NULL);
    arena_reset(&mem);
    return 0;
}

static struct node *lab(const char *more)
{
    static const char lamp[] = "{\"cnd\":\"org.x.lamp\",\"root\":\"x:lamp\",\"attributes\":["
                               "{\"sn\":\"brigs\",\"type\":\"integer\",\"least\":0,\"most\":100,\"create\":\"M\"},"
                               "{\"sn\":\"colour\",\"type\":\"string\"},"
                               "{\"sn\":\"motto\",\"type\":\"string\",\"sealed\":true}]}";
    struct spec_why why;
    char body[300];
    heap_arena(&mem, 65536, 1 << 20);
    list = (struct spec_list){0};
    assert_int_equal(spec_read(&list, span_str(lamp), &mem, &why), OK);
    type_extend(&list);
    struct node *n = node_up(&net, ROLE_IN, "/id-x", "x", "https://x", NULL, true);
    IS(2001, CREATE(n, "x", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    snprintf(body, sizeof body, "{\"x:lamp\":{\"rn\":\"l\",\"cnd\":\"org.x.lamp\",\"brigs\":50,\"colour\":\"red\"%s}}",
             more);
    IS(2001, CREATE(n, "x/one", "Cone", TY_FCNT, body));
    return n;
}

static void only_custom_attributes_move_the_state(void **state)
{
    (void)state;
    struct node *n = lab("");
    HOLDS("\"st\":0,\"cs\":5");
    LACKS("cni");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"lbl\":[\"a\"]}}"));
    HOLDS("\"st\":0");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"colour\":\"green\"}}"));
    HOLDS("\"st\":1,\"cs\":7");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"colour\":null}}"));
    HOLDS("\"st\":2,\"cs\":2");
    IS(4000, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"weight\":1}}"));
    IS(4000, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"brigs\":101}}"));
    IS(4125, CREATE(n, "x/one", "Cone", TY_FCNT, "{\"x:moon\":{\"cnd\":\"org.x.moon\",\"phase\":1}}"));
    IS(4004, RETRIEVE(n, "x/one/l/la", "Cone"));
    IS(4004, RETRIEVE(n, "x/one/l/ol", "Cone"));
    IS(4005, CREATE(n, "x/one/l", "Cone", TY_FCI, "{\"m2m:fci\":{}}"));
}

static void an_instance_for_each_change(void **state)
{
    (void)state;
    struct node *n = lab(",\"mni\":3");
    HOLDS("\"cni\":1,\"cbs\":5");
    IS(2000, RETRIEVE(n, "x/one/l/la", "Cone"));
    HOLDS("\"brigs\":50");
    HOLDS("\"org\":\"Cone\"");
    HOLDS("\"cs\":5");
    LACKS("\"lt\"");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"brigs\":60}}"));
    HOLDS("\"cni\":2,\"cbs\":10");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"lbl\":[\"a\"]}}"));
    HOLDS("\"cni\":2");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"brigs\":70}}"));
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"brigs\":80}}"));
    HOLDS("\"cni\":3,\"cbs\":15");
    IS(2000, RETRIEVE(n, "x/one/l/ol", "Cone"));
    HOLDS("\"brigs\":60");
    IS(2000, RETRIEVE(n, "x/one/l/la", "Cone"));
    HOLDS("\"brigs\":80");
    IS(2002, DELETE(n, "x/one/l/la", "Cone"));
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"mni\":1}}"));
    HOLDS("\"cni\":1,\"cbs\":5");
    IS(5207, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"mbs\":3}}"));
    IS(4005, UPDATE(n, "x/one/l/la", "Cone", "{\"x:lamp\":{\"brigs\":1}}"));
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"mni\":null}}"));
    LACKS("cni");
    IS(4004, RETRIEVE(n, "x/one/l/la", "Cone"));
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"fcied\":true,\"brigs\":3}}"));
    HOLDS("\"cni\":1,\"cbs\":4");
    IS(2002, DELETE(n, "x/one/l", "Cone"));
}

static void old_instances_go_by_age(void **state)
{
    (void)state;
    struct node *n = lab(",\"mia\":100");
    wait_ms(&net, 50000);
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"brigs\":60}}"));
    HOLDS("\"cni\":2");
    wait_ms(&net, 52000);
    IS(2000, RETRIEVE(n, "x/one/l", "Cone"));
    HOLDS("\"cni\":1");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"mia\":60}}"));
    HOLDS("\"cni\":1");
    wait_ms(&net, 9000);
    IS(2000, RETRIEVE(n, "x/one/l", "Cone"));
    HOLDS("\"cni\":0,\"cbs\":0");
}

/* A place whose content is protected: texts that may be sealed are, other attributes are refused in "safe". */
static struct verdict seals_texts(void *ctx, const struct cse_hook_ask *ask, struct cse_hook_say *say)
{
    (void)say;
    copy_text(ctx, 200, ask->path);
    assert_int_equal(ask->what, HOOK_FCNT);
    for (size_t i = 0; i < ask->n_attrs; i++) {
        if (ask->attrs[i].sealable)
            ask->attrs[i].say = SPAN("\"eyJ.sealed\"");
        else if (span_ends(ask->path, SPAN("/safe")))
            return verdict_of(RSC_CONTENTS_UNACCEPTABLE, ask->attrs[i].name, "not in clear");
    }
    return VERDICT_GO;
}

static void texts_are_sealed(void **state)
{
    (void)state;
    char path[200];
    struct node *n = lab(",\"mni\":3");
    cse_set_hook(n->cse, &(struct cse_hook){.ctx = path, .before = seals_texts});
    IS(4102, CREATE(n, "x/one", "Cone", TY_FCNT, "{\"x:lamp\":{\"rn\":\"safe\",\"cnd\":\"org.x.lamp\",\"brigs\":1}}"));
    HOLDS("brigs");
    assert_string_equal(path, "//demo.example/id-x/x/one/safe");
    IS(4004, RETRIEVE(n, "x/one/safe", "Cone"));
    IS(2001, CREATE(n, "x/one", "Cone", TY_FCNT,
                    "{\"x:lamp\":{\"rn\":\"m\",\"cnd\":\"org.x.lamp\",\"brigs\":1,\"motto\":\"canary\",\"mni\":5}}"));
    HOLDS("\"motto\":\"eyJ.sealed\"");
    HOLDS("\"cs\":11");
    LACKS("canary");
    assert_null(memmem(last->q.pc.p, last->q.pc.n, "canary", 6)); /* the request's own octets are gone */
    IS(2004, UPDATE(n, "x/one/m", "Cone", "{\"x:lamp\":{\"brigs\":2}}"));
    assert_string_equal(path, "//demo.example/id-x/x/one/m");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"motto\":\"canary\"}}"));
    HOLDS("\"motto\":\"eyJ.sealed\"");
    LACKS("canary");
    IS(2000, RETRIEVE(n, "x/one/l/la", "Cone")); /* the instance that the CSE makes of it, too */
    HOLDS("\"motto\":\"eyJ.sealed\"");
    path[0] = 0;
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"motto\":null,\"lbl\":[\"a\"]}}"));
    assert_string_equal(path, "");                                                      /* nothing to be sealed */
    IS(5207, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"mbs\":8,\"motto\":\"x\"}}")); /* sealed it is too large */
}

/* Its address is needed before its name is known: that follows from the identifier. */
static void a_name_that_the_cse_gives(void **state)
{
    (void)state;
    char path[200];
    struct node *n = lab("");
    cse_set_hook(n->cse, &(struct cse_hook){.ctx = path, .before = seals_texts});
    IS(2001, CREATE(n, "x/one", "Cone", TY_FCNT, "{\"x:lamp\":{\"cnd\":\"org.x.lamp\",\"brigs\":1}}"));
    assert_string_equal(path + strlen("//demo.example/id-x/x/one/"), value("rn"));
    assert_true(strlen(value("rn")) > 3);
}

#define T(name) cmocka_unit_test_teardown(name, all_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(only_custom_attributes_move_the_state),
        T(an_instance_for_each_change),
        T(old_instances_go_by_age),
        T(texts_are_sealed),
        T(a_name_that_the_cse_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
