/* The oneM2M face: MAF and MEF bases over one key store (spec/security.md 7; names in m2mnames.def). A symmKeyReg
 * CREATE carries the signed letter as member `osl` beside the attributes, a client registration the signed
 * registration; keyValue is never taken nor given. */
#include "ttp/front.h"

#include "base/m2mtime.h"
#include "ttp/name.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum m2m_type {
#define M2M_TYPE(name, ty, root, long_root) TYPE_##name,
#include "m2m/m2mnames.def"
    TYPE__N
};
static const struct {
    unsigned ty;
    const char *root, *long_root;
} types[] = {
#define M2M_TYPE(name, ty, root, long_root) {(ty), (root), (long_root)},
#include "m2m/m2mnames.def"
};
enum m2m_attr {
#define M2M_ATTR(name, short_name, long_name) ATTR_##name,
#include "m2m/m2mnames.def"
    ATTR__N
};
static const struct {
    const char *short_name, *long_name;
} attrs[] = {
#define M2M_ATTR(name, short_name, long_name) {(short_name), (long_name)},
#include "m2m/m2mnames.def"
};
static const struct {
    const char *path;
    enum m2m_type type;
    uint8_t number;
} bases[] = {
#define M2M_BASE(name, path, type, number) {(path), TYPE_##type, (number)},
#include "m2m/m2mnames.def"
};
enum m2m_op { OP_CREATE, OP_RETRIEVE, OP_DELETE };

/* ---- answers
 * --------------------------------------------------------------------------------------------------------- */

static void fields_of(struct buf *b, unsigned rsc, struct span ri)
{
    buf_fmt(b, "X-M2M-RSC: %u\r\nX-M2M-RVI: 3\r\n", rsc);
    if (ri.n > 0) {
        buf_str(b, "X-M2M-RI: ");
        buf_put(b, ri);
        buf_str(b, "\r\n");
    }
}

static void refuse(struct front *f, struct http_req *r, int status, unsigned rsc, const char *what, const char *todo)
{
    uint8_t text[1024], head[512];
    struct buf b = BUF_ARRAY(text), h = BUF_ARRAY(head);
    struct jw w = jw_over(&b);
    fields_of(&h, rsc, HTTP_FIELD(r, "x-m2m-ri"));
    jw_obj(&w);
    JW_STR(&w, "code", rsc == 4103 || rsc == 4106 ? SPAN("refused") : SPAN("malformed"));
    JW_STR(&w, "what", span_str(what));
    JW_STR(&w, "who", span_str(f->fqdn));
    JW_STR(&w, "object", SPAN("request"));
    JW_STR(&w, "do", span_str(todo));
    jw_end_obj(&w);
    front_reply(f, r, status, "application/json", h.e == OK ? buf_span(&h) : SPAN_NONE, buf_span(&b));
}

static const char *base_name(uint8_t number)
{
    for (size_t i = 0; i < LEN(bases); i++)
        if (bases[i].number == number)
            return bases[i].path + 1;
    return "";
}

static void head_of(struct jw *w, unsigned type, struct span name, struct span parent)
{
    jw_obj(w);
    jw_name(w, span_str(types[type].root));
    jw_obj(w);
    JW_STR(w, "rn", name);
    JW_U64(w, "ty", types[type].ty);
    JW_STR(w, "ri", name);
    if (parent.n > 0)
        JW_STR(w, "pi", parent);
}

/* The registration as the vault describes it; its name is the relative part of the kid. */
static void skr_body(struct buf *b, const struct front_ask *a, struct span meta)
{
    static const char *const same[] = {"et", "cr", "adfq", "suid", "policy"};
    uint8_t memory[16384];
    struct arena mem;
    struct jval *doc;
    struct span kid = SPAN_NONE;
    arena_over(&mem, memory, sizeof memory);
    if (json_parse(meta, &mem, &doc, NULL) != OK || json_str(JSON_GET(doc, "kid"), &mem, &kid) != OK)
        return;
    struct jw w = jw_over(b);
    head_of(&w, TYPE_SKR, span_cut(&kid, '@'), span_str(base_name(a->m2m.base)));
    JW_NAME(&w, "ct");
    jw_raw(&w, JSON_GET(doc, "ct")->raw);
    JW_NAME(&w, "lt");
    jw_raw(&w, JSON_GET(doc, "ct")->raw);
    for (size_t i = 0; i < LEN(same); i++) {
        jw_name(&w, span_str(same[i]));
        jw_raw(&w, json_get(doc, span_str(same[i]))->raw);
    }
    jw_end_obj(&w);
    jw_end_obj(&w);
}

