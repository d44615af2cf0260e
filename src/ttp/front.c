/* The front's answers, and its messages. */
#include "ttp/front.h"

#include "base/code.h"
#include "wire/json.h"

#include <string.h>

void front_reply(struct front *f, struct http_req *r, int status, const char *media, struct span fields,
                 struct span body)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    buf_fmt(&b, "Content-Type: %s\r\nCache-Control: no-store\r\n", media);
    if (f->has_nonce) {
        buf_str(&b, "Oneseal-Nonce: ");
        b64url_put(&b, span_of(f->nonce, FRONT_NONCE));
        buf_str(&b, "\r\n");
    }
    buf_put(&b, fields);
    http_reply(r, &(struct http_answer){.status = status, .fields = buf_span(&b), .body = body});
}

void front_error(struct front *f, struct http_req *r, int status, const char *code, const char *what, const char *todo)
{
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_STR(&w, "code", span_str(code));
    JW_STR(&w, "what", span_str(what));
    JW_STR(&w, "who", span_str(f->fqdn));
    JW_STR(&w, "object", SPAN("request"));
    JW_STR(&w, "do", span_str(todo));
    jw_end_obj(&w);
    front_reply(f, r, status, "application/json", SPAN_NONE, buf_span(&b));
}

void front_retry_put(struct buf *fields, const struct msg_ANSWER *m)
{
    uint8_t memory[8192];
    struct arena a;
    struct jval *doc;
    uint64_t seconds;
    if (m->status != 429 || m->type != TYPE_ERROR)
        return;
    arena_over(&a, memory, sizeof memory);
    if (json_parse(m->body, &a, &doc, NULL) == OK && json_u64(JSON_GET(doc, "retry"), UINT32_MAX, &seconds) == OK)
        buf_fmt(fields, "Retry-After: %llu\r\n", (unsigned long long)seconds);
}

void front_peer(const struct http_req *r, struct buf *b)
{
    for (uint8_t i = 0; r->peer && i < r->peer->n; i++) {
        buf_put(b, tls_name_span(&r->peer->name[i]));
        buf_c(b, '\n');
    }
}

struct front_ask *front_take(struct front *f, struct http_req *r)
{
    for (size_t i = 0; i < TTP_ASKS_MAX; i++) {
        uint64_t id = f->next_id++;
        struct front_ask *a = &f->ask[id % TTP_ASKS_MAX];
        if (a->used)
            continue;
        *a = (struct front_ask){.id = id, .used = true, .req = r};
        return a;
    }
    if (r)
        front_error(f, r, 503, "ttp-unreachable", "too many requests are under way", "try again in a moment");
    return NULL;
}

/* In the form that the face wants, as if the vault had answered. */
static void answer_sealed(struct front *f, struct front_ask *a)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_STR(&w, "code", SPAN("ttp-sealed"));
    JW_STR(&w, "what", buf_span(&f->sealed_what));
    JW_STR(&w, "who", span_str(f->fqdn));
    JW_STR(&w, "object", SPAN("request"));
    JW_STR(&w, "do", buf_span(&f->sealed_todo));
    jw_end_obj(&w);
    struct msg_ANSWER m = {.id = a->id, .status = 503, .rsc = 5000, .type = TYPE_ERROR, .body = buf_span(&b)};
    a->used = false;
    if (a->req && a->m2m.here)
        front_m2m_answer(f, a, &m);
    else if (a->req)
        front_reply(f, a->req, m.status, "application/json", SPAN_NONE, m.body);
}

void front_ask(struct front *f, struct front_ask *a, enum ttp_kind kind, uint8_t base, struct span body)
{
    uint8_t names[TTP_PEER_MAX + 16];
    struct buf b = BUF_ARRAY(names);
    if (f->sealed) {
        answer_sealed(f, a);
        return;
    }
    if (a->req)
        front_peer(a->req, &b);
    msg_put_ASK(&f->ledger.out, &(struct msg_ASK){.id = a->id,
                                                  .kind = (uint8_t)kind,
                                                  .base = base,
                                                  .peer = b.e == OK ? buf_span(&b) : SPAN_NONE,
                                                  .body = body});
    front_flush(f);
}
