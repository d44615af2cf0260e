/* reader_order.h - judging the order of opened objects against the state store; internal to lib/esd. */
#ifndef ESD_READER_ORDER_H
#define ESD_READER_ORDER_H

#include "esd/reader.h"

struct order {
    struct span kid; /* upper case */
    const uint8_t *sid, *hash;
    uint64_t ep;
    uint32_t i;
    enum reader_how how;
};
/* OK, REPLAYED, ROLLED_BACK, FAILED (the store). On OK the store holds the new mark and hash; *missing counts the
 * indices skipped, with the flag GAP. */
MUST_USE enum reason order_judge(const struct reader_store *st, const struct order *o, reason_set *flags,
                                 uint32_t *missing);

#endif
