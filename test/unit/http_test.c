/* The server and the client on one loop, over real sockets. */
#include "host/heap.h"
#include "net/client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct house {
    struct net_loop *loop;
    struct http_server *server;
    struct http_client *client;
    char address[NET_ADDR_TEXT_MAX];
    struct http_req *kept[8];
    unsigned kept_n, handled;
};

static void echo(struct http_req *r)
{
    struct http_answer a = {
        .status = 200, .fields = SPAN("Content-Type: text/plain\r\nX-M2M-RSC: 2000\r\n"), .body = r->body};
    if (r->body.n == 0)
        a.body = r->target;
    http_reply(r, &a);
}

static void handle(void *ctx, struct http_req *r)
{
    struct house *h = ctx;
    h->handled++;
    if (span_eq(r->path, SPAN("/keep")) && h->kept_n < LEN(h->kept)) {
        h->kept[h->kept_n++] = r;
        return;
    }
    if (span_eq(r->path, SPAN("/nothing"))) {
        http_reply(r, &(struct http_answer){.status = 204});
        return;
    }
    if (span_eq(r->path, SPAN("/close"))) {
        http_reply(r, &(struct http_answer){.status = 200, .close = true});
        return;
    }
    echo(r);
}

static void open_house(struct house *h, struct http_limits limits)
{
    memset(h, 0, sizeof *h);
    assert_int_equal(net_loop_new(&h->loop), OK);
    struct http_conf conf = {.limits = limits, .handle = handle, .ctx = h, .wipe = true};
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:0"), &conf.addr), OK);
    assert_int_equal(http_server_new(h->loop, &conf, &h->server, NULL), OK);
    struct net_addr at = http_server_addr(h->server);
    net_addr_text(&at, h->address);
    assert_int_equal(http_client_new(h->loop, &(struct http_client_conf){.wipe = true}, &h->client), OK);
}

static void close_house(struct house *h)
{
    http_client_free(h->client);
    http_server_free(h->server);
    net_loop_free(h->loop);
}

static struct http_call call_to(struct house *h, const char *method, const char *target, struct span body)
{
    return (struct http_call){
        .address = span_str(h->address), .method = span_str(method), .target = span_str(target), .body = body};
}

static void ask(struct house *h, const char *method, const char *target, struct span body, int status, struct span want)
{
    struct http_call c = call_to(h, method, target, body);
    struct http_reply_copy r;
    assert_int_equal(http_call_wait(h->client, &c, &r), OK);
    assert_int_equal(r.status, status);
    assert_int_equal(r.body.n, want.n);
    if (want.n > 0)
        assert_memory_equal(r.body.p, want.p, want.n);
    http_reply_copy_free(&r);
}

static void test_one_connection_serves_many_calls(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, http_limits_default());
    ask(&h, "GET", "/a?b=c", SPAN_NONE, 200, SPAN("/a?b=c"));
    ask(&h, "POST", "/x", SPAN("hello"), 200, SPAN("hello"));
    ask(&h, "GET", "/nothing", SPAN_NONE, 204, SPAN_NONE);
    ask(&h, "HEAD", "/head", SPAN_NONE, 200, SPAN_NONE);
    ask(&h, "DELETE", "/d", SPAN_NONE, 200, SPAN("/d"));
    assert_int_equal(http_server_counts(h.server)->accepted, 1);
    assert_int_equal(http_server_counts(h.server)->requests, 5);
    close_house(&h);
}

static void test_close_ends_the_connection(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, http_limits_default());
    ask(&h, "GET", "/close", SPAN_NONE, 200, SPAN_NONE);
    ask(&h, "GET", "/a", SPAN_NONE, 200, SPAN("/a"));
    assert_int_equal(http_server_counts(h.server)->accepted, 2);
    close_house(&h);
}

static void test_large_bodies_both_ways(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, http_limits_default());
    size_t n = 1 << 20;
    uint8_t *big = malloc(n);
    for (size_t i = 0; i < n; i++)
        big[i] = (uint8_t)(i * 31 >> 3);
    ask(&h, "POST", "/big", span_of(big, n), 200, span_of(big, n));
    struct http_call c = call_to(&h, "POST", "/big", SPAN_NONE);
    uint8_t *bigger = calloc(1, n + 1);
    c.body = span_of(bigger, n + 1);
    struct http_reply_copy r;
    assert_int_equal(http_call_wait(h.client, &c, &r), OK);
    assert_int_equal(r.status, 413);
    assert_non_null(strstr((char *)r.body.p, "limit body = 1048576 octets"));
    http_reply_copy_free(&r);
    free(big);
    free(bigger);
    close_house(&h);
}

