/* prim_body.c - content of primitives, and responses. */
#include "m2m/prim_part.h"

static struct verdict bad(const char *rule)
{
    return verdict_of(RSC_BAD_REQUEST, SPAN("pc"), rule);
}

/* "content is no JSON: a control character in a string (octet 17)" */
static struct verdict no_json(const struct jerr *why, struct arena *a)
{
    enum { ROOM = 160 };
    char *text = arena_alloc(a, ROOM);
    if (!text || why->e == ERR_NOMEM)
        return prim_no_memory();
    struct buf b = buf_over(text, ROOM);
    buf_str(&b, "is no acceptable JSON: ");
    buf_str(&b, why->what ? why->what : err_text(why->e));
    buf_str(&b, " (octet ");
    buf_u64(&b, why->at);
    buf_c(&b, ')');
    buf_nul(&b);
    return bad(b.e == OK ? text : "is no acceptable JSON");
}

/* TS-0004 table 7.5.1.1-2, and the multiplicity of subscriptionReference. */
static struct verdict notification(const struct prim *p)
{
    if (span_eq(p->root, SPAN("m2m:agn")) || span_eq(p->root, SPAN("m2m:rsp")) || span_eq(p->root, SPAN("m2m:seci")))
        return VERDICT_GO;
    if (!span_eq(p->root, SPAN("m2m:sgn")))
        return bad("a NOTIFY carries m2m:sgn, m2m:agn, m2m:rsp or m2m:seci (TS-0004 table 7.5.1.1-2); a CREATE needs "
                   "its resource type");
    const struct jval *s = p->content;
    if (s->type != J_OBJ ||
        (!JSON_GET(s, "sur") && !JSON_GET(s, "idr") && !JSON_GET(s, "aerp") && !JSON_GET(s, "aerid")))
        return bad("a notification names its subscription in sur (TS-0004 6.3.5.13)");
    return VERDICT_GO;
}

/* {"m2m:atrl":["ri","lbl"]}, or the names in one string. */
static struct verdict attribute_list(struct prim *p, struct arena *a)
{
    const struct jval *list = p->content;
    struct span text;
    if (!span_eq(p->root, SPAN("m2m:atrl")))
        return bad("a RETRIEVE takes only m2m:atrl as content (TS-0004 7.3.3.14)");
    if (list->type == J_STR) {
        if (json_str(list, a, &text) != OK)
            return prim_no_memory();
        return prim_words(text, ' ', a, &p->atrl) == OK ? VERDICT_GO : bad("m2m:atrl must name at least one attribute");
    }
    if (list->type != J_ARR || !list->n)
        return bad("m2m:atrl must be a list of attribute names");
    struct span *v = ARENA_ARRAY(a, struct span, list->n);
    size_t n = 0;
    if (!v)
        return prim_no_memory();
    for (const struct jval *e = list->child; e; e = e->next)
        if (json_str(e, a, &v[n++]) != OK)
            return bad("m2m:atrl must be a list of attribute names");
    p->atrl = (struct strings){v, n};
    return VERDICT_GO;
}

struct verdict prim_body(struct prim *p, struct arena *a)
{
    struct jval *v;
    struct jerr why = {0};
    bool needs = p->op == OP_CREATE || p->op == OP_UPDATE || p->op == OP_NOTIFY;
    if (!p->pc.n)
        return needs ? bad("content is missing (TS-0001 table 8.1.2-3)") : VERDICT_GO;
    if (p->op == OP_DELETE)
        return bad("a DELETE has no content (TS-0001 table 8.1.2-3)");
    if (p->ser != SER_JSON)
        return verdict_of(RSC_UNSUPPORTED_MEDIA_TYPE, SPAN("pc"), "content can only be read as JSON (TS-0004 7.3.3.1)");
    if (json_parse(p->pc, a, &v, &why) != OK)
        return no_json(&why, a);
    if (v->type != J_OBJ || v->n != 1)
        return bad("must be an object with exactly one member (TS-0004 8.4.2)");
    p->body = v;
    p->content = v->child;
    if (json_key(v->child, a, &p->root) != OK)
        return prim_no_memory();
    if (p->op == OP_NOTIFY)
        return notification(p);
    return p->op == OP_RETRIEVE ? attribute_list(p, a) : VERDICT_GO;
}

/* ---- responses ------------------------------------------------------------------------------------ */

void prim_respond(struct prim *out, const struct prim *request, enum rsc rsc)
{
    prim_init(out);
    out->rsc = (uint16_t)rsc;
    out->have = PA_BIT(rsc);
    out->rvi = request->rvi;
    out->accept = request->accept;
    out->vnd = request->vnd;
    prim_set(out, PA_rqi, request->raw[PA_rqi]);
    if (request->raw[PA_rvi].n)
        prim_set(out, PA_rvi, request->raw[PA_rvi]);
    if (prim_has(request, PA_vsi))
        prim_set(out, PA_vsi, request->raw[PA_vsi]);
}

void prim_refuse(struct prim *out, const struct prim *request, struct verdict v, struct arena *a)
{
    enum { ROOM = 512 };
    prim_respond(out, request, v.rsc);
    uint8_t plain[ROOM];
    struct buf text = BUF_ARRAY(plain);
    verdict_text(&text, v);
    uint8_t *json = arena_alloc(a, (size_t)ROOM * 6 + 32);
    if (!json)
        return;
    struct buf b = buf_over(json, (size_t)ROOM * 6 + 32);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_STR(&w, "m2m:dbg", buf_span(&text));
    jw_end_obj(&w);
    if (b.e != OK)
        return;
    out->pc = buf_span(&b);
    out->ser = SER_JSON;
}

struct verdict prim_read_response(struct prim *p)
{
    uint64_t v;
    if (!prim_has(p, PA_rsc) || span_u64(p->raw[PA_rsc], 9999, &v) != OK || v < 1000)
        return verdict_of(RSC_BAD_REQUEST, SPAN("rsc"), "the response has no response status code (TS-0004 6.4.2)");
    p->rsc = (uint16_t)v;
    p->rvi = (uint8_t)release_of(p->raw[PA_rvi]);
    return VERDICT_GO;
}
