/* ttp_bundle.c - see ttp_bundle.h. */
#include "app/ttp_bundle.h"

#include "host/heap.h"

enum { BUNDLE_FILE_MAX = 256 << 10, NEXT_LEAST_S = 60, AGAIN_MS = 600 * 1000, KEY_BLOCK = 4096, KEY_MAX = 1 << 20 };

static uint64_t now_s(void)
{
    return (uint64_t)(ttp_now_ms() / 1000);
}

bool ttp_bundle_over(const struct ttp *t)
{
    return t->bundle.exp < now_s();
}

static enum reason take(struct ttps *s, struct ttp *t, struct span text, uint64_t at_s, bool *newer)
{
    struct bundle fresh;
    struct span copy = arena_dup(&s->app->mem, text);
    *newer = false;
    if (!arena_ok(&s->app->mem))
        return REASON_FAILED;
    JUDGE(bundle_open(copy, span_str(t->row->fqdn), t->bundle.identity, at_s, &s->app->mem, &fresh));
    *newer = fresh.seq > t->bundle.seq;
    enum reason r = bundle_follows(&t->bundle, &fresh);
    if (r != REASON_OK) {
        bundle_free(&fresh);
        return r;
    }
    bundle_free(&t->bundle);
    t->bundle = fresh;
    return REASON_OK;
}

/* What the book kept counts when it follows the pin; a pin that was set anew since then counts more. */
static enum status kept(struct ttps *s, struct ttp *t)
{
    struct span text;
    bool newer;
    int64_t at_ms;
    if (!s->book)
        return ST_DONE;
    enum err e = book_bundle_get(s->book, span_str(t->row->fqdn), &s->app->mem, &text, &at_ms);
    if (e == ERR_NOTFOUND)
        return ST_DONE;
    if (e != OK)
        return app_fail_file(s->app, e, "the bundle that was kept cannot be read", s->t->p->store);
    if (take(s, t, text, 0, &newer) == REASON_OK)
        t->bundle_ms = at_ms;
    return ST_DONE;
}

enum status ttp_bundle_open(struct ttps *s, struct ttp *t)
{
    struct buf text = heap_buf(BUNDLE_FILE_MAX);
    enum err e = file_read(t->row->bundle, &text);
    if (e != OK) {
        heap_buf_free(&text);
        return app_fail_file(s->app, e, "the pinned bundle of the TTP cannot be read", t->row->bundle);
    }
    struct span whole = arena_dup(&s->app->mem, buf_span(&text));
    heap_buf_free(&text);
    /* Its age does not matter: what it pins is the identity. */
    enum reason r = bundle_open(whole, span_str(t->row->fqdn), NULL, 0, &s->app->mem, &t->bundle);
    if (r != REASON_OK)
        return APP_FAIL(s->app, ST_CONFIG,
                        .what = app_fmt(s->app, "the pinned bundle of the TTP is not valid: %s", reason_text(r)),
                        .who = "this program", .kind = "file", .object = t->row->bundle, .code = reason_code(r),
                        .todo = "ask the operator of the TTP for its present bundle, over a way that you trust");
    t->open = true;
    return kept(s, t);
}

static bool due(const struct ttp *t)
{
    int64_t age = ttp_now_ms() - t->bundle_ms;
    uint64_t next = t->bundle.next < NEXT_LEAST_S ? NEXT_LEAST_S : t->bundle.next;
    if (t->bundle_ms == 0 || age < 0)
        return true;
    return next < INT32_MAX && age >= (ttp_bundle_over(t) ? AGAIN_MS : (int64_t)next * 1000);
}

enum reason ttp_bundle_renew(struct ttps *s, struct ttp *t)
{
    struct buf text = heap_buf(BUNDLE_FILE_MAX);
    bool newer = false;
    enum reason r = ttp_get(s, t, "/bundle", &text);
    t->bundle_ms = ttp_now_ms();
    s->why[0] = s->who[0] = s->todo[0] = '\0'; /* whoever asked had something else in mind */
    if (r == REASON_OK)
        r = text.e == OK ? take(s, t, buf_span(&text), now_s(), &newer) : REASON_MALFORMED;
    if (r == REASON_OK && s->book &&
        book_bundle_put(s->book, span_str(t->row->fqdn), buf_span(&text), t->bundle_ms) != OK)
        r = REASON_FAILED;
    heap_buf_free(&text);
    return r;
}

enum reason ttp_bundle_fresh(struct ttps *s, struct ttp *t)
{
    enum reason r = due(t) ? ttp_bundle_renew(s, t) : REASON_OK;
    if (r == REASON_ROLLED_BACK || r == REASON_TAMPERED)
        app_note(s->app, "%s: the TTP's bundle is refused: %s", t->row->fqdn, reason_text(r));
    return ttp_bundle_over(t) ? REASON_REGISTRATION_OVERDUE : REASON_OK;
}

static const struct p256 *signer(const struct ttp *t, struct span answer)
{
    struct arena a;
    heap_arena(&a, KEY_BLOCK, KEY_MAX);
    const struct p256 *k = bundle_release_of(&t->bundle, answer, &a);
    arena_reset(&a);
    return k;
}

const struct p256 *ttp_bundle_signer(struct ttps *s, struct ttp *t, struct span answer)
{
    const struct p256 *k = signer(t, answer);
    if (!k && ttp_bundle_renew(s, t) == REASON_OK)
        k = signer(t, answer);
    return k ? k : t->bundle.release;
}
