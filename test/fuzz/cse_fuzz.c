/* Targets: cse_submit, cse_run_write, cse_tick over the memory store: a whole CSE under a script of requests.
 *
 * Each request takes a few octets: operation, target, originator, type, result content, content (one of a list, or
 * octets of the input). Properties: every request is answered once, every content is JSON, no refusal without a
 * reason; afterwards every container counts its instances, their sizes and every resource its subscriptions right. */
#include "target.h"

#include "../unit/cse_node.h"

static const char *const targets[] = {
    "in",           "-",          "in/one",   "in/one/c", "in/one/c/la", "in/one/c/ol", "in/one/c/d",
    "in/one/p",     "in/one/c/s", "in/two",   "Cone",     "5",           "6/la",        "/id-in/8",
    "/id-x/y",      "in/one/c/i", "in/csr",   "a#lbl",    "in/one#rn",   "/id-in/-/x",  "//demo.example/id-in/in/one",
    "in/one/q/pcu", "in/one/q",   "in/req-6", "in/req-7", "in/req-9",    "in/csr/q/pcu"};
static const char *const originators[] = {"Cone", "Ctwo", "CAdmin", "", "C", "Sapp", "/id-r", "nobody/at/all"};
static const uint16_t types[] = {0, 1, 2, 3, 4, 5, 16, 23, 9, 999, 15, 17};
static const char *const contents[] = {
    "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://t/\"]}}",
    "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}",
    "{\"m2m:cnt\":{\"rn\":\"c\",\"mni\":3,\"mbs\":30}}",
    "{\"m2m:cnt\":{\"rn\":\"d\",\"lbl\":[\"x\"],\"mia\":3}}",
    "{\"m2m:cnt\":{\"mni\":1,\"lbl\":null}}",
    "{\"m2m:cnt\":{\"disr\":true}}",
    "{\"m2m:cnt\":{\"disr\":false,\"mbs\":4}}",
    "{\"m2m:cnt\":{\"acpi\":[\"in/one/p\"]}}",
    "{\"m2m:cin\":{\"con\":\"hello\"}}",
    "{\"m2m:cin\":{\"rn\":\"i\",\"con\":{\"a\":[1,2]}}}",
    "{\"m2m:cin\":{\"con\":\"0123456789012345678901234567890123456789\"}}",
    "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://t/\"],\"exc\":2,\"su\":\"http://t/\",\"enc\":{\"net\":[1,2,3,4]}}}",
    "{\"m2m:sub\":{\"nu\":[\"in/one\"],\"enc\":{\"net\":[3]},\"nct\":3}}",
    "{\"m2m:sub\":{\"nu\":[\"/id-r/x\",\"Cone?ct=json\"]}}",
    "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"Ctwo\"],\"acop\":63}]},\"pvs\":{\"acr\":[{\"acor\":["
    "\"Cone\"],\"acop\":63}]}}}",
    "{\"m2m:csr\":{\"rn\":\"csr\",\"cb\":\"/id-r/r\",\"rr\":true,\"poa\":[\"http://t/\"],\"srv\":[\"3\"],\"dcse\":[\"/"
    "id-x\"]}}",
    "{\"m2m:sgn\":{\"sur\":\"/id-in/5\",\"vrq\":true,\"cr\":\"Cone\"}}",
    "{\"m2m:cnt\":{}}",
    "{\"m2m:pch\":{\"rn\":\"q\"}}",
    "{\"m2m:pch\":{\"rqag\":true}}",
    "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"r\",\"pc\":{\"m2m:dbg\":\"x\"}}}",
};
static const char *const results[] = {NULL, "0", "1", "2", "3", "4", "5", "6", "8", "9", "11"};
static const struct more filters[][3] = {{{0}},
                                         {{"fu", "1"}},
                                         {{"fu", "1"}, {"ty", "3"}},
                                         {{"fu", "1"}, {"lbl", "x"}},
                                         {{"lim", "1"}, {"ofst", "2"}},
                                         {{"lvl", "1"}},
                                         {{"lbl", "x"}},
                                         {{"atrl", "rn lbl"}},
                                         {{"rt", "1"}, {"oet", "2000"}},
                                         {{"rt", "2"}, {"rp", "3000"}},
                                         {{"rt", "4"}, {"rtu", "http://t/&in/two"}},
                                         {{"rt", "2"}},
                                         {{"rqet", "2500"}, {"rset", "2600"}},
                                         {{"oet", "1500"}, {"rt", "4"}}};

