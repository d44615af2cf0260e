/* ttp_house.h - vault and ledger in one process, the test being parent and front: messages move only when the test
 * says so, the clock is the test's, the database is a file that the test may spoil. */
#ifndef UNIT_TTP_HOUSE_H
#define UNIT_TTP_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/code.h"
#include "esd/letter.h"
#include "esd/release_open.h"
#include "host/heap.h"
#include "ttp/kind.h"
#include "ttp/ledger.h"
#include "ttp/vault.h"

/* A test takes of this house what it needs. */
#pragma GCC diagnostic ignored "-Wunused-function"

enum { ANSWERS = 64 };
static const char FQDN[] = "ttp.demo.example";

struct answer {
    uint64_t id;
    unsigned status;
    struct span body, meta; /* in the house's arena */
};

struct house {
    char folder[64], db[96];
    struct ledger *ledger;
    struct vault *vault;
    struct buf l_parent, l_front, l_vault, v_parent, v_ledger;
    int64_t now;
    uint8_t root[VAULT_ROOT], next_root[VAULT_ROOT]; /* what the pipe gives next */
    bool offer_next;                                 /* at start, beside root */
    bool root_other;                                 /* ROOT_IS said so */
    unsigned rewrapped, not_rewrapped, rekey_wanted; /* heard */
    struct buf anchors;
    struct arena mem;
    struct answer answer[ANSWERS];
    size_t n_answers;
    /* the parent's 72 octets */
    bool known, up, hold_heads;
    uint64_t size;
    uint8_t head_root[MSG_HASH], state[MSG_HASH];
    struct span no; /* VAULT_NO */
    struct span bundle_text;
    struct bundle bundle;
    uint64_t next_id;
    struct p256 *operator_key;
    struct msg_VAULT_QUOTA quota; /* sent when has_quota */
    bool has_quota;
    EVP_PKEY *ca_key;
    X509 *ca;
    enum err vault_end, ledger_end; /* first error of a gate */
    /* what the operator's command was answered with */
    unsigned done_status;
    struct span done_json;
    const char *enrol_sp; /* NULL: no enrolment CA */
    struct span enrol_ca; /* its certificate, PEM, as the parent heard it */
    bool lenient;         /* a file that the ledger does not take is no fault of the test */
    bool fail_commit;     /* the ledger cannot keep the next batches */
    struct span posted;   /* newest POST_OUT: who, path, body as items; kept here, it goes nowhere */
    uint64_t post_id;
    size_t n_posts;
};
/* Partners of the houses that are started from now on; NULL: none. */
static const struct msg_VAULT_PEERS *house_partners;

struct party {
    char iss[64];
    struct p256 *key;
    uint8_t der[2048];
    size_t der_n;
};

static int64_t house_now(void *ctx)
{
    return ((struct house *)ctx)->now;
}

static enum err house_more_root(void *ctx, uint8_t root[VAULT_ROOT])
{
    memcpy(root, ((struct house *)ctx)->next_root, VAULT_ROOT);
    return OK;
}

/* ---- certificates
 * ---------------------------------------------------------------------------------------------------- */

static X509 *cert_new(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *san, bool ca)
{
    static long serial = 1;
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400 * 30);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    X509V3_CTX c;
    X509V3_set_ctx(&c, issuer ? issuer : x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    if (san) {
        e = X509V3_EXT_conf_nid(NULL, &c, NID_subject_alt_name, san);
        X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }
    assert_true(X509_sign(x, issuer_key, EVP_sha256()) > 0);
    return x;
}

static struct party party_new(struct house *h, const char *iss, const char *san)
{
    struct party p = {.key = NULL};
    snprintf(p.iss, sizeof p.iss, "%s", iss);
    assert_int_equal(p256_new(&p.key), OK);
    X509 *x = cert_new("party", p256_evp(p.key), h->ca, h->ca_key, san, false);
    uint8_t *at = p.der;
    int n = i2d_X509(x, NULL);
    assert_true(n > 0 && (size_t)n < sizeof p.der);
    p.der_n = (size_t)i2d_X509(x, &at);
    X509_free(x);
    return p;
}

/* ---- moving messages
 * ---------------------------------------------------------------------------------------------------- */

static struct span keep_text(struct house *h, struct span s)
{
    return arena_dup(&h->mem, s);
}

