/* outbox.c - letters leave (TS-0004 7.5.1.2): due ones become NOTIFY requests; what was answered is removed, what was
 * not is tried again later. A letter keeps its request identifier over all tries, so that a receiver knows a repeat. A
 * subscription is never removed because its target is down. Loop 0, but for the jobs on the writer. */
#include <stdlib.h>
#include <string.h>

#include "cse/poll.h"
#include "host/heap.h"

struct flight {
    struct flight *next;
    struct cse *c;
    struct arena a;
    struct letter l;
    struct exch x; /* first as the context of addressing, then as the job that records the outcome */
    struct run r;
    struct prim q;
    struct hop hop;
    bool sent, refused;
    bool counts; /* a success lowers exc */
};

struct post {
    struct flight *flying;
    unsigned n;
};

enum { FLIGHT_BLOCK = 2048 };

enum err post_new(struct cse *c)
{
    c->post = calloc(1, sizeof *c->post);
    return c->post ? OK : ERR_NOMEM;
}

static void flight_free(struct flight *f)
{
    arena_reset(&f->a);
    free(f);
}

void post_free(struct cse *c)
{
    for (struct flight *f = c->post ? c->post->flying : NULL, *next; f; f = next) {
        next = f->next;
        flight_free(f);
    }
    free(c->post);
}

/* ---- the outcome, on the writer ------------------------------------------------------------------- */

static int64_t back_off(struct cse *c, uint32_t tries)
{
    uint16_t dice;
    int64_t ms = BACKOFF_MIN;
    for (uint32_t i = 0; i < tries && ms < BACKOFF_MAX; i++)
        ms *= 2;
    if (ms > BACKOFF_MAX)
        ms = BACKOFF_MAX;
    c->w.entropy(c->w.ctx, &dice, sizeof dice);
    return ms / 2 + ms / 2 * dice / UINT16_MAX; /* between half of it and all of it */
}

/* exc counts notices that arrived; at 0 the subscription ends. */
static enum err lower_exc(struct run *r, int64_t rid)
{
    struct row sub;
    struct attrs at;
    struct text t;
    uint64_t exc;
    const struct jval *body;
    enum err e = store_get(r->t, rid, r->a, &sub);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    TRY(name_attrs(&sub, r->a, &at));
    if (!attrs_get(&at, AT_exc) || json_u64(attrs_get(&at, AT_exc), INT64_MAX, &exc) != OK)
        return OK;
    if (exc <= 1)
        return gone_tree(r, &sub, false);
    TRY(name_parse(sub.body, r->a, &body));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    for (const struct jval *v = body->child; v; v = v->next) {
        jw_name(&w, v->key);
        if (span_eq(v->key, SPAN("exc")))
            jw_u64(&w, exc - 1);
        else
            jw_raw(&w, v->raw);
    }
    jw_end_obj(&w);
    sub.body = buf_span(&t.b);
    TRY(make_labels(r, attrs_get(&at, AT_lbl), &sub));
    return store_set(r->t, &sub);
}

static enum err record(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct flight *f = x->door;
    enum err e;
    f->r.t = t;
    f->r.slot = STORE_SLOTS_MAX;
    f->r.now = c->w.now(c->w.ctx);
    c->told = true;
    if (!f->sent && !f->refused) {
        e = store_letter_delay(t, f->l.id, f->r.now + back_off(c, f->l.tries), f->l.tries + 1);
        return e == ERR_NOTFOUND ? OK : e;
    }
    e = store_letter_done(t, f->l.id);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e; /* dropped meanwhile with its subscription */
    return f->sent && f->counts ? lower_exc(&f->r, f->l.sub) : OK;
}

static void recorded(struct exch *x)
{
    struct flight *f = x->door;
    struct post *p = f->c->post;
    struct flight **at = &p->flying;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    p->n -= !f->hop.channel;
    atomic_store(&f->c->tick, true);
    flight_free(f);
}

/* The queue was full: nothing was recorded, the letter is still due and goes again. */
static void record_later(struct flight *f)
{
    f->x.job = record;
    f->x.run = NULL;
    f->x.done = recorded;
    f->x.door = f;
    if (!f->c->w.enqueue(f->c->w.ctx, &f->x))
        recorded(&f->x);
}

/* ---- leaving ------------------------------------------------------------------------------------- */

/* The operator hears of the first failure, and of refusals that end the letter. */
static void say(struct flight *f, enum err e, unsigned rsc)
{
    const char *why = e != OK ? err_text(e) : rsc_name(rsc);
    if (f->c->w.note && (f->l.tries == 0 || f->refused))
        f->c->w.note(f->c->w.ctx, f->refused ? "notify-refused" : "notify-waits", f->l.to, why, f->l.tries + 1);
}

