#include "cse/esprim_agree.h"

#include <stdlib.h>
#include <string.h>

#include "base/code.h"
#include "cse/esprim_own.h"
#include "esp/certke.h"
#include "host/heap.h"

enum {
    SIT_AGREE = 6,
    DER_MAX = 4096,
    NAMES_BLOCK = 4096,
    NAMES_MEM = 1 << 20,
    TEXT_MAX = CERTKE_MESSAGE_MAX / 3 * 4 + 4
};

struct pending {
    struct certke h;
    int64_t until;
    uint16_t n;
    uint8_t from[ID_MAX]; /* absolute */
};
struct esprim_agree {
    struct certke_ctx *ctx;
    int64_t life;
    struct arena mem;
    struct span *initiator;
    size_t n;
    uint8_t der[DER_MAX];
    size_t der_n;
    struct pending pending[AGREE_PENDING_MAX]; /* under the lock of struct esprim */
};

enum err esprim_agree_new(struct esprim *m, const struct esprim_agree_conf *conf, const char **why)
{
    struct esprim_agree *g = calloc(1, sizeof *g);
    *why = NULL;
    if (!g)
        return ERR_NOMEM;
    m->agree = g;
    if (conf->n_initiators > AGREE_INITIATORS_MAX)
        return ERR_LIMIT;
    heap_arena(&g->mem, NAMES_BLOCK, NAMES_MEM);
    g->life = conf->life;
    g->initiator = ARENA_ARRAY(&g->mem, struct span, conf->n_initiators + 1);
    for (; g->initiator && g->n < conf->n_initiators; g->n++)
        g->initiator[g->n] = arena_dup(&g->mem, conf->initiators[g->n]);
    struct buf der = BUF_ARRAY(g->der);
    TRY(arena_ok(&g->mem) ? OK : ERR_NOMEM);
    TRY(certke_ctx_new(conf->cert, conf->key, conf->ca, &g->ctx, &der, why));
    g->der_n = der.n;
    return OK;
}

void esprim_agree_free(struct esprim *m)
{
    struct esprim_agree *g = m->agree;
    if (!g)
        return;
    for (size_t i = 0; i < AGREE_PENDING_MAX; i++)
        certke_free(&g->pending[i].h);
    certke_ctx_free(g->ctx);
    arena_reset(&g->mem);
    free(g);
    m->agree = NULL;
}

struct span esprim_agree_cert(const struct esprim *m)
{
    return m->agree ? span_of(m->agree->der, m->agree->der_n) : SPAN_NONE;
}

/* ---- handshakes under way ---------------------------------------------------------------------------------- */

/* The peer's, out of the table; `ssl` NULL: it has none. */
static struct certke take(struct esprim *m, struct span from, int64_t now)
{
    struct certke h = {0};
    esprim_lock(m);
    for (size_t i = 0; i < AGREE_PENDING_MAX; i++) {
        struct pending *p = &m->agree->pending[i];
        if (!p->h.ssl || p->until <= now || !span_eq(span_of(p->from, p->n), from))
            continue;
        h = p->h;
        p->h = (struct certke){0};
        break;
    }
    esprim_unlock(m);
    return h;
}

/* Into the table; false: it is full. */
static bool keep(struct esprim *m, struct span from, const struct certke *h, int64_t now)
{
    struct pending *place = NULL;
    esprim_lock(m);
    for (size_t i = 0; i < AGREE_PENDING_MAX && !place; i++)
        if (!m->agree->pending[i].h.ssl)
            place = &m->agree->pending[i];
    if (place) {
        place->h = *h;
        place->until = now + AGREE_PENDING_MS;
        place->n = (uint16_t)from.n;
        memcpy(place->from, from.p, from.n);
    }
    esprim_unlock(m);
    return place != NULL;
}

void esprim_agree_sweep(struct esprim *m, int64_t now)
{
    for (size_t i = 0; m->agree && i < AGREE_PENDING_MAX; i++) {
        struct pending *p = &m->agree->pending[i];
        struct certke old = {0};
        esprim_lock(m);
        if (p->h.ssl && p->until <= now) {
            old = p->h;
            p->h = (struct certke){0};
        }
        esprim_unlock(m);
        certke_free(&old);
    }
}

/* ---- a message --------------------------------------------------------------------------------------------- */

static bool allowed(const struct run *r, const struct esprim_agree *g)
{
    for (size_t i = 0; i < g->n; i++) {
        struct id who = id_parse(g->initiator[i], &r->c->conf.self);
        if (id_same(&who, &r->q->from))
            return true;
    }
    return false;
}

static enum says refuse_step(struct run *r, enum err e)
{
    if (e == ERR_AUTH)
        return refuse(r, RSC_ORIGINATOR_NOT_AUTHENTICATED, SPAN("eckm"),
                      "the certificate or the handshake of the initiating end does not verify (TS-0003 8.7)");
    if (e == ERR_UNSUPPORTED)
        return refuse(r, RSC_BAD_REQUEST, SPAN("eckm"),
                      "offers no TLS 1.2 with ECDHE_ECDSA and extended master secret (TS-0003 8.7, RFC 7627)");
    return e == ERR_SYNTAX || e == ERR_LIMIT ? refuse(r, RSC_BAD_REQUEST, SPAN("eckm"),
                                                      "is not the message of the handshake that is due (TS-0003 8.7)")
                                             : oops(r, e);
}

