/* Release: the one way by which a Key Value leaves (e2e.md 6). */
#include "ttp/vault_release.h"
#include "esd/strict.h"
#include "esd/target.h"
#include "host/heap.h"
#include "ttp/m2mbody.h"
#include "ttp/vault_change.h"
#include "ttp/vault_policy.h"

#include <stdlib.h>
#include <string.h>

struct own {
    struct release_ask q;
    uint8_t jkt[JOSE_THUMB];
    struct span via; /* the partner that vouched; empty: a client of ours */
    enum reason code[RELEASE_WANT_MAX];
    uint64_t pv[RELEASE_WANT_MAX];
    uint8_t (*value)[ROW_VALUE_MAX]; /* of released keys, from the decision to the answer; n_want of them, in mem */
    bool early;                      /* nobody was denied when it came: for a control of the tests */
};

void vault_release_end(struct vault_ask *a)
{
    struct own *o = a->own;
    if (!o)
        return;
    p256_free(o->q.epk);
    if (o->value)
        wipe(o->value, o->q.n_want * sizeof *o->value);
}

/* May a key of this SUID be handed to a reader of data? (TS-0003 table 8.3.2-1: 24, 34 ESData) */
static bool suid_releases(uint8_t suid)
{
    return suid == 24 || suid == 34;
}

/* Keys for another use go only to one who signed that he asks for it, so that none is taken for another (TS-0003
 * 8.8.2.8); those that two share, only where the policy names one. */
static bool suid_asked_for(struct vault *v, const struct row *r, struct span purpose)
{
    uint8_t text[16];
    struct buf b = BUF_ARRAY(text);
    struct target t;
    struct span id;
    buf_fmt(&b, "suid:%u", r->suid);
    if (!m2mbody_suid_known(r->suid) || !span_eq(purpose, buf_span(&b)))
        return false;
    return !m2mbody_suid_one_target(r->suid) ||
           (vault_policy_reader(v, r->iss, r->policy, 0, &id) && target_read(id, &t) == OK && t.kind == TARGET_ID &&
            !vault_policy_reader(v, r->iss, r->policy, 1, &id));
}

static enum reason commits(const struct vault_found *f, const uint8_t *value, struct span kid)
{
    struct p256 *pair;
    if (f->row.kind == ROW_VALUE)
        return keys_check(span_of(value, ESD_KV), f->row.sid, kid);
    JUDGE(strict_pair(span_of(value, STRICT_D), &pair));
    enum reason r = strict_check(pair, f->row.sid, kid);
    p256_free(pair);
    return r;
}

/* Does the row that the ledger handed over authenticate, and commit to the kid that was asked for? */
static enum reason row_true(struct vault *v, const struct vault_found *f, struct span kid, uint8_t value[ROW_VALUE_MAX])
{
    if (!kid_eq(f->row.kid, kid))
        return REASON_TAMPERED;
    return vault_row_open(v, f, value) == OK ? commits(f, value, kid) : REASON_TAMPERED;
}

static enum reason rule(struct vault_verdict *said, enum vault_rule r)
{
    said->rule = r;
    return vault_rule_reason(r);
}

enum reason vault_judge(struct vault *v, struct span kid, struct span id, const uint8_t jkt[JOSE_THUMB],
                        const struct vault_found *f, struct vault_verdict *said, uint8_t value[ROW_VALUE_MAX])
{
    *said = (struct vault_verdict){0};
    if (vault_tomb_has_kid(v, kid))
        return rule(said, VAULT_RULE_SHREDDED);
    if (!f->here)
        return rule(said, VAULT_RULE_NO_ROW);
    if (vault_tomb_hides(v, &f->row)) /* whatever the ledger shows it with */
        return rule(said, VAULT_RULE_SHREDDED);
    enum reason r = row_true(v, f, kid, value);
    if (r != REASON_OK) {
        said->rule = VAULT_RULE_NOT_TRUE;
        return r;
    }
    if (f->row.kind == ROW_PAIR)
        return rule(said, VAULT_RULE_PAIR_WAITS);
    if (f->row.klass != ROW_SEALED_CLASS)
        return rule(said, VAULT_RULE_PLAIN);
    JUDGE(VAULT_VERIFY(vault_policy_judge(v, &f->row, id, jkt, said)));
    struct row now = f->row;
    vault_change_apply(v, &now);
    if ((int64_t)now.et <= v->conf.now_ms(v->conf.ctx))
        return rule(said, VAULT_RULE_EXPIRED);
    return suid_releases(f->row.suid) ? REASON_OK : rule(said, VAULT_RULE_SUID);
}

/* The test of interleavings builds a vault that decides about denials when a request comes, not when its batch is
 * opened, to show that a revocation is then overtaken; the shipped program is never built so. */
