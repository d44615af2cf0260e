/* The ledger's part of the log: leaves, complete subtrees, proofs and pages. */
#include "base/code.h"
#include "esd/log.h"
#include "host/heap.h"
#include "ttp/kind.h"
#include "ttp/ledger_own.h"
#include "ttp/name.h"
#include "ttp/take.h"
#include "wire/json.h"

static enum err node(void *ctx, unsigned level, uint64_t index, struct log_hash *out)
{
    struct ledger *l = ctx;
    enum err e = ledger_db_step(&l->db, SQL_NODE_GET, "ii", (uint64_t)level, index);
    struct span s = e == OK ? ledger_db_blob(&l->db, SQL_NODE_GET, 0) : SPAN_NONE;
    if (e == OK && s.n != LOG_HASH)
        e = ERR_SYNTAX;
    if (e == OK)
        memcpy(out->b, s.p, LOG_HASH);
    ledger_db_done(&l->db, SQL_NODE_GET);
    return e;
}

struct log_nodes ledger_log_nodes(struct ledger *l)
{
    return (struct log_nodes){node, l};
}

static enum err put_node(struct ledger *l, unsigned level, uint64_t index, const struct log_hash *h)
{
    return LEDGER_RUN(&l->db, SQL_NODE_PUT, "iib", (uint64_t)level, index, span_of(h->b, LOG_HASH));
}

enum err ledger_log_append(struct ledger *l, uint64_t index, const uint8_t *salt, struct span record,
                           const uint8_t *mac)
{
    struct log_hash entry, h;
    TRY(LEDGER_RUN(&l->db, SQL_LEAF_PUT, "ibbb", index, span_of(salt, MSG_HASH), record, span_of(mac, MSG_HASH)));
    TRY(log_entry(salt, record, &entry));
    TRY(log_leaf(&entry, &h));
    TRY(put_node(l, 0, index, &h));
    for (unsigned k = 0; index >> k & 1; k++) {
        /* The two children of the subtree that this leaf completes. */
        struct log_tree two = {.size = 1};
        TRY(node(l, k, (index >> k) - 1, &two.node[0]));
        TRY(log_tree_append(&two, &h));
        h = two.node[1];
        TRY(put_node(l, k + 1, index >> (k + 1), &h));
    }
    return OK;
}

enum err ledger_log_prove(struct ledger *l, uint64_t m)
{
    struct log_hash proof[LOG_PROOF_MAX];
    size_t n = 0;
    enum err e = log_consistency((struct log_nodes){node, l}, m, l->size, proof, &n);
    if (e != OK && e != ERR_RANGE)
        return e;
    msg_put_PROOF(l->conf.to_vault, &(struct msg_PROOF){.from = m, .proof = span_of(proof, n * LOG_HASH)});
    return OK;
}

/* ---- the newest signed head ---------------------------------------------------------------------------------- */

enum err ledger_note_load(struct ledger *l)
{
    enum err e = ledger_db_step(&l->db, SQL_META_GET, "t", SPAN("note"));
    struct span s = e == OK ? ledger_db_blob(&l->db, SQL_META_GET, 0) : SPAN_NONE;
    if (e == OK && take_u64(&s, &l->note_size) == OK)
        buf_put(&l->note, s);
    ledger_db_done(&l->db, SQL_META_GET);
    return e == OK || e == ERR_NOTFOUND ? l->note.e : e;
}

enum err ledger_note_store(struct ledger *l)
{
    uint8_t text[8 + LOG_NOTE_MAX];
    struct buf b = BUF_ARRAY(text);
    buf_be64(&b, l->note_size);
    buf_put(&b, buf_span(&l->note));
    TRY(b.e);
    return LEDGER_RUN(&l->db, SQL_META_PUT, "tb", SPAN("note"), buf_span(&b));
}

/* ---- pages --------------------------------------------------------------------------------------------------- */

/* Is `iss` of the record one of the asker's names? */
static bool own_record(struct span record, struct span peer)
{
    uint8_t memory[32768];
    struct arena a;
    struct jval *doc;
    struct span iss;
    arena_over(&a, memory, sizeof memory);
    if (json_parse(record, &a, &doc, NULL) != OK || json_str(JSON_GET(doc, "iss"), &a, &iss) != OK)
        return false;
    return names_cover(peer, iss);
}

