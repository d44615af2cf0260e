/* The shape of JWE and JWS in every serialization (RFC 7515 7, RFC 7516 7): which parts there are, where the members
 * of the headers stand, and whether each has its form. What is malformed ends the reading at once; what is well formed
 * but not permitted is remembered and judged afterwards (vectors README 13). */
#include <string.h>

#include "base/code.h"
#include "esd/header.h"

enum { KW_MIN = 24, KW_STEP = 8, KW_OCTETS_MAX = 72, EPK_OCTETS = 32 };

/* The header of one recipient or signature: up to three objects that share no member. */
enum place { PROTECTED, SHARED, OWN, PLACES };
struct heads {
    const struct jval *in[PLACES];
};

struct work {
    struct arena *a;
    struct esd_label *l;
    struct header h; /* of a JWE: the protected one; tree NULL: none */
    bool refused, has_enc, gcm;
};

/* ---- members of a header ------------------------------------------------------------------------ */

static const struct jval *find(const struct heads *h, struct span name)
{
    const struct jval *v = NULL;
    for (size_t i = 0; i < PLACES && !v; i++)
        v = json_get(h->in[i], name);
    return v;
}

static enum reason text_of(struct work *w, const struct heads *h, struct span name, struct span *out, bool *here)
{
    const struct jval *v = find(h, name);
    *out = SPAN_NONE;
    *here = v != NULL;
    enum err e = v ? json_str(v, w->a, out) : OK;
    return e == OK ? REASON_OK : e == ERR_NOMEM ? REASON_FAILED : REASON_MALFORMED;
}

/* No name twice across the places (RFC 7516 7.2.1), and what must be protected is. */
static enum reason disjoint(struct work *w, const struct heads *h)
{
    for (size_t i = SHARED; i < PLACES; i++) {
        const struct jval *c = h->in[i] ? h->in[i]->child : NULL;
        if (JSON_GET(h->in[i], "crit") || JSON_GET(h->in[i], "e2e") || (h->in[i] && !header_tree_ok(h->in[i])))
            return REASON_MALFORMED;
        for (; c; c = c->next) {
            struct span name;
            if (json_key(c, w->a, &name) != OK)
                return REASON_FAILED;
            if (json_get(h->in[PROTECTED], name) || (i == OWN && json_get(h->in[SHARED], name)))
                return REASON_MALFORMED;
        }
    }
    return REASON_OK;
}

static enum reason crit_of(struct work *w, const struct header *h)
{
    enum reason r = h->tree ? header_crit(h) : REASON_OK;
    w->refused |= r == REASON_ALGORITHM_REFUSED;
    return r == REASON_ALGORITHM_REFUSED ? REASON_OK : r;
}

static bool uri_ok(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return true;
}

/* Credential-ID prefixes (TS-0003 10.4): 14-, 15-, 16- may stand before a key identifier, 41- to 55- name
 * certificates. A kid without form stays empty, as if it were not there. */
static enum reason kid_of(struct work *w, struct span kid, struct esd_part *p)
{
    struct span relative;
    bool typed =
        kid.n > 3 && kid.p[2] == '-' && kid.p[0] >= '1' && kid.p[0] <= '5' && kid.p[1] >= '0' && kid.p[1] <= '9';
    unsigned type = typed ? (unsigned)(kid.p[0] - '0') * 10 + kid.p[1] - '0' : 0;
    bool certificate = (type >= 41 && type <= 45) || (type >= 51 && type <= 55);
    struct span id = type >= 14 && type <= 16 ? span_from(kid, 3) : kid;
    if (kid.n > ESD_KID_MAX)
        return REASON_MALFORMED;
    if (certificate ? !uri_ok(kid) : kid_split(id, &relative, &p->ttp) != REASON_OK) {
        p->ttp = SPAN_NONE;
        return REASON_OK;
    }
    p->kid = id;
    w->refused |= !alg_prefix_fits(p->alg, type);
    return REASON_OK;
}

