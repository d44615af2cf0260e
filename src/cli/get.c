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

static enum status open_resource(struct session *s, struct span address, const struct talk_answer *a)
{
    struct arena mem;
    struct item it;
    struct outcome out;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    struct span absolute = profile_absolute(s->app, &s->p, address);
    enum err e = item_read(talk_body(a), &mem, &it);
    enum status st = ST_DONE;
    if (e != OK)
        st = APP_FAIL(s->app, ST_FAILED, .what = "there is no content in it that could be opened",
                      .who = "this program", .object = app_fmt(s->app, "%.*s", SPAN_FMT(absolute)),
                      .request = a->request, .todo = "name a contentInstance, or /la of a container");
    if (st == ST_DONE) {
        bool latest = span_ends(address, SPAN("/la"));
        opening_item(&s->o, &it, opening_container(absolute), latest ? READER_LATEST : READER_BY_NAME, true, &mem,
                     &out);
        st = out.reason == REASON_OK ? opened_print(cli_of(s->app), &out) : opening_fail(&s->o, &out);
    }
    arena_reset(&mem);
    return st;
}

enum status get_resource(struct cli *c)
{
    struct session s = {0};
    struct span address;
    bool opens = cli_has(c, "open");
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
    session_ask(&s, &(struct talk_ask){.op = TALK_RETRIEVE, .to = address}, &a);
    st = talk_judge(&c->app, &a, "it cannot be read", address);
    if (st == ST_DONE)
        st = opens ? open_resource(&s, address, &a) : print_resource(c, address, &a);
    talk_answer_free(&a);
    session_close(&s);
    return st;
}
