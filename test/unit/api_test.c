/* The public API as a program meets it: misuse gives an error and never a crash; what is sealed opens. Linked against
 * the shared library, so that nothing but its public names can be used here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oneseal/client.h"
#include "oneseal/open.h"
#include "oneseal/seal.h"

#define STREAM "//demo.example/id-mn/mn/thermo-1/data"
#define TTP    "ttp.demo.example"

static unsigned char work[ONESEAL_WORK];

struct desk {
    oneseal_sealer s;
    oneseal_opener o;
    unsigned char value[ONESEAL_KEY_VALUE];
    char con[4096], plain[4096];
    size_t n;
};

static int64_t noon(void *ctx)
{
    return *(const int64_t *)ctx;
}

static int counted(void *ctx, unsigned char *p, size_t n)
{
    unsigned char *next = ctx;
    for (size_t i = 0; i < n; i++)
        p[i] = (*next)++;
    return 0;
}

static int broken(void *ctx, unsigned char *p, size_t n)
{
    (void)ctx;
    (void)p;
    (void)n;
    return -1;
}

static void desk_open(struct desk *d)
{
    memset(d, 0, sizeof *d);
    assert_int_equal(oneseal_sealer_init(&d->s, NULL), ONESEAL_OK);
    assert_int_equal(oneseal_opener_init(&d->o), ONESEAL_OK);
    assert_int_equal(oneseal_epoch_begin(&d->s, STREAM, TTP, 7), ONESEAL_OK);
    assert_int_equal(oneseal_epoch_value(&d->s, d->value), ONESEAL_OK);
}

static void desk_close(struct desk *d)
{
    oneseal_sealer_free(&d->s);
    oneseal_opener_free(&d->o);
}

static oneseal_open_how how_of(struct desk *d)
{
    oneseal_open_how how = ONESEAL_INIT(oneseal_open_how);
    how.address = STREAM;
    how.key.value = d->value;
    how.key.n = sizeof d->value;
    how.work = work;
    how.work_n = sizeof work;
    return how;
}

static oneseal_status try_open(struct desk *d, const oneseal_open_how *how, oneseal_opened *res)
{
    return oneseal_open(&d->o, how, d->con, d->n, d->plain, sizeof d->plain, res);
}

static void sealed_opens(void **state)
{
    static struct desk d;
    oneseal_opened res;
    (void)state;
    desk_open(&d);
    oneseal_open_how how = how_of(&d);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(oneseal_seal(&d.s, NULL, "21.5", 4, d.con, sizeof d.con, &d.n), ONESEAL_OK);
        assert_int_equal(strlen(d.con), d.n);
        assert_int_equal(try_open(&d, &how, &res), ONESEAL_OK);
        assert_string_equal(d.plain, "21.5");
        assert_int_equal(res.n, 4);
        assert_int_equal(res.label.index, i);
        assert_int_equal(res.label.epoch, 7);
        assert_int_equal(res.label.device, 1);
        assert_string_equal(res.label.kid, oneseal_epoch_kid(&d.s));
        assert_string_equal(res.label.ttp, TTP);
        assert_int_equal(res.flags, ONESEAL_FLAG(ONESEAL_NO_CLOCK));
    }
    desk_close(&d);
}

static void json_padding_clock_and_random_are_the_callers(void **state)
{
    static struct desk d;
    static char again[4096];
    static unsigned char pad[256];
    oneseal_opened res;
    size_t n = 0;
    int64_t now = 1764000000000;
    (void)state;
    for (int round = 0; round < 2; round++) {
        unsigned char seed = 1;
        oneseal_platform p = ONESEAL_INIT(oneseal_platform);
        p.random = counted;
        p.ctx = &seed;
        memset(&d, 0, sizeof d);
        assert_int_equal(oneseal_sealer_init(&d.s, &p), ONESEAL_OK);
        assert_int_equal(oneseal_opener_init(&d.o), ONESEAL_OK);
        assert_int_equal(oneseal_epoch_begin(&d.s, STREAM, TTP, 1), ONESEAL_OK);
        assert_int_equal(oneseal_epoch_value(&d.s, d.value), ONESEAL_OK);
        assert_int_equal(d.value[0], 1);
        oneseal_seal_how how = ONESEAL_INIT(oneseal_seal_how);
        how.json = 1;
        how.bucket = 64;
        how.work = pad;
        how.work_n = sizeof pad;
        assert_int_equal(oneseal_seal(&d.s, &how, "{\"t\":1}", 7, d.con, sizeof d.con, &d.n), ONESEAL_OK);
        oneseal_open_how open = how_of(&d);
        assert_int_equal(try_open(&d, &open, &res), ONESEAL_OK);
        assert_string_equal(d.plain, "{\"t\":1}");
        assert_int_equal(res.json, 1);
        assert_int_equal(res.label.padding, 57);
        if (round)
            assert_string_equal(d.con, again); /* the same octets from the caller: the same envelope */
        memcpy(again, d.con, sizeof again);
        desk_close(&d);
    }
    oneseal_platform p = ONESEAL_INIT(oneseal_platform);
    p.clock = noon;
    p.ctx = &now;
    assert_int_equal(oneseal_sealer_init(&d.s, &p), ONESEAL_OK);
    assert_int_equal(oneseal_epoch_begin(&d.s, STREAM, TTP, 1), ONESEAL_OK);
    assert_int_equal(oneseal_epoch_due(&d.s), 0);
    assert_int_equal(oneseal_seal(&d.s, NULL, "x", 1, d.con, sizeof d.con, &n), ONESEAL_OK);
    oneseal_label label;
    assert_int_equal(oneseal_label_read(d.con, n, work, sizeof work, &label), ONESEAL_OK);
    assert_true(label.time_ms == (uint64_t)now);
    now += 3600 * 1000;
    assert_int_equal(oneseal_epoch_due(&d.s), 1);
    p.random = broken;
    oneseal_sealer_free(&d.s);
    assert_int_equal(oneseal_sealer_init(&d.s, &p), ONESEAL_OK);
    assert_int_equal(oneseal_epoch_begin(&d.s, STREAM, TTP, 1), ONESEAL_CRYPTO);
    assert_int_equal(oneseal_seal(&d.s, NULL, "x", 1, d.con, sizeof d.con, &n), ONESEAL_EPOCH_OVER);
    desk_close(&d);
}

