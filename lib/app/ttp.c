/* ttp.c - see ttp.h. */
#include "app/ttp_bundle.h"

#include <time.h>

#include "app/x509.h"
#include "base/code.h"
#include "host/heap.h"

enum {
    DOCUMENT_MAX = 1 << 20,
    ARENA_BLOCK = 1 << 16,
    ARENA_MAX = 8 << 20,
    SHORT_MAX = 256,
    KEY_ID_PREFIX_AE = 54, /* Credential-ID of an AE certificate, TS-0003 8.8.2 */
};

int64_t ttp_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- opening ---- */

static enum status read_key(struct ttps *s)
{
    const struct profile *p = s->t->p;
    if (!p->key_file || !p->certificate)
        return APP_FAIL(s->app, ST_CONFIG, .what = "the profile has no certificate and key to sign with",
                        .who = "this program", .kind = "profile", .object = p->path,
                        .todo = "set certificate and key-file in [tls]");
    struct buf pem = heap_buf(DOCUMENT_MAX);
    enum err e = file_read(p->key_file, &pem);
    if (e == OK)
        e = p256_read_pem(buf_span(&pem), &s->key);
    buf_wipe(&pem);
    heap_buf_free(&pem);
    return e == OK ? ST_DONE : app_fail_file(s->app, e, "the signing key cannot be read", p->key_file);
}

static enum status read_cert(struct ttps *s)
{
    const char *path = s->t->p->certificate;
    X509 *x = NULL;
    enum err e = x509_read_cert(path, &x);
    if (e != OK)
        return app_fail_file(s->app, e, "the certificate cannot be read", path);
    uint8_t *der = NULL;
    int n = i2d_X509(x, &der);
    s->cert = n > 0 ? arena_dup(&s->app->mem, span_of(der, (size_t)n)) : SPAN_NONE;
    OPENSSL_free(der);
    X509_free(x);
    return s->cert.n ? ST_DONE : app_fail_file(s->app, ERR_NOMEM, "the certificate cannot be read", path);
}

enum status ttps_open(struct talk *t, struct book *book, struct ttps *s)
{
    *s = (struct ttps){.app = t->app, .t = t, .book = book};
    enum status st = read_key(s);
    if (st == ST_DONE)
        st = read_cert(s);
    for (size_t i = 0; st == ST_DONE && i < t->p->ttps; i++) {
        s->one[i].row = &t->p->ttp[i];
        st = ttp_bundle_open(s, &s->one[i]);
    }
    s->key_id = app_fmt(t->app, "%d-%s", KEY_ID_PREFIX_AE, t->p->ae_id);
    if (st != ST_DONE)
        ttps_close(s);
    return st;
}

void ttps_close(struct ttps *s)
{
    for (size_t i = 0; i < PROFILE_TTPS_MAX; i++)
        if (s->one[i].open)
            bundle_free(&s->one[i].bundle);
    p256_free(s->key);
    *s = (struct ttps){0};
}

struct ttp *ttps_find(struct ttps *s, struct span fqdn)
{
    for (size_t i = 0; i < s->t->p->ttps; i++)
        if (span_eq_nocase(span_str(s->one[i].row->fqdn), fqdn))
            return &s->one[i];
    return NULL;
}

/* The TTP whose front is spoken to for this one: itself, or the one that it is reached through. */
static struct ttp *door(struct ttps *s, struct ttp *t)
{
    struct ttp *d = t->row->via ? ttps_find(s, span_str(t->row->via)) : t;
    return d ? d : t;
}

/* ---- refusals ---- */

static void keep_text(char to[TTP_WHY_MAX], const struct jval *v, struct arena *a)
{
    struct span text = SPAN_NONE;
    if (json_str(v, a, &text) == OK)
        (void)snprintf(to, TTP_WHY_MAX, "%.*s", SPAN_FMT(text));
}

