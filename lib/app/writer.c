/* writer.c - see writer.h. Epochs end here; writer_key.c begins them. */
#include "app/writer_own.h"

#include <time.h>

#include "host/heap.h"
#include "host/secret.h"

enum {
    SOFT_MESSAGES = 1 << 20, /* e2e.md 2: the next epoch begins */
    SOFT_MS = 3600 * 1000,
    HARD_MS = 24 * 3600 * 1000, /* nothing more is sealed; messages: ESD_INDEX_END */
    ASK_MS = 10 * 1000,         /* news older than this are asked for before the next message */
    STALE_MS = 30 * 1000,       /* without news for so long the epoch ends */
    NEWS_TIMEOUT_MS = 2000,
};
#define SOFT_OCTETS (INT64_C(1) << 30)
#define HARD_OCTETS (INT64_C(1) << 34)

/* Goes on while the device sleeps: an answer gets old then, too. */
static int64_t monotonic_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum status fault(struct writer *w, const char *what, enum reason r)
{
    bool ttp = r == REASON_TTP_UNREACHABLE || r == REASON_REFUSED || r == REASON_TTP_SEALED;
    return APP_FAIL(w->s->app, r == REASON_FAILED ? ST_FAILED : (enum status)reason_exit(r), .what = what,
                    .who = ttp && w->ttp ? w->ttp->row->fqdn : "this program", .object = w->stream,
                    .code = reason_code(r),
                    .todo = ttp && w->s->ttps.todo[0] ? w->s->ttps.todo : "check [seal] in the profile and the store");
}

/* ---- opening ---- */

static enum status incomplete(struct session *s, const char *what, const char *todo)
{
    return APP_FAIL(s->app, ST_CONFIG, .what = what, .who = "this program", .kind = "profile", .object = s->p.path,
                    .todo = todo);
}

/* Does [seal] say everything that its source of keys needs, and nothing that contradicts it? */
static enum status check_profile(struct session *s)
{
    const struct profile *p = &s->p;
    struct span relative, fqdn;
    bool given = p->seal_key == PROFILE_KEY_PROVISIONED;
    if (given && (!p->seal_key_file || !p->seal_key_id))
        return incomplete(s, "a provisioned key needs its file and its name",
                          "set key-file= and key-id=name@fqdn in [seal]; `oneseal key make FILE` makes a file");
    if (given && kid_split(span_str(p->seal_key_id), &relative, &fqdn) != REASON_OK)
        return incomplete(s, "key-id= is no key identifier", "write key-id=name@fqdn in [seal]");
    if (given && p->seal_strict)
        return incomplete(s, "a provisioned key cannot be strict: both ends have all of it", "leave strict= out");
    if (!given && (!p->seal_policy || !p->seal_ttp || !ttps_find(&s->ttps, span_str(p->seal_ttp))))
        return incomplete(s, "the profile does not say with which TTP and policy to seal",
                          "set ttp=, policy= and readers= in [seal], and [ttp FQDN]");
    return ST_DONE;
}

enum status writer_open(struct session *s, struct span stream, struct writer **out)
{
    struct writer *w = xalloc(sizeof *w);
    *w = (struct writer){.s = s};
    struct span absolute = profile_absolute(s->app, &s->p, stream);
    w->stream = app_fmt(s->app, "%.*s", SPAN_FMT(absolute));
    *out = w;
    enum status st = check_profile(s);
    if (st != ST_DONE)
        return st;
    if (s->p.seal_key != PROFILE_KEY_PROVISIONED)
        w->ttp = ttps_find(&s->ttps, span_str(s->p.seal_ttp));
    if (keys_sid(absolute, w->sid) != REASON_OK)
        return fault(w, "the container's address is no absolute structured address", REASON_PLACE_UNVERIFIED);
    w->secret = secret_alloc(sizeof *w->secret);
    if (!w->secret || sealer_init(&w->sealer, (struct esd_rng){0}) != OK)
        return fault(w, "no locked memory, or no cipher", REASON_FAILED);
    return ST_DONE;
}

void writer_close(struct writer *w)
{
    if (!w)
        return;
    if (w->secret) {
        seal_key_wipe(&w->secret->key);
        secret_free(w->secret);
    }
    seal_to_free(&w->to);
    sealer_free(&w->sealer);
    wipe(w, sizeof *w);
    free(w);
}

