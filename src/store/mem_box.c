/* mem_box.c - the memory store's outbox, alarms and small state. */
#include <stdlib.h>
#include <string.h>

#include "store/mem.h"

static struct mem *of(struct store_tx *t)
{
    return (struct mem *)t->store;
}

/* ---- letters ------------------------------------------------------------------------------------- */

static struct mem_lane *lane_of(struct mem *m, int64_t sub, int64_t tgt)
{
    for (struct mem_lane *l = m->lanes; l; l = l->next)
        if (l->sub == sub && l->tgt == tgt)
            return l;
    struct mem_lane *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->sub = sub;
    l->tgt = tgt;
    l->next = m->lanes;
    m->lanes = l;
    return l;
}

static void letter_unlink(struct mem_letter *x)
{
    *(x->prev ? &x->prev->next : &x->lane->first) = x->next;
    *(x->next ? &x->next->prev : &x->lane->last) = x->prev;
}

static void letter_relink(struct mem_letter *x)
{
    *(x->prev ? &x->prev->next : &x->lane->first) = x;
    *(x->next ? &x->next->prev : &x->lane->last) = x;
}

static struct span keep(uint8_t **to, struct span s)
{
    struct span out = {*to, s.n};
    if (s.n)
        memcpy(*to, s.p, s.n);
    *to += s.n;
    return out;
}

enum err mem_letter_put(struct store_tx *t, struct letter *l)
{
    struct mem *m = of(t);
    TRY(mem_room(m));
    struct mem_lane *lane = lane_of(m, l->sub, l->tgt);
    struct mem_letter *x = malloc(sizeof *x + l->to.n + l->body.n + l->meta.n);
    if (!lane || !x) {
        free(x);
        return ERR_NOMEM;
    }
    l->id = m->next_letter++;
    uint8_t *to = x->octets;
    x->l = *l;
    x->l.to = keep(&to, l->to);
    x->l.body = keep(&to, l->body);
    x->l.meta = keep(&to, l->meta);
    x->lane = lane;
    x->prev = lane->last;
    x->next = NULL;
    letter_relink(x);
    mem_did(m, DID_LETTER, x, NULL);
    return OK;
}

