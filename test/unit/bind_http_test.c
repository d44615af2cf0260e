/* src/bind/http: octets to struct prim and back, without sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bind/http.h"

static uint8_t memory[1 << 16], room[1 << 14];
static struct arena arena;
static const struct switches r3;

#define F(n, v)                                                                                                        \
    {                                                                                                                  \
        {(const uint8_t *)(n), sizeof(n) - 1},                                                                         \
        {                                                                                                              \
            (const uint8_t *)(v), sizeof(v) - 1                                                                        \
        }                                                                                                              \
    }

static struct prim in(const char *method, const char *path, const char *query, const struct http_field *f, size_t n,
                      const char *body)
{
    struct prim p;
    struct bind_request r = {span_str(method), span_str(path), span_str(query), span_str(body), f, n};
    arena_over(&arena, memory, sizeof memory);
    prim_init(&p);
    assert_int_equal(bind_http_request(&r, &p, &arena), OK);
    return p;
}

static void text_is(const struct prim *p, enum param id, const char *want)
{
    if (!span_eq(p->raw[id], span_str(want)))
        fail_msg("%.*s is '%.*s', want '%s'", SPAN_FMT(param_row(id)->sn), SPAN_FMT(p->raw[id]), want);
}

static void methods(void **state)
{
    (void)state;
    static const struct http_field typed[] = {F("Content-Type", "application/json;ty=3")};
    static const struct http_field plain[] = {F("Content-Type", "application/json")};
    assert_int_equal(in("GET", "/mn", "", NULL, 0, "").op, OP_RETRIEVE);
    assert_int_equal(in("PUT", "/mn", "", plain, 1, "{}").op, OP_UPDATE);
    assert_int_equal(in("DELETE", "/mn", "", NULL, 0, "").op, OP_DELETE);
    assert_int_equal(in("POST", "/mn", "", plain, 1, "{}").op, OP_NOTIFY);
    assert_int_equal(in("POST", "/mn", "", typed, 1, "{}").op, OP_CREATE);
    struct prim p = in("PATCH", "/mn", "", plain, 1, "{}");
    assert_int_equal(p.op, OP_NONE);
    assert_non_null(p.bad);
    assert_int_equal(p.bad_rsc, 4005);
    assert_int_equal(in("get", "/mn", "", NULL, 0, "").op, OP_NONE);
    p = in("GET", "/mn", "", typed, 1, ""); /* read on every method; prim_read refuses it */
    assert_true(prim_has(&p, PA_ty));
}

