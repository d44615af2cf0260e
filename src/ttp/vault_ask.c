/* Requests: how they come in, ask for their rows, and are answered. */
#include "base/code.h"
#include "host/heap.h"
#include "ttp/vault_admin.h"
#include "ttp/vault_command.h"
#include "ttp/vault_est.h"
#include "ttp/vault_plain.h"
#include "ttp/vault_psk.h"
#include "ttp/vault_reg.h"
#include "ttp/vault_shred.h"
#include "ttp/vault_skr.h"

#include <stdlib.h>
#include <string.h>

static const struct vault_kind *const kinds[KIND__N + 1] = {
    [KIND_NONCE] = &vault_kind_simple,
    [KIND_BUNDLE] = &vault_kind_simple,
    [KIND_HEALTH] = &vault_kind_health,
    [KIND_METRICS] = &vault_kind_health,
    [KIND_CLIENT] = &vault_kind_client,
    [KIND_LETTER] = &vault_kind_letter,
    [KIND_KEY] = &vault_kind_key,
    [KIND_RELEASE] = &vault_kind_release,
    [KIND_POLICY] = &vault_kind_policy,
    [KIND_POLL] = &vault_kind_poll,
    [KIND_SHRED] = &vault_kind_shred,
    [KIND_SHOW] = &vault_kind_show,
    [KIND_WHY] = &vault_kind_why,
    [KIND_ANCHORS] = &vault_kind_est_look,
    [KIND_EST_CACERTS] = &vault_kind_est_look,
    [KIND_EST_CSRATTRS] = &vault_kind_est_look,
    [KIND_EST_ENROLL] = &vault_kind_est_enroll,
    [KIND_EST_REENROLL] = &vault_kind_est_reenroll,
    [KIND_EST_SIGNED] = &vault_kind_est_signed,
    [KIND_COSIGN] = &vault_kind_cosign,
    [KIND_WITNESS] = &vault_kind_witness,
    [KIND_SKR_CREATE] = &vault_kind_skr_create,
    [KIND_SKR_GET] = &vault_kind_skr_get,
    [KIND_SKR_UPDATE] = &vault_kind_skr_update,
    [KIND_SKR_DELETE] = &vault_kind_skr_delete,
    [KIND_REG_CREATE] = &vault_kind_reg_create,
    [KIND_REG_GET] = &vault_kind_reg_get,
    [KIND_REG_CFG] = &vault_kind_reg_cfg,
    [KIND_REG_UPDATE] = &vault_kind_reg_update,
    [KIND_REG_DELETE] = &vault_kind_reg_delete,
    [KIND_CMD_GET] = &vault_kind_cmd_get,
    [KIND_CMD_UPDATE] = &vault_kind_cmd_update,
    [KIND_RELAY] = &vault_kind_relay,
    [KIND_VOUCHED] = &vault_kind_vouched,
    [KIND_PARTNER] = &vault_kind_partner,
    [KIND_PLAIN_CREATE] = &vault_kind_plain_create,
    [KIND_PSK] = &vault_kind_psk,
    [KIND_ADMIN] = &vault_kind_admin,
};

const struct vault_kind *vault_kind_of(enum ttp_kind k)
{
    return kinds[k];
}

void vault_ask_free(struct vault_ask *a)
{
    if (kinds[a->kind]->end)
        kinds[a->kind]->end(a);
    vault_till_end(a);
    arena_reset(&a->mem);
    free(a);
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

/* TS-0004 table 6.6.3-1, for the oneM2M bases. */
static uint16_t rsc_of(uint16_t status)
{
    static const struct {
        uint16_t status, rsc;
    } rows[] = {{200, 2000}, {201, 2001}, {400, 4000}, {403, 4103}, {404, 4004}, {409, 4105}, {429, 4103}};
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].status == status)
            return rows[i].rsc;
    return 5000;
}

static void reply(struct vault *v, struct vault_ask *a, uint16_t status, uint16_t rsc, enum ttp_type type,
                  struct span body, struct span meta)
{
    uint8_t nonce[RELEASE_NONCE];
    a->done = true;
    if (a->kind == KIND_ADMIN) {
        msg_put_VAULT_DONE(v->conf.to_parent,
                           &(struct msg_VAULT_DONE){.id = a->id & ~VAULT_ADMIN_ID, .status = status, .json = body});
        return;
    }
    vault_health_answered(&v->health, a->kind, status);
    vault_nonce(v, nonce);
    if (a->till) {
        vault_till_pay(v, a,
                       &(struct till_answer){.status = status,
                                             .rsc = rsc,
                                             .type = (uint8_t)type,
                                             .nonce = span_of(nonce, sizeof nonce),
                                             .body = body,
                                             .meta = meta});
        return;
    }
    msg_put_REPLY(v->conf.to_ledger, &(struct msg_REPLY){.id = a->id,
                                                         .status = status,
                                                         .rsc = rsc,
                                                         .type = (uint8_t)type,
                                                         .nonce = span_of(nonce, sizeof nonce),
                                                         .body = body,
                                                         .meta = meta});
}

void vault_reply(struct vault *v, struct vault_ask *a, uint16_t status, enum ttp_type type, struct span body,
                 struct span meta)
{
    reply(v, a, status, rsc_of(status), type, body, meta);
}

void vault_refuse(struct vault *v, struct vault_ask *a, uint16_t status, const char *code, const char *what,
                  const char *todo)
{
    vault_refuse_as(v, a, status, rsc_of(status), code, what, todo);
}

