/* Heads are made here: on loop 0 it is seen what is due, on the writer it is signed, stored and told, each stream in a
 * savepoint of its own (seal_head.h). */
#include <stdlib.h>
#include <string.h>

#include "cse/heads.h"
#include "cse/hold.h"
#include "cse/seal_head.h"
#include "host/heap.h"
#include "host/log.h"

enum { JOB_BLOCK = 16384, JOB_MEM = 64 << 20, LOOK_MAX = 64, MEMBERS_PAGE = 256 };

/* ---- what a place holds ------------------------------------------------------------------------------ */

/* The envelope of an instance. False: it has none. */
static bool envelope_of(struct run *r, const struct row *row, struct span *con, struct esd_label *l)
{
    struct attrs at;
    return name_attrs(row, r->a, &at) == OK && json_str(attrs_get(&at, AT_con), r->a, con) == OK &&
           label_read(*con, r->a, l) == REASON_OK && l->e2e.here;
}

/* The lowest index that an instance says is retained; an older epoch before it means: all. */
static bool says_oldest(struct run *r, const struct row *row, const struct head_record *rec, uint32_t next,
                        uint32_t *oldest)
{
    struct span con;
    struct esd_label l;
    if (!envelope_of(r, row, &con, &l) || memcmp(l.e2e.sid, rec->sid, ESD_SID) != 0)
        return false;
    *oldest = kid_eq(l.kid, rec->kid) ? l.e2e.i : l.e2e.ep > rec->ep ? next : 0;
    return true;
}

static enum err oldest_of(struct run *r, const struct row *place, const struct head_record *rec, uint32_t next,
                          uint32_t *oldest)
{
    const struct hold *h = hold_of(place->ty);
    struct row first;
    struct rows rows;
    *oldest = next;
    if (place->ty == TY_FCNT || !h) {
        *oldest = next ? next - 1 : 0; /* the attribute as it is now */
        return OK;
    }
    enum err e = hold_end(r, place, false, &first);
    if (e == ERR_NOTFOUND)
        return OK; /* nothing is there */
    TRY(e);
    if (says_oldest(r, &first, rec, next, oldest))
        return OK;
    TRY(store_list(r->t, place->rid, h->kid, first.rid, LOOK_MAX, false, r->a, &rows));
    *oldest = 0;
    for (size_t k = 0; k < rows.n; k++)
        if (says_oldest(r, &rows.v[k], rec, next, oldest))
            break;
    return OK;
}

/* The open segment of a record that nobody owns: `hash[n]` from rec->first on; zero octets where a member is gone. */
struct members {
    struct log_hash *hash;
    uint32_t n;
    bool holes;
};

