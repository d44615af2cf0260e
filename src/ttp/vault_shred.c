#include "ttp/vault_shred.h"

#include "base/code.h"
#include "host/heap.h"
#include "ttp/take.h"
#include "ttp/vault_admin.h"
#include "ttp/vault_news.h"
#include "ttp/vault_root.h"

#include <string.h>

static const char escrow[] = "escrow/";

struct own {
    struct shred s;
    bool by_operator, repeated;
    uint64_t complete;
};

/* ---- copies of XK ----------------------------------------------------------------------------------------------- */

static bool copy_get(const struct vault_entry *e, struct shred_copy *c, uint64_t *gone, uint64_t *xk)
{
    struct span s = e->value;
    c->name = span_from(e->key, sizeof escrow - 1);
    return span_starts(e->key, span_str(escrow)) && take_u64(&s, &c->made) == OK && take_u64(&s, gone) == OK &&
           take_u64(&s, xk) == OK && take_blob(&s, &c->what) == OK;
}

size_t vault_shred_copies(const struct vault *v, struct shred_copy *out, size_t max)
{
    const struct vault_map *m = &v->table[TABLE_LIFE];
    size_t n = 0;
    uint64_t gone, xk;
    for (size_t i = 0; i < m->n && n < max; i++)
        if (copy_get(&m->e[i], &out[n], &gone, &xk) && gone == 0)
            n++;
    return n;
}

/* ---- destroying ------------------------------------------------------------------------------------------------- */

static enum err path_anew(struct vault *v, const struct row *r)
{
    TRY(vault_work_tenant(v, r->adfq));
    TRY(vault_work_xk(v));
    msg_put_PURGE(v->conf.to_ledger, &(struct msg_PURGE){.n = 1});
    if (r->iss.n > 0)
        return vault_news(v, r->iss);
    vault_news_all(v);
    return OK;
}

enum err vault_shred_key(struct vault *v, const struct row *r, struct span kid)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    TRY(row_kid_key(kid, &key));
    TRY(vault_tomb_kid(v, kid));
    TRY(vault_touch(v, TOUCH_KID, buf_span(&key)));
    vault_batch_open(v);
    msg_put_SHRED(v->conf.to_ledger, &(struct msg_SHRED){.kid = kid});
    if (!r)
        return OK;
    TRY(vault_work_stream(v, r->iss, span_of(r->sid, ROW_SID), r->adfq));
    return path_anew(v, r);
}

static enum err shred_stream(struct vault *v, const struct row *r, uint64_t ep)
{
    TRY(vault_tomb_stream(v, r->iss, r->sid, ep));
    TRY(vault_touch_stream(v, r->iss, r->sid));
    vault_batch_open(v);
    msg_put_STREAM_DROP(v->conf.to_ledger, &(struct msg_STREAM_DROP){.iss = r->iss, .sid = span_of(r->sid, ROW_SID)});
    TRY(vault_work_cut(v, r->iss, span_of(r->sid, ROW_SID)));
    return path_anew(v, r);
}

/* Letters of before must not be opened again: their sealing keys are destroyed at once. */
static enum err cut_letters(struct vault *v)
{
    struct ring *next;
    uint64_t now = vault_now_s(v);
    size_t n;
    TRY(ring_copy(v->life.ring, &next));
    enum err e = ring_announce(next, BUNDLE_SEALING, now, now);
    if (e == OK)
        e = ring_turn(next, now, span_str(v->fqdn), &n);
    if (e == OK) {
        ring_cut_sealing(next, now);
        e = ring_turn(next, now, span_str(v->fqdn), &n);
    }
    if (e == OK)
        return vault_life_change(v, NULL, next);
    ring_free(next);
    return e;
}

static enum err shred_all(struct vault *v, struct span tenant)
{
    struct row r = {.adfq = tenant};
    TRY(cut_letters(v));
    TRY(vault_tomb_all(v));
    TRY(vault_touch(v, TOUCH_TENANT, tenant));
    vault_batch_open(v);
    msg_put_TENANT_DROP(v->conf.to_ledger, &(struct msg_TENANT_DROP){.tenant = tenant});
    TRY(vault_work_cut(v, SPAN_NONE, SPAN_NONE));
    return path_anew(v, &r);
}

/* ---- the order -------------------------------------------------------------------------------------------------- */

static struct row stream_of(const struct own *o)
{
    struct row r = {.iss = o->s.owner.n ? o->s.owner : o->s.iss, .adfq = o->s.tenant};
    memcpy(r.sid, o->s.sid, ROW_SID);
    return r;
}

