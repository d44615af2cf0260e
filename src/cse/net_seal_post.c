/* The task that makes sealed content readable: it binds our key at each TTP, posts the policies that name the readers,
 * then the letters of the epochs, one call after the other, with back-off when the TTP does not answer; it fetches keys
 * that a TTP makes. Writing never waits for it (e2e.md 2). Loop 0. */
#include <stdlib.h>
#include <string.h>

#include "base/code.h"
#include "cse/net_seal_own.h"
#include "cse/seal_head.h"
#include "esd/release.h"
#include "host/heap.h"
#include "host/log.h"
#include "host/secret.h"

enum {
    BACKOFF_MIN_MS = 500,
    BACKOFF_MAX_MS = 60 * 1000,
    IDLE_MS = 60 * 1000,   /* looks for work at least so often */
    RETRY_QUEUE_MS = 100,  /* the writer's queue was full */
    RETRY_STORE_MS = 5000, /* the store could not be read */
};

/* ---- recording outcomes on the writer ----------------------------------------------------------------- */

/* "seal/policy/FQDN/NAME": be64(version) || SHA-256 of the readers. */
static struct span policy_key(struct buf *b, const struct seal_policy *y)
{
    buf_str(b, "seal/policy/");
    buf_put(b, span_first(y->ttp->fqdn, 40));
    buf_c(b, '/');
    uint8_t h[ESD_HASH];
    if (esd_sha256_2(y->ttp->fqdn, y->name, h) != OK)
        b->e = ERR_CRYPTO;
    hex_put(b, span_of(h, 16)); /* a name may be longer than a key */
    return buf_span(b);
}

static enum err readers_hash(const struct seal_policy *y, uint8_t h[ESD_HASH])
{
    memset(h, 0, ESD_HASH);
    for (size_t i = 0; i < y->n_readers; i++)
        TRY(esd_sha256_2(span_of(h, ESD_HASH), y->readers[i].id, h));
    return OK;
}

static enum err record_policy(struct net_seal_post *p, struct store_tx *t)
{
    const struct seal_policy *y = &p->c.seal->policies[p->policy];
    uint8_t key[STORE_KEY_MAX], value[8 + ESD_HASH], h[ESD_HASH];
    struct buf k = BUF_ARRAY(key), v = BUF_ARRAY(value);
    TRY(readers_hash(y, h));
    buf_be64(&v, p->posted[p->policy].version);
    buf_put(&v, span_of(h, ESD_HASH));
    struct span name = policy_key(&k, y);
    return k.e != OK ? k.e : store_state_put(t, name, buf_span(&v));
}

static enum err record(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct net_seal_post *p = (struct net_seal_post *)x->door;
    arena_reset(&p->x_mem);
    if (p->job == JOB_POLICY)
        return record_policy(p, t);
    return p->job == JOB_LETTER ? seal_queue_done(t, &p->x_mem, p->letter) : net_seal_job(p, c, t);
}

static void recorded(struct exch *x)
{
    struct net_seal_post *p = (struct net_seal_post *)x->door;
    p->doing = DOING_NOTHING;
    if (p->job == JOB_STOCK) {
        net_seal_key_over(p);
        p->wish_at = 0; /* another wish stands in its place by now */
    }
    if (x->wrote != OK)
        LOG(LOG_L_ERROR, "letter-outcome-not-stored", log_err("error", x->wrote)); /* sent again: that is safe */
    if (!p->closing)
        net_seal_turn(p);
}

void net_seal_hand_in(struct net_seal_post *p, enum seal_job job)
{
    p->doing = DOING_JOB;
    p->job = job;
    p->x = (struct exch){.arena = &p->x_mem, .self = true, .done = recorded, .door = p, .job = record};
    if (p->c.enqueue(p->c.ctx, &p->x))
        return;
    p->doing = DOING_NOTHING;
    if (job == JOB_STOCK)
        net_seal_key_over(p);
    if (job == JOB_RENEW)
        atomic_store(&p->c.seal->renew, true);
    net_timer_start(p->timer, RETRY_QUEUE_MS, 0);
}

/* ---- waiting -------------------------------------------------------------------------------------------- */

/* Nothing to do now: until a TTP may be asked again, or somebody wakes us. */
static void rest(struct net_seal_post *p)
{
    int64_t now = net_loop_now(p->c.loop), ms = p->c.seal->streams ? SEAL_POLL_MS : IDLE_MS;
    for (size_t i = 0; i < p->c.seal->n_ttps; i++) {
        int64_t left = p->keeper[i].quiet_until - now;
        if (left > 0 && left < ms)
            ms = left;
    }
    p->cursor = 0;
    p->wish_at = 0;
    net_timer_start(p->timer, (uint64_t)ms, 0);
}