static oneseal_status not_here(void *ctx, const oneseal_label *label, oneseal_key *key)
{
    (void)key;
    assert_string_equal(label->ttp, TTP);
    ++*(int *)ctx;
    return ONESEAL_TTP_SEALED;
}

static void each_refusal_has_its_own_verdict(void **state)
{
    static struct desk d;
    static const char *const strange[] = {"ttp.elsewhere.example"}, *const known[] = {"a.example", "TTP.demo.example"};
    oneseal_opened res;
    int asked = 0;
    (void)state;
    desk_open(&d);
    assert_int_equal(oneseal_seal(&d.s, NULL, "canary", 6, d.con, sizeof d.con, &d.n), ONESEAL_OK);
    oneseal_open_how how = how_of(&d);
    how.ttps = known;
    how.ttps_n = 2;
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_OK);
    how.ttps = strange;
    how.ttps_n = 1;
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_UNKNOWN_TTP);
    assert_string_equal(d.plain, "");
    how = how_of(&d);
    how.address = STREAM "2";
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_WRONG_PLACE);
    assert_string_equal(res.label.kid, oneseal_epoch_kid(&d.s)); /* what could be read is told */
    how.address = "/id-mn/mn/thermo-1/data";
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_PLACE_UNVERIFIED);
    how.address = NULL;
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_OK);
    assert_true(res.flags & ONESEAL_FLAG(ONESEAL_PLACE_UNVERIFIED));
    how = how_of(&d);
    how.find = not_here;
    how.ctx = &asked;
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_TTP_SEALED);
    assert_int_equal(asked, 1);
    how = how_of(&d);
    d.value[63] ^= 1;
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_COMMITMENT_MISMATCH);
    how.key.kind = ONESEAL_KEY_REGISTERED; /* the second half is of no interest without commitment */
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_OK);
    d.value[63] ^= 1;
    how = how_of(&d);
    d.con[d.n - 2] = d.con[d.n - 2] == 'A' ? 'B' : 'A';
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_TAMPERED);
    for (size_t i = 0; i < sizeof d.plain; i++)
        assert_int_equal(d.plain[i], 0);
    assert_int_equal(oneseal_open(&d.o, &how, "hello", 5, d.plain, sizeof d.plain, &res), ONESEAL_MALFORMED);
    desk_close(&d);
}

