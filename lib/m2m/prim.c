/* prim.c - a request before anything is looked up: interpret every parameter, then judge in the order of TS-0004
 * 7.3.2.1 (procedures 2.1, rows 1 to 18). */
#include "m2m/prim.h"

#include "base/m2mtime.h"
#include "m2m/grammar.h"
#include "m2m/prim_part.h"

static struct verdict bad(enum param id, const char *rule)
{
    return verdict_of(RSC_BAD_REQUEST, param_row(id)->sn, rule);
}

struct verdict prim_no_memory(void)
{
    return verdict_of(RSC_INTERNAL_SERVER_ERROR, SPAN_NONE, "the request needs more memory than its limit");
}

/* ---- small parts ---------------------------------------------------------------------------------- */

static const char *const op_names[OP__N] = {"?", "CREATE", "RETRIEVE", "UPDATE", "DELETE", "NOTIFY"};

const char *op_name(unsigned op)
{
    return op < OP__N ? op_names[op] : "?";
}

static const struct span releases[] = {
    [REL_1] = {(const uint8_t *)"1", 1}, [REL_2] = {(const uint8_t *)"2", 1}, [REL_2A] = {(const uint8_t *)"2a", 2},
    [REL_3] = {(const uint8_t *)"3", 1}, [REL_4] = {(const uint8_t *)"4", 1}, [REL_5] = {(const uint8_t *)"5", 1},
};

enum release release_of(struct span text)
{
    for (unsigned i = REL_1; i <= REL_5; i++)
        if (span_eq(text, releases[i]))
            return (enum release)i;
    return text.n ? REL_OTHER : REL_NONE;
}

struct span release_text(unsigned rvi)
{
    return rvi >= REL_1 && rvi <= REL_5 ? releases[rvi] : SPAN_NONE;
}

/* TS-0001 table 8.1.2-1; a bit per result content. */
static const uint16_t rcn_of_op[OP__N] = {
    [OP_CREATE] = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9,
    [OP_RETRIEVE] = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12,
    [OP_UPDATE] = 1 << 0 | 1 << 1 | 1 << 9,
    [OP_DELETE] = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8,
    [OP_NOTIFY] = 1 << 0 | 1 << 1,
};

bool prim_rcn_allowed(enum op op, unsigned rcn, bool discovery, unsigned rvi)
{
    if (rcn == RCN_DEFAULT)
        return true;
    if (rcn > RCN_PERMISSIONS)
        return false;
    if (discovery)
        return rcn == RCN_REFS || rcn == RCN_DISCOVERY_REFS || (rcn == RCN_ATTRIBUTES && rvi < REL_3);
    return rcn_of_op[op] >> rcn & 1;
}

enum err prim_words(struct span s, uint8_t separator, struct arena *a, struct strings *out)
{
    size_t n = 1;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == separator;
    struct span *v = ARENA_ARRAY(a, struct span, n);
    if (!v)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        if ((v[i] = span_cut(&s, separator)).n == 0)
            return ERR_SYNTAX;
    *out = (struct strings){v, n};
    return OK;
}

/* ---- a primitive ---------------------------------------------------------------------------------- */

struct span prim_word(struct span *list)
{
    for (;;) {
        size_t n = 0;
        while (n < list->n && list->p[n] != ' ' && list->p[n] != '+')
            n++;
        struct span w = span_first(*list, n);
        *list = span_from(*list, n + 1);
        if (w.n || !list->n)
            return w;
    }
}

void prim_init(struct prim *p)
{
    *p = (struct prim){.rcn = RCN_DEFAULT, .rt = RT_BLOCKING, .drt = 1};
}

void prim_set(struct prim *p, enum param id, struct span text)
{
    p->raw[id] = text;
    p->have |= UINT64_C(1) << (unsigned)id;
}

enum err prim_add(struct prim *p, enum crit id, enum attr attr, struct span value, struct arena *ar)
{
    struct arg *g = ARENA_NEW(ar, struct arg), **end = &p->args;
    if (!g)
        return ERR_NOMEM;
    *g = (struct arg){.crit = (uint8_t)id, .attr = (uint16_t)attr, .value = value};
    if (attr != AT_NONE)
        g->name = attr_row(attr)->sn;
    while (*end) /* a query has a handful of them, and the reader bounds it */
        end = &(*end)->next;
    *end = g;
    return OK;
}

/* An attribute that only specializations have, mostly those that were loaded from data. */
static bool is_custom(struct span name)
{
    size_t n;
    const struct type *t = type_rows(&n);
    bool hit = false;
    for (size_t i = 0; i < n && !hit; i++)
        hit = t[i].flags & TF_SPEC && type_named(&t[i], name)->create != P_ABSENT;
    return hit;
}

