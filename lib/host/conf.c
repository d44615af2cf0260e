#include "host/conf_in.h"

#include "host/heap.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

/* inih keeps section and key in arrays of 50 octets and lines in one of 200 (its Debian build), and cuts
 * without a word what is longer. We refuse such lines before inih sees them. */
enum { FILE_MAX = 1 << 20, NAME_MAX_OCTETS = 48, LINE_MAX_OCTETS = 196 };

struct entry {
    struct entry *next;
    const struct conf_row *row;
    char *section, *value;
    int64_t n;
    unsigned line;
};

struct section {
    struct section *next;
    char *name;
    unsigned line;
};

struct conf {
    const struct conf_row *rows;
    size_t n_rows;
    char *path;
    struct entry *entries, **entries_end;
    struct section *sections, **sections_end;
};

struct reading {
    struct conf *c;
    struct span rest;
    unsigned line;
    bool bad;
    struct buf *why;
};

/* ---- names */

/* "seal *" stands for "seal NAME". */
static bool section_is(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);
    if (n < 2 || strcmp(pattern + n - 2, " *") != 0)
        return strcmp(pattern, name) == 0;
    return strncmp(pattern, name, n - 1) == 0 && name[n - 1] != 0;
}

static bool section_known(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_rows; i++)
        if (section_is(c->rows[i].section, name))
            return true;
    return false;
}

static const struct conf_row *row_of(const struct conf *c, const char *section, const char *key)
{
    for (size_t i = 0; i < c->n_rows; i++)
        if (section_is(c->rows[i].section, section) && strcmp(c->rows[i].key, key) == 0)
            return &c->rows[i];
    return NULL;
}

/* Compares by the part of a pattern that is fixed. */
static unsigned section_distance(const char *pattern, const char *name)
{
    char fixed[64], head[64];
    size_t n = strcspn(pattern, "*"), m = strlen(name);
    if (pattern[n] == 0 || n == 0)
        return conf_distance(pattern, name);
    size_t word = strcspn(name, " ");
    if (n >= sizeof fixed || m >= sizeof head)
        return 99;
    memcpy(fixed, pattern, n - 1);
    fixed[n - 1] = 0;
    memcpy(head, name, word);
    head[word] = 0;
    return conf_distance(fixed, head);
}

static const char *nearest_section(const struct conf *c, const char *name)
{
    const char *best = NULL;
    unsigned least = 100;
    for (size_t i = 0; i < c->n_rows; i++) {
        unsigned d = section_distance(c->rows[i].section, name);
        if (d < least) {
            least = d;
            best = c->rows[i].section;
        }
    }
    return best;
}

static const char *nearest_key(const struct conf *c, const char *section, const char *key)
{
    const char *best = NULL;
    unsigned least = 100;
    for (size_t i = 0; i < c->n_rows; i++) {
        if (!section_is(c->rows[i].section, section))
            continue;
        unsigned d = conf_distance(c->rows[i].key, key);
        if (d < least) {
            least = d;
            best = c->rows[i].key;
        }
    }
    return best;
}

/* ---- defects */

static void defect(struct reading *r, unsigned line)
{
    if (r->why) {
        if (r->bad)
            buf_c(r->why, '\n');
        buf_str(r->why, r->c->path);
        buf_c(r->why, ':');
        buf_u64(r->why, line);
        buf_str(r->why, ": ");
    }
    r->bad = true;
}

static void say(struct reading *r, const char *a, const char *b)
{
    if (!r->why)
        return;
    buf_str(r->why, a);
    buf_str(r->why, b);
}

static void unknown(struct reading *r, const char *what, const char *name, const char *nearest)
{
    defect(r, r->line);
    say(r, "unknown ", what);
    say(r, " \"", name);
    say(r, "\"", "");
    if (nearest) {
        say(r, ", nearest known: \"", nearest);
        say(r, "\"", "");
    }
}

/* ---- reading */

static void note_section(struct reading *r, struct span line)
{
    struct conf *c = r->c;
    size_t end = span_find(line, ']');
    if (end == line.n)
        return; /* inih reports it */
    if (end - 1 > NAME_MAX_OCTETS) {
        defect(r, r->line);
        say(r, "a section name longer than 48 octets", "");
        return;
    }
    struct section *s = xalloc(sizeof *s);
    s->name = xalloc(end);
    memcpy(s->name, line.p + 1, end - 1);
    s->line = r->line;
    *c->sections_end = s;
    c->sections_end = &s->next;
    if (!section_known(c, s->name)) {
        unknown(r, "section", s->name, nearest_section(c, s->name));
        return;
    }
    for (struct section *other = c->sections; other != s; other = other->next)
        if (strcmp(other->name, s->name) == 0) {
            defect(r, r->line);
            say(r, "the section appears twice: ", s->name);
            break;
        }
}

