/* store.h - where resources live: the contract that mem.c, sqlite.c, later pg.c and the fault wrapper fulfil.
 *
 * Readers and the writer. Each loop thread has a slot number; it opens a read transaction on its slot, works and
 * ends it before it returns to the loop (a snapshot is never held across turns). The one writer thread opens the
 * one write transaction, sets a savepoint for each job, and commits all of them at once. Every function below
 * works on both kinds; the ones marked W need the write transaction, which sees its own changes. After commit
 * has returned OK, every read transaction begun later sees the changes (a client reads its own write).
 *
 * Memory. Every span that a function hands out was copied into the arena that the caller gave; it lives as long
 * as that arena. Spans handed in are read during the call only.
 *
 * Errors. OK; ERR_NOTFOUND where stated; ERR_NOMEM (arena or heap); ERR_IO, ERR_DISK, ERR_LIMIT from below. After
 * one of the last three the caller rolls back to its savepoint; after a failed commit or undo nothing of the
 * transaction is stored.
 *
 * What the store does not know: what a type means, who may do what, that `et` has passed (but for the three
 * functions that take `now`), the order of checks. All of that is src/cse. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/span.h"

struct store;    /* a back end, open */
struct store_tx; /* one transaction */

enum {
    STORE_SLOTS_MAX = 64, /* read slots, one per loop thread */
    STORE_NAME_MAX = 256, /* octets of rn, alias, creator */
    STORE_BODY_MAX = 16 << 20,
    STORE_LABELS_MAX = 256,
    STORE_KEY_MAX = 128, /* octets of a key of the small state */
    STORE_PAGE = 1 << 20 /* octets of bodies after which a listing ends early, with `more` */
};

/* One resource. A resource is a row; `body` is the JSON object text that is served, whole but for what changes
 * by itself: the members lt, st, cni, cbs of types that have them *volatile* (container and CSEBase, ...; the
 * engine knows, see src/cse/view.h). Those are columns and join the text when it is served. So creating an
 * instance writes one row of instance and four integers of its parent, and never a large text. For an instance
 * (ty 4) the body is complete and RETRIEVE copies it. */
struct row {
    int64_t rid;         /* > 0, ascending in the order of creation, never used twice */
    int64_t pid;         /* rid of the parent; 0 for the CSEBase */
    uint32_t ty;         /* TS-0004 6.3.4.2.1 */
    struct span rn;      /* the name that the client chose; empty: the engine derives one from ty and rid */
    struct span alias;   /* unstructured identifier that is not the base-36 text of rid: the AE-ID-Stem of an AE, the
                            CSE-ID without slash of the CSEBase; of a remoteCSE "/" and its CSE-ID; else empty.
                            Unique in the store. */
    struct span creator; /* originator of the CREATE, for the default policy; empty: none */
    int64_t ct, lt;      /* ms since 1970 */
    int64_t et;          /* ms; INT64_MAX: never */
    int64_t st;          /* stateTag; 0 for types without */
    int64_t cni, cbs;    /* containers */
    int64_t cs;          /* instances: octets of content */
    int64_t subs;        /* number of subscription children, kept by the engine */
    int64_t rank;        /* place among its siblings of the same type when that is not their age: dgt of a
                            timeSeriesInstance; 0: none */
    struct span spec;    /* root of a specialization ("m2m:fwr", "hd:binSh"); empty for all other types */
    struct span body;    /* empty when the caller did not ask for it (`bare`) */
    /* put and set only, never filled by the reading functions: what the label index shall hold */
    const struct span *lbl;
    size_t nlbl;
};

/* A notification that waits. Letters of one lane (sub, tgt) leave in ascending order of id; only the first of a lane
 * is ever due, so a target that is down costs the others nothing (hint for SQL: letters behind the first carry
 * due = INT64_MAX until the first is done). */
struct letter {
    int64_t id;       /* given by put, ascending; names the event over all repeats */
    int64_t sub;      /* rid of the subscription, which may be gone already (deletion notice) */
    int64_t tgt;      /* which of its targets: any number that the engine chose */
    int64_t due;      /* ms since 1970, not before */
    uint32_t tries;   /* times it was sent without success */
    struct span to;   /* notification target as the subscription names it (URL or identifier) */
    struct span body; /* primitive content, JSON text with its root */
    struct span meta; /* engine's own: JSON object text (cr, rvi, what happens after success ...) */
};

