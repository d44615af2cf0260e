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
