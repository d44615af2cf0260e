/* ttp_m2m.h - requests of the oneM2M face in a house without processes. */
#ifndef UNIT_TTP_M2M_H
#define UNIT_TTP_M2M_H

#include "ttp_house.h"

#include "m2m/m2mname.h"
#include "ttp/m2mroute.h"

/* What the front hands on. */
static inline struct span m2m_body(struct house *h, const char *origin, struct span name, const char *json)
{
    struct buf b = heap_buf(1 << 20);
    m2mroute_put(&b, span_str(origin), name, span_str(json));
    return built(h, &b, OK);
}

/* A request to a base, under a certificate that has just the originator's URI as name. */
static inline struct answer m2m_ask(struct house *h, enum ttp_kind kind, uint8_t base, const char *origin,
                                    struct span name, const char *json)
{
    char peer[512];
    struct buf b = heap_buf(MSG_FRAME_MAX);
    snprintf(peer, sizeof peer, "m2m:%s\n", origin);
    h->n_answers = 0;
    uint64_t id = ++h->next_id;
    msg_put_ASK(&b, &(struct msg_ASK){.id = id,
                                      .kind = (uint8_t)kind,
                                      .base = base,
                                      .peer = span_str(peer),
                                      .body = m2m_body(h, origin, name, json)});
    assert_int_equal(msg_receive(ledger_end(h->ledger), ROOM_FRONT, buf_span(&b)), OK);
    heap_buf_free(&b);
    pump(h);
    const struct answer *a = answer_of(h, id);
    assert_non_null(a);
    return *a;
}

/* The resource of an answer: beside an acknowledgement or its body. */
static inline const struct jval *m2m_resource(struct house *h, struct answer a, enum m2mname_type t)
{
    struct jval *doc;
    assert_int_equal(a.status, 200);
    assert_int_equal(json_parse(a.meta.n > 0 ? a.meta : a.body, &h->mem, &doc, NULL), OK);
    const struct jval *o = m2mname_resource(doc, t);
    assert_non_null(o);
    return o;
}

#endif
