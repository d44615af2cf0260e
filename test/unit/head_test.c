/* Heads and chunked bodies without sockets: the whole museum of test/bad/http at every cut, and what fields mean. */
#include "../fuzz/http_drive.h"
#include "host/heap.h"
#include "net/client.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct head_limits limits = {.head = 16384, .fields = 64, .value = 8192, .body = 1 << 20};

static struct buf exhibit(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct buf b = heap_buf(4 << 20);
    assert_int_equal(file_read(path, &b), OK);
    return b;
}

/* Exhibits about the end of the connection or about the server's policy are not refused by the parser. */
static bool parser_refuses(const char *name)
{
    return strncmp(name, "ok-", 3) != 0 && strncmp(name, "cut-", 4) != 0 && strcmp(name, "target-sql") != 0;
}

static void test_museum_at_every_cut(void **state)
{
    (void)state;
    const char *root = getenv("SOURCE_ROOT");
    char folder[400];
    snprintf(folder, sizeof folder, "%s/test/bad/http", root ? root : ".");
    DIR *d = opendir(folder);
    assert_non_null(d);
    unsigned seen = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, "index.tsv") == 0)
            continue;
        struct buf b = exhibit(folder, e->d_name);
        struct drive whole = drive(b.p, b.n, b.n, false, &limits);
        if (whole.refused != parser_refuses(e->d_name))
            fail_msg("%s: refused %d, %s", e->d_name, whole.refused, http_refusal_name(whole.why));
        for (size_t step = 1; step < b.n && b.n < 2000; step++) {
            struct drive cut = drive(b.p, b.n, step, false, &limits);
            if (cut.refused != whole.refused || cut.messages != whole.messages ||
                (!cut.refused && cut.sum != whole.sum))
                fail_msg("%s: another outcome in pieces of %zu", e->d_name, step);
        }
        heap_buf_free(&b);
        seen++;
    }
    closedir(d);
    assert_true(seen > 100);
}

static enum head_result feed(struct head *h, const char *text, bool response)
{
    head_begin(h, response, &limits);
    return head_feed(h, (const uint8_t *)text, strlen(text));
}

static void test_request_parts(void **state)
{
    (void)state;
    struct head h;
    const char *text = "PUT /a?b HTTP/1.1\r\nHost: h\r\nX-A:  v w \r\nContent-Length: 12\r\n\r\nrest";
    assert_int_equal(feed(&h, text, false), HEAD_DONE);
    struct http_field f[HTTP_FIELDS_MAX];
    head_fields(&h, (const uint8_t *)text, f);
    assert_int_equal(h.fields, 3);
    assert_true(span_eq(f[1].name, SPAN("X-A")));
    assert_true(span_eq(f[1].value, SPAN("v w")));
    assert_true(span_eq(span_of(text + h.target.at, h.target.n), SPAN("/a?b")));
    assert_int_equal(h.end, strlen(text) - 4);
    assert_int_equal(h.length, 12);
    assert_true(h.keep_alive);
    assert_int_equal(h.minor, 1);
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        int64_t length;
        bool chunked, keep;
    } row[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 200, 3, false, true},
        {"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n", 200, 3, false, true},
        {"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", 200, 3, false, true},
        {"HTTP/1.0 200 OK\r\n\r\n", 200, -1, false, false}, /* bindings.md 1.5: a small target's answer */
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 200, 0, false, true},
        {"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", 404, -1, false, false},
        {"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n", 201, -1, true, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", 100, -1, false, true},
    };
    for (size_t i = 0; i < LEN(row); i++) {
        struct head h;
        if (feed(&h, row[i].text, true) != HEAD_DONE)
            fail_msg("%s", row[i].text);
        assert_int_equal(h.status, row[i].status);
        assert_int_equal(h.length, row[i].length);
        assert_int_equal(h.chunked, row[i].chunked);
        assert_int_equal(h.keep_alive, row[i].keep);
    }
    const char *bad[] = {
        "HTTP/1.1 20 OK\r\n\r\n",      "HTTP/2 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",          "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 O\x01K\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",    "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"};
    for (size_t i = 0; i < LEN(bad); i++) {
        struct head h;
        if (feed(&h, bad[i], true) != HEAD_REFUSED)
            fail_msg("%s", bad[i]);
    }
}

/* The framing is taken off in place: the body never overtakes what is still to be read. */
static void test_chunks_in_place(void **state)
{
    (void)state;
    static const char raw[] = "4\r\nWiki\r\n7;x=\"y\"\r\npedia i\r\nB\r\nn \r\nchunks.\r\n0\r\nA: b\r\n\r\nNEXT";
    for (size_t cut = 1; cut < sizeof raw - 1; cut++) {
        char text[sizeof raw];
        memcpy(text, raw, sizeof raw);
        struct chunk c;
        size_t n = 0, used = 0, more = 0;
        chunk_begin(&c, 100);
        enum chunk_result r = chunk_feed(&c, (uint8_t *)text, cut, (uint8_t *)text, &n, &used);
        if (r == CHUNK_MORE)
            r = chunk_feed(&c, (uint8_t *)text + cut, sizeof raw - 1 - cut, (uint8_t *)text, &n, &more);
        assert_int_equal(r, CHUNK_DONE);
        assert_int_equal(n, 22);
        assert_memory_equal(text, "Wikipedia in \r\nchunks.", 22);
        assert_memory_equal(text + used + more, "NEXT", 4);
    }
}

static void test_chunk_limit(void **state)
{
    (void)state;
    struct chunk c;
    uint8_t out[64];
    size_t n = 0, used;
    chunk_begin(&c, 8);
    assert_int_equal(chunk_feed(&c, (const uint8_t *)"5\r\nhello\r\n", 10, out, &n, &used), CHUNK_MORE);
    assert_int_equal(chunk_feed(&c, (const uint8_t *)"4\r\nabcd", 7, out, &n, &used), CHUNK_TOO_LARGE);
    assert_int_equal(n, 5);
}

/* Every refusal has a sentence that fits where it is written, and a limit's row names a value. */
static void test_refusal_rows(void **state)
{
    (void)state;
    for (int i = 0; i < HTTP_REFUSE__N; i++) {
        char text[256];
        struct buf b = BUF_ARRAY(text);
        http_refusal_text((enum http_refusal)i, NULL, &b);
        assert_int_equal(b.e, OK);
        assert_true(b.n > 15);
        assert_true(span_find(buf_span(&b), '"') == b.n && span_find(buf_span(&b), '\\') == b.n);
        int s = http_refusal_status((enum http_refusal)i);
        assert_true(s == 0 || (s >= 400 && s < 600));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_museum_at_every_cut),
        cmocka_unit_test(test_request_parts),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_chunks_in_place),
        cmocka_unit_test(test_chunk_limit),
        cmocka_unit_test(test_refusal_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
