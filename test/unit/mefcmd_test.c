/* lib/m2m/mefcmd, m2mname: MEF client commands and the table of provisional names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "m2m/m2mname.h"
#include "m2m/mefcmd.h"

static uint8_t room[1 << 15];
static struct arena a;

static enum mefcmd_status parse(const char *text, struct mefcmd *c)
{
    struct jval *doc;
    arena_over(&a, room, sizeof room);
    assert_int_equal(json_parse(span_str(text), &a, &doc, NULL), OK);
    return mefcmd_read(doc, &a, c);
}

static const char cert[] =
    "{\"ccid\":1,\"cmda\":{\"cpca\":{\"cppi\":1,\"uri\":\"https://mef.example:8443/est\",\"cstp\":2,"
    "\"csid\":\"//sp.example/mn\"}},\"tgid\":\"//sp.example/mn\"}";
static const char *const canonical[] = {
    "{\"ccid\":0,\"cmda\":{\"nmca\":{\"rdur\":\"PT1H\"}}}",
    cert,
    "{\"ccid\":2,\"cmda\":{\"dcca\":{\"dcu\":\"3:coaps://mef.example/dm\"}}}",
    "{\"ccid\":3,\"cmda\":{\"mnca\":{\"obp\":\"/nod/1\",\"otid\":1,\"otsa\":{\"apma\":{\"suid\":22}}}}}",
    "{\"ccid\":3,\"cmda\":{\"mnca\":{\"obp\":\"/nod/1\",\"otid\":2}}}",
};

static void what_is_read_is_written_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        uint8_t text[1024];
        struct buf b = BUF_ARRAY(text);
        struct jw w = jw_over(&b);
        struct mefcmd c;
        assert_int_equal(parse(canonical[i], &c), MEFCMD_OK);
        mefcmd_put(&w, &c);
        buf_nul(&b);
        assert_int_equal(b.e, OK);
        assert_string_equal((const char *)text, canonical[i]);
    }
}

static void long_names_are_read(void **state)
{
    (void)state;
    struct mefcmd c;
    assert_int_equal(parse("{\"cmdClassID\":0,\"cmdArgs\":{\"noMoreCmdArgs\":{\"retryDuration\":\"P1DT2H\"}}}", &c),
                     MEFCMD_OK);
    assert_int_equal(c.retry_ms, 26 * 3600000);
}

static void bad_arguments(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{\"cmda\":{\"nmca\":{\"rdur\":\"PT1H\"}}}",
        "{\"ccid\":0}",
        "{\"ccid\":0,\"cmda\":{}}",
        "{\"ccid\":0,\"cmda\":{\"nmca\":{\"rdur\":\"1 h\"}}}",
        "{\"ccid\":0,\"cmda\":{\"nmca\":{\"rdur\":\"PT1H\"},\"dcca\":{\"dcu\":\"1:http://mef.example\"}}}",
        "{\"ccid\":1,\"cmda\":{\"nmca\":{\"rdur\":\"PT1H\"}}}",
        "{\"ccid\":1,\"cmda\":{\"cpca\":{\"cppi\":3,\"uri\":\"https://m/\",\"cstp\":1,\"csid\":\"n\"}}}",
        "{\"ccid\":1,\"cmda\":{\"cpca\":{\"cppi\":1,\"uri\":\"https://m/\",\"cstp\":4,\"csid\":\"n\"}}}",
        "{\"ccid\":1,\"cmda\":{\"cpca\":{\"cppi\":1,\"uri\":\"https://m/ x\",\"cstp\":1,\"csid\":\"n\"}}}",
        "{\"ccid\":2,\"cmda\":{\"dcca\":{\"dcu\":\"http://mef.example\"}}}",
        "{\"ccid\":2,\"cmda\":{\"dcca\":{\"dcu\":\"5:http://mef.example\"}}}",
        "{\"ccid\":3,\"cmda\":{\"mnca\":{\"obp\":\"/n\",\"otid\":1}}}",
        "{\"ccid\":3,\"cmda\":{\"mnca\":{\"obp\":\"/n\",\"otid\":2,\"otsa\":{\"apma\":{\"suid\":22}}}}}",
        "{\"ccid\":0,\"cmda\":{\"nmca\":{\"rdur\":\"PT1H\"}},\"tgid\":7}",
    };
    struct mefcmd c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i], &c) != MEFCMD_BAD_ARGUMENTS)
            fail_msg("%s", bad[i]);
    assert_int_equal(parse("{\"ccid\":4,\"cmda\":{}}", &c), MEFCMD_CLASS_NOT_SUPPORTED);
}

/* M-05: a MEF may send a client to itself only. */
static void the_host_is_the_mefs(void **state)
{
    (void)state;
    struct mefcmd c;
    assert_int_equal(parse(cert, &c), MEFCMD_OK);
    assert_true(mefcmd_acceptable(&c, SPAN("MEF.example")));
    assert_false(mefcmd_acceptable(&c, SPAN("mef.example.org")));
    static const char *const foreign[] = {
        "https://evil.example/est",
        "https://mef.example@evil.example/",
        "https://mef.example.evil.example/",
        "https://evil.example/mef.example",
        "https://mef.example:x@evil/",
        "mef.example/est",
        "https:mef.example",
        "https://evil.example#mef.example",
        "https://xmef.example/",
        "https://mef.example:80:evil.example/",
    };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        c.uri = span_str(foreign[i]);
        if (mefcmd_acceptable(&c, SPAN("mef.example")))
            fail_msg("%s", foreign[i]);
    }
    static const char *const own[] = {"https://mef.example", "http://mef.example?x=1", "coaps://mef.example:5684/a"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        c.uri = span_str(own[i]);
        assert_true(mefcmd_acceptable(&c, SPAN("mef.example")));
    }
}

