/* opened.c - see opened.h. */
#include "cli/opened.h"

#include "host/heap.h"
#include "wire/json.h"

enum { LINE_MAX_ = 32 << 20 };

static void put_flags(struct jw *w, reason_set flags)
{
    JW_NAME(w, "flags");
    jw_arr(w);
    for (unsigned r = 1; r < REASON__N; r++)
        if (flags & reason_bit((enum reason)r))
            jw_str(w, span_str(reason_code((enum reason)r)));
    jw_end_arr(w);
}

enum status opened_print(struct cli *c, const struct outcome *out)
{
    if (!c->json)
        return cli_out_line(c, out->plain);
    struct buf b = heap_buf(LINE_MAX_);
    struct jw w = jw_over(&b);
    const struct esd_label *l = &out->res.label;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "verdict", span_str(out->res.clear ? "clear" : "opened"));
    if (out->address)
        JW_STR(&w, "address", span_str(out->address));
    if (!out->res.clear) {
        JW_STR(&w, "kid", l->kid);
        JW_U64(&w, "ep", l->e2e.ep);
        JW_U64(&w, "i", l->e2e.i);
        JW_U64(&w, "t", l->e2e.t_ms);
    }
    put_flags(&w, out->res.flags);
    JW_NAME(&w, "plain");
    if (out->res.json)
        jw_raw(&w, out->plain);
    else
        jw_str(&w, out->plain);
    jw_end_obj(&w);
    enum status st = cli_out_line(c, buf_span(&b));
    buf_wipe(&b);
    heap_buf_free(&b);
    return st;
}
