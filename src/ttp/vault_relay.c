/* The other side of vault_vouched.c: a client of ours asks for keys of a partner (e2e.md 8), POST /relay. Checked like
 * any request for keys; then a leaf (`op` relay), and only when it is durable and the head kept, a voucher, which the
 * courier carries to the partner together with the request. What comes back is handed to the client as it came: it is
 * wrapped for the client's own ephemeral key, signed by the partner, and nothing of it is kept.
 *
 * Bundles of partners are fetched on the same way. */
#include "ttp/vault_relay.h"

#include "esd/voucher.h"
#include "host/heap.h"
#include "ttp/vault_release.h"

#include <string.h>

enum { BODY_MAX = 2 * VAULT_PEER_REQUEST };
static const uint64_t bundle_mark = (uint64_t)1 << 62; /* ids of bundle fetches; the front counts from 1 */

struct own {
    struct release_ask q;
    struct p256 *key; /* the client's, public */
    uint8_t jkt[JOSE_THUMB];
    struct vault_peer *peer;
    int64_t until_ms;
};

static void relay_end(struct vault_ask *a)
{
    struct own *o = a->own;
    if (!o)
        return;
    p256_free(o->q.epk);
    p256_free(o->key);
    if (a->away)
        o->peer->under_way--;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static enum reason admit(struct vault *v, struct vault_ask *a, struct own *o)
{
    JUDGE(vault_client_key(v, o->q.iss, &a->mem, &o->key, o->jkt));
    JUDGE(VAULT_VERIFY(release_ask_judge(&a->jws, &o->q, o->key, span_str(v->fqdn))));
    return o->q.n_aud == 2 && span_eq_nocase(o->q.aud[1], span_str(v->fqdn)) ? REASON_OK : REASON_REFUSED;
}

static bool all_at(const struct own *o, struct span fqdn)
{
    for (size_t i = 0; i < o->q.n_want; i++)
        if (!vault_release_kid_at(o->q.want[i], fqdn))
            return false;
    return true;
}

static bool partner_good(struct vault *v, struct vault_ask *a, struct own *o)
{
    o->peer = vault_peer_find(v, o->q.aud[0]);
    if (!o->peer)
        vault_refuse(v, a, 403, reason_code(REASON_UNKNOWN_TTP), "the TTP of these keys is no partner of this one",
                     "ask the operator of your TTP whether it may become one");
    else if (!all_at(o, o->q.aud[0]))
        vault_refuse(v, a, 400, reason_code(REASON_MALFORMED), "the keys are not all of the first TTP in aud",
                     "ask for the keys of each TTP in a request of its own");
    else if (!o->peer->reached)
        vault_refuse(v, a, 403, reason_code(REASON_UNKNOWN_TTP), "this TTP answers that partner and asks it nothing",
                     "ask the operator of your TTP for an url in its [peer] section");
    else if (o->peer->under_way >= VAULT_PEER_UNDER_WAY)
        vault_refuse(v, a, 503, reason_code(REASON_TTP_UNREACHABLE), "too many requests to that TTP are under way",
                     "try again");
    else
        return vault_peer_quota(v, a, o->peer, true);
    return false;
}

static enum err relay_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    enum reason r =
        a->body.n > VAULT_PEER_REQUEST ? REASON_MALFORMED : release_ask_read(a->body, &a->mem, &a->jws, &o->q);
    if (r == REASON_OK) {
        a->own = o;
        r = admit(v, a, o);
    }
    if (r != REASON_OK)
        vault_refuse_reason(v, a, r);
    else if (!vault_nonce_good(v, o->q.nonce))
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), "the nonce is not fresh",
                     "use the newest Oneseal-Nonce within 120 s");
    else if (vault_rate_good(v, a, o->q.iss))
        (void)partner_good(v, a, o);
    return OK;
}

/* ---- leaf, voucher, way out -------------------------------------------------------------------------------------- */

static enum err relay_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct buf b = heap_buf(VAULT_ANSWER_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", SPAN("relay"));
    JW_STR(&w, "iss", o->q.iss);
    JW_STR(&w, "to", span_str(o->peer->fqdn));
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    jw_name(&w, SPAN("want"));
    jw_arr(&w);
    for (size_t i = 0; i < o->q.n_want; i++)
        jw_str(&w, o->q.want[i]);
    jw_end_arr(&w);
    jw_end_obj(&w);
    enum err e = b.e != OK ? b.e : vault_leaf(v, a, buf_span(&b));
    heap_buf_free(&b);
    return e;
}

