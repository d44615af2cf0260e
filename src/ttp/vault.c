/* The vault's messages: starting, loading, and the way of requests through it. */
#include "esd/reason.h"
#include "host/heap.h"
#include "host/secret.h"
#include "ttp/vault_admin.h"
#include "ttp/vault_relay.h"
#include "ttp/vault_root.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/* Says why it cannot serve; the parent then stops it. */
static enum err no(struct vault *v, const char *why)
{
    msg_put_VAULT_NO(v->conf.to_parent, &(struct msg_VAULT_NO){.why = span_str(why)});
    v->state = AT_START;
    return v->conf.to_parent->e;
}

/* ---- starting -----------------------------------------------------------------------------------------------------
 */

static X509_STORE *read_anchors(struct span pem)
{
    X509_STORE *s = X509_STORE_new();
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *x;
    while (s && b && (x = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
        X509_STORE_add_cert(s, x);
        X509_free(x);
    }
    BIO_free(b);
    return s;
}

static enum err read_operator(struct vault *v, struct span text)
{
    struct arena a;
    if (text.n == 0)
        return OK;
    heap_arena(&a, 16384, VAULT_ASK_MEMORY);
    enum err e = p256_read_text(text, &a, &v->operator_key) == REASON_OK ? OK : p256_read_pem(text, &v->operator_key);
    arena_reset(&a);
    return e;
}

static void print(char *out, size_t cap, const char *before, struct span s, const char *after)
{
    snprintf(out, cap, "%s%.*s%s", before, SPAN_FMT(s), after);
}

static enum err on_VAULT_QUOTA(void *room, const union msg_any *m)
{
    struct vault *v = room;
    const struct msg_VAULT_QUOTA *q = &m->VAULT_QUOTA;
    v->quota.conf = (struct vault_quota_conf){q->client_minute, q->client_day, q->tenant_minute, q->tenant_day};
    return OK;
}

static enum err on_ENROL_START(void *room, const union msg_any *m)
{
    struct vault *v = room;
    return vault_ca_conf(v, &m->ENROL_START) == OK ? OK : no(v, "[enrol] names no domain, or a time that is none");
}

static enum err on_VAULT_WITNESSES(void *room, const union msg_any *m)
{
    struct vault *v = room;
    return vault_witness_conf(v, &m->VAULT_WITNESSES) == OK
               ? OK
               : no(v, "a vkey of a [witness NAME] or [witnessed NAME] is no verifier key, or there are too many");
}

static enum err on_VAULT_PEERS(void *room, const union msg_any *m)
{
    struct vault *v = room;
    return vault_peers_take(v, m->VAULT_PEERS.own, m->VAULT_PEERS.peers) == OK
               ? OK
               : no(v, "the partners of [peer] or the domains of vouches-for are too many or no domain names");
}

static enum err on_VAULT_START(void *room, const union msg_any *m)
{
    struct vault *v = room;
    const struct msg_VAULT_START *s = &m->VAULT_START;
    if (!esd_fqdn_ok(s->fqdn))
        return no(v, "the FQDN of [ttp] is no domain name");
    print(v->fqdn, sizeof v->fqdn, "", s->fqdn, "");
    print(v->origin, sizeof v->origin, "", s->fqdn, "/log");
    print(v->witness.name, sizeof v->witness.name, "", s->fqdn, "/witness");
    v->anchors = read_anchors(s->anchors);
    if (!v->anchors)
        return ERR_NOMEM;
    if (read_operator(v, s->operator_key) != OK)
        return no(v, "the operator's key is neither a P-256 JWK nor PEM");
    v->known = s->known;
    v->known_size = s->size;
    memcpy(v->known_root.b, s->root, LOG_HASH);
    memcpy(v->known_state, s->state, MSG_HASH);
    v->init = s->init;
    struct msg_LOAD l = {.init = s->init, .known = s->known};
    memcpy(l.state, s->state, MSG_HASH);
    msg_put_LOAD(v->conf.to_ledger, &l);
    v->state = AT_LOAD;
    return OK;
}

static enum err on_ROOT_ALSO(void *room, const union msg_any *m)
{
    (void)m;
    return vault_root_also(room);
}

static enum err on_REWRAP(void *room, const union msg_any *m)
{
    return vault_root_rewrap(room, m->REWRAP.id);
}

/* ---- loading --------------------------------------------------------------------------------------------------------
 */

/* Everything is there: lock the door, then serve. */
static enum err serve(struct vault *v)
{
    struct msg_VAULT_UP up = {.size = v->tree.size, .bundle = buf_span(&v->bundle)};
    const char *why = vault_peers_settle(v);
    if (why)
        return no(v, why);
    TRY(vault_sign_head(v));
    TRY(vault_till_start(v));
    memcpy(up.root, v->head.root.b, MSG_HASH);
    memcpy(up.state, v->state_hash, MSG_HASH);
    if (vault_ca_load(v) != OK)
        return no(
            v, "the enrolment CA of this state folder does not open, or is of another service provider than [enrol]");
    if (v->known && v->known_size != v->want_size)
        msg_put_DROP(v->conf.to_ledger, &(struct msg_DROP){.size = v->known_size});
    if (v->conf.confine)
        TRY(v->conf.confine(v->conf.ctx));
    msg_put_SERVE(v->conf.to_ledger, &(struct msg_SERVE){.size = v->tree.size});
    msg_put_NOTE(v->conf.to_ledger, &(struct msg_NOTE){.size = v->head.size, .note = buf_span(&v->note)});
    if (v->has_other)
        msg_put_ROOT_IS(v->conf.to_parent, &(struct msg_ROOT_IS){.other = v->other_fits});
    msg_put_VAULT_UP(v->conf.to_parent, &up);
    vault_quarantine_load(v);
    if (v->quarantine.on)
        vault_quarantine_tell(v);
    v->state = AT_REST;
    if (!v->known)
        vault_scrub_start(v);
    return vault_witness_serve(v);
}

static enum err replayed(struct vault *v)
{
    struct log_hash root;
    TRY(log_tree_root(&v->tree, &root));
    if (v->known && (v->tree.size != v->known_size || memcmp(&root, &v->known_root, LOG_HASH) != 0))
        return no(v, "the log is not the one that the last vault signed: it was rolled back or altered");
    return serve(v);
}

static enum err take_snapshot(struct vault *v, const struct msg_STORED *s)
{
    uint8_t mac[MSG_HASH], hash[MSG_HASH];
    TRY(vault_mac_snapshot(v, s->snapshot, mac));
    if (!span_eq_secret(span_of(mac, MSG_HASH), span_of(s->mac, MSG_HASH)))
        return ERR_AUTH;
    TRY(esd_sha256(s->snapshot, hash));
    if (v->known && memcmp(hash, v->known_state, MSG_HASH) != 0)
        return ERR_STALE;
    return vault_snapshot_read(v, s->snapshot);
}

/* The state of a vault that has never changed: what it hashes to. */
static enum err empty_state(struct vault *v)
{
    struct buf b = heap_buf(65536);
    enum err e = vault_snapshot_write(v, &b);
    heap_buf_free(&b);
    return e;
}

/* The leaves behind the snapshot. */
static enum err replay(struct vault *v)
{
    uint64_t to = v->known ? v->known_size : v->want_size;
    if (to < v->tree.size || to > v->want_size)
        return no(v, "the log is shorter than the one that was signed: it was rolled back");
    if (to - v->tree.size > TTP_REPLAY_MAX)
        return no(v, "the snapshot of policies is too far behind the log");
    v->replay_to = to;
    if (to == v->tree.size)
        return replayed(v);
    msg_put_REPLAY(v->conf.to_ledger, &(struct msg_REPLAY){.from = v->tree.size, .to = to});
    return OK;
}

static enum err on_STORED(void *room, const union msg_any *m)
{
    struct vault *v = room;
    const struct msg_STORED *s = &m->STORED;
    if (v->init) {
        if (s->keys.n > 0 || s->leaves > 0)
            return no(v, "this state folder has keys already: --init is for a new one");
        TRY(vault_life_init(v));
        return empty_state(v);
    }
    if (s->keys.n == 0)
        return no(v, "there are no keys in this state folder: run oneseal-ttp --init first");
    if (vault_root_pick(v, s) != OK)
        return no(v, TTP_WRONG_CUSTODY);
    TRY(esd_sha256(s->keys, v->scrub.keys_hash));
    TRY(empty_state(v));
    bool first = v->known && memcmp(v->state_hash, v->known_state, MSG_HASH) == 0; /* nothing was ever written */
    if (s->here && take_snapshot(v, s) != OK)
        return no(v, "the snapshot of policies does not authenticate or is not the newest: the state was rolled back");
    if (!s->here && v->known && !first)
        return no(v, "the newest snapshot of policies is gone: the state was rolled back");
    if (vault_life_loaded(v) != OK)
        return no(v, "the vault's own keys in the snapshot cannot be read");
    v->want_size = s->leaves;
    return vault_tomb_load(v) ? OK : replay(v);
}

/* A bundle whose keys are lost would be pinned for nothing: the parent hears of it when they are on disk. */
static enum err on_KEYS_KEPT(void *room, const union msg_any *m)
{
    struct vault *v = room;
    (void)m;
    return v->init ? serve(v) : ERR_STALE;
}

static enum err on_OLD_TOMBS(void *room, const union msg_any *m)
{
    struct vault *v = room;
    bool done = false;
    if (vault_tomb_loaded(v, m->OLD_TOMBS.n, m->OLD_TOMBS.body, &done) != OK)
        return no(v, "a part of the list of shredded keys is missing or was altered");
    return done ? replay(v) : OK;
}

static enum err on_OLD_LEAF(void *room, const union msg_any *m)
{
    struct vault *v = room;
    const struct msg_OLD_LEAF *o = &m->OLD_LEAF;
    uint8_t mac[MSG_HASH];
    struct log_hash entry, leaf;
    TRY(vault_mac_leaf(v, o->index, o->salt, o->record, mac));
    if (o->index != v->tree.size || o->index >= v->replay_to ||
        !span_eq_secret(span_of(mac, MSG_HASH), span_of(o->mac, MSG_HASH)))
        return no(v, "a record of the log does not authenticate");
    if (vault_record_changes(o->record))
        return no(v, "the log goes on behind an older snapshot of policies: the newer one was taken away");
    TRY(log_entry(o->salt, o->record, &entry));
    TRY(log_leaf(&entry, &leaf));
    TRY(log_tree_append(&v->tree, &leaf));
    return v->tree.size == v->replay_to ? replayed(v) : OK;
}

/* ---- requests
 * ---------------------------------------------------------------------------------------------------------- */

static struct vault_ask *ask_new(struct vault *v, const struct msg_ASKED *q)
{
    struct vault_ask *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    heap_arena(&a->mem, 8192, VAULT_ASK_MEMORY);
    a->id = q->id;
    a->kind = (enum ttp_kind)q->kind;
    a->base = q->base;
    a->space = q->space;
    a->peer = arena_dup(&a->mem, q->peer);
    a->body = arena_dup(&a->mem, q->body);
    a->asked_at = v->commits;
    return a;
}

static enum err read_ask(struct vault *v, struct vault_ask *a)
{
    static const bool letter[KIND__N + 1] = {
#define KIND(name, method, path, cert, counts) [KIND_##name] = (counts),
#include "ttp/kind.def"
#undef KIND
    };
    if (v->n_asks - v->holds.n > TTP_ASKS_MAX) {
        vault_refuse(v, a, 503, reason_code(REASON_TTP_UNREACHABLE), "too many requests are under way", "try again");
        return OK;
    }
    if (letter[a->kind] && a->space == SPACE_LOW) {
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED),
                     "the TTP's storage is nearly full; what is left is for releases and revocations",
                     "the TTP's operator must give its state folder space");
        return OK;
    }
    if (vault_quarantine_holds(v, a))
        return OK;
    TRY(esd_sha256(vault_till_request(a), a->req));
    return vault_kind_of(a->kind)->read(v, a);
}

