#include "m2m/check_type.h"

#include "m2m/acr.h"
#include "m2m/prim.h"

static struct verdict bad(const char *attr, const char *rule)
{
    return verdict_of(RSC_BAD_REQUEST, span_str(attr), rule);
}

/* ---- what may be left out ------------------------------------------------------------------------- */

bool check_type_spares(const struct check *c, enum attr id, const struct attrs *sent)
{
    if (id == AT_srv) /* unknown to Releases 1 and 2, which cannot send it */
        return c->rvi <= REL_2;
    if (id == AT_con) /* Release 4: content elsewhere */
        return attrs_get(sent, AT_conr) || attrs_get(sent, AT_dcnt);
    return false;
}

/* ---- between attributes: rows of the folder --------------------------------------------------------- */

static struct verdict bond_holds(const struct bond *b, const struct attrs *now)
{
    enum attr x = (enum attr)b->a, y = (enum attr)b->b;
    struct span name = attr_row(x)->sn;
    switch ((enum bond_kind)b->kind) {
    case BOND_NEEDS:
        if (attrs_get(now, x) && !attrs_get(now, y))
            return verdict_of(RSC_BAD_REQUEST, name, "needs another attribute beside it (TS-0004 7.4)");
        break;
    case BOND_SOME:
        if (!attrs_get(now, x) && !attrs_get(now, y))
            return verdict_of(RSC_BAD_REQUEST, name, "or its counterpart must be there (TS-0004 7.4)");
        break;
    }
    return VERDICT_GO;
}

static struct verdict bonds_hold(const struct attrs *now)
{
    struct verdict v = VERDICT_GO;
    for (size_t i = 0; verdict_go(v) && i < now->t->n_bonds; i++)
        v = bond_holds(&now->t->bonds[i], now);
    return v;
}

/* ---- accessControlPolicy -------------------------------------------------------------------------- */

static struct verdict acp_rules(const struct attrs *sent)
{
    const struct jval *pvs = attrs_get(sent, AT_pvs);
    const struct jval *rules = pvs ? JSON_GET(pvs, "acr") : NULL;
    if (pvs && (!rules || rules->n == 0))
        return bad("pvs", "needs at least one rule, or nobody could ever change the policy (TS-0004 7.4.2)");
    return VERDICT_GO;
}

/* ---- AE ------------------------------------------------------------------------------------------- */

static struct verdict ae_rules(const struct check *c, const struct attrs *sent, struct arena *a)
{
    struct span api = attrs_text(sent, AT_api, a);
    if (api.n && api.p[0] == 'r' && c->rvi >= REL_4)
        return bad("api", "must begin with N or R from Release 4 on (TS-0001 7.1.3)");
    return VERDICT_GO;
}

/* ---- subscription --------------------------------------------------------------------------------- */

enum {
    NET_UPDATE = 1,
    NET_DELETE,
    NET_CREATE_CHILD,
    NET_DELETE_CHILD,
    NET_RETRIEVE_NONE,
    NET_TRIGGER,
    NET_BLOCKING,
    NET_MISSING,
    NET__N
};
enum { NCT_ALL = 1, NCT_MODIFIED, NCT_ID, NCT_TRIGGER, NCT_SERIES };

/* TS-0001 table 9.6.8-4: allowed content types of each event, as bits, and the default. */
struct net_row {
    uint8_t allowed, usual;
};
static const struct net_row nets[NET__N] = {
    [NET_UPDATE] = {1 << NCT_ALL | 1 << NCT_MODIFIED | 1 << NCT_ID, NCT_ALL},
    [NET_DELETE] = {1 << NCT_ALL | 1 << NCT_ID, NCT_ALL},
    [NET_CREATE_CHILD] = {1 << NCT_ALL | 1 << NCT_ID, NCT_ALL},
    [NET_DELETE_CHILD] = {1 << NCT_ALL | 1 << NCT_ID, NCT_ALL},
    [NET_RETRIEVE_NONE] = {1 << NCT_ALL | 1 << NCT_ID, NCT_ALL},
    [NET_TRIGGER] = {1 << NCT_TRIGGER, NCT_TRIGGER},
    [NET_BLOCKING] = {1 << NCT_MODIFIED, NCT_MODIFIED},
    [NET_MISSING] = {1 << NCT_SERIES, NCT_SERIES},
};

unsigned check_sub_nets(const struct jval *enc)
{
    unsigned bits = 0;
    int64_t v;
    const struct jval *net = enc ? JSON_GET(enc, "net") : NULL;
    for (const struct jval *e = net ? net->child : NULL; e; e = e->next)
        if (json_i64(e, &v) == OK && v > 0 && v < NET__N)
            bits |= 1u << v;
    if (!bits && !(enc && JSON_GET(enc, "om")))
        bits = 1u << NET_UPDATE;
    return bits;
}

