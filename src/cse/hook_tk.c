/* hook_tk.c - token (TS-0004 7.4.41): its object is a protected JWT. This CSE has no key to open one with, but one that
 * says of itself that nobody protected it is refused (TS-0003 7.3.2.6). */
#include "base/code.h"
#include "cse/inside.h"

static bool is_protected(struct run *r, struct span tkob)
{
    struct jval *header;
    struct span rest = tkob, first = span_cut(&rest, '.');
    uint8_t *room = arena_alloc(r->a, first.n + 1);
    struct buf b = buf_over(room, first.n + 1);
    if (!room || !first.n || !rest.n || b64url_get(first, &b) != OK ||
        json_parse(buf_span(&b), r->a, &header, NULL) != OK)
        return false;
    const struct jval *alg = JSON_GET(header, "alg");
    return alg && alg->type == J_STR && !json_is(alg, SPAN("none")) && !span_ends(tkob, SPAN("."));
}

static enum says check_tk(struct run *r)
{
    if (!is_protected(r, attrs_text(&r->in, AT_tkob, r->a)))
        return refuse(r, RSC_BAD_REQUEST, SPAN("tkob"),
                      "must be a protected JWT in compact serialization (TS-0003 7.3.2.6)");
    return MORE;
}

const struct type_hook hook_tk = {.check = check_tk};