void vault_refuse_as(struct vault *v, struct vault_ask *a, uint16_t status, uint16_t rsc, const char *code,
                     const char *what, const char *todo)
{
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_STR(&w, "code", span_str(code));
    JW_STR(&w, "what", span_str(what));
    JW_STR(&w, "who", span_str(v->fqdn));
    JW_STR(&w, "object", SPAN("request"));
    JW_STR(&w, "do", span_str(todo));
    jw_end_obj(&w);
    reply(v, a, status, rsc, TYPE_ERROR, buf_span(&b), SPAN_NONE);
}

void vault_refuse_reason(struct vault *v, struct vault_ask *a, enum reason r)
{
    static const struct {
        enum reason r;
        uint16_t status;
        const char *what, *todo;
    } rows[] = {
        {REASON_MALFORMED, 400, "the request is not a signed object of the kind that this path takes",
         "check typ and members"},
        {REASON_ALGORITHM_REFUSED, 400, "the request uses an algorithm or curve that is not allowed",
         "sign with ES256, P-256"},
        {REASON_TAMPERED, 403, "the signature is not by the key that is registered for the issuer",
         "register the key with POST /client"},
        {REASON_REFUSED, 403, "the issuer is not registered, or the request is for another audience",
         "register with POST /client"},
        {REASON_EXPIRED, 403, "the issuer's certificate or registration has expired",
         "renew the certificate, then POST /client"},
        {REASON_COMMITMENT_MISMATCH, 403, "the Key Value does not give the identifier and commitment of the letter",
         "derive kid and kc from KV and sid"},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].r == r) {
            vault_refuse(v, a, rows[i].status, reason_code(r), rows[i].what, rows[i].todo);
            return;
        }
    vault_refuse(v, a, 500, reason_code(REASON_FAILED), "the vault could not work on it", "try again later");
}

enum err vault_ack(struct vault *v, struct vault_ask *a, const char *code, uint64_t version, uint64_t index,
                   struct span meta)
{
    struct buf out = heap_buf(VAULT_ANSWER_MAX);
    struct ack k = {
        .code = span_str(code), .version = version, .index = index, .size = v->head.size, .head = buf_span(&v->note)};
    memcpy(k.req, a->req, ESD_HASH);
    bool ok = strcmp(code, "ok") == 0;
    enum err e = ack_build(&k, v->release, span_str(v->release_kid), &v->scratch, &out);
    if (e == OK)
        vault_reply(v, a, ok ? 200 : strcmp(code, "conflict") == 0 ? 409 : 403, TYPE_JOSE, buf_span(&out), meta);
    buf_wipe(&v->scratch);
    heap_buf_free(&out);
    return e;
}

/* ---- who asks -----------------------------------------------------------------------------------------------------
 */

bool vault_rate_good(struct vault *v, struct vault_ask *a, struct span iss)
{
    return vault_rate_take(v, a, iss, 1);
}

bool vault_rate_take(struct vault *v, struct vault_ask *a, struct span iss, uint32_t n)
{
    return vault_quota_take(v, a, iss, n);
}

bool vault_signed_by(struct vault *v, struct vault_ask *a, struct span iss, uint8_t jkt[JOSE_THUMB])
{
    uint8_t thumb[JOSE_THUMB];
    struct p256 *key;
    enum reason r = vault_client_key(v, iss, &a->mem, &key, thumb);
    if (r == REASON_OK)
        r = VAULT_VERIFY(jws_verify(&a->jws, key));
    p256_free(key);
    if (r == REASON_OK)
        r = claim_aud(a->jws.claims, &a->mem, span_str(v->fqdn));
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return false;
    }
    if (jkt)
        memcpy(jkt, thumb, JOSE_THUMB);
    return vault_rate_good(v, a, iss);
}

/* ---- rows -----------------------------------------------------------------------------------------------------------
 */

void vault_find(struct vault *v, struct vault_ask *a, size_t n, struct span kid)
{
    msg_put_FIND(v->conf.to_ledger, &(struct msg_FIND){.id = a->id, .n = n, .kid = kid});
}

void vault_find_stream(struct vault *v, struct vault_ask *a, size_t n, struct span iss, const uint8_t *sid,
                       struct span tenant)
{
    msg_put_FIND_STREAM(
        v->conf.to_ledger,
        &(struct msg_FIND_STREAM){.id = a->id, .n = n, .iss = iss, .sid = span_of(sid, ROW_SID), .tenant = tenant});
}

void vault_look_again(struct vault *v, struct vault_ask *a)
{
    memset(a->need, 0, a->n_need * sizeof *a->need);
    a->n_came = 0;
    a->gathered = false;
    a->asked_at = v->commits;
    kinds[a->kind]->find(v, a);
}

/* ---- what needs neither signature nor row ---------------------------------------------------------------------------
 */

static enum err simple_read(struct vault *v, struct vault_ask *a)
{
    uint8_t nonce[RELEASE_NONCE], text[64];
    if (a->kind == KIND_BUNDLE) {
        vault_reply(v, a, 200, TYPE_JOSE, buf_span(&v->bundle), SPAN_NONE);
        return OK;
    }
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    vault_nonce(v, nonce);
    jw_obj(&w);
    JW_B64URL(&w, "nonce", span_of(nonce, sizeof nonce));
    jw_end_obj(&w);
    vault_reply(v, a, 200, TYPE_JSON, buf_span(&b), SPAN_NONE);
    return OK;
}

const struct vault_kind vault_kind_simple = {.read = simple_read};