/* What both ends have now: whoever From names must be whom the certificate names. */
static struct verdict agreed(struct run *r, const struct certke *h, struct span from)
{
    struct esprim *m = r->c->conf.esprim;
    struct certke_result res;
    uint8_t room[CERTKE_ID_TEXT];
    struct buf kid = BUF_ARRAY(room);
    enum err e = certke_result(h, &res);
    bool right = e == OK && certke_is(&res, &r->q->from, &r->c->conf.self);
    if (right) {
        hex_put_upper(&kid, span_of(res.id, CERTKE_ID));
        esprim_lock(m);
        e = esp_ring_agree(&m->ring, buf_span(&kid), from, span_of(res.key, CERTKE_KEY), r->now,
                           r->now + m->agree->life);
        esprim_unlock(m);
    }
    wipe(&res, sizeof res);
    if (e != OK)
        return verdict_of(RSC_INTERNAL_SERVER_ERROR, SPAN("eckm"),
                          e == ERR_FULL ? "too many agreed keys are in use" : "the key cannot be kept");
    return right ? VERDICT_GO
                 : verdict_of(RSC_ORIGINATOR_NOT_AUTHENTICATED, SPAN("fr"),
                              "is not whom the certificate of the handshake names (TS-0003 8.7)");
}

/* The handshake is whoever's calls it, until it is kept. */
static enum says go_on(struct run *r, struct certke *h, struct span from, struct span in, struct buf *out)
{
    struct esprim *m = r->c->conf.esprim;
    enum err e = certke_step(h, in, out);
    if (e != OK)
        return refuse_step(r, e);
    if (certke_done(h)) {
        struct verdict v = agreed(r, h, from);
        return verdict_go(v) ? MORE : refuse_verdict(r, v);
    }
    struct certke old = take(m, from, r->now);
    certke_free(&old);
    if (!keep(m, from, h, r->now))
        return refuse(r, RSC_INTERNAL_SERVER_ERROR, SPAN("eckm"),
                      "too many key agreements are under way; try again later");
    *h = (struct certke){0};
    return MORE;
}

static enum says answer(struct run *r, struct span message)
{
    struct text t;
    text_init(&t, r->a);
    buf_fmt(&t.b, "{\"m2m:seci\":{\"sit\":%d,\"eckm\":\"", SIT_AGREE);
    b64_put(&t.b, message);
    buf_str(&t.b, "\"}}");
    STEP_TRY(r, t.b.e);
    view_answer(r, RSC_OK, buf_span(&t.b));
    return DONE;
}

static enum says hear(struct run *r, struct span in)
{
    struct esprim *m = r->c->conf.esprim;
    struct certke h = {0};
    struct text from;
    uint8_t room[CERTKE_MESSAGE_MAX];
    struct buf out = BUF_ARRAY(room);
    text_init(&from, r->a);
    id_put_absolute(&from.b, &r->q->from);
    if (from.b.e != OK || from.b.n > ID_MAX)
        return oops(r, from.b.e != OK ? from.b.e : ERR_RANGE);
    if (certke_is_first(in))
        STEP_TRY(r, certke_begin(m->agree->ctx, false, r->now, &h));
    else
        h = take(m, buf_span(&from.b), r->now);
    if (!h.ssl)
        return refuse(r, RSC_BAD_REQUEST, SPAN("eckm"),
                      "begins no handshake, and none of this originator is under way (TS-0003 8.7)");
    enum says say = go_on(r, &h, buf_span(&from.b), in, &out);
    certke_free(&h);
    return say == MORE ? answer(r, buf_span(&out)) : say;
}

enum says esprim_agree_hear(struct run *r)
{
    const struct esprim_agree *g = r->c->conf.esprim->agree;
    struct span text;
    uint8_t *room = arena_alloc(r->a, CERTKE_MESSAGE_MAX);
    if (!g)
        return refuse(r, RSC_BAD_REQUEST, SPAN("sit"), "this CSE agrees no keys by certificates");
    if (!allowed(r, g))
        return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                      "is not among those who may agree keys with this CSE (TS-0003 8.7)");
    if (!room)
        return oops(r, ERR_NOMEM);
    struct buf in = buf_over(room, CERTKE_MESSAGE_MAX);
    if (json_str(JSON_GET(r->q->content, "eckm"), r->a, &text) != OK || text.n > TEXT_MAX || b64_get(text, &in) != OK)
        return refuse(r, RSC_BAD_REQUEST, SPAN("eckm"), "is missing, no base64 or too long (TS-0004 6.3.5.48)");
    return hear(r, buf_span(&in));
}
