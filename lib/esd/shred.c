#include "esd/shred.h"

#include "base/code.h"
#include "esd/claim.h"

#include <string.h>

enum { HEAD_MAX = 4096 };

static bool one_thing(const struct shred *s)
{
    return (s->kid.n > 0) + s->has_sid + (s->tenant.n > 0) == 1 && (s->owner.n == 0 || s->has_sid);
}

enum err shred_build(const struct shred *s, const struct p256 *key, struct span kid, struct buf *scratch,
                     struct buf *out)
{
    if (!one_thing(s))
        return ERR_RANGE;
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "iss", s->iss);
    JW_STR(&w, "aud", s->aud);
    JW_B64URL(&w, "nonce", span_of(s->nonce, RELEASE_NONCE));
    if (s->kid.n > 0)
        JW_STR(&w, "kid", s->kid);
    if (s->has_sid)
        JW_B64URL(&w, "sid", span_of(s->sid, ESD_SID));
    if (s->owner.n > 0)
        JW_STR(&w, "owner", s->owner);
    if (s->tenant.n > 0)
        JW_STR(&w, "tenant", s->tenant);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_SHRED, kid, buf_span(scratch), out);
}

enum reason shred_read(struct span text, struct arena *a, struct jws *j, struct shred *out)
{
    *out = (struct shred){0};
    JUDGE(jws_read(text, JWS_SHRED, a, j));
    const struct jval *o = j->claims;
    JUDGE(claim_parties(o, a, &out->iss, &out->aud));
    JUDGE(claim_octets(o, "nonce", a, out->nonce, RELEASE_NONCE));
    JUDGE(claim_name_opt(o, "kid", a, &out->kid));
    JUDGE(claim_name_opt(o, "owner", a, &out->owner));
    JUDGE(claim_name_opt(o, "tenant", a, &out->tenant));
    out->has_sid = JSON_GET(o, "sid") != NULL;
    if (out->has_sid)
        JUDGE(claim_octets(o, "sid", a, out->sid, ESD_SID));
    return one_thing(out) ? REASON_OK : REASON_MALFORMED;
}

/* ---- the answer ----------------------------------------------------------------------------------------------- */

static void put_copies(struct jw *w, const struct shred_answer *r)
{
    JW_NAME(w, "copies");
    jw_arr(w);
    for (size_t i = 0; i < r->n_copies; i++) {
        jw_obj(w);
        JW_STR(w, "name", r->copies[i].name);
        JW_STR(w, "what", r->copies[i].what);
        JW_U64(w, "made", r->copies[i].made);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

enum err shred_answer_build(const struct shred_answer *r, const struct p256 *release, struct span kid,
                            struct buf *scratch, struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_B64URL(&w, "req", span_of(r->req, ESD_HASH));
    JW_STR(&w, "code", r->code);
    JW_U64(&w, "complete", r->complete);
    JW_BOOL(&w, "rekey", r->rekey);
    put_copies(&w, r);
    JW_U64(&w, "index", r->index);
    JW_U64(&w, "size", r->size);
    JW_STR(&w, "head", r->head);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(release, JWS_SHREDDED, kid, buf_span(scratch), out);
}

static enum reason read_copies(const struct jval *o, struct arena *a, struct shred_answer *out)
{
    const struct jval *list;
    JUDGE(claim_list(o, "copies", SHRED_COPIES_MAX, &list));
    struct shred_copy *c = ARENA_ARRAY(a, struct shred_copy, (size_t)list->n);
    if (!c)
        return REASON_FAILED;
    out->copies = c;
    for (const struct jval *v = list->child; v; v = v->next, c++, out->n_copies++) {
        JUDGE(claim_name(v, "name", a, &c->name));
        JUDGE(claim_name(v, "what", a, &c->what));
        JUDGE(claim_u64(v, "made", ESD_INT_END, &c->made));
    }
    return REASON_OK;
}

enum reason shred_answer_open(struct span text, struct span request, const struct p256 *release, struct arena *a,
                              struct shred_answer *out)
{
    struct jws j;
    uint8_t req[ESD_HASH];
    *out = (struct shred_answer){0};
    JUDGE(jws_open(text, JWS_SHREDDED, release, a, &j));
    const struct jval *o = j.claims;
    JUDGE(claim_octets(o, "req", a, out->req, ESD_HASH));
    if (esd_sha256(request, req) != OK)
        return REASON_FAILED;
    if (memcmp(req, out->req, ESD_HASH) != 0)
        return REASON_TAMPERED;
    JUDGE(claim_name(o, "code", a, &out->code));
    JUDGE(claim_u64(o, "complete", ESD_INT_END, &out->complete));
    if (json_bool(JSON_GET(o, "rekey"), &out->rekey) != OK)
        return REASON_MALFORMED;
    JUDGE(read_copies(o, a, out));
    JUDGE(claim_u64(o, "index", ESD_INT_END, &out->index));
    JUDGE(claim_u64(o, "size", ESD_INT_END, &out->size));
    JUDGE(claim_str(o, "head", a, &out->head));
    return out->head.n <= HEAD_MAX ? REASON_OK : REASON_MALFORMED;
}
