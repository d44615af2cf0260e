/* The oneM2M bases at the network: what came is handed on, what the vault made of it is sent back (vault_m2m.h). */
#include "ttp/front.h"

#include "host/heap.h"
#include "ttp/m2mroute.h"

#include <string.h>

static void keep(char *to, size_t cap, uint16_t *n, struct span s)
{
    *n = (uint16_t)(s.n < cap ? s.n : 0);
    memcpy(to, s.p ? (const void *)s.p : "", *n);
}

/* `m`: the vault's answer, or NULL when the front itself refuses. */
static void reply(struct front *f, struct http_req *r, int status, unsigned rsc, struct span ri, const char *media,
                  struct span body, const struct msg_ANSWER *m)
{
    uint8_t head[512];
    struct buf h = BUF_ARRAY(head);
    m2mroute_fields(&h, rsc, ri);
    if (m)
        front_retry_put(&h, m);
    front_reply(f, r, status, media, h.e == OK ? buf_span(&h) : SPAN_NONE, body);
}

static void refuse(struct front *f, struct http_req *r, const struct m2mroute_wrong *wrong)
{
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_STR(&w, "code", wrong->rsc == 4106 ? SPAN("refused") : SPAN("malformed"));
    JW_STR(&w, "what", span_str(wrong->what));
    JW_STR(&w, "who", span_str(f->fqdn));
    JW_STR(&w, "object", SPAN("request"));
    JW_STR(&w, "do", span_str(wrong->todo));
    jw_end_obj(&w);
    reply(f, r, wrong->status, wrong->rsc, HTTP_FIELD(r, "x-m2m-ri"), "application/json", buf_span(&b), NULL);
}

void front_m2m_answer(struct front *f, const struct front_ask *a, const struct msg_ANSWER *m)
{
    struct span ri = span_of(a->m2m.ri, a->m2m.ri_n);
    bool jose = m->type == TYPE_JOSE;
    if (m->status == 200) /* an acknowledgement carries the resource beside it */
        reply(f, a->req, a->m2m.status, a->m2m.rsc, ri, "application/json", m->meta.n > 0 ? m->meta : m->body, NULL);
    else
        reply(f, a->req, m->status, m->rsc, ri, jose ? "application/jose" : "application/json", m->body, m);
}

static void hand_on(struct front *f, struct http_req *r, const struct m2mroute *to)
{
    uint8_t text[16];
    struct buf port = BUF_ARRAY(text);
    buf_u64(&port, f->port);
    struct buf b = heap_buf(TTP_BODY_MAX + 4096);
    m2mroute_put(&b, HTTP_FIELD(r, "x-m2m-origin"), to->name, to->kind == KIND_REG_CFG ? buf_span(&port) : r->body);
    struct front_ask *a = b.e == OK ? front_take(f, r) : NULL;
    if (a) {
        a->m2m = (struct front_m2m){.here = true, .status = to->status, .rsc = to->rsc};
        keep(a->m2m.ri, sizeof a->m2m.ri, &a->m2m.ri_n, HTTP_FIELD(r, "x-m2m-ri"));
        front_ask(f, a, to->kind, to->base, buf_span(&b));
    } else if (b.e != OK) {
        static const struct m2mroute_wrong large = {400, 4000, "the request is too large", "send one resource"};
        refuse(f, r, &large);
    }
    heap_buf_free(&b);
}

bool front_m2m_handle(struct front *f, struct http_req *r)
{
    static const struct m2mroute_wrong nobody = {403, 4106, "the bases need a client certificate",
                                                 "connect with the certificate of an AE or CSE"};
    struct m2mroute to;
    if (!m2mroute_here(r->path))
        return false;
    const struct m2mroute_wrong *wrong = r->peer ? NULL : &nobody;
    if (!wrong)
        wrong = m2mroute_read(r->method, r->path, HTTP_FIELD(r, "content-type"), &to);
    if (wrong) {
        refuse(f, r, wrong);
    } else if (to.kind == KIND__N) {
        uint8_t text[256];
        struct buf b = BUF_ARRAY(text);
        m2mroute_base(&b, to.base);
        reply(f, r, to.status, to.rsc, HTTP_FIELD(r, "x-m2m-ri"), "application/json", buf_span(&b), NULL);
    } else {
        hand_on(f, r, &to);
    }
    return true;
}
