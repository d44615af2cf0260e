/* Configuration, log lines, admin socket, notify datagram, sandbox, secret memory. */
#include "host/admin.h"
#include "host/conf.h"
#include "host/heap.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/sandbox.h"
#include "host/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

/* ---- configuration */

static const struct conf_row rows[] = {
    {"cse", "role", CONF_CHOICE, CONF_REQUIRED, NULL, 0, 0, "in|mn|asn", "what this CSE is"},
    {"cse", "cse-id", CONF_TEXT, CONF_REQUIRED, NULL, 0, 0, NULL, "its CSE-ID"},
    {"storage", "path", CONF_PATH, 0, ":memory:", 0, 0, NULL, "folder"},
    {"listen https", "address", CONF_ADDRESS, 0, "127.0.0.1:0", 0, 0, NULL, "where to listen"},
    {"limits", "head", CONF_SIZE, 0, "16KiB", 256, 1 << 20, NULL, "head"},
    {"limits", "idle", CONF_TIME, 0, "60s", 10, 86400000, NULL, "idle"},
    {"limits", "threads", CONF_INT, 0, "1", 1, 64, NULL, "loops"},
    {"lab", "open", CONF_BOOL, 0, "no", 0, 0, NULL, "open"},
    {"parent", "url", CONF_URL, CONF_REQUIRED, NULL, 0, 0, NULL, "where the parent is"},
    {"seal *", "for", CONF_TEXT, CONF_REQUIRED, NULL, 0, 0, NULL, "pattern"},
    {"seal *", "readers", CONF_LIST, 0, NULL, 0, 0, NULL, "AE-IDs"},
};

static struct conf *good(const char *text)
{
    struct conf *c;
    struct buf why = heap_buf(4096);
    enum err e = conf_read("/etc/o/o.conf", span_str(text), rows, LEN(rows), &c, &why);
    if (e != OK)
        fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
    heap_buf_free(&why);
    return c;
}

static void test_conf_values(void **state)
{
    (void)state;
    struct conf *c =
        good("# note\n[cse]\nrole = mn ; inline\ncse-id=/id-mn\n[storage]\npath = data/x\n[limits]\nhead= 64KiB\n"
             "idle =  500ms\nthreads=3\n[lab]\nopen=yes\n[listen https]\naddress = [::1]:8443\n"
             "[seal ward-3]\nfor = /id-mn/*\nreaders = //sp/Sa , //sp/Sb\nreaders = //sp/Sc\n[seal b]\nfor=x\n");
    assert_int_equal(conf_int(c, "cse", "role"), 1);
    assert_string_equal(conf_text(c, "cse", "role"), "mn");
    assert_string_equal(conf_text(c, "storage", "path"), "/etc/o/data/x");
    assert_int_equal(conf_int(c, "limits", "head"), 65536);
    assert_int_equal(conf_int(c, "limits", "idle"), 500);
    assert_int_equal(conf_int(c, "limits", "threads"), 3);
    assert_true(conf_bool(c, "lab", "open"));
    assert_string_equal(conf_text(c, "listen https", "address"), "[::1]:8443");
    assert_string_equal(conf_name(c, "seal", 0), "ward-3");
    assert_string_equal(conf_name(c, "seal", 1), "b");
    assert_null(conf_name(c, "seal", 2));
    assert_string_equal(conf_item(c, "seal ward-3", "readers", 1), "//sp/Sb");
    assert_string_equal(conf_item(c, "seal ward-3", "readers", 2), "//sp/Sc");
    assert_null(conf_item(c, "seal ward-3", "readers", 3));
    assert_null(conf_item(c, "seal b", "readers", 0));
    assert_false(conf_has(c, "parent"));
    assert_int_equal(conf_line(c, "cse", "cse-id"), 4);
    conf_free(c);
    c = good("[cse]\nrole=in\ncse-id=/x\n");
    assert_int_equal(conf_int(c, "limits", "idle"), 60000);
    assert_false(conf_bool(c, "lab", "open"));
    assert_string_equal(conf_text(c, "storage", "path"), ":memory:");
    assert_int_equal(conf_line(c, "limits", "idle"), 0);
    assert_null(conf_text(c, "parent", "url"));
    conf_free(c);
}

