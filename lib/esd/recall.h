/* recall.h - what an opener remembers from the last message, so that the next one of the same epoch parses no JSON and
 * derives nothing; internal to those who open. What is remembered was judged by the whole of the code; only the numbers
 * that differ between two messages are read again, in the one spelling that we write. */
#ifndef ESD_RECALL_H
#define ESD_RECALL_H

#include "esd/open.h"

/* True when con is compact with a header that equals the last one but for index, time, mode and padding; *out is then
 * what label_read would give, in the arena. False says nothing: read it the long way. */
bool recall_label(const struct opener *o, struct span con, const struct open_ask *ask, struct arena *a,
                  struct esd_label *out);
/* Remembers a label that was read and permitted, when it has the form of ours. */
void recall_keep(struct opener *o, const struct open_ask *ask, const struct esd_label *l);
/* keys_check, unless the last one was for the same value, sid and kid, and fitted. */
MUST_USE enum reason recall_commitment(struct opener *o, struct span value, const uint8_t sid[ESD_SID],
                                       struct span kid);

#endif
