/* vault_map.h - octets to octets, kept in order, so that its encoding is canonical. In the vault's memory; small
 * enough to be searched by halves and copied as a whole into the snapshot. */
#ifndef TTP_VAULT_MAP_H
#define TTP_VAULT_MAP_H

#include "base/buf.h"

struct vault_entry {
    struct span key, value; /* both in one allocation, owned by the map */
};
struct vault_map {
    struct vault_entry *e;
    size_t n, cap;
    size_t octets; /* of all keys and values with their lengths */
};
void vault_map_free(struct vault_map *m);
/* The value, or NULL. Valid until the next change of the map. */
const struct span *vault_map_get(const struct vault_map *m, struct span key);
/* The same with its key as the map holds it. */
const struct vault_entry *vault_map_entry(const struct vault_map *m, struct span key);
/* Puts a copy; the value that was there is replaced. ERR_NOMEM. */
MUST_USE enum err vault_map_put(struct vault_map *m, struct span key, struct span value);
void vault_map_del(struct vault_map *m, struct span key);
/* be32 count, then key and value of each entry with be32 lengths, in octet order of the keys. */
void vault_map_write(const struct vault_map *m, struct buf *b);
/* Takes one off *s into an empty map. ERR_SYNTAX (also keys out of order or twice), ERR_NOMEM. */
MUST_USE enum err vault_map_read(struct span *s, struct vault_map *m);

#endif
