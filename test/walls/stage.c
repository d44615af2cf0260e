#include "stage.h"

#include "base/code.h"
#include "host/heap.h"
#include "ttp/room.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char FQDN[] = "ttp.demo.example";

_Noreturn void stage_broken(const char *what, const char *file, int line)
{
    fprintf(stderr, "stage: %s:%d: %s\n", file, line, what);
    _exit(9);
}

struct span stage_keep(struct stage *s, struct span x)
{
    return arena_dup(&s->mem, x);
}

void stage_report(const char *attack, bool leaked, const char *what)
{
    printf("{\"attack\":\"%s\",\"leaked\":%s,\"what\":\"%s\"}\n", attack, leaked ? "true" : "false", what);
    fflush(stdout);
}

/* ---- people
 * ------------------------------------------------------------------------------------------------------------ */

X509 *stage_cert(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *san, bool ca)
{
    static long serial = 1;
    X509 *x = X509_new();
    X509V3_CTX c;
    const char *const ext[] = {ca ? "critical,CA:TRUE" : "CA:FALSE", san};
    static const int nid[] = {NID_basic_constraints, NID_subject_alt_name};
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    X509V3_set_ctx(&c, issuer ? issuer : x, x, NULL, NULL, 0);
    for (int i = 0; i < 2; i++) {
        X509_EXTENSION *e = ext[i] ? X509V3_EXT_conf_nid(NULL, &c, nid[i], ext[i]) : NULL;
        if (e)
            X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }
    NEED(X509_sign(x, issuer_key, EVP_sha256()) > 0);
    return x;
}

struct party stage_party(struct stage *s, const char *iss, const char *san, X509 *ca, EVP_PKEY *ca_key)
{
    struct party p = {.key = NULL};
    (void)s;
    snprintf(p.iss, sizeof p.iss, "%s", iss);
    NEED(p256_new(&p.key) == OK);
    X509 *x = stage_cert("party", p256_evp(p.key), ca, ca_key ? ca_key : p256_evp(p.key), san, false);
    uint8_t *at = p.der;
    NEED(i2d_X509(x, NULL) < (int)sizeof p.der);
    p.der_n = (size_t)i2d_X509(x, &at);
    X509_free(x);
    return p;
}

static struct span built(struct stage *s, struct buf *scratch, struct buf *out, enum err e)
{
    NEED(e == OK && out->e == OK);
    struct span text = stage_keep(s, buf_span(out));
    heap_buf_free(scratch);
    heap_buf_free(out);
    return text;
}

static struct span fresh_nonce(struct stage *s)
{
    struct jval *doc;
    struct span text;
    NEED(stage_ask(s, KIND_NONCE, SPAN_NONE));
    NEED(json_parse(s->body, &s->mem, &doc, NULL) == OK && json_str(JSON_GET(doc, "nonce"), &s->mem, &text) == OK);
    return text;
}

struct span stage_client(struct stage *s, const struct party *p, const char *iss)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct span x5c = span_of(p->der, p->der_n);
    struct client c = {.iss = span_str(iss), .aud = SPAN(FQDN), .nonce = fresh_nonce(s), .key = p->key};
    return built(s, &scratch, &out, client_build(&c, SPAN("k"), &x5c, 1, &scratch, &out));
}

struct span stage_letter(struct stage *s, const struct p256 *sealing, struct span sealing_kid, struct span *kid)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20), name = heap_buf(1024);
    struct letter_item m = {
        .ep = 1, .adfq = SPAN(FQDN), .policy = SPAN("ward"), .suid = 24, .et = 1000 * ((int64_t)time(NULL) + 86400)};
    memset(m.sid, 7, sizeof m.sid);
    NEED(keys_kc(span_of(s->kv, ESD_KV), m.sid, m.kc) == REASON_OK);
    keys_kid_put(&name, m.kc, SPAN(FQDN));
    m.kid = *kid = stage_keep(s, buf_span(&name));
    heap_buf_free(&name);
    struct key_letter l = {.iss = span_str(s->gateway.iss), .aud = SPAN(FQDN), .items = &m, .n = 1};
    return built(s, &scratch, &out,
                 letter_build(&l, (const uint8_t(*)[ESD_KV]) & s->kv, s->gateway.key, SPAN("k"), sealing, sealing_kid,
                              &scratch, &out));
}

struct span stage_policy(struct stage *s, const struct party *signer, const char *iss, uint64_t version,
                         const struct party *reader)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct policy_reader r = {.id = span_str(reader->iss)};
    struct policy q = {
        .iss = span_str(iss), .aud = SPAN(FQDN), .policy = SPAN("ward"), .version = version, .readers = &r, .n = 1};
    return built(s, &scratch, &out, policy_build(&q, signer->key, SPAN("k"), &scratch, &out));
}

