/* pace.c - when notifications leave. What a letter needs to know about its pace travels in its meta, so that a change
 * of the subscription holds for the next event and a restart changes nothing. */
#include "cse/pace.h"

#include <stdlib.h>
#include <string.h>

#include "cse/sgn.h"
#include "host/heap.h"

/* ---- lanes ------------------------------------------------------------------------------------------- */

/* A target by its text: letters for one target keep their order, whatever becomes of the list. */
int64_t pace_lane(struct span to)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < to.n; i++)
        h = (h ^ to.p[i]) * 0x100000001b3ULL;
    return (int64_t)(h >> 2 << 1);
}

struct lane_size {
    int64_t owner, lane, n;
    uint64_t era;
};
struct lanes {
    struct lane_size v[LANES_KNOWN];
    uint64_t era; /* grows when something was rolled back */
    atomic_flag lock;
    uint64_t lost; /* behind the lock */
    uint8_t lost_to[128];
    size_t lost_n;
};

static struct lane_size *slot_of(struct cse *c, int64_t owner, int64_t lane)
{
    if (!c->lanes && !(c->lanes = calloc(1, sizeof *c->lanes)))
        return NULL;
    if (!c->lanes->era)
        c->lanes->era = 1;
    return &c->lanes->v[((uint64_t)owner * 31 + (uint64_t)lane) % LANES_KNOWN];
}

static enum err size_of(struct run *r, int64_t owner, int64_t lane, struct lane_size **out)
{
    struct lane_size *s = slot_of(r->c, owner, lane);
    if (!s)
        return ERR_NOMEM;
    if (s->owner != owner || s->lane != lane || s->era != r->c->lanes->era) {
        int64_t n;
        TRY(store_letters_in(r->t, owner, lane, &n));
        *s = (struct lane_size){owner, lane, n, r->c->lanes->era};
    }
    *out = s;
    return OK;
}

void pace_undone(struct cse *c)
{
    if (c->lanes)
        c->lanes->era++;
}

void pace_free(struct cse *c)
{
    free(c->lanes);
}

enum err pace_done(struct run *r, const struct letter *l)
{
    struct lane_size *s = slot_of(r->c, l->sub, l->tgt);
    TRY(store_letter_done(r->t, l->id));
    if (s && s->owner == l->sub && s->lane == l->tgt)
        s->n--;
    return OK;
}

/* ---- the limit ----------------------------------------------------------------------------------------- */

static void lock(struct lanes *l)
{
    while (atomic_flag_test_and_set_explicit(&l->lock, memory_order_acquire)) {
    }
}

static void unlock(struct lanes *l)
{
    atomic_flag_clear_explicit(&l->lock, memory_order_release);
}

static void lost_one(struct cse *c, struct span to)
{
    struct lanes *l = c->lanes;
    lock(l);
    l->lost++;
    l->lost_n = to.n < sizeof l->lost_to ? to.n : sizeof l->lost_to;
    if (l->lost_n)
        memcpy(l->lost_to, to.p, l->lost_n);
    unlock(l);
}

uint64_t pace_lost(struct cse *c, uint8_t *to, size_t cap, size_t *n)
{
    uint64_t lost = 0;
    *n = 0;
    if (!c->lanes)
        return 0;
    lock(c->lanes);
    lost = c->lanes->lost;
    c->lanes->lost = 0;
    *n = c->lanes->lost_n < cap ? c->lanes->lost_n : cap;
    memcpy(to, c->lanes->lost_to, *n);
    unlock(c->lanes);
    return lost;
}

/* The oldest goes: who comes back after a long time is served better by what is new. */
static enum err drop_oldest(struct run *r, int64_t owner, int64_t lane)
{
    struct letter *v;
    size_t n;
    TRY(store_letters_lane(r->t, owner, lane, 0, 1, r->a, &v, &n));
    if (!n)
        return OK;
    lost_one(r->c, v->to);
    return pace_done(r, v);
}

/* ---- meta ------------------------------------------------------------------------------------------------ */

static struct span put_meta(struct run *r, const struct pace *p)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_U64(&w, "at", (uint64_t)r->now);
    if (p->ec)
        JW_U64(&w, "ec", p->ec);
    if (p->pn)
        JW_U64(&w, "pn", p->pn);
    if (p->ln)
        JW_BOOL(&w, "ln", true);
    if (p->exc)
        JW_BOOL(&w, "exc", true);
    if (p->nse)
        JW_BOOL(&w, "nse", true);
    if (p->sched)
        JW_BOOL(&w, "sch", true);
    if (p->mnn >= 0) {
        JW_U64(&w, "mnn", (uint64_t)p->mnn);
        JW_U64(&w, "tww", (uint64_t)p->tww);
    }
    jw_end_obj(&w);
    return buf_span(&t.b);
}

