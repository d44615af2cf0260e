/* TPM 2.0: S is sealed in the TPM under a policy over PCRs of the SHA-256 bank (TPM 2.0 Part 3, TPM2_PolicyPCR), below
 * a storage key that the TPM makes anew from its own seed each time. On the bus S is encrypted by a salted session.
 * "oneseal-custody 1 tpm2 pcrs=7,.. public=HEX private=HEX"; init: "oneseal-custody new tpm2 pcrs=7,..". */
#include "ttp/unsealer.h"

#include "base/code.h"
#include "ttp/room.h"
#include "ttp/unsealer_tpm2.h"

#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

enum { PCRS = 24 };

struct tpm {
    ESYS_CONTEXT *esys;
    ESYS_TR primary, session;
    TPML_PCR_SELECTION pcrs;
};

#define NONE ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE

static const TPMT_SYM_DEF bus = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

/* "pcrs=7,11": the selection. */
static enum err read_pcrs(struct span *words, struct tpm *t)
{
    struct span list = span_cut(words, ' '), head = SPAN("pcrs=");
    TPMS_PCR_SELECTION *s = &t->pcrs.pcrSelections[0];
    if (!span_starts(list, head))
        return ERR_SYNTAX;
    list = span_from(list, head.n);
    t->pcrs.count = 1;
    *s = (TPMS_PCR_SELECTION){.hash = TPM2_ALG_SHA256, .sizeofSelect = 3};
    while (list.p) {
        uint64_t n;
        TRY(span_u64(span_cut(&list, ','), PCRS - 1, &n));
        s->pcrSelect[n / 8] |= (BYTE)(1u << n % 8);
    }
    return OK;
}

static bool storage_key(struct tpm *t)
{
    static const TPM2B_PUBLIC like = {
        .publicArea = {.type = TPM2_ALG_ECC,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                           TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                           TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_NODA,
                       .parameters.eccDetail = {
                           .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                           .scheme.scheme = TPM2_ALG_NULL,
                           .curveID = TPM2_ECC_NIST_P256,
                           .kdf.scheme = TPM2_ALG_NULL}}};
    static const TPM2B_SENSITIVE_CREATE empty;
    static const TPM2B_DATA no_data;
    static const TPML_PCR_SELECTION no_pcrs;
    return Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &empty, &like,
                              &no_data, &no_pcrs, &t->primary, NULL, NULL, NULL, NULL) == TSS2_RC_SUCCESS;
}

static bool begin(struct tpm *t, TPM2_SE kind, TPMA_SESSION attributes)
{
    return Esys_StartAuthSession(t->esys, t->primary, ESYS_TR_NONE, NONE, NULL, kind, &bus, TPM2_ALG_SHA256,
                                 &t->session) == TSS2_RC_SUCCESS &&
           Esys_TRSess_SetAttributes(t->esys, t->session, attributes, 0xff) == TSS2_RC_SUCCESS;
}

static void over(struct tpm *t)
{
    if (t->session != ESYS_TR_NONE)
        (void)Esys_FlushContext(t->esys, t->session);
    t->session = ESYS_TR_NONE;
}

static bool policy(struct tpm *t)
{
    static const TPM2B_DIGEST now; /* empty: the values that the TPM has */
    return Esys_PolicyPCR(t->esys, t->session, NONE, &now, &t->pcrs) == TSS2_RC_SUCCESS;
}

static enum err start(struct unsealer *u, struct tpm *t)
{
    *t = (struct tpm){.primary = ESYS_TR_NONE, .session = ESYS_TR_NONE};
    u->why = "the TPM does not answer as it should";
    TRY(read_pcrs(&u->words, t));
    if (Esys_Initialize(&t->esys, unsealer_tpm2_over(UNSEALER_DEVICE), NULL) != TSS2_RC_SUCCESS)
        return ERR_IO;
    return storage_key(t) ? OK : ERR_IO;
}

static enum err end(struct unsealer *u, struct tpm *t, enum err e)
{
    over(t);
    if (t->primary != ESYS_TR_NONE)
        (void)Esys_FlushContext(t->esys, t->primary);
    Esys_Finalize(&t->esys);
    if (e == OK)
        u->why = NULL;
    return e;
}

/* ---- unsealing --------------------------------------------------------------------------------------------------- */

static enum err blob(struct span *words, const char *name, uint8_t *out, size_t cap, size_t *n)
{
    struct span w = span_cut(words, ' '), head = span_str(name);
    struct buf b = buf_over(out, cap);
    if (!span_starts(w, head))
        return ERR_SYNTAX;
    TRY(hex_get(span_from(w, head.n), &b));
    *n = b.n;
    return OK;
}