#ifdef ORDER_CONTROL
static bool nobody_denied(const struct vault *v)
{
    const struct vault_map *m = &v->table[TABLE_DENIALS];
    for (size_t i = 0; i < m->n; i++)
        if (m->e[i].value.p[0] != 0)
            return false;
    return true;
}
#define VAULT_EARLY(v)         nobody_denied(v)
#define VAULT_LATE(o, verdict) ((verdict) == REASON_REFUSED && (o)->early ? REASON_OK : (verdict))
#else
#define VAULT_EARLY(v)         false
#define VAULT_LATE(o, verdict) (verdict)
#endif

/* One of the wanted keys. */
static enum reason judge(struct vault *v, const struct own *o, size_t i, const struct vault_found *f, uint64_t *pv)
{
    struct vault_verdict said;
    enum reason r = vault_judge(v, o->q.want[i], o->q.iss, o->jkt, f, &said, o->value[i]);
    *pv = said.version;
    if (r != REASON_OK && said.rule == VAULT_RULE_SUID && suid_asked_for(v, &f->row, o->q.purpose))
        r = REASON_OK;
    return VAULT_LATE(o, r);
}

/* ---- reading
 * ------------------------------------------------------------------------------------------------------------- */

static enum reason admit_client(struct vault *v, struct vault_ask *a, struct own *o)
{
    struct p256 *key;
    JUDGE(vault_client_key(v, o->q.iss, &a->mem, &key, o->jkt));
    enum reason r = VAULT_VERIFY(release_ask_judge(&a->jws, &o->q, key, span_str(v->fqdn)));
    p256_free(key);
    return r;
}

bool vault_release_kid_at(struct span kid, struct span fqdn)
{
    struct span relative, at;
    return kid_split(kid, &relative, &at) == REASON_OK && span_eq_nocase(at, fqdn);
}

/* The voucher was found right before; here it is laid beside the request. */
static enum reason admit_stranger(struct vault *v, struct vault_ask *a, struct own *o, const struct vault_stranger *by)
{
    memcpy(o->jkt, by->jkt, JOSE_THUMB);
    o->via = by->via;
    if (!span_eq(o->q.iss, by->sub) || o->q.n_aud != 2 || !span_eq_nocase(o->q.aud[0], span_str(v->fqdn)) ||
        !span_eq_nocase(o->q.aud[1], by->via))
        return REASON_REFUSED;
    for (size_t i = 0; i < o->q.n_want; i++)
        if (!vault_release_kid_at(o->q.want[i], span_str(v->fqdn)))
            return REASON_REFUSED;
    return VAULT_VERIFY(release_ask_judge(&a->jws, &o->q, by->key, span_str(v->fqdn)));
}

void vault_release_find(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    for (size_t i = 0; i < o->q.n_want; i++)
        vault_find(v, a, i, o->q.want[i]);
}

enum err vault_release_read(struct vault *v, struct vault_ask *a, struct span request, const struct vault_stranger *by)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    enum reason r = release_ask_read(request, &a->mem, &a->jws, &o->q);
    if (r == REASON_OK) {
        a->own = o;
        r = by ? admit_stranger(v, a, o, by) : admit_client(v, a, o);
    }
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    if (!by && !vault_nonce_good(v, o->q.nonce)) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), "the nonce is not fresh",
                     "use the newest Oneseal-Nonce within 120 s");
        return OK;
    }
    if (!vault_quota_take(v, a, o->q.iss, o->q.n_want))
        return OK;
    o->early = VAULT_EARLY(v);
    a->prove = o->q.has_head && o->q.size > 0;
    a->prove_from = o->q.size;
    a->n_need = o->q.n_want;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, a->n_need);
    if (!a->need)
        return ERR_NOMEM;
    vault_release_find(v, a);
    return OK;
}

static enum err release_read(struct vault *v, struct vault_ask *a)
{
    return vault_release_read(v, a, a->body, NULL);
}

/* ---- answering
 * ------------------------------------------------------------------------------------------------------------ */

static enum err send(struct vault *v, struct vault_ask *a, const struct release_answer *r, const struct own *o)
{
    struct buf out = heap_buf(VAULT_ANSWER_MAX);
    enum err e = release_answer_build(r, o->q.epk, v->release, span_str(v->release_kid), &v->scratch, &out);
    if (e == OK)
        vault_reply(v, a, 200, TYPE_JOSE, buf_span(&out), SPAN_NONE);
    buf_wipe(&v->scratch);
    heap_buf_free(&out);
    return e;
}

