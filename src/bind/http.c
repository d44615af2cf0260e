#include "bind/http.h"

#include "bind/http_part.h"

/* ---- request in ----------------------------------------------------------------------------------- */

static bool is(struct span name, struct span lower)
{
    return span_eq_nocase(name, lower);
}

/* GET RETRIEVE, PUT UPDATE, DELETE DELETE; POST is a CREATE when the content type names a resource type. */
static void method(struct span m, struct prim *p)
{
    if (span_eq(m, SPAN("GET")))
        p->op = OP_RETRIEVE;
    else if (span_eq(m, SPAN("POST")))
        p->op = prim_has(p, PA_ty) ? OP_CREATE : OP_NOTIFY;
    else if (span_eq(m, SPAN("PUT")))
        p->op = OP_UPDATE;
    else if (span_eq(m, SPAN("DELETE")))
        p->op = OP_DELETE;
    else {
        p->bad = "the HTTP method stands for no oneM2M operation (TS-0009 6.2.1)";
        p->bad_rsc = RSC_OPERATION_NOT_ALLOWED;
    }
}

/* "/~/id-mn/x" is "/id-mn/x", "/_/sp/id-mn/x" is "//sp/id-mn/x", "/x" is "x" (TS-0009 6.2.2.1). A slash or a number
 * sign that was percent-encoded is part of no name: it must not turn into structure. */
static enum err target(struct span path, struct prim *p, struct arena *a)
{
    struct span to;
    enum err e = bind_decode(path, false, a, &to);
    if (e == ERR_NOMEM)
        return e;
    size_t slashes = 0;
    for (size_t i = 0; i < path.n; i++)
        slashes += path.p[i] == '/';
    for (size_t i = 0; e == OK && i < to.n; i++) {
        slashes -= to.p[i] == '/';
        if (to.p[i] == '#')
            e = ERR_SYNTAX;
    }
    if (e != OK || slashes != 0 || !to.n || to.p[0] != '/') {
        p->bad = "the path is not well encoded: no name holds a slash, a number sign or a control character";
        return OK;
    }
    if (span_starts(to, SPAN("/~/")))
        to = span_from(to, 2);
    else if (span_starts(to, SPAN("/_/")))
        to = arena_join(a, SPAN("/"), span_from(to, 2));
    else
        to = span_from(to, 1);
    prim_set(p, PA_to, to);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

static void content_type(struct span value, struct prim *p)
{
    p->ser = (uint8_t)bind_media(value, &p->vnd);
    struct span ty = bind_media_param(value, SPAN("ty"));
    if (ty.p)
        prim_set(p, PA_ty, ty);
}

/* What a response repeats must fit into it. */
static bool too_long(enum param id, struct span value)
{
    return (id == PA_rqi || id == PA_vsi) && value.n > BIND_ECHO_MAX;
}

static void parameter(enum param id, struct span value, struct prim *p)
{
    if (id == PA_tkns && span_find(value, ' ') < value.n)
        return; /* HTTP authentication with a scheme: not oneM2M tokens */
    if (prim_has(p, id)) {
        p->bad = "a header of oneM2M is there twice (TS-0009 6.4)";
        return;
    }
    if (too_long(id, value)) {
        p->bad = "X-M2M-RI and X-M2M-VSI hold at most 512 octets";
        return;
    }
    prim_set(p, id, value);
}

static void field(struct span name, struct span value, struct prim *p, bool *has_type)
{
    if (is(name, SPAN("content-type"))) {
        if (*has_type)
            p->bad = "Content-Type is there twice";
        *has_type = true;
        content_type(value, p);
    } else if (is(name, SPAN("accept"))) {
        p->accept |= bind_accept(value, &p->vnd);
    } else {
        enum param id = param_of_header(name);
        if (id != PA_NONE)
            parameter(id, value, p);
    }
}

enum err bind_http_request(const struct bind_request *r, struct prim *p, struct arena *a)
{
    bool has_type = false;
    for (size_t i = 0; i < r->fields; i++)
        field(r->field[i].name, r->field[i].value, p, &has_type);
    method(r->method, p);
    p->pc = r->body;
    TRY(target(r->path, p, a));
    return r->query.n ? bind_query_read(r->query, p, a) : OK;
}

/* ---- lines of a head ------------------------------------------------------------------------------ */

static void line(struct buf *b, const char *name, struct span value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < ' ' || value.p[i] == 127) { /* would begin another line */
            b->e = b->e == OK ? ERR_SYNTAX : b->e;
            return;
        }
    buf_str(b, name);
    buf_str(b, ": ");
    buf_put(b, value);
    buf_str(b, "\r\n");
}

