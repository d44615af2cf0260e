/* test/vectors/streams.json: what a reader must remember. Each vector has a fresh reader; its steps come in order. */
#include "reader_house.h"

#include "esd/reader_head.h"
#include "esd/reader_keys.h"
#include "vectors.h"

static struct vectors v;

/* Everything of one vector that its steps need. */
struct scene {
    struct span id, address, writer;
    bool may_be_clear;
    struct reader_policy policy;
    unsigned step, faults;
};

static bool truth(const struct jval *o, const char *name)
{
    bool b = false;
    return json_bool(json_get(o, span_str(name)), &b) == OK && b;
}

static void fault(struct scene *s, const char *what, struct span got, struct span want)
{
    char text[64];
    snprintf(text, sizeof text, "step %u: %s", s->step, what);
    vec_fail(s->id, text, got, want);
    s->faults++;
}

static struct span code_span(enum reason r)
{
    return r == REASON_OK ? SPAN("opened") : span_str(reason_code(r));
}

/* The reason, or "opened" and "ok", against the step's. */
static bool verdict_is(struct scene *s, const struct jval *step, enum reason r)
{
    struct span want = vec_str(&v, step, "reason");
    if (want.n == 0)
        want = SPAN("opened");
    if (span_eq(code_span(r), want))
        return true;
    fault(s, "verdict", code_span(r), want);
    return false;
}

static reason_set flags_of(const struct jval *step)
{
    reason_set set = 0;
    const struct jval *list = json_get(step, SPAN("flags"));
    for (const struct jval *c = list ? list->child : NULL; c; c = c->next) {
        struct span code;
        enum reason r;
        assert_int_equal(json_str(c, &v.a, &code), OK);
        assert_int_equal(reason_of(code, &r), OK);
        set |= reason_bit(r);
    }
    return set;
}

static void reading(struct scene *s, const struct jval *step)
{
    static const char *const ways[] = {
        [READER_LATEST] = "latest", [READER_NOTIFY] = "notify", [READER_FILL] = "fill", [READER_BY_NAME] = "name"};
    struct span how = vec_str(&v, step, "how");
    struct reader_item item = {.con = vec_str(&v, step, "con"),
                               .cnf = vec_str(&v, step, "cnf"),
                               .address = s->address,
                               .writer = s->writer,
                               .may_be_clear = s->may_be_clear,
                               .now_ms = (int64_t)vec_u64(step, "now_ms")};
    for (size_t k = 0; k < LEN(ways); k++)
        if (span_eq(how, span_str(ways[k])))
            item.how = (enum reader_how)k;
    enum reason r = judge_item(item);
    if (!verdict_is(s, step, r) || r != REASON_OK)
        return;
    if (!span_eq(res.plain, vec_hex(&v, step, "plaintext_hex")))
        fault(s, "plaintext", res.plain, vec_hex(&v, step, "plaintext_hex"));
    for (int k = 0; k < 32; k++)
        if ((res.flags ^ flags_of(step)) >> k & 1)
            fault(s, res.flags >> k & 1 ? "a remark too much" : "a remark is missing",
                  span_str(reason_code((enum reason)k)), SPAN_NONE);
    const struct jval *missing = json_get(step, SPAN("missing"));
    if (res.missing != (missing ? vec_u64(step, "missing") : 0))
        fault(s, "number of missing ones", SPAN_NONE, SPAN_NONE);
}

/* The verdict of an index of a list of the step: [[kid, first, last?] ...]. */
static void second_is(struct scene *s, const struct jval *step, const char *name, enum reason want)
{
    const struct jval *list = json_get(step, span_str(name));
    for (const struct jval *c = list ? list->child : NULL; c; c = c->next) {
        struct span kid;
        char upper[READER_KID_TEXT];
        uint64_t first, last;
        assert_int_equal(json_str(json_at(c, 0), &v.a, &kid), OK);
        assert_int_equal(json_u64(json_at(c, 1), ESD_INDEX_END, &first), OK);
        if (!json_at(c, 2) || json_u64(json_at(c, 2), ESD_INDEX_END, &last) != OK)
            last = first;
        for (uint64_t i = first; i <= last; i++) {
            enum reason got = REASON_UNCONFIRMED;
            if (second_get(NULL, reader_kid(kid, upper), (uint32_t)i, &got) != OK || got != want)
                fault(s, name, code_span(got), code_span(want));
        }
    }
}