struct span stage_request(struct stage *s, const struct party *signer, const char *iss, struct span kid,
                          struct p256 *epk)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct release_ask q = {
        .iss = span_str(iss), .aud = {SPAN(FQDN)}, .n_aud = 1, .want = &kid, .n_want = 1, .epk = epk};
    struct buf n = BUF_ARRAY(q.nonce);
    NEED(b64url_get(fresh_nonce(s), &n) == OK);
    return built(s, &scratch, &out, release_ask_build(&q, signer->key, SPAN("k"), &scratch, &out));
}

struct span stage_key(struct stage *s, const struct party *signer, uint8_t sid, struct key_ask *q)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20), n = BUF_ARRAY(q->nonce);
    q->iss = span_str(s->gateway.iss);
    q->aud = SPAN(FQDN);
    q->item = (struct letter_item){.ep = 1, .adfq = SPAN(FQDN), .policy = SPAN("ward"), .suid = 24};
    memset(q->item.sid, sid, ESD_SID);
    NEED(b64url_get(fresh_nonce(s), &n) == OK);
    return built(s, &scratch, &out, keyask_build(q, signer->key, SPAN("k"), &scratch, &out));
}

bool stage_opens(struct stage *s, struct span request, struct span answer, const struct p256 *epk)
{
    struct jws j;
    struct span jwe;
    uint8_t req[ESD_HASH], want[128];
    struct buf plain = heap_buf(1 << 20), secret = BUF_ARRAY(want);
    if (jws_read(answer, JWS_ANSWER, &s->mem, &j) != REASON_OK ||
        claim_str(j.claims, "jwe", &s->mem, &jwe) != REASON_OK)
        return false;
    NEED(esd_sha256(request, req) == OK);
    bool opened = jwe_unwrap(epk, jwe, req, &s->mem, &plain) == REASON_OK;
    b64url_put(&secret, span_of(s->kv, ESD_KV));
    bool found = false;
    for (size_t i = 0; opened && i + secret.n <= plain.n; i++)
        found = found || memcmp(plain.p + i, want, secret.n) == 0;
    heap_buf_free(&plain);
    return found;
}

/* ---- rooms
 * ----------------------------------------------------------------------------------------------------------------- */

static pid_t start_room(const char *binary, const char *flag, const int *fd, int n)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int aside[4];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < n; i++)
        aside[i] = fcntl(fd[i], F_DUPFD, 64);
    for (int i = 0; i < n; i++)
        dup2(aside[i], 3 + i);
    close_range((unsigned)(3 + n), ~0U, 0);
    execl(binary, binary, flag, (char *)NULL);
    _exit(127);
}

static void pair(int fd[2])
{
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
}

static void start_processes(struct stage *s, bool hostile_ledger)
{
    static const uint8_t rk[32] = {42};
    int pv[2], lv[2], pl[2], fl[2], hv[2] = {-1, -1}, pipe_fd[2];
    pair(pv);
    pair(lv);
    NEED(pipe(pipe_fd) == 0 && write(pipe_fd[1], rk, sizeof rk) == (ssize_t)sizeof rk);
    if (s->with_hall)
        pair(hv);
    const int vault[] = {pv[1], lv[1], pipe_fd[0], hv[1]};
    s->vault = start_room(s->binary, "--room=vault", vault, s->with_hall ? VAULT_FDS + 1 : VAULT_FDS);
    link_init(&s->hall, hv[0], ROOM_VAULT);
    if (hv[1] >= 0)
        close(hv[1]);
    link_init(&s->parent_vault, pv[0], ROOM_VAULT);
    if (hostile_ledger) {
        link_init(&s->peer, lv[0], ROOM_VAULT);
    } else {
        pair(pl);
        pair(fl);
        const int ledger[] = {pl[1], fl[1], lv[0]};
        s->ledger = start_room(s->binary, "--room=ledger", ledger, LEDGER_FDS);
        link_init(&s->parent_ledger, pl[0], ROOM_LEDGER);
        link_init(&s->peer, fl[0], ROOM_LEDGER);
        close(pl[1]);
        close(fl[1]);
        close(lv[0]);
    }
    close(pv[1]);
    close(lv[1]);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

bool stage_alive(pid_t pid)
{
    /* Its sockets close a moment before it can be reaped. */
    for (int i = 0; i < 100; i++) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return false;
        poll(NULL, 0, 10);
    }
    return true;
}

