/* src/cse/hook_seal: policies, sealing, epochs, letters, roll-back. The letters are opened here with the vault's key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "seal_letters.h"

static struct conf *conf;
static struct hook_seal *h;
static struct cse_hook hook;
static struct store_tx *t;

/* ---- a gateway -------------------------------------------------------------------------------------- */

#define COMMON "[cse]\nrole=mn\ncse-id=/id-mn\nname=mn\nsp=//demo.example\n[storage]\npath=:memory:\n"
#define TTP_SECTION                                                                                                    \
    "[ttp " TTP "]\nurl=https://127.0.0.1:1\nbundle=bundle\nsigning-key-file=key\nsigning-certificate=cert\n"
#define SEALS                                                                                                          \
    "[seal ward]\nfor=/id-mn/mn/thermo-1/data*\npolicy=seal-at-gateway\nreaders=//demo.example/Sapp-heat\nttp=" TTP "\n"
#define OTHERS                                                                                                         \
    "[seal open]\nfor=//demo.example/id-mn/mn/thermo-1/data-open\npolicy=pass\n"                                       \
    "[seal strict]\nfor=/id-mn/mn/thermo-1/strict\npolicy=refuse-clear\n"

static enum err start_with(const char *text, struct buf *why)
{
    enum err e = conf_read(in_folder("conf"), span_str(text), rows, LEN(rows), &conf, why);
    if (e == OK)
        e = hook_seal_new(conf, SPAN("//demo.example"), SPAN("/id-mn"), &h, why);
    return e;
}

static void start(const char *text)
{
    static char words[4096];
    struct buf why = BUF_ARRAY(words);
    enum err e = start_with(text, &why);
    if (e != OK)
        fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
    hook = hook_seal_hook(h);
}

static void stop(void)
{
    hook_seal_free(h);
    conf_free(conf);
    h = NULL;
    conf = NULL;
}

static int set_up(void **state)
{
    (void)state;
    uint8_t id[16] = {1};
    heap_arena(&mem, 65536, 64 << 20);
    store = store_mem(id);
    start(COMMON TTP_SECTION SEALS OTHERS);
    return store ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    stop();
    store_close(store);
    arena_reset(&mem);
    return 0;
}

static void begin(void)
{
    assert_int_equal(store_write(store, &t), OK);
}
static void commit(void)
{
    enum err e = store_commit(t);
    assert_int_equal(e, OK);
    hook.committed(hook.ctx, OK);
}

static void entropy(void *ctx, void *p, size_t n)
{
    (void)ctx;
    assert_int_equal(esd_random(p, n), OK);
}

static struct cse_hook_say said;
static const struct span *labels;
static size_t n_labels;

/* One CREATE in its savepoint; `keeps` false: rolled back afterwards. */
static enum rsc create(struct span path, struct span con, struct span cnf, bool keeps)
{
    struct span copy = arena_dup(&mem, con);
    struct cse_hook_ask ask = {.t = t,
                               .arena = &mem,
                               .now = now,
                               .what = HOOK_CIN,
                               .container = 7,
                               .path = path,
                               .con = copy,
                               .cnf = cnf,
                               .lbl = labels,
                               .nlbl = n_labels,
                               .entropy = entropy};
    said = (struct cse_hook_say){0};
    assert_int_equal(store_save(t), OK);
    struct verdict v = hook.before(hook.ctx, &ask, &said);
    if (verdict_go(v) && keeps)
        assert_int_equal(store_keep(t), OK);
    else {
        assert_int_equal(store_undo(t), OK);
        hook.undone(hook.ctx);
    }
    if (!verdict_go(v))
        assert_true(v.rule && v.rule[0]);
    return v.rsc;
}

/* The same in a transaction of its own. */
static enum rsc create_alone(struct span path, struct span con, struct span cnf)
{
    begin();
    enum rsc r = create(path, con, cnf, true);
    commit();
    return r;
}

/* ---- tests ------------------------------------------------------------------------------------------- */