bool net_seal_may(const struct net_seal_post *p, size_t keeper)
{
    const struct keeper *k = &p->keeper[keeper];
    return k->t && k->bound && k->quiet_until <= net_loop_now(p->c.loop);
}

static bool quiet(const struct net_seal_post *p, const struct keeper *k)
{
    return k->quiet_until > net_loop_now(p->c.loop);
}

/* Twice as long each time; the others go on. */
void net_seal_failed(struct net_seal_post *p, const char *what, const char *why, int status)
{
    struct keeper *k = &p->keeper[p->ttp];
    int64_t ms = BACKOFF_MIN_MS;
    uint8_t r = 0;
    for (unsigned i = 0; i < k->failures && ms < BACKOFF_MAX_MS; i++)
        ms *= 2;
    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    if (esd_random(&r, 1) != OK)
        r = 0;
    ms += ms * r / 1024; /* so that gateways do not march in step */
    k->quiet_until = net_loop_now(p->c.loop) + ms;
    p->counts.failed++;
    p->cursor = 0;
    p->wish_at = 0;
    LOG(k->failures > 3 ? LOG_L_WARN : LOG_L_NOTICE, "ttp-call-failed", log_str("what", what),
        log_span("ttp", k->t->fqdn), log_str("why", why), log_int("status", status),
        log_int("letter", (int64_t)p->letter), log_int("again_ms", ms));
    k->failures++;
    net_timer_start(p->timer, 1, 0);
}

/* ---- answers -------------------------------------------------------------------------------------------- */

static void keep_nonce(struct keeper *k, const struct http_result *r)
{
    struct span n = http_result_field(r, SPAN("oneseal-nonce"));
    k->nonce_n = 0;
    if (n.n == 0 || n.n > sizeof k->nonce)
        return;
    memcpy(k->nonce, n.p, n.n);
    k->nonce_n = n.n;
}

/* The vault's signed word about what we sent. */
static enum reason read_ack(struct net_seal_post *p, const struct http_result *r, struct ack *out)
{
    arena_reset(&p->mem);
    return ack_open(r->body, buf_span(&p->request), net_seal_release(&p->keeper[p->ttp], r), &p->mem, out);
}

static void policy_answered(struct net_seal_post *p, const struct ack *a, int status)
{
    struct posted *d = &p->posted[p->policy];
    net_seal_own_policy(p, &p->keeper[p->ttp], span_eq(a->code, SPAN("ok")));
    if (span_eq(a->code, SPAN("ok"))) {
        d->version = d->sending;
        d->done = true;
        LOG(LOG_L_NOTICE, "policy-registered", log_span("policy", p->c.seal->policies[p->policy].name),
            log_int("version", (int64_t)d->version));
        net_seal_hand_in(p, JOB_POLICY);
    } else if (span_eq(a->code, SPAN("conflict")) && a->version != d->version) {
        d->version = a->version; /* the TTP counts otherwise than our store: one above its version */
        net_seal_turn(p);
    } else {
        net_seal_failed(p, "policy", "the TTP refuses the policy", status);
    }
}

static void letter_answered(struct net_seal_post *p, const struct ack *a, int status)
{
    bool ok = span_eq(a->code, SPAN("ok")), conflict = span_eq(a->code, SPAN("conflict"));
    if (span_eq(a->code,
                SPAN("expired"))) { /* an activation: the pair is over, and whoever sealed to it takes another */
        LOG(LOG_L_ERROR, "pair-is-over", log_int("letter", (int64_t)p->letter));
        hook_seal_new_epoch(p->c.seal);
        net_seal_hand_in(p, JOB_LETTER);
        return;
    }
    if (!ok && !conflict) {
        net_seal_failed(p, "letter", "the TTP refuses the letter", status);
        p->cursor = p->letter + 1; /* the others first */
        return;
    }
    if (conflict) /* another content under this kid: never accepted, however often it is sent */
        LOG(LOG_L_ERROR, "letter-conflict", log_int("letter", (int64_t)p->letter));
    p->counts.sent++;
    net_seal_hand_in(p, JOB_LETTER);
}