static void tell_vault(struct stage *s, bool init)
{
    struct msg_VAULT_START m = {
        .init = init, .fqdn = SPAN(FQDN), .anchors = buf_span(&s->anchors), .known = s->known, .size = s->size};
    memcpy(m.root, s->root, MSG_HASH);
    memcpy(m.state, s->state, MSG_HASH);
    if (s->enrol_sp)
        msg_put_ENROL_START(&s->parent_vault.out,
                            &(struct msg_ENROL_START){.sp = span_str(s->enrol_sp), .days = 30, .ca_days = 300});
    if (s->partners)
        msg_put_VAULT_PEERS(&s->parent_vault.out, s->partners);
    msg_put_VAULT_START(&s->parent_vault.out, &m);
    NEED(link_flush(&s->parent_vault) == OK);
}

static void take_answer(struct stage *s, uint64_t id, unsigned status, struct span body)
{
    if (id != s->asked)
        return;
    s->answered = true;
    s->status = status;
    s->body = stage_keep(s, body);
}

static void from_vault_to_parent(struct stage *s, enum msg type, const union msg_any *m)
{
    if (type == SAY_VAULT_NO)
        s->refused = true;
    if (type == SAY_VAULT_DONE)
        take_answer(s, m->VAULT_DONE.id, m->VAULT_DONE.status, m->VAULT_DONE.json);
    if (type != SAY_HEAD && type != SAY_VAULT_UP)
        return;
    bool head = type == SAY_HEAD;
    if (head && !s->keep_heads)
        return;
    s->known = true;
    s->size = head ? m->HEAD.size : m->VAULT_UP.size;
    memcpy(s->root, head ? m->HEAD.root : m->VAULT_UP.root, MSG_HASH);
    memcpy(s->state, head ? m->HEAD.state : m->VAULT_UP.state, MSG_HASH);
    if (!head) {
        s->up = true;
        s->bundle_text = stage_keep(s, m->VAULT_UP.bundle);
        return;
    }
    msg_put_HEAD_KEPT(&s->parent_vault.out, &(struct msg_HEAD_KEPT){.size = s->size});
    (void)!link_flush(&s->parent_vault);
}

/* The hostile ledger: its store does the honest work, the hooks spoil it. */
static void store_says(struct stage *s, struct buf *out)
{
    while (out->n > 0) {
        size_t n = msg_frame_len(buf_span(out));
        enum msg type;
        union msg_any m;
        struct buf instead = heap_buf(MSG_FRAME_MAX);
        NEED(msg_get(span_first(buf_span(out), n), &type, &m) == OK);
        if (!s->to_vault || s->to_vault(s, type, &m, &instead))
            buf_put(&s->peer.out, span_first(buf_span(out), n));
        buf_put(&s->peer.out, buf_span(&instead));
        heap_buf_free(&instead);
        memmove(out->p, out->p + n, out->n - n);
        out->n -= n;
    }
}

static struct buf store_out;

static void peer_says(struct stage *s, struct span frame)
{
    enum msg type;
    union msg_any m;
    NEED(msg_get(frame, &type, &m) == OK);
    if (type == SAY_ANSWER)
        take_answer(s, m.ANSWER.id, m.ANSWER.status, m.ANSWER.body);
    if (type == SAY_TILL_KEY)
        NEED(p256_read_text(m.TILL_KEY.jwk, &s->mem, &s->till) == REASON_OK);
    if (type == SAY_PAY)
        take_answer(s, m.PAY.id, 200, m.PAY.box);
    if (type == SAY_PAY || type == SAY_TILL_KEY)
        return;
    if (type == SAY_REPLY)
        take_answer(s, m.REPLY.id, m.REPLY.status, m.REPLY.body);
    if (!s->own_ledger || (s->to_store && !s->to_store(s, type, &m)))
        return;
    NEED(msg_receive(ledger_end(s->own_ledger), ROOM_VAULT, frame) == OK);
    NEED(ledger_rest(s->own_ledger) == OK);
    store_says(s, &store_out);
    buf_reset(&s->own_front);
}

/* Reads frames of one link without a gate of our own. False: the room is gone. */
static bool drain(struct stage *s, struct link *l, bool peer)
{
    uint8_t piece[65536];
    ssize_t n = read(l->fd, piece, sizeof piece);
    if (n <= 0)
        return false;
    buf_put(&l->in, span_of(piece, (size_t)n));
    size_t len;
    while ((len = msg_frame_len(buf_span(&l->in))) > 0 && len <= l->in.n) {
        struct span frame = stage_keep(s, span_first(buf_span(&l->in), len));
        memmove(l->in.p, l->in.p + len, l->in.n - len);
        l->in.n -= len;
        enum msg type;
        union msg_any m;
        if (peer)
            peer_says(s, frame);
        else if (msg_get(frame, &type, &m) == OK)
            from_vault_to_parent(s, type, &m);
    }
    return true;
}

