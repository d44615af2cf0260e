/* Writing a registration: what letters, activations and keys of the vault's own making have in common. */
#include "ttp/vault_m2m.h"
#include "ttp/vault_reg.h"

const char *vault_item_wrong(struct vault *v, struct span iss, const struct letter_item *m)
{
    if (!vault_admin_allows(v, m->adfq, iss))
        return "adfq names an administration that this TTP does not serve, or that does not admit the issuer";
    if (!m2mbody_suid_known(m->suid))
        return "the SUID must be 21 to 25 or 32 to 35";
    if (m->et != 0 && m->et <= v->conf.now_ms(v->conf.ctx))
        return "et is in the past";
    if (m->policy.n == 0 || m->policy.n > ROW_TEXT_MAX || iss.n > ROW_TEXT_MAX)
        return "the name of the policy is missing or too long";
    return NULL;
}

struct row vault_row_of(struct vault *v, const struct vault_ask *a, struct span iss, const struct letter_item *m,
                        enum row_kind kind)
{
    int64_t now = v->conf.now_ms(v->conf.ctx);
    struct row r = {.klass = ROW_SEALED_CLASS,
                    .kind = (uint8_t)kind,
                    .kid = m->kid,
                    .iss = iss,
                    .ep = m->ep,
                    .suid = m->suid,
                    .base = m2mbody_suid_base(m->suid),
                    .adfq = m->adfq,
                    .policy = m->policy,
                    .lbl = a->m2m ? a->m2m->lbl : SPAN_NONE,
                    .has_pv = m->has_pv,
                    .pv = m->pv,
                    .plain = m->plain,
                    .et = (uint64_t)(m->et ? m->et : now + (int64_t)VAULT_ET_DAYS * 86400000),
                    .ct = (uint64_t)now};
    memcpy(r.sid, m->sid, ROW_SID);
    memcpy(r.kc, m->kc, ROW_KC);
    memcpy(r.wk, m->wk, ROW_WK);
    return r;
}

static void stream_key(struct buf *b, struct span iss, const uint8_t *sid)
{
    const struct span part[] = {iss, span_of(sid, ROW_SID)};
    vault_key_put(b, part, LEN(part));
}

bool vault_row_stale(struct vault *v, const struct vault_ask *a, const struct row *r)
{
    uint8_t text[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    if (r->kid.n > 0 && (row_kid_key(r->kid, &b) != OK || vault_touched(v, a, TOUCH_KID, buf_span(&b))))
        return true;
    buf_reset(&b);
    stream_key(&b, r->iss, r->sid);
    return b.e != OK || vault_touched(v, a, TOUCH_STREAM, buf_span(&b)) || vault_touched(v, a, TOUCH_TENANT, r->adfq);
}

enum err vault_touch_stream(struct vault *v, struct span iss, const uint8_t *sid)
{
    uint8_t text[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    stream_key(&b, iss, sid);
    TRY(b.e);
    return vault_touch(v, TOUCH_STREAM, buf_span(&b));
}

bool vault_touched_stream(const struct vault *v, const struct vault_ask *a, struct span iss, const uint8_t *sid)
{
    uint8_t text[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    stream_key(&b, iss, sid);
    return b.e != OK || vault_touched(v, a, TOUCH_STREAM, buf_span(&b));
}

/* A pair and its activation change what the stream has; of a Key Value only its keys above count. */
static enum err touch(struct vault *v, const struct row *r, bool new_stream, bool new_tenant)
{
    uint8_t text[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    TRY(row_kid_key(r->kid, &b));
    TRY(vault_touch(v, TOUCH_KID, buf_span(&b)));
    if (new_tenant)
        TRY(vault_touch(v, TOUCH_TENANT, r->adfq));
    if (!new_stream && r->kind == ROW_VALUE)
        return OK;
    buf_reset(&b);
    stream_key(&b, r->iss, r->sid);
    TRY(b.e);
    return vault_touch(v, TOUCH_STREAM, buf_span(&b));
}

enum err vault_row_write(struct vault *v, struct vault_ask *a, struct row *r, struct vault_found *above,
                         const uint8_t *value)
{
    uint8_t box[ROW_VALUE_MAX + VAULT_BOX];
    struct buf sealed = BUF_ARRAY(box);
    bool new_stream = above->stream_key.n == 0, new_tenant = above->tenant_key.n == 0;
    r->leaf = a->index;
    TRY(vault_row_seal(v, r, above, &a->mem, value, &sealed));
    TRY(touch(v, r, new_stream, new_tenant));
    msg_put_ROW(v->conf.to_ledger, &(struct msg_ROW){.row = *r, .sealed = buf_span(&sealed)});
    return OK;
}
