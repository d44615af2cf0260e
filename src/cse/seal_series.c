/* seal_series.c - cnf stands on the timeSeries and never changes, so what its instances are is decided at its CREATE
 * (TS-0001 9.6.36; e2e.md 3) and remembered. */
#include "base/code.h"
#include "cse/seal_own.h"

static struct span key_of(struct buf *b, const uint8_t sid[ESD_SID])
{
    buf_str(b, "seal/ts/");
    hex_put(b, span_of(sid, ESD_SID));
    return buf_span(b);
}

enum err seal_series_put(const struct cse_hook_ask *ask, const uint8_t sid[ESD_SID], struct span policy)
{
    uint8_t key[STORE_KEY_MAX];
    struct buf k = BUF_ARRAY(key);
    return store_state_put(ask->t, key_of(&k, sid), policy);
}

enum err seal_series_get(const struct cse_hook_ask *ask, const uint8_t sid[ESD_SID], struct span *policy)
{
    uint8_t key[STORE_KEY_MAX];
    struct buf k = BUF_ARRAY(key);
    return store_state_get(ask->t, key_of(&k, sid), ask->arena, policy);
}

enum err seal_series_drop(const struct cse_hook_ask *ask, const uint8_t sid[ESD_SID])
{
    uint8_t key[STORE_KEY_MAX];
    struct buf k = BUF_ARRAY(key);
    enum err e = store_state_drop(ask->t, key_of(&k, sid));
    return e == ERR_NOTFOUND ? OK : e;
}