static int by_id(const void *x, const void *y)
{
    const struct letter *a = x, *b = y;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool is_due(const struct mem_lane *l, int64_t now, int64_t after)
{
    return l->first && l->first->l.due <= now && l->first->l.id > after;
}

enum err mem_letters_due(struct store_tx *t, int64_t now, int64_t after, size_t max, struct arena *a,
                         struct letter **out, size_t *n)
{
    size_t all = 0, i = 0;
    for (const struct mem_lane *l = of(t)->lanes; l; l = l->next)
        all += is_due(l, now, after);
    *n = 0;
    *out = ARENA_ARRAY(a, struct letter, all + 1);
    if (!*out)
        return ERR_NOMEM;
    for (const struct mem_lane *l = of(t)->lanes; l; l = l->next)
        if (is_due(l, now, after))
            (*out)[i++] = l->first->l;
    qsort(*out, all, sizeof **out, by_id);
    *n = all < max ? all : max;
    for (i = 0; i < *n; i++) {
        (*out)[i].to = arena_dup(a, (*out)[i].to);
        (*out)[i].body = arena_dup(a, (*out)[i].body);
        (*out)[i].meta = arena_dup(a, (*out)[i].meta);
    }
    return arena_ok(a) ? OK : ERR_NOMEM;
}

enum err mem_letter_next(struct store_tx *t, int64_t *due)
{
    *due = INT64_MAX;
    for (const struct mem_lane *l = of(t)->lanes; l; l = l->next)
        if (l->first && l->first->l.due < *due)
            *due = l->first->l.due;
    return OK;
}

static struct mem_letter *letter_by_id(struct mem *m, int64_t id)
{
    for (const struct mem_lane *l = m->lanes; l; l = l->next)
        for (struct mem_letter *x = l->first; x && x->l.id <= id; x = x->next)
            if (x->l.id == id)
                return x;
    return NULL;
}

enum err mem_letter_done(struct store_tx *t, int64_t id)
{
    struct mem_letter *x = letter_by_id(of(t), id);
    if (!x)
        return ERR_NOTFOUND;
    TRY(mem_room(of(t)));
    letter_unlink(x);
    mem_did(of(t), DID_SENT, x, NULL);
    return OK;
}

enum err mem_letter_delay(struct store_tx *t, int64_t id, int64_t due, uint32_t tries)
{
    struct mem_letter *x = letter_by_id(of(t), id);
    if (!x)
        return ERR_NOTFOUND;
    TRY(mem_room(of(t)));
    mem_did(of(t), DID_DELAY, x, NULL);
    mem_last(of(t))->was[0] = x->l.due;
    mem_last(of(t))->was[1] = x->l.tries;
    x->l.due = due;
    x->l.tries = tries;
    return OK;
}

enum err mem_letters_drop(struct store_tx *t, int64_t sub)
{
    for (struct mem_lane *l = of(t)->lanes; l; l = l->next)
        while (l->sub == sub && l->first)
            TRY(mem_letter_done(t, l->first->l.id));
    return OK;
}

enum err mem_letters_count(struct store_tx *t, int64_t sub, int64_t *n)
{
    *n = 0;
    for (const struct mem_lane *l = of(t)->lanes; l; l = l->next)
        for (const struct mem_letter *x = l->first; x && (!sub || l->sub == sub); x = x->next)
            ++*n;
    return OK;
}

static struct mem_lane *lane_there(const struct mem *m, int64_t sub, int64_t tgt)
{
    struct mem_lane *l = m->lanes;
    while (l && (l->sub != sub || l->tgt != tgt))
        l = l->next;
    return l;
}

enum err mem_letters_lane(struct store_tx *t, int64_t sub, int64_t tgt, int64_t after, size_t max, struct arena *a,
                          struct letter **out, size_t *n)
{
    const struct mem_lane *l = lane_there(of(t), sub, tgt);
    *n = 0;
    *out = ARENA_ARRAY(a, struct letter, max);
    if (!*out)
        return ERR_NOMEM;
    for (const struct mem_letter *x = l ? l->first : NULL; x && *n < max; x = x->next) {
        if (x->l.id <= after)
            continue;
        struct letter *c = &(*out)[(*n)++];
        *c = x->l;
        c->to = arena_dup(a, c->to);
        c->body = arena_dup(a, c->body);
        c->meta = arena_dup(a, c->meta);
    }
    return arena_ok(a) ? OK : ERR_NOMEM;
}

enum err mem_letters_in(struct store_tx *t, int64_t sub, int64_t tgt, int64_t *n)
{
    const struct mem_lane *l = lane_there(of(t), sub, tgt);
    *n = 0;
    for (const struct mem_letter *x = l ? l->first : NULL; x; x = x->next)
        ++*n;
    return OK;
}

enum err mem_letters_wake(struct store_tx *t, int64_t sub, int64_t tgt, int64_t due)
{
    for (struct mem_lane *l = of(t)->lanes; l; l = l->next) {
        struct mem_letter *x = l->first;
        if (l->tgt == tgt && (!sub || l->sub == sub) && x && x->l.due > due)
            TRY(mem_letter_delay(t, x->l.id, due, x->l.tries));
    }
    return OK;
}

/* ---- alarms -------------------------------------------------------------------------------------- */

static struct alarm *alarm_of(struct mem *m, int64_t kind, int64_t rid)
{
    for (size_t i = 0; i < m->alarms.n; i++)
        if (m->alarms.v[i].kind == kind && m->alarms.v[i].rid == rid)
            return &m->alarms.v[i];
    return NULL;
}

/* Cannot fail when there was room, or one is there already. */
static void alarm_write(struct mem *m, int64_t kind, int64_t rid, int64_t due)
{
    struct alarm *x = alarm_of(m, kind, rid);
    if (due == INT64_MAX) {
        if (x)
            *x = m->alarms.v[--m->alarms.n];
        return;
    }
    if (!x)
        x = &m->alarms.v[m->alarms.n++];
    *x = (struct alarm){.kind = kind, .rid = rid, .due = due};
}

/* Room stays for every alarm that taking back would bring back: the array never shrinks. */
static enum err alarm_room(struct mem *m)
{
    if (m->alarms.n < m->alarms.cap)
        return OK;
    size_t cap = m->alarms.cap ? m->alarms.cap * 2 : 64;
    struct alarm *v = realloc(m->alarms.v, cap * sizeof *v);
    if (!v)
        return ERR_NOMEM;
    m->alarms.v = v;
    m->alarms.cap = cap;
    return OK;
}

enum err mem_alarm_set(struct store_tx *t, int64_t kind, int64_t rid, int64_t due)
{
    struct mem *m = of(t);
    int64_t was;
    TRY(mem_room(m));
    TRY(alarm_room(m));
    TRY(mem_alarm_get(t, kind, rid, &was));
    mem_did(m, DID_ALARM, m, NULL);
    memcpy(mem_last(m)->was, (int64_t[3]){kind, rid, was}, sizeof(int64_t[3]));
    alarm_write(m, kind, rid, due);
    return OK;
}

enum err mem_alarm_get(struct store_tx *t, int64_t kind, int64_t rid, int64_t *due)
{
    const struct alarm *x = alarm_of(of(t), kind, rid);
    *due = x ? x->due : INT64_MAX;
    return OK;
}

static int by_due(const void *x, const void *y)
{
    const struct alarm *a = x, *b = y;
    if (a->due != b->due)
        return a->due < b->due ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->rid < b->rid ? -1 : a->rid > b->rid;
}

enum err mem_alarms_due(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct alarm **out, size_t *n)
{
    const struct mem_alarms *all = &of(t)->alarms;
    *n = 0;
    *out = ARENA_ARRAY(a, struct alarm, all->n + 1);
    if (!*out)
        return ERR_NOMEM;
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].due <= now)
            (*out)[(*n)++] = all->v[i];
    qsort(*out, *n, sizeof **out, by_due);
    *n = *n < max ? *n : max;
    return OK;
}

