/* annc_post.c - what became of an announcement: the answer to a letter goes into `at` in the transaction that takes the
 * letter out of the box, and the request that wrote it is answered. */
#include <string.h>

#include "cse/annc.h"
#include "cse/prelude.h"

/* ---- writer: the original ------------------------------------------------------------------------- */

static void put_at(struct jw *w, const struct jval *at, struct span add, struct span drop, struct arena *a, size_t *n)
{
    jw_arr(w);
    for (const struct jval *v = at && at->type == J_ARR ? at->child : NULL; v; v = v->next) {
        struct span entry = name_text(v, a);
        if (span_eq(entry, add) || span_eq(entry, drop))
            continue;
        jw_str(w, entry);
        ++*n;
    }
    if (add.n) {
        jw_str(w, add);
        ++*n;
    }
    jw_end_arr(w);
}

/* `at` of the original gains one entry or loses one. */
static enum err set_at(struct run *r, struct row *row, struct span add, struct span drop)
{
    struct attrs at;
    struct text list, t;
    size_t n = 0;
    const struct jval *body;
    TRY(name_attrs(row, r->a, &at));
    TRY(name_parse(row->body, r->a, &body));
    text_init(&list, r->a);
    text_init(&t, r->a);
    struct jw l = jw_over(&list.b), w = jw_over(&t.b);
    put_at(&l, attrs_get(&at, AT_at), add, drop, r->a, &n);
    jw_obj(&w);
    for (const struct jval *v = body->child; v; v = v->next)
        if (!span_eq(v->key, SPAN("at"))) {
            jw_name(&w, v->key);
            jw_raw(&w, v->raw);
        }
    if (n) {
        JW_NAME(&w, "at");
        jw_raw(&w, buf_span(&list.b));
    }
    jw_end_obj(&w);
    TRY(t.b.e);
    row->body = buf_span(&t.b);
    TRY(make_labels(r, attrs_get(&at, AT_lbl), row));
    return store_set(r->t, row);
}

/* "/id-in/3f" of the answer {"m2m:cntA":{"ri":"3f",...}}; empty: it does not say. */
static struct span copy_uri(struct run *r, const struct annc_note *n, struct span pc)
{
    const struct jval *o;
    struct text t;
    if (!pc.n || name_parse(pc, r->a, &o) != OK || o->type != J_OBJ || !o->child)
        return SPAN_NONE;
    const struct jval *ri = JSON_GET(o->child, "ri");
    struct span id = ri ? name_text(ri, r->a) : SPAN_NONE;
    if (!id.n || span_starts(id, SPAN("/")))
        return id;
    text_init(&t, r->a);
    buf_put(&t.b, n->cse);
    buf_c(&t.b, '/');
    buf_put(&t.b, id);
    return buf_span(&t.b);
}

static struct annc_dest dest_of(const struct annc_note *n, struct span entry)
{
    return (struct annc_dest){.entry = entry, .cse = n->cse, .other_sp = span_starts(n->cse, SPAN("//"))};
}

/* The copy is there: the original remembers it. What happened to the original meanwhile follows. */
static enum err created(struct run *r, const struct letter *l, const struct annc_note *n, struct span pc)
{
    struct row row;
    int64_t id;
    struct span uri = copy_uri(r, n, pc);
    struct annc_dest d = dest_of(n, uri);
    if (!uri.n)
        return OK; /* an answer of no use: as if it had failed */
    enum err e = store_get(r->t, l->sub, r->a, &row);
    if (e == ERR_NOTFOUND)
        return annc_put_delete(r, l->sub, &d, &id);
    TRY(e);
    TRY(set_at(r, &row, uri, SPAN_NONE));
    if (n->how & ANNC_ADOPT)
        TRY(annc_put_policy(r, &row, &d, NULL, &id));
    return row.lt != n->lt ? annc_put_update(r, &row, &d, NULL, &id) : OK;
}

