/* demo.c - `oneseal demo`: five actors, real processes, on loopback with TLS, in a temporary folder. */
#include "cli/demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/telemetry.h"
#include "cli/verbs.h"
#include "host/heap.h"
#include "m2m/rsc.h"

enum {
    PATH_LEN = 4096,
    READING_MAX = 1 << 16,
    VIA_FILE_MAX = 1 << 16,
    ONCE_COUNT = 3,
    TURN_BLOCK = 1 << 16,
    TURN_MAX = 256 << 20,
    AGAIN_MS = 50,
    AGAIN_MAX_MS = 10000
};

static volatile bool stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = true;
}

int64_t demo_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *demo_text(struct demo *d, const struct jval *v, const char *name)
{
    struct span text = SPAN_NONE;
    if (json_str(json_get(v, span_str(name)), &d->turn, &text) != OK)
        return "";
    const char *copy = arena_cstr(&d->turn, text);
    return copy ? copy : "";
}

int demo_int(const struct jval *v, const char *name)
{
    uint64_t n = 0;
    return json_u64(json_get(v, span_str(name)), INT32_MAX, &n) == OK ? (int)n : 0;
}

static const char *one_reading(struct demo *d)
{
    static char text[READING_MAX];
    if (!d->from) {
        struct buf b = BUF_ARRAY(text);
        telemetry_put(&b);
        return b.e == OK ? arena_cstr(&d->turn, buf_span(&b)) : NULL;
    }
    for (ssize_t n; (n = getline(&d->line, &d->line_cap, d->from)) > 0;) {
        while (n > 0 && (d->line[n - 1] == '\n' || d->line[n - 1] == '\r'))
            n--;
        struct span line = span_of(d->line, (size_t)n);
        if (n > 0 && json_check(line, NULL) == OK)
            return arena_cstr(&d->turn, line);
        if (n > 0)
            cli_say(d->c, "demo: a line that is no JSON is left out");
    }
    return NULL;
}

/* A batch is a JSON array of readings. */
const char *demo_reading(struct demo *d)
{
    struct buf b = heap_buf(DEMO_LINE_MAX);
    const char *reading = "", *batch = NULL;
    if (!d->plan.batch)
        return one_reading(d);
    for (uint64_t i = 0; i < d->plan.batch && reading; i++) {
        reading = one_reading(d);
        buf_fmt(&b, "%c%s", i ? ',' : '[', reading ? reading : "");
    }
    buf_c(&b, ']');
    if (reading && b.e == OK)
        batch = arena_cstr(&d->turn, buf_span(&b));
    heap_buf_free(&b);
    return batch;
}

struct jval *demo_put(struct demo *d, const char *container, const char *text)
{
    int64_t until = demo_now_ms() + AGAIN_MAX_MS;
    for (;;) {
        struct jval *v = proc_ask(d, DEMO_DEVICE, "put %s/thermo-1/%s %s", d->plan.site->base, container, text);
        if (d->plan.key == DEMO_KEY_OWN && !d->plan.strict)
            return v;
        if (demo_int(v, "rsc") != RSC_INTERNAL_SERVER_ERROR || demo_now_ms() > until || *d->stop)
            return v;
        (void)poll(NULL, 0, AGAIN_MS);
    }
}

void demo_hold(struct demo *d, const char *point)
{
    if (!d->hold)
        return;
    printf("{\"v\":1,\"hold\":\"%s\",\"pids\":{", point);
    for (int i = 0, any = 0; i < DEMO_ACTORS; i++)
        if (d->actor[i].pid > 0)
            printf("%s\"%s\":%d", any++ ? "," : "", d->actor[i].name, (int)d->actor[i].pid);
    printf("}}\n");
    (void)fflush(stdout);
    for (int ch = getchar(); ch != '\n' && ch != EOF; ch = getchar())
        ;
}

/* ---- options ---- */

static enum status usage(struct demo *d, const char *what, const char *value)
{
    return CLI_FAIL(d->c, ST_USAGE, .what = what, .who = "this program", .kind = "argument", .object = value,
                    .todo = "see: oneseal demo --help");
}

