/* UPDATE of a key registration: et, lbl and tgis, by its creator. What matters of a row of the class sealed changes by
 * a signed text alone: its end by oneseal-update+jws, its targets by the next version of its policy. Labels matter to
 * nobody but whoever looks for them, so the creator's certificate suffices. */
#include "esd/update.h"
#include "ttp/name.h"
#include "ttp/vault_policy.h"
#include "ttp/vault_skr.h"
#include "ttp/vault_skr_own.h"

#include <string.h>

struct own {
    bool has_update, has_policy;
    struct key_update u;
    struct policy p;
    void *policy_own; /* vault_kind_policy's */
    struct row row;
};

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static enum err read_text(struct vault *v, struct vault_ask *a, struct own *o, struct span text)
{
    struct jws j;
    if (!o->has_update && update_read(text, &a->mem, &a->jws, &o->u) == REASON_OK) {
        o->has_update = vault_signed_by(v, a, o->u.iss, NULL);
        return OK;
    }
    if (!o->has_policy && policy_read(text, &a->mem, &j, &o->p) == REASON_OK) {
        a->body = text;
        TRY(esd_sha256(text, a->req));
        TRY(vault_kind_policy.read(v, a));
        o->policy_own = a->own;
        o->has_policy = !a->done;
        return OK;
    }
    vault_m2m_refuse(v, a, 4000, "osl is neither a signed update nor a signed policy, or one of them twice",
                     "sign oneseal-update+jws for et, oneseal-policy+jws for tgis");
    return OK;
}

static enum err update_read_ask(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    TRY(vault_m2m_open(v, a, M2MTYPE_SKR, M2MBODY_UPDATE));
    for (size_t i = 0; !a->done && i < a->m2m->body.n_osl; i++)
        TRY(read_text(v, a, o, a->m2m->body.osl[i]));
    a->own = o;
    return a->done ? OK : vault_skr_want(v, a);
}

/* ---- deciding ------------------------------------------------------------------------------------------------------
 */

static const char *signed_et_wrong(const struct vault_ask *a, const struct own *o, const struct row *r)
{
    if (!o->has_update)
        return "et of a sealed registration changes by a signed text: osl is missing";
    if (!kid_eq(o->u.kid, r->kid) || !name_same(o->u.iss, r->iss))
        return "osl is signed for another registration, or by another than its creator";
    return o->u.et == a->m2m->body.et ? NULL : "et is not what osl says";
}

static bool same_readers(const struct policy *p, struct span lines)
{
    size_t n = 0;
    for (struct span s = lines; s.p && s.n > 0; n++) {
        struct span id = span_cut(&s, '\n');
        bool here = false;
        for (size_t i = 0; i < p->n && !here; i++)
            here = name_same(p->readers[i].id, id);
        if (!here)
            return false;
    }
    return n == p->n;
}

static const char *signed_targets_wrong(const struct own *o, const struct row *r, struct span lines)
{
    if (!o->has_policy)
        return "tgis of a sealed registration changes by its signed policy: osl is missing";
    if (!span_eq(o->p.policy, r->policy) || !name_same(o->p.iss, r->iss))
        return "osl is not the policy of this registration, or not its creator's";
    return same_readers(&o->p, lines) ? NULL : "tgis does not name the readers of the signed policy";
}

/* NULL: good. *targets: the new list, when there is one. */
static const char *wrong(struct vault *v, struct vault_ask *a, const struct own *o, struct span *targets)
{
    const struct m2mbody *m = &a->m2m->body;
    const struct row *r = &o->row;
    bool sealed = r->klass == ROW_SEALED_CLASS;
    const char *why = NULL;
    if (m->has[M2MATTR_ET] && m->et <= v->conf.now_ms(v->conf.ctx))
        return "et is in the past";
    if (m->has[M2MATTR_ET] && sealed)
        why = signed_et_wrong(a, o, r);
    if (!why && m->has[M2MATTR_TGIS])
        why = m2mbody_targets(m, r->suid, a->m2m->id, false, &a->mem, targets);
    if (!why && m->has[M2MATTR_TGIS] && sealed)
        why = signed_targets_wrong(o, r, *targets);
    if (!why && (o->has_update != (sealed && m->has[M2MATTR_ET]) || o->has_policy != (sealed && m->has[M2MATTR_TGIS])))
        why = "osl changes what the attributes do not name";
    if (!why && !m->has[M2MATTR_ET] && !m->has[M2MATTR_TGIS] && !m->has[M2MATTR_LBL])
        why = "at least one of et, lbl and tgis must be there";
    return why;
}

