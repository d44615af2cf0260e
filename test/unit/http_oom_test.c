/* Every allocation of the server fails in turn: it says so or closes, forgets nothing, and serves the next one. */
#include "net/http.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

/* The linker sends our libraries' calls here (--wrap). Only the thread that is armed counts. */
static _Thread_local long countdown = -1;
static _Thread_local bool failed;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);

static bool fails(void)
{
    if (countdown < 0 || countdown-- > 0)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
    return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

static struct http_req *late;

static void handle(void *ctx, struct http_req *r)
{
    (void)ctx;
    if (span_eq(r->path, SPAN("/late"))) {
        late = r;
        return;
    }
    static uint8_t large[40000];
    http_reply(r, &(struct http_answer){.status = 200, .body = {large, sizeof large}});
    if (late) {
        http_reply(late, &(struct http_answer){.status = 200});
        late = NULL;
    }
}

/* The second request answers the first one. When it could not be taken, time does: whatever happens, a request
 * is answered. */
static void on_beat(void *ctx)
{
    (void)ctx;
    struct http_req *r = late;
    late = NULL;
    if (r)
        http_reply(r, &(struct http_answer){.status = 200});
}

struct peer {
    struct net_addr at;
    pthread_t thread;
    size_t got;
    bool whole; /* three answers, the last one closes */
    char first[16];
    _Atomic bool done;
};

static void *ask(void *p)
{
    static const char head[] = "GET /late HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
                               "POST /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n";
    struct peer *k = p;
    char piece[65536];
    struct timeval soon = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    memset(piece, 'b', sizeof piece);
    if (connect(fd, (struct sockaddr *)&k->at.sa, k->at.n) == 0 && send(fd, head, sizeof head - 1, MSG_NOSIGNAL) > 0 &&
        send(fd, piece, 60000, MSG_NOSIGNAL) > 0) {
        ssize_t n;
        while ((n = recv(fd, piece, sizeof piece, 0)) > 0) {
            if (k->got == 0)
                memcpy(k->first, piece, n < 12 ? (size_t)n : 12);
            k->got += (size_t)n;
        }
        k->whole = n == 0 && k->got > 80000;
    }
    close(fd);
    k->done = true;
    return NULL;
}

static struct peer visit(struct net_loop *l, struct http_server *s, long n)
{
    struct peer k = {.at = http_server_addr(s)};
    assert_int_equal(pthread_create(&k.thread, NULL, ask, &k), 0);
    while (!k.done) {
        countdown = n;
        net_loop_turn(l);
        n = countdown;
        countdown = -1;
    }
    pthread_join(k.thread, NULL);
    return k;
}

static void test_each_allocation_of_a_visit(void **state)
{
    (void)state;
    struct net_loop *l;
    struct http_server *s;
    struct net_timer *beat;
    struct http_conf conf = {.limits = http_limits_default(), .handle = handle, .wipe = true};
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:0"), &conf.addr), OK);
    unsigned n = 0, refused = 0;
    for (failed = true; failed; n++) {
        failed = false;
        assert_int_equal(net_loop_new(&l), OK);
        assert_int_equal(net_timer_new(l, on_beat, NULL, &beat), OK);
        net_timer_start(beat, 5, 5); /* also ends a turn when the peer is done */
        assert_int_equal(http_server_new(l, &conf, &s, NULL), OK);
        struct peer k = visit(l, s, (long)n);
        assert_true(failed || k.whole);
        refused += failed && k.got > 0 && memcmp(k.first, "HTTP/1.1 503", 12) == 0;
        k = visit(l, s, -1);
        assert_true(k.whole);
        on_beat(NULL);
        http_server_free(s);
        net_loop_free(l);
    }
    assert_true(n > 5); /* there were allocations to fail */
    assert_true(refused > 0);
}

static void test_each_allocation_of_the_start(void **state)
{
    (void)state;
    unsigned n = 0;
    struct http_conf conf = {.limits = http_limits_default(), .handle = handle};
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:0"), &conf.addr), OK);
    for (failed = true; failed; n++) {
        struct net_loop *l;
        struct http_server *s = NULL;
        failed = false;
        countdown = (long)n;
        enum err e = net_loop_new(&l);
        if (e == OK)
            e = http_server_new(l, &conf, &s, NULL);
        countdown = -1;
        assert_int_equal(e, failed ? ERR_NOMEM : OK);
        http_server_free(s);
        net_loop_free(l);
    }
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_of_a_visit),
        cmocka_unit_test(test_each_allocation_of_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
