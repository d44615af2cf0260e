#include "esd/open.h"

#include <string.h>

#include "base/code.h"
#include "esd/open_port.h"

enum err opener_init(struct opener *o)
{
    *o = (struct opener){0};
    return open_port_init(o);
}

void opener_free(struct opener *o)
{
    open_port_free(o);
}

/* ---- AEAD --------------------------------------------------------------------------------------- */

/* Takes the padding off (vectors README 8). */
static enum reason unpad(const struct esd_label *l, struct span *plain)
{
    size_t pad = l->e2e.here ? l->e2e.pad : 0;
    if (pad > plain->n)
        return REASON_MALFORMED;
    for (size_t i = plain->n - pad; i < plain->n; i++)
        if (plain->p[i] != ' ')
            return REASON_MALFORMED;
    plain->n -= pad;
    return REASON_OK;
}

enum reason open_aead(struct opener *o, const struct esd_label *l, struct span cek, struct buf *out, struct span *plain)
{
    uint8_t iv[ESD_IV], tag[ESD_TAG];
    struct buf i = BUF_ARRAY(iv), t = BUF_ARRAY(tag);
    size_t start = out->n;
    *plain = SPAN_NONE;
    if (cek.n != esd_enc_key(l->enc))
        return REASON_ALGORITHM_REFUSED;
    if (b64url_get(l->iv_text, &i) != OK || b64url_get(l->tag_text, &t) != OK || i.n != ESD_IV || t.n != ESD_TAG)
        return REASON_MALFORMED;
    enum err e = b64url_get(l->ct_text, out);
    if (e != OK)
        return e == ERR_SYNTAX ? REASON_MALFORMED : REASON_FAILED;
    uint8_t *p = out->p + start;
    size_t n = out->n - start;
    e = open_port_gcm(o, cek, iv, l->aad, span_of(p, n), tag, p);
    enum reason r = e == OK ? REASON_OK : e == ERR_AUTH ? REASON_TAMPERED : REASON_FAILED;
    *plain = span_of(p, n);
    if (r == REASON_OK)
        r = unpad(l, plain);
    if (r != REASON_OK) {
        wipe(p, n);
        out->n = start;
        *plain = SPAN_NONE;
    }
    return r;
}

/* ---- checks before it --------------------------------------------------------------------------- */

static enum reason check_place(const struct open_ask *ask, struct opened *res)
{
    const struct esd_e2e *e = &res->label.e2e;
    if (ask->sid && e->here && memcmp(e->sid, ask->sid, ESD_SID) != 0)
        return REASON_WRONG_PLACE;
    if (!ask->sid || !e->here)
        res->flags |= reason_bit(REASON_PLACE_UNVERIFIED);
    if (e->here && e->t_ms == 0)
        res->flags |= reason_bit(REASON_NO_CLOCK);
    return REASON_OK;
}

static enum reason check_ttp(const struct open_ask *ask, const struct esd_label *l)
{
    for (size_t i = 0; i < ask->n_ttps; i++)
        if (span_eq_nocase(ask->ttps[i], l->ttp))
            return REASON_OK;
    return REASON_UNKNOWN_TTP;
}

/* SUID (security.md 15.1): 14 provisioned, used whole; 24 MEF and 34 MAF, of which the first half is used. */
static enum reason content_key(const struct open_key *k, struct span *cek)
{
    if (k->suid != 14 && k->suid != 24 && k->suid != 34)
        return REASON_ALGORITHM_REFUSED;
    *cek = k->suid == 14 ? k->value : span_first(k->value, k->value.n / 2);
    return REASON_OK;
}

/* The sid is the asked one where it is known: an object without e2e member cannot commit to a place. */
static enum reason check_commitment(const struct open_ask *ask, const struct esd_label *l, const struct open_key *k)
{
    if (!k->commits)
        return REASON_OK;
    if (!l->e2e.here && !ask->sid)
        return REASON_COMMITMENT_MISMATCH;
    return keys_check(k->value, ask->sid ? ask->sid : l->e2e.sid, l->kid);
}

/* A content type is a media type without "application/": letter case does not count (RFC 7515 4.1.10). */
static bool is_signed(struct span cty)
{
    static const char *const names[] = {
        "JOSE", "JOSE+JSON", "JWT", "application/jose", "application/jose+json", "application/jwt"};
    for (size_t i = 0; i < LEN(names); i++)
        if (span_eq_nocase(cty, span_str(names[i])))
            return true;
    return false;
}

/* The verified payload takes the place of the signed text in `out`. */
static enum reason take_signed(const struct open_ask *ask, struct opened *res, struct arena *a, struct buf *out)
{
    struct open_inner in = {0};
    uint8_t *p = out->p + (out->n - res->plain.n - res->label.e2e.pad);
    size_t n = (size_t)(out->p + out->n - p);
    enum reason r =
        ask->nested ? ask->nested(ask->nested_ctx, &res->label, res->plain, a, &in) : REASON_ALGORITHM_REFUSED;
    wipe(p, n);
    out->n -= n;
    res->plain = SPAN_NONE;
    if (r != REASON_OK)
        return r;
    buf_put(out, in.payload); /* shorter than the text that it came from */
    res->plain = span_of(p, in.payload.n);
    res->signer = in.signer;
    res->json = in.json;
    return REASON_OK;
}

enum reason open_envelope(struct opener *o, struct span con, const struct open_ask *ask, struct arena *a,
                          struct buf *out, struct opened *res)
{
    struct open_key key = {0};
    struct span cek;
    *res = (struct opened){0};
    JUDGE(label_read(con, a, &res->label));
    JUDGE(check_place(ask, res));
    JUDGE(check_ttp(ask, &res->label));
    JUDGE(ask->key(ask->ctx, &res->label, &key));
    JUDGE(content_key(&key, &cek));
    JUDGE(check_commitment(ask, &res->label, &key));
    JUDGE(open_aead(o, &res->label, cek, out, &res->plain));
    res->json = span_eq(res->label.cty, SPAN("json"));
    return is_signed(res->label.cty) ? take_signed(ask, res, a, out) : REASON_OK;
}
