#include "esd/claim.h"
#include "esd/letter.h"

static void put_streams(struct jw *w, const struct poll_stream *s, size_t n)
{
    jw_name(w, SPAN("streams"));
    jw_arr(w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(w);
        JW_B64URL(w, "sid", span_of(s[i].sid, ESD_SID));
        JW_U64(w, "ep", s[i].ep);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static enum reason read_streams(const struct jval *o, struct arena *a, struct poll_stream **out, size_t *n)
{
    const struct jval *list;
    JUDGE(claim_list(o, "streams", POLL_STREAMS_MAX, &list));
    struct poll_stream *s = *out = ARENA_ARRAY(a, struct poll_stream, (size_t)list->n);
    *n = list->n;
    if (!s)
        return REASON_FAILED;
    for (const struct jval *v = list->child; v; v = v->next, s++) {
        JUDGE(claim_octets(v, "sid", a, s->sid, ESD_SID));
        JUDGE(claim_u64(v, "ep", ESD_INT_END, &s->ep));
    }
    return REASON_OK;
}

enum err poll_build(const struct poll *p, const struct p256 *key, struct span kid, struct buf *scratch, struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "iss", p->iss);
    JW_STR(&w, "aud", p->aud);
    JW_STR(&w, "nonce", p->nonce);
    put_streams(&w, p->streams, p->n);
    if (p->has_state)
        JW_U64(&w, "state", p->state);
    if (p->wait)
        JW_U64(&w, "wait", p->wait);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_POLL, kid, buf_span(scratch), out);
}

enum reason poll_read(struct span text, struct arena *a, struct jws *j, struct poll *out)
{
    *out = (struct poll){0};
    JUDGE(jws_read(text, JWS_POLL, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(claim_name(j->claims, "nonce", a, &out->nonce));
    out->has_state = JSON_GET(j->claims, "state") != NULL;
    JUDGE(claim_u64_opt(j->claims, "state", ESD_INT_END, &out->state));
    JUDGE(claim_u64_opt(j->claims, "wait", POLL_WAIT_S + 1, &out->wait));
    return read_streams(j->claims, a, &out->streams, &out->n);
}

enum err poll_answer_build(const struct poll_answer *p, const struct p256 *release, struct span kid,
                           struct buf *scratch, struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_B64URL(&w, "req", span_of(p->req, ESD_HASH));
    JW_U64(&w, "t", p->t_ms);
    JW_U64(&w, "state", p->state);
    put_streams(&w, p->streams, p->n);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(release, JWS_POLLED, kid, buf_span(scratch), out);
}

enum reason poll_answer_open(struct span text, struct span request, const struct p256 *release, struct arena *a,
                             struct poll_answer *out)
{
    struct jws j;
    uint8_t req[ESD_HASH];
    *out = (struct poll_answer){0};
    JUDGE(jws_open(text, JWS_POLLED, release, a, &j));
    JUDGE(claim_octets(j.claims, "req", a, out->req, ESD_HASH));
    JUDGE(claim_u64(j.claims, "t", ESD_INT_END, &out->t_ms));
    JUDGE(claim_u64(j.claims, "state", ESD_INT_END, &out->state));
    JUDGE(read_streams(j.claims, a, &out->streams, &out->n));
    if (esd_sha256(request, req) != OK)
        return REASON_FAILED;
    return span_eq(span_of(req, ESD_HASH), span_of(out->req, ESD_HASH)) ? REASON_OK : REASON_TAMPERED;
}