static void to_parent(struct house *h, enum msg type, const union msg_any *m)
{
    if (type == SAY_HEAD || type == SAY_VAULT_UP) {
        h->known = true;
        h->size = type == SAY_HEAD ? m->HEAD.size : m->VAULT_UP.size;
        memcpy(h->head_root, type == SAY_HEAD ? m->HEAD.root : m->VAULT_UP.root, MSG_HASH);
        memcpy(h->state, type == SAY_HEAD ? m->HEAD.state : m->VAULT_UP.state, MSG_HASH);
    }
    if (type == SAY_VAULT_UP) {
        h->up = true;
        h->bundle_text = keep_text(h, m->VAULT_UP.bundle);
    }
    if (type == SAY_VAULT_DONE || type == SAY_LEDGER_DONE) {
        h->done_status = type == SAY_VAULT_DONE ? m->VAULT_DONE.status : m->LEDGER_DONE.status;
        h->done_json = keep_text(h, type == SAY_VAULT_DONE ? m->VAULT_DONE.json : m->LEDGER_DONE.json);
    }
    if (type == SAY_ENROL_CA)
        h->enrol_ca = keep_text(h, m->ENROL_CA.certificate);
    if (type == SAY_ROOT_IS)
        h->root_other = m->ROOT_IS.other != 0;
    if (type == SAY_REWRAPPED)
        *(m->REWRAPPED.done ? &h->rewrapped : &h->not_rewrapped) += 1;
    h->rekey_wanted += type == SAY_REKEY_WANTED;
    if (type == SAY_VAULT_NO)
        h->no = keep_text(h, m->VAULT_NO.why);
}

static void to_front(struct house *h, enum msg type, const union msg_any *m)
{
    if (type != SAY_ANSWER)
        return;
    assert_true(h->n_answers < ANSWERS);
    h->answer[h->n_answers++] =
        (struct answer){m->ANSWER.id, m->ANSWER.status, keep_text(h, m->ANSWER.body), keep_text(h, m->ANSWER.meta)};
}

/* Takes the first frame out of b; false when there is none. */
static bool take_frame(struct buf *b, uint8_t *out, size_t *n)
{
    *n = msg_frame_len(buf_span(b));
    if (*n == 0)
        return false;
    assert_true(*n <= b->n);
    memcpy(out, b->p, *n);
    memmove(b->p, b->p + *n, b->n - *n);
    b->n -= *n;
    return true;
}

static uint8_t frame[MSG_FRAME_MAX];

static bool is_post(struct house *h, struct span f)
{
    enum msg type;
    union msg_any m;
    if (msg_get(f, &type, &m) != OK || type != SAY_POST_OUT)
        return false;
    struct buf b = heap_buf(MSG_FRAME_MAX);
    msg_item_put(&b, m.POST_OUT.who);
    msg_item_put(&b, m.POST_OUT.path);
    msg_item_put(&b, m.POST_OUT.body);
    h->posted = keep_text(h, buf_span(&b));
    h->post_id = m.POST_OUT.id;
    h->n_posts++;
    heap_buf_free(&b);
    return true;
}

static bool step_ledger(struct house *h)
{
    size_t n;
    if (h->ledger_end != OK || !take_frame(&h->v_ledger, frame, &n))
        return false;
    if (h->fail_commit && frame[5] == SAY_BATCH)
        frame[n - 1]++; /* a tree of another size: the ledger refuses the batch at its end */
    if (is_post(h, span_of(frame, n)))
        return true;
    h->ledger_end = msg_receive(ledger_end(h->ledger), ROOM_VAULT, span_of(frame, n));
    return true;
}

static bool step_vault(struct house *h)
{
    size_t n;
    if (h->vault_end != OK || !take_frame(&h->l_vault, frame, &n))
        return false;
    h->vault_end = msg_receive(vault_end(h->vault), ROOM_LEDGER, span_of(frame, n));
    return true;
}

static void kept(struct house *h)
{
    struct buf b = heap_buf(4096);
    msg_put_HEAD_KEPT(&b, &(struct msg_HEAD_KEPT){.size = h->size});
    h->vault_end = msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b));
    heap_buf_free(&b);
}