static size_t denials(const struct own *o, struct release_deny *deny)
{
    size_t n = 0;
    for (size_t i = 0; i < o->q.n_want; i++)
        if (o->code[i] != REASON_OK)
            deny[n++] = (struct release_deny){o->q.want[i], o->code[i]};
    return n;
}

/* Nothing to release: no leaf of its own, answered at once. */
static enum err deny_all(struct vault *v, struct vault_ask *a, const struct own *o)
{
    struct release_deny *deny = ARENA_ARRAY(&a->mem, struct release_deny, o->q.n_want);
    if (!deny)
        return ERR_NOMEM;
    struct release_answer r = {.head = buf_span(&v->note), .deny = deny, .n_deny = denials(o, deny)};
    memcpy(r.req, a->req, ESD_HASH);
    for (size_t i = 0; i < r.n_deny; i++)
        vault_fold_add(v, o->q.iss, deny[i].code);
    return send(v, a, &r, o);
}

enum err vault_release_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    size_t granted = 0;
    o->value = arena_alloc(&a->mem, o->q.n_want * sizeof *o->value);
    if (!o->value)
        return ERR_NOMEM;
    const char *bar = vault_witness_bars(v);
    if (bar) {
        vault_refuse(v, a, 503, reason_code(REASON_TTP_SEALED), bar,
                     "the TTP's operator must look after its witnesses");
        return OK;
    }
    for (size_t i = 0; i < o->q.n_want; i++) {
        o->code[i] = judge(v, o, i, &a->need[i], &o->pv[i]);
        granted += o->code[i] == REASON_OK;
        if (o->code[i] != REASON_OK)
            wipe(o->value[i], sizeof o->value[i]);
    }
    if (granted == 0)
        return deny_all(v, a, o);
    struct buf b = heap_buf(VAULT_ANSWER_MAX);
    release_record_put(&b, (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000), o->q.iss, o->via, a->req, o->q.want, o->code,
                       o->q.n_want);
    enum err e = b.e;
    if (e == OK)
        e = vault_leaf(v, a, buf_span(&b));
    heap_buf_free(&b);
    return e;
}

struct parts {
    struct release_key key[RELEASE_WANT_MAX];
    struct release_deny deny[RELEASE_WANT_MAX];
    uint8_t path[LOG_LEVELS][ESD_HASH], consistency[LOG_PROOF_MAX][ESD_HASH];
};

static void keys(struct vault_ask *a, const struct own *o, struct parts *k, struct release_answer *r)
{
    for (size_t i = 0; i < o->q.n_want; i++) {
        const struct vault_found *f = &a->need[i];
        if (o->code[i] != REASON_OK)
            continue;
        size_t n = r->n_keys++;
        k->key[n] = (struct release_key){
            .kid = o->q.want[i], .kv = o->value[i], .kv_n = row_value_n(f->row.kind), .pv = o->pv[i], .cr = f->row.iss};
        memcpy(k->key[n].kc, f->row.kc, ESD_KC);
        memcpy(k->key[n].wk, f->row.wk, JOSE_THUMB);
    }
    r->keys = k->key;
}

static void proofs(struct vault_ask *a, const struct log_hash *path, size_t n, struct parts *k,
                   struct release_answer *r)
{
    for (size_t i = 0; i < n; i++)
        memcpy(k->path[i], path[i].b, LOG_HASH);
    r->path = (const uint8_t(*)[ESD_HASH])k->path;
    r->n_path = n;
    /* The vault cannot check it, since it does not know the reader's root to be ours; the reader does. */
    r->has_consistency = a->prove && a->prove_from <= r->size;
    r->n_consistency = r->has_consistency ? a->proof.n / LOG_HASH : 0;
    if (r->n_consistency > 0)
        memcpy(k->consistency, a->proof.p, r->n_consistency * LOG_HASH);
    r->consistency = (const uint8_t(*)[ESD_HASH])k->consistency;
}

enum err vault_release_answer(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct log_hash path[LOG_LEVELS];
    size_t n;
    TRY(vault_batch_path(v, a, path, &n));
    struct parts *k = malloc(sizeof *k);
    if (!k)
        return ERR_NOMEM;
    struct release_answer r = {.ttl = VAULT_TTL_S,
                               .record = a->record,
                               .index = a->index,
                               .size = v->head.size,
                               .head = buf_span(&v->note),
                               .deny = k->deny,
                               .n_deny = denials(o, k->deny)};
    memcpy(r.req, a->req, ESD_HASH);
    memcpy(r.salt, a->salt, LOG_SALT);
    proofs(a, path, n, k, &r);
    keys(a, o, k, &r);
    enum err e = send(v, a, &r, o);
    free(k);
    return e;
}

const struct vault_kind vault_kind_release = {release_read, vault_release_decide, vault_release_answer,
                                              vault_release_find, vault_release_end};
