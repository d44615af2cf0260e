/* lib/m2m/check: every attribute of every hosted type, as the standard's table has it, must be refused when it is of
 * the wrong type, null, missing, not permitted, too long or out of its enumeration, with a verdict that names it; and
 * be taken when it is right. Rows come from test/spec/attributes.csv alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "csv.h"
#include "m2m/check.h"
#include "m2m/prim.h"
#include "m2m/spec.h"

enum { ROOM = 1 << 18, ROWS_MAX = 64 };
static const int64_t now = INT64_C(1790000000000); /* 2026 */
static uint8_t memory[4 << 20];
static unsigned wrong, cases;

/* ---- values --------------------------------------------------------------------------------------- */

/* Values of the data types of the table: a good one, then bad ones. `text`: too long a string is one of the bad ones.
 */
struct sample {
    const char *type, *good;
    bool text;
    const char *bad[5];
};
#define TIME  "\"20991231T235959\""
#define LINK  "{\"nm\":\"a\",\"typ\":1001,\"val\":\"x/y\"}"
#define ENTRY "\"* * * * * * *\""
static const struct sample samples[] = {
    {"m2m:resourceName (xs:NCName based)", "\"n1\"", true, {"7", "\"a b\"", "\"\"", "[\"n\"]"}},
    {"m2m:resourceName", "\"n1\"", true, {"7", "\"a b\"", "\"\""}},
    {"m2m:resourceType", "3", false, {"\"3\"", "999", "true", "3.5"}},
    {"m2m:timestamp", TIME, false, {"7", "\"2099\"", "\"20991331T000000\"", "true"}},
    {"xs:token", "\"a:b\"", true, {"7", "\" a\"", "\"a  b\"", "\"\"", "true"}},
    {"m2m:labels", "\"a:b\"", true, {"7", "\" a\"", "\"\""}},
    {"m2m:ID", "\"Cx\"", true, {"7", "\"\"", "\"a b\"", "{}"}},
    {"m2m:ID (CSE-relative)", "\"Cx\"", false, {"7"}},
    {"m2m:ID (AE-ID)", "\"Cx\"", true, {"7", "\"\""}},
    {"m2m:ID (CSE-ID)", "\"/x\"", true, {"7", "\"\""}},
    {"m2m:ID (CSE-ID, /id)", "\"/x\"", true, {"7", "\"\""}},
    {"m2m:ID (M2M-SP-ID, //fqdn)", "\"//x.y\"", true, {"7", "\"\""}},
    {"m2m:acpType", "\"Cx\"", true, {"7", "\"\""}},
    {"m2m:nhURI", "\"x\"", false, {"7"}},
    {"m2m:listOfM2MID", "\"Cx\"", true, {"7", "\"\""}},
    {"xs:anyURI", "\"x/y\"", true, {"7", "\"\"", "\"a b\"", "true"}},
    {"m2m:listOfURIs", "\"x/y\"", true, {"7", "\"\""}},
    {"m2m:poaList", "\"http://x\"", true, {"7", "\"\""}},
    {"xs:NCName", "\"lbl\"", true, {"7", "\"1a\"", "\"\""}},
    {"m2m:announceSyncType", "1", false, {"\"1\"", "3", "0"}},
    {"m2m:cseTypeID", "1", false, {"\"1\"", "4"}},
    {"m2m:serializations", "\"json\"", false, {"7", "\"yaml\""}},
    {"m2m:supportedReleaseVersions", "\"3\"", false, {"3", "\"9\""}},
    {"xs:string", "\"some text\"", true, {"7", "true", "{}", "[]"}},
    {"m2m:externalID", "\"x\"", true, {"7", "{}"}},
    {"m2m:nodeID", "\"x\"", true, {"7", "\"\""}},
    {"m2m:deviceID", "\"x\"", true, {"7", "\"\""}},
    {"m2m:locationTargetID", "\"x\"", true, {"7", "\"\""}},
    {"m2m:roleID", "\"x\"", true, {"7", "\"\""}},
    {"m2m:tokenID", "\"x\"", true, {"7", "\"\""}},
    {"m2m:dynAuthJWT", "\"a.b.c\"", true, {"7", "\"\""}},
    {"m2m:sparql", "\"SELECT\"", true, {"7", "\"\""}},
    {"xs:boolean", "true", false, {"7", "\"true\"", "{}"}},
    {"restricted list of xs:boolean", "true", false, {"7", "\"true\""}},
    {"xs:nonNegativeInteger", "5", false, {"\"5\"", "-1", "1.5", "true"}},
    {"xs:positiveInteger", "5", false, {"\"5\"", "0", "-1", "1.5"}},
    {"xs:unsignedInt", "5", false, {"\"5\"", "-1", "4294967296"}},
    {"xs:unsignedLong", "5", false, {"\"5\"", "-1"}},
    {"xs:integer", "-5", false, {"\"5\"", "1.5", "true"}},
    {"xs:long", "-1", false, {"\"5\"", "1.5", "-2"}},
    {"m2m:listOfMinMax", "-1", false, {"\"5\"", "-2"}},
    {"m2m:triggerRecipientID", "5", false, {"\"5\"", "-1", "65536"}},
    {"xs:duration", "\"PT30S\"", false, {"7.5", "\"30\"", "\"-PT1S\"", "true"}},
    {"m2m:absRelTimestamp", TIME, false, {"true", "\"x\"", "{}"}},
    {"xs:base64Binary", "\"YWJj\"", false, {"7", "\"?\""}},
    {"xs:base64Binary text", "\"YWJj\"", false, {"7", "\"?\""}},
    {"m2m:scheduleEntry", ENTRY, false, {"7", "\"* *\""}},
    {"m2m:scheduleEntries",
     "{\"sce\":[" ENTRY "]}",
     false,
     {"7", "{}", "{\"sce\":[\"x\"]}", "{\"sce\":[]}", "{\"zz\":1}"}},
    {"m2m:setOfAcrs",
     "{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]}",
     false,
     {"7", "{\"acr\":[{\"acor\":[\"all\"]}]}", "{\"acr\":[{\"acor\":[\"all\"],\"acop\":64}]}", "{\"zz\":1}"}},
    {"m2m:geoCoordinates",
     "{\"typ\":1,\"crd\":\"[1,2]\"}",
     false,
     {"7", "{\"typ\":9,\"crd\":\"[1,2]\"}", "{\"typ\":1}"}},
    {"m2m:eventCat", "2", false, {"\"2\"", "1", "99", "1000"}},
    {"m2m:eventCatWithDef", "0", false, {"\"2\"", "1", "99"}},
    {"m2m:activityPatternElements", "{\"se\":{\"sce\":[" ENTRY "]}}", false, {"7", "{}", "{\"zz\":1}"}},
    {"m2m:e2eSecInfo", "{\"esf\":[11]}", false, {"7", "{}", "{\"esf\":[99]}"}},
    {"m2m:AERegistrationStatus", "1", false, {"\"1\"", "9"}},
    {"m2m:contentInfo (media-type:encoding[:content-security])",
     "\"text/plain:0\"",
     false,
     {"7", "\"text\"", "\"a/b:9\""}},
    {"m2m:contentRef", "{\"urir\":[{\"nm\":\"a\",\"uri\":\"x\"}]}", false, {"7", "{}", "{\"urir\":[{\"nm\":\"a\"}]}"}},
    {"m2m:eventNotificationCriteria",
     "{\"net\":[1]}",
     false,
     {"7", "{\"net\":[99]}", "{\"net\":1}", "{\"zz\":1}", "{\"sts\":0}"}},
    {"m2m:eventNotificationCriteriaSet",
     "{\"encn\":[{\"net\":[1]}]}",
     false,
     {"7", "{}", "{\"encn\":[{\"net\":[99]}]}"}},
    {"m2m:batchNotify", "{\"num\":2}", false, {"7", "{\"num\":\"2\"}", "{\"zz\":1}"}},
    {"m2m:rateLimit", "{\"mnn\":1,\"tww\":\"PT1S\"}", false, {"7", "{\"mnn\":1}", "{}"}},
    {"m2m:pendingNotification", "1", false, {"\"1\"", "9"}},
    {"m2m:notificationContentType", "1", false, {"\"1\"", "9"}},
    {"m2m:multicastCapability", "1", false, {"\"1\"", "9"}},
    {"m2m:specializationType", "{\"mgd\":1001}", false, {"7", "{}", "{\"zz\":1}"}},
    {"m2m:memberType", "0", false, {"\"0\"", "999"}},
    {"m2m:consistencyStrategy", "1", false, {"\"1\"", "9"}},
    {"m2m:locationSource", "2", false, {"\"1\"", "9"}},
    {"m2m:locationInformationType", "1", false, {"\"1\"", "9"}},
    {"m2m:geofenceEventCriteria", "1", false, {"\"1\"", "9"}},
    {"m2m:locationUpdateEventCriteria", "0", false, {"\"0\"", "9"}},
    {"m2m:semanticFormat", "4", false, {"\"4\"", "9"}},
    {"m2m:logicalOperator", "1", false, {"\"1\"", "9"}},
    {"m2m:notificationTargetPolicyAction", "1", false, {"\"1\"", "9"}},
    {"m2m:deletionContexts", "{\"tod\":[" ENTRY "]}", false, {"7", "{\"tod\":" ENTRY "}", "{\"zz\":1}"}},
    {"m2m:timeWindowType", "1", false, {"\"1\"", "9"}},
    {"m2m:eventEvaluationMode", "1", false, {"\"1\"", "9"}},
    {"m2m:evalMode", "1", false, {"\"1\"", "9"}},
    {"m2m:evalCriteria",
     "{\"optr\":1,\"sbjt\":\"con\",\"thld\":1}",
     false,
     {"7", "{}", "{\"optr\":9,\"sbjt\":\"con\",\"thld\":1}", "{\"optr\":1,\"sbjt\":\"con\"}"}},
    {"m2m:actionInput", "{\"rsid\":\"x\"}", false, {"7", "{\"zz\":1}"}},
    {"m2m:requestPrimitive",
     "{\"op\":2,\"to\":\"x\",\"fr\":\"Cx\",\"rqi\":\"1\",\"rvi\":\"3\"}",
     false,
     {"7", "{}", "{\"op\":9,\"to\":\"x\",\"rqi\":\"1\",\"rvi\":\"3\"}"}},
    {"m2m:operation", "1", false, {"\"1\"", "9"}},
    {"m2m:attribute", "{\"nm\":\"a\",\"val\":1}", false, {"7", "{\"nm\":\"a\"}"}},
    {"m2m:tokenPermissions", "{\"pm\":[{\"rids\":[\"r\"]}]}", false, {"7", "{\"pm\":{}}", "{\"zz\":1}"}},
    {"m2m:mgmtDefinition", NULL, false, {"\"1001\"", "65536", "-1"}},
    {"m2m:mgmtLinkRef", LINK, false, {"7", "{\"nm\":\"a\"}"}},
    {"m2m:actionStatus", "{\"sus\":1}", false, {"7", "{\"sus\":9}", "{\"zz\":1}"}},
    {"m2m:protocolList", "\"x\"", true, {"7"}},
    {"m2m:batteryStatus", "1", false, {"\"1\"", "9"}},
    {"m2m:logTypeId", "1", false, {"\"1\"", "9"}},
    {"m2m:logStatus", "1", false, {"\"1\"", "9"}},
    {"m2m:suid", "11", false, {"\"1\"", "99"}},
    {"m2m:ipAddress", "{\"ip4\":\"1.2.3.4\"}", false, {"7", "{\"ip4\":\"x\"}"}},
    {"m2m:backOffParameters",
     "{\"bops\":[{\"ibt\":1,\"abt\":1,\"mbt\":1}]}",
     false,
     {"7", "{}", "{\"bops\":[{\"ibt\":1}]}"}},
    {"m2m:scheduleEntries list", "{\"sce\":[" ENTRY "]}", false, {"7"}},
    {"imsi digits", "\"262\"", false, {"7", "\"x\""}},
    {"iccid digits", "\"262\"", false, {"7", "\"x\""}},
    {"dcfg:simStatus", "1", false, {"\"1\""}},
    {"dcfg:simType", "1", false, {"\"1\""}},
    {"dcfg:wifiCredentials", "{}", false, {"7"}},
    {"dcfg:wifiConnectionStatus", "1", false, {"\"1\""}},
    {"dcfg:cellularNetworkBearer", "1", false, {"\"1\""}},
    {"dcfg:coverageEnhancementLevel", "1", false, {"\"1\""}},
    /* any value but null */
    {"xs:anyType", "7", false, {NULL}},
    {"xs:anySimpleType (JSON: any value)", "7", false, {NULL}},
    {"xs:anySimpleType", "7", false, {NULL}},
    {"", "\"x\"", false, {NULL}},
    /* never in a request */
    {"m2m:setOfNotificationStatsInfo", "7", false, {NULL}},
    {"m2m:missingDataList", TIME, false, {NULL}},
    {"m2m:requestStatus", "1", false, {NULL}},
    {"m2m:requestID", "\"x\"", false, {NULL}},
    {"m2m:metaInformation", "{}", false, {NULL}},
    {"m2m:primitiveContent", "{}", false, {NULL}},
    {"m2m:operationResult", "{}", false, {NULL}},
    {"primitive / resource object", "{}", false, {NULL}},
    {"m2m:sessionCapabilities", "7", false, {NULL}},
};