static bool step_parent(struct house *h)
{
    size_t n;
    enum msg type;
    union msg_any m;
    if (take_frame(&h->l_front, frame, &n)) {
        assert_int_equal(msg_get(span_of(frame, n), &type, &m), OK);
        to_front(h, type, &m);
        return true;
    }
    if (!take_frame(&h->v_parent, frame, &n) && !take_frame(&h->l_parent, frame, &n))
        return false;
    assert_int_equal(msg_get(span_of(frame, n), &type, &m), OK);
    if (type == SAY_HEAD && h->hold_heads)
        return true; /* as if the parent had died over it */
    to_parent(h, type, &m);
    if (type == SAY_HEAD)
        kept(h);
    return true;
}

static void pump(struct house *h)
{
    while (step_ledger(h) || step_vault(h) || step_parent(h))
        continue;
    assert_true(ledger_rest(h->ledger) == OK || h->lenient);
}

/* ---- life
 * -------------------------------------------------------------------------------------------------------------------
 */

static void house_start(struct house *h, bool init)
{
    uint8_t jwk[512];
    struct buf op = BUF_ARRAY(jwk), b = heap_buf(1 << 20);
    p256_put(&op, h->operator_key);
    h->l_parent = heap_buf(64 << 20);
    h->l_front = heap_buf(64 << 20);
    h->l_vault = heap_buf(64 << 20);
    h->v_parent = heap_buf(64 << 20);
    h->v_ledger = heap_buf(64 << 20);
    h->up = false;
    h->no = SPAN_NONE;
    h->vault_end = h->ledger_end = OK;
    struct ledger_conf lc = {.to_parent = &h->l_parent, .to_front = &h->l_front, .to_vault = &h->l_vault};
    struct vault_conf vc = {.to_parent = &h->v_parent,
                            .to_ledger = &h->v_ledger,
                            .now_ms = house_now,
                            .ctx = h,
                            .root = h->root,
                            .more_root = house_more_root};
    assert_int_equal(ledger_new(&lc, &h->ledger), OK);
    assert_int_equal(vault_new(&vc, &h->vault), OK);
    msg_put_LEDGER_START(&b, &(struct msg_LEDGER_START){.path = span_str(h->db), .init = init});
    h->ledger_end = msg_receive(ledger_end(h->ledger), ROOM_PARENT, buf_span(&b));
    assert_true(h->ledger_end == OK || h->lenient);
    buf_reset(&b);
    if (h->enrol_sp) {
        msg_put_ENROL_START(&b, &(struct msg_ENROL_START){.sp = span_str(h->enrol_sp), .days = 90, .ca_days = 3650});
        h->vault_end = msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b));
        buf_reset(&b);
    }
    if (h->offer_next)
        msg_put_ROOT_ALSO(&b, &(struct msg_ROOT_ALSO){.n = 1});
    if (h->offer_next)
        assert_int_equal(msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b)), OK);
    buf_reset(&b);
    h->root_other = false;
    if (house_partners) {
        msg_put_VAULT_PEERS(&b, house_partners);
        assert_int_equal(msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b)), OK);
        buf_reset(&b);
    }
    struct msg_VAULT_START s = {.init = init,
                                .fqdn = SPAN(FQDN),
                                .anchors = buf_span(&h->anchors),
                                .operator_key = buf_span(&op),
                                .known = h->known,
                                .size = h->size};
    memcpy(s.root, h->head_root, MSG_HASH);
    memcpy(s.state, h->state, MSG_HASH);
    if (h->has_quota) {
        msg_put_VAULT_QUOTA(&b, &h->quota);
        assert_int_equal(msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b)), OK);
        buf_reset(&b);
    }
    msg_put_VAULT_START(&b, &s);
    h->vault_end = msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b));
    heap_buf_free(&b);
    if (!init)
        pump(h);
    /* As the real parent: with init it ends all rooms at VAULT_UP, whatever still lies in their queues. */
    while (init && !h->up && (step_parent(h) || step_vault(h) || step_ledger(h)))
        continue;
}

static void house_stop(struct house *h)
{
    vault_free(h->vault);
    ledger_free(h->ledger);
    struct buf *const b[] = {&h->l_parent, &h->l_front, &h->l_vault, &h->v_parent, &h->v_ledger};
    for (size_t i = 0; i < LEN(b); i++)
        heap_buf_free(b[i]);
}

/* The rooms die and come back; the parent lives on. */
static void house_restart(struct house *h)
{
    house_stop(h);
    house_start(h, false);
}

