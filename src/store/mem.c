#include "store/mem.h"

#include <stdlib.h>
#include <string.h>

static struct mem *of(struct store_tx *t)
{
    return (struct mem *)t->store;
}

/* ---- log ---------------------------------------------------------------------------------------- */

enum err mem_room(struct mem *m)
{
    if (m->nlog < m->caplog)
        return OK;
    size_t cap = m->caplog ? m->caplog * 2 : 64;
    struct mem_log *v = realloc(m->log, cap * sizeof *v);
    if (!v)
        return ERR_NOMEM;
    m->log = v;
    m->caplog = cap;
    return OK;
}

void mem_did(struct mem *m, enum mem_did did, void *obj, void *old)
{
    m->log[m->nlog++] = (struct mem_log){.did = did, .obj = obj, .old = old};
}

struct mem_log *mem_last(struct mem *m)
{
    return &m->log[m->nlog - 1];
}

/* ---- hash tables: three, chained through the nodes ----------------------------------------------- */

static uint64_t hash_octets(uint64_t h, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * 0x100000001b3ULL;
    return h ^ h >> 29;
}

static uint64_t hash_rid(int64_t rid)
{
    uint64_t h = (uint64_t)rid * 0x9e3779b97f4a7c15ULL;
    return h ^ h >> 32;
}

static uint64_t hash_name(int64_t pid, struct span rn)
{
    return hash_octets(hash_rid(pid) ^ 0xcbf29ce484222325ULL, rn);
}

static uint64_t hash_alias(struct span alias)
{
    return hash_octets(0xcbf29ce484222325ULL, alias);
}

enum tab { BY_RID, BY_NAME, BY_ALIAS };

static struct mem_node **chain(struct mem_node *n, enum tab t)
{
    return t == BY_RID ? &n->by_rid : t == BY_NAME ? &n->by_name : &n->by_alias;
}

static uint64_t hash_node(const struct mem_node *n, enum tab t)
{
    return t == BY_RID ? hash_rid(n->rid) : t == BY_NAME ? hash_name(n->pid, n->v->r.rn) : hash_alias(n->v->r.alias);
}

static struct mem_table *table(struct mem *m, enum tab t)
{
    return t == BY_RID ? &m->rids : t == BY_NAME ? &m->names : &m->aliases;
}

/* Room for one more: afterwards an insertion cannot fail. */
static enum err tab_room(struct mem *m, enum tab t)
{
    struct mem_table *h = table(m, t);
    if (h->n < h->cap)
        return OK;
    size_t cap = h->cap ? h->cap * 2 : 256;
    struct mem_node **v = calloc(cap, sizeof(struct mem_node *));
    if (!v)
        return ERR_NOMEM;
    for (size_t i = 0; i < h->cap; i++)
        for (struct mem_node *n = h->v[i], *next; n; n = next) {
            next = *chain(n, t);
            size_t at = hash_node(n, t) & (cap - 1);
            *chain(n, t) = v[at];
            v[at] = n;
        }
    free(h->v);
    h->v = v;
    h->cap = cap;
    return OK;
}

static void tab_add(struct mem *m, enum tab t, struct mem_node *n)
{
    struct mem_table *h = table(m, t);
    size_t at = hash_node(n, t) & (h->cap - 1);
    *chain(n, t) = h->v[at];
    h->v[at] = n;
    h->n++;
}

static void tab_drop(struct mem *m, enum tab t, struct mem_node *n)
{
    struct mem_table *h = table(m, t);
    struct mem_node **at = &h->v[hash_node(n, t) & (h->cap - 1)];
    while (*at != n)
        at = chain(*at, t);
    *at = *chain(n, t);
    h->n--;
}

static struct mem_node *by_rid(const struct mem *m, int64_t rid)
{
    struct mem_node *n = m->rids.cap ? m->rids.v[hash_rid(rid) & (m->rids.cap - 1)] : NULL;
    while (n && n->rid != rid)
        n = n->by_rid;
    return n;
}

