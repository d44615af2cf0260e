/* demo_steps.c - the ten steps of the use case, each with its assertions. A step that does not hold says why and
 * the others go on, so that one look shows what works. */
#include <dirent.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "cli/demo.h"
#include "esd/label.h"
#include "host/heap.h"

enum {
    WAIT_MS = 10000,
    PAUSE_MS = 50,
    EVIDENCE_MAX = 8 << 20,
    FILE_MAX_ = 256 << 20,
    WHY_MAX = 1024,
    PIECE_MAX = 200,
    PIECE_MIN = 32
};

struct run {
    struct demo *d;
    struct buf text; /* evidence of the present step, the inside of a JSON object */
    struct jw w;
    bool ok;
    char why[WHY_MAX];
    unsigned held; /* steps that held */
    /* what the steps learn */
    const char *reading[8]; /* the first readings as the device sent them */
    const char *con, *kid;  /* the first reading, sealed */
    const char *answered;   /* con that the application got by RETRIEVE */
    const char *notified;   /* con of the first notification */
};

/* ---- evidence and assertions ---- */

static void told(struct run *r, const char *name, const char *value)
{
    jw_name(&r->w, span_str(name));
    jw_str(&r->w, span_str(value));
}

static void counted(struct run *r, const char *name, uint64_t value)
{
    jw_name(&r->w, span_str(name));
    jw_u64(&r->w, value);
}

/* The first failed assertion of a step is its reason. */
static bool PRINTF(3, 4) must(struct run *r, bool holds, const char *fmt, ...)
{
    if (holds || !r->ok)
        return holds;
    va_list ap;
    r->ok = false;
    va_start(ap, fmt);
    (void)vsnprintf(r->why, sizeof r->why, fmt, ap);
    va_end(ap);
    return false;
}

static bool must_rsc(struct run *r, const struct jval *v, int rsc, const char *what)
{
    struct demo *d = r->d;
    if (!v)
        return must(r, false, "%s: %s", what, d->failed);
    const struct jval *res = JSON_GET(v, "resource");
    const char *said = demo_text(d, res, "m2m:dbg"), *lost = demo_text(d, v, "why");
    return must(r, demo_int(v, "rsc") == rsc, "%s: expected %d, got %d %s%s", what, rsc, demo_int(v, "rsc"), said,
                lost);
}

static bool sealed(const char *con)
{
    return label_looks_sealed(span_str(con));
}

static struct jval *cin_of(const struct jval *answer)
{
    return JSON_GET(JSON_GET(answer, "resource"), "m2m:cin");
}

/* kid of an envelope, in d->turn; "" when it is none. */
static const char *kid_of(struct demo *d, const char *con)
{
    struct esd_label l;
    struct arena mem;
    const char *kid = "";
    heap_arena(&mem, 1 << 16, 1 << 22);
    if (label_read(span_str(con), &mem, &l) == REASON_OK)
        kid = arena_cstr(&d->turn, l.kid);
    arena_reset(&mem);
    return kid ? kid : "";
}

/* ---- 1 ---- */

static void step_register(struct run *r)
{
    static const char *const containers[] = {"data", "open", "strict"};
    struct demo *d = r->d;
    must_rsc(r, proc_ask(d, DEMO_DEVICE, "register"), 2001, "the device's <AE>");
    must_rsc(r, proc_ask(d, DEMO_DEVICE, "%s", plan_acp(d)), 2001, "the <accessControlPolicy>");
    for (size_t i = 0; i < LEN(containers); i++)
        must_rsc(r, proc_ask(d, DEMO_DEVICE, "%s", plan_container(d, containers[i], "")), 2001, "a <container>");
    told(r, "ae", cli_fmt(d->c, "%s/thermo-1", d->plan.site->base));
    told(r, "container", d->plan.site->stream);
    told(r, "may-read", cli_fmt(d->c, "%s (acop 51)", plan_heat(d)));
}

/* ---- 2 ---- */

/* Gives the device the next reading; the answer, or NULL. */
static struct jval *send_reading(struct run *r, const char *container)
{
    struct demo *d = r->d;
    const char *text = demo_reading(d);
    if (!must(r, text != NULL, "there is no reading: the input has ended"))
        return NULL;
    if (strcmp(container, "data") == 0 && d->sent < LEN(r->reading))
        r->reading[d->sent] = text;
    d->sent += strcmp(container, "data") == 0;
    return demo_put(d, container, text);
}