static int64_t number(const struct jval *meta, const char *name, int64_t none)
{
    int64_t n;
    const struct jval *v = json_get(meta, span_str(name));
    return v && json_i64(v, &n) == OK ? n : none;
}

void pace_read(struct span meta, struct arena *a, struct pace *p, int64_t *at)
{
    const struct jval *m;
    *p = (struct pace){.mnn = -1};
    *at = 0;
    if (name_parse(meta, a, &m) != OK)
        return;
    *at = number(m, "at", 0);
    p->ec = (uint16_t)number(m, "ec", 0);
    p->pn = (uint8_t)number(m, "pn", 0);
    p->ln = JSON_GET(m, "ln");
    p->exc = JSON_GET(m, "exc");
    p->nse = JSON_GET(m, "nse");
    p->sched = JSON_GET(m, "sch");
    p->mnn = number(m, "mnn", -1);
    p->tww = number(m, "tww", 0);
}

/* ---- letters --------------------------------------------------------------------------------------------- */

enum { PAGE_BLOCK = 4096, PAGE_LETTERS = 32, PAGE_MEM = 256 << 20 };

/* Page after page of a lane, in memory that is given back between them: letters may be large and many. */
struct pages {
    struct arena a;
    struct letter *v;
    size_t n;
    int64_t after;
};

static void pages_begin(struct pages *p)
{
    *p = (struct pages){0};
    heap_arena(&p->a, PAGE_BLOCK, PAGE_MEM);
}

static enum err pages_next(struct run *r, struct pages *p, int64_t owner, int64_t lane)
{
    arena_reset(&p->a);
    heap_arena(&p->a, PAGE_BLOCK, PAGE_MEM);
    TRY(store_letters_lane(r->t, owner, lane, p->after, PAGE_LETTERS, &p->a, &p->v, &p->n));
    if (p->n)
        p->after = p->v[p->n - 1].id;
    return OK;
}

static enum err drop_all(struct run *r, struct pages *p, int64_t owner, int64_t lane, bool latest)
{
    struct letter last = {0};
    do {
        TRY(pages_next(r, p, owner, lane));
        for (size_t i = 0; i < p->n; i++) {
            if (last.id)
                TRY(pace_done(r, &last));
            last = (struct letter){.id = p->v[i].id, .sub = owner, .tgt = lane};
        }
    } while (p->n);
    return last.id && !latest ? pace_done(r, &last) : OK;
}

enum err pace_drop(struct run *r, int64_t owner, int64_t lane, bool latest)
{
    struct lane_size *s;
    struct pages p;
    TRY(size_of(r, owner, lane, &s));
    if (!s->n)
        return OK;
    pages_begin(&p);
    enum err e = drop_all(r, &p, owner, lane, latest);
    arena_reset(&p.a);
    return e;
}