static enum err load(struct unsealer *u, struct tpm *t, ESYS_TR *object)
{
    uint8_t raw[sizeof(TPM2B_PRIVATE) + sizeof(TPM2B_PUBLIC)];
    TPM2B_PUBLIC pub = {0};
    TPM2B_PRIVATE priv = {0};
    size_t n, at = 0;
    TRY(blob(&u->words, "public=", raw, sizeof raw, &n));
    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(raw, n, &at, &pub) != TSS2_RC_SUCCESS || at != n)
        return ERR_SYNTAX;
    at = 0;
    TRY(blob(&u->words, "private=", raw, sizeof raw, &n));
    if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(raw, n, &at, &priv) != TSS2_RC_SUCCESS || at != n)
        return ERR_SYNTAX;
    if (Esys_Load(t->esys, t->primary, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &priv, &pub, object) ==
        TSS2_RC_SUCCESS)
        return OK;
    u->why = "this is not the TPM that sealed the secret";
    return ERR_AUTH;
}

static enum err unseal(struct unsealer *u, struct tpm *t, ESYS_TR object)
{
    TPM2B_SENSITIVE_DATA *data = NULL;
    if (!begin(t, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT | TPMA_SESSION_CONTINUESESSION) || !policy(t))
        return ERR_IO;
    TSS2_RC rc = Esys_Unseal(t->esys, object, t->session, ESYS_TR_NONE, ESYS_TR_NONE, &data);
    (void)Esys_FlushContext(t->esys, object);
    if (rc != TSS2_RC_SUCCESS) {
        u->why = "the TPM refuses: the machine did not start as when the secret was sealed (PCRs)";
        return ERR_AUTH;
    }
    bool good = data->size == CUSTODY_SECRET;
    if (good)
        memcpy(u->secret, data->buffer, CUSTODY_SECRET);
    wipe(data, sizeof *data);
    Esys_Free(data);
    return good ? OK : ERR_SYNTAX;
}

static enum err secret(struct unsealer *u)
{
    struct tpm t;
    ESYS_TR object = ESYS_TR_NONE;
    enum err e = start(u, &t);
    if (e == OK)
        e = load(u, &t, &object);
    if (e == OK)
        e = unseal(u, &t, object);
    return end(u, &t, e);
}

/* ---- sealing, at init -------------------------------------------------------------------------------------------- */

static bool policy_digest(struct tpm *t, TPM2B_DIGEST *out)
{
    TPM2B_DIGEST *d = NULL;
    bool good = begin(t, TPM2_SE_TRIAL, TPMA_SESSION_CONTINUESESSION) && policy(t) &&
                Esys_PolicyGetDigest(t->esys, t->session, NONE, &d) == TSS2_RC_SUCCESS;
    if (good)
        *out = *d;
    Esys_Free(d);
    over(t);
    return good;
}

static enum err tell(const struct unsealer *u, struct span pcrs, const TPM2B_PUBLIC *pub, const TPM2B_PRIVATE *priv)
{
    uint8_t raw[2][sizeof(TPM2B_PRIVATE) + sizeof(TPM2B_PUBLIC)], text[UNSEALER_TEXT_MAX];
    size_t n[2] = {0, 0};
    struct buf b = BUF_ARRAY(text);
    (void)u;
    if (Tss2_MU_TPM2B_PUBLIC_Marshal(pub, raw[0], sizeof raw[0], &n[0]) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Marshal(priv, raw[1], sizeof raw[1], &n[1]) != TSS2_RC_SUCCESS)
        return ERR_CRYPTO;
    hex_put(&b, span_of(raw[0], n[0]));
    buf_str(&b, " private=");
    hex_put(&b, span_of(raw[1], n[1]));
    TRY(b.e);
    return unsealer_say("custody oneseal-custody 1 tpm2 %.*s public=%.*s", SPAN_FMT(pcrs), SPAN_FMT(buf_span(&b)));
}

static enum err seal(struct unsealer *u, struct tpm *t, struct span pcrs)
{
    static const TPM2B_DATA no_data;
    static const TPML_PCR_SELECTION no_pcrs;
    TPM2B_SENSITIVE_CREATE in = {.sensitive.data.size = CUSTODY_SECRET};
    TPM2B_PUBLIC like = {
        .publicArea = {.type = TPM2_ALG_KEYEDHASH,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA,
                       .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL}};
    TPM2B_PUBLIC *pub = NULL;
    TPM2B_PRIVATE *priv = NULL;
    if (!policy_digest(t, &like.publicArea.authPolicy) ||
        !begin(t, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT | TPMA_SESSION_CONTINUESESSION))
        return ERR_IO;
    memcpy(in.sensitive.data.buffer, u->secret, CUSTODY_SECRET);
    TSS2_RC rc = Esys_Create(t->esys, t->primary, t->session, ESYS_TR_NONE, ESYS_TR_NONE, &in, &like, &no_data,
                             &no_pcrs, &priv, &pub, NULL, NULL, NULL);
    wipe(&in, sizeof in);
    enum err e = rc == TSS2_RC_SUCCESS ? tell(u, pcrs, pub, priv) : ERR_IO;
    Esys_Free(pub);
    Esys_Free(priv);
    return e;
}

static enum err make(struct unsealer *u)
{
    struct tpm t;
    struct span pcrs = u->words;
    enum err e = start(u, &t);
    if (e == OK)
        e = seal(u, &t, pcrs);
    return end(u, &t, e);
}

const struct unsealer_kind unsealer_tpm2 = {"tpm2", CELL_UNSEALER_TPM2, NULL, secret, make};
