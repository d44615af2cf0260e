#include "ttp/vault_quarantine.h"

#include "ttp/vault_admin.h"

#include <string.h>

static const struct span row = {(const uint8_t *)"quarantine", sizeof "quarantine" - 1};

static void begin(struct vault *v, struct span why)
{
    why = span_first(why, QUARANTINE_WHY_MAX);
    v->quarantine.on = true;
    v->quarantine.n = (uint16_t)why.n;
    if (why.n > 0)
        memcpy(v->quarantine.why, why.p, why.n);
}

static void end(struct vault *v)
{
    v->quarantine = (struct vault_quarantine){0};
}

void vault_quarantine_tell(struct vault *v)
{
    msg_put_QUARANTINE(v->conf.to_parent, &(struct msg_QUARANTINE){.on = v->quarantine.on,
                                                                   .why = span_of(v->quarantine.why, v->quarantine.n)});
}

void vault_quarantine_load(struct vault *v)
{
    const struct span *why = vault_map_get(&v->table[TABLE_CUSTODY], row);
    if (why)
        begin(v, *why);
}

enum err vault_quarantine(struct vault *v, const char *why)
{
    if (v->quarantine.on)
        return OK;
    begin(v, span_str(why));
    vault_quarantine_tell(v);
    return vault_take(v, &(struct msg_ASKED){.id = VAULT_ADMIN_ID, /* nobody waits for the answer */
                                             .kind = KIND_ADMIN,
                                             .base = ADMIN_quarantine,
                                             .body = span_of(v->quarantine.why, v->quarantine.n)});
}

bool vault_quarantine_holds(struct vault *v, struct vault_ask *a)
{
    char what[QUARANTINE_WHY_MAX + 64];
    if (!v->quarantine.on || a->kind == KIND_NONCE || a->kind == KIND_BUNDLE || a->kind == KIND_HEALTH ||
        a->kind == KIND_METRICS || a->kind == KIND_ADMIN)
        return false;
    snprintf(what, sizeof what, "the TTP is in quarantine: %.*s", (int)v->quarantine.n, v->quarantine.why);
    vault_refuse(v, a, 503, reason_code(REASON_TTP_SEALED), what,
                 "the TTP's operator must look into it, then end it: oneseal ttp unquarantine REASON");
    return true;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static enum err no_words(struct vault *v, struct vault_ask *a, const char *todo)
{
    vault_refuse(v, a, 400, reason_code(REASON_MALFORMED), "the log shall say why", todo);
    return OK;
}

/* Its own order (vault_quarantine) comes by here too: then it is on already. */
enum err vault_admin_quarantine(struct vault *v, struct vault_ask *a, struct span words)
{
    if (words.n == 0)
        return no_words(v, a, "oneseal ttp quarantine REASON");
    if (!v->quarantine.on) {
        begin(v, words);
        vault_quarantine_tell(v);
    }
    TRY(vault_state_set(v, TABLE_CUSTODY, row, span_first(words, QUARANTINE_WHY_MAX)));
    return vault_admin_leaf(v, a, "quarantine", words);
}

static void over(struct vault *v)
{
    end(v);
    vault_quarantine_tell(v);
}

enum err vault_admin_unquarantine(struct vault *v, struct vault_ask *a, struct span words)
{
    if (words.n == 0)
        return no_words(v, a, "oneseal ttp unquarantine REASON");
    if (vault_map_get(&v->table[TABLE_CUSTODY], row))
        TRY(vault_state_set(v, TABLE_CUSTODY, row, SPAN_NONE));
    vault_admin_after(a, over);
    return vault_admin_leaf(v, a, "unquarantine", words);
}
