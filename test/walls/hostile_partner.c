/* hostile_partner BINARY - a TTP that the operator trusts to speak for b.example, before the real vault of BINARY. It
 * has its own keys, whatever its readers send it, and the way on which bundles are fetched. It tries to get a key that
 * no application of its domain was given, and one for an application that the owner has pinned. One JSON line per
 * attack. */
#include "stage.h"

#include "esd/voucher.h"
#include "host/heap.h"

#include <time.h>

#define FIXED(lit)                                                                                                     \
    {                                                                                                                  \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                                        \
    }
static const struct span me = FIXED("ttp.b.example"), ours = FIXED("ttp.demo.example");

struct partner {
    struct bundle b;
    struct party app, pinned; /* honest applications of b.example, named by the owner's policy */
    struct p256 *old;         /* its release key of before */
    uint64_t posted;          /* a bundle was asked for: id of that */
    unsigned others;          /* anything else that the vault wanted to send out */
};
static struct partner p;

static struct p256 *pair(void)
{
    struct p256 *k;
    NEED(p256_new(&k) == OK);
    return k;
}

/* What a call may be wrong in. */
struct call {
    const char *iss;
    const struct p256 *signer, *jwk; /* of the request; named beside the voucher (NULL: the same) */
    struct p256 *epk;
    const struct p256 *by; /* NULL: the partner's release key */
    int life;              /* seconds; 0: 60 */
    struct span kid, request;
};

static struct span request_text(struct stage *s, const struct call *c)
{
    struct buf scratch = heap_buf(1 << 16), out = heap_buf(1 << 16);
    struct release_ask q = {
        .iss = span_str(c->iss), .aud = {ours, me}, .n_aud = 2, .want = &c->kid, .n_want = 1, .epk = c->epk};
    NEED(release_ask_build(&q, c->signer, SPAN("k"), &scratch, &out) == OK);
    struct span text = stage_keep(s, buf_span(&out));
    heap_buf_free(&scratch);
    heap_buf_free(&out);
    return text;
}

/* `vouched`: the request that the voucher is about. */
static bool robs_with(struct stage *s, const struct call *c, struct span request, struct span vouched)
{
    struct buf scratch = heap_buf(1 << 16), jws = heap_buf(1 << 16), body = heap_buf(1 << 18);
    const struct p256 *key = c->jwk ? c->jwk : c->signer;
    struct voucher x = {.iss = me,
                        .aud = ours,
                        .sub = span_str(c->iss),
                        .exp = (uint64_t)(time(NULL) + (c->life ? c->life : VOUCHER_LIFE_S))};
    NEED(p256_thumb(key, x.jkt) == OK && esd_sha256(vouched, x.req) == OK);
    NEED(voucher_build(&x, c->by ? c->by : p.b.release, SPAN("r"), &scratch, &jws) == OK);
    struct vouched v = {.request = request, .voucher = buf_span(&jws), .key = (struct p256 *)(uintptr_t)key};
    vouched_put(&body, &v);
    bool leaked =
        stage_ask(s, KIND_VOUCHED, buf_span(&body)) && s->status == 200 && stage_opens(s, request, s->body, c->epk);
    heap_buf_free(&scratch);
    heap_buf_free(&jws);
    heap_buf_free(&body);
    return leaked;
}

static bool robs(struct stage *s, struct call c)
{
    struct p256 *own = c.epk ? NULL : pair();
    if (own)
        c.epk = own;
    c.kid = c.kid.n ? c.kid : s->kid;
    struct span request = request_text(s, &c);
    bool leaked = robs_with(s, &c, request, request);
    p256_free(own);
    return leaked;
}

/* ---- the pin, and bundles on the way -------------------------------------------------------------------------------
 */

static struct span bundle_text(struct stage *s, const struct bundle *b)
{
    struct buf text = heap_buf(65536);
    NEED(bundle_build(b, &text) == OK);
    struct span kept = stage_keep(s, buf_span(&text));
    heap_buf_free(&text);
    return kept;
}

