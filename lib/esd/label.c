#include "esd/label.h"

#include <string.h>

#include "base/code.h"
#include "esd/header.h"

size_t esd_enc_key(enum esd_enc enc)
{
    static const size_t n[] = {[ESD_A128GCM] = 16, [ESD_A192GCM] = 24, [ESD_A256GCM] = 32};
    return n[enc];
}

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

/* ---- header ------------------------------------------------------------------------------------- */

struct work {
    struct arena *a;
    struct header h;
    struct esd_label *l;
    bool refused; /* well formed so far, but not permitted: judged after everything that is malformed */
};

/* Credential-ID prefixes (TS-0003 10.4): 14- may stand before a kid of `dir`; 15-, 16- and certificates are for
 * other algorithms. */
static enum reason check_kid(struct work *w, struct span kid)
{
    struct span relative;
    bool typed =
        kid.n > 3 && kid.p[2] == '-' && kid.p[0] >= '1' && kid.p[0] <= '5' && kid.p[1] >= '0' && kid.p[1] <= '9';
    int type = typed ? (kid.p[0] - '0') * 10 + kid.p[1] - '0' : 0;
    bool certificate = (type >= 41 && type <= 45) || (type >= 51 && type <= 55);
    if (kid.n > ESD_KID_MAX)
        return REASON_MALFORMED;
    if (type == 15 || type == 16 || certificate)
        w->refused = true;
    if (certificate) {
        w->l->kid = kid;
        return REASON_OK;
    }
    w->l->kid = type >= 14 && type <= 16 ? span_from(kid, 3) : kid;
    return kid_split(w->l->kid, &relative, &w->l->ttp);
}

static bool known_enc(struct span enc, enum esd_enc *out)
{
    static const char *const names[] = {
        [ESD_A128GCM] = "A128GCM", [ESD_A192GCM] = "A192GCM", [ESD_A256GCM] = "A256GCM"};
    for (size_t i = 0; i < LEN(names); i++)
        if (span_eq(enc, span_str(names[i]))) {
            *out = (enum esd_enc)i;
            return true;
        }
    return false;
}

/* ---- whole objects ------------------------------------------------------------------------------ */

static enum reason jwe_read(struct work *w, const struct span part[5])
{
    struct esd_label *l = w->l;
    struct span alg, enc, kid, zip, typ;
    bool has_alg, has_enc, has_kid, has_zip, has_typ, has_cty;
    for (int i = 1; i < 5; i++)
        if (!b64url_ok(part[i]))
            return REASON_MALFORMED;
    l->iv_text = part[2];
    l->ct_text = part[3];
    l->tag_text = part[4];
    l->ct_len = part[3].n / 4 * 3 + (part[3].n % 4 ? part[3].n % 4 - 1 : 0);
    JUDGE(header_text(&w->h, SPAN("alg"), &alg, &has_alg));
    JUDGE(header_text(&w->h, SPAN("enc"), &enc, &has_enc));
    JUDGE(header_text(&w->h, SPAN("kid"), &kid, &has_kid));
    JUDGE(header_text(&w->h, SPAN("zip"), &zip, &has_zip));
    JUDGE(header_text(&w->h, SPAN("typ"), &typ, &has_typ));
    JUDGE(header_text(&w->h, SPAN("cty"), &l->cty, &has_cty));
    if (!has_alg || !has_enc || l->ct_len == 0)
        return REASON_MALFORMED;
    bool dir = span_eq(alg, SPAN("dir")), gcm = known_enc(enc, &l->enc);
    w->refused = !dir || !gcm || has_zip;
    enum reason crit = header_crit(&w->h);
    if (crit != REASON_OK && crit != REASON_ALGORITHM_REFUSED)
        return crit;
    w->refused |= crit != REASON_OK;
    JUDGE(header_e2e(&w->h, l->ct_len, &l->e2e));
    if (gcm && (part[2].n != B64URL_LEN(ESD_IV) || part[4].n != B64URL_LEN(ESD_TAG)))
        return REASON_MALFORMED;
    if (dir && (part[1].n != 0 || !has_kid))
        return REASON_MALFORMED;
    if (dir)
        JUDGE(check_kid(w, kid));
    return w->refused ? REASON_ALGORITHM_REFUSED : REASON_OK;
}

/* Signed objects are not read here; what is well formed is refused as an algorithm. */
static enum reason jws_refuse(struct work *w, const struct span part[3])
{
    struct span alg;
    bool has_alg;
    if (!b64url_ok(part[1]) || !b64url_ok(part[2]))
        return REASON_MALFORMED;
    JUDGE(header_text(&w->h, SPAN("alg"), &alg, &has_alg));
    if (!has_alg)
        return REASON_MALFORMED;
    JUDGE(header_crit(&w->h));
    return REASON_ALGORITHM_REFUSED;
}

enum reason label_read(struct span con, struct arena *a, struct esd_label *out)
{
    struct span part[6], rest = con;
    size_t n = 0;
    *out = (struct esd_label){0};
    if (con.n > ESD_CON_MAX)
        return REASON_MALFORMED;
    while (n < LEN(part) && (n == 0 || rest.p))
        part[n++] = span_cut(&rest, '.');
    if (n != 5 && n != 3)
        return REASON_MALFORMED;
    struct work w = {.a = a, .l = out};
    JUDGE(header_read(part[0], a, &w.h));
    out->aad = part[0];
    out->header = w.h.text;
    return n == 5 ? jwe_read(&w, part) : jws_refuse(&w, part);
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
