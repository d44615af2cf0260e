/* lib/m2m/acr against the cases of test/model/acr_model.py, and what the model does not know: schedules' grammar,
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/m2mtime.h"
#include "host/heap.h"
#include "m2m/acr.h"
#include "m2m/ip.h"
#include "m2m/region.h"

static struct self me = {
    {(const uint8_t *)"//demo.example", 14}, {(const uint8_t *)"/id-mn", 6}, {(const uint8_t *)"mn", 2}};

static struct span text(const struct jval *v)
{
    struct span s = SPAN_NONE;
    if (v && v->type == J_STR) /* the cases have no escapes */
        s = span_of(v->raw.p + 1, v->raw.n - 2);
    return s;
}

static enum acr_member group(void *ctx, struct span entry, const struct id *who)
{
    (void)who;
    const struct jval *g = json_get(JSON_GET(ctx, "groups"), entry);
    if (json_is(g, SPAN("member")))
        return ACR_MEMBER;
    if (json_is(g, SPAN("unknown")))
        return ACR_GROUP_UNKNOWN;
    return json_is(g, SPAN("not")) ? ACR_NOT_MEMBER : ACR_NO_GROUP;
}

static bool special(void *ctx, struct span cnd, uint64_t mgd)
{
    uint64_t v;
    const struct jval *spty = JSON_GET(ctx, "spty");
    return cnd.n ? json_is(JSON_GET(spty, "cnd"), cnd)
                 : json_u64(JSON_GET(spty, "mgd"), UINT32_MAX, &v) == OK && v == mgd;
}

/* Latitude first; a GeoJSON point has it second. */
static bool place(void *ctx, double *lat, double *lon)
{
    char crd[64];
    const struct jval *v = JSON_GET(ctx, "place");
    if (v->type != J_ARR)
        return false;
    (void)snprintf(crd, sizeof crd, "[%.*s,%.*s]", SPAN_FMT(v->child->next->raw), SPAN_FMT(v->child->raw));
    assert_int_equal(region_point(span_str(crd), lat, lon), OK);
    return true;
}

/* The names that rules open, each once. */
struct names {
    struct span v[16];
    size_t n;
};

static void take(void *ctx, struct span name)
{
    struct names *s = ctx;
    for (size_t i = 0; i < s->n; i++)
        if (span_eq(s->v[i], name))
            return;
    assert_true(s->n < LEN(s->v));
    s->v[s->n++] = name;
}

static void check_opens(const struct jval *c, const struct acr_set *set, const struct acr_ask *q)
{
    struct names got = {.n = 0};
    const struct jval *want = JSON_GET(c, "opens");
    enum acr_answer say = acr_ask_attrs(set, q, take, &got);
    if (want->type == J_NULL) {
        assert_int_equal(say, ACR_REFUSE);
        return;
    }
    bool same = got.n == want->n && say == (got.n ? ACR_PERMIT : ACR_DENY);
    for (const struct jval *v = want->child; v; v = v->next) {
        bool there = false;
        for (size_t i = 0; i < got.n; i++)
            there |= json_is(v, got.v[i]);
        same &= there;
    }
    if (!same)
        fail_msg("%.*s: opens %zu", SPAN_FMT(c->raw), got.n);
}

static uint8_t op_of(const struct jval *v)
{
    static const char *const names[] = {"create", "retrieve", "update", "delete", "notify", "discovery"};
    for (unsigned i = 0; i < LEN(names); i++)
        if (json_is(v, span_str(names[i])))
            return (uint8_t)(1u << i);
    fail_msg("unknown operation");
    return 0;
}

static void address(const struct jval *v, struct acr_ask *q)
{
    struct ip ip;
    if (v->type == J_NULL)
        return;
    q->ip_family = span_find(text(v), ':') < text(v).n ? 6 : 4;
    assert_int_equal(ip_get(text(v), q->ip_family, &ip), OK);
    memcpy(q->ip, ip.a, sizeof q->ip);
}

static void one(const struct jval *c, struct arena *a, unsigned counts[3])
{
    static const char *const answers[] = {[ACR_DENY] = "deny", [ACR_PERMIT] = "permit", [ACR_REFUSE] = "refuse"};
    const struct acr_set *set;
    uint64_t ty, child;
    struct acr_ask q = {.self = &me,
                        .who = id_parse(text(JSON_GET(c, "who")), &me),
                        .op = op_of(JSON_GET(c, "op")),
                        .group = group,
                        .special = special,
                        .place = place};
    struct span roles[4];
    q.ctx = (void *)(uintptr_t)c;
    q.roles = roles;
    for (const struct jval *v = JSON_GET(c, "roles")->child; v; v = v->next)
        roles[q.n_roles++] = text(v);
    assert_int_equal(json_bool(JSON_GET(c, "authn"), &q.authenticated), OK);
    assert_int_equal(json_u64(JSON_GET(c, "ty"), 65535, &ty), OK);
    assert_int_equal(json_u64(JSON_GET(c, "child"), 65535, &child), OK);
    q.ty = (uint16_t)ty;
    q.child_ty = (uint16_t)child;
    assert_int_equal(m2mtime_get(text(JSON_GET(c, "now")), &q.now), OK);
    address(JSON_GET(c, "ip"), &q);
    assert_int_equal(acr_compile(JSON_GET(c, "pv"), a, &set), OK);
    enum acr_answer got = acr_ask_set(set, &q);
    counts[got]++;
    if (!json_is(JSON_GET(c, "answer"), span_str(answers[got])))
        fail_msg("%.*s: got %s", SPAN_FMT(c->raw), answers[got]);
    check_opens(c, set, &q);
}

