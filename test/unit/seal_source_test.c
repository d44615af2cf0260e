/* Where keys come from: made by the TTP and fetched ahead, pairs of strict policies, provisioned ones. */
#include "base/code.h"
#include "cse_node.h"
#include "esd/strict.h"
#include "seal_letters.h"

static struct node *n;
static struct conf *conf;
static struct hook_seal *h;

#define GATEWAY                                                                                                        \
    "[cse]\nrole=mn\ncse-id=/id-mn\nname=mn\nsp=//demo.example\n[storage]\npath=:memory:\n"                            \
    "[ttp " TTP "]\nurl=https://127.0.0.1:1\nbundle=bundle\nsigning-key-file=key\nsigning-certificate=cert\n"
#define SEAL(name, place, more) "[seal " name "]\nfor=/id-mn/mn/one/" place "\npolicy=seal-at-gateway\n" more "\n"
#define BY_TTP                  "readers=//demo.example/Sheat\nttp=" TTP "\n"
#define ALL                                                                                                            \
    SEAL("asked", "asked*", BY_TTP "key=ttp\n")                                                                        \
    SEAL("strict", "strict*", BY_TTP "strict=yes\npadding=32\n")                                                       \
    SEAL("given", "given", "key=provisioned\nkey-file=given\nkey-id=ward-7@plant.example\n")

static enum err seal_up(const char *text, struct buf *why)
{
    struct span copy = arena_dup(&mem, span_str(text));
    enum err e = conf_read(in_folder("conf"), copy, rows, LEN(rows), &conf, why);
    if (e == OK)
        e = hook_seal_new(conf, SPAN("//demo.example"), SPAN("/id-mn"), &h, why);
    if (e == OK)
        h->ttps[0].heard = h->mono(); /* a poll was answered */
    return e;
}

static void key_file(const char *text, unsigned mode)
{
    assert_int_equal(file_replace(in_folder("given"), span_str(text), mode), OK);
}

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

