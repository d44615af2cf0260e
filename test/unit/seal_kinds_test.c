/* A whole gateway, engine and hook: timeSeries and their instances, flexContainers, padding, batches, labels that
 * change.
 */
#include "cse_node.h"
#include "m2m/spec.h"
#include "seal_letters.h"

static struct node *n;
static struct conf *conf;
static struct hook_seal *h;
static struct spec_list list;
static struct arena spec_mem;

#define GATEWAY                                                                                                        \
    "[cse]\nrole=%s\ncse-id=/id-mn\nname=mn\nsp=//demo.example\n[storage]\npath=:memory:\n"                            \
    "[ttp " TTP "]\nurl=https://127.0.0.1:1\nbundle=bundle\nsigning-key-file=key\nsigning-certificate=cert\n"
#define SEAL(name, place, more)                                                                                        \
    "[seal " name "]\nfor=/id-mn/mn/one/" place "\npolicy=seal-at-gateway\nreaders=//demo.example/Sheat\nttp=" TTP     \
    "\n" more
#define KINDS                                                                                                          \
    SEAL("ward", "safe*", "")                                                                                          \
    SEAL("padded", "pad*", "padding=16, 64\n")                                                                         \
    SEAL("batches", "batch", "batch=arrays\n")                                                                         \
    SEAL("mixed", "mixed*", "others=clear\n")                                                                          \
    "[seal blind]\nfor=/id-mn/mn/one/blind*\npolicy=refuse-clear\n[seal free]\nfor=/id-mn/mn/one/free\npolicy=pass\n"

static void seal_up(const char *role, const char *policies)
{
    char text[4096], words[2048];
    struct buf why = BUF_ARRAY(words);
    snprintf(text, sizeof text, GATEWAY "%s", role, policies);
    struct span copy = arena_dup(&mem, span_str(text));
    enum err e = conf_read(in_folder("conf"), copy, rows, LEN(rows), &conf, &why);
    if (e == OK)
        e = hook_seal_new(conf, SPAN("//demo.example"), SPAN("/id-mn"), &h, &why);
    if (e != OK)
        fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
    struct cse_hook hook = hook_seal_hook(h);
    cse_set_hook(n->cse, &hook);
}

static void seal_down(void)
{
    hook_seal_free(h);
    conf_free(conf);
    h = NULL;
    conf = NULL;
}

