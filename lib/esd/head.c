/* Heads: one of them, written and read. */
#include "esd/head.h"

#include <string.h>

#include "base/code.h"
#include "esd/claim.h"
#include "esd/header.h"
#include "esd/p256_port.h"

/* ---- writing ---------------------------------------------------------------------------------------- */

static void put_claims(struct jw *w, const struct head *h)
{
    jw_obj(w);
    JW_B64URL(w, "sid", span_of(h->sid, ESD_SID));
    JW_U64(w, "ep", h->ep);
    JW_STR(w, "kid", h->kid);
    JW_B64URL(w, "kc", span_of(h->kc, ESD_KC));
    JW_U64(w, "first", h->first);
    JW_U64(w, "last", (uint64_t)h->first + h->n - 1);
    JW_B64URL(w, "root", span_of(h->root, ESD_HASH));
    JW_U64(w, "oldest", h->oldest);
    JW_BOOL(w, "closed", h->closed);
    JW_B64URL(w, "prev", h->has_prev ? span_of(h->prev, ESD_HASH) : SPAN_NONE);
    JW_U64(w, "t", (uint64_t)h->t);
    JW_STR(w, "ttp", h->ttp);
    jw_end_obj(w);
}

static void put_header(struct jw *w, const struct p256 *key, struct span kid, bool with_key)
{
    jw_obj(w);
    JW_STR(w, "alg", SPAN("ES256"));
    if (kid.n)
        JW_STR(w, "kid", kid);
    JW_STR(w, "typ", span_str(jws_typ_text(JWS_HEAD)));
    if (with_key) {
        uint8_t jwk[256];
        struct buf b = BUF_ARRAY(jwk);
        p256_put(&b, key);
        if (b.e != OK && w->b->e == OK)
            w->b->e = b.e;
        JW_NAME(w, "jwk");
        jw_raw(w, buf_span(&b));
    }
    jw_end_obj(w);
}

static bool in_range(const struct head *h)
{
    return h->ep < ESD_INT_END && h->t >= 0 && (uint64_t)h->t < ESD_INT_END && h->first + (uint64_t)h->n > 0 &&
           h->first + (uint64_t)h->n <= ESD_INDEX_END && h->oldest <= ESD_INDEX_END && h->ttp.n <= HEAD_TTP_MAX &&
           h->kid.n > 0 && h->kid.n <= CLAIM_TEXT_MAX;
}

enum err head_sign(const struct head *h, const struct p256 *key, struct span kid, bool with_key, struct buf *out)
{
    uint8_t header[1024], payload[HEAD_PAYLOAD_MAX];
    struct buf hb = BUF_ARRAY(header), pb = BUF_ARRAY(payload);
    struct jw hw = jw_over(&hb), pw = jw_over(&pb);
    if (!in_range(h))
        return ERR_RANGE;
    put_header(&hw, key, kid, with_key);
    put_claims(&pw, h);
    TRY(hb.e);
    TRY(pb.e);
    return jws_sign_header(key, buf_span(&hb), buf_span(&pb), out);
}

enum err head_content(struct span jws, const struct log_hash *hashes, size_t n_hashes, struct buf *out)
{
    struct span rest = jws, header = span_cut(&rest, '.'), payload = span_cut(&rest, '.');
    if (n_hashes > HEAD_SEGMENT_MAX || !header.n || !payload.n || !rest.n)
        return ERR_RANGE;
    if (n_hashes == 0) {
        buf_put(out, jws);
        return out->e;
    }
    struct jw w = jw_over(out);
    jw_obj(&w);
    JW_STR(&w, "payload", payload);
    JW_STR(&w, "protected", header);
    JW_STR(&w, "signature", rest);
    JW_B64URL(&w, "hashes", span_of(hashes, n_hashes * sizeof *hashes));
    jw_end_obj(&w);
    return out->e;
}

