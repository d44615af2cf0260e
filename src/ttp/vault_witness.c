/* The witnesses of our own log. */
#include "host/log.h"
#include "ttp/vault_own.h"

#include <string.h>

static bool text(char *to, size_t cap, struct span s)
{
    if (s.n == 0 || s.n >= cap)
        return false;
    memcpy(to, s.p, s.n);
    to[s.n] = '\0';
    return true;
}

static enum err add_witness(struct vault_witnesses *w, struct span name, struct span vkey)
{
    struct vault_witness *o = &w->one[w->n];
    struct span key;
    if (w->n == VAULT_WITNESSES_MAX || !text(o->name, sizeof o->name, name))
        return ERR_LIMIT;
    TRY(log_witness_vkey_get(vkey, &key, o->pub));
    w->n++;
    return text(o->key, sizeof o->key, key) ? OK : ERR_LIMIT;
}

static enum err add_log(struct vault_witnesses *w, struct span vkey)
{
    struct vault_log *o = &w->log[w->n_logs];
    struct span origin;
    if (w->n_logs == VAULT_WITNESSED_MAX)
        return ERR_LIMIT;
    TRY(log_vkey_get(vkey, &origin, o->pub));
    w->n_logs++;
    return text(o->origin, sizeof o->origin, origin) ? OK : ERR_LIMIT;
}

enum err vault_witness_conf(struct vault *v, const struct msg_VAULT_WITNESSES *m)
{
    struct span list = m->witnesses, name, vkey;
    v->witness.needed = m->needed;
    while (list.n > 0) {
        TRY(msg_item_get(&list, &name));
        TRY(msg_item_get(&list, &vkey));
        TRY(add_witness(&v->witness, name, vkey));
    }
    list = m->logs;
    while (list.n > 0) {
        TRY(msg_item_get(&list, &vkey));
        TRY(add_log(&v->witness, vkey));
    }
    return OK;
}

enum err vault_witness_serve(struct vault *v)
{
    uint8_t list[VAULT_WITNESSES_MAX * (VAULT_WITNESS_NAME + 4)];
    struct buf names = BUF_ARRAY(list);
    TRY(log_public(v->life.ring->witness, v->witness.pub));
    v->witness.started = true;
    v->witness.cold = !v->known;
    v->witness.start = v->head;
    v->witness.due = v->head.size;
    for (size_t i = 0; i < v->witness.n; i++)
        msg_item_put(&names, span_str(v->witness.one[i].name));
    TRY(names.e);
    if (v->witness.n > 0)
        msg_put_WITNESSES(v->conf.to_ledger,
                          &(struct msg_WITNESSES){.origin = span_str(v->origin), .names = buf_span(&names)});
    return OK;
}

/* ---- keeping up ----------------------------------------------------------------------------------------------------
 */

static bool covered(const struct vault *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->witness.n; i++)
        n += v->witness.one[i].size >= v->witness.due;
    return n >= v->witness.needed;
}

/* Two TTPs that witness each other would write for ever if each cosignature were worth another one. */
static bool worth(const struct vault *v)
{
    for (size_t i = 0; i < v->n_flying; i++)
        if (v->flying[i]->kind != KIND_COSIGN)
            return true;
    return v->n_leaf > v->n_flying;
}

void vault_witness_kept(struct vault *v)
{
    struct vault_witnesses *w = &v->witness;
    if (w->n == 0 || !worth(v))
        return;
    w->due = v->head.size;
    if (w->behind_since_ms == 0 && !covered(v))
        w->behind_since_ms = v->conf.now_ms(v->conf.ctx);
    msg_put_HEAD_DUE(v->conf.to_ledger, &(struct msg_HEAD_DUE){.size = w->due});
}

const char *vault_witness_bars(struct vault *v)
{
    const struct vault_witnesses *w = &v->witness;
    size_t n = 0;
    if (w->needed == 0)
        return NULL;
    for (size_t i = 0; i < w->n; i++)
        n += w->one[i].counted;
    if (w->cold && n < w->needed)
        return "the witnesses have not yet said that this log is the newest";
    if (w->behind_since_ms && v->conf.now_ms(v->conf.ctx) - w->behind_since_ms > VAULT_WITNESS_LAG_S * INT64_C(1000))
        return "the witnesses do not keep up with the log";
    return NULL;
}

