/* Client registrations of the oneM2M bases. */
#include "ttp/vault_reg.h"

#include "base/code.h"
#include "ttp/name.h"
#include "ttp/take.h"
#include "ttp/vault_command.h"

#include <string.h>

/* ---- administrations ----------------------------------------------------------------------------------------------
 */

static struct span lower(struct span s, uint8_t *text, size_t cap)
{
    size_t n = s.n < cap ? s.n : cap;
    for (size_t i = 0; i < n; i++)
        text[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (uint8_t)(s.p[i] + 32) : s.p[i];
    return span_of(text, n);
}

static bool admits(struct span who, struct span id)
{
    while (who.p && who.n > 0) {
        struct span one = span_cut(&who, '\n');
        bool domain = one.n > 3 && one.p[one.n - 1] == '/';
        if (span_eq(one, SPAN("*")) || (domain ? span_starts(id, one) : name_same(one, id)))
            return true;
    }
    return false;
}

bool vault_admin_allows(struct vault *v, struct span adfq, struct span id)
{
    uint8_t text[ROW_TEXT_MAX], who[NAME_MAX_OCTETS];
    struct buf b = BUF_ARRAY(who);
    if (adfq.n > sizeof text)
        return false;
    const struct span *list = vault_map_get(&v->table[TABLE_ADMINS], lower(adfq, text, sizeof text));
    if (!list)
        return span_eq_nocase(adfq, span_str(v->fqdn));
    return name_absolute(id, id, &b) && admits(*list, buf_span(&b));
}

enum err vault_admin_set(struct vault *v, struct span adfq, struct span who)
{
    uint8_t text[ROW_TEXT_MAX];
    if (!esd_fqdn_ok(adfq) || adfq.n > sizeof text || who.n > 8 * ROW_TEXT_MAX)
        return ERR_SYNTAX;
    return vault_state_set(v, TABLE_ADMINS, lower(adfq, text, sizeof text), who.n > 0 ? who : SPAN_NONE);
}

/* ---- the table ----------------------------------------------------------------------------------------------------
 */

enum err vault_reg_name(uint8_t base, struct span id, struct span adfq, uint8_t out[REG_NAME])
{
    uint8_t text[3 * ROW_TEXT_MAX], domain[ROW_TEXT_MAX], hash[ESD_HASH];
    struct buf b = BUF_ARRAY(text), o = buf_over(out, REG_NAME);
    const struct span part[] = {SPAN("oneseal-reg-v1"), span_of(&base, 1), id, lower(adfq, domain, sizeof domain)};
    vault_key_put(&b, part, LEN(part));
    TRY(b.e);
    TRY(esd_sha256(buf_span(&b), hash));
    buf_str(&o, "reg-");
    hex_put(&o, span_of(hash, 16));
    return o.e;
}

static void reg_put(struct buf *b, const struct vault_reg *r)
{
    buf_c(b, r->base);
    buf_c(b, r->bound);
    buf_be64(b, r->ct);
    buf_be64(b, r->lt);
    buf_be64(b, r->et);
    const struct span part[] = {r->id, r->adfq, r->lbl, r->aski};
    vault_key_put(b, part, LEN(part));
}

enum err vault_reg_get(struct vault *v, struct span name, struct vault_reg *out)
{
    const struct span *value = vault_map_get(&v->table[TABLE_REGS], name);
    if (!value)
        return ERR_NOTFOUND;
    struct span s = *value;
    uint8_t bound;
    TRY(take_u8(&s, &out->base));
    TRY(take_u8(&s, &bound));
    TRY(take_u64(&s, &out->ct));
    TRY(take_u64(&s, &out->lt));
    TRY(take_u64(&s, &out->et));
    TRY(take_blob(&s, &out->id));
    TRY(take_blob(&s, &out->adfq));
    TRY(take_blob(&s, &out->lbl));
    out->bound = bound != 0;
    return take_blob(&s, &out->aski);
}

static bool over(struct vault *v, const struct vault_reg *r)
{
    return (int64_t)r->et <= v->conf.now_ms(v->conf.ctx);
}

bool vault_reg_good(struct vault *v, struct span id, uint8_t base, struct span adfq)
{
    uint8_t name[REG_NAME];
    struct vault_reg r;
    return vault_reg_name(base, id, adfq, name) == OK && vault_reg_get(v, span_of(name, REG_NAME), &r) == OK &&
           !over(v, &r);
}

/* Registrations that are over make room: the next one with that name begins anew anyway. */
static enum err sweep(struct vault *v)
{
    const struct vault_map *m = &v->table[TABLE_REGS];
    for (size_t i = m->n; i > 0; i--) {
        struct vault_reg r;
        struct span key = m->e[i - 1].key;
        uint8_t name[REG_NAME];
        if (key.n != REG_NAME || vault_reg_get(v, key, &r) != OK || !over(v, &r))
            continue;
        memcpy(name, key.p, REG_NAME);
        TRY(vault_state_set(v, TABLE_REGS, span_of(name, REG_NAME), SPAN_NONE));
    }
    return OK;
}

static bool store(struct vault *v, struct vault_ask *a, struct span name, const struct vault_reg *r)
{
    uint8_t value[8 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(value);
    reg_put(&b, r);
    if (b.e == OK && vault_state_set(v, TABLE_REGS, name, buf_span(&b)) == OK)
        return true;
    vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the table of clients is full", "tell the operator");
    return false;
}

/* ---- answers and records ------------------------------------------------------------------------------------------
 */

static enum err answer(struct vault *v, struct vault_ask *a, struct span name)
{
    uint8_t text[8192];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    struct vault_reg r;
    TRY(vault_reg_get(v, name, &r));
    vault_m2m_head(&w, r.base == M2MBASE_MAF ? M2MTYPE_MACR : M2MTYPE_MECR, name, vault_m2m_base(r.base), r.ct, r.lt);
    vault_m2m_put_time(&w, M2MATTR_ET, r.et);
    JW_STR(&w, "cr", r.id);
    m2mname_put_str(&w, M2MATTR_ADFQ, r.adfq);
    if (r.lbl.n > 0)
        vault_m2m_put_lines(&w, M2MATTR_LBL, r.lbl);
    if (r.aski.n > 0)
        m2mname_put_str(&w, M2MATTR_ASKI, r.aski);
    if (r.base == M2MBASE_MEF)
        vault_command_put_child(&w, v, name);
    vault_m2m_end(&w);
    TRY(b.e);
    vault_m2m_reply(v, a, buf_span(&b));
    return OK;
}

static enum err record(struct vault *v, struct vault_ask *a, const char *op, const struct vault_reg *r)
{
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", span_str(op));
    JW_STR(&w, "iss", a->m2m->id);
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    JW_STR(&w, "base", vault_m2m_base(r->base));
    JW_STR(&w, "adfq", r->adfq);
    if (a->own)
        JW_B64URL(&w, "jkt", span_of(vault_client_thumb(a), JOSE_THUMB));
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

/* ---- CREATE -------------------------------------------------------------------------------------------------------
 */

/* With a signed text: the vault's authority, not the room's word. */
static enum err read_signed(struct vault *v, struct vault_ask *a)
{
    struct span iss;
    if (a->m2m->body.n_osl > 1) {
        vault_m2m_refuse(v, a, 4000, "osl of a client registration must be one signed registration", "send one");
        return OK;
    }
    a->body = a->m2m->body.osl[0];
    TRY(esd_sha256(a->body, a->req));
    TRY(vault_kind_client.read(v, a));
    if (a->done)
        return OK;
    if (claim_str(a->jws.claims, "iss", &a->mem, &iss) != REASON_OK || !name_same(iss, a->m2m->id))
        vault_m2m_refuse(v, a, 4106, "osl is signed for another identity than the originator",
                         "register each identity by its own certificate");
    return OK;
}

static enum err create_read(struct vault *v, struct vault_ask *a)
{
    TRY(vault_m2m_open(v, a, a->base == M2MBASE_MAF ? M2MTYPE_MACR : M2MTYPE_MECR, M2MBODY_CREATE));
    return !a->done && a->m2m->body.n_osl > 0 ? read_signed(v, a) : OK;
}

static const char *create_wrong(struct vault *v, const struct vault_ask *a, uint16_t *rsc)
{
    const struct m2mbody *m = &a->m2m->body;
    *rsc = 4103;
    if (!vault_admin_allows(v, m->adfq, a->m2m->id))
        return "adfq names an administration that this TTP does not serve, or that does not admit the originator";
    *rsc = 4000;
    return m->et <= v->conf.now_ms(v->conf.ctx) ? "et is in the past" : NULL;
}

static enum err create_decide(struct vault *v, struct vault_ask *a)
{
    uint8_t name[REG_NAME];
    const struct m2mbody *m = &a->m2m->body;
    struct vault_reg was, r = {.base = a->base,
                               .bound = a->own != NULL,
                               .et = (uint64_t)m->et,
                               .id = a->m2m->id,
                               .adfq = m->adfq,
                               .lbl = m->lbl};
    uint16_t rsc;
    const char *wrong = create_wrong(v, a, &rsc);
    if (wrong) {
        if (rsc == 4103)
            vault_m2m_deny(v, a, wrong, "ask the operator of the TTP which administrations it serves");
        else
            vault_m2m_refuse(v, a, rsc, wrong, "propose a later one");
        return OK;
    }
    TRY(vault_reg_name(a->base, r.id, r.adfq, name));
    bool here = vault_reg_get(v, span_of(name, REG_NAME), &was) == OK && !over(v, &was);
    if (here && (was.bound || !r.bound)) { /* one that proved its key replaces a room's word */
        vault_m2m_refuse(v, a, 4105, "this identity is registered here for this administration already",
                         "update that registration, or delete it first");
        return OK;
    }
    r.ct = r.lt = (uint64_t)v->conf.now_ms(v->conf.ctx);
    a->m2m->name = arena_dup(&a->mem, span_of(name, REG_NAME));
    TRY(sweep(v));
    if (!store(v, a, span_of(name, REG_NAME), &r))
        return OK;
    if (a->own && !vault_client_bind(v, a))
        return vault_state_set(v, TABLE_REGS, span_of(name, REG_NAME), SPAN_NONE);
    return record(v, a, "register", &r);
}

static enum err named_answer(struct vault *v, struct vault_ask *a)
{
    return answer(v, a, a->m2m->name);
}

static void create_end(struct vault_ask *a)
{
    vault_kind_client.end(a);
}

/* ---- RETRIEVE, UPDATE, DELETE: the registered client alone ---------------------------------------------------------
 */

static enum err plain_read(struct vault *v, struct vault_ask *a)
{
    return vault_m2m_open(v, a, M2MTYPE__N, M2MBODY_UPDATE);
}

static enum err update_read(struct vault *v, struct vault_ask *a)
{
    return vault_m2m_open(v, a, a->base == M2MBASE_MAF ? M2MTYPE_MACR : M2MTYPE_MECR, M2MBODY_UPDATE);
}

/* A teller is believed who its client is; that must not do for taking a client with a signing key off the register. */
static bool by_teller(struct vault *v, struct vault_ask *a, const struct vault_reg *r)
{
    if (!a->till || !r->bound)
        return false;
    vault_m2m_deny(v, a, "a registration with a signing key is not changed by a teller", "change it at the front");
    return true;
}

bool vault_reg_own(struct vault *v, struct vault_ask *a, struct vault_reg *r)
{
    if (vault_reg_get(v, a->m2m->name, r) != OK || over(v, r) || r->base != a->base) {
        vault_m2m_refuse(v, a, 4004, "there is no such client registration here", "register first");
        return false;
    }
    if (!name_same(r->id, a->m2m->id)) {
        vault_m2m_deny(v, a, "only the registered client may use its registration", "register yourself");
        return false;
    }
    return true;
}

static enum err get_decide(struct vault *v, struct vault_ask *a)
{
    struct vault_reg r;
    return vault_reg_own(v, a, &r) ? answer(v, a, a->m2m->name) : OK;
}

/* sec:clientRegCfg (TS-0003 12.4.2). The room says at which port it serves. */
static enum err cfg_decide(struct vault *v, struct vault_ask *a)
{
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    struct vault_reg r;
    struct span s = a->body, skip, port_text;
    uint64_t port;
    if (!vault_reg_own(v, a, &r))
        return OK;
    TRY(take_blob(&s, &skip));
    TRY(take_blob(&s, &skip));
    TRY(take_blob(&s, &port_text));
    jw_obj(&w);
    jw_name(&w, m2mname_root(M2MTYPE_CRC));
    jw_obj(&w);
    vault_m2m_put_time(&w, M2MATTR_ET, r.et);
    if (r.lbl.n > 0)
        vault_m2m_put_lines(&w, M2MATTR_LBL, r.lbl);
    m2mname_put_str(&w, M2MATTR_FQDN, span_str(v->fqdn));
    m2mname_put_str(&w, M2MATTR_ADFQ, r.adfq);
    if (span_u64(port_text, UINT16_MAX, &port) == OK)
        m2mname_put_u64(&w, M2MATTR_HTPT, port);
    vault_m2m_end(&w);
    TRY(b.e);
    vault_m2m_reply(v, a, buf_span(&b));
    return OK;
}

static enum err update_decide(struct vault *v, struct vault_ask *a)
{
    const struct m2mbody *m = &a->m2m->body;
    struct vault_reg r;
    if (!vault_reg_own(v, a, &r) || by_teller(v, a, &r))
        return OK;
    if (m->has[M2MATTR_ET] && m->et <= v->conf.now_ms(v->conf.ctx)) {
        vault_m2m_refuse(v, a, 4000, "et is in the past", "propose a later one, or delete the registration");
        return OK;
    }
    r.id = arena_dup(&a->mem, r.id); /* the table is about to change below them */
    r.adfq = arena_dup(&a->mem, r.adfq);
    r.aski = arena_dup(&a->mem, r.aski);
    r.lbl = m->has[M2MATTR_LBL] ? m->lbl : arena_dup(&a->mem, r.lbl);
    r.et = m->has[M2MATTR_ET] ? (uint64_t)m->et : r.et;
    r.lt = (uint64_t)v->conf.now_ms(v->conf.ctx);
    return store(v, a, a->m2m->name, &r) ? record(v, a, "register", &r) : OK;
}

static enum err delete_decide(struct vault *v, struct vault_ask *a)
{
    struct vault_reg r;
    if (!vault_reg_own(v, a, &r) || by_teller(v, a, &r))
        return OK;
    r.adfq = arena_dup(&a->mem, r.adfq);
    TRY(vault_command_forget(v, a->m2m->name));
    TRY(vault_state_set(v, TABLE_REGS, a->m2m->name, SPAN_NONE));
    return record(v, a, "deregister", &r);
}

static enum err deleted(struct vault *v, struct vault_ask *a)
{
    vault_m2m_reply(v, a, SPAN_NONE);
    return OK;
}

const struct vault_kind vault_kind_reg_create = {create_read, create_decide, named_answer, NULL, create_end};
const struct vault_kind vault_kind_reg_get = {.read = plain_read, .decide = get_decide};
const struct vault_kind vault_kind_reg_cfg = {.read = plain_read, .decide = cfg_decide};
const struct vault_kind vault_kind_reg_update = {.read = update_read, .decide = update_decide, .answer = named_answer};
const struct vault_kind vault_kind_reg_delete = {.read = plain_read, .decide = delete_decide, .answer = deleted};