/* Values that the data type alone does not tell. */
struct special {
    const char *attr; /* "type.sn", or "*.sn" */
    const char *good, *bad[3];
};
static const struct special specials[] = {
    {"AE.api", "\"Nx\"", {"7", "\"x\"", "\"\""}},
    {"areaNwkDeviceInfo.sus", "\"x\"", {"7", NULL, NULL}},
    {"battery.btl", "50", {"101", "\"5\"", "-1"}},
    {"cmdhBuffer.sgp", "5", {"11", "0", NULL}},
    {"timeSyncBeacon.bcnc", "1", {"3", "\"1\"", NULL}},
    {"serviceSubscribedAppRule.aai", "[\"R*\"]", {"[\"x\"]", "[7]", "[]"}},
    {"subscription.nct", "1", {"9", "\"1\"", NULL}},
    {"*.obis", "[\"urn:x\"]", {"[7]", "[]", "\"urn:x\""}},
    {"*.obps", "[\"urn:x\"]", {"[7]", "[]", "\"urn:x\""}},
    {"group.mid", "[\"x/y\"]", {"[7]", "\"x\"", NULL}},
    {"policyDeletionRules.dr", "{\"tod\":[" ENTRY "]}", {"7", "{\"zz\":1}", NULL}},
    {"token.tkps", "{\"pm\":[{\"rids\":[\"r\"]}]}", {"7", "{\"zz\":1}", NULL}},
    {"crossResourceSubscription.encs", "{\"encn\":[{\"net\":[1]}]}", {"7", "{}", NULL}},
};

