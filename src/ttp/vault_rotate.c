/* The operator and the vault's own keys: what there is, and another one (vault_life.h). */
#include "ttp/vault_admin.h"

#include <string.h>

static bool use_of(struct span word, enum bundle_use *out)
{
    for (unsigned u = 0; u < BUNDLE_USES; u++)
        if (span_eq(word, span_str(bundle_use_name((enum bundle_use)u)))) {
            *out = (enum bundle_use)u;
            return true;
        }
    return false;
}

static enum err refuse_words(struct vault *v, struct vault_ask *a)
{
    vault_refuse(v, a, 400, reason_code(REASON_MALFORMED), "which key is to change, and when?",
                 "oneseal ttp rotate sealing|release|log|identity [now]");
    return OK;
}

static enum err answer(struct vault_ask *a, const struct ring *next, enum bundle_use use)
{
    uint8_t text[512];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    const struct ring_key *k = ring_coming(next, use);
    k = k ? k : ring_present(next, use);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_BOOL(&w, "ok", true);
    JW_STR(&w, "key", span_str(bundle_use_name(use)));
    JW_U64(&w, "n", k->n);
    JW_STR(&w, "state", span_str(ring_state_name(k->state)));
    JW_U64(&w, "from", k->from);
    JW_U64(&w, "bundle", next->seq + 1);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_admin_answer(a, buf_span(&b));
}

static enum err rotated(struct vault *v, struct ring *next, enum bundle_use use, bool at_once)
{
    uint64_t now = vault_now_s(v);
    size_t n;
    TRY(ring_announce(next, use, now, at_once ? now : now + RING_ANNOUNCE_S));
    return ring_turn(next, now, span_str(v->fqdn), &n);
}

enum err vault_admin_rotate(struct vault *v, struct vault_ask *a, struct span words)
{
    enum bundle_use use;
    struct span word = span_cut(&words, ' ');
    bool at_once = span_eq(words, SPAN("now"));
    struct ring *next;
    if (!use_of(word, &use) || (words.n > 0 && !at_once))
        return refuse_words(v, a);
    if (v->life.next)
        return OK; /* another change is in this batch: it stays in the queue */
    TRY(ring_copy(v->life.ring, &next));
    enum err e = rotated(v, next, use, at_once);
    if (e == OK)
        e = answer(a, next, use);
    if (e != OK)
        ring_free(next);
    else
        e = vault_life_change(v, a, next);
    if (e == ERR_LIMIT)
        vault_refuse(v, a, 409, reason_code(REASON_REFUSED),
                     "too many generations of this key still live, or the vault's tables are full",
                     "oneseal ttp keys shows when the oldest ends");
    return e == ERR_LIMIT ? OK : e;
}

enum err vault_admin_keys(struct vault *v, struct vault_ask *a, struct span words)
{
    uint8_t text[8192];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    (void)words;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "now", vault_now_s(v));
    JW_U64(&w, "bundle", v->life.ring->seq);
    JW_U64(&w, "signed", v->life.ring->signed_at);
    ring_json(v->life.ring, &w);
    jw_end_obj(&w);
    TRY(b.e);
    vault_admin_say(v, a, buf_span(&b));
    return OK;
}