/* ---- news ---- */

static void take_news(struct writer *w, const struct ttp_news *news)
{
    if (w->fresh_ms && news->state != w->state)
        w->open = false;
    w->fresh_ms = w->asked_ms; /* the answer is as old as its nonce */
    w->state = news->state;
    w->known_ep = news->ep;
}

/* Asks the vault before sealing on, when its word is no longer new. Whatever comes of it, the writer writes: without
 * fresh word it begins one new epoch, whose letter stays here until there is an answer. */
static void ask_news(struct writer *w)
{
    struct ttp_news news;
    int64_t now = monotonic_ms(), patience = w->s->app->timeout_ms;
    if (!w->ttp)
        return;
    if (!w->asked_ms || now - w->asked_ms >= ASK_MS) {
        w->asked_ms = now;
        w->s->app->timeout_ms = patience < NEWS_TIMEOUT_MS ? patience : NEWS_TIMEOUT_MS;
        w->said = ttp_poll(&w->s->ttps, w->ttp, w->sid, w->ep, &news);
        w->s->app->timeout_ms = patience;
        if (w->said == REASON_OK)
            take_news(w, &news);
    }
    w->cautious = !w->fresh_ms || monotonic_ms() - w->fresh_ms >= STALE_MS;
    if (w->cautious && !(w->begun_cautious && w->begun_answer == w->fresh_ms))
        w->open = false;
}

/* ---- epochs ---- */

/* A provisioned key has no epochs: it ends with its indices. */
static bool over(const struct writer *w, int64_t ms, uint32_t messages, int64_t octets)
{
    return w->ttp && (w->i >= messages || w->octets >= octets || ttp_now_ms() - w->began_ms >= ms);
}

static bool may_go_on(const struct writer *w)
{
    return w->open && !over(w, HARD_MS, ESD_INDEX_END, HARD_OCTETS);
}

/* An epoch that may take the next message. When a key must come from the TTP and does not, the epoch that is open goes
 * on up to its hard limits. */
static enum status have_epoch(struct writer *w)
{
    int64_t now = monotonic_ms();
    bool soft = over(w, SOFT_MS, SOFT_MESSAGES, SOFT_OCTETS);
    if (w->open && (!soft || (may_go_on(w) && w->tried_ms && now - w->tried_ms < ASK_MS)))
        return ST_DONE;
    w->tried_ms = now;
    w->s->ttps.why[0] = w->s->ttps.todo[0] = '\0';
    w->why = NULL;
    enum reason r = writer_key_begin(w);
    if (r == REASON_OK) {
        w->tried_ms = 0;
        w->begun_cautious = w->cautious;
        w->begun_answer = w->fresh_ms;
    }
    if (r == REASON_OK || (r != REASON_FAILED && may_go_on(w)))
        return ST_DONE;
    const char *why = w->why ? w->why : w->s->ttps.why[0] ? w->s->ttps.why : reason_text(r);
    return fault(w, app_fmt(w->s->app, "no epoch can begin: %s", why), r);
}

/* ---- sealing ---- */

/* Octets of padding: up to the smallest bucket that holds it, beyond the largest to a multiple of that. A ciphertext
 * must not be empty (TS-0004 6.3.3): one octet stands for "" in streams without padding. */
static uint32_t pad_of(const struct profile *p, size_t n)
{
    size_t last = p->seal_pads ? p->seal_pad[p->seal_pads - 1] : 0;
    for (size_t i = 0; i < p->seal_pads; i++)
        if (n <= p->seal_pad[i])
            return (uint32_t)(p->seal_pad[i] - n);
    return last ? (uint32_t)((last - n % last) % last) : n == 0;
}

static enum err seal_one(struct writer *w, const struct seal_msg *m, struct span plain, struct buf *con)
{
    struct buf scratch = heap_buf(plain.n + m->pad + 1);
    enum err e = w->s->p.seal_strict ? seal_to(&w->sealer, &w->to, m, plain, &scratch, con)
                                     : seal(&w->sealer, &w->secret->key, m, plain, &scratch, con);
    buf_wipe(&scratch);
    heap_buf_free(&scratch);
    return e;
}