/* What must stand beside an attribute. */
static const struct {
    const char *attr, *beside;
} company[] = {
    {"crossResourceSubscription.rrat", ",\"encs\":{\"encn\":[{\"net\":[1]}]}"},
};

/* ---- the table ------------------------------------------------------------------------------------- */

struct line {
    struct span type, sn, dt, mult, create, update;
};

static bool is(struct span s, const char *t)
{
    return span_eq(s, span_str(t));
}

static bool list_of(const struct line *l)
{
    bool either = is(l->dt, "m2m:geoCoordinates") || is(l->dt, "m2m:contentRef") || is(l->dt, "m2m:scheduleEntries") ||
                  is(l->dt, "list of m2m:contentRef");
    return !either &&
           (span_starts(l->dt, SPAN("list of ")) || span_starts(l->dt, SPAN("List of ")) ||
            span_find(l->mult, 'L') < l->mult.n || is(l->dt, "m2m:listOfURIs") || is(l->dt, "m2m:listOfM2MID") ||
            is(l->dt, "m2m:listOfMinMax") || is(l->dt, "restricted list of xs:boolean"));
}

static const struct sample *sample_of(struct span dt)
{
    if (span_starts(dt, SPAN("list of ")) || span_starts(dt, SPAN("List of ")))
        dt = span_from(dt, 8);
    for (size_t i = 0; i < LEN(samples); i++)
        if (is(dt, samples[i].type))
            return &samples[i];
    return NULL;
}