static void keep(struct ttps *s, const char *why, const char *who)
{
    (void)snprintf(s->why, sizeof s->why, "%s", why);
    (void)snprintf(s->who, sizeof s->who, "%s", who);
    s->todo[0] = '\0';
}

/* {"code","what","who","object","do"} of an answer that nobody signed: it can only be a refusal. */
static enum reason refusal(struct ttps *s, const struct ttp *t, const struct talk_answer *a)
{
    struct arena mem;
    struct jval *v = NULL;
    struct span code = SPAN_NONE;
    enum reason r = a->http == 503 ? REASON_TTP_UNREACHABLE : REASON_REFUSED;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    keep(s, app_fmt(s->app, "the TTP answered HTTP %d", a->http), t->row->fqdn);
    if (json_parse(talk_body(a), &mem, &v, NULL) == OK) {
        if (json_str(JSON_GET(v, "code"), &mem, &code) == OK && (reason_of(code, &r) != OK || r == REASON_OK))
            r = REASON_REFUSED;
        keep_text(s->why, JSON_GET(v, "what"), &mem);
        keep_text(s->who, JSON_GET(v, "who"), &mem);
        keep_text(s->todo, JSON_GET(v, "do"), &mem);
    }
    arena_reset(&mem);
    return r;
}

static enum reason no_answer(struct ttps *s, const struct ttp *t, const struct talk_answer *a)
{
    keep(s, app_fmt(s->app, "%s: %.*s", err_text(a->e), SPAN_FMT(buf_span(&a->copy.why))),
         app_fmt(s->app, "the network, on the way to %s", t->row->url));
    return REASON_TTP_UNREACHABLE;
}

/* One HTTP exchange. REASON_OK: an answer in application/jose, or to a GET any 200. */
static enum reason exchange(struct ttps *s, const struct ttp *t, struct span method, const char *path, struct span body,
                            struct talk_answer *a)
{
    if (!t->row->url) {
        *a = (struct talk_answer){.e = ERR_UNSUPPORTED};
        keep(s, app_fmt(s->app, "it is reached only through %s, and that for keys alone", t->row->via), t->row->fqdn);
        return REASON_REFUSED;
    }
    talk_plain(s->t, t->row->url, span_str(t->row->fqdn), method, span_str(path),
               body.n ? SPAN("application/jose") : SPAN_NONE, body, a);
    if (a->e != OK)
        return no_answer(s, t, a);
    struct span type = http_reply_copy_field(&a->copy, SPAN("content-type"));
    if (span_starts(type, SPAN("application/jose")) || (body.n == 0 && a->http == 200))
        return REASON_OK;
    return refusal(s, t, a);
}

enum reason ttp_get(struct ttps *s, struct ttp *t, const char *path, struct buf *out)
{
    struct talk_answer a;
    struct ttp *at = door(s, t);
    bool told = at != t && strcmp(path, "/bundle") == 0; /* the one in between has it */
    enum reason r = told ? exchange(s, at, SPAN("POST"), "/partner", span_str(t->row->fqdn), &a)
                         : exchange(s, t, SPAN("GET"), path, SPAN_NONE, &a);
    if (r == REASON_OK)
        buf_put(out, talk_body(&a));
    talk_answer_free(&a);
    return r;
}

static enum reason fresh_nonce(struct ttps *s, struct ttp *t, struct buf *text)
{
    struct talk_answer a;
    enum reason r = exchange(s, t, SPAN("GET"), "/nonce", SPAN_NONE, &a);
    if (r == REASON_OK)
        buf_put(text, http_reply_copy_field(&a.copy, SPAN("oneseal-nonce")));
    talk_answer_free(&a);
    if (r == REASON_OK && (text->n == 0 || text->e != OK)) {
        keep(s, "its answer carries no Oneseal-Nonce", t->row->fqdn);
        return REASON_MALFORMED;
    }
    return r;
}

/* ---- documents ---- */