static void answered_by_ack(struct net_seal_post *p, struct keeper *k, enum doing doing, const struct http_result *r)
{
    static const char *const names[] = {
        [DOING_CLIENT] = "client", [DOING_POLICY] = "policy", [DOING_READERS] = "policy", [DOING_LETTER] = "letter"};
    struct ack a;
    enum reason v = read_ack(p, r, &a);
    if (v != REASON_OK && net_seal_stranger(p, &p->keeper[p->ttp], r))
        return;
    if (v != REASON_OK) {
        k->bound = k->bound && r->status != 401 && r->status != 403; /* it may have forgotten us */
        net_seal_failed(p, names[doing], "no signed answer of the TTP's vault", r->status);
        return;
    }
    k->failures = k->strangers = 0;
    seal_head_saw_log(k->t, a.size, a.head);
    if (doing == DOING_POLICY)
        policy_answered(p, &a, r->status);
    else if (doing == DOING_READERS)
        net_seal_readers_answered(p, &a, r->status);
    else if (doing == DOING_LETTER)
        letter_answered(p, &a, r->status);
    else if (span_eq(a.code, SPAN("ok"))) {
        k->bound = true;
        net_seal_turn(p);
    } else
        net_seal_failed(p, names[doing], "the TTP refuses our registration", r->status);
}

static void answered(void *ctx, const struct http_result *r)
{
    struct net_seal_post *p = (struct net_seal_post *)ctx;
    struct keeper *k = &p->keeper[p->ttp];
    enum doing doing = p->doing;
    p->pending = NULL;
    p->doing = DOING_NOTHING;
    if (p->closing)
        return;
    p->counts.reached = r->e == OK;
    if (r->e != OK) {
        net_seal_failed(p, "connection", r->why, 0);
        return;
    }
    keep_nonce(k, r);
    if (doing == DOING_BUNDLE) {
        net_seal_bundle_answered(p, r);
    } else if (doing == DOING_NONCE) {
        if (k->nonce_n)
            net_seal_turn(p);
        else
            net_seal_failed(p, "nonce", "no Oneseal-Nonce in the answer", r->status);
    } else if (doing == DOING_KEY)
        net_seal_key_answered(p, r);
    else
        answered_by_ack(p, k, doing, r);
}

/* ---- calls ---------------------------------------------------------------------------------------------- */

void net_seal_call(struct net_seal_post *p, enum doing doing, const char *method, const char *path)
{
    struct keeper *k = &p->keeper[p->ttp];
    bool post = method[0] == 'P';
    struct http_call c = {.address = k->url.address,
                          .tls = k->url.tls ? p->c.tls : NULL,
                          .name = k->t->fqdn,
                          .host = k->t->fqdn,
                          .method = span_str(method),
                          .target = span_str(path),
                          .fields = post ? SPAN("Content-Type: application/jose\r\n") : SPAN_NONE,
                          .body = post ? buf_span(&p->request) : SPAN_NONE,
                          .may_repeat = true,
                          .done = answered,
                          .ctx = p};
    p->doing = doing;
    http_call_start(p->c.http, &c, &p->pending);
}

struct buf net_seal_scratch(struct net_seal_post *p)
{
    enum { SCRATCH = 128 * 1024 };
    uint8_t *m = (uint8_t *)arena_alloc(&p->mem, SCRATCH);
    return buf_over(m, m ? SCRATCH : 0);
}

bool net_seal_ready(struct net_seal_post *p, enum err e, const char *what)
{
    if (e == OK)
        return true;
    net_seal_failed(p, what, err_text(e), 0);
    return false;
}

static void send_client(struct net_seal_post *p, struct keeper *k)
{
    arena_reset(&p->mem);
    struct buf scratch = net_seal_scratch(p);
    struct client c = {
        .iss = p->c.seal->iss, .aud = k->t->fqdn, .nonce = span_of(k->nonce, k->nonce_n), .key = k->t->key};
    buf_reset(&p->request);
    if (!net_seal_ready(p, client_build(&c, p->c.seal->kid, k->t->x5c, k->t->n_x5c, &scratch, &p->request), "client"))
        return;
    k->nonce_n = 0; /* used */
    net_seal_call(p, DOING_CLIENT, "POST", "/client");
}

static void send_policy(struct net_seal_post *p, size_t at)
{
    const struct seal_policy *y = &p->c.seal->policies[at];
    struct posted *d = &p->posted[at];
    arena_reset(&p->mem);
    struct buf scratch = net_seal_scratch(p);
    p->policy = at;
    d->sending = d->version + 1;
    struct policy body = {.iss = p->c.seal->iss,
                          .aud = y->ttp->fqdn,
                          .policy = y->name,
                          .version = d->sending,
                          .readers = y->readers,
                          .n = y->n_readers};
    buf_reset(&p->request);
    if (net_seal_ready(p, policy_build(&body, y->ttp->key, p->c.seal->kid, &scratch, &p->request), "policy"))
        net_seal_call(p, DOING_POLICY, "POST", "/policy");
}

