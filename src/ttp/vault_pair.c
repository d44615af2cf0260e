#include "ttp/vault_pair.h"

#include <string.h>

void vault_pair_find(struct vault *v, struct vault_ask *a, size_t n, struct span kid)
{
    msg_put_FIND(v->conf.to_ledger, &(struct msg_FIND){.id = a->id, .n = n, .pair = 1, .kid = kid});
}

void vault_pair_find_nth(struct vault *v, struct vault_ask *a, size_t n, struct span iss, const uint8_t *sid,
                         size_t nth)
{
    msg_put_FIND_PAIR(v->conf.to_ledger, &(struct msg_FIND_PAIR){.id = a->id,
                                                                 .n = n,
                                                                 .iss = iss,
                                                                 .sid = span_of(sid, ROW_SID),
                                                                 .now = (uint64_t)v->conf.now_ms(v->conf.ctx),
                                                                 .nth = nth});
}

static enum reason open_row(struct vault *v, const struct vault_found *f, uint8_t value[ROW_VALUE_MAX],
                            struct p256 **out)
{
    if (vault_row_open(v, f, value) != OK)
        return REASON_TAMPERED;
    JUDGE(strict_pair(span_of(value, STRICT_D), out));
    return strict_check(*out, f->row.sid, f->row.kid);
}

enum reason vault_pair_open(struct vault *v, const struct vault_found *f, struct span iss, const uint8_t *sid,
                            uint8_t d[STRICT_D], struct p256 **out)
{
    uint8_t value[ROW_VALUE_MAX];
    struct p256 *pair = NULL;
    if (!f->here)
        return REASON_NO_KEY_YET;
    if (!span_eq(f->row.iss, iss) || memcmp(f->row.sid, sid, ROW_SID) != 0)
        return REASON_REFUSED;
    if (f->row.kind != ROW_PAIR)
        return REASON_TAMPERED;
    enum reason r = open_row(v, f, value, &pair);
    if (r == REASON_OK && (int64_t)f->row.et <= v->conf.now_ms(v->conf.ctx))
        r = REASON_EXPIRED;
    if (r == REASON_OK && d)
        memcpy(d, value, STRICT_D);
    wipe(value, sizeof value);
    if (r == REASON_OK && out)
        *out = pair;
    else
        p256_free(pair);
    return r;
}
