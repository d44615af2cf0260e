#include "ttp/vault_root.h"

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