static struct mem_node *by_name(const struct mem *m, int64_t pid, struct span rn)
{
    struct mem_node *n = m->names.cap ? m->names.v[hash_name(pid, rn) & (m->names.cap - 1)] : NULL;
    while (n && !(n->pid == pid && span_eq(n->v->r.rn, rn)))
        n = n->by_name;
    return n;
}

static struct mem_node *by_alias(const struct mem *m, struct span alias)
{
    struct mem_node *n = m->aliases.cap ? m->aliases.v[hash_alias(alias) & (m->aliases.cap - 1)] : NULL;
    while (n && !span_eq(n->v->r.alias, alias))
        n = n->by_alias;
    return n;
}

/* ---- versions and links -------------------------------------------------------------------------- */

static struct span keep(uint8_t **to, struct span s)
{
    struct span out = {*to, s.n};
    if (s.n)
        memcpy(*to, s.p, s.n);
    *to += s.n;
    return out;
}

static struct mem_ver *version(const struct row *r)
{
    size_t need = r->rn.n + r->alias.n + r->creator.n + r->spec.n + r->body.n;
    for (size_t i = 0; i < r->nlbl; i++)
        need += r->lbl[i].n;
    struct mem_ver *v = malloc(sizeof *v + r->nlbl * sizeof(struct span) + need);
    if (!v)
        return NULL;
    uint8_t *to = (uint8_t *)(v->lbl + r->nlbl);
    v->r = *r;
    v->r.rn = keep(&to, r->rn);
    v->r.alias = keep(&to, r->alias);
    v->r.creator = keep(&to, r->creator);
    v->r.spec = keep(&to, r->spec);
    v->r.body = keep(&to, r->body);
    for (size_t i = 0; i < r->nlbl; i++)
        v->lbl[i] = keep(&to, r->lbl[i]);
    v->r.lbl = v->lbl;
    return v;
}

static void index_add(struct mem *m, struct mem_node *n)
{
    tab_add(m, BY_RID, n);
    if (n->v->r.rn.n)
        tab_add(m, BY_NAME, n);
    if (n->v->r.alias.n)
        tab_add(m, BY_ALIAS, n);
}

static void index_drop(struct mem *m, struct mem_node *n)
{
    tab_drop(m, BY_RID, n);
    if (n->v->r.rn.n)
        tab_drop(m, BY_NAME, n);
    if (n->v->r.alias.n)
        tab_drop(m, BY_ALIAS, n);
}

/* The node leaves both lists but keeps its own links; taking steps back in reverse order puts it where it was. */
static void unlink_node(struct mem *m, struct mem_node *n)
{
    *(n->older ? &n->older->newer : &m->oldest) = n->newer;
    *(n->newer ? &n->newer->older : &m->newest) = n->older;
    if (n->up) {
        *(n->prev ? &n->prev->next : &n->up->first) = n->next;
        *(n->next ? &n->next->prev : &n->up->last) = n->prev;
    }
    index_drop(m, n);
}

static void relink_node(struct mem *m, struct mem_node *n)
{
    *(n->older ? &n->older->newer : &m->oldest) = n;
    *(n->newer ? &n->newer->older : &m->newest) = n;
    if (n->up) {
        *(n->prev ? &n->prev->next : &n->up->first) = n;
        *(n->next ? &n->next->prev : &n->up->last) = n;
    }
    index_add(m, n);
}

/* ---- transactions -------------------------------------------------------------------------------- */

static void take_back(struct mem *m, const struct mem_log *l)
{
    struct mem_node *n = l->obj;
    switch (l->did) {
    case DID_ADD:
        unlink_node(m, n);
        free(n->v);
        free(n);
        return;
    case DID_DROP:
        relink_node(m, n);
        return;
    case DID_SET:
        index_drop(m, n);
        free(n->v);
        n->v = l->old;
        index_add(m, n);
        return;
    case DID_COUNT:
        n->v->r.lt = l->was[0];
        n->v->r.st = l->was[1];
        n->v->r.cni = l->was[2];
        n->v->r.cbs = l->was[3];
        n->v->r.subs = l->was[4];
        return;
    default:
        mem_box_undo(l);
    }
}