static void targets(void **state)
{
    (void)state;
    static const struct {
        const char *path, *to; /* to NULL: refused */
    } rows[] = {
        {"/mn/a/b", "mn/a/b"},
        {"/~/id-mn/mn/a", "/id-mn/mn/a"},
        {"/_/demo.example/id-mn/3f", "//demo.example/id-mn/3f"},
        {"/~x/y", "~x/y"},
        {"/mn/~/x", "mn/~/x"},
        {"/mn/_/x", "mn/_/x"},
        {"/", ""},
        {"/~", "~"},
        {"/~/", "/"},
        {"/mn/a/", "mn/a/"},
        {"/mn//a", "mn//a"},
        {"/mn/%61", "mn/a"},
        {"/%7E/id-mn/x", "/id-mn/x"},
        {"/mn/..", "mn/.."},
        {"/mn%2Fa", NULL},
        {"/mn/a%23lbl", NULL},
        {"/mn/%00", NULL},
        {"/mn/%zz", NULL},
        {"/mn/%4", NULL},
        {"/mn/%", NULL},
        {"/mn/%C3", NULL},
        {"/mn/%0d%0a", NULL},
        {"mn", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct prim p = in("GET", rows[i].path, "", NULL, 0, "");
        if (!rows[i].to) {
            if (!p.bad)
                fail_msg("%s was accepted as '%.*s'", rows[i].path, SPAN_FMT(p.raw[PA_to]));
            continue;
        }
        assert_null(p.bad);
        text_is(&p, PA_to, rows[i].to);
    }
}

static void headers(void **state)
{
    (void)state;
    static const struct http_field f[] = {
        F("x-M2M-oRIGIN", "C1"),
        F("X-M2M-RI", "r/1"),
        F("X-M2M-RVI", "3"),
        F("X-M2M-RTU", "http://a/&http://b/"),
        F("X-M2M-OT", "20261124T080000"),
        F("X-M2M-RET", "4000"),
        F("X-M2M-RST", "5000"),
        F("X-M2M-OET", "1"),
        F("X-M2M-EC", "2"),
        F("X-M2M-GID", "g"),
        F("X-M2M-VSI", "vendor"),
        F("X-M2M-GTM", "a b"),
        F("X-M2M-Unknown", "x"),
        F("User-Agent", "curl"),
        F("Authorization", "Basic dTpw"),
        F("Accept", "*/*"),
    };
    struct prim p = in("GET", "/mn", "", f, LEN(f), "");
    assert_null(p.bad);
    text_is(&p, PA_fr, "C1");
    text_is(&p, PA_rqi, "r/1");
    text_is(&p, PA_rvi, "3");
    text_is(&p, PA_rtu, "http://a/&http://b/");
    text_is(&p, PA_ot, "20261124T080000");
    text_is(&p, PA_rqet, "4000");
    text_is(&p, PA_rset, "5000");
    text_is(&p, PA_oet, "1");
    text_is(&p, PA_ec, "2");
    text_is(&p, PA_gid, "g");
    text_is(&p, PA_vsi, "vendor");
    text_is(&p, PA_grtm, "a b");
    assert_false(prim_has(&p, PA_tkns));
    assert_true(p.accept >> SER_JSON & 1);
    static const struct http_field twice[] = {F("X-M2M-Origin", "C1"), F("x-m2m-origin", "C2")};
    assert_non_null(in("GET", "/mn", "", twice, 2, "").bad);
    static const struct http_field types[] = {F("Content-Type", "application/json"),
                                              F("content-type", "application/json;ty=4")};
    assert_non_null(in("POST", "/mn", "", types, 2, "{}").bad);
    static const struct http_field token[] = {F("Authorization", "eyJh.x.y+z")};
    p = in("GET", "/mn", "", token, 1, "");
    text_is(&p, PA_tkns, "eyJh.x.y+z");
    char big[600];
    memset(big, 'x', sizeof big);
    struct http_field ri[] = {{SPAN("X-M2M-RI"), span_of(big, 512)}};
    assert_null(in("GET", "/mn", "", ri, 1, "").bad);
    ri[0].value.n = 513;
    p = in("GET", "/mn", "", ri, 1, "");
    assert_non_null(p.bad);
    assert_int_equal(p.raw[PA_rqi].n, 0);
    static const struct http_field none[] = {F("X-M2M-Origin", "")};
    p = in("GET", "/mn", "", none, 1, "");
    assert_true(prim_has(&p, PA_fr) && p.raw[PA_fr].n == 0);
}

static void media_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum ser ser;
        const char *ty; /* NULL: none */
        bool vnd;
    } rows[] = {
        {"application/json", SER_JSON, NULL, false},
        {"Application/JSON; ty=3", SER_JSON, "3", false},
        {"application/json;ty=3", SER_JSON, "3", false},
        {"application/json;   ty=23", SER_JSON, "23", false},
        {"application/json; charset=utf-8; TY=4", SER_JSON, "4", false},
        {"application/json;ty=", SER_JSON, "", false},
        {"application/vnd.onem2m-res+json;ty=2", SER_JSON, "2", true},
        {"application/vnd.onem2m-ntfy+json", SER_JSON, NULL, true},
        {"application/vnd.onem2m-res+xml", SER_XML, NULL, true},
        {"application/vnd.onem2m-res+cbor", SER_CBOR, NULL, true},
        {"application/vnd.other+json", SER_OTHER, NULL, false},
        {"application/xml", SER_XML, NULL, false},
        {"application/cbor", SER_CBOR, NULL, false},
        {"text/plain", SER_OTHER, NULL, false},
        {"text/json", SER_OTHER, NULL, false},
        {"json", SER_OTHER, NULL, false},
        {"", SER_OTHER, NULL, false},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct http_field f[] = {{SPAN("Content-Type"), span_str(rows[i].type)}};
        struct prim p = in("POST", "/mn", "", f, 1, "{}");
        assert_int_equal(p.ser, rows[i].ser);
        assert_int_equal(p.vnd, rows[i].vnd);
        assert_int_equal(prim_has(&p, PA_ty), rows[i].ty != NULL);
        if (rows[i].ty)
            text_is(&p, PA_ty, rows[i].ty);
    }
    static const struct {
        const char *accept;
        bool json;
    } accepts[] = {
        {"application/json", true},      {"*/*", true},
        {"application/*", true},         {"application/xml", false},
        {"text/html, */*;q=0.1", true},  {"application/xml, application/json;q=0.5", true},
        {"application/json;q=0", false}, {"application/json;q=0.0, application/xml", false},
        {"text/plain", false},           {"application/vnd.onem2m-res+json", true},
    };
    for (size_t i = 0; i < LEN(accepts); i++) {
        struct http_field f[] = {{SPAN("Accept"), span_str(accepts[i].accept)}};
        struct prim p = in("GET", "/mn", "", f, 1, "");
        assert_int_equal(p.accept >> SER_JSON & 1, accepts[i].json);
        if (!accepts[i].json && i != 6)
            assert_true(p.accept != 0);
    }
    assert_int_equal(in("GET", "/mn", "", NULL, 0, "").accept, 0);
}

