/* Policies and denials: versions that only rise, in the vault's own memory (e2e.md 6). */
#include "ttp/vault_policy.h"
#include "ttp/take.h"

#include <string.h>

struct own {
    bool denies;
    struct policy p;
    struct denial d;
    struct span owner; /* empty: the operator */
};

/* ---- what stands in the tables
 * ---------------------------------------------------------------------------------------- */

static void policy_key(struct buf *b, struct span iss, struct span name)
{
    const struct span part[] = {iss, name};
    vault_key_put(b, part, LEN(part));
}

static void denial_key(struct buf *b, struct span owner, struct span policy, struct span id)
{
    const struct span part[] = {owner, policy, id};
    vault_key_put(b, part, LEN(part));
}

static void policy_value(struct buf *b, const struct policy *p)
{
    buf_be64(b, p->version);
    buf_be64(b, (uint64_t)p->from);
    buf_be64(b, (uint64_t)p->until);
    for (size_t i = 0; i < p->n; i++) {
        msg_item_put(b, p->readers[i].id);
        buf_c(b, p->readers[i].pinned);
        buf_put(b, span_of(p->readers[i].jkt, JOSE_THUMB));
    }
}

static const struct span *find_policy(struct vault *v, struct span iss, struct span name)
{
    uint8_t key[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(key);
    policy_key(&b, iss, name);
    return b.e == OK ? vault_map_get(&v->table[TABLE_POLICIES], buf_span(&b)) : NULL;
}

/* Version of the present policy, 0 when there is none; *rest is what follows. */
static uint64_t version_of(const struct span *value, struct span *rest)
{
    uint64_t version = 0;
    *rest = value ? *value : SPAN_NONE;
    return value && take_u64(rest, &version) == OK ? version : 0;
}

static bool denied_by(struct vault *v, struct span owner, struct span policy, struct span id)
{
    uint8_t key[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(key);
    denial_key(&b, owner, policy, id);
    if (b.e != OK)
        return true;
    const struct span *value = vault_map_get(&v->table[TABLE_DENIALS], buf_span(&b));
    return value && value->n > 0 && value->p[0] != 0;
}

bool vault_denied(struct vault *v, struct span owner, struct span policy, struct span id)
{
    return denied_by(v, owner, policy, id) || denied_by(v, owner, SPAN_NONE, id) ||
           denied_by(v, SPAN_NONE, policy, id) || denied_by(v, SPAN_NONE, SPAN_NONE, id);
}

static bool reads(struct span readers, struct span id, const uint8_t jkt[JOSE_THUMB])
{
    while (readers.n > 0) {
        struct span who;
        uint8_t pinned, want[JOSE_THUMB];
        if (take_blob(&readers, &who) != OK || take_u8(&readers, &pinned) != OK ||
            take_fix(&readers, want, JOSE_THUMB) != OK)
            return false;
        if (span_eq(who, id) && (!pinned || memcmp(want, jkt, JOSE_THUMB) == 0))
            return true;
    }
    return false;
}

enum reason vault_policy_allows(struct vault *v, const struct row *row, struct span id, const uint8_t jkt[JOSE_THUMB],
                                uint64_t *version)
{
    uint64_t from, until, now = (uint64_t)v->conf.now_ms(v->conf.ctx);
    struct span rest;
    *version = version_of(find_policy(v, row->iss, row->policy), &rest);
    if (*version == 0)
        return row->has_pv ? REASON_NO_KEY_YET : REASON_REFUSED;
    if (row->has_pv && *version < row->pv)
        return REASON_NO_KEY_YET;
    if (take_u64(&rest, &from) != OK || take_u64(&rest, &until) != OK)
        return REASON_FAILED;
    if (vault_denied(v, row->iss, row->policy, id) || !reads(rest, id, jkt))
        return REASON_REFUSED;
    if (from > now || (until != 0 && until <= now))
        return REASON_REFUSED;
    return REASON_OK;
}

/* ---- requests
 * ------------------------------------------------------------------------------------------------------------ */

/* A denial by the operator's key counts for every owner; by a client's, for that client's own policies. */
static bool denial_signer(struct vault *v, struct vault_ask *a, struct own *o)
{
    if (v->operator_key && jws_verify(&a->jws, v->operator_key) == REASON_OK) {
        enum reason r = claim_aud(a->jws.claims, &a->mem, span_str(v->fqdn));
        if (r != REASON_OK)
            vault_refuse_reason(v, a, r);
        return r == REASON_OK;
    }
    o->owner = o->d.iss;
    return vault_signed_by(v, a, o->d.iss, NULL);
}

static enum err policy_read_ask(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    a->own = o;
    enum reason r = policy_read(a->body, &a->mem, &a->jws, &o->p);
    if (r == REASON_MALFORMED) {
        o->denies = true;
        r = denial_read(a->body, &a->mem, &a->jws, &o->d);
    }
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    if (o->denies)
        (void)denial_signer(v, a, o);
    else if (vault_signed_by(v, a, o->p.iss, NULL))
        o->owner = o->p.iss;
    return OK;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o)
{
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", !o->denies ? SPAN("policy") : o->d.deny ? SPAN("deny") : SPAN("lift"));
    JW_STR(&w, "iss", o->denies ? o->d.iss : o->p.iss);
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    JW_STR(&w, "policy", o->denies ? o->d.policy : o->p.policy);
    if (o->denies)
        JW_STR(&w, "id", o->d.id);
    else
        JW_U64(&w, "version", o->p.version);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static enum err full(struct vault *v, struct vault_ask *a)
{
    vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the tables of policies and denials are full",
                 "tell the TTP's operator");
    return OK;
}

static enum err decide_denial(struct vault *v, struct vault_ask *a, struct own *o)
{
    uint8_t key[4 * ROW_TEXT_MAX], value[16];
    struct buf k = BUF_ARRAY(key), b = BUF_ARRAY(value);
    denial_key(&k, o->owner, o->d.policy, o->d.id);
    if (k.e != OK)
        return full(v, a);
    const struct span *was = vault_map_get(&v->table[TABLE_DENIALS], buf_span(&k));
    uint64_t n = 0;
    if (was) {
        struct span rest = span_from(*was, 1);
        TRY(take_u64(&rest, &n));
        if (o->d.n == n && (was->p[0] != 0) == o->d.deny)
            return vault_ack(v, a, "ok", n, 0, SPAN_NONE);
        if (o->d.n <= n)
            return vault_ack(v, a, "conflict", n, 0, SPAN_NONE);
    }
    buf_c(&b, o->d.deny);
    buf_be64(&b, o->d.n);
    if (vault_state_set(v, TABLE_DENIALS, buf_span(&k), buf_span(&b)) != OK)
        return full(v, a);
    v->changes++;
    return record(v, a, o);
}

static enum err decide_policy(struct vault *v, struct vault_ask *a, struct own *o)
{
    struct span rest;
    const struct span *was = find_policy(v, o->p.iss, o->p.policy);
    uint64_t version = version_of(was, &rest);
    size_t room = 64 + o->p.n * (ROW_TEXT_MAX + 64);
    uint8_t key[4 * ROW_TEXT_MAX];
    struct buf k = BUF_ARRAY(key), b = buf_over(arena_alloc(&a->mem, room), room);
    if (!b.p)
        return ERR_NOMEM;
    policy_value(&b, &o->p);
    policy_key(&k, o->p.iss, o->p.policy);
    if (b.e != OK || k.e != OK)
        return full(v, a);
    if (o->p.version != version + 1)
        return vault_ack(v, a, "conflict", version, 0, SPAN_NONE);
    if (vault_state_set(v, TABLE_POLICIES, buf_span(&k), buf_span(&b)) != OK)
        return full(v, a);
    v->changes++;
    return record(v, a, o);
}

static enum err policy_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    return o->denies ? decide_denial(v, a, o) : decide_policy(v, a, o);
}

static enum err policy_answer(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    return vault_ack(v, a, "ok", o->denies ? o->d.n : o->p.version, a->index, SPAN_NONE);
}

const struct vault_kind vault_kind_policy = {policy_read_ask, policy_decide, policy_answer, NULL, NULL};
