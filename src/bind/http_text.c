/* http_text.c - percent-encoding and media types. */
#include "bind/http_part.h"
#include "wire/utf8.h"

/* ---- percent-encoding ----------------------------------------------------------------------------- */

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool plain(struct span s, bool plus)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' || (plus && s.p[i] == '+'))
            return false;
    return true;
}

static bool text(struct span s)
{
    uint8_t all = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < ' ' || s.p[i] == 127)
            return false;
        all |= s.p[i];
    }
    return all < 0x80 || utf8_bad(s) == s.n;
}

enum err bind_decode(struct span s, bool plus, struct arena *a, struct span *out)
{
    *out = s;
    if (plain(s, plus))
        return text(s) ? OK : ERR_SYNTAX;
    uint8_t *p = arena_alloc(a, s.n);
    size_t n = 0;
    if (!p)
        return ERR_NOMEM;
    for (size_t i = 0; i < s.n; i++) {
        p[n] = s.p[i] == '+' && plus ? ' ' : s.p[i];
        if (s.p[i] == '%') {
            bool room = i + 2 < s.n;
            int hi = room ? hex(s.p[i + 1]) : -1, lo = room ? hex(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return ERR_SYNTAX;
            p[n] = (uint8_t)(hi << 4 | lo);
            i += 2;
        }
        n++;
    }
    *out = span_of(p, n);
    return text(*out) ? OK : ERR_SYNTAX;
}

static bool unreserved(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

void bind_encode(struct buf *b, struct span s, bool plus)
{
    for (size_t i = 0; i < s.n; i++) {
        if (unreserved(s.p[i])) {
            buf_c(b, s.p[i]);
        } else if (plus && s.p[i] == ' ') {
            buf_c(b, '+');
        } else {
            buf_c(b, '%');
            buf_c(b, (uint8_t) "0123456789ABCDEF"[s.p[i] >> 4]);
            buf_c(b, (uint8_t) "0123456789ABCDEF"[s.p[i] & 15]);
        }
    }
}

/* ---- media types ---------------------------------------------------------------------------------- */

static struct span trim(struct span s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static enum ser of_subtype(struct span s)
{
    if (span_eq_nocase(s, SPAN("json")))
        return SER_JSON;
    if (span_eq_nocase(s, SPAN("xml")))
        return SER_XML;
    return span_eq_nocase(s, SPAN("cbor")) ? SER_CBOR : SER_OTHER;
}

/* vnd.onem2m-res+json and its kin (TS-0004 6.7). */
static bool vnd_subtype(struct span s, struct span *format)
{
    static const char *const kinds[] = {"res", "ntfy", "preq", "prsp", "attrs"};
    *format = s;
    struct span head = span_cut(format, '+');
    if (!format->p || head.n < 11 || !span_eq_nocase(span_first(head, 11), SPAN("vnd.onem2m-")))
        return false;
    for (size_t i = 0; i < LEN(kinds); i++)
        if (span_eq_nocase(span_from(head, 11), span_str(kinds[i])))
            return true;
    return false;
}

enum ser bind_media(struct span content_type, bool *vnd)
{
    struct span media = trim(span_cut(&content_type, ';')), subtype = media, type = span_cut(&subtype, '/'), format;
    if (!span_eq_nocase(type, SPAN("application")) || !subtype.p)
        return SER_OTHER;
    if (!vnd_subtype(subtype, &format))
        return of_subtype(subtype);
    *vnd = true;
    return of_subtype(format);
}

struct span bind_media_param(struct span content_type, struct span name)
{
    (void)span_cut(&content_type, ';');
    while (content_type.p) {
        struct span value = trim(span_cut(&content_type, ';')), key = span_cut(&value, '=');
        if (value.p && span_eq_nocase(trim(key), name))
            return trim(value);
    }
    return SPAN_NONE;
}

static bool refused(struct span range)
{
    struct span q = bind_media_param(range, SPAN("q"));
    for (size_t i = 0; i < q.n; i++)
        if (q.p[i] != '0' && q.p[i] != '.')
            return false;
    return q.n > 0;
}

uint8_t bind_accept(struct span accept, bool *vnd)
{
    enum { ALL = 1 << SER_JSON | 1 << SER_XML | 1 << SER_CBOR };
    uint8_t bits = 0;
    while (accept.p) {
        struct span range = trim(span_cut(&accept, ',')), rest = range, media = trim(span_cut(&rest, ';'));
        if (!media.n || refused(range))
            continue;
        if (span_eq(media, SPAN("*/*")) || span_eq_nocase(media, SPAN("application/*")))
            bits |= ALL;
        else
            bits |= (uint8_t)(1 << bind_media(media, vnd));
    }
    return bits;
}