static enum err take_ask(struct vault *v, struct vault_ask *a)
{
    if (!a)
        return ERR_NOMEM;
    *v->last = a;
    v->last = &a->next;
    v->n_asks++;
    enum err e = read_ask(v, a);
    if (!a->done && (e != OK || !arena_ok(&a->mem)))
        vault_refuse_reason(v, a, REASON_FAILED);
    if (!a->done && a->n_need == 0)
        a->gathered = true;
    return vault_launch(v);
}

enum err vault_take(struct vault *v, const struct msg_ASKED *q)
{
    return take_ask(v, ask_new(v, q));
}

static enum err on_ASKED(void *room, const union msg_any *m)
{
    struct vault *v = room;
    if (m->ASKED.kind >= KIND__N || (m->ASKED.id & VAULT_ADMIN_ID) || vault_till_only((enum ttp_kind)m->ASKED.kind))
        return ERR_SYNTAX;
    v->tills.space = m->ASKED.space;
    return vault_take(v, &m->ASKED);
}

static enum err on_VAULT_DO(void *room, const union msg_any *m)
{
    struct vault *v = room;
    const struct msg_VAULT_DO *d = &m->VAULT_DO;
    return vault_take(v, &(struct msg_ASKED){.id = d->id | VAULT_ADMIN_ID,
                                             .kind = KIND_ADMIN,
                                             .base = d->command,
                                             .peer = SPAN("operator"),
                                             .body = d->words});
}