/* alg and kid. An algorithm outside the profile leaves *known false: nothing else of this part is then judged. */
static enum reason who(struct work *w, const struct heads *h, struct esd_part *p, bool *known)
{
    struct span alg, kid;
    bool has_alg, has_kid;
    JUDGE(text_of(w, h, SPAN("alg"), &alg, &has_alg));
    JUDGE(text_of(w, h, SPAN("kid"), &kid, &has_kid));
    JUDGE(text_of(w, h, SPAN("cty"), &p->cty, &(bool){false}));
    if (!has_alg)
        return REASON_MALFORMED;
    *known = alg_of(alg, &p->alg) == OK && (alg_row(p->alg)->family >= ALG_MAC) == w->l->jws;
    if (!*known)
        p->alg = ESD_ALG__N;
    w->refused |= !*known;
    return *known && has_kid ? kid_of(w, kid, p) : REASON_OK;
}

/* ---- recipients ----------------------------------------------------------------------------------- */

static size_t octets_of(struct span text)
{
    return text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0);
}

static bool octets32(const struct jval *v, struct arena *a, uint8_t out[EPK_OCTETS])
{
    struct span text;
    struct buf b = buf_over(out, EPK_OCTETS);
    return json_str(v, a, &text) == OK && text.n == B64URL_LEN(EPK_OCTETS) && b64url_get(text, &b) == OK;
}

/* The ephemeral key: P-256, or X25519. Whether the point lies on the curve is for those who can compute. */
static enum reason epk_of(struct work *w, const struct heads *h, struct esd_part *p)
{
    const struct jval *epk = find(h, SPAN("epk"));
    struct span kty, crv;
    if (!epk || epk->type != J_OBJ || json_str(JSON_GET(epk, "kty"), w->a, &kty) != OK)
        return REASON_MALFORMED;
    bool ec = span_eq(kty, SPAN("EC")), okp = span_eq(kty, SPAN("OKP"));
    if ((ec || okp) && json_str(JSON_GET(epk, "crv"), w->a, &crv) != OK)
        return REASON_MALFORMED;
    if (ec && span_eq(crv, SPAN("P-256")))
        p->epk = JWKEY_P256;
    else if (okp && span_eq(crv, SPAN("X25519")))
        p->epk = JWKEY_X25519;
    if (p->epk == JWKEY_NONE) {
        w->refused = true;
        return REASON_OK;
    }
    bool ok = octets32(JSON_GET(epk, "x"), w->a, p->epk_x);
    if (ec)
        ok = ok && octets32(JSON_GET(epk, "y"), w->a, p->epk_y);
    return ok ? REASON_OK : REASON_MALFORMED;
}

static enum reason party_of(struct work *w, const struct heads *h, struct span name, struct span *out)
{
    bool here;
    JUDGE(text_of(w, h, name, out, &here));
    return !here || (b64url_ok(*out) && out->n <= ESD_PARTY_MAX) ? REASON_OK : REASON_MALFORMED;
}

/* The encrypted key has the form of its algorithm. */
static bool key_text_ok(enum esd_family f, struct span text)
{
    size_t n = octets_of(text);
    if (f == ALG_DIRECT)
        return text.n == 0;
    if (f == ALG_RSA)
        return n > 0;
    return n >= KW_MIN && n <= KW_OCTETS_MAX && n % KW_STEP == 0;
}

/* enc may stand in any place, but is one for all recipients (RFC 7516 4.1.2). */
static enum reason enc_of_part(struct work *w, const struct heads *h)
{
    struct span enc;
    enum esd_enc was = w->l->enc;
    bool here, gcm;
    JUDGE(text_of(w, h, SPAN("enc"), &enc, &here));
    if (!here)
        return REASON_MALFORMED;
    gcm = enc_of(enc, &w->l->enc) == OK;
    if (w->has_enc && (gcm != w->gcm || was != w->l->enc))
        return REASON_MALFORMED;
    w->has_enc = true;
    w->gcm = gcm;
    w->refused |= !gcm;
    return REASON_OK;
}

