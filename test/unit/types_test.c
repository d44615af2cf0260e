/* lib/m2m/tbl against the standard's tables in test/spec: resource types and who may live below whom, status codes,
 * parameters, switches. */
#include "tables.h"

struct excuse excused[] = {
    {"resources", "flexContainerInstance", "root", "a sentence: that of its specialization; m2m:fci without one", 0},
    {0},
};

/* ---- resources.csv ------------------------------------------------------------------------------- */

static bool lists_child(struct span list, const char *name)
{
    while (list.n) {
        struct span e = span_cut(&list, ';');
        e = span_first(e, span_find(e, '('));
        if (is(e, name))
            return true;
    }
    return false;
}

static void compare_type(const struct csv *c, const struct type *t)
{
    size_t n;
    uint64_t number = 0;
    const struct type *all = type_rows(&n);
    if (span_u64(c->f[0], 65535, &number) != OK || number != t->number)
        differs("resources", t->long_name, "number", c->f[0]);
    if (!span_eq(word(c->f[2]), t->root))
        differs("resources", t->long_name, "root", c->f[2]);
    static const struct {
        unsigned field, flag;
        const char *facet;
    } api[] = {{7, TF_NO_CREATE, "create"}, {8, TF_NO_UPDATE, "update"}, {9, TF_NO_DELETE, "delete"}};
    for (size_t i = 0; i < LEN(api); i++)
        if (span_starts(c->f[api[i].field], SPAN("no")) != !!(t->flags & api[i].flag))
            differs("resources", t->long_name, api[i].facet, c->f[api[i].field]);
    for (size_t i = 0; i < n; i++)
        if (!(all[i].flags & TF_SPEC) && lists_child(c->f[5], all[i].long_name) != type_child(t->number, all[i].number))
            differs("resources", t->long_name, "child", span_str(all[i].long_name));
    bool acpi = type_rule(t, AT_acpi)->create != P_ABSENT;
    if (acpi != !!(t->flags & TF_ACPI))
        differs("resources", t->long_name, "acpi flag", SPAN("attribute table"));
    if (lists_child(c->f[5], "subscription") != !!(t->flags & TF_SUBSCRIBABLE))
        differs("resources", t->long_name, "subscribable flag", c->f[5]);
}

static const struct {
    const char *name;
    unsigned number;
} virtuals[] = {
    {"latest", TY_LA},
    {"oldest", TY_OL},
    {"fanOutPoint", TY_FOPT},
    {"pollingChannelURI", TY_PCU},
    {"notificationTargetSelfReference", TY_NTSR},
};

/* The digest says what a fan-out does, what only a long poll is, and of la and ol what may be done. */
static bool compare_virtual(const struct csv *c)
{
    for (size_t i = 0; i < LEN(virtuals); i++)
        if (is(c->f[1], virtuals[i].name)) {
            const struct type *t = type_of(virtuals[i].number);
            assert_non_null(t);
            assert_string_equal(t->long_name, virtuals[i].name);
            assert_true(span_ends(c->f[2], t->root));
            assert_int_equal(span_starts(c->f[7], SPAN("no")), !!(t->flags & TF_NO_CREATE));
            assert_int_equal(span_starts(c->f[8], SPAN("no")), !!(t->flags & TF_NO_UPDATE));
            assert_int_equal(span_starts(c->f[9], SPAN("no")), !!(t->flags & TF_NO_DELETE));
            struct span parents = c->f[4];
            while (parents.n) {
                const struct type *p = hosted(span_cut(&parents, ';'));
                assert_ptr_equal(type_virtual(p->number, t->root), t);
            }
            return true;
        }
    return false;
}

/* "mgmtObj [firmware] mgd=1001" */
static void compare_spec(const struct csv *c, const struct type *t)
{
    uint64_t mgd = 0;
    struct span tail = span_from(c->f[1], span_rfind(c->f[1], '=') + 1);
    assert_int_equal(span_u64(tail, 65535, &mgd), OK);
    if (t->mgd != mgd || t->number != TY_MGO)
        differs("resources", t->long_name, "mgmtDefinition", tail);
    if (!span_eq(c->f[2], t->root))
        differs("resources", t->long_name, "root", c->f[2]);
    assert_ptr_equal(type_spec(TY_MGO, t->root), t);
    char root[32];
    (void)snprintf(root, sizeof root, "%.*sA", SPAN_FMT(c->f[2]));
    const struct type *copy = type_spec(TY_MGO_A, span_str(root));
    assert_int_equal(copy != NULL, !!(t->flags & TF_ANNC));
    assert_int_equal(!copy || copy->mgd == mgd, true);
}