static struct span plain_type(struct span t)
{
    return span_starts(t, SPAN("mgmtObj [")) ? span_first(span_from(t, 9), t.n - 10) : t;
}

static bool named(const char *pattern, const struct line *l)
{
    struct span p = span_str(pattern), type = span_cut(&p, '.');
    return span_eq(p, l->sn) && (is(type, "*") || span_eq(type, plain_type(l->type)));
}

static const struct special *special_of(const struct line *l)
{
    for (size_t i = 0; i < LEN(specials); i++)
        if (named(specials[i].attr, l))
            return &specials[i];
    return NULL;
}

static bool first_word(struct span s, const char *w)
{
    return is(span_first(s, span_find(s, ' ')), w);
}

/* ---- one type --------------------------------------------------------------------------------------- */

struct bench {
    const struct type *t;
    struct line v[ROWS_MAX];
    size_t n;
    unsigned parent;
};

static char text[ROOM];

static void good_value(const struct bench *b, const struct line *l, struct buf *out)
{
    const struct special *x = special_of(l);
    const struct sample *s = sample_of(l->dt);
    bool mgd = is(l->sn, "mgd");
    if (x) {
        buf_str(out, x->good);
    } else if (mgd) {
        buf_u64(out, b->t->mgd);
    } else if (is(l->sn, "cnd")) {
        buf_str(out, "\"org.x.y\"");
    } else if (is(l->dt, "See clause 7.4.15")) {
        buf_str(out, "\"x\"");
    } else if (!s || !s->good) {
        fail_msg("%s.%.*s: no sample for '%.*s'", b->t->long_name, SPAN_FMT(l->sn), SPAN_FMT(l->dt));
    } else {
        buf_str(out, list_of(l) ? "[" : "");
        buf_str(out, s->good);
        buf_str(out, list_of(l) ? "]" : "");
    }
}

