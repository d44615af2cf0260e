/* reader_keys.h - the reader's key cache, seen from the reader; internal to lib/esd. */
#ifndef ESD_READER_KEYS_H
#define ESD_READER_KEYS_H

#include "esd/reader.h"

/* The cached key, or NULL; an expired one is wiped. */
struct reader_key *reader_key_find(struct reader *r, struct span kid, int64_t now_ms);
/* kid in upper case, as the state store knows it; cut at READER_KID_TEXT. */
struct span reader_kid(struct span kid, char out[READER_KID_TEXT]);

/* Anyone may register a key for somebody's sid: only the hosting CSE of the address or the pinned writer counts
 * (e2e.md 5). */
bool reader_writer_fits(struct span address, struct span writer, struct span cr);

#endif
