/* mem.h - inside the memory store: what mem.c (rows, transactions) and mem_box.c (letters, small state) share. */
#ifndef STORE_MEM_H
#define STORE_MEM_H

#include <pthread.h>

#include "store/store.h"

/* One entry of the log from which a savepoint or the whole transaction is taken back, newest first. */
enum mem_did {
    DID_ADD,    /* a row is new */
    DID_DROP,   /* a row left; it keeps its links until commit */
    DID_SET,    /* old: its version before */
    DID_COUNT,  /* was: its counters before */
    DID_LETTER, /* a letter is new */
    DID_SENT,   /* a letter left */
    DID_DELAY,  /* was: due, tries */
    DID_ALARM,  /* was: kind, rid, due before */
    DID_STATE,  /* old: the value before, or NULL */
};
struct mem_log {
    enum mem_did did;
    void *obj, *old;
    int64_t was[5];
};

/* A text of its own. */
struct mem_text {
    size_t n;
    uint8_t p[];
};

/* Row: one version in one block with all its octets; the node carries the links. */
struct mem_ver {
    struct row r;
    struct span lbl[]; /* then the octets */
};
struct mem_node {
    struct mem_ver *v;
    int64_t rid, pid;
    struct mem_node *older, *newer;                   /* all rows by rid */
    struct mem_node *up, *first, *last, *prev, *next; /* children by rid */
    struct mem_node *by_rid, *by_name, *by_alias;     /* chains of the hash tables */
};

struct mem_lane {
    int64_t sub, tgt;
    struct mem_letter *first, *last;
    struct mem_lane *next;
};
struct mem_letter {
    struct letter l;
    struct mem_lane *lane;
    struct mem_letter *prev, *next;
    uint8_t octets[];
};

/* Alarms: a heap would be faster, an array is enough for what a memory store is for. */
struct mem_alarms {
    struct alarm *v;
    size_t n, cap;
};

struct mem_state {
    struct mem_state *next;
    struct mem_text *val; /* NULL: no such key */
    size_t n;
    uint8_t key[];
};

struct mem_table {
    struct mem_node **v;
    size_t cap, n;
};

struct mem {
    struct store head;
    pthread_rwlock_t lock; /* readers share it for the length of a transaction; the writer has it alone */
    struct store_tx reads, writes;
    struct mem_table rids, names, aliases;
    struct mem_node *oldest, *newest;
    int64_t next_rid, et_low; /* no row expires before et_low */
    struct mem_lane *lanes;
    struct mem_alarms alarms;
    struct mem_state *states;
    int64_t next_letter;
    struct mem_log *log;
    size_t nlog, caplog, mark;
};

/* Room for one more log entry, to be asked for before anything is changed. */
MUST_USE enum err mem_room(struct mem *m);
void mem_did(struct mem *m, enum mem_did did, void *obj, void *old);
struct mem_log *mem_last(struct mem *m);

/* mem_box.c: the outbox, the alarms and the small state, and how their entries of the log are taken back or made final.
 */
enum err mem_letter_put(struct store_tx *t, struct letter *l);
enum err mem_letters_due(struct store_tx *t, int64_t now, int64_t after, size_t max, struct arena *a,
                         struct letter **out, size_t *n);
enum err mem_letter_next(struct store_tx *t, int64_t *due);
enum err mem_letter_done(struct store_tx *t, int64_t id);
enum err mem_letter_delay(struct store_tx *t, int64_t id, int64_t due, uint32_t tries);
enum err mem_letters_drop(struct store_tx *t, int64_t sub);
enum err mem_letters_count(struct store_tx *t, int64_t sub, int64_t *n);
enum err mem_letters_lane(struct store_tx *t, int64_t sub, int64_t tgt, int64_t after, size_t max, struct arena *a,
                          struct letter **out, size_t *n);
enum err mem_letters_in(struct store_tx *t, int64_t sub, int64_t tgt, int64_t *n);
enum err mem_letters_wake(struct store_tx *t, int64_t sub, int64_t tgt, int64_t due);
enum err mem_alarm_set(struct store_tx *t, int64_t kind, int64_t rid, int64_t due);
enum err mem_alarm_get(struct store_tx *t, int64_t kind, int64_t rid, int64_t *due);
enum err mem_alarms_due(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct alarm **out, size_t *n);
enum err mem_alarm_next(struct store_tx *t, int64_t *due);
enum err mem_alarms_drop(struct store_tx *t, int64_t rid);
enum err mem_state_get(struct store_tx *t, struct span key, struct arena *a, struct span *out);
enum err mem_state_put(struct store_tx *t, struct span key, struct span octets);
enum err mem_state_drop(struct store_tx *t, struct span key);
void mem_box_undo(const struct mem_log *l);
void mem_box_final(const struct mem_log *l);
void mem_box_free(struct mem *m);

#endif