static void step_protect(struct run *r)
{
    struct demo *d = r->d;
    struct jval *v = send_reading(r, "data");
    if (!must_rsc(r, v, 2001, "the first reading"))
        return;
    const char *cnf = demo_text(d, cin_of(v), "cnf");
    r->con = demo_text(d, cin_of(v), "con");
    r->kid = kid_of(d, r->con);
    must(r, sealed(r->con), "the reading is stored in clear");
    must(r, span_ends(span_str(cnf), SPAN(":1")), "cnf does not say that it is protected: \"%s\"", cnf);
    must(r,
         plan_provisioned(d) ? strcmp(r->kid, DEMO_KEY_ID) == 0
                             : span_ends(span_str(r->kid), span_str(cli_fmt(d->c, "@%s", d->plan.ttp->fqdn))),
         "the credential is another one: \"%s\"", r->kid);
    told(r, "kid", r->kid);
    told(r, "cnf", cnf);
    told(r, "con", r->con);
    /* The other two policies. */
    v = proc_ask(d, DEMO_DEVICE, "put %s/thermo-1/open {\"clear\":true}", d->plan.site->base);
    must_rsc(r, v, 2001, "a reading under policy pass");
    const struct jval *con = JSON_GET(cin_of(v), "con");
    must(r, con && con->type == J_OBJ, "policy pass: the reading did not stay clear");
    counted(r, "pass", (uint64_t)demo_int(v, "rsc"));
    v = proc_ask(d, DEMO_DEVICE, "put %s/thermo-1/strict {\"clear\":true}", d->plan.site->base);
    must_rsc(r, v, 4102, "clear text under policy refuse-clear");
    counted(r, "refuse-clear", (uint64_t)demo_int(v, "rsc"));
    told(r, "refuse-clear-says", demo_text(d, JSON_GET(v, "resource"), "m2m:dbg"));
}

/* ---- 3, 4, 5 ---- */

/* `command` with the container's address and `rest` behind it. Asks again while the registrations on the way to it are
 * still under way. */
static struct jval *ask_until(struct run *r, enum demo_who who, const char *command, const char *rest, int refused)
{
    int64_t until = demo_now_ms() + WAIT_MS;
    for (;;) {
        struct jval *v = proc_ask(r->d, who, "%s %s%s", command, plan_remote(r->d), rest);
        int rsc = demo_int(v, "rsc");
        if (!v || rsc == refused || (rsc >= 2000 && rsc < 3000) || demo_now_ms() > until || *r->d->stop)
            return v;
        (void)poll(NULL, 0, PAUSE_MS);
    }
}

/* app-heat's requests travel in ESPrim Objects from here on. */
static void go_inside(struct run *r)
{
    int64_t until = demo_now_ms() + WAIT_MS;
    struct jval *v;
    while ((v = proc_ask(r->d, DEMO_HEAT, "inside %s", r->d->plan.site->stream)) && JSON_GET(v, "error") &&
           demo_now_ms() < until && !*r->d->stop)
        (void)poll(NULL, 0, PAUSE_MS);
    must(r, v && !JSON_GET(v, "error"), "app-heat has no session with the host");
    told(r, "inside", DEMO_PAIR_ID);
}

static void step_ask(struct run *r)
{
    struct demo *d = r->d;
    must_rsc(r, proc_ask(d, DEMO_HEAT, "register"), 2001, "the <AE> of app-heat at the server");
    must_rsc(r, proc_ask(d, DEMO_OTHER, "register"), 2001, "the <AE> of app-other at the server");
    if (d->plan.esprim)
        go_inside(r);
    struct jval *v = ask_until(r, DEMO_HEAT, "get", "/la", 4103);
    must_rsc(r, v, 2000, "RETRIEVE of the newest reading");
    told(r, "request", demo_text(d, v, "request"));
    r->answered = demo_text(d, cin_of(v), "con");
    v = ask_until(r, DEMO_HEAT, "subscribe", "", 4103);
    must_rsc(r, v, 2001, "<subscription> below the container");
    told(r, "to", cli_fmt(d->c, "the server, %s", d->actor[d->plan.two ? DEMO_SERVER_2 : DEMO_SERVER].https));
    told(r, "retrieve", cli_fmt(d->c, "%s/la", plan_remote(d)));
    told(r, "subscribe", plan_remote(d));
}

