/* Target: mefcmd_read. Property: what it takes it writes so that it reads the same again. */
#include "target.h"

#include "host/heap.h"
#include "m2m/mefcmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t first[8192], second[8192];
    struct arena a;
    struct jval *doc;
    struct mefcmd c;
    heap_arena(&a, 16384, 1 << 20);
    if (json_parse(span_of(data, size), &a, &doc, NULL) == OK && mefcmd_read(doc, &a, &c) == MEFCMD_OK) {
        struct buf x = BUF_ARRAY(first), y = BUF_ARRAY(second);
        struct jw w = jw_over(&x), u = jw_over(&y);
        mefcmd_put(&w, &c);
        if (x.e != OK || json_parse(buf_span(&x), &a, &doc, NULL) != OK || mefcmd_read(doc, &a, &c) != MEFCMD_OK)
            __builtin_trap();
        mefcmd_put(&u, &c);
        if (!span_eq(buf_span(&x), buf_span(&y)))
            __builtin_trap();
        (void)mefcmd_acceptable(&c, SPAN("mef.example"));
    }
    arena_reset(&a);
    return 0;
}
