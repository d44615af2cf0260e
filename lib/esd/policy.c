#include "esd/claim.h"
#include "esd/letter.h"

/* ---- policy ------------------------------------------------------------------------------------- */

enum err policy_build(const struct policy *p, const struct p256 *key, struct span kid, struct buf *scratch,
                      struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "iss", p->iss);
    JW_STR(&w, "aud", p->aud);
    JW_STR(&w, "policy", p->policy);
    JW_U64(&w, "version", p->version);
    jw_name(&w, SPAN("readers"));
    jw_arr(&w);
    for (size_t i = 0; i < p->n; i++) {
        jw_obj(&w);
        JW_STR(&w, "id", p->readers[i].id);
        if (p->readers[i].pinned)
            JW_B64URL(&w, "jkt", span_of(p->readers[i].jkt, JOSE_THUMB));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    if (p->from)
        claim_put_time(&w, SPAN("from"), p->from);
    if (p->until)
        claim_put_time(&w, SPAN("until"), p->until);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_POLICY, kid, buf_span(scratch), out);
}

static enum reason read_readers(const struct jval *o, struct arena *a, struct policy *p)
{
    const struct jval *list;
    JUDGE(claim_list(o, "readers", POLICY_READERS_MAX, &list));
    p->n = list->n;
    p->readers = ARENA_ARRAY(a, struct policy_reader, p->n);
    if (!p->readers)
        return REASON_FAILED;
    struct policy_reader *r = p->readers;
    for (const struct jval *v = list->child; v; v = v->next, r++) {
        JUDGE(claim_name(v, "id", a, &r->id));
        r->pinned = JSON_GET(v, "jkt") != NULL;
        if (r->pinned)
            JUDGE(claim_octets(v, "jkt", a, r->jkt, JOSE_THUMB));
    }
    return REASON_OK;
}

enum reason policy_read(struct span text, struct arena *a, struct jws *j, struct policy *out)
{
    *out = (struct policy){0};
    JUDGE(jws_read(text, JWS_POLICY, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(claim_name(j->claims, "policy", a, &out->policy));
    JUDGE(claim_u64(j->claims, "version", ESD_INT_END, &out->version));
    JUDGE(claim_time_opt(j->claims, "from", a, &out->from));
    JUDGE(claim_time_opt(j->claims, "until", a, &out->until));
    if (out->version == 0)
        return REASON_MALFORMED;
    return read_readers(j->claims, a, out);
}

/* ---- denial ------------------------------------------------------------------------------------- */

enum err denial_build(const struct denial *d, const struct p256 *key, struct span kid, struct buf *scratch,
                      struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "iss", d->iss);
    JW_STR(&w, "aud", d->aud);
    if (d->policy.n)
        JW_STR(&w, "policy", d->policy);
    JW_STR(&w, "id", d->id);
    JW_BOOL(&w, "deny", d->deny);
    JW_U64(&w, "n", d->n);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_DENY, kid, buf_span(scratch), out);
}

enum reason denial_read(struct span text, struct arena *a, struct jws *j, struct denial *out)
{
    *out = (struct denial){0};
    JUDGE(jws_read(text, JWS_DENY, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(claim_name_opt(j->claims, "policy", a, &out->policy));
    JUDGE(claim_name(j->claims, "id", a, &out->id));
    JUDGE(claim_u64(j->claims, "n", ESD_INT_END, &out->n));
    return json_bool(JSON_GET(j->claims, "deny"), &out->deny) == OK ? REASON_OK : REASON_MALFORMED;
}
