/* client.c - oneseal/client.h over lib/app. */
#include "oneseal/client.h"

#include <uv.h>

#include "api/api.h"
#include "app/confirm.h"
#include "app/inbox.h"
#include "app/writer_head.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum {
    MEM_BLOCK = 1 << 14,
    MEM_MAX = 64 << 20,
    TIMEOUT_MS = 10 * 1000,
    TIMEOUT_MAX_MS = 24 * 3600 * 1000,
    WORDS_MAX = 1024,
    WRITERS_MAX = 64,
    CONTENT_MAX = 16 << 20,
    CNF_MAX = 512,
};

struct stream {
    const char *container;
    struct writer *writer;
    struct writer_head *head; /* NULL: a provisioned key */
};

struct oneseal_client {
    struct app app;  /* first: fault and note get back from it */
    struct inbox in; /* in.s is the session */
    oneseal_client_how how;
    struct net_timer *wait;
    bool open, listens;
    struct stream stream[WRITERS_MAX];
    size_t streams;
    struct arena mem; /* of the newest reading */
    oneseal_deliver *deliver;
    void *deliver_ctx;
    bool ended; /* by the callback */
    oneseal_status said;
    char why[WORDS_MAX], who[WORDS_MAX], todo[WORDS_MAX];
};

/* ---- what is said ------------------------------------------------------------------------------- */

static void on_fault(struct app *app, enum status st, const struct fault *f)
{
    struct oneseal_client *c = (struct oneseal_client *)(void *)app;
    enum reason r = REASON_OK;
    (void)st;
    (void)snprintf(c->why, sizeof c->why, "%s%s%s", f->what, f->object ? ": " : "", f->object ? f->object : "");
    (void)snprintf(c->who, sizeof c->who, "%s", f->who ? f->who : "");
    (void)snprintf(c->todo, sizeof c->todo, "%s", f->todo ? f->todo : "");
    if (f->code && reason_of(span_str(f->code), &r) == OK && r != REASON_OK)
        c->said = api_reason(r);
}

static void on_note(struct app *app, const char *line)
{
    struct oneseal_client *c = (struct oneseal_client *)(void *)app;
    if (c->how.note)
        c->how.note(c->how.ctx, line);
}

/* The status of a call that ended with st: the verdict that the fault named, else what st means. */
static oneseal_status answer(const struct oneseal_client *c, enum status st)
{
    static const struct {
        enum status st;
        oneseal_status s;
    } rows[] = {
        {ST_DONE, ONESEAL_OK},
        {ST_USAGE, ONESEAL_BAD_ARGUMENT},
        {ST_NOT_FOUND, ONESEAL_NOT_FOUND},
        {ST_REFUSED, ONESEAL_NO_PRIVILEGE},
        {ST_CONFLICT, ONESEAL_CONFLICT},
        {ST_UNREACHABLE, ONESEAL_UNREACHABLE},
        {ST_TTP, ONESEAL_TTP_UNREACHABLE},
        {ST_CONFIG, ONESEAL_CONFIG},
    };
    if (st != ST_DONE && c->said != ONESEAL_OK)
        return c->said;
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].st == st)
            return rows[i].s;
    return ONESEAL_FAILED;
}

static void begin(struct oneseal_client *c)
{
    c->said = ONESEAL_OK;
    c->why[0] = c->who[0] = c->todo[0] = '\0';
    arena_reset(&c->mem);
}

const char *oneseal_client_why(const oneseal_client *c)
{
    return c ? c->why : "";
}

const char *oneseal_client_who(const oneseal_client *c)
{
    return c ? c->who : "";
}

const char *oneseal_client_todo(const oneseal_client *c)
{
    return c ? c->todo : "";
}

/* ---- life --------------------------------------------------------------------------------------- */

static void on_wait(void *ctx)
{
    (void)ctx; /* the turn itself is what is wanted */
}

/* Without certificate and TTP a profile can neither open nor register keys, but it can put, also with a provisioned
 * key. */
static unsigned needs(const struct profile *p)
{
    return p->certificate && p->ttps ? SESSION_OPEN : p->store ? SESSION_BOOK : SESSION_TALK;
}