static void back_to(struct mem *m, size_t mark)
{
    while (m->nlog > mark)
        take_back(m, &m->log[--m->nlog]);
}

static enum err mem_read(struct store *s, unsigned slot, struct store_tx **out)
{
    struct mem *m = (struct mem *)s;
    (void)slot;
    pthread_rwlock_rdlock(&m->lock);
    *out = &m->reads;
    return OK;
}

static void mem_end(struct store_tx *t)
{
    pthread_rwlock_unlock(&of(t)->lock);
}

static enum err mem_write(struct store *s, struct store_tx **out)
{
    struct mem *m = (struct mem *)s;
    pthread_rwlock_wrlock(&m->lock);
    m->nlog = m->mark = 0;
    *out = &m->writes;
    return OK;
}

static enum err mem_save(struct store_tx *t)
{
    of(t)->mark = of(t)->nlog;
    return OK;
}

static enum err mem_keep(struct store_tx *t)
{
    (void)t;
    return OK;
}

static enum err mem_undo(struct store_tx *t)
{
    back_to(of(t), of(t)->mark);
    return OK;
}

static enum err mem_commit(struct store_tx *t)
{
    struct mem *m = of(t);
    for (size_t i = 0; i < m->nlog; i++) {
        const struct mem_log *l = &m->log[i];
        if (l->did == DID_DROP) {
            free(((struct mem_node *)l->obj)->v);
            free(l->obj);
        } else if (l->did == DID_SET) {
            free(l->old);
        } else {
            mem_box_final(l);
        }
    }
    m->nlog = 0;
    pthread_rwlock_unlock(&m->lock);
    return OK;
}

static void mem_abort(struct store_tx *t)
{
    back_to(of(t), 0);
    pthread_rwlock_unlock(&of(t)->lock);
}

