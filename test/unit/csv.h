/* csv.h - just enough CSV for the tables in test/spec: fields of a line, quotes doubled inside quotes. Tests only. */
#ifndef TEST_CSV_H
#define TEST_CSV_H

#include "host/heap.h"

enum { CSV_FIELDS = 16 };

struct csv {
    struct buf text;
    struct span rest;
    struct span f[CSV_FIELDS]; /* the present line */
    size_t n;
};

/* Reads SOURCE_ROOT/test/spec/NAME and passes over its heading; aborts the test program when it cannot. */
static inline void csv_open(struct csv *c, const char *name);
/* The next line into f and n; false at the end. Fields keep their doubled quotes. */
static inline bool csv_next(struct csv *c);
static inline void csv_close(struct csv *c)
{
    heap_buf_free(&c->text);
}

static inline struct span csv_field(struct csv *c)
{
    struct span *r = &c->rest, f;
    size_t i = 0;
    if (r->n && r->p[0] == '"') {
        for (i = 1; i < r->n && (r->p[i] != '"' || (i + 1 < r->n && r->p[i + 1] == '"')); i++)
            i += r->p[i] == '"';
        f = span_of(r->p + 1, i - 1);
        *r = span_from(*r, i + 1);
        return f;
    }
    while (i < r->n && r->p[i] != ',' && r->p[i] != '\n' && r->p[i] != '\r')
        i++;
    f = span_first(*r, i);
    *r = span_from(*r, i);
    return f;
}

static inline bool csv_next(struct csv *c)
{
    c->n = 0;
    if (!c->rest.n)
        return false;
    for (;;) {
        struct span f = csv_field(c);
        if (c->n < CSV_FIELDS)
            c->f[c->n++] = f;
        if (!c->rest.n || c->rest.p[0] != ',')
            break;
        c->rest = span_from(c->rest, 1);
    }
    while (c->rest.n && (c->rest.p[0] == '\r' || c->rest.p[0] == '\n'))
        c->rest = span_from(c->rest, 1);
    return true;
}

static inline void csv_open(struct csv *c, const char *name)
{
    char path[1024];
    const char *root = getenv("SOURCE_ROOT");
    (void)snprintf(path, sizeof path, "%s/test/spec/%s", root ? root : ".", name);
    c->text = heap_buf(16 << 20);
    if (file_read(path, &c->text) != OK) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        abort();
    }
    c->rest = buf_span(&c->text);
    (void)csv_next(c);
}

#endif