/* A durable point in time of a resource. At most one for each pair (kind, rid); what a kind means is the engine's
 * (src/cse/alarm.def). The resource may be gone. */
struct alarm {
    int64_t kind, rid;
    int64_t due; /* ms since 1970 */
};

/* Result of the listing functions: an array of the arena, in ascending order of rid (or et, where it says so). */
struct rows {
    struct row *v;
    size_t n;
    bool more; /* there are rows behind the last one; go on after v[n-1].rid */
};

enum find_by { FIND_TYPE, FIND_LABEL, FIND_ALL };

struct store_ops {
    /* ---- transactions ---- */
    enum err (*read)(struct store *s, unsigned slot, struct store_tx **out);
    void (*end)(struct store_tx *t); /* ends a read transaction */
    enum err (*write)(struct store *s, struct store_tx **out);
    enum err (*save)(struct store_tx *t);   /* W: one savepoint; they do not nest */
    enum err (*keep)(struct store_tx *t);   /* W: forgets the savepoint, keeps what was done */
    enum err (*undo)(struct store_tx *t);   /* W: back to the savepoint, and forgets it */
    enum err (*commit)(struct store_tx *t); /* W: durable when it returns OK. Ends the transaction either way. */
    void (*abort)(struct store_tx *t);      /* W: nothing of it happened. Ends the transaction. */
    void (*close)(struct store *s);

    /* ---- one resource: ERR_NOTFOUND when there is none ---- */
    enum err (*get)(struct store_tx *t, int64_t rid, struct arena *a, struct row *out);
    enum err (*child)(struct store_tx *t, int64_t pid, struct span rn, struct arena *a, struct row *out);
    enum err (*alias)(struct store_tx *t, struct span alias, struct arena *a, struct row *out);
    /* The newest (largest rid) or oldest child of that type whose et is later than now. */
    enum err (*newest)(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a, struct row *out);
    enum err (*oldest)(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a, struct row *out);
    /* The first (last: the last) by rank of the children of that type with lo <= rank <= hi, rank not 0, and et later
     * than now; of equal ranks the one with the smaller (last: larger) rid. Its cost does not grow with their number
     * on disk. */
    enum err (*ranked)(struct store_tx *t, int64_t pid, uint32_t ty, int64_t lo, int64_t hi, bool last, int64_t now,
                       struct arena *a, struct row *out);

    /* ---- many resources ---- */
    /* Children of pid with rid > after, at most max (fewer when their bodies are more than STORE_PAGE together); ty 0:
     * of every type. bare: without body. */
    enum err (*list)(struct store_tx *t, int64_t pid, uint32_t ty, int64_t after, size_t max, bool bare,
                     struct arena *a, struct rows *out);
    /* Rows of the whole store with rid > after, by an index: FIND_TYPE ty, FIND_LABEL label (exactly), FIND_ALL: every
     * row. The engine checks that they stand below the root of its search by walking up. */
    enum err (*find)(struct store_tx *t, enum find_by by, uint32_t ty, struct span label, int64_t after, size_t max,
                     bool bare, struct arena *a, struct rows *out);
    /* How many rows that index has, counted up to max. */
    enum err (*estimate)(struct store_tx *t, enum find_by by, uint32_t ty, struct span label, int64_t max, int64_t *n);
    /* The smallest type above `ty` that pid has children of; 0: none. */
    enum err (*next_type)(struct store_tx *t, int64_t pid, uint32_t ty, uint32_t *out);
    /* Rows with et <= now in ascending order of et, at most max, without body. */
    enum err (*expired)(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct rows *out);
    /* The earliest et of all; INT64_MAX: none. */
    enum err (*next_et)(struct store_tx *t, int64_t *et);