static void seals_and_registers(void **state)
{
    (void)state;
    static const struct {
        const char *con, *cnf, *plain, *new_cnf;
    } rows_[] = {
        {"\"21.5\"", "", "21.5", "text/plain:0:1"},
        {"{\"t\": 1}", "", "{\"t\": 1}", "application/json:0:1"},
        {"\"a\\u00e9\\n\"", "text/plain:0", "a\xC3\xA9\n", "text/plain:0:1"},
        {"7", "application/json:0:0", "7", "application/json:0:1"},
        {"null", "", "null", "application/json:0:1"},
        {"\"\"", "", "", "text/plain:0:1"},
    };
    uint8_t sid[ESD_SID], kv[ESD_KV];
    struct letter_item item;
    assert_int_equal(keys_sid(DATA, sid), REASON_OK);
    for (uint32_t i = 0; i < LEN(rows_); i++) {
        assert_int_equal(create_alone(DATA, span_str(rows_[i].con), span_str(rows_[i].cnf)), RSC_NONE);
        struct esd_label l = label_of(said.con);
        assert_true(l.e2e.here && !l.e2e.device && l.e2e.i == i && l.e2e.ep == 1 && (int64_t)l.e2e.t_ms == now);
        assert_memory_equal(l.e2e.sid, sid, ESD_SID);
        assert_true(span_eq(opened(said.con), span_str(rows_[i].plain)));
        assert_true(span_eq(said.cnf, span_str(rows_[i].new_cnf)));
    }
    assert_int_equal(waiting(), 1);
    assert_true(kv_of(label_of(said.con).kid, kv, &item));
    assert_true(span_eq(item.policy, SPAN("ward")) && item.suid == 24 && item.et == now + SEAL_ET_MS && !item.plain);
    assert_int_equal(hook_seal_counts(h).sealed, LEN(rows_));
    /* another container is another stream with a key of its own */
    struct span kid = label_of(said.con).kid;
    assert_int_equal(create_alone(SPAN("//demo.example/id-mn/mn/thermo-1/data-2"), SPAN("1"), SPAN_NONE), RSC_NONE);
    assert_false(kid_eq(kid, label_of(said.con).kid));
    assert_int_equal(label_of(said.con).e2e.i, 0);
}

static void policies_by_place_and_label(void **state)
{
    (void)state;
    struct span open = SPAN("//demo.example/id-mn/mn/thermo-1/data-open"),
                strict = SPAN("//demo.example/id-mn/mn/thermo-1/strict");
    struct span other = SPAN("//demo.example/id-mn/mn/other");
    struct span to_ward = SPAN("e2e:policy=ward"), to_open = SPAN("e2e:policy=open"), nowhere = SPAN("e2e:policy=typo");
    assert_int_equal(create_alone(open, SPAN("1"), SPAN_NONE), RSC_NONE);
    assert_null(said.con.p);
    assert_int_equal(create_alone(other, SPAN("1"), SPAN_NONE), RSC_NONE);
    assert_null(said.con.p);
    assert_int_equal(create_alone(strict, SPAN("1"), SPAN_NONE), RSC_CONTENTS_UNACCEPTABLE);
    n_labels = 1;
    labels = &to_ward; /* strengthens */
    assert_int_equal(create_alone(open, SPAN("1"), SPAN_NONE), RSC_NONE);
    assert_non_null(said.con.p);
    assert_int_equal(create_alone(other, SPAN("1"), SPAN_NONE), RSC_NONE);
    assert_non_null(said.con.p);
    labels = &to_open; /* cannot weaken */
    assert_int_equal(create_alone(strict, SPAN("1"), SPAN_NONE), RSC_CONTENTS_UNACCEPTABLE);
    assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_NONE);
    assert_non_null(said.con.p);
    labels = &nowhere;
    assert_int_equal(create_alone(other, SPAN("1"), SPAN_NONE), RSC_CONTENTS_UNACCEPTABLE);
    n_labels = 0;
}

static void sealed_content_passes_only_in_its_place(void **state)
{
    (void)state;
    struct span strict = SPAN("//demo.example/id-mn/mn/thermo-1/strict"), cnf = SPAN("text/plain:0:1");
    uint8_t kv[ESD_KV] = {1}, sid[ESD_SID], text[1024];
    struct esd_keys k;
    struct seal_key sk;
    struct sealer s;
    assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
    assert_int_equal(keys_sid(strict, sid), REASON_OK);
    assert_int_equal(keys_derive(span_of(kv, ESD_KV), sid, &k), REASON_OK);
    assert_int_equal(seal_key_init(&sk, &k, SPAN(TTP)), OK);
    struct seal_msg m = {.ep = 1, .device = true};
    struct buf b = BUF_ARRAY(text);
    buf_c(&b, '"');
    assert_int_equal(seal(&s, &sk, &m, SPAN("x"), NULL, &b), OK);
    buf_c(&b, '"');
    sealer_free(&s);
    struct span con = buf_span(&b);
    assert_int_equal(create_alone(strict, con, cnf), RSC_NONE);
    assert_null(said.con.p);
    assert_int_equal(create_alone(DATA, con, cnf), RSC_CONTENTS_UNACCEPTABLE); /* of another container */
    assert_int_equal(create_alone(strict, con, SPAN("text/plain:0")), RSC_CONTENTS_UNACCEPTABLE);
    assert_int_equal(create_alone(strict, SPAN("\"clear\""), cnf), RSC_CONTENTS_UNACCEPTABLE);
    assert_int_equal(create_alone(strict, SPAN("{\"t\":1}"), cnf), RSC_CONTENTS_UNACCEPTABLE);
    assert_int_equal(create_alone(strict, SPAN("\"clear\""), SPAN("nonsense")), RSC_CONTENTS_UNACCEPTABLE);
    /* what does not say that it is sealed is content like any other */
    assert_int_equal(create_alone(DATA, con, SPAN("text/plain:0")), RSC_NONE);
    assert_non_null(said.con.p);
}

