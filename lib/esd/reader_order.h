/* reader_order.h - judging the order of opened objects against the state store; internal to lib/esd. */
#ifndef ESD_READER_ORDER_H
#define ESD_READER_ORDER_H

#include "esd/reader.h"

struct order {
    struct span kid; /* upper case */
    const uint8_t *sid, *hash;
    uint64_t ep, t_ms;
    int64_t now_ms;
    uint32_t i;
    enum reader_how how;
    reason_set fatal; /* GAP, WRITER_RESTORED: judged before anything is remembered */
};
/* OK, REPLAYED, ROLLED_BACK, a fatal remark, FAILED (the store). On OK the store holds the new mark and hash; *missing
 * counts the indices skipped, with the flag GAP. Several epochs of a stream may be open at once, so everything but
 * what `la` showed before is judged by key. */
MUST_USE enum reason order_judge(const struct reader_store *st, const struct order *o, reason_set *flags,
                                 uint32_t *missing);

/* Was index i seen? */
bool order_seen(const struct reader_mark *m, uint32_t i);

#endif