struct tally {
    unsigned done, ok;
    enum err e[16];
    char order[16];
};

static void on_tally(void *ctx, const struct http_result *r)
{
    struct tally *t = ctx;
    if (t->done < LEN(t->e)) {
        t->e[t->done] = r->e;
        t->order[t->done] = r->body.n > 0 ? (char)r->body.p[r->body.n - 1] : '-';
    }
    t->done++;
    t->ok += r->e == OK && r->status == 200;
}

static void test_answers_may_come_later_and_in_any_order(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, http_limits_default());
    struct tally t = {0};
    for (int i = 0; i < 4; i++) {
        char target[16];
        snprintf(target, sizeof target, "/keep?%d", i);
        struct http_call c = call_to(&h, "GET", target, SPAN_NONE);
        c.done = on_tally;
        c.ctx = &t;
        http_call_start(h.client, &c, NULL);
    }
    while (h.kept_n < 4)
        net_loop_turn(h.loop);
    for (int i = 3; i >= 0; i--)
        echo(h.kept[i]);
    while (t.done < 4)
        net_loop_turn(h.loop);
    assert_int_equal(t.ok, 4);
    close_house(&h);
}

static void test_refused_and_unanswered(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, http_limits_default());
    struct http_call c = call_to(&h, "GET", "/keep", SPAN_NONE);
    c.response_ms = 80;
    struct http_reply_copy r;
    assert_int_equal(http_call_wait(h.client, &c, &r), ERR_TIMEOUT);
    assert_non_null(strstr((char *)r.why.p, "no answer within 80 ms"));
    http_reply_copy_free(&r);
    while (!http_req_gone(h.kept[0]))
        net_loop_turn(h.loop);
    echo(h.kept[0]); /* to nobody */
    http_server_free(h.server);
    h.server = NULL;
    net_loop_turn(h.loop);
    c = call_to(&h, "GET", "/a", SPAN_NONE);
    assert_int_equal(http_call_wait(h.client, &c, &r), ERR_UNREACHABLE);
    assert_non_null(strstr((char *)r.why.p, "Connection refused"));
    http_reply_copy_free(&r);
    close_house(&h);
}

static void test_calls_in_line_and_cancelled(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, http_limits_default());
    http_client_free(h.client);
    assert_int_equal(http_client_new(h.loop, &(struct http_client_conf){.per_target_max = 1}, &h.client), OK);
    struct tally t = {0};
    struct http_pending *p[3];
    const char *target[] = {"/keep?1", "/2", "/3"};
    for (int i = 0; i < 3; i++) {
        struct http_call c = call_to(&h, "GET", target[i], SPAN_NONE);
        c.done = on_tally;
        c.ctx = &t;
        http_call_start(h.client, &c, &p[i]);
    }
    while (h.kept_n < 1)
        net_loop_turn(h.loop);
    assert_int_equal(h.handled, 1); /* one connection, so the others wait */
    http_call_cancel(p[1]);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.e[0], ERR_NOTNOW);
    echo(h.kept[0]);
    while (t.done < 3)
        net_loop_turn(h.loop);
    assert_int_equal(t.ok, 2);
    assert_int_equal(http_server_counts(h.server)->accepted, 1);
    close_house(&h);
}

/* A kept connection that the server closed meanwhile: repeated for GET, not for POST that may have arrived. */
static void test_stale_connection(void **state)
{
    (void)state;
    struct house h;
    struct http_limits l = http_limits_default();
    l.idle_ms = 10;
    open_house(&h, l);
    for (int i = 0; i < 3; i++) {
        ask(&h, "POST", "/x", SPAN("x"), 200, SPAN("x"));
        while (http_server_counts(h.server)->open > 0)
            net_loop_turn(h.loop);
    }
    assert_int_equal(http_server_counts(h.server)->accepted, 3);
    assert_int_equal(http_server_counts(h.server)->refused[HTTP_REFUSE_IDLE_TIME], 3);
    close_house(&h);
}

