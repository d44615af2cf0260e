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

enum status watch_confirm_open(struct inbox *in)
{
    uint8_t sid[ESD_SID];
    in->began_ms = ttp_now_ms();
    in->looked_ms = 0;
    book_tell(in->s.book);
    in->s.o.watches = true;
    if (in->stream.n == 0 || keys_sid(in->stream, sid) != REASON_OK)
        return APP_FAIL(in->s.app, ST_CONFIG,
                        .what = "heads cannot be placed: the address is no pinned structured path",
                        .who = "this program", .kind = "profile", .object = in->s.p.path,
                        .todo = "watch the structured address, or pin it: [stream NAME] address=, also=");
    if (net_timer_new(in->s.t.loop, on_tick, in, &in->tick) != OK)
        return APP_FAIL(in->s.app, ST_FAILED, .what = "no timer", .who = "the operating system",
                        .todo = "check the limits on memory and descriptors");
    net_timer_start(in->tick, CONFIRM_POLL_MS, CONFIRM_POLL_MS);
    return ST_DONE;
}

void watch_confirm_close(struct inbox *in)
{
    net_timer_free(in->tick);
    in->tick = NULL;
}

static const struct reader_policy *policy(const struct inbox *in)
{
    const struct profile_stream *s = profile_stream_of(&in->s.p, in->stream);
    return s ? &s->policy : NULL;
}

static void tell(struct inbox *in, const struct verdict_line *v)
{
    enum status st = opened_verdict(cli_of(in->s.app), v);
    if (in->st == ST_DONE)
        in->st = st;
}

/* ---- what is overdue ---- */

static void say_overdue(void *ctx, struct span kid, uint32_t i, enum reason r)
{
    struct inbox *in = ctx;
    if (i != READER_NO_INDEX) /* it is in the book now and is told from there */
        return;
    tell(in, &(struct verdict_line){.verdict = r, .about = "writer", .kid = kid, .address = in->stream, .i = i});
    if (book_alarm_put(in->s.book, r, kid, 0, in->stream, ttp_now_ms()) != OK)
        in->st = app_fail_file(in->s.app, ERR_IO, "the store cannot be written", in->s.p.store);
}

static void overdue(struct inbox *in)
{
    uint8_t sid[ESD_SID];
    struct reader_say say = {say_overdue, in};
    if (keys_sid(in->stream, sid) != REASON_OK || book_begin(in->s.book) != OK)
        return;
    enum reason r = reader_overdue(&in->s.o.reader, sid, policy(in), in->began_ms, ttp_now_ms(), say);
    if (r != REASON_OK || book_commit(in->s.book) != OK)
        book_rollback(in->s.book);
}

/* ---- what is to be told ---- */

/* A confirmed reading is shown, each part of a batch on its own; one that was confirmed by its head alone, never opened
 * here, has no parts. */
static void show_confirmed(struct inbox *in, const struct book_second *s, struct arena *mem)
{
    struct book_reading r;
    for (uint32_t part = 0; in->st == ST_DONE && book_reading_part(in->s.book, s->kid, s->i, part, mem, &r) == OK;
         part++) {
        if (!r.watched)
            return;
        in->st = opened_confirmed(cli_of(in->s.app), &r);
        in->shown++;
    }
}

static void tell_one(struct inbox *in, const struct book_second *s, struct arena *mem)
{
    if (s->verdict == REASON_OK) {
        show_confirmed(in, s, mem);
        return;
    }
    struct verdict_line v = {
        .verdict = s->verdict, .about = "reading", .kid = s->kid, .address = in->stream, .i = s->i};
    tell(in, &v);
    if (s->verdict != REASON_PARTIAL &&
        book_alarm_put(in->s.book, s->verdict, s->kid, s->i, in->stream, ttp_now_ms()) != OK)
        in->st = app_fail_file(in->s.app, ERR_IO, "the store cannot be written", in->s.p.store);
}

static void tell_all(struct inbox *in)
{
    struct arena mem;
    struct book_second s;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    while (in->st == ST_DONE && book_second_next(in->s.book, &mem, &s) == OK) {
        tell_one(in, &s, &mem);
        if (book_second_told(in->s.book, s.kid, s.i) != OK)
            in->st = app_fail_file(in->s.app, ERR_IO, "the store cannot be written", in->s.p.store);
        arena_reset(&mem);
    }
    arena_reset(&mem);
}

/* ---- looking for heads ---- */

static int64_t idle_ms(const struct inbox *in)
{
    const struct reader_policy *p = policy(in);
    int64_t beat = p && p->heartbeat_ms ? p->heartbeat_ms : READER_HEARTBEAT_MS;
    return beat / IDLE_PARTS;
}

static bool is_time(const struct inbox *in, int64_t now)
{
    int64_t age = now - in->looked_ms;
    if (age < CONFIRM_POLL_MS && age >= 0)
        return false;
    return book_unconfirmed(in->s.book) == OK || age >= idle_ms(in) || age < 0;
}

static void look(struct inbox *in, int64_t now)
{
    struct confirm_count n = {0};
    uint8_t sid[ESD_SID];
    int64_t newest = 0;
    if (keys_sid(in->stream, sid) != REASON_OK || reader_heads_until(&in->s.o.reader, sid, &newest) != REASON_OK)
        return;
    int64_t since = newest ? newest : in->began_ms;
    confirm_fetch(&in->s.o, in->stream, since - OVERLAP_MS, &n);
    in->looked_ms = now;
    if (n.invalid)
        tell(in, &(struct verdict_line){
                     .verdict = n.fault, .about = "head", .kid = n.kid, .address = in->stream, .i = n.i});
}

void watch_confirm(struct inbox *in)
{
    int64_t now = ttp_now_ms();
    if (is_time(in, now)) {
        look(in, now);
        overdue(in);
    }
    tell_all(in);
}
