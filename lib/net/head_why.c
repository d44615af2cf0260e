/* Reads a head that was refused once more, line by line, to say what is wrong with it. Not on the fast path:
 * clarity counts, not speed. */
#include "net/head.h"

#include <string.h>

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.n > 0;
}

static enum http_refusal why_request_line(struct span line)
{
    struct span method = span_cut(&line, ' ');
    struct span target = span_cut(&line, ' ');
    if (!is_token(method) || target.n == 0 || line.n == 0 || span_find(line, ' ') < line.n)
        return HTTP_REFUSE_REQUEST_LINE;
    if (!span_eq(line, SPAN("HTTP/1.1")) && !span_eq(line, SPAN("HTTP/1.0")))
        return span_starts(line, SPAN("HTTP/")) ? HTTP_REFUSE_VERSION : HTTP_REFUSE_REQUEST_LINE;
    enum http_refusal why;
    return head_target_ok(target, &why) ? HTTP_REFUSE__N : why;
}

static enum http_refusal why_field(struct span line)
{
    if (line.p[0] == ' ' || line.p[0] == '\t')
        return HTTP_REFUSE_LINE_FOLD;
    struct span name = span_cut(&line, ':');
    if (!line.p || !is_token(name))
        return HTTP_REFUSE_FIELD_NAME;
    for (size_t i = 0; i < line.n; i++)
        if ((line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
            return line.p[i] == '\r' ? HTTP_REFUSE_LINE_END : HTTP_REFUSE_FIELD_VALUE;
    return HTTP_REFUSE__N;
}

struct counts {
    unsigned length, te;
};

static void count(struct counts *c, struct span line)
{
    struct span name = span_cut(&line, ':');
    c->length += span_eq_nocase(name, SPAN("content-length"));
    c->te += span_eq_nocase(name, SPAN("transfer-encoding"));
}

/* llhttp refuses these while it reads the fields; which of the two it was shows from their number. */
static enum http_refusal why_framing(const struct counts *c, enum http_refusal fallback)
{
    bool framing = fallback == HTTP_REFUSE_LENGTH_TWICE || fallback == HTTP_REFUSE_TE_UNKNOWN ||
                   fallback == HTTP_REFUSE_LENGTH_VALUE || fallback == HTTP_REFUSE_HEAD_SYNTAX;
    if (!framing)
        return fallback;
    if (c->length > 0 && c->te > 0)
        return HTTP_REFUSE_LENGTH_AND_TE;
    if (c->length > 1)
        return HTTP_REFUSE_LENGTH_TWICE;
    if (c->te > 1)
        return HTTP_REFUSE_TE_TWICE;
    return fallback;
}

enum http_refusal head_diagnose(const uint8_t *p, size_t n, bool response, enum http_refusal fallback)
{
    struct span rest = span_of(p, n);
    struct counts counts = {0, 0};
    if (span_find(rest, 0) < rest.n)
        return HTTP_REFUSE_NUL;
    if (span_starts(rest, SPAN("\r\n")))
        rest = span_from(rest, 2);
    for (bool first = true; rest.n > 0; first = false) {
        size_t lf = span_find(rest, '\n');
        struct span line = span_first(rest, lf);
        bool whole = lf < rest.n;
        if (whole && (line.n == 0 || line.p[line.n - 1] != '\r'))
            return HTTP_REFUSE_LINE_END;
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (span_find(line, '\r') < line.n)
            return HTTP_REFUSE_LINE_END;
        if (!whole || line.n == 0)
            return line.n > 0 && !first && line.p[0] <= ' ' ? HTTP_REFUSE_LINE_FOLD : why_framing(&counts, fallback);
        enum http_refusal why = HTTP_REFUSE__N;
        if (!first)
            why = why_field(line);
        else if (!response)
            why = why_request_line(line);
        if (why != HTTP_REFUSE__N)
            return why;
        count(&counts, line);
        rest = span_from(rest, lf + 1);
    }
    return why_framing(&counts, fallback);
}