static enum reason recipient(struct work *w, const struct heads *h, struct span key_text, struct esd_part *p)
{
    bool known;
    struct span zip;
    bool has_zip;
    if (key_text.n > ESD_KEY_TEXT_MAX || !b64url_ok(key_text))
        return REASON_MALFORMED;
    p->key_text = key_text;
    JUDGE(disjoint(w, h));
    JUDGE(text_of(w, h, SPAN("zip"), &zip, &has_zip));
    JUDGE(text_of(w, h, SPAN("typ"), &zip, &(bool){false}));
    w->refused |= has_zip;
    JUDGE(enc_of_part(w, h));
    JUDGE(who(w, h, p, &known));
    if (!known)
        return REASON_OK;
    enum esd_family f = alg_row(p->alg)->family;
    if (!key_text_ok(f, key_text))
        return REASON_MALFORMED;
    if (f != ALG_ECDH)
        return REASON_OK;
    JUDGE(epk_of(w, h, p));
    JUDGE(party_of(w, h, SPAN("apu"), &p->apu));
    return party_of(w, h, SPAN("apv"), &p->apv);
}

/* What all recipients share; the parts are read. */
static enum reason sealed(struct work *w)
{
    struct esd_label *l = w->l;
    l->ct_len = octets_of(l->ct_text);
    if (!b64url_ok(l->iv_text) || !b64url_ok(l->ct_text) || !b64url_ok(l->tag_text) || l->ct_len == 0)
        return REASON_MALFORMED;
    if (w->gcm && (l->iv_text.n != B64URL_LEN(ESD_IV) || l->tag_text.n != B64URL_LEN(ESD_TAG)))
        return REASON_MALFORMED;
    JUDGE(crit_of(w, &w->h));
    return w->h.tree ? header_e2e(&w->h, l->ct_len, &l->e2e) : REASON_OK;
}

/* ---- signatures ----------------------------------------------------------------------------------- */

static bool same_e2e(const struct esd_e2e *x, const struct esd_e2e *y)
{
    return x->here == y->here && x->ep == y->ep && x->i == y->i && x->t_ms == y->t_ms && x->device == y->device &&
           x->batch == y->batch && memcmp(x->sid, y->sid, ESD_SID) == 0;
}

static enum reason signature(struct work *w, struct span head, const struct jval *own, struct span sig,
                             struct esd_part *p)
{
    struct header h = {.a = w->a};
    bool known;
    if (sig.n > ESD_KEY_TEXT_MAX || !b64url_ok(sig))
        return REASON_MALFORMED;
    p->signed_head = head;
    p->key_text = sig;
    if (head.n)
        JUDGE(header_read(head, w->a, &h));
    struct heads heads = {{h.tree, NULL, own}};
    JUDGE(disjoint(w, &heads));
    JUDGE(crit_of(w, &h));
    w->refused |= find(&heads, SPAN("b64")) != NULL;
    if (h.tree)
        JUDGE(header_e2e(&h, ESD_PAD_MAX, &p->e2e)); /* padding is the envelope's */
    JUDGE(who(w, &heads, p, &known));
    size_t want = known ? alg_row(p->alg)->sig : 0, n = octets_of(sig);
    return !known || (want ? n == want : n > 0) ? REASON_OK : REASON_MALFORMED;
}

/* The first one stands for all; each binds to the same place. */
static enum reason signed_whole(struct work *w, const struct esd_part *parts)
{
    struct esd_label *l = w->l;
    l->e2e = parts[0].e2e;
    l->cty = parts[0].cty;
    for (size_t i = 1; i < l->n_parts; i++)
        if (!same_e2e(&parts[0].e2e, &parts[i].e2e))
            return REASON_MALFORMED;
    return REASON_OK;
}

/* ---- compact -------------------------------------------------------------------------------------- */

static enum reason parts_new(struct work *w, size_t n, struct esd_part **parts)
{
    *parts = ARENA_ARRAY(w->a, struct esd_part, n);
    w->l->parts = *parts;
    w->l->n_parts = n;
    return *parts ? REASON_OK : REASON_FAILED;
}

