/* demo_actor.c - `oneseal demo actor`: device or application of the demo as a process of its own. It takes
 * commands on standard input, a line each, and answers with a line of JSON {"v":1,"re":COMMAND,...}; what happens
 * to it of its own accord is a line {"v":1,"event":...}.
 *
 *   register                      CREATE <AE>, or UPDATE of its pointOfAccess
 *   create TYPE PARENT JSON       any resource
 *   put PARENT JSON               a contentInstance with this content; a device with [seal] seals it
 *   get ADDRESS                   RETRIEVE; the reading is held
 *   inside ADDRESS                from now on requests to the CSE that hosts it go in ESPrim Objects
 *   plain                         from now on they do not
 *   hold ADDRESS JSON             a reading of this container as it was read elsewhere
 *   subscribe CONTAINER           by the AE-ID, so that the CSEs find the way
 *   cut, mend                     no route to the TTPs, and back
 *   open                          opens the held reading; asks the TTP when it must
 *   release KID                   asks the TTP for one key, by its identifier
 *   mail                          looks at the oldest notification without opening it: it is held
 *   open-mail                     from now on opens what comes by notification */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "app/writer_head.h"
#include "cli/verbs.h"
#include "cli/watch.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum {
    IN_MAX = 4 << 20,
    OUT_MAX = 32 << 20,
    CHUNK = 1 << 16,
    BODY_MAX = 20 << 20,
    HELD_BLOCK = 1 << 16,
    HELD_MAX = 64 << 20
};

struct role {
    struct inbox w;        /* first: show() gets back from it */
    struct writer *writer; /* NULL: nothing was sealed yet */
    struct writer_head *heads;
    struct buf in;
    bool eof;
    uv_poll_t poll;
    struct arena held_mem;
    struct item held;
    struct span held_at; /* absolute address of its container */
    bool has_held, held_is_mail;
    int closed_port; /* a bound socket that does not listen */
    const char *url[PROFILE_TTPS_MAX];
};

/* ---- answers ---- */

static void begin(struct jw *w, struct buf *b, const char *what, const char *name)
{
    *b = heap_buf(OUT_MAX);
    *w = jw_over(b);
    jw_obj(w);
    JW_U64(w, "v", 1);
    jw_name(w, span_str(what));
    jw_str(w, span_str(name));
}

static enum status end(struct role *r, struct jw *w)
{
    jw_end_obj(w);
    enum status st = cli_out_line(cli_of(r->w.s.app), buf_span(w->b));
    buf_wipe(w->b);
    heap_buf_free(w->b);
    return st;
}

static void put_answer(struct jw *w, const struct talk_answer *a)
{
    struct span body = talk_body(a);
    JW_U64(w, "rsc", (uint64_t)a->rsc);
    JW_STR(w, "request", span_str(a->request));
    if (a->e != OK) {
        JW_STR(w, "error", span_str(err_name(a->e)));
        JW_STR(w, "why", buf_span(&a->copy.why));
    } else if (body.n && json_check(body, NULL) == OK) {
        JW_NAME(w, "resource");
        jw_raw(w, body);
    }
}

static enum status say_answer(struct role *r, const char *name, struct talk_answer *a)
{
    struct buf b;
    struct jw w;
    begin(&w, &b, "re", name);
    put_answer(&w, a);
    talk_answer_free(a);
    return end(r, &w);
}

static enum status say_word(struct role *r, const char *name, const char *member, const char *value)
{
    struct buf b;
    struct jw w;
    begin(&w, &b, "re", name);
    jw_name(&w, span_str(member));
    jw_str(&w, span_str(value));
    return end(r, &w);
}

/* Verdict, key and, when it was opened, the plaintext. */
static void put_outcome(struct role *r, struct jw *w, const struct outcome *out)
{
    const struct ttps *t = &r->w.s.ttps;
    const struct esd_label *l = &out->res.label;
    JW_STR(w, "reason", span_str(out->reason == REASON_OK ? "opened" : reason_code(out->reason)));
    JW_STR(w, "kid", l->kid);
    JW_U64(w, "ep", l->e2e.ep);
    JW_U64(w, "i", l->e2e.i);
    JW_BOOL(w, "duplicate", out->duplicate);
    if (out->reason == REASON_OK) {
        JW_STR(w, "plain", out->plain);
        return;
    }
    JW_STR(w, "why", span_str(t->why[0] ? t->why : reason_text(out->reason)));
    JW_STR(w, "who", span_str(t->who));
    JW_STR(w, "do", span_str(t->todo));
}

