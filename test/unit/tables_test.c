/* lib/m2m/tbl against the standard's tables in test/spec, row by row and in both directions. A difference is
 * an error unless it stands in `excused`, and an excuse that excuses nothing is one too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "csv.h"
#include "m2m/prim.h"
#include "m2m/switches.h"

/* ---- excuses ------------------------------------------------------------------------------------- */

struct excuse {
    const char *table, *row, *facet, *reason;
    unsigned used;
};
static struct excuse excused[] = {
    {"attributes", "contentInstance.con", "create",
     "the row gives M for Releases 1 to 3 and O with conr or dcnt later; check.c asks for con unless one of them is "
     "there",
     0},
    {"attributes", "contentInstance.con", "multiplicity", "same: 1, later 0..1", 0},
    {"attributes", "remoteCSE.csi", "create", "O here, M in Release 1 only", 0},
    {"attributes", "AE.loc", "list", "'(L)' comes from one implementation; both one object and a list are taken", 0},
    {"attributes", "container.loc", "list", "same", 0},
    {"attributes", "contentInstance.loc", "list", "same", 0},
    {"attributes", "remoteCSE.loc", "list", "same", 0},
    {"attributes", "CSEBase.loc", "list", "same", 0},
    {"attributes", "contentInstance.conr", "list",
     "'list of contentRef', whose one member is the list itself; both forms are taken", 0},
    {"attributes", "subscription.nsi", "type", "never in a request (NP); its members are the CSE's own", 0},
    {"attributes", "AE.scp", "type", "m2m:sessionCapabilities has no table of members in Release 3", 0},
    {"attributes", "subscription.acrs", "list",
     "m2m:listOfURIs is a list though the multiplicity column does not say so", 0},
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
};

static bool is_excused(const char *table, const char *row, const char *facet)
{
    for (size_t i = 0; i < LEN(excused); i++)
        if (!strcmp(excused[i].table, table) && !strcmp(excused[i].row, row) && !strcmp(excused[i].facet, facet)) {
            excused[i].used++;
            return true;
        }
    return false;
}

static unsigned wrong;

static void differs(const char *table, const char *row, const char *facet, struct span want)
{
    if (is_excused(table, row, facet))
        return;
    wrong++;
    print_error("%s: %s: %s differs from '%.*s'\n", table, row, facet, SPAN_FMT(want));
}

static bool has(struct span s, const char *piece)
{
    struct span p = span_str(piece);
    for (size_t i = 0; i + p.n <= s.n; i++)
        if (!memcmp(s.p + i, p.p, p.n))
            return true;
    return false;
}

static bool is(struct span s, const char *text)
{
    return span_eq(s, span_str(text));
}

/* ---- kinds of value ------------------------------------------------------------------------------ */

