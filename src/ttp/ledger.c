#include "ttp/ledger_own.h"

#include "esd/log.h"
#include "host/heap.h"
#include "host/log.h"
#include "ttp/kind.h"
#include "ttp/ledger_admin.h"
#include "ttp/ledger_rekey.h"
#include "ttp/ledger_scrub.h"
#include "ttp/ledger_tile.h"

#include <stdlib.h>
#include <string.h>

/* ---- loading ------------------------------------------------------------------------------------------------- */

static enum err on_LEDGER_START(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    char path[4096];
    struct buf b = BUF_ARRAY(path);
    buf_put(&b, m->LEDGER_START.path);
    buf_nul(&b);
    TRY(b.e);
    TRY(ledger_db_open(&l->db, path));
    l->open = true;
    enum err e = ledger_db_step(&l->db, SQL_LEAF_COUNT, "");
    if (e == OK)
        l->size = ledger_db_u64(&l->db, SQL_LEAF_COUNT, 0);
    ledger_db_done(&l->db, SQL_LEAF_COUNT);
    TRY(e);
    TRY(ledger_note_load(l));
    TRY(ledger_witness_load(l));
    if (l->conf.confine)
        TRY(l->conf.confine(l->conf.ctx));
    msg_put_LEDGER_UP(l->conf.to_parent, &(struct msg_LEDGER_UP){.leaves = l->size});
    l->state = AT_LOAD;
    return OK;
}

/* Copies a blob of meta behind each other into `b` and returns it; the empty span when there is none. */
static enum err meta(struct ledger *l, const char *name, struct buf *b, struct span *out)
{
    enum err e = ledger_db_step(&l->db, SQL_META_GET, "t", span_str(name));
    size_t at = b->n;
    if (e == OK)
        buf_put(b, ledger_db_blob(&l->db, SQL_META_GET, 0));
    *out = span_from(buf_span(b), at);
    ledger_db_done(&l->db, SQL_META_GET);
    return e == ERR_NOTFOUND ? OK : e == OK ? b->e : e;
}

static enum err on_LOAD(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    struct buf keys = heap_buf(TTP_BODY_MAX), bundle = heap_buf(TTP_BODY_MAX);
    struct msg_STORED s = {.leaves = l->size, .note = buf_span(&l->note)};
    l->known = m->LOAD.known;
    memcpy(l->known_state, m->LOAD.state, MSG_HASH);
    enum ledger_sql sql = m->LOAD.known ? SQL_SNAP_GET : SQL_SNAP_NEWEST;
    enum err e = meta(l, "keys", &keys, &s.keys);
    if (e == OK)
        e = meta(l, "bundle", &bundle, &s.bundle);
    if (e == OK) {
        e = ledger_db_step(&l->db, sql, m->LOAD.known ? "b" : "", span_of(m->LOAD.state, MSG_HASH));
        if (e == OK) {
            struct span mac = ledger_db_blob(&l->db, sql, 1);
            s.here = mac.n == MSG_HASH;
            s.snapshot = ledger_db_blob(&l->db, sql, 0);
            if (s.here)
                memcpy(s.mac, mac.p, MSG_HASH);
        }
        e = e == ERR_NOTFOUND ? OK : e;
    }
    if (e == OK)
        msg_put_STORED(l->conf.to_vault, &s);
    ledger_db_done(&l->db, sql);
    heap_buf_free(&keys);
    heap_buf_free(&bundle);
    return e;
}