static void the_model_agrees(void **state)
{
    (void)state;
    char path[1024];
    const char *root = getenv("SOURCE_ROOT");
    (void)snprintf(path, sizeof path, "%s/test/model/acr_cases.json", root ? root : ".");
    struct buf file = heap_buf(16 << 20);
    struct arena a, work;
    struct jval *doc;
    unsigned counts[3] = {0}, n = 0;
    uint8_t block[1 << 14];
    assert_int_equal(file_read(path, &file), OK);
    heap_arena(&a, 1 << 20, 256 << 20);
    assert_int_equal(json_parse(buf_span(&file), &a, &doc, NULL), OK);
    assert_true(json_is(JSON_GET(doc, "sp"), me.sp) && json_is(JSON_GET(doc, "csi"), me.csi));
    for (const struct jval *c = JSON_GET(doc, "cases")->child; c; c = c->next, n++) {
        arena_over(&work, block, sizeof block);
        one(c, &work, counts);
    }
    assert_true(n > 1000 && counts[ACR_PERMIT] > 200 && counts[ACR_DENY] > 200 && counts[ACR_REFUSE] > 10);
    arena_reset(&a);
    heap_buf_free(&file);
}

static void without_groups_nobody_is_refused(void **state)
{
    (void)state;
    uint8_t block[4096];
    struct arena a;
    struct jval *pv;
    const struct acr_set *set;
    arena_over(&a, block, sizeof block);
    assert_int_equal(json_parse(SPAN("{\"acr\":[{\"acor\":[\"mn/grp\"],\"acop\":63}]}"), &a, &pv, NULL), OK);
    assert_int_equal(acr_compile(pv, &a, &set), OK);
    assert_int_equal(acr_rules(set), 1);
    struct acr_ask q = {.self = &me, .who = id_parse(SPAN("C1"), &me), .op = ACOP_RETRIEVE};
    assert_int_equal(acr_ask_set(set, &q), ACR_DENY);
    q.who = id_parse(SPAN("mn/grp"), &me); /* no identifier: never equal to anything */
    assert_int_equal(acr_ask_set(set, &q), ACR_DENY);
}

static void compile_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{\"acr\":{}}",
        "{\"acr\":[1]}",
        "{\"acr\":[{\"acop\":1}]}",
        "{\"acr\":[{\"acor\":[\"C1\"]}]}",
        "{\"acr\":[{\"acor\":[1],\"acop\":1}]}",
        "{\"acr\":[{\"acor\":[\"C1\"],\"acop\":1,\"acco\":[{\"acip\":{\"ipv4\":[\"x\"]}}]}]}",
        "{\"acr\":[{\"acor\":[\"C1\"],\"acop\":1,\"acod\":[{}]}]}",
        "{\"acr\":[{\"acor\":[\"C1\"],\"acop\":1,\"acaf\":1}]}",
    };
    uint8_t block[8192];
    struct arena a;
    struct jval *pv;
    const struct acr_set *set;
    for (size_t i = 0; i < LEN(bad); i++) {
        arena_over(&a, block, sizeof block);
        assert_int_equal(json_parse(span_str(bad[i]), &a, &pv, NULL), OK);
        if (acr_compile(pv, &a, &set) == OK)
            fail_msg("%s was compiled", bad[i]);
        assert_null(set);
    }
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    uint8_t block[8192], small[1024];
    struct arena a, t;
    struct jval *pv;
    const struct acr_set *set;
    unsigned ok = 0;
    arena_over(&a, block, sizeof block);
    assert_int_equal(
        json_parse(
            SPAN(
                "{\"acr\":[{\"acor\":[\"C1\",\"S\\u0061\"],\"acop\":3,\"acco\":[{\"actw\":[\"* * * * * * *\"],\"acip\":"
                "{\"ipv4\":[\"10.0.0.1\"]}}],\"acod\":[{\"chty\":[3]}]}]}"),
            &a, &pv, NULL),
        OK);
    for (size_t n = 0; n <= sizeof small; n += 8) {
        arena_over(&t, small, n);
        enum err e = acr_compile(pv, &t, &set);
        assert_true(e == OK || e == ERR_NOMEM);
        assert_true((e == OK) == (set != NULL));
        ok += e == OK;
    }
    assert_true(ok > 0);
}