/* --via FILE: {"device-gateway":"127.0.0.1:4711",...} */
static enum status read_via(struct demo *d, const char *path)
{
    struct buf b = heap_buf(VIA_FILE_MAX);
    struct jval *v = NULL;
    enum err e = file_read(path, &b);
    struct span text = e == OK ? arena_dup(&d->c->app.mem, buf_span(&b)) : SPAN_NONE;
    heap_buf_free(&b);
    if (e != OK)
        return cli_fail_file(d->c, e, "the list of relays cannot be read", path);
    if (json_parse(text, &d->c->app.mem, &v, NULL) != OK || v->type != J_OBJ || v->n > DEMO_VIA_MAX)
        return usage(d, "--via wants a JSON object: link to address", path);
    for (const struct jval *m = v->child; m; m = m->next) {
        struct span value;
        if (json_str(m, &d->c->app.mem, &value) != OK)
            return usage(d, "--via: an address is a string", path);
        d->via[d->vias].link = cli_fmt(d->c, "%.*s", SPAN_FMT(m->key));
        d->via[d->vias++].address = cli_fmt(d->c, "%.*s", SPAN_FMT(value));
    }
    return ST_DONE;
}

static enum status take_options(struct demo *d)
{
    struct cli *c = d->c;
    const char *from = cli_opt(c, "from"), *via = cli_opt(c, "via");
    d->once = cli_has(c, "once");
    d->hold = cli_has(c, "hold");
    d->keep = cli_has(c, "keep");
    d->dir = cli_opt(c, "state");
    if (from && strcmp(from, "-") == 0)
        d->from = stdin;
    else if (from && !(d->from = fopen(from, "re")))
        return cli_fail_file(c, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "the readings cannot be read", from);
    if (d->hold && d->from == stdin)
        return usage(d, "--hold waits for lines on standard input, so the readings cannot come from there", from);
    enum status st = plan_take(d);
    if (st == ST_DONE)
        st = cli_number(c, "count", d->once ? 2 : 1, UINT64_MAX, d->once ? ONCE_COUNT : UINT64_MAX, &d->count);
    return st == ST_DONE && via ? read_via(d, via) : st;
}

/* Where the programs are: beside this one, or as the build lays them out. */
static const char *program(struct demo *d, const char *dir, const char *part, const char *name)
{
    const char *beside = cli_fmt(d->c, "%s/%s", dir, name);
    return access(beside, X_OK) == 0 ? beside : cli_fmt(d->c, "%s/../%s/%s", dir, part, name);
}

static enum status find_programs(struct demo *d)
{
    static char self[PATH_LEN];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return CLI_FAIL(d->c, ST_FAILED, .what = "this program cannot find itself", .who = "the operating system",
                        .todo = "mount /proc");
    self[n] = '\0';
    d->self = self;
    struct span path = span_str(self);
    const char *dir = cli_fmt(d->c, "%.*s", SPAN_FMT(span_first(path, span_rfind(path, '/'))));
    d->bin_cse = program(d, dir, "cse", "oneseal-cse");
    d->bin_ttp = program(d, dir, "ttp", "oneseal-ttp");
    return ST_DONE;
}

static enum status choose_folder(struct demo *d)
{
    if (!d->dir) {
        const char *tmp = getenv("TMPDIR");
        char *made = mkdtemp((char *)(uintptr_t)cli_fmt(d->c, "%s/oneseal-demo.XXXXXX", tmp && *tmp ? tmp : "/tmp"));
        if (!made)
            return cli_fail_file(d->c, ERR_IO, "a temporary folder cannot be made", tmp ? tmp : "/tmp");
        d->dir = made;
    }
    find_announce(d);
    return ST_DONE;
}

/* ---- the actors, in the order in which they need each other ---- */

/* Keys and first bundle. */
static enum status init_ttp(struct demo *d, enum demo_who who)
{
    const char *name = d->actor[who].name, *conf = cli_fmt(d->c, "%s/%s/%s.conf", d->dir, name, name),
               *bundle = cli_fmt(d->c, "%s/%s/bundle", d->dir, name);
    enum status st = house_ttp(d, who, false);
    return st == ST_DONE
               ? proc_run(d, name, (const char *[]){d->bin_ttp, "-c", conf, "--init", "--bundle-out", bundle, NULL})
               : st;
}

static enum status run_ttp(struct demo *d, enum demo_who who)
{
    const char *name = d->actor[who].name, *conf = cli_fmt(d->c, "%s/%s/%s.conf", d->dir, name, name);
    enum status st = house_ttp(d, who, d->plan.two);
    if (st == ST_DONE)
        st = proc_start(d, who, (const char *[]){d->bin_ttp, "-c", conf, NULL});
    return st == ST_DONE ? proc_ready(d, who) : st;
}

