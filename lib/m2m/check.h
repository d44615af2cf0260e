/* check.h - is this representation valid for a CREATE or an UPDATE? (TS-0004 7.3.3.3, 7.3.3.4, 7.4)
 *
 * Pure functions over parsed JSON and the tables of type.h. The order of the checks is the order in
 * which the standard states them, because it decides which code the originator sees. What needs the
 * store (siblings, existing policies, verification of targets) is the engine's. */
#ifndef M2M_CHECK_H
#define M2M_CHECK_H

#include "base/arena.h"
#include "m2m/rsc.h"
#include "m2m/switches.h"
#include "m2m/type.h"
#include "wire/json.h"

/* Role of the hosting CSE, m2m:cseTypeID. */
enum cse_role { ROLE_IN = 1, ROLE_MN = 2, ROLE_ASN = 3 };

/* The attributes of one representation by the slots of its type: v[i] belongs to t->own[i]; NULL: not mentioned. A JSON
 * null is a value here (type J_NULL). Slots t->n + 1 .. n are attributes that no table has (TF_OPEN), by their keys.
 * The values belong to the parsed document. All zero: no attributes of no type. */
struct attrs {
    const struct type *t;
    const struct jval *v[ATTRS_MAX];
    uint8_t n;
};
static inline const struct jval *attrs_get(const struct attrs *a, enum attr id)
{
    return a->t ? a->v[type_slot(a->t, id)] : NULL;
}
/* Gives an attribute of the type another value; NULL takes it away. Nothing happens when the type has no such one. */
static inline void attrs_set(struct attrs *a, enum attr id, const struct jval *v)
{
    size_t slot = a->t ? type_slot(a->t, id) : 0;
    if (slot)
        a->v[slot] = v;
}
/* By short name, attributes of loaded specializations included. */
const struct jval *attrs_named(const struct attrs *a, struct span short_name);

/* A set of attributes of one type: which of them an UPDATE changed. */
struct attr_set {
    const struct type *t;
    uint64_t bits; /* by slot; bit 0 stands for all that no table has */
};
static inline void attr_set_add(struct attr_set *s, enum attr id)
{
    s->bits |= UINT64_C(1) << type_slot(s->t, id);
}
bool attr_set_named(const struct attr_set *s, struct span short_name);

struct check {
    const struct switches *sw;
    int64_t now;  /* ms */
    uint8_t role; /* enum cse_role */
    uint8_t rvi;  /* release of the request, enum release of prim.h; 0 counts as release 1 */
    uint16_t
        parent_ty; /* CREATE: type of the target; UPDATE: type of the target's parent (subscription rules need it) */
    uint16_t ty;   /* CREATE: `ty` of the request; UPDATE: type of the target */
    const struct type *type; /* UPDATE: table of the target, its specialization; NULL: that of ty */
    const struct jval *pc;   /* parsed content; NULL: none came */
    bool late;               /* CREATE of a subscription: leave the rules that follow verification to check_sub_late */
};

/* Everything of procedures 2.3 that needs no store, in order: IN-only type 4005, not implemented 5001,
 * not in the child table 4108 (subscription 5203), no content 4000, root 4000 (a flexContainer whose cnd nobody loaded
 * 4125, a mgmtObj whose mgd is that of another root 4000), et in the past 4000,
 * creator rules 4000, unknown attribute 4000, per attribute NP, M, type and value 4000, reserved name
 * 4005, then the rules of the type (procedures 17 and 9).
 * The table is that of the specialization that the root names: out->t.
 * Fills *out with the attributes found, also when the verdict is an error (as far as it came).
 * The arena is used for strings with escapes only. */
struct verdict check_create(const struct check *c, struct arena *a, struct attrs *out);

/* procedures 2.4: root of the target's type (4000), et in the past, unknown, NP, null where the
 * multiplicity is 1 (et excepted), type and value, acpi alone, then the rules of the type. `old` are the attributes
 * that the resource has now (NULL entries: none): rules over several attributes see old and new merged. old may be NULL
 * when the type has no such rule. */
struct verdict check_update(const struct check *c, const struct attrs *old, struct arena *a, struct attrs *out);

/* A subscription's rules that stand behind the verification of its targets (procedures 9): chty no child of the
 * target, net together with om, nct not allowed for net. Only needed with `late`. */
struct verdict check_sub_late(const struct check *c, const struct attrs *a);
/* Which notification event types does enc ask for? Bit 1 << net for each; without net (and om) that is net 1. */
unsigned check_sub_nets(const struct jval *enc);
/* ACOP_ bits that `ops` of an operationMonitor stands for (switch 19); 0: not a value that it may have. */
unsigned check_sub_ops(const struct switches *sw, uint64_t ops);

/* The members of an object that are attributes of the type, sorted into *out; unknown ones are left out.
 * For stored representations, which were checked when they came. */
void attrs_from(const struct jval *object, const struct type *t, struct attrs *out);
/* Text value of an attribute without unescaping where none is needed; the empty span when absent or no string. */
struct span attrs_text(const struct attrs *a, enum attr id, struct arena *ar);

/* Is one value as its description demands? VERDICT_GO or 4000 with the rule. `name` goes into the verdict. */
struct verdict check_value(const struct vdesc *d, const struct jval *v, struct span name, struct arena *a,
                           const struct switches *sw);

/* Single grammars, for other users. */
bool check_resource_name(
    struct span s);              /* TS-0004 6.2.4: ALPHA / DIGIT, then ALPHA DIGIT - . _ ; at most CHECK_NAME_MAX */
bool check_cnf(struct span s);   /* media/type:enc[:sec], enc 0..2, sec 0..5 */
bool check_token(struct span s); /* xs:token, not empty */
bool check_duration(struct span s,
                    int64_t *ms); /* xs:duration, not negative; months count 30 days, years 365; ms may be NULL */
/* Octets of a text, at most: of names, of tokens (labels) and URIs, of everything else but con and base64, which the
 * size of the request bounds. An identifier: ID_MAX. */
enum { CHECK_NAME_MAX = 255, CHECK_TOKEN_MAX = 4096, CHECK_TEXT_MAX = 65536 };

/* Notification content type when the request names none (TS-0001 table 9.6.8-4): by the first net of enc (NULL: net 1).
 */
unsigned check_sub_nct_default(const struct jval *enc);
/* Octets that `con` counts in cs: UTF-8 of a string, JSON text of anything else (serialization 2.15). */
size_t check_content_size(const struct jval *con);

#endif
