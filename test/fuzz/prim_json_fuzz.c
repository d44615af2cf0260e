/* Target: prim_take_response and prim_take_request. Property: what was taken, written again and taken again is the
 * same. */
#include "target.h"

#include "m2m/prim_json.h"

static uint8_t room[1 << 20], text[1 << 18];

static bool same(const struct prim *x, const struct prim *y)
{
    return x->rsc == y->rsc && x->rvi == y->rvi && span_eq(x->pc, y->pc) &&
           span_eq(prim_text(x, PA_rqi), prim_text(y, PA_rqi));
}

static void request(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jval *v;
    struct prim p, again;
    arena_over(&a, room, sizeof room);
    if (json_parse(span_of(data, size), &a, &v, NULL) != OK || prim_take_request(v, &a, &p) != OK || p.bad)
        return;
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    prim_put_request(&w, &p);
    if (b.e != OK || json_parse(buf_span(&b), &a, &v, NULL) != OK)
        return; /* larger than the room here */
    enum err e = prim_take_request(v, &a, &again);
    if (e != ERR_NOMEM && (e != OK || again.op != p.op || !span_eq(again.pc, p.pc) ||
                           !span_eq(prim_text(&p, PA_to), prim_text(&again, PA_to))))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jval *v;
    struct prim p, again;
    request(data, size);
    arena_over(&a, room, sizeof room);
    if (json_parse(span_of(data, size), &a, &v, NULL) != OK || prim_take_response(v, &a, &p) != OK)
        return 0;
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    prim_put_response(&w, &p, SPAN_NONE, SPAN_NONE);
    if (b.e != OK)
        return 0; /* larger than the room here */
    enum err e = json_parse(buf_span(&b), &a, &v, NULL);
    if (e == ERR_NOMEM)
        return 0;
    if (e != OK || (e = prim_take_response(v, &a, &again)) == ERR_NOMEM)
        __builtin_trap();
    if (e != OK || !same(&p, &again))
        __builtin_trap();
    return 0;
}
