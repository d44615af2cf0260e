#include "ttp/ledger_scrub.h"

#include "esd/log.h"
#include "ttp/ledger_own.h"
#include "ttp/scrub.h"

#include <stdio.h>
#include <string.h>

static void fault(struct ledger *l, const char *what, struct span object, const char *why)
{
    msg_put_SCRUB_FAULT(l->conf.to_vault,
                        &(struct msg_SCRUB_FAULT){.what = span_str(what), .object = object, .why = span_str(why)});
}

/* A page that SQLite cannot read is a fault like others; the rest is looked at all the same. */
static void unread(struct ledger *l, const char *table, enum err e)
{
    if (e != OK && e != ERR_NOTFOUND)
        fault(l, "table", span_str(table), err_text(e));
}

/* ---- rows ----------------------------------------------------------------------------------------------------------
 */

static void key_of(struct ledger *l, enum ledger_sql sql, struct span *out)
{
    *out = ledger_db_blob(&l->db, sql, 0);
}

/* The row that `sql` stands on, with the keys above it. */
static void show_row(struct ledger *l, enum ledger_sql sql, uint64_t leaf, bool looked)
{
    struct msg_SCRUB_ROW m = {.leaf = leaf, .looked = looked, .here = 1};
    enum err e = ledger_db_row_here(&l->db, sql, &m.row, &m.sealed, &m.kid_key);
    if (e == OK && ledger_db_step(&l->db, SQL_STREAM_GET, "tb", m.row.iss, span_of(m.row.sid, ROW_SID)) == OK)
        key_of(l, SQL_STREAM_GET, &m.stream_key);
    if (e == OK && ledger_db_step(&l->db, SQL_TENANT_GET, "t", m.row.adfq) == OK)
        key_of(l, SQL_TENANT_GET, &m.tenant_key);
    m.found = e == OK && ledger_db_step(&l->db, SQL_ROW_FOUND, "t", m.kid_key) == OK;
    msg_put_SCRUB_ROW(l->conf.to_vault, &m);
    ledger_db_done(&l->db, SQL_STREAM_GET);
    ledger_db_done(&l->db, SQL_TENANT_GET);
    ledger_db_done(&l->db, SQL_ROW_FOUND);
}

static void show_rows(struct ledger *l, uint64_t leaf)
{
    enum err e = ledger_db_step(&l->db, SQL_ROW_OF_LEAF, "i", leaf);
    for (; e == OK; e = ledger_db_next(&l->db, SQL_ROW_OF_LEAF))
        show_row(l, SQL_ROW_OF_LEAF, leaf, false);
    unread(l, "registration", e);
    ledger_db_done(&l->db, SQL_ROW_OF_LEAF);
}

enum err ledger_scrub_look(struct ledger *l, const struct msg_SCRUB_LOOK *m)
{
    uint8_t key[ROW_KID_MAX + 8];
    struct buf b = BUF_ARRAY(key);
    if (m->pair)
        buf_str(&b, "pair:");
    enum err e = row_kid_key(m->kid, &b);
    if (e == OK)
        e = ledger_db_step(&l->db, SQL_ROW_AT, "t", buf_span(&b));
    if (e == OK)
        show_row(l, SQL_ROW_AT, m->leaf, true);
    else
        msg_put_SCRUB_ROW(l->conf.to_vault, &(struct msg_SCRUB_ROW){.leaf = m->leaf, .looked = 1, .kid_key = m->kid});
    ledger_db_done(&l->db, SQL_ROW_AT);
    return OK;
}

/* ---- leaves and nodes ----------------------------------------------------------------------------------------------
 */

static bool same_node(struct ledger *l, unsigned level, uint64_t index, const struct log_hash *h)
{
    struct log_nodes from = ledger_log_nodes(l);
    struct log_hash is;
    return from.get(from.ctx, level, index, &is) == OK && memcmp(is.b, h->b, LOG_HASH) == 0;
}

