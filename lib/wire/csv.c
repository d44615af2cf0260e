#include "wire/csv.h"

#include "wire/json.h"
#include "wire/utf8.h"

struct field {
    struct span text;
    bool quoted;
};

bool csv_whole(struct span text)
{
    bool inside = false;
    for (size_t i = 0; i < text.n; i++)
        inside ^= text.p[i] == '"';
    return !inside;
}

/* A quoted field at the start of *s, its doubled quotes made single. ERR_SYNTAX when it does not end, or when something
 * stands between its end and the comma. */
static enum err take_quoted(struct span *s, struct arena *a, struct field *out)
{
    uint8_t *p = (uint8_t *)arena_alloc(a, s->n);
    size_t n = 0, i = 1;
    if (!p)
        return ERR_NOMEM;
    for (;; i++) {
        if (i >= s->n)
            return ERR_SYNTAX;
        if (s->p[i] == '"') {
            if (i + 1 >= s->n || s->p[i + 1] != '"')
                break;
            i++;
        }
        p[n++] = s->p[i];
    }
    *out = (struct field){span_of(p, n), true};
    struct span rest = span_from(*s, i + 1);
    if (rest.n > 0 && rest.p[0] != ',')
        return ERR_SYNTAX;
    *s = rest.n > 0 ? span_of(rest.p + 1, rest.n - 1) : SPAN_NONE;
    return OK;
}

/* Takes the next field off *s; afterwards s->p is NULL when it was the last. */
static enum err take_field(struct span *s, struct arena *a, struct field *out)
{
    if (s->n > 0 && s->p[0] == '"')
        return take_quoted(s, a, out);
    *out = (struct field){span_cut(s, ','), false};
    return span_find(out->text, '"') == out->text.n ? OK : ERR_SYNTAX;
}

static enum err check(struct span record)
{
    if (record.n > CSV_RECORD_MAX)
        return ERR_LIMIT;
    return utf8_bad(record) == record.n && span_find(record, 0) == record.n ? OK : ERR_SYNTAX;
}

static bool has_name(const struct csv *h, struct span name)
{
    for (size_t i = 0; i < h->n; i++)
        if (span_eq(h->name[i], name))
            return true;
    return false;
}

enum err csv_header(struct span record, struct arena *a, struct csv *out)
{
    struct field f;
    out->n = 0;
    TRY(check(record));
    if (span_starts(record, SPAN("\xef\xbb\xbf")))
        record = span_from(record, 3);
    struct span rest = record.p ? record : SPAN("");
    while (rest.p) {
        TRY(take_field(&rest, a, &f));
        if (f.text.n == 0)
            return ERR_NOTFOUND;
        if (has_name(out, f.text))
            return ERR_EXISTS;
        if (out->n == CSV_FIELDS_MAX)
            return ERR_LIMIT;
        out->name[out->n] = arena_dup(a, f.text);
        if (!arena_ok(a))
            return ERR_NOMEM;
        out->n++;
    }
    return OK;
}

static bool is_value(struct span s)
{
    if (span_eq(s, SPAN("true")) || span_eq(s, SPAN("false")))
        return true;
    bool begins = s.n > 0 && (s.p[0] == '-' || (s.p[0] >= '0' && s.p[0] <= '9'));
    return begins && s.p[s.n - 1] >= '0' && s.p[s.n - 1] <= '9' && json_check(s, NULL) == OK;
}

static void put_field(struct jw *w, struct span name, const struct field *f)
{
    if (!f->quoted && f->text.n == 0)
        return;
    jw_name(w, name);
    if (!f->quoted && is_value(f->text))
        jw_raw(w, f->text);
    else
        jw_str(w, f->text);
}

static enum err put_fields(struct jw *w, const struct csv *h, struct span rest, struct arena *a)
{
    struct field f;
    for (size_t i = 0; i < h->n; i++) {
        if (!rest.p)
            return ERR_RANGE;
        TRY(take_field(&rest, a, &f));
        put_field(w, h->name[i], &f);
    }
    return rest.p ? ERR_RANGE : OK;
}

enum err csv_object(const struct csv *h, struct span record, struct arena *a, struct buf *out)
{
    size_t start = out->n;
    struct jw w = jw_over(out);
    TRY(check(record));
    jw_obj(&w);
    enum err e = put_fields(&w, h, record.p ? record : SPAN(""), a);
    jw_end_obj(&w);
    if (e == OK)
        e = out->e;
    if (e != OK)
        out->n = start;
    return e;
}
