/* The server: bodies that stand in files. */
#include "net/client.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct house {
    struct net_loop *loop;
    struct http_server *server;
    struct http_client *client;
    char address[NET_ADDR_TEXT_MAX];
};

static unsigned files_done;

static void file_done(void *ctx)
{
    files_done++;
    fclose(ctx);
}

enum { FILE_OCTETS = 3000001 };

static uint8_t octet_at(size_t i)
{
    return (uint8_t)(i * 2654435761u >> 13);
}

/* A body that stands in a file; "/short": which ends before its time. */
static void reply_file(struct http_req *r, size_t there)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    for (size_t i = 0; i < there; i++)
        fputc(octet_at(i), f);
    fflush(f);
    http_reply(r, &(struct http_answer){
                      .status = 200, .file = fileno(f), .file_n = FILE_OCTETS, .file_done = file_done, .file_ctx = f});
}

static void handle(void *ctx, struct http_req *r)
{
    (void)ctx;
    if (span_eq(r->path, SPAN("/file")) || span_eq(r->path, SPAN("/short")))
        reply_file(r, span_eq(r->path, SPAN("/file")) ? FILE_OCTETS : FILE_OCTETS / 2);
    else
        http_reply(r, &(struct http_answer){.status = 200, .body = r->target});
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

static void test_bodies_from_files(void **state)
{
    (void)state;
    struct house h;
    struct http_limits limits = http_limits_default();
    limits.output = 1 << 17; /* a body in memory would be far too long */
    open_house(&h, limits);
    files_done = 0;
    uint8_t *want = malloc(FILE_OCTETS);
    for (size_t i = 0; i < FILE_OCTETS; i++)
        want[i] = octet_at(i);
    for (int i = 0; i < 2; i++)
        ask(&h, "GET", "/file", SPAN_NONE, 200, span_of(want, FILE_OCTETS));
    ask(&h, "HEAD", "/file", SPAN_NONE, 200, SPAN_NONE);
    ask(&h, "GET", "/a", SPAN_NONE, 200, SPAN("/a"));
    assert_int_equal(files_done, 3);
    assert_int_equal(http_server_counts(h.server)->accepted, 1);
    struct http_call c = call_to(&h, "GET", "/short", SPAN_NONE); /* the promised length cannot be kept */
    struct http_reply_copy r;
    assert_int_not_equal(http_call_wait(h.client, &c, &r), OK);
    http_reply_copy_free(&r);
    assert_int_equal(files_done, 4);
    ask(&h, "GET", "/a", SPAN_NONE, 200, SPAN("/a"));
    free(want);
    close_house(&h);
}

static int raw_connect(const struct house *h)
{
    struct net_addr at;
    assert_int_equal(net_addr_parse(span_str(h->address), &at), OK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at.sa, sizeof(struct sockaddr_in)), 0);
    return fd;
}

/* Reads until the peer closes; the loop turns in between. */
static size_t read_all(struct house *h, int fd, uint8_t *to, size_t cap)
{
    size_t n = 0;
    for (;;) {
        ssize_t k = recv(fd, to + n, cap - n, MSG_DONTWAIT);
        if (k == 0)
            return n;
        if (k > 0)
            n += (size_t)k;
        else
            net_loop_turn(h->loop);
    }
}

static void test_answers_wait_behind_a_file(void **state)
{
    (void)state;
    static const char both[] = "GET /file HTTP/1.1\r\nHost: x\r\n\r\nGET /behind HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct house h;
    open_house(&h, http_limits_default());
    files_done = 0;
    size_t cap = 2 * FILE_OCTETS + 4096;
    uint8_t *got = malloc(cap);
    int fd = raw_connect(&h);
    assert_int_equal(send(fd, both, sizeof both - 1, 0), sizeof both - 1);
    size_t n = read_all(&h, fd, got, cap);
    assert_int_equal(files_done, 2);
    uint8_t *body = memmem(got, n, "\r\n\r\n", 4);
    assert_non_null(body);
    for (size_t i = 0; i < FILE_OCTETS; i += 997)
        assert_int_equal(body[4 + i], octet_at(i));
    assert_memory_equal(body + 4 + FILE_OCTETS, "HTTP/1.1 200", 12);
    uint8_t *second = memmem(body + 4 + FILE_OCTETS, 512, "/behind", 7);
    assert_non_null(second);
    uint8_t *third = memmem(second, 1024, "\r\n\r\n", 4);
    assert_non_null(third);
    assert_int_equal((size_t)(got + n - third), 4 + FILE_OCTETS);
    close(fd);
    /* a reader who goes away in the middle: file and answers behind it are given back */
    fd = raw_connect(&h);
    assert_int_equal(send(fd, both, sizeof both - 1, 0), sizeof both - 1);
    for (int i = 0; i < 3; i++)
        net_loop_turn(h.loop);
    struct linger hard = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    for (int i = 0; i < 200 && files_done < 4; i++)
        net_loop_turn(h.loop);
    assert_int_equal(files_done, 4);
    free(got);
    close_house(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_from_files),
        cmocka_unit_test(test_answers_wait_behind_a_file),
    };
    return cmocka_run_group_tests_name("http_file", tests, NULL, NULL);
}
