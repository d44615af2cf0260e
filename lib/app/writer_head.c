/* writer_head.c - see writer_head.h. */
#include "app/writer_head.h"

#include <stdlib.h>
#include <time.h>

#include "app/writer_own.h"
#include "esd/head.h"
#include "host/heap.h"
#include "m2m/rsc.h"

enum {
    TY_CNT = 3,
    TY_CIN = 4,
    KEPT_MNI = 2000, /* below, retention may drop members of an open segment: their hashes are stored with the head */
    KEPT_MIA_S = 20,
    KEPT_MBS = 64 << 20,
    ENVELOPE_LEAST = 256,  /* octets of the shortest envelope, about */
    HEADS_PER_READING = 8, /* heads outlive data */
    HEADS_MORE = 1000,
    HEADS_LATER_S = 86400,
    BOOT_MAX = 256,
    MARKS = 256 /* segments whose begin is remembered, for retention by age */
};

/* How the data's place keeps its instances; 0: no limit of that kind. */
struct retention {
    uint64_t mni, mbs, mia;
};

struct writer_head {
    struct writer *w;
    struct span box;  /* address of e2e-heads */
    struct span boot; /* which run of this machine it is */
    struct retention keep;
    bool begun;
    struct head_maker m;
    struct log_hash *hashes;  /* NULL: not stored */
    uint32_t oldest, largest; /* largest envelope so far */
    struct {
        uint32_t first;
        int64_t ms;
    } mark[MARKS]; /* a ring */
    size_t marks;
    struct buf jws, con;
};

static int64_t monotonic_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the resource of the heads -------------------------------------------------------------------------------------
 */

static uint64_t number(const struct jval *o, const char *name)
{
    uint64_t n = 0;
    return json_u64(json_get(o, span_str(name)), INT64_MAX, &n) == OK ? n : 0;
}

/* Heads outlive the data: each reading has at most so many behind it. */
static void put_retention(struct jw *w, const struct retention *k)
{
    uint64_t n = k->mni ? k->mni : k->mbs / ENVELOPE_LEAST;
    if (n)
        JW_U64(w, "mni", HEADS_PER_READING * n + HEADS_MORE);
    if (k->mia)
        JW_U64(w, "mia", k->mia + HEADS_LATER_S);
}

static void put_acpi(struct jw *w, const struct jval *acpi)
{
    if (!acpi)
        return;
    JW_NAME(w, "acpi");
    jw_raw(w, acpi->raw);
}

static void ask_for(struct writer_head *h, enum talk_op op, struct span to, int ty, struct span body,
                    struct talk_answer *a)
{
    talk_m2m(&h->w->s->t, &(struct talk_ask){.op = op, .to = to, .ty = ty, .body = body}, a);
}

static enum status judge(struct writer_head *h, struct talk_answer *a, struct span to)
{
    enum status st = talk_judge(h->w->s->app, a, "the heads of the stream have no place", to);
    talk_answer_free(a);
    return st;
}

