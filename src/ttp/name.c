#include "ttp/name.h"

/* "//sp/rest" -> sp, rest. */
static bool split(struct span iss, struct span *sp, struct span *rest)
{
    if (!span_starts(iss, SPAN("//")))
        return false;
    struct span s = span_from(iss, 2);
    *sp = span_cut(&s, '/');
    *rest = s;
    return sp->n > 0 && s.p && s.n > 0 && span_find(s, '/') == s.n;
}

/* Public domain name of a CSE: its CSE-ID, those of its registrars upwards, the SP domain, with dots between. */
static bool dns_covers(struct span dns, struct span sp, struct span cse)
{
    if (dns.n < cse.n + 1 + sp.n || !span_eq_nocase(span_first(dns, cse.n), cse) || dns.p[cse.n] != '.')
        return false;
    struct span tail = span_from(dns, cse.n + 1);
    struct span end = span_from(tail, tail.n - sp.n);
    return span_eq_nocase(end, sp) && (tail.n == sp.n || tail.p[tail.n - sp.n - 1] == '.');
}

bool name_covers(struct span name, struct span iss)
{
    struct span sp, rest;
    if (!span_starts(iss, SPAN("//")))
        return false;
    size_t at = span_find(name, '/');
    if (at < name.n) { /* a URI: scheme or none, then //sp/stem */
        if (at > 0 && name.p[at - 1] != ':')
            return false;
        return span_eq(span_from(name, at), iss);
    }
    return split(iss, &sp, &rest) && dns_covers(name, sp, rest);
}

bool names_cover(struct span names, struct span iss)
{
    while (names.p) {
        struct span name = span_cut(&names, '\n');
        if (name.n > 0 && name_covers(name, iss))
            return true;
    }
    return false;
}

/* ---- spellings ----------------------------------------------------------------------------------------------------
 */

static bool unreserved(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
              c == '_' || c == '~'))
            return false;
    }
    return s.n > 0;
}

/* sp and one or two parts behind it: "//sp/stem", "//sp/cse", "//sp/cse/Cstem". */
static bool parts(struct span id, struct span *sp, struct span *first, struct span *second)
{
    if (!span_starts(id, SPAN("//")))
        return false;
    struct span s = span_from(id, 2);
    *sp = span_cut(&s, '/');
    *first = s.p ? span_cut(&s, '/') : SPAN_NONE;
    *second = s;
    return unreserved(*sp) && unreserved(*first) && (!s.p || (unreserved(s) && s.p[0] == 'C'));
}

static void put_absolute(struct buf *out, struct span sp, struct span first, struct span second)
{
    buf_str(out, "//");
    for (size_t i = 0; i < sp.n; i++)
        buf_c(out, sp.p[i] >= 'A' && sp.p[i] <= 'Z' ? (uint8_t)(sp.p[i] + 32) : sp.p[i]);
    buf_c(out, '/');
    buf_put(out, first);
    if (second.n > 0)
        buf_c(out, '/');
    buf_put(out, second);
}

/* The CSE at which `self` is registered, or that it is: first part of an identifier with two, or one that is no S-type
 * stem. */
static bool stem_absolute(struct span id, struct span self, struct buf *out)
{
    struct span sp, first, second;
    if (!unreserved(id) || !parts(self, &sp, &first, &second))
        return false;
    if (id.p[0] == 'S') {
        put_absolute(out, sp, id, SPAN_NONE);
        return true;
    }
    if (id.p[0] != 'C' || (second.n == 0 && first.p[0] == 'S'))
        return false;
    put_absolute(out, sp, first, id);
    return true;
}

bool name_absolute(struct span id, struct span self, struct buf *out)
{
    struct span sp, first, second, rest = id, domain;
    if (span_starts(id, SPAN("//"))) {
        if (!parts(id, &sp, &first, &second))
            return false;
    } else if (span_starts(id, SPAN("/"))) {
        if (!parts(self, &domain, &first, &second))
            return false;
        sp = domain;
        rest = span_from(id, 1);
        first = span_cut(&rest, '/');
        second = rest;
        if (!unreserved(first) || (second.p && (!unreserved(second) || second.p[0] != 'C')))
            return false;
    } else {
        return stem_absolute(id, self, out) && out->e == OK;
    }
    put_absolute(out, sp, first, second);
    return out->e == OK;
}

bool name_same(struct span a, struct span b)
{
    uint8_t x[NAME_MAX_OCTETS], y[NAME_MAX_OCTETS];
    struct buf p = BUF_ARRAY(x), q = BUF_ARRAY(y);
    return name_absolute(a, a, &p) && name_absolute(b, b, &q) && span_eq(buf_span(&p), buf_span(&q));
}

bool names_identity(struct span names, struct span origin, struct buf *out)
{
    if (span_starts(origin, SPAN("//")))
        return names_cover(names, origin) && name_absolute(origin, origin, out);
    while (names.p) {
        struct span name = span_cut(&names, '\n');
        struct span uri = span_from(name, span_find(name, '/'));
        buf_reset(out);
        if (uri.n > 0 && name_covers(name, uri) && name_absolute(origin, uri, out) && name_same(buf_span(out), uri))
            return true;
    }
    return false;
}