/* What the data type column of a table means in a vdesc. `ref`: enumeration or complex type of that name. */
struct meaning {
    const char *text;
    enum vkind kind;
    const char *ref;
    int64_t lo, hi;
};
static const struct meaning meanings[] = {
    {"m2m:resourceName (xs:NCName based)", VK_NAME, NULL, 0, 0},
    {"m2m:resourceName", VK_NAME, NULL, 0, 0},
    {"m2m:resourceType", VK_ENUM, "resourceType", 0, 0},
    {"m2m:ID (CSE-relative)", VK_STRING, NULL, 0, 0},
    {"m2m:timestamp", VK_TIME, NULL, 0, 0},
    {"xs:token", VK_TOKEN, NULL, 0, 0},
    {"m2m:geoCoordinates", VK_COMPLEX, "geoCoordinates", 0, 0},
    {"m2m:ID", VK_ID, NULL, 0, 0},
    {"m2m:ID (AE-ID)", VK_ID, NULL, 0, 0},
    {"m2m:ID (CSE-ID)", VK_ID, NULL, 0, 0},
    {"m2m:ID (M2M-SP-ID, //fqdn)", VK_ID, NULL, 0, 0},
    {"m2m:ID (CSE-ID, /id)", VK_ID, NULL, 0, 0},
    {"m2m:acpType", VK_ID, NULL, 0, 0},
    {"m2m:cseTypeID", VK_ENUM, "cseTypeID", 0, 0},
    {"m2m:serializations", VK_SERIAL, NULL, 0, 0},
    {"xs:anyURI", VK_URI, NULL, 0, 0},
    {"m2m:poaList", VK_URI, NULL, 0, 0},
    {"m2m:listOfURIs", VK_URI, NULL, 0, 0},
    {"m2m:e2eSecInfo", VK_COMPLEX, "e2eSecInfo", 0, 0},
    {"m2m:supportedReleaseVersions", VK_RELEASE, NULL, 0, 0},
    {"", VK_ANY, NULL, 0, 0},
    {"xs:NCName", VK_NCNAME, NULL, 0, 0},
    {"m2m:announceSyncType", VK_ENUM, "announceSyncType", 0, 0},
    {"xs:string", VK_STRING, NULL, 0, 0},
    {"m2m:externalID", VK_STRING, NULL, 0, 0},
    {"xs:boolean", VK_BOOL, NULL, 0, 0},
    {"m2m:AERegistrationStatus", VK_ENUM, "AERegistrationStatus", 0, 0},
    {"m2m:activityPatternElements", VK_COMPLEX, "activityPattern", 0, 0},
    {"m2m:triggerRecipientID", VK_UINT, NULL, 0, 65535},
    {"xs:unsignedInt", VK_UINT, NULL, 0, UINT32_MAX},
    {"xs:nonNegativeInteger", VK_UINT, NULL, 0, INT64_MAX},
    {"xs:positiveInteger", VK_UINT, NULL, 1, INT64_MAX},
    {"m2m:accessControlOperations", VK_UINT, NULL, 1, 63},
    {"m2m:contentInfo (media-type:encoding[:content-security])", VK_CNF, NULL, 0, 0},
    {"m2m:contentRef", VK_COMPLEX, "contentRef", 0, 0},
    {"xs:anyType", VK_ANY, NULL, 0, 0},
    {"m2m:representation", VK_ANY, NULL, 0, 0},
    {"m2m:filterCriteria", VK_OBJECT, NULL, 0, 0},
    {"m2m:absRelTimestamp", VK_ABSREL, NULL, 0, 0},
    {"m2m:eventNotificationCriteria", VK_COMPLEX, "eventNotificationCriteria", 0, 0},
    {"m2m:batchNotify", VK_COMPLEX, "batchNotify", 0, 0},
    {"m2m:rateLimit", VK_COMPLEX, "rateLimit", 0, 0},
    {"m2m:pendingNotification", VK_ENUM, "pendingNotification", 0, 0},
    {"m2m:notificationContentType", VK_ENUM, "notificationContentType", 0, 0},
    {"m2m:eventCat", VK_EVENTCAT, NULL, 0, 0},
    {"xs:duration", VK_DURATION, NULL, 0, 0},
    {"m2m:setOfAcrs", VK_COMPLEX, "setOfAcrs", 0, 0},
    {"m2m:multicastCapability", VK_ENUM, "multicastCapability", 0, 0},
    {"m2m:operationMonitor", VK_COMPLEX, "operationMonitor", 0, 0},
    {"m2m:attributeList", VK_NCNAME, NULL, 0, 0},
    {"m2m:notificationEventType", VK_ENUM, "notificationEventType", 0, 0},
    {"m2m:missingData", VK_COMPLEX, "missingData", 0, 0},
    {"m2m:filterOperation", VK_ENUM, "filterOperation", 0, 0},
    {"m2m:scheduleEntry", VK_SCHEDULE, NULL, 0, 0},
    {"m2m:scheduleEntries", VK_COMPLEX, "scheduleEntries", 0, 0},
    {"m2m:ipv4", VK_IPV4, NULL, 0, 0},
    {"m2m:ipv6", VK_IPV6, NULL, 0, 0},
    {"m2m:locationRegion", VK_COMPLEX, "locationRegion", 0, 0},
    {"3 xs:float", VK_FLOAT, NULL, 0, 0},
    {"m2m:countryCode", VK_COUNTRY, NULL, 0, 0},
    {"m2m:specializationType", VK_COMPLEX, "specializationType", 0, 0},
    {"m2m:accessControlRule", VK_COMPLEX, "accessControlRule", 0, 0},
    {"m2m:stationaryIndication", VK_ENUM, "stationaryIndication", 0, 0},
    {"m2m:esprimKeyGenAlgID", VK_ENUM, "esprimKeyGenAlgID", 0, 0},
    {"m2m:esprimProtocolAndAlgID", VK_ENUM, "esprimProtocolAndAlgID", 0, 0},
    {"m2m:suid", VK_ENUM, "suid", 0, 0},
    {"xs:base64Binary", VK_BASE64, NULL, 0, 0},
    {"m2m:receiverESPrimRandObject", VK_COMPLEX, "receiverESPrimRandObject", 0, 0},
    {"m2m:operation", VK_ENUM, "operation", 0, 0},
    {"m2m:notification", VK_COMPLEX, "notification", 0, 0},
    {"m2m:securityInfoType", VK_ENUM, "securityInfoType", 0, 0},
    {"m2m:dynAuthDasRequest", VK_ANY, NULL, 0, 0},
    {"m2m:dynAuthDasResponse", VK_ANY, NULL, 0, 0},
    {"m2m:dynAuthRelMapRequest", VK_ANY, NULL, 0, 0},
    {"m2m:dynAuthRelMapResponse", VK_ANY, NULL, 0, 0},
    {"m2m:e2eCompactJWE", VK_STRING, NULL, 0, 0},
    {"m2m:responseTypeInfo", VK_COMPLEX, "responseTypeInfo", 0, 0},
    {"m2m:resultContent", VK_ENUM, "resultContent", 0, 0},
    {"m2m:desIdResType", VK_ENUM, "desIdResType", 0, 0},
    {"m2m:responseType", VK_ENUM, "responseType", 0, 0},
    {"m2m:contentStatus", VK_ENUM, "contentStatus", 0, 0},
    {"m2m:roleID", VK_NSTRING, NULL, 0, 0},
    {"m2m:tokenID", VK_NSTRING, NULL, 0, 0},
    {"m2m:dynAuthJWT", VK_NSTRING, NULL, 0, 0},
    {"m2m:signatureList", VK_NSTRING, NULL, 0, 0},
    {"m2m:releaseVersion", VK_RELEASE, NULL, 0, 0},
    {"m2m:requestID", VK_STRING, NULL, 0, 0},
    {"m2m:primitiveContent", VK_OBJECT, NULL, 0, 0},
    {"m2m:responseStatusCode", VK_UINT, NULL, 1000, 9999},
    {"m2m:status", VK_ENUM, "status", 0, 0},
    {"m2m:networkAction", VK_ENUM, "networkAction", 0, 0},
    {"m2m:tokenPermission", VK_COMPLEX, "tokenPermission", 0, 0},
    {"m2m:mgmtDefinition", VK_UINT, NULL, 0, 65535},
};

