/* tables.h - what the tests of lib/m2m/tbl share: excuses for differences, and what the words of test/spec mean. */
#ifndef TEST_TABLES_H
#define TEST_TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "csv.h"
#include "m2m/prim.h"
#include "m2m/switches.h"

struct excuse {
    const char *table, *row, *facet, *reason;
    unsigned used;
};
/* Of the including file: {0} ends it. */
extern struct excuse excused[];

static UNUSED bool is_excused(const char *table, const char *row, const char *facet)
{
    for (size_t i = 0; excused[i].table; i++)
        if (!strcmp(excused[i].table, table) && !strcmp(excused[i].row, row) && !strcmp(excused[i].facet, facet)) {
            excused[i].used++;
            return true;
        }
    return false;
}

static UNUSED unsigned wrong;

static UNUSED void differs(const char *table, const char *row, const char *facet, struct span want)
{
    if (is_excused(table, row, facet))
        return;
    wrong++;
    print_error("%s: %s: %s differs from '%.*s'\n", table, row, facet, SPAN_FMT(want));
}

static UNUSED bool has(struct span s, const char *piece)
{
    struct span p = span_str(piece);
    for (size_t i = 0; i + p.n <= s.n; i++)
        if (!memcmp(s.p + i, p.p, p.n))
            return true;
    return false;
}

static UNUSED bool is(struct span s, const char *text)
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
    {"m2m:nhURI", VK_STRING, NULL, 0, 0},
    {"m2m:labels", VK_TOKEN, NULL, 0, 0},
    {"m2m:listOfM2MID", VK_ID, NULL, 0, 0},
    {"m2m:nodeID", VK_NSTRING, NULL, 0, 0},
    {"m2m:mgmtLinkRef", VK_COMPLEX, "mgmtLinkRef", 0, 0},
    {"m2m:actionStatus", VK_COMPLEX, "actionStatus", 0, 0},
    {"m2m:listOfMinMax", VK_UINT, NULL, -1, INT64_MAX},
    {"xs:long", VK_UINT, NULL, -1, INT64_MAX},
    {"xs:integer", VK_UINT, NULL, INT64_MIN, INT64_MAX},
    {"xs:unsignedLong", VK_UINT, NULL, 0, INT64_MAX},
    {"m2m:eventCatWithDef", VK_EVENTCATDEF, NULL, 0, 0},
    {"m2m:logicalOperator", VK_ENUM, "logicalOperator", 0, 0},
    {"m2m:semanticFormat", VK_ENUM, "semanticFormat", 0, 0},
    {"m2m:ipAddress", VK_COMPLEX, "ipAddress", 0, 0},
    {"m2m:evalCriteria", VK_COMPLEX, "evalCriteria", 0, 0},
    {"xs:base64Binary text", VK_BASE64, NULL, 0, 0},
    {"xs:anySimpleType (JSON: any value)", VK_ANY, NULL, 0, 0},
    {"xs:anySimpleType", VK_ANY, NULL, 0, 0},
    {"restricted list of xs:boolean", VK_BOOL, NULL, 0, 0},
    {"m2m:tokenPermissions", VK_COMPLEX, "tokenPermissions", 0, 0},
    {"m2m:timeWindowType", VK_ENUM, "timeWindowType", 0, 0},
    {"m2m:requestStatus", VK_ENUM, "requestStatus", 0, 0},
    {"m2m:requestPrimitive", VK_COMPLEX, "requestPrimitive", 0, 0},
    {"m2m:protocolList", VK_STRING, NULL, 0, 0},
    {"m2m:operationResult", VK_COMPLEX, "operationResult", 0, 0},
    {"m2m:notificationTargetPolicyAction", VK_ENUM, "notificationTargetPolicyAction", 0, 0},
    {"m2m:missingDataList", VK_TIME, NULL, 0, 0},
    {"m2m:metaInformation", VK_COMPLEX, "metaInformation", 0, 0},
    {"m2m:memberType", VK_ENUM, "memberType", 0, 0},
    {"m2m:logTypeId", VK_ENUM, "logTypeId", 0, 0},
    {"m2m:logStatus", VK_ENUM, "logStatus", 0, 0},
    {"m2m:locationUpdateEventCriteria", VK_ENUM, "locationUpdateEventCriteria", 0, 0},
    {"m2m:locationTargetID", VK_NSTRING, NULL, 0, 0},
    {"m2m:locationSource", VK_ENUM, "locationSource", 0, 0},
    {"m2m:locationInformationType", VK_ENUM, "locationInformationType", 0, 0},
    {"m2m:geofenceEventCriteria", VK_ENUM, "geofenceEventCriteria", 0, 0},
    {"m2m:eventNotificationCriteriaSet", VK_COMPLEX, "eventNotificationCriteriaSet", 0, 0},
    {"m2m:eventEvaluationMode", VK_ENUM, "eventEvaluationMode", 0, 0},
    {"m2m:evalMode", VK_ENUM, "evalMode", 0, 0},
    {"m2m:deletionContexts", VK_COMPLEX, "deletionContexts", 0, 0},
    {"m2m:consistencyStrategy", VK_ENUM, "consistencyStrategy", 0, 0},
    {"m2m:batteryStatus", VK_ENUM, "batteryStatus", 0, 0},
    {"m2m:backOffParameters", VK_COMPLEX, "backOffParameters", 0, 0},
    {"m2m:actionInput", VK_COMPLEX, "actionInput", 0, 0},
    {"m2m:attribute", VK_COMPLEX, "attribute", 0, 0},
    {"m2m:deviceID", VK_NSTRING, NULL, 0, 0},
    {"m2m:sparql", VK_NSTRING, NULL, 0, 0},
    {"primitive / resource object", VK_OBJECT, NULL, 0, 0},
    {"imsi digits", VK_DIGITS, NULL, 0, 0},
    {"iccid digits", VK_DIGITS, NULL, 0, 0},
    {"dcfg:simStatus", VK_UINT, NULL, 0, INT64_MAX},
    {"dcfg:simType", VK_UINT, NULL, 0, INT64_MAX},
    {"dcfg:wifiCredentials", VK_OBJECT, NULL, 0, 0},
    {"dcfg:wifiConnectionStatus", VK_UINT, NULL, 0, INT64_MAX},
    {"dcfg:cellularNetworkBearer", VK_UINT, NULL, 0, INT64_MAX},
    {"dcfg:coverageEnhancementLevel", VK_UINT, NULL, 0, INT64_MAX},
};