static void entry(struct ledger *l, const struct msg_LOG_READ *q, struct jw *w)
{
    struct log_hash h;
    uint64_t index = ledger_db_u64(&l->db, SQL_LEAF_GET, 0);
    struct span salt = ledger_db_blob(&l->db, SQL_LEAF_GET, 1), record = ledger_db_blob(&l->db, SQL_LEAF_GET, 2);
    jw_obj(w);
    JW_U64(w, "index", index);
    if (node(l, 0, index, &h) == OK)
        JW_B64URL(w, "leaf", span_of(h.b, LOG_HASH));
    if (q->all || own_record(record, q->peer)) {
        JW_B64URL(w, "salt", salt);
        JW_STR(w, "record", record);
    }
    jw_end_obj(w);
}

static enum err entries(struct ledger *l, const struct msg_LOG_READ *q, struct jw *w)
{
    uint64_t to = q->to < l->note_size ? q->to : l->note_size;
    if (to > q->from && to - q->from > TTP_LOG_PAGE)
        to = q->from + TTP_LOG_PAGE;
    jw_obj(w);
    JW_U64(w, "size", l->note_size);
    JW_STR(w, "checkpoint", buf_span(&l->note));
    JW_NAME(w, "entries");
    jw_arr(w);
    enum err e = ledger_db_step(&l->db, SQL_LEAF_GET, "ii", q->from, to);
    for (; e == OK; e = ledger_db_next(&l->db, SQL_LEAF_GET))
        entry(l, q, w);
    ledger_db_done(&l->db, SQL_LEAF_GET);
    jw_end_arr(w);
    jw_end_obj(w);
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err consistency(struct ledger *l, const struct msg_LOG_READ *q, struct jw *w)
{
    struct log_hash proof[LOG_PROOF_MAX];
    size_t n = 0;
    if (q->to > l->note_size)
        return ERR_RANGE;
    TRY(log_consistency((struct log_nodes){node, l}, q->from, q->to, proof, &n));
    jw_obj(w);
    JW_U64(w, "from", q->from);
    JW_U64(w, "to", q->to);
    JW_NAME(w, "proof");
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        jw_b64url(w, span_of(proof[i].b, LOG_HASH));
    jw_end_arr(w);
    jw_end_obj(w);
    return OK;
}

static const char no_page[] =
    "{\"code\":\"malformed\",\"what\":\"the log has no such entries\",\"who\":\"ledger\",\"object\":\"log\","
    "\"do\":\"ask GET /log/checkpoint for the size of the log\"}";

enum err ledger_log_read(struct ledger *l, const struct msg_LOG_READ *q)
{
    struct buf b = heap_buf(MSG_FRAME_MAX - 4096);
    struct jw w = jw_over(&b);
    struct msg_ANSWER a = {.id = q->id, .status = 200, .type = TYPE_JSON};
    enum err e = OK;
    if (q->what == LOG_ENTRIES)
        e = entries(l, q, &w);
    else if (q->what == LOG_CONSISTENCY)
        e = consistency(l, q, &w);
    else if (q->what == LOG_COSIGNED || l->witness.cosigned_size == l->note_size)
        buf_put(&b, buf_span(&l->witness.cosigned));
    if (q->what == LOG_CHECKPOINT && b.n == 0)
        buf_put(&b, buf_span(&l->note));
    if (q->what == LOG_COSIGNED && b.n == 0)
        e = ERR_RANGE;
    if (q->what == LOG_CHECKPOINT || q->what == LOG_COSIGNED)
        a.type = TYPE_TEXT;
    a.body = buf_span(&b);
    if (e != OK || b.e != OK) {
        a.status = e == ERR_RANGE ? 404 : 500;
        a.type = TYPE_ERROR;
        a.body = SPAN(no_page);
    }
    msg_put_ANSWER(l->conf.to_front, &a);
    heap_buf_free(&b);
    return OK;
}
