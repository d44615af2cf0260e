/* object.c - the ESPrim Object. */
#include <string.h>

#include "base/code.h"
#include "esd/header.h"
#include "esp/port.h"
#include "esp/rand.h"

static const char LABEL[] = "oneM2M HMAC-SHA256 sessionESPrimKey derivation algorithm";
static const char *const enc_names[ESP_ENC__N] = {"A128GCM", "A192GCM", "A256GCM"};
static const size_t enc_key[ESP_ENC__N] = {16, 24, 32};

enum err esp_derive(struct span pair, struct span receiver, struct span originator, struct esp_key *out)
{
    const struct span parts[] = {receiver, originator, SPAN(LABEL)};
    if (pair.n < ESP_PAIR_MIN || pair.n > ESP_PAIR_MAX)
        return ERR_RANGE;
    return esp_port_hmac(pair, parts, LEN(parts), out->session_only);
}

void esp_key_wipe(struct esp_key *k)
{
    wipe(k, sizeof *k);
}

/* The first octets of the session key, as many as the algorithm takes (vectors README 16). */
static struct span cek(const struct esp_key *k, enum esp_enc enc)
{
    return span_of(k->session_only, enc_key[enc]);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static struct verdict bad(const char *what)
{
    return verdict_of(RSC_BAD_REQUEST, SPAN("epo"), what);
}

static struct verdict odd(const char *what)
{
    return verdict_of(RSC_ESPRIM_UNSUPPORTED_OPTION, SPAN("epo"), what);
}

static struct verdict no_room(void)
{
    return verdict_of(RSC_INTERNAL_SERVER_ERROR, SPAN("epo"), "the object's header needs more memory than its limit");
}

/* A header member that is a text; `here` may be NULL for one that must be there. */
static struct verdict member(const struct header *h, const char *name, size_t max, struct span *out, bool must)
{
    bool here;
    enum reason r = header_text(h, span_str(name), out, &here);
    if (r == REASON_FAILED)
        return no_room();
    if (r != REASON_OK || out->n > max || (here && !out->n))
        return bad("a member of its header has another form (TS-0003 8.4.3.2)");
    return here || !must ? VERDICT_GO : bad("its header lacks alg, enc, kid, ori or rri (TS-0003 8.4.3.2)");
}

static struct verdict object_member(const struct header *h, const char *name, struct span *out)
{
    const struct jval *v = json_get(h->tree, span_str(name));
    *out = v ? v->raw : SPAN_NONE;
    return !v || (v->type == J_OBJ && v->raw.n <= ESP_RAND_MAX)
               ? VERDICT_GO
               : bad("a random object in its header has another form (TS-0003 8.4.3.2)");
}

#define GO(call)                                                                                                       \
    do {                                                                                                               \
        struct verdict go_v_ = (call);                                                                                 \
        if (!verdict_go(go_v_))                                                                                        \
            return go_v_;                                                                                              \
    } while (0)

static struct verdict algorithms(const struct header *h, struct esp_head *out)
{
    struct span alg, enc;
    GO(member(h, "alg", 64, &alg, true));
    GO(member(h, "enc", 64, &enc, true));
    if (!span_eq(alg, SPAN("dir")))
        return odd("alg is not dir (TS-0003 8.4.3.2)");
    if (JSON_GET(h->tree, "zip"))
        return odd("compression is not supported");
    enum reason crit = header_crit(h);
    if (crit != REASON_OK)
        return crit == REASON_MALFORMED ? bad("its crit breaks RFC 7516") : odd("it demands an extension");
    for (unsigned i = 0; i < ESP_ENC__N; i++)
        if (span_eq(enc, span_str(enc_names[i]))) {
            out->enc = (enum esp_enc)i;
            return VERDICT_GO;
        }
    return odd("enc is none of A128GCM, A192GCM, A256GCM (TS-0003 8.4.3.2)");
}

static struct verdict read_header(struct arena *a, struct esp_head *out)
{
    struct header h;
    enum reason r = header_read(out->aad, a, &h);
    if (r != REASON_OK)
        return r == REASON_FAILED ? no_room() : bad("its header is no JSON object in base64url");
    GO(algorithms(&h, out));
    GO(member(&h, "kid", ESP_KID_MAX, &out->kid, true));
    GO(member(&h, "cty", 128, &out->cty, false));
    GO(member(&h, "ori", ESP_ID_MAX, &out->ori, true));
    GO(member(&h, "rri", ESP_ID_MAX, &out->rri, true));
    GO(object_member(&h, "oro", &out->oro));
    GO(object_member(&h, "rro", &out->rro));
    if (out->oro.n && out->rro.n)
        return bad("oro is the originator's and rro the receiver's: no object has both (TS-0003 8.4.3.2)");
    return VERDICT_GO;
}

struct verdict esp_read(struct span object, struct arena *a, struct esp_head *out)
{
    struct span part[5], rest = object;
    *out = (struct esp_head){0};
    size_t n = 0;
    for (; n < LEN(part) && rest.p; n++)
        part[n] = span_cut(&rest, '.');
    if (n != LEN(part) || rest.p)
        return bad("it has not five parts (RFC 7516 3.1)");
    out->aad = part[0];
    out->iv_text = part[2];
    out->ct_text = part[3];
    out->tag_text = part[4];
    GO(read_header(a, out));
    if (part[1].n)
        return bad("its encrypted key must be empty (TS-0003 8.4.3.2)");
    bool sizes = out->iv_text.n == B64URL_LEN(ESP_IV) && out->tag_text.n == B64URL_LEN(ESP_TAG) && out->ct_text.n &&
                 out->ct_text.n <= B64URL_LEN((size_t)ESP_PLAIN_MAX);
    if (!sizes || !b64url_ok(out->iv_text) || !b64url_ok(out->ct_text) || !b64url_ok(out->tag_text))
        return bad("a part is no base64url of the right length (RFC 7516, TS-0003 8.4.3.2)");
    return VERDICT_GO;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static struct verdict failed(const char *what)
{
    return verdict_of(RSC_ESPRIM_DECRYPTION_ERROR, SPAN("epo"), what);
}

struct verdict esp_open(const struct esp_key *k, const struct esp_head *h, struct buf *out, struct span *plain)
{
    uint8_t iv[ESP_IV], tag[ESP_TAG];
    struct buf i = BUF_ARRAY(iv), t = BUF_ARRAY(tag);
    size_t start = out->n;
    *plain = SPAN_NONE;
    if (b64url_get(h->iv_text, &i) != OK || b64url_get(h->tag_text, &t) != OK || i.n != ESP_IV || t.n != ESP_TAG ||
        b64url_get(h->ct_text, out) != OK)
        return failed("the inner primitive is longer than this entity takes");
    uint8_t *p = out->p + start;
    size_t n = out->n - start;
    enum err e = esp_port_open(cek(k, h->enc), iv, h->aad, span_of(p, n), tag, p);
    if (e == OK) {
        *plain = span_of(p, n);
        return VERDICT_GO;
    }
    wipe(p, n);
    out->n = start;
    return e == ERR_AUTH ? verdict_of(RSC_ESPRIM_BAD_MAC, SPAN("epo"), "it does not authenticate (TS-0004 7.6.2)")
                         : failed("the cryptographic library failed");
}

/* ---- sealing -------------------------------------------------------------------------------------------- */

static void put_header(struct buf *b, const struct esp_head *h)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_STR(&w, "alg", SPAN("dir"));
    JW_STR(&w, "enc", span_str(enc_names[h->enc]));
    JW_STR(&w, "kid", h->kid);
    if (h->cty.n)
        JW_STR(&w, "cty", h->cty);
    JW_STR(&w, "ori", h->ori);
    JW_STR(&w, "rri", h->rri);
    if (h->oro.n) {
        JW_NAME(&w, "oro");
        jw_raw(&w, h->oro);
    }
    if (h->rro.n) {
        JW_NAME(&w, "rro");
        jw_raw(&w, h->rro);
    }
    jw_end_obj(&w);
}

static enum err put_parts(const struct esp_key *k, const struct esp_head *h, const uint8_t iv[ESP_IV],
                          struct span plain, struct buf *out)
{
    uint8_t json[ESD_HEADER_MAX], tag[ESP_TAG];
    struct buf head = BUF_ARRAY(json);
    size_t start = out->n, text = B64URL_LEN(plain.n);
    put_header(&head, h);
    TRY(head.e == OK ? OK : ERR_RANGE);
    b64url_put(out, buf_span(&head));
    size_t aad = out->n - start;
    buf_str(out, "..");
    b64url_put(out, span_of(iv, ESP_IV));
    buf_c(out, '.');
    uint8_t *room = buf_take(out, text + plain.n);
    if (!room)
        return out->e;
    /* The ciphertext waits behind the room for its text: neither is read after it was written over. */
    struct span ct = span_of(room + text, plain.n);
    TRY(esp_port_seal(cek(k, h->enc), iv, span_of(out->p + start, aad), plain, room + text, tag));
    struct buf to = buf_over(room, text);
    b64url_put(&to, ct);
    out->n -= plain.n;
    buf_c(out, '.');
    b64url_put(out, span_of(tag, ESP_TAG));
    return out->e;
}

enum err esp_seal(const struct esp_key *k, const struct esp_head *h, const uint8_t iv[ESP_IV], struct span plain,
                  struct buf *out)
{
    size_t start = out->n;
    if (!plain.n || plain.n > ESP_PLAIN_MAX || h->kid.n > ESP_KID_MAX || h->ori.n > ESP_ID_MAX ||
        h->rri.n > ESP_ID_MAX || h->enc >= ESP_ENC__N)
        return ERR_RANGE;
    enum err e = put_parts(k, h, iv, plain, out);
    if (e != OK)
        out->n = start;
    return e;
}