static enum err seal_json(struct writer *w, struct span json_text, bool batch, struct span cnf, struct buf *con,
                          struct buf *cnf_out)
{
    struct arena mem;
    struct span plain;
    bool json = false;
    struct seal_msg m = {.ep = w->ep, .t_ms = (uint64_t)ttp_now_ms(), .i = w->i, .device = true, .batch = batch};
    heap_arena(&mem, WRITER_ARENA_BLOCK, WRITER_ARENA_MAX);
    enum err e = seal_plain(json_text, &mem, &plain, &json);
    m.json = json;
    if (e == OK) {
        m.pad = pad_of(&w->s->p, plain.n);
        m.padding = w->s->p.seal_pads || m.pad;
        e = seal_one(w, &m, plain, con);
        w->octets += (int64_t)plain.n;
    }
    if (e == OK)
        e = seal_cnf(cnf, json, cnf_out);
    arena_reset(&mem);
    return e;
}

static enum status seal_message(struct writer *w, struct span json, bool batch, struct span cnf, struct buf *con,
                                struct buf *cnf_out)
{
    ask_news(w);
    enum status st = have_epoch(w);
    if (st != ST_DONE)
        return st;
    enum err e = w->ttp ? OK : writer_key_index(w);
    if (e == OK)
        e = seal_json(w, json, batch, cnf, con, cnf_out);
    if (e != OK)
        return fault(w, app_fmt(w->s->app, "the reading cannot be sealed: %s", err_text(e)), REASON_FAILED);
    w->last = w->i++;
    return ST_DONE;
}

enum status writer_seal(struct writer *w, struct span con_json, struct span cnf, struct buf *con, struct buf *cnf_out)
{
    return seal_message(w, con_json, false, cnf, con, cnf_out);
}

enum status writer_seal_batch(struct writer *w, struct span array, struct span cnf, struct buf *con,
                              struct buf *cnf_out)
{
    return seal_message(w, array, true, cnf, con, cnf_out);
}

/* ---- letters ---- */

/* *gone: the vault refused the registration, and signed that: the time of a pair was over, or somebody else had begun
 * an epoch with it (another store of this device's), or the key was destroyed. No repetition helps. */
static enum reason post_one(struct session *s, const struct book_letter *l, bool *gone)
{
    struct ttp *t = ttps_find(&s->ttps, l->ttp);
    struct ttp_ack ack = {0};
    bool policy = span_eq(l->path, SPAN("/policy"));
    if (!t)
        return REASON_UNKNOWN_TTP;
    JUDGE(ttp_register(&s->ttps, t));
    enum reason r = ttp_send(&s->ttps, t, policy ? "/policy" : "/letter", l->body, &ack);
    *gone = !policy && ack.code[0] && strcmp(ack.code, "ok") != 0;
    return policy && strcmp(ack.code, "conflict") == 0 ? writer_policy_again(s, t, ack.version) : r;
}

bool writer_post(struct writer *w)
{
    struct session *s = w->s;
    struct arena mem;
    struct book_letter l;
    bool all = !w->cautious;
    if (!w->ttp)
        return true;
    heap_arena(&mem, WRITER_ARENA_BLOCK, WRITER_ARENA_MAX);
    for (int64_t at = 0; all && book_letter_next(s->book, at, &mem, &l) == OK; arena_reset(&mem)) {
        bool gone = false;
        enum reason r = post_one(s, &l, &gone);
        at = l.n;
        if (r == REASON_OK && span_eq(l.path, SPAN("/policy")))
            w->state++; /* ours is no news */
        if (gone && kid_eq(l.kid, writer_kid(w)))
            w->open = false; /* nobody might open what is sealed with it */
        all = (r == REASON_OK || gone) && book_letter_drop(s->book, l.n) == OK;
        if (r != REASON_OK)
            app_note(s->app, "%.*s %s: %s, %s", SPAN_FMT(l.path), all ? "is given up" : "waits", reason_code(r),
                     s->ttps.why);
    }
    arena_reset(&mem);
    return all;
}

struct span writer_kid(const struct writer *w)
{
    return span_of(w->kid, w->kid_n);
}

struct writer_last writer_last(const struct writer *w)
{
    return (struct writer_last){
        .kid = writer_kid(w), .sid = w->sid, .kc = w->ttp ? w->kc : NULL, .ep = w->ep, .i = w->last};
}