bool stage_run(struct stage *s, int ms)
{
    for (;;) {
        struct pollfd p[4] = {{.fd = s->parent_vault.fd, .events = POLLIN},
                              {.fd = s->peer.fd, .events = POLLIN},
                              {.fd = s->own_ledger ? -1 : s->parent_ledger.fd, .events = POLLIN},
                              {.fd = s->hall.fd, .events = POLLIN}};
        if (link_flush(&s->peer) != OK || (s->hall.fd >= 0 && link_flush(&s->hall) != OK))
            return false;
        int n = poll(p, 4, ms);
        if (n <= 0)
            return true;
        if (p[0].revents && !drain(s, &s->parent_vault, false))
            return false;
        if (p[1].revents && !drain(s, &s->peer, true))
            return false;
        if (p[2].revents && !drain(s, &s->parent_ledger, false))
            return false;
        if (p[3].revents && !drain(s, &s->hall, true))
            return false;
        if (s->answered)
            ms = 0; /* only what is there already */
    }
}

void stage_start(struct stage *s, bool init, bool hostile_ledger)
{
    struct buf b = heap_buf(65536);
    s->up = s->refused = false;
    s->keep_heads = true;
    start_processes(s, hostile_ledger);
    struct msg_LEDGER_START m = {.path = span_str(s->db), .init = init};
    if (hostile_ledger) {
        store_out = heap_buf(64 << 20);
        s->own_parent = heap_buf(1 << 20);
        s->own_front = heap_buf(64 << 20);
        struct ledger_conf c = {.to_parent = &s->own_parent, .to_front = &s->own_front, .to_vault = &store_out};
        NEED(ledger_new(&c, &s->own_ledger) == OK);
        msg_put_LEDGER_START(&b, &m);
        NEED(msg_receive(ledger_end(s->own_ledger), ROOM_PARENT, buf_span(&b)) == OK);
    } else {
        msg_put_LEDGER_START(&s->parent_ledger.out, &m);
        NEED(link_flush(&s->parent_ledger) == OK);
        struct pollfd p = {.fd = s->parent_ledger.fd, .events = POLLIN};
        NEED(poll(&p, 1, 10000) == 1);
    }
    heap_buf_free(&b);
    tell_vault(s, init);
    for (int i = 0; i < 200 && !s->up && !s->refused; i++)
        if (!stage_run(s, 50))
            break;
}

void stage_stop(struct stage *s)
{
    pid_t *const pid[] = {&s->vault, &s->ledger};
    for (size_t i = 0; i < LEN(pid); i++)
        if (*pid[i] > 0) {
            kill(*pid[i], SIGKILL);
            waitpid(*pid[i], NULL, 0);
            *pid[i] = 0;
        }
    link_free(&s->parent_vault);
    link_free(&s->peer);
    link_free(&s->hall);
    if (s->own_ledger) {
        ledger_free(s->own_ledger);
        heap_buf_free(&s->own_parent);
        heap_buf_free(&s->own_front);
        heap_buf_free(&store_out);
        s->own_ledger = NULL;
    } else {
        link_free(&s->parent_ledger);
    }
}

bool stage_tell(struct stage *s, enum ttp_kind kind, uint8_t base, const char *names, struct span body)
{
    static uint64_t id = 1 << 20;
    struct p256 *mine;
    uint8_t jwk[512];
    struct buf k = BUF_ARRAY(jwk), plain = heap_buf(1 << 20), box = heap_buf(1 << 20), paid = heap_buf(1 << 20);
    NEED(p256_new(&mine) == OK);
    p256_put(&k, mine);
    till_ask_put(&plain,
                 &(struct till_ask){
                     .kind = (uint8_t)kind, .base = base, .epk = buf_span(&k), .peer = span_str(names), .body = body});
    NEED(s->till && till_wrap(s->till, SPAN_NONE, buf_span(&plain), &box) == OK);
    s->asked = ++id;
    s->answered = false;
    msg_put_TOLD(&s->hall.out, &(struct msg_TOLD){.id = id, .box = buf_span(&box)});
    for (int i = 0; i < 40 && !s->answered; i++)
        if (!stage_run(s, 50))
            break;
    bool good = s->answered && till_open(mine, buf_span(&box), s->body, &s->mem, &paid) == OK &&
                till_answer_get(stage_keep(s, buf_span(&paid)), &s->paid) == OK;
    p256_free(mine);
    heap_buf_free(&plain);
    heap_buf_free(&box);
    heap_buf_free(&paid);
    return good;
}