enum err prim_add_condition(struct prim *p, enum crit id, struct span name, struct span value, struct arena *ar)
{
    enum attr a = attr_find(name);
    if (a == AT_NONE && !is_custom(name))
        return ERR_NOTFOUND;
    TRY(prim_add(p, id, a, value, ar));
    struct arg *g = p->args;
    while (g->next)
        g = g->next;
    g->name = name;
    return OK;
}

/* ---- interpretation ------------------------------------------------------------------------------- */

static bool number(const struct prim *p, enum param id, uint64_t max, uint64_t *out)
{
    return span_u64(p->raw[id], max, out) == OK;
}

/* One parameter in the types of struct prim; false when the value is outside its type. */
static bool interpret_number(struct prim *p, enum param id)
{
    uint64_t v = 0;
    bool ok = number(p, id, 65535, &v);
    switch (id) {
    case PA_ty:
        p->ty = ok ? (uint16_t)v : 0;
        return true; /* row 9 */
    case PA_rcn:
        p->rcn = ok && v <= RCN_PERMISSIONS ? (uint8_t)v : RCN_PERMISSIONS + 1;
        return true; /* row 11 */
    case PA_rt:
        p->rt = (uint8_t)v;
        return ok && v >= RT_SYNCH && v <= RT_NONE;
    case PA_drt:
        p->drt = (uint8_t)v;
        return ok && (v == 1 || v == 2);
    case PA_ec:
        p->ec = (uint16_t)v;
        return ok && ((v >= 2 && v <= 4) || (v >= 100 && v <= 999));
    default:
        return true;
    }
}

static bool interpret_time(struct prim *p, enum param id, const struct prim_env *env)
{
    int64_t ms = 0;
    bool relative = param_row(id)->kind == VK_ABSREL;
    enum err e = relative ? grammar_absrel(p->raw[id], env->now, sw_open(env->sw, SW_duration_timestamps), &ms)
                          : m2mtime_get(p->raw[id], &ms);
    if (e != OK)
        return false;
    if (ms == 0)
        ms = 1; /* 0 means absent */
    switch (id) {
    case PA_rqet:
        p->rqet = ms;
        return true;
    case PA_rset:
        p->rset = ms;
        return true;
    case PA_oet:
        p->oet = ms;
        return true;
    case PA_rp:
        p->rp = ms;
        return true;
    default:
        return true;
    }
}

static bool interpret_bool(struct prim *p, enum param id)
{
    struct span s = p->raw[id];
    bool yes = span_eq(s, SPAN("true")) || span_eq(s, SPAN("1"));
    if (id == PA_sqi)
        p->sqi = yes;
    return yes || span_eq(s, SPAN("false")) || span_eq(s, SPAN("0"));
}

static bool interpret(struct prim *p, enum param id, const struct prim_env *env)
{
    switch (param_row(id)->kind) {
    case VK_UINT:
    case VK_EVENTCAT:
        return interpret_number(p, id);
    case VK_TIME:
    case VK_ABSREL:
        return interpret_time(p, id, env);
    case VK_BOOL:
        return interpret_bool(p, id);
    case VK_ID:
        return grammar_uri(p->raw[id]);
    default:
        return true;
    }
}

/* Notification targets of a non-blocking request. Present and empty means: none wanted (TS-0004 7.5.1.2.5). */
static struct verdict targets(struct prim *p, struct arena *a)
{
    struct span list = p->raw[PA_rtu];
    p->nu_given = prim_has(p, PA_rtu);
    if (!p->nu_given)
        return VERDICT_GO;
    if (p->rt != RT_ASYNCH && p->rt != RT_FLEX)
        return bad(PA_rt, "notification targets go only with response type 2 or 4 (TS-0004 6.4.1)");
    if (!list.n)
        return VERDICT_GO;
    enum err e = prim_words(list, '&', a, &p->nu);
    if (e == ERR_NOMEM)
        return prim_no_memory();
    return e == OK ? VERDICT_GO : bad(PA_rtu, "has an empty notification target");
}

