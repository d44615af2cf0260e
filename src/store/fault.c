#include "store/fault.h"

#include <stdlib.h>
#include <string.h>

struct fault_tx {
    struct store_tx head;
    struct store_tx *inner;
};

struct fault_store {
    struct store head;
    struct store *inner;
    struct fault *plan;
    struct fault_tx writes, reads[STORE_SLOTS_MAX];
};

static struct fault_store *home(struct store_tx *t)
{
    return (struct fault_store *)(void *)t->store;
}

static struct store_tx *in(struct store_tx *t)
{
    return ((struct fault_tx *)(void *)t)->inner;
}

static enum err now(struct fault *f, enum fault_at at)
{
    if (!(f->at & (int)at) || f->left == FAULT_NEVER)
        return OK;
    if (f->left == 0)
        return f->e;
    f->left--;
    return OK;
}

static const struct store_ops fault_ops;

/* ---- transactions -------------------------------------------------------------------------------- */

static enum err fault_read(struct store *s, unsigned slot, struct store_tx **out)
{
    struct fault_store *f = (struct fault_store *)(void *)s;
    if (slot >= STORE_SLOTS_MAX)
        return ERR_LIMIT;
    TRY(now(f->plan, FAULT_READ));
    TRY(store_read(f->inner, slot, &f->reads[slot].inner));
    f->reads[slot].head = (struct store_tx){&fault_ops, s, false};
    *out = &f->reads[slot].head;
    return OK;
}

static void fault_end(struct store_tx *t)
{
    store_end(in(t));
}

static enum err fault_write(struct store *s, struct store_tx **out)
{
    struct fault_store *f = (struct fault_store *)(void *)s;
    TRY(now(f->plan, FAULT_WRITE));
    TRY(store_write(f->inner, &f->writes.inner));
    f->writes.head = (struct store_tx){&fault_ops, s, true};
    *out = &f->writes.head;
    return OK;
}

static enum err fault_save(struct store_tx *t)
{
    TRY(now(home(t)->plan, FAULT_SAVE));
    return store_save(in(t));
}

static enum err fault_keep(struct store_tx *t)
{
    TRY(now(home(t)->plan, FAULT_SAVE));
    return store_keep(in(t));
}

static enum err fault_undo(struct store_tx *t)
{
    TRY(now(home(t)->plan, FAULT_UNDO));
    return store_undo(in(t));
}

static enum err fault_commit(struct store_tx *t)
{
    enum err e = now(home(t)->plan, FAULT_COMMIT);
    if (e == OK)
        return store_commit(in(t));
    store_abort(in(t));
    return e;
}

static void fault_abort(struct store_tx *t)
{
    store_abort(in(t));
}

static void fault_close(struct store *s)
{
    store_close(((struct fault_store *)(void *)s)->inner);
    free(s);
}

/* ---- the rest passes through --------------------------------------------------------------------- */

#define PASS(kind, name, decl, args)                                                                                   \
    static enum err fault_##name decl                                                                                  \
    {                                                                                                                  \
        TRY(now(home(t)->plan, kind));                                                                                 \
        return store_##name args;                                                                                      \
    }

PASS(FAULT_READ, get, (struct store_tx * t, int64_t rid, struct arena *a, struct row *out), (in(t), rid, a, out))
PASS(FAULT_READ, child, (struct store_tx * t, int64_t pid, struct span rn, struct arena *a, struct row *out),
     (in(t), pid, rn, a, out))
PASS(FAULT_READ, alias, (struct store_tx * t, struct span alias, struct arena *a, struct row *out),
     (in(t), alias, a, out))
PASS(FAULT_READ, newest,
     (struct store_tx * t, int64_t pid, uint32_t ty, int64_t when, struct arena *a, struct row *out),
     (in(t), pid, ty, when, a, out))
PASS(FAULT_READ, oldest,
     (struct store_tx * t, int64_t pid, uint32_t ty, int64_t when, struct arena *a, struct row *out),
     (in(t), pid, ty, when, a, out))
PASS(FAULT_READ, ranked,
     (struct store_tx * t, int64_t pid, uint32_t ty, int64_t lo, int64_t hi, bool last, int64_t when, struct arena *a,
      struct row *out),
     (in(t), pid, ty, lo, hi, last, when, a, out))
PASS(FAULT_READ, list,
     (struct store_tx * t, int64_t pid, uint32_t ty, int64_t after, size_t max, bool bare, struct arena *a,
      struct rows *out),
     (in(t), pid, ty, after, max, bare, a, out))
PASS(FAULT_READ, find,
     (struct store_tx * t, enum find_by by, uint32_t ty, struct span label, int64_t after, size_t max, bool bare,
      struct arena *a, struct rows *out),
     (in(t), by, ty, label, after, max, bare, a, out))
PASS(FAULT_READ, expired, (struct store_tx * t, int64_t when, size_t max, struct arena *a, struct rows *out),
     (in(t), when, max, a, out))
