#include "esd/claim.h"
#include "esd/letter.h"
#include "esd/target.h"

/* ---- policy ------------------------------------------------------------------------------------- */

static void put_window(struct jw *w, int64_t from, int64_t until)
{
    if (from)
        claim_put_time(w, SPAN("from"), from);
    if (until)
        claim_put_time(w, SPAN("until"), until);
}

static void put_reader(struct jw *w, const struct policy_reader *r)
{
    jw_obj(w);
    JW_STR(w, "id", r->id);
    if (r->pinned)
        JW_B64URL(w, "jkt", span_of(r->jkt, JOSE_THUMB));
    put_window(w, r->from, r->until);
    if (r->escrow)
        JW_BOOL(w, "escrow", true);
    jw_end_obj(w);
}

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
    for (size_t i = 0; i < p->n; i++)
        put_reader(&w, &p->readers[i]);
    jw_end_arr(&w);
    put_window(&w, p->from, p->until);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_POLICY, kid, buf_span(scratch), out);
}

static enum reason read_reader(const struct jval *v, struct arena *a, struct policy_reader *r)
{
    struct target who;
    JUDGE(claim_name(v, "id", a, &r->id));
    if (target_read(r->id, &who) != OK)
        return REASON_MALFORMED;
    r->pinned = JSON_GET(v, "jkt") != NULL;
    if (r->pinned)
        JUDGE(claim_octets(v, "jkt", a, r->jkt, JOSE_THUMB));
    JUDGE(claim_time_opt(v, "from", a, &r->from));
    JUDGE(claim_time_opt(v, "until", a, &r->until));
    return claim_bool_opt(v, "escrow", &r->escrow);
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
    for (const struct jval *v = list->child; v; v = v->next, r++)
        JUDGE(read_reader(v, a, r));
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
    if (d->by_key)
        JW_B64URL(&w, "jkt", span_of(d->jkt, JOSE_THUMB));
    else
        JW_STR(&w, "id", d->id);
    JW_BOOL(&w, "deny", d->deny);
    JW_U64(&w, "n", d->n);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_DENY, kid, buf_span(scratch), out);
}

/* Exactly one of id and jkt. A pattern is no denial: what it lets through would be guessed wrongly. */
static enum reason read_denied(const struct jval *o, struct arena *a, struct denial *d)
{
    struct target who;
    d->by_key = JSON_GET(o, "jkt") != NULL;
    if (d->by_key)
        return JSON_GET(o, "id") ? REASON_MALFORMED : claim_octets(o, "jkt", a, d->jkt, JOSE_THUMB);
    JUDGE(claim_name(o, "id", a, &d->id));
    return target_read(d->id, &who) == OK && who.kind != TARGET_PREFIX ? REASON_OK : REASON_MALFORMED;
}

enum reason denial_read(struct span text, struct arena *a, struct jws *j, struct denial *out)
{
    *out = (struct denial){0};
    JUDGE(jws_read(text, JWS_DENY, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(claim_name_opt(j->claims, "policy", a, &out->policy));
    JUDGE(read_denied(j->claims, a, out));
    JUDGE(claim_u64(j->claims, "n", ESD_INT_END, &out->n));
    return json_bool(JSON_GET(j->claims, "deny"), &out->deny) == OK ? REASON_OK : REASON_MALFORMED;
}
