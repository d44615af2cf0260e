/* The order that makes the log mean something (e2e.md 6 point 4): decide -> ledger fsyncs and acknowledges -> sign the
 * head -> the parent keeps it -> answers in leaf order. One batch at a time; what comes meanwhile is the next one. */
#include "host/heap.h"
#include "ttp/vault_relay.h"
#include "ttp/vault_root.h"

#include <string.h>

/* ---- touches -------------------------------------------------------------------------------------------------------
 */

static enum err touch_hash(enum vault_touched kind, struct span what, uint8_t out[16])
{
    uint8_t mark = (uint8_t)kind, h[ESD_HASH];
    TRY(esd_sha256_2(span_of(&mark, 1), what, h));
    memcpy(out, h, 16);
    return OK;
}

enum err vault_touch(struct vault *v, enum vault_touched kind, struct span what)
{
    struct vault_touch *t = &v->touch[v->n_touch++ % VAULT_TOUCHES];
    t->commit = v->commits + 1;
    return touch_hash(kind, what, t->what);
}

bool vault_touched(const struct vault *v, const struct vault_ask *a, enum vault_touched kind, struct span what)
{
    uint8_t h[16];
    if (touch_hash(kind, what, h) != OK)
        return true;
    for (uint64_t i = 0; i < v->n_touch; i++) {
        if (i == VAULT_TOUCHES)
            return true; /* older ones were overwritten */
        const struct vault_touch *t = &v->touch[(v->n_touch - 1 - i) % VAULT_TOUCHES];
        if (t->commit <= a->asked_at)
            return false;
        if (memcmp(t->what, h, sizeof h) == 0)
            return true;
    }
    return false;
}

/* ---- leaves
 * ---------------------------------------------------------------------------------------------------------- */

void vault_batch_open(struct vault *v)
{
    if (v->open)
        return;
    v->open = true;
    msg_put_BATCH(v->conf.to_ledger, &(struct msg_BATCH){.size = v->before.size});
}

static enum err add_leaf(struct vault *v, const uint8_t salt[LOG_SALT], struct span record)
{
    struct log_hash entry;
    struct msg_LEAF m = {.index = v->tree.size, .record = record};
    if (v->n_leaf == LEN(v->leaf))
        return ERR_FULL;
    TRY(log_entry(salt, record, &entry));
    TRY(log_leaf(&entry, &v->leaf[v->n_leaf]));
    TRY(log_tree_append(&v->tree, &v->leaf[v->n_leaf]));
    v->n_leaf++;
    memcpy(m.salt, salt, LOG_SALT);
    TRY(vault_mac_leaf(v, m.index, salt, record, m.mac));
    vault_batch_open(v);
    msg_put_LEAF(v->conf.to_ledger, &m);
    return OK;
}

enum err vault_leaf(struct vault *v, struct vault_ask *a, struct span record)
{
    if (v->n_flying == LEN(v->flying))
        return ERR_FULL;
    TRY(esd_random(a->salt, LOG_SALT));
    a->record = arena_dup(&a->mem, record);
    if (!arena_ok(&a->mem))
        return ERR_NOMEM;
    a->index = v->tree.size;
    TRY(add_leaf(v, a->salt, a->record));
    a->leaf = true;
    a->flying = true;
    v->flying[v->n_flying++] = a;
    if (a->prove)
        msg_put_PROVE(v->conf.to_ledger, &(struct msg_PROVE){.from = a->prove_from});
    return OK;
}

enum err vault_batch_leaf(struct vault *v, struct span record)
{
    uint8_t salt[LOG_SALT];
    TRY(esd_random(salt, sizeof salt));
    return add_leaf(v, salt, record);
}

/* ---- folded denials
 * ----------------------------------------------------------------------------------------------------- */

void vault_fold_add(struct vault *v, struct span iss, enum reason code)
{
    uint64_t minute = (uint64_t)(v->conf.now_ms(v->conf.ctx) / 60000);
    for (size_t i = 0; i < v->n_fold; i++) {
        struct vault_fold *f = &v->fold[i];
        if (f->minute == minute && f->code == code && span_eq(span_of(f->iss, f->iss_n), iss)) {
            f->n++;
            return;
        }
    }
    if (v->n_fold == VAULT_FOLD_MAX || iss.n > sizeof v->fold[0].iss)
        return; /* more clients in a minute than are counted: denials are not worth the disk */
    struct vault_fold *f = &v->fold[v->n_fold++];
    *f = (struct vault_fold){.minute = minute, .n = 1, .code = code, .iss_n = (uint16_t)iss.n};
    memcpy(f->iss, iss.p, iss.n);
}

static enum err fold_leaf(struct vault *v, const struct vault_fold *f)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", f->minute * 60);
    JW_STR(&w, "op", SPAN("denied"));
    JW_STR(&w, "iss", span_of(f->iss, f->iss_n));
    JW_STR(&w, "code", span_str(reason_code(f->code)));
    JW_U64(&w, "n", f->n);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_batch_leaf(v, buf_span(&b));
}

static enum err fold_flush(struct vault *v)
{
    uint64_t minute = (uint64_t)(v->conf.now_ms(v->conf.ctx) / 60000);
    size_t kept = 0;
    for (size_t i = 0; i < v->n_fold; i++) {
        if (v->fold[i].minute == minute)
            v->fold[kept++] = v->fold[i];
        else
            TRY(fold_leaf(v, &v->fold[i]));
    }
    v->n_fold = kept;
    return OK;
}