static enum status show_mail(struct inbox *inbox, const struct book_mail *m, const struct outcome *out)
{
    struct role *r = (struct role *)inbox;
    struct buf b;
    struct jw w;
    begin(&w, &b, "event", out ? "judged" : "notify");
    JW_STR(&w, "con", m->con);
    JW_STR(&w, "cnf", m->cnf);
    JW_STR(&w, "sur", m->sur);
    if (out)
        put_outcome(r, &w, out);
    return end(r, &w);
}

/* ---- commands ---- */

static enum status do_register(struct role *r, struct span rest)
{
    (void)rest;
    struct talk_answer a;
    const struct profile *p = &r->w.s.p;
    ae_register(&r->w.s, p->poa ? p->poa : r->w.r.url, &a);
    return say_answer(r, "register", &a);
}

static enum status do_create(struct role *r, struct span rest)
{
    struct talk_answer a;
    struct span type = span_cut(&rest, ' '), parent = span_cut(&rest, ' ');
    uint64_t ty = 0;
    if (span_u64(type, 9999, &ty) != OK)
        return say_word(r, "create", "error", "SYNTAX");
    talk_m2m(&r->w.s.t, &(struct talk_ask){.op = TALK_CREATE, .to = parent, .ty = (int)ty, .body = rest}, &a);
    return say_answer(r, "create", &a);
}

/* The device seals what goes into "data"; the first time it opens the stream. */
static enum status seal_reading(struct role *r, struct span parent, struct span reading, struct buf *con,
                                struct buf *cnf)
{
    enum status st = ST_DONE;
    if (!r->writer)
        st = writer_open(&r->w.s, parent, &r->writer);
    if (st == ST_DONE && !r->heads)
        st = writer_head_open(r->writer, parent, WRITER_CNT, &r->heads);
    if (st == ST_DONE)
        st = r->w.s.p.seal_batch ? writer_seal_batch(r->writer, reading, SPAN_NONE, con, cnf)
                                 : writer_seal(r->writer, reading, SPAN_NONE, con, cnf);
    if (st != ST_DONE)
        return st;
    return writer_head_sealed(r->heads, buf_span(con)) == OK ? ST_DONE : ST_FAILED;
}

static enum status do_put(struct role *r, struct span rest)
{
    struct talk_answer a;
    struct span parent = span_cut(&rest, ' ');
    struct buf body = heap_buf(BODY_MAX), con = heap_buf(BODY_MAX), cnf = heap_buf(BODY_MAX);
    bool seals = r->w.s.p.seal_policy && span_ends(parent, SPAN("/data"));
    enum status st = seals ? seal_reading(r, parent, rest, &con, &cnf) : ST_DONE;
    if (st == ST_DONE) {
        item_put(&body, SPAN_NONE, buf_span(&cnf), seals ? buf_span(&con) : rest, seals);
        talk_m2m(&r->w.s.t, &(struct talk_ask){.op = TALK_CREATE, .to = parent, .ty = 4, .body = buf_span(&body)}, &a);
        if (seals) {
            (void)writer_post(r->writer);
            (void)writer_head_post(r->heads, false);
        }
        st = say_answer(r, "put", &a);
    } else {
        st = say_word(r, "put", "error", "SEAL");
    }
    buf_wipe(&body);
    heap_buf_free(&body);
    heap_buf_free(&con);
    heap_buf_free(&cnf);
    return st;
}

static void drop_held(struct role *r)
{
    arena_reset(&r->held_mem);
    r->has_held = false;
}

/* Other resources may be read meanwhile; what is held stays. */
static bool holds_reading(const struct talk_answer *a)
{
    struct arena mem;
    struct item it;
    heap_arena(&mem, HELD_BLOCK, HELD_MAX);
    bool reading = item_read(talk_body(a), &mem, &it) == OK;
    arena_reset(&mem);
    return reading;
}

static enum status do_get(struct role *r, struct span rest)
{
    struct talk_answer a;
    session_ask(&r->w.s, &(struct talk_ask){.op = TALK_RETRIEVE, .to = rest}, &a);
    if (a.e == OK && rsc_ok((unsigned)a.rsc) && holds_reading(&a)) {
        drop_held(r);
        struct span body = arena_dup(&r->held_mem, talk_body(&a));
        struct span whole = profile_absolute(r->w.s.app, &r->w.s.p, rest);
        r->held_at = arena_dup(&r->held_mem, opening_container(whole));
        r->has_held = item_read(body, &r->held_mem, &r->held) == OK;
        r->held_is_mail = false;
    }
    return say_answer(r, "get", &a);
}

