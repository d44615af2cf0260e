/* Target: spec_read. Properties: whatever it takes is in the order that lookup needs, and every attribute is found by
 * its name; whatever it refuses leaves the list as it was. */
#include "target.h"

#include "m2m/check.h"
#include "m2m/spec.h"

static uint8_t memory[8 << 20];

static void must(bool yes)
{
    if (!yes)
        __builtin_trap();
}

static void check_type(const struct type *t)
{
    must(t->n < ATTRS_MAX && type_spec(t->number, t->root));
    for (size_t i = 1; i <= t->n; i++) {
        enum attr a = (enum attr)t->own[i].at;
        must(type_named(t, t->own[i].row->sn) == &t->own[i]);
        must(type_rule(t, a) == &t->own[i] && attr_find(t->own[i].row->sn) == a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct spec_list l = {0};
    struct spec_why why;
    arena_over(&a, memory, sizeof memory);
    type_extend(NULL);
    enum err e = spec_read(&l, span_of(data, size), &a, &why);
    must(e == OK ? l.n_types % 4 == 0 : l.n_types == 0 && l.n_names == 0 && (e == ERR_NOMEM || why.rule));
    type_extend(&l);
    for (size_t i = 0; i < l.n_types; i++)
        check_type(&l.types[i]);
    type_extend(NULL);
    return 0;
}