static enum status set_up(struct oneseal_client *c, const char *profile)
{
    enum status st = profile_load(&c->app, profile, &c->in.s.p);
    if (st == ST_DONE)
        st = session_open(&c->app, &c->in.s, needs(&c->in.s.p));
    if (st != ST_DONE)
        return st;
    c->open = true;
    if (net_timer_new(c->in.s.t.loop, on_wait, c, &c->wait) != OK)
        return APP_FAIL(&c->app, ST_FAILED, .what = "timers cannot be set up", .who = "the operating system",
                        .todo = "check the limits on memory and descriptors");
    return ST_DONE;
}

oneseal_status oneseal_client_open(const char *profile, const oneseal_client_how *how, oneseal_client **out)
{
    if (!profile || !*profile || !out || (how && (how->size < sizeof *how || how->timeout_ms > TIMEOUT_MAX_MS)))
        return ONESEAL_BAD_ARGUMENT;
    struct oneseal_client *c = *out = calloc(1, sizeof *c);
    if (!c)
        return ONESEAL_NO_MEMORY;
    if (how)
        c->how = *how;
    heap_arena(&c->app.mem, MEM_BLOCK, MEM_MAX);
    heap_arena(&c->mem, MEM_BLOCK, MEM_MAX);
    c->app.fault = on_fault;
    c->app.note = on_note;
    c->app.timeout_ms = c->how.timeout_ms ? c->how.timeout_ms : TIMEOUT_MS;
    c->app.config = c->how.folder ? app_fmt(&c->app, "%s", c->how.folder) : NULL;
    return answer(c, set_up(c, profile));
}

/* The key ends with its writer, so the epoch gets its closing head. */
static void close_stream(struct stream *s)
{
    (void)writer_post(s->writer); /* what cannot be sent now waits in the book */
    (void)writer_head_post(s->head, true);
    writer_head_free(s->head);
    writer_close(s->writer);
}

void oneseal_client_close(oneseal_client *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->streams; i++)
        close_stream(&c->stream[i]);
    if (c->listens)
        inbox_close(&c->in);
    net_timer_free(c->wait);
    if (c->open)
        session_close(&c->in.s);
    arena_reset(&c->mem);
    arena_reset(&c->app.mem);
    free(c);
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Texts of *out live in c->mem, or point to constants. */
static bool fill(struct oneseal_client *c, const struct outcome *o, struct span plain, oneseal_reading *out)
{
    const struct esd_label *l = &o->res.label;
    const char *text = arena_cstr(&c->mem, plain), *kid = arena_cstr(&c->mem, l->kid);
    const char *address = arena_cstr(&c->mem, api_span(o->address));
    if (!text || !kid || !address)
        return false;
    *out = (oneseal_reading){.verdict = api_reason(o->reason),
                             .flags = api_flags(o->res.flags),
                             .address = address,
                             .kid = kid,
                             .plain = text,
                             .n = plain.n,
                             .json = o->res.json,
                             .clear = o->res.clear,
                             .batch = o->res.batch,
                             .index = l->e2e.i,
                             .epoch = l->e2e.ep,
                             .time_ms = l->e2e.t_ms};
    return true;
}

static bool opens(const struct oneseal_client *c)
{
    return c->in.s.has & SESSION_OPEN;
}

static enum status cannot_open(struct oneseal_client *c)
{
    return APP_FAIL(&c->app, ST_CONFIG, .what = "the profile has no certificate or no TTP", .who = "this program",
                    .kind = "profile", .object = c->in.s.p.path, .todo = "set [tls] and [ttp FQDN]");
}