/* ---- the batch
 * ------------------------------------------------------------------------------------------------------------ */

static void sweep(struct vault *v)
{
    struct vault_ask **at = &v->first;
    while (*at) {
        struct vault_ask *a = *at;
        if (!a->done) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        v->n_asks--;
        vault_ask_free(a);
    }
    v->last = at;
}

static enum err close_batch(struct vault *v)
{
    if (v->changed || v->tree.size - v->snapshot_size >= TTP_SNAPSHOT_EVERY) {
        struct buf b = heap_buf(TTP_SNAPSHOT_MAX + 65536);
        struct msg_STATE s = {0};
        uint8_t was[MSG_HASH];
        memcpy(was, v->state_hash, MSG_HASH);
        enum err e = vault_snapshot_write(v, &b);
        if (e == OK)
            e = vault_mac_snapshot(v, buf_span(&b), s.mac);
        memcpy(s.state, v->state_hash, MSG_HASH);
        s.snapshot = buf_span(&b);
        if (e == OK)
            msg_put_STATE(v->conf.to_ledger, &s);
        memcpy(v->state_before, was, MSG_HASH);
        v->snapshot_sent = true;
        heap_buf_free(&b);
        TRY(e);
    }
    msg_put_COMMIT(v->conf.to_ledger, &(struct msg_COMMIT){.size = v->tree.size});
    v->state = AT_LEDGER;
    return OK;
}

static enum err decide(struct vault *v, struct vault_ask *a)
{
    if (vault_quarantine_holds(v, a))
        return OK;
    enum err e = vault_kind_of(a->kind)->decide(v, a);
    /* A request whose decision fails half-way may have written: then the batch cannot be trusted. */
    if (e != OK && !v->open) {
        vault_refuse_reason(v, a, REASON_FAILED);
        return OK;
    }
    return e;
}

enum err vault_launch(struct vault *v)
{
    if (v->state != AT_REST)
        return OK;
    vault_holds_turn(v);
    vault_relay_due(v);
    v->before = v->tree;
    v->changes_before = v->changes;
    v->n_touch_before = v->n_touch;
    v->n_leaf = v->n_flying = 0;
    v->open = v->snapshot_sent = false;
    TRY(vault_life_launch(v));
    TRY(vault_tomb_launch(v));
    TRY(vault_work_launch(v));
    bool alone = vault_root_switching(v);
    for (struct vault_ask *a = alone ? NULL : v->first; a && v->n_flying < VAULT_BATCH_MAX; a = a->next)
        if (a->gathered && !a->done)
            TRY(decide(v, a));
    TRY(fold_flush(v));
    TRY(vault_peers_flush(v));
    sweep(v);
    if (v->open)
        TRY(close_batch(v));
    return vault_work_go(v);
}

enum err vault_batch_committed(struct vault *v, uint64_t size)
{
    struct msg_HEAD h = {.size = size};
    if (size != v->tree.size)
        return ERR_STALE;
    v->commits++;
    vault_health_batch(&v->health, true);
    vault_state_keep(v);
    vault_root_committed(v);
    if (v->snapshot_sent)
        v->snapshot_size = v->tree.size;
    TRY(vault_sign_head(v));
    memcpy(h.root, v->head.root.b, MSG_HASH);
    memcpy(h.state, v->state_hash, MSG_HASH);
    msg_put_HEAD(v->conf.to_parent, &h);
    v->state = AT_PARENT;
    return OK;
}

enum err vault_batch_failed(struct vault *v)
{
    vault_health_batch(&v->health, false);
    v->tree = v->before;
    v->changes = v->changes_before;
    v->n_touch = v->n_touch_before;
    if (v->snapshot_sent)
        memcpy(v->state_hash, v->state_before, MSG_HASH);
    TRY(vault_state_undo(v));
    vault_life_failed(v);
    vault_tomb_failed(v);
    vault_work_failed(v);
    TRY(vault_root_failed(v));
    vault_peers_undone(v);
    for (size_t i = 0; i < v->n_flying; i++)
        vault_refuse(v, v->flying[i], 503, reason_code(REASON_TTP_SEALED),
                     "the log cannot be written, and no key leaves without a record",
                     "the TTP's operator must give its state folder space; then try again");
    sweep(v);
    v->state = AT_REST;
    return vault_launch(v);
}

enum err vault_batch_kept(struct vault *v, uint64_t size)
{
    if (size != v->head.size)
        return ERR_STALE;
    msg_put_NOTE(v->conf.to_ledger, &(struct msg_NOTE){.size = size, .note = buf_span(&v->note)});
    vault_life_kept(v);
    vault_witness_kept(v);
    vault_tomb_kept(v);
    vault_root_kept(v);
    for (size_t i = 0; i < v->n_flying; i++) {
        struct vault_ask *a = v->flying[i];
        if (!vault_quarantine_holds(v, a) && vault_kind_of(a->kind)->answer(v, a) != OK)
            vault_refuse_reason(v, a, REASON_FAILED);
        a->done = !a->away;
    }
    sweep(v);
    v->state = AT_REST;
    return vault_launch(v);
}

enum err vault_batch_path(struct vault *v, const struct vault_ask *a, struct log_hash path[LOG_LEVELS], size_t *n)
{
    struct log_recent recent = {&v->before, v->leaf, v->n_leaf};
    return log_inclusion((struct log_nodes){log_recent_get, &recent}, a->index, v->tree.size, path, n);
}
