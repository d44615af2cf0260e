/* Targets: json_parse, json_check, json_str, jw_str. Property: what parses also checks, and a string
 * that was read and written again reads the same. */
#include "target.h"

#include "wire/json.h"

static uint8_t memory[1 << 22], text[1 << 16];

static void walk(const struct jval *v, struct arena *a)
{
    for (const struct jval *m = v->child; m; m = m->next) {
        struct span s;
        if (json_str(m, a, &s) == OK) {
            struct buf b = BUF_ARRAY(text);
            struct jw w = jw_over(&b);
            jw_str(&w, s);
            struct jval *again;
            struct span t;
            if (b.e == OK &&
                (json_parse(buf_span(&b), a, &again, NULL) == OK ? json_str(again, a, &t) != OK || !span_eq(s, t)
                                                                 : arena_ok(a)))
                __builtin_trap();
        }
        walk(m, a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jval *v;
    arena_over(&a, memory, sizeof memory);
    enum err e = json_parse(span_of(data, size), &a, &v, NULL);
    enum err c = json_check(span_of(data, size), NULL);
    if (e == OK && c != OK)
        __builtin_trap();
    if (e == OK)
        walk(v, &a);
    return 0;
}
