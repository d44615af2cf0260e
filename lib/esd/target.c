#include "esd/target.h"

#include "esd/label.h"

static bool part_char(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != '/' && c != '*' && c != '\\' && c != '"';
}

/* One or two parts; `open`: the last one may be empty when it is the second, as before a star. */
static bool parts_ok(struct span rest, bool open)
{
    size_t n = 0;
    for (struct span s = rest; s.p; n++) {
        struct span part = span_cut(&s, '/');
        if (n == 2 || (part.n == 0 && !(open && n == 1)))
            return false;
        for (size_t i = 0; i < part.n; i++)
            if (!part_char(part.p[i]))
                return false;
    }
    return n > 0;
}

enum err target_read(struct span text, struct target *out)
{
    *out = (struct target){0};
    if (!span_starts(text, SPAN("//")))
        return ERR_SYNTAX;
    struct span s = span_from(text, 2);
    out->domain = span_cut(&s, '/');
    if (!esd_fqdn_ok(out->domain))
        return ERR_SYNTAX;
    if (!s.p) {
        out->kind = TARGET_DOMAIN;
        return OK;
    }
    bool star = s.n > 0 && s.p[s.n - 1] == '*';
    out->kind = star ? TARGET_PREFIX : TARGET_ID;
    out->rest = star ? span_first(s, s.n - 1) : s;
    return parts_ok(out->rest, star) ? OK : ERR_SYNTAX;
}

static bool is_ae(struct span rest)
{
    size_t at = span_find(rest, '/');
    return at == rest.n ? rest.p[0] == 'S' : rest.p[at + 1] == 'C';
}

bool target_covers(const struct target *t, struct span id)
{
    struct target who;
    if (target_read(id, &who) != OK || who.kind != TARGET_ID || !span_eq_nocase(who.domain, t->domain))
        return false;
    if (t->kind == TARGET_DOMAIN)
        return is_ae(who.rest);
    if (t->kind == TARGET_ID)
        return span_eq(who.rest, t->rest);
    struct span tail = span_from(who.rest, t->rest.n);
    return span_starts(who.rest, t->rest) && span_find(tail, '/') == tail.n;
}

void target_put(struct buf *b, const struct target *t)
{
    buf_str(b, "//");
    for (size_t i = 0; i < t->domain.n; i++) {
        uint8_t c = t->domain.p[i];
        buf_c(b, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c);
    }
    if (t->kind == TARGET_DOMAIN)
        return;
    buf_c(b, '/');
    buf_put(b, t->rest);
    if (t->kind == TARGET_PREFIX)
        buf_c(b, '*');
}

struct span target_domain(struct span id)
{
    struct target t;
    return target_read(id, &t) == OK ? t.domain : SPAN_NONE;
}