/* wait_ms: so long for the second verdict; negative: the first is enough. */
static enum status open_answer(struct oneseal_client *c, struct span address, const struct talk_answer *a,
                               int64_t wait_ms, oneseal_reading *out)
{
    struct confirm_count n = {0};
    struct item it;
    struct outcome o;
    if (item_read(talk_body(a), &c->mem, &it) != OK)
        return APP_FAIL(&c->app, ST_FAILED, .what = "there is no content in it that could be opened",
                        .who = "this program", .object = app_fmt(&c->app, "%.*s", SPAN_FMT(address)),
                        .todo = "name a contentInstance, or /la of a container");
    struct span absolute = profile_absolute(&c->app, &c->in.s.p, address);
    enum reader_how how = span_ends(address, SPAN("/la")) ? READER_LATEST : READER_BY_NAME;
    struct span place = profile_place(&c->in.s.p, opening_container(absolute));
    opening_item(&c->in.s.o, &it, place, how, true, &c->mem, &o);
    bool confirm = wait_ms >= 0 && o.reason == REASON_OK && !o.res.clear;
    if (confirm)
        o.reason = confirm_wait(&c->in.s.o, place, &o, wait_ms, &n);
    if (!fill(c, &o, o.reason == REASON_OK ? o.plain : SPAN_NONE, out))
        return APP_FAIL(&c->app, ST_FAILED, .what = "the reading is too large", .who = "this program",
                        .todo = "read a smaller one");
    out->confirmed = confirm && o.reason == REASON_OK;
    return o.reason == REASON_OK ? ST_DONE : opening_fail(&c->in.s.o, &o);
}

static oneseal_status get(struct oneseal_client *c, const char *address, int64_t wait_ms, oneseal_reading *out)
{
    if (!c || !c->open || !address || !*address || !out)
        return ONESEAL_BAD_ARGUMENT;
    begin(c);
    *out = (oneseal_reading){.verdict = ONESEAL_FAILED, .address = "", .kid = "", .plain = ""};
    if (!opens(c))
        return answer(c, cannot_open(c));
    struct talk_answer a;
    struct span to = span_str(address);
    talk_m2m(&c->in.s.t, &(struct talk_ask){.op = TALK_RETRIEVE, .to = to}, &a);
    enum status st = talk_judge(&c->app, &a, "it cannot be read", to);
    if (st == ST_DONE)
        st = open_answer(c, to, &a, wait_ms, out);
    talk_answer_free(&a);
    return out->verdict = answer(c, st);
}

oneseal_status oneseal_client_get(oneseal_client *c, const char *address, oneseal_reading *out)
{
    return get(c, address, -1, out);
}

oneseal_status oneseal_client_get_confirmed(oneseal_client *c, const char *address, uint32_t wait_ms,
                                            oneseal_reading *out)
{
    return get(c, address, wait_ms, out);
}

/* ---- writing ------------------------------------------------------------------------------------ */

static enum status stream_for(struct oneseal_client *c, const char *container, struct stream **out)
{
    for (size_t i = 0; i < c->streams; i++)
        if (strcmp(c->stream[i].container, container) == 0) {
            *out = &c->stream[i];
            return ST_DONE;
        }
    if (!opens(c) && c->in.s.p.seal_key != PROFILE_KEY_PROVISIONED)
        return cannot_open(c);
    if (!c->in.s.p.store)
        return APP_FAIL(&c->app, ST_CONFIG, .what = "the profile names no store", .who = "this program",
                        .kind = "profile", .object = c->in.s.p.path,
                        .todo = "set store= in [profile]: letters to the TTP must survive a crash");
    if (c->streams == WRITERS_MAX)
        return APP_FAIL(&c->app, ST_FAILED, .what = "one client seals for at most 64 containers", .who = "this program",
                        .todo = "open a second client");
    struct stream *s = *out = &c->stream[c->streams];
    const char *name = app_fmt(&c->app, "%s", container);
    enum status st = writer_open(&c->in.s, span_str(name), &s->writer);
    if (st == ST_DONE)
        st = writer_head_open(s->writer, span_str(name), WRITER_CNT, &s->head);
    if (st != ST_DONE) {
        writer_close(s->writer);
        *s = (struct stream){0};
        return st;
    }
    s->container = name;
    c->streams++;
    return ST_DONE;
}

/* *s: the stream whose head now names the envelope. */
static enum status seal_body(struct oneseal_client *c, const char *container, struct span json, const char *name,
                             struct buf *body, struct stream **s)
{
    struct buf con = heap_buf(2 * CONTENT_MAX), cnf = heap_buf(CNF_MAX);
    enum status st = stream_for(c, container, s);
    if (st == ST_DONE)
        st = writer_seal((*s)->writer, json, SPAN_NONE, &con, &cnf);
    if (st == ST_DONE && writer_head_sealed((*s)->head, buf_span(&con)) != OK)
        st = app_fail_file(&c->app, ERR_IO, "the store cannot be written", c->in.s.p.store);
    if (st == ST_DONE)
        item_put(body, span_str(name), buf_span(&cnf), buf_span(&con), true);
    heap_buf_free(&con);
    heap_buf_free(&cnf);
    return st;
}