static int up(void **state)
{
    char words[2048];
    struct buf why = BUF_ARRAY(words);
    (void)state;
    heap_arena(&mem, 65536, 64 << 20);
    key_file(HEX, 0600);
    net.now = T0;
    n = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", NULL, true);
    store = n->store;
    if (seal_up(GATEWAY ALL, &why) != OK)
        fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
    struct cse_hook hook = hook_seal_hook(h);
    cse_set_hook(n->cse, &hook);
    IS(2001, CREATE(n, "mn", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    return 0;
}

static int all_down(void **state)
{
    hook_seal_free(h);
    conf_free(conf);
    down(state);
    arena_reset(&mem);
    unlink(in_folder("given"));
    return 0;
}

static unsigned container(const char *rn, const char *more)
{
    char body[400];
    snprintf(body, sizeof body, "{\"m2m:cnt\":{\"rn\":\"%s\"%s}}", rn, more);
    return CREATE(n, "mn/one", "Cone", 3, body);
}

static unsigned put(const char *cnt)
{
    char to[100];
    snprintf(to, sizeof to, "mn/one/%s", cnt);
    return CREATE(n, to, "Cone", 4, "{\"m2m:cin\":{\"con\":\"21.5\"}}");
}

/* The protected header of the envelope in the answer. */
static const char *header(void)
{
    static char text[ESD_HEADER_MAX];
    const char *at = strstr(last->pc, "\"con\":\"");
    assert_non_null(at);
    const char *end = strchr(at + 7, '.');
    struct buf b = BUF_ARRAY(text);
    assert_int_equal(b64url_get(span_of(at + 7, (size_t)(end - at) - 7), &b), OK);
    buf_nul(&b);
    return text;
}

static void header_has(const char *piece)
{
    if (!strstr(header(), piece))
        fail_msg("not in the header: %s\n  %s", piece, header());
}

/* What the vault would do. */
static struct seal_wish answer_wish(void)
{
    struct seal_wish w;
    assert_true(seal_wish_next(h, 0, &w));
    struct key_made k = {.et = net.now + 1000000};
    for (unsigned i = 0; i < (w.pairs ? 3 : 1); i++) {
        static uint8_t kv[ESD_KV];
        struct p256 *pub = NULL;
        if (w.pairs) {
            assert_int_equal(p256_new(&pub), OK);
            assert_int_equal(strict_kc(pub, w.sid, k.kc), OK);
        } else {
            assert_int_equal(esd_random(kv, sizeof kv), OK);
            assert_int_equal(keys_kc(span_of(kv, sizeof kv), w.sid, k.kc), REASON_OK);
        }
        k.pub = pub;
        k.kv = pub ? NULL : kv;
        seal_stock_put(h, &w, &k);
        seal_stock_put(h, &w, &k); /* an answer that comes twice */
        p256_free(pub);
    }
    seal_wish_done(h, &w);
    return w;
}

static bool wished(void)
{
    struct seal_wish w;
    return seal_wish_next(h, 0, &w);
}

/* ---- made by the TTP ------------------------------------------------------------------------------------ */

static void keys_are_fetched_ahead(void **state)
{
    (void)state;
    IS(2001, container("asked", ""));
    assert_true(wished()); /* with the container, before any reading */
    IS(5000, put("asked"));
    HOLDS("no-credential");
    struct seal_wish w = answer_wish();
    assert_true(w.ep == 1 && w.pairs == 0 && w.pv == 0 && span_eq(span_of(w.name, w.name_n), SPAN("asked")));
    IS(2001, put("asked"));
    header_has("\"alg\":\"dir\"");
    assert_int_equal(waiting(), 0); /* it is registered already: no letter */
    assert_true(wished());
    assert_int_equal(answer_wish().ep, 2);
    IS(2001, put("asked"));
    header_has(",1,1,"); /* the same epoch */
    hook_seal_new_epoch(h);
    IS(2001, put("asked"));
    header_has(",2,0,");
    hook_seal_new_epoch(h);
    IS(5000, put("asked")); /* not fetched: the key before is over, and never comes back */
    assert_int_equal(answer_wish().ep, 3);
    IS(2001, put("asked"));
    header_has(",3,0,");
}

/* A key that is registered already cannot be kept back: on an old word it is not sealed with. */
static void without_fresh_word_no_key_of_the_ttps(void **state)
{
    (void)state;
    IS(2001, container("asked", ""));
    answer_wish();
    h->ttps[0].heard = h->mono() - SEAL_FRESH_MS;
    IS(5000, put("asked"));
    HOLDS("no-credential");
    h->ttps[0].heard = h->mono();
    IS(2001, put("asked"));
    h->ttps[0].heard = h->mono() - SEAL_FRESH_MS; /* the next one lies ready, and stays there */
    answer_wish();
    IS(5000, put("asked"));
}

static void what_was_taken_back_lies_ready_again(void **state)
{
    (void)state;
    IS(2001, container("asked", ",\"mbs\":50"));
    answer_wish();
    IS(5207, put("asked")); /* sealed it is too large */
    assert_int_equal(hook_seal_counts(h).streams, 0);
    IS(2004, UPDATE(n, "mn/one/asked", "Cone", "{\"m2m:cnt\":{\"mbs\":5000}}"));
    IS(2001, put("asked"));
    header_has(",1,0,");
}

/* ---- strict ------------------------------------------------------------------------------------------------ */

static void each_message_goes_to_a_public_key(void **state)
{
    (void)state;
    struct jws j;
    struct key_letter l;
    struct seal_letter q;
    struct store_tx *t;
    IS(2001, container("strict", ""));
    IS(5000, put("strict"));
    assert_int_equal(answer_wish().pairs, KEYASK_PAIRS_MAX);
    IS(2001, put("strict"));
    header_has("\"alg\":\"ECDH-ES+A256KW\"");
    header_has("\"epk\":{");
    header_has(",\"g\",28]");
    HOLDS("\"cnf\":\"text/plain:0:1\"");
    assert_int_equal(waiting(), 1);
    assert_int_equal(store_read(store, 0, &t), OK);
    assert_int_equal(seal_queue_get(t, &mem, 0, &q), OK);
    store_end(t);
    assert_int_equal(letter_activation_read(q.text, &mem, &j, &l), REASON_OK);
    assert_int_equal(jws_verify(&j, gateway), REASON_OK);
    assert_true(l.n == 1 && l.items[0].ep == 1 && span_eq(l.items[0].policy, SPAN("strict")));
    char kid[400];
    snprintf(kid, sizeof kid, "\"kid\":\"%.*s\"", SPAN_FMT(l.items[0].kid));
    header_has(kid);
    IS(2001, put("strict"));
    header_has(kid);
    hook_seal_new_epoch(h);
    IS(2001, put("strict")); /* the next pair */
    header_has(",2,0,");
    assert_null(strstr(header(), kid));
    assert_int_equal(waiting(), 2);
}

static void an_old_pair_is_none(void **state)
{
    (void)state;
    IS(2001, container("strict", ""));
    answer_wish();
    wait_ms(&net, 1001000);
    IS(5000, put("strict"));
    answer_wish();
    IS(2001, put("strict"));
}

/* ---- provisioned ------------------------------------------------------------------------------------------- */

static void a_given_key_needs_no_ttp(void **state)
{
    (void)state;
    IS(2001, container("given", ""));
    IS(2001, put("given"));
    header_has("\"kid\":\"ward-7@plant.example\"");
    header_has("\"alg\":\"dir\",\"enc\":\"A256GCM\"");
    header_has("\"e2e\":[1,");
    assert_int_equal(waiting(), 0);
    assert_false(wished());
    const char *at = strstr(last->pc, "\"con\":\"") + 6;
    struct span con = arena_dup(&mem, span_of(at, (size_t)(strchr(at + 1, '"') - at) + 1)), plain;
    uint8_t key[32], room[1024];
    for (uint8_t i = 0; i < 32; i++)
        key[i] = i;
    struct opener o;
    struct esd_label l = label_of(con);
    struct buf out = BUF_ARRAY(room);
    assert_int_equal(opener_init(&o), OK);
    assert_int_equal(open_aead(&o, &l, span_of(key, 32), &out, &plain), REASON_OK); /* used whole */
    assert_true(span_eq(plain, SPAN("21.5")));
    opener_free(&o);
}

static void bad_configurations(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } bad[] = {
        {GATEWAY SEAL("x", "x", "key=provisioned\nkey-file=given\n"), "key-id"},
        {GATEWAY SEAL("x", "x", "key=provisioned\nkey-file=given\nkey-id=no domain\n"), "name@domain"},
        {GATEWAY SEAL("x", "x", "key=provisioned\nkey-file=given\nkey-id=a@b.c\nstrict=yes\n"), "no strict"},
        {GATEWAY SEAL("x", "x", BY_TTP "key=provisioned\nkey-file=given\nkey-id=a@b.c\n"), "no ttp"},
        {GATEWAY SEAL("x", "x", "key=provisioned\nkey-file=missing\nkey-id=a@b.c\n"), "key-file"},
        {GATEWAY SEAL("x", "x", "ttp=" TTP "\nreaders=acp, //demo.example/Sheat\n"), "not both"},
        {GATEWAY SEAL("x", "x", BY_TTP "padding=64, 32\n"), "each larger"},
        {GATEWAY SEAL("x", "x", BY_TTP "padding=0\n"), "each larger"},
    };
    hook_seal_free(h);
    conf_free(conf);
    for (size_t i = 0; i < LEN(bad); i++) {
        char words[2048];
        struct buf why = BUF_ARRAY(words);
        assert_int_equal(seal_up(bad[i].text, &why), ERR_CONFIG);
        buf_nul(&why);
        if (!strstr(words, bad[i].word))
            fail_msg("%s: %s", bad[i].word, words);
        conf_free(conf);
    }
    static const struct {
        const char *text;
        unsigned mode;
    } keys[] = {{HEX, 0644}, {"0001\n", 0600}, {"x" HEX, 0600}, {"", 0600}};
    for (size_t i = 0; i < LEN(keys); i++) {
        char words[2048];
        struct buf why = BUF_ARRAY(words);
        key_file(keys[i].text, keys[i].mode);
        assert_int_equal(seal_up(GATEWAY ALL, &why), ERR_CONFIG);
        conf_free(conf);
    }
    h = NULL;
    conf = NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, all_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keys_are_fetched_ahead),
        T(without_fresh_word_no_key_of_the_ttps),
        T(what_was_taken_back_lies_ready_again),
        T(each_message_goes_to_a_public_key),
        T(an_old_pair_is_none),
        T(a_given_key_needs_no_ttp),
        T(bad_configurations),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