static void room_that_is_too_small(void **state)
{
    static struct desk d;
    oneseal_opened res;
    oneseal_label label;
    (void)state;
    desk_open(&d);
    assert_int_equal(oneseal_seal(&d.s, NULL, "canary", 6, d.con, sizeof d.con, &d.n), ONESEAL_OK);
    for (size_t room = 1, all = d.n; room <= all; room += 3) {
        memset(d.con, 'x', sizeof d.con);
        assert_int_equal(oneseal_seal(&d.s, NULL, "canary", 6, d.con, room, &d.n), ONESEAL_NO_ROOM);
        assert_int_equal(d.con[room], 'x');
        assert_int_equal(d.n, 0);
    }
    assert_int_equal(oneseal_seal(&d.s, NULL, "canary", 6, d.con, ONESEAL_SEAL_ROOM(6), &d.n), ONESEAL_OK);
    oneseal_open_how how = how_of(&d);
    assert_int_equal(oneseal_open(&d.o, &how, d.con, d.n, d.plain, d.n - 1, &res), ONESEAL_NO_ROOM);
    assert_int_equal(oneseal_open(&d.o, &how, d.con, d.n, d.plain, d.n, &res), ONESEAL_OK);
    assert_int_equal(res.label.index, 1); /* what did not fit took no index */
    how.work_n = 16;
    assert_int_equal(oneseal_open(&d.o, &how, d.con, d.n, d.plain, d.n, &res), ONESEAL_NO_ROOM);
    assert_int_equal(oneseal_label_read(d.con, d.n, work, 16, &label), ONESEAL_NO_ROOM);
    oneseal_seal_how pad = ONESEAL_INIT(oneseal_seal_how);
    pad.bucket = 64;
    pad.work = work;
    pad.work_n = 63;
    assert_int_equal(oneseal_seal(&d.s, &pad, "canary", 6, d.con, sizeof d.con, &d.n), ONESEAL_NO_ROOM);
    char cnf[8];
    assert_int_equal(oneseal_seal_cnf(NULL, 0, cnf, sizeof cnf), ONESEAL_NO_ROOM);
    desk_close(&d);
}

