/* vault_tomb.h - what was shredded stays refused for ever: identifiers of single keys, and streams up to an epoch and a
 * leaf.
 *
 * An entry has 32 octets: 16 of SHA-256 over what it is about, be64 highest epoch, be64 leaves of the log then (both
 * all ones for a single key). The newest stand in TABLE_SHREDS, and so in the snapshot; TOMB_SEGMENT of them at a time
 * move into a segment, a row of the ledger whose SHA-256 the snapshot keeps. A million cost the vault 32 MB, and the
 * snapshot 60 KB. A segment that is missing or altered is noticed at start. The tenant's shred stands in TABLE_LIFE
 * ("shred"). */
#ifndef TTP_VAULT_TOMB_H
#define TTP_VAULT_TOMB_H

#include "ttp/row.h"

enum { TOMB_ID = 16, TOMB_ENTRY = 32, TOMB_SEGMENT = 1024, TOMB_SEGMENTS_MAX = 4096 };

struct vault;

struct vault_tombs {
    uint8_t *old; /* entries of the segments, sorted */
    size_t n;
    uint64_t segments, loaded;
    bool moving; /* one more in the batch under way */
};
void vault_tomb_free(struct vault *v);
/* In a batch. ERR_LIMIT, ERR_NOMEM: nothing changed. */
MUST_USE enum err vault_tomb_kid(struct vault *v, struct span kid);
/* Epochs of the stream up to `ep`, and whatever was registered before now. */
MUST_USE enum err vault_tomb_stream(struct vault *v, struct span iss, const uint8_t sid[ROW_SID], uint64_t ep);
MUST_USE enum err vault_tomb_all(struct vault *v);
/* Was the tenant shredded once? */
bool vault_tomb_was_all(const struct vault *v);
bool vault_tomb_has_kid(const struct vault *v, struct span kid);
/* Is this row, as it authenticates, of what was shredded? */
bool vault_tomb_hides(const struct vault *v, const struct row *row);
/* May no such key be registered (again)? */
bool vault_tomb_refuses(const struct vault *v, struct span iss, const uint8_t sid[ROW_SID], uint64_t ep,
                        struct span kid);
/* Highest epoch of the stream that was shredded; 0: none. */
uint64_t vault_tomb_epoch(const struct vault *v, struct span iss, const uint8_t sid[ROW_SID]);

/* Asks for the segments that the snapshot names; false: there are none. */
bool vault_tomb_load(struct vault *v);
/* One of them. *done: it was the last. ERR_AUTH: not what the snapshot names. */
MUST_USE enum err vault_tomb_loaded(struct vault *v, uint64_t n, struct span body, bool *done);
/* First thing of a launch: moves a segment when there are enough. */
MUST_USE enum err vault_tomb_launch(struct vault *v);
void vault_tomb_kept(struct vault *v);
void vault_tomb_failed(struct vault *v);

#endif
