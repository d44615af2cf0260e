/* confirm.c - see confirm.h. */
#include "app/confirm.h"

#include "base/m2mtime.h"
#include "esd/reader_head.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "net/loop.h"
#include "wire/json.h"

enum {
    ARENA_BLOCK = 1 << 16,
    ARENA_MAX = 64 << 20,
    TARGET_MAX = 2048,
    TIME_MAX = 32,
    HOLES_MAX = 256,
    AROUND_MS = HEAD_SEGMENT_MS + 2 * READER_AHEAD_MS, /* a head and its readings are no further apart */
};

/* ---- fetching --------------------------------------------------------------------------------------- */

/* "#name" taken off. */
static struct span resource_of(struct span address)
{
    return span_first(address, span_find(address, '#'));
}

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char text[TIME_MAX];
    struct buf t = BUF_ARRAY(text);
    if (ms <= 0)
        return;
    m2mtime_put(&t, ms);
    buf_fmt(b, "&%s=%.*s", name, SPAN_FMT(buf_span(&t)));
}

/* The contentInstances below a resource made in a time. Each is a JSON object; *list NULL: none. */
static int children(struct opening *o, struct span of, int64_t since_ms, int64_t until_ms, unsigned max,
                    struct talk_answer *a, struct arena *mem, const struct jval **list)
{
    char text[TARGET_MAX];
    struct buf to = BUF_ARRAY(text);
    struct jval *v = NULL;
    buf_put(&to, of);
    buf_fmt(&to, "?rcn=4&ty=4&lvl=1&lim=%u", max);
    put_time(&to, "cra", since_ms);
    put_time(&to, "crb", until_ms);
    *list = NULL;
    *a = (struct talk_answer){0};
    if (to.e != OK)
        return 0;
    talk_m2m(o->ttps->t, &(struct talk_ask){.op = TALK_RETRIEVE, .to = buf_span(&to)}, a);
    if (a->e != OK || !rsc_ok((unsigned)a->rsc) || json_parse(talk_body(a), mem, &v, NULL) != OK)
        return a->e == OK ? a->rsc : 0;
    const struct jval *parent = v->type == J_OBJ ? v->child : NULL, *cins = JSON_GET(parent, "m2m:cin");
    *list = cins && cins->type == J_ARR ? cins->child : NULL;
    return a->rsc;
}

/* ---- readings that did not come --------------------------------------------------------------------- */

struct hunt {
    struct opening *o;
    struct span address;
    enum reader_how how;
    struct arena *mem;
};

/* Each instance is judged like any other; its refusals are alarms of their own. */
static void judge_instances(const struct hunt *h, const struct jval *cin)
{
    for (; cin; cin = cin->next) {
        struct item it;
        struct outcome out;
        if (item_read(cin->raw, h->mem, &it) != OK)
            continue;
        opening_item(h->o, &it, h->address, h->how, true, h->mem, &out);
        if (h->o->found && !out.duplicate)
            h->o->found(h->o->found_ctx, &out);
    }
}

static void hunt(struct opening *o, struct span address, enum reader_how how, int64_t since_ms, int64_t until_ms)
{
    struct arena mem;
    struct talk_answer a;
    const struct jval *cin;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    struct hunt h = {o, address, how, &mem};
    (void)children(o, resource_of(address), since_ms, until_ms, CONFIRM_FILL, &a, &mem, &cin);
    judge_instances(&h, cin);
    talk_answer_free(&a);
    arena_reset(&mem);
}

void confirm_neighbours(struct opening *o, struct span address, int64_t at_ms)
{
    hunt(o, address, READER_BY_NAME, at_ms ? at_ms - AROUND_MS : 0, at_ms ? at_ms + AROUND_MS : 0);
}

void confirm_gap(struct opening *o, struct span address, int64_t at_ms)
{
    hunt(o, address, READER_FILL, at_ms ? at_ms - CONFIRM_BACK_MS : 0, 0);
}

static bool has_holes(struct opening *o, struct span kid)
{
    uint32_t hole[HOLES_MAX], end = 0;
    size_t n = 0;
    return reader_known_end(&o->reader, kid, &end) == REASON_OK &&
           reader_holes(&o->reader, kid, end, hole, HOLES_MAX, &n) == REASON_OK && n > 0;
}

/* Looks for the readings that a head names; what is not there is remembered as looked for. */
static void fill(struct opening *o, struct span address, const struct head *h)
{
    int64_t around = h->t ? h->t : 0;
    hunt(o, address, READER_FILL, around ? around - 2 * AROUND_MS : 0, 0);
    if (!has_holes(o, h->kid) || book_begin(o->book) != OK)
        return;
    if (reader_tried(&o->reader, h->kid, ttp_now_ms()) != REASON_OK || book_commit(o->book) != OK)
        book_rollback(o->book);
}