unsigned check_sub_nct_default(const struct jval *enc)
{
    int64_t v;
    const struct jval *net = enc ? JSON_GET(enc, "net") : NULL;
    if (net && net->child && json_i64(net->child, &v) == OK && v > 0 && v < NET__N)
        return nets[v].usual;
    return NCT_ALL;
}

/* Identifiers have no colon. */
static bool is_url(const struct jval *nu)
{
    return span_find(nu->raw, ':') < span_find(nu->raw, '/');
}

/* A blocking subscription says little more than who is asked (TS-0004 7.4.8.2.1). */
static struct verdict blocking_rules(const struct attrs *sent, const struct attrs *now)
{
    static const uint16_t beside[] = {AT_exc, AT_gpi, AT_nfu, AT_bn, AT_rl,   AT_psn, AT_pn, AT_nsp,
                                      AT_ln,  AT_nct, AT_nec, AT_su, AT_acrs, AT_nse, AT_nsi};
    const struct jval *nu = attrs_get(now, AT_nu);
    if (check_sub_nets(attrs_get(now, AT_enc)) != 1u << NET_BLOCKING)
        return bad("enc.net", "a blocking update excludes every other event (TS-0004 7.4.8.2.1)");
    if (nu->n != 1)
        return bad("nu", "a blocking update has exactly one target (TS-0004 7.4.8.2.1)");
    for (size_t i = 0; i < LEN(beside); i++)
        if (attrs_get(sent, (enum attr)beside[i]))
            return verdict_of(RSC_BAD_REQUEST, attr_row((enum attr)beside[i])->sn,
                              "a blocking update takes only enc and nu (TS-0004 7.4.8.2.1)");
    for (const struct jval *m = attrs_get(now, AT_enc)->child; m; m = m->next)
        if (!span_eq(m->key, SPAN("net")) && !span_eq(m->key, SPAN("atr")))
            return bad("enc", "a blocking update takes only net and atr (TS-0004 7.4.8.2.1)");
    if (is_url(nu->child))
        return bad("nu", "the target of a blocking update is a resource identifier (TS-0004 7.4.8.2.1)");
    return VERDICT_GO;
}

static struct verdict event_rules(const struct check *c, const struct attrs *now)
{
    const struct jval *enc = attrs_get(now, AT_enc), *md = enc ? JSON_GET(enc, "md") : NULL;
    unsigned bits = check_sub_nets(enc);
    if (bits >> NET_MISSING & 1 && !md)
        return bad("enc.md", "a report on missing data points needs md (TS-0004 7.4.8.2.1)");
    if (md && c->parent_ty != TY_TS)
        return bad("enc.md", "only a timeSeries reports missing data points (TS-0004 7.4.8.2.1)");
    if (bits >> NET_RETRIEVE_NONE & 1 && c->parent_ty != TY_CNT)
        return bad("enc.net", "event 5 exists only for a container (TS-0001 9.6.8)");
    if (bits >> NET_TRIGGER & 1 && c->parent_ty != TY_AE)
        return bad("enc.net", "event 6 exists only for an AE (TS-0001 9.6.8)");
    return VERDICT_GO;
}

struct verdict check_sub_late(const struct check *c, const struct attrs *now)
{
    const struct jval *enc = attrs_get(now, AT_enc), *nct = attrs_get(now, AT_nct),
                      *chty = enc ? JSON_GET(enc, "chty") : NULL;
    int64_t v;
    for (const struct jval *e = chty ? chty->child : NULL; e; e = e->next)
        if (json_i64(e, &v) != OK || !type_child_anywhere(c->parent_ty, (unsigned)v))
            return bad("enc.chty",
                       "names a type that the subscribed-to resource cannot have as a child (TS-0004 7.4.8.2.1)");
    if (enc && JSON_GET(enc, "net") && JSON_GET(enc, "om"))
        return bad("enc", "net and om exclude each other (TS-0004 7.4.8.2.1)");
    unsigned bits = check_sub_nets(enc);
    if (!nct || json_i64(nct, &v) != OK)
        return VERDICT_GO;
    for (unsigned net = 1; net < NET__N; net++)
        if (bits >> net & 1 && !(nets[net].allowed >> v & 1))
            return bad("nct", "is not allowed for one of the events of enc (TS-0001 table 9.6.8-4)");
    return VERDICT_GO;
}

/* ---- operation monitors (switch 19) */

