#include "esd/open.h"

#include <string.h>

#include "base/code.h"
#include "esd/cek.h"
#include "esd/recall.h"
#include "esd/strict.h"

struct work {
    struct opener *o;
    const struct open_ask *ask;
    struct opened *res;
    struct arena *a;
    struct buf *out;
};

/* ---- checks before any key ------------------------------------------------------------------------ */

static bool allowed(const struct open_ask *ask, const struct esd_label *l)
{
    if (ask->allow == 0)
        return true;
    for (size_t i = 0; i < l->n_parts; i++) {
        const struct esd_part *p = &l->parts[i];
        if (!(ask->allow & ALG_BIT(p->alg)) || (p->epk == JWKEY_X25519 && !(ask->allow & ALG_X25519)))
            return false;
    }
    return l->jws || (ask->allow & ALG_ENC(l->enc));
}

static enum reason outside(struct work *w, struct span con)
{
    struct esd_label *l = &w->res->label;
    bool refused;
    JUDGE(label_shape(con, w->ask->security ? w->ask->security : 1, w->a, l, &refused));
    JUDGE(cek_points(l));
    for (size_t i = 0; i < l->n_parts; i++)
        if (l->parts[i].alg != ESD_ALG__N && l->parts[i].kid.n == 0)
            return REASON_MALFORMED;
    if (w->ask->payload.p && (!l->jws || l->ct_len != 0))
        return REASON_MALFORMED; /* the payload is here, not apart */
    return refused || !allowed(w->ask, l) ? REASON_ALGORITHM_REFUSED : REASON_OK;
}

static enum reason check_place(struct work *w)
{
    const struct esd_e2e *e = &w->res->label.e2e;
    if (w->ask->sid && e->here && memcmp(e->sid, w->ask->sid, ESD_SID) != 0)
        return REASON_WRONG_PLACE;
    if (!w->ask->sid || !e->here)
        w->res->flags |= reason_bit(REASON_PLACE_UNVERIFIED);
    if (e->here && e->t_ms == 0)
        w->res->flags |= reason_bit(REASON_NO_CLOCK);
    return REASON_OK;
}

/* A certificate's identifier names no TTP. */
static enum reason check_ttp(const struct open_ask *ask, const struct esd_part *p)
{
    for (size_t i = 0; i < ask->n_ttps; i++)
        if (span_eq_nocase(ask->ttps[i], p->ttp))
            return REASON_OK;
    return p->ttp.n == 0 ? REASON_OK : REASON_UNKNOWN_TTP;
}

/* ---- the key of one recipient or signature -------------------------------------------------------- */

/* What the callback gave, as a key: the caller's pair, a strict epoch's private half, or octets, of which a registered
 * value gives the first half (TS-0003 8.3.5.1). */
static enum reason key_of(const struct esd_part *p, const struct open_key *k, struct jwkey *mine,
                          const struct jwkey **key)
{
    enum esd_family f = alg_row(p->alg)->family;
    bool symmetric = f == ALG_DIRECT || f == ALG_KW || f == ALG_MAC;
    *key = mine;
    if (!alg_suid_fits(p->alg, k->suid) || (k->pair && symmetric))
        return REASON_ALGORITHM_REFUSED;
    if (k->pair) {
        *key = k->pair;
        return REASON_OK;
    }
    enum err e = ERR_RANGE;
    if (f == ALG_ECDH && p->epk == JWKEY_P256)
        e = jwkey_of_scalar(JWKEY_P256, k->value, mine);
    else if (symmetric)
        e = jwkey_oct(alg_suid_halves(k->suid) ? span_first(k->value, k->value.n / 2) : k->value, mine);
    return e == OK ? REASON_OK : e == ERR_RANGE ? REASON_ALGORITHM_REFUSED : REASON_FAILED;
}

/* The sid is the asked one where it is known: an object without e2e member cannot commit to a place. */
static enum reason check_commitment(struct work *w, const struct esd_part *p, const struct open_key *k,
                                    const struct jwkey *key)
{
    const struct esd_label *l = &w->res->label;
    const uint8_t *sid = w->ask->sid ? w->ask->sid : l->e2e.sid;
    if (!k->commits)
        return REASON_OK;
    if (!l->e2e.here && !w->ask->sid)
        return REASON_COMMITMENT_MISMATCH;
    if (key->kind == JWKEY_OCT)
        return recall_commitment(w->o, k->value, sid, p->kid);
    return p->ttp.n && jwkey_p256(key) ? strict_check(jwkey_p256(key), sid, p->kid) : REASON_COMMITMENT_MISMATCH;
}

/* A key at work for one part; owned says whether `mine` must be freed. */
struct found {
    struct open_key k;
    struct jwkey mine;
    const struct jwkey *key;
};
static enum reason find(struct work *w, const struct esd_part *p, struct found *f)
{
    struct esd_label *l = &w->res->label;
    *f = (struct found){0};
    l->kid = p->kid;
    l->ttp = p->ttp;
    l->alg = p->alg;
    JUDGE(check_ttp(w->ask, p));
    JUDGE(w->ask->key(w->ask->ctx, l, &f->k));
    JUDGE(key_of(p, &f->k, &f->mine, &f->key));
    return check_commitment(w, p, &f->k, f->key);
}