static void test_conf_defects(void **state)
{
    (void)state;
#define CSE "[cse]\nrole=mn\ncse-id=/x\n"
    static const struct {
        const char *text, *why;
    } row[] = {
        {"[cse]\nrole=mn\ncse-di=/x\n", "f:3: unknown key \"cse-di\", nearest known: \"cse-id\" in [cse]"},
        {CSE "[storgae]\npath=x\n", "f:4: unknown section \"storgae\", nearest known: \"storage\""},
        {CSE "[sael w]\nfor=x\n", "f:4: unknown section \"sael w\", nearest known: \"seal *\""},
        {CSE "[empty]\n", "f:4: unknown section \"empty\""},
        {"[cse]\nrole=mn\nrole=in\ncse-id=/x\n", "f:3: role is set twice"},
        {CSE "[cse]\n", "f:4: the section appears twice: cse"},
        {"[cse]\nrole=mc\ncse-id=/x\n", "f:2: role must be one of in|mn|asn"},
        {"[cse]\nrole=mn\n", "f:1: [cse] needs cse-id: its CSE-ID"},
        {"[cse]\nrole=mn\ncse-id=\n", "f:3: cse-id must be a text that is not empty"},
        {CSE "[limits]\nidle=60\n", "f:5: idle must be a time with a unit (ms s m h d) from 10ms to 1d"},
        {CSE "[limits]\nidle=1ms\n", "from 10ms to 1d"},
        {CSE "[limits]\nidle=99999999999999999d\n", "f:5: idle must be"},
        {CSE "[limits]\nhead=64KB\n", "f:5: head must be a size with a unit (B KiB MiB GiB) from 256B to 1MiB"},
        {CSE "[limits]\nhead=2MiB\n", "from 256B to 1MiB"},
        {CSE "[limits]\nthreads=0\n", "f:5: threads must be a number from 1 to 64"},
        {CSE "[limits]\nthreads=07\n", "f:5: threads must be"},
        {CSE "[lab]\nopen=maybe\n", "f:5: open must be yes or no"},
        {CSE "[listen https]\naddress=8443\n", "f:5: address must be an address like"},
        {CSE "[listen https]\naddress=::1:80\n", "f:5: address must be"},
        {CSE "[parent]\nurl=ftp://x\n", "f:5: url must be a URL"},
        {"role=mn\n", "f:1: a key before the first section: role"},
        {CSE "nonsense\n", "f:4: neither a [section] nor key = value"},
        {CSE "[seal x]\nfor=y\n[seal x]\nfor=z\n", "f:6: the section appears twice: seal x"},
    };
    for (size_t i = 0; i < LEN(row); i++) {
        struct conf *c;
        char text[1024];
        struct buf why = BUF_ARRAY(text);
        assert_int_equal(conf_read("f", span_str(row[i].text), rows, LEN(rows), &c, &why), ERR_CONFIG);
        buf_nul(&why);
        if (!strstr(text, row[i].why))
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, text, row[i].why);
    }
}

/* inih would cut these without a word. */
static void test_conf_long_lines(void **state)
{
    (void)state;
    char text[600], why_text[600];
    struct conf *c;
    snprintf(text, sizeof text, CSE "[seal x]\nfor=%0250d\n", 1);
    struct buf why = BUF_ARRAY(why_text);
    assert_int_equal(conf_read("f", span_str(text), rows, LEN(rows), &c, &why), ERR_CONFIG);
    buf_nul(&why);
    assert_non_null(strstr(why_text, "f:5: a line longer than 196 octets"));
    snprintf(text, sizeof text, CSE "[seal %060d]\nfor=x\n", 1);
    why = BUF_ARRAY(why_text);
    assert_int_equal(conf_read("f", span_str(text), rows, LEN(rows), &c, &why), ERR_CONFIG);
    buf_nul(&why);
    assert_non_null(strstr(why_text, "f:4: a section name longer than 48 octets"));
    assert_int_equal(conf_load("/nowhere/x", rows, LEN(rows), &c, NULL), ERR_NOTFOUND);
}

/* ---- log */

