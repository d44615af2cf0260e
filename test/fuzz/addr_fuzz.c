/* Targets: addr_parse, id_parse, id_of_uri, id_of_dns. Property: what was understood and written again in a longer
 * form is understood as the same. */
#include "target.h"

#include "m2m/addr.h"

static const struct self me = {
    {(const uint8_t *)"//demo.example", 14}, {(const uint8_t *)"/id-mn", 6}, {(const uint8_t *)"mn", 2}};
static uint8_t text[1 << 16];

static void address(struct span s, const struct switches *sw)
{
    struct addr a, again;
    const char *why = NULL;
    if (addr_parse(s, &me, sw, &a, &why) != OK) {
        if (!why)
            __builtin_trap();
        return;
    }
    if (!a.path.n || a.path.p[0] == '/' || a.path.p[a.path.n - 1] == '/' || a.structured != (a.id.n == 0))
        __builtin_trap();
    if (a.where != ADDR_HERE)
        return;
    struct buf b = BUF_ARRAY(text);
    addr_put_absolute(&b, &me, a.path);
    if (b.e == OK && (addr_parse(buf_span(&b), &me, sw, &again, &why) != OK || again.where != ADDR_HERE ||
                      !span_eq(again.path, a.path) || again.structured != a.structured))
        __builtin_trap();
}

static void identifier(struct span s)
{
    struct id i = id_parse(s, &me), again;
    if (i.kind == ID_BAD || i.kind == ID_OPAQUE)
        return;
    struct buf b = BUF_ARRAY(text);
    id_put_absolute(&b, &i);
    again = id_parse(buf_span(&b), &me);
    if (buf_span(&b).n <= ID_MAX && !id_same(&i, &again))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct switches r3;
    struct switches open = switches_open();
    struct span s = span_of(data, size);
    address(s, &r3);
    address(s, &open);
    identifier(s);
    (void)id_of_uri(s);
    struct buf b = BUF_ARRAY(text);
    if (id_of_dns(s, &me, &b) == OK && b.n < 2)
        __builtin_trap();
    return 0;
}
