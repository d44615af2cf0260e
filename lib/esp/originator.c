#include "esp/originator.h"

#include <string.h>

/* Identifier and value of our object: both random, so that no two of one originator are alike. */
static enum err make_own(struct esp_call *c, const uint8_t random[32], int64_t expiry)
{
    uint8_t room[ESP_RANDOM_TEXT];
    struct buf id = BUF_ARRAY(c->ori), value = BUF_ARRAY(room), oro = BUF_ARRAY(c->oro);
    esp_rand_value(&id, random);
    esp_rand_value(&value, random + ESP_RANDOM);
    esp_rand_put(&oro, false, buf_span(&id), buf_span(&value), expiry, ESP_KGEN_ALL, 1u << c->enc);
    c->ori_n = (uint16_t)id.n;
    c->oro_n = (uint16_t)oro.n;
    return oro.e;
}

static bool choose(struct esp_call *c, const struct esp_rand *recv)
{
    for (int i = ESP_ENC__N - 1; i >= 0; i--)
        if (recv->enc >> i & 1) {
            c->enc = (enum esp_enc)i;
            return recv->kgen & 1;
        }
    return false;
}

enum err esp_call_begin(struct esp_call *c, struct span kid, struct span pair, struct span receiver, int64_t now,
                        int64_t life, const uint8_t random[32], struct arena *a)
{
    struct esp_rand recv;
    *c = (struct esp_call){0};
    if (!kid.n || kid.n > ESP_KID_MAX)
        return ERR_RANGE;
    TRY(esp_rand_text(receiver, true, now, a, &recv));
    if (recv.expiry <= now)
        return ERR_STALE;
    if (!choose(c, &recv))
        return ERR_UNSUPPORTED;
    /* whole seconds: what the text says must not be later than what the receiver's says */
    c->expiry = (now + life < recv.expiry ? now + life : recv.expiry) / 1000 * 1000;
    if (c->expiry <= now)
        return ERR_STALE;
    memcpy(c->kid, kid.p, kid.n);
    memcpy(c->rri, recv.id.p, recv.id.n);
    c->kid_n = (uint16_t)kid.n;
    c->rri_n = (uint16_t)recv.id.n;
    TRY(make_own(c, random, c->expiry));
    return esp_derive(pair, recv.text, span_of(c->oro, c->oro_n), &c->key);
}

enum err esp_call_seal(const struct esp_call *c, const uint8_t iv[ESP_IV], struct span plain, struct buf *out)
{
    struct esp_head h = {.kid = span_of(c->kid, c->kid_n),
                         .cty = ESP_CTY_REQUEST,
                         .ori = span_of(c->ori, c->ori_n),
                         .rri = span_of(c->rri, c->rri_n),
                         .oro = c->told ? SPAN_NONE : span_of(c->oro, c->oro_n),
                         .enc = c->enc};
    return esp_seal(&c->key, &h, iv, plain, out);
}

struct verdict esp_call_open(struct esp_call *c, struct span object, struct arena *a, struct buf *out,
                             struct span *plain, struct span *rro)
{
    struct esp_head h;
    *plain = *rro = SPAN_NONE;
    struct verdict v = esp_read(object, a, &h);
    if (!verdict_go(v))
        return v;
    if (!span_eq_nocase(h.kid, span_of(c->kid, c->kid_n)))
        return verdict_of(RSC_ESPRIM_UNKNOWN_KEY_ID, SPAN("kid"), "the answer names another key than the request");
    if (!span_eq(h.ori, span_of(c->ori, c->ori_n)))
        return verdict_of(RSC_ESPRIM_UNKNOWN_ORIG_RAND_ID, SPAN("ori"), "the answer belongs to another session");
    if (!span_eq(h.rri, span_of(c->rri, c->rri_n)))
        return verdict_of(RSC_ESPRIM_UNKNOWN_RECV_RAND_ID, SPAN("rri"), "the answer belongs to another session");
    if (h.enc != c->enc || h.oro.n)
        return verdict_of(RSC_ESPRIM_UNSUPPORTED_OPTION, SPAN("epo"), "the answer is not made as the session says");
    v = esp_open(&c->key, &h, out, plain);
    if (verdict_go(v)) {
        *rro = h.rro;
        c->told = true;
    }
    return v;
}
