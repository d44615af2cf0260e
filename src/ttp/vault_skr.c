/* The oneM2M face of a registration: retrieve without the key, delete (spec/security.md 7.4). */
#include "base/m2mtime.h"
#include "ttp/name.h"
#include "ttp/vault_meta.h"
#include "ttp/vault_policy.h"
#include "ttp/vault_shred.h"

void vault_meta_put(struct buf *b, const struct row *r)
{
    uint8_t text[32];
    struct buf t = BUF_ARRAY(text);
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_STR(&w, "kid", r->kid);
    JW_STR(&w, "cr", r->iss);
    JW_STR(&w, "adfq", r->adfq);
    JW_U64(&w, "suid", r->suid);
    m2mtime_put(&t, (int64_t)r->et);
    JW_STR(&w, "et", buf_span(&t));
    buf_reset(&t);
    m2mtime_put(&t, (int64_t)r->ct);
    JW_STR(&w, "ct", buf_span(&t));
    JW_STR(&w, "policy", r->policy);
    JW_B64URL(&w, "sid", span_of(r->sid, ROW_SID));
    JW_U64(&w, "ep", r->ep);
    jw_end_obj(&w);
}

static void skr_find(struct vault *v, struct vault_ask *a)
{
    vault_find(v, a, 0, a->body);
}

/* The body is the kid; who asks is the front's word. That is enough for what is shown here, which no key is part of,
 * and for a deletion, which a conquered front or ledger could bring about anyway. */
static enum err skr_read(struct vault *v, struct vault_ask *a)
{
    a->n_need = 1;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, 1);
    if (!a->need)
        return ERR_NOMEM;
    skr_find(v, a);
    return OK;
}

static void absent(struct vault *v, struct vault_ask *a)
{
    vault_refuse(v, a, 404, reason_code(REASON_NO_KEY_YET), "there is no such registration here",
                 "check the identifier");
}

/* Is it there, whole and not expired? Otherwise answers. */
static bool alive(struct vault *v, struct vault_ask *a)
{
    const struct vault_found *f = &a->need[0];
    uint8_t kv[ESD_KV];
    bool good = f->here && !vault_tomb_hides(v, &f->row) && kid_eq(f->row.kid, a->body) &&
                vault_row_open(v, f, kv) == OK && (int64_t)f->row.et > v->conf.now_ms(v->conf.ctx);
    wipe(kv, sizeof kv);
    if (!good)
        absent(v, a);
    return good;
}

static bool asker_reads(struct vault *v, const struct vault_ask *a, const struct row *r)
{
    struct span names = a->peer;
    while (names.p) {
        struct span name = span_cut(&names, '\n');
        struct vault_client c;
        uint64_t version;
        if (name.n > 0 && vault_client_get(v, name, &c) == OK &&
            vault_policy_allows(v, r, name, c.jkt, &version) == REASON_OK)
            return true;
    }
    return false;
}

static enum err skr_get_decide(struct vault *v, struct vault_ask *a)
{
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    if (!alive(v, a))
        return OK;
    const struct row *r = &a->need[0].row;
    if (!names_cover(a->peer, r->iss) && !asker_reads(v, a, r)) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED),
                     "only the creator and the readers of a registration see it", "ask its creator");
        return OK;
    }
    vault_meta_put(&b, r);
    TRY(b.e);
    vault_reply(v, a, 200, TYPE_JSON, SPAN_NONE, buf_span(&b));
    return OK;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct row *r)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", SPAN("shred"));
    JW_STR(&w, "iss", r->iss);
    JW_STR(&w, "kid", r->kid);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static enum err skr_delete_decide(struct vault *v, struct vault_ask *a)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    if (row_kid_key(a->body, &key) != OK) {
        absent(v, a);
        return OK;
    }
    if (vault_touched(v, a, TOUCH_KID, buf_span(&key))) {
        vault_look_again(v, a);
        return OK;
    }
    if (!alive(v, a))
        return OK;
    const struct row *r = &a->need[0].row;
    if (!names_cover(a->peer, r->iss)) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), "only its creator may delete a registration",
                     "ask its creator");
        return OK;
    }
    if (vault_state_room(v) < SHRED_ROOM) {
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the shred list is full", "tell the TTP's operator");
        return OK;
    }
    TRY(vault_shred_key(v, r, r->kid));
    return record(v, a, r);
}

static enum err skr_delete_answer(struct vault *v, struct vault_ask *a)
{
    vault_reply(v, a, 200, TYPE_JSON, SPAN_NONE, SPAN_NONE);
    return OK;
}

const struct vault_kind vault_kind_skr_get = {.read = skr_read, .decide = skr_get_decide, .find = skr_find};
const struct vault_kind vault_kind_skr_delete = {skr_read, skr_delete_decide, skr_delete_answer, skr_find, NULL};
