/* This TTP as a witness of other logs. */
#include "base/code.h"
#include "ttp/take.h"
#include "ttp/vault_own.h"

#include <string.h>

struct own {
    struct log_submission s;
    struct span origin;
    struct log_head head;
    uint8_t pub[LOG_PUBLIC];
    struct span note; /* with our line, once decided */
    struct span line;
};

static bool known(struct vault *v, struct span origin, uint8_t pub[LOG_PUBLIC])
{
    for (size_t i = 0; i < v->witness.n_logs; i++)
        if (span_eq(span_str(v->witness.log[i].origin), origin)) {
            memcpy(pub, v->witness.log[i].pub, LOG_PUBLIC);
            return true;
        }
    return vault_peer_log(v, origin, pub);
}

/* ---- what we hold --------------------------------------------------------------------------------------------------
 */

struct held {
    struct log_head head; /* size 0: nothing */
    struct span note;
};

static struct held held_of(struct vault *v, struct span origin)
{
    struct held h = {.note = SPAN_NONE};
    const struct span *value = vault_map_get(&v->table[TABLE_WITNESSED], origin);
    struct span s = value ? *value : SPAN_NONE;
    if (!value || take_u64(&s, &h.head.size) != OK || take_fix(&s, h.head.root.b, LOG_HASH) != OK)
        return (struct held){.note = SPAN_NONE};
    h.note = s;
    return h;
}

static enum err hold(struct vault *v, const struct own *o)
{
    uint8_t value[8 + LOG_HASH + LOG_NOTE_MAX];
    struct buf b = BUF_ARRAY(value);
    if (v->table[TABLE_WITNESSED].n >= VAULT_WITNESS_MOST && !vault_map_get(&v->table[TABLE_WITNESSED], o->origin))
        return ERR_LIMIT;
    buf_be64(&b, o->head.size);
    buf_put(&b, span_of(o->head.root.b, LOG_HASH));
    buf_put(&b, o->note);
    TRY(b.e);
    return vault_state_set(v, TABLE_WITNESSED, o->origin, buf_span(&b));
}

/* ---- POST /add-checkpoint ------------------------------------------------------------------------------------------
 */

static enum err cosign_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    uint64_t size;
    if (!o)
        return ERR_NOMEM;
    a->own = o;
    if (log_submission_get(a->body, &o->s) != OK || log_note_claims(o->s.note, &o->origin, &size) != OK)
        vault_refuse(v, a, 400, reason_code(REASON_MALFORMED), "this is no submission of a checkpoint",
                     "see C2SP tlog-witness: old SIZE, proof, empty line, signed checkpoint");
    else if (!known(v, o->origin, o->pub))
        vault_refuse(v, a, 404, reason_code(REASON_REFUSED), "this TTP does not witness that log",
                     "the operator names it in a section [witnessed NAME]");
    else if (log_checkpoint_verify(o->s.note, o->origin, o->pub, &o->head) != OK)
        vault_refuse(v, a, 403, reason_code(REASON_PROOF_INVALID), "the checkpoint is not signed by the log's key",
                     "ask the operator which key is configured");
    else if (vault_rate_good(v, a, o->origin) && o->s.old > o->head.size)
        vault_refuse(v, a, 400, reason_code(REASON_MALFORMED), "the old size is larger than the checkpoint's",
                     "submit the newest checkpoint");
    return OK;
}

/* The note with our line; *line is what goes back. */
static enum err cosign(struct vault *v, struct vault_ask *a, struct own *o)
{
    uint8_t room[LOG_NOTE_MAX];
    struct buf b = BUF_ARRAY(room);
    buf_put(&b, o->s.note);
    TRY(b.e);
    TRY(log_witness_sign(span_str(v->witness.name), v->life.ring->witness,
                         (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000), &b));
    o->note = arena_dup(&a->mem, buf_span(&b));
    o->line = span_from(o->note, o->s.note.n);
    return arena_ok(&a->mem) ? OK : ERR_NOMEM;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o)
{
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", SPAN("witness"));
    JW_STR(&w, "origin", o->origin);
    JW_U64(&w, "size", o->head.size);
    JW_B64URL(&w, "root", span_of(o->head.root.b, LOG_HASH));
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static enum err refused(struct vault *v, struct vault_ask *a, const struct held *h, enum err e)
{
    uint8_t text[24];
    struct buf b = BUF_ARRAY(text);
    if (e == ERR_STALE || (e == ERR_AUTH && h->head.size == ((struct own *)a->own)->head.size)) {
        buf_u64(&b, h->head.size);
        buf_c(&b, '\n');
        vault_reply(v, a, 409, TYPE_SIZE, buf_span(&b), SPAN_NONE);
    } else {
        vault_refuse(v, a, 422, reason_code(REASON_PROOF_INVALID),
                     "the checkpoint does not continue the one that this witness signed last", "submit with its proof");
    }
    return OK;
}

static enum err cosign_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct held h = held_of(v, o->origin);
    enum err e = log_witness_judge(&h.head, &o->head, &o->s);
    if (e != OK)
        return refused(v, a, &h, e);
    TRY(cosign(v, a, o));
    if (h.head.size == o->head.size && h.note.n > 0) { /* the same head once more: nothing new to keep */
        vault_reply(v, a, 200, TYPE_TEXT, o->line, SPAN_NONE);
        return OK;
    }
    if (hold(v, o) != OK) {
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the table of witnessed logs is full",
                     "tell the TTP's operator");
        return OK;
    }
    return record(v, a, o);
}

static enum err cosign_answer(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    vault_reply(v, a, 200, TYPE_TEXT, o->line, SPAN_NONE);
    return OK;
}

const struct vault_kind vault_kind_cosign = {.read = cosign_read, .decide = cosign_decide, .answer = cosign_answer};

/* ---- GET /witness --------------------------------------------------------------------------------------------------
 */

static enum err witness_read(struct vault *v, struct vault_ask *a)
{
    uint8_t text[LOG_ORIGIN_MAX + 128];
    struct buf b = BUF_ARRAY(text);
    struct span origin = span_starts(a->body, SPAN("origin=")) ? span_from(a->body, 7) : SPAN_NONE;
    if (origin.n == 0) {
        TRY(log_witness_vkey_put(span_str(v->witness.name), v->witness.pub, &b));
        buf_c(&b, '\n');
        vault_reply(v, a, 200, TYPE_TEXT, buf_span(&b), SPAN_NONE);
        return OK;
    }
    struct held h = held_of(v, origin);
    if (h.note.n > 0)
        vault_reply(v, a, 200, TYPE_TEXT, h.note, SPAN_NONE);
    else
        vault_refuse(v, a, 404, reason_code(REASON_REFUSED), "this witness has signed nothing of that log",
                     "submit a checkpoint with POST /add-checkpoint");
    return OK;
}

const struct vault_kind vault_kind_witness = {.read = witness_read};
