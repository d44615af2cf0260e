#include "cse/seal_head.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_NEVER INT64_MAX

enum err seal_head_new(struct hook_seal *h, const struct conf *conf)
{
    struct seal_heads *s = (struct seal_heads *)calloc(1, sizeof *s);
    h->heads = s;
    if (!s)
        return ERR_NOMEM;
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        s->due[i] = HEAD_NEVER;
    s->segment_ms = conf_int(conf, "heads", "segment");
    s->idle_ms = conf_int(conf, "heads", "idle");
    s->rescan = true; /* what the last process left open */
    return OK;
}

void seal_head_free(struct hook_seal *h)
{
    for (size_t i = 0; h->heads && i < SEAL_STREAMS; i++)
        free(h->heads->slot[i].m.hashes);
    for (size_t i = 0; h->jobs && i < HEAD_JOBS; i++)
        arena_reset(&h->jobs->job[i].mem);
    free(h->jobs);
    free(h->heads);
    h->jobs = NULL;
    h->heads = NULL;
}

static size_t at(const struct hook_seal *h, const struct epoch *e)
{
    return (size_t)(e - h->secret->epoch);
}

static void set_due(struct seal_heads *s, size_t i, int64_t due)
{
    s->due[i] = due;
    if (due < s->next_due)
        s->next_due = due;
}

/* ---- an epoch begins ---------------------------------------------------------------------------------- */

/* Members of the open segment are behind what is the newest instance now. */
static enum err newest(const struct cse_hook_ask *ask, int64_t *rid)
{
    struct row row;
    *rid = 0;
    if (ask->what == HOOK_FCNT || !ask->container)
        return OK;
    enum err e = store_newest(ask->t, ask->container, ask->what == HOOK_TSI ? TY_TSI : TY_CIN, 0, ask->arena, &row);
    if (e == OK)
        *rid = row.rid;
    return e == ERR_NOTFOUND ? OK : e;
}

static bool below(const struct jval *body, const char *name, int64_t limit)
{
    int64_t v;
    const struct jval *j = json_get(body, span_str(name));
    return j && j->type == J_INT && json_i64(j, &v) == OK && v < limit;
}

bool seal_head_keeps(const struct jval *body)
{
    return below(body, "mni", HEAD_KEPT_MNI) || below(body, "mia", HEAD_KEPT_MIA_S) ||
           below(body, "mbs", HEAD_KEPT_MBS);
}

static enum err keeps(const struct cse_hook_ask *ask, bool *kept)
{
    struct row row;
    struct jval *body;
    *kept = ask->what == HOOK_FCNT;
    if (*kept || !ask->container)
        return OK;
    enum err e = store_get(ask->t, ask->container, ask->arena, &row);
    if (e == ERR_NOTFOUND)
        return OK;
    TRY(e);
    TRY(json_parse(row.body, ask->arena, &body, NULL));
    *kept = seal_head_keeps(body);
    return OK;
}

enum err seal_head_begins(struct hook_seal *h, const struct cse_hook_ask *ask, const struct epoch *e,
                          const struct seal_ttp *ttp, struct span address, const uint8_t kc[ESD_KC])
{
    struct seal_heads *s = h->heads;
    struct head_slot *k = &s->slot[at(h, e)];
    uint8_t kid[ESD_KID_OURS_MAX];
    struct buf b = BUF_ARRAY(kid);
    keys_kid_put(&b, kc, ttp->fqdn);
    TRY(b.e);
    struct head_record rec = {
        .ep = e->ep, .what = ask->what, .kid = buf_span(&b), .ttp = ttp->fqdn, .address = address};
    memcpy(rec.sid, e->sid, ESD_SID);
    memcpy(rec.kc, kc, ESD_KC);
    memcpy(rec.wk, ttp->wk, JOSE_THUMB);
    TRY(newest(ask, &rec.after));
    TRY(keeps(ask, &rec.kept));
    struct log_hash *room = rec.kept ? (struct log_hash *)malloc(HEAD_ROOM * sizeof *room) : NULL;
    if (rec.kept && !room)
        return ERR_NOMEM;
    enum err x = seal_book_add(ask->t, ask->arena, &rec);
    if (x == OK)
        x = head_maker_begin(&k->m, e->sid, kc, e->ep, rec.kid, NULL, ask->now);
    if (x != OK) {
        free(room);
        return x;
    }
    k->on = true;
    k->kept = rec.kept;
    k->pending = false;
    k->n = rec.n;
    k->m.hashes = room;
    k->m.segment_ms = s->segment_ms;
    k->m.idle_ms = s->idle_ms;
    return OK;
}