unsigned check_sub_ops(const struct switches *sw, uint64_t ops)
{
    enum { ALL = ACOP_CREATE | ACOP_RETRIEVE | ACOP_UPDATE | ACOP_DELETE | ACOP_NOTIFY | ACOP_DISCOVERY };
    if (!sw_open(sw, SW_monitor_by_number))
        return ops <= ALL ? (unsigned)ops : 0;
    unsigned one = ops >= OP_CREATE && ops <= OP_NOTIFY ? op_acop((enum op)ops) : 0;
    return one == ACOP_RETRIEVE ? ACOP_RETRIEVE | ACOP_DISCOVERY : one; /* discovery is a RETRIEVE */
}

static struct verdict monitor_rules(const struct check *c, const struct attrs *now)
{
    const struct jval *enc = attrs_get(now, AT_enc), *om = enc ? JSON_GET(enc, "om") : NULL;
    bool open = sw_open(c->sw, SW_monitor_by_number);
    for (const struct jval *v = om ? om->child : NULL; v; v = v->next) {
        uint64_t ops;
        const struct jval *jops = JSON_GET(v, "ops");
        if (JSON_GET(v, "org") && !open)
            return bad("enc.om.org", "is no member of operationMonitor (TS-0004 6.3.5.57)");
        if (jops && (json_u64(jops, UINT32_MAX, &ops) != OK || !check_sub_ops(c->sw, ops)))
            return bad("enc.om.ops", open ? "must be an operation, 1 to 5"
                                          : "must be a sum of access control operations, 1 to 63 (TS-0004 6.3.4.2.29)");
    }
    return VERDICT_GO;
}

static bool blocks(const struct attrs *a)
{
    return check_sub_nets(attrs_get(a, AT_enc)) >> NET_BLOCKING & 1;
}

static struct verdict sub_rules(const struct check *c, const struct attrs *old, const struct attrs *sent,
                                const struct attrs *now)
{
    bool blocking = blocks(now), create = !old;
    if (!create && blocking && !blocks(old))
        return bad("enc.net", "a blocking update cannot be brought in by an UPDATE (TS-0004 7.4.8.2.3)");
    struct verdict v = VERDICT_GO;
    if (blocking)
        v = blocking_rules(sent, now);
    if (verdict_go(v))
        v = event_rules(c, now);
    if (verdict_go(v))
        v = monitor_rules(c, now);
    if (verdict_go(v) && !(create && c->late))
        v = check_sub_late(c, now);
    return v;
}

/* ---- other types ----------------------------------------------------------------------------------- */

static struct verdict mgo_rules(const struct attrs *now)
{
    if (!(now->t->flags & TF_SPEC) && !attrs_get(now, AT_mgs))
        return bad("mgs", "is mandatory when mgd is 0 (TS-0004 7.4.15.1)");
    return VERDICT_GO;
}

/* One criteria for all targets, or one for each. */
static struct verdict crs_rules(const struct attrs *now)
{
    const struct jval *rrat = attrs_get(now, AT_rrat), *encs = attrs_get(now, AT_encs),
                      *encn = encs ? JSON_GET(encs, "encn") : NULL;
    if (rrat && encn && encn->n != 1 && encn->n != rrat->n)
        return bad("encs", "needs one entry, or as many as rrat (TS-0004 7.4.58.2.1)");
    return VERDICT_GO;
}

static struct verdict asar_rules(const struct attrs *sent, struct arena *a)
{
    const struct jval *aai = attrs_get(sent, AT_aai);
    struct span s;
    for (const struct jval *e = aai && aai->type == J_ARR ? aai->child : NULL; e; e = e->next)
        if (json_str(e, a, &s) != OK || !s.n || (s.p[0] != '*' && s.p[0] != 'R' && s.p[0] != 'N'))
            return bad("aai", "has an entry that begins with none of *, R, N (TS-0004 7.4.29.2)");
    return VERDICT_GO;
}

static struct verdict svsn_rules(const struct attrs *now)
{
    if (attrs_get(now, AT_rlk) && !attrs_get(now, AT_csi))
        return bad("rlk", "belongs to a CSE: csi must be there, too (TS-0004 7.4.20.2)");
    return VERDICT_GO;
}

/* ---- all ------------------------------------------------------------------------------------------ */

struct verdict check_type_rules(const struct check *c, const struct attrs *old, const struct attrs *sent,
                                const struct attrs *now, struct arena *a)
{
    struct verdict v = now->t ? bonds_hold(now) : VERDICT_GO;
    if (!verdict_go(v))
        return v;
    switch (c->ty) {
    case TY_ACP:
        return acp_rules(sent);
    case TY_AE:
        return ae_rules(c, sent, a);
    case TY_SUB:
        return sub_rules(c, old, sent, now);
    case TY_MGO:
        return mgo_rules(now);
    case TY_CRS:
        return crs_rules(now);
    case TY_ASAR:
        return asar_rules(sent, a);
    case TY_SVSN:
        return svsn_rules(now);
    default:
        return VERDICT_GO;
    }
}
