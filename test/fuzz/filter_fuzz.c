/* Targets: labelq_parse, geo_parse, jsonpath_parse. Properties: an expression and its opposite never both hold where
 * the key is there; a geometry lies in itself and meets itself; what lies in another meets it. */
#include "target.h"

#include "host/heap.h"
#include "m2m/geo.h"
#include "m2m/jsonpath.h"
#include "m2m/labelq.h"

static void labels(struct span s, struct arena *a)
{
    static const struct span have[] = {{(const uint8_t *)"a:1", 3}, {(const uint8_t *)"b", 1}};
    struct labelq q;
    if (labelq_parse(s, a, &q) != OK)
        return;
    if (!q.n || q.n > LABELQ_TERMS_MAX)
        __builtin_trap();
    for (size_t i = 0; i < q.n; i++) {
        struct labelq_term not = q.v[i];
        struct labelq one = {&q.v[i], 1}, other = {&not, 1};
        if (!q.v[i].key.n)
            __builtin_trap();
        not .op = (uint8_t)(q.v[i].op ^ 1);
        if (labelq_match(&one, have, 2) && labelq_match(&other, have, 2))
            __builtin_trap();
    }
}

static void places(struct span s, struct arena *a)
{
    static const char square[] = "[[0,0],[10,0],[10,10],[0,10]]";
    struct geo g, h;
    if (!s.n || geo_parse(s.p[0] % 8u, span_from(s, 1), a, &g) != OK ||
        geo_parse(GEO_POLYGON, span_str(square), a, &h) != OK)
        return;
    bool in = geo_within(&g, &h);
    if (!geo_intersects(&g, &g) || (in && !geo_intersects(&g, &h)) || geo_intersects(&g, &h) != geo_intersects(&h, &g))
        __builtin_trap();
}

static void paths(struct span s, struct arena *a)
{
    static const char text[] = "{\"a\":[1,{\"b\":\"x\"},[[true]]],\"c\":{\"a\":null}}";
    struct jsonpath p;
    struct jval *v;
    if (jsonpath_parse(s, a, &p) != OK || json_parse(span_str(text), a, &v, NULL) != OK)
        return;
    if (jsonpath_selects(&p, v) && p.n > 64)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    heap_arena(&a, 4096, 4 << 20);
    labels(span_of(data, size), &a);
    places(span_of(data, size), &a);
    paths(span_of(data, size), &a);
    arena_reset(&a);
    return 0;
}
