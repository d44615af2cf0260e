/* get.c - `oneseal get`: reads a resource through the registrar CSE; with --open also opens it. */
#include "app/session.h"
#include "cli/opened.h"
#include "cli/verbs.h"

#include "host/heap.h"
#include "wire/json.h"

enum { ARENA_BLOCK = 1 << 16, ARENA_MAX = 64 << 20, LINE_MAX_ = 32 << 20 };

static enum status print_resource(struct cli *c, struct span address, const struct talk_answer *a)
{
    if (!c->json)
        return cli_out_line(c, talk_body(a));
    struct buf b = heap_buf(LINE_MAX_);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "address", address);
    JW_U64(&w, "rsc", (uint64_t)a->rsc);
    JW_STR(&w, "request", span_str(a->request));
    JW_NAME(&w, "resource");
    if (json_check(talk_body(a), NULL) == OK)
        jw_raw(&w, talk_body(a));
    else
        jw_str(&w, talk_body(a));
    jw_end_obj(&w);
    enum status st = cli_out_line(c, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

/* What is to be opened: where it was asked for, and how that counts. */
struct wanted {
    struct session *s;
    struct span address;   /* as asked for, absolute, without #name */
    struct span attribute; /* of a flexContainer; empty: none */
    struct span place;     /* structured address of the stream; empty: cannot be verified */
    enum reader_how how;
    enum status st;
};

static enum status open_item(struct wanted *w, const struct item *it, struct arena *mem)
{
    struct outcome out;
    struct cli *c = cli_of(w->s->app);
    struct span place = it->copy && !profile_stream_of(&w->s->p, w->place) ? SPAN_NONE : w->place;
    opening_item(&w->s->o, it, place, w->how, true, mem, &out);
    if (out.reason != REASON_OK)
        return opening_fail(&w->s->o, &out);
    enum status st = cli_has(c, "confirmed") ? opened_await(w->s, place, &out) : ST_DONE;
    return st == ST_DONE ? opened_print(c, &out) : st;
}

static enum status no_content(struct wanted *w, const char *request)
{
    return APP_FAIL(w->s->app, ST_FAILED, .what = "there is no content in it that could be opened",
                    .who = "this program", .object = app_fmt(w->s->app, "%.*s", SPAN_FMT(w->address)),
                    .request = request,
                    .todo = "name an instance, /la of a container or timeSeries, or #attribute of a flexContainer");
}

/* One member of a group: whose place nothing tells. */
static enum err open_member(void *ctx, struct span resource)
{
    struct wanted *w = ctx;
    struct arena mem;
    struct item it;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    enum status st = item_read(resource, &mem, &it) == OK ? open_item(w, &it, &mem) : no_content(w, NULL);
    w->st = w->st == ST_DONE ? st : w->st;
    arena_reset(&mem);
    return OK; /* the others go on */
}

static void place_it(struct wanted *w)
{
    const struct profile *p = &w->s->p;
    struct span container = opening_container(w->address);
    bool latest = span_ends(w->address, SPAN("/la"));
    w->how = latest || w->attribute.n ? READER_LATEST : READER_BY_NAME;
    if (!w->attribute.n) {
        w->place = profile_place(p, container);
        return;
    }
    struct span whole = span_str(app_fmt(w->s->app, "%.*s#%.*s", SPAN_FMT(w->address), SPAN_FMT(w->attribute)));
    w->place = profile_place(p, whole);
}

static enum status open_resource(struct wanted *w, const struct talk_answer *a)
{
    struct arena mem;
    struct item it;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    enum err e =
        w->attribute.n ? item_attribute(talk_body(a), w->attribute, &mem, &it) : item_read(talk_body(a), &mem, &it);
    enum status st = ST_DONE;
    place_it(w);
    if (e == OK) {
        st = open_item(w, &it, &mem);
    } else {
        w->place = SPAN_NONE;
        w->how = READER_BY_NAME;
        st = item_members(talk_body(a), &mem, open_member, w) == OK ? w->st : no_content(w, a->request);
    }
    arena_reset(&mem);
    return st;
}

enum status get_resource(struct cli *c)
{
    struct session s = {0};
    struct span address;
    bool opens = cli_has(c, "open") || cli_has(c, "confirmed");
    enum status st = profile_object(&c->app, c->arg[0], &s.p, &address);
    if (st == ST_DONE)
        st = session_open(&c->app, &s, opens ? SESSION_OPEN : SESSION_TALK);
    if (st != ST_DONE)
        return st;
    if (cli_has(c, "esprim"))
        st = esprim_open(&s.t, profile_absolute(&c->app, &s.p, address), &s.inside);
    if (st != ST_DONE) {
        session_close(&s);
        return st;
    }
    struct talk_answer a;
    struct wanted w = {.s = &s};
    if (opens) {
        struct span rest = address;
        address = span_cut(&rest, '#');
        w.attribute = rest;
        w.address = profile_absolute(&c->app, &s.p, address);
    }
    session_ask(&s, &(struct talk_ask){.op = TALK_RETRIEVE, .to = address}, &a);
    st = talk_judge(&c->app, &a, "it cannot be read", address);
    if (st == ST_DONE)
        st = opens ? open_resource(&w, &a) : print_resource(c, address, &a);
    if (opens)
        opened_note_counters(c, &s.o.reader.count);
    talk_answer_free(&a);
    session_close(&s);
    return st;
}
