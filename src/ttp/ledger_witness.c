/* Submitting heads to witnesses (C2SP tlog-witness). Before the first submission each witness is asked what it saw
 * last, and the vault hears it: that is how an older copy of everything is noticed (vault_witness.h). */
#include "esd/log_witness.h"
#include "host/heap.h"
#include "host/log.h"
#include "ttp/ledger_own.h"
#include "ttp/take.h"

static const uint64_t own_id = UINT64_C(1) << 63;
enum { ASKS = 1 << 8 /* bit in an id: GET /witness, not POST /add-checkpoint */ };

static struct ledger_witness *find(struct ledger *l, struct span name)
{
    for (size_t i = 0; i < l->witness.n; i++)
        if (span_eq(span_str(l->witness.one[i].name), name))
            return &l->witness.one[i];
    return NULL;
}

static uint64_t id_of(const struct ledger *l, const struct ledger_witness *w, unsigned more)
{
    return own_id | more | (uint64_t)(w - l->witness.one);
}

/* ---- what did you see last? ----------------------------------------------------------------------------------------
 */

static void ask(struct ledger *l, struct ledger_witness *w)
{
    char path[400];
    struct buf b = BUF_ARRAY(path);
    buf_fmt(&b, "/witness?origin=%s", l->witness.origin);
    w->flying = w->paced = true;
    msg_put_SEND(l->conf.to_courier,
                 &(struct msg_SEND){.id = id_of(l, w, ASKS), .who = span_str(w->name), .path = buf_span(&b)});
}

static enum err one_name(struct ledger *l, struct span name)
{
    struct ledger_witness *w = &l->witness.one[l->witness.n];
    if (l->witness.n == LEDGER_WITNESSES_MAX || name.n >= sizeof w->name)
        return ERR_LIMIT;
    memcpy(w->name, name.p, name.n);
    w->note = heap_buf(LOG_NOTE_MAX);
    l->witness.n++;
    return OK;
}

enum err ledger_witness_start(struct ledger *l, const struct msg_WITNESSES *m)
{
    struct span list = m->names, name;
    if (l->witness.n > 0 || m->origin.n >= sizeof l->witness.origin)
        return ERR_NOTNOW;
    memcpy(l->witness.origin, m->origin.p, m->origin.n);
    l->witness.start = l->size;
    while (list.n > 0) {
        TRY(msg_item_get(&list, &name));
        TRY(one_name(l, name));
    }
    for (size_t i = 0; i < l->witness.n && l->conf.to_courier; i++)
        ask(l, &l->witness.one[i]);
    return OK;
}

static enum err asked(struct ledger *l, struct ledger_witness *w, const struct msg_SENT *m)
{
    struct log_hash proof[LOG_PROOF_MAX];
    struct span origin;
    uint64_t size;
    size_t n = 0;
    struct msg_WITNESSED out = {.name = span_str(w->name)};
    if (m->status == 0 || m->status >= 500)
        return OK; /* again at the next tick */
    if (m->status == 200 && m->body.n <= LOG_NOTE_MAX && log_note_claims(m->body, &origin, &size) == OK) {
        out.note = m->body;
        if (size > 0 && size < l->witness.start &&
            log_consistency(ledger_log_nodes(l), size, l->witness.start, proof, &n) == OK)
            out.proof = span_of(proof, n * LOG_HASH);
    }
    msg_put_WITNESSED(l->conf.to_vault, &out);
    return OK;
}

enum err ledger_witness_settled(struct ledger *l, const struct msg_SETTLED *m)
{
    struct ledger_witness *w = find(l, m->name);
    if (!w)
        return ERR_NOTFOUND;
    w->settled = true;
    w->seen = m->size;
    w->paced = false;
    return ledger_witness_due(l, l->witness.due);
}

/* ---- please sign this ----------------------------------------------------------------------------------------------
 */

static enum err submit(struct ledger *l, struct ledger_witness *w)
{
    uint8_t text[LOG_SUBMISSION_MAX];
    struct buf b = BUF_ARRAY(text);
    struct log_submission s = {.old = w->seen, .note = buf_span(&l->note)};
    w->paced = true;
    if (w->seen > 0 && w->seen < l->note_size)
        TRY(log_consistency(ledger_log_nodes(l), w->seen, l->note_size, s.proof, &s.n));
    TRY(log_submission_put(&s, &b));
    buf_reset(&w->note);
    buf_put(&w->note, s.note);
    TRY(w->note.e);
    w->flying = true;
    msg_put_SEND(l->conf.to_courier, &(struct msg_SEND){.id = id_of(l, w, 0),
                                                        .who = span_str(w->name),
                                                        .path = SPAN("/add-checkpoint"),
                                                        .media = SPAN("text/plain; charset=utf-8"),
                                                        .body = buf_span(&b)});
    return OK;
}