static void step_forward(struct run *r)
{
    struct demo *d = r->d;
    const char *data = d->plan.site->data;
    struct jval *v = proc_ask(d, DEMO_HEAT, "get %s/sub-Sapp-heat", plan_remote(d));
    must_rsc(r, v, 2000, "the subscription, asked for through the server");
    const struct jval *nu = json_at(JSON_GET(JSON_GET(JSON_GET(v, "resource"), "m2m:sub"), "nu"), 0);
    must(r, json_is(nu, span_str(plan_heat(d))), "the subscription notifies somebody else");
    /* It lies at the host itself: asked there by somebody who may not read it, it is refused, not missing. */
    must_rsc(r, proc_ask(d, DEMO_DEVICE, "get %s/sub-Sapp-heat", data), 4103, "the subscription at the host");
    must_rsc(r, proc_ask(d, DEMO_DEVICE, "get %s/sub-nobody", data), 4004, "control: no such subscription");
    told(r, "at-the-host", cli_fmt(d->c, "%s/sub-Sapp-heat", data));
    told(r, "notifies", plan_heat(d));
    /* The target was verified and is told, over both hops. */
    int64_t until = demo_now_ms() + WAIT_MS;
    struct jval *first = NULL;
    must_rsc(r, send_reading(r, "data"), 2001, "the second reading");
    while (r->ok && !first && demo_now_ms() < until && !*d->stop) {
        first = d->events ? d->event[0] : NULL;
        if (!first && !must(r, proc_listen(d, DEMO_HEAT, PAUSE_MS), "app-heat is gone"))
            return;
    }
    if (!must(r, first != NULL, "no notification came within %d s", WAIT_MS / 1000))
        return;
    r->notified = demo_text(d, first, "con");
    told(r, "notified-by", demo_text(d, first, "sur"));
}

/* Over several hops only what travels in an ESPrim Object comes from an authenticated originator (TS-0003 7.1.2), and
 * the policy demands one (acaf). */
static void step_authenticate(struct run *r)
{
    struct demo *d = r->d;
    (void)proc_ask(d, DEMO_HEAT, "plain");
    struct jval *v = proc_ask(d, DEMO_HEAT, "get %s", plan_remote(d));
    must_rsc(r, v, 4103, "app-heat, whom the host cannot authenticate over the server");
    counted(r, "app-heat-plain", (uint64_t)demo_int(v, "rsc"));
    go_inside(r);
    v = proc_ask(d, DEMO_HEAT, "get %s", plan_remote(d));
    must_rsc(r, v, 2000, "app-heat inside an ESPrim Object");
    counted(r, "app-heat-inside", (uint64_t)demo_int(v, "rsc"));
}

static void step_authorise(struct run *r)
{
    struct demo *d = r->d;
    struct jval *v = ask_until(r, DEMO_OTHER, "get", "/la", 4103);
    must_rsc(r, v, 4103, "app-other, which has no right");
    counted(r, "app-other", (uint64_t)demo_int(v, "rsc"));
    told(r, "reason", demo_text(d, JSON_GET(v, "resource"), "m2m:dbg"));
    must(r, *demo_text(d, JSON_GET(v, "resource"), "m2m:dbg"), "the refusal gives no reason");
    v = proc_ask(d, DEMO_OTHER, "subscribe %s", plan_remote(d));
    must_rsc(r, v, 4103, "a subscription of app-other");
    if (d->plan.esprim)
        step_authenticate(r);
}

/* ---- 6, 7 ---- */

static void step_answer(struct run *r)
{
    struct demo *d = r->d;
    must(r, r->answered && sealed(r->answered), "the answer is not sealed");
    must(r, r->answered && r->con && strcmp(r->answered, r->con) == 0, "the answer is not what the host stores");
    must(r, r->notified && sealed(r->notified), "the notification is not sealed");
    told(r, "answered", r->answered ? r->answered : "");
    told(r, "notified", r->notified ? r->notified : "");
    (void)d;
}

/* A store cuts long texts into pages, so pieces are looked for: the begin, and the middle of a long one. */
struct hunt {
    struct span begin, middle;
    unsigned files, found;
    uint64_t octets;
};

static void hunt_file(struct hunt *h, const char *path)
{
    struct buf b = heap_buf(FILE_MAX_);
    if (file_read(path, &b) == OK) {
        h->files++;
        h->octets += b.n;
        h->found += b.n && (memmem(b.p, b.n, h->begin.p, h->begin.n) || memmem(b.p, b.n, h->middle.p, h->middle.n));
    }
    heap_buf_free(&b);
}

