#include "ttp/ledger_rekey.h"

#include "host/log.h"
#include "ttp/kind.h"

enum { SWEEP_MAX = 1024 };

static enum err above(struct ledger *l, const struct msg_SWEEP *q, struct msg_SWEPT_END *end)
{
    enum err e = q->iss.n ? ledger_db_step(&l->db, SQL_STREAM_GET, "tb", q->iss, q->sid) : ERR_NOTFOUND;
    if (e == OK)
        end->stream_key = ledger_db_blob(&l->db, SQL_STREAM_GET, 0);
    if (e == OK || e == ERR_NOTFOUND)
        e = ledger_db_step(&l->db, SQL_TENANT_GET, "t", q->tenant);
    if (e == OK)
        end->tenant_key = ledger_db_blob(&l->db, SQL_TENANT_GET, 0);
    if (e == OK || e == ERR_NOTFOUND)
        msg_put_SWEPT_END(l->conf.to_vault, end);
    ledger_db_done(&l->db, SQL_STREAM_GET);
    ledger_db_done(&l->db, SQL_TENANT_GET);
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err row_of(struct ledger *l, enum ledger_sql sql, struct msg_SWEPT *s)
{
    return ledger_db_row_at(&l->db, sql, &s->row, &s->sealed, &s->at, &s->key);
}

static enum err stream_of(struct ledger *l, enum ledger_sql sql, struct msg_SWEPT *s)
{
    struct span sid = ledger_db_blob(&l->db, sql, 1);
    if (sid.n != ROW_SID)
        return ERR_SYNTAX;
    s->row.iss = ledger_db_blob(&l->db, sql, 0);
    memcpy(s->row.sid, sid.p, ROW_SID);
    s->sealed = ledger_db_blob(&l->db, sql, 2);
    return OK;
}

static enum err tenant_of(struct ledger *l, enum ledger_sql sql, struct msg_SWEPT *s)
{
    s->row.adfq = ledger_db_blob(&l->db, sql, 0);
    s->sealed = ledger_db_blob(&l->db, sql, 1);
    return OK;
}

struct view {
    enum ledger_sql sql;
    enum err (*read)(struct ledger *l, enum ledger_sql sql, struct msg_SWEPT *s);
};

static enum err first(struct ledger *l, const struct msg_SWEEP *q, struct view *v)
{
    struct ledger_db *d = &l->db;
    *v = (struct view){.read = row_of};
    if (q->what == SWEEP_ROWS)
        return ledger_db_step(d, v->sql = SQL_ROW_ALL, "tbii", q->iss, q->sid, q->after, q->limit);
    if (q->what == SWEEP_BEFORE && q->iss.n > 0)
        return ledger_db_step(d, v->sql = SQL_ROW_BEFORE_OF, "tbii", q->iss, q->sid, q->after, q->limit);
    if (q->what == SWEEP_BEFORE)
        return ledger_db_step(d, v->sql = SQL_ROW_BEFORE, "ii", q->after, q->limit);
    if (q->what == SWEEP_STREAMS) {
        v->read = stream_of;
        return ledger_db_step(d, v->sql = SQL_STREAM_ALL, "tbi", q->iss, q->sid, q->limit);
    }
    v->read = tenant_of;
    return ledger_db_step(d, v->sql = SQL_TENANT_ALL, "i", q->limit);
}

enum err ledger_sweep(struct ledger *l, const struct msg_SWEEP *q)
{
    struct view v;
    struct msg_SWEPT_END end = {0};
    if (q->what > SWEEP_BEFORE || q->limit > SWEEP_MAX)
        return ERR_RANGE;
    enum err e = first(l, q, &v);
    for (; e == OK; e = ledger_db_next(&l->db, v.sql)) {
        struct msg_SWEPT s = {0};
        /* A row that lost its shape is passed over here as it is everywhere. */
        if (v.read(l, v.sql, &s) == OK) {
            msg_put_SWEPT(l->conf.to_vault, &s);
            end.n++;
        }
    }
    ledger_db_done(&l->db, v.sql);
    return e == ERR_NOTFOUND ? above(l, q, &end) : e;
}

enum err ledger_tombs_read(struct ledger *l, uint64_t n)
{
    enum err e = ledger_db_step(&l->db, SQL_TOMB_GET, "i", n);
    struct msg_OLD_TOMBS m = {.n = n, .body = e == OK ? ledger_db_blob(&l->db, SQL_TOMB_GET, 0) : SPAN_NONE};
    msg_put_OLD_TOMBS(l->conf.to_vault, &m);
    ledger_db_done(&l->db, SQL_TOMB_GET);
    return e == ERR_NOTFOUND ? OK : e;
}

enum err ledger_keys(struct ledger *l, const struct msg_KEYS *k)
{
    TRY(LEDGER_RUN(&l->db, SQL_META_PUT, "tb", SPAN("keys"), k->keys));
    return LEDGER_RUN(&l->db, SQL_META_PUT, "tb", SPAN("bundle"), k->bundle);
}

void ledger_purge(struct ledger *l)
{
    int log = 0, done = 0;
    sqlite3 *db = batch_db(l->db.batch);
    sqlite3_busy_timeout(db, BATCH_TRUNCATE_MS);
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &log, &done);
    sqlite3_busy_timeout(db, BATCH_BUSY_MS);
    l->purge = rc != SQLITE_OK;
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        LOG(LOG_L_ERROR, "purge-failed", log_int("sqlite", rc));
}
