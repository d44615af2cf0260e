/* parent_admin.h - the admin socket, STATE/admin.sock: the operator's hand on this machine.
 *
 * A UNIX stream socket, mode 0600, opened before the parent is confined; the kernel's word on who is at the other end
 * (SO_PEERCRED) must be our own user or root. A request is one line of at most DESK_LINE octets, a command of admin.def
 * and its words; the answer one line of JSON {"v":1,"status":200,"answer":{...}}, where a status other than 200 comes
 * with error JSON `code what who object do` as answer. A secret is never in the line.
 *
 * To add a command of the parent: a row in admin.def and parent_admin_NAME. It answers by parent_answer or
 * parent_refuse, at once or later; until then the connection waits, and a restart of the rooms ends the wait with 503.
 */
#ifndef TTP_PARENT_ADMIN_H
#define TTP_PARENT_ADMIN_H

#include "ttp/admin.h"

#include <poll.h>

enum {
    DESK_CALLS = 8,           /* connections at a time */
    DESK_LINE = 4096,         /* octets of a request */
    DESK_OUT_MAX = 2 << 20,   /* octets of an answer */
    DESK_FDS = 1 + DESK_CALLS /* descriptors that are polled */
};

struct parent;

/* One connection. */
struct parent_call {
    int fd;
    bool waiting; /* for an answer */
    bool stays;   /* a new start of the rooms is part of the command */
    uint64_t id;  /* of the command that is with a room */
    size_t n;     /* octets of line */
    char line[DESK_LINE];
    struct buf out;
    size_t out_at;
};

struct parent_desk {
    int listen; /* -1: none */
    uint64_t next_id;
    struct parent_call call[DESK_CALLS];
};

/* Before the parent is confined. A dead socket file is replaced; ERR_EXISTS: another oneseal-ttp serves this state
 * folder (a sentence in `why`); ERR_IO. */
MUST_USE enum err parent_desk_open(struct parent *p, struct buf *why);
/* Closes and removes the socket. */
void parent_desk_close(struct parent *p);
/* Fills DESK_FDS entries for poll; parent_desk_turn takes them back. */
void parent_desk_fds(struct parent *p, struct pollfd f[DESK_FDS]);
void parent_desk_turn(struct parent *p, const struct pollfd f[DESK_FDS]);
/* The answer of a room. Unknown ids are dropped: whoever asked has gone. */
void parent_desk_done(struct parent *p, uint64_t id, uint16_t status, struct span json);
/* The connection that waits for this id; NULL: it has gone. */
struct parent_call *parent_desk_find(struct parent *p, uint64_t id);
/* Writes what can be written now. */
void parent_desk_push(struct parent_call *c);
/* Sends a line together with a descriptor, at once; hangs up when that fails. `fd` stays the caller's. */
void parent_desk_give(struct parent_call *c, int fd, struct span line);
/* The rooms start again: whoever waits for one is told so. */
void parent_desk_lost(struct parent *p);

/* Does, hands on or refuses the command of one line. */
void parent_command(struct parent *p, struct parent_call *c, struct span line);
/* Answers; `json` is one object without a line feed. */
void parent_answer(struct parent_call *c, unsigned status, struct span json);
/* Answers with error JSON; `todo` is a sentence. */
void parent_refuse(struct parent *p, struct parent_call *c, unsigned status, const char *code, const char *what,
                   const char *todo);

typedef void parent_admin_do(struct parent *p, struct parent_call *c, struct span words);
#define ADMIN_IS_PARENT(name) parent_admin_do parent_admin_##name;
#define ADMIN_IS_VAULT(name)
#define ADMIN_IS_LEDGER(name)
#define ADMIN(name, room, when, what) ADMIN_IS_##room(name)
#include "ttp/admin.def"
#undef ADMIN
#undef ADMIN_IS_PARENT
#undef ADMIN_IS_VAULT
#undef ADMIN_IS_LEDGER

#endif
