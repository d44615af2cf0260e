/* cell.h - locking a room from inside: the rows of cell.def become its seccomp filter. */
#ifndef TTP_CELL_H
#define TTP_CELL_H

#include "base/span.h"

enum cell_room {
    CELL_PARENT,
    CELL_START,
    CELL_UNSEALER,
    CELL_UNSEALER_TPM2,
    CELL_VAULT,
    CELL_LEDGER,
    CELL_FRONT,
    CELL_COURIER,
    CELL_PARENT_OUT,
    CELL_HALL,
    CELL_TELLER,
    CELL__N
};

/* For all threads, for good. A call outside the rows kills the process. The parent enters before it starts a room; each
 * room enters its own on top of that (CELL_START is no room to enter). CELL_PARENT_OUT is the parent of a house with a
 * courier: only there is a socket ever made. ERR_IO, ERR_UNSUPPORTED. */
MUST_USE enum err cell_enter(enum cell_room room);
/* How many calls the room keeps, each once; the parent keeps what any room keeps, too, and the hall what its tellers
 * keep and need to start. *names (may be NULL) gets them, at most CELL_CALLS_MAX. */
enum { CELL_CALLS_MAX = 128 };
size_t cell_calls(enum cell_room room, const char *names[CELL_CALLS_MAX]);
/* Locks present and future memory into RAM where the limit allows it; false: only the keys' own pages are locked. */
bool cell_lock_memory(void);

#endif
