#include "ttp/vault_psk.h"

#include "base/code.h"
#include "esd/unwrap.h"
#include "ttp/take.h"
#include "ttp/vault_admin.h"
#include "ttp/vault_change.h"
#include "ttp/vault_plain.h"

#include <string.h>

static const char psk_label[] = "oneseal-psk-v1";
enum { PSK_VERSION = 1, PSK_BOX_MAX = PSK_MOST + VAULT_BOX };

/* ---- the table -----------------------------------------------------------------------------------------------------
 */

static void value_put(struct buf *b, const struct vault_psk *p)
{
    buf_c(b, PSK_VERSION);
    buf_c(b, p->base);
    msg_item_put(b, p->client);
    buf_c(b, p->pinned);
    buf_put(b, span_of(p->jkt, JOSE_THUMB));
    msg_item_put(b, p->box);
}

static enum err value_get(struct span s, struct vault_psk *p)
{
    uint8_t version, pinned;
    TRY(take_u8(&s, &version));
    TRY(take_u8(&s, &p->base));
    TRY(take_blob(&s, &p->client));
    TRY(take_u8(&s, &pinned));
    TRY(take_fix(&s, p->jkt, JOSE_THUMB));
    TRY(take_blob(&s, &p->box));
    p->pinned = pinned != 0;
    return version == PSK_VERSION && s.n == 0 ? OK : ERR_SYNTAX;
}

/* Everything but the box. */
static void aad_put(struct buf *b, struct span key, const struct vault_psk *p)
{
    struct vault_psk bare = *p;
    bare.box = SPAN_NONE;
    msg_item_put(b, key);
    value_put(b, &bare);
}

enum err vault_psk_get(struct vault *v, struct span identity, struct vault_psk *out)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    if (row_kid_key(identity, &key) != OK)
        return ERR_NOTFOUND;
    const struct span *value = vault_map_get(&v->table[TABLE_PSK], buf_span(&key));
    return value ? value_get(*value, out) : ERR_NOTFOUND;
}

bool vault_psk_pins(struct vault *v, struct span client, const uint8_t jkt[JOSE_THUMB])
{
    const struct vault_map *m = &v->table[TABLE_PSK];
    for (size_t i = 0; i < m->n; i++) {
        struct vault_psk p;
        if (value_get(m->e[i].value, &p) == OK && p.pinned && span_eq(p.client, client) &&
            memcmp(p.jkt, jkt, JOSE_THUMB) == 0)
            return true;
    }
    return false;
}

static enum err key_open(const uint8_t rk[VAULT_KEY], struct span key, const struct vault_psk *p, struct buf *out)
{
    uint8_t aad[2 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad);
    aad_put(&b, key, p);
    TRY(b.e);
    return vault_box_open(rk, psk_label, buf_span(&b), p->box, out);
}

/* Seals and puts. */
static enum err key_put(struct vault *v, const uint8_t rk[VAULT_KEY], struct span key, struct vault_psk p,
                        struct span psk)
{
    uint8_t aad[2 * ROW_TEXT_MAX], box[PSK_BOX_MAX], value[2 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad), sealed = BUF_ARRAY(box), out = BUF_ARRAY(value);
    aad_put(&b, key, &p);
    TRY(b.e);
    TRY(vault_box_seal(rk, psk_label, buf_span(&b), psk, &sealed));
    p.box = buf_span(&sealed);
    value_put(&out, &p);
    TRY(out.e);
    return vault_state_set(v, TABLE_PSK, key, buf_span(&out));
}

enum err vault_psk_reseal(struct vault *v, const uint8_t old_rk[VAULT_KEY], const uint8_t new_rk[VAULT_KEY])
{
    for (size_t i = 0; i < v->table[TABLE_PSK].n; i++) {
        const struct vault_entry *e = &v->table[TABLE_PSK].e[i];
        uint8_t text[ROW_KID_MAX], value[2 * ROW_TEXT_MAX], psk[PSK_MOST];
        struct buf key = BUF_ARRAY(text), copy = BUF_ARRAY(value), plain = BUF_ARRAY(psk);
        struct vault_psk p;
        buf_put(&key, e->key);
        buf_put(&copy, e->value);
        enum err r = value_get(buf_span(&copy), &p);
        if (r == OK)
            r = key_open(old_rk, buf_span(&key), &p, &plain);
        if (r == OK)
            r = key_put(v, new_rk, buf_span(&key), p, buf_span(&plain));
        wipe(psk, sizeof psk);
        TRY(r);
    }
    return OK;
}

/* ---- a handshake ---------------------------------------------------------------------------------------------------
 */

struct own {
    struct span client;
    uint8_t base;
    uint8_t key[PSK_MOST];
    size_t n;
};

static void psk_find(struct vault *v, struct vault_ask *a)
{
    vault_find(v, a, 0, a->body);
}

