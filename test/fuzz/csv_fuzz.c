/* Targets: csv_header, csv_object. The first line is the header, the rest one record. Property: what comes out is one
 * JSON object with no more members than the header has names. */
#include "target.h"

#include "wire/csv.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static uint8_t room[1 << 20], text[1 << 20];
    static struct csv h;
    struct span record = span_of(p, n), first = span_cut(&record, '\n');
    struct arena a;
    struct buf b = BUF_ARRAY(text);
    struct jval *v;
    arena_over(&a, room, sizeof room);
    if (csv_header(first, &a, &h) != OK || csv_object(&h, record, &a, &b) != OK)
        return 0;
    arena_over(&a, room, sizeof room);
    enum err e = json_parse(buf_span(&b), &a, &v, NULL);
    if (e == ERR_NOMEM)
        return 0;
    if (e != OK || v->type != J_OBJ || v->n > h.n)
        __builtin_trap();
    return 0;
}