    /* ---- changes (W) ---- */
    /* A fresh rid; never given twice, not even after undo, abort or a crash (a rid that was never committed may be). */
    enum err (*next_rid)(struct store_tx *t, int64_t *rid);
    /* ERR_EXISTS: rid, alias, or (pid, rn) with a non-empty rn is there already; nothing was changed. */
    enum err (*put)(struct store_tx *t, const struct row *r);
    /* Replaces everything but rid, pid, ty, rn, spec; labels too. ERR_NOTFOUND; ERR_EXISTS (alias). */
    enum err (*set)(struct store_tx *t, const struct row *r);
    /* Replaces lt, st, cni, cbs, subs only. ERR_NOTFOUND. */
    enum err (*count)(struct store_tx *t, const struct row *r);
    /* Removes one row, which has no children any more. ERR_NOTFOUND. */
    enum err (*drop)(struct store_tx *t, int64_t rid);
    /* Removes all children of pid of that type whose subs is 0 (they have no children themselves); *n tells how many.
     */
    enum err (*clear)(struct store_tx *t, int64_t pid, uint32_t ty, int64_t *n);

    /* ---- outbox ---- */
    enum err (*letter_put)(struct store_tx *t, struct letter *l); /* W: sets l->id */
    /* Firsts of their lanes with due <= now and id > after, ascending by id, at most max. */
    enum err (*letters_due)(struct store_tx *t, int64_t now, int64_t after, size_t max, struct arena *a,
                            struct letter **out, size_t *n);
    enum err (*letter_next)(struct store_tx *t, int64_t *due); /* earliest due; INT64_MAX: none */
    enum err (*letter_done)(struct store_tx *t, int64_t id);   /* W: removes it; ERR_NOTFOUND */
    /* W: not before due, and tries as given; the lane waits with it. ERR_NOTFOUND */
    enum err (*letter_delay)(struct store_tx *t, int64_t id, int64_t due, uint32_t tries);
    enum err (*letters_drop)(struct store_tx *t, int64_t sub);              /* W: all letters of a subscription */
    enum err (*letters_count)(struct store_tx *t, int64_t sub, int64_t *n); /* sub 0: of all */
    /* Letters of one lane with id > after, ascending, at most max, due or not. */
    enum err (*letters_lane)(struct store_tx *t, int64_t sub, int64_t tgt, int64_t after, size_t max, struct arena *a,
                             struct letter **out, size_t *n);
    enum err (*letters_in)(struct store_tx *t, int64_t sub, int64_t tgt, int64_t *n); /* how many the lane holds */
    /* W: the first letters of the lanes (sub, tgt), of (any, tgt) with sub 0, that are due later are due at `due`. */
    enum err (*letters_wake)(struct store_tx *t, int64_t sub, int64_t tgt, int64_t due);

    /* ---- alarms ---- */
    enum err (*alarm_set)(struct store_tx *t, int64_t kind, int64_t rid, int64_t due);  /* W: INT64_MAX removes it */
    enum err (*alarm_get)(struct store_tx *t, int64_t kind, int64_t rid, int64_t *due); /* INT64_MAX: not set */
    /* With due <= now, ascending by due, kind, rid; at most max. */
    enum err (*alarms_due)(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct alarm **out, size_t *n);
    enum err (*alarm_next)(struct store_tx *t, int64_t *due); /* earliest; INT64_MAX: none */
    enum err (*alarms_drop)(struct store_tx *t, int64_t rid); /* W: all of a resource; drop and clear do not */

    /* ---- small state: key -> octets ---- */
    enum err (*state_get)(struct store_tx *t, struct span key, struct arena *a, struct span *out); /* ERR_NOTFOUND */
    enum err (*state_put)(struct store_tx *t, struct span key, struct span octets);                /* W */
    enum err (*state_drop)(struct store_tx *t, struct span key); /* W: no such key is OK */
};

/* The heads of the two objects; back ends put them first into their own. */
struct store {
    const struct store_ops *ops;
    uint8_t instance[16]; /* random, made when the store was created, the same for ever */
};
struct store_tx {
    const struct store_ops *ops;
    struct store *store;
    bool writes;
};

/* In memory, gone at close; savepoints and all. Readers and the writer may be of different threads, but see
 * one another's changes only between transactions. `instance` is the identity to show. NULL: no memory. */