PASS(FAULT_READ, next_et, (struct store_tx * t, int64_t *et), (in(t), et))
PASS(FAULT_CHANGE, next_rid, (struct store_tx * t, int64_t *rid), (in(t), rid))
PASS(FAULT_CHANGE, put, (struct store_tx * t, const struct row *r), (in(t), r))
PASS(FAULT_CHANGE, set, (struct store_tx * t, const struct row *r), (in(t), r))
PASS(FAULT_CHANGE, count, (struct store_tx * t, const struct row *r), (in(t), r))
PASS(FAULT_CHANGE, drop, (struct store_tx * t, int64_t rid), (in(t), rid))
PASS(FAULT_CHANGE, clear, (struct store_tx * t, int64_t pid, uint32_t ty, int64_t *n), (in(t), pid, ty, n))
PASS(FAULT_CHANGE, letter_put, (struct store_tx * t, struct letter *l), (in(t), l))
PASS(FAULT_READ, letters_due,
     (struct store_tx * t, int64_t when, int64_t after, size_t max, struct arena *a, struct letter **out, size_t *n),
     (in(t), when, after, max, a, out, n))
PASS(FAULT_READ, estimate,
     (struct store_tx * t, enum find_by by, uint32_t ty, struct span label, int64_t max, int64_t *n),
     (in(t), by, ty, label, max, n))
PASS(FAULT_READ, next_type, (struct store_tx * t, int64_t pid, uint32_t ty, uint32_t *out), (in(t), pid, ty, out))
PASS(FAULT_READ, letter_next, (struct store_tx * t, int64_t *due), (in(t), due))
PASS(FAULT_CHANGE, letter_done, (struct store_tx * t, int64_t id), (in(t), id))
PASS(FAULT_CHANGE, letter_delay, (struct store_tx * t, int64_t id, int64_t due, uint32_t tries),
     (in(t), id, due, tries))
PASS(FAULT_CHANGE, letters_drop, (struct store_tx * t, int64_t sub), (in(t), sub))
PASS(FAULT_READ, letters_count, (struct store_tx * t, int64_t sub, int64_t *n), (in(t), sub, n))
PASS(FAULT_READ, letters_lane,
     (struct store_tx * t, int64_t sub, int64_t tgt, int64_t after, size_t max, struct arena *a, struct letter **out,
      size_t *n),
     (in(t), sub, tgt, after, max, a, out, n))
PASS(FAULT_READ, letters_in, (struct store_tx * t, int64_t sub, int64_t tgt, int64_t *n), (in(t), sub, tgt, n))
PASS(FAULT_CHANGE, letters_wake, (struct store_tx * t, int64_t sub, int64_t tgt, int64_t due), (in(t), sub, tgt, due))
PASS(FAULT_CHANGE, alarm_set, (struct store_tx * t, int64_t kind, int64_t rid, int64_t due), (in(t), kind, rid, due))
PASS(FAULT_READ, alarm_get, (struct store_tx * t, int64_t kind, int64_t rid, int64_t *due), (in(t), kind, rid, due))
PASS(FAULT_READ, alarms_due,
     (struct store_tx * t, int64_t when, size_t max, struct arena *a, struct alarm **out, size_t *n),
     (in(t), when, max, a, out, n))
PASS(FAULT_READ, alarm_next, (struct store_tx * t, int64_t *due), (in(t), due))
PASS(FAULT_CHANGE, alarms_drop, (struct store_tx * t, int64_t rid), (in(t), rid))
PASS(FAULT_READ, state_get, (struct store_tx * t, struct span key, struct arena *a, struct span *out),
     (in(t), key, a, out))
PASS(FAULT_CHANGE, state_put, (struct store_tx * t, struct span key, struct span octets), (in(t), key, octets))
PASS(FAULT_CHANGE, state_drop, (struct store_tx * t, struct span key), (in(t), key))

static const struct store_ops fault_ops = {
    .read = fault_read,
    .end = fault_end,
    .write = fault_write,
    .save = fault_save,
    .keep = fault_keep,
    .undo = fault_undo,
    .commit = fault_commit,
    .abort = fault_abort,
    .close = fault_close,
    .get = fault_get,
    .child = fault_child,
    .alias = fault_alias,
    .newest = fault_newest,
    .oldest = fault_oldest,
    .ranked = fault_ranked,
    .list = fault_list,
    .find = fault_find,
    .estimate = fault_estimate,
    .next_type = fault_next_type,
    .expired = fault_expired,
    .next_et = fault_next_et,
    .next_rid = fault_next_rid,
    .put = fault_put,
    .set = fault_set,
    .count = fault_count,
    .drop = fault_drop,
    .clear = fault_clear,
    .letter_put = fault_letter_put,
    .letters_due = fault_letters_due,
    .letter_next = fault_letter_next,
    .letter_done = fault_letter_done,
    .letter_delay = fault_letter_delay,
    .letters_drop = fault_letters_drop,
    .letters_count = fault_letters_count,
    .letters_lane = fault_letters_lane,
    .letters_in = fault_letters_in,
    .letters_wake = fault_letters_wake,
    .alarm_set = fault_alarm_set,
    .alarm_get = fault_alarm_get,
    .alarms_due = fault_alarms_due,
    .alarm_next = fault_alarm_next,
    .alarms_drop = fault_alarms_drop,
    .state_get = fault_state_get,
    .state_put = fault_state_put,
    .state_drop = fault_state_drop,
};

struct store *store_fault(struct store *inner, struct fault *plan)
{
    struct fault_store *f = inner ? calloc(1, sizeof *f) : NULL;
    if (!f) {
        if (inner)
            store_close(inner);
        return NULL;
    }
    f->head.ops = &fault_ops;
    memcpy(f->head.instance, inner->instance, sizeof f->head.instance);
    f->inner = inner;
    f->plan = plan;
    return &f->head;
}
