/* reader_second.h - what heads say about single readings; internal to lib/esd. */
#ifndef ESD_READER_SECOND_H
#define ESD_READER_SECOND_H

#include "esd/reader_head.h"

enum reason second_failed(enum err e);
/* All zero when there is none. */
enum reason chain_load(const struct reader_store *st, struct span kid, struct reader_chain *out);
enum reason chain_save(const struct reader_store *st, struct span kid, const uint8_t *sid,
                       const struct reader_chain *c);
enum reason mark_load(const struct reader_store *st, struct span kid, struct reader_mark *out, bool *there);

/* From which index on this reader was promised everything; READER_NO_INDEX: nothing. */
enum reason second_promised(const struct reader_store *st, struct span kid, const struct head *h, uint32_t *since);
/* After a new head: every open one is compared with what is there, and what lies behind the last one is judged by
 * time. */
enum reason second_sweep(struct reader *r, struct span kid, const struct head *h, struct reader_chain *c,
                         int64_t now_ms, struct arena *a, struct reader_head_result *res);
/* A reading was opened and remembered: it waits for its head. */
enum reason second_opened(struct reader *r, struct span kid, const uint8_t *sid, uint32_t i, int64_t now_ms);

#endif
