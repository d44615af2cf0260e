/* letter_item.h - what a registration says of its key, as members of an object; internal to lib/esd. */
#ifndef ESD_LETTER_ITEM_H
#define ESD_LETTER_ITEM_H

#include "esd/claim.h"
#include "esd/letter.h"

/* Members sid ep kid kc suid adfq et? policy pv? wk plain?; not named: without kid and kc. */
void letter_item_put(struct jw *w, const struct letter_item *i, bool named);
/* MALFORMED, FAILED. */
MUST_USE enum reason letter_item_read(const struct jval *o, struct arena *a, bool named, struct letter_item *i);

#endif
