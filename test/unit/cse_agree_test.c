/* src/cse: keys agreed by certificates (ESCertKE) through two hops, and what must not be agreed. */
#include "cse_node.h"

#include <time.h>

#include "base/code.h"
#include "cse/esprim.h"
#include "cse/esprim_agree.h"
#include "esp/certke.h"
#include "esp/originator.h"
#include "net_pki.h"

#define HEAT "//demo.example/Sapp-heat"

static struct node *in, *mn;
static struct esprim *receiver;
static struct pki_cert ca, heat_cert, cold_cert, gateway_cert;
static struct certke_ctx *of_heat, *of_cold;
static struct arena a;
static uint8_t room[1 << 16], message_room[CERTKE_MESSAGE_MAX], answer_room[CERTKE_MESSAGE_MAX];

static void only_the_gateway(struct cse_conf *conf)
{
    conf->esprim = conf->role == ROLE_MN ? receiver : NULL;
}

static struct certke_ctx *context(const struct pki_cert *own)
{
    struct certke_ctx *c = NULL;
    const char *why;
    assert_int_equal(
        certke_ctx_new(span_str(own->cert_pem), span_str(own->key_pem), span_str(ca.cert_pem), &c, NULL, &why), OK);
    return c;
}

static int certificates(void **state)
{
    (void)state;
    pki_make(&ca, NULL, "ca", NULL, 3000);
    pki_make(&heat_cert, &ca, "heat", "URI:m2m:" HEAT, 3000);
    pki_make(&cold_cert, &ca, "cold", "URI:m2m://demo.example/Sapp-cold", 3000);
    pki_make(&gateway_cert, &ca, "gw", "DNS:id-mn.id-in.demo.example", 3000);
    of_heat = context(&heat_cert);
    of_cold = context(&cold_cert);
    return 0;
}

static int no_certificates(void **state)
{
    (void)state;
    certke_ctx_free(of_heat);
    certke_ctx_free(of_cold);
    pki_free(&ca);
    pki_free(&heat_cert);
    pki_free(&cold_cert);
    pki_free(&gateway_cert);
    return 0;
}

static int up(void **state)
{
    static const struct span initiators[] = {{(const uint8_t *)HEAT, sizeof HEAT - 1},
                                             {(const uint8_t *)"//demo.example/Sapp-warm", 24}};
    struct esprim_agree_conf conf = {.cert = span_str(gateway_cert.cert_pem),
                                     .key = span_str(gateway_cert.key_pem),
                                     .ca = span_str(ca.cert_pem),
                                     .initiators = initiators,
                                     .n_initiators = LEN(initiators),
                                     .life = 600000};
    const char *why;
    (void)state;
    arena_over(&a, room, sizeof room);
    assert_int_equal(esprim_new(8, 0, &receiver), OK);
    assert_int_equal(esprim_agree_new(receiver, &conf, &why), OK);
    net.now = (int64_t)time(NULL) * 1000; /* certificates are made by the system's clock */
    node_conf = only_the_gateway;
    in = node_up(&net, ROLE_IN, "/id-in", "cse-in", "https://in", NULL, true);
    mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    node_conf = NULL;
    wait_ms(&net, 3000);
    return 0;
}

static int all_down(void **state)
{
    down(state);
    esprim_free(receiver);
    return 0;
}