static void test_request_injection_is_refused(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, http_limits_default());
    struct http_call bad[4];
    for (int i = 0; i < 4; i++)
        bad[i] = call_to(&h, "GET", "/a", SPAN_NONE);
    bad[0].target = SPAN("/a HTTP/1.1\r\nX: y");
    bad[1].fields = SPAN("X: y\r\n\r\nGET /b HTTP/1.1\r\n");
    bad[2].fields = SPAN("X: y");
    bad[3].host = SPAN("a\r\nX: y");
    for (int i = 0; i < 4; i++) {
        struct http_reply_copy r;
        assert_int_equal(http_call_wait(h.client, &bad[i], &r), ERR_SYNTAX);
        assert_false(r.sent);
        http_reply_copy_free(&r);
    }
    assert_int_equal(h.handled, 0);
    close_house(&h);
}

static void on_drained(void *ctx)
{
    *(bool *)ctx = true;
}

static void test_drain_answers_what_it_has(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, http_limits_default());
    struct tally t = {0};
    struct http_call c = call_to(&h, "GET", "/keep?1", SPAN_NONE);
    c.done = on_tally;
    c.ctx = &t;
    http_call_start(h.client, &c, NULL);
    while (h.kept_n < 1)
        net_loop_turn(h.loop);
    bool drained = false;
    http_server_drain(h.server, 5000, on_drained, &drained);
    net_loop_turn(h.loop);
    assert_false(drained);
    echo(h.kept[0]);
    while (!drained)
        net_loop_turn(h.loop);
    assert_int_equal(t.ok, 1);
    close_house(&h);
}

struct poster {
    struct net_post post;
    int n;
    int *sum;
};

static void on_post(struct net_post *p)
{
    struct poster *m = (struct poster *)p;
    *m->sum = *m->sum * 10 + m->n;
}

static void test_posts_keep_their_order(void **state)
{
    (void)state;
    struct net_loop *l;
    assert_int_equal(net_loop_new(&l), OK);
    int sum = 0;
    struct poster p[5];
    for (int i = 0; i < 5; i++)
        p[i] = (struct poster){.post.run = on_post, .n = i + 1, .sum = &sum};
    net_loop_post(l, &p[0].post);
    p[1].post.next = &p[2].post;
    p[2].post.next = NULL;
    net_loop_post_list(l, &p[1].post);
    net_loop_post(l, &p[3].post);
    net_loop_turn(l);
    assert_int_equal(sum, 1234);
    net_loop_post(l, &p[4].post);
    net_loop_free(l); /* runs what is left */
    assert_int_equal(sum, 12345);
}

/* ---- a writer thread answers, as in the CSE: jobs go over under a lock, answers come back as posts */

struct job {
    struct net_post post; /* first */
    struct job *next;
    struct http_req *r;
};

struct writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *jobs;
    struct net_loop *loop;
    bool stop;
};

static void answer_job(struct net_post *p)
{
    struct job *j = (struct job *)p;
    echo(j->r);
    free(j);
}

static void *write_all(void *p)
{
    struct writer *w = p;
    pthread_mutex_lock(&w->lock);
    while (!w->stop || w->jobs) {
        struct job *j = w->jobs;
        w->jobs = NULL;
        if (!j) {
            pthread_cond_wait(&w->wake, &w->lock);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        struct net_post *list = NULL;
        for (; j; j = j->next) {
            j->post.run = answer_job;
            j->post.next = list;
            list = &j->post;
        }
        net_loop_post_list(w->loop, list);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void hand_over(void *ctx, struct http_req *r)
{
    struct writer *w = ctx;
    struct job *j = calloc(1, sizeof *j);
    j->r = r;
    pthread_mutex_lock(&w->lock);
    j->next = w->jobs;
    w->jobs = j;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

static void test_answers_from_a_writer_thread(void **state)
{
    (void)state;
    struct house h;
    struct tally t = {0};
    open_house(&h, http_limits_default());
    http_server_free(h.server);
    struct writer w = {.loop = h.loop, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct http_conf conf = {.limits = http_limits_default(), .handle = hand_over, .ctx = &w};
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:0"), &conf.addr), OK);
    assert_int_equal(http_server_new(h.loop, &conf, &h.server, NULL), OK);
    struct net_addr at = http_server_addr(h.server);
    net_addr_text(&at, h.address);
    assert_int_equal(pthread_create(&w.thread, NULL, write_all, &w), 0);
    struct http_call c = call_to(&h, "POST", "/x", SPAN("body"));
    c.done = on_tally;
    c.ctx = &t;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 20; i++)
            http_call_start(h.client, &c, NULL);
        while (t.done < 20u * (unsigned)(round + 1))
            net_loop_turn(h.loop);
    }
    assert_int_equal(t.ok, 1000);
    pthread_mutex_lock(&w.lock);
    w.stop = true;
    pthread_cond_signal(&w.wake);
    pthread_mutex_unlock(&w.lock);
    pthread_join(w.thread, NULL);
    close_house(&h);
}

/* Several loops on one port: the kernel deals connections out, and each loop serves its own. */

struct helper {
    pthread_t thread;
    struct house h;
};

static void *run_house(void *p)
{
    struct helper *k = p;
    net_loop_run(k->h.loop);
    return NULL;
}

static void test_loops_share_a_port(void **state)
{
    (void)state;
    struct helper k[2];
    struct http_conf conf = {.limits = http_limits_default(), .handle = handle, .reuse_port = true};
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:0"), &conf.addr), OK);
    memset(k, 0, sizeof k);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net_loop_new(&k[i].h.loop), OK);
        conf.ctx = &k[i].h;
        assert_int_equal(http_server_new(k[i].h.loop, &conf, &k[i].h.server, NULL), OK);
        conf.addr = http_server_addr(k[i].h.server);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&k[i].thread, NULL, run_house, &k[i]), 0);
    struct house me;
    memset(&me, 0, sizeof me);
    assert_int_equal(net_loop_new(&me.loop), OK);
    net_addr_text(&conf.addr, me.address);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(http_client_new(me.loop, NULL, &me.client), OK); /* a new connection each */
        ask(&me, "GET", "/a", SPAN_NONE, 200, SPAN("/a"));
        http_client_free(me.client);
    }
    net_loop_free(me.loop);
    for (int i = 0; i < 2; i++) {
        net_loop_stop(k[i].h.loop);
        pthread_join(k[i].thread, NULL);
        assert_true(k[i].h.handled > 0);
        http_server_free(k[i].h.server);
        net_loop_free(k[i].h.loop);
    }
    assert_int_equal(k[0].h.handled + k[1].h.handled, 40);
}

