/* Target: prim_take_response. Property: an answer that was taken, written again and taken again is the same answer. */
#include "target.h"

#include "m2m/prim_json.h"

static uint8_t room[1 << 20], text[1 << 18];

static bool same(const struct prim *x, const struct prim *y)
{
    return x->rsc == y->rsc && x->rvi == y->rvi && span_eq(x->pc, y->pc) &&
           span_eq(prim_text(x, PA_rqi), prim_text(y, PA_rqi));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jval *v;
    struct prim p, again;
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
