/* Tiles (C2SP tlog-tiles): the tree in pieces of 256 hashes, the same octets for everybody and for ever, so that caches
 * may keep them. An entry is the 32 octets SHA-256(salt || record): it tells nothing about its record. */
#include "ttp/ledger_tile.h"
#include "esd/log.h"
#include "host/heap.h"
#include "ttp/kind.h"
#include "ttp/ledger_own.h"

/* Hashes of this tile that the signed head covers, at most a tile full. */
static uint64_t width(const struct ledger *l, unsigned level, uint64_t n)
{
    uint64_t all = 8 * level < 64 ? l->note_size >> (8 * level) : 0;
    if (n >= all / TILE_WIDTH + (all % TILE_WIDTH > 0))
        return 0;
    return all - n * TILE_WIDTH < TILE_WIDTH ? all - n * TILE_WIDTH : TILE_WIDTH;
}

static enum err hashes(struct ledger *l, unsigned level, uint64_t n, uint64_t w, struct buf *b)
{
    struct log_nodes from = ledger_log_nodes(l);
    for (uint64_t i = 0; i < w; i++) {
        struct log_hash h;
        TRY(from.get(from.ctx, 8 * level, n * TILE_WIDTH + i, &h));
        buf_put(b, span_of(h.b, LOG_HASH));
    }
    return b->e;
}

static enum err entries(struct ledger *l, uint64_t n, uint64_t w, struct buf *b)
{
    uint64_t from = n * TILE_WIDTH, got = 0;
    enum err e = ledger_db_step(&l->db, SQL_LEAF_GET, "ii", from, from + w);
    for (; e == OK; e = ledger_db_next(&l->db, SQL_LEAF_GET), got++) {
        struct log_hash entry;
        struct span salt = ledger_db_blob(&l->db, SQL_LEAF_GET, 1);
        if (salt.n != LOG_SALT || log_entry(salt.p, ledger_db_blob(&l->db, SQL_LEAF_GET, 2), &entry) != OK)
            break;
        buf_c(b, 0);
        buf_c(b, LOG_HASH);
        buf_put(b, span_of(entry.b, LOG_HASH));
    }
    ledger_db_done(&l->db, SQL_LEAF_GET);
    return got == w ? b->e : ERR_NOTFOUND;
}

enum err ledger_tile_read(struct ledger *l, const struct msg_TILE_READ *q)
{
    static const char none[] =
        "{\"code\":\"malformed\",\"what\":\"the log has no such tile yet\",\"who\":\"ledger\",\"object\":\"log\","
        "\"do\":\"ask GET /log/checkpoint for the size of the log\"}";
    struct buf b = heap_buf(TILE_WIDTH * (2 + LOG_HASH));
    bool data = q->level == TILE_ENTRIES;
    uint64_t there = width(l, data ? 0 : q->level, q->n), w = q->width == 0 ? TILE_WIDTH : q->width;
    enum err e = w <= there ? OK : ERR_NOTFOUND;
    if (e == OK)
        e = data ? entries(l, q->n, w, &b) : hashes(l, q->level, q->n, w, &b);
    struct msg_ANSWER a = {.id = q->id, .status = 200, .type = TYPE_TILE, .body = buf_span(&b)};
    if (e != OK)
        a = (struct msg_ANSWER){.id = q->id, .status = 404, .type = TYPE_ERROR, .body = SPAN(none)};
    msg_put_ANSWER(l->conf.to_front, &a);
    heap_buf_free(&b);
    return OK;
}