/* Announced variants follow from their originals; their rows say which children they may have besides. */
static void compare_announced(const struct csv *c, const struct type *t)
{
    struct span list = c->f[5], root = word(c->f[2]);
    const struct type *original = type_of(t->number - TY_ANNC);
    assert_true(original->flags & TF_ANNC && t->flags & TF_ANNOUNCED);
    if (span_starts(root, SPAN("m2m:")) && !span_eq(root, t->root))
        differs("resources", t->long_name, "root", c->f[2]);
    while (!has(c->f[5], "plus ordinary") && list.n) {
        struct span e = span_cut(&list, ';');
        size_t n;
        const struct type *all = type_rows(&n), *kid = NULL;
        for (size_t i = 0; i < n; i++)
            if (is(e, all[i].long_name))
                kid = &all[i];
        if (kid && !type_child(t->number, kid->number))
            differs("resources", t->long_name, "child", e);
    }
    if (!type_child(TY_CB_A, t->number))
        differs("resources", t->long_name, "below CSEBaseAnnc", c->f[4]);
    if (lists_child(c->f[4], "remoteCSE") && !type_child(TY_CSR, t->number))
        differs("resources", t->long_name, "below remoteCSE", c->f[4]);
    for (size_t i = 1; i <= original->n; i++) { /* MA and OA come along, nothing else does */
        struct span sn = original->own[i].row->sn;
        bool of_all = is(sn, "et") || is(sn, "lbl") || is(sn, "acpi") || is(sn, "daci") || is(sn, "ast") ||
                      is(sn, "rn") || is(sn, "ty") || is(sn, "ri") || is(sn, "pi") || is(sn, "ct") || is(sn, "lt");
        if (!of_all && (type_named(t, sn)->create != P_ABSENT) != (original->own[i].announce != ANN_NA))
            differs("resources", t->long_name, "announced attribute", sn);
    }
}

static void resources(void **state)
{
    (void)state;
    struct csv c;
    wrong = 0;
    csv_open(&c, "resources.csv");
    unsigned found = 0;
    while (csv_next(&c)) {
        uint64_t number = 0;
        const struct type *t = hosted(span_first(c.f[1], span_find(c.f[1], ']') + 1));
        if (t && t->flags & TF_SPEC)
            compare_spec(&c, t);
        else if (t)
            compare_type(&c, t);
        else if (span_u64(c.f[0], 65535, &number) == OK && number >= TY_ANNC && (t = type_of((unsigned)number)))
            compare_announced(&c, t);
        else if (number && number != 33 && !type_known((unsigned)number))
            differs("resources", "unhosted", "unknown number", c.f[0]);
        found += t != NULL || compare_virtual(&c);
    }
    csv_close(&c);
    size_t n, copies = 0;
    const struct type *t = type_rows(&n);
    for (size_t i = 0; i < n; i++) /* variants of specializations have no rows of their own there */
        copies += (t[i].flags & TF_SPEC) && (t[i].flags & TF_ANNOUNCED);
    assert_int_equal(found + copies + 1, n); /* 10034 has no row: TS-0001 alone names it */
    assert_int_equal(wrong, 0);
}

static void types(void **state)
{
    (void)state;
    assert_int_equal(type_of_root(SPAN("m2m:cnt"))->number, TY_CNT);
    assert_null(type_of_root(SPAN("la")));
    assert_null(type_of(0));
    assert_true(type_known(TY_TRAC) && !type_of(TY_TRAC));
    assert_false(type_known(33));
    assert_false(type_known(999));
    assert_true(type_in_only(47) && !type_in_only(TY_CNT));
    assert_int_equal(type_virtual(TY_CNT, SPAN("la"))->number, TY_LA);
    assert_null(type_virtual(TY_AE, SPAN("la")));
    assert_true(type_reserved(TY_CNT, SPAN("ol")));
    assert_true(type_reserved(TY_SUB, SPAN("ntsr")));
    assert_false(type_reserved(TY_AE, SPAN("la")));
    assert_false(type_reserved(TY_CNT, SPAN("lab")));
}

/* ---- rsc.csv ------------------------------------------------------------------------------------- */

static unsigned coap_code(struct span s)
{
    for (size_t i = 0; i + 3 < s.n; i++)
        if (s.p[i + 1] == '.')
            return (unsigned)(s.p[i] - '0') * 100 + (unsigned)(s.p[i + 2] - '0') * 10 + (unsigned)(s.p[i + 3] - '0');
    return 0;
}

