/* Policies and denials: versions that only rise, in the vault's own memory (e2e.md 6). */
#include "ttp/vault_policy.h"

#include "esd/target.h"
#include "ttp/take.h"
#include "ttp/vault_news.h"

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

/* One denial: of an identity, of all of its domain, or of a key. */
static void denial_key(struct buf *b, struct span owner, struct span policy, struct span who)
{
    const struct span part[] = {owner, policy, who};
    vault_key_put(b, part, LEN(part));
}

/* What a denial is of, canonical. A key is written so that it is no identity. */
static void denied_put(struct buf *b, const struct denial *d)
{
    struct target t;
    if (d->by_key) {
        buf_str(b, "jkt:");
        buf_put(b, span_of(d->jkt, JOSE_THUMB));
    } else if (target_read(d->id, &t) == OK) {
        target_put(b, &t);
    } else {
        b->e = ERR_SYNTAX;
    }
}

enum { READER_PINNED = 1, READER_ESCROW = 2 };

static void policy_value(struct buf *b, const struct policy *p)
{
    uint8_t text[ROW_TEXT_MAX + 8];
    buf_be64(b, p->version);
    buf_be64(b, (uint64_t)p->from);
    buf_be64(b, (uint64_t)p->until);
    for (size_t i = 0; i < p->n; i++) {
        const struct policy_reader *r = &p->readers[i];
        struct buf id = BUF_ARRAY(text);
        struct target t;
        if (target_read(r->id, &t) == OK)
            target_put(&id, &t);
        msg_item_put(b, buf_span(&id));
        buf_c(b, (uint8_t)((r->pinned ? READER_PINNED : 0) | (r->escrow ? READER_ESCROW : 0)));
        buf_put(b, span_of(r->jkt, JOSE_THUMB));
        buf_be64(b, (uint64_t)r->from);
        buf_be64(b, (uint64_t)r->until);
        if (id.e != OK || id.n == 0)
            b->e = ERR_SYNTAX;
    }
}

