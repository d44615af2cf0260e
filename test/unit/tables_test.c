/* lib/m2m/tbl against the standard's tables in test/spec, row by row and in both directions: attributes, complex types,
 * enumerations. A difference is an error unless it stands in `excused`, and an excuse that excuses nothing is one too.
 */
#include "tables.h"

/* ---- excuses ------------------------------------------------------------------------------------- */

struct excuse excused[] = {
    {"attributes", "contentInstance.con", "multiplicity",
     "1 in Releases 1 to 3, 0..1 with conr or dcnt later; check.c asks for con "
     "unless one of them is there",
     0},
    {"attributes", "AE.loc", "list", "'(L)' comes from one implementation; both one object and a list are taken", 0},
    {"attributes", "container.loc", "list", "same", 0},
    {"attributes", "contentInstance.loc", "list", "same", 0},
    {"attributes", "remoteCSE.loc", "list", "same", 0},
    {"attributes", "CSEBase.loc", "list", "same", 0},
    {"attributes", "contentInstance.conr", "list",
     "'list of contentRef', whose one member is the list itself; both forms are taken", 0},
    {"attributes", "subscription.nsi", "type", "never in a request (NP); its members are the CSE's own", 0},
    {"attributes", "AE.scp", "type", "m2m:sessionCapabilities has no table of members in Release 3", 0},
    {"attributes", "timeSeries.loc", "list", "same", 0},
    {"attributes", "timeSeriesInstance.loc", "list", "same", 0},
    {"attributes", "flexContainer.loc", "list", "same", 0},
    {"attributes", "flexContainerInstance.loc", "list", "same", 0},
    {"attributes", "schedule.se", "list", "m2m:scheduleEntries holds the list itself; both forms are taken", 0},
    {"attributes", "policyDeletionRules.dr", "list",
     "m2m:deletionContexts holds the lists itself; both forms are taken", 0},
    {"attributes", "crossResourceSubscription.encs", "list", "its one member is the list", 0},
    {"attributes", "token.tkps", "list", "same", 0},
    {"attributes", "crossResourceSubscription.nsi", "type", "never in a request (NP); its members are the CSE's own",
     0},
    {"attributes", "timeSyncBeacon.bcnc", "type", "an integer with the two values of m2m:beaconCriteria", 0},
    {"attributes", "battery.btl", "type", "an unsigned integer that is a percentage", 0},
    {"attributes", "cmdhBuffer.sgp", "type", "a positive integer up to 10", 0},
    {"attributes", "areaNwkDeviceInfo.sus", "type", "the table names no type", 0},
    {"complex_types", "notification.sur", "need",
     "multiplicity 1 has three uses without it (idr, aerp, aerid): the rule is code, not a row", 0},
    {"attributes", "AE.api", "type", "xs:string with a first letter that is checked", 0},
    {"complex_types", "receiverESPrimRandObject.esri", "type",
     "xs:NCName would refuse identifiers that start with a digit", 0},
    {"complex_types", "receiverESPrimRandObject.esrv", "type", "same", 0},
    {"complex_types", "accessControlRule.aca", "extra", "Release 4: accessControlAttributes", 0},
    {"complex_types", "accessControlRule_acco.acui", "extra", "Release 4: accessControlUserIDs", 0},
    {"complex_types", "accessControlRule_acco.acec", "extra", "Release 4: accessControlEvalCriteria", 0},
    {"complex_types", "accessControlRule_acco.acl", "extra", "Release 4: accessControlLimit", 0},
    {"complex_types", "notification.sut", "extra", "Release 5: subscribedTo", 0},
    {"complex_types", "operationMonitor.org", "extra", "switch 19: the spelling of open deployments", 0},
    {"complex_types", "evalCriteria.optr", "extra", "Release 4, from the text of datatypes", 0},
    {"complex_types", "evalCriteria.sbjt", "extra", "same", 0},
    {"complex_types", "evalCriteria.thld", "extra", "same", 0},
    {"complex_types", "actionInput.cstr", "extra", "same", 0},
    {"complex_types", "actionInput.rsid", "extra", "same", 0},
    {"complex_types", "actionInput.raid", "extra", "same", 0},
    {"complex_types", "geoCoordinates.typ", "extra", "Release 4 type, not in the Release 3 tables", 0},
    {"complex_types", "geoCoordinates.crd", "extra", "same", 0},
    {0},
};

/* ---- attributes.csv ------------------------------------------------------------------------------ */

static const char *const presence[] = {"absent", "NP", "O", "M"}, *const announced[] = {"NA", "OA", "MA"},
                         *const access_names[] = {"", "RO", "RW", "WO"};

/* Specializations of which the tables list nothing but that they are mgmtObj take whatever is sent. */
static bool bare_mgmt_object(const struct type *t)
{
    return t->flags & TF_SPEC && t->flags & TF_OPEN;
}