static void pin(struct stage *s)
{
    static const uint8_t numbers[] = {0, 0, 2, 88, 1};
    static struct msg_VAULT_PEERS m;
    struct buf item = heap_buf(65536), all = heap_buf(65536), own = heap_buf(4096);
    msg_item_put(&own, SPAN("demo.example\n"));
    msg_item_put(&item, me);
    msg_item_put(&item, bundle_text(s, &p.b));
    msg_item_put(&item, SPAN("b.example\n"));
    msg_item_put(&item, span_of(numbers, sizeof numbers));
    msg_item_put(&all, buf_span(&item));
    m = (struct msg_VAULT_PEERS){.own = stage_keep(s, buf_span(&own)), .peers = stage_keep(s, buf_span(&all))};
    s->partners = &m;
    heap_buf_free(&item);
    heap_buf_free(&all);
    heap_buf_free(&own);
}

/* The courier's side: what the vault sends out comes to the partner. */
static bool to_store(struct stage *s, enum msg type, const union msg_any *m)
{
    (void)s;
    if (type != SAY_POST_OUT)
        return true;
    if (span_eq(m->POST_OUT.path, SPAN("/bundle")))
        p.posted = m->POST_OUT.id;
    else
        p.others++;
    return false;
}

static void restart(struct stage *s)
{
    stage_stop(s);
    stage_start(s, false, true);
    NEED(s->up);
}

/* A started vault asks for the bundle; it gets this one. */
static void feed(struct stage *s, const struct bundle *b)
{
    p.posted = 0;
    restart(s);
    NEED(stage_ask(s, KIND_NONCE, SPAN_NONE) && stage_run(s, 100) && p.posted != 0);
    msg_put_POSTED(&s->peer.out,
                   &(struct msg_POSTED){
                       .id = p.posted, .status = 200, .media = SPAN("application/jose"), .body = bundle_text(s, b)});
    NEED(stage_run(s, 100) && stage_ask(s, KIND_NONCE, SPAN_NONE));
}

/* ---- attacks -------------------------------------------------------------------------------------------------------
 */

static void outside(struct stage *s)
{
    struct p256 *k = pair();
    stage_report("vouches-outside-its-domains", robs(s, (struct call){.iss = "//c.example/Sapp", .signer = k}),
                 "an application of c.example that the policy names");
    stage_report("vouches-for-a-client-of-ours", robs(s, (struct call){.iss = s->reader.iss, .signer = k}),
                 "the reader's name, a key of the partner's");
    struct bundle more = p.b;
    const struct span claims[] = {SPAN("b.example"), SPAN("c.example"), SPAN("demo.example")};
    more.seq = 3;
    more.vouches = claims;
    more.n_vouches = LEN(claims);
    feed(s, &more);
    stage_report("claims-more-domains", robs(s, (struct call){.iss = "//c.example/Sapp", .signer = k}),
                 "a new bundle of the partner's names c.example; the operator does not");
    p256_free(k);
}

static void identities(struct stage *s)
{
    struct p256 *k = pair();
    stage_report("uses-a-pinned-identity", robs(s, (struct call){.iss = p.pinned.iss, .signer = k}),
                 "an application whose key the owner pinned");
    stage_report("invents-an-application", robs(s, (struct call){.iss = p.app.iss, .signer = k}),
                 "an application of its own domain that nobody pinned: the honest limit");
    p256_free(k);
}