/* ---- what they say -------------------------------------------------------------------------------------------------
 */

static struct vault_witness *find(struct vault *v, struct span name)
{
    for (size_t i = 0; i < v->witness.n; i++)
        if (span_eq(span_str(v->witness.one[i].name), name))
            return &v->witness.one[i];
    return NULL;
}

static enum err rolled_back(struct vault *v, const struct vault_witness *w, uint64_t size)
{
    LOG(LOG_L_ERROR, "rolled-back", log_str("witness", w->name), log_int("its-size", (int64_t)size),
        log_int("our-size", (int64_t)v->witness.start.size),
        log_str("what", "a witness cosigned a head that this log does not continue"));
    return vault_quarantine(v, "a witness holds a later state of this TTP's log: an older copy of the state came back");
}

/* Heads of before a rotation of the log's key are signed by the one of then. */
enum err vault_head_read(struct vault *v, struct span note, struct log_head *h)
{
    const struct ring *r = v->life.ring;
    for (size_t i = 0; i < r->n[BUNDLE_LOG]; i++)
        if (log_checkpoint_verify(note, span_str(v->origin), r->key[BUNDLE_LOG][i].pub, h) == OK)
            return OK;
    return ERR_AUTH;
}

/* The head in the note, when log and witness both signed it. */
static enum err signed_by_both(struct vault *v, const struct vault_witness *w, struct span note, struct log_head *h,
                               struct span *line)
{
    uint64_t time;
    TRY(vault_head_read(v, note, h));
    return log_witness_line(note, span_str(w->key), w->pub, &time, line);
}

static bool continues(const struct vault *v, const struct log_head *h, struct span proof)
{
    struct log_hash p[LOG_PROOF_MAX];
    size_t n = proof.n / LOG_HASH;
    if (h->size == 0)
        return true;
    if (proof.n % LOG_HASH != 0 || n > LOG_PROOF_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        memcpy(p[i].b, proof.p + i * LOG_HASH, LOG_HASH);
    return log_consistency_verify(h->size, v->witness.start.size, &h->root, &v->witness.start.root, p, n) == OK;
}

enum err vault_witness_told(struct vault *v, const struct msg_WITNESSED *m)
{
    struct vault_witness *w = find(v, m->name);
    struct log_head h = {0};
    struct span line;
    if (!w || w->told)
        return ERR_SYNTAX;
    w->told = true;
    if (m->note.n > 0 && signed_by_both(v, w, m->note, &h, &line) != OK) {
        LOG(LOG_L_WARN, "witness-unsigned", log_str("witness", w->name),
            log_str("what", "what it says of this log is not signed by both; it counts for nothing"));
        h = (struct log_head){0};
    } else if (!continues(v, &h, m->proof)) {
        TRY(rolled_back(v, w, h.size));
    } else {
        w->counted = true;
        w->size = h.size;
    }
    msg_put_SETTLED(v->conf.to_ledger, &(struct msg_SETTLED){.name = m->name, .size = h.size});
    if (v->witness.due > w->size)
        msg_put_HEAD_DUE(v->conf.to_ledger, &(struct msg_HEAD_DUE){.size = v->witness.due});
    return OK;
}

enum err vault_witness_cosigned(struct vault *v, const struct msg_COSIGNED *m)
{
    struct vault_witness *w = find(v, m->name);
    struct log_head h;
    struct span line;
    if (!w)
        return ERR_SYNTAX;
    if (signed_by_both(v, w, m->note, &h, &line) != OK || h.size > v->head.size) {
        LOG(LOG_L_WARN, "cosignature-bad", log_str("witness", w->name));
        return OK;
    }
    bool more = h.size > w->size;
    w->size = more ? h.size : w->size;
    if (covered(v))
        v->witness.behind_since_ms = 0;
    else if (more && v->witness.behind_since_ms)
        v->witness.behind_since_ms = v->conf.now_ms(v->conf.ctx);
    msg_put_COSIGN_GOOD(v->conf.to_ledger, &(struct msg_COSIGN_GOOD){.name = m->name, .size = h.size, .line = line});
    return OK;
}
