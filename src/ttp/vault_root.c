#include "ttp/vault_root.h"

#include "ttp/take.h"
#include "ttp/vault_ca.h"
#include "ttp/vault_psk.h"

#include <string.h>

static enum err take(struct vault *v, const uint8_t *rk)
{
    if (rk != v->secret->rk)
        memcpy(v->secret->rk, rk, VAULT_KEY);
    return vault_expand(v->secret->rk, "oneseal-mac-v1", v->secret->mk);
}

static bool signs(struct vault *v, const struct msg_STORED *s)
{
    uint8_t mac[MSG_HASH];
    return s->here && vault_mac_snapshot(v, s->snapshot, mac) == OK &&
           span_eq_secret(span_of(mac, MSG_HASH), span_of(s->mac, MSG_HASH));
}

static bool fits(struct vault *v, const struct msg_STORED *s, bool by_mac)
{
    enum err e = vault_life_stored(v, s->keys, s->bundle);
    return by_mac ? signs(v, s) : e == OK;
}

/* Tries the roots that there are; the one that fits stays in v->secret->rk. */
static bool pick(struct vault *v, const struct msg_STORED *s, bool by_mac)
{
    uint8_t first[VAULT_KEY];
    memcpy(first, v->secret->rk, VAULT_KEY);
    bool good = take(v, first) == OK && fits(v, s, by_mac);
    if (!good && v->has_other)
        good = v->other_fits = take(v, v->secret->other) == OK && fits(v, s, by_mac);
    if (!good && take(v, first) != OK)
        good = false;
    wipe(first, sizeof first);
    return good;
}

enum err vault_root_pick(struct vault *v, const struct msg_STORED *s)
{
    bool good = (s->here && pick(v, s, true)) || pick(v, s, false);
    wipe(v->secret->other, VAULT_KEY);
    return good ? OK : ERR_AUTH;
}

enum err vault_root_also(struct vault *v)
{
    if (!v->conf.more_root)
        return ERR_UNSUPPORTED;
    TRY(v->conf.more_root(v->conf.ctx, v->secret->other));
    v->has_other = true;
    return OK;
}

/* ---- another root ----------------------------------------------------------------------------------------------- */

enum { ROOT_NONE, ROOT_WAITS, ROOT_SWITCHES };

static void told(struct vault *v, bool done, const char *why)
{
    msg_put_REWRAPPED(v->conf.to_parent,
                      &(struct msg_REWRAPPED){.id = v->rewrap.id, .done = done, .why = span_str(why)});
    v->rewrap.stage = ROOT_NONE;
    wipe(v->secret->other, VAULT_KEY);
}

enum err vault_root_rewrap(struct vault *v, uint64_t id)
{
    if (!v->conf.more_root || v->rewrap.stage != ROOT_NONE)
        return ERR_NOTNOW;
    TRY(v->conf.more_root(v->conf.ctx, v->secret->other));
    v->rewrap.stage = ROOT_WAITS;
    v->rewrap.id = id;
    v->work.pause = false;
    return vault_launch(v);
}

bool vault_root_waits(const struct vault *v)
{
    return v->rewrap.stage == ROOT_WAITS;
}

bool vault_root_switching(const struct vault *v)
{
    return v->rewrap.stage == ROOT_SWITCHES;
}

/* A box under the new root, and behind it one under the present one. */
static enum err two_boxes(struct vault *v, const struct vault_swept *s)
{
    struct vault_two tk;
    uint8_t text[2 * sizeof tk.key + 2 * VAULT_BOX];
    struct buf b = BUF_ARRAY(text);
    enum err e = vault_tenant_open(v, s->row.adfq, s->sealed, &tk);
    if (e == OK)
        e = vault_tenant_seal(v->secret->other, s->row.adfq, &tk, &b);
    if (e == OK)
        e = vault_tenant_seal(v->secret->rk, s->row.adfq, &tk, &b);
    wipe(&tk, sizeof tk);
    if (e == ERR_AUTH)
        return OK; /* of no use before, and of none afterwards */
    TRY(e);
    msg_put_TENANT_KEY(v->conf.to_ledger, &(struct msg_TENANT_KEY){.tenant = s->row.adfq, .wrapped = buf_span(&b)});
    return vault_touch(v, TOUCH_TENANT, s->row.adfq);
}

static enum err record(struct vault *v)
{
    uint8_t text[256], value[16];
    struct buf b = BUF_ARRAY(text), n = BUF_ARRAY(value);
    struct jw w = jw_over(&b);
    uint64_t count = vault_root_count(v) + 1;
    buf_be64(&n, count);
    buf_be64(&n, vault_now_s(v));
    TRY(vault_state_set(v, TABLE_LIFE, SPAN("root"), buf_span(&n)));
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", vault_now_s(v));
    JW_STR(&w, "op", SPAN("rekey"));
    JW_U64(&w, "n", count);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_batch_leaf(v, buf_span(&b));
}

enum err vault_root_switch(struct vault *v, const struct vault_swept *tenants, size_t n)
{
    if (n >= WORK_TENANTS || vault_state_room(v) < RING_TEXT_MAX + RING_BUNDLE_MAX) {
        told(v, false,
             n >= WORK_TENANTS ? "there are more tenants than one batch takes" : "the vault's tables are full");
        return OK;
    }
    vault_batch_open(v);
    for (const struct vault_swept *s = tenants; s; s = s->next)
        TRY(two_boxes(v, s));
    TRY(vault_ca_rewrap(v, v->secret->other));
    TRY(vault_psk_reseal(v, v->secret->rk, v->secret->other));
    memcpy(v->secret->before, v->secret->rk, VAULT_KEY);
    TRY(take(v, v->secret->other));
    v->rewrap.stage = ROOT_SWITCHES;
    TRY(vault_life_seal(v));
    TRY(vault_work_done(v, 'r'));
    TRY(vault_work_boxes(v));
    return record(v);
}

/* What requests hold in hand was sealed under the root before; what is on its way to them comes after the commit. */
void vault_root_committed(struct vault *v)
{
    for (struct vault_ask *a = v->first; vault_root_switching(v) && a; a = a->next)
        if (a->gathered && !a->done && a->n_need > 0)
            vault_look_again(v, a);
}

void vault_root_kept(struct vault *v)
{
    if (!vault_root_switching(v))
        return;
    wipe(v->secret->before, VAULT_KEY);
    told(v, true, "");
}

enum err vault_root_failed(struct vault *v)
{
    if (!vault_root_switching(v))
        return OK;
    TRY(take(v, v->secret->before));
    wipe(v->secret->before, VAULT_KEY);
    told(v, false, "the batch was not written");
    return OK;
}

uint64_t vault_root_count(const struct vault *v)
{
    const struct span *value = vault_map_get(&v->table[TABLE_LIFE], SPAN("root"));
    struct span s = value ? *value : SPAN_NONE;
    uint64_t n = 1;
    return value && take_u64(&s, &n) == OK ? n : 1;
}
