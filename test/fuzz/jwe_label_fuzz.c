/* Targets: label_read, label_looks_sealed, cnf_read, keys_sid. Property: what is read as a label looks sealed or is no
 * envelope of ours, its parts lie inside the text, and reading it again gives the same. */
#include "target.h"

#include <string.h>

#include "esd/keys.h"

static uint8_t memory[ESD_ARENA], again[ESD_ARENA];

static bool inside(struct span part, struct span whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    struct arena a, b;
    struct esd_label l, m;
    struct esd_cnf cnf;
    uint8_t sid[ESD_SID];
    arena_over(&a, memory, sizeof memory);
    arena_over(&b, again, sizeof again);
    enum reason r = label_read(text, &a, &l), s = label_read(text, &b, &m);
    if (r != s || r == REASON_FAILED)
        __builtin_trap();
    if (r == REASON_OK &&
        (!inside(l.aad, text) || !inside(l.ct_text, text) || l.ct_len == 0 || l.kid.n == 0 || l.alg > ESD_RSA_OAEP ||
         (l.ttp.n == 0 && l.alg < ESD_ECDH_A128KW) || !span_eq(l.kid, m.kid) || l.jws || l.n_parts != 1 ||
         l.e2e.ep != m.e2e.ep || l.e2e.i != m.e2e.i || l.e2e.i >= ESD_INDEX_END || l.e2e.pad > l.ct_len))
        __builtin_trap();
    if (cnf_read(text, &cnf) == REASON_OK && (cnf.encoding > 2 || cnf.security > 5 || !inside(cnf.media, text)))
        __builtin_trap();
    if (keys_sid(text, sid) == REASON_OK && !span_starts(text, SPAN("//")))
        __builtin_trap();
    (void)label_looks_sealed(text);
    return 0;
}