enum err pace_hold(struct run *r, const struct letter *l, int64_t due, uint32_t tries, bool latest)
{
    struct letter *v;
    size_t n;
    r->c->told = true;
    if (latest) {
        TRY(pace_drop(r, l->sub, l->tgt, true));
        TRY(store_letters_lane(r->t, l->sub, l->tgt, 0, 1, r->a, &v, &n));
        if (!n)
            return OK;
        l = v;
    }
    enum err e = store_letter_delay(r->t, l->id, due, tries);
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err put(struct run *r, int64_t owner, int64_t lane, struct span to, struct span body, struct span meta,
                    struct letter *l)
{
    struct lane_size *s;
    TRY(size_of(r, owner, lane, &s));
    if (s->n >= LANE_MAX)
        TRY(drop_oldest(r, owner, lane));
    l->sub = owner;
    l->tgt = lane;
    l->to = to;
    l->body = body;
    l->meta = meta;
    r->c->told = true;
    TRY(store_letter_put(r->t, l));
    s->n++;
    return OK;
}

/* With ln or pn 1 the new one takes the place of what is held back, and goes when that would have gone. */
static enum err take_place(struct run *r, int64_t owner, int64_t lane, struct letter *l)
{
    struct lane_size *s;
    struct letter *v;
    size_t n;
    TRY(size_of(r, owner, lane, &s));
    if (!s->n)
        return OK;
    TRY(store_letters_lane(r->t, owner, lane, 0, 1, r->a, &v, &n));
    if (!n || (v->due <= r->now && v->tries == 0))
        return OK;
    l->due = v->due;
    l->tries = v->tries;
    return pace_drop(r, owner, lane, false);
}

static enum err post(struct run *r, int64_t owner, struct span to, const struct pace *p, struct span body,
                     struct span meta, int64_t *id)
{
    struct letter l = {.due = r->now};
    int64_t lane = pace_lane(to);
    if (p->ln || p->pn == 1)
        TRY(take_place(r, owner, lane, &l));
    TRY(put(r, owner, lane, to, body, meta, &l));
    *id = l.id;
    return OK;
}

enum err pace_plain(struct run *r, int64_t owner, struct span to, const struct pace *p, struct span body, int64_t *id)
{
    return post(r, owner, to, p, body, put_meta(r, p), id);
}

/* ---- batches ----------------------------------------------------------------------------------------------- */

struct batch {
    struct run *r;
    struct arena a; /* of the text under way */
    struct text t;
    struct jw w;
    size_t n;
    struct letter last;
    bool latest; /* ln of the last */
};

static void begin(struct batch *b)
{
    arena_reset(&b->a);
    heap_arena(&b->a, PAGE_BLOCK, PAGE_MEM);
    text_init(&b->t, &b->a);
    b->w = jw_over(&b->t.b);
    jw_obj(&b->w);
    JW_NAME(&b->w, "m2m:agn");
    jw_obj(&b->w);
    JW_NAME(&b->w, "m2m:sgn");
    jw_arr(&b->w);
    b->n = 0;
}

static enum err seal_up(struct batch *b)
{
    struct pace p;
    int64_t at, id;
    if (!b->n)
        return OK;
    jw_end_arr(&b->w);
    jw_end_obj(&b->w);
    jw_end_obj(&b->w);
    TRY(b->t.b.e);
    pace_read(b->last.meta, b->r->a, &p, &at);
    return post(b->r, b->last.sub, b->last.to, &p, buf_span(&b->t.b), put_meta(b->r, &p), &id);
}

static enum err add(struct batch *b, const struct letter *l)
{
    if (b->n == BATCH_MAX || (b->n && b->t.b.n + l->body.n > BATCH_OCTETS)) {
        TRY(seal_up(b));
        begin(b);
    }
    jw_raw(&b->w, sgn_inner(l->body));
    b->n++;
    return OK;
}

static enum err ripen_one(struct batch *b, const struct letter *l)
{
    struct pace p;
    int64_t at;
    pace_read(l->meta, b->r->a, &p, &at);
    b->last = *l;
    b->latest = p.ln;
    if (!p.ln)
        TRY(add(b, l));
    return pace_done(b->r, l);
}

static enum err ripen(struct batch *b, struct pages *p, int64_t owner, int64_t lane)
{
    do {
        TRY(pages_next(b->r, p, owner, lane));
        for (size_t i = 0; i < p->n; i++)
            TRY(ripen_one(b, &p->v[i]));
        if (!p->n)
            break;
        b->last.to = arena_dup(b->r->a, b->last.to); /* the page goes */
        b->last.meta = arena_dup(b->r->a, b->last.meta);
        b->last.body = b->latest ? arena_dup(b->r->a, b->last.body) : SPAN_NONE;
    } while (p->n);
    if (b->latest) /* only the newest counts */
        TRY(add(b, &b->last));
    return arena_ok(b->r->a) ? seal_up(b) : ERR_NOMEM;
}

enum err pace_ripen(struct run *r, int64_t owner, int64_t lane)
{
    struct batch b = {.r = r};
    struct lane_size *s;
    struct pages p;
    lane |= 1;
    TRY(size_of(r, owner, lane, &s));
    if (!s->n)
        return OK;
    pages_begin(&p);
    begin(&b);
    enum err e = ripen(&b, &p, owner, lane);
    arena_reset(&p.a);
    arena_reset(&b.a);
    return e;
}

static enum err collect(struct run *r, int64_t owner, struct span to, const struct pace *p, struct span body)
{
    struct letter l = {.due = p->dur < NEVER - r->now ? r->now + p->dur : NEVER - 1};
    int64_t lane = pace_lane(to) | 1;
    struct lane_size *s;
    TRY(put(r, owner, lane, to, body, put_meta(r, p), &l));
    TRY(size_of(r, owner, lane, &s));
    return s->n >= BATCH_MAX || (p->num && s->n >= p->num) ? pace_ripen(r, owner, lane) : OK;
}

enum err pace_post(struct run *r, int64_t owner, struct span to, const struct pace *p, struct span body, int64_t *id)
{
    *id = 0;
    return p->batch ? collect(r, owner, to, p, body) : pace_plain(r, owner, to, p, body, id);
}
