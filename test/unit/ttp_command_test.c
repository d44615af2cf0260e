/* src/ttp: MEF client commands and administrations, from the operator's word to the client's report (M-03 to M-05). */
#include "ttp_m2m.h"

#include "ttp/admin.h"
#include "ttp/vault_command.h"

#define CLIENT "//demo.example/id-mn"

static struct house *house;
static struct party client, other;
static struct span reg;

/* The operator's line; its status. */
static unsigned operator_says(enum admin_name name, const char *words)
{
    struct buf b = heap_buf(MSG_FRAME_MAX);
    house->done_status = 0;
    msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 7, .command = (uint8_t)name, .words = span_str(words)});
    assert_int_equal(msg_receive(vault_end(house->vault), ROOM_PARENT, buf_span(&b)), OK);
    heap_buf_free(&b);
    pump(house);
    return house->done_status;
}

static struct answer enrol(const struct party *p, const char *adfq)
{
    char json[8192];
    struct span osl = client_text(house, p);
    snprintf(json, sizeof json, "{\"sec:mecr\":{\"et\":\"20901231T000000\",\"adfq\":\"%s\",\"osl\":\"%.*s\"}}", adfq,
             SPAN_FMT(osl));
    return m2m_ask(house, KIND_REG_CREATE, M2MBASE_MEF, p->iss, SPAN_NONE, json);
}

static int set_up(void **state)
{
    (void)state;
    house = house_new();
    client = party_new(house, CLIENT, "URI:m2m://demo.example/id-mn");
    other = party_new(house, "//demo.example/Sother", "URI:m2m://demo.example/Sother");
    const struct jval *o = m2m_resource(house, enrol(&client, FQDN), M2MTYPE_MECR);
    assert_int_equal(json_str(JSON_GET(o, "ri"), &house->mem, &reg), OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)denial_text;
    p256_free(client.key);
    p256_free(other.key);
    house_free(house);
    return 0;
}

static struct answer get(const struct party *p)
{
    return m2m_ask(house, KIND_CMD_GET, M2MBASE_MEF, p->iss, reg, "");
}

static struct answer report(const struct party *p, struct span id, unsigned status)
{
    char json[256];
    snprintf(json, sizeof json, "{\"sec:mecm\":{\"cmid\":\"%.*s\",\"cmst\":%u}}", SPAN_FMT(id), status);
    return m2m_ask(house, KIND_CMD_UPDATE, M2MBASE_MEF, p->iss, reg, json);
}

/* What the answer names as outstanding; false when nothing is. */
static bool outstanding(struct answer a, struct mefcmd *c, struct span *id)
{
    const struct jval *o = m2m_resource(house, a, M2MTYPE_MECM), *d = m2mname_get(o, M2MATTR_CMDD);
    assert_int_equal(json_str(m2mname_get(o, M2MATTR_CMID), &house->mem, id), OK);
    if (d)
        assert_int_equal(mefcmd_read(d, &house->mem, c), MEFCMD_OK);
    return d != NULL;
}

static bool child_shown(void)
{
    struct answer a = m2m_ask(house, KIND_REG_GET, M2MBASE_MEF, client.iss, reg, "");
    const struct jval *ch = m2mname_get(m2m_resource(house, a, M2MTYPE_MECR), M2MATTR_CH);
    return ch && ch->n == 1;
}

static void one_after_the_other_until_no_more(void **state)
{
    (void)state;
    struct mefcmd c;
    struct span first, second, third, again;
    assert_int_equal(get(&client).status, 404);
    assert_false(child_shown());
    assert_int_equal(
        operator_says(ADMIN_command, "add " CLIENT " CERT_PROV EST https://ttp.demo.example/est CSE " CLIENT), 200);
    assert_int_equal(operator_says(ADMIN_command, "add " CLIENT " MO_NODE /nod/1 1 22"), 200);
    assert_true(child_shown());
    house_restart(house);
    assert_true(outstanding(get(&client), &c, &first));
    assert_int_equal(c.klass, MEFCMD_CERT_PROV);
    assert_true(outstanding(get(&client), &c, &again)); /* the same until it is reported */
    assert_true(span_eq(first, again));
    uint64_t size = house->size;
    struct answer a = report(&client, first, MEFCMD_OK);
    assert_true(outstanding(a, &c, &second));
    assert_int_equal(c.klass, MEFCMD_MO_NODE);
    assert_int_equal(house->size, size + 1);
    assert_true(outstanding(report(&client, first, MEFCMD_OK), &c, &again)); /* the answer was lost */
    assert_true(span_eq(second, again));
    assert_int_equal(house->size, size + 1);
    assert_true(outstanding(report(&client, second, 304), &c, &third));
    assert_int_equal(c.klass, MEFCMD_NO_MORE);
    assert_int_equal(c.retry_ms, VAULT_COMMAND_RETRY_S * 1000);
    assert_false(outstanding(report(&client, third, MEFCMD_OK), &c, &again));
    assert_false(child_shown());
    assert_int_equal(get(&client).status, 404);
}

