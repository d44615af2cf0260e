#include "base/code.h"
#include "esd/claim.h"
#include "esd/letter.h"

enum { BODY_MAX = 24 << 10, KEY_TEXT_MAX = 256 };

static const char *const uses[BUNDLE_USES] = {"sealing", "release", "log", "identity"};

const char *bundle_use_name(enum bundle_use use)
{
    return (unsigned)use < BUNDLE_USES ? uses[use] : "";
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

static void put_jwk(struct jw *w, const struct p256 *k)
{
    uint8_t text[KEY_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    p256_put(&b, k);
    jw_name(w, SPAN("jwk"));
    jw_raw(w, buf_span(&b));
    if (b.e != OK && w->b->e == OK)
        w->b->e = b.e;
}

static void put_key(struct jw *w, struct span name, struct span kid, const struct p256 *k)
{
    jw_name(w, name);
    jw_obj(w);
    if (kid.n)
        JW_STR(w, "kid", kid);
    put_jwk(w, k);
    jw_end_obj(w);
}

static void put_other(struct jw *w, const struct bundle_key *k)
{
    jw_obj(w);
    JW_STR(w, "use", span_str(bundle_use_name(k->use)));
    if (k->kid.n)
        JW_STR(w, "kid", k->kid);
    if (k->use == BUNDLE_LOG)
        JW_STR(w, "vkey", k->vkey);
    else
        put_jwk(w, k->key);
    JW_U64(w, "at", k->at);
    jw_end_obj(w);
}

/* Nothing is written for an empty list. */
static void put_others(struct jw *w, const struct bundle *b, struct span name, bool coming)
{
    bool any = false;
    for (size_t i = 0; i < b->n_others; i++) {
        if (b->others[i].coming != coming)
            continue;
        if (!any) {
            jw_name(w, name);
            jw_arr(w);
        }
        any = true;
        put_other(w, &b->others[i]);
    }
    if (any)
        jw_end_arr(w);
}

static void put_chain(struct jw *w, const struct bundle *b)
{
    if (b->n_chain == 0)
        return;
    jw_name(w, SPAN("chain"));
    jw_arr(w);
    for (size_t i = 0; i < b->n_chain; i++)
        jw_str(w, b->chain[i]);
    jw_end_arr(w);
}

static void put_vouches(struct jw *w, const struct bundle *b)
{
    if (b->n_vouches == 0)
        return;
    jw_name(w, SPAN("vouches"));
    jw_arr(w);
    for (size_t i = 0; i < b->n_vouches; i++)
        jw_str(w, b->vouches[i]);
    jw_end_arr(w);
}

enum err bundle_build(const struct bundle *b, struct buf *out)
{
    uint8_t text[BODY_MAX];
    struct buf body = BUF_ARRAY(text);
    struct jw w = jw_over(&body);
    if (b->n_others > BUNDLE_OTHERS_MAX || b->n_chain > BUNDLE_CHAIN_MAX || b->n_vouches > BUNDLE_VOUCHES_MAX)
        return ERR_LIMIT;
    jw_obj(&w);
    JW_STR(&w, "fqdn", b->fqdn);
    JW_U64(&w, "seq", b->seq);
    jw_name(&w, SPAN("keys"));
    jw_obj(&w);
    put_key(&w, SPAN("identity"), SPAN_NONE, b->identity);
    put_key(&w, SPAN("sealing"), b->sealing_kid, b->sealing);
    put_key(&w, SPAN("release"), b->release_kid, b->release);
    JW_STR(&w, "log", b->log_vkey);
    jw_end_obj(&w);
    JW_U64(&w, "next", b->next);
    JW_U64(&w, "exp", b->exp);
    put_others(&w, b, SPAN("coming"), true);
    put_others(&w, b, SPAN("past"), false);
    put_chain(&w, b);
    put_vouches(&w, b);
    jw_end_obj(&w);
    TRY(body.e);
    return jws_sign(b->identity, JWS_BUNDLE, SPAN_NONE, buf_span(&body), out);
}

enum err bundle_successor_build(const struct p256 *old, const struct p256 *next, struct span fqdn, uint64_t at_s,
                                struct buf *out)
{
    uint8_t text[1024];
    struct buf body = BUF_ARRAY(text);
    struct jw w = jw_over(&body);
    jw_obj(&w);
    JW_STR(&w, "fqdn", fqdn);
    put_key(&w, SPAN("identity"), SPAN_NONE, next);
    JW_U64(&w, "at", at_s);
    jw_end_obj(&w);
    TRY(body.e);
    return jws_sign(old, JWS_SUCCESSOR, SPAN_NONE, buf_span(&body), out);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static enum reason read_key(const struct jval *keys, const char *name, struct arena *a, struct span *kid,
                            struct p256 **out)
{
    const struct jval *k = json_get(keys, span_str(name));
    if (kid)
        JUDGE(claim_name(k, "kid", a, kid));
    return p256_read(JSON_GET(k, "jwk"), a, out);
}

static enum reason read_use(const struct jval *v, struct arena *a, enum bundle_use *out)
{
    struct span name;
    JUDGE(claim_name(v, "use", a, &name));
    for (unsigned u = 0; u < BUNDLE_USES; u++)
        if (span_eq(name, span_str(uses[u]))) {
            *out = (enum bundle_use)u;
            return REASON_OK;
        }
    return REASON_MALFORMED;
}

/* b->n_others counts it before its key is read, so that bundle_free finds what was. */
static enum reason read_other(const struct jval *v, bool coming, struct arena *a, struct bundle *b)
{
    struct bundle_key *k = &b->others[b->n_others++];
    *k = (struct bundle_key){.coming = coming};
    JUDGE(read_use(v, a, &k->use));
    JUDGE(claim_u64(v, "at", ESD_INT_END, &k->at));
    JUDGE(claim_name_opt(v, "kid", a, &k->kid));
    if (k->use == BUNDLE_LOG)
        return claim_name(v, "vkey", a, &k->vkey);
    return p256_read(JSON_GET(v, "jwk"), a, &k->key);
}

static enum reason read_others(const struct jval *o, const char *name, bool coming, struct arena *a, struct bundle *b)
{
    const struct jval *list;
    if (!json_get(o, span_str(name)))
        return REASON_OK;
    JUDGE(claim_list(o, name, (uint32_t)(BUNDLE_OTHERS_MAX - b->n_others), &list));
    for (const struct jval *v = list->child; v; v = v->next)
        JUDGE(read_other(v, coming, a, b));
    return REASON_OK;
}

static enum reason read_chain(const struct jval *o, struct arena *a, struct bundle *b)
{
    const struct jval *list;
    if (!JSON_GET(o, "chain"))
        return REASON_OK;
    JUDGE(claim_list(o, "chain", BUNDLE_CHAIN_MAX, &list));
    struct span *chain = ARENA_ARRAY(a, struct span, (size_t)list->n);
    if (!chain)
        return REASON_FAILED;
    for (const struct jval *v = list->child; v; v = v->next)
        if (json_str(v, a, &chain[b->n_chain++]) != OK)
            return REASON_MALFORMED;
    b->chain = chain;
    return REASON_OK;
}

static enum reason read_vouches(const struct jval *o, struct arena *a, struct bundle *b)
{
    const struct jval *list;
    if (!JSON_GET(o, "vouches"))
        return REASON_OK;
    JUDGE(claim_list(o, "vouches", BUNDLE_VOUCHES_MAX, &list));
    struct span *names = ARENA_ARRAY(a, struct span, (size_t)list->n + 1);
    if (!names)
        return REASON_FAILED;
    b->vouches = names;
    for (const struct jval *v = list->child; v; v = v->next, b->n_vouches++)
        if (json_str(v, a, &names[b->n_vouches]) != OK || !esd_fqdn_ok(names[b->n_vouches]))
            return REASON_MALFORMED;
    return REASON_OK;
}

static enum reason read_body(const struct jval *o, struct arena *a, struct bundle *b)
{
    const struct jval *keys = JSON_GET(o, "keys");
    b->others = ARENA_ARRAY(a, struct bundle_key, BUNDLE_OTHERS_MAX);
    if (!b->others)
        return REASON_FAILED;
    JUDGE(claim_name(o, "fqdn", a, &b->fqdn));
    JUDGE(claim_u64(o, "seq", ESD_INT_END, &b->seq));
    JUDGE(claim_u64(o, "next", ESD_INT_END, &b->next));
    JUDGE(claim_u64(o, "exp", ESD_INT_END, &b->exp));
    JUDGE(read_key(keys, "identity", a, NULL, &b->identity));
    JUDGE(read_key(keys, "sealing", a, &b->sealing_kid, &b->sealing));
    JUDGE(read_key(keys, "release", a, &b->release_kid, &b->release));
    JUDGE(claim_name(keys, "log", a, &b->log_vkey));
    JUDGE(read_others(o, "coming", true, a, b));
    JUDGE(read_others(o, "past", false, a, b));
    JUDGE(read_chain(o, a, b));
    return read_vouches(o, a, b);
}

/* ---- whose is it ---------------------------------------------------------------------------------------------- */

/* The key that a link names, if `by` signed it for this TTP; NULL: it is somebody else's. */
static struct p256 *successor(struct span link, struct span fqdn, const struct p256 *by, struct arena *a)
{
    struct jws j;
    struct span name;
    struct p256 *next = NULL;
    if (jws_open(link, JWS_SUCCESSOR, by, a, &j) != REASON_OK || claim_name(j.claims, "fqdn", a, &name) != REASON_OK ||
        !span_eq_nocase(name, fqdn) || read_key(j.claims, "identity", a, NULL, &next) != REASON_OK) {
        p256_free(next);
        return NULL;
    }
    return next;
}

/* Leads the chain from the pinned key to the one that the bundle names? Links older than the pin are passed over. */
static bool leads(const struct bundle *b, const struct p256 *pinned, struct arena *a)
{
    struct p256 *at = p256_ref(pinned);
    bool begun = false, whole = true;
    for (size_t i = 0; whole && i < b->n_chain && !p256_same(at, b->identity); i++) {
        struct p256 *next = successor(b->chain[i], b->fqdn, at, a);
        whole = next || !begun;
        begun = begun || next;
        if (next) {
            p256_free(at);
            at = next;
        }
    }
    whole = whole && p256_same(at, b->identity);
    p256_free(at);
    return whole;
}

static enum reason judge(const struct jws *j, struct span fqdn, const struct p256 *pinned, uint64_t now_s,
                         struct arena *a, const struct bundle *b)
{
    JUDGE(jws_verify(j, b->identity));
    if (!span_eq_nocase(fqdn, b->fqdn))
        return REASON_REFUSED;
    if (pinned && !leads(b, pinned, a))
        return REASON_TAMPERED;
    return b->exp < now_s ? REASON_EXPIRED : REASON_OK;
}

enum reason bundle_open(struct span text, struct span fqdn, const struct p256 *pinned, uint64_t now_s, struct arena *a,
                        struct bundle *out)
{
    struct jws j;
    *out = (struct bundle){0};
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--; /* it may come from a file */
    JUDGE(jws_read(text, JWS_BUNDLE, a, &j));
    enum reason r = read_body(j.claims, a, out);
    if (r == REASON_OK)
        r = judge(&j, fqdn, pinned, now_s, a, out);
    if (r != REASON_OK)
        bundle_free(out);
    return r;
}

void bundle_free(struct bundle *b)
{
    p256_free(b->identity);
    p256_free(b->sealing);
    p256_free(b->release);
    for (size_t i = 0; i < b->n_others; i++)
        p256_free(b->others[i].key);
    *b = (struct bundle){0};
}

/* ---- using it ------------------------------------------------------------------------------------------------- */

enum reason bundle_follows(const struct bundle *kept, const struct bundle *fresh)
{
    if (fresh->seq != kept->seq)
        return fresh->seq > kept->seq ? REASON_OK : REASON_ROLLED_BACK;
    return p256_same(fresh->identity, kept->identity) && p256_same(fresh->sealing, kept->sealing) &&
                   p256_same(fresh->release, kept->release) && span_eq(fresh->log_vkey, kept->log_vkey)
               ? REASON_OK
               : REASON_ROLLED_BACK;
}

const struct p256 *bundle_release_by(const struct bundle *b, struct span kid)
{
    if (kid.n == 0 || span_eq(kid, b->release_kid))
        return b->release;
    for (size_t i = 0; i < b->n_others; i++)
        if (b->others[i].coming && b->others[i].use == BUNDLE_RELEASE && span_eq(b->others[i].kid, kid))
            return b->others[i].key;
    return NULL;
}

const struct p256 *bundle_release_ever(const struct bundle *b, struct span kid)
{
    for (size_t i = 0; i < b->n_others; i++)
        if (b->others[i].use == BUNDLE_RELEASE && span_eq(b->others[i].kid, kid))
            return b->others[i].key;
    return kid.n == 0 || span_eq(kid, b->release_kid) ? b->release : NULL;
}

const struct p256 *bundle_release_of(const struct bundle *b, struct span answer, struct arena *a)
{
    uint8_t header[1024];
    struct buf h = BUF_ARRAY(header);
    struct jval *o;
    struct span kid;
    struct span rest = answer, first = span_cut(&rest, '.');
    if (b64url_get(first, &h) != OK || json_parse(buf_span(&h), a, &o, NULL) != OK ||
        claim_name_opt(o, "kid", a, &kid) != REASON_OK)
        return b->release; /* whoever verifies says what is wrong with it */
    return bundle_release_by(b, kid);
}
