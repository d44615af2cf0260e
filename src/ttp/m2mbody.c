#include "ttp/m2mbody.h"

#include "base/code.h"
#include "base/m2mtime.h"
#include "m2m/mefcmd.h"
#include "ttp/name.h"

#include <string.h>

/* ---- values ----------------------------------------------------------------------------------------------------- */

static const char *read_et(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    struct span s;
    return json_str(v, a, &s) == OK && m2mtime_get(s, &m->et) == OK && m->et > 0
               ? NULL
               : "et must be a timestamp, YYYYMMDDThhmmss";
}

static bool printable(struct span s, uint8_t least)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < least || s.p[i] == 127)
            return false;
    return s.n > 0;
}

static const char *read_adfq(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    return json_str(v, a, &m->adfq) == OK && m->adfq.n <= MEFCMD_TEXT_MAX && printable(m->adfq, '!')
               ? NULL
               : "adfq must be a domain name";
}

static const char *read_suid(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    uint64_t n;
    (void)a;
    if (json_u64(v, UINT8_MAX, &n) != OK)
        return "suid must be a number";
    m->suid = (uint8_t)n;
    return m2mbody_suid_known(m->suid) ? NULL
                                       : "suid must be 21 to 25 or 32 to 35: other values are not assigned to keys";
}

static const char *read_lbl(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    struct buf b = buf_over(arena_alloc(a, M2MBODY_LINES_MAX), M2MBODY_LINES_MAX);
    if (!b.p || (v->type != J_ARR && v->type != J_NULL) || v->n > M2MBODY_LIST_MAX)
        return "lbl must be a list of at most 64 labels";
    for (const struct jval *e = v->child; e; e = e->next) {
        struct span s;
        if (json_str(e, a, &s) != OK || !printable(s, ' '))
            return "each element of lbl must be a text without control characters";
        if (b.n > 0)
            buf_c(&b, '\n');
        buf_put(&b, s);
    }
    m->lbl = buf_span(&b);
    return b.e == OK ? NULL : "lbl is too long: 480 octets in all";
}

static const char *read_tgis(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    if (v->type != J_ARR || v->n > M2MBODY_LIST_MAX)
        return "tgis must be a list of at most 64 identifiers";
    for (const struct jval *e = v->child; e; e = e->next)
        if (json_str(e, a, &m->tgis[m->n_tgis++]) != OK)
            return "each element of tgis must be a text";
    return NULL;
}

static const char *read_kv(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    struct span s;
    struct buf b = buf_over(arena_alloc(a, M2MBODY_KEY_MAX), M2MBODY_KEY_MAX);
    if (!b.p || json_str(v, a, &s) != OK || b64_get(s, &b) != OK || b.n < M2MBODY_KEY_LEAST || b.n % 2 != 0)
        return "kv must be base64 of 16 to 128 octets, an even number";
    m->kv = buf_span(&b);
    return NULL;
}

static const char *read_osl(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    static const char wrong[] = "osl must be a signed text, or a list of at most two";
    if (v->type != J_ARR) {
        m->n_osl = 1;
        return json_str(v, a, &m->osl[0]) == OK ? NULL : wrong;
    }
    if (v->n == 0 || v->n > M2MBODY_TEXTS_MAX)
        return wrong;
    for (const struct jval *e = v->child; e; e = e->next)
        if (json_str(e, a, &m->osl[m->n_osl++]) != OK)
            return wrong;
    return NULL;
}

static const char *read_rn(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    struct span s;
    (void)m;
    return json_str(v, a, &s) == OK ? NULL : "rn must be a text"; /* the TTP names its resources itself */
}

static const char *read_cmid(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    return json_str(v, a, &m->cmid) == OK && mefcmd_id_good(m->cmid)
               ? NULL
               : "cmid must be 1 to 32 letters, digits, '.', '_' or '-'";
}

static const char *read_cmst(const struct jval *v, struct arena *a, struct m2mbody *m)
{
    (void)a;
    return json_u64(v, UINT16_MAX, &m->cmst) == OK ? NULL : "cmst must be a number";
}

/* ---- what each type takes --------------------------------------------------------------------------------------- */

