/* open.c - `oneseal open`: a contentInstance, a notification or a bare token on standard input becomes
 * plaintext on standard output. */
#include <unistd.h>

#include "app/session.h"
#include "cli/opened.h"
#include "cli/verbs.h"

#include "host/heap.h"

enum { INPUT_MAX = 17 << 20, CHUNK = 1 << 16, ARENA_BLOCK = 1 << 16, ARENA_MAX = 64 << 20 };

static enum err read_input(struct buf *b)
{
    ssize_t n = 1;
    while (n > 0 && b->e == OK) {
        uint8_t *room = buf_take(b, CHUNK);
        n = room ? read(STDIN_FILENO, room, CHUNK) : -1;
        if (room)
            b->n -= CHUNK - (size_t)(n > 0 ? n : 0);
    }
    return b->e != OK ? b->e : n < 0 ? ERR_IO : OK;
}

/* Where the reading comes from: --address, or for a notification the container of the subscription. */
static struct span place(struct session *s, const struct item *it, struct arena *mem)
{
    const char *given = cli_opt(cli_of(s->app), "address");
    struct span address = SPAN_NONE;
    if (given)
        return profile_place(&s->p, profile_absolute(s->app, &s->p, span_str(given)));
    if (it->sur.n && book_subscribed_get(s->book, it->sur, mem, &address) != OK)
        address = SPAN_NONE;
    return address.n ? profile_place(&s->p, address) : address;
}

static enum status open_text(struct session *s, struct span text)
{
    struct arena mem;
    struct item it;
    struct outcome out;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    enum err e = item_read(text, &mem, &it);
    enum status st;
    if (e != OK || it.verify || it.deletion || it.other) {
        st = APP_FAIL(s->app, ST_INTEGRITY, .what = "cannot open: this is no contentInstance, notification or token",
                      .who = "this program", .object = "standard input", .code = reason_code(REASON_MALFORMED),
                      .todo = "pipe in the answer of a RETRIEVE, the body of a NOTIFY, or the value of con");
    } else {
        struct span address = place(s, &it, &mem);
        opening_item(&s->o, &it, address, it.sur.n ? READER_NOTIFY : READER_BY_NAME, true, &mem, &out);
        st = out.reason == REASON_OK ? ST_DONE : opening_fail(&s->o, &out);
        if (st == ST_DONE && cli_has(cli_of(s->app), "confirmed"))
            st = opened_await(s, address, &out);
        if (st == ST_DONE)
            st = opened_print(cli_of(s->app), &out);
    }
    arena_reset(&mem);
    return st;
}

enum status open_input(struct cli *c)
{
    struct session s = {0};
    enum status st = profile_load(&c->app, NULL, &s.p);
    if (st == ST_DONE)
        st = session_open(&c->app, &s, SESSION_OPEN);
    if (st != ST_DONE)
        return st;
    struct buf text = heap_buf(INPUT_MAX);
    enum err e = read_input(&text);
    st = e == OK ? open_text(&s, buf_span(&text)) : cli_fail_file(c, e, "standard input cannot be read", "-");
    heap_buf_free(&text);
    session_close(&s);
    return st;
}