static void shred_find(struct vault *v, struct vault_ask *a)
{
    const struct own *o = a->own;
    struct row r = stream_of(o);
    if (o->s.kid.n > 0)
        vault_find(v, a, 0, o->s.kid);
    else if (o->s.has_sid)
        vault_find_stream(v, a, 0, r.iss, r.sid, span_str(v->fqdn));
}

static enum err refuse(struct vault *v, struct vault_ask *a, uint16_t status, const char *what, const char *todo)
{
    vault_refuse(v, a, status, reason_code(status == 404 ? REASON_NO_KEY_YET : REASON_REFUSED), what, todo);
    return OK;
}

/* What is to be destroyed is the asker's own, or the asker is the operator. Answers otherwise. */
static bool may(struct vault *v, struct vault_ask *a, const struct own *o)
{
    const struct vault_found *f = o->s.kid.n > 0 ? &a->need[0] : NULL;
    uint8_t value[ROW_VALUE_MAX];
    if (o->by_operator)
        return true;
    if (o->s.tenant.n > 0 || (o->s.owner.n > 0 && !span_eq(o->s.owner, o->s.iss))) {
        (void)refuse(v, a, 403, "only the operator destroys what others registered", "sign with the operator's key");
        return false;
    }
    if (!f)
        return true;
    /* Whose it is, only a row says that authenticates. */
    bool whole = f->here && kid_eq(f->row.kid, o->s.kid) && vault_row_open(v, f, value) == OK;
    wipe(value, sizeof value);
    if (!whole)
        (void)refuse(v, a, 404, "there is no such registration here", "check the identifier");
    else if (!span_eq(f->row.iss, o->s.iss))
        (void)refuse(v, a, 403, "only its creator or the operator destroys a key", "ask its creator");
    return whole && span_eq(f->row.iss, o->s.iss);
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o)
{
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    struct row r = stream_of(o);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", vault_now_s(v));
    JW_STR(&w, "op", SPAN("shred"));
    JW_STR(&w, "iss", o->s.iss);
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    if (o->s.kid.n > 0)
        JW_STR(&w, "kid", o->s.kid);
    if (o->s.has_sid) {
        JW_STR(&w, "owner", r.iss);
        JW_B64URL(&w, "sid", span_of(r.sid, ROW_SID));
    }
    if (o->s.tenant.n > 0)
        JW_STR(&w, "tenant", o->s.tenant);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static bool touched(struct vault *v, struct vault_ask *a, const struct own *o)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    struct row r = stream_of(o);
    if (o->s.kid.n > 0)
        return row_kid_key(o->s.kid, &key) == OK && vault_touched(v, a, TOUCH_KID, buf_span(&key));
    return o->s.has_sid && vault_touched_stream(v, a, r.iss, r.sid);
}

static enum err destroy(struct vault *v, struct vault_ask *a, struct own *o)
{
    struct row r = stream_of(o);
    if (o->s.kid.n > 0)
        return vault_shred_key(v, a->need[0].here ? &a->need[0].row : NULL, o->s.kid);
    if (!o->s.has_sid)
        return shred_all(v, span_str(v->fqdn));
    r.adfq = span_str(v->fqdn);
    return shred_stream(v, &r, a->need[0].ep);
}

/* Decides; with OK and neither a leaf nor an answer it waits for the next batch. */
static enum err decide(struct vault *v, struct vault_ask *a, struct own *o)
{
    bool all = o->s.tenant.n > 0;
    if (touched(v, a, o)) {
        vault_look_again(v, a);
        return OK;
    }
    if (o->s.kid.n > 0 && vault_tomb_has_kid(v, o->s.kid)) {
        o->repeated = true;
        return OK;
    }
    if (!may(v, a, o))
        return OK;
    if (all && !span_eq_nocase(o->s.tenant, span_str(v->fqdn)))
        return refuse(v, a, 404, "this TTP does not serve that administration", "name the domain of this TTP");
    if (all && v->life.next)
        return OK;
    if (vault_state_room(v) < SHRED_ROOM + (all ? RING_TEXT_MAX + RING_BUNDLE_MAX : 0))
        return refuse(v, a, 507, "the vault's tables are full", "tell the TTP's operator");
    if (all && v->life.ring->n[BUNDLE_SEALING] == RING_GENERATIONS &&
        v->life.ring->key[BUNDLE_SEALING][0].state != RING_GONE)
        return refuse(v, a, 409, "too many sealing keys still live", "try again when the oldest has ended");
    TRY(destroy(v, a, o));
    /* Seconds: from then on no letter with such a key can be opened any more. */
    o->complete = all ? vault_now_s(v) : ring_letters_end(v->life.ring);
    return record(v, a, o);
}

/* ---- by a signed request ---------------------------------------------------------------------------------------- */