static void client_body(struct front *f, struct buf *b, const struct front_ask *a)
{
    uint8_t time_text[32];
    char name[32];
    struct buf t = BUF_ARRAY(time_text);
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < a->m2m.origin_n; i++)
        h = (h ^ (uint8_t)a->m2m.origin[i]) * 1099511628211u;
    snprintf(name, sizeof name, "reg-%016llx", (unsigned long long)h);
    m2mtime_put(&t, (int64_t)time(NULL) * 1000);
    struct jw w = jw_over(b);
    head_of(&w, a->m2m.type, span_str(name), span_str(base_name(a->m2m.base)));
    JW_STR(&w, "ct", buf_span(&t));
    JW_STR(&w, "lt", buf_span(&t));
    if (a->m2m.et_n > 0)
        JW_STR(&w, "et", span_of(a->m2m.et, a->m2m.et_n));
    JW_STR(&w, "cr", span_of(a->m2m.origin, a->m2m.origin_n));
    JW_STR(&w, "adfq", span_str(f->fqdn));
    jw_end_obj(&w);
    jw_end_obj(&w);
}

void front_m2m_answer(struct front *f, const struct front_ask *a, const struct msg_ANSWER *m)
{
    static const struct {
        int status;
        unsigned rsc;
    } good[] = {[OP_CREATE] = {201, 2001}, [OP_RETRIEVE] = {200, 2000}, [OP_DELETE] = {200, 2002}};
    uint8_t text[8192], head[512];
    struct buf b = BUF_ARRAY(text), h = BUF_ARRAY(head);
    struct span ri = span_of(a->m2m.ri, a->m2m.ri_n);
    if (m->status != 200) {
        fields_of(&h, m->rsc, ri);
        front_retry_put(&h, m);
        bool jose = m->type == TYPE_JOSE;
        front_reply(f, a->req, m->status, jose ? "application/jose" : "application/json", buf_span(&h), m->body);
        return;
    }
    fields_of(&h, good[a->m2m.op].rsc, ri);
    if (a->m2m.op != OP_DELETE && a->m2m.type == TYPE_SKR)
        skr_body(&b, a, m->meta);
    else if (a->m2m.op == OP_CREATE)
        client_body(f, &b, a);
    front_reply(f, a->req, good[a->m2m.op].status, "application/json", buf_span(&h), buf_span(&b));
}

/* ---- requests
 * ---------------------------------------------------------------------------------------------------------- */

static const struct jval *attr(const struct jval *o, enum m2m_attr i)
{
    const struct jval *v = json_get(o, span_str(attrs[i].short_name));
    return v ? v : json_get(o, span_str(attrs[i].long_name));
}

static void keep(char *to, size_t cap, uint16_t *n, struct span s)
{
    *n = (uint16_t)(s.n < cap ? s.n : 0);
    memcpy(to, s.p ? (const void *)s.p : "", *n);
}

/* ;ty=20006 in Content-Type. */
static bool type_asked(const struct http_req *r, enum m2m_type *out)
{
    struct span media = HTTP_FIELD(r, "content-type");
    uint64_t ty;
    while (media.p) {
        struct span part = span_cut(&media, ';');
        while (part.n > 0 && part.p[0] == ' ')
            part = span_from(part, 1);
        if (!span_starts(part, SPAN("ty=")) || span_u64(span_from(part, 3), 99999, &ty) != OK)
            continue;
        for (unsigned i = 0; i < TYPE__N; i++)
            if (types[i].ty == ty) {
                *out = (enum m2m_type)i;
                return true;
            }
    }
    return false;
}

static void hand_on(struct front *f, struct http_req *r, const struct front_m2m *m, enum ttp_kind kind,
                    struct span body)
{
    struct front_ask *a = front_take(f, r);
    if (!a)
        return;
    a->m2m = *m;
    a->m2m.here = true;
    front_ask(f, a, kind, m->base, body);
}