static void queries(void **state)
{
    (void)state;
    struct prim p =
        in("GET", "/mn", "rcn=4&fu=1&ty=2+3&ty=4&lbl=a%2Bb+c&cr=Sam%20x&c.api=N*&p.lbl=x&&atrl=ri+lbl&drt=2&lim=", NULL,
           0, "");
    assert_null(p.bad);
    text_is(&p, PA_rcn, "4");
    text_is(&p, PA_drt, "2");
    text_is(&p, PA_atrl, "ri lbl");
    static const struct {
        enum crit crit;
        enum attr attr;
        const char *value;
    } want[] = {{FC_fu, AT_NONE, "1"},    {FC_ty, AT_NONE, "2 3"}, {FC_ty, AT_NONE, "4"},  {FC_lbl, AT_NONE, "a+b c"},
                {FC_atr, AT_cr, "Sam x"}, {FC_catr, AT_api, "N*"}, {FC_patr, AT_lbl, "x"}, {FC_lim, AT_NONE, ""}};
    const struct arg *g = p.args;
    for (size_t i = 0; i < LEN(want); i++, g = g->next) {
        assert_non_null(g);
        assert_int_equal(g->crit, want[i].crit);
        assert_int_equal(g->attr, want[i].attr);
        assert_true(span_eq(g->value, span_str(want[i].value)));
    }
    assert_null(g);
    static const char *const bad[] = {"xyz=1",   "c.xyz=1", "x.lbl=1", "rcn=1&rcn=2", "lbl=%zz", "lbl=%4", "lbl=%00",
                                      "lbl=%C3", "%=1",     "opx=2",   "=x",          "atr=x",   "catr=x", "ri'=1"};
    for (size_t i = 0; i < LEN(bad); i++)
        if (!in("GET", "/mn", bad[i], NULL, 0, "").bad)
            fail_msg("%s was accepted", bad[i]);
    char many[65 * 6 + 1];
    for (size_t i = 0; i < 65; i++)
        memcpy(many + i * 6, "lbl=x&", 6);
    many[64 * 6] = 0;
    assert_null(in("GET", "/mn", many, NULL, 0, "").bad);
    many[64 * 6] = 'l';
    many[65 * 6] = 0;
    assert_non_null(in("GET", "/mn", many, NULL, 0, "").bad);
}