struct store *store_mem(const uint8_t instance[16]);
/* A folder on disk: SQLite in WAL mode (src/store/sqlite.c). Makes the folder and the schema when missing.
 * full: durable over a power loss (synchronous=FULL), else over the end of the process. ERR_IO, ERR_DISK,
 * ERR_CONFIG (a foreign or newer file), ERR_NOTNOW (another process has it). */
MUST_USE enum err store_sqlite(const char *dir, bool full, const uint8_t fresh_instance[16], struct store **out);

/* ---- calls ----------------------------------------------------------------------------------------- */
static inline MUST_USE enum err store_read(struct store *s, unsigned slot, struct store_tx **out)
{
    return s->ops->read(s, slot, out);
}
static inline void store_end(struct store_tx *t)
{
    t->ops->end(t);
}
static inline MUST_USE enum err store_write(struct store *s, struct store_tx **out)
{
    return s->ops->write(s, out);
}
static inline MUST_USE enum err store_save(struct store_tx *t)
{
    return t->ops->save(t);
}
static inline MUST_USE enum err store_keep(struct store_tx *t)
{
    return t->ops->keep(t);
}
static inline MUST_USE enum err store_undo(struct store_tx *t)
{
    return t->ops->undo(t);
}
static inline MUST_USE enum err store_commit(struct store_tx *t)
{
    return t->ops->commit(t);
}
static inline void store_abort(struct store_tx *t)
{
    t->ops->abort(t);
}
static inline void store_close(struct store *s)
{
    s->ops->close(s);
}