/* Every subtree that this leaf completes, made again from the children that are kept. */
static enum err nodes_good(struct ledger *l, uint64_t index, const uint8_t *salt, struct span record, bool *good)
{
    struct log_nodes from = ledger_log_nodes(l);
    struct log_hash entry, h;
    TRY(log_entry(salt, record, &entry));
    TRY(log_leaf(&entry, &h));
    *good = same_node(l, 0, index, &h);
    for (unsigned k = 0; index >> k & 1; k++) {
        struct log_tree two = {.size = 1};
        if (from.get(from.ctx, k, (index >> k) - 1, &two.node[0]) != OK) {
            *good = false;
            return OK;
        }
        TRY(log_tree_append(&two, &h));
        h = two.node[1];
        *good = same_node(l, k + 1, index >> (k + 1), &h) && *good;
    }
    return OK;
}

static enum err show_leaf(struct ledger *l)
{
    struct msg_SCRUB_LEAF m = {.index = ledger_db_u64(&l->db, SQL_LEAF_GET, 0)};
    struct span salt = ledger_db_blob(&l->db, SQL_LEAF_GET, 1), mac = ledger_db_blob(&l->db, SQL_LEAF_GET, 3);
    char text[32];
    bool good = true;
    m.record = ledger_db_blob(&l->db, SQL_LEAF_GET, 2);
    if (salt.n == MSG_HASH)
        memcpy(m.salt, salt.p, MSG_HASH);
    if (mac.n == MSG_HASH)
        memcpy(m.mac, mac.p, MSG_HASH);
    msg_put_SCRUB_LEAF(l->conf.to_vault, &m);
    TRY(nodes_good(l, m.index, m.salt, m.record, &good));
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)m.index);
    if (!good)
        fault(l, "node", span_of(text, (size_t)n), "a hash that is kept above this record is another one");
    show_rows(l, m.index);
    return OK;
}

enum err ledger_scrub(struct ledger *l, const struct msg_SCRUB *m)
{
    if (m->to < m->from || m->to - m->from > SCRUB_LEAVES || m->to > l->size)
        return ERR_RANGE;
    /* One at a time: a page that cannot be read hides one leaf, not those behind it. */
    for (uint64_t i = m->from; i < m->to; i++) {
        enum err e = ledger_db_step(&l->db, SQL_LEAF_GET, "ii", i, i + 1);
        if (e == OK)
            TRY(show_leaf(l));
        else
            show_rows(l, i);
        unread(l, "leaf", e);
        ledger_db_done(&l->db, SQL_LEAF_GET);
    }
    msg_put_SCRUB_PART(l->conf.to_vault, &(struct msg_SCRUB_PART){.to = m->to});
    return OK;
}

/* ---- the rest ------------------------------------------------------------------------------------------------------
 */

static void show(struct ledger *l, enum scrub_thing what, enum ledger_sql sql, int columns)
{
    struct span at[3] = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
    for (int i = 0; i < columns; i++)
        at[i] = ledger_db_blob(&l->db, sql, i);
    msg_put_SCRUB_THING(l->conf.to_vault,
                        &(struct msg_SCRUB_THING){.what = (uint8_t)what, .name = at[0], .a = at[1], .b = at[2]});
}

static void show_all(struct ledger *l, enum scrub_thing what, enum ledger_sql sql, int columns, const char *table)
{
    enum err e = ledger_db_step(&l->db, sql, "");
    for (; e == OK; e = ledger_db_next(&l->db, sql))
        show(l, what, sql, columns);
    unread(l, table, e);
    ledger_db_done(&l->db, sql);
}