/* ---- heads ------------------------------------------------------------------------------------------ */

static enum reason judge_once(struct opening *o, const struct reader_head_item *it, struct arena *mem,
                              struct reader_head_result *res)
{
    if (book_begin(o->book) != OK)
        return REASON_FAILED;
    enum reason r = reader_head(&o->reader, it, mem, res);
    if (r == REASON_OK && book_commit(o->book) == OK)
        return r;
    book_rollback(o->book);
    return r == REASON_OK ? REASON_FAILED : r;
}

static enum reason judge_head(struct opening *o, struct span address, struct span con, bool alone, struct arena *mem,
                              struct reader_head_result *res)
{
    const struct profile_stream *s = profile_stream_of(o->p, address);
    struct reader_head_item it = {
        .con = con, .address = address, .writer = s ? s->writer : SPAN_NONE, .alone = alone, .now_ms = ttp_now_ms()};
    enum reason r = judge_once(o, &it, mem, res);
    if (r != REASON_NO_KEY_YET)
        return r;
    r = opening_ask(o, res->head.kid, address);
    return r == REASON_OK ? judge_once(o, &it, mem, res) : r;
}

/* Was this very head refused before? It is remembered. */
static bool refused_before(struct opening *o, struct span con)
{
    uint8_t h[ESD_HASH];
    if (esd_sha256(con, h) != OK)
        return false;
    for (size_t i = 0; i < o->n_refused && i < OPENING_REFUSED_MAX; i++)
        if (memcmp(o->refused[i], h, ESD_HASH) == 0)
            return true;
    memcpy(o->refused[o->n_refused++ % OPENING_REFUSED_MAX], h, ESD_HASH);
    return false;
}

static void count(struct opening *o, struct confirm_count *n, struct span con, enum reason r,
                  const struct reader_head_result *res)
{
    n->heads++;
    n->confirmed += res->confirmed;
    n->forged += res->forged;
    n->withheld += res->withheld;
    n->partial += res->partial;
    if (r == REASON_OK || reason_heals(r) || r == REASON_FAILED || refused_before(o, con))
        return;
    if (n->invalid++ == 0) {
        n->fault = r;
        n->kid = arena_dup(&o->app->mem, res->head.kid);
        n->i = res->head.kid.n ? res->head.first : READER_NO_INDEX;
    }
    if (book_alarm_put(o->book, r, res->head.kid, res->head.first, SPAN_NONE, ttp_now_ms()) != OK)
        app_note(o->app, "the alarm cannot be kept");
}

/* One instance of e2e-heads, and where it belongs. */
struct piece {
    struct span con;
    uint64_t ep;
    uint32_t first, n;
};

static int in_order(const void *x, const void *y)
{
    const struct piece *a = x, *b = y;
    if (a->ep != b->ep)
        return a->ep < b->ep ? -1 : 1;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return a->n < b->n ? 1 : a->n > b->n ? -1 : 0; /* a link before the heartbeats that follow it */
}

/* The heads of this stream (several share one list), in the order of their indices. What is no head at all is counted
 * as refused. */
static size_t sort_out(struct opening *o, const struct jval *cin, const uint8_t sid[ESD_SID], struct arena *mem,
                       struct piece *out, struct confirm_count *n)
{
    size_t k = 0;
    for (; cin && k < CONFIRM_PAGE; cin = cin->next) {
        struct item it;
        struct head_text t;
        struct reader_head_result none = {0};
        if (item_read(cin->raw, mem, &it) != OK || it.con_json)
            continue;
        enum reason r = head_read(it.con, mem, &t);
        if (r != REASON_OK) {
            count(o, n, it.con, r, &none);
            continue;
        }
        if (memcmp(t.head.sid, sid, ESD_SID) == 0)
            out[k++] = (struct piece){it.con, t.head.ep, t.head.first, t.head.n};
        head_text_free(&t);
    }
    qsort(out, k, sizeof *out, in_order);
    return k;
}

static void take_list(struct opening *o, struct span address, const struct jval *cin, struct arena *mem,
                      struct confirm_count *n)
{
    uint8_t sid[ESD_SID];
    struct piece *one = arena_alloc(mem, CONFIRM_PAGE * sizeof *one);
    if (!one || keys_sid(address, sid) != REASON_OK)
        return;
    size_t k = sort_out(o, cin, sid, mem, one, n);
    for (size_t i = 0; i < k; i++) {
        struct reader_head_result res = {0};
        enum reason r = judge_head(o, address, one[i].con, true, mem, &res);
        count(o, n, one[i].con, r, &res);
        if (r == REASON_OK && res.missing)
            fill(o, address, &res.head);
    }
}