static void schedules(void **state)
{
    (void)state;
    static const char *const good[] = {"* * * * * * *", "0 0 0 1 1 0 2000", "59 59 23 31 12 6 9999",
                                       "1,2,5-7 */10 * * * * *", "0-59/5 * * * * * *"};
    static const char *const bad[] = {"",
                                      "* * * * * *",
                                      "* * * * * * * *",
                                      "60 * * * * * *",
                                      "* * * 0 * * *",
                                      "* * * * 13 * *",
                                      "* * * * * 7 *",
                                      "* * * * * * 1999",
                                      "5-1 * * * * * *",
                                      "*/0 * * * * * *",
                                      "5/2 * * * * * *",
                                      "a * * * * * *",
                                      "1, * * * * * *",
                                      "*  * * * * * *",
                                      "-1 * * * * * *",
                                      "01 * * * * * *",
                                      "* * * * * * * "};
    for (size_t i = 0; i < LEN(good); i++)
        assert_true(acr_schedule_valid(span_str(good[i]), false));
    for (size_t i = 0; i < LEN(bad); i++)
        if (acr_schedule_valid(span_str(bad[i]), false))
            fail_msg("'%s' is no schedule entry", bad[i]);
    /* 2026-09-21 14:13:20, a Monday */
    static const struct {
        const char *entry;
        int64_t in; /* seconds; -1: never */
    } next[] = {{"* * * * * * *", 0},        {"20 13 14 * * * *", 0},    {"30 * * * * * *", 10},
                {"10 * * * * * *", 50},      {"0 0 15 * * * *", 2800},   {"* 0-10 14 * * * *", 85600},
                {"0 0 0 * * 2 *", 35200},    {"0 0 0 1 10 * *", 812800}, {"* * * * * * 2001", -1},
                {"0 0 0 29 2 * *", 45395200}};
    int64_t t0 = INT64_C(1790000000000);
    for (size_t i = 0; i < LEN(next); i++)
        assert_int_equal(acr_schedule_next(span_str(next[i].entry), t0),
                         next[i].in < 0 ? INT64_MAX : t0 + next[i].in * 1000);
    assert_true(acr_schedule_valid(SPAN("* * * * * * 1999"), true));
    assert_false(acr_schedule_valid(SPAN("* * * * * * 10000"), true));
}

static void addresses(void **state)
{
    (void)state;
    struct ip ip;
    static const char *const bad4[] = {"",         "1",           "1.2.3",    "1.2.3.4.5",  "1.2.3.256",
                                       "01.2.3.4", "1.2.3.4/33",  "1.2.3.4/", "1.2.3.4/-1", "a.b.c.d",
                                       "1..2.3",   "1.2.3.4/0x1", "::1"};
    static const char *const bad6[] = {"",
                                       ":",
                                       ":::",
                                       "1",
                                       "1:2:3:4:5:6:7",
                                       "1:2:3:4:5:6:7:8:9",
                                       "1::2::3",
                                       "12345::",
                                       "g::",
                                       "::1/129",
                                       "1:2:3:4:5:6:7:8::",
                                       "::1.2.3",
                                       "1.2.3.4",
                                       "1:",
                                       ":1",
                                       "1:2:3:4:5:6:7:1.2.3.4",
                                       "::1.2.3.4:5"};
    static const char *const good6[] = {
        "::",      "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "2001:db8::/32", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
        "ABCD::/0"};
    for (size_t i = 0; i < LEN(bad4); i++)
        if (ip_get(span_str(bad4[i]), 4, &ip) == OK)
            fail_msg("'%s' is no IPv4 address", bad4[i]);
    for (size_t i = 0; i < LEN(bad6); i++)
        if (ip_get(span_str(bad6[i]), 6, &ip) == OK)
            fail_msg("'%s' is no IPv6 address", bad6[i]);
    for (size_t i = 0; i < LEN(good6); i++)
        if (ip_get(span_str(good6[i]), 6, &ip) != OK)
            fail_msg("'%s' is an IPv6 address", good6[i]);
}

static void places(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "1",       "[1]",       "[1,2,3,4]", "[\"1\",2]",
                                      "[181,0]", "[0,-91]", "[1e400,0]", "[0,0",      "{}"};
    double lat, lon;
    for (size_t i = 0; i < LEN(bad); i++)
        if (region_point(span_str(bad[i]), &lat, &lon) == OK)
            fail_msg("'%s' is no point", bad[i]);
    assert_int_equal(region_point(SPAN("[ 2.35, 48.85, 35 ]"), &lat, &lon), OK);
    assert_true(lat > 48 && lat < 49 && lon > 2 && lon < 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_agrees), cmocka_unit_test(without_groups_nobody_is_refused),
        cmocka_unit_test(compile_refuses),  cmocka_unit_test(memory_may_end_anywhere),
        cmocka_unit_test(schedules),        cmocka_unit_test(addresses),
        cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