/* All files directly in a folder and one level below. */
static void hunt_folder(struct demo *d, struct hunt *h, const char *folder, int depth)
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    while (dir && (e = readdir(dir))) {
        const char *path = cli_fmt(d->c, "%s/%s", folder, e->d_name);
        struct stat st;
        if (e->d_name[0] == '.' || lstat(path, &st) != 0)
            continue;
        if (S_ISREG(st.st_mode))
            hunt_file(h, path);
        else if (S_ISDIR(st.st_mode) && depth)
            hunt_folder(d, h, path, depth - 1);
    }
    if (dir)
        (void)closedir(dir);
}

static struct hunt hunt(struct run *r, const char *actor, const char *text)
{
    struct span all = span_str(text);
    struct hunt h = {.begin = span_first(all, PIECE_MAX), .middle = span_first(span_from(all, all.n / 2), PIECE_MAX)};
    hunt_folder(r->d, &h, cli_fmt(r->d->c, "%s/%s", r->d->dir, actor), 2);
    hunt_file(&h, cli_fmt(r->d->c, "%s/%s.log", r->d->dir, actor));
    return h;
}

static void step_blind_on_disk(struct run *r)
{
    struct demo *d = r->d;
    for (int i = DEMO_SERVER; i <= DEMO_HOST && r->reading[0]; i++) {
        const char *blind = d->actor[i].name;
        if (d->actor[i].pid <= 0)
            continue;
        struct hunt h = hunt(r, blind, r->reading[0]);
        must(r, h.files > 0, "no file of the %s could be searched", blind);
        must(r, h.found == 0, "the plaintext stands in a file of the %s", blind);
        counted(r, cli_fmt(d->c, "%s-octets-searched", blind), h.octets);
        counted(r, cli_fmt(d->c, "%s-found", blind), h.found);
    }
    /* The control: where the sealed text must be, the same search finds it. */
    struct hunt h = hunt(r, d->actor[d->plan.site->who].name, r->con ? r->con : "?");
    must(r, h.found > 0, "control: the search does not find the sealed reading at its host");
    counted(r, "control-found", h.found);
}

static void step_blind(struct run *r)
{
    struct demo *d = r->d;
    step_blind_on_disk(r);
    struct jval *v = proc_ask(d, DEMO_HEAT, "cut");
    must(r, v && !JSON_GET(v, "error"), "the way to the TTP cannot be cut");
    v = proc_ask(d, DEMO_HEAT, "open");
    const char *reason = demo_text(d, v, "reason");
    must(r, strcmp(reason, "ttp-unreachable") == 0, "open without a key and without a way to the TTP: \"%s\"", reason);
    told(r, "open-without-key", reason);
    (void)proc_ask(d, DEMO_HEAT, "mend");
}

/* ---- 8, 9, 10 ---- */

static bool heals(const char *verdict)
{
    enum reason r;
    return reason_of(span_str(verdict), &r) == OK && reason_heals(r);
}

static void step_request_key(struct run *r)
{
    struct demo *d = r->d;
    const char *kid = r->answered ? kid_of(d, r->answered) : "";
    demo_hold(d, "before-8");
    if (!must(r, *kid, "no identifier of a credential is known"))
        return;
    /* The writer's letter may still be on its way, and the reader remembers for a moment that the way was cut. */
    int64_t until = demo_now_ms() + WAIT_MS;
    const char *verdict = "";
    struct jval *v = NULL;
    do {
        if (v)
            (void)poll(NULL, 0, PAUSE_MS);
        v = proc_ask(d, DEMO_HEAT, "release %s", kid);
        verdict = demo_text(d, v, "verdict");
    } while (v && heals(verdict) && demo_now_ms() < until && !*d->stop);
    must(r, v && strcmp(verdict, "released") == 0, "the TTP answers: %s %s", verdict,
         v ? demo_text(d, v, "why") : d->failed);
    told(r, "kid", kid);
    told(r, "verdict", verdict);
    counted(r, "log-size", (uint64_t)demo_int(v, "log"));
}