/* Heads of ours carry it: whoever reads these witnesses the TTP's log. */
static void keep_note(struct ttp *t, const struct ack *k)
{
    if (k->size < t->note_size || k->head.n == 0 || k->head.n > sizeof t->note)
        return;
    memcpy(t->note, k->head.p, k->head.n);
    t->note_n = k->head.n;
    t->note_size = k->size;
}

enum reason ttp_send(struct ttps *s, struct ttp *t, const char *path, struct span jws, struct ttp_ack *said)
{
    struct talk_answer a;
    enum reason r = exchange(s, t, SPAN("POST"), path, jws, &a);
    struct arena mem;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    struct ack ack = {0};
    if (r == REASON_OK)
        r = ack_open(talk_body(&a), jws, ttp_bundle_signer(s, t, talk_body(&a)), &mem, &ack);
    if (r == REASON_OK)
        keep_note(t, &ack);
    if (r == REASON_OK && said) {
        (void)snprintf(said->code, sizeof said->code, "%.*s", SPAN_FMT(ack.code));
        said->version = ack.version;
    }
    if (r == REASON_OK && !span_eq(ack.code, SPAN("ok"))) {
        keep(s, app_fmt(s->app, "the vault answers: %.*s", SPAN_FMT(ack.code)), t->row->fqdn);
        if (reason_of(ack.code, &r) != OK || r == REASON_OK)
            r = REASON_REFUSED;
    }
    arena_reset(&mem);
    talk_answer_free(&a);
    return r;
}

enum reason ttp_register(struct ttps *s, struct ttp *t)
{
    JUDGE(ttp_bundle_fresh(s, t));
    if (t->registered)
        return REASON_OK;
    char nonce[SHORT_MAX];
    struct buf n = BUF_ARRAY(nonce), scratch = heap_buf(DOCUMENT_MAX), jws = heap_buf(DOCUMENT_MAX);
    enum reason r = fresh_nonce(s, t, &n);
    struct client me = {
        .iss = span_str(s->t->p->ae_id), .aud = span_str(t->row->fqdn), .nonce = buf_span(&n), .key = s->key};
    if (r == REASON_OK && client_build(&me, span_str(s->key_id), &s->cert, 1, &scratch, &jws) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK)
        r = ttp_send(s, t, "/client", buf_span(&jws), NULL);
    t->registered = r == REASON_OK;
    heap_buf_free(&scratch);
    heap_buf_free(&jws);
    return r;
}

/* ---- news ---- */

static enum reason take_news(struct ttps *s, struct ttp *t, struct span answer, struct span request,
                             struct ttp_news *out)
{
    struct arena mem;
    struct poll_answer news = {0};
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    enum reason r = poll_answer_open(answer, request, ttp_bundle_signer(s, t, answer), &mem, &news);
    *out = (struct ttp_news){.state = news.state, .ep = r == REASON_OK && news.n == 1 ? news.streams[0].ep : 0};
    arena_reset(&mem);
    return r;
}

enum reason ttp_poll(struct ttps *s, struct ttp *t, const uint8_t sid[ESD_SID], uint64_t ep, struct ttp_news *out)
{
    uint8_t octets[RELEASE_NONCE];
    char text[SHORT_MAX];
    struct buf nonce = BUF_ARRAY(text), scratch = heap_buf(DOCUMENT_MAX), request = heap_buf(DOCUMENT_MAX);
    struct poll_stream stream = {.ep = ep};
    struct talk_answer a = {0};
    enum reason r = ttp_register(s, t);
    memcpy(stream.sid, sid, ESD_SID);
    if (r == REASON_OK && esd_random(octets, sizeof octets) != OK)
        r = REASON_FAILED;
    b64url_put(&nonce, span_of(octets, sizeof octets));
    struct poll ask = {.iss = span_str(s->t->p->ae_id),
                       .aud = span_str(t->row->fqdn),
                       .nonce = buf_span(&nonce),
                       .streams = &stream,
                       .n = 1};
    if (r == REASON_OK && poll_build(&ask, s->key, span_str(s->key_id), &scratch, &request) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK)
        r = exchange(s, t, SPAN("POST"), "/poll", buf_span(&request), &a);
    if (r == REASON_OK)
        r = take_news(s, t, talk_body(&a), buf_span(&request), out);
    talk_answer_free(&a);
    heap_buf_free(&scratch);
    heap_buf_free(&request);
    return r;
}