static enum status do_plain(struct role *r, struct span rest)
{
    (void)rest;
    esprim_close(r->w.s.inside);
    r->w.s.inside = NULL;
    return say_word(r, "plain", "done", "plain");
}

static enum status do_inside(struct role *r, struct span rest)
{
    struct app *app = r->w.s.app;
    esprim_close(r->w.s.inside);
    r->w.s.inside = NULL;
    bool open = esprim_open(&r->w.s.t, profile_absolute(app, &r->w.s.p, rest), &r->w.s.inside) == ST_DONE;
    return say_word(r, "inside", open ? "done" : "error", open ? "inside" : "NOTNOW");
}

static enum status do_hold(struct role *r, struct span rest)
{
    struct span address = span_cut(&rest, ' ');
    drop_held(r);
    r->held_at = arena_dup(&r->held_mem, address);
    r->has_held = item_read(arena_dup(&r->held_mem, rest), &r->held_mem, &r->held) == OK;
    r->held_is_mail = false;
    return say_word(r, "hold", "done", r->has_held ? "held" : "no reading");
}

static enum status do_mail(struct role *r, struct span rest)
{
    struct book_mail m;
    struct buf b;
    struct jw w;
    (void)rest;
    drop_held(r);
    begin(&w, &b, "re", "mail");
    if (book_mail_next(r->w.s.book, 0, &r->held_mem, &m) == OK) {
        r->held = (struct item){.con = m.con, .con_json = m.con_json, .cnf = m.cnf, .sur = m.sur};
        if (book_subscribed_get(r->w.s.book, m.sur, &r->held_mem, &r->held_at) != OK)
            r->held_at = SPAN_NONE;
        r->has_held = r->held_is_mail = true;
        JW_STR(&w, "con", m.con);
        JW_STR(&w, "cnf", m.cnf);
        JW_STR(&w, "sur", m.sur);
        JW_STR(&w, "address", r->held_at);
    }
    JW_BOOL(&w, "held", r->has_held);
    return end(r, &w);
}

static enum status do_open(struct role *r, struct span rest)
{
    struct arena mem;
    struct outcome out;
    struct buf b;
    struct jw w;
    (void)rest;
    if (!r->has_held)
        return say_word(r, "open", "error", "NOTFOUND");
    heap_arena(&mem, HELD_BLOCK, HELD_MAX);
    opening_item(&r->w.s.o, &r->held, r->held_at, r->held_is_mail ? READER_NOTIFY : READER_LATEST, true, &mem, &out);
    begin(&w, &b, "re", "open");
    put_outcome(r, &w, &out);
    arena_reset(&mem);
    return end(r, &w);
}

static enum status do_subscribe(struct role *r, struct span rest)
{
    struct talk_answer a;
    if (ae_subscribe(&r->w.s, rest, &a) != OK) {
        talk_answer_free(&a);
        return say_word(r, "subscribe", "error", "IO");
    }
    return say_answer(r, "subscribe", &a);
}

static enum status do_release(struct role *r, struct span rest)
{
    const struct ttps *t = &r->w.s.ttps;
    struct book_head head = {0};
    struct buf b;
    struct jw w;
    enum reason x = opening_ask(&r->w.s.o, rest, span_str(cli_opt(cli_of(r->w.s.app), "stream")));
    if (book_head_get(r->w.s.book, r->w.s.p.ttp_names[0], &head) != OK)
        head.size = 0;
    begin(&w, &b, "re", "release");
    JW_STR(&w, "kid", rest);
    JW_STR(&w, "verdict", span_str(x == REASON_OK ? "released" : reason_code(x)));
    JW_U64(&w, "log", head.size);
    if (x != REASON_OK) {
        JW_STR(&w, "why", span_str(t->why[0] ? t->why : reason_text(x)));
        JW_STR(&w, "who", span_str(t->who[0] ? t->who : t->one[0].row->fqdn));
    }
    return end(r, &w);
}

