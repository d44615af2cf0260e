/* Key registrations of the oneM2M face: CREATE, RETRIEVE, DELETE. UPDATE stands in vault_skr_update.c. */
#include "ttp/vault_skr.h"

#include "base/code.h"
#include "ttp/name.h"
#include "ttp/vault_news.h"
#include "ttp/vault_plain.h"
#include "ttp/vault_policy.h"
#include "ttp/vault_reg.h"
#include "ttp/vault_shred.h"
#include "ttp/vault_skr_own.h"

#include <string.h>

/* ---- the resource -------------------------------------------------------------------------------------------------
 */

void vault_skr_put_targets(struct jw *w, struct vault *v, const struct row *r)
{
    struct span id;
    if (r->klass != ROW_SEALED_CLASS) {
        vault_m2m_put_lines(w, M2MATTR_TGIS, r->tgis);
        return;
    }
    m2mname_put(w, M2MATTR_TGIS);
    jw_arr(w);
    for (size_t i = 0; vault_policy_reader(v, r->iss, r->policy, i, &id); i++)
        jw_str(w, id);
    jw_end_arr(w);
}

static void put_key(struct jw *w, struct span key)
{
    uint8_t text[4 * ROW_VALUE_MAX];
    struct buf t = BUF_ARRAY(text);
    b64_put(&t, key);
    m2mname_put_str(w, M2MATTR_KV, buf_span(&t));
    wipe(text, sizeof text);
}

void vault_skr_put(struct buf *b, struct vault *v, const struct row *r, enum vault_view view, struct span key)
{
    struct jw w = jw_over(b);
    struct span kid = r->kid;
    struct vault_change c = vault_change_get(v, r);
    vault_m2m_head(&w, M2MTYPE_SKR, span_cut(&kid, '@'), vault_m2m_base(r->base), r->ct, c.lt ? c.lt : r->ct);
    vault_m2m_put_time(&w, M2MATTR_ET, r->et);
    JW_STR(&w, "cr", r->iss);
    m2mname_put_str(&w, M2MATTR_ADFQ, r->adfq);
    m2mname_put_u64(&w, M2MATTR_SUID, r->suid);
    if (r->lbl.n > 0)
        vault_m2m_put_lines(&w, M2MATTR_LBL, r->lbl);
    if (view == VIEW_CREATOR) {
        vault_skr_put_targets(&w, v, r);
        if (r->klass == ROW_SEALED_CLASS)
            m2mname_put_str(&w, M2MATTR_OSP, r->policy);
    } else if (key.n > 0) {
        put_key(&w, key);
    } else if (r->klass == ROW_SEALED_CLASS) {
        m2mname_put_str(&w, M2MATTR_OSR, SPAN("/release"));
    }
    vault_m2m_end(&w);
}

/* ---- CREATE: the letter is the authority, the attributes beside it must say the same --------------------------------
 */

static const char *create_wrong(struct vault *v, struct vault_ask *a, uint16_t *rsc)
{
    struct vault_m2m *m = a->m2m;
    struct span targets;
    *rsc = 4102;
    if (m->body.has[M2MATTR_KV])
        return "kv is a Key Value in clear, which is not taken here: this way leads to the class sealed";
    *rsc = 4000;
    if (m->body.n_osl != 1)
        return "osl must be one signed letter";
    if (m2mbody_suid_base(m->body.suid) != a->base)
        return "suid belongs to the other base: 21 to 25 to the MEF, 32 to 35 to the MAF";
    if (m->body.et <= v->conf.now_ms(v->conf.ctx))
        return "et is in the past";
    return m2mbody_targets(&m->body, m->body.suid, m->id, true, &a->mem, &targets);
}

static const char *letter_differs(const struct vault_ask *a)
{
    const struct m2mbody *m = &a->m2m->body;
    struct span iss;
    size_t n;
    const struct letter_item *item = vault_letter_item(a, &n, &iss);
    if (n != 1)
        return "osl must register one key";
    if (!name_same(iss, a->m2m->id))
        return "osl is signed by another identity than the originator";
    if (item->suid != m->suid)
        return "suid is not what the signed letter says";
    if (!span_eq_nocase(item->adfq, m->adfq))
        return "adfq is not what the signed letter says";
    return item->et != 0 && item->et != m->et ? "et is not what the signed letter says" : NULL;
}