/* ---- what is next ----------------------------------------------------------------------------------------- */

/* Does it name its readers at a TTP, and by itself? */
static bool posts(const struct seal_policy *y)
{
    return y->level == SEAL_GATEWAY && y->ttp && !y->readers_acp;
}

/* Versions that an earlier run registered; a policy whose readers have changed gets the next version. */
static enum err load(struct net_seal_post *p, struct store_tx *t)
{
    const struct hook_seal *h = p->c.seal;
    for (size_t i = 0; i < h->n_policies; i++) {
        uint8_t key[STORE_KEY_MAX], hash[ESD_HASH];
        struct buf k = BUF_ARRAY(key);
        struct span v;
        if (!posts(&h->policies[i]))
            continue;
        struct span name = policy_key(&k, &h->policies[i]);
        TRY(k.e);
        enum err e = store_state_get(t, name, &p->mem, &v);
        if (e == ERR_NOTFOUND)
            continue;
        TRY(e);
        TRY(readers_hash(&h->policies[i], hash));
        for (size_t b = 0; b < 8 && v.n == 8 + ESD_HASH; b++)
            p->posted[i].version = p->posted[i].version << 8 | v.p[b];
        p->posted[i].done = v.n == 8 + ESD_HASH && memcmp(v.p + 8, hash, ESD_HASH) == 0;
    }
    p->loaded = true;
    return OK;
}

size_t net_seal_keeper_of(const struct net_seal_post *p, struct span fqdn)
{
    size_t i = 0;
    while (i < p->c.seal->n_ttps && !span_eq_nocase(p->keeper[i].t->fqdn, fqdn))
        i++;
    return i;
}

/* The first letter that was not tried in this round. Letters to a TTP that left the configuration wait. */
static enum err next_letter(struct net_seal_post *p, struct store_tx *t, struct seal_letter *out)
{
    uint64_t first, next;
    TRY(seal_queue_span(t, &p->mem, &first, &next));
    for (uint64_t n = p->cursor > first ? p->cursor : first; n < next; n++) {
        enum err e = seal_queue_get(t, &p->mem, n, out);
        struct keeper *k = e == OK ? &p->keeper[net_seal_keeper_of(p, out->ttp)] : NULL;
        bool policy = e == OK && span_starts(out->text, SPAN("{"));
        if (k && k->t && k->bound && !quiet(p, k)) {
            if (policy || net_seal_fresh(p, k))
                return OK;
            k->held = true;
        }
        if (e != OK && e != ERR_NOTFOUND)
            return e;
    }
    return ERR_NOTFOUND;
}

static void send_letter(struct net_seal_post *p)
{
    struct store_tx *t;
    struct seal_letter l;
    arena_reset(&p->mem);
    enum err e = store_read(p->c.store, p->c.slot, &t);
    if (e == OK) {
        e = next_letter(p, t, &l);
        store_end(t);
    }
    if (e == ERR_NOTFOUND) {
        net_seal_polls(p); /* letters may wait for a fresh word */
        if (!net_seal_key(p))
            rest(p);
        return;
    }
    if (e != OK) {
        LOG(LOG_L_ERROR, "letters-not-read", log_err("error", e));
        net_timer_start(p->timer, RETRY_STORE_MS, 0);
        return;
    }
    p->ttp = net_seal_keeper_of(p, l.ttp);
    p->letter = l.n;
    if (net_seal_readers(p, &l))
        return;
    buf_reset(&p->request);
    buf_put(&p->request, l.text);
    if (net_seal_ready(p, p->request.e, "letter"))
        net_seal_call(p, DOING_LETTER, "POST", "/letter");
}

/* Bundle, then nonce, then client: what a TTP needs before anything else. False: nothing is needed. */
static bool prepare(struct net_seal_post *p, size_t i)
{
    struct keeper *k = &p->keeper[i];
    if (!k->t->used || !k->url_ok || !k->t->bundle.identity || quiet(p, k))
        return false;
    p->ttp = i;
    if (net_seal_bundle_due(p, k)) {
        net_seal_call(p, DOING_BUNDLE, "GET", "/bundle");
        return true;
    }
    if (k->bound)
        return false;
    if (k->nonce_n)
        send_client(p, k);
    else
        net_seal_call(p, DOING_NONCE, "GET", "/nonce");
    return true;
}