/* Answers and returns false when nobody who may signed it, or not now. */
static bool signed_now(struct vault *v, struct vault_ask *a, struct own *o)
{
    o->by_operator = v->operator_key && jws_verify(&a->jws, v->operator_key) == REASON_OK;
    if (o->by_operator) {
        enum reason r = claim_aud(a->jws.claims, &a->mem, span_str(v->fqdn));
        if (r != REASON_OK) {
            vault_refuse_reason(v, a, r);
            return false;
        }
    } else if (!vault_signed_by(v, a, o->s.iss, NULL)) {
        return false;
    }
    if (!vault_nonce_good(v, o->s.nonce)) {
        (void)refuse(v, a, 403, "the nonce is not fresh", "use the newest Oneseal-Nonce within 120 s");
        return false;
    }
    return true;
}

static enum err shred_read_ask(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    a->own = o;
    enum reason r = shred_read(a->body, &a->mem, &a->jws, &o->s);
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    if (!signed_now(v, a, o))
        return OK;
    a->n_need = o->s.tenant.n > 0 ? 0 : 1;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, 1);
    if (!a->need)
        return ERR_NOMEM;
    if (a->n_need > 0)
        shred_find(v, a);
    return OK;
}

static enum err send(struct vault *v, struct vault_ask *a, uint64_t index)
{
    struct own *o = a->own;
    struct shred_copy copies[SHRED_COPIES_MAX];
    struct buf out = heap_buf(VAULT_ANSWER_MAX);
    struct shred_answer r = {.code = SPAN("ok"),
                             .complete = o->complete,
                             .rekey = vault_work_left(v) == 0,
                             .copies = copies,
                             .n_copies = vault_shred_copies(v, copies, SHRED_COPIES_MAX),
                             .index = index,
                             .size = v->head.size,
                             .head = buf_span(&v->note)};
    memcpy(r.req, a->req, ESD_HASH);
    enum err e = shred_answer_build(&r, v->release, span_str(v->release_kid), &v->scratch, &out);
    if (e == OK)
        vault_reply(v, a, 200, TYPE_JOSE, buf_span(&out), SPAN_NONE);
    buf_wipe(&v->scratch);
    heap_buf_free(&out);
    return e;
}

static enum err shred_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    TRY(decide(v, a, o));
    if (!o->repeated || a->done)
        return OK;
    o->complete = ring_letters_end(v->life.ring);
    return send(v, a, 0);
}

static enum err shred_answer_ask(struct vault *v, struct vault_ask *a)
{
    return send(v, a, a->index);
}

const struct vault_kind vault_kind_shred = {shred_read_ask, shred_decide, shred_answer_ask, shred_find, NULL};

/* ---- by the operator on this machine ---------------------------------------------------------------------------- */

/* "kid KID", "stream OWNER SID", "tenant FQDN". */
static bool words_read(struct span words, struct own *o)
{
    struct span what = span_cut(&words, ' '), first = span_cut(&words, ' ');
    struct buf sid = BUF_ARRAY(o->s.sid);
    *o = (struct own){.s = {.iss = SPAN("operator")}, .by_operator = true};
    if (first.n == 0 || first.n > ROW_TEXT_MAX)
        return false;
    if (span_eq(what, SPAN("stream"))) {
        o->s.owner = first;
        o->s.has_sid = true;
        return b64url_get(words, &sid) == OK && sid.n == ROW_SID;
    }
    *(span_eq(what, SPAN("kid")) ? &o->s.kid : &o->s.tenant) = first;
    return words.n == 0 && (span_eq(what, SPAN("kid")) || span_eq(what, SPAN("tenant")));
}

static void operator_find(struct vault *v, struct vault_ask *a)
{
    struct own o;
    if (!words_read(a->body, &o))
        return;
    struct row r = stream_of(&o);
    if (o.s.kid.n > 0)
        vault_find(v, a, 0, o.s.kid);
    else
        vault_find_stream(v, a, 0, r.iss, r.sid, span_str(v->fqdn));
}

