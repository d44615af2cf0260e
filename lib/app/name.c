/* name.c - see name.h. */
#include "app/name.h"

enum { FQDN_MAX = 253, LABEL_MAX = 63 };

static bool alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_is_fqdn(struct span s)
{
    if (s.n == 0 || s.n > FQDN_MAX)
        return false;
    while (s.p) {
        struct span label = span_cut(&s, '.');
        if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!alnum(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

bool name_is_stem(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' && s.p[i] != '_' && s.p[i] != '~')
            return false;
    return s.n > 0;
}

enum err name_sp_domain(struct span sp_id, struct buf *b)
{
    if (!span_starts(sp_id, SPAN("//")) || !name_is_fqdn(span_from(sp_id, 2)))
        return ERR_SYNTAX;
    buf_put(b, span_from(sp_id, 2));
    buf_nul(b);
    return b->e;
}

/* "//domain" taken off an absolute identifier of this domain; SP-relative ones as they are. */
static enum err relative(struct span id, struct span domain, struct span *out)
{
    *out = id;
    if (!span_starts(id, SPAN("//")))
        return OK;
    struct span rest = span_from(id, 2);
    if (!span_eq_nocase(span_first(rest, domain.n), domain) || rest.n <= domain.n || rest.p[domain.n] != '/')
        return ERR_SYNTAX;
    *out = span_from(rest, domain.n);
    return OK;
}

enum err name_ae_absolute(struct span id, struct span domain, struct buf *b)
{
    struct span rel;
    TRY(relative(id, domain, &rel));
    bool slash = span_starts(rel, SPAN("/"));
    struct span last = slash ? span_from(rel, 1) : rel, first = span_cut(&last, '/');
    bool alone = last.p == NULL;
    struct span stem = alone ? first : last;
    if (!name_is_stem(first) || !name_is_stem(stem) || (stem.p[0] != 'S' && stem.p[0] != 'C'))
        return ERR_SYNTAX;
    if (alone != (stem.p[0] == 'S')) /* S-type: //sp/S...; C-type: //sp/cse/C... */
        return ERR_SYNTAX;
    buf_str(b, "//");
    buf_put(b, domain);
    buf_str(b, slash ? "" : "/");
    buf_put(b, rel);
    buf_nul(b);
    return b->e;
}

enum err name_ae_uri(struct span absolute, struct buf *b)
{
    buf_str(b, "m2m:");
    buf_put(b, absolute);
    buf_nul(b);
    return b->e;
}

static enum err cse_label(struct span id, struct span domain, struct span *label)
{
    struct span rel;
    TRY(relative(id, domain, &rel));
    if (!span_starts(rel, SPAN("/")))
        return ERR_SYNTAX;
    *label = span_from(rel, 1);
    return name_is_fqdn(*label) && span_find(*label, '.') == label->n ? OK : ERR_SYNTAX;
}

enum err name_cse_domain(struct span id, struct span in_cse, struct span domain, struct buf *b)
{
    struct span own, in;
    TRY(cse_label(id, domain, &own));
    buf_put(b, own);
    buf_c(b, '.');
    if (in_cse.n) {
        TRY(cse_label(in_cse, domain, &in));
        buf_put(b, in);
        buf_c(b, '.');
    }
    buf_put(b, domain);
    buf_nul(b);
    return name_is_fqdn(buf_span(b)) ? b->e : ERR_SYNTAX;
}