static int up(void **state)
{
    static const char lamp[] = "{\"cnd\":\"org.x.lamp\",\"root\":\"x:lamp\",\"attributes\":["
                               "{\"sn\":\"brigs\",\"type\":\"integer\"},{\"sn\":\"colour\",\"type\":\"string\"},"
                               "{\"sn\":\"motto\",\"type\":\"string\",\"sealed\":true},"
                               "{\"sn\":\"note\",\"type\":\"string\",\"sealed\":true}]}";
    struct spec_why why;
    (void)state;
    heap_arena(&mem, 65536, 64 << 20);
    heap_arena(&spec_mem, 65536, 1 << 20);
    list = (struct spec_list){0};
    assert_int_equal(spec_read(&list, span_str(lamp), &spec_mem, &why), OK);
    type_extend(&list);
    net.now = T0;
    n = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", NULL, true);
    store = n->store;
    seal_up("mn", KINDS);
    IS(2001, CREATE(n, "mn", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    return 0;
}

static int all_down(void **state)
{
    seal_down();
    down(state);
    type_extend(NULL);
    arena_reset(&spec_mem);
    arena_reset(&mem);
    return 0;
}

/* The sealed text of a member of the answer, as it is sent on. */
static struct span sealed_of(const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(last->pc, key);
    assert_non_null(at);
    at += strlen(key) - 1;
    const char *end = strchr(at + 1, '"');
    return arena_dup(&mem, span_of(at, (size_t)(end - at) + 1));
}

static void is_sealed(const char *name, const char *plain, const char *address)
{
    uint8_t sid[ESD_SID];
    struct span con = sealed_of(name), text = opened(con);
    struct esd_label l = label_of(con);
    assert_int_equal(keys_sid(span_str(address), sid), REASON_OK);
    assert_memory_equal(l.e2e.sid, sid, ESD_SID);
    if (!span_eq(text, span_str(plain)))
        fail_msg("%s: %.*s", plain, SPAN_FMT(text));
}

#define ONE  "//demo.example/id-mn/mn/one/"
#define LAMP "{\"x:lamp\":{\"rn\":\"%s\",\"cnd\":\"org.x.lamp\"%s}}"

static unsigned lamp(const char *rn, const char *more)
{
    char body[400];
    snprintf(body, sizeof body, LAMP, rn, more);
    return CREATE(n, "mn/one", "Cone", TY_FCNT, body);
}

static unsigned series(const char *rn, const char *more)
{
    char body[400];
    snprintf(body, sizeof body, "{\"m2m:ts\":{\"rn\":\"%s\"%s}}", rn, more);
    return CREATE(n, "mn/one", "Cone", TY_TS, body);
}

static unsigned sample(const char *ts, int second, const char *con)
{
    char body[3000], to[100];
    snprintf(to, sizeof to, "mn/one/%s", ts);
    snprintf(body, sizeof body, "{\"m2m:tsi\":{\"dgt\":\"20260921T1000%02d\",\"con\":%s}}", second, con);
    return CREATE(n, to, "Cone", TY_TSI, body);
}

/* ---- timeSeries ------------------------------------------------------------------------------------- */

static void instances_of_a_series_are_sealed(void **state)
{
    (void)state;
    IS(2001, series("safe", ",\"pei\":1000,\"mdd\":true,\"mdt\":900"));
    HOLDS("\"cnf\":\"text/plain:0:1\"");
    IS(2001, sample("safe", 1, "\"canary\""));
    LACKS("canary");
    assert_null(memmem(last->q.pc.p, last->q.pc.n, "canary", 6));
    is_sealed("con", "canary", ONE "safe");
    char cs[40];
    snprintf(cs, sizeof cs, "\"cs\":%zu", sealed_of("con").n - 2);
    HOLDS(cs);
    IS(2001, sample("safe", 2, "21.5"));
    is_sealed("con", "21.5", ONE "safe");
    assert_int_equal(label_of(sealed_of("con")).e2e.i, 1);
    assert_true(span_eq(label_of(sealed_of("con")).cty, SPAN("json")));
    IS(2000, RETRIEVE(n, "mn/one/safe/la", "Cone"));
    is_sealed("con", "21.5", ONE "safe");
    assert_int_equal(waiting(), 1);
    IS(2001, series("safe-2", ",\"cnf\":\"application/json:0\""));
    HOLDS("\"cnf\":\"application/json:0:1\"");
    IS(4102, series("blind", "")); /* nobody could ever store anything there */
    IS(2001, series("free", ""));
    LACKS("cnf");
    IS(2001, sample("free", 1, "1"));
    HOLDS("\"con\":1");
}

static void envelopes_of_the_device_pass(void **state)
{
    (void)state;
    char con[2000];
    IS(2001, series("safe", ""));
    IS(2001, sample("safe", 1, "\"x\""));
    struct span mine = sealed_of("con");
    snprintf(con, sizeof con, "%.*s", SPAN_FMT(mine));
    IS(2001, sample("safe", 2, con));
    assert_true(span_eq(sealed_of("con"), mine));
    IS(2001, series("safe-other", ""));
    IS(4102, sample("safe-other", 1, con)); /* sealed for another place */
    HOLDS("wrong-place");
    IS(2001, series("safe-device", ",\"cnf\":\"text/plain:0:1\"")); /* it will seal itself */
    IS(4102, sample("safe-device", 1, "\"clear\""));
    IS(2001, series("blind", ",\"cnf\":\"text/plain:0:1\""));
    IS(4102, sample("blind", 1, "\"clear\""));
}

static void a_series_keeps_its_policy(void **state)
{
    (void)state;
    IS(2001, series("safe", ""));
    IS(2001, series("elsewhere", ""));
    seal_down();
    seal_up("mn", SEAL("ward", "never", "") SEAL("late", "else*", ""));
    IS(2001, sample("safe", 1, "\"x\"")); /* the pattern does not name it any more; the series was made for it */
    is_sealed("con", "x", ONE "safe");
    IS(4102, sample("elsewhere", 1, "\"x\"")); /* its cnf says clear, and can never say anything else */
    HOLDS("made anew");
    seal_down();
    seal_up("mn", SEAL("other", "never", ""));
    IS(4102, sample("safe", 2, "\"x\""));
    IS(2002, DELETE(n, "mn/one/safe", "Cone"));
    IS(2001, series("safe", ",\"cnf\":\"text/plain:0:1\"")); /* another one of that name: nothing is remembered */
    IS(2001, sample("safe", 1, "\"x\""));
    HOLDS("\"con\":\"x\"");
    seal_down();
    seal_up("mn", KINDS);
    IS(5207, (series("safe-small", ",\"mbs\":20"), sample("safe-small", 1, "\"x\""))); /* sealed it is too large */
}

/* ---- flexContainer ---------------------------------------------------------------------------------- */

static void attributes_are_streams_of_their_own(void **state)
{
    (void)state;
    IS(2001, lamp("safe", ",\"motto\":\"canary\",\"note\":\"second\",\"mni\":5"));
    LACKS("canary");
    is_sealed("motto", "canary", ONE "safe#motto");
    is_sealed("note", "second", ONE "safe#note");
    assert_int_equal(waiting(), 2);
    IS(2000, RETRIEVE(n, "mn/one/safe/la", "Cone"));
    is_sealed("motto", "canary", ONE "safe#motto");
    IS(2004, UPDATE(n, "mn/one/safe", "Cone", "{\"x:lamp\":{\"motto\":\"new\",\"lbl\":[\"a\"]}}"));
    is_sealed("motto", "new", ONE "safe#motto");
    assert_int_equal(label_of(sealed_of("motto")).e2e.i, 1);
    is_sealed("note", "second", ONE "safe#note");
    IS(2000, QUERY(n, "mn/one", "Cone", {"fu", "1"}, {"motto", "new"})); /* a filter finds no clear text */
    LACKS("mn/one/safe");
    IS(4102, lamp("safe-2", ",\"brigs\":7"));
    HOLDS("brigs");
    IS(4102, UPDATE(n, "mn/one/safe", "Cone", "{\"x:lamp\":{\"colour\":\"red\",\"motto\":\"x\"}}"));
    IS(2004, UPDATE(n, "mn/one/safe", "Cone", "{\"x:lamp\":{\"motto\":\"y\"}}"));
    assert_int_equal(label_of(sealed_of("motto")).e2e.i, 2); /* the index of the refused one was given back */
    IS(2004, UPDATE(n, "mn/one/safe", "Cone", "{\"x:lamp\":{\"motto\":null}}"));
    LACKS("motto");
    IS(2001, lamp("mixed", ",\"brigs\":7,\"colour\":\"red\",\"motto\":\"z\""));
    HOLDS("\"brigs\":7");
    HOLDS("\"colour\":\"red\"");
    is_sealed("motto", "z", ONE "mixed#motto");
    IS(4102, lamp("blind", ",\"motto\":\"x\""));
}

static void a_moved_attribute_is_refused(void **state)
{
    (void)state;
    char body[2000];
    IS(2001, lamp("safe", ",\"motto\":\"x\""));
    struct span con = sealed_of("motto");
    snprintf(body, sizeof body, "{\"x:lamp\":{\"motto\":%.*s}}", SPAN_FMT(con));
    IS(2004, UPDATE(n, "mn/one/safe", "Cone", body)); /* as a device would write it that seals itself */
    assert_true(span_eq(sealed_of("motto"), con));
    snprintf(body, sizeof body, "{\"x:lamp\":{\"note\":%.*s}}", SPAN_FMT(con));
    IS(4102, UPDATE(n, "mn/one/safe", "Cone", body));
    HOLDS("wrong-place");
}

/* Many streams in one request, taken back as a whole. */
static void a_refusal_takes_back_every_stream(void **state)
{
    (void)state;
    IS(4102, lamp("safe", ",\"motto\":\"x\",\"note\":\"y\",\"colour\":\"red\""));
    assert_int_equal(waiting(), 0);
    assert_int_equal(hook_seal_counts(h).sealed, 0);
    assert_int_equal(hook_seal_counts(h).streams, 0);
}

/* ---- padding, batches, mode --------------------------------------------------------------------------- */

static unsigned put(const char *cnt, const char *con)
{
    char body[2000], to[100];
    snprintf(to, sizeof to, "mn/one/%s", cnt);
    snprintf(body, sizeof body, "{\"m2m:cin\":{\"con\":%s}}", con);
    return CREATE(n, to, "Cone", 4, body);
}

static unsigned container(const char *rn, const char *more)
{
    char body[400];
    snprintf(body, sizeof body, "{\"m2m:cnt\":{\"rn\":\"%s\"%s}}", rn, more);
    return CREATE(n, "mn/one", "Cone", 3, body);
}

static void sizes_are_hidden_in_buckets(void **state)
{
    (void)state;
    static const struct {
        size_t n, to;
    } sizes[] = {{0, 16}, {1, 16}, {16, 16}, {17, 64}, {64, 64}, {65, 128}, {128, 128}, {129, 192}};
    IS(2001, container("pad", ""));
    for (size_t i = 0; i < LEN(sizes); i++) {
        char con[300] = "\"";
        memset(con + 1, 'a', sizes[i].n);
        con[sizes[i].n + 1] = '"';
        IS(2001, put("pad", con));
        struct esd_label l = label_of(sealed_of("con"));
        assert_int_equal(l.ct_len, sizes[i].to);
        assert_true(l.e2e.padded); /* written by a stream that pads, also when it is 0 */
        assert_int_equal(l.e2e.pad, sizes[i].to - sizes[i].n);
        con[sizes[i].n + 1] = 0;
        is_sealed("con", con + 1, ONE "pad");
    }
    IS(2001, container("safe", ""));
    IS(2001, put("safe", "\"a\""));
    assert_false(label_of(sealed_of("con")).e2e.padded);
}

static void arrays_are_batches(void **state)
{
    (void)state;
    IS(2001, container("batch", ""));
    IS(2001, put("batch", "[1, 2]"));
    assert_true(label_of(sealed_of("con")).e2e.batch);
    assert_true(span_eq(label_of(sealed_of("con")).cty, SPAN("json")));
    is_sealed("con", "[1, 2]", ONE "batch");
    IS(2001, put("batch", "\"[1]\"")); /* a text */
    assert_false(label_of(sealed_of("con")).e2e.batch);
    IS(2001, put("batch", "{\"a\":[]}"));
    assert_false(label_of(sealed_of("con")).e2e.batch);
    IS(2001, container("safe", ""));
    IS(2001, put("safe", "[1, 2]"));
    assert_false(label_of(sealed_of("con")).e2e.batch);
}

static void an_asn_seals_at_the_device(void **state)
{
    (void)state;
    seal_down();
    seal_up("asn", KINDS);
    IS(2001, container("safe", ""));
    IS(2001, put("safe", "\"a\""));
    assert_true(label_of(sealed_of("con")).e2e.device);
    seal_down();
    seal_up("mn", KINDS);
    IS(2001, put("safe", "\"a\""));
    assert_false(label_of(sealed_of("con")).e2e.device);
}

/* ---- labels ----------------------------------------------------------------------------------------- */

#define LABELS(...) "{\"m2m:cnt\":{\"lbl\":[" __VA_ARGS__ "]}}"
#define WARD        "\"e2e:policy=ward\""
#define BLIND       "\"e2e:policy=blind\""

static void labels_never_weaken(void **state)
{
    (void)state;
    IS(2001, container("c", ""));
    IS(2004, UPDATE(n, "mn/one/c", "Cone", LABELS("\"colour\"")));
    IS(2004, UPDATE(n, "mn/one/c", "Cone", LABELS("\"colour\"," WARD)));
    IS(2001, put("c", "\"a\""));
    is_sealed("con", "a", ONE "c");
    IS(4102, UPDATE(n, "mn/one/c", "Cone", LABELS("\"colour\"")));
    HOLDS("lbl");
    IS(4102, UPDATE(n, "mn/one/c", "Cone", "{\"m2m:cnt\":{\"lbl\":null}}"));
    IS(4102, UPDATE(n, "mn/one/c", "Cone", LABELS("\"e2e:policy=padded\""))); /* its like, with other readers */
    IS(2004, UPDATE(n, "mn/one/c", "Cone", LABELS(WARD ",\"e2e:policy=free\"")));
    IS(2001, put("c", "\"a\""));
    is_sealed("con", "a", ONE "c");
    IS(2004, UPDATE(n, "mn/one/c", "Cone", LABELS(WARD "," BLIND)));
    IS(4102, put("c", "\"a\""));
    IS(2004, UPDATE(n, "mn/one/c", "Cone", LABELS(BLIND)));
    IS(4102, UPDATE(n, "mn/one/c", "Cone", LABELS(WARD)));
    IS(2004, UPDATE(n, "mn/one/c", "Cone", LABELS("\"e2e:policy=typo\"")));
    IS(4102, put("c", "\"a\""));
    IS(4102, UPDATE(n, "mn/one/c", "Cone", LABELS(BLIND)));
    IS(2004, UPDATE(n, "mn/one/c", "CAdmin", LABELS("\"colour\""))); /* whoever runs the gateway may */
    IS(2001, put("c", "\"a\""));
    HOLDS("\"con\":\"a\"");
}

static void the_order_of_labels_does_not_matter(void **state)
{
    (void)state;
    static const char *const lbl[] = {WARD ",\"e2e:policy=padded\"", "\"e2e:policy=padded\"," WARD};
    for (size_t i = 0; i < LEN(lbl); i++) {
        char more[100], rn[] = "c0";
        rn[1] = (char)('0' + i);
        snprintf(more, sizeof more, ",\"lbl\":[%s]", lbl[i]);
        IS(2001, container(rn, more));
        IS(2001, put(rn, "\"a\""));
        assert_false(label_of(sealed_of("con")).e2e.padded); /* ward stands first in the configuration */
    }
}

/* A stronger label is another policy: what it names as readers must not open what follows by the key before. */
static void another_policy_is_another_epoch(void **state)
{
    (void)state;
    IS(2001, container("free", ""));
    IS(2004, UPDATE(n, "mn/one/free", "CAdmin", LABELS(WARD)));
    IS(2001, put("free", "\"a\""));
    struct span kid = arena_dup(&mem, label_of(sealed_of("con")).kid);
    IS(2004, UPDATE(n, "mn/one/free", "CAdmin", LABELS("\"e2e:policy=padded\"")));
    IS(2001, put("free", "\"a\""));
    assert_false(kid_eq(kid, label_of(sealed_of("con")).kid));
    assert_int_equal(label_of(sealed_of("con")).e2e.ep, 2);
}

/* Labels of a flexContainer: those that the very request takes away still count for it. */
static void a_request_cannot_unprotect_itself(void **state)
{
    (void)state;
    IS(2001, lamp("free", ",\"lbl\":[" WARD "],\"motto\":\"x\""));
    is_sealed("motto", "x", ONE "free#motto");
    IS(4102, UPDATE(n, "mn/one/free", "Cone", "{\"x:lamp\":{\"lbl\":null,\"motto\":\"clear\"}}"));
    IS(2004, UPDATE(n, "mn/one/free", "CAdmin", "{\"x:lamp\":{\"lbl\":null,\"motto\":\"last\"}}"));
    is_sealed("motto", "last", ONE "free#motto");
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, all_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(instances_of_a_series_are_sealed),    T(envelopes_of_the_device_pass),
        T(a_series_keeps_its_policy),           T(attributes_are_streams_of_their_own),
        T(a_moved_attribute_is_refused),        T(a_refusal_takes_back_every_stream),
        T(sizes_are_hidden_in_buckets),         T(arrays_are_batches),
        T(an_asn_seals_at_the_device),          T(labels_never_weaken),
        T(the_order_of_labels_does_not_matter), T(another_policy_is_another_epoch),
        T(a_request_cannot_unprotect_itself),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
