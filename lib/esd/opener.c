/* The opener, and the AEAD alone. */
#include <string.h>

#include "esd/cek.h"
#include "esd/open.h"

enum err opener_init(struct opener *o)
{
    memset(o, 0, sizeof *o);
    return gcm_init(&o->gcm);
}

void opener_forget(struct opener *o)
{
    gcm_forget(&o->gcm);
    wipe(&o->last, sizeof o->last);
}

void opener_free(struct opener *o)
{
    gcm_free(&o->gcm);
    wipe(o, sizeof *o);
}

/* Is what the padding says there, and nothing but spaces (vectors README 8)? */
static bool padding_ok(struct span plain, size_t pad)
{
    if (pad > plain.n)
        return false;
    for (size_t i = plain.n - pad; i < plain.n; i++)
        if (plain.p[i] != ' ')
            return false;
    return true;
}

enum reason open_aead(struct opener *o, const struct esd_label *l, struct span cek, struct buf *out, struct span *plain)
{
    size_t start = out->n, pad = l->e2e.here ? l->e2e.pad : 0;
    JUDGE(cek_aead(&o->gcm, l, cek, out, plain));
    if (padding_ok(*plain, pad)) {
        plain->n -= pad;
        return REASON_OK;
    }
    wipe(out->p + start, out->n - start);
    out->n = start;
    *plain = SPAN_NONE;
    return REASON_MALFORMED;
}