static void rolled_back_index_is_given_again(void **state)
{
    (void)state;
    begin();
    assert_int_equal(create(DATA, SPAN("1"), SPAN_NONE, true), RSC_NONE);
    assert_int_equal(create(DATA, SPAN("2"), SPAN_NONE, false), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.i, 1);
    assert_int_equal(create(DATA, SPAN("3"), SPAN_NONE, true), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.i, 1);
    assert_int_equal(create(DATA, SPAN("4"), SPAN_NONE, true), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.i, 2);
    commit();
    assert_true(span_eq(opened(said.con), SPAN("4")));
    assert_int_equal(hook_seal_counts(h).sealed, 3);
}

/* An epoch whose first message was taken back never was: number, letter and key are gone. */
static void rolled_back_begin_never_was(void **state)
{
    (void)state;
    begin();
    assert_int_equal(create(DATA, SPAN("1"), SPAN_NONE, false), RSC_NONE);
    struct span kid = label_of(said.con).kid;
    commit();
    assert_int_equal(waiting(), 0);
    assert_int_equal(hook_seal_counts(h).streams, 0);
    assert_int_equal(create_alone(DATA, SPAN("2"), SPAN_NONE), RSC_NONE);
    struct esd_label l = label_of(said.con);
    assert_true(l.e2e.ep == 1 && l.e2e.i == 0 && !kid_eq(l.kid, kid));
    assert_int_equal(waiting(), 1);
}

static void failed_commit_ends_its_epochs(void **state)
{
    (void)state;
    assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_NONE);
    begin();
    assert_int_equal(create(DATA, SPAN("2"), SPAN_NONE, true), RSC_NONE);
    assert_int_equal(create(SPAN("//demo.example/id-mn/mn/thermo-1/data-2"), SPAN("2"), SPAN_NONE, true), RSC_NONE);
    store_abort(t);
    hook.committed(hook.ctx, ERR_IO);
    assert_int_equal(hook_seal_counts(h).streams, 0);
    assert_int_equal(create_alone(DATA, SPAN("3"), SPAN_NONE), RSC_NONE);
    assert_true(label_of(said.con).e2e.ep == 2 && label_of(said.con).e2e.i == 0);
    assert_true(span_eq(opened(said.con), SPAN("3")));
}

static void epochs_end_in_time(void **state)
{
    (void)state;
    int64_t was = now;
    assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_NONE);
    now += SEAL_SOFT_MS - 1;
    assert_int_equal(create_alone(DATA, SPAN("2"), SPAN_NONE), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.ep, 1);
    now += 1;
    assert_int_equal(create_alone(DATA, SPAN("3"), SPAN_NONE), RSC_NONE);
    assert_true(label_of(said.con).e2e.ep == 2 && label_of(said.con).e2e.i == 0);
    /* on command */
    assert_int_equal(hook_seal_new_epoch(h), 1);
    assert_int_equal(create_alone(DATA, SPAN("4"), SPAN_NONE), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.ep, 3);
    /* by number of messages and by size */
    struct epoch *e = NULL;
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (h->secret->epoch[i].open)
            e = &h->secret->epoch[i];
    assert_non_null(e);
    e->i = SEAL_SOFT_MESSAGES;
    assert_int_equal(create_alone(DATA, SPAN("5"), SPAN_NONE), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.ep, 4);
    e->octets = SEAL_SOFT_OCTETS;
    assert_int_equal(create_alone(DATA, SPAN("6"), SPAN_NONE), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.ep, 5);
    /* a restart */
    stop();
    start(COMMON TTP_SECTION SEALS OTHERS);
    assert_int_equal(create_alone(DATA, SPAN("7"), SPAN_NONE), RSC_NONE);
    assert_true(label_of(said.con).e2e.ep == 6 && label_of(said.con).e2e.i == 0);
    assert_true(span_eq(opened(said.con), SPAN("7")));
    assert_int_equal(waiting(), 6);
    now = was;
}

