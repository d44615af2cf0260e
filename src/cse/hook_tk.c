/* hook_tk.c - role and token (TS-0004 7.4.40, 7.4.41). Whoever claims one gets what it says, so that making one is more
 * than a CREATE right on the CSEBase: only the administrator issues them. The object of a token is a protected JWT;
 * this CSE has no key to open one with, but one that says of itself that nobody protected it is refused
 * (TS-0003 7.3.2.6). */
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

static enum says check_issuer(struct run *r)
{
    if (run_is_admin(r))
        return MORE;
    return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                  "only the administrator of this CSE issues roles and tokens (TS-0003 7.3)");
}

static enum says check_tk(struct run *r)
{
    enum says say = check_issuer(r);
    if (say != MORE)
        return say;
    if (!is_protected(r, attrs_text(&r->in, AT_tkob, r->a)))
        return refuse(r, RSC_BAD_REQUEST, SPAN("tkob"),
                      "must be a protected JWT in compact serialization (TS-0003 7.3.2.6)");
    return MORE;
}

const struct type_hook hook_tk = {.check = check_tk};
const struct type_hook hook_rol = {.check = check_issuer};
