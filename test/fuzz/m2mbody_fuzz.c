/* Targets: m2mbody_read, m2mbody_targets, m2mroute_read, name_absolute. Properties: an identifier that was made
 * absolute stays as it is, wherever it is read; what is read keeps its limits. */
#include "target.h"

#include "host/heap.h"
#include "ttp/m2mbody.h"
#include "ttp/m2mroute.h"
#include "ttp/name.h"

static void identifier(struct span s)
{
    uint8_t one[NAME_MAX_OCTETS], two[NAME_MAX_OCTETS];
    struct buf a = BUF_ARRAY(one), b = BUF_ARRAY(two);
    if (!name_absolute(s, SPAN("//sp.example/cse-1/Cx"), &a))
        return;
    if (!span_starts(buf_span(&a), SPAN("//")) || !name_absolute(buf_span(&a), SPAN("//other.example/Sx"), &b) ||
        !span_eq(buf_span(&a), buf_span(&b)))
        __builtin_trap();
}

static void body(struct span s, enum m2mname_type t, enum m2mbody_op op)
{
    struct arena a;
    struct m2mbody m;
    struct span lines;
    heap_arena(&a, 16384, 4 << 20);
    if (!m2mbody_read(s, t, op, &a, &m)) {
        if (m.lbl.n > M2MBODY_LINES_MAX || m.n_tgis > M2MBODY_LIST_MAX || m.n_osl > M2MBODY_TEXTS_MAX ||
            (m.has[M2MATTR_SUID] && m2mbody_suid_base(m.suid) == 0))
            __builtin_trap();
        if (!m2mbody_targets(&m, 24, SPAN("//sp.example/cse-1"), false, &a, &lines))
            while (lines.p && lines.n > 0) {
                struct span one = span_cut(&lines, '\n');
                if (!name_same(one, one))
                    __builtin_trap();
            }
    }
    arena_reset(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum m2mname_type types[] = {M2MTYPE_MACR, M2MTYPE_MECR, M2MTYPE_MECM, M2MTYPE_SKR};
    struct span s = span_of(data, size);
    struct m2mroute r;
    identifier(s);
    if (!m2mroute_read(SPAN("GET"), s, SPAN_NONE, &r) && !m2mroute_here(s))
        __builtin_trap();
    for (size_t i = 0; i < LEN(types); i++) {
        body(s, types[i], M2MBODY_CREATE);
        body(s, types[i], M2MBODY_UPDATE);
    }
    return 0;
}
