#include "m2m/grammar.h"

#include "base/m2mtime.h"
#include "m2m/check.h"

static bool alpha(uint8_t c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool one_of(uint8_t c, const char *set)
{
    for (; *set; set++)
        if ((uint8_t)*set == c)
            return true;
    return false;
}

bool grammar_unreserved(uint8_t c)
{
    return alpha(c) || digit(c) || one_of(c, "-._~");
}

bool grammar_uri(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 127 || one_of(s.p[i], "\"<>\\^`{|}"))
            return false;
    return s.n > 0;
}

bool grammar_ncname(struct span s)
{
    if (!s.n || !(alpha(s.p[0]) || s.p[0] == '_'))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!(alpha(s.p[i]) || digit(s.p[i]) || one_of(s.p[i], "-._")))
            return false;
    return true;
}

bool grammar_base64(struct span s)
{
    size_t n = s.n;
    if (n % 4)
        return false;
    for (int pad = 0; pad < 2 && n && s.p[n - 1] == '='; pad++)
        n--;
    for (size_t i = 0; i < n; i++)
        if (!(alpha(s.p[i]) || digit(s.p[i]) || one_of(s.p[i], "+/")))
            return false;
    return true;
}

bool check_resource_name(struct span s)
{
    if (!s.n || s.n > CHECK_NAME_MAX || !(alpha(s.p[0]) || digit(s.p[0])))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!(alpha(s.p[i]) || digit(s.p[i]) || one_of(s.p[i], "-._")))
            return false;
    return true;
}

bool check_token(struct span s)
{
    if (!s.n || s.p[0] == ' ' || s.p[s.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || (s.p[i] == ' ' && s.p[i + 1] == ' ')) /* the last octet is no blank */
            return false;
    return true;
}

static bool media_part(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(alpha(s.p[i]) || digit(s.p[i]) || one_of(s.p[i], "!#$%&'*+-.^_`|~;=\"")))
            return false;
    return s.n > 0;
}

bool check_cnf(struct span s)
{
    struct span rest = s, media = span_cut(&rest, ':'), subtype = media, type = span_cut(&subtype, '/');
    if (!media_part(type) || !media_part(subtype) || !rest.p)
        return false;
    struct span enc = span_cut(&rest, ':');
    if (enc.n != 1 || enc.p[0] < '0' || enc.p[0] > '2')
        return false;
    return !rest.p || (rest.n == 1 && rest.p[0] >= '0' && rest.p[0] <= '5');
}

/* ---- durations ----------------------------------------------------------------------------------- */

#define DURATION_MAX (INT64_C(1000) * 365 * 86400000) /* a thousand years */

/* Reads "12Y" and the like; the units must come in the order of `units`, each at most once. */
static bool parts(struct span *s, const char *units, const int64_t *ms, int64_t *sum, unsigned *count)
{
    size_t at = 0;
    while (s->n && s->p[0] != 'T') {
        size_t i = 0;
        int64_t v = 0;
        while (i < s->n && digit(s->p[i]) && i < 10)
            v = v * 10 + (s->p[i++] - '0');
        if (i == 0 || i == s->n)
            return false;
        int64_t thousandths = 0;
        if (s->p[i] == '.') { /* a fraction of the seconds */
            int64_t unit = 100;
            size_t first = ++i;
            for (; i < s->n && digit(s->p[i]); i++, unit /= 10)
                thousandths += unit * (s->p[i] - '0');
            if (i == first || i == s->n || s->p[i] != 'S')
                return false;
        }
        while (units[at] && (uint8_t)units[at] != s->p[i])
            at++;
        if (!units[at])
            return false;
        if (v > DURATION_MAX / ms[at])
            return false;
        *sum += v * ms[at++] + thousandths;
        ++*count;
        *s = span_from(*s, i + 1);
    }
    return true;
}

bool check_duration(struct span s, int64_t *out)
{
    static const int64_t date[] = {365 * 86400000LL, 30 * 86400000LL, 86400000LL}, time[] = {3600000, 60000, 1000};
    int64_t sum = 0;
    unsigned count = 0, before;
    if (!s.n || s.p[0] != 'P' || s.n > 64)
        return false;
    s = span_from(s, 1);
    if (!parts(&s, "YMD", date, &sum, &count))
        return false;
    if (s.n) {
        s = span_from(s, 1);
        before = count;
        if (!parts(&s, "HMS", time, &sum, &count) || s.n || count == before)
            return false;
    }
    if (!count || sum > DURATION_MAX)
        return false;
    if (out)
        *out = sum;
    return true;
}

/* ---- times in requests --------------------------------------------------------------------------- */

enum { ABSREL_DAYS = 365 * 100 };

enum err grammar_absrel(struct span s, int64_t now, bool durations, int64_t *ms)
{
    uint64_t v;
    int64_t d;
    if (durations && check_duration(s, &d)) {
        *ms = now + d;
        return OK;
    }
    if (s.n >= 15 && s.p[8] == 'T')
        return m2mtime_get(s, ms);
    bool minus = s.n && s.p[0] == '-';
    struct span number = minus || (s.n && s.p[0] == '+') ? span_from(s, 1) : s;
    if (span_u64(number, (uint64_t)ABSREL_DAYS * 86400000, &v) != OK)
        return ERR_SYNTAX;
    *ms = minus ? now - (int64_t)v : now + (int64_t)v;
    return OK;
}