static void pem_of(X509 *x, struct buf *out)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    PEM_write_bio_X509(b, x);
    long n = BIO_get_mem_data(b, &p);
    buf_put(out, span_of(p, (size_t)n));
    BIO_free(b);
}

static struct house *house_new(void)
{
    struct house *h = xalloc(sizeof *h);
    snprintf(h->folder, sizeof h->folder, "/tmp/ttp-unit-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    snprintf(h->db, sizeof h->db, "%s/ledger.db", h->folder);
    h->now = 1000 * (int64_t)time(NULL);
    memset(h->root, 0x5a, sizeof h->root);
    heap_arena(&h->mem, 1 << 16, 256 << 20);
    h->anchors = heap_buf(1 << 16);
    h->ca_key = EVP_EC_gen("P-256");
    h->ca = cert_new("ca", h->ca_key, NULL, h->ca_key, NULL, true);
    pem_of(h->ca, &h->anchors);
    assert_int_equal(p256_new(&h->operator_key), OK);
    house_start(h, true);
    assert_true(h->up);
    h->known = false;
    house_restart(h);
    assert_true(h->up);
    assert_int_equal(bundle_open(h->bundle_text, SPAN(FQDN), NULL, (uint64_t)(h->now / 1000), &h->mem, &h->bundle),
                     REASON_OK);
    return h;
}

static void house_free(struct house *h)
{
    char cmd[256];
    house_stop(h);
    bundle_free(&h->bundle);
    p256_free(h->operator_key);
    X509_free(h->ca);
    EVP_PKEY_free(h->ca_key);
    heap_buf_free(&h->anchors);
    arena_reset(&h->mem);
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < LEN(ends); i++) {
        snprintf(cmd, sizeof cmd, "%s%s", h->db, ends[i]);
        unlink(cmd);
    }
    rmdir(h->folder);
    free(h);
}

/* ---- asking
 * --------------------------------------------------------------------------------------------------------------------
 */

/* Hands a request to the ledger without moving anything further. */
static uint64_t ask_only(struct house *h, enum ttp_kind kind, const char *peer, struct span body)
{
    struct buf b = heap_buf(MSG_FRAME_MAX);
    uint64_t id = ++h->next_id;
    msg_put_ASK(&b, &(struct msg_ASK){.id = id, .kind = (uint8_t)kind, .peer = span_str(peer), .body = body});
    assert_int_equal(msg_receive(ledger_end(h->ledger), ROOM_FRONT, buf_span(&b)), OK);
    heap_buf_free(&b);
    return id;
}

static const struct answer *answer_of(struct house *h, uint64_t id)
{
    for (size_t i = 0; i < h->n_answers; i++)
        if (h->answer[i].id == id)
            return &h->answer[i];
    return NULL;
}

static struct answer ask(struct house *h, enum ttp_kind kind, const char *peer, struct span body)
{
    h->n_answers = 0;
    uint64_t id = ask_only(h, kind, peer, body);
    pump(h);
    const struct answer *a = answer_of(h, id);
    assert_non_null(a);
    return *a;
}

static void nonce_of(struct house *h, uint8_t out[RELEASE_NONCE])
{
    struct jval *doc;
    struct answer a = ask(h, KIND_NONCE, "", SPAN_NONE);
    assert_int_equal(json_parse(a.body, &h->mem, &doc, NULL), OK);
    assert_int_equal(claim_octets(doc, "nonce", &h->mem, out, RELEASE_NONCE), REASON_OK);
}

/* A signed acknowledgement: its code. */
static struct ack ack_of(struct house *h, struct span request, struct answer a)
{
    struct ack k;
    assert_int_equal(ack_open(a.body, request, h->bundle.release, &h->mem, &k), REASON_OK);
    return k;
}

static struct span built(struct house *h, struct buf *b, enum err e)
{
    assert_int_equal(e, OK);
    assert_int_equal(b->e, OK);
    struct span s = keep_text(h, buf_span(b));
    heap_buf_free(b);
    return s;
}

static struct span client_text(struct house *h, const struct party *p)
{
    uint8_t nonce[RELEASE_NONCE], text[64];
    struct buf n = BUF_ARRAY(text), scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    nonce_of(h, nonce);
    b64url_put(&n, span_of(nonce, sizeof nonce));
    struct client c = {.iss = span_str(p->iss), .aud = SPAN(FQDN), .nonce = buf_span(&n), .key = p->key};
    struct span x5c = span_of(p->der, p->der_n);
    enum err e = client_build(&c, SPAN("k"), &x5c, 1, &scratch, &out);
    heap_buf_free(&scratch);
    return built(h, &out, e);
}

