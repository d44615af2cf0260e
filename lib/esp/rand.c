#include "esp/rand.h"

#include "base/code.h"
#include "base/m2mtime.h"

static bool starts_ncname(uint8_t c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

/* xs:NCName, in the letters that oneM2M's own grammar has. What begins with a digit or '-' is read too: others take
 * plain base64url for the random value. */
static bool name_ok(struct span s, size_t max)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (!starts_ncname(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.')
            return false;
    }
    return s.n > 0 && s.n <= max;
}

static enum err name_of(const struct jval *v, const char *member, size_t max, struct arena *a, struct span *out)
{
    enum err e = json_str(json_get(v, span_str(member)), a, out);
    if (e != OK)
        return e == ERR_NOMEM ? e : ERR_SYNTAX;
    return name_ok(*out, max) ? OK : ERR_SYNTAX;
}

/* m2m:absRelTimestamp: a point in time, or milliseconds from now (TS-0004 6.3.3). */
static enum err time_of(const struct jval *v, int64_t now, struct arena *a, int64_t *out, bool *relative)
{
    struct span text;
    uint64_t ms;
    enum err e = json_str(v, a, &text);
    if (e != OK)
        return e == ERR_NOMEM ? e : ERR_SYNTAX;
    if (m2mtime_get(text, out) == OK)
        return OK;
    if (span_u64(text, INT64_C(1) << 53, &ms) != OK)
        return ERR_SYNTAX;
    *out = now + (int64_t)ms;
    *relative = true;
    return OK;
}

/* A list of algorithm numbers as bits from `first` on. */
static enum err bits_of(const struct jval *v, unsigned first, unsigned known, unsigned *out, bool *odd)
{
    if (!v || v->type != J_ARR || v->n == 0)
        return ERR_SYNTAX;
    for (const struct jval *c = v->child; c; c = c->next) {
        uint64_t n;
        if (json_u64(c, UINT16_MAX, &n) != OK)
            return ERR_SYNTAX;
        unsigned bit = n >= first && n - first < 16 ? 1u << (n - first) : 0;
        *out |= bit & known;
        *odd = *odd || !(bit & known);
    }
    return OK;
}

static enum err kgen_of(const struct jval *v, bool receiver, struct esp_rand *out)
{
    uint64_t n;
    if (receiver)
        return bits_of(JSON_GET(v, "esks"), 1, ESP_KGEN_ALL, &out->kgen, &out->odd);
    if (json_u64(JSON_GET(v, "esk"), UINT16_MAX, &n) != OK)
        return ERR_SYNTAX;
    out->kgen = n == 1 ? 1 : 0;
    out->odd = n != 1;
    return OK;
}

enum err esp_rand_read(const struct jval *v, bool receiver, int64_t now, struct arena *a, struct esp_rand *out)
{
    *out = (struct esp_rand){0};
    if (!v || v->type != J_OBJ || v->raw.n > ESP_RAND_MAX)
        return ERR_SYNTAX;
    out->text = v->raw;
    TRY(name_of(v, "esri", ESP_ID_MAX, a, &out->id));
    TRY(name_of(v, "esrv", ESP_ID_MAX, a, &out->value));
    TRY(time_of(JSON_GET(v, "esrx"), now, a, &out->expiry, &out->relative));
    TRY(kgen_of(v, receiver, out));
    return bits_of(JSON_GET(v, "espa"), ESP_ENC_ID, ESP_ENC_ALL, &out->enc, &out->odd);
}

enum err esp_rand_text(struct span text, bool receiver, int64_t now, struct arena *a, struct esp_rand *out)
{
    struct jval *v;
    *out = (struct esp_rand){0};
    enum err e = json_parse(text, a, &v, NULL);
    if (e != OK)
        return e == ERR_NOMEM ? e : ERR_SYNTAX;
    return esp_rand_read(v, receiver, now, a, out);
}

void esp_rand_value(struct buf *b, const uint8_t octets[ESP_RANDOM])
{
    uint8_t room[ESP_RANDOM_TEXT];
    struct buf text = BUF_ARRAY(room);
    b64url_put(&text, span_of(octets, ESP_RANDOM));
    if (!starts_ncname(text.p[0]))
        buf_c(b, 'r');
    buf_put(b, buf_span(&text));
}

static void put_bits(struct jw *w, unsigned bits, unsigned first)
{
    jw_arr(w);
    for (unsigned i = 0; i < 16; i++)
        if (bits >> i & 1)
            jw_u64(w, first + i);
    jw_end_arr(w);
}

void esp_rand_put(struct buf *b, bool receiver, struct span id, struct span value, int64_t expiry, unsigned kgen,
                  unsigned enc)
{
    uint8_t room[16];
    struct buf at = BUF_ARRAY(room);
    struct jw w = jw_over(b);
    m2mtime_put(&at, expiry);
    jw_obj(&w);
    JW_STR(&w, "esri", id);
    JW_STR(&w, "esrv", value);
    JW_STR(&w, "esrx", buf_span(&at));
    if (receiver) {
        JW_NAME(&w, "esks");
        put_bits(&w, kgen, 1);
    } else {
        JW_U64(&w, "esk", 1);
    }
    JW_NAME(&w, "espa");
    put_bits(&w, enc, ESP_ENC_ID);
    jw_end_obj(&w);
}
