/* label.c - oneseal/label.h over esd/label.h. */
#include "oneseal/label.h"

#include <string.h>

#include "api/api.h"

_Static_assert((int)ONESEAL_SID == (int)ESD_SID && (int)ONESEAL_KID_MAX == (int)ESD_KID_MAX &&
                   (int)ONESEAL_FQDN_MAX == (int)ESD_FQDN_MAX && (int)ONESEAL_CONTENT_MAX == (int)ESD_CON_MAX &&
                   (int)ONESEAL_KEY_VALUE == (int)ESD_KV && (int)ONESEAL_WORK_MAX == (int)ESD_ARENA,
               "the public sizes are ours");

void api_text(char *to, size_t n, struct span s)
{
    size_t len = s.n < n ? s.n : 0;
    if (len)
        memcpy(to, s.p, len);
    to[len] = '\0';
}

oneseal_status api_ended(struct buf *b, enum err e, size_t *n)
{
    if (e == OK)
        buf_nul(b);
    e = e == OK ? b->e : e;
    if (n)
        *n = e == OK ? b->n : 0;
    if (e != OK && b->cap)
        b->p[0] = '\0';
    return api_err(e);
}

void api_label(const struct esd_label *l, oneseal_label *out)
{
    memset(out, 0, sizeof *out);
    api_text(out->kid, sizeof out->kid, l->kid);
    api_text(out->ttp, sizeof out->ttp, l->ttp);
    out->json = span_eq(l->cty, SPAN("json"));
    out->sealed_here = l->e2e.here;
    out->device = l->e2e.device;
    out->batch = l->e2e.batch;
    memcpy(out->sid, l->e2e.sid, ESD_SID);
    out->index = l->e2e.i;
    out->padding = l->e2e.pad;
    out->epoch = l->e2e.ep;
    out->time_ms = l->e2e.t_ms;
}

oneseal_status oneseal_label_read(const char *con, size_t n, void *work, size_t work_n, oneseal_label *out)
{
    struct arena mem;
    struct esd_label l = {0};
    if (!con || !work || !out)
        return ONESEAL_BAD_ARGUMENT;
    arena_over(&mem, work, work_n);
    enum reason r = label_read(span_of(con, n), &mem, &l);
    if (r == REASON_FAILED && !arena_ok(&mem))
        return ONESEAL_NO_ROOM;
    api_label(r == REASON_OK ? &l : &(struct esd_label){0}, out);
    return api_reason(r);
}

int oneseal_label_looks_sealed(const char *con, size_t n)
{
    return con && label_looks_sealed(span_of(con, n));
}
