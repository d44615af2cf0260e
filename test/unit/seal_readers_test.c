/* readers = acp: whom the rules of a place name, the versions that follow them, and what is queued for the TTP. */
#include "cse/readers.h"
#include "cse_node.h"
#include "seal_letters.h"

static struct node *n;
static struct conf *conf;
static struct hook_seal *h;

#define GATEWAY                                                                                                        \
    "[cse]\nrole=mn\ncse-id=/id-mn\nname=mn\nsp=//demo.example\n[storage]\npath=:memory:\n"                            \
    "[ttp " TTP "]\nurl=https://127.0.0.1:1\nbundle=bundle\nsigning-key-file=key\nsigning-certificate=cert\n"          \
    "[seal ward]\nfor=/id-mn/mn/one/safe*\npolicy=seal-at-gateway\nreaders=acp\nttp=" TTP "\n"

static int up(void **state)
{
    char words[2048];
    struct buf why = BUF_ARRAY(words);
    (void)state;
    heap_arena(&mem, 65536, 64 << 20);
    net.now = T0;
    n = node_up(&net, ROLE_IN, "/id-mn", "mn", "https://mn", NULL, true);
    store = n->store;
    enum err e = conf_read(in_folder("conf"), SPAN(GATEWAY), rows, LEN(rows), &conf, &why);
    if (e == OK)
        e = hook_seal_new(conf, SPAN("//demo.example"), SPAN("/id-mn"), &h, &why);
    if (e != OK)
        fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
    struct cse_hook hook = hook_seal_hook(h);
    cse_set_hook(n->cse, &hook);
    hook_seal_reads(h, readers_at);
    IS(2001, CREATE(n, "mn", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    return 0;
}

static int all_down(void **state)
{
    hook_seal_free(h);
    conf_free(conf);
    down(state);
    arena_reset(&mem);
    return 0;
}

/* ---- words -------------------------------------------------------------------------------------------- */

#define RULE(acor, acop, more) "{\"acor\":[" acor "],\"acop\":" #acop more "}"
#define SELF                   "\"pvs\":{\"acr\":[" RULE("\"Cone\"", 63, "") "]}"
#define OWNER                  RULE("\"Cone\"", 63, "")

static unsigned acp(const char *rn, const char *rules)
{
    char body[1500];
    snprintf(body, sizeof body, "{\"m2m:acp\":{\"rn\":\"%s\",\"pv\":{\"acr\":[" OWNER ",%s]}," SELF "}}", rn, rules);
    return CREATE(n, "mn/one", "Cone", 1, body);
}

static unsigned rules(const char *name, const char *text)
{
    char body[1500], to[100];
    snprintf(to, sizeof to, "mn/one/%s", name);
    snprintf(body, sizeof body, "{\"m2m:acp\":{\"pv\":{\"acr\":[" OWNER ",%s]}}}", text);
    return UPDATE(n, to, "Cone", body);
}

static unsigned container(const char *rn, const char *acpi)
{
    char body[400];
    snprintf(body, sizeof body, "{\"m2m:cnt\":{\"rn\":\"%s\"%s}}", rn, acpi);
    return CREATE(n, "mn/one", "Cone", 3, body);
}

static struct esd_label put(const char *cnt)
{
    char to[100];
    snprintf(to, sizeof to, "mn/one/%s", cnt);
    IS(2001, CREATE(n, to, "Cone", 4, "{\"m2m:cin\":{\"con\":\"a\"}}"));
    const char *at = strstr(last->pc, "\"con\":\"");
    assert_non_null(at);
    const char *end = strchr(at + 7, '"');
    return label_of(arena_dup(&mem, span_of(at + 6, (size_t)(end - at) - 5)));
}

/* The Nth entry of the queue, from 0. */
static struct seal_letter entry(uint64_t i)
{
    struct store_tx *t;
    struct seal_letter l = {0};
    assert_int_equal(store_read(store, 0, &t), OK);
    assert_int_equal(seal_queue_get(t, &mem, i, &l), OK);
    store_end(t);
    return l;
}

static void is_policy(uint64_t i, const char *text)
{
    struct seal_letter l = entry(i);
    if (!span_eq(l.text, span_str(text)) || !span_starts(l.policy, SPAN("acp:")))
        fail_msg("%.*s", SPAN_FMT(l.text));
}

static void is_letter(uint64_t i, uint64_t pv)
{
    struct seal_letter l = entry(i);
    struct jws j;
    struct key_letter k;
    assert_int_equal(letter_read(l.text, &mem, &j, &k), REASON_OK);
    assert_true(k.items[0].has_pv && k.items[0].pv == pv && span_starts(k.items[0].policy, SPAN("acp:")));
}

static const char *why(const char *address)
{
    static char text[8192];
    struct buf b = BUF_ARRAY(text);
    struct store_tx *t;
    assert_int_equal(store_read(store, 0, &t), OK);
    hook_seal_why(h, n->cse, t, &mem, net.now, span_str(address), &b);
    store_end(t);
    buf_c(&b, 0);
    assert_int_equal(b.e, OK);
    return text;
}

static void says(const char *address, const char *piece)
{
    const char *text = why(address);
    if (!strstr(text, piece))
        fail_msg("not there: %s\n  %s", piece, text);
}

/* The task: access control has changed. */
static enum err renew(struct cse *c, struct store_tx *t, struct exch *x)
{
    static struct arena a;
    heap_arena(&a, 4096, 1 << 20);
    (void)x;
    enum err e = seal_readers_renew(h, c, t, &a, net.now);
    arena_reset(&a);
    return e;
}

static void nothing(struct exch *x)
{
    (void)x;
}

static void task(void)
{
    struct exch x = {.self = true, .job = renew, .done = nothing};
    assert_true(atomic_exchange(&h->renew, false));
    assert_true(node_enqueue(n, &x));
    settle(&net);
    assert_int_equal(x.wrote, OK);
}

#define HEAT "\"//demo.example/Sheat\""
#define COLD "\"//demo.example/Scold\""
#define SAFE "//demo.example/id-mn/mn/one/safe"

/* ---- tests -------------------------------------------------------------------------------------------- */

static void literal_readers_alone(void **state)
{
    (void)state;
    IS(2001,
       acp("acp", RULE("\"/Sheat\",\"//demo.example/Scold\"", 2, "") "," RULE("\"all\"", 34, "") "," RULE(
                      "\"//demo.example/S*\",\"/id-other\",\"//other.example\"", 2, "") "," RULE("\"/Sput\"", 1, "")));
    IS(2001, container("safe", ",\"acpi\":[\"mn/one/acp\"]"));
    put("safe");
    is_policy(0, "{\"version\":1,\"readers\":[" COLD "," HEAT "]}");
    is_letter(1, 1);
    says(SAFE, "\"readers\":[" COLD "," HEAT "]");
    says(SAFE, "{\"names\":\"all\",\"why\":\"names everybody");
    says(SAFE, "{\"names\":\"//demo.example/S*\",\"why\":\"is a pattern");
    says(SAFE, "{\"names\":\"/id-other\",\"why\":\"names a CSE");
    says(SAFE, "{\"names\":\"//other.example\",\"why\":\"names a CSE or a whole domain");
    says(SAFE, "{\"names\":\"Cone\",\"why\":\"a C-type");
    says(SAFE, "\"version\":1");
    assert_null(strstr(why(SAFE), "Sput")); /* may write, not read */
    says("//demo.example/id-mn/mn/one/nothing", "\"error\":");
}

static void conditions_grant_nothing(void **state)
{
    (void)state;
    IS(2001, acp("acp", RULE("\"/Sheat\"", 2, ",\"acco\":[{\"acip\":{\"ipv4\":[\"10.0.0.1\"]}}]") "," RULE(
                            "\"/Scold\"", 2, ",\"acod\":[{\"chty\":[4]}]")));
    IS(2001, container("safe", ",\"acpi\":[\"mn/one/acp\"]"));
    put("safe");
    is_policy(0, "{\"version\":1,\"readers\":[]}");
    says(SAFE, "{\"names\":\"/Sheat\",\"why\":\"the rule has contexts");
    says(SAFE, "{\"names\":\"/Scold\",\"why\":\"the rule concerns certain objects");
}

static void groups_are_expanded(void **state)
{
    (void)state;
    IS(2001, CREATE(n, "mn", "Sheat", 2, "{\"m2m:ae\":{\"rn\":\"heat\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "mn", "Scold", 2, "{\"m2m:ae\":{\"rn\":\"cold\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "mn/one", "CAdmin", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mt\":2,\"mnm\":9,\"mid\":[\"mn/heat\",\"mn/one\"]}}"));
    IS(2001, acp("acp", RULE("\"mn/one/g\",\"/id-far/x/g\"", 2, "")));
    IS(2001, container("safe", ",\"acpi\":[\"mn/one/acp\"]"));
    struct span kid = arena_dup(&mem, put("safe").kid);
    is_policy(0, "{\"version\":1,\"readers\":[" HEAT "]}");
    says(SAFE, "{\"names\":\"/id-far/x/g\",\"why\":\"lies on another CSE");
    IS(2004, UPDATE(n, "mn/one/g", "CAdmin", "{\"m2m:grp\":{\"mid\":[\"mn/heat\",\"mn/cold\"]}}"));
    struct esd_label l = put("safe");
    assert_false(kid_eq(kid, l.kid)); /* other readers, another key */
    assert_int_equal(l.e2e.ep, 2);
    is_policy(2, "{\"version\":2,\"readers\":[" COLD "," HEAT "]}");
    is_letter(3, 2);
}

/* What changes something, and what does not. */
static void an_epoch_follows_its_readers(void **state)
{
    (void)state;
    IS(2001, acp("acp", RULE("\"/Sheat\",\"/Scold\"", 2, "")));
    IS(2001, acp("other", RULE("\"/Sheat\"", 2, "")));
    IS(2001, container("safe", ",\"acpi\":[\"mn/one/acp\"]"));
    assert_int_equal(put("safe").e2e.ep, 1);
    assert_int_equal(put("safe").e2e.i, 1);
    IS(2004, rules("acp", RULE("\"/Scold\",\"/Sheat\"", 34, "")));
    IS(2004, UPDATE(n, "mn/one/safe", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"x\"]}}"));
    assert_int_equal(put("safe").e2e.i, 2); /* the same readers */
    IS(2004, rules("acp", RULE("\"/Sheat\"", 2, "")));
    struct esd_label l = put("safe");
    assert_int_equal(l.e2e.ep, 2);
    assert_int_equal(l.e2e.i, 0);
    IS(2004, UPDATE(n, "mn/one/safe", "Cone", "{\"m2m:cnt\":{\"acpi\":[\"mn/one/other\"]}}"));
    assert_int_equal(put("safe").e2e.ep, 2);       /* other rules that name the same */
    IS(2002, DELETE(n, "mn/one/other", "CAdmin")); /* ids of deleted policies grant nothing */
    IS(2001, CREATE(n, "mn/one/safe", "CAdmin", 4, "{\"m2m:cin\":{\"con\":\"a\"}}"));
    HOLDS("\"con\":\"eyJ");
    is_policy(waiting() - 2, "{\"version\":3,\"readers\":[]}");
    is_letter(waiting() - 1, 3);
}

/* Access control changes, and no reading comes: keys that are out already must follow, too. */
static void policies_follow_without_readings(void **state)
{
    (void)state;
    IS(2001, acp("acp", RULE("\"/Sheat\",\"/Scold\"", 2, "")));
    IS(2001, container("safe", ",\"acpi\":[\"mn/one/acp\"]"));
    IS(2001, container("safe-2", ",\"acpi\":[\"mn/one/acp\"]"));
    put("safe");
    put("safe-2");
    assert_int_equal(waiting(), 4);
    task();
    assert_int_equal(waiting(), 4);
    IS(2004, rules("acp", RULE("\"/Sheat\"", 2, "")));
    task();
    assert_int_equal(waiting(), 6);
    is_policy(4, "{\"version\":2,\"readers\":[" HEAT "]}");
    is_policy(5, "{\"version\":2,\"readers\":[" HEAT "]}");
    assert_int_equal(put("safe").e2e.ep, 2);
    is_letter(6, 2);
    IS(2002, DELETE(n, "mn/one/safe-2", "Cone"));
    IS(2004, rules("acp", RULE("\"/Scold\"", 2, "")));
    task(); /* who had keys of a place that is gone has them */
    assert_int_equal(waiting(), 8);
}

static void without_policies_the_creator_counts(void **state)
{
    (void)state;
    IS(2001, container("safe", ""));
    put("safe");
    is_policy(0, "{\"version\":1,\"readers\":[]}");
    says(SAFE, "{\"names\":\"Cone\",\"why\":\"a C-type");
    IS(2001, container("free", ""));
    says("//demo.example/id-mn/mn/one/free", "\"level\":\"pass\"");
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, all_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(literal_readers_alone),        T(conditions_grant_nothing),         T(groups_are_expanded),
        T(an_epoch_follows_its_readers), T(policies_follow_without_readings), T(without_policies_the_creator_counts),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