/* Each pins the other's first bundle before it serves. */
static enum status start_ttps(struct demo *d)
{
    enum status st = init_ttp(d, DEMO_TTP_P);
    if (st == ST_DONE && d->plan.two)
        st = init_ttp(d, DEMO_TTP_2_P);
    if (st == ST_DONE)
        st = run_ttp(d, DEMO_TTP_P);
    return st == ST_DONE && d->plan.two ? run_ttp(d, DEMO_TTP_2_P) : st;
}

/* The servers have to know each other's address, and one starts first: a port that is free now. */
static enum status choose_port(struct demo *d)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good =
        fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0;
    if (fd >= 0)
        (void)close(fd);
    d->port_2 = ntohs(at.sin_port);
    return good ? ST_DONE : cli_fail_file(d->c, ERR_IO, "there is no free port", "127.0.0.1");
}

static enum status start_cse(struct demo *d, enum demo_who who)
{
    enum status st = house_cse(d, who);
    const char *conf = cli_fmt(d->c, "%s/%s/cse.conf", d->dir, d->actor[who].name);
    if (st == ST_DONE)
        st = proc_start(d, who, (const char *[]){d->bin_cse, "-c", conf, NULL});
    return st == ST_DONE ? proc_ready(d, who) : st;
}

static enum status start_role(struct demo *d, enum demo_who who)
{
    const char *profile = cli_fmt(d->c, "%s/profiles/%s.conf", d->dir, d->actor[who].name);
    enum status st = proc_start(d, who,
                                (const char *[]){d->self, "demo", "actor", "--profile", profile, "--stream",
                                                 d->plan.site->stream, "--verbose", NULL});
    return st == ST_DONE ? proc_ready(d, who) : st;
}

static enum status start_all(struct demo *d)
{
    enum status st = choose_folder(d);
    if (st == ST_DONE)
        st = house_make(d);
    if (st == ST_DONE)
        st = start_ttps(d);
    if (st == ST_DONE && d->plan.two)
        st = choose_port(d);
    if (st == ST_DONE)
        st = start_cse(d, DEMO_SERVER);
    if (st == ST_DONE && d->plan.two)
        st = start_cse(d, DEMO_SERVER_2);
    if (st == ST_DONE)
        st = start_cse(d, DEMO_GATEWAY);
    if (st == ST_DONE && d->plan.ttp->beside == DEMO_GATEWAY_2)
        st = start_cse(d, DEMO_GATEWAY_2);
    if (st == ST_DONE && d->plan.site->who == DEMO_HOST)
        st = start_cse(d, DEMO_HOST);
    if (st == ST_DONE)
        st = house_profiles(d);
    for (int i = DEMO_DEVICE; i <= DEMO_OTHER && st == ST_DONE; i++)
        st = start_role(d, (enum demo_who)i);
    return st == ST_DONE ? house_actors(d) : st;
}

enum status demo_run(struct cli *c)
{
    static struct demo d = {.actor = {{.name = "ttp"},
                                      {.name = "ttp-2"},
                                      {.name = "server"},
                                      {.name = "gateway"},
                                      {.name = "gateway-2"},
                                      {.name = "server-2"},
                                      {.name = "host"},
                                      {.name = "device"},
                                      {.name = "app-heat"},
                                      {.name = "app-other"}}};
    d.c = c;
    d.stop = &stopping;
    heap_arena(&d.turn, TURN_BLOCK, TURN_MAX);
    for (int i = 0; i < DEMO_ACTORS; i++) {
        d.actor[i].in = d.actor[i].out = -1;
        d.actor[i].text = heap_buf(64 << 20);
    }
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGHUP, on_signal);
    enum status st = take_options(&d);
    if (st == ST_DONE)
        st = find_programs(&d);
    if (st == ST_DONE)
        st = start_all(&d);
    if (st == ST_DONE)
        st = d.once ? steps_run(&d) : live_run(&d);
    proc_end_all(&d);
    house_clean(&d);
    find_withdraw(&d);
    if (d.dir && d.keep)
        cli_say(c, "everything is kept in %s", d.dir);
    arena_reset(&d.turn);
    free(d.line);
    return st;
}