static void member(struct buf *out, struct span name)
{
    if (out->p[out->n - 1] != '{')
        buf_c(out, ',');
    buf_c(out, '"');
    buf_put(out, name);
    buf_str(out, "\":");
}

/* Everything mandatory but `leave`, and `l` with `value` (NULL: a good one) when it is given. */
static struct span body(const struct bench *b, bool create, const struct line *leave, const struct line *l,
                        const char *value)
{
    struct buf out = buf_over((uint8_t *)text, sizeof text);
    buf_str(&out, "{\"");
    buf_put(&out, b->t->root);
    buf_str(&out, "\":{");
    for (size_t i = 0; create && i < b->n; i++) {
        if (!first_word(b->v[i].create, "M") || &b->v[i] == leave || &b->v[i] == l)
            continue;
        member(&out, b->v[i].sn);
        good_value(b, &b->v[i], &out);
    }
    if (l) {
        member(&out, l->sn);
        if (value)
            buf_str(&out, value);
        else
            good_value(b, l, &out);
        for (size_t i = 0; i < LEN(company); i++)
            if (create && named(company[i].attr, l))
                buf_str(&out, company[i].beside);
    }
    if (b->t->number == TY_CRS && create && !(l && (is(l->sn, "rrat") || is(l->sn, "srat"))))
        member(&out, SPAN("srat")), buf_str(&out, "[\"x\"]");
    if (b->t->number == TY_SVSN && create && !(l && is(l->sn, "csi")))
        member(&out, SPAN("csi")), buf_str(&out, "\"/x\"");
    if (b->t->number == TY_MGO && !b->t->mgd && create && !(l && is(l->sn, "mgs")))
        member(&out, SPAN("mgs")), buf_str(&out, "\"urn:x\"");
    buf_str(&out, "}}");
    assert_int_equal(out.e, OK);
    return buf_span(&out);
}

