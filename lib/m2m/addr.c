#include "m2m/addr.h"

#include "m2m/grammar.h"

/* ---- addresses of resources ----------------------------------------------------------------------- */

static enum err no(const char **why, const char *sentence)
{
    *why = sentence;
    return ERR_SYNTAX;
}

/* Everything between two slashes: RFC 3986 unreserved characters, at least one. "." and ".." are no names. */
static enum err segments(struct span s, const char **why)
{
    size_t run = 0;
    for (size_t i = 0; i <= s.n; i++) {
        if (i == s.n || s.p[i] == '/') {
            if (run == 0)
                return no(why, "the address has an empty segment (TS-0001 9.3.1)");
            if (s.p[i - run] == '.' && (run == 1 || (run == 2 && s.p[i - 1] == '.')))
                return no(why, "'.' and '..' are no resource names (TS-0004 6.2.4)");
            run = 0;
        } else if (!grammar_unreserved(s.p[i])) {
            return no(why, "the address has a character that no name and no identifier can have (TS-0001 7.2)");
        } else {
            run++;
        }
    }
    return OK;
}

static enum err fragment(struct span *to, struct span *attr, const char **why)
{
    size_t at = span_find(*to, '#');
    *attr = SPAN_NONE;
    if (at == to->n)
        return OK;
    *attr = span_from(*to, at + 1);
    *to = span_first(*to, at);
    if (!grammar_ncname(*attr))
        return no(why, "what follows '#' is no attribute name (TS-0004 7.3.3.14)");
    return OK;
}

static enum err final_slash(struct span *to, const struct switches *sw, const char **why)
{
    if (to->n < 2 || to->p[to->n - 1] != '/')
        return OK;
    if (sw_open(sw, SW_final_slash))
        return no(why, "the address ends with a slash");
    *to = span_first(*to, to->n - 1);
    return OK;
}

/* Splits "/id-mn/rest" into "/id-mn" and "rest"; rest.p is NULL without a second slash. */
static struct span cse_part(struct span *s)
{
    struct span whole = *s, rest = span_from(*s, 1), first = span_cut(&rest, '/');
    *s = rest;
    return span_first(whole, first.n + 1);
}

static void split(struct addr *out, const struct self *me)
{
    struct span names = out->path, first = span_cut(&names, '/');
    out->structured = span_eq(first, SPAN("-")) || (out->where == ADDR_HERE && span_eq(first, me->base));
    out->id = out->structured ? SPAN_NONE : first;
    out->names = names;
}

enum err addr_parse(struct span to, const struct self *me, const struct switches *sw, struct addr *out,
                    const char **why)
{
    *out = (struct addr){.sp = me->sp, .csi = me->csi};
    *why = NULL;
    TRY(fragment(&to, &out->attr, why));
    TRY(final_slash(&to, sw, why));
    if (!to.n)
        return no(why, "the address is empty");
    if (to.p[0] != '/') {
        out->path = to;
        TRY(segments(to, why));
        split(out, me);
        return OK;
    }
    out->scope = ADDR_SP_RELATIVE;
    if (span_starts(to, SPAN("//"))) {
        struct span rest = span_from(to, 2), fqdn = span_cut(&rest, '/');
        out->scope = ADDR_ABSOLUTE;
        out->sp = span_first(to, fqdn.n + 2);
        if (!rest.p)
            return no(why, "an M2M-SP-ID alone addresses no resource (TS-0001 7.2)");
        TRY(segments(fqdn, why));
        to = span_from(to, fqdn.n + 2);
    }
    TRY(segments(span_from(to, 1), why));
    out->csi = cse_part(&to);
    bool ours = span_eq_nocase(out->sp, me->sp), own = ours && span_eq(out->csi, me->csi);
    if (!to.p && ours && !own && out->csi.p[1] == 'S') {
        out->s_ae = true;
        out->id = out->path = span_from(out->csi, 1);
        out->csi = me->csi;
        return OK;
    }
    if (!to.p && !ours && out->csi.p[1] == 'S') { /* an AE of another service provider, known at its IN-CSE */
        out->where = ADDR_OTHER_SP;
        out->id = out->path = span_from(out->csi, 1);
        out->csi = SPAN_NONE;
        return OK;
    }
    if (!to.p)
        return no(why, "a CSE-ID alone addresses no resource; /CSE-ID/- is its CSEBase (TS-0001 table 7.2-1)");
    out->path = to;
    out->where = !ours ? ADDR_OTHER_SP : own ? ADDR_HERE : ADDR_OTHER_CSE;
    split(out, me);
    return OK;
}

struct span addr_next(struct span *names)
{
    return names->n ? span_cut(names, '/') : SPAN_NONE;
}

void addr_put_sp_relative(struct buf *b, const struct self *me, struct span cse_relative)
{
    buf_put(b, me->csi);
    buf_c(b, '/');
    buf_put(b, cse_relative);
}

void addr_put_absolute(struct buf *b, const struct self *me, struct span cse_relative)
{
    buf_put(b, me->sp);
    addr_put_sp_relative(b, me, cse_relative);
}

/* ---- identifiers ---------------------------------------------------------------------------------- */

static bool name_like(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!grammar_unreserved(s.p[i]))
            return false;
    return s.n > 0;
}

static uint8_t stem_kind(struct span s)
{
    if (s.n && s.p[0] == 'C')
        return ID_AE_C;
    return s.n && s.p[0] == 'S' ? ID_AE_S : ID_OPAQUE;
}