static struct verdict partial(struct prim *p, struct arena *a)
{
    if (p->addr.attr.n) {
        struct span *one = ARENA_NEW(a, struct span);
        if (!one)
            return prim_no_memory();
        *one = p->addr.attr;
        p->atrl = (struct strings){one, 1};
    } else if (prim_has(p, PA_atrl)) {
        enum err e = prim_words(p->raw[PA_atrl], ' ', a, &p->atrl);
        if (e != OK)
            return e == ERR_NOMEM ? prim_no_memory() : bad(PA_atrl, "must name at least one attribute");
    }
    if (p->atrl.n && p->op != OP_RETRIEVE)
        return bad(PA_atrl, "single attributes can only be retrieved (TS-0004 7.3.3.14)");
    return VERDICT_GO;
}

/* Everything at once; the first value outside its type waits for its row (17). */
static struct verdict interpret_all(struct prim *p, const struct prim_env *env, struct arena *a)
{
    struct verdict first = VERDICT_GO;
    for (uint64_t left = p->have; left; left &= left - 1) {
        enum param id = (enum param)__builtin_ctzll(left);
        if (!interpret(p, id, env) && verdict_go(first))
            first = bad(id, "is outside its data type (TS-0004 6.3)");
    }
    p->rvi = (uint8_t)release_of(p->raw[PA_rvi]);
    p->from = id_parse(p->raw[PA_fr], env->self);
    struct verdict v = p->args ? prim_criteria(p, a) : VERDICT_GO;
    if (verdict_go(first))
        first = v;
    v = targets(p, a);
    if (verdict_go(first))
        first = v;
    v = partial(p, a);
    return verdict_go(first) ? v : first;
}

/* ---- rows 1 to 8: time and originator -------------------------------------------------------------- */

static struct verdict primitive(struct prim *p, const struct prim_env *env)
{
    const char *why;
    if (p->bad)
        return verdict_of(p->bad_rsc ? (enum rsc)p->bad_rsc : RSC_BAD_REQUEST, SPAN_NONE, p->bad);
    if (p->op == OP_NONE || p->op >= OP__N)
        return bad(PA_op, "is missing or no operation (TS-0004 6.3.4.2.5)");
    if (addr_parse(p->raw[PA_to], env->self, env->sw, &p->addr, &why) != OK)
        return bad(PA_to, why);
    if (!p->raw[PA_rqi].n)
        return bad(PA_rqi, "is mandatory in every request (TS-0001 8.1.2)");
    return VERDICT_GO;
}

static struct verdict times(const struct prim *p, const struct prim_env *env)
{
    static const enum param timed[] = {PA_rqet, PA_rset, PA_oet};
    for (size_t i = 0; i < LEN(timed); i++)
        if (env->refuse >> timed[i] & 1 && prim_has(p, timed[i]))
            return verdict_of(RSC_NOT_IMPLEMENTED, param_row(timed[i])->sn, "this CSE does not support the parameter");
    if (p->rqet && p->rqet <= env->now)
        return verdict_of(RSC_REQUEST_TIMEOUT, SPAN("rqet"),
                          "the request expired before it was received (TS-0004 7.3.2.1)");
    return VERDICT_GO;
}

static struct verdict unauthenticated(const char *rule)
{
    return verdict_of(RSC_ORIGINATOR_NOT_AUTHENTICATED, SPAN("fr"), rule);
}

/* From is empty, "C", "S" or "/S": an AE asks for an identifier. */
static bool asks_for_id(struct span fr)
{
    return !fr.n || span_eq(fr, SPAN("C")) || span_eq(fr, SPAN("S")) || span_eq(fr, SPAN("/S"));
}

static struct verdict from_ae(const struct prim *p, const struct prim_env *env, bool registration)
{
    if (registration && asks_for_id(p->raw[PA_fr]))
        return VERDICT_GO;
    if (!registration && p->from.scope != ADDR_CSE_RELATIVE && !sw_open(env->sw, SW_any_originator))
        return bad(PA_fr, "an AE gives its AE-ID-Stem to its registrar CSE (TS-0004 7.3.2.1)");
    for (size_t i = 0; i < p->assoc.n_ids; i++) {
        struct id allowed = id_parse(p->assoc.ids[i], env->self);
        if (id_same(&allowed, &p->from))
            return VERDICT_GO;
    }
    return unauthenticated("is no identity of the security association that the request came by (TS-0003 7.2.1)");
}

