/* main.c - oneseal-cse: reads its configuration, opens the store, joins the parts (daemon.h), serves until SIGTERM.
 *
 * Exit status: 0 told to stop; 78 the configuration or a file that it names cannot be used (a service manager must not
 * try again by itself); 1 anything else; 2 usage. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cse/daemon.h"
#include "cse/daemon_spec.h"
#include "cse/esprim.h"
#include "cse/statement.h"
#include "host/heap.h"
#include "host/notify.h"
#include "host/sandbox.h"
#include "host/secret.h"
#include "store/sqlite.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78, WHY_MAX = 65536, STATEMENT_MAX = 4 << 20, DESCRIPTORS = 65536 };

static int say_usage(FILE *to, int status)
{
    fputs("usage: oneseal-cse -c FILE     serve with this configuration, in the foreground\n"
          "       oneseal-cse --check FILE  read it and say whether it can be used\n"
          "       oneseal-cse --ics [json]  what of oneM2M this program implements, for people or as JSON\n"
          "       oneseal-cse --version\n",
          to);
    return status;
}

/* Each line of `why` with our name in front. */
static void say(const struct buf *why)
{
    struct span rest = buf_span(why);
    while (rest.p && rest.n) {
        struct span line = span_cut(&rest, '\n');
        if (line.n)
            fprintf(stderr, "oneseal-cse: %.*s\n", SPAN_FMT(line));
    }
}

/* ---- parts ----------------------------------------------------------------------------------------- */

/* Authorities of other service providers, each bound to the domain of its own. */
static size_t read_realms(const struct settings *set, struct tls_realm out[PEERS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < set->cse.npeers; i++)
        if (set->peer_ca[i])
            out[n++] = (struct tls_realm){.ca_file = set->peer_ca[i], .domain = span_from(set->peers[i].sp, 2)};
    return n;
}

static enum err open_tls(struct daemon *d, struct buf *why)
{
    if (!d->set.certificate)
        return OK;
    struct tls_realm realms[PEERS_MAX];
    struct tls_conf conf = {.server = true,
                            .realms = realms,
                            .n_realms = read_realms(&d->set, realms),
                            .client_cert_needed = true,
                            .cert_file = d->set.certificate,
                            .key_file = d->set.key_file,
                            .ca_file = d->set.ca};
    TRY(tls_ctx_new(&conf, &d->server_tls, why));
    conf.server = conf.client_cert_needed = false;
    return tls_ctx_new(&conf, &d->client_tls, why);
}

static void why_no_store(const struct settings *set, enum err e, struct buf *why)
{
    const char *dir = set->folder ? set->folder : ":memory:";
    if (e == ERR_CONFIG)
        buf_fmt(why,
                "%s: other users may enter the folder, or its cse.db is not a store of this version; try: chmod 700 %s",
                dir, dir);
    else if (e == ERR_NOTNOW)
        buf_fmt(why, "%s: another process has this store open", dir);
    else
        buf_fmt(why, "%s: cannot open the store: %s", dir, err_text(e));
}

static enum err open_store(struct daemon *d, struct buf *why)
{
    const struct settings *set = &d->set;
    struct sqlite_conf conf = {.dir = set->folder,
                               .power_loss = set->power_loss,
                               .row_cache = set->row_cache,
                               .page_cache = set->page_cache,
                               .mmap = set->map,
                               .wal_max = set->wal,
                               .max = set->storage};
    if (getrandom(conf.fresh_instance, sizeof conf.fresh_instance, 0) != (ssize_t)sizeof conf.fresh_instance)
        return ERR_IO;
    enum err e = OK;
    if (set->folder)
        e = sqlite_open(&conf, &d->store);
    else
        d->store = store_mem(conf.fresh_instance);
    if (e == OK && !d->store)
        e = ERR_NOMEM;
    if (e != OK)
        why_no_store(set, e, why);
    return e;
}