static void compare_attribute(const struct csv *c, const struct type *t, const struct attr_row *row,
                              const struct rule *r)
{
    char id[64];
    (void)snprintf(id, sizeof id, "%s.%.*s", t->long_name, SPAN_FMT(c->f[3]));
    struct span mult = c->f[5];
    if (!is(c->f[2], row->long_name))
        differs("attributes", id, "long name", c->f[2]);
    /* identifiers that the CSE gives are texts: they are never read; a reference to the table of mgmtObj is its row */
    bool given = is(c->f[3], "ri") && is(c->f[4], "m2m:ID") && row->v.kind == VK_STRING;
    bool of_mgo = is(c->f[4], "See clause 7.4.15") && type_named(type_of(TY_MGO), c->f[3])->row == row;
    if (!given && !of_mgo && !means(meaning_of(c->f[4]), &row->v))
        differs("attributes", id, "type", c->f[4]);
    bool list = has(mult, "(L") || list_type(c->f[4]);
    if (row->v.list == LIST_EITHER || list != (row->v.list == LIST_YES))
        differs("attributes", id, "list", mult);
    if (r->one != !span_starts(mult, SPAN("0..1")) || has(mult, "R4+"))
        differs("attributes", id, "multiplicity", mult);
    if (r->create == P_LACKS || r->update == P_LACKS) { /* never there: nothing else can differ */
        if (r->create != P_LACKS || r->update != P_LACKS || r->announce != ANN_NA)
            differs("attributes", id, "not offered, or only half", c->f[6]);
        return;
    }
    if (!is(word(c->f[6]), presence[r->create]))
        differs("attributes", id, "create", c->f[6]);
    if (!is(word(c->f[7]), presence[r->update]))
        differs("attributes", id, "update", c->f[7]);
    if (!is(c->f[8], access_names[r->access]))
        differs("attributes", id, "access", c->f[8]);
    if (!is(c->f[9], announced[r->announce]))
        differs("attributes", id, "announce", c->f[9]);
    if (r->create == P_NP && !r->set)
        differs("attributes", id, "set by the CSE", c->f[6]);
}

static void attributes(void **state)
{
    (void)state;
    static unsigned seen[160][AT__N];
    struct csv c;
    wrong = 0;
    memset(seen, 0, sizeof seen);
    csv_open(&c, "attributes.csv");
    unsigned rows = 0;
    size_t n;
    const struct type *all = type_rows(&n);
    assert_true(n <= LEN(seen));
    while (csv_next(&c)) {
        const struct type *t = hosted(c.f[0]);
        if (!t)
            continue;
        if (is(c.f[3], "(custom)"))
            continue; /* what a description gives: spec_test */
        rows++;
        enum attr a = attr_find(c.f[3]);
        const struct rule *r = type_named(t, c.f[3]);
        if (a == AT_NONE || r->create == P_ABSENT) {
            differs("attributes", t->long_name, "missing attribute", c.f[3]);
            continue;
        }
        seen[t - all][a]++;
        compare_attribute(&c, t, r->row, r);
    }
    csv_close(&c);
    assert_true(rows > 150);
    for (size_t i = 0; i < n; i++)
        for (unsigned a = 1; !(all[i].flags & TF_ANNOUNCED) && a <= all[i].n; a++)
            if (bare_mgmt_object(&all[i])) {
                if (type_rule(type_of(TY_MGO), (enum attr)all[i].own[a].at)->row != all[i].own[a].row)
                    differs("attributes", all[i].long_name, "row that no mgmtObj has", all[i].own[a].row->sn);
            } else if (seen[i][all[i].own[a].at] != 1)
                differs("attributes", all[i].long_name, "row that the standard has not", all[i].own[a].row->sn);
    assert_int_equal(wrong, 0);
}

/* ---- lookup -------------------------------------------------------------------------------------- */

static void lookup(void **state)
{
    (void)state;
    for (unsigned a = 1; a < AT__N; a++) {
        struct span s = attr_row((enum attr)a)->sn;
        assert_int_equal(attr_find(s), a);
        if (a > 1) {
            struct span before = attr_row((enum attr)(a - 1))->sn;
            assert_true(before.n < s.n || (before.n == s.n && span_cmp(before, s) < 0));
        }
    }
    unsigned found = 0; /* every name of one to three small letters */
    char name[4] = {0};
    for (int i = 0; i < 27 * 27 * 27; i++) {
        int d[3] = {i % 27, i / 27 % 27, i / 729};
        size_t n = 0;
        for (int k = 0; k < 3 && d[k]; k++)
            name[n++] = (char)('a' + d[k] - 1);
        if (n == 0 || (n == 1 && d[2]) || (n == 2 && d[2]) || (n == 1 && i >= 27))
            continue;
        struct span s = span_of(name, n);
        enum attr a = attr_find(s);
        found += a != AT_NONE;
        assert_true(a == AT_NONE || span_eq(attr_row(a)->sn, s));
    }
    assert_int_equal(found, AT_LEN_4 - AT_LEN_2);
    assert_int_equal(attr_find(SPAN("")), AT_NONE);
    assert_int_equal(attr_find(SPAN("ACPI")), AT_NONE);
    assert_int_equal(attr_find(SPAN("acpix")), AT_NONE);
    assert_int_equal(attr_find(SPAN("zzzz")), AT_NONE);
}

