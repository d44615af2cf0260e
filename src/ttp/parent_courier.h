/* parent_courier.h - what the parent does for the courier (courier.h): reads the targets, looks up their addresses
 * before the cell is closed, and writes the start message. */
#ifndef TTP_PARENT_COURIER_H
#define TTP_PARENT_COURIER_H

#include "base/buf.h"

struct parent;
struct parent_courier {
    struct buf start; /* the message COURIER_START; empty: there is no courier */
};

/* ERR_CONFIG with a sentence in `why`. A name that cannot be looked up now is a warning: its calls then fail. */
MUST_USE enum err parent_courier_read(struct parent *p, struct buf *why);
bool parent_courier_wanted(const struct parent *p);
/* Writes the start message; fd is closed. ERR_IO. */
MUST_USE enum err parent_courier_tell(struct parent *p, int fd);
/* VAULT_WITNESSES as the configuration has it; nothing when it has neither. */
void parent_witnesses(const struct parent *p, struct buf *out);

#endif
