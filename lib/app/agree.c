/* agree.c - see agree.h. */
#include "app/agree.h"

#include <time.h>

#include "base/code.h"
#include "host/heap.h"
#include "wire/json.h"

enum {
    PEM_MAX = 1 << 20,
    ARENA_BLOCK = 1 << 16,
    ARENA_MAX = 4 << 20,
    SIT_AGREE = 6,
    BODY_MAX = CERTKE_MESSAGE_MAX * 2
};

/* One agreement under way. */
struct agreeing {
    struct talk *t;
    struct certke h;
    struct span cse, to; /* "//demo.example/id-mn", "/id-mn/-" */
    uint8_t in[CERTKE_MESSAGE_MAX], out[CERTKE_MESSAGE_MAX];
    size_t in_n;
};

static enum status context(struct talk *t, struct certke_ctx **ctx)
{
    const struct profile *p = t->p;
    const char *files[] = {p->certificate, p->key_file, p->ca};
    const char *why = "[tls] names no certificate, key-file or ca";
    struct buf pem[3] = {heap_buf(PEM_MAX), heap_buf(PEM_MAX), heap_buf(PEM_MAX)};
    enum err e = OK;
    *ctx = NULL;
    for (size_t i = 0; i < LEN(files) && e == OK; i++)
        e = files[i] ? file_read(files[i], &pem[i]) : ERR_CONFIG;
    if (e == OK)
        e = certke_ctx_new(buf_span(&pem[0]), buf_span(&pem[1]), buf_span(&pem[2]), ctx, NULL, &why);
    else if (e != ERR_CONFIG)
        why = "a file of [tls] cannot be read";
    buf_wipe(&pem[1]);
    for (size_t i = 0; i < LEN(pem); i++)
        heap_buf_free(&pem[i]);
    return e == OK ? ST_DONE
                   : APP_FAIL(t->app, ST_CONFIG, .what = app_fmt(t->app, "no key can be agreed: %s", why),
                              .who = "this program", .kind = "profile", .object = p->path,
                              .todo = "set certificate, key-file and ca in [tls]");
}

/* A sentence for what the handshake says. */
static const char *sentence(enum err e)
{
    return e == ERR_AUTH          ? "its certificate or its part of the handshake does not verify"
           : e == ERR_UNSUPPORTED ? "it does not speak TLS 1.2 with ECDHE_ECDSA and extended master secret"
                                  : "its message is not the one that is due";
}

static enum status fail(struct agreeing *g, enum status st, const char *why, const char *request)
{
    struct app *app = g->t->app;
    return APP_FAIL(app, st, .what = app_fmt(app, "no key was agreed: %s", why), .who = "this program",
                    .object = app_fmt(app, "%.*s", SPAN_FMT(g->cse)), .request = request,
                    .todo = "check the certificate of that CSE and its section [escertke]");
}

/* eckm of the answer into g->in. */
static enum err take_message(struct agreeing *g, const struct talk_answer *a, struct arena *mem)
{
    struct jval *v;
    struct span text;
    struct buf in = BUF_ARRAY(g->in);
    TRY(json_parse(talk_body(a), mem, &v, NULL));
    TRY(json_str(JSON_GET(JSON_GET(v, "m2m:seci"), "eckm"), mem, &text));
    TRY(b64_get(text, &in));
    g->in_n = in.n;
    return OK;
}

/* Our next message there, the answer's back. */
static enum status exchange(struct agreeing *g)
{
    static const char FAILED[] = "that CSE agrees no key";
    struct buf message = BUF_ARRAY(g->out), body = heap_buf(BODY_MAX);
    enum err e = certke_step(&g->h, span_of(g->in, g->in_n), &message);
    if (e != OK)
        return fail(g, e == ERR_AUTH ? ST_REFUSED : ST_FAILED, sentence(e), NULL);
    struct arena mem;
    struct talk_answer a;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    buf_fmt(&body, "{\"m2m:seci\":{\"sit\":%d,\"eckm\":\"", SIT_AGREE);
    b64_put(&body, buf_span(&message));
    buf_str(&body, "\"}}");
    talk_m2m(g->t, &(struct talk_ask){.op = TALK_NOTIFY, .to = g->to, .body = buf_span(&body)}, &a);
    enum status st = talk_judge(g->t->app, &a, FAILED, g->to);
    if (st == ST_DONE && take_message(g, &a, &mem) != OK)
        st = fail(g, ST_FAILED, "the answer holds no ESCertKE message", a.request);
    talk_answer_free(&a);
    arena_reset(&mem);
    heap_buf_free(&body);
    return st;
}

/* The other end proved to be somebody; is it the CSE that was meant? */
static enum status take_result(struct agreeing *g, struct agreed *out)
{
    const struct profile *p = g->t->p;
    const struct self me = {span_str(p->sp), span_str(p->cse_id), span_str(p->base)};
    struct buf none = BUF_ARRAY(g->out), kid = buf_over(out->kid, sizeof out->kid);
    struct certke_result res;
    enum err e = certke_step(&g->h, span_of(g->in, g->in_n), &none);
    if (e == OK)
        e = certke_result(&g->h, &res);
    if (e != OK)
        return fail(g, e == ERR_AUTH ? ST_REFUSED : ST_FAILED, sentence(e), NULL);
    struct id who = id_parse(g->cse, &me);
    bool right = certke_is(&res, &who, &me);
    if (right) {
        hex_put_upper(&kid, span_of(res.id, CERTKE_ID));
        buf_nul(&kid);
        for (size_t i = 0; i < CERTKE_KEY; i++)
            out->key[i] = res.key[i];
    }
    wipe(&res, sizeof res);
    return right ? ST_DONE : fail(g, ST_REFUSED, "the other end's certificate names somebody else", NULL);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum status agree_key(struct talk *t, struct span cse, struct agreed *out)
{
    struct certke_ctx *ctx;
    struct agreeing g = {.t = t, .cse = cse};
    struct span sp = span_str(t->p->sp);
    bool home = span_starts(cse, sp) && cse.n > sp.n && cse.p[sp.n] == '/';
    g.to = span_str(app_fmt(t->app, "%.*s/-", SPAN_FMT(home ? span_from(cse, sp.n) : cse)));
    enum status st = context(t, &ctx);
    if (st != ST_DONE)
        return st;
    if (certke_begin(ctx, true, now_ms(), &g.h) != OK)
        st = fail(&g, ST_FAILED, "no handshake can be begun", NULL);
    if (st == ST_DONE)
        st = exchange(&g);
    if (st == ST_DONE)
        st = exchange(&g);
    if (st == ST_DONE)
        st = take_result(&g, out);
    certke_free(&g.h);
    certke_ctx_free(ctx);
    return st;
}