/* Another writer was faster: then it is there. */
static enum status make_box(struct writer_head *h, struct span parent, struct span name, const struct jval *acpi)
{
    struct talk_answer a;
    struct buf b = heap_buf(WRITER_DOCUMENT_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:cnt");
    jw_obj(&w);
    JW_STR(&w, "rn", name);
    put_acpi(&w, acpi);
    JW_NAME(&w, "lbl");
    jw_arr(&w);
    jw_str(&w, HEAD_LABEL);
    jw_end_arr(&w);
    put_retention(&w, &h->keep);
    jw_end_obj(&w);
    jw_end_obj(&w);
    ask_for(h, TALK_CREATE, parent, TY_CNT, buf_span(&b), &a);
    heap_buf_free(&b);
    if (a.e == OK && a.rsc == RSC_CONFLICT)
        a.rsc = RSC_CREATED;
    return judge(h, &a, parent);
}

/* Who may read the data may read its heads. */
static enum status set_acpi(struct writer_head *h, const struct jval *acpi)
{
    struct talk_answer a;
    struct buf b = heap_buf(WRITER_DOCUMENT_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:cnt");
    jw_obj(&w);
    if (acpi)
        put_acpi(&w, acpi);
    else
        (jw_name(&w, SPAN("acpi")), jw_null(&w));
    jw_end_obj(&w);
    jw_end_obj(&w);
    ask_for(h, TALK_UPDATE, h->box, 0, buf_span(&b), &a);
    heap_buf_free(&b);
    return judge(h, &a, h->box);
}

static bool same_acpi(const struct jval *x, const struct jval *y)
{
    return x && y ? span_eq(x->raw, y->raw) : x == y;
}

/* The one member of a resource's representation. ERR_SYNTAX. */
static enum err content(struct span body, struct arena *mem, const struct jval **out)
{
    struct jval *v;
    TRY(json_parse(body, mem, &v, NULL));
    *out = v->type == J_OBJ && v->n == 1 ? v->child : NULL;
    return *out && (*out)->type == J_OBJ ? OK : ERR_SYNTAX;
}

/* RETRIEVE. ST_NOT_FOUND is said by the caller. */
static enum status look(struct writer_head *h, struct span to, struct arena *mem, const struct jval **out, bool *there)
{
    struct talk_answer a;
    ask_for(h, TALK_RETRIEVE, to, 0, SPAN_NONE, &a);
    *there = a.e == OK && a.rsc == RSC_OK;
    if (!*there && a.e == OK && a.rsc == RSC_NOT_FOUND) {
        talk_answer_free(&a);
        return ST_NOT_FOUND;
    }
    struct span body = *there ? arena_dup(mem, talk_body(&a)) : SPAN_NONE;
    enum status st = judge(h, &a, to);
    if (st == ST_DONE && content(body, mem, out) != OK)
        return APP_FAIL(h->w->s->app, ST_FAILED, .what = "the answer is no resource", .who = "the CSE",
                        .object = app_fmt(h->w->s->app, "%.*s", SPAN_FMT(to)), .todo = "check the address");
    return st;
}

static enum status find_box(struct writer_head *h, struct span parent, struct span name, const struct jval *acpi,
                            struct arena *mem)
{
    const struct jval *box = NULL;
    bool there;
    enum status st = look(h, h->box, mem, &box, &there);
    if (st == ST_NOT_FOUND)
        return make_box(h, parent, name, acpi);
    return st == ST_DONE && !same_acpi(JSON_GET(box, "acpi"), acpi) ? set_acpi(h, acpi) : st;
}

static void name_box(struct writer_head *h, struct span place, enum writer_place kind, struct span *parent,
                     struct span *name)
{
    struct app *app = h->w->s->app;
    size_t slash = span_rfind(place, '/');
    *parent = place;
    *name = HEAD_NAME;
    if (kind == WRITER_TS && slash < place.n) {
        *parent = span_first(place, slash);
        *name = span_str(app_fmt(app, "%.*s%.*s", SPAN_FMT(span_from(place, slash + 1)), SPAN_FMT(HEAD_NAME_AFTER)));
    }
    h->box = span_str(app_fmt(app, "%.*s/%.*s", SPAN_FMT(*parent), SPAN_FMT(*name)));
}

static bool drops_soon(const struct retention *k, enum writer_place kind)
{
    return kind == WRITER_FCNT || (k->mni && k->mni < KEPT_MNI) || (k->mia && k->mia < KEPT_MIA_S) ||
           (k->mbs && k->mbs < KEPT_MBS);
}

static enum status settle(struct writer_head *h, struct span place, enum writer_place kind, struct arena *mem)
{
    const struct jval *data = NULL;
    struct span parent, name;
    bool there;
    enum status st = look(h, place, mem, &data, &there);
    if (st == ST_NOT_FOUND)
        return APP_FAIL(h->w->s->app, ST_NOT_FOUND, .what = "the place of the stream is not there", .who = "the CSE",
                        .object = app_fmt(h->w->s->app, "%.*s", SPAN_FMT(place)), .rsc = RSC_NOT_FOUND,
                        .todo = "make it first");
    if (st != ST_DONE)
        return st;
    h->keep = (struct retention){number(data, "mni"), number(data, "mbs"), number(data, "mia")};
    if (drops_soon(&h->keep, kind)) {
        h->hashes = malloc(HEAD_SEGMENT_MAX * sizeof *h->hashes); /* a head is made before a segment is passed */
        if (!h->hashes)
            return app_fail_file(h->w->s->app, ERR_NOMEM, "no heads", "memory");
    }
    name_box(h, place, kind, &parent, &name);
    return find_box(h, parent, name, JSON_GET(data, "acpi"), mem);
}

/* ---- making --------------------------------------------------------------------------------------------------------
 */

/* What may have been dropped by retention; rather more than less, since a head that promises too much would accuse an
 * honest server. */
static uint32_t oldest(struct writer_head *h)
{
    uint32_t next = h->m.first + head_maker_count(&h->m);
    uint64_t mni = h->keep.mni, room = h->keep.mbs && h->largest ? h->keep.mbs / h->largest : UINT64_MAX;
    uint64_t most = mni && mni < room ? mni : room;
    uint32_t from = most < next ? next - (uint32_t)most : 0;
    if (h->keep.mia) {
        int64_t since = monotonic_ms() - (int64_t)h->keep.mia * 1000;
        uint32_t young = next;
        for (size_t i = h->marks > MARKS ? h->marks - MARKS : 0; i < h->marks && young == next; i++)
            if (h->mark[i % MARKS].ms >= since)
                young = h->mark[i % MARKS].first;
        from = young > from ? young : from;
    }
    if (from > h->oldest)
        h->oldest = from;
    return h->oldest;
}

/* A head into the book, and the segment out of it. In the caller's transaction. */
static enum err make(struct writer_head *h, bool closing)
{
    struct session *s = h->w->s;
    struct span cnf;
    struct head_make how = {.key = s->ttps.key,
                            .signer = span_str(s->ttps.key_id),
                            .ttp = span_of(h->w->ttp->note, h->w->ttp->note_n),
                            .oldest = oldest(h),
                            .t = ttp_now_ms(),
                            .now = monotonic_ms(),
                            .closed = closing};
    buf_reset(&h->con);
    enum err e = head_maker_make(&h->m, &how, &h->jws, &h->con, &cnf);
    if (e == ERR_NOTNOW) /* nothing was sealed with this key: nothing to say */
        return closing ? book_segment_drop(s->book, span_of(h->m.kid, h->m.kid_n)) : OK;
    TRY(e);
    TRY(book_head_out_put(s->book, h->box, buf_span(&h->con), cnf));
    struct span kid = span_of(h->m.kid, h->m.kid_n);
    if (!closing)
        return book_segment_move(s->book, kid, h->m.first, h->m.has_prev ? h->m.prev : NULL);
    TRY(book_closing_put(s->book, h->m.sid, h->m.ep, h->m.prev));
    return book_segment_drop(s->book, kid);
}

/* Lives in the arena of the program; empty: unknown. */
static struct span boot_id(struct app *app)
{
    struct buf text = heap_buf(BOOT_MAX);
    struct span id = SPAN_NONE;
    if (file_read("/proc/sys/kernel/random/boot_id", &text) == OK)
        id = arena_dup(&app->mem, buf_span(&text));
    heap_buf_free(&text);
    return id;
}

static enum err in_transaction(struct writer_head *h, enum err (*work)(struct writer_head *h, const void *x),
                               const void *x)
{
    struct book *b = h->w->s->book;
    TRY(book_begin(b));
    enum err e = work(h, x);
    if (e == OK)
        e = book_commit(b);
    if (e != OK)
        book_rollback(b);
    return e;
}

static enum err make_now(struct writer_head *h, const void *x)
{
    return make(h, *(const bool *)x);
}

/* ---- what an earlier run left open ---------------------------------------------------------------------------------
 */

static enum err add_known(void *ctx, const struct log_hash *hash)
{
    struct writer_head *h = ctx;
    return head_maker_add(&h->m, hash, monotonic_ms());
}

static enum err close_left(struct writer_head *h, const void *x)
{
    const struct book_segment *g = x;
    struct session *s = h->w->s;
    TRY(head_maker_begin(&h->m, h->w->sid, g->kc, g->ep, g->kid, g->has_prev ? g->prev : NULL, monotonic_ms()));
    h->m.first = g->first;
    h->m.hashes = h->hashes;
    h->oldest = g->first; /* whether the last of them was stored nobody knows, nor what retention dropped meanwhile */
    TRY(book_sealed_each(s->book, g->kid, g->first, add_known, h));
    h->oldest += head_maker_count(&h->m);
    /* After a loss of power the newest hashes may be gone: to close the epoch before them would call them forged. */
    bool whole = h->boot.n > 0 && span_eq(h->boot, g->boot);
    if (whole || head_maker_count(&h->m) > 0)
        TRY(make(h, whole));
    return whole ? OK : book_segment_drop(s->book, g->kid);
}

static enum err close_all_left(struct writer_head *h)
{
    struct arena mem;
    enum err e;
    heap_arena(&mem, WRITER_ARENA_BLOCK, WRITER_ARENA_MAX);
    for (;;) {
        struct book_segment g;
        arena_reset(&mem);
        e = book_segment_get(h->w->s->book, h->w->sid, &mem, &g);
        if (e == OK)
            e = in_transaction(h, close_left, &g);
        if (e != OK)
            break;
    }
    arena_reset(&mem);
    h->begun = false;
    h->oldest = 0;
    return e == ERR_NOTFOUND ? OK : e;
}

enum status writer_head_open(struct writer *w, struct span place, enum writer_place kind, struct writer_head **out)
{
    *out = NULL;
    if (!w->ttp)
        return ST_DONE;
    struct writer_head *h = xalloc(sizeof *h);
    struct arena mem;
    *h = (struct writer_head){.w = w, .jws = heap_buf(HEAD_JWS_MAX), .con = heap_buf(HEAD_CON_MAX)};
    heap_arena(&mem, WRITER_ARENA_BLOCK, WRITER_ARENA_MAX);
    h->boot = boot_id(w->s->app);
    enum status st = settle(h, place, kind, &mem);
    arena_reset(&mem);
    if (st == ST_DONE && close_all_left(h) != OK)
        st = app_fail_file(w->s->app, ERR_IO, "the heads of an earlier run cannot be made", w->s->p.store);
    *out = h;
    return st;
}

void writer_head_free(struct writer_head *h)
{
    if (!h)
        return;
    heap_buf_free(&h->jws);
    heap_buf_free(&h->con);
    free(h->hashes);
    free(h);
}

/* ---- sealing -------------------------------------------------------------------------------------------------------
 */

static enum err begin(struct writer_head *h, const struct writer_last *l)
{
    struct book *b = h->w->s->book;
    uint8_t prev[ESD_HASH];
    if (h->begun)
        TRY(make(h, true));
    enum err e = book_closing_get(b, l->sid, l->ep - 1, prev);
    if (e != OK && e != ERR_NOTFOUND)
        return e;
    const uint8_t *after = e == OK ? prev : NULL;
    TRY(head_maker_begin(&h->m, l->sid, l->kc, l->ep, l->kid, after, monotonic_ms()));
    h->m.hashes = h->hashes;
    h->oldest = h->largest = 0;
    h->marks = 0;
    struct book_segment g = {.kid = l->kid, .boot = h->boot, .ep = l->ep, .has_prev = after != NULL};
    memcpy(g.kc, l->kc, ESD_KC);
    if (after)
        memcpy(g.prev, after, ESD_HASH);
    return book_segment_put(b, l->sid, &g);
}

static enum err sealed(struct writer_head *h, const void *x)
{
    const struct span *con = x;
    struct writer_last l = writer_last(h->w);
    struct log_hash hash;
    if (!h->begun || !kid_eq(l.kid, span_of(h->m.kid, h->m.kid_n)))
        TRY(begin(h, &l));
    h->begun = true;
    if (head_maker_count(&h->m) >= HEAD_SEGMENT_MAX)
        TRY(make(h, false));
    TRY(esd_sha256(*con, hash.b));
    TRY(head_maker_add(&h->m, &hash, monotonic_ms()));
    return book_sealed_put(h->w->s->book, l.kid, l.i, &hash);
}

/* Only a hash: no head, which must not be made twice in two ways, and no epoch. */
static bool only_hash(const struct writer_head *h)
{
    return h->begun && kid_eq(writer_kid(h->w), span_of(h->m.kid, h->m.kid_n)) &&
           head_maker_count(&h->m) < HEAD_SEGMENT_MAX;
}

enum err writer_head_sealed(struct writer_head *h, struct span con)
{
    if (!h)
        return OK;
    struct book *b = h->w->s->book;
    bool light = only_hash(h);
    TRY(book_light(b, light));
    enum err e = in_transaction(h, sealed, &con);
    if (light)
        TRY(book_light(b, false));
    TRY(e);
    if (con.n > h->largest)
        h->largest = (uint32_t)con.n;
    if (head_maker_count(&h->m) == 1) {
        h->mark[h->marks % MARKS].first = h->m.first;
        h->mark[h->marks++ % MARKS].ms = monotonic_ms();
    }
    return OK;
}

void writer_head_lost(struct writer_head *h)
{
    if (h && h->begun)
        h->oldest = h->m.first + head_maker_count(&h->m);
}

/* ---- sending -------------------------------------------------------------------------------------------------------
 */

static bool send_one(struct writer_head *h, const struct book_head_out *o)
{
    struct talk_answer a;
    struct buf b = heap_buf(2 * HEAD_CON_MAX);
    item_put(&b, SPAN_NONE, o->cnf, o->con, true);
    ask_for(h, TALK_CREATE, o->place, TY_CIN, buf_span(&b), &a);
    heap_buf_free(&b);
    bool stored = a.e == OK && a.rsc == RSC_CREATED;
    if (!stored)
        app_note(h->w->s->app, "a head waits: %s, %d", a.e == OK ? "refused" : err_text(a.e), a.rsc);
    talk_answer_free(&a);
    return stored;
}

static bool send_all(struct writer_head *h)
{
    struct arena mem;
    struct book_head_out o;
    bool all = true;
    heap_arena(&mem, WRITER_ARENA_BLOCK, WRITER_ARENA_MAX);
    for (int64_t at = 0; all && book_head_out_next(h->w->s->book, at, &mem, &o) == OK; arena_reset(&mem)) {
        at = o.n;
        all = send_one(h, &o) && book_head_out_drop(h->w->s->book, o.n) == OK;
    }
    arena_reset(&mem);
    return all;
}

int64_t writer_head_due(const struct writer_head *h)
{
    if (!h || !h->begun)
        return -1;
    int64_t left = head_maker_due(&h->m) - monotonic_ms();
    return left > 0 ? left : 0;
}

bool writer_head_post(struct writer_head *h, bool closing)
{
    if (!h)
        return true;
    bool made = true;
    if (h->begun && (closing || writer_head_due(h) == 0)) {
        made = in_transaction(h, make_now, &closing) == OK;
        h->begun = !closing || !made;
    }
    return send_all(h) && made;
}
