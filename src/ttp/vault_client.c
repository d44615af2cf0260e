/* Client registration: a certificate of the anchors binds its key to an identity, or a join token does (e2e.md 6). */
#include "ttp/vault_join.h"
#include "ttp/vault_own.h"

#include "base/code.h"

#include <string.h>

enum { DAY_MS = 86400000 };

struct own {
    struct client c;
    uint64_t until;
    uint8_t jkt[JOSE_THUMB];
    bool by_token;
};

static void client_end(struct vault_ask *a)
{
    struct own *o = a->own;
    if (o)
        p256_free(o->c.key);
}

static bool fresh(struct vault *v, struct span text)
{
    uint8_t nonce[RELEASE_NONCE];
    struct buf b = BUF_ARRAY(nonce);
    return b64url_get(text, &b) == OK && b.n == RELEASE_NONCE && vault_nonce_good(v, nonce);
}

static enum err client_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    enum reason r = client_open(a->body, &a->mem, &a->jws, &o->c);
    if (r == REASON_OK) {
        a->own = o;
        r = claim_aud(a->jws.claims, &a->mem, span_str(v->fqdn));
    }
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    if (!fresh(v, o->c.nonce)) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), "the nonce is not fresh",
                     "use the newest Oneseal-Nonce within 120 s");
        return OK;
    }
    o->by_token = o->c.join.n > 0 && a->jws.n_x5c == 0;
    if (o->by_token) {
        o->until = (uint64_t)v->conf.now_ms(v->conf.ctx) + v->ca.days * DAY_MS;
        return vault_ca_needed(v, a) ? p256_thumb(o->c.key, o->jkt) : OK;
    }
    r = vault_x5c(v, &a->jws, o->c.iss, o->c.key, &o->until);
    if (r != REASON_OK) {
        vault_refuse(v, a, r == REASON_MALFORMED ? 400 : 403, reason_code(r),
                     "the certificate in x5c does not bind this key to this issuer under an accepted CA",
                     "send the chain of a certificate whose name is the issuer's and whose key signs the registration");
        return OK;
    }
    return p256_thumb(o->c.key, o->jkt);
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", SPAN("client"));
    JW_STR(&w, "iss", o->c.iss);
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    JW_B64URL(&w, "jkt", span_of(o->jkt, JOSE_THUMB));
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static struct vault_join join_of(const struct own *o)
{
    return (struct vault_join){.text = o->c.join, .purpose = JOIN_CLIENT, .name = o->c.iss, .iss = o->c.iss};
}

/* Answers and returns false when it came by a token that is not good. */
static bool token_good(struct vault *v, struct vault_ask *a, const struct own *o, struct vault_join *j)
{
    *j = join_of(o);
    return !o->by_token || (vault_ca_needed(v, a) && vault_join_good(v, a, j, o->jkt));
}

bool vault_client_bind(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    uint8_t value[1024], jwk[512];
    struct buf b = BUF_ARRAY(value), k = BUF_ARRAY(jwk);
    p256_put(&k, o->c.key);
    msg_item_put(&b, buf_span(&k));
    buf_be64(&b, o->until);
    buf_put(&b, span_of(o->jkt, JOSE_THUMB));
    struct vault_join j;
    if (!token_good(v, a, o, &j))
        return false;
    if (k.e == OK && b.e == OK && o->c.iss.n <= ROW_TEXT_MAX &&
        vault_state_set(v, TABLE_CLIENTS, o->c.iss, buf_span(&b)) == OK &&
        (!o->by_token || vault_join_take(v, &j) == OK))
        return true;
    vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the table of clients is full", "tell the operator");
    return false;
}

const uint8_t *vault_client_thumb(const struct vault_ask *a)
{
    return ((const struct own *)a->own)->jkt;
}

static enum err client_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct vault_client was;
    struct vault_join j;
    if (!token_good(v, a, o, &j))
        return OK;
    /* The same key until the same day is the same registration: nothing new to record. */
    if (vault_client_get(v, o->c.iss, &was) == OK && memcmp(was.jkt, o->jkt, JOSE_THUMB) == 0 && was.until == o->until)
        return vault_ack(v, a, "ok", 0, 0, SPAN_NONE);
    return vault_client_bind(v, a) ? record(v, a, o) : OK;
}

static enum err client_answer(struct vault *v, struct vault_ask *a)
{
    return vault_ack(v, a, "ok", 0, a->index, SPAN_NONE);
}

const struct vault_kind vault_kind_client = {client_read, client_decide, client_answer, NULL, client_end};