static enum err create_read(struct vault *v, struct vault_ask *a)
{
    uint16_t rsc;
    TRY(vault_m2m_open(v, a, M2MTYPE_SKR, M2MBODY_CREATE));
    if (a->done)
        return OK;
    const char *wrong = create_wrong(v, a, &rsc);
    if (wrong) {
        vault_m2m_refuse(v, a, rsc, wrong, "send osl: a letter of type oneseal-letter+jws, beside et, adfq and suid");
        return OK;
    }
    a->m2m->lbl = a->m2m->body.lbl;
    a->body = a->m2m->body.osl[0];
    TRY(esd_sha256(a->body, a->req));
    return vault_kind_letter.read(v, a);
}

/* Not before: what is refused while its rows are on their way would meet them as an answer to nobody. */
static enum err create_decide(struct vault *v, struct vault_ask *a)
{
    const char *wrong = letter_differs(a);
    if (wrong) {
        vault_m2m_refuse(v, a, 4000, wrong, "what is signed counts: write the same beside it");
        return OK;
    }
    if (!vault_reg_good(v, a->m2m->id, a->base, a->m2m->body.adfq)) {
        vault_m2m_deny(v, a, "the originator is not registered with this base for that adfq",
                       "create the client registration first");
        return OK;
    }
    return vault_kind_letter.decide(v, a);
}

static enum err create_answer(struct vault *v, struct vault_ask *a)
{
    return vault_kind_letter.answer(v, a);
}

static void create_find(struct vault *v, struct vault_ask *a)
{
    vault_kind_letter.find(v, a);
}

static void create_end(struct vault_ask *a)
{
    vault_kind_letter.end(a);
}

/* ---- one registration by its name ----------------------------------------------------------------------------------
 */

void vault_skr_find(struct vault *v, struct vault_ask *a)
{
    vault_find(v, a, 0, a->body);
}

enum err vault_skr_want(struct vault *v, struct vault_ask *a)
{
    struct span fqdn = span_str(v->fqdn);
    struct span kid = arena_join(&a->mem, arena_join(&a->mem, a->m2m->name, SPAN("@")), fqdn);
    if (a->m2m->name.n == 0 || a->m2m->name.n > ROW_KID_MAX - fqdn.n - 1 ||
        span_find(a->m2m->name, '@') < a->m2m->name.n) {
        vault_skr_absent(v, a);
        return OK;
    }
    a->body = kid;
    a->n_need = 1;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, 1);
    if (!a->need)
        return ERR_NOMEM;
    vault_skr_find(v, a);
    return OK;
}

void vault_skr_absent(struct vault *v, struct vault_ask *a)
{
    vault_m2m_refuse(v, a, 4004, "there is no such registration here", "check the identifier");
}

/* The ledger is not believed: a row that does not authenticate, that was shredded or that is over is not there. */
bool vault_skr_alive(struct vault *v, struct vault_ask *a, struct row *r)
{
    const struct vault_found *f = &a->need[0];
    uint8_t value[ROW_VALUE_MAX];
    bool good = f->here && kid_eq(f->row.kid, a->body) && f->row.kind != ROW_PAIR && !vault_tomb_hides(v, &f->row) &&
                vault_row_open(v, f, value) == OK;
    wipe(value, sizeof value);
    if (good) {
        *r = f->row;
        vault_change_apply(v, r);
        good = (int64_t)r->et > v->conf.now_ms(v->conf.ctx);
    }
    if (!good)
        vault_skr_absent(v, a);
    return good;
}

static bool listed(struct span lines, struct span id)
{
    while (lines.p && lines.n > 0)
        if (name_same(span_cut(&lines, '\n'), id))
            return true;
    return false;
}

static bool is_target(struct vault *v, const struct vault_ask *a, const struct row *r)
{
    static const uint8_t none[JOSE_THUMB] = {0};
    const struct span id = a->m2m->id;
    struct vault_client c = {.until = 0};
    uint64_t version;
    if (a->till && r->klass == ROW_SEALED_CLASS) /* nothing was signed: a pinned key matches nobody */
        return vault_policy_allows(v, r, id, none, &version) == REASON_OK;
    bool known = vault_client_get(v, id, &c) == OK;
    if (r->klass != ROW_SEALED_CLASS)
        return listed(r->tgis, id) && !vault_denied(v, r->iss, r->policy, id, c.jkt);
    return known && vault_policy_allows(v, r, id, c.jkt, &version) == REASON_OK;
}

enum err vault_skr_record(struct vault *v, struct vault_ask *a, const char *op, const struct row *r, struct buf *b)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", span_str(op));
    JW_STR(&w, "iss", a->m2m->id);
    JW_STR(&w, "kid", r->kid);
    jw_end_obj(&w);
    return b->e;
}