/* The table of TS-0009 6.4: every header that a request may have, and every query argument that is a parameter. */
static void each_parameter_has_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *sn;
    } headers[] = {
        {"X-M2M-Origin", "Cx", "fr"},
        {"X-M2M-RI", "r1", "rqi"},
        {"X-M2M-RVI", "3", "rvi"},
        {"X-M2M-RTU", "http://a&b", "rtu"},
        {"X-M2M-OT", "20260101T000000", "ot"},
        {"X-M2M-RET", "5000", "rqet"},
        {"X-M2M-RST", "5000", "rset"},
        {"X-M2M-OET", "5000", "oet"},
        {"X-M2M-EC", "4", "ec"},
        {"X-M2M-GID", "g", "gid"},
        {"X-M2M-VSI", "v", "vsi"},
        {"X-M2M-AS", "a+b", "aus"},
        {"X-M2M-GTM", "a/b", "grtm"},
        {"X-M2M-PRPI", "p", "prpi"},
        {"X-M2M-MSU", "u", "msu"},
        {"X-M2M-OMR", "o", "omr"},
        {"X-M2M-CTS", "1", "cnst"},
        {"X-M2M-CTO", "5", "cnot"},
        {"X-M2M-ATI", "l:t", "ati"},
        {"X-M2M-ASRI", "1", "asri"},
    };
    static const struct {
        const char *name, *value;
    } queries_[] = {{"rt", "3"},   {"rp", "5"},   {"rcn", "1"},   {"da", "1"},  {"drt", "2"},
                    {"rids", "r"}, {"tids", "t"}, {"ltids", "l"}, {"tqi", "1"}, {"asi", "1"},
                    {"auri", "1"}, {"sqi", "0"},  {"atrl", "ri"}};
    for (size_t i = 0; i < LEN(headers); i++) {
        struct http_field f[] = {{span_str(headers[i].name), span_str(headers[i].value)}};
        struct prim p = in("GET", "/mn", "", f, 1, "");
        unsigned at = 0;
        for (unsigned k = 1; k < PA__N; k++)
            if (span_eq(param_row((enum param)k)->sn, span_str(headers[i].sn)))
                at = k;
        if (!at || !prim_has(&p, (enum param)at) || p.bad)
            fail_msg("%s is not %s", headers[i].name, headers[i].sn);
        text_is(&p, (enum param)at, headers[i].value);
    }
    for (size_t i = 0; i < LEN(queries_); i++) {
        char query[64];
        snprintf(query, sizeof query, "%s=%s", queries_[i].name, queries_[i].value);
        struct prim p = in("GET", "/mn", query, NULL, 0, "");
        enum param at = param_of_query(span_str(queries_[i].name));
        assert_true(at != PA_NONE && !p.bad);
        text_is(&p, at, queries_[i].value);
    }
}

static void response_is(const struct prim *p, const struct switches *sw, int status, const char *fields)
{
    struct buf b = BUF_ARRAY(room);
    struct bind_message m;
    assert_int_equal(bind_http_response(p, sw, &b, &m), OK);
    assert_int_equal(m.status, status);
    if (!span_eq(m.fields, span_str(fields)))
        fail_msg("got:\n%.*swant:\n%s", SPAN_FMT(m.fields), fields);
}

static void responses(void **state)
{
    (void)state;
    static const struct http_field f[] = {F("X-M2M-RI", "r1"), F("X-M2M-RVI", "3"), F("X-M2M-VSI", "v")};
    struct prim p = in("GET", "/mn", "", f, 3, ""), out;
    prim_respond(&out, &p, RSC_OK);
    out.pc = SPAN("{\"m2m:cnt\":{}}");
    response_is(
        &out, &r3, 200,
        "X-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\nX-M2M-VSI: v\r\nContent-Type: application/json\r\n");
    out.vnd = true;
    response_is(&out, &r3, 200,
                "X-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\nX-M2M-VSI: v\r\nContent-Type: "
                "application/vnd.onem2m-res+json\r\n");
    prim_respond(&out, &p, RSC_DELETED);
    response_is(&out, &r3, 200, "X-M2M-RSC: 2002\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\nX-M2M-VSI: v\r\n");
    struct switches open = switches_open();
    response_is(
        &out, &open, 200,
        "X-M2M-RSC: 2002\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\nX-M2M-VSI: v\r\nContent-Type: application/json\r\n");
    prim_respond(&out, &p, RSC_CREATED);
    out.pc = SPAN("{\"m2m:uri\":\"mn/a\"}");
    out.uri = SPAN("mn/a");
    prim_set(&out, PA_cnst, SPAN("1"));
    prim_set(&out, PA_cnot, SPAN("5"));
    response_is(&out, &r3, 201,
                "X-M2M-RSC: 2001\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\nX-M2M-VSI: v\r\nX-M2M-CTS: 1\r\nX-M2M-CTO: 5\r\n"
                "Content-Type: application/json\r\nContent-Location: mn/a\r\n");
    out.uri = SPAN("mn/a\r\nSet-Cookie: x");
    struct buf b = BUF_ARRAY(room);
    struct bind_message m;
    assert_int_equal(bind_http_response(&out, &r3, &b, &m), ERR_SYNTAX);
    uint8_t small[16];
    b = BUF_ARRAY(small);
    assert_int_equal(bind_http_response(&out, &r3, &b, &m), ERR_FULL);
}