static inline MUST_USE enum err store_get(struct store_tx *t, int64_t rid, struct arena *a, struct row *out)
{
    return t->ops->get(t, rid, a, out);
}
static inline MUST_USE enum err store_child(struct store_tx *t, int64_t pid, struct span rn, struct arena *a,
                                            struct row *out)
{
    return t->ops->child(t, pid, rn, a, out);
}
static inline MUST_USE enum err store_alias(struct store_tx *t, struct span alias, struct arena *a, struct row *out)
{
    return t->ops->alias(t, alias, a, out);
}
static inline MUST_USE enum err store_newest(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a,
                                             struct row *out)
{
    return t->ops->newest(t, pid, ty, now, a, out);
}
static inline MUST_USE enum err store_oldest(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a,
                                             struct row *out)
{
    return t->ops->oldest(t, pid, ty, now, a, out);
}
static inline MUST_USE enum err store_ranked(struct store_tx *t, int64_t pid, uint32_t ty, int64_t lo, int64_t hi,
                                             bool last, int64_t now, struct arena *a, struct row *out)
{
    return t->ops->ranked(t, pid, ty, lo, hi, last, now, a, out);
}
static inline MUST_USE enum err store_list(struct store_tx *t, int64_t pid, uint32_t ty, int64_t after, size_t max,
                                           bool bare, struct arena *a, struct rows *out)
{
    return t->ops->list(t, pid, ty, after, max, bare, a, out);
}
static inline MUST_USE enum err store_find(struct store_tx *t, enum find_by by, uint32_t ty, struct span label,
                                           int64_t after, size_t max, bool bare, struct arena *a, struct rows *out)
{
    return t->ops->find(t, by, ty, label, after, max, bare, a, out);
}
static inline MUST_USE enum err store_estimate(struct store_tx *t, enum find_by by, uint32_t ty, struct span label,
                                               int64_t max, int64_t *n)
{
    return t->ops->estimate(t, by, ty, label, max, n);
}
static inline MUST_USE enum err store_next_type(struct store_tx *t, int64_t pid, uint32_t ty, uint32_t *out)
{
    return t->ops->next_type(t, pid, ty, out);
}
static inline MUST_USE enum err store_expired(struct store_tx *t, int64_t now, size_t max, struct arena *a,
                                              struct rows *out)
{
    return t->ops->expired(t, now, max, a, out);
}
static inline MUST_USE enum err store_next_et(struct store_tx *t, int64_t *et)
{
    return t->ops->next_et(t, et);
}
static inline MUST_USE enum err store_next_rid(struct store_tx *t, int64_t *rid)
{
    return t->ops->next_rid(t, rid);
}
static inline MUST_USE enum err store_put(struct store_tx *t, const struct row *r)
{
    return t->ops->put(t, r);
}
static inline MUST_USE enum err store_set(struct store_tx *t, const struct row *r)
{
    return t->ops->set(t, r);
}
static inline MUST_USE enum err store_count(struct store_tx *t, const struct row *r)
{
    return t->ops->count(t, r);
}
static inline MUST_USE enum err store_drop(struct store_tx *t, int64_t rid)
{
    return t->ops->drop(t, rid);
}
static inline MUST_USE enum err store_clear(struct store_tx *t, int64_t pid, uint32_t ty, int64_t *n)
{
    return t->ops->clear(t, pid, ty, n);
}
static inline MUST_USE enum err store_letter_put(struct store_tx *t, struct letter *l)
{
    return t->ops->letter_put(t, l);
}
static inline MUST_USE enum err store_letters_due(struct store_tx *t, int64_t now, int64_t after, size_t max,
                                                  struct arena *a, struct letter **out, size_t *n)
{
    return t->ops->letters_due(t, now, after, max, a, out, n);
}
static inline MUST_USE enum err store_letter_next(struct store_tx *t, int64_t *due)
{
    return t->ops->letter_next(t, due);
}
static inline MUST_USE enum err store_letter_done(struct store_tx *t, int64_t id)
{
    return t->ops->letter_done(t, id);
}
static inline MUST_USE enum err store_letter_delay(struct store_tx *t, int64_t id, int64_t due, uint32_t tries)
{
    return t->ops->letter_delay(t, id, due, tries);
}
static inline MUST_USE enum err store_letters_drop(struct store_tx *t, int64_t sub)
{
    return t->ops->letters_drop(t, sub);
}
static inline MUST_USE enum err store_letters_count(struct store_tx *t, int64_t sub, int64_t *n)
{
    return t->ops->letters_count(t, sub, n);
}
static inline MUST_USE enum err store_letters_lane(struct store_tx *t, int64_t sub, int64_t tgt, int64_t after,
                                                   size_t max, struct arena *a, struct letter **out, size_t *n)
{
    return t->ops->letters_lane(t, sub, tgt, after, max, a, out, n);
}
static inline MUST_USE enum err store_letters_in(struct store_tx *t, int64_t sub, int64_t tgt, int64_t *n)
{
    return t->ops->letters_in(t, sub, tgt, n);
}
static inline MUST_USE enum err store_letters_wake(struct store_tx *t, int64_t sub, int64_t tgt, int64_t due)
{
    return t->ops->letters_wake(t, sub, tgt, due);
}
static inline MUST_USE enum err store_alarm_set(struct store_tx *t, int64_t kind, int64_t rid, int64_t due)
{
    return t->ops->alarm_set(t, kind, rid, due);
}
static inline MUST_USE enum err store_alarm_get(struct store_tx *t, int64_t kind, int64_t rid, int64_t *due)
{
    return t->ops->alarm_get(t, kind, rid, due);
}
static inline MUST_USE enum err store_alarms_due(struct store_tx *t, int64_t now, size_t max, struct arena *a,
                                                 struct alarm **out, size_t *n)
{
    return t->ops->alarms_due(t, now, max, a, out, n);
}
static inline MUST_USE enum err store_alarm_next(struct store_tx *t, int64_t *due)
{
    return t->ops->alarm_next(t, due);
}
static inline MUST_USE enum err store_alarms_drop(struct store_tx *t, int64_t rid)
{
    return t->ops->alarms_drop(t, rid);
}
static inline MUST_USE enum err store_state_get(struct store_tx *t, struct span key, struct arena *a, struct span *out)
{
    return t->ops->state_get(t, key, a, out);
}
static inline MUST_USE enum err store_state_put(struct store_tx *t, struct span key, struct span octets)
{
    return t->ops->state_put(t, key, octets);
}
static inline MUST_USE enum err store_state_drop(struct store_tx *t, struct span key)
{
    return t->ops->state_drop(t, key);
}

#endif