static UNUSED const struct meaning *meaning_of(struct span text)
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

static UNUSED bool means(const struct meaning *m, const struct vdesc *v)
{
    if (!m || m->kind != v->kind)
        return false;
    if (v->kind == VK_ENUM)
        return !strcmp(m->ref, enum_text((enum enumeration)v->ref));
    if (v->kind == VK_COMPLEX)
        return !strcmp(m->ref, ctype_row((enum ctype)v->ref)->name);
    return v->kind != VK_UINT || (m->lo == v->lo && m->hi == v->hi);
}

static UNUSED bool list_type(struct span t)
{
    static const char *const lists[] = {"m2m:listOfURIs",    "m2m:listOfM2MID",  "m2m:signatureList",
                                        "m2m:attributeList", "m2m:listOfMinMax", "restricted list of xs:boolean"};
    for (size_t i = 0; i < LEN(lists); i++)
        if (is(t, lists[i]))
            return true;
    return span_starts(t, SPAN("list of ")) || span_starts(t, SPAN("List of "));
}

/* "mgmtObj [firmware]" is a specialization; announced variants have one table for all, and tests of their own. */
static UNUSED const struct type *hosted(struct span name)
{
    size_t n;
    const struct type *t = type_rows(&n);
    bool spec = span_starts(name, SPAN("mgmtObj ["));
    if (spec)
        name = span_first(span_from(name, 9), name.n - 10);
    for (size_t i = 0; i < n; i++)
        if (!(t[i].flags & (TF_VIRTUAL | TF_ANNOUNCED)) && spec == !!(t[i].flags & TF_SPEC) && is(name, t[i].long_name))
            return &t[i];
    return NULL;
}

/* "NP (CSE-filled)" */
static UNUSED struct span word(struct span s)
{
    return span_first(s, span_find(s, ' '));
}

static UNUSED void no_excuse_is_left_over(void **state)
{
    (void)state;
    for (size_t i = 0; excused[i].table; i++)
        if (!excused[i].used)
            fail_msg("excuse without a difference: %s %s %s", excused[i].table, excused[i].row, excused[i].facet);
}

#endif