static void arguments_that_are_not_allowed(void **state)
{
    static struct desk d;
    static oneseal_sealer zero;
    static oneseal_opener blank;
    oneseal_opened res;
    oneseal_label label;
    char kid[ONESEAL_KID_MAX + 1], cnf[64];
    unsigned char sid[ONESEAL_SID];
    (void)state;
    desk_open(&d);
    oneseal_open_how how = how_of(&d), bad = how;
    oneseal_seal_how pad = ONESEAL_INIT(oneseal_seal_how), old = {0};
    oneseal_platform small = {0};
    pad.batch = 1;
    const oneseal_status got[] = {
        oneseal_sealer_init(NULL, NULL),
        oneseal_sealer_init(&zero, &small),
        oneseal_epoch_begin(NULL, STREAM, TTP, 1),
        oneseal_epoch_begin(&zero, STREAM, TTP, 1),
        oneseal_epoch_begin(&d.s, NULL, TTP, 1),
        oneseal_epoch_begin(&d.s, STREAM, NULL, 1),
        oneseal_epoch_begin(&d.s, STREAM, "no domain", 1),
        oneseal_epoch_begin(&d.s, STREAM, TTP, 0),
        oneseal_epoch_value(NULL, d.value),
        oneseal_epoch_value(&d.s, NULL),
        oneseal_seal(NULL, NULL, "x", 1, d.con, sizeof d.con, &d.n),
        oneseal_seal(&d.s, NULL, NULL, 1, d.con, sizeof d.con, &d.n),
        oneseal_seal(&d.s, NULL, "x", 1, NULL, 10, &d.n),
        oneseal_seal(&d.s, NULL, "x", 1, d.con, sizeof d.con, NULL),
        oneseal_seal(&d.s, NULL, "", 0, d.con, sizeof d.con, &d.n),
        oneseal_seal(&d.s, &pad, "x", 1, d.con, sizeof d.con, &d.n),
        oneseal_seal(&d.s, &old, "x", 1, d.con, sizeof d.con, &d.n),
        oneseal_epoch_letter(&d.s, NULL, d.con, sizeof d.con, &d.n),
        oneseal_policy(NULL, 1, NULL, 0, d.con, sizeof d.con, &d.n),
        oneseal_registration(NULL, "n", (const unsigned char *)"c", 1, d.con, sizeof d.con, &d.n),
        oneseal_acknowledged(NULL, "x", 1, "x", 1, work, sizeof work, NULL),
        oneseal_seal_cnf(NULL, 0, NULL, 10),
        oneseal_opener_init(NULL),
        oneseal_open(NULL, &how, "x", 1, d.plain, sizeof d.plain, &res),
        oneseal_open(&blank, &how, "x", 1, d.plain, sizeof d.plain, &res),
        oneseal_open(&d.o, NULL, "x", 1, d.plain, sizeof d.plain, &res),
        oneseal_open(&d.o, (bad.work = NULL, &bad), "x", 1, d.plain, sizeof d.plain, &res),
        oneseal_open(&d.o, &how, NULL, 1, d.plain, sizeof d.plain, &res),
        oneseal_open(&d.o, &how, "x", 1, NULL, 1, &res),
        oneseal_open(&d.o, &how, "x", 1, d.plain, sizeof d.plain, NULL),
        oneseal_label_read(NULL, 1, work, sizeof work, &label),
        oneseal_label_read("x", 1, NULL, 0, &label),
        oneseal_label_read("x", 1, work, sizeof work, NULL),
        oneseal_keys_sid(NULL, sid),
        oneseal_keys_kid(NULL, STREAM, TTP, kid),
        oneseal_keys_check(d.value, STREAM, NULL),
        oneseal_identity_read(NULL, 0, NULL),
        oneseal_bundle_read(NULL, "x", 1, TTP, 0),
        oneseal_client_open(NULL, NULL, NULL),
        oneseal_client_get(NULL, STREAM, NULL),
        oneseal_client_get_confirmed(NULL, STREAM, 0, NULL),
        oneseal_client_put(NULL, STREAM, "1", 1, NULL, 0),
        oneseal_client_flush(NULL),
        oneseal_client_subscribe(NULL, STREAM),
        oneseal_client_run(NULL, NULL, NULL),
        oneseal_client_step(NULL, 0, NULL, NULL),
    };
    for (size_t i = 0; i < sizeof got / sizeof *got; i++)
        if (got[i] != ONESEAL_BAD_ARGUMENT)
            fail_msg("call %zu gives %s", i, oneseal_code(got[i]));
    assert_int_equal(oneseal_epoch_begin(&d.s, "mn/thermo-1/data", TTP, 1), ONESEAL_PLACE_UNVERIFIED);
    assert_int_equal(oneseal_seal_cnf("nonsense", 0, cnf, sizeof cnf), ONESEAL_MALFORMED);
    assert_int_equal(oneseal_seal_cnf("text/plain:0:1", 0, cnf, sizeof cnf), ONESEAL_CONFLICT);
    assert_int_equal(oneseal_seal_cnf("image/png:1", 0, cnf, sizeof cnf), ONESEAL_OK);
    assert_string_equal(cnf, "image/png:1:1");
    oneseal_epoch_end(&d.s);
    assert_string_equal(oneseal_epoch_kid(&d.s), "");
    assert_int_equal(oneseal_epoch_due(&d.s), 1);
    assert_int_equal(oneseal_seal(&d.s, NULL, "x", 1, d.con, sizeof d.con, &d.n), ONESEAL_EPOCH_OVER);
    /* All of these only have to survive. */
    oneseal_sealer_free(NULL);
    oneseal_sealer_free(&zero);
    oneseal_opener_free(NULL);
    oneseal_opener_free(&blank);
    oneseal_identity_free(NULL);
    oneseal_bundle_free(NULL);
    oneseal_client_close(NULL);
    oneseal_client_stop(NULL);
    oneseal_epoch_end(NULL);
    assert_int_equal(oneseal_client_fd(NULL), -1);
    assert_int_equal(oneseal_client_wait_ms(NULL), -1);
    assert_string_equal(oneseal_client_why(NULL), "");
    assert_int_equal(oneseal_label_looks_sealed(NULL, 0), 0);
    desk_close(&d);
    desk_close(&d); /* twice */
}