static void step_provision(struct run *r)
{
    struct demo *d = r->d;
    const char *kid = r->answered ? kid_of(d, r->answered) : "";
    if (!must(r, *kid, "no identifier of a credential is known"))
        return;
    struct jval *v = proc_ask(d, DEMO_OTHER, "release %s", kid);
    const char *verdict = demo_text(d, v, "verdict");
    must(r, strcmp(verdict, "refused") == 0, "app-other asked the TTP and got: \"%s\" %s", verdict,
         demo_text(d, v, "why"));
    told(r, "app-heat", "released, wrapped to its one-time key");
    told(r, "app-other", verdict);
    told(r, "reason", demo_text(d, v, "why"));
    told(r, "decided-by", demo_text(d, v, "who"));
}

static bool opens_to(struct run *r, const struct jval *v, const char *reading, const char *how)
{
    const char *plain = demo_text(r->d, v, "plain"), *reason = demo_text(r->d, v, "reason");
    must(r, strcmp(reason, "opened") == 0, "%s: \"%s\" %s", how, reason, demo_text(r->d, v, "why"));
    return must(r, reading && strcmp(plain, reading) == 0, "%s: another content than the device sent", how);
}

static void step_find_key(struct run *r)
{
    struct demo *d = r->d;
    demo_hold(d, "before-8");
    (void)proc_ask(d, DEMO_HEAT, "cut");
    opens_to(r, proc_ask(d, DEMO_HEAT, "open"), r->reading[0], "with the provisioned credential and no TTP");
    (void)proc_ask(d, DEMO_HEAT, "mend");
    told(r, "kid", r->kid);
}

static void step_not_provisioned(struct run *r)
{
    struct demo *d = r->d;
    (void)proc_ask(d, DEMO_OTHER, "hold %s {\"m2m:cin\":{\"cnf\":\"application/json:0:1\",\"con\":\"%s\"}}",
                   d->plan.site->stream, r->answered ? r->answered : "");
    struct jval *v = proc_ask(d, DEMO_OTHER, "open");
    const char *reason = demo_text(d, v, "reason");
    must(r, strcmp(reason, "unknown-ttp") == 0, "app-other opens what it holds: \"%s\"", reason);
    told(r, "app-other", reason);
}

/* The readings that are still to come; their notifications are opened as they arrive. */
static void send_rest(struct run *r)
{
    struct demo *d = r->d;
    while (r->ok && d->sent < d->count && !*d->stop)
        must_rsc(r, send_reading(r, "data"), 2001, "a further reading");
}

static uint64_t judged(struct demo *d, struct run *r)
{
    uint64_t n = 0;
    for (size_t i = 0; i < d->events; i++) {
        const struct jval *e = d->event[i];
        if (!json_is(JSON_GET(e, "event"), SPAN("judged")))
            continue;
        const char *reason = demo_text(d, e, "reason");
        must(r, strcmp(reason, "opened") == 0, "a notification: \"%s\" %s", reason, demo_text(d, e, "why"));
        n++;
    }
    return n;
}

static void step_open(struct run *r)
{
    struct demo *d = r->d;
    /* By RETRIEVE: the reading from before the subscription, which the application still holds. */
    struct jval *v = proc_ask(d, DEMO_HEAT, "open");
    if (opens_to(r, v, r->reading[0], "the reading by RETRIEVE"))
        told(r, "by-retrieve", r->reading[0]);
    /* By NOTIFY: the body that came. */
    (void)proc_ask(d, DEMO_HEAT, "mail");
    v = proc_ask(d, DEMO_HEAT, "open");
    if (opens_to(r, v, r->reading[1], "the reading by NOTIFY"))
        told(r, "by-notify", r->reading[1]);
    send_rest(r);
    (void)proc_ask(d, DEMO_HEAT, "open-mail");
    int64_t until = demo_now_ms() + WAIT_MS;
    /* The second reading was opened by hand; those behind it are opened on arrival. */
    while (r->ok && judged(d, r) + 2 < d->count && demo_now_ms() < until && !*d->stop)
        must(r, proc_listen(d, DEMO_HEAT, PAUSE_MS), "app-heat is gone");
    uint64_t n = judged(d, r) + 2;
    must(r, n >= d->count, "%llu of %llu readings were opened", (unsigned long long)n, (unsigned long long)d->count);
    v = proc_ask(d, DEMO_HEAT, "get %s/la", plan_remote(d));
    must_rsc(r, v, 2000, "RETRIEVE of the newest reading");
    counted(r, "sent", d->sent);
    counted(r, "opened", n);
    /* Of a batch the store keeps each reading by itself. */
    const char *first = r->reading[0] ? r->reading[0] : "?";
    struct hunt h = hunt(r, "app-heat", d->plan.batch ? cli_fmt(d->c, "%.*s", PIECE_MIN, first + 1) : first);
    must(r, h.found > 0, "the plaintext is not in the application's own store");
}

