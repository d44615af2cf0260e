#include "ttp/ledger_own.h"

static const uint64_t own_id = UINT64_C(1) << 63;

enum err ledger_courier_post(struct ledger *l, const struct msg_POST_OUT *m)
{
    if (!l->conf.to_courier || (m->id & own_id)) {
        msg_put_POSTED(l->conf.to_vault, &(struct msg_POSTED){.id = m->id});
        return OK;
    }
    msg_put_SEND(l->conf.to_courier,
                 &(struct msg_SEND){.id = m->id, .who = m->who, .path = m->path, .media = m->media, .body = m->body});
    return OK;
}

enum err ledger_courier_sent(struct ledger *l, const struct msg_SENT *m)
{
    if (m->id & own_id)
        return ledger_witness_sent(l, m);
    msg_put_POSTED(l->conf.to_vault,
                   &(struct msg_POSTED){.id = m->id, .status = m->status, .media = m->media, .body = m->body});
    return OK;
}