/* Hands inih one line per call, so that our count of lines is its count. */
static char *next_line(char *out, int room, void *stream)
{
    struct reading *r = stream;
    if (!r->rest.p || r->rest.n == 0)
        return NULL;
    struct span line = span_cut(&r->rest, '\n');
    r->line++;
    if (line.n > LINE_MAX_OCTETS || (size_t)room < line.n + 2 || span_find(line, 0) < line.n) {
        defect(r, r->line);
        say(r, line.n > LINE_MAX_OCTETS ? "a line longer than 196 octets" : "a line with a NUL octet", "");
        line.n = 0;
    }
    struct span text = line;
    while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = span_from(text, 1);
    if (text.n > 0 && text.p[0] == '[')
        note_section(r, text);
    if (line.n > 0)
        memcpy(out, line.p, line.n);
    out[line.n] = '\n';
    out[line.n + 1] = 0;
    return out;
}

static const struct entry *find(const struct conf *c, const char *section, const char *key)
{
    for (const struct entry *e = c->entries; e; e = e->next)
        if (strcmp(e->section, section) == 0 && strcmp(e->row->key, key) == 0)
            return e;
    return NULL;
}

static char *absolute(const struct conf *c, const char *value)
{
    const char *slash = strrchr(c->path, '/');
    if (value[0] == '/' || value[0] == ':' || !slash)
        return xstrdup(value);
    size_t folder = (size_t)(slash - c->path) + 1, n = strlen(value) + 1;
    char *p = xalloc(folder + n);
    memcpy(p, c->path, folder);
    memcpy(p + folder, value, n);
    return p;
}

