/* Polls: a writer asks, under its own nonce, whether anything changed (e2e.md 7). Answered at once; the waiting of a
 * long poll is the writer's, so that no request is held in the vault. */
#include "host/heap.h"
#include "ttp/vault_own.h"

#include <string.h>

struct own {
    struct poll p;
};

static void poll_find(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    for (size_t i = 0; i < o->p.n; i++)
        vault_find_stream(v, a, i, o->p.iss, o->p.streams[i].sid, span_str(v->fqdn));
}

static enum err poll_read_ask(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    a->own = o;
    enum reason r = poll_read(a->body, &a->mem, &a->jws, &o->p);
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    if (!vault_signed_by(v, a, o->p.iss, NULL))
        return OK;
    a->n_need = o->p.n;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, a->n_need);
    if (!a->need)
        return ERR_NOMEM;
    poll_find(v, a);
    return OK;
}

static enum err poll_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct poll_answer r = {
        .t_ms = (uint64_t)v->conf.now_ms(v->conf.ctx), .state = v->changes, .streams = o->p.streams, .n = o->p.n};
    struct buf out = heap_buf(VAULT_ANSWER_MAX);
    memcpy(r.req, a->req, ESD_HASH);
    for (size_t i = 0; i < o->p.n; i++)
        o->p.streams[i].ep = a->need[i].ep;
    enum err e = poll_answer_build(&r, v->release, span_str(v->release_kid), &v->scratch, &out);
    if (e == OK)
        vault_reply(v, a, 200, TYPE_JOSE, buf_span(&out), SPAN_NONE);
    buf_wipe(&v->scratch);
    heap_buf_free(&out);
    return e;
}

const struct vault_kind vault_kind_poll = {.read = poll_read_ask, .decide = poll_decide, .find = poll_find};