struct script {
    const uint8_t *p;
    size_t n;
};

static unsigned take(struct script *s, size_t below)
{
    if (!s->n)
        return 0;
    s->n--;
    return (unsigned)(*s->p++ % below);
}

static void request(struct node *n, struct script *s)
{
    struct ask *k = ask_new();
    unsigned op = take(s, OP__N - 1) + 1, ty;
    char number[16];
    k->q.op = (uint8_t)op;
    put_text(k, PA_to, targets[take(s, LEN(targets))]);
    put_text(k, PA_fr, originators[take(s, LEN(originators))]);
    put_text(k, PA_rqi, "r");
    put_text(k, PA_rvi, "3");
    ty = types[take(s, LEN(types))];
    if (ty && op == OP_CREATE) {
        snprintf(number, sizeof number, "%u", ty);
        put_text(k, PA_ty, number);
    }
    put_text(k, PA_rcn, results[take(s, LEN(results))]);
    put_more(k, filters[take(s, LEN(filters))]);
    unsigned which = take(s, LEN(contents) + 2);
    if (which < LEN(contents) && op != OP_RETRIEVE && op != OP_DELETE)
        k->q.pc = span_str(contents[which]);
    else if (which == LEN(contents)) {
        size_t len = take(s, 64);
        k->q.pc = span_of(s->p, len < s->n ? len : s->n);
        s->p += k->q.pc.n;
        s->n -= k->q.pc.n;
    }
    k->q.pc = arena_dup(&k->a, k->q.pc);
    k->q.ser = k->q.pc.n ? SER_JSON : SER_NONE;
    cse_submit(n->cse, &k->x);
    settle(n->net);
    for (int i = 0; i < 70 && !k->done; i++) /* a poll waits a minute */
        wait_ms(n->net, 1000);
    if (!k->done || (k->pc[0] && json_check(span_str(k->pc), NULL) != OK) || (k->rsc >= 4000 && !k->pc[0]))
        __builtin_trap();
    ask_free(k);
}

/* ---- what must hold afterwards ------------------------------------------------------------------- */

static void check_children(struct store_tx *t, struct arena *a, const struct row *row)
{
    struct rows kids;
    int64_t cni = 0, cbs = 0, subs = 0;
    if (store_list(t, row->rid, 0, 0, 10000, true, a, &kids) != OK)
        __builtin_trap();
    for (size_t i = 0; i < kids.n; i++) {
        cni += kids.v[i].ty == TY_CIN;
        cbs += kids.v[i].ty == TY_CIN ? kids.v[i].cs : 0;
        subs += kids.v[i].ty == TY_SUB;
    }
    if (row->subs != subs || (row->ty == TY_CNT && (row->cni != cni || row->cbs != cbs)))
        __builtin_trap();
    if (row->ty != TY_CB && !row->pid)
        __builtin_trap();
}

static void check_store(struct node *n)
{
    static const uint32_t kinds[] = {TY_CB, TY_AE, TY_CNT, TY_ACP, TY_CSR, TY_SUB};
    struct store_tx *t;
    struct arena a;
    heap_arena(&a, 1 << 16, 64 << 20);
    if (store_read(n->store, 0, &t) != OK)
        __builtin_trap();
    for (size_t i = 0; i < LEN(kinds); i++) {
        struct rows all;
        if (store_find(t, FIND_TYPE, kinds[i], SPAN_NONE, 0, 10000, true, &a, &all) != OK)
            __builtin_trap();
        for (size_t k = 0; k < all.n; k++)
            check_children(t, &a, &all.v[k]);
    }
    store_end(t);
    arena_reset(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outside target;
    struct script s = {data, size};
    net = (struct net){0};
    struct node *n = node_up(&net, ROLE_IN, "/id-in", "in", "http://in", NULL, take(&s, 2));
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    net.outside[0] = &target;
    net.nout = 1;
    for (unsigned i = 0; s.n > 0 && i < 60; i++) {
        unsigned dice = take(&s, 16);
        target.rsc = dice == 1 ? 0 : dice == 2 ? 4000 : 2000;
        if (dice == 3)
            wait_ms(&net, 4000);
        request(n, &s);
    }
    check_store(n);
    net_down(&net);
    return 0;
}
