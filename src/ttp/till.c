#include "ttp/till.h"

#include "esd/unwrap.h"
#include "ttp/msg.h"
#include "ttp/take.h"

void till_ask_put(struct buf *b, const struct till_ask *m)
{
    buf_c(b, TILL_VERSION);
    buf_c(b, m->kind);
    buf_c(b, m->base);
    msg_item_put(b, m->epk);
    msg_item_put(b, m->peer);
    msg_item_put(b, m->body);
}

static enum err version(struct span *s)
{
    uint8_t v;
    TRY(take_u8(s, &v));
    return v == TILL_VERSION ? OK : ERR_SYNTAX;
}

enum err till_ask_get(struct span s, struct till_ask *m)
{
    TRY(version(&s));
    TRY(take_u8(&s, &m->kind));
    TRY(take_u8(&s, &m->base));
    TRY(take_blob(&s, &m->epk));
    TRY(take_blob(&s, &m->peer));
    TRY(take_blob(&s, &m->body));
    return s.n == 0 ? OK : ERR_SYNTAX;
}

static void put_u16(struct buf *b, uint16_t v)
{
    buf_c(b, (uint8_t)(v >> 8));
    buf_c(b, (uint8_t)v);
}

void till_answer_put(struct buf *b, const struct till_answer *m)
{
    buf_c(b, TILL_VERSION);
    put_u16(b, m->status);
    put_u16(b, m->rsc);
    buf_c(b, m->type);
    msg_item_put(b, m->nonce);
    msg_item_put(b, m->body);
    msg_item_put(b, m->meta);
}

enum err till_answer_get(struct span s, struct till_answer *m)
{
    TRY(version(&s));
    TRY(take_u16(&s, &m->status));
    TRY(take_u16(&s, &m->rsc));
    TRY(take_u8(&s, &m->type));
    TRY(take_blob(&s, &m->nonce));
    TRY(take_blob(&s, &m->body));
    TRY(take_blob(&s, &m->meta));
    return s.n == 0 ? OK : ERR_SYNTAX;
}

enum err till_wrap(const struct p256 *to, struct span tell, struct span plain, struct buf *box)
{
    uint8_t apv[ESD_HASH];
    if (tell.n > 0)
        TRY(esd_sha256(tell, apv));
    return jwe_wrap(to, SPAN_NONE, tell.n > 0 ? apv : NULL, plain, box);
}

enum err till_open(const struct p256 *me, struct span tell, struct span box, struct arena *a, struct buf *plain)
{
    uint8_t apv[ESD_HASH];
    if (tell.n > 0)
        TRY(esd_sha256(tell, apv));
    return jwe_unwrap(me, box, tell.n > 0 ? apv : NULL, a, plain) == REASON_OK ? OK : ERR_AUTH;
}
