#include "base/code.h"
#include "wire/json.h"
#include "wire/utf8.h"

static void value(struct jw *w)
{
    if (w->comma)
        buf_c(w->b, ',');
    w->comma = true;
}

static void open_with(struct jw *w, uint8_t c)
{
    value(w);
    buf_c(w->b, c);
    w->comma = false;
    w->depth++;
}

static void close_with(struct jw *w, uint8_t c)
{
    buf_c(w->b, c);
    w->comma = true;
    w->depth--;
}

void jw_obj(struct jw *w)
{
    open_with(w, '{');
}

void jw_arr(struct jw *w)
{
    open_with(w, '[');
}

void jw_end_obj(struct jw *w)
{
    close_with(w, '}');
}

void jw_end_arr(struct jw *w)
{
    close_with(w, ']');
}

static void escaped(struct buf *b, uint8_t c)
{
    static const char short_form[][2] = {
        {'"', '"'}, {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'},
    };
    buf_c(b, '\\');
    for (size_t i = 0; i < LEN(short_form); i++)
        if ((uint8_t)short_form[i][0] == c) {
            buf_c(b, (uint8_t)short_form[i][1]);
            return;
        }
    buf_str(b, "u00");
    hex_put(b, span_of(&c, 1));
}

static void quoted(struct buf *b, struct span s)
{
    buf_c(b, '"');
    size_t clean = 0, i = 0;
    while ((i += utf8_plain(span_from(s, i))) < s.n) {
        uint8_t c = s.p[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t k = utf8_len(span_from(s, i));
        if (k > 0 && c >= 0x20 && c != '"' && c != '\\') {
            i += k;
            continue;
        }
        buf_put(b, span_of(s.p + clean, i - clean));
        if (k == 0)
            buf_str(b, "\xEF\xBF\xBD");
        else
            escaped(b, c);
        clean = ++i;
    }
    buf_put(b, span_from(s, clean));
    buf_c(b, '"');
}

void jw_name(struct jw *w, struct span name)
{
    value(w);
    quoted(w->b, name);
    buf_c(w->b, ':');
    w->comma = false;
}

void jw_str(struct jw *w, struct span s)
{
    value(w);
    quoted(w->b, s);
}

void jw_u64(struct jw *w, uint64_t v)
{
    value(w);
    buf_u64(w->b, v);
}

void jw_i64(struct jw *w, int64_t v)
{
    value(w);
    buf_i64(w->b, v);
}

void jw_bool(struct jw *w, bool v)
{
    value(w);
    buf_str(w->b, v ? "true" : "false");
}

void jw_null(struct jw *w)
{
    value(w);
    buf_str(w->b, "null");
}

void jw_raw(struct jw *w, struct span json)
{
    value(w);
    buf_put(w->b, json);
}

void jw_b64url(struct jw *w, struct span octets)
{
    value(w);
    buf_c(w->b, '"');
    b64url_put(w->b, octets);
    buf_c(w->b, '"');
}