/* A port of ours on which nobody listens: connections are refused at once. */
static enum status do_cut(struct role *r, struct span rest)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof at;
    (void)rest;
    r->closed_port = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->closed_port < 0 || bind(r->closed_port, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(r->closed_port, (struct sockaddr *)&at, &n) != 0)
        return say_word(r, "cut", "error", "IO");
    for (size_t i = 0; i < r->w.s.p.ttps; i++) {
        if (!(r->url[i] = r->w.s.p.ttp[i].url))
            continue; /* it is reached through another one */
        r->w.s.p.ttp[i].url = app_fmt(r->w.s.app, "https://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    }
    return say_word(r, "cut", "done", "cut");
}

static enum status do_mend(struct role *r, struct span rest)
{
    (void)rest;
    for (size_t i = 0; i < r->w.s.p.ttps; i++)
        if (r->url[i])
            r->w.s.p.ttp[i].url = r->url[i];
    if (r->closed_port >= 0)
        (void)close(r->closed_port);
    r->closed_port = -1;
    return say_word(r, "mend", "done", "mended");
}

static enum status do_open_mail(struct role *r, struct span rest)
{
    (void)rest;
    r->w.opens = true;
    return say_word(r, "open-mail", "done", "opening");
}

static const struct {
    const char *word;
    enum status (*run)(struct role *r, struct span rest);
} commands[] = {
    {"register", do_register},
    {"create", do_create},
    {"put", do_put},
    {"get", do_get},
    {"inside", do_inside},
    {"plain", do_plain},
    {"hold", do_hold},
    {"subscribe", do_subscribe},
    {"cut", do_cut},
    {"mend", do_mend},
    {"open", do_open},
    {"release", do_release},
    {"open-mail", do_open_mail},
    {"mail", do_mail},
};

static enum status command(struct role *r, struct span line)
{
    struct span word = span_cut(&line, ' ');
    for (size_t i = 0; i < LEN(commands); i++)
        if (span_eq(word, span_str(commands[i].word)))
            return commands[i].run(r, line);
    return say_word(r, "?", "error", "SYNTAX");
}

/* ---- the loop ---- */

static void readable(uv_poll_t *poll, int status, int events)
{
    struct role *r = poll->data;
    uint8_t *room = buf_take(&r->in, CHUNK);
    (void)events;
    ssize_t n = room && status == 0 ? read(STDIN_FILENO, room, CHUNK) : 0;
    if (room)
        r->in.n -= CHUNK - (size_t)(n > 0 ? n : 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        r->eof = true;
        (void)uv_poll_stop(poll);
    }
}

static enum status work(struct role *r)
{
    enum status st = ST_DONE;
    while (st == ST_DONE && !r->w.stop) {
        struct span all = buf_span(&r->in);
        size_t n = span_find(all, '\n');
        if (n < all.n) {
            struct buf line = heap_buf(IN_MAX);
            buf_put(&line, span_first(all, n));
            memmove(r->in.p, r->in.p + n + 1, all.n - n - 1);
            r->in.n -= n + 1;
            st = command(r, buf_span(&line));
            buf_wipe(&line); /* a device's reading is in it */
            heap_buf_free(&line);
            continue;
        }
        inbox_round(&r->w);
        st = r->w.st;
        if (r->eof || r->w.stop)
            break;
        net_loop_turn(r->w.s.t.loop);
    }
    return st;
}

static void poll_gone(uv_handle_t *h)
{
    ((struct role *)h->data)->poll.data = NULL;
}

enum status demo_actor(struct cli *c)
{
    static struct role r;
    r.in = heap_buf(IN_MAX);
    r.closed_port = -1;
    r.w.show = show_mail;
    heap_arena(&r.held_mem, HELD_BLOCK, HELD_MAX);
    c->json = true;
    enum status st = profile_load(&c->app, NULL, &r.w.s.p);
    if (st == ST_DONE)
        st = watch_open(c, &r.w);
    if (st != ST_DONE)
        return st;
    struct uv_loop_s *loop = net_loop_uv(r.w.s.t.loop);
    r.poll.data = &r;
    if (uv_poll_init(loop, &r.poll, STDIN_FILENO) != 0 || uv_poll_start(&r.poll, UV_READABLE, readable) != 0)
        return CLI_FAIL(c, ST_FAILED, .what = "standard input is no pipe", .who = "this program",
                        .todo = "the demo starts its actors itself: oneseal demo");
    struct span url = span_str(r.w.r.url);
    st = cli_out_line(c, span_str(cli_fmt(c, "ready https=%.*s", SPAN_FMT(span_from(url, 8)))));
    if (st == ST_DONE)
        st = work(&r);
    uv_close((uv_handle_t *)&r.poll, poll_gone);
    while (r.poll.data)
        net_loop_turn(r.w.s.t.loop);
    (void)writer_head_post(r.heads, true);
    writer_head_free(r.heads);
    writer_close(r.writer);
    drop_held(&r);
    watch_close(&r.w);
    heap_buf_free(&r.in);
    return st;
}