/* Names as TS-0009 writes them, beside the lower case of param.def. */
static void parameter_line(struct buf *b, enum param id, struct span value)
{
    struct span name = param_row(id)->http;
    uint8_t shown[24];
    struct buf n = BUF_ARRAY(shown);
    bool x = span_starts(name, SPAN("x-m2m-"));
    if (x) {
        buf_str(&n, "X-M2M-");
        for (size_t i = 6; i < name.n; i++)
            buf_c(&n, (uint8_t)(name.p[i] - 32));
        if (id == PA_fr) {
            n.n = 0;
            buf_str(&n, "X-M2M-Origin");
        }
    } else {
        buf_str(&n, "Authorization");
    }
    buf_nul(&n);
    line(b, (const char *)shown, value);
}

static void parameter_lines(const struct prim *p, struct buf *b)
{
    for (uint64_t left = p->have; left; left &= left - 1) {
        enum param id = (enum param)__builtin_ctzll(left);
        if (param_row(id)->place == IN_HEADER && id != PA_rsc)
            parameter_line(b, id, p->raw[id]);
    }
}

/* Plain media types; the vnd forms only for peers that used or listed them. */
static struct span media_of(const struct prim *p, struct span vnd_form)
{
    return p->vnd ? vnd_form : SPAN("application/json");
}

/* ---- response out --------------------------------------------------------------------------------- */

enum err bind_http_response(const struct prim *p, const struct switches *sw, struct buf *b, struct bind_message *out)
{
    uint8_t number[8];
    struct buf rsc = BUF_ARRAY(number);
    size_t from = b->n;
    *out = (struct bind_message){.status = (int)rsc_http(p->rsc), .body = p->pc};
    buf_u64(&rsc, p->rsc);
    line(b, "X-M2M-RSC", buf_span(&rsc));
    parameter_lines(p, b);
    if (p->pc.n || sw_open(sw, SW_empty_content_type))
        line(b, "Content-Type", media_of(p, SPAN("application/vnd.onem2m-res+json")));
    if (p->rsc == RSC_CREATED && p->uri.n)
        line(b, "Content-Location", p->uri);
    out->fields = span_from(buf_span(b), from);
    return b->e;
}

void bind_http_refusal(void *ctx, int status, const char *sentence, struct buf *fields, struct buf *body)
{
    static const struct {
        int status;
        enum rsc rsc;
    } rows[] = {{405, RSC_OPERATION_NOT_ALLOWED},
                {408, RSC_REQUEST_TIMEOUT},
                {415, RSC_UNSUPPORTED_MEDIA_TYPE},
                {501, RSC_NOT_IMPLEMENTED},
                {505, RSC_NOT_IMPLEMENTED}};
    struct verdict v = {status < 500 ? RSC_BAD_REQUEST : RSC_INTERNAL_SERVER_ERROR, SPAN_NONE, sentence};
    uint8_t plain[512];
    struct buf text = BUF_ARRAY(plain);
    struct jw w = jw_over(body);
    (void)ctx;
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].status == status)
            v.rsc = rows[i].rsc;
    buf_fmt(fields, "X-M2M-RSC: %u\r\nContent-Type: application/json\r\n", (unsigned)v.rsc);
    verdict_text(&text, v);
    jw_obj(&w);
    JW_STR(&w, "m2m:dbg", buf_span(&text));
    jw_end_obj(&w);
}

/* ---- client role ---------------------------------------------------------------------------------- */

static const char *const methods[OP__N] = {"", "POST", "GET", "PUT", "DELETE", "POST"};