static enum err psk_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    struct vault_psk p;
    a->own = o;
    if (!vault_rate_good(v, a, a->body) || vault_psk_get(v, a->body, &p) == OK)
        return OK;
    a->n_need = 1; /* perhaps a KeID */
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, 1);
    if (!a->need)
        return ERR_NOMEM;
    psk_find(v, a);
    return OK;
}

static void pay(struct vault *v, struct vault_ask *a, const struct own *o)
{
    uint8_t text[2 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    msg_item_put(&b, span_of(o->key, o->n));
    msg_item_put(&b, o->client);
    buf_c(&b, o->base);
    vault_reply(v, a, 200, TYPE_JSON, SPAN_NONE, b.e == OK ? buf_span(&b) : SPAN_NONE);
    wipe(text, sizeof text);
}

/* Whoever has no key gets one that is always the same for this identity, for as long as this vault lives. */
static enum err blind(struct vault *v, struct vault_ask *a, struct own *o)
{
    uint8_t mac[ESD_HASH];
    TRY(esd_hmac(span_of(v->tills.blind, sizeof v->tills.blind), a->body, SPAN_NONE, mac));
    memcpy(o->key, mac, PSK_BLIND);
    o->n = PSK_BLIND;
    vault_fold_add(v, SPAN("psk"), REASON_REFUSED);
    pay(v, a, o);
    wipe(mac, sizeof mac);
    return OK;
}

static enum err enrolled(struct vault *v, struct vault_ask *a, struct own *o)
{
    struct vault_psk p;
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text), out = BUF_ARRAY(o->key);
    TRY(vault_psk_get(v, a->body, &p));
    TRY(row_kid_key(a->body, &key));
    TRY(key_open(v->secret->rk, buf_span(&key), &p, &out));
    o->n = out.n;
    o->base = p.base;
    o->client = arena_dup(&a->mem, p.client);
    return arena_ok(&a->mem) ? OK : ERR_NOMEM;
}

/* Is this row a key that its client made for the MAF of this house, and does it count? */
static bool for_our_maf(struct vault *v, const struct vault_ask *a, struct row *r)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    if (row_kid_key(a->body, &key) != OK || !kid_eq(r->kid, a->body) || r->klass != ROW_PLAIN_CLASS || r->suid != 21 ||
        vault_map_get(&v->table[TABLE_SHREDS], buf_span(&key)))
        return false;
    vault_change_apply(v, r);
    return (int64_t)r->et > v->conf.now_ms(v->conf.ctx) && span_eq_nocase(r->tgis, span_str(v->fqdn));
}

/* An identity that is a KeID: Km = HMAC-SHA-256(Ke, label || MAF-ID), with the MAF of this TTP (TS-0003 10.3.2). */
static enum err derived(struct vault *v, struct vault_ask *a, struct own *o)
{
    static const char label[] = "oneM2M Enrolment Key to Master Credential derivation";
    uint8_t value[ROW_VALUE_MAX], km[ESD_HASH];
    if (a->n_need == 0 || !a->need[0].here || vault_row_open(v, &a->need[0], value) != OK)
        return ERR_NOTFOUND;
    struct row r = a->need[0].row;
    struct span ke = vault_plain_key(&r, value);
    enum err e = ke.n > 0 && for_our_maf(v, a, &r) ? OK : ERR_NOTFOUND;
    if (e == OK)
        e = esd_hmac(ke, span_str(label), span_str(v->fqdn), km);
    if (e == OK) {
        memcpy(o->key, km, sizeof km);
        o->n = sizeof km;
        o->base = 1; /* it is for the MAF */
        o->client = r.iss;
    }
    wipe(value, sizeof value);
    wipe(km, sizeof km);
    return e;
}