static void test_log_lines(void **state)
{
    (void)state;
    char text[1024];
    struct log_kv kv[] = {log_str("plain", "a/b"), log_str("quoted", "a \"b\"\n\x1b\xc3"), log_int("n", -5),
                          log_bool("ok", true), log_err("e", ERR_TLS)};
    struct buf b = BUF_ARRAY(text);
    log_line(&b, false, 1732437000123, "oneseal-cse", LOG_L_WARN, "refused", kv, LEN(kv));
    buf_nul(&b);
    assert_string_equal(text, "2024-11-24T08:30:00.123Z warn oneseal-cse: refused plain=a/b quoted=\"a "
                              "\\\"b\\\"\\u000a\\u001b\\u00c3\" n=-5 ok=yes e=TLS");
    buf_reset(&b);
    log_line(&b, true, 1732437000123, "oneseal-cse", LOG_L_INFO, "x", kv, LEN(kv));
    buf_nul(&b);
    assert_string_equal(text, "{\"time\":\"2024-11-24T08:30:00.123Z\",\"level\":\"info\",\"program\":\"oneseal-cse\","
                              "\"event\":\"x\",\"plain\":\"a/b\","
                              "\"quoted\":\"a \\\"b\\\"\\u000a\\u001b\\u00c3\",\"n\":-5,\"ok\":true,\"e\":\"TLS\"}");
}

/* ---- admin socket */

static void on_ask(void *ctx, struct span verb, struct span rest, struct buf *out)
{
    (void)ctx;
    if (span_eq(verb, SPAN("echo"))) {
        buf_c(out, '"');
        buf_put(out, rest);
        buf_c(out, '"');
    }
    if (span_eq(verb, SPAN("large")))
        for (int i = 0; i < 300000; i++)
            buf_c(out, '1');
}

struct asker {
    const char *path;
    uv_async_t done;
    enum err e[4];
    struct buf out[4];
};

static void *ask_all(void *p)
{
    struct asker *a = p;
    const char *line[] = {"echo hello there", "large", "nothing", "echo"};
    for (int i = 0; i < 4; i++)
        a->e[i] = admin_ask(a->path, span_str(line[i]), 5000, &a->out[i]);
    uv_async_send(&a->done);
    return NULL;
}

static void on_done(uv_async_t *h)
{
    uv_stop(h->loop);
}

static void test_admin(void **state)
{
    (void)state;
    char folder[] = "/tmp/oneseal-admin-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct admin *a, *second;
    assert_int_equal(admin_open(&loop, path, on_ask, NULL, &a, NULL), OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(admin_open(&loop, path, on_ask, NULL, &second, NULL), ERR_EXISTS);
    struct asker asker = {.path = path};
    for (int i = 0; i < 4; i++)
        asker.out[i] = heap_buf(1 << 20);
    uv_async_init(&loop, &asker.done, on_done);
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, ask_all, &asker), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    pthread_join(t, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(asker.e[i], OK);
    assert_true(span_eq(buf_span(&asker.out[0]), SPAN("\"hello there\"")));
    assert_int_equal(asker.out[1].n, 300000);
    assert_true(span_eq(buf_span(&asker.out[2]), SPAN("{\"error\":\"no such request\"}")));
    for (int i = 0; i < 4; i++)
        heap_buf_free(&asker.out[i]);
    uv_close((uv_handle_t *)&asker.done, NULL);
    admin_close(a);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(access(path, F_OK), -1);
    struct buf out = heap_buf(100);
    assert_int_equal(admin_ask(path, SPAN("x"), 100, &out), ERR_UNREACHABLE);
    rmdir(folder);
}

/* A socket file that a killed daemon left is replaced; a file of another kind is not. */
static void test_admin_leftovers(void **state)
{
    (void)state;
    char folder[] = "/tmp/oneseal-admin-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    memcpy(addr.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd);
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct admin *a;
    assert_int_equal(admin_open(&loop, path, on_ask, NULL, &a, NULL), OK);
    admin_close(a);
    uv_run(&loop, UV_RUN_DEFAULT);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(admin_open(&loop, path, on_ask, NULL, &a, NULL), ERR_EXISTS);
    assert_int_equal(access(path, F_OK), 0);
    uv_loop_close(&loop);
    unlink(path);
    rmdir(folder);
}

/* ---- notify */

static void test_notify(void **state)
{
    (void)state;
    char name[64], got[64] = "";
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(notify_send("READY=1"), OK);
    snprintf(name, sizeof name, "@oneseal-notify-%d", (int)getpid());
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    memcpy(addr.sun_path + 1, name + 1, strlen(name) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(notify_send("READY=1\nSTATUS=up"), OK);
    assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 17);
    assert_string_equal(got, "READY=1\nSTATUS=up");
    assert_int_equal(notify_open(), OK); /* from now on by this socket */
    assert_int_equal(notify_send("STOPPING=1"), OK);
    assert_int_equal(notify_send("STOPPING=2"), OK);
    assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 10);
    assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 10);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(notify_send("READY=1"), ERR_SYNTAX);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
    setenv("WATCHDOG_USEC", "3000000", 1);
    unsetenv("WATCHDOG_PID");
    assert_int_equal(notify_watchdog_ms(), 1500);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(notify_watchdog_ms(), 0);
}