static enum err on_TOLD(void *room, const union msg_any *m)
{
    struct vault *v = room;
    struct vault_ask *a;
    TRY(vault_till_told(v, &m->TOLD, &a));
    return a ? take_ask(v, a) : OK;
}

static struct vault_found *slot(struct vault *v, uint64_t id, uint64_t n, struct vault_ask **ask)
{
    struct vault_ask *a = v->first;
    while (a && a->id != id)
        a = a->next;
    if (!a || a->done || a->gathered || n >= a->n_need || a->need[n].came)
        return NULL;
    *ask = a;
    a->need[n].came = true;
    return &a->need[n];
}

static enum err gathered(struct vault *v, struct vault_ask *a)
{
    if (!arena_ok(&a->mem)) {
        vault_refuse_reason(v, a, REASON_FAILED);
        return OK;
    }
    a->gathered = ++a->n_came == a->n_need;
    return a->gathered ? vault_launch(v) : OK;
}

static enum err on_SWEPT(void *room, const union msg_any *m)
{
    return vault_work_swept(room, &m->SWEPT);
}

static enum err on_SWEPT_END(void *room, const union msg_any *m)
{
    return vault_work_swept_end(room, &m->SWEPT_END);
}

static enum err on_FOUND(void *room, const union msg_any *m)
{
    struct vault *v = room;
    const struct msg_FOUND *q = &m->FOUND;
    struct vault_ask *a;
    struct vault_found *f = slot(v, q->id, q->n, &a);
    if (!f)
        return ERR_SYNTAX;
    f->here = q->here != 0;
    f->row = q->row;
    f->row.kid = arena_dup(&a->mem, q->row.kid);
    f->row.iss = arena_dup(&a->mem, q->row.iss);
    f->row.adfq = arena_dup(&a->mem, q->row.adfq);
    f->row.policy = arena_dup(&a->mem, q->row.policy);
    f->row.lbl = arena_dup(&a->mem, q->row.lbl);
    f->row.tgis = arena_dup(&a->mem, q->row.tgis);
    f->sealed = arena_dup(&a->mem, q->sealed);
    f->stream_key = arena_dup(&a->mem, q->stream_key);
    f->tenant_key = arena_dup(&a->mem, q->tenant_key);
    return gathered(v, a);
}

