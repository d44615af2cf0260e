#include "net/head.h"

#include <string.h>

static int refuse(struct head *h, enum http_refusal why)
{
    h->why = why;
    return HPE_USER;
}

/* A part may come in several pieces, one per feed; the pieces lie side by side. */
static bool extend(struct head *h, struct head_part *part, const char *at, size_t n)
{
    uint32_t off = (uint32_t)((const uint8_t *)at - h->base);
    if (part->n == 0)
        part->at = off;
    else if (part->at + part->n != off)
        return false;
    part->n += (uint32_t)n;
    return true;
}

static int on_method(llhttp_t *ll, const char *at, size_t n)
{
    struct head *h = ll->data;
    return extend(h, &h->method, at, n) ? 0 : HPE_USER;
}

static int on_url(llhttp_t *ll, const char *at, size_t n)
{
    struct head *h = ll->data;
    if (!extend(h, &h->target, at, n))
        return HPE_USER;
    return h->target.n > h->max->value ? refuse(h, HTTP_REFUSE_TARGET_SIZE) : 0;
}

static int on_name(llhttp_t *ll, const char *at, size_t n)
{
    struct head *h = ll->data;
    if (h->fields >= h->max->fields)
        return refuse(h, HTTP_REFUSE_FIELD_COUNT);
    return extend(h, &h->name[h->fields], at, n) ? 0 : HPE_USER;
}

static int on_value(llhttp_t *ll, const char *at, size_t n)
{
    struct head *h = ll->data;
    if (h->fields >= h->max->fields)
        return refuse(h, HTTP_REFUSE_FIELD_COUNT);
    struct head_part *v = &h->value[h->fields];
    if (n > 0 && !extend(h, v, at, n))
        return HPE_USER;
    return v->n > h->max->value ? refuse(h, HTTP_REFUSE_VALUE_SIZE) : 0;
}

static int on_value_complete(llhttp_t *ll)
{
    struct head *h = ll->data;
    h->fields++;
    if (h->fields < HTTP_FIELDS_MAX)
        h->name[h->fields].n = h->value[h->fields].n = 0;
    return 0;
}

static int on_head_complete(llhttp_t *ll)
{
    struct head *h = ll->data;
    h->complete = true;
    return HPE_PAUSED; /* bodies are ours */
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_head_complete,
};