static bool load_once(struct net_seal_post *p)
{
    struct store_tx *t;
    if (p->loaded)
        return true;
    arena_reset(&p->mem);
    enum err e = store_read(p->c.store, p->c.slot, &t);
    if (e == OK) {
        e = net_seal_bundle_load(p, t);
        if (e == OK)
            e = load(p, t);
        store_end(t);
    }
    if (e == OK)
        return true;
    LOG(LOG_L_ERROR, "registrations-not-read", log_err("error", e));
    net_timer_start(p->timer, RETRY_STORE_MS, 0);
    return false;
}

void net_seal_turn(struct net_seal_post *p)
{
    const struct hook_seal *h = p->c.seal;
    net_seal_polls(p);
    if (p->doing != DOING_NOTHING || p->closing || !load_once(p))
        return;
    for (size_t i = 0; i < h->n_ttps; i++)
        if (prepare(p, i))
            return;
    if (atomic_exchange(&p->c.seal->renew, false)) {
        net_seal_hand_in(p, JOB_RENEW);
        return;
    }
    for (size_t i = 0; i < h->n_policies; i++) {
        const struct seal_policy *y = &h->policies[i];
        if (!posts(y) || p->posted[i].done)
            continue;
        p->ttp = net_seal_keeper_of(p, y->ttp->fqdn);
        if (!p->keeper[p->ttp].bound || quiet(p, &p->keeper[p->ttp]))
            continue;
        send_policy(p, i);
        return;
    }
    send_letter(p);
}

/* ---- life ------------------------------------------------------------------------------------------------- */

static void timer_fired(void *ctx)
{
    net_seal_turn((struct net_seal_post *)ctx);
}

static void woken(struct net_post *n)
{
    struct net_seal_post *p = (struct net_seal_post *)(void *)((char *)n - offsetof(struct net_seal_post, wake));
    atomic_store(&p->waking, false);
    net_seal_turn(p);
}

/* Writer thread. */
static void wake(void *ctx)
{
    struct net_seal_post *p = (struct net_seal_post *)ctx;
    if (!atomic_exchange(&p->waking, true))
        net_loop_post(p->c.loop, &p->wake);
}

enum err net_seal_post_new(const struct net_seal_post_conf *conf, struct net_seal_post **out)
{
    struct net_seal_post *p = (struct net_seal_post *)calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return ERR_NOMEM;
    p->c = *conf;
    p->wake.run = woken;
    p->request = heap_buf(256 * 1024);
    heap_arena(&p->mem, 64 * 1024, 8 << 20);
    heap_arena(&p->x_mem, 16 * 1024, 8 << 20);
    heap_arena(&p->entry_mem, 4096, 1 << 20);
    if (hook_seal_asks(conf->seal) && !(p->secret = (uint8_t *)secret_alloc(SEAL_ASK_MEM))) {
        net_seal_post_free(p);
        return ERR_NOMEM;
    }
    p->posted = (struct posted *)calloc(conf->seal->n_policies + 1, sizeof *p->posted);
    enum err e = p->posted ? net_timer_new(conf->loop, timer_fired, p, &p->timer) : ERR_NOMEM;
    if (e == OK)
        e = net_seal_polls_new(p);
    if (e != OK) {
        net_seal_post_free(p);
        return e;
    }
    for (size_t i = 0; i < conf->seal->n_ttps; i++) {
        p->keeper[i].t = &conf->seal->ttps[i];
        p->keeper[i].url_ok = http_url_parse(span_str(conf->seal->ttps[i].url), &p->keeper[i].url) == OK;
    }
    conf->seal->wake_ctx = p;
    conf->seal->wake = wake;
    net_timer_start(p->timer, 1, 0);
    *out = p;
    return OK;
}

void net_seal_post_stop(struct net_seal_post *p)
{
    if (!p || p->closing)
        return;
    p->closing = true;
    p->c.seal->wake = (void (*)(void *))0; /* typed: clang takes no void pointer here */
    if (p->pending)
        http_call_cancel(p->pending);
    net_seal_polls_stop(p);
    net_timer_free(p->timer);
    p->timer = NULL;
}

void net_seal_post_free(struct net_seal_post *p)
{
    if (!p)
        return;
    net_seal_post_stop(p);
    net_seal_key_over(p);
    secret_free(p->secret);
    net_seal_polls_free(p);
    heap_buf_free(&p->request);
    arena_reset(&p->entry_mem);
    arena_reset(&p->mem);
    arena_reset(&p->x_mem);
    free(p->posted);
    free(p);
}

struct net_seal_post_counts net_seal_post_counts(const struct net_seal_post *p)
{
    return p->counts;
}