static void copies_put(struct vault *v, struct jw *w)
{
    struct shred_copy copies[SHRED_COPIES_MAX];
    size_t n = vault_shred_copies(v, copies, SHRED_COPIES_MAX);
    JW_NAME(w, "copies");
    jw_arr(w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(w);
        JW_STR(w, "name", copies[i].name);
        JW_STR(w, "what", copies[i].what);
        JW_U64(w, "made", copies[i].made);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static enum err admin_json(struct vault *v, struct vault_ask *a, const struct own *o, struct span *out)
{
    struct buf b = heap_buf(VAULT_ANSWER_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_BOOL(&w, "ok", true);
    JW_U64(&w, "complete", o->complete);
    JW_BOOL(&w, "rekey", vault_work_left(v) == 0);
    copies_put(v, &w);
    jw_end_obj(&w);
    *out = b.e == OK ? arena_dup(&a->mem, buf_span(&b)) : SPAN_NONE;
    enum err e = b.e != OK ? b.e : arena_ok(&a->mem) ? OK : ERR_NOMEM;
    heap_buf_free(&b);
    return e;
}

enum err vault_admin_shred(struct vault *v, struct vault_ask *a, struct span words)
{
    struct own o;
    struct span json;
    if (!words_read(words, &o)) {
        vault_refuse(v, a, 400, reason_code(REASON_MALFORMED), "what is to be destroyed?",
                     "oneseal ttp shred kid KID | stream OWNER SID | tenant FQDN");
        return OK;
    }
    if (o.s.tenant.n == 0 && vault_admin_need(v, a, 1, operator_find))
        return OK;
    TRY(decide(v, a, &o));
    if (a->done || (!o.repeated && !a->leaf))
        return OK;
    if (o.repeated)
        o.complete = ring_letters_end(v->life.ring);
    TRY(admin_json(v, a, &o, &json));
    if (!o.repeated)
        return vault_admin_answer(a, json);
    vault_admin_say(v, a, json);
    return OK;
}

/* ---- escrow ----------------------------------------------------------------------------------------------------- */

static enum err escrow_list(struct vault *v, struct vault_ask *a)
{
    struct buf b = heap_buf(VAULT_ANSWER_MAX);
    struct jw w = jw_over(&b);
    const struct vault_map *m = &v->table[TABLE_LIFE];
    struct shred_copy c;
    uint64_t gone, xk;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "xk", vault_root_count(v));
    JW_NAME(&w, "copies");
    jw_arr(&w);
    for (size_t i = 0; i < m->n; i++) {
        if (!copy_get(&m->e[i], &c, &gone, &xk))
            continue;
        jw_obj(&w);
        JW_STR(&w, "name", c.name);
        JW_STR(&w, "what", c.what);
        JW_U64(&w, "xk", xk);
        JW_U64(&w, "made", c.made);
        JW_U64(&w, "gone", gone);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    if (b.e == OK)
        vault_admin_say(v, a, buf_span(&b));
    enum err e = b.e;
    heap_buf_free(&b);
    return e;
}

static enum err escrow_set(struct vault *v, struct vault_ask *a, struct span name, struct span what, bool gone)
{
    uint8_t key[128], value[1024], text[512];
    struct buf k = BUF_ARRAY(key), b = BUF_ARRAY(value), t = BUF_ARRAY(text);
    buf_str(&k, escrow);
    buf_put(&k, name);
    const struct span *was = k.e == OK ? vault_map_get(&v->table[TABLE_LIFE], buf_span(&k)) : NULL;
    struct shred_copy c;
    uint64_t ended, xk = vault_root_count(v);
    struct vault_entry e = {buf_span(&k), was ? *was : SPAN_NONE};
    bool here = was && copy_get(&e, &c, &ended, &xk);
    if (k.e != OK || name.n == 0 || (!gone && (what.n == 0 || what.n > 256)))
        return refuse(v, a, 400, "a copy has a short name and a description",
                      "oneseal ttp escrow add NAME WHAT | gone NAME | list");
    if (here != gone)
        return refuse(v, a, gone ? 404 : 409, gone ? "there is no copy of that name" : "there is a copy of that name",
                      "oneseal ttp escrow list");
    if (vault_state_room(v) < SHRED_ROOM)
        return refuse(v, a, 507, "the vault's tables are full", "forget copies that are gone");
    buf_be64(&b, gone ? c.made : vault_now_s(v));
    buf_be64(&b, gone ? vault_now_s(v) : 0);
    buf_be64(&b, xk);
    msg_item_put(&b, gone ? c.what : what);
    TRY(b.e);
    TRY(vault_state_set(v, TABLE_LIFE, buf_span(&k), buf_span(&b)));
    buf_fmt(&t, "%s %.*s", gone ? "gone" : "made", SPAN_FMT(name));
    TRY(t.e);
    return vault_admin_leaf(v, a, "escrow", buf_span(&t));
}

enum err vault_admin_escrow(struct vault *v, struct vault_ask *a, struct span words)
{
    struct span verb = span_cut(&words, ' '), name = words.p ? span_cut(&words, ' ') : SPAN_NONE;
    if (span_eq(verb, SPAN("list")) || verb.n == 0)
        return escrow_list(v, a);
    bool gone = span_eq(verb, SPAN("gone"));
    if (!gone && !span_eq(verb, SPAN("add")))
        name = SPAN_NONE;
    return escrow_set(v, a, name, words, gone);
}