static const struct span *find_policy(struct vault *v, struct span iss, struct span name)
{
    uint8_t key[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(key);
    policy_key(&b, iss, name);
    return b.e == OK ? vault_map_get(&v->table[TABLE_POLICIES], buf_span(&b)) : NULL;
}

enum err vault_policy_get(struct vault *v, struct span iss, struct span name, struct vault_policy *out)
{
    const struct span *value = find_policy(v, iss, name);
    *out = (struct vault_policy){0};
    if (!value)
        return ERR_NOTFOUND;
    out->readers = *value;
    TRY(take_u64(&out->readers, &out->version));
    TRY(take_u64(&out->readers, &out->from));
    return take_u64(&out->readers, &out->until);
}

enum err vault_policy_key_read(struct span key, struct span *iss, struct span *name)
{
    TRY(take_blob(&key, iss));
    return take_blob(&key, name);
}

bool vault_policy_next(struct span *readers, struct vault_policy_entry *out)
{
    uint8_t flags;
    if (readers->n == 0 || take_blob(readers, &out->id) != OK || take_u8(readers, &flags) != OK ||
        take_fix(readers, out->jkt, JOSE_THUMB) != OK || take_u64(readers, &out->from) != OK ||
        take_u64(readers, &out->until) != OK)
        return false;
    out->pinned = flags & READER_PINNED;
    out->escrow = flags & READER_ESCROW;
    return true;
}

bool vault_policy_reader(struct vault *v, struct span iss, struct span name, size_t n, struct span *id)
{
    struct vault_policy p;
    struct vault_policy_entry e;
    if (vault_policy_get(v, iss, name, &p) != OK)
        return false;
    for (size_t i = 0; i <= n; i++)
        if (!vault_policy_next(&p.readers, &e))
            return false;
    *id = e.id;
    return true;
}

/* ---- denials ----------------------------------------------------------------------------------------------------- */

enum err vault_denial_read(const struct vault_entry *e, struct vault_denial *out)
{
    struct span key = e->key, value = e->value;
    uint8_t deny;
    TRY(take_blob(&key, &out->owner));
    TRY(take_blob(&key, &out->policy));
    TRY(take_blob(&key, &out->id));
    TRY(take_u8(&value, &deny));
    out->deny = deny != 0;
    return take_u64(&value, &out->n);
}

/* The text of the denial in the table that says no; NULL: none does. What cannot be asked for counts as denied. */
static const struct vault_entry *denied_by(struct vault *v, struct span owner, struct span policy, struct span who)
{
    static const struct vault_entry unasked;
    uint8_t key[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(key);
    denial_key(&b, owner, policy, who);
    if (b.e != OK)
        return &unasked;
    const struct vault_entry *e = vault_map_entry(&v->table[TABLE_DENIALS], buf_span(&b));
    return e && e->value.n > 0 && e->value.p[0] != 0 ? e : NULL;
}

static const struct vault_entry *denied_of(struct vault *v, struct span owner, struct span policy, struct span id,
                                           const uint8_t jkt[JOSE_THUMB])
{
    uint8_t text[3][ROW_TEXT_MAX + 64];
    struct target t;
    const struct denial who[] = {{.id = id}, {.id = span_first(id, target_domain(id).n + 2)}, {.by_key = true}};
    if (v->table[TABLE_DENIALS].n == 0)
        return NULL;
    for (size_t i = 0; i < LEN(who); i++) {
        struct denial d = who[i];
        struct buf b = BUF_ARRAY(text[i]);
        memcpy(d.jkt, jkt, JOSE_THUMB);
        if (!d.by_key && target_read(d.id, &t) != OK)
            continue; /* no identity: no entry of a policy means it either */
        denied_put(&b, &d);
        const struct vault_entry *e = denied_by(v, owner, policy, buf_span(&b));
        e = e || policy.n == 0 ? e : denied_by(v, owner, SPAN_NONE, buf_span(&b));
        if (e)
            return e;
    }
    return NULL;
}

bool vault_denied(struct vault *v, struct span owner, struct span policy, struct span id, const uint8_t jkt[JOSE_THUMB])
{
    return denied_of(v, owner, policy, id, jkt) || denied_of(v, SPAN_NONE, policy, id, jkt);
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *sentence;
    enum reason reason;
} rules[VAULT_RULE__N] = {
#define RULE(name, text, reason, sentence) [VAULT_RULE_##name] = {(text), (sentence), (reason)},
#include "ttp/vault_rule.def"
#undef RULE
};

const char *vault_rule_text(enum vault_rule r)
{
    return rules[r].text;
}

const char *vault_rule_sentence(enum vault_rule r)
{
    return rules[r].sentence;
}

enum reason vault_rule_reason(enum vault_rule r)
{
    return rules[r].reason;
}

static enum reason rule(struct vault_verdict *said, enum vault_rule r)
{
    said->rule = r;
    return rules[r].reason;
}

static bool within(uint64_t from, uint64_t until, uint64_t now)
{
    return from <= now && (until == 0 || now < until);
}

bool vault_policy_means(const struct vault_policy_entry *e, struct span id, const uint8_t jkt[JOSE_THUMB])
{
    struct target t;
    return target_read(e->id, &t) == OK && target_covers(&t, id) &&
           (!e->pinned || memcmp(e->jkt, jkt, JOSE_THUMB) == 0);
}

/* An entry that permits; else the nearest miss, so that the answer to `why` says what is missing. */
static enum reason reads(struct span readers, struct span id, const uint8_t jkt[JOSE_THUMB], uint64_t now,
                         struct vault_verdict *said)
{
    struct vault_policy_entry e;
    enum vault_rule best = VAULT_RULE_NOT_READER;
    while (vault_policy_next(&readers, &e)) {
        struct target t;
        if (target_read(e.id, &t) != OK || !target_covers(&t, id))
            continue;
        bool key = vault_policy_means(&e, id, jkt), time = within(e.from, e.until, now);
        enum vault_rule r = !key ? VAULT_RULE_OTHER_KEY : !time ? VAULT_RULE_READER_TIME : VAULT_RULE_READER;
        if (r > best) {
            best = r;
            said->target = e.id;
        }
    }
    return rule(said, best);
}

enum reason vault_policy_judge(struct vault *v, const struct row *row, struct span id, const uint8_t jkt[JOSE_THUMB],
                               struct vault_verdict *said)
{
    uint64_t now = (uint64_t)v->conf.now_ms(v->conf.ctx);
    struct vault_policy p;
    const struct vault_entry *denial;
    enum err e = vault_policy_get(v, row->iss, row->policy, &p);
    said->version = p.version;
    if (e != OK && e != ERR_NOTFOUND)
        return rule(said, VAULT_RULE_FAILED);
    if (row->has_pv && p.version < row->pv)
        return rule(said, VAULT_RULE_POLICY_AWAITED);
    if (e != OK)
        return rule(said, row->has_pv ? VAULT_RULE_POLICY_AWAITED : VAULT_RULE_NO_POLICY);
    enum vault_rule by = VAULT_RULE_DENIED_OWNER;
    denial = denied_of(v, row->iss, row->policy, id, jkt);
    if (!denial) {
        by = VAULT_RULE_DENIED_OPERATOR;
        denial = denied_of(v, SPAN_NONE, row->policy, id, jkt);
    }
    if (denial) {
        struct vault_denial d = {0};
        said->target = vault_denial_read(denial, &d) == OK ? d.id : SPAN_NONE;
        return rule(said, by);
    }
    JUDGE(reads(p.readers, id, jkt, now, said));
    return within(p.from, p.until, now) ? REASON_OK : rule(said, VAULT_RULE_POLICY_TIME);
}

enum reason vault_policy_allows(struct vault *v, const struct row *row, struct span id, const uint8_t jkt[JOSE_THUMB],
                                uint64_t *version)
{
    struct vault_verdict said = {0};
    enum reason r = vault_policy_judge(v, row, id, jkt, &said);
    *version = said.version;
    return r;
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
    if (!o->denies)
        JW_U64(&w, "version", o->p.version);
    else if (o->d.by_key)
        JW_B64URL(&w, "jkt", span_of(o->d.jkt, JOSE_THUMB));
    else
        JW_STR(&w, "id", o->d.id);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

/* Who must hear of it: an owner's writer, or with the operator everybody. */
static enum err tell(struct vault *v, struct span owner)
{
    if (owner.n > 0)
        return vault_news(v, owner);
    vault_news_all(v);
    return OK;
}

static enum err full(struct vault *v, struct vault_ask *a)
{
    vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the tables of policies and denials are full",
                 "tell the TTP's operator");
    return OK;
}

static enum err decide_denial(struct vault *v, struct vault_ask *a, struct own *o)
{
    uint8_t key[4 * ROW_TEXT_MAX], value[16], text[ROW_TEXT_MAX + 64];
    struct buf k = BUF_ARRAY(key), b = BUF_ARRAY(value), who = BUF_ARRAY(text);
    denied_put(&who, &o->d);
    denial_key(&k, o->owner, o->d.policy, buf_span(&who));
    if (k.e != OK || who.e != OK)
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
    if (tell(v, o->owner) != OK || vault_state_set(v, TABLE_DENIALS, buf_span(&k), buf_span(&b)) != OK)
        return full(v, a);
    return record(v, a, o);
}

static enum err decide_policy(struct vault *v, struct vault_ask *a, struct own *o)
{
    struct vault_policy was;
    size_t room = 64 + o->p.n * (ROW_TEXT_MAX + 128);
    if (vault_policy_get(v, o->p.iss, o->p.policy, &was) == ERR_SYNTAX)
        return ERR_SYNTAX;
    uint8_t key[4 * ROW_TEXT_MAX];
    struct buf k = BUF_ARRAY(key), b = buf_over(arena_alloc(&a->mem, room), room);
    if (!b.p)
        return ERR_NOMEM;
    policy_value(&b, &o->p);
    policy_key(&k, o->p.iss, o->p.policy);
    if (b.e != OK || k.e != OK)
        return full(v, a);
    if (o->p.version != was.version + 1)
        return vault_ack(v, a, "conflict", was.version, 0, SPAN_NONE);
    if (tell(v, o->p.iss) != OK || vault_state_set(v, TABLE_POLICIES, buf_span(&k), buf_span(&b)) != OK)
        return full(v, a);
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
