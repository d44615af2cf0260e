#include "m2m/rsc.h"

#include "base/buf.h"

static const struct rsc_row rows[] = {
#define RSC(id, number, name, http, coap) {name, number, http, coap},
#include "m2m/tbl/rsc.def"
#undef RSC
};

/* Rows are in the order of their numbers (a test checks it). */
const struct rsc_row *rsc_row(unsigned rsc)
{
    size_t lo = 0, hi = LEN(rows);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (rows[mid].rsc == rsc)
            return &rows[mid];
        if (rows[mid].rsc < rsc)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const char *rsc_name(unsigned rsc)
{
    const struct rsc_row *r = rsc_row(rsc);
    return r ? r->name : "UNKNOWN";
}

unsigned rsc_http(unsigned rsc)
{
    const struct rsc_row *r = rsc_row(rsc);
    return r ? r->http : 500;
}

unsigned rsc_coap(unsigned rsc)
{
    const struct rsc_row *r = rsc_row(rsc);
    return r ? r->coap : 500;
}

const struct rsc_row *rsc_rows(size_t *n)
{
    *n = LEN(rows);
    return rows;
}

void verdict_text(struct buf *b, struct verdict v)
{
    buf_u64(b, (uint64_t)v.rsc);
    buf_c(b, ' ');
    buf_str(b, rsc_name(v.rsc));
    if (v.attr.n) {
        buf_str(b, ": ");
        buf_put(b, span_first(v.attr, 64)); /* an unknown name may be as long as the request */
    }
    if (v.rule) {
        buf_str(b, ": ");
        buf_str(b, v.rule);
    }
}