static void every_code_has_its_status(void **state)
{
    (void)state;
    size_t n;
    const struct rsc_row *rows = rsc_rows(&n);
    struct prim p, out;
    prim_init(&p);
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_ARRAY(room);
        struct bind_message m;
        prim_respond(&out, &p, (enum rsc)rows[i].rsc);
        assert_int_equal(bind_http_response(&out, &r3, &b, &m), OK);
        assert_int_equal(m.status, rows[i].http);
        assert_true(m.status >= 200 && m.status < 600);
    }
}

static void refusals_of_the_listener(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *code;
    } rows[] = {{400, "4000"}, {408, "4008"}, {413, "4000"}, {431, "4000"}, {501, "5001"}, {503, "5000"}};
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t f[256], t[512];
        struct buf fields = BUF_ARRAY(f), body = BUF_ARRAY(t);
        struct jval *v;
        struct span dbg;
        arena_over(&arena, memory, sizeof memory);
        bind_http_refusal(NULL, rows[i].status, "a \"sentence\"", &fields, &body);
        assert_true(span_starts(span_from(buf_span(&fields), 11), span_str(rows[i].code)));
        assert_int_equal(json_parse(buf_span(&body), &arena, &v, NULL), OK);
        assert_int_equal(json_str(JSON_GET(v, "m2m:dbg"), &arena, &dbg), OK);
        assert_true(span_starts(dbg, span_str(rows[i].code)) && span_ends(dbg, SPAN("a \"sentence\"")));
    }
}

/* What the client role writes, the server role reads as the same primitive. */
static void there_and_back(void **state)
{
    (void)state;
    static const char *const tos[] = {"mn/a", "/id-mn/3f/la", "//demo.example/id-mn/mn/a", "-"};
    for (unsigned op = OP_CREATE; op <= OP_NOTIFY; op++)
        for (size_t t = 0; t < LEN(tos); t++) {
            struct prim p, back;
            struct buf b = BUF_ARRAY(room);
            struct bind_message m;
            struct http_field f[32];
            struct bind_request r = {0};
            arena_over(&arena, memory, sizeof memory);
            prim_init(&p);
            p.op = (uint8_t)op;
            prim_set(&p, PA_to, span_str(tos[t]));
            prim_set(&p, PA_fr, SPAN("/id-mn/C1"));
            prim_set(&p, PA_rqi, SPAN("x 1"));
            prim_set(&p, PA_rvi, SPAN("3"));
            prim_set(&p, PA_rset, SPAN("20261124T080000"));
            prim_set(&p, PA_ec, SPAN("4"));
            prim_set(&p, PA_rcn, SPAN("1"));
            if (op == OP_CREATE)
                prim_set(&p, PA_ty, SPAN("4"));
            if (op == OP_RETRIEVE) {
                assert_int_equal(prim_add(&p, FC_lbl, AT_NONE, SPAN("a&b=c+d e"), &arena), OK);
                assert_int_equal(prim_add(&p, FC_patr, AT_cr, SPAN("C\xC3\xA9*"), &arena), OK);
            }
            if (op == OP_CREATE || op == OP_UPDATE || op == OP_NOTIFY)
                p.pc = SPAN("{\"m2m:cin\":{\"con\":\"x\"}}");
            assert_int_equal(bind_http_send(&p, SPAN_NONE, &b, &m), OK);
            struct span lines = m.fields;
            while (lines.n) {
                struct span l = span_cut(&lines, '\n'), name = span_cut(&l, ':');
                f[r.fields++] = (struct http_field){name, span_of(l.p + 1, l.n - 2)};
            }
            struct span path = m.target, query = path;
            path = span_cut(&query, '?');
            r = (struct bind_request){m.method, path, query, m.body, f, r.fields};
            prim_init(&back);
            assert_int_equal(bind_http_request(&r, &back, &arena), OK);
            assert_null(back.bad);
            assert_int_equal(back.op, op);
            assert_int_equal(back.have, p.have);
            for (unsigned i = 1; i < PA__N; i++)
                assert_true(span_eq(back.raw[i], p.raw[i]));
            assert_true(span_eq(back.pc, p.pc));
            const struct arg *x = p.args, *y = back.args;
            for (; x && y; x = x->next, y = y->next)
                assert_true(x->crit == y->crit && x->attr == y->attr && span_eq(x->value, y->value));
            assert_true(!x && !y);
        }
}