/* ---- the table ---- */

/* {words} are the plan's. */
struct step {
    const char *what;
    void (*run)(struct run *r);
};

static const struct step steps[DEMO_STEPS] = {
    {"the device {registers}", step_register},
    {"by policy the {sealer} protects the data: a credential with an identifier, {credential}", step_protect},
    {"the application asks the {host} through the {server}: RETRIEVE and subscribe", step_ask},
    {"{servers} to the right gateway{further}, and its notifications back", step_forward},
    {"the {host} verifies who asks: app-heat may, app-other may not", step_authorise},
    {"the {host} answers with the encrypted data that it hosts", step_answer},
    {"{servers} what {these} cannot open; without the credential the application cannot either", step_blind},
    {"the application asks the {asks} for the credential by the identifier found with the data", step_request_key},
    {"the {checks} checks the authorization: app-heat gets the credential, app-other does not", step_provision},
    {"the application opens and processes the data, by RETRIEVE and by NOTIFY", step_open},
};

/* With a credential that was given to both ends beforehand there is nobody to ask. */
static const struct step provisioned[DEMO_STEPS] = {
    [6] = {"the server forwards what it cannot open", step_blind_on_disk},
    [7] = {"the application finds the provisioned credential by the identifier found with the data", step_find_key},
    [8] = {"app-other, which was not given the credential, cannot open the data", step_not_provisioned},
};

static const struct step *step_at(const struct demo *d, unsigned n)
{
    return plan_provisioned(d) && provisioned[n - 1].run ? &provisioned[n - 1] : &steps[n - 1];
}

static enum status print_step(struct run *r, unsigned n)
{
    struct cli *c = r->d->c;
    const char *what = plan_words(r->d, step_at(r->d, n)->what);
    if (!c->json) {
        return cli_out_line(c, span_str(cli_fmt(c, "  %s  %2u  %s%s%s", r->ok ? "ok " : "NOT", n, what,
                                                r->ok ? "" : "\n          ", r->why)));
    }
    struct buf b = heap_buf(EVIDENCE_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "step", n);
    JW_BOOL(&w, "ok", r->ok);
    JW_STR(&w, "what", span_str(what));
    JW_NAME(&w, "evidence");
    jw_raw(&w, buf_span(&r->text));
    if (!r->ok)
        JW_STR(&w, "why", span_str(r->why));
    jw_end_obj(&w);
    enum status st = cli_out_line(c, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

static enum status one_step(struct run *r, unsigned n)
{
    r->text = heap_buf(EVIDENCE_MAX);
    r->w = jw_over(&r->text);
    r->ok = true;
    r->why[0] = '\0';
    jw_obj(&r->w);
    must(r, !*r->d->stop, "interrupted");
    if (r->ok)
        step_at(r->d, n)->run(r);
    jw_end_obj(&r->w);
    r->held += r->ok;
    enum status st = print_step(r, n);
    heap_buf_free(&r->text);
    return st;
}

enum status steps_run(struct demo *d)
{
    static struct run r;
    enum status st = ST_DONE;
    r.d = d;
    demo_hold(d, "start");
    st = plan_tell(d);
    for (unsigned n = 1; n <= DEMO_STEPS && st == ST_DONE; n++)
        st = one_step(&r, n);
    demo_hold(d, "after-10");
    if (st != ST_DONE)
        return st;
    struct cli *c = d->c;
    st = c->json ? cli_out_line(
                       c, span_str(cli_fmt(c, "{\"v\":1,\"summary\":{\"steps\":%d,\"ok\":%u}}", DEMO_STEPS, r.held)))
                 : cli_out_line(c, span_str(cli_fmt(c, "%u of %d steps hold", r.held, DEMO_STEPS)));
    if (st != ST_DONE || r.held == DEMO_STEPS)
        return st;
    return CLI_FAIL(c, ST_FAILED, .what = cli_fmt(c, "%u of %d steps do not hold", DEMO_STEPS - r.held, DEMO_STEPS),
                    .who = "this program", .kind = "folder", .object = d->dir,
                    .todo = "run it again with --keep and read the logs in that folder");
}