/* ---- keys that the TTP makes ---- */

/* The TTP's nonce as octets. */
static enum reason raw_nonce(struct ttps *s, struct ttp *t, uint8_t out[RELEASE_NONCE])
{
    char text[SHORT_MAX];
    uint8_t octets[SHORT_MAX];
    struct buf nonce = BUF_ARRAY(text), raw = BUF_ARRAY(octets);
    JUDGE(fresh_nonce(s, t, &nonce));
    if (b64url_get(buf_span(&nonce), &raw) != OK || raw.n != RELEASE_NONCE) {
        keep(s, "its nonce has another form", t->row->fqdn);
        return REASON_MALFORMED;
    }
    memcpy(out, octets, RELEASE_NONCE);
    return REASON_OK;
}

static enum reason ask_key(struct ttps *s, struct ttp *t, const struct key_ask *q, struct span request, struct arena *a,
                           struct key_answer *out)
{
    struct talk_answer answer = {0};
    enum reason r = exchange(s, t, SPAN("POST"), "/key", request, &answer);
    if (r == REASON_OK) {
        struct span text = arena_dup(a, talk_body(&answer)); /* what comes out points into it */
        struct keyask_expect x = {.request = request, .ask = q, .release = ttp_bundle_signer(s, t, text)};
        r = arena_ok(a) ? keyask_open(text, &x, a, out) : REASON_FAILED;
        if (r != REASON_OK)
            keep(s, app_fmt(s->app, "the answer of the TTP does not verify: %s", reason_text(r)), "this program");
    }
    talk_answer_free(&answer);
    return r;
}

enum reason ttp_key(struct ttps *s, struct ttp *t, struct key_ask *q, struct arena *a, struct key_answer *out)
{
    struct buf scratch = heap_buf(DOCUMENT_MAX), request = heap_buf(DOCUMENT_MAX);
    s->why[0] = s->who[0] = s->todo[0] = '\0';
    q->iss = span_str(s->t->p->ae_id);
    q->aud = span_str(t->row->fqdn);
    q->epk = NULL;
    enum reason r = ttp_register(s, t);
    if (r == REASON_OK)
        r = raw_nonce(s, t, q->nonce);
    if (r == REASON_OK && !q->pairs && p256_new(&q->epk) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK && keyask_build(q, s->key, span_str(s->key_id), &scratch, &request) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK)
        r = ask_key(s, t, q, buf_span(&request), a, out);
    p256_free(q->epk);
    q->epk = NULL;
    heap_buf_free(&scratch);
    heap_buf_free(&request);
    return r;
}

/* ---- policies ---- */

/* Sends what was built into `request`, and opens the answer. */
static enum reason question(struct ttps *s, struct ttp *t, const char *path, struct span request, enum jws_typ typ,
                            struct arena *a, struct jval **claims)
{
    struct talk_answer answer = {0};
    enum reason r = exchange(s, t, SPAN("POST"), path, request, &answer);
    if (r == REASON_OK) {
        struct span text = arena_dup(a, talk_body(&answer)); /* what comes out points into it */
        r = arena_ok(a) ? policy_answer_open(text, typ, request, ttp_bundle_signer(s, t, text), a, claims)
                        : REASON_FAILED;
        if (r != REASON_OK)
            keep(s, app_fmt(s->app, "the answer of the TTP does not verify: %s", reason_text(r)), "this program");
    }
    talk_answer_free(&answer);
    return r;
}