static enum err remember_base(struct run *r, const struct annc_note *n, struct span uri)
{
    return store_state_put(r->t, arena_join(r->a, SPAN("annc:"), n->cse), uri.n ? uri : SPAN("?"));
}

/* Another letter takes the place of this one: whoever waits, waits for that. */
static enum err instead(struct run *r, const struct letter *l, int64_t other)
{
    struct annc_swap *s = r->annc_swap;
    (void)l;
    if (s)
        s->to = other;
    return OK;
}

/* A copy of this name is there, from a CREATE whose answer was lost: it becomes ours again by an UPDATE. */
static enum err adopt(struct run *r, const struct letter *l, const struct annc_note *n)
{
    struct row row;
    struct text to;
    struct span body;
    bool any;
    int64_t id;
    struct annc_note as = {.op = OP_UPDATE, .how = ANNC_ADOPT, .entry = n->entry, .cse = n->cse};
    enum err e = store_get(r->t, l->sub, r->a, &row);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    as.lt = row.lt;
    text_init(&to, r->a);
    buf_put(&to.b, l->to);
    buf_c(&to.b, '/');
    annc_put_name(&to.b, r->c, &row);
    TRY(annc_copy_changes(r, &row, NULL, &any, &body));
    TRY(annc_put(r, l->sub, buf_span(&to.b), body, &as, &id));
    return instead(r, l, id);
}

/* The place for the copy is gone, most likely our CSEBase's copy: once more, with that made first. */
static enum err again(struct run *r, const struct letter *l, const struct annc_note *n)
{
    struct row row, parent;
    struct annc_dest d;
    int64_t id;
    enum err e = store_get(r->t, l->sub, r->a, &row);
    if (e == OK)
        e = store_get(r->t, row.pid, r->a, &parent);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    TRY(annc_dest_of(r, n->entry, &d));
    if (d.uri.n)
        return OK;
    bool stuck;
    TRY(annc_put_create(r, &row, &parent, &d, ANNC_AGAIN, &id, &stuck));
    return instead(r, l, id);
}

static void say(struct run *r, const char *what, const struct letter *l, unsigned rsc)
{
    if (r->c->w.note)
        r->c->w.note(r->c->w.ctx, what, l->to, rsc ? rsc_name(rsc) : "no answer", l->tries + 1);
}

static enum err after_create(struct run *r, const struct letter *l, const struct annc_note *n, unsigned rsc,
                             struct span pc)
{
    bool base = n->how & ANNC_BASE;
    if (rsc_ok(rsc))
        return base ? remember_base(r, n, copy_uri(r, n, pc)) : created(r, l, n, pc);
    if (rsc == RSC_CONFLICT)
        return base ? remember_base(r, n, SPAN_NONE) : adopt(r, l, n);
    if (rsc == RSC_NOT_FOUND && !base && !(n->how & ANNC_AGAIN))
        return again(r, l, n);
    say(r, "announcement-failed", l, rsc);
    return OK;
}

/* The copy is not there any more: the entry goes. */
static enum err forget(struct run *r, const struct letter *l)
{
    struct row row;
    enum err e = store_get(r->t, l->sub, r->a, &row);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    return set_at(r, &row, SPAN_NONE, l->to);
}

static bool may_change(unsigned rsc)
{
    return rsc == 0 || rsc >= 5000 || rsc == RSC_REQUEST_TIMEOUT;
}

/* A CREATE that could not even leave takes those that wait behind it along: they go to the same CSE. */
static enum err drop_behind(struct run *r, const struct letter *l)
{
    struct letter *v;
    size_t n;
    TRY(store_letters_lane(r->t, l->sub, l->tgt, l->id, ANNC_ENTRIES_MAX, r->a, &v, &n));
    for (size_t i = 0; i < n; i++) {
        struct annc_note was;
        TRY(annc_note_read(v[i].meta, r->a, &was));
        if (was.op != OP_CREATE)
            continue;
        TRY(store_letter_done(r->t, v[i].id));
        if (r->annc_swap)
            r->annc_swap->with = v[i].id;
    }
    return OK;
}

