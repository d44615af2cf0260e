/* esprim.c - see esprim.h. */
#include "app/esprim.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "esp/originator.h"
#include "esp/ring.h"
#include "host/heap.h"
#include "host/secret.h"
#include "m2m/prim_json.h"

enum { ARENA_BLOCK = 1 << 16, ARENA_MAX = 64 << 20, SIT_ASK = 3, SIT_GIVE = 4, SIT_OBJECT = 5, OUTER_MAX = 24 << 20 };

/* In locked memory. */
struct esprim_secret {
    struct esp_call call;
    uint8_t pair[ESP_PAIR_MAX];
};

struct esprim {
    struct talk *t;
    struct esprim_secret *secret;
    size_t pair_n;
    bool long_life; /* the next session */
    const char *kid;
    struct span csi, to; /* "/id-mn", "/id-mn/-" */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the key ---------------------------------------------------------------------------------------------- */

static const struct profile_pair *pair_of(const struct profile *p, struct span cse)
{
    for (size_t i = 0; i < p->pairs; i++)
        if (span_eq(p->pair[i].peer, cse))
            return &p->pair[i];
    return NULL;
}

static enum status take_key(struct esprim *e, struct span cse)
{
    struct app *app = e->t->app;
    const struct profile_pair *k = pair_of(e->t->p, cse);
    const char *why = NULL;
    if (!k)
        return APP_FAIL(app, ST_CONFIG, .what = app_fmt(app, "there is no key for requests to %.*s", SPAN_FMT(cse)),
                        .who = "this program", .kind = "profile", .object = e->t->p->path,
                        .todo = app_fmt(app, "add a section [esprim KID] with key-file= and peer=%.*s", SPAN_FMT(cse)));
    e->kid = k->kid;
    if (secret_key_file(k->key_file, ESP_PAIR_MIN, ESP_PAIR_MAX, e->secret->pair, &e->pair_n, &why) == OK)
        return ST_DONE;
    return APP_FAIL(app, ST_CONFIG, .what = app_fmt(app, "the key cannot be used: %s", why), .who = "this program",
                    .kind = "file", .object = k->key_file, .todo = "write it anew, mode 0600");
}

/* ---- the session ------------------------------------------------------------------------------------------ */

/* A clock that differs shows in a refusal; then ours lives as long as the receiver's. */
static enum err begin(struct esprim *e, struct span object, struct arena *a)
{
    uint8_t random[32];
    if (!object.n || RAND_bytes(random, sizeof random) != 1)
        return ERR_CRYPTO;
    return esp_call_begin(&e->secret->call, span_str(e->kid), span_of(e->secret->pair, e->pair_n), object, now_ms(),
                          e->long_life ? INT64_C(86400000) : ESPRIM_OWN_LIFE_MS, random, a);
}

static struct jval *parsed(const struct talk_answer *a, struct arena *mem)
{
    struct jval *v = NULL;
    return a->e == OK && a->rsc >= 2000 && a->rsc < 3000 && json_parse(talk_body(a), mem, &v, NULL) == OK ? v : NULL;
}

/* The first address of a discovery. */
static const char *first_found(struct esprim *e, const struct talk_answer *a, struct arena *mem)
{
    struct span text;
    struct jval *list = JSON_GET(parsed(a, mem), "m2m:uril");
    return list && list->child && json_str(list->child, mem, &text) == OK ? app_fmt(e->t->app, "%.*s", SPAN_FMT(text))
                                                                          : NULL;
}

static void read(struct esprim *e, const char *to, struct talk_answer *out)
{
    talk_m2m(e->t, &(struct talk_ask){.op = TALK_RETRIEVE, .to = span_str(to)}, out);
}

/* Where its attribute esi can be read: the registrar's own CSEBase, or the CSE's remoteCSE there. */
static const char *where_shown(struct esprim *e, struct arena *mem)
{
    const struct profile *p = e->t->p;
    struct talk_answer a;
    if (span_eq(e->csi, span_str(p->cse_id)))
        return app_fmt(e->t->app, "%s", p->base);
    read(e, app_fmt(e->t->app, "%s?fu=1&ty=16&csi=%%2F%.*s", p->base, SPAN_FMT(span_from(e->csi, 1))), &a);
    const char *found = first_found(e, &a, mem);
    talk_answer_free(&a);
    return found;
}

/* The shared object, when the registrar shows it to us. */
static bool begin_shared(struct esprim *e, struct arena *mem)
{
    struct talk_answer a;
    const char *at = where_shown(e, mem);
    if (!at)
        return false;
    read(e, at, &a);
    const struct jval *v = parsed(&a, mem), *esi = v && v->child ? JSON_GET(v->child, "esi") : NULL;
    const struct jval *object = esi ? JSON_GET(esi, "esro") : NULL;
    bool yes = object && begin(e, object->raw, mem) == OK;
    talk_answer_free(&a);
    return yes;
}

static enum status begin_unique(struct esprim *e, struct arena *mem)
{
    struct app *app = e->t->app;
    struct talk_answer a;
    uint64_t sit;
    talk_m2m(e->t, &(struct talk_ask){.op = TALK_NOTIFY, .to = e->to, .body = SPAN("{\"m2m:seci\":{\"sit\":3}}")}, &a);
    enum status st = talk_judge(app, &a, "the CSE gives no random object for a protected request", e->to);
    const struct jval *seci = st == ST_DONE ? JSON_GET(parsed(&a, mem), "m2m:seci") : NULL;
    const struct jval *object = seci ? JSON_GET(seci, "ero") : NULL;
    bool good = object && json_u64(JSON_GET(seci, "sit"), UINT8_MAX, &sit) == OK && sit == SIT_GIVE;
    enum err err = good ? begin(e, object->raw, mem) : ERR_SYNTAX;
    if (st == ST_DONE && err != OK)
        st = APP_FAIL(app, ST_FAILED,
                      .what = app_fmt(app, "no session can be begun with its random object: %s", err_text(err)),
                      .who = "the CSE that answered", .object = app_fmt(app, "%.*s", SPAN_FMT(e->to)),
                      .request = a.request, .todo = "check that its clock and this one agree");
    talk_answer_free(&a);
    return st;
}

static enum status begin_session(struct esprim *e)
{
    struct arena mem;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    enum status st = begin_shared(e, &mem) ? ST_DONE : begin_unique(e, &mem);
    arena_reset(&mem);
    return st;
}

enum status esprim_open(struct talk *t, struct span absolute, struct esprim **out)
{
    struct app *app = t->app;
    struct span rest = span_from(absolute, 2);
    size_t sp = 2 + span_find(rest, '/');
    struct span behind = span_from(absolute, sp + 1), cse = span_first(absolute, sp + 1 + span_find(behind, '/'));
    *out = NULL;
    struct esprim *e = calloc(1, sizeof *e);
    if (e)
        e->secret = secret_alloc(sizeof *e->secret);
    if (!e || !e->secret) {
        esprim_close(e);
        return APP_FAIL(app, ST_FAILED, .what = "memory for keys cannot be locked", .who = "the operating system",
                        .todo = "raise the limit: ulimit -l");
    }
    e->t = t;
    e->csi = span_str(app_fmt(app, "%.*s", SPAN_FMT(span_from(cse, sp))));
    bool home = span_eq(span_first(absolute, sp), span_str(t->p->sp));
    e->to = span_str(app_fmt(app, "%.*s/-", SPAN_FMT(home ? e->csi : cse)));
    enum status st = take_key(e, cse);
    if (st == ST_DONE)
        st = begin_session(e);
    if (st == ST_DONE)
        *out = e;
    else
        esprim_close(e);
    return st;
}

void esprim_close(struct esprim *e)
{
    if (!e)
        return;
    secret_free(e->secret);
    free(e);
}

/* ---- a request -------------------------------------------------------------------------------------------- */

/* The address as the receiver resolves it: below its CSE-ID. */
static struct span inner_to(const struct esprim *e, struct span to)
{
    const char *sp = e->t->p->sp;
    if (span_starts(to, SPAN("//")) && span_starts(to, span_str(sp)))
        to = span_from(to, strlen(sp));
    if (span_starts(to, e->csi) && to.n > e->csi.n && to.p[e->csi.n] == '/')
        to = span_from(to, e->csi.n + 1);
    return to;
}

static void put_inner(const struct esprim *e, const struct talk_ask *ask, const char *rqi, struct buf *out)
{
    struct prim p;
    char ty[16];
    struct jw w = jw_over(out);
    prim_init(&p);
    p.op = (uint8_t)(ask->op + OP_CREATE);
    prim_set(&p, PA_to, inner_to(e, ask->to));
    prim_set(&p, PA_fr, span_str(e->t->p->ae_id));
    prim_set(&p, PA_rqi, span_str(rqi));
    prim_set(&p, PA_rvi, SPAN("3"));
    if (ask->op == TALK_CREATE) {
        (void)snprintf(ty, sizeof ty, "%d", ask->ty);
        prim_set(&p, PA_ty, span_str(ty));
    }
    p.pc = ask->body;
    p.ser = SER_JSON;
    prim_put_request(&w, &p);
}

static enum err put_outer(struct esprim *e, struct span plain, struct buf *out)
{
    uint8_t iv[ESP_IV];
    if (RAND_bytes(iv, sizeof iv) != 1)
        return ERR_CRYPTO;
    buf_fmt(out, "{\"m2m:seci\":{\"sit\":%d,\"epo\":\"", SIT_OBJECT);
    TRY(esp_call_seal(&e->secret->call, iv, plain, out));
    buf_str(out, "\"}}");
    return out->e;
}

/* What the answer holds takes its place. */
static enum err open_answer(struct esprim *e, const char *rqi, struct talk_answer *a, struct arena *mem)
{
    struct span object, plain, rro;
    struct jval *v;
    struct prim p;
    struct buf out = heap_buf(OUTER_MAX);
    enum err err = json_str(JSON_GET(JSON_GET(parsed(a, mem), "m2m:seci"), "epo"), mem, &object);
    if (err == OK)
        err = verdict_go(esp_call_open(&e->secret->call, object, mem, &out, &plain, &rro)) ? OK : ERR_AUTH;
    if (err == OK)
        err = json_parse(plain, mem, &v, NULL);
    if (err == OK)
        err = prim_take_response(v, mem, &p);
    if (err == OK && !span_eq(prim_text(&p, PA_rqi), span_str(rqi)))
        err = ERR_AUTH; /* sealed for us, but the answer of another request */
    buf_wipe(&a->copy.body);
    if (err == OK) {
        a->rsc = p.rsc;
        buf_put(&a->copy.body, p.pc);
        err = a->copy.body.e;
    }
    if (out.cap)
        buf_wipe(&out);
    heap_buf_free(&out);
    return err;
}

static void ask_once(struct esprim *e, const struct talk_ask *ask, struct talk_answer *out, struct arena *mem)
{
    struct buf plain = heap_buf(OUTER_MAX), outer = heap_buf(OUTER_MAX);
    char rqi[TALK_RQI_MAX];
    (void)snprintf(rqi, sizeof rqi, "%s-i%llu", e->t->prefix, (unsigned long long)++e->t->calls);
    *out = (struct talk_answer){0};
    put_inner(e, ask, rqi, &plain);
    out->e = plain.e == OK ? put_outer(e, buf_span(&plain), &outer) : plain.e;
    if (out->e == OK) {
        talk_m2m(e->t, &(struct talk_ask){.op = TALK_NOTIFY, .to = e->to, .body = buf_span(&outer)}, out);
        if (out->e == OK && out->rsc >= 2000 && out->rsc < 3000)
            out->e = open_answer(e, rqi, out, mem);
    }
    if (plain.cap)
        buf_wipe(&plain);
    heap_buf_free(&plain);
    heap_buf_free(&outer);
}

void esprim_ask(struct esprim *e, const struct talk_ask *ask, struct talk_answer *out)
{
    for (unsigned n = 1;; n++) {
        struct arena mem;
        heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
        heap_arena_wipes(&mem);
        ask_once(e, ask, out, &mem);
        arena_reset(&mem);
        bool forgotten = out->e == OK &&
                         (out->rsc == RSC_ESPRIM_UNKNOWN_ORIG_RAND_ID || out->rsc == RSC_ESPRIM_UNKNOWN_RECV_RAND_ID);
        if (!forgotten || n == ESPRIM_TRIES)
            return;
        struct arena fresh;
        e->long_life = true;
        heap_arena(&fresh, ARENA_BLOCK, ARENA_MAX);
        enum status st = begin_unique(e, &fresh);
        arena_reset(&fresh);
        if (st != ST_DONE)
            return; /* the fault was said; the answer is the refusal */
        talk_answer_free(out);
    }
}