static enum reason compact(struct work *w, struct span con)
{
    struct esd_label *l = w->l;
    struct esd_part *p;
    struct span part[6], rest = con;
    size_t n = 0;
    while (n < LEN(part) && (n == 0 || rest.p))
        part[n++] = span_cut(&rest, '.');
    if (n != 5 && n != 3)
        return REASON_MALFORMED;
    JUDGE(parts_new(w, 1, &p));
    l->aad = part[0];
    l->jws = n == 3;
    if (l->jws) {
        l->ct_text = part[1];
        l->ct_len = octets_of(part[1]);
        if (!b64url_ok(part[1]) || part[0].n == 0)
            return REASON_MALFORMED;
        JUDGE(signature(w, part[0], NULL, part[2], p));
        return signed_whole(w, p);
    }
    JUDGE(header_read(part[0], w->a, &w->h));
    l->header = w->h.text;
    l->iv_text = part[2];
    l->ct_text = part[3];
    l->tag_text = part[4];
    JUDGE(recipient(w, &(struct heads){{w->h.tree, NULL, NULL}}, part[1], p));
    l->cty = p->cty;
    return sealed(w);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

/* A base64url member: written without escapes, since its alphabet needs none. */
static enum reason octets_member(const struct jval *o, struct span name, bool must, struct span *out)
{
    const struct jval *v = json_get(o, name);
    *out = SPAN_NONE;
    if (!v)
        return must ? REASON_MALFORMED : REASON_OK;
    if (v->type != J_STR || v->esc)
        return REASON_MALFORMED;
    *out = span_of(v->raw.p + 1, v->raw.n - 2);
    return REASON_OK;
}

static enum reason object_member(const struct jval *o, struct span name, const struct jval **out)
{
    *out = json_get(o, name);
    return !*out || (*out)->type == J_OBJ ? REASON_OK : REASON_MALFORMED;
}

/* The elements of a general serialization, or the object itself for the flattened one. */
struct elements {
    const struct jval *first;
    size_t n;
    bool general;
};
static enum reason elements_of(const struct jval *o, struct span list, const struct span *flat, size_t n_flat,
                               size_t max, struct elements *e)
{
    const struct jval *v = json_get(o, list);
    *e = (struct elements){.first = o, .n = 1, .general = v != NULL};
    if (!v)
        return REASON_OK;
    for (size_t i = 0; i < n_flat; i++)
        if (json_get(o, flat[i]))
            return REASON_MALFORMED;
    if (v->type != J_ARR || v->n == 0 || v->n > max)
        return REASON_MALFORMED;
    for (const struct jval *c = v->child; c; c = c->next)
        if (c->type != J_OBJ)
            return REASON_MALFORMED;
    e->first = v->child;
    e->n = v->n;
    return REASON_OK;
}

static enum reason json_protected(struct work *w, const struct jval *o)
{
    JUDGE(octets_member(o, SPAN("protected"), false, &w->l->aad));
    if (!w->l->aad.p)
        return REASON_OK;
    JUDGE(header_read(w->l->aad, w->a, &w->h)); /* an empty one is left out, not written */
    w->l->header = w->h.text;
    return REASON_OK;
}

static enum reason json_recipients(struct work *w, const struct jval *o)
{
    static const struct span flat[] = {{(const uint8_t *)"header", 6}, {(const uint8_t *)"encrypted_key", 13}};
    struct heads heads = {{w->h.tree, NULL, NULL}};
    struct elements e;
    struct esd_part *p;
    JUDGE(elements_of(o, SPAN("recipients"), flat, LEN(flat), ESD_RECIPIENTS_MAX, &e));
    JUDGE(object_member(o, SPAN("unprotected"), &heads.in[SHARED]));
    JUDGE(parts_new(w, e.n, &p));
    const struct jval *c = e.first;
    for (size_t i = 0; i < e.n; i++, c = c->next) {
        struct span key_text;
        JUDGE(object_member(c, SPAN("header"), &heads.in[OWN]));
        JUDGE(octets_member(c, SPAN("encrypted_key"), false, &key_text));
        JUDGE(recipient(w, &heads, key_text, &p[i]));
        if (p[i].alg == ESD_DIR && e.n > 1)
            return REASON_MALFORMED; /* the content key cannot be somebody's key and wrapped for others */
    }
    w->l->cty = p[0].cty;
    return REASON_OK;
}

static enum reason json_sealed(struct work *w, const struct jval *o)
{
    struct esd_label *l = w->l;
    JUDGE(json_protected(w, o));
    JUDGE(octets_member(o, SPAN("iv"), true, &l->iv_text));
    JUDGE(octets_member(o, SPAN("ciphertext"), true, &l->ct_text));
    JUDGE(octets_member(o, SPAN("tag"), true, &l->tag_text));
    JUDGE(octets_member(o, SPAN("aad"), false, &l->aad2));
    if (l->aad2.n > ESD_AAD_MAX || !b64url_ok(l->aad2))
        return REASON_MALFORMED;
    JUDGE(json_recipients(w, o));
    return sealed(w);
}

static enum reason json_signed(struct work *w, const struct jval *o)
{
    static const struct span flat[] = {
        {(const uint8_t *)"header", 6}, {(const uint8_t *)"protected", 9}, {(const uint8_t *)"signature", 9}};
    struct esd_label *l = w->l;
    struct elements e;
    struct esd_part *p;
    l->jws = true;
    JUDGE(octets_member(o, SPAN("payload"), true, &l->ct_text));
    l->ct_len = octets_of(l->ct_text);
    if (!b64url_ok(l->ct_text))
        return REASON_MALFORMED;
    JUDGE(elements_of(o, SPAN("signatures"), flat, LEN(flat), ESD_SIGNATURES_MAX, &e));
    JUDGE(parts_new(w, e.n, &p));
    const struct jval *c = e.first;
    for (size_t i = 0; i < e.n; i++, c = c->next) {
        struct span head, sig;
        const struct jval *own;
        JUDGE(octets_member(c, SPAN("protected"), false, &head));
        JUDGE(object_member(c, SPAN("header"), &own));
        JUDGE(octets_member(c, SPAN("signature"), true, &sig));
        if (head.p && head.n == 0)
            return REASON_MALFORMED;
        JUDGE(signature(w, head, own, sig, &p[i]));
    }
    return signed_whole(w, p);
}

static enum reason json(struct work *w, struct span con)
{
    struct jval *o;
    enum err e = json_parse(con, w->a, &o, NULL);
    if (e != OK)
        return e == ERR_NOMEM || !arena_ok(w->a) ? REASON_FAILED : REASON_MALFORMED;
    bool has_ct = JSON_GET(o, "ciphertext") != NULL, has_payload = JSON_GET(o, "payload") != NULL;
    if (o->type != J_OBJ || has_ct == has_payload)
        return REASON_MALFORMED;
    return has_ct ? json_sealed(w, o) : json_signed(w, o);
}

static enum reason json_of_base64(struct work *w, struct span con)
{
    uint8_t *p = (uint8_t *)arena_alloc(w->a, con.n / 4 * 3 + 3);
    struct buf b = buf_over(p, con.n / 4 * 3 + 3);
    if (!p)
        return REASON_FAILED;
    return b64_get(con, &b) == OK ? json(w, buf_span(&b)) : REASON_MALFORMED;
}

enum reason label_shape(struct span con, unsigned security, struct arena *a, struct esd_label *out, bool *refused)
{
    struct work w = {.a = a, .l = out};
    *out = (struct esd_label){0};
    *refused = false;
    if (con.n > ESD_CON_MAX || security > 5)
        return REASON_MALFORMED;
    if (security > 3)
        return REASON_ALGORITHM_REFUSED;
    JUDGE(security == 3 ? json_of_base64(&w, con) : security == 2 ? json(&w, con) : compact(&w, con));
    out->kid = out->parts[0].kid;
    out->ttp = out->parts[0].ttp;
    out->alg = out->parts[0].alg;
    *refused = w.refused;
    return REASON_OK;
}
