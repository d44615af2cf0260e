#include "ttp/vault_plain.h"

#include "base/code.h"
#include "ttp/take.h"
#include "ttp/vault_reg.h"
#include "ttp/vault_skr.h"

#include <string.h>

enum { NEED_ROW, NEED_STREAM, NEEDS };

struct own {
    struct row row;
    uint8_t value[ROW_VALUE_MAX];
    char kid[ROW_KID_MAX];
};

struct span vault_plain_key(const struct row *row, const uint8_t value[ROW_VALUE_MAX])
{
    size_t n = row->kind == ROW_GIVEN ? value[0] : row->kind == ROW_VALUE ? ROW_KEY_VALUE : 0;
    if (row->kind == ROW_VALUE)
        return span_of(value, n);
    return n >= ROW_GIVEN_LEAST && n <= ROW_GIVEN_MOST ? span_of(value + 1, n) : SPAN_NONE;
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static const char *wrong(struct vault *v, struct vault_ask *a, uint16_t *rsc)
{
    struct vault_m2m *m = a->m2m;
    *rsc = 4000;
    if (m2mbody_suid_base(m->body.suid) != a->base)
        return "suid belongs to the other base: 21 to 25 to the MEF, 32 to 35 to the MAF";
    if (m->body.et <= v->conf.now_ms(v->conf.ctx))
        return "et is in the past";
    const char *why = m2mbody_targets(&m->body, m->body.suid, m->id, false, &a->mem, &m->tgis);
    if (why)
        return why;
    m->lbl = m->body.lbl;
    *rsc = 4102;
    if (m->body.has[M2MATTR_KV] &&
        (m->body.kv.n < ROW_GIVEN_LEAST || m->body.kv.n > ROW_GIVEN_MOST || m->body.kv.n % 2 != 0))
        return "kv must be an even number of octets from 16 to 128";
    return NULL;
}

/* The exporter's octets, behind the three items of the face. */
static bool exported(struct span body, struct span *out)
{
    struct span item;
    for (int i = 0; i < 3; i++)
        if (take_blob(&body, &item) != OK)
            return false;
    return take_blob(&body, out) == OK && body.n == 0 && (out->n == 0 || out->n == PLAIN_RELATIVE + PLAIN_EXPORTED);
}

static enum err name_key(struct vault *v, struct own *o, const uint8_t relative[PLAIN_RELATIVE])
{
    uint8_t text[ROW_KID_MAX], hash[ESD_HASH];
    struct buf b = BUF_ARRAY(o->kid), key = BUF_ARRAY(text);
    hex_put_upper(&b, span_of(relative, PLAIN_RELATIVE));
    buf_c(&b, '@');
    buf_str(&b, v->fqdn);
    TRY(b.e);
    o->row.kid = buf_span(&b);
    TRY(row_kid_key(o->row.kid, &key));
    TRY(esd_sha256_2(SPAN("oneseal-plain-v1"), buf_span(&key), hash));
    memcpy(o->row.sid, hash, ROW_SID);
    return OK;
}

static enum err take_value(struct vault *v, struct vault_ask *a, struct own *o, struct span from_tls)
{
    const struct m2mbody *m = &a->m2m->body;
    uint8_t relative[PLAIN_RELATIVE];
    struct span value = m->has[M2MATTR_KV] ? m->kv : span_from(from_tls, PLAIN_RELATIVE);
    TRY(esd_random(relative, sizeof relative));
    if (!m->has[M2MATTR_KV])
        memcpy(relative, from_tls.p, PLAIN_RELATIVE);
    o->value[0] = (uint8_t)value.n;
    memcpy(o->value + 1, value.p, value.n);
    return name_key(v, o, relative);
}

static void fill_row(struct vault *v, const struct vault_ask *a, struct own *o)
{
    const struct vault_m2m *m = a->m2m;
    struct row *r = &o->row;
    r->klass = ROW_PLAIN_CLASS;
    r->kind = ROW_GIVEN;
    r->iss = m->id;
    r->ep = 1;
    r->suid = m->body.suid;
    r->base = a->base;
    r->adfq = m->body.adfq;
    r->lbl = m->lbl;
    r->tgis = m->tgis;
    r->et = (uint64_t)m->body.et;
    r->ct = (uint64_t)v->conf.now_ms(v->conf.ctx);
}

static void plain_find(struct vault *v, struct vault_ask *a)
{
    const struct own *o = a->own;
    vault_find(v, a, NEED_ROW, o->row.kid);
    vault_find_stream(v, a, NEED_STREAM, o->row.iss, o->row.sid, o->row.adfq);
}

static enum err plain_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    struct span from_tls;
    uint16_t rsc;
    if (!o)
        return ERR_NOMEM;
    TRY(vault_m2m_open(v, a, M2MTYPE_SKR, M2MBODY_CREATE));
    if (a->done)
        return OK;
    if (a->m2m->body.n_osl > 0) { /* a letter: the same as at the front */
        a->kind = KIND_SKR_CREATE;
        return vault_kind_skr_create.read(v, a);
    }
    const char *why = wrong(v, a, &rsc);
    bool value = exported(a->body, &from_tls);
    if (!why && !a->m2m->body.has[M2MATTR_KV] && (!value || from_tls.n == 0)) {
        rsc = 4000;
        why = "kv is missing, and this TLS session has no exporter value: TLS 1.2 needs the extended master secret";
    }
    if (why) {
        vault_m2m_refuse(v, a, rsc, why,
                         "send et, adfq, suid, tgis, and kv unless the key is to come from the exporter");
        return OK;
    }
    TRY(take_value(v, a, o, from_tls));
    fill_row(v, a, o);
    a->own = o;
    a->n_need = NEEDS;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, NEEDS);
    if (!a->need)
        return ERR_NOMEM;
    plain_find(v, a);
    return OK;
}

/* ---- deciding ------------------------------------------------------------------------------------------------------
 */

static bool taken(struct vault *v, const struct vault_ask *a, const struct own *o)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    return a->need[NEED_ROW].here || row_kid_key(o->row.kid, &key) != OK ||
           vault_map_get(&v->table[TABLE_SHREDS], buf_span(&key)) != NULL;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct row *r)
{
    uint8_t text[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", SPAN("register"));
    JW_STR(&w, "iss", r->iss);
    JW_STR(&w, "kid", r->kid);
    JW_STR(&w, "class", SPAN("plain"));
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static enum err plain_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    if (!vault_reg_good(v, a->m2m->id, a->base, o->row.adfq)) {
        vault_m2m_deny(v, a, "the originator is not registered with this base for that adfq",
                       "create the client registration first");
        return OK;
    }
    if (vault_row_stale(v, a, &o->row)) {
        vault_look_again(v, a);
        return OK;
    }
    if (taken(v, a, o)) {
        vault_m2m_refuse(v, a, 4105, "this key is registered already: a TLS session gives one exporter key",
                         "connect again, or send kv");
        return OK;
    }
    TRY(record(v, a, &o->row));
    return vault_row_write(v, a, &o->row, &a->need[NEED_STREAM], o->value);
}

static enum err plain_answer(struct vault *v, struct vault_ask *a)
{
    const struct own *o = a->own;
    uint8_t text[8 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    vault_skr_put(&b, v, &o->row, VIEW_CREATOR, SPAN_NONE);
    TRY(b.e);
    vault_m2m_reply(v, a, buf_span(&b));
    return OK;
}

const struct vault_kind vault_kind_plain_create = {plain_read, plain_decide, plain_answer, plain_find, NULL};