static enum err on_STREAM(void *room, const union msg_any *m)
{
    struct vault *v = room;
    const struct msg_STREAM *q = &m->STREAM;
    struct vault_ask *a;
    struct vault_found *f = slot(v, q->id, q->n, &a);
    if (!f)
        return ERR_SYNTAX;
    f->stream_key = arena_dup(&a->mem, q->stream_key);
    f->tenant_key = arena_dup(&a->mem, q->tenant_key);
    f->ep = q->ep;
    return gathered(v, a);
}

static enum err on_POSTED(void *room, const union msg_any *m)
{
    return vault_relay_posted(room, &m->POSTED);
}

/* ---- the batch under way
 * ------------------------------------------------------------------------------------------------- */

static enum err on_PROOF(void *room, const union msg_any *m)
{
    struct vault *v = room;
    for (size_t i = 0; i < v->n_flying; i++) {
        struct vault_ask *a = v->flying[i];
        if (a->prove && a->prove_from == m->PROOF.from && m->PROOF.proof.n <= LOG_PROOF_MAX * LOG_HASH)
            a->proof = arena_dup(&a->mem, m->PROOF.proof);
    }
    return OK;
}

static enum err on_COMMITTED(void *room, const union msg_any *m)
{
    return vault_batch_committed(room, m->COMMITTED.size);
}

static enum err on_NOT_COMMITTED(void *room, const union msg_any *m)
{
    (void)m;
    return vault_batch_failed(room);
}

static enum err on_HEAD_KEPT(void *room, const union msg_any *m)
{
    return vault_batch_kept(room, m->HEAD_KEPT.size);
}

/* ---- scrub
 * --------------------------------------------------------------------------------------------------------------- */

static enum err on_SCRUB_LEAF(void *room, const union msg_any *m)
{
    return vault_scrub_leaf(room, &m->SCRUB_LEAF);
}

