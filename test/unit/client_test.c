/* The client against servers that are not ours: a thread that says what the row says. */
#include "host/heap.h"
#include "net/client.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONNECTIONS_MAX = 4 };

/* What the server says on its first, second ... connection, after it has read a head; NULL: it closes. */
struct stranger {
    int fd;
    pthread_t thread;
    char address[NET_ADDR_TEXT_MAX];
    const char *say[CONNECTIONS_MAX];
    unsigned connections;
    bool octets;    /* one octet per segment */
    bool stay;      /* does not close by itself: the client must */
    bool second;    /* reads a second head on the first connection, and closes without a word */
    unsigned heads; /* that it has read; look at them when it has ended */
    char head[CONNECTIONS_MAX][512];
};

static bool read_head(struct stranger *s, int fd)
{
    char text[512] = "";
    size_t n = 0;
    while (n + 1 < sizeof text && !strstr(text, "\r\n\r\n")) {
        ssize_t r = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (r <= 0)
            return false;
        n += (size_t)r;
        text[n] = 0;
    }
    if (s->heads < CONNECTIONS_MAX)
        memcpy(s->head[s->heads], text, sizeof text);
    s->heads++;
    return true;
}

static void say(const struct stranger *s, int fd, const char *text)
{
    size_t n = strlen(text), step = s->octets ? 1 : n;
    for (size_t i = 0; i < n; i += step)
        if (send(fd, text + i, step, MSG_NOSIGNAL) < 0)
            return;
}

static void *serve(void *p)
{
    struct stranger *s = p;
    for (unsigned i = 0; i < s->connections; i++) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            break;
        if (read_head(s, fd) && s->say[i]) {
            say(s, fd, s->say[i]);
            if (s->second && i == 0)
                read_head(s, fd);
            if (s->stay)
                while (read_head(s, fd))
                    say(s, fd, s->say[i]);
        }
        close(fd);
    }
    return NULL;
}