static struct vault_change change_of(struct vault *v, const struct vault_ask *a, const struct own *o,
                                     struct span targets)
{
    const struct m2mbody *m = &a->m2m->body;
    struct vault_change c = vault_change_get(v, &a->need[0].row);
    c.lt = (uint64_t)v->conf.now_ms(v->conf.ctx);
    if (o->has_update)
        c.n = o->u.n;
    if (m->has[M2MATTR_ET])
        c.et = (uint64_t)m->et;
    if (m->has[M2MATTR_LBL]) {
        c.has_lbl = true;
        c.lbl = m->lbl;
    }
    if (m->has[M2MATTR_TGIS] && o->row.klass != ROW_SEALED_CLASS) {
        c.has_tgis = true;
        c.tgis = targets;
    }
    return c;
}

static struct vault_change copied(struct vault_ask *a, struct vault_change c)
{
    c.lbl = arena_dup(&a->mem, c.lbl);
    c.tgis = arena_dup(&a->mem, c.tgis);
    return c;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    TRY(vault_skr_record(v, a, "update", &o->row, &b));
    return a->leaf ? vault_batch_leaf(v, buf_span(&b)) : vault_leaf(v, a, buf_span(&b));
}

/* The policy decides by its own rules (version, room), with a leaf of its own. False: it refused. */
static enum err take_policy(struct vault *v, struct vault_ask *a, struct own *o, bool *taken)
{
    a->own = o->policy_own;
    enum err e = vault_kind_policy.decide(v, a);
    a->own = o;
    *taken = !a->done;
    return e;
}

static enum err apply(struct vault *v, struct vault_ask *a, struct own *o, struct span targets)
{
    const struct row *column = &a->need[0].row;
    struct vault_change was = copied(a, vault_change_get(v, column)), now = copied(a, change_of(v, a, o, targets));
    bool taken = true;
    if (o->has_update && o->u.n <= was.n) {
        vault_m2m_refuse(v, a, 4105, "osl is not newer than the last update of this registration", "let n rise");
        return OK;
    }
    if (vault_change_set(v, column, &now) != OK) {
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the table of changed registrations is full",
                     "tell the TTP's operator");
        return OK;
    }
    if (o->has_policy)
        TRY(take_policy(v, a, o, &taken));
    if (!taken)
        return was.lt > 0 ? vault_change_set(v, column, &was) : vault_change_forget(v, column->kid);
    vault_change_apply(v, &o->row);
    o->row.lbl = arena_dup(&a->mem, o->row.lbl);
    o->row.tgis = arena_dup(&a->mem, o->row.tgis);
    return record(v, a, o);
}

static enum err update_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    struct span targets = SPAN_NONE, kid;
    a->body = kid = arena_dup(&a->mem, a->body);
    if (row_kid_key(kid, &key) != OK || vault_touched(v, a, TOUCH_KID, buf_span(&key))) {
        vault_look_again(v, a);
        return OK;
    }
    if (!vault_skr_alive(v, a, &o->row))
        return OK;
    if (!name_same(o->row.iss, a->m2m->id)) {
        vault_m2m_deny(v, a, "only its creator may update a registration", "ask its creator");
        return OK;
    }
    if (!vault_till_changes(a, &o->row)) {
        vault_m2m_deny(v, a, "a key of the class sealed is not changed by a teller", "change it at the front");
        return OK;
    }
    const char *why = wrong(v, a, o, &targets);
    if (!why)
        return apply(v, a, o, targets);
    vault_m2m_refuse(v, a, 4000, why, "name et, lbl or tgis, with the signed text that changes them");
    return OK;
}

/* Only what was asked for (TS-0003 8.8.2.9). */
static enum err update_answer(struct vault *v, struct vault_ask *a)
{
    const struct own *o = a->own;
    const struct m2mbody *m = &a->m2m->body;
    uint8_t *text = arena_alloc(&a->mem, VAULT_SKR_TEXT);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, VAULT_SKR_TEXT);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    jw_name(&w, m2mname_root(M2MTYPE_SKR));
    jw_obj(&w);
    if (m->has[M2MATTR_ET])
        vault_m2m_put_time(&w, M2MATTR_ET, o->row.et);
    if (m->has[M2MATTR_LBL])
        vault_m2m_put_lines(&w, M2MATTR_LBL, o->row.lbl);
    if (m->has[M2MATTR_TGIS])
        vault_skr_put_targets(&w, v, &o->row);
    vault_m2m_end(&w);
    TRY(b.e);
    vault_m2m_reply(v, a, buf_span(&b));
    return OK;
}

const struct vault_kind vault_kind_skr_update = {update_read_ask, update_decide, update_answer, vault_skr_find, NULL};