bool stage_ask(struct stage *s, enum ttp_kind kind, struct span body)
{
    static uint64_t id;
    s->asked = ++id;
    s->answered = false;
    if (s->own_ledger)
        msg_put_ASKED(&s->peer.out, &(struct msg_ASKED){.id = id, .kind = (uint8_t)kind, .body = body});
    else
        msg_put_ASK(&s->peer.out, &(struct msg_ASK){.id = id, .kind = (uint8_t)kind, .body = body});
    for (int i = 0; i < 40 && !s->answered; i++)
        if (!stage_run(s, 50))
            return s->answered;
    return s->answered;
}

bool stage_told(struct stage *s, unsigned command, const char *words)
{
    static uint64_t id = 1u << 30;
    s->asked = ++id;
    s->answered = false;
    msg_put_VAULT_DO(&s->parent_vault.out,
                     &(struct msg_VAULT_DO){.id = id, .command = (uint8_t)command, .words = span_str(words)});
    NEED(link_flush(&s->parent_vault) == OK);
    for (int i = 0; i < 40 && !s->answered; i++)
        if (!stage_run(s, 50))
            break;
    return s->answered && s->status == 200;
}

void stage_raw(struct stage *s, struct span octets)
{
    buf_put(&s->peer.out, octets);
    (void)!link_flush(&s->peer);
}

/* ---- the play
 * ---------------------------------------------------------------------------------------------------------------- */

void stage_init(struct stage *s, const char *binary)
{
    memset(s, 0, sizeof *s);
    signal(SIGPIPE, SIG_IGN);
    s->binary = binary;
    snprintf(s->folder, sizeof s->folder, "/tmp/hostile-XXXXXX");
    NEED(mkdtemp(s->folder));
    snprintf(s->db, sizeof s->db, "%s/ledger.db", s->folder);
    heap_arena(&s->mem, 1 << 16, 1U << 30);
    NEED(esd_random(s->kv, ESD_KV) == OK);
    s->anchors = heap_buf(1 << 16);
    s->ca_key = EVP_EC_gen("P-256");
    s->ca = stage_cert("ca", s->ca_key, NULL, s->ca_key, NULL, true);
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    PEM_write_bio_X509(b, s->ca);
    long n = BIO_get_mem_data(b, &p);
    buf_put(&s->anchors, span_of(p, (size_t)n));
    BIO_free(b);
    s->gateway = stage_party(s, "//demo.example/id-mn", "DNS:id-mn.demo.example", s->ca, s->ca_key);
    s->reader = stage_party(s, "//demo.example/Sreader", "URI:m2m://demo.example/Sreader", s->ca, s->ca_key);
    s->thief = stage_party(s, "//demo.example/Sthief", "URI:m2m://demo.example/Sthief", s->ca, s->ca_key);
}

void stage_honest(struct stage *s)
{
    const struct party *const all[] = {&s->gateway, &s->reader, &s->thief};
    NEED(bundle_open(s->bundle_text, SPAN(FQDN), NULL, (uint64_t)time(NULL), &s->mem, &s->bundle) == REASON_OK);
    for (size_t i = 0; i < LEN(all); i++)
        NEED(stage_ask(s, KIND_CLIENT, stage_client(s, all[i], all[i]->iss)) && s->status == 200);
    NEED(stage_ask(s, KIND_LETTER, stage_letter(s, s->bundle.sealing, s->bundle.sealing_kid, &s->kid)) &&
         s->status == 200);
    NEED(stage_ask(s, KIND_POLICY, stage_policy(s, &s->gateway, s->gateway.iss, 1, &s->reader)) && s->status == 200);
    /* The control of all controls: the reader gets it. */
    struct p256 *epk;
    NEED(p256_new(&epk) == OK);
    struct span q = stage_request(s, &s->reader, s->reader.iss, s->kid, epk);
    NEED(stage_ask(s, KIND_RELEASE, q) && stage_opens(s, q, s->body, epk));
    p256_free(epk);
}

void stage_end(struct stage *s)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[128];
    stage_stop(s);
    for (size_t i = 0; i < LEN(ends); i++) {
        snprintf(path, sizeof path, "%s%s", s->db, ends[i]);
        unlink(path);
    }
    rmdir(s->folder);
}
