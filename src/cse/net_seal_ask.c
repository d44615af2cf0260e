/* net_seal_ask.c - what depends on single streams: policies that follow access control, and keys that the TTP makes. */
#include <string.h>

#include "base/code.h"
#include "cse/net_seal_own.h"
#include "esd/keyask_open.h"
#include "host/log.h"

/* ---- readers = acp ------------------------------------------------------------------------------------ */

static void send_readers(struct net_seal_post *p)
{
    const struct seal_ttp *t = p->keeper[p->ttp].t;
    struct policy body = {.iss = p->c.seal->iss, .aud = t->fqdn, .policy = p->entry.policy};
    arena_reset(&p->mem);
    struct buf scratch = net_seal_scratch(p);
    enum err e = seal_readers_read(p->entry.text, &p->mem, &body);
    body.version = p->version;
    buf_reset(&p->request);
    if (e == OK)
        e = policy_build(&body, t->key, p->c.seal->kid, &scratch, &p->request);
    if (net_seal_ready(p, e, "policy"))
        net_seal_call(p, DOING_READERS, "POST", "/policy");
}

static bool keep_entry(struct net_seal_post *p, const struct seal_letter *l)
{
    arena_reset(&p->entry_mem);
    p->entry = *l;
    p->entry.ttp = arena_dup(&p->entry_mem, l->ttp);
    p->entry.policy = arena_dup(&p->entry_mem, l->policy);
    p->entry.text = arena_dup(&p->entry_mem, l->text);
    return arena_ok(&p->entry_mem);
}

/* Newer readers of the same stream wait already: then these are never sent, not even late. */
static enum err newest(struct net_seal_post *p, bool *yes)
{
    struct store_tx *t;
    uint64_t now = 0;
    TRY(store_read(p->c.store, p->c.slot, &t));
    enum err e = seal_readers_version(t, &p->mem, &p->entry, &now);
    store_end(t);
    *yes = now <= p->wanted;
    return e;
}

bool net_seal_readers(struct net_seal_post *p, const struct seal_letter *l)
{
    struct policy body = {0};
    bool yes = true;
    if (!span_starts(l->text, SPAN("{"))) /* letters are JWS compact */
        return false;
    enum err e = keep_entry(p, l) ? seal_readers_read(p->entry.text, &p->entry_mem, &body) : ERR_NOMEM;
    p->wanted = p->version = body.version;
    if (e == OK)
        e = newest(p, &yes);
    if (!net_seal_ready(p, e, "policy"))
        return true;
    if (yes)
        send_readers(p);
    else
        net_seal_hand_in(p, JOB_READERS);
    return true;
}

/* Letters ask for the version that the entry says: the TTP may count otherwise, and is led there. */
void net_seal_readers_answered(struct net_seal_post *p, const struct ack *a, int status)
{
    bool ok = span_eq(a->code, SPAN("ok"));
    net_seal_own_policy(p, &p->keeper[p->ttp], ok);
    if (ok && p->version >= p->wanted) {
        LOG(LOG_L_NOTICE, "policy-registered", log_span("policy", p->entry.policy),
            log_int("version", (int64_t)p->version));
        net_seal_hand_in(p, JOB_READERS);
    } else if (ok) {
        p->version++;
        send_readers(p);
    } else if (span_eq(a->code, SPAN("conflict")) && a->version + 1 != p->version) {
        p->version = a->version + 1;
        send_readers(p);
    } else {
        net_seal_failed(p, "policy", "the TTP refuses the policy", status);
        p->cursor = p->letter + 1; /* the others first */
    }
}

/* ---- keys --------------------------------------------------------------------------------------------- */

static enum err take_nonce(const struct keeper *k, uint8_t out[KEYASK_NONCE])
{
    struct buf b = buf_over(out, KEYASK_NONCE);
    TRY(b64url_get(span_of(k->nonce, k->nonce_n), &b));
    return b.n == KEYASK_NONCE ? OK : ERR_SYNTAX;
}

static enum err build_ask(struct net_seal_post *p, struct keeper *k)
{
    const struct seal_wish *w = &p->wish;
    struct buf scratch = net_seal_scratch(p);
    p->ask = (struct key_ask){.iss = p->c.seal->iss, .aud = k->t->fqdn, .pairs = (uint8_t)w->pairs};
    struct letter_item *item = &p->ask.item;
    *item = (struct letter_item){.ep = w->ep,
                                 .adfq = k->t->fqdn,
                                 .policy = span_of(w->name, w->name_n),
                                 .suid = 24,
                                 .et = p->c.now(p->c.ctx) + SEAL_ET_MS,
                                 .pv = w->pv,
                                 .has_pv = w->pv > 0};
    memcpy(item->sid, w->sid, ESD_SID);
    memcpy(item->wk, k->t->wk, JOSE_THUMB);
    TRY(take_nonce(k, p->ask.nonce));
    k->nonce_n = 0; /* used */
    if (!w->pairs)
        TRY(p256_new(&p->ask.epk));
    buf_reset(&p->request);
    return keyask_build(&p->ask, k->t->key, p->c.seal->kid, &scratch, &p->request);
}