static struct verdict from_cse(const struct prim *p, const struct prim_env *env)
{
    struct id peer = p->assoc.n_ids ? id_parse(p->assoc.ids[0], env->self) : (struct id){0};
    const struct id *fr = &p->from;
    if (peer.kind != ID_CSE)
        return unauthenticated("the security association has no CSE-ID (TS-0003 7.2.1)");
    if (fr->kind == ID_AE_C && fr->scope == ADDR_CSE_RELATIVE)
        return unauthenticated("another CSE forwards AE-IDs in SP-relative or absolute form (TS-0004 7.3.2.1)");
    if (fr->kind == ID_AE_S && id_ours(fr, env->self) && env->registered && env->registered(env->who, fr))
        return unauthenticated("is registered at this CSE, but came from another CSE (TS-0004 7.3.2.1)");
    if (!fr->cse.n || (span_eq(fr->cse, peer.cse) && span_eq_nocase(fr->sp, peer.sp)))
        return VERDICT_GO;
    struct id host = {.kind = ID_CSE, .scope = ADDR_SP_RELATIVE, .sp = fr->sp, .cse = fr->cse};
    struct id us = id_parse(env->self->csi, env->self);
    if (id_same(&host, &us))
        return unauthenticated("names this CSE or an AE of it, but came from another CSE (TS-0004 7.3.2.1)");
    if (env->registree && env->registree(env->who, &host))
        return unauthenticated("belongs to another CSE that is registered here (TS-0004 7.3.2.1)");
    return VERDICT_GO;
}

static bool own_csi(struct span fr, const struct self *me)
{
    return span_eq(fr, me->csi) || span_eq(fr, span_from(me->csi, 1));
}

static struct verdict association_required(void)
{
    return verdict_of(RSC_SECURITY_ASSOCIATION_REQUIRED, SPAN("fr"),
                      "a CSE-ID is only accepted over a security association (TS-0004 7.3.2.1)");
}

static struct verdict from_anybody(const struct prim *p, const struct prim_env *env, bool registration)
{
    const struct id *fr = &p->from;
    if (registration)
        return fr->kind == ID_CSE || own_csi(p->raw[PA_fr], env->self) ? association_required() : VERDICT_GO;
    if (sw_open(env->sw, SW_any_originator))
        return VERDICT_GO;
    bool names_cse = fr->kind == ID_CSE || (fr->cse.n && fr->scope != ADDR_CSE_RELATIVE);
    if (!names_cse && env->registered && !env->registered(env->who, fr))
        return unauthenticated("is not registered at this CSE (TS-0004 7.3.2.1)");
    return names_cse ? association_required() : VERDICT_GO;
}

static struct verdict originator(const struct prim *p, const struct prim_env *env)
{
    struct span fr = p->raw[PA_fr];
    bool registration = p->op == OP_CREATE && p->ty == TY_AE;
    if (!fr.n && !registration)
        return bad(PA_fr, "is mandatory but for the registration of an AE (TS-0004 7.3.2.1)");
    if (fr.n && !asks_for_id(fr) && !sw_open(env->sw, SW_opaque_originator) &&
        (p->from.kind == ID_BAD || p->from.kind == ID_OPAQUE || p->from.kind == ID_SP) &&
        !(registration && own_csi(fr, env->self)))
        return bad(PA_fr, "is no AE-ID and no CSE-ID (TS-0001 7.2)");
    if (env->trusted)
        return VERDICT_GO;
    if (!p->assoc.secured)
        return from_anybody(p, env, registration);
    if (p->assoc.kind == ASSOC_CSE)
        return from_cse(p, env);
    if (p->assoc.kind == ASSOC_AE)
        return from_ae(p, env, registration);
    return unauthenticated("the security association proves neither an AE-ID nor a CSE-ID (TS-0003 7.2.1)");
}

/* ---- rows 9 to 18: parameters ---------------------------------------------------------------------- */

/* TS-0001 table 8.1.2-3: what does not go with an operation. */
static const uint64_t not_with[OP__N] = {
    [OP_CREATE] = PA_BIT(drt) | PA_BIT(sqi),
    [OP_UPDATE] = PA_BIT(drt) | PA_BIT(sqi),
    [OP_DELETE] = PA_BIT(drt) | PA_BIT(sqi),
    [OP_NOTIFY] = PA_BIT(drt) | PA_BIT(sqi) | PA_BIT(rp) | PA_BIT(grtm) | PA_BIT(asi) | PA_BIT(aus) | PA_BIT(auri),
};

