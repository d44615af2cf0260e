/* What the fields of a head mean for the framing of its message. */
#include "net/head.h"

#include <string.h>

struct seen {
    unsigned host, length, te;
    bool close, keep;
    struct span te_value, host_value, length_value, expect;
    bool has_expect;
};

static void note_connection(struct seen *s, struct span list)
{
    while (list.n > 0) {
        struct span word = span_cut(&list, ',');
        while (word.n > 0 && (word.p[0] == ' ' || word.p[0] == '\t'))
            word = span_from(word, 1);
        while (word.n > 0 && (word.p[word.n - 1] == ' ' || word.p[word.n - 1] == '\t'))
            word.n--;
        s->close = s->close || span_eq_nocase(word, SPAN("close"));
        s->keep = s->keep || span_eq_nocase(word, SPAN("keep-alive"));
    }
}

static void note(struct seen *s, struct span name, struct span value)
{
    switch (name.n) { /* most names differ by length alone */
    case 4:
        if (span_eq_nocase(name, SPAN("host"))) {
            s->host++;
            s->host_value = value;
        }
        break;
    case 6:
        if (span_eq_nocase(name, SPAN("expect"))) {
            s->has_expect = true;
            s->expect = value;
        }
        break;
    case 10:
        if (span_eq_nocase(name, SPAN("connection")))
            note_connection(s, value);
        break;
    case 14:
        if (span_eq_nocase(name, SPAN("content-length"))) {
            s->length++;
            s->length_value = value;
        }
        break;
    case 17:
        if (span_eq_nocase(name, SPAN("transfer-encoding"))) {
            s->te++;
            s->te_value = value;
        }
        break;
    default:
        break;
    }
}

/* uri-host [ ":" port ] (RFC 3986 section 3.2): a name, an IPv4 address, or an address in brackets. */
static bool host_ok(struct span v)
{
    size_t at = 0;
    bool bracket = v.n > 0 && v.p[0] == '[';
    for (; at < v.n; at++) {
        uint8_t c = v.p[at];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (bracket && at > 0 && c == ']') {
            at++;
            break;
        }
        if (!bracket && c == ':')
            break;
        if (!alnum && (c == 0 || !strchr(bracket ? ":.[" : "-._~!$&'()*+,;=%", c)))
            return false;
    }
    if (at == 0 || (bracket && v.p[at - 1] != ']'))
        return false;
    if (at == v.n)
        return true;
    uint64_t port;
    return v.p[at] == ':' && (at + 1 == v.n || span_u64(span_from(v, at + 1), 65535, &port) == OK);
}

static enum http_refusal check_framing(struct head *h, const struct seen *s)
{
    if (s->length > 0 && s->te > 0)
        return HTTP_REFUSE_LENGTH_AND_TE;
    if (s->length > 1)
        return HTTP_REFUSE_LENGTH_TWICE;
    if (s->te > 1)
        return HTTP_REFUSE_TE_TWICE;
    if (s->te == 1) {
        if (h->minor == 0)
            return HTTP_REFUSE_TE_VERSION;
        if (!span_eq_nocase(s->te_value, SPAN("chunked")))
            return HTTP_REFUSE_TE_UNKNOWN;
        h->chunked = true;
    }
    uint64_t length;
    if (s->length == 1) {
        enum err e = span_u64(s->length_value, INT64_MAX, &length);
        if (e != OK)
            return e == ERR_RANGE ? HTTP_REFUSE_BODY_SIZE : HTTP_REFUSE_LENGTH_VALUE;
        if (length > h->max->body && !h->response) /* an answer to HEAD has a length and no body */
            return HTTP_REFUSE_BODY_SIZE;
        h->length = (int64_t)length;
    }
    return HTTP_REFUSE__N;
}

static enum http_refusal check_request(struct head *h, const uint8_t *base, const struct seen *s)
{
    enum http_refusal why;
    if (!head_target_ok(span_of(base + h->target.at, h->target.n), &why))
        return why;
    if (s->host == 0 && h->minor == 1)
        return HTTP_REFUSE_HOST_MISSING;
    if (s->host > 1)
        return HTTP_REFUSE_HOST_TWICE;
    if (s->host == 1 && !host_ok(s->host_value))
        return HTTP_REFUSE_HOST_VALUE;
    if (s->has_expect && h->minor == 1) {
        if (!span_eq_nocase(s->expect, SPAN("100-continue")))
            return HTTP_REFUSE_EXPECT;
        h->expects_continue = true;
    }
    return HTTP_REFUSE__N;
}

bool head_meaning(struct head *h, const uint8_t *base)
{
    struct seen s = {0};
    for (unsigned i = 0; i < h->fields; i++)
        note(&s, span_of(base + h->name[i].at, h->name[i].n), span_of(base + h->value[i].at, h->value[i].n));
    h->keep_alive = h->minor == 1 ? !s.close : s.keep && !s.close;
    h->why = check_framing(h, &s);
    if (h->why == HTTP_REFUSE__N && !h->response)
        h->why = check_request(h, base, &s);
    return h->why == HTTP_REFUSE__N;
}

/* ---- the target */

/* RFC 3986 pchar and '/'; a query may hold any other printable character too, for clients that do not
 * encode there, but never '#'. */
static bool target_octet(uint8_t c, bool query)
{
    static const uint64_t low = (~0ull << 0x21) & ~(1ull << '"' | 1ull << '#' | 1ull << '<' | 1ull << '>');
    static const uint64_t high = ~(1ull << ('\\' - 64) | 1ull << ('^' - 64) | 1ull << ('`' - 64) | 1ull << ('{' - 64) |
                                   1ull << ('|' - 64) | 1ull << ('}' - 64) | 1ull << 63);
    if (c >= 128)
        return false;
    if (c < 64 ? low >> c & 1 : high >> (c - 64) & 1)
        return true;
    return query && c > 0x20 && c < 0x7f && c != '#';
}

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Is the path segment "." or "..", percent-encoded or not? */
static bool is_dots(struct span s)
{
    unsigned dots = 0;
    while (s.n > 0 && dots <= 2) {
        if (s.p[0] == '.') {
            s = span_from(s, 1);
        } else if (s.n >= 3 && s.p[0] == '%' && s.p[1] == '2' && (s.p[2] | 0x20) == 'e') {
            s = span_from(s, 3);
        } else {
            return false;
        }
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool has_dots(struct span path)
{
    path = span_from(path, 1);
    while (path.p) {
        if (is_dots(span_cut(&path, '/')))
            return true;
    }
    return false;
}

bool head_target_ok(struct span target, enum http_refusal *why)
{
    *why = HTTP_REFUSE_TARGET_FORM;
    if (target.n == 0 || target.p[0] != '/')
        return false;
    bool query = false, dot = false;
    for (size_t i = 0; i < target.n; i++) {
        uint8_t c = target.p[i];
        *why = HTTP_REFUSE_TARGET_OCTET;
        if (!target_octet(c, query))
            return false;
        *why = HTTP_REFUSE_TARGET_PERCENT;
        if (c == '%' && (target.n - i < 3 || hex(target.p[i + 1]) < 0 || hex(target.p[i + 2]) < 0 ||
                         (target.p[i + 1] == '0' && target.p[i + 2] == '0')))
            return false;
        query = query || c == '?';
        dot = dot || (!query && (c == '.' || c == '%'));
    }
    *why = HTTP_REFUSE_TARGET_DOTS;
    if (dot && has_dots(span_first(target, span_find(target, '?'))))
        return false;
    *why = HTTP_REFUSE__N;
    return true;
}