/* A message of `h` (made from the last answer) as content. */
static const char *next(struct certke *h, struct span in_message)
{
    static char text[CERTKE_MESSAGE_MAX * 2];
    struct buf b = BUF_ARRAY(message_room), t = BUF_ARRAY(text);
    assert_int_equal(certke_step(h, in_message, &b), OK);
    buf_str(&t, "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"");
    b64_put(&t, buf_span(&b));
    buf_str(&t, "\"}}");
    buf_nul(&t);
    return text;
}

static struct span answered(void)
{
    const char *at = strstr(last->pc, "\"eckm\":\"");
    struct buf b = BUF_ARRAY(answer_room);
    assert_non_null(at);
    at += 8;
    assert_int_equal(b64_get(span_of(at, (size_t)(strchr(at, '"') - at)), &b), OK);
    return buf_span(&b);
}

static void begin(struct certke *h, struct certke_ctx *ctx)
{
    assert_int_equal(certke_begin(ctx, true, net.now, h), OK);
}

/* Up to the end of message 4. */
static void agree(struct certke *h, const char *fr)
{
    struct buf none = BUF_ARRAY(message_room);
    begin(h, of_heat);
    IS(2000, NOTIFY(in, "/id-mn/-", fr, next(h, SPAN_NONE)));
    HOLDS("{\"m2m:seci\":{\"sit\":6,\"eckm\":\"");
    IS(2000, NOTIFY(in, "/id-mn/-", fr, next(h, answered())));
    assert_int_equal(certke_step(h, answered(), &none), OK);
    assert_true(certke_done(h));
}

static void a_key_for_requests(void **state)
{
    struct certke h;
    struct certke_result res;
    struct esp_call one;
    uint8_t kid_room[CERTKE_ID_TEXT], iv[ESP_IV] = {3}, random[32] = {9}, object[4096];
    struct buf kid = BUF_ARRAY(kid_room), b = BUF_ARRAY(object);
    (void)state;
    agree(&h, "Sapp-heat");
    assert_int_equal(certke_result(&h, &res), OK);
    certke_free(&h);
    struct id gw = id_parse(SPAN("/id-mn"), &mn->conf.self);
    assert_true(certke_is(&res, &gw, &in->conf.self));
    hex_put_upper(&kid, span_of(res.id, CERTKE_ID));
    IS(2000, NOTIFY(in, "/id-mn/mn", "Sapp-heat", "{\"m2m:seci\":{\"sit\":3}}"));
    const char *at = strstr(last->pc, "\"ero\":") + 6;
    struct span ero = arena_dup(&a, span_of(at, (size_t)(strchr(at, '}') - at) + 1));
    assert_int_equal(
        esp_call_begin(&one, buf_span(&kid), span_of(res.key, CERTKE_KEY), ero, net.now, 60000, random, &a), OK);
    buf_str(&b, "{\"m2m:seci\":{\"sit\":5,\"epo\":\"");
    assert_int_equal(
        esp_call_seal(&one, iv, SPAN("{\"op\":2,\"to\":\"mn\",\"fr\":\"" HEAT "\",\"rqi\":\"i\",\"rvi\":\"3\"}"), &b),
        OK);
    buf_str(&b, "\"}}");
    buf_nul(&b);
    IS(2000, NOTIFY(in, "/id-mn/mn", "Sapp-heat", (const char *)object));
    HOLDS("\"epo\":\"");
    wait_ms(&net, 601000); /* the key's life is over */
    iv[0]++;
    IS(4112, NOTIFY(in, "/id-mn/mn", "Sapp-heat", (const char *)object));
}

static void shown(void **state)
{
    (void)state;
    IS(2000, RETRIEVE(mn, "mn", "CAdmin"));
    HOLDS("\"esi\":{\"esf\":[43,44],\"escert\":[\"MII");
    IS(2000, RETRIEVE(in, "cse-in/id-mn", "CAdmin"));
    HOLDS("\"esi\":{\"esf\":[43,44],\"escert\":[\"MII");
}

static void wrong_identities(void **state)
{
    struct certke h;
    (void)state;
    /* not on the list */
    begin(&h, of_cold);
    IS(4103, NOTIFY(in, "/id-mn/-", "Sapp-cold", next(&h, SPAN_NONE)));
    certke_free(&h);
    /* From is on the list, the certificate is somebody else's */
    begin(&h, of_cold);
    IS(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", next(&h, SPAN_NONE)));
    IS(4106, NOTIFY(in, "/id-mn/-", "Sapp-heat", next(&h, answered())));
    certke_free(&h);
    /* message 3 from another From than 1 */
    begin(&h, of_heat);
    IS(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", next(&h, SPAN_NONE)));
    IS(4000, NOTIFY(in, "/id-mn/-", "Sapp-warm", next(&h, answered())));
    certke_free(&h);
}

static void sequence(void **state)
{
    struct certke h, other;
    static char third[CERTKE_MESSAGE_MAX * 2], first[CERTKE_MESSAGE_MAX * 2];
    (void)state;
    begin(&h, of_heat);
    copy_text(first, sizeof first, span_str(next(&h, SPAN_NONE)));
    IS(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", first));
    copy_text(third, sizeof third, span_str(next(&h, answered())));
    IS(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", third));
    IS(4000, NOTIFY(in, "/id-mn/-", "Sapp-heat", third)); /* again */
    /* again, into a handshake of its own: 1 is played back, and then 3 */
    IS(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", first));
    assert_int_not_equal(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", third));
    certke_free(&h);
    /* a second ClientHello takes the place of the first */
    begin(&h, of_heat);
    IS(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", next(&h, SPAN_NONE)));
    copy_text(third, sizeof third, span_str(next(&h, answered())));
    begin(&other, of_heat);
    IS(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", next(&other, SPAN_NONE)));
    struct span two = answered();
    assert_int_not_equal(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", third));
    IS(4000, NOTIFY(in, "/id-mn/-", "Sapp-heat", next(&other, two))); /* it was used up */
    certke_free(&h);
    certke_free(&other);
    /* half a minute later nothing is under way */
    begin(&h, of_heat);
    IS(2000, NOTIFY(in, "/id-mn/-", "Sapp-heat", next(&h, SPAN_NONE)));
    copy_text(third, sizeof third, span_str(next(&h, answered())));
    wait_ms(&net, AGREE_PENDING_MS + 1000);
    IS(4000, NOTIFY(in, "/id-mn/-", "Sapp-heat", third));
    certke_free(&h);
}

static void no_messages(void **state)
{
    (void)state;
    IS(4000, NOTIFY(in, "/id-mn/-", "Sapp-heat", "{\"m2m:seci\":{\"sit\":6}}"));
    IS(4000, NOTIFY(in, "/id-mn/-", "Sapp-heat", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"?\"}}"));
    IS(4000, NOTIFY(in, "/id-mn/-", "Sapp-heat", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"\"}}"));
    IS(4000, NOTIFY(in, "/id-mn/-", "Sapp-heat", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAAUBAAAB\"}}"));
    IS(4103, NOTIFY(in, "cse-in", "Sapp-heat", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMB\"}}")); /* not offered there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_for_requests, up, all_down),
        cmocka_unit_test_setup_teardown(shown, up, all_down),
        cmocka_unit_test_setup_teardown(wrong_identities, up, all_down),
        cmocka_unit_test_setup_teardown(sequence, up, all_down),
        cmocka_unit_test_setup_teardown(no_messages, up, all_down),
    };
    return cmocka_run_group_tests(tests, certificates, no_certificates);
}
