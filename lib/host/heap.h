/* heap.h - malloc for daemons and tools: growing bufs and arenas with a maximum. lib/base itself never
 * allocates. */
#ifndef HOST_HEAP_H
#define HOST_HEAP_H

#include "base/arena.h"
#include "base/buf.h"

/* A growing buffer of at most max octets; starts without memory. Free with heap_buf_free. */
struct buf heap_buf(size_t max);
/* Frees and empties it; a buffer without memory is fine. */
void heap_buf_free(struct buf *b);
/* An arena that takes blocks of at least `block` octets from malloc, max octets in all. */
void heap_arena(struct arena *a, size_t block, size_t max);
/* The same with a first block of the caller's; further blocks are as large and are overwritten before they are freed.
 */
void heap_arena_over(struct arena *a, void *first, size_t n, size_t max);
/* An arena whose blocks are overwritten before they are freed: for what was decrypted. Right after heap_arena. */
void heap_arena_wipes(struct arena *a);
/* arena_reset gives all blocks back; there is nothing else to free. */

/* malloc or abort with a line on standard error: for start-up code, where nothing can be done. */
void *xalloc(size_t n);
char *xstrdup(const char *s);

/* The whole file into a growing buffer. ERR_NOTFOUND, ERR_IO, ERR_LIMIT (larger than b->max). */
MUST_USE enum err file_read(const char *path, struct buf *b);
/* Writes path.new with `mode`, fsyncs it, renames it over path, fsyncs the folder. ERR_IO, ERR_DISK. */
MUST_USE enum err file_replace(const char *path, struct span octets, unsigned mode);

#endif