static void status_codes(void **state)
{
    (void)state;
    struct csv c;
    unsigned found = 0;
    uint64_t number, http;
    csv_open(&c, "rsc.csv");
    while (csv_next(&c)) {
        assert_int_equal(span_u64(c.f[0], 9999, &number), OK);
        assert_int_equal(span_u64(span_first(c.f[3], 3), 999, &http), OK);
        const struct rsc_row *r = rsc_row((unsigned)number);
        if (!r)
            fail_msg("no row for %u", (unsigned)number);
        found++;
        struct span name = c.f[1];
        size_t note = span_find(name, '(');
        if (note < name.n)
            name = span_first(name, note - 1);
        assert_true(is(name, r->name));
        assert_int_equal(r->http, http);
        assert_int_equal(r->coap, coap_code(c.f[4]));
        assert_int_equal(rsc_ok(r->rsc), is(c.f[2], "success") || is(c.f[2], "informational"));
    }
    csv_close(&c);
    size_t n;
    const struct rsc_row *rows = rsc_rows(&n);
    assert_int_equal(found, n);
    for (size_t i = 1; i < n; i++)
        assert_true(rows[i - 1].rsc < rows[i].rsc);
    assert_int_equal(rsc_http(1), 500);
    assert_int_equal(rsc_coap(1), 500);
    assert_string_equal(rsc_name(1), "UNKNOWN");
}

/* ---- parameters ----------------------------------------------------------------------------------- */

static bool is_param(struct span sn, struct span long_name)
{
    for (unsigned i = 1; i < PA__N; i++)
        if (span_eq(param_row((enum param)i)->sn, sn))
            return span_eq_nocase(span_str(param_row((enum param)i)->long_name), long_name);
    return false;
}

/* "Response Type" in the table of primitives is responseType in the text. */
static struct span squeezed(struct span s, uint8_t room[64])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < 64; i++)
        if (s.p[i] != ' ')
            room[n++] = s.p[i];
    return span_of(room, n);
}

static void parameters(void **state)
{
    (void)state;
    struct csv c;
    uint8_t room[64];
    unsigned primitives = 0, criteria = 0;
    wrong = 0;
    csv_open(&c, "complex_types.csv");
    while (csv_next(&c)) {
        if (is(c.f[0], "requestPrimitive") || is(c.f[0], "responsePrimitive")) {
            primitives++;
            if (!is(c.f[2], "fc") && !is_param(c.f[2], squeezed(c.f[1], room)))
                differs("parameters", "primitive", "parameter", c.f[2]);
        }
        if (is(c.f[0], "filterCriteria")) {
            criteria++;
            if (crit_of_query(c.f[2]) == FC_NONE)
                differs("parameters", "filterCriteria", "criterion", c.f[2]);
        }
    }
    csv_close(&c);
    assert_int_equal(primitives, 30 + 15);
    assert_int_equal(criteria, 30);
    assert_int_equal(wrong, 0);
    for (unsigned i = 1; i < PA__N; i++) { /* every name finds its row */
        const struct param_row *r = param_row((enum param)i);
        if (r->place == IN_HEADER)
            assert_int_equal(param_of_header(r->http), i);
        if (r->place == IN_QUERY)
            assert_int_equal(param_of_query(r->http), i);
    }
    assert_int_equal(param_of_header(SPAN("X-M2M-Origin")), PA_fr);
    assert_int_equal(param_of_header(SPAN("X-M2M-Origi")), PA_NONE);
    assert_int_equal(param_of_header(SPAN("host")), PA_NONE);
    assert_int_equal(param_of_query(SPAN("fr")), PA_NONE);
}

static void switches(void **state)
{
    (void)state;
    struct switches s = {0};
    assert_int_equal(switches_set(&s, SPAN("rvi-required"), SPAN("open")), OK);
    assert_true(sw_open(&s, SW_rvi_required));
    assert_int_equal(switches_set(&s, SPAN("1"), SPAN("r3")), OK);
    assert_int_equal(s.open, 0);
    assert_int_equal(switches_set(&s, SPAN("2"), SPAN("open")), ERR_UNSUPPORTED);
    assert_int_equal(switches_set(&s, SPAN("2"), SPAN("r3")), OK);
    assert_int_equal(switches_set(&s, SPAN("31"), SPAN("open")), ERR_NOTFOUND);
    assert_int_equal(switches_set(&s, SPAN("rvi"), SPAN("open")), ERR_NOTFOUND);
    assert_int_equal(switches_set(&s, SPAN("24"), SPAN("lab")), ERR_SYNTAX);
    s = switches_open();
    for (unsigned i = 1; i <= 30; i++)
        assert_non_null(switches_name(i));
    assert_true(sw_open(&s, SW_final_slash) && !sw_open(&s, SW_discovery_root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resources),  cmocka_unit_test(types),    cmocka_unit_test(status_codes),
        cmocka_unit_test(parameters), cmocka_unit_test(switches), cmocka_unit_test(no_excuse_is_left_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