enum { NOT, MAY, MUST };
static const struct {
    enum m2mname_type type;
    enum m2mname_attr attr;
    uint8_t on[2]; /* CREATE, UPDATE */
    const char *(*read)(const struct jval *v, struct arena *a, struct m2mbody *m);
} rows[] = {
    {M2MTYPE_MACR, M2MATTR_ET, {MUST, MAY}, read_et},     {M2MTYPE_MACR, M2MATTR_ADFQ, {MUST, NOT}, read_adfq},
    {M2MTYPE_MACR, M2MATTR_LBL, {MAY, MAY}, read_lbl},    {M2MTYPE_MACR, M2MATTR_RN, {MAY, NOT}, read_rn},
    {M2MTYPE_MACR, M2MATTR_OSL, {MAY, NOT}, read_osl},

    {M2MTYPE_MECR, M2MATTR_ET, {MUST, MAY}, read_et},     {M2MTYPE_MECR, M2MATTR_ADFQ, {MUST, NOT}, read_adfq},
    {M2MTYPE_MECR, M2MATTR_LBL, {MAY, MAY}, read_lbl},    {M2MTYPE_MECR, M2MATTR_RN, {MAY, NOT}, read_rn},
    {M2MTYPE_MECR, M2MATTR_OSL, {MAY, NOT}, read_osl},

    {M2MTYPE_SKR, M2MATTR_ET, {MUST, MAY}, read_et},      {M2MTYPE_SKR, M2MATTR_ADFQ, {MUST, NOT}, read_adfq},
    {M2MTYPE_SKR, M2MATTR_SUID, {MUST, NOT}, read_suid},  {M2MTYPE_SKR, M2MATTR_LBL, {MAY, MAY}, read_lbl},
    {M2MTYPE_SKR, M2MATTR_TGIS, {MAY, MAY}, read_tgis},   {M2MTYPE_SKR, M2MATTR_KV, {MAY, NOT}, read_kv},
    {M2MTYPE_SKR, M2MATTR_OSL, {MAY, MAY}, read_osl},     {M2MTYPE_SKR, M2MATTR_RN, {MAY, NOT}, read_rn},

    {M2MTYPE_MECM, M2MATTR_CMID, {NOT, MUST}, read_cmid}, {M2MTYPE_MECM, M2MATTR_CMST, {NOT, MUST}, read_cmst},
};

static const char *one(const struct jval *v, enum m2mname_type t, enum m2mbody_op op, struct arena *a,
                       struct m2mbody *out)
{
    enum m2mname_attr attr;
    if (!m2mname_attr_of(v, &attr))
        return "the resource has an attribute that its type does not know";
    if (out->has[attr])
        return "an attribute is named twice, by its short and its long name";
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].type == t && rows[i].attr == attr && rows[i].on[op] != NOT) {
            out->has[attr] = true;
            return rows[i].read(v, a, out);
        }
    return "the resource has an attribute that a request of this kind must not set";
}

const char *m2mbody_read(struct span text, enum m2mname_type t, enum m2mbody_op op, struct arena *a,
                         struct m2mbody *out)
{
    struct jval *doc;
    size_t n = 0;
    *out = (struct m2mbody){0};
    if (json_parse(text, a, &doc, NULL) != OK)
        return "the body is no JSON object";
    const struct jval *o = m2mname_resource(doc, t);
    if (!o)
        return "the body does not hold the one resource that the request is about";
    for (const struct jval *v = o->child; v; v = v->next, n++) {
        const char *wrong = one(v, t, op, a, out);
        if (wrong)
            return wrong;
    }
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].type == t && rows[i].on[op] == MUST && !out->has[rows[i].attr])
            return "a mandatory attribute is missing: et, adfq and suid of a registration, cmid and cmst of a command";
    return n > 0 ? NULL : "the request changes nothing";
}

/* ---- Security Usage Identifiers --------------------------------------------------------------------------------- */

bool m2mbody_suid_known(uint8_t suid)
{
    return (suid >= 21 && suid <= 25) || (suid >= 32 && suid <= 35);
}

uint8_t m2mbody_suid_base(uint8_t suid)
{
    return !m2mbody_suid_known(suid) ? 0 : suid < 30 ? M2MBASE_MEF : M2MBASE_MAF;
}

bool m2mbody_suid_one_target(uint8_t suid)
{
    return suid % 10 <= 3;
}

/* ---- targets ---------------------------------------------------------------------------------------------------- */

static bool listed(struct span lines, struct span s)
{
    while (lines.p && lines.n > 0)
        if (span_eq(span_cut(&lines, '\n'), s))
            return true;
    return false;
}

/* A key that a client shares with its MAF has the MAF as target, which is named by a domain. */
static bool maf_name(struct span s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!good)
            return false;
        buf_c(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
    return s.n > 0 && span_find(s, '.') < s.n && out->e == OK;
}

const char *m2mbody_targets(const struct m2mbody *m, uint8_t suid, struct span self, bool filled, struct arena *a,
                            struct span *lines)
{
    struct buf b = buf_over(arena_alloc(a, M2MBODY_LINES_MAX), M2MBODY_LINES_MAX);
    size_t n = 0;
    *lines = SPAN_NONE;
    if (!b.p)
        return "the targets take too much room";
    for (size_t i = 0; i < m->n_tgis; i++) {
        uint8_t text[NAME_MAX_OCTETS];
        struct buf t = BUF_ARRAY(text);
        if (!(suid == 21 && maf_name(m->tgis[i], &t))) {
            buf_reset(&t);
            if (!name_absolute(m->tgis[i], self, &t))
                return "each element of tgis must be an absolute AE-ID or CSE-ID";
        }
        if (listed(buf_span(&b), buf_span(&t)))
            continue;
        if (n++ > 0)
            buf_c(&b, '\n');
        buf_put(&b, buf_span(&t));
    }
    if (b.e != OK)
        return "tgis is too long: 480 octets in all";
    if (m2mbody_suid_one_target(suid) && n != 1)
        return "tgis must name exactly one target for this suid";
    if (n == 0 && !filled)
        return "tgis must name at least one target for this suid";
    *lines = buf_span(&b);
    return NULL;
}