static enum err on_SCRUB_ROW(void *room, const union msg_any *m)
{
    return vault_scrub_row(room, &m->SCRUB_ROW);
}

static enum err on_SCRUB_PART(void *room, const union msg_any *m)
{
    return vault_scrub_part(room, m->SCRUB_PART.to);
}

static enum err on_SCRUB_THING(void *room, const union msg_any *m)
{
    return vault_scrub_thing(room, &m->SCRUB_THING);
}

static enum err on_SCRUB_FAULT(void *room, const union msg_any *m)
{
    return vault_scrub_fault(room, &m->SCRUB_FAULT);
}

static enum err on_SCRUB_DONE(void *room, const union msg_any *m)
{
    return vault_scrub_done(room, &m->SCRUB_DONE);
}

/* ---- witnesses and what comes back from outside
 * -------------------------------------------------------------------------- */

static enum err on_WITNESSED(void *room, const union msg_any *m)
{
    return vault_witness_told(room, &m->WITNESSED);
}

static enum err on_COSIGNED(void *room, const union msg_any *m)
{
    return vault_witness_cosigned(room, &m->COSIGNED);
}

/* The secrets go at once, what hangs on them with vault_free. */
static enum err on_VAULT_END(void *room, const union msg_any *m)
{
    struct vault *v = room;
    (void)m;
    wipe(v->secret, sizeof *v->secret);
    v->state = 0;
    return OK;
}

/* ---- the room
 * --------------------------------------------------------------------------------------------------------------- */

#define HEAR_VAULT(name) [SAY_##name] = on_##name,
#define HEAR_PARENT(name)
#define HEAR_FRONT(name)
#define HEAR_COURIER(name)
#define HEAR_LEDGER(name)
#define HEAR_HALL(name)
#define HEAR_TELLER(name)
static const struct msg_end ears = {.me = ROOM_VAULT,
                                    .on = {
#define MSG(name, from, to, armed, fields, what) HEAR_##to(name)
#include "ttp/msg.def"
#undef MSG
                                    }};

enum err vault_new(const struct vault_conf *conf, struct vault **out)
{
    *out = NULL;
    struct vault *v = calloc(1, sizeof *v);
    struct vault_secrets *s = secret_alloc(sizeof *s);
    if (!v || !s) {
        free(v);
        secret_free(s);
        return ERR_NOMEM;
    }
    v->conf = *conf;
    v->secret = s;
    v->state = AT_START;
    v->end = ears;
    v->end.state = &v->state;
    v->end.room = v;
    v->last = &v->first;
    v->bundle = heap_buf(TTP_BODY_MAX);
    v->note = heap_buf(LOG_NOTE_MAX);
    v->scratch = heap_buf(VAULT_ANSWER_MAX);
    vault_work_new(v);
    log_tree_init(&v->tree);
    vault_quota_init(&v->quota);
    memcpy(s->rk, conf->root, VAULT_KEY);
    v->conf.root = NULL;
    enum err e = vault_expand(s->rk, "oneseal-mac-v1", s->mk);
    if (e == OK)
        e = esd_random(s->boot, VAULT_KEY);
    if (e != OK) {
        vault_free(v);
        return e;
    }
    *out = v;
    return OK;
}

void vault_free(struct vault *v)
{
    if (!v)
        return;
    while (v->first) {
        struct vault_ask *a = v->first;
        v->first = a->next;
        vault_ask_free(a);
    }
    for (int t = 0; t < TABLE__N; t++)
        vault_map_free(&v->table[t]);
    vault_state_keep(v);
    for (size_t i = 0; i < VAULT_READ_KEYS; i++)
        p256_free(v->read_key[i].key);
    vault_quota_free(&v->quota);
    vault_ca_free(v);
    vault_peers_free(v);
    X509_STORE_free(v->anchors);
    vault_life_free(v);
    vault_tomb_free(v);
    vault_work_free(v);
    p256_free(v->identity);
    p256_free(v->sealing);
    p256_free(v->release);
    p256_free(v->operator_key);
    vault_till_free(v);
    heap_buf_free(&v->bundle);
    heap_buf_free(&v->note);
    buf_wipe(&v->scratch);
    heap_buf_free(&v->scratch);
    secret_free(v->secret);
    free(v);
}

bool vault_ended(const struct vault *v)
{
    return v->state == 0;
}

const struct msg_end *vault_end(const struct vault *v)
{
    return &v->end;
}

enum err vault_tick(struct vault *v)
{
    vault_work_tick(v);
    return vault_launch(v);
}