static void client_details(void **state)
{
    (void)state;
    struct prim p;
    struct buf b = BUF_ARRAY(room);
    struct bind_message m;
    prim_init(&p);
    p.op = OP_RETRIEVE;
    prim_set(&p, PA_to, SPAN("mn/a#lbl"));
    prim_set(&p, PA_rqi, SPAN("1"));
    assert_int_equal(bind_http_send(&p, SPAN("/prefix/"), &b, &m), OK);
    assert_true(span_eq(m.target, SPAN("/prefix/mn/a?atrl=lbl")));
    assert_true(span_eq(m.fields, SPAN("X-M2M-RI: 1\r\nAccept: application/json\r\n")));
    p.op = OP_NOTIFY;
    p.pc = SPAN("{}");
    assert_int_equal(bind_http_send_to_url(&p, SPAN(""), &b, &m), OK);
    assert_true(span_eq(m.target, SPAN("/")));
    assert_true(
        span_eq(m.fields, SPAN("X-M2M-RI: 1\r\nAccept: application/json\r\nContent-Type: application/json\r\n")));
    prim_set(&p, PA_rqi, SPAN("1\r\nX-M2M-Origin: CAdmin"));
    assert_int_equal(bind_http_send(&p, SPAN_NONE, &b, &m), ERR_SYNTAX);
    prim_init(&p);
    buf_reset(&b);
    assert_int_equal(bind_http_send(&p, SPAN_NONE, &b, &m), ERR_UNSUPPORTED);
}

static void results(void **state)
{
    (void)state;
    struct prim request, out;
    prim_init(&request);
    prim_set(&request, PA_rqi, SPAN("q"));
    static const struct http_field f[] = {F("X-M2M-RSC", "4103"), F("X-M2M-RI", "other"),
                                          F("Content-Type", "application/json")};
    assert_int_equal(bind_http_result(403, f, 3, SPAN("{}"), &request, &out, &arena), OK);
    assert_int_equal(out.rsc, 4103);
    text_is(&out, PA_rqi, "other");
    assert_int_equal(out.ser, SER_JSON);
    assert_int_equal(bind_http_result(204, NULL, 0, SPAN_NONE, &request, &out, &arena), OK);
    assert_int_equal(out.rsc, 2000);
    text_is(&out, PA_rqi, "q");
    assert_int_equal(bind_http_result(404, NULL, 0, SPAN_NONE, &request, &out, &arena), OK);
    assert_int_equal(out.rsc, 5103);
    static const struct http_field odd[] = {F("X-M2M-RSC", "9")};
    assert_int_equal(bind_http_result(200, odd, 1, SPAN_NONE, &request, &out, &arena), OK);
    assert_int_equal(out.rsc, 2000);
}

static void hints(void **state)
{
    (void)state;
    static const struct {
        const char *url, *clean;
        enum ser ser;
    } rows[] = {
        {"http://h/p", "http://h/p", SER_NONE},
        {"http://h/p?ct=json", "http://h/p", SER_JSON},
        {"http://h/p?a=1&ct=xml", "http://h/p?a=1", SER_XML},
        {"http://h/p?ct=cbor&b=2", "http://h/p?b=2", SER_CBOR},
        {"http://h/p?ct=yaml", "http://h/p", SER_OTHER},
        {"http://h/p?act=json", "http://h/p?act=json", SER_NONE},
        {"/id-mn/C1?ct=json", "/id-mn/C1", SER_JSON},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf b = BUF_ARRAY(room);
        struct span clean;
        assert_int_equal(bind_http_hint(span_str(rows[i].url), &b, &clean), rows[i].ser);
        assert_true(span_eq(clean, span_str(rows[i].clean)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods),        cmocka_unit_test(targets),
        cmocka_unit_test(headers),        cmocka_unit_test(media_types),
        cmocka_unit_test(queries),        cmocka_unit_test(each_parameter_has_its_place),
        cmocka_unit_test(responses),      cmocka_unit_test(every_code_has_its_status),
        cmocka_unit_test(there_and_back), cmocka_unit_test(refusals_of_the_listener),
        cmocka_unit_test(client_details), cmocka_unit_test(results),
        cmocka_unit_test(hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