void head_begin(struct head *h, bool response, const struct head_limits *max)
{
    llhttp_init(&h->ll, response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
    h->ll.data = h;
    h->max = max;
    h->fed = h->end = 0;
    h->fields = 0;
    h->response = response;
    h->complete = false;
    h->why = HTTP_REFUSE__N;
    h->method.n = h->target.n = h->name[0].n = h->value[0].n = 0;
    h->length = -1;
    h->chunked = h->expects_continue = false;
}

/* ---- tiling */

static inline bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Controls other than HTAB, and DEL (RFC 9110 section 5.5). */
static inline bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* A field name is a token (RFC 9110 section 5.6.2); llhttp lets a space before the colon pass as part of it. */
static bool is_token(const uint8_t *p, uint32_t n)
{
    static const uint64_t low = 1ull << '!' | 1ull << '#' | 1ull << '$' | 1ull << '%' | 1ull << '&' | 1ull << '\'' |
                                1ull << '*' | 1ull << '+' | 1ull << '-' | 1ull << '.' | 0x3ffull << '0';
    static const uint64_t high = 0x7fffffeull | 0x7fffffeull << 32 | 1ull << ('^' - 64) | 1ull << ('_' - 64) |
                                 1ull << ('`' - 64) | 1ull << ('|' - 64) | 1ull << ('~' - 64);
    for (uint32_t i = 0; i < n; i++)
        if (p[i] >= 128 || !((p[i] < 64 ? low >> p[i] : high >> (p[i] - 64)) & 1))
            return false;
    return n > 0;
}

static uint32_t skip_blanks(const uint8_t *p, uint32_t at, uint32_t n)
{
    while (at < n && is_blank(p[at]))
        at++;
    return at;
}

static bool is_crlf(const uint8_t *p, uint32_t at, uint32_t n)
{
    return n - at >= 2 && p[at] == '\r' && p[at + 1] == '\n';
}

/* The field i must begin at *at; on success *at is behind its line. The value loses blanks at its end. */
static bool tile_field(struct head *h, const uint8_t *p, uint32_t n, unsigned i, uint32_t *at)
{
    struct head_part *name = &h->name[i], *value = &h->value[i];
    if (name->at != *at || name->at + name->n >= n || p[name->at + name->n] != ':' || !is_token(p + name->at, name->n))
        return false;
    uint32_t pos = skip_blanks(p, name->at + name->n + 1, n);
    if (value->n == 0)
        value->at = pos;
    if (value->at != pos)
        return false;
    uint32_t end = value->at + value->n;
    for (uint32_t k = pos; k < end; k++)
        if (is_control(p[k]))
            return false;
    pos = skip_blanks(p, end, n);
    if (!is_crlf(p, pos, n))
        return false;
    while (value->n > 0 && is_blank(p[value->at + value->n - 1]))
        value->n--;
    *at = pos + 2;
    return true;
}

static bool tile_request_line(struct head *h, const uint8_t *p, uint32_t n, uint32_t *at)
{
    static const char version[] = " HTTP/1.";
    uint32_t pos = is_crlf(p, 0, n) ? 2 : 0; /* one empty line in front is tolerated: RFC 9112 section 2.2 */
    if (h->method.at != pos || h->target.n == 0)
        return false;
    pos += h->method.n;
    if (pos >= n || p[pos] != ' ' || h->target.at != pos + 1)
        return false;
    pos = h->target.at + h->target.n;
    if (n - pos < sizeof version + 2 || memcmp(p + pos, version, sizeof version - 1) != 0)
        return false;
    pos += sizeof version - 1;
    h->minor = (uint8_t)(p[pos] - '0');
    *at = pos + 3;
    return h->minor <= 1 && is_crlf(p, pos + 1, n);
}

static bool is_status(const uint8_t *p)
{
    return p[0] >= '1' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' && p[2] >= '0' && p[2] <= '9';
}

/* "HTTP/1.x DDD[ text]" */
static bool tile_status_line(struct head *h, const uint8_t *p, uint32_t n, uint32_t *at)
{
    static const char version[] = "HTTP/1.";
    uint32_t pos = sizeof version - 1;
    if (n < pos + 5 || memcmp(p, version, sizeof version - 1) != 0 || p[pos] > '1' || p[pos] < '0' ||
        p[pos + 1] != ' ' || !is_status(p + pos + 2))
        return false;
    h->minor = (uint8_t)(p[pos] - '0');
    h->status = llhttp_get_status_code(&h->ll);
    pos += 5;
    if (pos < n && p[pos] == ' ')
        while (pos < n && !is_control(p[pos]))
            pos++;
    if (!is_crlf(p, pos, n))
        return false;
    *at = pos + 2;
    return true;
}

static bool tile(struct head *h, const uint8_t *p, uint32_t n)
{
    uint32_t at = 0;
    if (h->response ? !tile_status_line(h, p, n, &at) : !tile_request_line(h, p, n, &at))
        return false;
    for (unsigned i = 0; i < h->fields; i++)
        if (!tile_field(h, p, n, i, &at))
            return false;
    if (!is_crlf(p, at, n))
        return false;
    h->end = at + 2;
    return true;
}

/* ---- feeding */

static enum head_result failed(struct head *h, const uint8_t *base, size_t have, enum http_refusal fallback)
{
    if (h->why == HTTP_REFUSE__N)
        h->why = head_diagnose(base, have, h->response, fallback);
    return HEAD_REFUSED;
}

static enum http_refusal of_llhttp(llhttp_errno_t e)
{
    static const struct {
        llhttp_errno_t e;
        enum http_refusal r;
    } row[] = {
        {HPE_INVALID_METHOD, HTTP_REFUSE_METHOD},
        {HPE_INVALID_URL, HTTP_REFUSE_TARGET_OCTET},
        {HPE_INVALID_VERSION, HTTP_REFUSE_VERSION},
        {HPE_INVALID_HEADER_TOKEN, HTTP_REFUSE_FIELD_VALUE},
        {HPE_INVALID_CONTENT_LENGTH, HTTP_REFUSE_LENGTH_VALUE},
        {HPE_UNEXPECTED_CONTENT_LENGTH, HTTP_REFUSE_LENGTH_TWICE},
        {HPE_INVALID_TRANSFER_ENCODING, HTTP_REFUSE_TE_UNKNOWN},
        {HPE_LF_EXPECTED, HTTP_REFUSE_LINE_END},
    };
    for (size_t i = 0; i < LEN(row); i++)
        if (row[i].e == e)
            return row[i].r;
    return HTTP_REFUSE_HEAD_SYNTAX;
}

enum head_result head_feed(struct head *h, const uint8_t *base, size_t have)
{
    if (h->fed == 0 && have > 0 && base[0] == 0x16 && !h->response) {
        h->why = HTTP_REFUSE_TLS_ON_CLEAR;
        return HEAD_REFUSED;
    }
    size_t most = have <= h->max->head ? have : h->max->head;
    h->base = base;
    llhttp_errno_t e = HPE_OK;
    if (most > h->fed)
        e = llhttp_execute(&h->ll, (const char *)base + h->fed, most - h->fed);
    h->fed = (uint32_t)most;
    if (h->complete) {
        if (!tile(h, base, (uint32_t)most))
            return failed(h, base, most, HTTP_REFUSE_HEAD_SYNTAX);
        return head_meaning(h, base) ? HEAD_DONE : HEAD_REFUSED;
    }
    if (e != HPE_OK)
        return failed(h, base, most, of_llhttp(e));
    if (most == h->max->head) {
        h->why = HTTP_REFUSE_HEAD_SIZE;
        return HEAD_REFUSED;
    }
    return HEAD_MORE;
}

void head_fields(const struct head *h, const uint8_t *base, struct http_field *out)
{
    for (unsigned i = 0; i < h->fields; i++) {
        out[i].name = span_of(base + h->name[i].at, h->name[i].n);
        out[i].value = span_of(base + h->value[i].at, h->value[i].n);
    }
}