bool net_seal_key(struct net_seal_post *p)
{
    while (seal_wish_next(p->c.seal, p->wish_at, &p->wish)) {
        size_t at = net_seal_keeper_of(p, p->wish.policy->ttp->fqdn);
        p->wish_at++;
        if (!net_seal_may(p, at))
            continue;
        p->ttp = at;
        struct keeper *k = &p->keeper[at];
        if (!k->nonce_n) {
            p->wish_at--;
            net_seal_call(p, DOING_NONCE, "GET", "/nonce");
            return true;
        }
        arena_reset(&p->mem);
        if (net_seal_ready(p, build_ask(p, k), "key"))
            net_seal_call(p, DOING_KEY, "POST", "/key");
        return true;
    }
    return false;
}

void net_seal_key_answered(struct net_seal_post *p, const struct http_result *r)
{
    struct keeper *k = &p->keeper[p->ttp];
    const struct keyask_expect x = {
        .request = buf_span(&p->request), .ask = &p->ask, .release = net_seal_release(&p->keeper[p->ttp], r)};
    arena_over(&p->secret_mem, p->secret, SEAL_ASK_MEM);
    enum reason v = r->status == 200 ? keyask_open(r->body, &x, &p->secret_mem, &p->made) : REASON_REFUSED;
    p->made_here = v == REASON_OK;
    if (v != REASON_OK) {
        net_seal_key_over(p);
        if (net_seal_stranger(p, &p->keeper[p->ttp], r))
            return;
        k->bound = k->bound && r->status != 401 && r->status != 403; /* it may have forgotten us */
        net_seal_failed(p, "key", reason_code(v), r->status);
        return;
    }
    k->failures = k->strangers = 0;
    net_seal_hand_in(p, JOB_STOCK);
}

/* Nothing of the answer stays here. */
void net_seal_key_over(struct net_seal_post *p)
{
    if (p->made_here)
        keyask_free(&p->made);
    p->made_here = false;
    p256_free(p->ask.epk);
    p->ask = (struct key_ask){0};
    if (p->secret)
        wipe(p->secret, SEAL_ASK_MEM);
}

/* ---- on the writer ------------------------------------------------------------------------------------ */

/* A pair whose activation is still on its way was used, although the TTP does not know it yet. */
static enum err waits(struct net_seal_post *p, struct store_tx *t, const uint8_t kc[ESD_KC], bool *yes)
{
    uint64_t first, next;
    *yes = false;
    TRY(seal_queue_span(t, &p->x_mem, &first, &next));
    for (uint64_t n = first; n < next && !*yes; n++) {
        struct seal_letter l;
        struct key_letter a;
        struct jws j;
        enum err e = seal_queue_get(t, &p->x_mem, n, &l);
        if (e == ERR_NOTFOUND)
            continue;
        TRY(e);
        *yes = letter_activation_read(l.text, &p->x_mem, &j, &a) == REASON_OK && a.n == 1 &&
               memcmp(a.items[0].kc, kc, ESD_KC) == 0;
    }
    return OK;
}

static enum err take_in(struct net_seal_post *p, struct store_tx *t)
{
    for (size_t i = 0; i < p->made.n; i++) {
        bool used = false;
        if (p->made.keys[i].pub)
            TRY(waits(p, t, p->made.keys[i].kc, &used));
        if (!used)
            seal_stock_put(p->c.seal, &p->wish, &p->made.keys[i]);
    }
    LOG(LOG_L_INFO, "keys-fetched", log_span("ttp", p->wish.policy->ttp->fqdn), log_int("keys", (int64_t)p->made.n),
        log_str("kind", p->wish.pairs ? "strict" : "value"));
    seal_wish_done(p->c.seal, &p->wish);
    return OK;
}

enum err net_seal_job(struct net_seal_post *p, struct cse *c, struct store_tx *t)
{
    switch (p->job) {
    case JOB_READERS:
        TRY(seal_readers_raise(t, &p->x_mem, &p->entry, p->version));
        return seal_queue_done(t, &p->x_mem, p->letter);
    case JOB_RENEW:
        return seal_readers_renew(p->c.seal, c, t, &p->x_mem, p->c.now(p->c.ctx));
    case JOB_STOCK:
        return take_in(p, t);
    case JOB_BUNDLE:
        return net_seal_bundle_record(p, t);
    case JOB_POLICY:
    case JOB_LETTER:
        break;
    }
    return OK;
}