static size_t said_of(enum reason r)
{
    size_t n = 0;
    for (size_t k = 0; k < ROWS; k++)
        n += db.second[k].used && db.second[k].r == r;
    return n;
}

static void head(struct scene *s, const struct jval *step)
{
    struct arena a;
    struct reader_head_result told;
    arena_over(&a, memory, sizeof memory);
    struct reader_head_item item = {.con = vec_str(&v, step, "con"),
                                    .address = s->address,
                                    .writer = s->writer,
                                    .now_ms = (int64_t)vec_u64(step, "now_ms")};
    enum reason r = reader_head(&reader, &item, &a, &told);
    if (!verdict_is(s, step, r) || r != REASON_OK)
        return;
    second_is(s, step, "confirms", REASON_OK);
    second_is(s, step, "forged", REASON_FORGED_BY_READER);
    second_is(s, step, "withheld", REASON_WITHHELD);
    const struct jval *withheld = json_get(step, SPAN("withheld"));
    if (withheld && withheld->n == 0 && said_of(REASON_WITHHELD) > 0)
        fault(s, "withheld", SPAN("some"), SPAN("none"));
}

static void tried(struct scene *s, const struct jval *step)
{
    enum reason r = reader_tried(&reader, vec_str(&v, step, "kid"), (int64_t)vec_u64(step, "now_ms"));
    if (r != REASON_OK)
        fault(s, "tried", code_span(r), SPAN("ok"));
}

static void give(const struct jval *key)
{
    struct span text = vec_str(&v, key, "wk");
    uint8_t thumb[JOSE_THUMB];
    struct buf b = BUF_ARRAY(thumb);
    assert_int_equal(b64url_get(text, &b), OK);
    struct reader_fresh f = {.kid = vec_str(&v, key, "kid"),
                             .value = vec_hex(&v, key, "value_hex"),
                             .suid = (uint8_t)vec_u64(key, "suid"),
                             .commits = truth(key, "commits"),
                             .cr = vec_str(&v, key, "cr"),
                             .wk = thumb,
                             .now_ms = 1,
                             .until_ms = INT64_MAX};
    assert_int_equal(reader_key_put(&reader, &f), OK);
}

static unsigned play(const struct jval *vector)
{
    static const struct {
        const char *name;
        void (*run)(struct scene *, const struct jval *);
    } kinds[] = {{"reading", reading}, {"head", head}, {"tried", tried}};
    const struct jval *in = json_get(vector, SPAN("in")), *steps = json_get(vector, SPAN("steps"));
    static struct span allowed[4];
    struct scene s = {.id = vec_str(&v, vector, "id"),
                      .address = vec_str(&v, in, "address"),
                      .writer = vec_str(&v, in, "writer"),
                      .may_be_clear = truth(in, "may_be_clear"),
                      .policy = {.fatal = READER_FATAL, .max_age_ms = (int64_t)vec_u64(in, "max_age_ms")}};
    assert_int_equal(set_up(NULL), 0);
    reader.policy = &s.policy;
    reader.ttps = allowed;
    reader.n_ttps = 0;
    for (const struct jval *c = json_get(in, SPAN("ttps"))->child; c; c = c->next)
        assert_int_equal(json_str(c, &v.a, &allowed[reader.n_ttps++]), OK);
    for (const struct jval *c = json_get(in, SPAN("keys"))->child; c; c = c->next)
        give(c);
    for (const struct jval *c = steps->child; c; c = c->next, s.step++) {
        struct span what = vec_str(&v, c, "do");
        for (size_t k = 0; k < LEN(kinds); k++)
            if (span_eq(what, span_str(kinds[k].name)))
                kinds[k].run(&s, c);
    }
    return s.faults;
}

static void every_sequence(void **state)
{
    (void)state;
    unsigned faults = 0;
    vectors_open(&v, "../streams");
    for (const struct jval *c = v.list->child; c; c = c->next, v.ran++)
        faults += play(c);
    assert_true(vectors_close(&v, "streams"));
    assert_int_equal(faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_sequence)};
    if (house_open() != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    house_close();
    return failed;
}