static void open_stranger(struct stranger *s)
{
    struct net_addr a;
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:0"), &a), OK);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a.sa, a.n), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a.sa, &a.n), 0);
    net_addr_text(&a, s->address);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end_stranger(struct stranger *s)
{
    shutdown(s->fd, SHUT_RDWR); /* wakes an accept that nobody came to */
    pthread_join(s->thread, NULL);
    close(s->fd);
}

static void ask(struct net_loop *l, struct stranger *s, const char *method, struct http_reply_copy *r, enum err want)
{
    struct http_client *c;
    assert_int_equal(
        http_client_new(l, &(struct http_client_conf){.body_max = 64, .head_max = 512, .response_ms = 3000}, &c), OK);
    struct http_call call = {.address = span_str(s->address), .method = span_str(method), .target = SPAN("/x")};
    enum err e = http_call_wait(c, &call, r);
    if (e != want)
        fail_msg("%s: %s: %.*s", s->say[0] ? s->say[0] : "(closes)", err_name(e), SPAN_FMT(buf_span(&r->why)));
    http_client_free(c);
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *say;
        enum err e;
        int status;
        const char *body;
    } row[] = {
        {"HTTP/1.0 200 OK\r\n\r\nuntil the end", OK, 200, "until the end"}, /* bindings.md 1.5 */
        {"HTTP/1.0 200 OK\r\n\r\n", OK, 200, ""},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", OK, 200, "abc"},
        {"HTTP/1.1 201 \r\nContent-Length: 3\r\n\r\nabc", OK, 201, "abc"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n", OK, 200, "abc"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 H\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
         OK, 200, "ok"},
        {"HTTP/1.1 204 No\r\n\r\n", OK, 204, ""},
        {"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", OK, 304, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", ERR_CLOSED, 0, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", ERR_CLOSED, 0, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ERR_SYNTAX, 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", ERR_SYNTAX, 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", ERR_LIMIT, 0, ""},
        {"HTTP/1.0 200 OK\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789", ERR_LIMIT, 0,
         ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n", ERR_LIMIT, 0, ""},
        {"HTTP/1.1 101 Switching\r\n\r\n", ERR_SYNTAX, 0, ""},
        {"SSH-2.0-x\r\n", ERR_SYNTAX, 0, ""},
        {"", ERR_CLOSED, 0, ""},
    };
    struct net_loop *l;
    assert_int_equal(net_loop_new(&l), OK);
    for (size_t i = 0; i < 2 * LEN(row); i++) {
        struct stranger s = {.say = {row[i / 2].say}, .connections = 1, .octets = i & 1};
        struct http_reply_copy r;
        open_stranger(&s);
        ask(l, &s, "GET", &r, row[i / 2].e);
        if (row[i / 2].e == OK) {
            assert_int_equal(r.status, row[i / 2].status);
            assert_true(span_eq(buf_span(&r.body), span_str(row[i / 2].body)));
        } else {
            assert_true(span_starts(buf_span(&r.why), span_str(s.address)));
        }
        http_reply_copy_free(&r);
        end_stranger(&s);
    }
    net_loop_free(l);
}

static void test_head_has_no_body(void **state)
{
    (void)state;
    struct net_loop *l;
    struct http_reply_copy r;
    struct stranger s = {.say = {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"}, .connections = 1};
    assert_int_equal(net_loop_new(&l), OK);
    open_stranger(&s);
    ask(l, &s, "HEAD", &r, OK);
    assert_int_equal(r.body.n, 0);
    http_reply_copy_free(&r);
    end_stranger(&s);
    net_loop_free(l);
}

/* Two calls over one client; the server closes the kept connection when the second request has come. */
static void stale(const char *method, bool may_repeat, enum err want, unsigned heads)
{
    struct net_loop *l;
    struct http_client *c;
    struct http_reply_copy r;
    const char *ok = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
    struct stranger s = {
        .say = {ok, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"}, .connections = 2, .second = true};
    assert_int_equal(net_loop_new(&l), OK);
    assert_int_equal(http_client_new(l, NULL, &c), OK);
    open_stranger(&s);
    struct http_call call = {
        .address = span_str(s.address), .method = span_str(method), .target = SPAN("/x"), .may_repeat = may_repeat};
    assert_int_equal(http_call_wait(c, &call, &r), OK);
    http_reply_copy_free(&r);
    assert_int_equal(http_call_wait(c, &call, &r), want);
    if (want == OK)
        assert_true(span_eq(buf_span(&r.body), SPAN("2")));
    else
        assert_true(r.sent); /* it may have been carried out: only the caller can know */
    http_reply_copy_free(&r);
    http_client_free(c);
    end_stranger(&s);
    assert_int_equal(s.heads, heads);
    net_loop_free(l);
}

static void test_repeats_only_what_is_safe(void **state)
{
    (void)state;
    stale("GET", false, OK, 3);
    stale("POST", true, OK, 3);
    stale("POST", false, ERR_CLOSED, 2);
}

/* A fresh connection that is closed without an answer is not tried again. */
static void test_a_fresh_connection_is_tried_once(void **state)
{
    (void)state;
    struct net_loop *l;
    struct http_reply_copy r;
    struct stranger s = {.say = {NULL, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, .connections = 2};
    assert_int_equal(net_loop_new(&l), OK);
    open_stranger(&s);
    ask(l, &s, "GET", &r, ERR_CLOSED);
    http_reply_copy_free(&r);
    end_stranger(&s);
    assert_int_equal(s.heads, 1);
    net_loop_free(l);
}

static void test_what_is_sent(void **state)
{
    (void)state;
    struct net_loop *l;
    struct http_client *c;
    struct http_reply_copy r;
    struct stranger s = {
        .say = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-M2M-RSC: 2000\r\n\r\n"}, .connections = 1, .stay = true};
    assert_int_equal(net_loop_new(&l), OK);
    assert_int_equal(http_client_new(l, NULL, &c), OK);
    open_stranger(&s);
    struct http_call call = {.address = span_str(s.address),
                             .host = SPAN("in.example"),
                             .method = SPAN("POST"),
                             .target = SPAN("/x"),
                             .fields = SPAN("X-M2M-RI: 1\r\n"),
                             .body = SPAN("")};
    assert_int_equal(http_call_wait(c, &call, &r), OK);
    assert_true(span_eq(http_reply_copy_field(&r, SPAN("x-m2m-rsc")), SPAN("2000")));
    assert_null(http_reply_copy_field(&r, SPAN("x-m2m-ri")).p);
    http_reply_copy_free(&r);
    call.method = SPAN("GET");
    call.host = SPAN_NONE;
    call.fields = SPAN_NONE;
    assert_int_equal(http_call_wait(c, &call, &r), OK);
    http_reply_copy_free(&r);
    http_client_free(c);
    net_loop_turn(l);
    end_stranger(&s);
    assert_int_equal(s.heads, 2);
    assert_string_equal(s.head[0], "POST /x HTTP/1.1\r\nHost: in.example\r\nX-M2M-RI: 1\r\nContent-Length: 0\r\n\r\n");
    char want[128];
    snprintf(want, sizeof want, "GET /x HTTP/1.1\r\nHost: %s\r\n\r\n", s.address);
    assert_string_equal(s.head[1], want);
    net_loop_free(l);
}

static void test_host_names(void **state)
{
    (void)state;
    struct net_loop *l;
    struct http_reply_copy r;
    struct stranger s = {.say = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, .connections = 1};
    assert_int_equal(net_loop_new(&l), OK);
    open_stranger(&s);
    char by_name[NET_ADDR_TEXT_MAX];
    snprintf(by_name, sizeof by_name, "localhost%s", strchr(s.address, ':'));
    memcpy(s.address, by_name, sizeof by_name);
    ask(l, &s, "GET", &r, OK);
    http_reply_copy_free(&r);
    end_stranger(&s);
    struct stranger nowhere = {.address = "no-port"};
    ask(l, &nowhere, "GET", &r, ERR_SYNTAX);
    http_reply_copy_free(&r);
    net_loop_free(l);
}

struct counted {
    unsigned done, failed;
};

static void on_counted(void *ctx, const struct http_result *r)
{
    struct counted *c = ctx;
    c->done++;
    c->failed += r->e == ERR_NOTNOW;
}

static void test_free_ends_what_is_under_way(void **state)
{
    (void)state;
    struct net_loop *l;
    struct http_client *c;
    struct counted n = {0, 0};
    struct stranger s = {.say = {"HTTP/1.1 200 OK\r\n"}, .connections = 1, .stay = true};
    assert_int_equal(net_loop_new(&l), OK);
    assert_int_equal(http_client_new(l, &(struct http_client_conf){.per_target_max = 1}, &c), OK);
    open_stranger(&s);
    struct http_call call = {
        .address = span_str(s.address), .method = SPAN("GET"), .target = SPAN("/x"), .done = on_counted, .ctx = &n};
    for (int i = 0; i < 3; i++)
        http_call_start(c, &call, NULL);
    for (int i = 0; i < 5; i++)
        net_loop_turn(l);
    http_client_free(c);
    assert_int_equal(n.done, 3);
    assert_int_equal(n.failed, 3);
    net_loop_turn(l);
    end_stranger(&s);
    net_loop_free(l);
}

static void test_too_many_wait(void **state)
{
    (void)state;
    struct net_loop *l;
    struct http_client *c;
    struct counted n = {0, 0};
    assert_int_equal(net_loop_new(&l), OK);
    assert_int_equal(http_client_new(l, &(struct http_client_conf){.waiting_max = 2}, &c), OK);
    struct http_call call = {
        .address = SPAN("127.0.0.1:1"), .method = SPAN("GET"), .target = SPAN("/x"), .done = on_counted, .ctx = &n};
    for (int i = 0; i < 3; i++)
        http_call_start(c, &call, NULL);
    assert_int_equal(n.done, 0); /* never from within the call */
    while (n.done < 3)
        net_loop_turn(l);
    assert_int_equal(n.failed, 0);
    http_client_free(c);
    net_loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_repeats_only_what_is_safe),
        cmocka_unit_test(test_a_fresh_connection_is_tried_once),
        cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_free_ends_what_is_under_way),
        cmocka_unit_test(test_too_many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
