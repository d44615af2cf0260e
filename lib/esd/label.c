#include "esd/label.h"

#include <string.h>

#include "base/code.h"

/* ---- identifiers -------------------------------------------------------------------------------- */

static bool alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool esd_fqdn_ok(struct span s)
{
    if (s.n == 0 || s.n > ESD_FQDN_MAX)
        return false;
    for (struct span rest = s; rest.p;) {
        struct span label = span_cut(&rest, '.');
        if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!alnum(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

enum reason kid_split(struct span kid, struct span *relative, struct span *fqdn)
{
    size_t at = span_find(kid, '@');
    if (kid.n > ESD_KID_MAX || at == kid.n || at == 0 || at > ESD_RELKEY_MAX)
        return REASON_MALFORMED;
    *relative = span_first(kid, at);
    *fqdn = span_from(kid, at + 1);
    for (size_t i = 0; i < relative->n; i++) {
        uint8_t c = relative->p[i];
        if (!alnum(c) && c != '.' && c != '_' && c != '-')
            return REASON_MALFORMED;
    }
    return esd_fqdn_ok(*fqdn) ? REASON_OK : REASON_MALFORMED;
}

bool kid_eq(struct span a, struct span b)
{
    return span_eq_nocase(a, b);
}

/* ---- contentInfo -------------------------------------------------------------------------------- */

static bool digit_of(struct span s, uint8_t max, uint8_t *out)
{
    if (s.n != 1 || s.p[0] < '0' || s.p[0] > '0' + max)
        return false;
    *out = (uint8_t)(s.p[0] - '0');
    return true;
}

/* type "/" subtype of printable characters without ':' */
static bool media_ok(struct span m)
{
    size_t slash = span_find(m, '/');
    if (slash == 0 || slash + 1 >= m.n)
        return false;
    for (size_t i = 0; i < m.n; i++)
        if (m.p[i] <= ' ' || m.p[i] > '~')
            return false;
    return true;
}

enum reason cnf_read(struct span cnf, struct esd_cnf *out)
{
    struct span rest = cnf;
    *out = (struct esd_cnf){.media = span_cut(&rest, ':')};
    struct span encoding = span_cut(&rest, ':');
    bool ok = media_ok(out->media) && digit_of(encoding, 2, &out->encoding);
    if (ok && rest.p)
        ok = digit_of(rest, 5, &out->security);
    return ok ? REASON_OK : REASON_MALFORMED;
}

enum reason cnf_security(struct span con, struct span cnf, unsigned *security)
{
    struct esd_cnf c = {0};
    if (cnf.n)
        JUDGE(cnf_read(cnf, &c));
    *security = c.security;
    if (c.security > 3)
        return REASON_ALGORITHM_REFUSED;
    if (c.security > 0)
        return REASON_OK;
    *security = 1;
    return label_looks_sealed(con) ? REASON_OK : REASON_NOT_SEALED;
}

/* ---- whole objects ------------------------------------------------------------------------------ */

enum reason label_read_as(struct span con, unsigned security, struct arena *a, struct esd_label *out)
{
    bool refused;
    JUDGE(label_shape(con, security, a, out, &refused));
    for (size_t i = 0; i < out->n_parts; i++)
        if (out->parts[i].alg != ESD_ALG__N && out->parts[i].kid.n == 0)
            return REASON_MALFORMED;
    return refused ? REASON_ALGORITHM_REFUSED : REASON_OK;
}

enum reason label_read(struct span con, struct arena *a, struct esd_label *out)
{
    JUDGE(label_read_as(con, 1, a, out));
    return out->jws ? REASON_ALGORITHM_REFUSED : REASON_OK;
}

bool label_looks_sealed(struct span con)
{
    size_t dots = 0;
    if (!span_starts(con, SPAN("eyJ")))
        return false;
    for (size_t i = 0; i < con.n; i++)
        if (con.p[i] == '.')
            dots++;
        else if (!b64url_char(con.p[i]))
            return false;
    return dots == 4;
}
