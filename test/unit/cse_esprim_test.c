/* src/cse: requests inside ESPrim Objects, over two hops and directly; acaf; what is shown in esi. */
#include "cse_node.h"

#include "cse/esprim.h"
#include "esp/originator.h"

#define KID   "far@demo.example"
#define PEER  "//demo.example/id-in/Cfar"
#define STATE "mn/gate/state"

static struct node *in, *mn;
static struct esprim *receiver;
static struct outside target;
static const uint8_t pair[32] = {1, 2, 3};
static struct arena a;
static uint8_t room[1 << 16], sealed[1 << 16], plain_room[1 << 16];
static struct esp_call session;
static char inner[1 << 16]; /* the last inner answer */

static void only_the_gateway(struct cse_conf *conf)
{
    conf->esprim = conf->role == ROLE_MN ? receiver : NULL;
}

static int up(void **state)
{
    (void)state;
    assert_int_equal(esprim_new(4, 0, &receiver), OK);
    assert_int_equal(esprim_add_key(receiver, SPAN(KID), SPAN(PEER), span_of(pair, 32)), OK);
    assert_int_equal(
        esprim_add_key(receiver, SPAN("cse@demo.example"), SPAN("//demo.example/id-in"), span_of(pair, 32)), OK);
    arena_over(&a, room, sizeof room);
    node_conf = only_the_gateway;
    in = node_up(&net, ROLE_IN, "/id-in", "cse-in", "https://in", NULL, true);
    mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    node_conf = NULL;
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    net.outside[0] = &target;
    net.nout = 1;
    wait_ms(&net, 3000);
    IS(2001,
       CREATE(in, "cse-in", "Cfar", 2, "{\"m2m:ae\":{\"rn\":\"far\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2001,
       CREATE(mn, "mn", "Cgate", 2,
              "{\"m2m:ae\":{\"rn\":\"gate\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://t/ae\"]}}"));
    IS(2001,
       CREATE(mn, "mn/gate", "Cgate", 1,
              "{\"m2m:acp\":{\"rn\":\"proven\",\"pv\":{\"acr\":[{\"acor\":[\"/id-in/Cfar\"],\"acop\":63,\"acaf\":true},"
              "{\"acor\":[\"Cgate\"],\"acop\":63}]},\"pvs\":{\"acr\":[{\"acor\":[\"Cgate\"],\"acop\":63}]}}}"));
    IS(2001, CREATE(mn, "mn/gate", "Cgate", 3, "{\"m2m:cnt\":{\"rn\":\"state\",\"acpi\":[\"mn/gate/proven\"]}}"));
    IS(2001, CREATE(mn, "mn/gate", "Cgate", 3, "{\"m2m:cnt\":{\"rn\":\"closed\"}}"));
    return 0;
}

static int all_down(void **state)
{
    down(state);
    esprim_free(receiver);
    return 0;
}

/* The text between two pieces of the last answer. */
static struct span between(const char *from, const char *to)
{
    const char *at = strstr(last->pc, from), *end = at ? strstr(at + strlen(from), to) : NULL;
    assert_non_null(end);
    at += strlen(from);
    return arena_dup(&a, span_of(at, (size_t)(end - at)));
}

/* A random object of the last answer: nothing in it has braces. */
static struct span object_of(const char *name)
{
    return arena_join(&a, between(name, "}"), SPAN("}"));
}

static void begin_with(const char *kid, struct span object)
{
    static uint8_t random[32];
    random[0]++;
    assert_int_equal(esp_call_begin(&session, span_str(kid), span_of(pair, 32), object, net.now, 600000, random, &a),
                     OK);
}

static void begin(const char *kid)
{
    arena_over(&a, room, sizeof room);
    IS(2000, NOTIFY(in, "/id-mn/mn", "Cfar", "{\"m2m:seci\":{\"sit\":3}}"));
    HOLDS("{\"m2m:seci\":{\"sit\":4,\"ero\":{\"esri\":\"u");
    begin_with(kid, object_of("\"ero\":"));
}

static const char *seci_of(struct span object)
{
    static char text[1 << 16];
    snprintf(text, sizeof text, "{\"m2m:seci\":{\"sit\":5,\"epo\":\"%.*s\"}}", SPAN_FMT(object));
    return text;
}

static struct span seal(const char *text)
{
    static uint8_t iv[ESP_IV];
    struct buf b = BUF_ARRAY(sealed);
    iv[1] = (uint8_t)(iv[1] + !++iv[0]);
    assert_int_equal(esp_call_seal(&session, iv, span_str(text), &b), OK);
    return buf_span(&b);
}

/* The inner request by the way of the IN-CSE; gives the inner status, or the outer when that is none of success. */
static unsigned through(const char *text)
{
    struct buf b = BUF_ARRAY(plain_room);
    struct span plain, rro;
    unsigned outer = NOTIFY(in, "/id-mn/mn", "Cfar", seci_of(seal(text)));
    if (outer != 2000)
        return outer;
    LACKS("Cfar"); /* nothing of it in clear */
    struct verdict v = esp_call_open(&session, between("\"epo\":\"", "\"}}"), &a, &b, &plain, &rro);
    assert_true(verdict_go(v));
    copy_text(inner, sizeof inner, plain);
    uint64_t rsc = 0;
    const char *at = strstr(inner, "\"rsc\":");
    assert_non_null(at);
    assert_int_equal(span_u64(span_of(at + 6, 4), 9999, &rsc), OK);
    return (unsigned)rsc;
}

#define INNER(op, to, fr, more)                                                                                        \
    "{\"op\":" op ",\"to\":\"" to "\",\"fr\":\"" fr "\",\"rqi\":\"i1\",\"rvi\":\"3\"" more "}"
#define FAR "/id-in/Cfar"

/* ---- tests ------------------------------------------------------------------------------------------------ */

/* E-04: the flag of the rule denies what was forwarded in clear, and permits the same inside of an object. */
static void authenticated_over_two_hops(void **state)
{
    (void)state;
    IS(4103, CREATE(in, "/id-mn/" STATE, "Cfar", 4, "{\"m2m:cin\":{\"con\":\"plain\"}}"));
    IS(4103, RETRIEVE(in, "/id-mn/" STATE, "Cfar"));
    begin(KID);
    IS(2001,
       through(INNER("1", "mn/gate/state", FAR, ",\"ty\":4,\"pc\":{\"m2m:cin\":{\"rn\":\"one\",\"con\":\"secret\"}}")));
    assert_non_null(strstr(inner, "\"rqi\":\"i1\""));
    IS(2000, through(INNER("2", "mn/gate/state/la", PEER, "")));
    assert_non_null(strstr(inner, "\"con\":\"secret\""));
    IS(2000, RETRIEVE(mn, "mn/gate/state/one", "CAdmin"));
    HOLDS("\"con\":\"secret\"");
    IS(4103, RETRIEVE(mn, "mn/gate/state/one", "Cfar")); /* the stem of an AE elsewhere */
}

static void an_error_travels_inside(void **state)
{
    (void)state;
    begin(KID);
    IS(4004, through(INNER("2", "mn/nothing", FAR, "")));
    IS(4103, through(INNER("2", "mn/gate/closed", FAR, "")));
    IS(4000, through(INNER("2", "mn/gate/state", FAR, ",\"colour\":1")));
    IS(4000, through("[1,2]"));
    IS(4000, through("no json"));
    IS(4004, through(INNER("2", "/id-in/cse-in", FAR, ""))); /* elsewhere */
    IS(4000,
       through(INNER("1", "mn", FAR, ",\"ty\":2,\"pc\":{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}")));
    IS(4000, through(INNER("5", "mn", FAR, ",\"pc\":{\"m2m:seci\":{\"sit\":5,\"epo\":\"x\"}}")));
    IS(4116, through(INNER("2", "mn/gate/state", "/id-in/Cother", "")));
    IS(4116, through(INNER("2", "mn/gate/state", "Cfar", ""))); /* an AE of the receiver */
    IS(4116, through("{\"op\":2,\"to\":\"mn/gate/state\",\"rqi\":\"i\",\"rvi\":\"3\"}"));
    IS(2000, through(INNER("2", "mn/gate/state", FAR, "")));
}

static void always_blocking(void **state)
{
    (void)state;
    begin(KID);
    IS(2000, through(INNER("2", "mn/gate/state", FAR, ",\"rt\":{\"rtv\":1},\"ec\":7,\"da\":true")));
    IS(2000, QUERY(mn, "mn", "CAdmin", {"fu", "1"}, {"ty", "17"}));
    HOLDS("\"m2m:uril\":[]"); /* no request resource was made */
}

static void refusals_in_clear(void **state)
{
    (void)state;
    begin("nobody@demo.example");
    IS(4112, through(INNER("2", "mn/gate/state", FAR, "")));
    begin(KID);
    struct esp_call good = session;
    session.told = true;
    IS(4113, through(INNER("2", "mn/gate/state", FAR, "")));
    session = good;
    session.rri[5] ^= 1;
    IS(4114, through(INNER("2", "mn/gate/state", FAR, "")));
    session = good;
    session.key.session_only[0] ^= 1;
    IS(4115, through(INNER("2", "mn/gate/state", FAR, "")));
    session = good;
    session.enc = ESP_A128GCM;
    IS(4111, through(INNER("2", "mn/gate/state", FAR, "")));
    session = good;
    IS(4000, NOTIFY(in, "/id-mn/mn", "Cfar", "{\"m2m:seci\":{\"sit\":5,\"epo\":\"a.b.c\"}}"));
    IS(4000, NOTIFY(in, "/id-mn/mn", "Cfar", "{\"m2m:seci\":{\"sit\":5}}"));
    IS(4000, NOTIFY(in, "/id-mn/mn", "Cfar", "{\"m2m:seci\":{\"sit\":4}}"));
    IS(4000, NOTIFY(in, "/id-mn/mn", "Cfar", "{\"m2m:seci\":{}}"));
    IS(4103, NOTIFY(in, "cse-in", "Cfar", "{\"m2m:seci\":{\"sit\":3}}")); /* that CSE takes none */
    /* the same object a second time */
    struct span o = seal(INNER("1", "mn/gate/state", FAR, ",\"ty\":4,\"pc\":{\"m2m:cin\":{\"con\":\"once\"}}"));
    IS(2000, NOTIFY(in, "/id-mn/mn", "Cfar", seci_of(o)));
    IS(5210, NOTIFY(in, "/id-mn/mn", "Cfar", seci_of(o)));
    IS(2000, RETRIEVE(mn, "mn/gate/state", "CAdmin"));
    HOLDS("\"cni\":1");
}

/* The same key, the same object, another From outside: the inner one counts, and it is bound to the key. */
static void outer_from_does_not_count(void **state)
{
    (void)state;
    begin(KID);
    struct span o = seal(INNER("2", "mn/gate/state", FAR, ""));
    IS(2000, NOTIFY(mn, "mn", "Cgate", seci_of(o)));
}

/* Outside acknowledged first: the request resource holds what came and what went, and neither in clear. */
static void request_resource_holds_objects(void **state)
{
    (void)state;
    begin(KID);
    struct span o = seal(INNER("1", "mn/gate/state", FAR, ",\"ty\":4,\"pc\":{\"m2m:cin\":{\"con\":\"secret\"}}"));
    const struct more later[] = {{"rt", "1"}, {NULL, NULL}};
    IS(1001, call(mn, OP_NOTIFY, "mn", "Cgate", 0, seci_of(o), later));
    char uri[300];
    copy_text(uri, sizeof uri, span_str(value("m2m:uri")));
    IS(2000, RETRIEVE(mn, uri, "CAdmin"));
    HOLDS("\"rs\":1");
    HOLDS("\"rsc\":2000");
    HOLDS("\"epo\":\"ey");
    LACKS("secret");
    LACKS("Cfar");
    IS(2000, RETRIEVE(mn, "mn/gate/state/la", "CAdmin"));
    HOLDS("secret");
}

static void to_an_ae_unopened(void **state)
{
    static const char body[] = "{\"m2m:seci\":{\"sit\":5,\"epo\":\"any.thing\"}}";
    (void)state;
    target.answer = "{\"m2m:seci\":{\"sit\":5,\"epo\":\"back\"}}";
    IS(2000, call(in, OP_NOTIFY, "/id-mn/mn/gate", "/id-in", 0, body, NULL)); /* a CSE may notify any AE */
    assert_string_equal(target.last, body);
    assert_string_equal(last->pc, target.answer);
}

/* esi: at the gateway, at its registrar, renewed before its end; the object in it is good for a session. */
static void shown_and_renewed(void **state)
{
    (void)state;
    arena_over(&a, room, sizeof room);
    IS(2000, RETRIEVE(mn, "mn", "CAdmin"));
    HOLDS("\"esi\":{\"esf\":[13],\"esro\":{\"esri\":\"s");
    struct span first = object_of("\"esro\":");
    IS(2000, RETRIEVE(in, "cse-in/id-mn", "CAdmin"));
    struct span there = object_of("\"esro\":");
    assert_true(span_eq(first, there));
    begin_with(KID, there);
    IS(2000, through(INNER("2", "mn/gate/state", FAR, "")));
    wait_ms(&net, ESPRIM_LIFE_MS / 2 + 10000);
    IS(2000, RETRIEVE(in, "cse-in/id-mn", "CAdmin"));
    there = object_of("\"esro\":");
    assert_false(span_eq(first, there));
    IS(2000, RETRIEVE(mn, "mn", "CAdmin"));
    assert_true(span_eq(there, object_of("\"esro\":")));
}

/* An answer brings a fresh object when the present one ends soon. */
static void refreshed_in_band(void **state)
{
    struct span plain, rro;
    struct buf b = BUF_ARRAY(plain_room);
    (void)state;
    begin(KID);
    session.expiry = 0;
    wait_ms(&net, 500000); /* within the life of ours; the receiver's has three quarters of its own left */
    IS(2000, NOTIFY(in, "/id-mn/mn", "Cfar", seci_of(seal(INNER("2", "mn/gate/state", FAR, "")))));
    assert_true(verdict_go(esp_call_open(&session, between("\"epo\":\"", "\"}}"), &a, &b, &plain, &rro)));
    assert_int_equal(rro.n, 0);
    begin(KID);
    IS(2000, NOTIFY(in, "/id-mn/mn", "Cfar", "{\"m2m:seci\":{\"sit\":3}}"));
    struct span object = object_of("\"ero\":");
    wait_ms(&net, ESPRIM_LIFE_MS - 600000);
    begin_with(KID, object);
    IS(2000, NOTIFY(in, "/id-mn/mn", "Cfar", seci_of(seal(INNER("2", "mn/gate/state", FAR, "")))));
    b = BUF_ARRAY(plain_room);
    assert_true(verdict_go(esp_call_open(&session, between("\"epo\":\"", "\"}}"), &a, &b, &plain, &rro)));
    assert_true(rro.n > 0);
    begin_with(KID, rro);
    IS(2000, through(INNER("2", "mn/gate/state", FAR, "")));
}

/* Objects of a gateway's earlier life mean nothing: 4114, and the originator asks anew. */
static void expired(void **state)
{
    (void)state;
    begin(KID);
    wait_ms(&net, ESPRIM_LIFE_MS + 1000);
    IS(4114, through(INNER("2", "mn/gate/state", FAR, "")));
    begin(KID);
    wait_ms(&net, 601000);
    IS(4113, through(INNER("2", "mn/gate/state", FAR, "")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(authenticated_over_two_hops, up, all_down),
        cmocka_unit_test_setup_teardown(an_error_travels_inside, up, all_down),
        cmocka_unit_test_setup_teardown(always_blocking, up, all_down),
        cmocka_unit_test_setup_teardown(refusals_in_clear, up, all_down),
        cmocka_unit_test_setup_teardown(outer_from_does_not_count, up, all_down),
        cmocka_unit_test_setup_teardown(request_resource_holds_objects, up, all_down),
        cmocka_unit_test_setup_teardown(to_an_ae_unopened, up, all_down),
        cmocka_unit_test_setup_teardown(shown_and_renewed, up, all_down),
        cmocka_unit_test_setup_teardown(refreshed_in_band, up, all_down),
        cmocka_unit_test_setup_teardown(expired, up, all_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
