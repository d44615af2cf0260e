/* fault.h - a store around another store that fails when it is told to. For tests only; no program links it.
 *
 * Calls of the kinds in `at` are counted; the one after `left` more of them does not reach the store behind and
 * returns `e`, and so does every later one until `left` is set again. A failed commit or undo leaves the
 * transaction behind as it must be left: aborted. */
#ifndef STORE_FAULT_H
#define STORE_FAULT_H

#include <stdatomic.h>

#include "store/store.h"

enum fault_at {
    FAULT_READ = 1,   /* beginning a read transaction, and every reading function */
    FAULT_WRITE = 2,  /* beginning the write transaction */
    FAULT_CHANGE = 4, /* put, set, count, drop, clear, next_rid, letters, state */
    FAULT_SAVE = 8,   /* save and keep */
    FAULT_UNDO = 16,
    FAULT_COMMIT = 32
};
enum { FAULT_NEVER = -1 };

struct fault {
    atomic_int left; /* FAULT_NEVER: no fault */
    int at;          /* enum fault_at, added */
    enum err e;
};

/* Owns `inner` from now on, also when it returns NULL (no memory). `plan` stays the caller's and outlives it. */
struct store *store_fault(struct store *inner, struct fault *plan);

#endif