static void request_lines(const struct prim *p, struct buf *b)
{
    parameter_lines(p, b);
    line(b, "Accept", SPAN("application/json"));
    if (!p->pc.n && p->op != OP_CREATE)
        return;
    uint8_t room[64];
    struct buf type = BUF_ARRAY(room);
    buf_put(&type, media_of(p, p->op == OP_NOTIFY ? SPAN("application/vnd.onem2m-ntfy+json")
                                                  : SPAN("application/vnd.onem2m-res+json")));
    if (p->op == OP_CREATE) {
        buf_str(&type, ";ty=");
        buf_put(&type, p->raw[PA_ty]);
    }
    line(b, "Content-Type", type.e == OK ? buf_span(&type) : SPAN("\n"));
}

static enum err message(const struct prim *p, struct buf *b, size_t from, struct bind_message *out)
{
    size_t target_end = b->n;
    if (p->op == OP_NONE || p->op >= OP__N)
        return ERR_UNSUPPORTED;
    request_lines(p, b);
    if (b->e != OK)
        return b->e;
    struct span all = buf_span(b); /* a growing buffer may have moved */
    *out = (struct bind_message){.method = span_str(methods[p->op]), .body = p->pc};
    out->target = span_from(span_first(all, target_end), from);
    out->fields = span_from(all, target_end);
    return OK;
}

static void path_of(struct span to, struct buf *b)
{
    if (span_starts(to, SPAN("//"))) {
        buf_str(b, "/_");
        to = span_from(to, 1);
    } else if (span_starts(to, SPAN("/"))) {
        buf_str(b, "/~");
    } else {
        buf_c(b, '/');
    }
    while (to.p && to.n) {
        bind_encode(b, span_cut(&to, '/'), false);
        if (to.p)
            buf_c(b, '/');
    }
}

enum err bind_http_send(const struct prim *p, struct span prefix, struct buf *b, struct bind_message *out)
{
    struct span to = p->raw[PA_to];
    size_t from = b->n;
    if (!to.n)
        return ERR_UNSUPPORTED;
    while (prefix.n && prefix.p[prefix.n - 1] == '/')
        prefix.n--;
    buf_put(b, prefix);
    path_of(span_first(to, span_find(to, '#')), b);
    bind_query_write(p, b);
    return message(p, b, from, out);
}

enum err bind_http_send_to_url(const struct prim *p, struct span target_text, struct buf *b, struct bind_message *out)
{
    size_t from = b->n;
    buf_put(b, target_text.n ? target_text : SPAN("/"));
    return message(p, b, from, out);
}

enum err bind_http_result(int status, const struct http_field *f, size_t fields, struct span body,
                          const struct prim *request, struct prim *out, struct arena *a)
{
    bool has_type = false;
    (void)a;
    prim_init(out);
    for (size_t i = 0; i < fields; i++)
        field(f[i].name, f[i].value, out, &has_type);
    out->pc = body;
    if (!prim_has(out, PA_rqi))
        prim_set(out, PA_rqi, request->raw[PA_rqi]);
    if (verdict_go(prim_read_response(out)))
        return OK;
    out->rsc = status >= 200 && status < 300 ? RSC_OK : RSC_TARGET_NOT_REACHABLE;
    out->have |= PA_BIT(rsc);
    return OK;
}

enum ser bind_http_hint(struct span url, struct buf *b, struct span *clean)
{
    struct span query = url, path = span_cut(&query, '?'), hint = SPAN_NONE;
    size_t from = b->n;
    char sign = '?';
    *clean = url;
    buf_put(b, path);
    while (query.p) {
        struct span arg = span_cut(&query, '&');
        if (span_starts(arg, SPAN("ct="))) {
            hint = span_from(arg, 3);
            continue;
        }
        buf_c(b, (uint8_t)sign);
        sign = '&';
        buf_put(b, arg);
    }
    if (!hint.p || b->e != OK) {
        b->n = from;
        return SER_NONE;
    }
    *clean = span_from(buf_span(b), from);
    if (span_eq(hint, SPAN("json")))
        return SER_JSON;
    if (span_eq(hint, SPAN("xml")))
        return SER_XML;
    return span_eq(hint, SPAN("cbor")) ? SER_CBOR : SER_OTHER;
}