static struct verdict verdict(const struct bench *b, bool create, struct span json)
{
    static struct arena a;
    static const struct switches r3;
    static char minimal[ROOM];
    struct jval *pc, *old = NULL;
    struct attrs out, was = {0};
    arena_over(&a, memory, sizeof memory);
    if (json_parse(json, &a, &pc, NULL) != OK)
        fail_msg("no JSON: %.*s", json.n > 300 ? 300 : (int)json.n, (const char *)json.p);
    if (!create) {
        struct span m = arena_dup(&a, json); /* body() uses the same room */
        assert_int_equal(json_parse(m, &a, &pc, NULL), OK);
        m = body(b, true, NULL, NULL, NULL);
        memcpy(minimal, m.p, m.n);
        assert_int_equal(json_parse(span_of(minimal, m.n), &a, &old, NULL), OK);
        attrs_from(old->child, b->t, &was);
    }
    struct check c = {.sw = &r3,
                      .now = now,
                      .role = ROLE_IN,
                      .rvi = REL_3,
                      .parent_ty = (uint16_t)b->parent,
                      .ty = b->t->number,
                      .type = b->t,
                      .pc = pc};
    return create ? check_create(&c, &a, &out) : check_update(&c, &was, &a, &out);
}

static void expect(const struct bench *b, const struct line *l, const char *what, bool create, struct span json,
                   bool refused)
{
    struct verdict v = verdict(b, create, json);
    bool names =
        span_eq(v.attr, l->sn) || (span_starts(v.attr, l->sn) && v.attr.n > l->sn.n && v.attr.p[l->sn.n] == '.');
    cases++;
    if (refused ? v.rsc == RSC_BAD_REQUEST && names && v.rule && strlen(v.rule) > 8 : verdict_go(v))
        return;
    wrong++;
    print_error("%s.%.*s %s %s: got %u '%.*s' (%s) for %.*s\n", b->t->long_name, SPAN_FMT(l->sn),
                create ? "CREATE" : "UPDATE", what, (unsigned)v.rsc, SPAN_FMT(v.attr), v.rule ? v.rule : "",
                json.n > 200 ? 200 : (int)json.n, (const char *)json.p);
}

static void bad_values(const struct bench *b, const struct line *l, bool create)
{
    const struct special *x = special_of(l);
    const struct sample *s = sample_of(l->dt);
    bool list = list_of(l);
    char value[ROOM / 2];
    for (size_t i = 0; x && i < LEN(x->bad) && x->bad[i]; i++)
        expect(b, l, "wrong value", create, body(b, create, NULL, l, x->bad[i]), true);
    if (x || !s || (is(l->sn, "con") && b->t->number == TY_CIN))
        return;
    for (size_t i = 0; i < LEN(s->bad) && s->bad[i]; i++) {
        snprintf(value, sizeof value, list ? "[%s]" : "%s", s->bad[i]);
        expect(b, l, "wrong value", create, body(b, create, NULL, l, value), true);
    }
    if (list && s->bad[0]) {
        expect(b, l, "no list", create, body(b, create, NULL, l, s->good ? s->good : "7"), true);
        if (!is(l->sn, "at") && !is(l->sn, "aa")) /* empty: announced no more */
            expect(b, l, "empty list", create, body(b, create, NULL, l, "[]"), true);
    }
    if (s->text) {
        size_t n = CHECK_TEXT_MAX + 1;
        snprintf(value, sizeof value, "%s\"", list ? "[" : "");
        size_t at = strlen(value);
        memset(value + at, 'x', n);
        snprintf(value + at + n, sizeof value - at - n, "\"%s", list ? "]" : "");
        expect(b, l, "too long", create, body(b, create, NULL, l, value), true);
    }
}

static void on_create(const struct bench *b, const struct line *l)
{
    if (is(l->sn, "cr") && !first_word(l->create, "NP")) {
        expect(b, l, "given", true, body(b, true, NULL, l, "\"Cx\""), true);
        expect(b, l, "null", true, body(b, true, NULL, l, "null"), false);
        return;
    }
    if (first_word(l->create, "NP")) {
        expect(b, l, "not permitted", true, body(b, true, NULL, l, NULL), true);
        return;
    }
    if (first_word(l->create, "M"))
        expect(b, l, "missing", true, body(b, true, l, NULL, NULL), true);
    expect(b, l, "right", true, body(b, true, NULL, l, NULL), false);
    expect(b, l, "null", true, body(b, true, NULL, l, "null"), true);
    if (!is(l->sn, "cnd"))
        bad_values(b, l, true);
}

