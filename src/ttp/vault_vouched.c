/* A partner brings a request of an application that it knows (e2e.md 8): POST /vouched. The voucher stands in the place
 * of registration and nonce; everything else is decided as for a client of ours. Sent again within its minute, the
 * request is decided anew: a new leaf, a new wrap for the same ephemeral key. */
#include "esd/voucher.h"
#include "ttp/vault_release.h"

#include <string.h>

/* What the request needs to live as long as it does. */
struct call {
    struct vouched body;
    struct voucher voucher;
    struct jws jws;
    struct vault_stranger who;
};

/* By the partner's own key, about this very request, for an application of a domain that it may speak for. */
static enum reason judge(struct vault *v, struct call *c, const struct vault_peer *p)
{
    const struct p256 *release;
    JUDGE(vault_peer_key(v, p, c->jws.kid, &release));
    JUDGE(VAULT_VERIFY(jws_verify(&c->jws, release)));
    if (p256_thumb(c->body.key, c->who.jkt) != OK)
        return REASON_FAILED;
    JUDGE(VAULT_VERIFY(voucher_judge(&c->voucher, span_str(v->fqdn), c->voucher.sub, c->who.jkt, c->body.request,
                                     (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000))));
    return VAULT_VERIFY(vault_peer_may(v, p, c->voucher.sub, c->who.jkt));
}

static void refuse(struct vault *v, struct vault_ask *a, enum reason r)
{
    if (r == REASON_MALFORMED || r == REASON_ALGORITHM_REFUSED || r == REASON_FAILED)
        vault_refuse_reason(v, a, r);
    else if (r == REASON_EXPIRED)
        vault_refuse(v, a, 403, reason_code(r), "the voucher or the partner's bundle is over",
                     "ask your own TTP again; its operator looks at its clock and its bundle");
    else
        vault_refuse(v, a, 403, reason_code(r), "the voucher is not one that counts here for this request",
                     "ask your own TTP; only a partner may vouch, and only for applications of its own domains");
}

static enum err vouched_read_ask(struct vault *v, struct vault_ask *a)
{
    struct call *c = ARENA_NEW(&a->mem, struct call);
    if (!c)
        return ERR_NOMEM;
    enum reason r = vouched_read(a->body, &a->mem, &c->body);
    if (r == REASON_OK)
        r = voucher_read(c->body.voucher, &a->mem, &c->jws, &c->voucher);
    struct vault_peer *p = r == REASON_OK ? vault_peer_find(v, c->voucher.iss) : NULL;
    if (r == REASON_OK)
        r = p ? judge(v, c, p) : REASON_REFUSED;
    enum err e = OK;
    if (r != REASON_OK) {
        refuse(v, a, r);
    } else if (vault_peer_quota(v, a, p, false)) {
        c->who.sub = c->voucher.sub;
        c->who.via = span_str(p->fqdn);
        c->who.key = c->body.key;
        e = esd_sha256(c->body.request, a->req);
        if (e == OK)
            e = vault_release_read(v, a, c->body.request, &c->who);
    }
    p256_free(c->body.key);
    return e;
}

const struct vault_kind vault_kind_vouched = {vouched_read_ask, vault_release_decide, vault_release_answer,
                                              vault_release_find, vault_release_end};