static void names_and_keys(void **state)
{
    static struct desk d;
    static oneseal_bundle bundle;
    oneseal_identity *identity = NULL;
    char kid[ONESEAL_KID_MAX + 1];
    (void)state;
    desk_open(&d);
    assert_int_equal(oneseal_keys_kid(d.value, STREAM, TTP, kid), ONESEAL_OK);
    assert_string_equal(kid, oneseal_epoch_kid(&d.s));
    assert_int_equal(oneseal_keys_check(d.value, STREAM, kid), ONESEAL_OK);
    assert_int_equal(oneseal_keys_check(d.value, STREAM "2", kid), ONESEAL_COMMITMENT_MISMATCH);
    assert_int_equal(oneseal_identity_read("no key", 6, &identity), ONESEAL_MALFORMED);
    assert_null(identity);
    assert_int_equal(oneseal_bundle_read(&bundle, "no bundle", 9, TTP, 0), ONESEAL_MALFORMED);
    desk_close(&d);
}

static void a_provisioned_key_needs_no_ttp(void **state)
{
    static struct desk d;
    static const unsigned char key[32] = "both ends were given these octs.";
    oneseal_opened res;
    (void)state;
    desk_open(&d);
    assert_int_equal(oneseal_epoch_provisioned(&d.s, STREAM, "thermo-1@demo.example", key, 31, 1),
                     ONESEAL_BAD_ARGUMENT);
    assert_int_equal(oneseal_epoch_provisioned(&d.s, STREAM, "no name", key, 32, 1), ONESEAL_BAD_ARGUMENT);
    assert_int_equal(oneseal_epoch_provisioned(&d.s, STREAM, "thermo-1@demo.example", key, 32, 1), ONESEAL_OK);
    assert_string_equal(oneseal_epoch_kid(&d.s), "thermo-1@demo.example");
    assert_int_equal(oneseal_epoch_value(&d.s, d.value), ONESEAL_EPOCH_OVER);
    assert_int_equal(oneseal_seal(&d.s, NULL, "21.5", 4, d.con, sizeof d.con, &d.n), ONESEAL_OK);
    oneseal_open_how how = how_of(&d);
    how.key.value = key;
    how.key.n = sizeof key;
    how.key.kind = ONESEAL_KEY_PROVISIONED;
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_OK);
    assert_string_equal(d.plain, "21.5");
    how.key.kind = ONESEAL_KEY_REGISTERED; /* then only its first half would be the key */
    assert_int_equal(try_open(&d, &how, &res), ONESEAL_ALGORITHM_REFUSED);
    desk_close(&d);
}

/* The parts of the compact text as JSON (RFC 7516 7.2.2). */
static size_t flattened(const char *con, char *out, size_t room)
{
    const char *part[5], *at = con;
    int len[5];
    for (int i = 0; i < 5; i++) {
        part[i] = at;
        len[i] = (int)strcspn(at, ".");
        at += len[i] + 1;
    }
    return (size_t)snprintf(out, room,
                            "{\"protected\":\"%.*s\",\"iv\":\"%.*s\",\"ciphertext\":\"%.*s\",\"tag\":\"%.*s\"}", len[0],
                            part[0], len[2], part[2], len[3], part[3], len[4], part[4]);
}