/* The verdict of several: of those that failed, the one that got furthest; among equals one that names a TTP, since
 * only that one can be asked. */
struct verdict {
    enum reason r;
    const struct esd_part *p;
};
static void failed(struct verdict *v, enum reason r, const struct esd_part *p)
{
    if (v->p && (r < v->r || (r == v->r && (v->p->ttp.n || !p->ttp.n))))
        return;
    *v = (struct verdict){r, p};
}

static enum reason conclude(struct work *w, const struct verdict *v)
{
    struct esd_label *l = &w->res->label;
    l->kid = v->p->kid;
    l->ttp = v->p->ttp;
    l->alg = v->p->alg;
    return v->r;
}

/* ---- sealed --------------------------------------------------------------------------------------- */

static enum reason open_part(struct work *w, const struct esd_part *p)
{
    struct found f;
    uint8_t cek[32];
    enum reason r = find(w, p, &f);
    if (r == REASON_OK)
        r = cek_unwrap(&w->res->label, p, f.key, cek);
    if (r == REASON_OK)
        r = open_aead(w->o, &w->res->label, span_of(cek, esd_enc_key(w->res->label.enc)), w->out, &w->res->plain);
    jwkey_free(&f.mine);
    wipe(cek, sizeof cek);
    return r;
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
static enum reason take_signed(struct work *w)
{
    struct open_inner in = {0};
    struct opened *res = w->res;
    uint8_t *p = w->out->p + (w->out->n - res->plain.n - res->label.e2e.pad);
    size_t n = (size_t)(w->out->p + w->out->n - p);
    enum reason r = w->ask->nested ? w->ask->nested(w->ask->nested_ctx, &res->label, res->plain, w->a, &in)
                                   : REASON_ALGORITHM_REFUSED;
    wipe(p, n);
    w->out->n -= n;
    res->plain = SPAN_NONE;
    JUDGE(r);
    buf_put(w->out, in.payload); /* shorter than the text that it came from */
    res->plain = span_of(p, in.payload.n);
    res->signer = in.signer;
    res->json = in.json;
    return REASON_OK;
}

static enum reason open_sealed(struct work *w)
{
    struct esd_label *l = &w->res->label;
    struct verdict v = {0};
    for (size_t i = 0; i < l->n_parts; i++) {
        enum reason r = open_part(w, &l->parts[i]);
        if (r == REASON_OK) {
            w->res->json = span_eq(l->cty, SPAN("json"));
            return is_signed(l->cty) ? take_signed(w) : REASON_OK;
        }
        if (r == REASON_FAILED)
            return r;
        failed(&v, r, &l->parts[i]);
    }
    return conclude(w, &v);
}

/* ---- signed --------------------------------------------------------------------------------------- */

static enum reason payload_text(struct work *w, struct span *text)
{
    *text = w->res->label.ct_text;
    if (!w->ask->payload.p)
        return REASON_OK;
    size_t n = B64URL_LEN(w->ask->payload.n);
    uint8_t *p = (uint8_t *)arena_alloc(w->a, n);
    struct buf b = buf_over(p, n);
    if (!p)
        return REASON_FAILED;
    b64url_put(&b, w->ask->payload);
    *text = buf_span(&b);
    return REASON_OK;
}

static enum reason verify_part(struct work *w, const struct esd_part *p, struct span text)
{
    struct found f;
    enum reason r = find(w, p, &f);
    if (r == REASON_OK)
        r = cek_verify(p, f.key, text);
    jwkey_free(&f.mine);
    return r;
}

/* Signatures by keys that nobody here knows are passed over; of the others all must verify. */
static bool unknown(enum reason r)
{
    return r >= REASON_UNKNOWN_TTP && r < REASON_COMMITMENT_MISMATCH;
}

static enum reason open_signed(struct work *w)
{
    struct esd_label *l = &w->res->label;
    struct verdict v = {0};
    struct span text;
    size_t start = w->out->n;
    const struct esd_part *good = NULL;
    JUDGE(payload_text(w, &text));
    for (size_t i = 0; i < l->n_parts; i++) {
        enum reason r = verify_part(w, &l->parts[i], text);
        if (r == REASON_OK && !good)
            good = &l->parts[i];
        if (r != REASON_OK && !unknown(r))
            return r;
        if (r != REASON_OK)
            failed(&v, r, &l->parts[i]);
    }
    if (!good)
        return conclude(w, &v);
    if (b64url_get(text, w->out) != OK)
        return REASON_FAILED;
    (void)conclude(w, &(struct verdict){REASON_OK, good});
    w->res->plain = span_of(w->out->p + start, w->out->n - start);
    w->res->signer = good->kid;
    w->res->json = span_eq(good->cty, SPAN("json"));
    return REASON_OK;
}

/* ---- all together --------------------------------------------------------------------------------- */

enum reason open_envelope(struct opener *o, struct span con, const struct open_ask *ask, struct arena *a,
                          struct buf *out, struct opened *res)
{
    struct work w = {o, ask, res, a, out};
    *res = (struct opened){0};
    if (!recall_label(o, con, ask, a, &res->label)) {
        JUDGE(outside(&w, con));
        recall_keep(o, ask, &res->label);
    }
    JUDGE(check_place(&w));
    return res->label.jws ? open_signed(&w) : open_sealed(&w);
}
