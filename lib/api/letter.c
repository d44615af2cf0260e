/* letter.c - what a device says to its TTP, and the TTP to it: the documents of oneseal/seal.h over esd/letter.h. */
#include <string.h>

#include "api/api.h"
#include "api/identity.h"
#include "api/writer.h"

enum { SUID_MEF = 24 };

/* "54-<absolute AE-ID>": the identifier of an AE's key (TS-0003 8.8.2). */
static struct span signer(const char *writer, char *text, size_t n)
{
    struct buf b = buf_over(text, n);
    buf_str(&b, "54-");
    buf_str(&b, writer);
    return b.e == OK ? buf_span(&b) : SPAN_NONE;
}

static bool letter_fits(const oneseal_letter *how)
{
    return how && how->size >= sizeof *how && how->identity && how->writer && identity_bundle(how->ttp) && how->work;
}

oneseal_status oneseal_epoch_letter(const oneseal_sealer *s, const oneseal_letter *how, char *out, size_t room,
                                    size_t *out_n)
{
    const struct writer *w = writer_read(s);
    char text[JWS_KID_MAX];
    if (!w || !letter_fits(how) || !how->policy || !out || !room || !out_n)
        return ONESEAL_BAD_ARGUMENT;
    if (!w->own)
        return ONESEAL_EPOCH_OVER;
    const struct bundle *b = identity_bundle(how->ttp);
    const struct p256 *key = identity_key(how->identity);
    struct span kid = signer(how->writer, text, sizeof text);
    struct letter_item item = {.ep = w->ep,
                               .kid = span_str(w->kid),
                               .policy = span_str(how->policy),
                               .adfq = b->fqdn,
                               .et = how->until_ms,
                               .suid = SUID_MEF};
    if (!kid.n || how->until_ms < 0)
        return ONESEAL_BAD_ARGUMENT;
    memcpy(item.sid, w->keys.sid, ESD_SID);
    memcpy(item.kc, w->keys.kc, ESD_KC);
    struct key_letter l = {.iss = span_str(how->writer), .aud = b->fqdn, .items = &item, .n = 1};
    struct buf scratch = buf_over(how->work, how->work_n), letter = buf_over(out, room);
    enum err e = p256_thumb(key, item.wk);
    if (e == OK)
        e = letter_build(&l, &w->keys.kv, key, kid, b->sealing, b->sealing_kid, &scratch, &letter);
    buf_wipe(&scratch);
    return api_ended(&letter, e, out_n);
}

oneseal_status oneseal_policy(const oneseal_letter *how, uint64_t version, const char *const *readers, size_t readers_n,
                              char *out, size_t room, size_t *out_n)
{
    char text[JWS_KID_MAX];
    struct arena mem;
    if (!letter_fits(how) || !how->policy || !version || !readers || readers_n > POLICY_READERS_MAX || !out || !room ||
        !out_n)
        return ONESEAL_BAD_ARGUMENT;
    struct span kid = signer(how->writer, text, sizeof text);
    if (!kid.n)
        return ONESEAL_BAD_ARGUMENT;
    arena_over(&mem, how->work, how->work_n);
    struct policy_reader *list = ARENA_ARRAY(&mem, struct policy_reader, readers_n);
    size_t left = how->work_n - mem.n;
    void *rest = arena_alloc(&mem, left > 64 ? left - 64 : 0);
    if (!list || !rest)
        return ONESEAL_NO_ROOM;
    for (size_t i = 0; i < readers_n; i++) {
        if (!readers[i])
            return ONESEAL_BAD_ARGUMENT;
        list[i].id = span_str(readers[i]);
    }
    struct policy p = {.iss = span_str(how->writer),
                       .aud = identity_bundle(how->ttp)->fqdn,
                       .policy = span_str(how->policy),
                       .version = version,
                       .readers = list,
                       .n = readers_n};
    struct buf scratch = buf_over(rest, left > 64 ? left - 64 : 0), policy = buf_over(out, room);
    return api_ended(&policy, policy_build(&p, identity_key(how->identity), kid, &scratch, &policy), out_n);
}

oneseal_status oneseal_registration(const oneseal_letter *how, const char *nonce, const unsigned char *certificate,
                                    size_t certificate_n, char *out, size_t room, size_t *out_n)
{
    char text[JWS_KID_MAX];
    if (!letter_fits(how) || !nonce || !certificate || !certificate_n || !out || !room || !out_n)
        return ONESEAL_BAD_ARGUMENT;
    struct span kid = signer(how->writer, text, sizeof text), chain = span_of(certificate, certificate_n);
    if (!kid.n)
        return ONESEAL_BAD_ARGUMENT;
    struct client me = {.iss = span_str(how->writer),
                        .aud = identity_bundle(how->ttp)->fqdn,
                        .nonce = span_str(nonce),
                        .key = (struct p256 *)(uintptr_t)identity_key(how->identity)};
    struct buf scratch = buf_over(how->work, how->work_n), b = buf_over(out, room);
    return api_ended(&b, client_build(&me, kid, &chain, 1, &scratch, &b), out_n);
}

oneseal_status oneseal_acknowledged(const oneseal_bundle *ttp, const char *request, size_t request_n,
                                    const char *answer, size_t answer_n, void *work, size_t work_n, uint64_t *version)
{
    const struct bundle *b = identity_bundle(ttp);
    struct arena mem;
    struct ack ack = {0};
    enum reason r = REASON_OK;
    if (!b || !request || !answer || !work)
        return ONESEAL_BAD_ARGUMENT;
    arena_over(&mem, work, work_n);
    enum reason x = ack_open(span_of(answer, answer_n), span_of(request, request_n), b->release, &mem, &ack);
    if (x != REASON_OK)
        return x == REASON_FAILED && !arena_ok(&mem) ? ONESEAL_NO_ROOM : api_reason(x);
    if (version)
        *version = ack.version;
    if (span_eq(ack.code, SPAN("ok")))
        return ONESEAL_OK;
    if (span_eq(ack.code, SPAN("conflict")))
        return ONESEAL_CONFLICT;
    return reason_of(ack.code, &r) == OK && r != REASON_OK ? api_reason(r) : ONESEAL_REFUSED;
}
