/* hook_smd.c - semanticDescriptor: stored, its syntax looked at as far as that needs no ontology (TS-0004 7.4.34).
 * Nothing is validated against ontologies and no SPARQL is executed. */
#include "base/code.h"
#include "cse/inside.h"
#include "wire/utf8.h"

enum { IRI = 1, FUNCTIONAL, OWL_XML, RDF_XML, TURTLE, MANCHESTER, JSON_LD };

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct span trimmed(struct span s)
{
    while (s.n && blank(s.p[0]))
        s = span_from(s, 1);
    while (s.n && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool fits(struct span text, uint64_t format, struct arena *a)
{
    struct jval *doc;
    struct span s = trimmed(text);
    if (!s.n || utf8_bad(text) < text.n)
        return false;
    if (format == OWL_XML || format == RDF_XML)
        return s.p[0] == '<' && s.p[s.n - 1] == '>';
    if (format == JSON_LD)
        return (s.p[0] == '{' || s.p[0] == '[') && json_parse(s, a, &doc, NULL) == OK;
    return true;
}

static enum says check_descriptor(struct run *r)
{
    uint64_t format;
    const struct jval *dcrp = attrs_get(&r->in, AT_dcrp), *dsp = attrs_get(&r->in, AT_dsp);
    if (!dcrp && r->q->op == OP_UPDATE)
        dcrp = attrs_get(&r->old, AT_dcrp);
    if (!dcrp || json_u64(dcrp, JSON_LD, &format) != OK)
        return MORE;
    if (format == IRI)
        return refuse(r, RSC_BAD_REQUEST, SPAN("dcrp"),
                      "1 (IRI) is no format of a descriptor's content (TS-0004 7.4.34.2.1)");
    if (!dsp && r->q->op == OP_UPDATE)
        dsp = attrs_get(&r->old, AT_dsp);
    struct span text = dsp ? name_text(dsp, r->a) : SPAN_NONE;
    uint8_t *room = arena_alloc(r->a, text.n + 1);
    struct buf b = buf_over(room, text.n + 1);
    if (!room)
        return oops(r, ERR_NOMEM);
    if (b64_get(text, &b) != OK)
        return refuse(r, RSC_BAD_REQUEST, SPAN("dsp"), "is no base64 text (TS-0004 7.4.34.1)");
    return fits(buf_span(&b), format, r->a)
               ? MORE
               : refuse(r, RSC_BAD_REQUEST, SPAN("dsp"), "is not what dcrp says (TS-0004 7.4.34.2.1)");
}

static enum says check_update_smd(struct run *r)
{
    const struct jval *soe = attrs_get(&r->in, AT_soe);
    if (soe && soe->type != J_NULL) {
        if (attrs_get(&r->in, AT_dsp))
            return refuse(r, RSC_BAD_REQUEST, SPAN("soe"), "excludes dsp in the same UPDATE (TS-0004 7.4.34.2.3)");
        return refuse(r, RSC_SPARQL_UPDATE_ERROR, SPAN("soe"), "this CSE does not execute SPARQL");
    }
    return check_descriptor(r);
}

const struct type_hook hook_smd = {.check = check_descriptor, .check_update = check_update_smd};