static const struct meaning *meaning_of(struct span text)
{
    struct span t = text;
    if (span_starts(t, SPAN("list of ")))
        t = span_from(t, 8);
    else if (span_starts(t, SPAN("List of ")))
        t = span_from(t, 8);
    for (size_t i = 0; i < LEN(meanings); i++)
        if (is(t, meanings[i].text))
            return &meanings[i];
    return NULL;
}

static bool means(const struct meaning *m, const struct vdesc *v)
{
    if (!m || m->kind != v->kind)
        return false;
    if (v->kind == VK_ENUM)
        return !strcmp(m->ref, enum_text((enum enumeration)v->ref));
    if (v->kind == VK_COMPLEX)
        return !strcmp(m->ref, ctype_row((enum ctype)v->ref)->name);
    return v->kind != VK_UINT || (m->lo == v->lo && m->hi == v->hi);
}

static bool list_type(struct span t)
{
    static const char *const lists[] = {"m2m:listOfURIs", "m2m:listOfM2MID", "m2m:signatureList", "m2m:attributeList"};
    for (size_t i = 0; i < LEN(lists); i++)
        if (is(t, lists[i]))
            return true;
    return span_starts(t, SPAN("list of ")) || span_starts(t, SPAN("List of "));
}

/* ---- attributes.csv ------------------------------------------------------------------------------ */

static bool compared(unsigned ty)
{
    return ty <= TY_CB || ty == TY_CSR || ty == TY_SUB;
}

static const struct type *hosted(struct span long_name)
{
    size_t n;
    const struct type *t = type_rows(&n);
    for (size_t i = 0; i < n; i++)
        if (!(t[i].flags & TF_VIRTUAL) && is(long_name, t[i].long_name) && compared(t[i].number))
            return &t[i];
    return NULL;
}