/* A stream that went quiet: its key goes when its time is over, at the next reading of any other. */
static void quiet_streams_lose_their_keys(void **state)
{
    (void)state;
    int64_t was = now;
    assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_NONE);
    assert_int_equal(hook_seal_counts(h).streams, 1);
    now += SEAL_HARD_MS;
    assert_int_equal(create_alone(SPAN("//demo.example/id-mn/mn/thermo-1/data-2"), SPAN("1"), SPAN_NONE), RSC_NONE);
    assert_int_equal(hook_seal_counts(h).streams, 1);
    assert_int_equal(create_alone(DATA, SPAN("2"), SPAN_NONE), RSC_NONE);
    assert_true(label_of(said.con).e2e.ep == 2 && label_of(said.con).e2e.i == 0);
    now = was;
}

/* A letter that waits for 30 days: no new epoch; the present one goes on to its hard limit. */
static void overdue_stops_at_the_hard_limit(void **state)
{
    (void)state;
    int64_t was = now;
    struct seal_letter l;
    assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_NONE);
    struct epoch *e = NULL;
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (h->secret->epoch[i].open)
            e = &h->secret->epoch[i];
    assert_non_null(e);
    now += SEAL_OFFLINE_MS + 1;
    e->since_ms = now - SEAL_SOFT_MS; /* as if it had begun an hour ago, while the letter is old */
    assert_int_equal(create_alone(DATA, SPAN("2"), SPAN_NONE), RSC_NONE);
    assert_true(label_of(said.con).e2e.ep == 1 && label_of(said.con).e2e.i == 1);
    e->since_ms = now - SEAL_HARD_MS;
    assert_int_equal(create_alone(DATA, SPAN("3"), SPAN_NONE), RSC_INTERNAL_SERVER_ERROR);
    e->since_ms = now;
    hook_seal_new_epoch(h); /* after a revocation the old key is not used in any case */
    assert_int_equal(create_alone(DATA, SPAN("3"), SPAN_NONE), RSC_INTERNAL_SERVER_ERROR);
    begin();
    assert_int_equal(seal_queue_get(t, &mem, 0, &l), OK);
    assert_true(span_eq(l.ttp, SPAN(TTP)) && span_eq(l.policy, SPAN("ward")));
    assert_int_equal(seal_queue_done(t, &mem, 0), OK);
    commit();
    assert_int_equal(waiting(), 0);
    assert_int_equal(create_alone(DATA, SPAN("4"), SPAN_NONE), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.ep, 2);
    now = was;
}

static void the_queue_moves_on_over_gaps(void **state)
{
    (void)state;
    struct seal_letter l;
    for (int i = 0; i < 4; i++) {
        hook_seal_new_epoch(h);
        assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_NONE);
    }
    assert_int_equal(waiting(), 4);
    begin();
    assert_int_equal(seal_queue_done(t, &mem, 1), OK);
    commit();
    assert_int_equal(waiting(), 4);
    begin();
    assert_int_equal(seal_queue_done(t, &mem, 0), OK);
    assert_int_equal(seal_queue_done(t, &mem, 3), OK);
    commit();
    assert_int_equal(waiting(), 2);
    begin();
    assert_int_equal(seal_queue_get(t, &mem, 0, &l), ERR_NOTFOUND);
    assert_int_equal(seal_queue_get(t, &mem, 2, &l), OK);
    assert_int_equal(seal_queue_done(t, &mem, 2), OK);
    commit();
    assert_int_equal(waiting(), 0);
}

/* More streams than slots: the least recently used ends, comes back with a new epoch, and nothing is mixed up. */
static void more_streams_than_slots(void **state)
{
    (void)state;
    char path[128];
    begin();
    for (int i = 0; i < SEAL_STREAMS + 50; i++) {
        snprintf(path, sizeof path, "//demo.example/id-mn/mn/thermo-1/data%d", i);
        assert_int_equal(create(span_str(path), SPAN("1"), SPAN_NONE, true), RSC_NONE);
    }
    commit();
    assert_true(hook_seal_counts(h).streams <= SEAL_STREAMS);
    assert_int_equal(create_alone(span_str(path), SPAN("2"), SPAN_NONE), RSC_NONE);
    assert_int_equal(label_of(said.con).e2e.i, 1);
}