enum err head_id(struct span jws, uint8_t id[ESD_HASH])
{
    return esd_sha256(jws, id);
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static enum reason read_prev(const struct jval *o, struct arena *a, struct head *h)
{
    struct span text;
    JUDGE(claim_str(o, "prev", a, &text));
    h->has_prev = text.n > 0;
    return h->has_prev ? claim_octets(o, "prev", a, h->prev, ESD_HASH) : REASON_OK;
}

static enum reason read_range(const struct jval *o, struct head *h)
{
    uint64_t first, next, oldest;
    const struct jval *last = JSON_GET(o, "last");
    JUDGE(claim_u64(o, "first", ESD_INDEX_END + 1, &first));
    JUDGE(claim_u64(o, "last", ESD_INDEX_END, &next)); /* an empty segment begins at 1 or later */
    JUDGE(claim_u64(o, "oldest", ESD_INDEX_END + 1, &oldest));
    next++;
    if (!last || first > next || next > ESD_INDEX_END || oldest > next)
        return REASON_MALFORMED;
    h->first = (uint32_t)first;
    h->n = (uint32_t)(next - first);
    h->oldest = (uint32_t)oldest;
    return REASON_OK;
}

static enum reason read_claims(const struct jval *o, struct arena *a, struct head *h)
{
    uint64_t t;
    struct span relative, fqdn;
    JUDGE(claim_octets(o, "sid", a, h->sid, ESD_SID));
    JUDGE(claim_u64(o, "ep", ESD_INT_END, &h->ep));
    JUDGE(claim_name(o, "kid", a, &h->kid));
    JUDGE(kid_split(h->kid, &relative, &fqdn));
    JUDGE(claim_octets(o, "kc", a, h->kc, ESD_KC));
    JUDGE(read_range(o, h));
    JUDGE(claim_octets(o, "root", a, h->root, ESD_HASH));
    if (!JSON_GET(o, "closed"))
        return REASON_MALFORMED;
    JUDGE(claim_bool_opt(o, "closed", &h->closed));
    JUDGE(read_prev(o, a, h));
    JUDGE(claim_u64(o, "t", ESD_INT_END, &t));
    h->t = (int64_t)t;
    JUDGE(claim_str(o, "ttp", a, &h->ttp));
    return h->ttp.n <= HEAD_TTP_MAX ? REASON_OK : REASON_MALFORMED;
}

static enum reason read_key(const struct jws *j, struct arena *a, struct p256 **key)
{
    struct span rest = j->text;
    struct header h;
    *key = NULL;
    JUDGE(header_read(span_cut(&rest, '.'), a, &h));
    const struct jval *jwk = JSON_GET(h.tree, "jwk");
    if (!jwk)
        return REASON_OK;
    if (JSON_GET(jwk, "d"))
        return REASON_MALFORMED; /* whoever shows the private half has no signature any more */
    return p256_read(jwk, a, key);
}

static bool is_json(struct span con)
{
    return con.n > 0 && con.p[0] == '{';
}

/* The flattened form: back to the compact text, which is what was signed and what `prev` names. */
static enum reason unfold(struct span con, struct arena *a, struct span *jws, struct span *hashes)
{
    struct jval *o;
    struct span part[3], text;
    static const char *const names[] = {"protected", "payload", "signature"};
    if (con.n > HEAD_CON_MAX || json_parse(con, a, &o, NULL) != OK || o->type != J_OBJ)
        return arena_ok(a) ? REASON_MALFORMED : REASON_FAILED;
    size_t n = 2;
    for (size_t i = 0; i < 3; i++) {
        JUDGE(claim_str(o, names[i], a, &part[i]));
        n += part[i].n;
    }
    if (JSON_GET(o, "header") || JSON_GET(o, "signatures"))
        return REASON_MALFORMED; /* nothing of a head is unprotected but the hashes */
    uint8_t *p = (uint8_t *)arena_alloc(a, n);
    if (!p)
        return REASON_FAILED;
    struct buf b = buf_over(p, n);
    for (size_t i = 0; i < 3; i++) {
        if (i > 0)
            buf_c(&b, '.');
        buf_put(&b, part[i]);
    }
    *jws = buf_span(&b);
    JUDGE(claim_str(o, "hashes", a, &text));
    uint8_t *q = (uint8_t *)arena_alloc(a, text.n + 1);
    if (!q)
        return REASON_FAILED;
    struct buf hb = buf_over(q, text.n + 1);
    if (b64url_get(text, &hb) != OK)
        return REASON_MALFORMED;
    *hashes = buf_span(&hb);
    return REASON_OK;
}

enum reason head_read(struct span con, struct arena *a, struct head_text *out)
{
    struct span jws = con;
    *out = (struct head_text){0};
    if (is_json(con))
        JUDGE(unfold(con, a, &jws, &out->hashes));
    if (jws.n > HEAD_JWS_MAX)
        return REASON_MALFORMED;
    JUDGE(jws_read(jws, JWS_HEAD, a, &out->jws));
    JUDGE(read_claims(out->jws.claims, a, &out->head));
    if (is_json(con) && (out->head.n == 0 || out->hashes.n != (uint64_t)out->head.n * ESD_HASH))
        return REASON_MALFORMED;
    if (head_id(jws, out->id) != OK)
        return REASON_FAILED;
    return read_key(&out->jws, a, &out->key);
}

void head_text_free(struct head_text *t)
{
    p256_free(t->key);
    t->key = NULL;
}

bool head_looks_like(struct span con)
{
    struct span rest = con;
    if (is_json(con))
        return con.n <= HEAD_CON_MAX;
    for (int dots = 0; dots < 2; dots++) {
        struct span part = span_cut(&rest, '.');
        if (!part.n || !rest.p)
            return false;
    }
    return con.n <= HEAD_JWS_MAX && rest.n == B64URL_LEN(JOSE_SIG) && b64url_ok(rest);
}

/* ---- verifying -------------------------------------------------------------------------------------- */

static bool has_thumb(const struct p256 *k, const uint8_t *wk)
{
    uint8_t thumb[JOSE_THUMB];
    return k && wk && p256_thumb(k, thumb) == OK && memcmp(thumb, wk, JOSE_THUMB) == 0;
}

static enum err root_of(struct span hashes, struct log_hash *root)
{
    struct log_tree tree;
    struct log_hash h, leaf;
    log_tree_init(&tree);
    for (size_t at = 0; at < hashes.n; at += ESD_HASH) {
        memcpy(h.b, hashes.p + at, ESD_HASH);
        TRY(log_leaf(&h, &leaf));
        TRY(log_tree_append(&tree, &leaf));
    }
    return log_tree_root(&tree, root);
}

enum reason head_verify(const struct head_text *t, const struct head_of *of)
{
    const struct head *h = &t->head;
    struct log_hash root;
    if (of->sid && memcmp(of->sid, h->sid, ESD_SID) != 0)
        return REASON_WRONG_PLACE;
    if (!kid_eq(of->kid, h->kid) || !of->kc || memcmp(of->kc, h->kc, ESD_KC) != 0)
        return REASON_COMMITMENT_MISMATCH;
    const struct p256 *key = of->known ? of->known : t->key;
    if (!has_thumb(key, of->wk) || jws_verify(&t->jws, key) != REASON_OK)
        return REASON_PROOF_INVALID;
    if (h->n > 0 && !t->hashes.n)
        return REASON_OK;
    if (root_of(t->hashes, &root) != OK)
        return REASON_FAILED;
    return memcmp(root.b, h->root, ESD_HASH) == 0 ? REASON_OK : REASON_PROOF_INVALID;
}