static struct verdict applicable(const struct prim *p, bool here)
{
    if (p->op == OP_CREATE) {
        if (!p->ty || (here && !type_known(p->ty)))
            return bad(PA_ty, "is missing or no resource type, and CREATE needs one (TS-0004 7.3.2.1)");
    } else if (prim_has(p, PA_ty)) {
        return bad(PA_ty, "goes only with CREATE (TS-0001 table 8.1.2-3)");
    }
    if (p->args && (p->op == OP_CREATE || p->op == OP_NOTIFY))
        return verdict_of(RSC_BAD_REQUEST, SPAN("fc"),
                          "filter criteria do not go with this operation (TS-0001 table 8.1.2-3)");
    uint64_t odd = p->have & not_with[p->op];
    if (odd)
        return bad((enum param)__builtin_ctzll(odd), "does not go with this operation (TS-0001 table 8.1.2-3)");
    bool discovery = p->fc && (p->fc->fu == FU_DISCOVERY || p->fc->fu == FU_IPE);
    if (discovery && p->op != OP_RETRIEVE)
        return verdict_of(RSC_BAD_REQUEST, SPAN("fu"), "discovery is a RETRIEVE (TS-0001 8.1.2)");
    if (!prim_rcn_allowed((enum op)p->op, p->rcn, discovery, p->rvi))
        return bad(PA_rcn, "is not allowed for this operation (TS-0001 table 8.1.2-1)");
    return VERDICT_GO;
}

static struct verdict serializations(const struct prim *p)
{
    if (p->accept && !(p->accept >> SER_JSON & 1))
        return verdict_of(RSC_NOT_ACCEPTABLE, SPAN_NONE, "the response can only be given as JSON (TS-0004 7.3.2.1)");
    if (p->pc.n && p->ser == SER_NONE)
        return verdict_of(RSC_BAD_REQUEST, SPAN("pc"), "content without a content type");
    if (p->pc.n && p->ser != SER_JSON)
        return verdict_of(RSC_UNSUPPORTED_MEDIA_TYPE, SPAN("pc"), "content can only be read as JSON (TS-0004 7.3.2.1)");
    return VERDICT_GO;
}

static struct verdict release(const struct prim *p, const struct prim_env *env)
{
    bool strict = sw_open(env->sw, SW_rvi_required);
    unsigned rvi = p->rvi == REL_NONE ? REL_1 : p->rvi;
    if (rvi != REL_OTHER && !(strict && rvi < REL_2A) && (env->releases >> rvi & 1))
        return VERDICT_GO;
    return verdict_of(RSC_RELEASE_VERSION_NOT_SUPPORTED, SPAN("rvi"),
                      "this CSE does not serve the release (TS-0004 7.3.2.1)");
}

static struct verdict supported(const struct prim *p, const struct prim_env *env)
{
    uint64_t params = p->have & env->refuse;
    if (params)
        return verdict_of(RSC_NOT_IMPLEMENTED, param_row((enum param)__builtin_ctzll(params))->sn,
                          "this CSE does not support the parameter");
    uint64_t crits = p->fc ? p->fc->have & env->refuse_fc : 0;
    if (crits)
        return verdict_of(RSC_NOT_IMPLEMENTED, crit_name((enum crit)__builtin_ctzll(crits)),
                          "this CSE does not support the criterion");
    if (p->rcn == RCN_SEMANTIC)
        return verdict_of(RSC_NOT_IMPLEMENTED, SPAN("rcn"), "this CSE does not support the result content");
    if (p->fc && p->fc->fu == FU_DISCOVERY_BASED)
        return verdict_of(RSC_NOT_IMPLEMENTED, SPAN("fu"), "this CSE does not support the filter usage");
    return VERDICT_GO;
}

static struct verdict order_of_times(const struct prim *p, const struct prim_env *env)
{
    if (p->rset && p->rset <= env->now)
        return verdict_of(RSC_REQUEST_TIMEOUT, SPAN("rset"), "the result would be too late (TS-0004 7.3.2.1)");
    if (p->rset && p->rqet && p->rset < p->rqet)
        return bad(PA_rset, "is earlier than rqet");
    if (p->oet && ((p->rqet && p->oet > p->rqet) || (p->rset && p->oet > p->rset)))
        return bad(PA_oet, "is later than rqet or rset");
    return VERDICT_GO;
}

struct verdict prim_read(struct prim *p, const struct prim_env *env, struct arena *a)
{
    struct verdict v = primitive(p, env);
    if (!verdict_go(v))
        return v;
    struct verdict values = interpret_all(p, env, a);
    if (!arena_ok(a))
        return prim_no_memory();
    bool here = p->addr.where == ADDR_HERE;
    v = times(p, env);
    if (verdict_go(v))
        v = originator(p, env);
    if (verdict_go(v))
        v = applicable(p, here);
    if (verdict_go(v) && here)
        v = serializations(p);
    if (verdict_go(v) && here)
        v = release(p, env);
    if (verdict_go(v) && here)
        v = supported(p, env);
    if (verdict_go(v))
        v = values;
    if (verdict_go(v))
        v = order_of_times(p, env);
    return v;
}