/* "/id-mn", "/id-mn/Cx", "/Sx" */
static struct id sp_relative(struct span s, struct id i, const struct self *me, bool our_sp)
{
    struct span rest = s, cse = cse_part(&rest);
    if (!name_like(span_from(cse, 1)))
        return (struct id){0};
    if (rest.p) {
        if (!name_like(rest) || stem_kind(rest) == ID_OPAQUE)
            return (struct id){0};
        i.kind = stem_kind(rest) == ID_AE_C ? ID_AE_C : ID_CSE; /* "/id-mn/Sx": see ID_CSE */
        i.cse = cse;
        i.stem = rest;
        return i;
    }
    bool own = our_sp && span_eq(cse, me->csi);
    if (cse.p[1] == 'S' && !own) {
        i.kind = ID_AE_S;
        i.stem = span_from(cse, 1);
        return i;
    }
    i.kind = ID_CSE;
    i.cse = cse;
    return i;
}

struct id id_parse(struct span text, const struct self *me)
{
    struct id i = {.scope = ADDR_CSE_RELATIVE, .sp = me->sp};
    if (!text.n || text.n > ID_MAX)
        return (struct id){0};
    if (text.p[0] != '/') {
        if (!name_like(text))
            return (struct id){0};
        i.kind = stem_kind(text);
        i.stem = text;
        if (i.kind == ID_AE_C)
            i.cse = me->csi;
        return i;
    }
    i.scope = ADDR_SP_RELATIVE;
    if (!span_starts(text, SPAN("//")))
        return text.n > 1 ? sp_relative(text, i, me, true) : (struct id){0};
    struct span rest = span_from(text, 2), fqdn = span_cut(&rest, '/');
    i.scope = ADDR_ABSOLUTE;
    i.sp = span_first(text, fqdn.n + 2);
    if (!name_like(fqdn) || (rest.p && !rest.n))
        return (struct id){0};
    i.kind = ID_SP;
    return rest.p ? sp_relative(span_from(text, fqdn.n + 2), i, me, span_eq_nocase(i.sp, me->sp)) : i;
}

bool id_same(const struct id *a, const struct id *b)
{
    return a->kind != ID_BAD && a->kind == b->kind && span_eq_nocase(a->sp, b->sp) && span_eq(a->cse, b->cse) &&
           span_eq(a->stem, b->stem);
}

bool id_same_text(struct span a, struct span b, const struct self *me)
{
    struct id x = id_parse(a, me), y = id_parse(b, me);
    return id_same(&x, &y);
}

void id_put_stem(struct buf *b, const struct id *i)
{
    if (i->stem.n)
        buf_put(b, i->stem);
    else
        id_put_sp_relative(b, i);
}

void id_put_sp_relative(struct buf *b, const struct id *i)
{
    buf_put(b, i->cse);
    if (i->stem.n) {
        buf_c(b, '/');
        buf_put(b, i->stem);
    }
}

void id_put_absolute(struct buf *b, const struct id *i)
{
    buf_put(b, i->sp);
    id_put_sp_relative(b, i);
}

void id_put_forwarded(struct buf *b, struct span fr, const struct self *me, bool other_sp)
{
    struct id i = id_parse(fr, me);
    if (i.kind == ID_BAD || i.kind == ID_OPAQUE)
        buf_put(b, fr);
    else if (other_sp)
        id_put_absolute(b, &i);
    else if (i.scope == ADDR_CSE_RELATIVE)
        id_put_sp_relative(b, &i);
    else
        buf_put(b, fr);
}

bool id_ours(const struct id *i, const struct self *me)
{
    if (!span_eq_nocase(i->sp, me->sp))
        return false;
    return i->kind == ID_AE_S || (i->kind == ID_AE_C && span_eq(i->cse, me->csi));
}

/* ---- names in certificates ------------------------------------------------------------------------- */

struct span id_of_uri(struct span uri)
{
    size_t scheme = span_find(uri, ':');
    struct span id = scheme < span_find(uri, '/') ? span_from(uri, scheme + 1) : uri;
    static const struct self nobody = {{(const uint8_t *)"", 0}, {(const uint8_t *)"", 0}, {(const uint8_t *)"", 0}};
    struct id i = id_parse(id, &nobody);
    return i.scope == ADDR_ABSOLUTE && (i.kind == ID_AE_C || i.kind == ID_AE_S) ? id : SPAN_NONE;
}

enum err id_of_dns(struct span dns, const struct self *me, struct buf *b)
{
    struct span domain = span_from(me->sp, 2), rest = dns, label = span_cut(&rest, '.');
    if (!name_like(label) || !rest.n || rest.n < domain.n)
        return ERR_SYNTAX;
    struct span tail = span_from(rest, rest.n - domain.n);
    if (!span_eq_nocase(tail, domain))
        return ERR_SYNTAX;
    if (rest.n > domain.n) { /* one label between: the IN-CSE */
        struct span in_cse = span_first(rest, rest.n - domain.n - 1);
        if (rest.p[in_cse.n] != '.' || !name_like(in_cse) || span_find(in_cse, '.') < in_cse.n)
            return ERR_SYNTAX;
    }
    buf_c(b, '/');
    buf_put(b, label);
    return b->e;
}

void id_put_dns(struct buf *b, struct span csi, struct span in_csi, struct span sp)
{
    buf_put(b, span_from(csi, 1));
    if (!span_eq(csi, in_csi)) {
        buf_c(b, '.');
        buf_put(b, span_from(in_csi, 1));
    }
    buf_c(b, '.');
    buf_put(b, span_from(sp, 2));
}
