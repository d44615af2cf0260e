/* seal_why.c - what protects a place, who gets its keys, and which of its rules grant none. */
#include "cse/seal_own.h"
#include "wire/json.h"

static void put_list(struct jw *w, const struct seal_policy *p, const struct readers *r)
{
    JW_NAME(w, "readers");
    jw_arr(w);
    for (size_t i = 0; i < (p->readers_acp ? r->n : p->n_readers); i++)
        jw_str(w, p->readers_acp ? r->id[i] : p->readers[i].id);
    jw_end_arr(w);
}

static void put_notes(struct jw *w, const struct readers *r)
{
    JW_NAME(w, "grant_nothing");
    jw_arr(w);
    for (size_t i = 0; i < r->n_notes; i++) {
        jw_obj(w);
        JW_STR(w, "names", r->note[i].what);
        JW_STR(w, "why", span_str(r->note[i].why));
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void put_sealing(struct jw *w, struct store_tx *t, struct arena *a, const struct seal_policy *p,
                        struct span address, const struct readers *r)
{
    static const char *const source[] = {"own", "ttp", "provisioned"};
    uint8_t sid[ESD_SID];
    uint64_t version;
    JW_STR(w, "key", span_str(source[p->source]));
    JW_BOOL(w, "strict", p->strict);
    if (p->source == KEY_PROVISIONED) {
        JW_STR(w, "kid", p->key_id);
        return;
    }
    JW_STR(w, "ttp", p->ttp->fqdn);
    JW_STR(w, "readers_from", p->readers_acp ? SPAN("acp") : SPAN("configuration"));
    put_list(w, p, r);
    if (!p->readers_acp || keys_sid(address, sid) != REASON_OK)
        return;
    put_notes(w, r);
    struct seal_letter l = {.ttp = p->ttp->fqdn, .policy = seal_readers_name(a, sid)};
    JW_STR(w, "policy_at_ttp", l.policy);
    JW_U64(w, "version", seal_readers_version(t, a, &l, &version) == OK ? version : 0);
}

void hook_seal_why(struct hook_seal *h, struct cse *c, struct store_tx *t, struct arena *a, int64_t now,
                   struct span address, struct buf *out)
{
    static const char *const level[] = {"pass", "seal-at-gateway", "refuse-clear"};
    struct readers r;
    const struct span *lbl = NULL;
    size_t nlbl = 0;
    enum err e = h->readers_at ? h->readers_at(c, t, a, now, address, &r, &lbl, &nlbl) : ERR_NOTFOUND;
    struct jw w = jw_over(out);
    jw_obj(&w);
    if (e != OK) {
        JW_STR(&w, "error", e == ERR_NOTFOUND ? SPAN("this CSE has nothing at this address") : span_str(err_text(e)));
        jw_end_obj(&w);
        return;
    }
    struct seal_rule rule = seal_policy_for(h, span_first(address, span_find(address, '#')), lbl, nlbl);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "address", address);
    JW_STR(&w, "level", span_str(level[seal_rule_level(&rule)]));
    JW_BOOL(&w, "unknown_label", rule.unknown);
    if (rule.p)
        JW_STR(&w, "policy", rule.p->name);
    if (rule.p && seal_rule_level(&rule) == SEAL_GATEWAY)
        put_sealing(&w, t, a, rule.p, address, &r);
    jw_end_obj(&w);
}