static void without_a_bundle_there_is_no_credential(void **state)
{
    (void)state;
    stop();
    start(COMMON "[ttp " TTP "]\nurl=https://127.0.0.1:1\nsigning-key-file=key\nsigning-certificate=cert\n" SEALS);
    assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_INTERNAL_SERVER_ERROR);
    assert_null(said.con.p);
    assert_int_equal(waiting(), 0);
    stop();
    write_bundle(1000);
    start(COMMON TTP_SECTION SEALS);
    assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_INTERNAL_SERVER_ERROR); /* its keys are too old */
    write_bundle(4000000000);
    stop();
    start(COMMON TTP_SECTION SEALS);
    assert_int_equal(create_alone(DATA, SPAN("1"), SPAN_NONE), RSC_NONE);
}

static void bad_configuration_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {COMMON TTP_SECTION
         "[seal a]\nfor=/id-mn/mn/*\npolicy=seal-at-gateway\nreaders=acp, //demo.example/Sapp\nttp=" TTP "\n",
         "not both"},
        {COMMON TTP_SECTION "[seal a]\nfor=/id-mn/mn/*\npolicy=seal-at-gateway\nttp=" TTP "\n", "readers"},
        {COMMON TTP_SECTION "[seal a]\nfor=/id-mn/mn/*\npolicy=seal-at-gateway\nreaders=Capp\nttp=" TTP "\n",
         "S-type AE-ID"},
        {COMMON TTP_SECTION "[seal a]\nfor=/id-mn/mn/*\npolicy=seal-at-gateway\nreaders=//demo.example/Capp\nttp=" TTP
                            "\n",
         "S-type AE-ID"},
        {COMMON TTP_SECTION "[seal a]\nfor=/id-mn/mn/*\npolicy=seal-at-gateway\nreaders=//demo.example/Sapp\n",
         "needs a ttp"},
        {COMMON TTP_SECTION "[seal a]\nfor=/id-mn/mn/*\npolicy=seal-at-gateway\nreaders=//demo.example/Sapp\nttp=x.y\n",
         "no section [ttp FQDN]"},
        {COMMON "[seal a]\nfor=mn/*\npolicy=pass\n", "structured address"},
        {COMMON "[seal a]\nfor=/id-mn/*/x\npolicy=pass\n", "star"},
        {COMMON "[seal a]\nfor=/id-mn/x\npolicy=maybe\n", "policy"},
        {COMMON "[ttp " TTP "]\nurl=https://127.0.0.1:1\nbundle=none\nsigning-key-file=key\nsigning-certificate=cert\n",
         "no such file"},
        {COMMON "[ttp " TTP "]\nurl=https://127.0.0.1:1\nbundle=key\nsigning-key-file=key\nsigning-certificate=cert\n",
         "no bundle"},
        {COMMON
         "[ttp "
         "x.demo.example]\nurl=https://127.0.0.1:1\nbundle=bundle\nsigning-key-file=key\nsigning-certificate=cert\n",
         "another TTP"},
        {COMMON "[ttp " TTP
                "]\nurl=https://127.0.0.1:1\nbundle=bundle\nsigning-key-file=key\nsigning-certificate=other\n",
         "no certificate"},
        {COMMON "[ttp " TTP
                "]\nurl=https://127.0.0.1:1\nbundle=bundle\nsigning-key-file=cert\nsigning-certificate=cert\n",
         "private key"},
    };
    stop();
    for (size_t i = 0; i < LEN(bad); i++) {
        static char words[4096];
        struct buf why = BUF_ARRAY(words);
        assert_int_equal(start_with(bad[i].text, &why), ERR_CONFIG);
        buf_nul(&why);
        if (!strstr(words, bad[i].says))
            fail_msg("%zu: %s", i, words);
        stop();
    }
    start(COMMON TTP_SECTION SEALS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(seals_and_registers),
        T(policies_by_place_and_label),
        T(sealed_content_passes_only_in_its_place),
        T(rolled_back_index_is_given_again),
        T(rolled_back_begin_never_was),
        T(failed_commit_ends_its_epochs),
        T(epochs_end_in_time),
        T(quiet_streams_lose_their_keys),
        T(overdue_stops_at_the_hard_limit),
        T(the_queue_moves_on_over_gaps),
        T(more_streams_than_slots),
        T(without_a_bundle_there_is_no_credential),
        T(bad_configuration_is_named),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
