#include "ttp/m2mroute.h"

#include "ttp/msg.h"

/* ---- what a path names --------------------------------------------------------------------------------------------
 */

enum place { AT_BASE, AT_REG, AT_CFG, AT_CMD, AT_KEY };

static const struct {
    enum place at;
    const char *method;
    enum ttp_kind kind;
    uint16_t status, rsc;
} ways[] = {
    {AT_BASE, "GET", KIND__N, 200, 2000},        {AT_REG, "GET", KIND_REG_GET, 200, 2000},
    {AT_REG, "PUT", KIND_REG_UPDATE, 200, 2004}, {AT_REG, "DELETE", KIND_REG_DELETE, 200, 2002},
    {AT_CFG, "GET", KIND_REG_CFG, 200, 2000},    {AT_CMD, "GET", KIND_CMD_GET, 200, 2000},
    {AT_CMD, "PUT", KIND_CMD_UPDATE, 200, 2004}, {AT_KEY, "GET", KIND_SKR_GET, 200, 2000},
    {AT_KEY, "PUT", KIND_SKR_UPDATE, 200, 2004}, {AT_KEY, "DELETE", KIND_SKR_DELETE, 200, 2002},
};

static const struct m2mroute_wrong
    no_method = {405, 4005, "the resource does not take this operation",
                 "the bases take CREATE and RETRIEVE, registrations RETRIEVE, UPDATE and DELETE"},
    no_path = {404, 4004, "there is nothing at this path", "check the identifier"},
    no_type = {400, 4000, "Content-Type must name a type that this base holds",
               "ty: the number of a client registration or of a key registration"};

/* The base of a path; *rest is what follows it. */
static uint8_t base_of(struct span path, struct span *rest)
{
    static const uint8_t numbers[] = {
#define M2M_BASE(name, path, type, number) (number),
#include "m2m/m2mnames.def"
    };
    for (size_t i = 0; i < LEN(numbers); i++) {
        struct span base = m2mname_base_path(numbers[i]);
        *rest = span_from(path, base.n);
        if (span_starts(path, base) && (rest->n == 0 || rest->p[0] == '/'))
            return numbers[i];
    }
    return 0;
}

bool m2mroute_here(struct span path)
{
    struct span rest;
    return base_of(path, &rest) != 0;
}

/* "", "/", "/NAME", "/reg-.../cfg", "/reg-.../cmd". Names of client registrations begin with "reg-", and no key's does.
 */
static bool place_of(struct span rest, enum place *at, struct span *name)
{
    *at = AT_BASE;
    *name = SPAN_NONE;
    if (rest.n <= 1)
        return true;
    struct span s = span_from(rest, 1);
    *name = span_cut(&s, '/');
    bool reg = span_starts(*name, SPAN("reg-"));
    *at = !s.p ? (reg ? AT_REG : AT_KEY) : span_eq(s, m2mname_child(M2MCHILD_CFG)) ? AT_CFG : AT_CMD;
    return name->n > 0 && name->n <= 64 &&
           (!s.p || (reg && (*at == AT_CFG || span_eq(s, m2mname_child(M2MCHILD_CMD)))));
}

/* ;ty=20006 in Content-Type. */
static bool type_asked(struct span media, uint8_t base, enum m2mname_type *out)
{
    uint64_t ty;
    while (media.p) {
        struct span part = span_cut(&media, ';');
        while (part.n > 0 && part.p[0] == ' ')
            part = span_from(part, 1);
        if (span_starts(part, SPAN("ty=")) && span_u64(span_from(part, 3), 99999, &ty) == OK &&
            m2mname_type_of(ty, out))
            return *out == M2MTYPE_SKR || *out == (base == M2MBASE_MAF ? M2MTYPE_MACR : M2MTYPE_MECR);
    }
    return false;
}

const struct m2mroute_wrong *m2mroute_read(struct span method, struct span path, struct span content_type,
                                           struct m2mroute *out)
{
    struct span rest;
    enum place at;
    *out = (struct m2mroute){.base = base_of(path, &rest), .type = M2MTYPE__N, .kind = KIND__N};
    if (out->base == 0 || !place_of(rest, &at, &out->name))
        return &no_path;
    if (at == AT_BASE && span_eq(method, SPAN("POST"))) {
        if (!type_asked(content_type, out->base, &out->type))
            return &no_type;
        out->kind = out->type == M2MTYPE_SKR ? KIND_SKR_CREATE : KIND_REG_CREATE;
        out->status = 201;
        out->rsc = 2001;
        return NULL;
    }
    for (size_t i = 0; i < LEN(ways); i++)
        if (ways[i].at == at && span_eq(method, span_str(ways[i].method))) {
            out->kind = ways[i].kind;
            out->status = ways[i].status;
            out->rsc = ways[i].rsc;
            return at == AT_CMD && out->base != M2MBASE_MEF ? &no_path : NULL;
        }
    return &no_method;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

void m2mroute_put(struct buf *b, struct span origin, struct span name, struct span body)
{
    msg_item_put(b, origin);
    msg_item_put(b, name);
    msg_item_put(b, body);
}

void m2mroute_fields(struct buf *b, unsigned rsc, struct span ri)
{
    buf_fmt(b, "X-M2M-RSC: %u\r\nX-M2M-RVI: 3\r\n", rsc);
    if (ri.n > 0) {
        buf_str(b, "X-M2M-RI: ");
        buf_put(b, ri);
        buf_str(b, "\r\n");
    }
}

void m2mroute_base(struct buf *b, uint8_t base)
{
    struct jw w = jw_over(b);
    struct span name = span_from(m2mname_base_path(base), 1);
    jw_obj(&w);
    jw_name(&w, m2mname_root(m2mname_base_type(base)));
    jw_obj(&w);
    JW_STR(&w, "rn", name);
    JW_U64(&w, "ty", m2mname_ty(m2mname_base_type(base)));
    JW_STR(&w, "ri", name);
    jw_end_obj(&w);
    jw_end_obj(&w);
}