static void what_a_report_must_be(void **state)
{
    (void)state;
    struct mefcmd c;
    struct span id;
    assert_int_equal(report(&client, SPAN("abc"), MEFCMD_OK).status, 400);
    assert_int_equal(operator_says(ADMIN_command, "add " CLIENT " DEV_CFG 3:coaps://ttp.demo.example/dm"), 200);
    assert_true(outstanding(get(&client), &c, &id));
    assert_int_equal(c.management, 3);
    assert_int_equal(report(&client, SPAN("abc"), MEFCMD_OK).status, 400);
    assert_int_equal(report(&client, id, MEFCMD_CERT_PROV_CLIENT_ERROR).status, 400);
    assert_int_equal(report(&client, id, MEFCMD_ISSUED).status, 400);
    assert_int_equal(get(&other).status, 403);
    assert_int_equal(report(&other, id, MEFCMD_OK).status, 403);
    /* M-04: the client says that it saw this identifier before; it counts as an answer */
    assert_int_equal(report(&client, id, MEFCMD_REPEATED_CMD_ID).status, 200);
}

static void what_the_operator_may_say(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "add",
        "add //demo.example/Snobody NO_MORE PT1H",
        "add " CLIENT,
        "add " CLIENT " FORMAT_DISK",
        "add " CLIENT " NO_MORE",
        "add " CLIENT " NO_MORE soon",
        "add " CLIENT " NO_MORE PT1H PT1H",
        "add " CLIENT " CERT_PROV EST https://evil.example/est CSE " CLIENT,
        "add " CLIENT " CERT_PROV EST https://ttp.demo.example@evil.example/ CSE " CLIENT,
        "add " CLIENT " CERT_PROV ACME https://ttp.demo.example/est CSE " CLIENT,
        "add " CLIENT " CERT_PROV EST https://ttp.demo.example/est CSE",
        "add " CLIENT " DEV_CFG http://ttp.demo.example/",
        "add " CLIENT " DEV_CFG 1:http://evil.example/",
        "add " CLIENT " MO_NODE /nod/1 1",
        "add " CLIENT " MO_NODE /nod/1 4",
        "swap " CLIENT,
    };
    uint64_t size = house->size;
    for (size_t i = 0; i < LEN(bad); i++)
        if (operator_says(ADMIN_command, bad[i]) != 400)
            fail_msg("%s", bad[i]);
    assert_int_equal(house->size, size);
    for (size_t i = 0; i < VAULT_COMMANDS_MAX; i++)
        assert_int_equal(operator_says(ADMIN_command, "add " CLIENT " NO_MORE P1D"), 200);
    assert_int_equal(operator_says(ADMIN_command, "add " CLIENT " NO_MORE P1D"), 400);
    assert_int_equal(operator_says(ADMIN_command, "list " CLIENT), 200);
    assert_true(span_find(house->done_json, 'P') < house->done_json.n);
    assert_int_equal(operator_says(ADMIN_command, "drop " CLIENT), 200);
    assert_int_equal(get(&client).status, 404);
}

static void a_registration_takes_its_commands_along(void **state)
{
    (void)state;
    assert_int_equal(operator_says(ADMIN_command, "add " CLIENT " NO_MORE PT5M"), 200);
    assert_int_equal(m2m_ask(house, KIND_REG_DELETE, M2MBASE_MEF, client.iss, reg, "").status, 200);
    assert_int_equal(get(&client).status, 404);
    assert_int_equal(operator_says(ADMIN_command, "list " CLIENT), 400);
    assert_int_equal(enrol(&client, FQDN).status, 200);
    assert_int_equal(get(&client).status, 404);
}

static void administrations_admit_whom_they_name(void **state)
{
    (void)state;
    assert_int_equal(enrol(&other, "clinic.example").status, 403);
    assert_int_equal(operator_says(ADMIN_administration, "set clinic.example " CLIENT), 200);
    assert_int_equal(enrol(&other, "clinic.example").status, 403);
    assert_int_equal(operator_says(ADMIN_administration, "set clinic.example //other.example/"), 200);
    assert_int_equal(enrol(&other, "clinic.example").status, 403);
    assert_int_equal(operator_says(ADMIN_administration, "set clinic.example //demo.example/"), 200);
    house_restart(house);
    assert_int_equal(enrol(&other, "Clinic.example").status, 200);
    assert_int_equal(operator_says(ADMIN_administration, "list"), 200);
    assert_int_equal(operator_says(ADMIN_administration, "remove clinic.example"), 200);
    assert_int_equal(enrol(&client, "clinic.example").status, 403);
    static const char *const bad[] = {"",
                                      "set",
                                      "set clinic.example",
                                      "set clinic.example demo.example",
                                      "set clinic.example //demo.example",
                                      "set //x/ *",
                                      "grant x *"};
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(operator_says(ADMIN_administration, bad[i]), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_after_the_other_until_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_report_must_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_operator_may_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registration_takes_its_commands_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(administrations_admit_whom_they_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