/* ---- complex_types.csv --------------------------------------------------------------------------- */

static enum ctype ctype_named(struct span name)
{
    for (unsigned i = 1; i < CT__N; i++)
        if (is(name, ctype_row((enum ctype)i)->name))
            return (enum ctype)i;
    return CT_NONE;
}

static const struct member_row *member_named(enum ctype c, struct span long_name)
{
    const struct ctype_row *r = ctype_row(c);
    for (size_t i = 0; i < r->n; i++)
        if (is(long_name, r->m[i].long_name))
            return &r->m[i];
    return NULL;
}

static unsigned seen_members[CT__N][48];

/* An XML element with attributes: "@name", and what stands inside, which JSON calls val. */
static struct span plain_name(struct span s)
{
    return s.n && s.p[0] == '@' ? span_from(s, 1) : is(s, "(base content)") ? SPAN("value") : s;
}

static struct span plain_short(struct span s)
{
    return span_starts(s, SPAN("(base content) ")) ? span_from(s, 15) : s;
}

static void compare_member(const struct csv *c, enum ctype ct)
{
    char id[96];
    struct span path = plain_name(c->f[1]), sn = plain_short(c->f[2]);
    while (span_find(path, '/') < path.n) { /* anonymous inner types have rows of their own */
        const struct member_row *outer = member_named(ct, span_cut(&path, '/'));
        if (!outer || outer->v.kind != VK_COMPLEX) {
            differs("complex_types", ctype_row(ct)->name, "anonymous type", c->f[1]);
            return;
        }
        ct = (enum ctype)outer->v.ref;
    }
    const struct member_row *m = member_named(ct, path);
    (void)snprintf(id, sizeof id, "%s.%.*s", ctype_row(ct)->name, SPAN_FMT(sn));
    if (!m || !span_eq(m->sn, sn)) {
        differs("complex_types", id, "member", c->f[1]);
        return;
    }
    seen_members[ct][m - ctype_row(ct)->m]++;
    struct span mult = c->f[4];
    bool anonymous = is(c->f[3], "(anonymous)") || c->f[3].n == 0;
    if (anonymous ? m->v.kind != VK_COMPLEX : !means(meaning_of(c->f[3]), &m->v))
        differs("complex_types", id, "type", c->f[3]);
    bool list = list_type(c->f[3]) || span_ends(mult, SPAN("..n")) || is(mult, "0..5");
    if (m->v.list == LIST_EITHER ? !list : list != (m->v.list == LIST_YES))
        differs("complex_types", id, "list", mult);
    if (m->need != !span_starts(mult, SPAN("0")))
        differs("complex_types", id, "need", mult);
}

static void complex_types(void **state)
{
    (void)state;
    struct csv c;
    wrong = 0;
    unsigned rows = 0;
    memset(seen_members, 0, sizeof seen_members);
    csv_open(&c, "complex_types.csv");
    while (csv_next(&c)) {
        enum ctype ct = ctype_named(c.f[0]);
        if (ct == CT_NONE)
            continue;
        rows++;
        compare_member(&c, ct);
    }
    csv_close(&c);
    assert_true(rows > 80);
    for (unsigned i = 1; i < CT__N; i++)
        for (size_t k = 0; k < ctype_row((enum ctype)i)->n; k++) {
            char id[96];
            const struct ctype_row *r = ctype_row((enum ctype)i);
            (void)snprintf(id, sizeof id, "%s.%.*s", r->name, SPAN_FMT(r->m[k].sn));
            if (seen_members[i][k] != 1)
                differs("complex_types", id, "extra", r->m[k].sn);
        }
    assert_int_equal(wrong, 0);
}

/* ---- enumerations.csv ---------------------------------------------------------------------------- */

static void enumerations(void **state)
{
    (void)state;
    struct csv c;
    unsigned found[EN__N] = {0};
    csv_open(&c, "enumerations.csv");
    while (csv_next(&c)) {
        uint64_t v;
        if (is(c.f[2], "void") || span_u64(c.f[1], 99999, &v) != OK)
            continue; /* a number that the standard took back, or a text value */
        for (unsigned e = 1; e < EN__N; e++)
            if (is(c.f[0], enum_text((enum enumeration)e))) {
                const char *name = enum_name((enum enumeration)e, (int64_t)v);
                if (!name || !is(c.f[2], name))
                    fail_msg("%s %u differs", enum_text((enum enumeration)e), (unsigned)v);
                found[e]++;
            }
    }
    csv_close(&c);
    for (unsigned e = 1; e < EN__N;
         e++) /* the lists of Release 3 lack what came later, and what has no variant there */
        assert_int_equal(found[e] + (e == EN_resourceType ? 8
                                     : e == EN_memberType ? 17
                                                          : 0),
                         enum_count((enum enumeration)e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes),
        cmocka_unit_test(lookup),
        cmocka_unit_test(complex_types),
        cmocka_unit_test(enumerations),
        cmocka_unit_test(no_excuse_is_left_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