static void json_serializations_open_when_cnf_says_so(void **state)
{
    static struct desk d;
    static unsigned char large[ONESEAL_WORK_MAX];
    static const char *const known[] = {TTP};
    static char json[4096];
    oneseal_opened res;
    (void)state;
    desk_open(&d);
    assert_int_equal(oneseal_seal(&d.s, NULL, "21.5", 4, d.con, sizeof d.con, &d.n), ONESEAL_OK);
    size_t n = flattened(d.con, json, sizeof json);
    oneseal_open_how how = how_of(&d);
    how.ttps = known;
    how.ttps_n = 1;
    how.work = large;
    how.work_n = sizeof large;
    assert_int_equal(oneseal_open(&d.o, &how, json, n, d.plain, sizeof d.plain, &res), ONESEAL_MALFORMED);
    how.security = 2;
    assert_int_equal(oneseal_open(&d.o, &how, json, n, d.plain, sizeof d.plain, &res), ONESEAL_OK);
    assert_string_equal(d.plain, "21.5");
    assert_string_equal(res.label.kid, oneseal_epoch_kid(&d.s));
    assert_int_equal(oneseal_open(&d.o, &how, d.con, d.n, d.plain, sizeof d.plain, &res), ONESEAL_MALFORMED);
    how.security = 4;
    assert_int_equal(oneseal_open(&d.o, &how, json, n, d.plain, sizeof d.plain, &res), ONESEAL_BAD_ARGUMENT);
    desk_close(&d);
}

static void every_status_has_words(void **state)
{
    (void)state;
    for (int s = 0; s <= ONESEAL_FAILED; s++) {
        int known = s <= ONESEAL_UNCONFIRMED || s >= ONESEAL_BAD_ARGUMENT || s == (int)ONESEAL_OTHER_VERDICT;
        assert_int_equal(strcmp(oneseal_code((oneseal_status)s), "unknown") != 0, known);
        assert_true(strlen(oneseal_sentence((oneseal_status)s)) > 3);
    }
    assert_string_equal(oneseal_code(ONESEAL_WRONG_PLACE), "wrong-place");
    assert_string_equal(oneseal_code((oneseal_status)77777), "unknown");
    assert_int_equal(oneseal_heals(ONESEAL_NO_KEY_YET), 1);
    assert_int_equal(oneseal_heals(ONESEAL_TAMPERED), 0);
    assert_string_equal(oneseal_version(), ONESEAL_VERSION);
}

static void a_client_without_a_profile_says_why(void **state)
{
    oneseal_client *c = NULL;
    oneseal_reading r;
    (void)state;
    assert_int_equal(oneseal_client_open("/nowhere/heat.conf", NULL, &c), ONESEAL_NOT_FOUND);
    assert_non_null(c);
    assert_true(strstr(oneseal_client_why(c), "/nowhere/heat.conf") != NULL);
    assert_true(strlen(oneseal_client_todo(c)) > 3 && strlen(oneseal_client_who(c)) > 3);
    assert_int_equal(oneseal_client_get(c, STREAM, &r), ONESEAL_BAD_ARGUMENT);
    assert_int_equal(oneseal_client_fd(c), -1);
    oneseal_client_stop(c);
    oneseal_client_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_opens),
        cmocka_unit_test(json_padding_clock_and_random_are_the_callers),
        cmocka_unit_test(each_refusal_has_its_own_verdict),
        cmocka_unit_test(room_that_is_too_small),
        cmocka_unit_test(arguments_that_are_not_allowed),
        cmocka_unit_test(names_and_keys),
        cmocka_unit_test(a_provisioned_key_needs_no_ttp),
        cmocka_unit_test(json_serializations_open_when_cnf_says_so),
        cmocka_unit_test(every_status_has_words),
        cmocka_unit_test(a_client_without_a_profile_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
