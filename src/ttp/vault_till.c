/* The vault's side of the tellers: opening what they tell, wrapping what they are paid. */
#include "ttp/vault_own.h"

#include "host/heap.h"

#include <stdlib.h>
#include <string.h>

enum { TILL_ID = 62 }; /* keeps the ids of the hall apart from those of front and parent */

enum err vault_till_start(struct vault *v)
{
    uint8_t text[512];
    struct buf b = BUF_ARRAY(text);
    if (!v->conf.to_hall)
        return OK;
    TRY(p256_new(&v->tills.key));
    TRY(esd_random(v->tills.blind, sizeof v->tills.blind));
    p256_put(&b, v->tills.key);
    TRY(b.e);
    msg_put_TILL_KEY(v->conf.to_hall, &(struct msg_TILL_KEY){.jwk = buf_span(&b)});
    return v->conf.to_hall->e;
}

void vault_till_free(struct vault *v)
{
    p256_free(v->tills.key);
    wipe(v->tills.blind, sizeof v->tills.blind);
}

bool vault_till_only(enum ttp_kind k)
{
    return k == KIND_PSK || k == KIND_PLAIN_CREATE;
}

/* What a teller may ask for: its own kinds, the oneM2M face, and whatever is signed. */
static bool by_till(unsigned k)
{
    static const bool may[KIND__N] = {
        [KIND_PSK] = true,        [KIND_PLAIN_CREATE] = true, [KIND_SKR_GET] = true, [KIND_SKR_UPDATE] = true,
        [KIND_SKR_DELETE] = true, [KIND_REG_CREATE] = true,   [KIND_REG_GET] = true, [KIND_REG_CFG] = true,
        [KIND_REG_UPDATE] = true, [KIND_REG_DELETE] = true,   [KIND_NONCE] = true,   [KIND_BUNDLE] = true,
        [KIND_CLIENT] = true,     [KIND_LETTER] = true,       [KIND_KEY] = true,     [KIND_RELEASE] = true,
        [KIND_POLICY] = true,     [KIND_POLL] = true,
    };
    return k < KIND__N && may[k];
}

struct span vault_till_request(const struct vault_ask *a)
{
    static const char *const path[KIND__N] = {
#define KIND(name, method, path, cert, letter) [KIND_##name] = (path),
#include "ttp/kind.def"
#undef KIND
    };
    return a->till && !path[a->kind] ? a->till->tell : a->body;
}

static void no_request(struct vault *v, uint64_t id)
{
    msg_put_PAY(v->conf.to_hall, &(struct msg_PAY){.id = id});
}

/* Everything that was decrypted is in the ask's arena, which is overwritten. */
static enum err read_tell(struct vault *v, struct vault_ask *a, const struct msg_TOLD *m)
{
    struct till_ask q;
    uint8_t *room = arena_alloc(&a->mem, m->box.n + 1); /* the plaintext is shorter than its box */
    struct vault_till *t = ARENA_NEW(&a->mem, struct vault_till);
    if (!room || !t)
        return ERR_NOMEM;
    struct buf plain = buf_over(room, m->box.n);
    t->id = m->id;
    t->tell = arena_dup(&a->mem, m->box);
    TRY(till_open(v->tills.key, SPAN_NONE, m->box, &a->mem, &plain));
    TRY(till_ask_get(buf_span(&plain), &q));
    if (!by_till(q.kind) || p256_read_text(q.epk, &a->mem, &t->epk) != REASON_OK)
        return ERR_SYNTAX;
    a->till = t;
    a->kind = (enum ttp_kind)q.kind;
    a->base = q.base;
    a->peer = q.peer;
    a->body = q.body;
    return arena_ok(&a->mem) ? OK : ERR_NOMEM;
}

enum err vault_till_told(struct vault *v, const struct msg_TOLD *m, struct vault_ask **out)
{
    *out = NULL;
    if (!v->tills.key || m->box.n > TILL_BOX_MAX) {
        no_request(v, m->id);
        return OK;
    }
    struct vault_ask *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_NOMEM;
    heap_arena(&a->mem, 8192, VAULT_ASK_MEMORY);
    heap_arena_wipes(&a->mem);
    a->id = (uint64_t)1 << TILL_ID | m->id;
    a->asked_at = v->commits;
    a->space = v->tills.space;
    enum err e = read_tell(v, a, m);
    if (e == OK) {
        *out = a;
        return OK;
    }
    no_request(v, m->id);
    vault_till_end(a);
    arena_reset(&a->mem);
    free(a);
    return OK;
}

void vault_till_pay(struct vault *v, struct vault_ask *a, const struct till_answer *answer)
{
    struct buf box = heap_buf(TILL_BOX_MAX), plain = heap_buf(TILL_PLAIN_MAX);
    till_answer_put(&plain, answer);
    enum err e = plain.e == OK ? till_wrap(a->till->epk, a->till->tell, buf_span(&plain), &box) : plain.e;
    msg_put_PAY(v->conf.to_hall, &(struct msg_PAY){.id = a->till->id, .box = e == OK ? buf_span(&box) : SPAN_NONE});
    buf_wipe(&plain);
    heap_buf_free(&plain);
    heap_buf_free(&box);
}

void vault_till_end(struct vault_ask *a)
{
    if (a->till)
        p256_free(a->till->epk);
}

bool vault_till_may(const struct vault_ask *a, const struct row *row)
{
    if (!a->till)
        return false;
    return VAULT_CLASS(row->klass == ROW_PLAIN_CLASS || (row->klass == ROW_SEALED_CLASS && row->plain == 1));
}

bool vault_till_changes(const struct vault_ask *a, const struct row *row)
{
    return !a->till || row->klass == ROW_PLAIN_CLASS;
}

enum err vault_till_leaf(struct vault *v, struct vault_ask *a, const struct row *row, struct span to)
{
    uint8_t text[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", vault_now_s(v));
    JW_STR(&w, "op", SPAN("plain"));
    JW_STR(&w, "iss", to);
    JW_STR(&w, "kid", row->kid);
    JW_STR(&w, "class", row->klass == ROW_PLAIN_CLASS ? SPAN("plain") : SPAN("sealed"));
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}