static void say_ready(const struct daemon *d)
{
    char text[NET_ADDR_TEXT_MAX];
    const struct station *s = &d->station[0];
    struct net_addr at;
    fputs("ready", stdout);
    if (s->https) {
        at = http_server_addr(s->https);
        printf(" https=%s", net_addr_text(&at, text));
    }
    if (s->http) {
        at = http_server_addr(s->http);
        printf(" http=%s", net_addr_text(&at, text));
    }
    putchar('\n');
    fflush(stdout);
    (void)!notify_send("READY=1");
}

static void say_what_is_open(const struct daemon *d)
{
    if (d->set.lab)
        fprintf(stderr, "oneseal-cse: LABORATORY: everything is open here. Any originator may register, every request "
                        "goes in clear text. Never with real data.\n");
    else if (d->set.http)
        LOG(LOG_L_WARN, "insecure-listener", log_str("address", d->set.http),
            log_str("means", "everybody on the way reads and changes requests"));
}

/* ---- in order --------------------------------------------------------------------------------------- */

static enum err read_settings(struct daemon *d, const char *file, struct buf *why)
{
    enum err e = settings_load(file, &d->set, why);
    if (e != OK && why->n == 0)
        buf_fmt(why, "%s: %s", file, err_text(e));
    if (e == OK)
        e = daemon_specs(d->set.specs, why);
    if (e == OK)
        e = open_tls(d, why);
    if (e == OK)
        e = esprim_conf(d->set.conf, &d->set.cse.self, &d->set.cse.esprim, why);
    return e == OK ? hook_seal_new(d->set.conf, d->set.cse.self.sp, d->set.cse.self.csi, &d->seal, why) : e;
}

static enum err start(struct daemon *d, struct buf *why)
{
    sandbox_descriptors(DESCRIPTORS);
    TRY(open_store(d, why));
    TRY(daemon_listen(d, why));
    TRY(daemon_start(d, why));
    return sandbox_enter(SANDBOX_CSE);
}

static int serve(struct daemon *d, struct buf *why)
{
    log_open("oneseal-cse", d->set.json, d->set.level);
    enum err e = start(d, why);
    if (e != OK) {
        if (why->n == 0)
            buf_fmt(why, "cannot start: %s", err_text(e));
        say(why);
        fflush(stderr);
        _exit(e == ERR_CONFIG ? EXIT_CONFIG : EXIT_FAILURE); /* threads may run already */
    }
    say_what_is_open(d);
    say_ready(d);
    bool all = daemon_run(d);
    (void)!notify_send("STOPPING=1");
    if (!all)
        _exit(EXIT_SUCCESS); /* the store is as durable as after a crash */
    daemon_free(d);
    return EXIT_SUCCESS;
}

/* Implementation conformance statement. */
static int say_statement(bool json)
{
    struct buf b = heap_buf(STATEMENT_MAX);
    if (json)
        statement_json(&b);
    else
        statement_text(&b);
    struct span text = buf_span(&b);
    bool all = b.e == OK && fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0;
    heap_buf_free(&b);
    return all ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("oneseal-cse %s\n", ONESEAL_VERSION) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return say_usage(stdout, EXIT_SUCCESS);
    if (argc >= 2 && strcmp(argv[1], "--ics") == 0 && (argc == 2 || (argc == 3 && strcmp(argv[2], "json") == 0)))
        return say_statement(argc == 3);
    bool check = argc == 3 && strcmp(argv[1], "--check") == 0;
    if (!check && (argc != 3 || strcmp(argv[1], "-c") != 0))
        return say_usage(stderr, EXIT_USAGE);
    static struct daemon d;
    struct buf why = heap_buf(WHY_MAX);
    if (secret_openssl_wipes() != OK || sandbox_no_dumps() != OK) {
        fputs("oneseal-cse: cannot keep memory out of core dumps\n", stderr);
        return EXIT_FAILURE;
    }
    if (read_settings(&d, argv[2], &why) != OK) {
        say(&why);
        heap_buf_free(&why);
        return EXIT_CONFIG;
    }
    int status = check ? printf("%s: can be used\n", argv[2]) < 0 : serve(&d, &why);
    heap_buf_free(&why);
    return status;
}
