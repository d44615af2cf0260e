/* The oneM2M face: opening requests, answering them. */
#include "ttp/vault_m2m.h"

#include "base/m2mtime.h"
#include "ttp/name.h"
#include "ttp/take.h"

void vault_m2m_refuse(struct vault *v, struct vault_ask *a, uint16_t rsc, const char *what, const char *todo)
{
    static const struct {
        uint16_t rsc, status;
        enum reason code;
    } rows[] = {{4000, 400, REASON_MALFORMED}, {4102, 400, REASON_REFUSED},    {4103, 403, REASON_REFUSED},
                {4106, 403, REASON_REFUSED},   {4004, 404, REASON_NO_KEY_YET}, {4105, 409, REASON_REFUSED},
                {5207, 507, REASON_TTP_SEALED}};
    uint16_t status = 500;
    enum reason code = REASON_FAILED;
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].rsc == rsc) {
            status = rows[i].status;
            code = rows[i].code;
        }
    vault_refuse_as(v, a, status, rsc, reason_code(code), what, todo);
}

void vault_m2m_deny(struct vault *v, struct vault_ask *a, const char *what, const char *todo)
{
    vault_fold_add(v, a->m2m->id, REASON_REFUSED);
    vault_m2m_refuse(v, a, 4103, what, todo);
}

void vault_m2m_reply(struct vault *v, struct vault_ask *a, struct span resource)
{
    vault_reply(v, a, 200, TYPE_JSON, resource, SPAN_NONE);
}

static bool unwrap(struct vault_ask *a, struct vault_m2m *m, struct span *body)
{
    struct span s = a->body, origin, id = SPAN_NONE;
    uint8_t text[NAME_MAX_OCTETS];
    struct buf b = BUF_ARRAY(text);
    if (take_blob(&s, &origin) != OK || take_blob(&s, &m->name) != OK || take_blob(&s, body) != OK)
        return false;
    if (names_identity(a->peer, origin, &b))
        id = arena_dup(&a->mem, buf_span(&b));
    m->id = id;
    return true;
}

enum err vault_m2m_open(struct vault *v, struct vault_ask *a, enum m2mname_type type, enum m2mbody_op op)
{
    struct vault_m2m *m = ARENA_NEW(&a->mem, struct vault_m2m);
    struct span body;
    const char *wrong = NULL;
    if (!m)
        return ERR_NOMEM;
    a->m2m = m;
    if (!unwrap(a, m, &body))
        return ERR_SYNTAX;
    if (m->id.n == 0) {
        vault_m2m_refuse(v, a, 4106, "X-M2M-Origin is not the identity of the client certificate",
                         "send the absolute AE-ID or CSE-ID of the certificate");
        return OK;
    }
    if (!vault_rate_good(v, a, m->id))
        return OK;
    if (type < M2MTYPE__N)
        wrong = m2mbody_read(body, type, op, &a->mem, &m->body);
    if (wrong)
        vault_m2m_refuse(v, a, 4000, wrong, "correct the resource; its attributes stand in the operator's guide");
    return OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

struct span vault_m2m_base(uint8_t base)
{
    return span_from(m2mname_base_path(base), 1);
}

static void put_time(struct jw *w, uint64_t ms)
{
    uint8_t text[32];
    struct buf t = BUF_ARRAY(text);
    m2mtime_put(&t, (int64_t)ms);
    jw_str(w, buf_span(&t));
}

void vault_m2m_head(struct jw *w, enum m2mname_type t, struct span name, struct span parent, uint64_t ct, uint64_t lt)
{
    jw_obj(w);
    jw_name(w, m2mname_root(t));
    jw_obj(w);
    JW_STR(w, "rn", name);
    JW_U64(w, "ty", m2mname_ty(t));
    JW_STR(w, "ri", name);
    JW_STR(w, "pi", parent);
    JW_NAME(w, "ct");
    put_time(w, ct);
    JW_NAME(w, "lt");
    put_time(w, lt);
}

void vault_m2m_end(struct jw *w)
{
    jw_end_obj(w);
    jw_end_obj(w);
}

void vault_m2m_put_time(struct jw *w, enum m2mname_attr attr, uint64_t ms)
{
    m2mname_put(w, attr);
    put_time(w, ms);
}

void vault_m2m_put_lines(struct jw *w, enum m2mname_attr attr, struct span lines)
{
    m2mname_put(w, attr);
    jw_arr(w);
    while (lines.p && lines.n > 0)
        jw_str(w, span_cut(&lines, '\n'));
    jw_end_arr(w);
}