static enum err put_body(struct vault *v, const struct vault_ask *a, const struct own *o, struct buf *out)
{
    uint8_t text[4096], plain[2048];
    struct buf jws = BUF_ARRAY(text), scratch = BUF_ARRAY(plain);
    struct voucher x = {.iss = span_str(v->fqdn),
                        .aud = span_str(o->peer->fqdn),
                        .sub = o->q.iss,
                        .exp = (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000) + VOUCHER_LIFE_S};
    memcpy(x.jkt, o->jkt, JOSE_THUMB);
    memcpy(x.req, a->req, ESD_HASH);
    TRY(voucher_build(&x, v->release, span_str(v->release_kid), &scratch, &jws));
    vouched_put(out, &(struct vouched){.request = a->body, .voucher = buf_span(&jws), .key = o->key});
    return out->e;
}

/* The leaf is kept: now the voucher may leave. */
static enum err relay_answer(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct buf body = heap_buf(BODY_MAX);
    enum err e = put_body(v, a, o, &body);
    if (e == OK) {
        msg_put_POST_OUT(v->conf.to_ledger, &(struct msg_POST_OUT){.id = a->id,
                                                                   .who = span_str(o->peer->fqdn),
                                                                   .path = SPAN("/vouched"),
                                                                   .media = SPAN("application/json"),
                                                                   .body = buf_span(&body)});
        a->gathered = false;
        a->away = true;
        o->peer->under_way++;
        o->until_ms = v->conf.now_ms(v->conf.ctx) + 1000 * VAULT_PEER_PATIENCE_S;
    }
    heap_buf_free(&body);
    return e;
}

const struct vault_kind vault_kind_relay = {relay_read, relay_decide, relay_answer, NULL, relay_end};

/* ---- bundles, for clients that do not reach the partner; the body is its FQDN -------------------------------------
 */

static enum err partner_read(struct vault *v, struct vault_ask *a)
{
    const struct vault_peer *p = vault_peer_find(v, a->body);
    if (p)
        vault_reply(v, a, 200, TYPE_JOSE, p->text, SPAN_NONE);
    else
        vault_refuse(v, a, 404, reason_code(REASON_UNKNOWN_TTP), "this TTP has no such partner",
                     "the body is the FQDN of a partner");
    return OK;
}

const struct vault_kind vault_kind_partner = {.read = partner_read};

/* ---- what comes back --------------------------------------------------------------------------------------------- */

static void unreachable(struct vault *v, struct vault_ask *a)
{
    vault_refuse(v, a, 503, reason_code(REASON_TTP_UNREACHABLE), "the partner that holds the keys does not answer",
                 "try again; if it lasts, the operator of your TTP checks [peer] url and ca");
}

static void come_back(struct vault *v, struct vault_ask *a, const struct msg_POSTED *m)
{
    bool jose = span_starts(m->media, SPAN("application/jose")), json = span_starts(m->media, SPAN("application/json"));
    if (m->status < 200 || m->status > 599 || m->body.n > VAULT_ANSWER_MAX || (!jose && !json))
        unreachable(v, a);
    else
        vault_reply(v, a, m->status, jose ? TYPE_JOSE : TYPE_ERROR, m->body, SPAN_NONE);
}

static void take_bundle(struct vault *v, size_t i, const struct msg_POSTED *m)
{
    struct vault_peer *p = i < v->peers.n ? &v->peers.peer[i] : NULL;
    if (!p || !p->asked)
        return;
    p->asked = false;
    bool good = m->status == 200 && vault_peer_news(v, p, m->body) == REASON_OK;
    uint64_t wait = good ? p->bundle.next : VAULT_PEER_RETRY_S;
    wait = wait < VAULT_PEER_LEAST_S ? VAULT_PEER_LEAST_S : wait;
    wait = wait > VAULT_PEER_MOST_S ? VAULT_PEER_MOST_S : wait;
    p->ask_at_ms = v->conf.now_ms(v->conf.ctx) + (int64_t)wait * 1000;
}

enum err vault_relay_posted(struct vault *v, const struct msg_POSTED *m)
{
    if (m->id & bundle_mark) {
        take_bundle(v, (size_t)(m->id & ~bundle_mark), m);
        return vault_launch(v);
    }
    struct vault_ask *a = v->first;
    while (a && (a->id != m->id || !a->away || a->done))
        a = a->next;
    if (a)
        come_back(v, a, m);
    return vault_launch(v);
}

/* ---- as time goes by --------------------------------------------------------------------------------------------- */

void vault_relay_due(struct vault *v)
{
    int64_t now = v->conf.now_ms(v->conf.ctx);
    for (struct vault_ask *a = v->first; a && v->peers.n > 0; a = a->next)
        if (a->away && !a->done && now > ((struct own *)a->own)->until_ms)
            unreachable(v, a);
    for (size_t i = 0; i < v->peers.n; i++) {
        struct vault_peer *p = &v->peers.peer[i];
        if (!p->reached || now < p->ask_at_ms)
            continue;
        p->asked = true;
        p->ask_at_ms = now + 1000 * VAULT_PEER_PATIENCE_S;
        msg_put_POST_OUT(
            v->conf.to_ledger,
            &(struct msg_POST_OUT){.id = bundle_mark | i, .who = span_str(p->fqdn), .path = SPAN("/bundle")});
    }
}