/* A witness must not stop the ledger: what cannot be made is said and tried again. */
static void offer(struct ledger *l, struct ledger_witness *w)
{
    if (!l->conf.to_courier || w->flying || w->paced || l->note.n == 0)
        return;
    enum err e = OK;
    if (!w->settled)
        ask(l, w);
    else if (l->witness.due > w->seen && l->note_size > w->seen)
        e = submit(l, w);
    if (e != OK)
        LOG(LOG_L_WARN, "not-submitted", log_str("witness", w->name), log_err("error", e));
}

enum err ledger_witness_due(struct ledger *l, uint64_t size)
{
    l->witness.due = size;
    for (size_t i = 0; i < l->witness.n; i++)
        offer(l, &l->witness.one[i]);
    return OK;
}

enum err ledger_witness_tick(struct ledger *l)
{
    for (size_t i = 0; i < l->witness.n; i++) {
        l->witness.one[i].paced = false;
        offer(l, &l->witness.one[i]);
    }
    return OK;
}

static enum err answered(struct ledger *l, struct ledger_witness *w, const struct msg_SENT *m)
{
    struct span body = m->body;
    uint64_t size;
    if (m->status == 200) {
        buf_put(&w->note, m->body);
        if (w->note.e == OK)
            msg_put_COSIGNED(l->conf.to_vault,
                             &(struct msg_COSIGNED){.name = span_str(w->name), .note = buf_span(&w->note)});
        return OK;
    }
    if (m->status == 409 && span_u64(span_cut(&body, '\n'), INT64_MAX, &size) == OK && size != w->seen &&
        size <= l->note_size) {
        w->seen = size; /* it holds another head than we thought */
        w->paced = false;
        offer(l, w);
        return OK;
    }
    LOG(LOG_L_WARN, "not-cosigned", log_str("witness", w->name), log_int("status", m->status));
    return OK;
}

enum err ledger_witness_sent(struct ledger *l, const struct msg_SENT *m)
{
    size_t i = (size_t)(m->id & (ASKS - 1));
    if (i >= l->witness.n)
        return ERR_SYNTAX;
    struct ledger_witness *w = &l->witness.one[i];
    w->flying = false;
    return m->id & ASKS ? asked(l, w, m) : answered(l, w, m);
}

/* ---- the newest cosigned head --------------------------------------------------------------------------------------
 */

enum err ledger_witness_good(struct ledger *l, const struct msg_COSIGN_GOOD *m)
{
    static const struct span dash = {(const uint8_t *)"\xe2\x80\x94 ", 4};
    struct ledger_witness *w = find(l, m->name);
    struct buf *c = &l->witness.cosigned;
    struct span note, origin;
    uint64_t size;
    if (!w)
        return ERR_NOTFOUND;
    w->seen = m->size;
    note = buf_span(&w->note);
    if (m->size < l->witness.cosigned_size || log_note_claims(note, &origin, &size) != OK || size != m->size)
        return OK;
    if (m->size > l->witness.cosigned_size) {
        /* What we submitted ends before the lines of the witness: our own come first. */
        struct span rest = note;
        buf_reset(c);
        while (rest.n > 0 && !span_starts(rest, m->line)) {
            struct span line = span_cut(&rest, '\n');
            struct span name = span_from(line, dash.n);
            if (span_starts(line, dash) && !span_eq(span_cut(&name, ' '), span_str(l->witness.origin)))
                continue;
            buf_put(c, line);
            buf_c(c, '\n');
        }
        l->witness.cosigned_size = m->size;
    }
    buf_put(c, m->line);
    buf_c(c, '\n');
    l->witness.cosigned_new = c->e == OK;
    return c->e == ERR_FULL || c->e == ERR_LIMIT ? OK : c->e;
}

enum err ledger_witness_load(struct ledger *l)
{
    l->witness.cosigned = heap_buf(LOG_NOTE_MAX);
    enum err e = ledger_db_step(&l->db, SQL_META_GET, "t", SPAN("cosigned"));
    struct span s = e == OK ? ledger_db_blob(&l->db, SQL_META_GET, 0) : SPAN_NONE;
    if (e == OK && take_u64(&s, &l->witness.cosigned_size) == OK)
        buf_put(&l->witness.cosigned, s);
    ledger_db_done(&l->db, SQL_META_GET);
    return e == OK || e == ERR_NOTFOUND ? l->witness.cosigned.e : e;
}

enum err ledger_witness_store(struct ledger *l)
{
    uint8_t text[8 + LOG_NOTE_MAX];
    struct buf b = BUF_ARRAY(text);
    if (!l->witness.cosigned_new)
        return OK;
    buf_be64(&b, l->witness.cosigned_size);
    buf_put(&b, buf_span(&l->witness.cosigned));
    TRY(b.e);
    TRY(LEDGER_RUN(&l->db, SQL_META_PUT, "tb", SPAN("cosigned"), buf_span(&b)));
    l->witness.cosigned_new = false;
    return OK;
}

void ledger_witness_free(struct ledger *l)
{
    for (size_t i = 0; i < l->witness.n; i++)
        heap_buf_free(&l->witness.one[i].note);
    heap_buf_free(&l->witness.cosigned);
}
