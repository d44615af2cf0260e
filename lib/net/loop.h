/* loop.h - one libuv loop: run it, wake it from other threads, timers, signals, addresses.
 *
 * Everything made on a loop belongs to it: use it from the thread that runs the loop only. The two
 * exceptions are net_loop_post (and its list form) and net_loop_stop. SIGPIPE is ignored in the whole
 * process from the first loop on. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/buf.h"

#include <sys/socket.h>

struct net_loop;
struct net_timer;
struct net_signal;
struct uv_loop_s;

/* ERR_NOMEM, ERR_IO (no descriptors left). Free with net_loop_free. */
MUST_USE enum err net_loop_new(struct net_loop **out);
/* Closes what is still open on it and gives it back. Not from within a callback. NULL is fine. */
void net_loop_free(struct net_loop *l);
/* Runs until net_loop_stop (also one called before). */
void net_loop_run(struct net_loop *l);
/* One turn: waits for something to happen, handles it, returns. For synchronous wrappers. */
void net_loop_turn(struct net_loop *l);
/* From any thread. net_loop_run returns after the present turn. */
void net_loop_stop(struct net_loop *l);
/* Milliseconds of the monotonic clock at the begin of this turn. */
int64_t net_loop_now(const struct net_loop *l);
/* For modules that speak libuv themselves (lib/host/admin). */
struct uv_loop_s *net_loop_uv(struct net_loop *l);

/* Something to run on the loop's thread, embedded in the caller's struct (container_of by hand). It is
 * the caller's memory, and the loop forgets it before `run` is called, so `run` may free it. */
struct net_post {
    struct net_post *next;
    void (*run)(struct net_post *p);
};
/* From any thread, without a lock: queues p; order is kept per posting thread. The loop is woken once
 * per batch, not per post. */
void net_loop_post(struct net_loop *l, struct net_post *p);
/* A whole list (linked by `next`, the last one NULL) with at most one wake-up. */
void net_loop_post_list(struct net_loop *l, struct net_post *first);

/* A timer; not running when it comes. ERR_NOMEM. */
MUST_USE enum err net_timer_new(struct net_loop *l, void (*fire)(void *ctx), void *ctx, struct net_timer **out);
/* Fires in `ms`, then every `every_ms` (0: once). Restarts a running one. */
void net_timer_start(struct net_timer *t, uint64_t ms, uint64_t every_ms);
void net_timer_stop(struct net_timer *t);
/* Never fires again, also when called from within `fire`. NULL is fine. */
void net_timer_free(struct net_timer *t);

/* Calls fire(ctx) on the loop for each signal `number` until the loop is freed. ERR_NOMEM, ERR_IO. */
MUST_USE enum err net_signal_on(struct net_loop *l, int number, void (*fire)(void *ctx), void *ctx);

/* ---- addresses */

enum { NET_ADDR_TEXT_MAX = 64 }; /* "[ffff:...:ffff]:65535" and its NUL */

struct net_addr {
    struct sockaddr_storage sa;
    socklen_t n;
};
/* Reads "127.0.0.1:8443" or "[::1]:8443" (numbers only, no name is looked up). ERR_SYNTAX, ERR_RANGE. */
MUST_USE enum err net_addr_parse(struct span text, struct net_addr *out);
/* Writes the same form, with a NUL; the result is `text`. */
const char *net_addr_text(const struct net_addr *a, char text[NET_ADDR_TEXT_MAX]);
bool net_addr_is_loopback(const struct net_addr *a);
/* The port in host order. */
uint16_t net_addr_port(const struct net_addr *a);

#endif
