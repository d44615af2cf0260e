/* One message of `oneseal put`: as contentInstance, timeSeriesInstance or attribute of a flexContainer. */
#include <errno.h>
#include <time.h>

#include "base/m2mtime.h"
#include "cli/put.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum { BODY_MAX = 20 << 20, NAME_MAX_ = 4096, RETRY_MS = 300, TY_CIN = 4, TY_TSI = 30 };

static void pause_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* ---- bodies ---- */

static void put_value(struct jw *w, struct span name, struct span con, bool text)
{
    jw_name(w, name);
    if (text)
        jw_str(w, con);
    else
        jw_raw(w, con);
}

/* text: con is the octets of a string, otherwise JSON. */
static void put_body(struct put *p, struct span con, struct span cnf, bool text, const char *rn)
{
    static const struct span root[] = {
        [PUT_CIN] = {(const uint8_t *)"m2m:cin", 7}, [PUT_TSI] = {(const uint8_t *)"m2m:tsi", 7}};
    struct jw w = jw_over(&p->body);
    uint8_t when[32];
    struct buf dgt = BUF_ARRAY(when);
    buf_reset(&p->body);
    jw_obj(&w);
    jw_name(&w, p->as == PUT_FCNT ? p->root : root[p->as]);
    jw_obj(&w);
    if (rn)
        JW_STR(&w, "rn", span_str(rn));
    if (p->as == PUT_CIN && cnf.n)
        JW_STR(&w, "cnf", cnf);
    if (p->as == PUT_TSI) {
        int64_t now = ttp_now_ms();
        p->dgt_ms = now > p->dgt_ms ? now : p->dgt_ms + 1; /* a timeSeries has one instance of each time */
        m2mtime_put_us(&dgt, p->dgt_ms);
        JW_STR(&w, "dgt", buf_span(&dgt));
    }
    put_value(&w, p->as == PUT_FCNT ? p->attribute : SPAN("con"), con, text);
    jw_end_obj(&w);
    jw_end_obj(&w);
}

static enum status build(struct put *p, struct span json, const char *rn)
{
    struct span cnf = span_str(p->cnf);
    if (!p->w) {
        put_body(p, json, cnf, false, rn);
        return ST_DONE;
    }
    buf_reset(&p->con);
    buf_reset(&p->cnf_out);
    enum status st = p->batch ? writer_seal_batch(p->w, json, cnf, &p->con, &p->cnf_out)
                              : writer_seal(p->w, json, cnf, &p->con, &p->cnf_out);
    if (st == ST_DONE)
        put_body(p, buf_span(&p->con), buf_span(&p->cnf_out), true, rn);
    return st;
}

/* ---- sending ---- */

/* Sends until there is an answer, for at most retry_ms. A name makes this safe: 4105 to a repeated request
 * means that the first one was stored. */
static void send_body(struct put *p, struct talk_answer *a)
{
    static const int ty[] = {[PUT_CIN] = TY_CIN, [PUT_TSI] = TY_TSI, [PUT_FCNT] = 0};
    struct talk_ask ask = {
        .op = p->as == PUT_FCNT ? TALK_UPDATE : TALK_CREATE, .to = p->to, .ty = ty[p->as], .body = buf_span(&p->body)};
    int64_t until = ttp_now_ms() + p->retry_ms;
    bool again = false;
    for (;; again = true) {
        session_ask(&p->s, &ask, a);
        if (again && a->e == OK && a->rsc == RSC_CONFLICT)
            a->rsc = RSC_CREATED;
        bool settled = a->e == OK && a->rsc < 5000;
        if (settled || ttp_now_ms() >= until)
            return;
        talk_answer_free(a);
        pause_ms(RETRY_MS);
    }
}

static enum status print_stored(struct put *p, const struct talk_answer *a, const char *rn, uint64_t readings)
{
    struct cli *c = cli_of(p->s.app);
    p->stored++;
    if (!c->json)
        return c->quiet ? ST_DONE : cli_out_line(c, rn ? span_str(rn) : talk_body(a));
    struct buf b = heap_buf(BODY_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "n", p->stored);
    JW_U64(&w, "rsc", (uint64_t)a->rsc);
    JW_STR(&w, "request", span_str(a->request));
    if (rn)
        JW_STR(&w, "rn", span_str(rn));
    if (p->w)
        JW_STR(&w, "kid", writer_kid(p->w));
    if (p->batch)
        JW_U64(&w, "readings", readings);
    if (talk_body(a).n && json_check(talk_body(a), NULL) == OK) {
        JW_NAME(&w, "resource");
        jw_raw(&w, talk_body(a));
    }
    jw_end_obj(&w);
    enum status st = cli_out_line(c, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

enum status put_send(struct put *p, struct span json, uint64_t readings)
{
    char name[NAME_MAX_];
    if (p->rn)
        (void)snprintf(name, sizeof name, "%s%llu", p->rn, (unsigned long long)p->stored + 1);
    const char *rn = p->rn ? name : NULL;
    enum status st = build(p, json, rn);
    if (st != ST_DONE)
        return st;
    struct talk_answer a;
    if (p->w && writer_head_sealed(p->h, buf_span(&p->con)) != OK)
        return app_fail_file(p->s.app, ERR_IO, "the store cannot be written", p->s.p.store);
    send_body(p, &a);
    st = talk_judge(p->s.app, &a, "the reading is not stored", p->to);
    if (st != ST_DONE)
        writer_head_lost(p->h);
    if (st == ST_DONE)
        st = print_stored(p, &a, rn, readings);
    talk_answer_free(&a);
    if (p->w)
        (void)writer_post(p->w); /* what does not go now goes with the next reading, or at the end */
    (void)writer_head_post(p->h, false);
    return st;
}