static void status_codes_fit_their_class(void **state)
{
    (void)state;
    assert_true(mefcmd_status_fits(MEFCMD_NO_MORE, MEFCMD_OK));
    assert_true(mefcmd_status_fits(MEFCMD_NO_MORE, MEFCMD_REPEATED_CMD_ID));
    assert_false(mefcmd_status_fits(MEFCMD_NO_MORE, 0));
    assert_false(mefcmd_status_fits(MEFCMD_NO_MORE, MEFCMD_CERT_PROV_CLIENT_ERROR));
    assert_true(mefcmd_status_fits(MEFCMD_CERT_PROV, MEFCMD_CERT_PROV_CLIENT_ERROR));
    assert_false(mefcmd_status_fits(MEFCMD_CERT_PROV, MEFCMD_MO_NODE_NOT_FOUND));
    assert_true(mefcmd_status_fits(MEFCMD_MO_NODE, 304));
    assert_false(mefcmd_status_fits(MEFCMD_MO_NODE, 306));
    assert_false(mefcmd_status_fits(MEFCMD_DEV_CFG, MEFCMD_ISSUED));
    assert_true(mefcmd_id_good(SPAN("a.B-9_")));
    assert_false(mefcmd_id_good(SPAN("")));
    assert_false(mefcmd_id_good(SPAN("a/b")));
    assert_false(mefcmd_id_good(SPAN("123456789012345678901234567890123")));
}

static void names_of_types(void **state)
{
    (void)state;
    enum m2mname_type t;
    assert_true(m2mname_type_of(m2mname_ty(M2MTYPE_SKR), &t));
    assert_int_equal(t, M2MTYPE_SKR);
    assert_false(m2mname_type_of(0, &t));
    assert_false(m2mname_type_of(4, &t));
    struct jval *doc;
    arena_over(&a, room, sizeof room);
    assert_int_equal(json_parse(SPAN("{\"sec:symmKeyReg\":{\"SUID\":24}}"), &a, &doc, NULL), OK);
    const struct jval *o = m2mname_resource(doc, M2MTYPE_SKR);
    assert_non_null(o);
    assert_non_null(m2mname_get(o, M2MATTR_SUID));
    assert_null(m2mname_resource(doc, M2MTYPE_MECR));
    enum m2mname_attr at;
    assert_true(m2mname_attr_of(o->child, &at));
    assert_int_equal(at, M2MATTR_SUID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_written_again),
        cmocka_unit_test(long_names_are_read),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(the_host_is_the_mefs),
        cmocka_unit_test(status_codes_fit_their_class),
        cmocka_unit_test(names_of_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