static void create(struct front *f, struct http_req *r, struct front_m2m *m)
{
    static uint8_t memory[TTP_BODY_MAX * 2];
    struct arena a;
    struct jval *doc;
    enum m2m_type type;
    struct span letter, et;
    arena_over(&a, memory, sizeof memory);
    if (!type_asked(r, &type) || (type != TYPE_SKR && type != (m->base == 1 ? TYPE_MACR : TYPE_MECR))) {
        refuse(f, r, 400, 4000, "Content-Type must name a type that this base holds", "ty=20003, 20004 or 20006");
        return;
    }
    if (json_parse(r->body, &a, &doc, NULL) != OK) {
        refuse(f, r, 400, 4000, "the body is no JSON object", "send one resource in JSON");
        return;
    }
    const struct jval *o = json_get(doc, span_str(types[type].root));
    o = o ? o : json_get(doc, span_str(types[type].long_root));
    if (attr(o, ATTR_KV)) {
        refuse(f, r, 400, 4102, "a Key Value in clear is not taken here: every row is of the class sealed",
               "send the key inside a letter, as member osl, wrapped to the vault's sealing key");
        return;
    }
    if (json_str(attr(o, ATTR_OSL), &a, &letter) != OK) {
        refuse(f, r, 400, 4000, "member osl with the signed letter or registration is missing",
               "send a JWS of type oneseal-letter+jws or oneseal-client+jws as osl");
        return;
    }
    if (json_str(attr(o, ATTR_ET), &a, &et) == OK)
        keep(m->et, sizeof m->et, &m->et_n, et);
    m->type = (uint8_t)type;
    m->op = OP_CREATE;
    hand_on(f, r, m, type == TYPE_SKR ? KIND_LETTER : KIND_CLIENT, letter);
}

static void one_key(struct front *f, struct http_req *r, struct front_m2m *m, struct span relative)
{
    uint8_t kid[512];
    struct buf b = BUF_ARRAY(kid);
    buf_put(&b, relative);
    buf_c(&b, '@');
    buf_str(&b, f->fqdn);
    bool get = span_eq(r->method, SPAN("GET"));
    if (!get && !span_eq(r->method, SPAN("DELETE"))) {
        refuse(f, r, 405, 4005, "a registration can be retrieved and deleted; its letter never changes",
               "register a new epoch instead");
        return;
    }
    if (b.e != OK || relative.n == 0 || relative.n > 64 || span_find(relative, '/') < relative.n) {
        refuse(f, r, 404, 4004, "there is no such registration here", "check the identifier");
        return;
    }
    m->type = TYPE_SKR;
    m->op = get ? OP_RETRIEVE : OP_DELETE;
    hand_on(f, r, m, get ? KIND_SKR_GET : KIND_SKR_DELETE, buf_span(&b));
}

static void base_itself(struct front *f, struct http_req *r, const struct front_m2m *m, enum m2m_type type)
{
    uint8_t text[512], head[512];
    struct buf b = BUF_ARRAY(text), h = BUF_ARRAY(head);
    struct jw w = jw_over(&b);
    head_of(&w, type, span_str(base_name(m->base)), SPAN_NONE);
    jw_end_obj(&w);
    jw_end_obj(&w);
    fields_of(&h, 2000, span_of(m->ri, m->ri_n));
    front_reply(f, r, 200, "application/json", buf_span(&h), buf_span(&b));
}

/* Certificate, and From = one of its names (spec/security.md 7.4, steps 1 and 2). */
static bool admitted(struct front *f, struct http_req *r, struct front_m2m *m)
{
    uint8_t names[TTP_PEER_MAX + 16];
    struct buf b = BUF_ARRAY(names);
    struct span origin = HTTP_FIELD(r, "x-m2m-origin");
    front_peer(r, &b);
    if (!r->peer || b.e != OK || !names_cover(buf_span(&b), origin)) {
        refuse(f, r, 403, 4106, "X-M2M-Origin is not the identity of the client certificate",
               "send the absolute AE-ID or CSE-ID of the certificate");
        return false;
    }
    keep(m->origin, sizeof m->origin, &m->origin_n, origin);
    keep(m->ri, sizeof m->ri, &m->ri_n, HTTP_FIELD(r, "x-m2m-ri"));
    return true;
}

bool front_m2m_handle(struct front *f, struct http_req *r)
{
    for (size_t i = 0; i < LEN(bases); i++) {
        struct span path = span_str(bases[i].path);
        struct front_m2m m = {.base = bases[i].number};
        if (!span_starts(r->path, path) || (r->path.n > path.n && r->path.p[path.n] != '/'))
            continue;
        if (!admitted(f, r, &m))
            return true;
        if (r->path.n > path.n + 1)
            one_key(f, r, &m, span_from(r->path, path.n + 1));
        else if (span_eq(r->method, SPAN("POST")))
            create(f, r, &m);
        else if (span_eq(r->method, SPAN("GET")))
            base_itself(f, r, &m, bases[i].type);
        else
            refuse(f, r, 405, 4005, "the base takes CREATE and RETRIEVE", "POST a registration, or GET");
        return true;
    }
    return false;
}