static const char *const presence[] = {"absent", "NP", "O", "M"}, *const announced[] = {"NA", "OA", "MA"},
                         *const access_names[] = {"", "RO", "RW", "WO"};

static void compare_attribute(const struct csv *c, const struct type *t, const struct attr_row *row,
                              const struct rule *r)
{
    char id[64];
    (void)snprintf(id, sizeof id, "%s.%.*s", t->long_name, SPAN_FMT(c->f[3]));
    struct span mult = c->f[5];
    if (!is(c->f[2], row->long_name))
        differs("attributes", id, "long name", c->f[2]);
    if (!means(meaning_of(c->f[4]), &row->v))
        differs("attributes", id, "type", c->f[4]);
    bool list = has(mult, "(L") || list_type(c->f[4]);
    if (row->v.list == LIST_EITHER || list != (row->v.list == LIST_YES) || (list && !has(mult, "(L")))
        differs("attributes", id, "list", mult);
    if (r->one != !span_starts(mult, SPAN("0..1")) || has(mult, "R4+"))
        differs("attributes", id, "multiplicity", mult);
    if (!is(c->f[6], presence[r->create]))
        differs("attributes", id, "create", c->f[6]);
    if (!is(c->f[7], presence[r->update]))
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
    static unsigned seen[32][AT__N];
    struct csv c;
    wrong = 0;
    memset(seen, 0, sizeof seen);
    csv_open(&c, "attributes.csv");
    unsigned rows = 0;
    while (csv_next(&c)) {
        const struct type *t = hosted(c.f[0]);
        if (!t)
            continue;
        rows++;
        enum attr a = attr_find(c.f[3]);
        const struct rule *r = type_named(t, c.f[3]);
        if (a == AT_NONE || r->create == P_ABSENT) {
            differs("attributes", t->long_name, "missing attribute", c.f[3]);
            continue;
        }
        seen[t->number][a]++;
        compare_attribute(&c, t, r->row, r);
    }
    csv_close(&c);
    assert_true(rows > 150);
    size_t n;
    const struct type *t = type_rows(&n);
    for (size_t i = 0; i < n; i++)
        for (unsigned a = 1; compared(t[i].number) && a <= t[i].n; a++)
            if (seen[t[i].number][t[i].own[a].at] != 1)
                differs("attributes", t[i].long_name, "row that the standard has not", t[i].own[a].row->sn);
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
    if (!span_eq(c->f[2], t->root))
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

static void resources(void **state)
{
    (void)state;
    struct csv c;
    wrong = 0;
    csv_open(&c, "resources.csv");
    unsigned found = 0, virtuals = 0;
    while (csv_next(&c)) {
        const struct type *t = hosted(c.f[1]);
        if (t) {
            found++;
            compare_type(&c, t);
        }
        if (is(c.f[1], "latest") || is(c.f[1], "oldest")) {
            virtuals++;
            const struct type *v = type_of(is(c.f[1], "latest") ? TY_LA : TY_OL);
            assert_non_null(v);
            assert_true(is(c.f[1], v->long_name));
            assert_true(has(c.f[0], v->number == TY_LA ? "20002" : "20001"));
            assert_true(span_starts(c.f[7], SPAN("no")) && v->flags & TF_NO_CREATE);
            assert_true(span_starts(c.f[8], SPAN("no")) && v->flags & TF_NO_UPDATE);
            assert_true(span_starts(c.f[9], SPAN("yes")) && !(v->flags & TF_NO_DELETE));
        }
    }
    csv_close(&c);
    size_t n;
    (void)type_rows(&n);
    assert_int_equal(found + virtuals, 7 + 2);
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

static void no_excuse_is_left_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(excused); i++)
        if (!excused[i].used)
            fail_msg("excuse without a difference: %s %s %s", excused[i].table, excused[i].row, excused[i].facet);
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
        cmocka_unit_test(attributes),   cmocka_unit_test(lookup),
        cmocka_unit_test(resources),    cmocka_unit_test(types),
        cmocka_unit_test(status_codes), cmocka_unit_test(complex_types),
        cmocka_unit_test(enumerations), cmocka_unit_test(switches),
        cmocka_unit_test(parameters),   cmocka_unit_test(no_excuse_is_left_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