enum reason ttp_policy_show(struct ttps *s, struct ttp *t, struct policy_show *q, struct arena *a, struct jval **claims)
{
    struct buf scratch = heap_buf(DOCUMENT_MAX), request = heap_buf(DOCUMENT_MAX);
    q->iss = span_str(s->t->p->ae_id);
    q->aud = span_str(t->row->fqdn);
    enum reason r = ttp_register(s, t);
    if (r == REASON_OK)
        r = raw_nonce(s, t, q->nonce);
    if (r == REASON_OK && policy_show_build(q, s->key, span_str(s->key_id), &scratch, &request) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK)
        r = question(s, t, "/policy/show", buf_span(&request), JWS_SHOWN, a, claims);
    heap_buf_free(&scratch);
    heap_buf_free(&request);
    return r;
}

enum reason ttp_policy_why(struct ttps *s, struct ttp *t, struct policy_why *q, struct arena *a, struct jval **claims)
{
    struct buf scratch = heap_buf(DOCUMENT_MAX), request = heap_buf(DOCUMENT_MAX);
    q->iss = span_str(s->t->p->ae_id);
    q->aud = span_str(t->row->fqdn);
    enum reason r = ttp_register(s, t);
    if (r == REASON_OK)
        r = raw_nonce(s, t, q->nonce);
    if (r == REASON_OK && policy_why_build(q, s->key, span_str(s->key_id), &scratch, &request) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK)
        r = question(s, t, "/policy/why", buf_span(&request), JWS_BECAUSE, a, claims);
    heap_buf_free(&scratch);
    heap_buf_free(&request);
    return r;
}

/* ---- release ---- */

/* What the caller knows about the wanted keys. */
struct places {
    const uint8_t *(*sid)(void *ctx, struct span kid);
    void *ctx;
};

/* What the answer said about each key, into the cache and the book. */
static enum reason take_keys(struct ttps *s, const struct ttp *t, struct reader *r, const struct release_got *got,
                             const struct span *kids, size_t n, enum reason *verdict)
{
    int64_t now = ttp_now_ms(), until = now + (int64_t)(got->ttl < 86400 ? got->ttl : 86400) * 1000;
    for (size_t i = 0; i < n; i++) {
        struct book_key row = {.kid = kids[i], .ttp = span_str(t->row->fqdn), .asked_ms = now, .class = SPAN("sealed")};
        verdict[i] = REASON_FAILED;
        for (size_t k = 0; k < got->n_keys; k++) {
            const struct release_key *key = &got->keys[k];
            if (!kid_eq(key->kid, kids[i]))
                continue;
            struct reader_fresh fresh = {.kid = kids[i],
                                         .value = span_of(key->kv, key->kv_n),
                                         .suid = 24,
                                         .commits = true,
                                         .cr = key->cr,
                                         .wk = key->wk,
                                         .kc = key->kc,
                                         .now_ms = now,
                                         .until_ms = until};
            verdict[i] = reader_key_put(r, &fresh) == OK ? REASON_OK : REASON_FAILED;
            row.cr = key->cr;
            row.pv = key->pv;
            row.until_ms = until;
        }
        for (size_t k = 0; k < got->n_deny; k++)
            if (kid_eq(got->deny[k].kid, kids[i]))
                verdict[i] = got->deny[k].code;
        row.verdict = span_str(verdict[i] == REASON_OK ? "released" : reason_code(verdict[i]));
        if (s->book && book_key_put(s->book, &row) != OK)
            return REASON_FAILED;
    }
    return REASON_OK;
}