static enum err members_kept(struct run *r, const struct head_record *rec, struct members *m)
{
    enum err e = OK;
    while (m->n < HEAD_ROOM && e == OK) {
        e = seal_book_hash_get(r->t, r->a, rec->n, rec->first + m->n, &m->hash[m->n]);
        m->n += e == OK;
    }
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err take_member(struct run *r, const struct row *row, const struct head_record *rec, struct members *m)
{
    struct span con;
    struct esd_label l;
    if (!envelope_of(r, row, &con, &l) || !kid_eq(l.kid, rec->kid) || l.e2e.i < rec->first ||
        l.e2e.i - rec->first >= HEAD_ROOM)
        return OK;
    uint32_t k = l.e2e.i - rec->first;
    if (k >= m->n)
        m->n = k + 1;
    return log_entry_envelope(con, &m->hash[k]);
}

static enum err members_stored(struct run *r, const struct row *place, const struct head_record *rec, struct members *m)
{
    const struct hold *h = hold_of(place->ty);
    static const struct log_hash none;
    struct rows rows = {.more = h != NULL};
    for (int64_t after = rec->after; rows.more && m->n < HEAD_ROOM;) {
        TRY(store_list(r->t, place->rid, h->kid, after, MEMBERS_PAGE, false, r->a, &rows));
        for (size_t k = 0; k < rows.n; k++)
            TRY(take_member(r, &rows.v[k], rec, m));
        if (rows.n)
            after = rows.v[rows.n - 1].rid;
    }
    for (uint32_t k = 0; k < m->n; k++)
        m->holes |= memcmp(&m->hash[k], &none, sizeof none) == 0;
    return OK;
}

static enum err members_of(struct run *r, const struct row *place, const struct head_record *rec, struct members *m)
{
    *m = (struct members){.hash = ARENA_ARRAY(r->a, struct log_hash, HEAD_ROOM)};
    if (!m->hash)
        return ERR_NOMEM;
    return rec->kept ? members_kept(r, rec, m) : members_stored(r, place, rec, m);
}

/* ---- one head ----------------------------------------------------------------------------------------- */

static struct seal_ttp *ttp_of(struct hook_seal *h, const struct head_record *rec)
{
    for (size_t i = 0; i < h->n_ttps; i++)
        if (span_eq(h->ttps[i].fqdn, rec->ttp) && memcmp(h->ttps[i].wk, rec->wk, JOSE_THUMB) == 0)
            return &h->ttps[i];
    return NULL;
}

struct making {
    struct hook_seal *h;
    struct run *r;
    struct seal_ttp *ttp;
    struct head_record *rec;
    struct row place, box;
    bool closed;
};

/* Of an attribute the resource that has it. ERR_NOTFOUND. */
static enum err find_place(struct making *k)
{
    struct span address = span_first(k->rec->address, span_find(k->rec->address, '#'));
    enum err e = find_text(k->r, address, &k->place);
    return e == ERR_SYNTAX || e == ERR_UNREACHABLE ? ERR_NOTFOUND : e;
}

static struct span log_head_of(struct making *k)
{
    pthread_mutex_lock(&k->ttp->lock);
    struct span s = arena_dup(k->r->a, span_of(k->ttp->log_head, k->ttp->log_head_n));
    pthread_mutex_unlock(&k->ttp->lock);
    return s;
}

/* The first head of an epoch names the end of the one before, when that was closed. */
static enum err name_the_past(struct making *k, struct head_maker *m)
{
    if (m->first > 0 || m->has_prev || m->ep == 0)
        return OK;
    enum err e = seal_book_tail_get(k->r->t, k->r->a, m->sid, m->ep - 1, m->prev);
    m->has_prev = e == OK;
    return e == ERR_NOTFOUND ? OK : e;
}

/* Every head that is due, the closing one last. */
static enum err make_all(struct making *k, struct head_maker *m)
{
    struct head_make how = {.key = k->ttp->data,
                            .signer = k->h->kid,
                            .ttp = log_head_of(k),
                            .t = k->r->now,
                            .now = k->r->now,
                            .closed = k->closed};
    uint8_t *jws_p = (uint8_t *)arena_alloc(k->r->a, HEAD_JWS_MAX),
            *con_p = (uint8_t *)arena_alloc(k->r->a, HEAD_CON_MAX);
    if (!jws_p || !con_p)
        return ERR_NOMEM;
    TRY(name_the_past(k, m));
    TRY(oldest_of(k->r, &k->place, k->rec, m->first + head_maker_count(m), &how.oldest));
    do {
        struct buf jws = buf_over(jws_p, HEAD_JWS_MAX), con = buf_over(con_p, HEAD_CON_MAX);
        struct span cnf;
        uint32_t was = m->first;
        TRY(head_maker_make(m, &how, &jws, &con, &cnf));
        TRY(heads_put(k->r, &k->box, cnf, buf_span(&con)));
        for (uint32_t i = was; k->rec->kept && i < m->first; i++)
            TRY(seal_book_hash_drop(k->r->t, k->rec->n, i));
    } while (head_maker_count(m));
    return OK;
}

static enum err close_record(struct making *k, const struct head_maker *m)
{
    k->rec->first = m->first;
    TRY(seal_book_tail_put(k->r->t, m->sid, m->ep, m->prev));
    return seal_book_drop(k->r->t, k->r->a, k->rec);
}

/* ---- a stream that is open ---------------------------------------------------------------------------- */

static enum err newest_rid(struct making *k, int64_t *rid)
{
    struct row row;
    const struct hold *h = hold_of(k->place.ty);
    if (k->place.ty == TY_FCNT || !h)
        return OK;
    enum err e = store_newest(k->r->t, k->place.rid, h->kid, 0, k->r->a, &row);
    if (e == OK)
        *rid = row.rid;
    return e == ERR_NOTFOUND ? OK : e;
}

/* Retention may have been changed: the next segment keeps hashes, or no longer does. */
static enum err store_record(struct making *k, struct head_slot *s)
{
    const struct jval *body;
    TRY(name_parse(k->place.body, k->r->a, &body));
    bool kept = k->place.ty == TY_FCNT || seal_head_keeps(body);
    struct log_hash *room = kept && !s->kept ? (struct log_hash *)malloc(HEAD_ROOM * sizeof *room) : NULL;
    if (kept && !s->kept && !room)
        return ERR_NOMEM;
    k->rec->kept = kept;
    enum err e = seal_book_put(k->r->t, k->r->a, k->rec);
    if (e != OK || kept == s->kept) {
        free(room);
        return e;
    }
    free(s->m.hashes);
    s->m.hashes = room;
    s->kept = kept;
    return OK;
}

static enum err publish(struct making *k, struct head_slot *s)
{
    TRY(heads_box(k->r, &k->place, &k->box));
    TRY(make_all(k, &s->m));
    if (k->closed)
        return close_record(k, &s->m);
    k->rec->first = s->m.first;
    k->rec->has_prev = s->m.has_prev;
    memcpy(k->rec->prev, s->m.prev, ESD_HASH);
    TRY(newest_rid(k, &k->rec->after));
    return store_record(k, s);
}

static void forget_slot(struct hook_seal *h, size_t i)
{
    seal_epoch_drop(h, &h->secret->epoch[i]);
}

/* What failed: the slot as it was, and later once more. Hashes move while heads are made: then the epoch ends, and its
 * record is closed from the store. */
static enum err failed(struct hook_seal *h, size_t i, const struct head_slot *was, int64_t now, enum err e)
{
    struct head_slot *s = &h->heads->slot[i];
    LOG(LOG_L_ERROR, "head-failed", log_int("epoch", (int64_t)s->m.ep), log_str("reason", err_text(e)));
    if (s->m.first != was->m.first && s->m.hashes) {
        forget_slot(h, i);
        return e;
    }
    *s = *was;
    h->heads->due[i] = now + HEAD_AGAIN_MS;
    return e;
}

static enum err open_stream(struct hook_seal *h, struct run *r, size_t i)
{
    struct head_slot *s = &h->heads->slot[i], was = *s;
    struct epoch *e = &h->secret->epoch[i];
    struct head_record rec;
    struct making k = {.h = h, .r = r, .rec = &rec};
    k.closed = seal_epoch_over(h, e, r->t, r->a, r->now);
    enum err x = seal_book_get(r->t, r->a, s->n, &rec);
    if (x == OK)
        x = find_place(&k);
    k.ttp = x == OK ? ttp_of(h, &rec) : NULL;
    if (x == ERR_NOTFOUND || (x == OK && !k.ttp)) { /* the place is gone, with everything that was sealed there */
        forget_slot(h, i);
        return OK;
    }
    if (x == OK)
        x = publish(&k, s);
    if (x != OK)
        return failed(h, i, &was, r->now, x);
    s->tx = h->tx;
    h->heads->due[i] = head_maker_due(&s->m);
    if (k.closed) {
        free(s->m.hashes);
        memset(s, 0, sizeof *s); /* its record is gone: nothing is left to be closed */
        h->heads->due[i] = INT64_MAX;
        forget_slot(h, i);
    }
    return OK;
}

/* ---- a record that nobody owns -------------------------------------------------------------------------- */

static enum err close_it(struct making *k)
{
    struct members in;
    struct head_maker *m = ARENA_NEW(k->r->a, struct head_maker);
    if (!m)
        return ERR_NOMEM;
    TRY(members_of(k->r, &k->place, k->rec, &in));
    TRY(head_maker_begin(m, k->rec->sid, k->rec->kc, k->rec->ep, k->rec->kid, k->rec->has_prev ? k->rec->prev : NULL,
                         k->r->now));
    m->first = k->rec->first;
    if (k->rec->kept || in.holes)
        m->hashes = ARENA_ARRAY(k->r->a, struct log_hash, HEAD_ROOM);
    for (uint32_t i = 0; i < in.n; i++)
        TRY(head_maker_add(m, &in.hash[i], k->r->now));
    if (m->first == 0 && in.n == 0) /* no message is left that a head could speak of */
        return seal_book_drop(k->r->t, k->r->a, k->rec);
    TRY(heads_box(k->r, &k->place, &k->box));
    TRY(make_all(k, m));
    return close_record(k, m);
}

static enum err close_orphan(struct hook_seal *h, struct run *r, uint64_t n)
{
    struct head_record rec;
    struct making k = {.h = h, .r = r, .rec = &rec, .closed = true};
    enum err e = seal_book_get(r->t, r->a, n, &rec);
    if (e == ERR_NOTFOUND)
        return OK;
    TRY(e);
    k.ttp = ttp_of(h, &rec);
    e = find_place(&k);
    if (e == OK && k.ttp)
        return close_it(&k);
    if (e == OK)
        LOG(LOG_L_WARN, "epoch-stays-open", log_span("container", rec.address), log_int("epoch", (int64_t)rec.ep),
            log_str("reason", "its signing key is not configured any more"));
    return e == OK || e == ERR_NOTFOUND ? seal_book_drop(r->t, r->a, &rec) : e;
}

/* ---- what is next --------------------------------------------------------------------------------------- */

static bool owned(const struct seal_heads *s, uint64_t n)
{
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (s->slot[i].on && s->slot[i].n == n)
            return true;
    return false;
}

static bool listed(const struct seal_heads *s, uint64_t n)
{
    for (size_t i = 0; i < s->n_orphans; i++)
        if (s->orphan[i] == n)
            return true;
    return false;
}

static enum err scan(struct seal_heads *s, struct run *r)
{
    uint64_t first, next;
    struct head_record rec;
    TRY(seal_book_span(r->t, r->a, &first, &next));
    s->rescan = false;
    for (uint64_t n = first; n < next; n++) {
        enum err e = seal_book_get(r->t, r->a, n, &rec);
        if (e == ERR_NOTFOUND || owned(s, n) || listed(s, n))
            continue;
        TRY(e);
        s->rescan = s->n_orphans == HEAD_ORPHANS;
        if (s->rescan)
            break;
        s->orphan[s->n_orphans++] = n;
    }
    return OK;
}

/* A revocation, or a new epoch on command: every open one is over, the quiet ones too. */
static void heed_generation(struct hook_seal *h, int64_t now)
{
    struct seal_heads *s = h->heads;
    if (s->generation == h->generation && s->told == h->told)
        return;
    s->generation = h->generation;
    s->told = h->told;
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (s->slot[i].on && seal_epoch_told(h, &h->secret->epoch[i]))
            s->due[i] = now;
}

static enum err next_orphan(struct hook_seal *h, struct run *r)
{
    struct seal_heads *s = h->heads;
    uint64_t n = s->orphan[0];
    memmove(s->orphan, s->orphan + 1, --s->n_orphans * sizeof *s->orphan);
    if (owned(s, n)) /* its first owner was rolled back, and the number given out again */
        return OK;
    enum err e = close_orphan(h, r, n);
    if (e == OK)
        return OK;
    LOG(LOG_L_ERROR, "closing-head-failed", log_str("reason", err_text(e)));
    s->orphan[s->n_orphans++] = n;
    s->orphans_at = r->now + HEAD_AGAIN_MS;
    return e;
}

static enum err next_work(struct hook_seal *h, struct run *r)
{
    struct seal_heads *s = h->heads;
    size_t first = 0;
    seal_head_flush(h);
    h->n_last = 0;
    if (s->rescan)
        TRY(scan(s, r));
    heed_generation(h, r->now);
    if (s->n_orphans && s->orphans_at <= r->now)
        return next_orphan(h, r);
    for (size_t i = 1; i < SEAL_STREAMS; i++)
        if (s->due[i] < s->due[first])
            first = i;
    return s->due[first] <= r->now ? open_stream(h, r, first) : OK;
}

static void set_next(struct seal_heads *s)
{
    int64_t next = s->n_orphans ? s->orphans_at : INT64_MAX;
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (s->due[i] < next)
            next = s->due[i];
    s->next_due = s->rescan ? 0 : next;
}

static enum err run_job(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct seal_head_jobs *j = (struct seal_head_jobs *)x->door;
    struct run r = {.c = c, .x = x, .q = x->req, .a = x->arena, .t = t, .slot = STORE_SLOTS_MAX};
    r.now = c->w.now(c->w.ctx);
    enum err e = next_work(j->h, &r);
    set_next(j->h->heads);
    return e;
}

/* ---- on loop 0 ------------------------------------------------------------------------------------------- */

static void job_over(struct exch *x)
{
    struct seal_head_jobs *j = (struct seal_head_jobs *)x->door;
    struct cse *c = j->h->cse;
    arena_reset(x->arena);
    if (--j->busy == 0)
        atomic_store(&c->tick, true);
}

static int64_t tick(void *ctx, int64_t now)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    struct seal_head_jobs *j = h->jobs;
    struct cse *c = h->cse;
    int64_t due = h->heads->next_due;
    if (j->busy || (due > now && h->heads->generation_seen == h->generation))
        return !j->busy && due < now + TICK_MS ? due : now + TICK_MS;
    h->heads->generation_seen = h->generation;
    for (size_t i = 0; i < HEAD_JOBS; i++) {
        heap_arena(&j->job[i].mem, JOB_BLOCK, JOB_MEM);
        prim_init(&j->job[i].q);
        j->job[i].q.op = OP_CREATE;
        j->job[i].x = (struct exch){
            .req = &j->job[i].q, .arena = &j->job[i].mem, .self = true, .done = job_over, .door = j, .job = run_job};
        if (!c->w.enqueue(c->w.ctx, &j->job[i].x))
            break;
        j->busy++;
    }
    return now + TICK_MS;
}

static void wake(struct hook_seal *h)
{
    atomic_store(&h->cse->tick, true);
}

enum err seal_head_attach(struct hook_seal *h, struct cse *c, struct cse_hook *hook)
{
    if (!h->heads)
        return OK;
    h->jobs = (struct seal_head_jobs *)calloc(1, sizeof *h->jobs);
    if (!h->jobs)
        return ERR_NOMEM;
    h->jobs->h = h;
    h->cse = c;
    h->heads->wake = wake;
    hook->tick = tick;
    return OK;
}
