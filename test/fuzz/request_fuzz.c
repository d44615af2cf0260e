/* Targets: bind_http_request, prim_read, prim_body, check_create, check_update, acr_compile, bind_http_response,
 * bind_http_send. Input: method, path, query, origin, content type, further "name: value" lines, an empty line, body.
 * Properties: every refusal has a rule and becomes a response; what was accepted can be sent on and reads the same. */
#include "target.h"

#include "bind/http.h"
#include "m2m/acr.h"

static uint8_t memory[1 << 22], room[1 << 18];
static const struct self me = {
    {(const uint8_t *)"//demo.example", 14}, {(const uint8_t *)"/id-mn", 6}, {(const uint8_t *)"mn", 2}};

static void must(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static void answers(const struct prim *q, struct verdict v, const struct switches *sw, struct arena *a)
{
    struct prim out;
    struct buf b = BUF_ARRAY(room);
    struct bind_message m;
    struct jval *dbg;
    must(v.rule != NULL);
    prim_refuse(&out, q, v, a);
    enum err e = bind_http_response(&out, sw, &b, &m);
    must(e == OK || e == ERR_SYNTAX);
    must(m.status >= 200 && m.status < 600);
    if (out.pc.n)
        must(json_parse(out.pc, a, &dbg, NULL) == OK || !arena_ok(a));
}

/* Sent to the next CSE and received there it is the same request. */
static void goes_on(const struct prim *q, struct arena *a)
{
    struct buf b = BUF_ARRAY(room);
    struct bind_message m;
    struct prim again;
    if (bind_http_send(q, SPAN_NONE, &b, &m) != OK)
        return;
    struct span query = m.target, path = span_cut(&query, '?');
    struct bind_request r = {m.method, path, query, m.body, NULL, 0};
    struct http_field type = {SPAN("Content-Type"), SPAN_NONE};
    if (q->op == OP_CREATE) {
        type.value = arena_join(a, SPAN("application/json;ty="), q->raw[PA_ty]);
        r.field = &type;
        r.fields = 1;
    }
    prim_init(&again);
    if (bind_http_request(&r, &again, a) != OK)
        return;
    must(!again.bad && again.op == q->op && span_eq(again.raw[PA_rcn], q->raw[PA_rcn]));
    size_t mark = span_find(q->raw[PA_to], '#');
    must(span_eq(again.raw[PA_to], span_first(q->raw[PA_to], mark)));
}

static void representation(const struct prim *q, const struct switches *sw, struct arena *a)
{
    static const uint16_t parents[] = {TY_CB, TY_AE, TY_CNT};
    struct attrs out;
    const struct acr_set *set;
    for (size_t i = 0; i < LEN(parents); i++) {
        struct check c = {.sw = sw,
                          .now = 1795507200000,
                          .role = ROLE_MN,
                          .rvi = q->rvi,
                          .parent_ty = parents[i],
                          .ty = q->ty,
                          .pc = q->body};
        struct verdict v = q->op == OP_CREATE ? check_create(&c, a, &out) : VERDICT_GO;
        must(verdict_go(v) || v.rule);
        if (q->op == OP_CREATE && verdict_go(v) && q->ty == TY_ACP)
            must(acr_compile(attrs_get(&out, AT_pv), a, &set) != ERR_TYPE &&
                 acr_compile(attrs_get(&out, AT_pvs), a, &set) != ERR_TYPE);
        if (q->op == OP_UPDATE) {
            c.ty = type_of_root(q->root) ? type_of_root(q->root)->number : TY_CNT;
            v = check_update(&c, NULL, a, &out);
            must(verdict_go(v) || v.rule);
        }
    }
}

static void one(struct span s, struct switches sw)
{
    struct arena a;
    struct prim q;
    struct http_field f[16];
    struct bind_request r = {.field = f};
    struct prim_env env = {.self = &me,
                           .sw = &sw,
                           .now = 1795507200000,
                           .role = ROLE_MN,
                           .releases = 0x3E,
                           .refuse = PRIM_REFUSE,
                           .refuse_fc = PRIM_REFUSE_FC};
    arena_over(&a, memory, sizeof memory);
    prim_init(&q);
    r.method = span_cut(&s, '\n');
    r.path = span_cut(&s, '\n');
    r.query = span_cut(&s, '\n');
    f[r.fields++] = (struct http_field){SPAN("X-M2M-Origin"), span_cut(&s, '\n')};
    f[r.fields++] = (struct http_field){SPAN("Content-Type"), span_cut(&s, '\n')};
    f[r.fields++] = (struct http_field){SPAN("X-M2M-RI"), SPAN("1")};
    while (s.n && s.p[0] != '\n' && r.fields < LEN(f)) {
        struct span line = span_cut(&s, '\n'), name = span_cut(&line, ':');
        f[r.fields++] = (struct http_field){name, line};
    }
    (void)span_cut(&s, '\n');
    r.body = s;
    if (bind_http_request(&r, &q, &a) != OK)
        return;
    struct verdict v = prim_read(&q, &env, &a);
    if (!verdict_go(v)) {
        answers(&q, v, &sw, &a);
        return;
    }
    goes_on(&q, &a);
    v = prim_body(&q, &a);
    if (!verdict_go(v))
        answers(&q, v, &sw, &a);
    else if (q.body)
        representation(&q, &sw, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    one(span_of(data, size), (struct switches){0});
    one(span_of(data, size), switches_open());
    return 0;
}