static void mem_close(struct store *s)
{
    struct mem *m = (struct mem *)s;
    for (struct mem_node *n = m->oldest, *next; n; n = next) {
        next = n->newer;
        free(n->v);
        free(n);
    }
    mem_box_free(m);
    free(m->rids.v);
    free(m->names.v);
    free(m->aliases.v);
    free(m->log);
    pthread_rwlock_destroy(&m->lock);
    free(m);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum err give(const struct mem_node *n, bool bare, struct arena *a, struct row *out)
{
    if (!n)
        return ERR_NOTFOUND;
    *out = n->v->r;
    out->lbl = NULL;
    out->nlbl = 0;
    out->rn = arena_dup(a, out->rn);
    out->alias = arena_dup(a, out->alias);
    out->creator = arena_dup(a, out->creator);
    out->spec = arena_dup(a, out->spec);
    out->body = bare ? SPAN_NONE : arena_dup(a, out->body);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

static enum err mem_get(struct store_tx *t, int64_t rid, struct arena *a, struct row *out)
{
    return give(by_rid(of(t), rid), false, a, out);
}

static enum err mem_child(struct store_tx *t, int64_t pid, struct span rn, struct arena *a, struct row *out)
{
    return give(rn.n ? by_name(of(t), pid, rn) : NULL, false, a, out);
}

static enum err mem_alias(struct store_tx *t, struct span alias, struct arena *a, struct row *out)
{
    return give(alias.n ? by_alias(of(t), alias) : NULL, false, a, out);
}

static enum err mem_newest(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a, struct row *out)
{
    const struct mem_node *up = by_rid(of(t), pid), *n = up ? up->last : NULL;
    while (n && !(n->v->r.ty == ty && n->v->r.et > now))
        n = n->prev;
    return give(n, false, a, out);
}

static enum err mem_oldest(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a, struct row *out)
{
    const struct mem_node *up = by_rid(of(t), pid), *n = up ? up->first : NULL;
    while (n && !(n->v->r.ty == ty && n->v->r.et > now))
        n = n->next;
    return give(n, false, a, out);
}

static enum err mem_ranked(struct store_tx *t, int64_t pid, uint32_t ty, int64_t lo, int64_t hi, bool last, int64_t now,
                           struct arena *a, struct row *out)
{
    const struct mem_node *up = by_rid(of(t), pid), *best = NULL;
    for (const struct mem_node *n = up ? up->first : NULL; n; n = n->next) {
        const struct row *r = &n->v->r;
        if (r->ty != ty || r->rank == 0 || r->rank < lo || r->rank > hi || r->et <= now)
            continue;
        if (!best || (last ? r->rank >= best->v->r.rank : r->rank < best->v->r.rank))
            best = n;
    }
    return give(best, false, a, out);
}

/* Which rows a listing wants, and how it walks. */
struct pick {
    int64_t pid; /* children of pid; 0: all rows */
    uint32_t ty; /* 0: any */
    struct span label;
    int64_t et; /* rows with et <= this */
};

static bool wanted(const struct mem_node *n, const struct pick *p)
{
    const struct row *r = &n->v->r;
    if ((p->ty && r->ty != p->ty) || r->et > p->et)
        return false;
    bool hit = !p->label.n;
    for (size_t i = 0; i < r->nlbl && !hit; i++)
        hit = span_eq(r->lbl[i], p->label);
    return hit;
}

static const struct mem_node *start(struct mem *m, const struct pick *p, int64_t after)
{
    const struct mem_node *at = after > 0 ? by_rid(m, after) : NULL;
    if (at && (!p->pid || at->pid == p->pid))
        return p->pid ? at->next : at->newer;
    const struct mem_node *up = p->pid ? by_rid(m, p->pid) : NULL;
    at = p->pid ? (up ? up->first : NULL) : m->oldest;
    while (at && at->rid <= after)
        at = p->pid ? at->next : at->newer;
    return at;
}

static enum err gather(struct mem *m, const struct pick *p, int64_t after, size_t max, bool bare, struct arena *a,
                       struct rows *out)
{
    *out = (struct rows){0};
    size_t cap = 0, octets = 0;
    for (const struct mem_node *n = start(m, p, after); n; n = p->pid ? n->next : n->newer) {
        if (!wanted(n, p))
            continue;
        if (out->n == max || octets > STORE_PAGE) {
            out->more = true;
            return OK;
        }
        if (out->n == cap) {
            cap = cap ? cap * 2 : 16;
            struct row *v = ARENA_ARRAY(a, struct row, cap);
            if (!v)
                return ERR_NOMEM;
            if (out->n)
                memcpy(v, out->v, out->n * sizeof *v);
            out->v = v;
        }
        TRY(give(n, bare, a, &out->v[out->n]));
        octets += out->v[out->n++].body.n;
    }
    return OK;
}

static enum err mem_list(struct store_tx *t, int64_t pid, uint32_t ty, int64_t after, size_t max, bool bare,
                         struct arena *a, struct rows *out)
{
    struct pick p = {.pid = pid, .ty = ty, .et = INT64_MAX};
    return gather(of(t), &p, after, max, bare, a, out);
}

static struct pick pick_of(enum find_by by, uint32_t ty, struct span label)
{
    struct pick p = {.et = INT64_MAX};
    if (by == FIND_TYPE)
        p.ty = ty;
    else if (by == FIND_LABEL)
        p.label = label;
    return p;
}

static enum err mem_find(struct store_tx *t, enum find_by by, uint32_t ty, struct span label, int64_t after, size_t max,
                         bool bare, struct arena *a, struct rows *out)
{
    struct pick p = pick_of(by, ty, label);
    return gather(of(t), &p, after, max, bare, a, out);
}

static enum err mem_estimate(struct store_tx *t, enum find_by by, uint32_t ty, struct span label, int64_t max,
                             int64_t *n)
{
    struct pick p = pick_of(by, ty, label);
    *n = 0;
    for (const struct mem_node *at = start(of(t), &p, 0); at && *n < max; at = at->newer)
        *n += wanted(at, &p);
    return OK;
}

static enum err mem_next_type(struct store_tx *t, int64_t pid, uint32_t ty, uint32_t *out)
{
    const struct mem_node *up = by_rid(of(t), pid);
    *out = 0;
    for (const struct mem_node *n = up ? up->first : NULL; n; n = n->next)
        if (n->v->r.ty > ty && (*out == 0 || n->v->r.ty < *out))
            *out = n->v->r.ty;
    return OK;
}

static int by_et(const void *x, const void *y)
{
    const struct row *a = x, *b = y;
    return a->et != b->et ? (a->et < b->et ? -1 : 1) : (a->rid < b->rid ? -1 : a->rid > b->rid);
}

static enum err mem_expired(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct rows *out)
{
    *out = (struct rows){0};
    if (now == INT64_MAX || of(t)->et_low > now)
        return OK;
    struct pick p = {.et = now};
    TRY(gather(of(t), &p, 0, SIZE_MAX, true, a, out));
    if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_et);
    if (out->n > max) {
        out->n = max;
        out->more = true;
    }
    return OK;
}

static enum err mem_next_et(struct store_tx *t, int64_t *et)
{
    *et = INT64_MAX;
    for (const struct mem_node *n = of(t)->oldest; n; n = n->newer)
        if (n->v->r.et < *et)
            *et = n->v->r.et;
    return OK;
}

/* ---- changing ------------------------------------------------------------------------------------ */

static enum err mem_next_rid(struct store_tx *t, int64_t *rid)
{
    *rid = of(t)->next_rid++;
    return OK;
}

static enum err put_room(struct mem *m)
{
    TRY(mem_room(m));
    TRY(tab_room(m, BY_RID));
    TRY(tab_room(m, BY_NAME));
    return tab_room(m, BY_ALIAS);
}

/* Puts the node behind all that have a smaller rid. Nearly always that is the end. */
static void link_node(struct mem *m, struct mem_node *n)
{
    for (n->older = m->newest; n->older && n->older->rid > n->rid;)
        n->older = n->older->older;
    n->newer = n->older ? n->older->newer : m->oldest;
    if (n->up) {
        for (n->prev = n->up->last; n->prev && n->prev->rid > n->rid;)
            n->prev = n->prev->prev;
        n->next = n->prev ? n->prev->next : n->up->first;
    }
    relink_node(m, n);
}

static enum err mem_put(struct store_tx *t, const struct row *r)
{
    struct mem *m = of(t);
    TRY(put_room(m));
    if (by_rid(m, r->rid) || (r->rn.n && by_name(m, r->pid, r->rn)) || (r->alias.n && by_alias(m, r->alias)))
        return ERR_EXISTS;
    struct mem_node *n = calloc(1, sizeof *n);
    struct mem_ver *v = version(r);
    if (!n || !v) {
        free(n);
        free(v);
        return ERR_NOMEM;
    }
    n->v = v;
    n->rid = r->rid;
    n->pid = r->pid;
    n->up = r->pid ? by_rid(m, r->pid) : NULL;
    link_node(m, n);
    if (r->et < m->et_low)
        m->et_low = r->et;
    if (r->rid >= m->next_rid)
        m->next_rid = r->rid + 1;
    mem_did(m, DID_ADD, n, NULL);
    return OK;
}

static enum err mem_set(struct store_tx *t, const struct row *r)
{
    struct mem *m = of(t);
    struct mem_node *n = by_rid(m, r->rid), *other;
    if (!n)
        return ERR_NOTFOUND;
    if (r->alias.n && (other = by_alias(m, r->alias)) && other != n)
        return ERR_EXISTS;
    TRY(put_room(m));
    struct row next = *r;
    next.pid = n->pid;
    next.ty = n->v->r.ty;
    next.rn = n->v->r.rn;
    next.spec = n->v->r.spec;
    struct mem_ver *v = version(&next);
    if (!v)
        return ERR_NOMEM;
    struct mem_ver *old = n->v;
    index_drop(m, n);
    n->v = v;
    index_add(m, n);
    if (r->et < m->et_low)
        m->et_low = r->et;
    mem_did(m, DID_SET, n, old);
    return OK;
}

static enum err mem_count(struct store_tx *t, const struct row *r)
{
    struct mem *m = of(t);
    struct mem_node *n = by_rid(m, r->rid);
    if (!n)
        return ERR_NOTFOUND;
    TRY(mem_room(m));
    struct row *old = &n->v->r;
    mem_did(m, DID_COUNT, n, NULL);
    memcpy(mem_last(m)->was, (int64_t[5]){old->lt, old->st, old->cni, old->cbs, old->subs}, sizeof(int64_t[5]));
    old->lt = r->lt;
    old->st = r->st;
    old->cni = r->cni;
    old->cbs = r->cbs;
    old->subs = r->subs;
    return OK;
}

static enum err mem_drop(struct store_tx *t, int64_t rid)
{
    struct mem *m = of(t);
    struct mem_node *n = by_rid(m, rid);
    if (!n)
        return ERR_NOTFOUND;
    if (n->first)
        return ERR_NOTNOW;
    TRY(mem_room(m));
    unlink_node(m, n);
    mem_did(m, DID_DROP, n, NULL);
    return OK;
}

static enum err mem_clear(struct store_tx *t, int64_t pid, uint32_t ty, int64_t *count)
{
    const struct mem_node *up = by_rid(of(t), pid);
    *count = 0;
    for (const struct mem_node *n = up ? up->first : NULL, *next; n; n = next) {
        next = n->next;
        if (n->v->r.ty != ty || n->v->r.subs != 0)
            continue;
        TRY(mem_drop(t, n->rid));
        ++*count;
    }
    return OK;
}

/* ---- the table ----------------------------------------------------------------------------------- */

static const struct store_ops mem_ops = {
    .read = mem_read,
    .end = mem_end,
    .write = mem_write,
    .save = mem_save,
    .keep = mem_keep,
    .undo = mem_undo,
    .commit = mem_commit,
    .abort = mem_abort,
    .close = mem_close,
    .get = mem_get,
    .child = mem_child,
    .alias = mem_alias,
    .newest = mem_newest,
    .oldest = mem_oldest,
    .ranked = mem_ranked,
    .list = mem_list,
    .find = mem_find,
    .estimate = mem_estimate,
    .next_type = mem_next_type,
    .expired = mem_expired,
    .next_et = mem_next_et,
    .next_rid = mem_next_rid,
    .put = mem_put,
    .set = mem_set,
    .count = mem_count,
    .drop = mem_drop,
    .clear = mem_clear,
    .letter_put = mem_letter_put,
    .letters_due = mem_letters_due,
    .letter_next = mem_letter_next,
    .letter_done = mem_letter_done,
    .letter_delay = mem_letter_delay,
    .letters_drop = mem_letters_drop,
    .letters_count = mem_letters_count,
    .letters_lane = mem_letters_lane,
    .letters_in = mem_letters_in,
    .letters_wake = mem_letters_wake,
    .alarm_set = mem_alarm_set,
    .alarm_get = mem_alarm_get,
    .alarms_due = mem_alarms_due,
    .alarm_next = mem_alarm_next,
    .alarms_drop = mem_alarms_drop,
    .state_get = mem_state_get,
    .state_put = mem_state_put,
    .state_drop = mem_state_drop,
};

struct store *store_mem(const uint8_t instance[16])
{
    struct mem *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->head.ops = &mem_ops;
    memcpy(m->head.instance, instance, sizeof m->head.instance);
    m->next_rid = m->next_letter = 1;
    m->et_low = INT64_MAX;
    m->reads = (struct store_tx){&mem_ops, &m->head, false};
    m->writes = (struct store_tx){&mem_ops, &m->head, true};
    /* Readers come without pause; the writer must not wait for a moment without any. */
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&m->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return &m->head;
}