enum err mem_alarm_next(struct store_tx *t, int64_t *due)
{
    const struct mem_alarms *all = &of(t)->alarms;
    *due = INT64_MAX;
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].due < *due)
            *due = all->v[i].due;
    return OK;
}

enum err mem_alarms_drop(struct store_tx *t, int64_t rid)
{
    struct mem_alarms *all = &of(t)->alarms;
    for (size_t i = 0; i < all->n;) {
        if (all->v[i].rid == rid)
            TRY(mem_alarm_set(t, all->v[i].kind, rid, INT64_MAX)); /* the last one took its place */
        else
            i++;
    }
    return OK;
}

/* ---- small state --------------------------------------------------------------------------------- */

static struct mem_state *state_of(const struct mem *m, struct span key)
{
    struct mem_state *s = m->states;
    while (s && !span_eq(span_of(s->key, s->n), key))
        s = s->next;
    return s;
}

enum err mem_state_get(struct store_tx *t, struct span key, struct arena *a, struct span *out)
{
    const struct mem_state *s = state_of(of(t), key);
    *out = SPAN_NONE;
    if (!s || !s->val)
        return ERR_NOTFOUND;
    *out = arena_dup(a, span_of(s->val->p, s->val->n));
    return arena_ok(a) ? OK : ERR_NOMEM;
}

static enum err state_set(struct mem *m, struct mem_state *s, struct mem_text *val)
{
    TRY(mem_room(m));
    mem_did(m, DID_STATE, s, s->val);
    s->val = val;
    return OK;
}

enum err mem_state_put(struct store_tx *t, struct span key, struct span octets)
{
    struct mem *m = of(t);
    if (key.n > STORE_KEY_MAX)
        return ERR_LIMIT;
    TRY(mem_room(m));
    struct mem_state *s = state_of(m, key);
    if (!s) {
        s = calloc(1, sizeof *s + key.n);
        if (!s)
            return ERR_NOMEM;
        s->n = key.n;
        memcpy(s->key, key.p, key.n);
        s->next = m->states;
        m->states = s;
    }
    struct mem_text *val = malloc(sizeof *val + octets.n);
    if (!val)
        return ERR_NOMEM;
    val->n = octets.n;
    if (octets.n)
        memcpy(val->p, octets.p, octets.n);
    return state_set(m, s, val);
}

enum err mem_state_drop(struct store_tx *t, struct span key)
{
    struct mem_state *s = state_of(of(t), key);
    return s && s->val ? state_set(of(t), s, NULL) : OK;
}

/* ---- log ----------------------------------------------------------------------------------------- */

void mem_box_undo(const struct mem_log *l)
{
    struct mem_letter *x = l->obj;
    struct mem_state *s = l->obj;
    if (l->did == DID_LETTER) {
        letter_unlink(x);
        free(x);
    } else if (l->did == DID_SENT) {
        letter_relink(x);
    } else if (l->did == DID_DELAY) {
        x->l.due = l->was[0];
        x->l.tries = (uint32_t)l->was[1];
    } else if (l->did == DID_ALARM) {
        alarm_write(l->obj, l->was[0], l->was[1], l->was[2]);
    } else if (l->did == DID_STATE) {
        free(s->val);
        s->val = l->old;
    }
}

void mem_box_final(const struct mem_log *l)
{
    if (l->did == DID_SENT)
        free(l->obj);
    else if (l->did == DID_STATE)
        free(l->old);
}

void mem_box_free(struct mem *m)
{
    for (struct mem_lane *l = m->lanes, *next; l; l = next) {
        next = l->next;
        for (struct mem_letter *x = l->first, *y; x; x = y) {
            y = x->next;
            free(x);
        }
        free(l);
    }
    free(m->alarms.v);
    for (struct mem_state *s = m->states, *next; s; s = next) {
        next = s->next;
        free(s->val);
        free(s);
    }
}