/* ---- what bites: each in a child of its own */

static int child(void (*act)(void))
{
    pid_t p = fork();
    if (p == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        act();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(p, &status, 0), p);
    return status;
}

static void allowed(void)
{
    static const char *const calls[] = {"exit_group", "exit", "getppid", "write",
                                        "munmap",     "mmap", "futex",   "rt_sigprocmask"};
    if (sandbox_enter_list(calls, LEN(calls)) != OK)
        _exit(1);
    getppid();
}

static void forbidden(void)
{
    allowed();
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
        _exit(2);
    _exit(3);
}

static void cse_forbidden(void)
{
    if (sandbox_enter(SANDBOX_CSE) != OK)
        _exit(1);
    char *const argv[] = {"/bin/true", NULL};
    execv(argv[0], argv);
    _exit(3);
}

/* A subscription may name a host: looking it up must not end the process. */
static void cse_resolves(void)
{
    struct mmsghdr none;
    struct addrinfo *list = NULL, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    if (sandbox_enter(SANDBOX_CSE) != OK)
        _exit(1);
    if (getaddrinfo("localhost", "80", &hints, &list) == 0)
        freeaddrinfo(list);
    memset(&none, 0, sizeof none);
    if (sendmmsg(-1, &none, 1, 0) >= 0 || recvmmsg(-1, &none, 1, 0, NULL) >= 0) /* what a DNS query is sent with */
        _exit(2);
}

static void unknown_call(void)
{
    static const char *const calls[] = {"exit_group", "no_such_call"};
    _exit(sandbox_enter_list(calls, LEN(calls)) == ERR_NOTFOUND ? 0 : 1);
}

static void test_sandbox_bites(void **state)
{
    (void)state;
    assert_int_equal(child(allowed), 0);
    int status = child(forbidden);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    status = child(cse_forbidden);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    assert_int_equal(child(cse_resolves), 0);
    assert_int_equal(child(unknown_call), 0);
    assert_string_equal(sandbox_profile_name(SANDBOX_CSE), "CSE");
}

static void overrun(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    volatile uint8_t *p = secret_alloc(32);
    signal(SIGSEGV, SIG_DFL);
    if (p)
        p[32] = 1;
}

static void test_secret_memory(void **state)
{
    (void)state;
    uint8_t *p = secret_alloc(48);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    for (int i = 0; i < 48; i++)
        assert_int_equal(p[i], 0);
    memset(p, 7, 48);
    secret_free(p);
    secret_free(NULL);
    int status = child(overrun);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0); /* the guard page, or a sanitizer */
}

static void test_no_dumps(void **state)
{
    (void)state;
#ifndef ONESEAL_INSPECT
    struct rlimit r;
    assert_int_equal(sandbox_no_dumps(), OK);
    assert_int_equal(getrlimit(RLIMIT_CORE, &r), 0);
    assert_int_equal(r.rlim_cur, 0);
    assert_int_equal(r.rlim_max, 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf_values),     cmocka_unit_test(test_conf_defects),
        cmocka_unit_test(test_conf_long_lines), cmocka_unit_test(test_log_lines),
        cmocka_unit_test(test_admin),           cmocka_unit_test(test_admin_leftovers),
        cmocka_unit_test(test_notify),          cmocka_unit_test(test_sandbox_bites),
        cmocka_unit_test(test_secret_memory),   cmocka_unit_test(test_no_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