static void on_update(const struct bench *b, const struct line *l)
{
    if (first_word(l->update, "NP")) {
        expect(b, l, "not permitted", false, body(b, false, NULL, l, NULL), true);
        return;
    }
    bool one = !span_starts(l->mult, SPAN("0..1"));
    expect(b, l, "right", false, body(b, false, NULL, l, NULL), false);
    expect(b, l, "null", false, body(b, false, NULL, l, "null"), one && !is(l->sn, "et"));
    bad_values(b, l, false);
}

static bool attribute_of_all(const struct bench *b)
{
    return !b->t || b->t->flags & (TF_VIRTUAL | TF_ANNOUNCED);
}

static void try_type(struct bench *b)
{
    size_t n;
    const struct type *all = type_rows(&n);
    if (attribute_of_all(b))
        return;
    b->parent = 0;
    for (size_t i = 0; i < n && !b->parent; i++)
        if (!(all[i].flags & TF_ANNOUNCED) && type_child(all[i].number, b->t->number))
            b->parent = all[i].number;
    for (size_t i = 0; i < b->n; i++) {
        if (type_named(b->t, b->v[i].sn)->create == P_LACKS) {
            assert_int_equal(verdict(b, true, body(b, true, NULL, &b->v[i], NULL)).rsc, RSC_NOT_IMPLEMENTED);
            continue;
        }
        if (!(b->t->flags & TF_NO_CREATE))
            on_create(b, &b->v[i]);
        if (!(b->t->flags & TF_NO_UPDATE))
            on_update(b, &b->v[i]);
    }
}

static const struct type *type_named_long(struct span name)
{
    size_t n;
    const struct type *t = type_rows(&n);
    bool spec = span_starts(name, SPAN("mgmtObj ["));
    if (is(name, "flexContainer"))
        return type_of_cnd(SPAN("org.x.y"));
    for (size_t i = 0; i < n; i++)
        if (spec == !!(t[i].flags & TF_SPEC) && is(plain_type(name), t[i].long_name))
            return &t[i];
    return NULL;
}

static void every_attribute(void **state)
{
    (void)state;
    static const char flex[] = "{\"cnd\":\"org.x.y\",\"root\":\"x:y\"}";
    static struct bench b;
    static uint8_t room[1 << 16];
    struct arena a;
    struct spec_list l = {0};
    struct spec_why why;
    struct csv c;
    size_t names, types = 0;
    (void)type_rows(&names);
    arena_over(&a, room, sizeof room);
    assert_int_equal(spec_read(&l, span_str(flex), &a, &why), OK);
    type_extend(&l);
    csv_open(&c, "attributes.csv");
    /* the rows of a type do not all stand together: one pass for each type */
    struct span seen[128];
    for (bool more = true; more;) {
        struct span type = SPAN_NONE;
        struct span rest = c.rest;
        b.n = 0;
        while (csv_next(&c)) {
            bool done = false;
            for (size_t i = 0; i < types; i++)
                done = done || span_eq(seen[i], c.f[0]);
            if (!done && !type.n)
                type = c.f[0];
            if (!span_eq(type, c.f[0]) || span_starts(c.f[3], SPAN("(")) || done)
                continue;
            assert_true(b.n < ROWS_MAX);
            b.v[b.n++] = (struct line){c.f[0], c.f[3], c.f[4], c.f[5], c.f[6], c.f[7]};
        }
        c.rest = rest;
        more = type.n > 0;
        if (more) {
            assert_true(types < LEN(seen));
            seen[types++] = type;
            b.t = type_named_long(type);
            try_type(&b);
        }
    }
    csv_close(&c);
    type_extend(NULL);
    print_message("%zu types, %u cases\n", types, cases);
    assert_true(cases > 5000);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_attribute)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