static enum err on_REPLAY(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    if (m->REPLAY.to < m->REPLAY.from || m->REPLAY.to - m->REPLAY.from > TTP_REPLAY_MAX)
        return ERR_RANGE;
    enum err e = ledger_db_step(&l->db, SQL_LEAF_GET, "ii", m->REPLAY.from, m->REPLAY.to);
    for (; e == OK; e = ledger_db_next(&l->db, SQL_LEAF_GET)) {
        struct msg_OLD_LEAF o = {.index = ledger_db_u64(&l->db, SQL_LEAF_GET, 0)};
        struct span salt = ledger_db_blob(&l->db, SQL_LEAF_GET, 1), mac = ledger_db_blob(&l->db, SQL_LEAF_GET, 3);
        o.record = ledger_db_blob(&l->db, SQL_LEAF_GET, 2);
        /* What has another size cannot be right; the zero octets then fail at the vault. */
        if (salt.n == MSG_HASH)
            memcpy(o.salt, salt.p, MSG_HASH);
        if (mac.n == MSG_HASH)
            memcpy(o.mac, mac.p, MSG_HASH);
        msg_put_OLD_LEAF(l->conf.to_vault, &o);
    }
    ledger_db_done(&l->db, SQL_LEAF_GET);
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err on_DROP(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    uint64_t size = m->DROP.size;
    if (size >= l->size)
        return OK;
    TRY(batch_begin(l->db.batch));
    enum err e = LEDGER_RUN(&l->db, SQL_LEAF_CUT, "i", size);
    if (e == OK)
        e = LEDGER_RUN(&l->db, SQL_NODE_CUT, "i", size);
    if (e == OK)
        e = LEDGER_RUN(&l->db, SQL_ROW_CUT, "i", size);
    /* What the dropped leaves changed in the snapshot goes with them. */
    if (e == OK && l->known)
        e = LEDGER_RUN(&l->db, SQL_SNAP_AFTER, "b", span_of(l->known_state, MSG_HASH));
    if (e != OK) {
        batch_abort(l->db.batch);
        return e;
    }
    TRY(batch_commit(l->db.batch));
    l->size = size;
    return OK;
}

static enum err on_KEEP_KEYS(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    TRY(batch_begin(l->db.batch));
    enum err e = LEDGER_RUN(&l->db, SQL_META_PUT, "tb", SPAN("keys"), m->KEEP_KEYS.keys);
    if (e == OK)
        e = LEDGER_RUN(&l->db, SQL_META_PUT, "tb", SPAN("bundle"), m->KEEP_KEYS.bundle);
    if (e != OK) {
        batch_abort(l->db.batch);
        return e;
    }
    TRY(batch_commit(l->db.batch));
    msg_put_KEYS_KEPT(l->conf.to_vault, &(struct msg_KEYS_KEPT){.leaves = l->size});
    return OK;
}

static enum err on_LEDGER_SEALED(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    (void)m;
    l->state = AT_SEALED;
    return OK;
}

static enum err on_TOMBS_READ(void *room, const union msg_any *m)
{
    return ledger_tombs_read(room, m->TOMBS_READ.n);
}

static enum err on_SERVE(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    if (m->SERVE.size != l->size)
        return ERR_STALE;
    l->state = AT_REST;
    return OK;
}

/* ---- handing on ---------------------------------------------------------------------------------------------- */

static enum err on_ASK(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_ASK *a = &m->ASK;
    msg_put_ASKED(l->conf.to_vault, &(struct msg_ASKED){.id = a->id,
                                                        .kind = a->kind,
                                                        .base = a->base,
                                                        .space = (uint8_t)ledger_db_space(&l->db),
                                                        .peer = a->peer,
                                                        .body = a->body});
    return OK;
}

static enum err on_REPLY(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_REPLY *r = &m->REPLY;
    msg_put_ANSWER(l->conf.to_front, &(struct msg_ANSWER){.id = r->id,
                                                          .status = r->status,
                                                          .rsc = r->rsc,
                                                          .type = r->type,
                                                          .nonce = r->nonce,
                                                          .body = r->body,
                                                          .meta = r->meta});
    return OK;
}

/* ---- finding ------------------------------------------------------------------------------------------------- */

static struct span first_blob(struct ledger *l, enum ledger_sql sql, enum err *e)
{
    if (*e == OK)
        return ledger_db_blob(&l->db, sql, 0);
    if (*e == ERR_NOTFOUND)
        *e = OK;
    return SPAN_NONE;
}

/* While a batch is open its own transaction serves. */
static enum err look(struct ledger *l)
{
    return l->state == AT_BATCH ? OK : ledger_db_look(&l->db);
}

enum err ledger_rest(struct ledger *l)
{
    return l->open ? ledger_db_looked(&l->db) : OK;
}

/* `e` and the row are what the look-up gave. */
static enum err found(struct ledger *l, struct msg_FOUND f, enum err e)
{
    const uint64_t id = f.id, n = f.n;
    f.here = e == OK;
    if (e == OK) {
        e = ledger_db_step(&l->db, SQL_STREAM_GET, "tb", f.row.iss, span_of(f.row.sid, ROW_SID));
        f.stream_key = first_blob(l, SQL_STREAM_GET, &e);
    }
    if (f.here && e == OK) {
        e = ledger_db_step(&l->db, SQL_TENANT_GET, "t", f.row.adfq);
        f.tenant_key = first_blob(l, SQL_TENANT_GET, &e);
    }
    /* A kid without form, or a row that no longer has its shape or cannot be read, is as good as none: one damaged page
     * does not stop the others, and the scrub names what is behind it. */
    if (e != OK) {
        if (e != ERR_NOTFOUND && e != ERR_SYNTAX && e != ERR_FULL)
            LOG(LOG_L_ERROR, "row-unread", log_err("error", e));
        f = (struct msg_FOUND){.id = id, .n = n};
        e = OK;
    }
    if (e == OK)
        msg_put_FOUND(l->conf.to_vault, &f);
    ledger_db_done(&l->db, SQL_ROW_GET);
    ledger_db_done(&l->db, SQL_PAIR_NTH);
    ledger_db_done(&l->db, SQL_STREAM_GET);
    ledger_db_done(&l->db, SQL_TENANT_GET);
    return e;
}

static enum err on_FIND(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    struct msg_FOUND f = {.id = m->FIND.id, .n = m->FIND.n};
    TRY(look(l));
    enum err e = ledger_db_row_get(&l->db, m->FIND.kid, m->FIND.pair != 0, &f.row, &f.sealed);
    return found(l, f, e);
}

static enum err on_FIND_PAIR(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_FIND_PAIR *q = &m->FIND_PAIR;
    struct msg_FOUND f = {.id = q->id, .n = q->n};
    TRY(look(l));
    enum err e = ledger_db_pair_nth(&l->db, q->iss, q->sid, q->now, q->nth, &f.row, &f.sealed);
    return found(l, f, e);
}

static enum err on_FIND_STREAM(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_FIND_STREAM *q = &m->FIND_STREAM;
    struct msg_STREAM s = {.id = q->id, .n = q->n};
    TRY(look(l));
    enum err e = ledger_db_step(&l->db, SQL_STREAM_GET, "tb", q->iss, q->sid);
    s.stream_key = first_blob(l, SQL_STREAM_GET, &e);
    if (e == OK) {
        e = ledger_db_step(&l->db, SQL_TENANT_GET, "t", q->tenant);
        s.tenant_key = first_blob(l, SQL_TENANT_GET, &e);
    }
    if (e == OK) {
        e = ledger_db_step(&l->db, SQL_EPOCH_GET, "tb", q->iss, q->sid);
        s.ep = e == OK ? ledger_db_u64(&l->db, SQL_EPOCH_GET, 0) : 0;
    }
    if (e == OK)
        msg_put_STREAM(l->conf.to_vault, &s);
    ledger_db_done(&l->db, SQL_STREAM_GET);
    ledger_db_done(&l->db, SQL_TENANT_GET);
    ledger_db_done(&l->db, SQL_EPOCH_GET);
    return e;
}

static enum err on_SWEEP(void *room, const union msg_any *m)
{
    return ledger_sweep(room, &m->SWEEP);
}

/* ---- a batch: everything or nothing --------------------------------------------------------------------------- */

/* Keeps the first failure; the vault hears it at COMMIT. */
static enum err spoil(struct ledger *l, enum err e)
{
    if (l->spoilt == OK)
        l->spoilt = e;
    return OK;
}

static enum err on_BATCH(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    if (l->state != AT_REST)
        return ERR_NOTNOW;
    TRY(ledger_db_looked(&l->db));
    l->state = AT_BATCH;
    l->spoilt = m->BATCH.size == l->size ? batch_begin(l->db.batch) : ERR_STALE;
    l->begun = l->spoilt == OK;
    l->fresh = l->size;
    l->n_prove = 0;
    if (l->begun && l->note_new) {
        l->spoilt = ledger_note_store(l);
        l->note_new = false;
    }
    if (l->begun && l->spoilt == OK)
        l->spoilt = ledger_witness_store(l);
    return OK;
}

static enum err on_LEAF(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_LEAF *f = &m->LEAF;
    if (l->spoilt != OK)
        return OK;
    if (f->index != l->fresh)
        return ERR_STALE;
    l->fresh++;
    return spoil(l, ledger_log_append(l, f->index, f->salt, f->record, f->mac));
}

static enum err on_ROW(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    return l->spoilt != OK ? OK : spoil(l, ledger_db_row_put(&l->db, &m->ROW.row, m->ROW.sealed));
}

static enum err on_STREAM_KEY(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_STREAM_KEY *k = &m->STREAM_KEY;
    return l->spoilt != OK ? OK : spoil(l, LEDGER_RUN(&l->db, SQL_STREAM_PUT, "tbb", k->iss, k->sid, k->wrapped));
}

static enum err on_TENANT_KEY(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_TENANT_KEY *k = &m->TENANT_KEY;
    return l->spoilt != OK ? OK : spoil(l, LEDGER_RUN(&l->db, SQL_TENANT_PUT, "tb", k->tenant, k->wrapped));
}

static enum err on_SHRED(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    uint8_t key[ROW_KID_MAX];
    struct buf b = BUF_ARRAY(key);
    if (l->spoilt != OK)
        return OK;
    TRY(row_kid_key(m->SHRED.kid, &b));
    return spoil(l, LEDGER_RUN(&l->db, SQL_ROW_DROP, "t", buf_span(&b)));
}

static enum err on_ROW_AGAIN(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_ROW_AGAIN *r = &m->ROW_AGAIN;
    return l->spoilt != OK ? OK : spoil(l, LEDGER_RUN(&l->db, SQL_ROW_AGAIN, "tb", r->key, r->sealed));
}

static enum err on_STREAM_DROP(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_STREAM_DROP *d = &m->STREAM_DROP;
    return l->spoilt != OK ? OK : spoil(l, LEDGER_RUN(&l->db, SQL_STREAM_DROP, "tb", d->iss, d->sid));
}

static enum err on_TENANT_DROP(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    return l->spoilt != OK ? OK : spoil(l, LEDGER_RUN(&l->db, SQL_TENANT_DROP, "t", m->TENANT_DROP.tenant));
}

static enum err on_KEYS(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    return l->spoilt != OK ? OK : spoil(l, ledger_keys(l, &m->KEYS));
}

static enum err on_TOMBS(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_TOMBS *t = &m->TOMBS;
    return l->spoilt != OK ? OK : spoil(l, LEDGER_RUN(&l->db, SQL_TOMB_PUT, "ib", t->n, t->body));
}

static enum err on_PURGE(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    (void)m;
    l->purge = true;
    return OK;
}

static enum err on_PAIRS_PAST(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    return l->spoilt != OK ? OK : spoil(l, LEDGER_RUN(&l->db, SQL_PAIR_PAST, "i", m->PAIRS_PAST.now));
}

static enum err on_STATE(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    const struct msg_STATE *s = &m->STATE;
    if (l->spoilt != OK)
        return OK;
    enum err e =
        LEDGER_RUN(&l->db, SQL_SNAP_PUT, "bbb", span_of(s->state, MSG_HASH), s->snapshot, span_of(s->mac, MSG_HASH));
    /* The one before stays: the parent may know no newer than that. */
    return spoil(l, e == OK ? LEDGER_RUN(&l->db, SQL_SNAP_CUT, "") : e);
}

static enum err on_PROVE(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    if (l->n_prove == LEN(l->prove))
        return ERR_LIMIT;
    l->prove[l->n_prove++] = m->PROVE.from;
    return OK;
}

static enum err on_COMMIT(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    enum err e = l->spoilt;
    if (e == OK && m->COMMIT.size != l->fresh)
        return ERR_STALE;
    if (e == OK)
        e = batch_commit(l->db.batch);
    else if (l->begun)
        batch_abort(l->db.batch);
    l->state = AT_REST;
    if (e != OK) {
        l->note_new = l->note.n > 0;
        msg_put_NOT_COMMITTED(l->conf.to_vault,
                              &(struct msg_NOT_COMMITTED){.size = l->size, .why = span_str(err_text(e))});
        return OK;
    }
    l->size = l->fresh;
    if (l->purge)
        ledger_purge(l);
    for (size_t i = 0; i < l->n_prove; i++)
        TRY(ledger_log_prove(l, l->prove[i]));
    msg_put_COMMITTED(l->conf.to_vault, &(struct msg_COMMITTED){.size = l->size});
    return OK;
}

static enum err on_NOTE(void *room, const union msg_any *m)
{
    struct ledger *l = room;
    buf_reset(&l->note);
    buf_put(&l->note, m->NOTE.note);
    l->note_size = m->NOTE.size;
    l->note_new = true;
    return l->note.e;
}

static enum err on_LOG_READ(void *room, const union msg_any *m)
{
    return ledger_log_read(room, &m->LOG_READ);
}

static enum err on_LEDGER_DO(void *room, const union msg_any *m)
{
    return ledger_admin(room, &m->LEDGER_DO);
}

static enum err on_TILE_READ(void *room, const union msg_any *m)
{
    return ledger_tile_read(room, &m->TILE_READ);
}

static enum err on_SCRUB(void *room, const union msg_any *m)
{
    return ledger_scrub(room, &m->SCRUB);
}

static enum err on_SCRUB_LOOK(void *room, const union msg_any *m)
{
    return ledger_scrub_look(room, &m->SCRUB_LOOK);
}

static enum err on_SCRUB_REST(void *room, const union msg_any *m)
{
    return ledger_scrub_rest(room, &m->SCRUB_REST);
}

/* ---- the courier and witnesses --------------------------------------------------------------------------------- */

static enum err on_POST_OUT(void *room, const union msg_any *m)
{
    return ledger_courier_post(room, &m->POST_OUT);
}

static enum err on_SENT(void *room, const union msg_any *m)
{
    return ledger_courier_sent(room, &m->SENT);
}

static enum err on_COURIER_TICK(void *room, const union msg_any *m)
{
    (void)m;
    return ledger_witness_tick(room);
}

static enum err on_WITNESSES(void *room, const union msg_any *m)
{
    return ledger_witness_start(room, &m->WITNESSES);
}

static enum err on_SETTLED(void *room, const union msg_any *m)
{
    return ledger_witness_settled(room, &m->SETTLED);
}

static enum err on_HEAD_DUE(void *room, const union msg_any *m)
{
    return ledger_witness_due(room, m->HEAD_DUE.size);
}

static enum err on_COSIGN_GOOD(void *room, const union msg_any *m)
{
    return ledger_witness_good(room, &m->COSIGN_GOOD);
}

/* ---- the room ------------------------------------------------------------------------------------------------ */

#define HEAR_LEDGER(name) [SAY_##name] = on_##name,
#define HEAR_PARENT(name)
#define HEAR_FRONT(name)
#define HEAR_COURIER(name)
#define HEAR_VAULT(name)
#define HEAR_HALL(name)
#define HEAR_TELLER(name)
static const struct msg_end ears = {.me = ROOM_LEDGER,
                                    .on = {
#define MSG(name, from, to, armed, fields, what) HEAR_##to(name)
#include "ttp/msg.def"
#undef MSG
                                    }};

enum err ledger_new(const struct ledger_conf *conf, struct ledger **out)
{
    struct ledger *l = calloc(1, sizeof *l);
    *out = l;
    if (!l)
        return ERR_NOMEM;
    l->conf = *conf;
    l->state = AT_START;
    l->note = heap_buf(LOG_NOTE_MAX);
    l->end = ears;
    l->end.state = &l->state;
    l->end.room = l;
    return OK;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    if (l->open)
        ledger_db_close(&l->db);
    heap_buf_free(&l->note);
    ledger_witness_free(l);
    free(l);
}

const struct msg_end *ledger_end(const struct ledger *l)
{
    return &l->end;
}