enum err annc_record(struct run *r, const struct letter *l, unsigned rsc, struct span pc, int64_t retry_at)
{
    struct annc_note n;
    TRY(annc_note_read(l->meta, r->a, &n));
    bool once = n.op == OP_CREATE || (n.how & ANNC_ADOPT);
    if (!once && may_change(rsc) && l->tries < ANNC_TRIES_MAX) {
        enum err e = store_letter_delay(r->t, l->id, retry_at, l->tries + 1);
        return e == ERR_NOTFOUND ? OK : e;
    }
    enum err e = store_letter_done(r->t, l->id);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    if (n.op == OP_CREATE) {
        if (rsc == 0)
            TRY(drop_behind(r, l));
        return after_create(r, l, &n, rsc, pc);
    }
    if (n.how & ANNC_ADOPT)
        return rsc_ok(rsc) ? created(r, l, &n, pc) : OK;
    if (n.op == OP_UPDATE && rsc == RSC_NOT_FOUND && !(n.how & ANNC_ENROLLED))
        return forget(r, l);
    if (!rsc_ok(rsc) && rsc != RSC_NOT_FOUND)
        say(r, "announcement-refused", l, rsc);
    return OK;
}

/* ---- whoever waits -------------------------------------------------------------------------------- */

static void lock(struct cse *c)
{
    while (atomic_flag_test_and_set_explicit(&c->annc_lock, memory_order_acquire)) {
    }
}

static void unlock(struct cse *c)
{
    atomic_flag_clear_explicit(&c->annc_lock, memory_order_release);
}

bool annc_hold(struct run *r)
{
    struct cse *c = r->c;
    if (!r->annc || !r->annc->n)
        return false;
    lock(c);
    r->annc->next = c->annc_held;
    c->annc_held = r;
    unlock(c);
    atomic_store(&c->tick, true);
    return true;
}

/* The answer shows `at` as it is now. */
static enum err show(struct run *r)
{
    struct row row;
    enum err e = store_get(r->t, r->out.rid, r->a, &row);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    r->out = row;
    step_project(r);
    return OK;
}

static void answer(void *arg)
{
    struct run *r = arg;
    struct cse *c = r->c;
    if (r->out.rid && store_read(c->w.store, r->x->loop, &r->t) == OK) {
        r->now = c->w.now(c->w.ctx);
        (void)!show(r); /* should it fail, the answer stands as it was made */
        store_end(r->t);
        r->t = NULL;
    }
    postlude_over(r);
}

static bool was_last(struct annc *x, int64_t letter, const struct annc_swap *s)
{
    for (size_t i = 0; i < x->n; i++) {
        if (s && s->with && x->letters[i] == s->with)
            x->letters[i--] = x->letters[--x->n];
        else if (x->letters[i] == letter && s && s->to)
            x->letters[i] = s->to;
        else if (x->letters[i] == letter)
            x->letters[i--] = x->letters[--x->n];
    }
    return x->n == 0;
}

static void release(struct cse *c, int64_t letter, const struct annc_swap *s, int64_t now)
{
    struct run *out = NULL;
    lock(c);
    for (struct run **at = &c->annc_held; *at;) {
        struct run *r = *at;
        if (letter ? was_last(r->annc, letter, s) : r->annc->until <= now) {
            *at = r->annc->next;
            r->annc->next = out;
            out = r;
        } else {
            at = &r->annc->next;
        }
    }
    unlock(c);
    while (out) {
        struct run *r = out;
        out = r->annc->next;
        c->w.later(c->w.ctx, r->x->loop, answer, r);
    }
}

void annc_over(struct cse *c, int64_t letter, const struct annc_swap *s)
{
    release(c, letter, s, 0);
}

void annc_tick(struct cse *c, int64_t now)
{
    release(c, 0, NULL, now);
}