static void what_it_relays(struct stage *s)
{
    struct p256 *theirs = pair(), *mine = pair();
    struct call honest = {.iss = p.pinned.iss, .signer = p.pinned.key, .epk = theirs, .kid = s->kid};
    struct span request = request_text(s, &honest);
    NEED(robs_with(s, &honest, request, request)); /* the application itself gets its key */
    stage_report("reads-what-it-relays", stage_opens(s, request, s->body, mine), "the answer, with the partner's keys");
    /* its own epk under the application's signature */
    struct call mixed = {.iss = p.pinned.iss, .signer = mine, .jwk = p.pinned.key, .epk = mine, .kid = s->kid};
    struct span own = request_text(s, &mixed);
    struct span text =
        arena_join(&s->mem, span_first(own, span_rfind(own, '.')), span_from(request, span_rfind(request, '.')));
    stage_report("epk-of-its-own", robs_with(s, &mixed, text, text), "the application's signature, the partner's epk");
    struct call late = {.iss = p.app.iss, .signer = p.app.key, .epk = mine, .kid = s->kid, .life = -5};
    request = request_text(s, &late);
    stage_report("stale-voucher", robs_with(s, &late, request, request), "a minute is over");
    late.life = 0;
    stage_report("voucher-for-another-request", robs_with(s, &late, request, own), "the voucher is about another text");
    unsigned before = p.others;
    (void)robs(s, (struct call){.iss = p.app.iss,
                                .signer = p.app.key,
                                .kid = SPAN("00000000000000000000000000000000@ttp.c.example")});
    (void)stage_run(s, 100);
    stage_report("relays-twice", p.others != before, "a relayed request for a key of a third TTP");
    p256_free(theirs);
    p256_free(mine);
}

static void bundles(struct stage *s)
{
    struct bundle forged = p.b, before = p.b;
    struct p256 *k = pair();
    forged.identity = forged.release = k;
    forged.seq = 50;
    before.seq = 1;
    before.release = p.old;
    feed(s, &forged);
    stage_report("bundle-by-another-identity", robs(s, (struct call){.iss = p.app.iss, .signer = k, .by = k}),
                 "who sits on the way shows a bundle of his own");
    feed(s, &before);
    stage_report("bundle-of-before", robs(s, (struct call){.iss = p.app.iss, .signer = k, .by = p.old}),
                 "the partner's bundle of before, whose release key was stolen since");
    p256_free(k);
}

static void policy(struct stage *s)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct policy_reader r[] = {{.id = span_str(s->reader.iss)},
                                {.id = span_str(p.app.iss)},
                                {.id = span_str(p.pinned.iss), .pinned = true},
                                {.id = SPAN("//c.example/Sapp")}};
    NEED(p256_thumb(p.pinned.key, r[2].jkt) == OK);
    struct policy q = {
        .iss = span_str(s->gateway.iss), .aud = ours, .policy = SPAN("ward"), .version = 2, .readers = r, .n = LEN(r)};
    NEED(policy_build(&q, s->gateway.key, SPAN("k"), &scratch, &out) == OK);
    NEED(stage_ask(s, KIND_POLICY, buf_span(&out)) && s->status == 200);
    heap_buf_free(&scratch);
    heap_buf_free(&out);
}

int main(int argc, char **argv)
{
    static struct stage s;
    static const struct span domain[] = {FIXED("b.example")};
    NEED(argc == 2);
    stage_init(&s, argv[1]);
    p.b = (struct bundle){.fqdn = me,
                          .seq = 2,
                          .next = 3600,
                          .exp = (uint64_t)time(NULL) + 86400,
                          .identity = pair(),
                          .sealing = pair(),
                          .release = pair(),
                          .sealing_kid = SPAN("s"),
                          .release_kid = SPAN("r"),
                          .log_vkey = SPAN("v"),
                          .vouches = domain,
                          .n_vouches = 1};
    p.old = pair();
    p.app = stage_party(&s, "//b.example/Sapp", "URI:m2m://b.example/Sapp", NULL, NULL);
    p.pinned = stage_party(&s, "//b.example/Spinned", "URI:m2m://b.example/Spinned", NULL, NULL);
    pin(&s);
    s.to_store = to_store;
    stage_start(&s, true, true);
    NEED(s.up);
    s.known = false;
    restart(&s);
    stage_honest(&s);
    policy(&s);
    outside(&s);
    identities(&s);
    what_it_relays(&s);
    bundles(&s);
    stage_end(&s);
    return 0;
}
