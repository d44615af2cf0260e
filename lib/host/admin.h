/* admin.h - the local admin socket: one line in, one line of JSON out.
 *
 * A UNIX stream socket, mode 0600; the kernel's word on who is at the other end (SO_PEERCRED) must be our
 * own user or root, otherwise the answer is an error and the connection is closed. A request is a line of
 * at most ADMIN_LINE_MAX octets "verb argument argument"; the answer is one line of JSON. */
#ifndef HOST_ADMIN_H
#define HOST_ADMIN_H

#include "base/buf.h"

struct admin;
struct uv_loop_s;

enum { ADMIN_LINE_MAX = 4096, ADMIN_ANSWER_MAX = 1 << 20, ADMIN_CONNECTIONS_MAX = 8 };

/* Answers a request: writes one JSON value without newline to `out`. Called on the loop. `verb` is the first
 * word, `rest` what stands behind it. An error in `out` or nothing written gives {"error":...}. */
typedef void admin_handler(void *ctx, struct span verb, struct span rest, struct buf *out);

/* Listens at `path`; a dead socket file there is replaced, a living one is ERR_EXISTS. ERR_IO, ERR_LIMIT (path too
 * long). */
MUST_USE enum err admin_open(struct uv_loop_s *loop, const char *path, admin_handler *handle, void *ctx,
                             struct admin **out, struct buf *why);
/* Closes and removes the socket file; its memory goes with the next turns of the loop. NULL is fine. */
void admin_close(struct admin *a);

/* The client side, synchronous: sends the line, reads the answer (without newline) into `out`.
 * ERR_UNREACHABLE (nobody listens), ERR_AUTH (not our user), ERR_TIMEOUT, ERR_IO, ERR_LIMIT. */
MUST_USE enum err admin_ask(const char *path, struct span line, unsigned timeout_ms, struct buf *out);

#endif