/* A page of streams; true when there may be more, which then begin behind `iss` and `sid`. */
static bool show_streams(struct ledger *l, const struct msg_SCRUB_REST *m, struct buf *iss, struct buf *sid)
{
    size_t n = 0;
    enum err e = ledger_db_step(&l->db, SQL_STREAM_PAGE, "tbi", m->a, m->b, (uint64_t)LEDGER_SCRUB_PAGE);
    for (; e == OK; e = ledger_db_next(&l->db, SQL_STREAM_PAGE), n++) {
        show(l, SCRUB_STREAM, SQL_STREAM_PAGE, 3);
        buf_reset(iss);
        buf_reset(sid);
        buf_put(iss, ledger_db_blob(&l->db, SQL_STREAM_PAGE, 0));
        buf_put(sid, ledger_db_blob(&l->db, SQL_STREAM_PAGE, 1));
    }
    unread(l, "stream", e);
    ledger_db_done(&l->db, SQL_STREAM_PAGE);
    return n == LEDGER_SCRUB_PAGE && iss->e == OK && sid->e == OK;
}

static uint64_t count(struct ledger *l, enum ledger_sql sql)
{
    enum err e = ledger_db_step(&l->db, sql, "");
    uint64_t n = e == OK ? ledger_db_u64(&l->db, sql, 0) : UINT64_MAX;
    ledger_db_done(&l->db, sql);
    return n;
}

/* Nodes of a tree: each complete subtree once. */
static uint64_t nodes_of(uint64_t size)
{
    uint64_t n = 0;
    for (; size > 0; size >>= 1)
        n += size;
    return n;
}

static void pages(struct ledger *l)
{
    enum err e = ledger_db_step(&l->db, SQL_ROW_STRAY, "i", l->size);
    for (; e == OK; e = ledger_db_next(&l->db, SQL_ROW_STRAY))
        fault(l, "key", ledger_db_blob(&l->db, SQL_ROW_STRAY, 0), "its row names a record that does not exist");
    unread(l, "registration", e);
    ledger_db_done(&l->db, SQL_ROW_STRAY);
    if (count(l, SQL_LEAF_ALL) != l->size)
        fault(l, "table", SPAN("leaf"), "it has not as many records as the log");
    if (count(l, SQL_NODE_ALL) != nodes_of(l->size))
        fault(l, "table", SPAN("node"), "it has not as many hashes as the tree");
    int told = 0;
    e = ledger_db_step(&l->db, SQL_PAGES, "");
    for (; e == OK; e = ledger_db_next(&l->db, SQL_PAGES)) {
        char why[256];
        struct span text = ledger_db_blob(&l->db, SQL_PAGES, 0);
        snprintf(why, sizeof why, "%.*s", SPAN_FMT(span_first(text, sizeof why - 1)));
        if (!span_eq(text, SPAN("ok")) && told++ < LEDGER_SCRUB_TELL)
            fault(l, "database", SPAN("ledger.db"), why);
    }
    unread(l, "ledger.db", e);
    ledger_db_done(&l->db, SQL_PAGES);
}

enum err ledger_scrub_rest(struct ledger *l, const struct msg_SCRUB_REST *m)
{
    uint8_t iss[ROW_TEXT_MAX * 2], sid[64];
    struct buf bi = BUF_ARRAY(iss), bs = BUF_ARRAY(sid);
    struct msg_SCRUB_DONE d = {.what = (uint8_t)(m->what + 1)};
    if (m->what == SCRUB_META)
        show_all(l, SCRUB_META, SQL_META_ALL, 2, "meta");
    if (m->what == SCRUB_TENANT)
        show_all(l, SCRUB_TENANT, SQL_TENANT_EVERY, 2, "tenant");
    if (m->what == SCRUB_STREAM && show_streams(l, m, &bi, &bs))
        d = (struct msg_SCRUB_DONE){.what = SCRUB_STREAM, .a = buf_span(&bi), .b = buf_span(&bs)};
    if (m->what == SCRUB_SNAPSHOT)
        show_all(l, SCRUB_SNAPSHOT, SQL_SNAP_ALL, 3, "snapshot");
    if (m->what == SCRUB_PAGES)
        pages(l);
    msg_put_SCRUB_DONE(l->conf.to_vault, &d);
    return OK;
}