/* ---- messages ----------------------------------------------------------------------------------------- */

bool seal_head_room(const struct hook_seal *h, const struct epoch *e)
{
    const struct head_slot *k = &h->heads->slot[at(h, e)];
    return !k->on || head_maker_count(&k->m) + k->pending < HEAD_ROOM;
}

enum err seal_head_sealed(struct hook_seal *h, const struct cse_hook_ask *ask, const struct epoch *e,
                          struct span envelope)
{
    struct head_slot *k = &h->heads->slot[at(h, e)];
    if (!k->on)
        return OK; /* a key that does not commit has no heads */
    TRY(log_entry_envelope(envelope, &k->hash));
    if (k->kept)
        TRY(seal_book_hash_put(ask->t, k->n, e->i, &k->hash));
    k->pending = true;
    k->hash_ms = ask->now;
    return OK;
}

void seal_head_undone(struct hook_seal *h, const struct epoch *e)
{
    h->heads->slot[at(h, e)].pending = false;
}

static void take_in(struct hook_seal *h, struct epoch *e)
{
    struct seal_heads *s = h->heads;
    size_t i = at(h, e);
    struct head_slot *k = &s->slot[i];
    if (!k->on || !k->pending)
        return;
    k->pending = false;
    if (head_maker_add(&k->m, &k->hash, k->hash_ms) != OK)
        seal_epoch_drop(h, e); /* the next epoch begins; this one is closed from the store */
    else if (head_maker_due(&k->m) < s->due[i] || k->m.tree.size == 1)
        set_due(s, i, head_maker_due(&k->m));
    s->urgent |= k->on && head_maker_count(&k->m) >= HEAD_SEGMENT_MAX;
}

void seal_head_flush(struct hook_seal *h)
{
    for (size_t i = 0; h->heads && i < h->n_last; i++)
        take_in(h, h->last[i].e);
}

/* ---- ends --------------------------------------------------------------------------------------------- */

void seal_head_dropped(struct hook_seal *h, const struct epoch *e)
{
    struct seal_heads *s = h->heads;
    size_t i = s ? at(h, e) : 0;
    if (!s || !s->slot[i].on)
        return;
    if (s->n_orphans < HEAD_ORPHANS)
        s->orphan[s->n_orphans++] = s->slot[i].n;
    else
        s->rescan = true;
    free(s->slot[i].m.hashes);
    memset(&s->slot[i], 0, sizeof s->slot[i]);
    s->due[i] = HEAD_NEVER;
    s->next_due = 0;
}

/* After a failed commit the heads of this transaction are not there: what they covered is found in the store. */
void seal_head_committed(struct hook_seal *h, enum err e)
{
    struct seal_heads *s = h->heads;
    if (s && e == OK && s->urgent && s->wake)
        s->wake(h);
    if (s)
        s->urgent = false;
    if (!s || e == OK)
        return;
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (s->slot[i].on && s->slot[i].tx == h->tx)
            seal_epoch_drop(h, &h->secret->epoch[i]);
    s->rescan = true;
    s->next_due = 0;
}

void seal_head_saw_log(struct seal_ttp *t, uint64_t size, struct span note)
{
    pthread_mutex_lock(&t->lock);
    if (size >= t->log_size && note.n <= sizeof t->log_head) {
        memcpy(t->log_head, note.p, note.n);
        t->log_head_n = note.n;
        t->log_size = size;
    }
    pthread_mutex_unlock(&t->lock);
}