static enum err record(struct vault *v, struct vault_ask *a, const char *op, struct span identity, struct span client)
{
    uint8_t text[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", span_str(op));
    JW_STR(&w, "iss", client);
    JW_STR(&w, "id", identity);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static enum err psk_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    enum err e = enrolled(v, a, o);
    if (e == ERR_NOTFOUND)
        e = derived(v, a, o);
    if (e == ERR_NOTFOUND)
        return blind(v, a, o);
    TRY(e);
    return record(v, a, "psk", a->body, o->client);
}

static enum err psk_answer(struct vault *v, struct vault_ask *a)
{
    pay(v, a, a->own);
    return OK;
}

const struct vault_kind vault_kind_psk = {psk_read, psk_decide, psk_answer, psk_find, NULL};

/* ---- the operator's commands ---------------------------------------------------------------------------------------
 */

static enum err no(struct vault *v, struct vault_ask *a, uint16_t status, const char *what)
{
    vault_refuse(v, a, status, reason_code(status == 409 ? REASON_REFUSED : REASON_MALFORMED), what,
                 "psk-add IDENTITY maf|mef|both CLIENT [THUMBPRINT] JWE");
    return OK;
}

/* IDENTITY BASE CLIENT [THUMBPRINT] JWE, one blank between them. */
static bool read_words(struct span words, struct span *identity, struct vault_psk *p, struct span *jwe)
{
    static const char *const bases[] = {"both", "maf", "mef"};
    struct span part[5];
    size_t n = 0;
    while (words.p && n < LEN(part))
        part[n++] = span_cut(&words, ' ');
    if (words.p || n < 4)
        return false;
    for (p->base = 0; p->base < LEN(bases) && !span_eq(part[1], span_str(bases[p->base])); p->base++)
        continue;
    *identity = part[0];
    p->client = part[2];
    *jwe = part[n - 1];
    p->pinned = n == 5;
    struct buf thumb = BUF_ARRAY(p->jkt);
    return p->base < LEN(bases) && span_starts(p->client, SPAN("//")) && p->client.n <= ROW_TEXT_MAX / 2 &&
           identity->n <= ROW_KID_MAX / 2 &&
           (!p->pinned || (b64url_get(part[3], &thumb) == OK && thumb.n == JOSE_THUMB));
}

/* By whichever sealing key still lives, the present one first. */
static bool unwrap(struct vault *v, struct span jwe, struct arena *a, struct buf *psk)
{
    const struct ring *r = v->life.ring;
    if (jwe_unwrap(v->sealing, jwe, NULL, a, psk) == REASON_OK)
        return true;
    for (size_t i = 0; i < r->n[BUNDLE_SEALING]; i++) {
        const struct ring_key *k = &r->key[BUNDLE_SEALING][i];
        if (k->state != RING_GONE && jwe_unwrap(k->pair, jwe, NULL, a, psk) == REASON_OK)
            return true;
    }
    return false;
}

enum err vault_admin_psk_add(struct vault *v, struct vault_ask *a, struct span words)
{
    struct vault_psk p = {0};
    struct span identity, jwe;
    uint8_t text[ROW_KID_MAX], psk[1024];
    struct buf key = BUF_ARRAY(text), plain = BUF_ARRAY(psk);
    if (!read_words(words, &identity, &p, &jwe) || row_kid_key(identity, &key) != OK)
        return no(v, a, 400, "the words are not identity, base, absolute client identifier and wrapped key");
    if (!unwrap(v, jwe, &a->mem, &plain))
        return no(v, a, 400, "the key cannot be opened: wrap it to the sealing key of this TTP's bundle");
    enum err e = OK;
    if (plain.n < PSK_LEAST || plain.n > PSK_MOST)
        e = no(v, a, 400, "a pre-shared key has 16 to 64 octets");
    else if (vault_map_get(&v->table[TABLE_PSK], buf_span(&key)))
        e = no(v, a, 409, "this identity is enrolled already: psk-drop it first");
    else if (key_put(v, v->secret->rk, buf_span(&key), p, buf_span(&plain)) != OK)
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the table of pre-shared keys is full", "drop some");
    wipe(psk, sizeof psk);
    if (a->done || e != OK)
        return e;
    v->changes++;
    return record(v, a, "psk-add", identity, p.client);
}

enum err vault_admin_psk_drop(struct vault *v, struct vault_ask *a, struct span words)
{
    struct vault_psk p;
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    if (row_kid_key(words, &key) != OK || vault_psk_get(v, words, &p) != OK) {
        vault_refuse(v, a, 404, reason_code(REASON_REFUSED), "no such identity is enrolled", "see psk-list");
        return OK;
    }
    struct span client = arena_dup(&a->mem, p.client);
    TRY(vault_state_set(v, TABLE_PSK, buf_span(&key), SPAN_NONE));
    v->changes++;
    return record(v, a, "psk-drop", words, client);
}

enum err vault_admin_psk_list(struct vault *v, struct vault_ask *a, struct span words)
{
    static const char *const bases[] = {"both", "maf", "mef"};
    const struct vault_map *m = &v->table[TABLE_PSK];
    size_t room = 64 + m->n * 2 * ROW_TEXT_MAX;
    struct buf b = buf_over(arena_alloc(&a->mem, room), room);
    struct jw w = jw_over(&b);
    (void)words;
    if (!b.p)
        return ERR_NOMEM;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_NAME(&w, "psk");
    jw_arr(&w);
    for (size_t i = 0; i < m->n; i++) {
        struct vault_psk p;
        TRY(value_get(m->e[i].value, &p));
        jw_obj(&w);
        JW_STR(&w, "identity", m->e[i].key);
        JW_STR(&w, "base", span_str(bases[p.base < LEN(bases) ? p.base : 0]));
        JW_STR(&w, "client", p.client);
        JW_BOOL(&w, "binds", p.pinned);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    TRY(b.e);
    vault_admin_say(v, a, buf_span(&b));
    return OK;
}
