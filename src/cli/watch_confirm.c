/* watch_confirm.c - see watch_confirm.h. */
#include "cli/watch_confirm.h"

#include "cli/opened.h"
#include "esd/reader_head.h"
#include "host/heap.h"

enum { ARENA_BLOCK = 1 << 16, ARENA_MAX = 64 << 20, OVERLAP_MS = 60 * 1000, IDLE_PARTS = 4 };

static void on_tick(void *ctx)
{
    (void)ctx; /* the turn itself is what is wanted */
}

enum status watch_confirm_open(struct watch *w)
{
    uint8_t sid[ESD_SID];
    w->began_ms = ttp_now_ms();
    w->looked_ms = 0;
    book_tell(w->s.book);
    w->s.o.watches = true;
    if (w->stream.n == 0 || keys_sid(w->stream, sid) != REASON_OK)
        return APP_FAIL(w->s.app, ST_CONFIG, .what = "heads cannot be placed: the address is no pinned structured path",
                        .who = "this program", .kind = "profile", .object = w->s.p.path,
                        .todo = "watch the structured address, or pin it: [stream NAME] address=, also=");
    if (net_timer_new(w->s.t.loop, on_tick, w, &w->tick) != OK)
        return APP_FAIL(w->s.app, ST_FAILED, .what = "no timer", .who = "the operating system",
                        .todo = "check the limits on memory and descriptors");
    net_timer_start(w->tick, CONFIRM_POLL_MS, CONFIRM_POLL_MS);
    return ST_DONE;
}

void watch_confirm_close(struct watch *w)
{
    net_timer_free(w->tick);
    w->tick = NULL;
}

static const struct reader_policy *policy(const struct watch *w)
{
    const struct profile_stream *s = profile_stream_of(&w->s.p, w->stream);
    return s ? &s->policy : NULL;
}

static void tell(struct watch *w, const struct verdict_line *v)
{
    enum status st = opened_verdict(cli_of(w->s.app), v);
    if (w->st == ST_DONE)
        w->st = st;
}

/* ---- what is overdue ---- */

static void say_overdue(void *ctx, struct span kid, uint32_t i, enum reason r)
{
    struct watch *w = ctx;
    if (i != READER_NO_INDEX) /* it is in the book now and is told from there */
        return;
    tell(w, &(struct verdict_line){.verdict = r, .about = "writer", .kid = kid, .address = w->stream, .i = i});
    if (book_alarm_put(w->s.book, r, kid, 0, w->stream, ttp_now_ms()) != OK)
        w->st = app_fail_file(w->s.app, ERR_IO, "the store cannot be written", w->s.p.store);
}

static void overdue(struct watch *w)
{
    uint8_t sid[ESD_SID];
    struct reader_say say = {say_overdue, w};
    if (keys_sid(w->stream, sid) != REASON_OK || book_begin(w->s.book) != OK)
        return;
    enum reason r = reader_overdue(&w->s.o.reader, sid, policy(w), w->began_ms, ttp_now_ms(), say);
    if (r != REASON_OK || book_commit(w->s.book) != OK)
        book_rollback(w->s.book);
}

/* ---- what is to be told ---- */

/* A confirmed reading is shown, each part of a batch on its own; one that was confirmed by its head alone, never opened
 * here, has no parts. */
static void show_confirmed(struct watch *w, const struct book_second *s, struct arena *mem)
{
    struct book_reading r;
    for (uint32_t part = 0; w->st == ST_DONE && book_reading_part(w->s.book, s->kid, s->i, part, mem, &r) == OK;
         part++) {
        if (!r.watched)
            return;
        w->st = opened_confirmed(cli_of(w->s.app), &r);
        w->shown++;
    }
}

static void tell_one(struct watch *w, const struct book_second *s, struct arena *mem)
{
    if (s->verdict == REASON_OK) {
        show_confirmed(w, s, mem);
        return;
    }
    struct verdict_line v = {.verdict = s->verdict, .about = "reading", .kid = s->kid, .address = w->stream, .i = s->i};
    tell(w, &v);
    if (s->verdict != REASON_PARTIAL &&
        book_alarm_put(w->s.book, s->verdict, s->kid, s->i, w->stream, ttp_now_ms()) != OK)
        w->st = app_fail_file(w->s.app, ERR_IO, "the store cannot be written", w->s.p.store);
}

static void tell_all(struct watch *w)
{
    struct arena mem;
    struct book_second s;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    while (w->st == ST_DONE && book_second_next(w->s.book, &mem, &s) == OK) {
        tell_one(w, &s, &mem);
        if (book_second_told(w->s.book, s.kid, s.i) != OK)
            w->st = app_fail_file(w->s.app, ERR_IO, "the store cannot be written", w->s.p.store);
        arena_reset(&mem);
    }
    arena_reset(&mem);
}

/* ---- looking for heads ---- */

static int64_t idle_ms(const struct watch *w)
{
    const struct reader_policy *p = policy(w);
    int64_t beat = p && p->heartbeat_ms ? p->heartbeat_ms : READER_HEARTBEAT_MS;
    return beat / IDLE_PARTS;
}

static bool is_time(const struct watch *w, int64_t now)
{
    int64_t age = now - w->looked_ms;
    if (age < CONFIRM_POLL_MS && age >= 0)
        return false;
    return book_unconfirmed(w->s.book) == OK || age >= idle_ms(w) || age < 0;
}

static void look(struct watch *w, int64_t now)
{
    struct confirm_count n = {0};
    uint8_t sid[ESD_SID];
    int64_t newest = 0;
    if (keys_sid(w->stream, sid) != REASON_OK || reader_heads_until(&w->s.o.reader, sid, &newest) != REASON_OK)
        return;
    int64_t since = newest ? newest : w->began_ms;
    confirm_fetch(&w->s.o, w->stream, since - OVERLAP_MS, &n);
    w->looked_ms = now;
    if (n.invalid)
        tell(w,
             &(struct verdict_line){.verdict = n.fault, .about = "head", .kid = n.kid, .address = w->stream, .i = n.i});
}

void watch_confirm(struct watch *w)
{
    int64_t now = ttp_now_ms();
    if (is_time(w, now)) {
        look(w, now);
        overdue(w);
    }
    tell_all(w);
}

void watch_fill(struct watch *w, const struct outcome *out)
{
    if (out->reason == REASON_OK && out->res.flags & reason_bit(REASON_GAP) && w->stream.n)
        confirm_gap(&w->s.o, w->stream, (int64_t)out->res.label.e2e.t_ms);
}
