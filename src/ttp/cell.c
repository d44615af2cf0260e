#include "ttp/cell.h"

#include "host/sandbox.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum { LOCK_LEAST = 64 << 20 }; /* with less than this, locking everything would soon fail an allocation */

static const struct {
    enum cell_room room;
    const char *call;
} rows[] = {
#define CALL(room, call, why) {CELL_##room, #call},
#include "ttp/cell.def"
#undef CALL
};

static bool known(const char *const *names, size_t n, const char *call)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], call) == 0)
            return true;
    return false;
}

/* A filter is inherited: whoever starts a room keeps what that room keeps and needs to start. */
static bool keeps(enum cell_room room, enum cell_room row)
{
    return row == room || (room == CELL_PARENT && row != CELL_COURIER) || room == CELL_PARENT_OUT ||
           (room == CELL_HALL && (row == CELL_TELLER || row == CELL_START));
}

size_t cell_calls(enum cell_room room, const char *names[CELL_CALLS_MAX])
{
    const char *own[CELL_CALLS_MAX];
    const char **out = names ? names : own;
    size_t n = 0;
    for (size_t i = 0; i < LEN(rows); i++)
        if (keeps(room, rows[i].room) && n < CELL_CALLS_MAX && !known(out, n, rows[i].call))
            out[n++] = rows[i].call;
    return n;
}

enum err cell_enter(enum cell_room room)
{
    const char *names[CELL_CALLS_MAX];
    tzset(); /* otherwise the first gmtime_r opens a file */
    return sandbox_enter_list(names, cell_calls(room, names));
}

bool cell_lock_memory(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_MEMLOCK, &r) != 0)
        return false;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_MEMLOCK, &r);
    return (r.rlim_max == RLIM_INFINITY || r.rlim_max >= LOCK_LEAST) && mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}