static bool post_all(struct oneseal_client *c)
{
    bool all = true;
    for (size_t i = 0; i < c->streams; i++) {
        all = writer_post(c->stream[i].writer) && all;
        all = writer_head_post(c->stream[i].head, false) && all;
    }
    return all;
}

oneseal_status oneseal_client_put(oneseal_client *c, const char *container, const char *json, size_t n,
                                  const char *name, int how)
{
    if (!c || !c->open || !container || !*container || !json || n > CONTENT_MAX ||
        (how != ONESEAL_PUT_SEALED && how != ONESEAL_PUT_CLEAR) || json_check(span_of(json, n), NULL) != OK)
        return ONESEAL_BAD_ARGUMENT;
    begin(c);
    struct buf body = heap_buf(4 * CONTENT_MAX);
    struct span to = span_str(container);
    struct stream *s = NULL;
    enum status st = ST_DONE;
    if (how == ONESEAL_PUT_SEALED)
        st = seal_body(c, container, span_of(json, n), name, &body, &s);
    else
        item_put(&body, span_str(name), SPAN_NONE, span_of(json, n), false);
    if (st == ST_DONE) {
        struct talk_answer a;
        struct talk_ask ask = {.op = TALK_CREATE, .to = to, .ty = 4, .body = buf_span(&body)};
        talk_m2m(&c->in.s.t, &ask, &a);
        st = talk_judge(&c->app, &a, "the reading is not stored", to);
        talk_answer_free(&a);
        if (st != ST_DONE && s)
            writer_head_lost(s->head);
    }
    buf_wipe(&body);
    heap_buf_free(&body);
    if (how == ONESEAL_PUT_SEALED && st == ST_DONE)
        (void)post_all(c); /* what does not go now goes with the next reading */
    return answer(c, st);
}

oneseal_status oneseal_client_flush(oneseal_client *c)
{
    if (!c || !c->open)
        return ONESEAL_BAD_ARGUMENT;
    return post_all(c) ? ONESEAL_OK : ONESEAL_TTP_UNREACHABLE;
}

/* ---- subscriptions ------------------------------------------------------------------------------ */

static void hand_over(struct oneseal_client *c, const oneseal_reading *r)
{
    if (!c->ended && c->deliver(c->deliver_ctx, r) != 0) {
        c->ended = true;
        c->in.stop = true;
    }
}

struct handing {
    struct oneseal_client *c;
    const struct outcome *o;
};

static enum err hand_part(void *ctx, uint32_t n, struct span part)
{
    const struct handing *h = ctx;
    oneseal_reading r;
    if (!fill(h->c, h->o, part, &r))
        return ERR_NOMEM;
    r.part = n;
    hand_over(h->c, &r);
    return OK;
}

static enum status on_mail(struct inbox *in, const struct book_mail *m, const struct outcome *o)
{
    struct oneseal_client *c = (struct oneseal_client *)(void *)((char *)in - offsetof(struct oneseal_client, in));
    struct handing h = {.c = c, .o = o};
    (void)m;
    arena_reset(&c->mem);
    enum err e = o->reason == REASON_OK ? reader_each(&o->res, &c->mem, hand_part, &h) : hand_part(&h, 0, SPAN_NONE);
    arena_reset(&c->mem);
    return e == OK ? ST_DONE
                   : APP_FAIL(&c->app, ST_FAILED, .what = "a reading cannot be handed over", .who = "this program",
                              .todo = "give the process more memory");
}

/* A reading that a notification skipped, and that was looked for. */
static void on_found(void *ctx, const struct outcome *o)
{
    struct oneseal_client *c = ctx;
    struct handing h = {.c = c, .o = o};
    if (!c->deliver || o->duplicate || o->reason == REASON_NO_KEY_YET)
        return;
    if (o->reason == REASON_OK ? reader_each(&o->res, &c->mem, hand_part, &h) != OK : hand_part(&h, 0, SPAN_NONE) != OK)
        app_note(&c->app, "a reading that was found cannot be handed over");
}