/* No answer, or one that may change with time: again. Any other refusal is final, for this letter. */
static void over(struct hop *h, enum err e, const struct prim *rsp)
{
    struct flight *f = h->ctx;
    unsigned rsc = e == OK && rsp ? rsp->rsc : 0;
    f->sent = rsc_ok(rsc);
    notice_over(f->c, f->l.id);
    f->refused = rsc >= 4000 && rsc < 5000 && rsc != RSC_NOT_FOUND && rsc != RSC_REQUEST_TIMEOUT;
    if (!f->sent)
        say(f, e, rsc);
    record_later(f);
}

static struct span request_id(struct flight *f)
{
    struct text t;
    text_init(&t, &f->a);
    buf_str(&t.b, "n-");
    for (size_t i = 0; i < 6; i++)
        buf_fmt(&t.b, "%02x", f->c->w.store->instance[i]);
    buf_c(&t.b, '-');
    buf_i64(&t.b, f->l.id);
    return buf_span(&t.b);
}

static void read_meta(struct flight *f)
{
    const struct jval *meta;
    uint64_t ec;
    if (name_parse(f->l.meta, &f->a, &meta) != OK)
        return;
    if (JSON_GET(meta, "exc"))
        (void)!json_bool(JSON_GET(meta, "exc"), &f->counts);
    if (JSON_GET(meta, "ec") && json_u64(JSON_GET(meta, "ec"), UINT16_MAX, &ec) == OK) {
        f->hop.req.ec = (uint16_t)ec;
        prim_set(&f->hop.req, PA_ec, JSON_GET(meta, "ec")->raw);
    }
}

static enum err take_off(struct cse *c, struct store_tx *t, int64_t now, const struct letter *l)
{
    bool here = false;
    struct flight *f = calloc(1, sizeof *f);
    if (!f)
        return ERR_NOMEM;
    heap_arena(&f->a, FLIGHT_BLOCK, STORE_BODY_MAX);
    f->c = c;
    f->l = *l;
    f->l.to = arena_dup(&f->a, l->to);
    f->l.body = arena_dup(&f->a, l->body);
    f->l.meta = arena_dup(&f->a, l->meta);
    prim_init(&f->q);
    f->x = (struct exch){.req = &f->q, .arena = &f->a, .self = true, .door = f};
    f->r = (struct run){.c = c, .x = &f->x, .q = &f->q, .a = &f->a, .t = t, .now = now};
    f->hop = (struct hop){.a = &f->a, .over = over, .ctx = f, .deadline = hop_deadline(&f->r)};
    f->next = c->post->flying;
    c->post->flying = f;
    c->post->n++;
    enum err e = hop_to_target(&f->r, f->l.to, &f->hop, &here);
    if (f->hop.channel) { /* waits for its poll, and takes no place of those that leave */
        f->hop.deadline = now + POLL_KEEP_MS;
        c->post->n--;
    }
    f->r.t = NULL;
    f->sent = e == OK && here; /* this CSE told itself */
    if (e == OK && !here && arena_ok(&f->a)) {
        hop_notify(&f->r, &f->hop, f->l.to, request_id(f), f->l.body);
        read_meta(f);
        hop_go(c, &f->hop);
    } else {
        notice_over(c, f->l.id);
        if (!f->sent)
            say(f, e == OK ? ERR_NOMEM : e, 0);
        record_later(f);
    }
    return OK;
}

static bool under_way(const struct post *p, int64_t id)
{
    bool yes = false;
    for (const struct flight *f = p->flying; f && !yes; f = f->next)
        yes = f->l.id == id;
    return yes;
}

static enum err look(struct cse *c, struct store_tx *t, int64_t now, struct arena *a, int64_t *next)
{
    struct letter *v;
    size_t n = 1;
    for (int64_t after = 0; n > 0 && c->post->n < LETTERS_MAX; after = v[n - 1].id) {
        TRY(store_letters_due(t, now, after, LETTERS_MAX, a, &v, &n));
        for (size_t i = 0; i < n && c->post->n < LETTERS_MAX; i++)
            if (!under_way(c->post, v[i].id))
                TRY(take_off(c, t, now, &v[i]));
        if (n < LETTERS_MAX)
            break;
    }
    return store_letter_next(t, next);
}

int64_t post_tick(struct cse *c, int64_t now)
{
    struct store_tx *t;
    struct arena a;
    int64_t next = NEVER;
    if (store_read(c->w.store, 0, &t) != OK)
        return now + TICK_MS;
    heap_arena(&a, FLIGHT_BLOCK, STORE_BODY_MAX * 2);
    enum err e = look(c, t, now, &a, &next);
    store_end(t);
    arena_reset(&a);
    /* what is under way is due as well: its end sets the tick */
    return e != OK || next <= now ? now + TICK_MS : next;
}