static enum err leaf(struct vault *v, struct vault_ask *a, const char *op, const struct row *r)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    TRY(vault_skr_record(v, a, op, r, &b));
    return vault_leaf(v, a, buf_span(&b));
}

static enum err by_name_read(struct vault *v, struct vault_ask *a)
{
    TRY(vault_m2m_open(v, a, M2MTYPE__N, M2MBODY_UPDATE));
    return a->done ? OK : vault_skr_want(v, a);
}

/* ---- RETRIEVE ------------------------------------------------------------------------------------------------------
 */

struct get_own {
    struct row row;
    enum vault_view view;
};

static enum err get_decide(struct vault *v, struct vault_ask *a)
{
    struct get_own *o = ARENA_NEW(&a->mem, struct get_own);
    if (!o)
        return ERR_NOMEM;
    a->own = o;
    if (!vault_skr_alive(v, a, &o->row))
        return OK;
    bool mine = name_same(o->row.iss, a->m2m->id);
    if (!mine && !is_target(v, a, &o->row)) {
        vault_m2m_deny(v, a, "only the creator and the targets of a registration see it", "ask its creator");
        return OK;
    }
    o->view = mine ? VIEW_CREATOR : VIEW_TARGET;
    if (a->till && !mine && !vault_till_may(a, &o->row)) {
        vault_m2m_deny(v, a, "this key is of the class sealed: it leaves only wrapped",
                       "sign a request: POST /release");
        return OK;
    }
    o->row.lbl = arena_dup(&a->mem, o->row.lbl); /* the table may change before the answer */
    o->row.tgis = arena_dup(&a->mem, o->row.tgis);
    return a->till && !mine ? vault_till_leaf(v, a, &o->row, a->m2m->id) : leaf(v, a, "retrieve", &o->row);
}

/* The one place where a Key Value leaves in clear: behind its leaf, to a teller, never to a creator. */
static struct span key_in_clear(struct vault *v, const struct vault_ask *a, const struct get_own *o,
                                uint8_t value[ROW_VALUE_MAX])
{
    if (o->view != VIEW_TARGET || !vault_till_may(a, &a->need[0].row) || vault_row_open(v, &a->need[0], value) != OK)
        return SPAN_NONE;
    return vault_plain_key(&o->row, value);
}

static enum err get_answer(struct vault *v, struct vault_ask *a)
{
    const struct get_own *o = a->own;
    uint8_t *text = arena_alloc(&a->mem, VAULT_SKR_TEXT);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, VAULT_SKR_TEXT);
    uint8_t value[ROW_VALUE_MAX];
    vault_skr_put(&b, v, &o->row, o->view, key_in_clear(v, a, o, value));
    wipe(value, sizeof value);
    TRY(b.e);
    vault_m2m_reply(v, a, buf_span(&b));
    return OK;
}

/* ---- DELETE --------------------------------------------------------------------------------------------------------
 */

static enum err delete_decide(struct vault *v, struct vault_ask *a)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    struct row r;
    if (row_kid_key(a->body, &key) != OK) {
        vault_skr_absent(v, a);
        return OK;
    }
    if (vault_touched(v, a, TOUCH_KID, buf_span(&key))) {
        vault_look_again(v, a);
        return OK;
    }
    if (!vault_skr_alive(v, a, &r))
        return OK;
    if (!name_same(r.iss, a->m2m->id)) {
        vault_m2m_deny(v, a, "only its creator may delete a registration", "ask its creator");
        return OK;
    }
    if (!vault_till_changes(a, &r)) {
        vault_m2m_deny(v, a, "a key of the class sealed is not deleted by a teller", "delete it at the front");
        return OK;
    }
    if (vault_state_room(v) < SHRED_ROOM) {
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the shred list is full", "tell the TTP's operator");
        return OK;
    }
    TRY(vault_change_forget(v, r.kid));
    TRY(vault_news(v, r.iss));
    TRY(vault_shred_key(v, &a->need[0].row, r.kid));
    return leaf(v, a, "shred", &r);
}

static enum err delete_answer(struct vault *v, struct vault_ask *a)
{
    vault_m2m_reply(v, a, SPAN_NONE);
    return OK;
}

const struct vault_kind vault_kind_skr_create = {create_read, create_decide, create_answer, create_find, create_end};
const struct vault_kind vault_kind_skr_get = {by_name_read, get_decide, get_answer, vault_skr_find, NULL};
const struct vault_kind vault_kind_skr_delete = {by_name_read, delete_decide, delete_answer, vault_skr_find, NULL};
