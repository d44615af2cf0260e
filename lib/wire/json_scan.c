#include "wire/json_scan.h"

#include "wire/utf8.h"

enum want { VALUE, VALUE_OR_END, NAME_OR_END, NAME, COMMA_OR_END, NOTHING };

void jscan_over(struct jscan *s, struct span text)
{
    *s = (struct jscan){.text = text, .want = VALUE};
}

static enum err refuse(struct jscan *s, enum err e, size_t at, const char *what)
{
    s->why = (struct jerr){.e = e, .at = at, .what = what};
    return e;
}

static int peek(const struct jscan *s)
{
    return s->at < s->text.n ? s->text.p[s->at] : -1;
}

static void skip_blank(struct jscan *s)
{
    for (int c = peek(s); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(s))
        s->at++;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hexadecimal digits at `at`, or -1. */
static int32_t hex4(struct span t, size_t at)
{
    int32_t v = 0;
    for (size_t i = at; i < at + 4; i++) {
        int d = i < t.n ? hex_digit(t.p[i]) : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* After a backslash at s->at; moves behind the escape. */
static enum err scan_escape(struct jscan *s)
{
    size_t start = s->at++;
    int c = peek(s);
    s->at++;
    if (c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' || c == 't')
        return OK;
    if (c != 'u')
        return refuse(s, ERR_SYNTAX, start, "an unknown escape in a string");
    int32_t u = hex4(s->text, s->at);
    if (u < 0)
        return refuse(s, ERR_SYNTAX, start, "an escape without four hexadecimal digits");
    s->at += 4;
    if (u == 0)
        return refuse(s, ERR_SYNTAX, start, "a NUL character in a string");
    if (u < 0xD800 || u > 0xDFFF)
        return OK;
    bool pair = u < 0xDC00 && peek(s) == '\\' && s->at + 1 < s->text.n && s->text.p[s->at + 1] == 'u';
    int32_t low = pair ? hex4(s->text, s->at + 2) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return refuse(s, ERR_SYNTAX, start, "an unpaired surrogate in a string");
    s->at += 6;
    return OK;
}

static enum err scan_string(struct jscan *s, bool *esc)
{
    size_t start = s->at++;
    *esc = false;
    for (;;) {
        s->at += utf8_plain(span_from(s->text, s->at));
        int c = peek(s);
        if (c < 0)
            return refuse(s, ERR_SYNTAX, start, "a string without an end");
        if (c == '"') {
            s->at++;
            return OK;
        }
        if (c == '\\') {
            *esc = true;
            TRY(scan_escape(s));
            continue;
        }
        if (c < 0x20)
            return refuse(s, ERR_SYNTAX, s->at, "a control character in a string");
        size_t k = c < 0x80 ? 1 : utf8_len(span_from(s->text, s->at));
        if (k == 0)
            return refuse(s, ERR_UTF8, s->at, "octets that are not UTF-8 in a string");
        s->at += k;
    }
}

/* Moves over digits; false when there was none. */
static bool digits(struct jscan *s)
{
    size_t start = s->at;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return s->at > start;
}

static enum err scan_number(struct jscan *s, enum jtok *tok)
{
    size_t start = s->at;
    *tok = JT_INT;
    if (peek(s) == '-')
        s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!digits(s))
        return refuse(s, ERR_SYNTAX, start, "a number without digits");
    if (peek(s) == '.') {
        *tok = JT_FLOAT;
        s->at++;
        if (!digits(s))
            return refuse(s, ERR_SYNTAX, start, "a number without digits behind its point");
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        *tok = JT_FLOAT;
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        if (!digits(s))
            return refuse(s, ERR_SYNTAX, start, "a number without digits in its exponent");
    }
    return OK;
}

static enum err scan_word(struct jscan *s, enum jtok *tok)
{
    static const struct {
        struct span text;
        enum jtok tok;
    } words[] = {
        {{(const uint8_t *)"true", 4}, JT_BOOL},
        {{(const uint8_t *)"false", 5}, JT_BOOL},
        {{(const uint8_t *)"null", 4}, JT_NULL},
    };
    struct span rest = span_from(s->text, s->at);
    for (size_t i = 0; i < LEN(words); i++)
        if (span_starts(rest, words[i].text)) {
            s->at += words[i].text.n;
            *tok = words[i].tok;
            return OK;
        }
    return refuse(s, ERR_SYNTAX, s->at, s->at < s->text.n ? "an unexpected character" : "the text ends too early");
}

static void after_value(struct jscan *s)
{
    s->want = s->depth == 0 ? NOTHING : COMMA_OR_END;
}

static enum err scan_open(struct jscan *s, int c, enum jtok *tok)
{
    if (s->depth >= JSON_DEPTH_MAX)
        return refuse(s, ERR_DEPTH, s->at, "nested deeper than 64 levels");
    s->at++;
    s->in_obj[++s->depth] = c == '{';
    s->want = c == '{' ? NAME_OR_END : VALUE_OR_END;
    *tok = c == '{' ? JT_OBJ : JT_ARR;
    return OK;
}

static enum err scan_close(struct jscan *s, enum jtok *tok)
{
    s->at++;
    *tok = s->in_obj[s->depth] ? JT_END_OBJ : JT_END_ARR;
    s->depth--;
    after_value(s);
    return OK;
}

static enum err scan_value(struct jscan *s, enum jtok *tok, bool *esc)
{
    int c = peek(s);
    if (c == '{' || c == '[')
        return scan_open(s, c, tok);
    if (c == '"') {
        *tok = JT_STR;
        TRY(scan_string(s, esc));
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        TRY(scan_number(s, tok));
    } else {
        TRY(scan_word(s, tok));
    }
    after_value(s);
    return OK;
}

static enum err scan_name(struct jscan *s, enum jtok *tok, struct span *raw, bool *esc)
{
    if (peek(s) != '"')
        return refuse(s, ERR_SYNTAX, s->at, "a member without a name in quotes");
    size_t start = s->at;
    TRY(scan_string(s, esc));
    *raw = span_of(s->text.p + start, s->at - start);
    skip_blank(s);
    if (peek(s) != ':')
        return refuse(s, ERR_SYNTAX, s->at, "a member name without a colon behind it");
    s->at++;
    s->want = VALUE;
    *tok = JT_KEY;
    return OK;
}

enum err jscan_next(struct jscan *s, enum jtok *tok, struct span *raw, bool *esc)
{
    *esc = false;
    skip_blank(s);
    int c = peek(s);
    if (s->want == NOTHING) {
        *tok = JT_EOF;
        return c < 0 ? OK : refuse(s, ERR_SYNTAX, s->at, "text behind the value");
    }
    if (s->want == COMMA_OR_END && c == ',') {
        s->at++;
        s->want = s->in_obj[s->depth] ? NAME : VALUE;
        skip_blank(s);
        c = peek(s);
    } else if (s->want == COMMA_OR_END && c != (s->in_obj[s->depth] ? '}' : ']')) {
        return refuse(s, ERR_SYNTAX, s->at, "neither a comma nor the end of the container");
    }
    size_t start = s->at;
    bool may_end = s->want == VALUE_OR_END || s->want == NAME_OR_END || s->want == COMMA_OR_END;
    if (may_end && c == (s->in_obj[s->depth] ? '}' : ']')) {
        TRY(scan_close(s, tok));
    } else if (s->want == NAME || s->want == NAME_OR_END) {
        return scan_name(s, tok, raw, esc);
    } else {
        TRY(scan_value(s, tok, esc));
    }
    *raw = span_of(s->text.p + start, s->at - start);
    return OK;
}