oneseal_status oneseal_client_subscribe(oneseal_client *c, const char *container)
{
    if (!c || !c->open || !container || !*container)
        return ONESEAL_BAD_ARGUMENT;
    begin(c);
    if (!opens(c))
        return answer(c, cannot_open(c));
    if (!c->in.s.p.store)
        return answer(c, APP_FAIL(&c->app, ST_CONFIG, .what = "the profile names no store", .who = "this program",
                                  .kind = "profile", .object = c->in.s.p.path,
                                  .todo = "set store= in [profile]: what is received must be kept somewhere"));
    c->in.opens = c->in.fills = true;
    c->in.s.o.found = on_found;
    c->in.s.o.found_ctx = c;
    c->in.show = on_mail;
    enum status st = c->listens ? ST_DONE : inbox_open(&c->in);
    if (st != ST_DONE) {
        inbox_close(&c->in);
        return answer(c, st);
    }
    c->listens = true;
    st = inbox_enrol(&c->in, span_str(container));
    return st == ST_DONE && c->in.stop ? ONESEAL_STOPPED : answer(c, st);
}

static bool may_deliver(oneseal_client *c, oneseal_deliver *deliver, void *ctx)
{
    if (!c || !c->open || !c->listens || !deliver)
        return false;
    begin(c);
    c->deliver = deliver;
    c->deliver_ctx = ctx;
    c->ended = false;
    c->in.st = ST_DONE;
    return true;
}

/* Milliseconds until a head is due at any stream; -1: none. */
static int64_t heads_due(const struct oneseal_client *c)
{
    int64_t first = -1;
    for (size_t i = 0; i < c->streams; i++) {
        int64_t due = writer_head_due(c->stream[i].head);
        if (due >= 0 && (first < 0 || due < first))
            first = due;
    }
    return first;
}

/* Waits for something to happen, at most timeout_ms (-1: as long as it takes); sends heads that are due. */
static void turn(struct oneseal_client *c, int64_t timeout_ms)
{
    int64_t head = heads_due(c), wait = head >= 0 && (timeout_ms < 0 || head < timeout_ms) ? head : timeout_ms;
    if (wait >= 0)
        net_timer_start(c->wait, (uint64_t)wait, 0);
    net_loop_turn(c->in.s.t.loop);
    net_timer_stop(c->wait);
    if (head >= 0 && heads_due(c) == 0)
        (void)post_all(c);
    opening_flush(&c->in.s.o); /* keys that are due for a refresh */
}

oneseal_status oneseal_client_run(oneseal_client *c, oneseal_deliver *deliver, void *ctx)
{
    if (!may_deliver(c, deliver, ctx))
        return ONESEAL_BAD_ARGUMENT;
    while (!c->in.stop) {
        inbox_round(&c->in);
        if (!c->in.stop)
            turn(c, -1);
    }
    c->in.stop = false;
    c->deliver = NULL;
    return answer(c, c->in.st);
}

oneseal_status oneseal_client_step(oneseal_client *c, uint32_t timeout_ms, oneseal_deliver *deliver, void *ctx)
{
    if (!may_deliver(c, deliver, ctx))
        return ONESEAL_BAD_ARGUMENT;
    inbox_round(&c->in);
    if (!c->in.stop) {
        turn(c, timeout_ms);
        inbox_round(&c->in);
    }
    bool stopped = c->in.stop;
    c->in.stop = false;
    c->deliver = NULL;
    return c->in.st == ST_DONE && stopped ? ONESEAL_STOPPED : answer(c, c->in.st);
}

int oneseal_client_fd(const oneseal_client *c)
{
    return c && c->open ? uv_backend_fd(net_loop_uv(c->in.s.t.loop)) : -1;
}

int oneseal_client_wait_ms(const oneseal_client *c)
{
    return c && c->open ? uv_backend_timeout(net_loop_uv(c->in.s.t.loop)) : -1;
}

void oneseal_client_stop(oneseal_client *c)
{
    if (!c || !c->open)
        return;
    c->in.stop = true;
    net_loop_stop(c->in.s.t.loop);
}