static void join(struct house *h, const struct party *p)
{
    struct span t = client_text(h, p);
    assert_true(span_eq(ack_of(h, t, ask(h, KIND_CLIENT, "", t)).code, SPAN("ok")));
}

static struct letter_item item_of(struct house *h, const uint8_t kv[ESD_KV], uint8_t sid, uint64_t ep,
                                  const char *policy)
{
    struct letter_item m = {
        .ep = ep, .adfq = SPAN(FQDN), .policy = span_str(policy), .suid = 24, .et = h->now + 86400000};
    struct buf b = heap_buf(1024);
    memset(m.sid, sid, sizeof m.sid);
    assert_int_equal(keys_kc(span_of(kv, ESD_KV), m.sid, m.kc), REASON_OK);
    keys_kid_put(&b, m.kc, SPAN(FQDN));
    m.kid = keep_text(h, buf_span(&b));
    heap_buf_free(&b);
    return m;
}

static struct span letter_text(struct house *h, const struct party *p, struct letter_item *items, size_t n,
                               const uint8_t (*kvs)[ESD_KV])
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct key_letter l = {.iss = span_str(p->iss), .aud = SPAN(FQDN), .items = items, .n = n, .batch = n > 1};
    enum err e = letter_build(&l, kvs, p->key, SPAN("k"), h->bundle.sealing, h->bundle.sealing_kid, &scratch, &out);
    heap_buf_free(&scratch);
    return built(h, &out, e);
}

static inline struct span policy_text(struct house *h, const struct party *p, const char *name, uint64_t version,
                                      const struct party *reader)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct policy_reader r = {.id = span_str(reader->iss)};
    struct policy q = {.iss = span_str(p->iss),
                       .aud = SPAN(FQDN),
                       .policy = span_str(name),
                       .version = version,
                       .readers = &r,
                       .n = 1};
    enum err e = policy_build(&q, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(h, &out, e);
}

static inline struct span denial_text(struct house *h, const char *iss, const struct p256 *key, const char *id,
                                      bool deny, uint64_t n)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct denial d = {.iss = span_str(iss), .aud = SPAN(FQDN), .id = span_str(id), .deny = deny, .n = n};
    enum err e = denial_build(&d, key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(h, &out, e);
}

/* Builds a request; the pair behind epk goes into q for opening the answer. */
static inline struct span release_text(struct house *h, const struct party *p, struct release_ask *q,
                                       const struct span *want, size_t n)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    q->iss = span_str(p->iss);
    q->aud[0] = SPAN(FQDN);
    q->n_aud = 1;
    q->want = want;
    q->n_want = n;
    nonce_of(h, q->nonce);
    assert_int_equal(p256_new(&q->epk), OK);
    enum err e = release_ask_build(q, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(h, &out, e);
}

static enum reason open_answer(struct house *h, struct span request, const struct release_ask *q, struct answer a,
                               struct release_got *g)
{
    struct release_expect x = {
        .request = request, .ask = q, .release = h->bundle.release, .log_vkey = h->bundle.log_vkey};
    return release_open(a.body, &x, &h->mem, g);
}

/* Asks for one kid: OK and the Key Value, or the code of the denial. */
static inline enum reason release_one(struct house *h, const struct party *p, struct span kid, uint8_t kv[ESD_KV])
{
    struct release_ask q = {0};
    struct release_got g;
    struct span text = release_text(h, p, &q, &kid, 1);
    struct answer a = ask(h, KIND_RELEASE, "", text);
    if (a.status != 200) {
        p256_free(q.epk);
        return REASON_FAILED;
    }
    assert_int_equal(open_answer(h, text, &q, a, &g), REASON_OK);
    p256_free(q.epk);
    if (g.n_keys == 0)
        return g.deny[0].code;
    memcpy(kv, g.keys[0].kv, ESD_KV);
    release_wipe(&g);
    return REASON_OK;
}

/* Runs SQL on the ledger's file from outside, as somebody with the disk could. */
static inline void disk(struct house *h, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(h->db, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

#endif
