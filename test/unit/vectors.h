/* vectors.h - the given vectors, read with our own parser; counts what ran. Static inline: each test is one file. */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/code.h"
#include "host/heap.h"
#include "wire/json.h"

struct vectors {
    struct buf text;
    struct arena a;
    struct jval *root, *list;
    unsigned ran, skipped;
};

/* Opens test/vectors/given/NAME.json; stops the test when it cannot be read. */
static inline void vectors_open(struct vectors *v, const char *name)
{
    char path[512];
    const char *top = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/test/vectors/given/%s.json", top ? top : ".", name);
    *v = (struct vectors){.text = heap_buf(16 << 20)};
    heap_arena(&v->a, 1 << 20, 256 << 20);
    enum err e = file_read(path, &v->text);
    if (e == OK)
        e = json_parse(buf_span(&v->text), &v->a, &v->root, NULL);
    v->list = JSON_GET(v->root, "vectors");
    if (e != OK || !v->list) {
        fprintf(stderr, "%s: %s\n", path, err_text(e));
        abort();
    }
}

/* Tells the numbers, and whether every vector was either run or skipped on purpose. */
static inline bool vectors_close(struct vectors *v, const char *name)
{
    uint32_t all = v->list->n;
    printf("# vectors %s: %u run, %u out of scope, %u in all\n", name, v->ran, v->skipped, all);
    bool whole = v->ran + v->skipped == all;
    arena_reset(&v->a);
    heap_buf_free(&v->text);
    return whole;
}

/* The string member; an empty span with p NULL when it is absent or null. */
static inline struct span vec_str(struct vectors *v, const struct jval *o, const char *name)
{
    struct span s = SPAN_NONE;
    const struct jval *m = json_get(o, span_str(name));
    if (m && m->type == J_STR && json_str(m, &v->a, &s) != OK)
        abort();
    return s;
}

/* Octets of a hexadecimal member. */
static inline struct span vec_hex(struct vectors *v, const struct jval *o, const char *name)
{
    struct span h = vec_str(v, o, name);
    uint8_t *p = (uint8_t *)arena_alloc(&v->a, h.n / 2 + 1);
    struct buf b = buf_over(p, h.n / 2 + 1);
    if (!p || hex_get(h, &b) != OK)
        abort();
    return buf_span(&b);
}

static inline uint64_t vec_u64(const struct jval *o, const char *name)
{
    uint64_t u = 0;
    if (json_u64(json_get(o, span_str(name)), UINT64_MAX >> 1, &u) != OK)
        abort();
    return u;
}

static inline void vec_fail(struct span id, const char *what, struct span got, struct span want)
{
    fprintf(stderr, "vector %.*s: %s: got %.*s, want %.*s\n", SPAN_FMT(id), what, SPAN_FMT(got), SPAN_FMT(want));
}

#endif