/* The head and the signed papers stay: whoever holds them can show what the TTP did. */
static enum reason keep_evidence(struct ttps *s, const struct ttp *t, const struct release_got *got,
                                 struct span request, struct span answer)
{
    struct span fqdn = span_str(t->row->fqdn);
    struct book_head h = {.size = got->size};
    memcpy(h.root, got->root, ESD_HASH);
    struct book_release row = {
        .at_ms = ttp_now_ms(), .ttp = fqdn, .request = request, .answer = answer, .size = got->size};
    if (!s->book)
        return REASON_OK;
    if (book_begin(s->book) != OK)
        return REASON_FAILED;
    struct book_head kept = {0};
    bool moved = book_head_get(s->book, fqdn, &kept) != OK || kept.size != h.size;
    if ((!moved || book_head_put(s->book, fqdn, &h, got->head) == OK) && book_release_put(s->book, &row) == OK &&
        book_commit(s->book) == OK)
        return REASON_OK;
    book_rollback(s->book);
    return REASON_FAILED;
}

static enum reason build_request(struct ttps *s, struct ttp *t, struct release_ask *ask, struct buf *scratch,
                                 struct buf *out)
{
    struct book_head kept;
    JUDGE(raw_nonce(s, door(s, t), ask->nonce));
    if (s->book && book_head_get(s->book, span_str(t->row->fqdn), &kept) == OK) {
        ask->has_head = true;
        ask->size = kept.size;
        memcpy(ask->root, kept.root, ESD_HASH);
    }
    if (p256_new(&ask->epk) != OK || release_ask_build(ask, s->key, span_str(s->key_id), scratch, out) != OK)
        return REASON_FAILED;
    return REASON_OK;
}

static enum reason ask_release(struct ttps *s, struct ttp *t, struct reader *r, struct release_ask *ask,
                               struct span request, const struct places *where, enum reason *verdict)
{
    struct talk_answer a;
    struct arena mem;
    struct release_got got = {0};
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    struct ttp *at = door(s, t);
    enum reason x = exchange(s, at, SPAN("POST"), at == t ? "/release" : "/relay", request, &a);
    if (x == REASON_OK) {
        const struct p256 *by = ttp_bundle_signer(s, t, talk_body(&a)); /* may renew the bundle: first */
        struct release_expect expect = {.request = request,
                                        .ask = ask,
                                        .release = by,
                                        .log_vkey = t->bundle.log_vkey,
                                        .sid = where->sid,
                                        .ctx = where->ctx};
        x = release_open(talk_body(&a), &expect, &mem, &got);
        if (x != REASON_OK)
            keep(s, app_fmt(s->app, "the answer of the TTP does not verify: %s", reason_text(x)), "this program");
    }
    if (x == REASON_OK)
        x = take_keys(s, t, r, &got, ask->want, ask->n_want, verdict);
    if (x == REASON_OK)
        x = keep_evidence(s, t, &got, request, talk_body(&a));
    release_wipe(&got);
    arena_reset(&mem);
    talk_answer_free(&a);
    return x;
}

enum reason ttp_release(struct ttps *s, struct ttp *t, struct reader *r, const struct span *kids, size_t n,
                        const uint8_t *(*sid)(void *ctx, struct span kid), void *ctx, enum reason *verdict)
{
    struct places where = {sid, ctx};
    s->why[0] = s->who[0] = s->todo[0] = '\0';
    struct ttp *at = door(s, t);
    JUDGE(ttp_register(s, at));
    struct buf scratch = heap_buf(DOCUMENT_MAX), request = heap_buf(DOCUMENT_MAX);
    struct release_ask ask = {.iss = span_str(s->t->p->ae_id),
                              .aud = {span_str(t->row->fqdn), span_str(at->row->fqdn)},
                              .n_aud = at == t ? 1 : 2,
                              .want = kids,
                              .n_want = n};
    enum reason x = build_request(s, t, &ask, &scratch, &request);
    if (x == REASON_OK)
        x = ask_release(s, t, r, &ask, buf_span(&request), &where, verdict);
    p256_free(ask.epk);
    heap_buf_free(&scratch);
    heap_buf_free(&request);
    return x;
}