static struct span trim(struct span s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_from(s, 1);
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Takes `value` over. */
static void put_entry(struct reading *r, const struct conf_row *row, const char *section, char *value, int64_t n)
{
    struct entry *e = xalloc(sizeof *e);
    e->row = row;
    e->section = xstrdup(section);
    e->value = value;
    e->n = n;
    e->line = r->line;
    *r->c->entries_end = e;
    r->c->entries_end = &e->next;
}

static void add(struct reading *r, const struct conf_row *row, const char *section, const char *value)
{
    struct conf *c = r->c;
    char text[256];
    struct buf shape = buf_over(text, sizeof text);
    int64_t n;
    if (conf_value(row, span_str(value), &n, &shape) != OK) {
        buf_nul(&shape);
        defect(r, r->line);
        say(r, row->key, " must be ");
        say(r, shape.e == OK ? text : "something else", "");
        return;
    }
    if (row->type != CONF_LIST) {
        put_entry(r, row, section, row->type == CONF_PATH ? absolute(c, value) : xstrdup(value), n);
        return;
    }
    struct span rest = span_str(value);
    while (rest.p) { /* a list has one entry per text */
        struct span item = trim(span_cut(&rest, ','));
        if (item.n == 0)
            continue;
        char *copy = xalloc(item.n + 1);
        memcpy(copy, item.p, item.n);
        put_entry(r, row, section, copy, 0);
    }
}

static int on_value(void *user, const char *section, const char *key, const char *value)
{
    struct reading *r = user;
    const struct conf_row *row = row_of(r->c, section, key);
    if (!section_known(r->c, section)) {
        if (section[0] == 0) {
            defect(r, r->line);
            say(r, "a key before the first section: ", key);
        }
        return 1; /* the section itself was reported */
    }
    if (!row) {
        unknown(r, "key", key, nearest_key(r->c, section, key));
        say(r, " in [", section);
        say(r, "]", "");
        return 1;
    }
    const struct entry *before = find(r->c, section, key);
    if (before && row->type != CONF_LIST) {
        defect(r, r->line);
        say(r, key, " is set twice");
        return 1;
    }
    add(r, row, section, value);
    return 1;
}

static void check_required(struct reading *r)
{
    struct conf *c = r->c;
    for (const struct section *s = c->sections; s; s = s->next)
        for (size_t i = 0; i < c->n_rows; i++) {
            const struct conf_row *row = &c->rows[i];
            if (row->need != CONF_REQUIRED || !section_is(row->section, s->name) || find(c, s->name, row->key))
                continue;
            defect(r, s->line);
            say(r, "[", s->name);
            say(r, "] needs ", row->key);
            say(r, ": ", row->prose ? row->prose : "");
        }
}

enum err conf_read(const char *path, struct span text, const struct conf_row *rows, size_t n_rows, struct conf **out,
                   struct buf *why)
{
    struct conf *c = xalloc(sizeof *c);
    *out = NULL;
    c->rows = rows;
    c->n_rows = n_rows;
    c->path = xstrdup(path);
    c->entries_end = &c->entries;
    c->sections_end = &c->sections;
    struct reading r = {.c = c, .rest = text, .why = why};
    int line = ini_parse_stream(next_line, &r, on_value, &r);
    if (line > 0 && !r.bad) {
        defect(&r, (unsigned)line);
        say(&r, "neither a [section] nor key = value", "");
    } else if (line < 0) {
        defect(&r, 0);
        say(&r, "out of memory", "");
    }
    if (!r.bad)
        check_required(&r);
    if (r.bad) {
        conf_free(c);
        return ERR_CONFIG;
    }
    *out = c;
    return OK;
}

enum err conf_load(const char *path, const struct conf_row *rows, size_t n_rows, struct conf **out, struct buf *why)
{
    *out = NULL;
    struct buf text = heap_buf(FILE_MAX);
    enum err e = file_read(path, &text);
    if (e != OK && why) {
        buf_str(why, path);
        buf_str(why, ": ");
        buf_str(why, e == ERR_LIMIT ? "larger than 1 MiB" : strerror(errno));
    }
    if (e == OK)
        e = conf_read(path, buf_span(&text), rows, n_rows, out, why);
    heap_buf_free(&text);
    return e;
}

void conf_free(struct conf *c)
{
    if (!c)
        return;
    while (c->entries) {
        struct entry *e = c->entries;
        c->entries = e->next;
        free(e->section);
        free(e->value);
        free(e);
    }
    while (c->sections) {
        struct section *s = c->sections;
        c->sections = s->next;
        free(s->name);
        free(s);
    }
    free(c->path);
    free(c);
}

/* ---- asking */

bool conf_has(const struct conf *c, const char *section)
{
    for (const struct section *s = c->sections; s; s = s->next)
        if (strcmp(s->name, section) == 0)
            return true;
    return false;
}

const char *conf_name(const struct conf *c, const char *pattern, size_t i)
{
    size_t n = strlen(pattern);
    for (const struct section *s = c->sections; s; s = s->next)
        if (strncmp(s->name, pattern, n) == 0 && s->name[n] == ' ' && i-- == 0)
            return s->name + n + 1;
    return NULL;
}

static const struct conf_row *must_row(const struct conf *c, const char *section, const char *key)
{
    const struct conf_row *row = row_of(c, section, key);
    if (row)
        return row;
    fprintf(stderr, "oneseal: [%s] %s is no declared configuration row\n", section, key);
    abort();
}

const char *conf_text(const struct conf *c, const char *section, const char *key)
{
    const struct conf_row *row = must_row(c, section, key);
    const struct entry *e = find(c, section, key);
    return e ? e->value : row->def;
}

int64_t conf_int(const struct conf *c, const char *section, const char *key)
{
    const struct conf_row *row = must_row(c, section, key);
    const struct entry *e = find(c, section, key);
    if (e)
        return e->n;
    if (!row->def)
        return -1;
    char text[256];
    struct buf shape = BUF_ARRAY(text);
    int64_t n;
    if (conf_value(row, span_str(row->def), &n, &shape) == OK)
        return n;
    fprintf(stderr, "oneseal: the default of [%s] %s is no value of its row\n", section, key);
    abort();
}

bool conf_bool(const struct conf *c, const char *section, const char *key)
{
    return conf_int(c, section, key) > 0;
}

const char *conf_item(const struct conf *c, const char *section, const char *key, size_t i)
{
    const struct conf_row *row = must_row(c, section, key);
    bool any = false;
    for (const struct entry *e = c->entries; e; e = e->next) {
        if (strcmp(e->section, section) != 0 || strcmp(e->row->key, key) != 0)
            continue;
        any = true;
        if (i-- == 0)
            return e->value;
    }
    return !any && i == 0 ? row->def : NULL;
}

unsigned conf_line(const struct conf *c, const char *section, const char *key)
{
    const struct entry *e = find(c, section, key);
    return e ? e->line : 0;
}

void conf_where(const struct conf *c, const char *section, const char *key, struct buf *out)
{
    buf_str(out, c->path);
    buf_c(out, ':');
    buf_u64(out, conf_line(c, section, key));
    buf_str(out, ": [");
    buf_str(out, section);
    buf_str(out, "] ");
    buf_str(out, key);
    buf_str(out, ": ");
}