static void test_addresses_and_urls(void **state)
{
    (void)state;
    struct net_addr a;
    char text[NET_ADDR_TEXT_MAX];
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:80"), &a), OK);
    assert_true(net_addr_is_loopback(&a));
    assert_string_equal(net_addr_text(&a, text), "127.0.0.1:80");
    assert_int_equal(net_addr_parse(SPAN("[::1]:8443"), &a), OK);
    assert_string_equal(net_addr_text(&a, text), "[::1]:8443");
    const char *bad[] = {"127.0.0.1",       "localhost:80", "::1:80", "[::1]",
                         "127.0.0.1:65536", "127.0.0.1:",   ":80",    "1.2.3:1"};
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_not_equal(net_addr_parse(span_str(bad[i]), &a), OK);

    struct http_url u;
    assert_int_equal(http_url_parse(SPAN("https://in.example:8443/a/b?c=d"), &u), OK);
    assert_true(u.tls);
    assert_true(span_eq(u.address, SPAN("in.example:8443")));
    assert_true(span_eq(u.host, SPAN("in.example")));
    assert_true(span_eq(u.target, SPAN("/a/b?c=d")));
    assert_int_equal(http_url_parse(SPAN("http://[::1]"), &u), OK);
    assert_true(span_eq(u.address, SPAN("[::1]:80")));
    assert_true(span_eq(u.host, SPAN("::1")));
    assert_true(span_eq(u.target, SPAN("/")));
    assert_int_equal(http_url_parse(SPAN("mqtt://x/"), &u), ERR_UNSUPPORTED);
    const char *bad_url[] = {"http://",      "http:///a",    "http://u@h/",  "http://h:70000/",
                             "http://h/a b", "http://h/a#b", "http://h/../x"};
    for (size_t i = 0; i < LEN(bad_url); i++)
        assert_int_not_equal(http_url_parse(span_str(bad_url[i]), &u), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_connection_serves_many_calls),
        cmocka_unit_test(test_close_ends_the_connection),
        cmocka_unit_test(test_large_bodies_both_ways),
        cmocka_unit_test(test_answers_may_come_later_and_in_any_order),
        cmocka_unit_test(test_refused_and_unanswered),
        cmocka_unit_test(test_calls_in_line_and_cancelled),
        cmocka_unit_test(test_stale_connection),
        cmocka_unit_test(test_request_injection_is_refused),
        cmocka_unit_test(test_drain_answers_what_it_has),
        cmocka_unit_test(test_posts_keep_their_order),
        cmocka_unit_test(test_answers_from_a_writer_thread),
        cmocka_unit_test(test_loops_share_a_port),
        cmocka_unit_test(test_addresses_and_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
