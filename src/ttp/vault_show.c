/* What a policy says, and which rule decides about a key: questions whose answers the vault signs (esd/policy_ask.h).
 * They change nothing and release nothing: no leaf. What is told is what is durable, as with polls. */
#include "esd/policy_ask.h"

#include "esd/target.h"
#include "host/heap.h"
#include "ttp/vault_policy.h"

#include "base/m2mtime.h"

#include <stdlib.h>
#include <string.h>

struct own {
    struct policy_show show;
    struct policy_why why;
    uint8_t jkt[JOSE_THUMB]; /* of the asker */
    bool all;                /* the owner or the operator asks */
};

/* ---- who asks ---------------------------------------------------------------------------------------------------- */

static bool by_operator(struct vault *v, struct vault_ask *a)
{
    return v->operator_key && jws_verify(&a->jws, v->operator_key) == REASON_OK &&
           claim_aud(a->jws.claims, &a->mem, span_str(v->fqdn)) == REASON_OK;
}

/* Answers and returns false when the asker is nobody, or asks with an old nonce. */
static bool admit(struct vault *v, struct vault_ask *a, struct own *o, struct span iss, const uint8_t *nonce)
{
    if (!vault_nonce_good(v, nonce)) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), "the nonce is not fresh",
                     "use the newest Oneseal-Nonce within 120 s");
        return false;
    }
    o->all = by_operator(v, a);
    return o->all || vault_signed_by(v, a, iss, o->jkt);
}

static enum err not_yours(struct vault *v, struct vault_ask *a, const char *todo)
{
    vault_refuse(v, a, 403, reason_code(REASON_REFUSED),
                 "that is told to its owner, to the TTP's operator, and to those it is about", todo);
    return OK;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static void head(struct jw *w, struct vault *v, const struct vault_ask *a)
{
    jw_obj(w);
    JW_B64URL(w, "req", span_of(a->req, ESD_HASH));
    JW_U64(w, "t", (uint64_t)v->conf.now_ms(v->conf.ctx));
}

static enum err sign(struct vault *v, struct vault_ask *a, enum jws_typ typ, struct buf *claims)
{
    struct buf out = heap_buf(VAULT_ANSWER_MAX);
    enum err e = claims->e;
    if (e == OK)
        e = jws_sign(v->release, typ, span_str(v->release_kid), buf_span(claims), &out);
    if (e == OK)
        vault_reply(v, a, 200, TYPE_JOSE, buf_span(&out), SPAN_NONE);
    heap_buf_free(&out);
    return e;
}

static void put_time(struct jw *w, const char *name, uint64_t ms)
{
    uint8_t text[32];
    struct buf b = BUF_ARRAY(text);
    if (ms == 0)
        return;
    m2mtime_put(&b, (int64_t)ms);
    jw_name(w, span_str(name));
    jw_str(w, buf_span(&b));
}

/* ---- show -------------------------------------------------------------------------------------------------------- */

static enum err show_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    enum reason r = policy_show_read(a->body, &a->mem, &a->jws, &o->show);
    if (r != REASON_OK)
        vault_refuse_reason(v, a, r);
    else if (admit(v, a, o, o->show.iss, o->show.nonce))
        o->all = o->all || span_eq(o->show.owner, o->show.iss);
    return OK;
}

static void put_entry(struct jw *w, const struct vault_policy_entry *e)
{
    jw_obj(w);
    JW_STR(w, "id", e->id);
    if (e->pinned)
        JW_B64URL(w, "jkt", span_of(e->jkt, JOSE_THUMB));
    put_time(w, "from", e->from);
    put_time(w, "until", e->until);
    if (e->escrow)
        JW_BOOL(w, "escrow", true);
    jw_end_obj(w);
}

static bool means_asker(const struct own *o, const struct vault_policy_entry *e)
{
    return vault_policy_means(e, o->show.iss, o->jkt);
}

/* Does the asker stand in it? */
static bool concerns(const struct own *o, struct span readers)
{
    struct vault_policy_entry e;
    while (vault_policy_next(&readers, &e))
        if (means_asker(o, &e))
            return true;
    return false;
}

static void put_readers(struct jw *w, const struct own *o, struct span readers)
{
    struct vault_policy_entry e;
    JW_NAME(w, "readers");
    jw_arr(w);
    while (vault_policy_next(&readers, &e))
        if (o->all || e.escrow || means_asker(o, &e))
            put_entry(w, &e);
    jw_end_arr(w);
}

static void put_denial(struct jw *w, const struct vault_denial *d)
{
    struct span key = SPAN("jkt:");
    jw_obj(w);
    if (d->policy.n > 0)
        JW_STR(w, "policy", d->policy);
    if (span_starts(d->id, key))
        JW_B64URL(w, "jkt", span_from(d->id, key.n));
    else
        JW_STR(w, "id", d->id);
    JW_STR(w, "by", d->owner.n > 0 ? SPAN("owner") : SPAN("operator"));
    JW_U64(w, "n", d->n);
    jw_end_obj(w);
}

/* Those in force for this policy. */
static enum err put_denials(struct vault *v, struct jw *w, const struct own *o)
{
    const struct vault_map *m = &v->table[TABLE_DENIALS];
    JW_NAME(w, "denials");
    jw_arr(w);
    for (size_t i = 0; o->all && i < m->n; i++) {
        struct vault_denial d;
        TRY(vault_denial_read(&m->e[i], &d));
        if (d.deny && (d.owner.n == 0 || span_eq(d.owner, o->show.owner)) &&
            (d.policy.n == 0 || span_eq(d.policy, o->show.policy)))
            put_denial(w, &d);
    }
    jw_end_arr(w);
    return OK;
}