/* Child of container and flexContainer, sibling of a timeSeries. */
static int fetch_list(struct opening *o, struct span resource, int64_t since_ms, struct talk_answer *a,
                      struct arena *mem, const struct jval **cin)
{
    char text[TARGET_MAX];
    struct buf b = BUF_ARRAY(text);
    buf_fmt(&b, "%.*s/%.*s", SPAN_FMT(resource), SPAN_FMT(HEAD_NAME));
    int rsc = children(o, buf_span(&b), since_ms, 0, CONFIRM_PAGE, a, mem, cin);
    if (rsc != RSC_NOT_FOUND)
        return rsc;
    talk_answer_free(a);
    buf_reset(&b);
    buf_fmt(&b, "%.*s%.*s", SPAN_FMT(resource), SPAN_FMT(HEAD_NAME_AFTER));
    return children(o, buf_span(&b), since_ms, 0, CONFIRM_PAGE, a, mem, cin);
}

/* When the newest of a list was made, and how many there are. */
static size_t newest(const struct jval *cin, struct arena *mem, int64_t *ms)
{
    size_t n = 0;
    for (; cin; cin = cin->next, n++) {
        struct span text;
        int64_t at;
        const struct jval *ct = JSON_GET(cin, "ct");
        if (ct && json_str(ct, mem, &text) == OK && m2mtime_get(text, &at) == OK && at > *ms)
            *ms = at;
    }
    return n;
}

void confirm_fetch(struct opening *o, struct span address, int64_t since_ms, struct confirm_count *n)
{
    for (int page = 0; page < CONFIRM_PAGES; page++) {
        struct arena mem;
        struct talk_answer a = {0};
        const struct jval *cin = NULL;
        int64_t next = since_ms;
        heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
        n->rsc = fetch_list(o, resource_of(address), since_ms, &a, &mem, &cin);
        size_t got = newest(cin, &mem, &next);
        take_list(o, address, cin, &mem, n);
        talk_answer_free(&a);
        arena_reset(&mem);
        if (got < CONFIRM_PAGE || next <= since_ms)
            return;
        since_ms = next;
    }
}

/* ---- waiting ---------------------------------------------------------------------------------------- */

static enum reason ask_second(struct opening *o, struct span address, const struct outcome *out, struct arena *mem)
{
    const struct profile_stream *s = profile_stream_of(o->p, address);
    const struct esd_label *l = &out->res.label;
    struct reader_second q = {.kid = l->kid,
                              .i = l->e2e.i,
                              .hash = out->hash,
                              .sid = l->e2e.sid,
                              .policy = s ? &s->policy : NULL,
                              .now_ms = ttp_now_ms()};
    enum reason r = REASON_FAILED;
    if (book_begin(o->book) != OK)
        return r;
    r = reader_second(&o->reader, &q, mem);
    if (book_commit(o->book) == OK)
        return r;
    book_rollback(o->book);
    return REASON_FAILED;
}

static void on_time(void *ctx)
{
    *(bool *)ctx = true;
}

/* Lets the loop turn for a while. */
static enum err pause_ms(struct opening *o, uint32_t ms)
{
    struct net_loop *l = o->ttps->t->loop;
    struct net_timer *t = NULL;
    bool over = false;
    TRY(net_timer_new(l, on_time, &over, &t));
    net_timer_start(t, ms, 0);
    while (!over)
        net_loop_turn(l);
    net_timer_free(t);
    return OK;
}

static bool settled(enum reason r)
{
    return r != REASON_UNCONFIRMED && r != REASON_PARTIAL;
}

enum reason confirm_wait(struct opening *o, struct span address, struct outcome *out, int64_t wait_ms,
                         struct confirm_count *n)
{
    int64_t t = (int64_t)out->res.label.e2e.t_ms, until = ttp_now_ms() + wait_ms;
    bool looked = false;
    *n = (struct confirm_count){0};
    if (!out->res.label.e2e.here || address.n == 0)
        return out->res.second;
    for (;;) {
        struct arena mem;
        heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
        confirm_fetch(o, address, t ? t - AROUND_MS : 0, n);
        out->res.second = ask_second(o, address, out, &mem);
        if (out->res.second == REASON_PARTIAL && !looked) {
            looked = true;
            confirm_neighbours(o, address, t);
            out->res.second = ask_second(o, address, out, &mem);
        }
        arena_reset(&mem);
        if (settled(out->res.second) || looked || ttp_now_ms() >= until || pause_ms(o, CONFIRM_POLL_MS) != OK)
            return out->res.second;
    }
}