static enum err put_policy(struct vault *v, struct vault_ask *a, struct jw *w, const struct vault_policy *p)
{
    const struct own *o = a->own;
    JW_STR(w, "policy", o->show.policy);
    JW_U64(w, "version", p->version);
    JW_BOOL(w, "all", o->all);
    put_time(w, "from", p->from);
    put_time(w, "until", p->until);
    put_readers(w, o, p->readers);
    return put_denials(v, w, o);
}

/* The owner's policies, by name. */
static enum err put_list(struct vault *v, struct jw *w, const struct own *o)
{
    const struct vault_map *m = &v->table[TABLE_POLICIES];
    JW_NAME(w, "policies");
    jw_arr(w);
    for (size_t i = 0; i < m->n; i++) {
        struct span key = m->e[i].key, iss, name;
        struct vault_policy p;
        struct vault_policy_entry e;
        uint64_t n = 0;
        TRY(vault_policy_key_read(key, &iss, &name));
        if (!span_eq(iss, o->show.owner))
            continue;
        TRY(vault_policy_get(v, iss, name, &p));
        while (vault_policy_next(&p.readers, &e))
            n++;
        jw_obj(w);
        JW_STR(w, "policy", name);
        JW_U64(w, "version", p.version);
        JW_U64(w, "readers", n);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    return OK;
}

static enum err show_decide(struct vault *v, struct vault_ask *a)
{
    const struct own *o = a->own;
    struct vault_policy p = {0};
    bool one = o->show.policy.n > 0;
    if (v->open || v->changed)
        return OK;
    if (one && vault_policy_get(v, o->show.owner, o->show.policy, &p) == ERR_SYNTAX)
        return ERR_SYNTAX;
    if (!o->all && !(one && concerns(o, p.readers)))
        return not_yours(v, a, "ask with the owner's key, or with --as the application that reads by this policy");
    struct buf b = heap_buf(VAULT_ANSWER_MAX);
    struct jw w = jw_over(&b);
    head(&w, v, a);
    JW_STR(&w, "owner", o->show.owner);
    enum err e = one ? put_policy(v, a, &w, &p) : put_list(v, &w, o);
    jw_end_obj(&w);
    if (e == OK)
        e = sign(v, a, JWS_SHOWN, &b);
    heap_buf_free(&b);
    return e;
}

/* ---- why --------------------------------------------------------------------------------------------------------- */

static void why_find(struct vault *v, struct vault_ask *a)
{
    const struct own *o = a->own;
    vault_find(v, a, 0, o->why.kid);
}

static enum err why_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    enum reason r = policy_why_read(a->body, &a->mem, &a->jws, &o->why);
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    if (!admit(v, a, o, o->why.iss, o->why.nonce))
        return OK;
    a->n_need = 1;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, 1);
    if (!a->need)
        return ERR_NOMEM;
    why_find(v, a);
    return OK;
}

/* The key that the subject would sign with: what was named, else what it registered. None: then a pin fails. */
static void key_of(struct vault *v, const struct policy_why *q, uint8_t jkt[JOSE_THUMB])
{
    struct vault_client c;
    memset(jkt, 0, JOSE_THUMB);
    if (q->has_jkt)
        memcpy(jkt, q->jkt, JOSE_THUMB);
    else if (vault_client_get(v, q->subject, &c) == OK)
        memcpy(jkt, c.jkt, JOSE_THUMB);
}

static void put_target(struct jw *w, struct span target)
{
    struct span key = SPAN("jkt:");
    if (span_starts(target, key))
        JW_B64URL(w, "target", span_from(target, key.n));
    else if (target.n > 0)
        JW_STR(w, "target", target);
}

static enum err why_decide(struct vault *v, struct vault_ask *a)
{
    const struct own *o = a->own;
    const struct policy_why *q = &o->why;
    const struct vault_found *f = &a->need[0];
    struct vault_verdict said;
    uint8_t jkt[JOSE_THUMB], text[4096];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    if (v->open || v->changed)
        return OK;
    key_of(v, q, jkt);
    uint8_t value[ROW_VALUE_MAX];
    enum reason r = vault_judge(v, q->kid, q->subject, jkt, f, &said, value);
    wipe(value, sizeof value);
    bool row = f->here && said.rule != VAULT_RULE_NOT_TRUE; /* what does not authenticate is nobody's */
    /* That there is no such key, everybody hears from a release as well. */
    bool told = o->all || !f->here || span_eq(q->subject, q->iss) || (row && span_eq(f->row.iss, q->iss));
    if (!told)
        return not_yours(v, a, "ask about yourself, or with the owner's key");
    if (r == REASON_OK)
        said.rule = VAULT_RULE_READER;
    head(&w, v, a);
    JW_STR(&w, "subject", q->subject);
    JW_STR(&w, "kid", q->kid);
    JW_STR(&w, "code", r == REASON_OK ? SPAN("ok") : span_str(reason_code(r)));
    JW_STR(&w, "rule", span_str(vault_rule_text(said.rule)));
    JW_STR(&w, "what", span_str(vault_rule_sentence(said.rule)));
    if (row) {
        JW_STR(&w, "owner", f->row.iss);
        JW_STR(&w, "policy", f->row.policy);
        JW_U64(&w, "version", said.version);
    }
    put_target(&w, said.target);
    jw_end_obj(&w);
    return sign(v, a, JWS_BECAUSE, &b);
}

const struct vault_kind vault_kind_show = {.read = show_read, .decide = show_decide};
const struct vault_kind vault_kind_why = {.read = why_read, .decide = why_decide, .find = why_find};
