/* Targets: the whole engine over the memory store, in a field of two CSEs that are registered with one another: every
 * type, fan-out, polling, non-blocking requests, announcement, events and the time that passes, under a script.
 *
 * Each request takes a few octets: operation, target, originator, content, result content, how it is to be answered.
 * Several may be under way at once. Properties: every request is answered once and in time, every content is JSON,
 * no refusal without a reason; afterwards every holder counts its instances and subscriptions right, and nothing of the
 * engine is left behind. */
#include "target.h"

#include "../unit/cse_node.h"

static const struct sample {
    const char *home;
    uint16_t ty;
    const char *text;
} samples[] = {
#define SAMPLE(home, ty, text) {home, ty, text},
#include "field.def"
#undef SAMPLE
};
/* Behind the homes of the samples. */
static const char *const places[] = {"in/one/c/la",     "in/one/c/ol",     "in/one/g/fopt", "in/one/g/fopt/la",
                                     "in/one/ts/la",    "in/one/ts/ol",    "in/one/fc/la",  "in/two/poll",
                                     "in/two/poll/pcu", "in/one/c/s/ntsr", "in/one/p",      "in/n/b",
                                     "in/n/f",          "in/n/w",          "in/l",          "in/one/x",
                                     "in/one/a",        "in/dac",          "in/ntp",        "in/one/sem",
                                     "in/csr",          "/id-mn/-",        "/id-mn/-/far",  "/id-mn/-/far/la",
                                     "/id-x/y",         "in/one/nowhere",  "Cone",          "-",
                                     "in/one/tsb",      "in/one/c/bn",     "in/one/d/blk",  "in/one/c#lbl",
                                     "in/one/g/fopt/s", "/id-in/-/req1",   "in/one/c/b",    "in/one/ts/md"};
static const char *const originators[] = {"Cone",  "Ctwo",   "CAdmin",       "", "C", "Sapp",
                                          "/id-r", "/id-mn", "nobody/at/all"};
static const char *const results[] = {NULL, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "11", "12"};
static const struct more ways[][4] = {{{0}},
                                      {{"rt", "1"}},
                                      {{"rt", "2"}},
                                      {{"rt", "4"}},
                                      {{"rt", "5"}},
                                      {{"rqet", "1500"}},
                                      {{"rt", "1"}, {"rp", "3000"}},
                                      {{"oet", "2500"}},
                                      {{"rset", "4000"}},
                                      {{"fu", "1"}},
                                      {{"fu", "1"}, {"lbl", "x*"}},
                                      {{"fu", "1"}, {"ty", "3"}, {"arp", "la"}},
                                      {{"lim", "1"}, {"ofst", "2"}},
                                      {{"lvl", "1"}},
                                      {{"lbl", "x"}},
                                      {{"fu", "1"}, {"chty", "4"}, {"drt", "2"}},
                                      {{"fu", "1"}, {"lbq", "x EQ y"}},
                                      {{"gid", "same"}},
                                      {{"ec", "4"}}};

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

enum { OPEN_MAX = 4, REQUESTS_MAX = 40, PATIENCE_S = 30 };
static struct ask *open_asks[OPEN_MAX];

/* Every request is answered in the end; a poll that finds nothing at its rqet or when the CSE gives up. */
static void judge(struct ask *k)
{
    for (int i = 0; i < PATIENCE_S && !k->done; i++)
        wait_ms(&net, 1000);
    if (!k->done || (k->pc[0] && json_check(span_str(k->pc), NULL) != OK) || (k->rsc >= 4000 && !k->pc[0]))
        __builtin_trap();
    ask_free(k);
}

static struct ask *ask_with(struct node *n, unsigned op, const char *to, const char *fr, unsigned ty, struct span pc)
{
    static unsigned serial;
    struct ask *k = ask_new();
    char number[16];
    k->q.op = (uint8_t)op;
    put_text(k, PA_to, to);
    put_text(k, PA_fr, fr);
    snprintf(number, sizeof number, "r%u", ++serial);
    put_text(k, PA_rqi, number);
    put_text(k, PA_rvi, "3");
    if (ty) {
        snprintf(number, sizeof number, "%u", ty);
        put_text(k, PA_ty, number);
    }
    k->q.pc = arena_dup(&k->a, pc);
    k->q.ser = pc.n ? SER_JSON : SER_NONE;
    struct span *id = ARENA_NEW(&k->a, struct span);
    bool admin = !strcmp(fr, "CAdmin"), cse = !strncmp(fr, "/id-", 4);
    *id = admin ? arena_join(&k->a, arena_join(&k->a, n->conf.self.sp, n->conf.self.csi), SPAN("/CAdmin"))
                : arena_join(&k->a, n->conf.self.sp, span_str(fr));
    if (admin || cse) /* these prove who they are */
        k->q.assoc = (struct assoc){.secured = true, .kind = cse ? ASSOC_CSE : ASSOC_AE, .ids = id, .n_ids = 1};
    return k;
}

static void request(struct node *n, struct script *s)
{
    unsigned op = take(s, OP__N - 1) + 1, which = take(s, LEN(samples) + 1), where = take(s, 256);
    const struct sample *with = &samples[which % LEN(samples)];
    const char *to = where < 128 ? with->home : places[where % LEN(places)];
    const char *fr = originators[take(s, LEN(originators))];
    bool carries = op == OP_CREATE || op == OP_UPDATE || op == OP_NOTIFY;
    struct span pc = carries ? span_str(with->text) : SPAN_NONE;
    if (carries && which == LEN(samples)) {
        size_t len = take(s, 64);
        pc = span_of(s->p, len < s->n ? len : s->n);
        s->p += pc.n;
        s->n -= pc.n;
    }
    struct ask *k = ask_with(n, op, to, fr, op == OP_CREATE ? with->ty : 0, pc);
    put_text(k, PA_rcn, results[take(s, LEN(results))]);
    put_more(k, ways[take(s, LEN(ways))]);
    unsigned slot = take(s, OPEN_MAX);
    cse_submit(n->cse, &k->x);
    if (slot) /* this one may be under way together with others */
        settle(&net);
    if (open_asks[slot])
        judge(open_asks[slot]);
    open_asks[slot] = k;
}

/* One of each: as its originator may, or as the administrator. */
static void furnish(struct node *in, struct node *mn)
{
    call(mn, OP_CREATE, "mn", "CAdmin", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"far\"}}", NULL);
    for (size_t i = 0; i < LEN(samples) && samples[i].ty; i++) {
        const char *fr = i == 0 ? "Cone" : i == 1 ? "Ctwo" : !strncmp(samples[i].home, "in/two", 6) ? "Ctwo" : "Cone";
        if (samples[i].ty == TY_CSR)
            fr = "/id-r";
        else if (i > 1 && (!strcmp(samples[i].home, "in") || !strcmp(samples[i].home, "in/n")))
            fr = "CAdmin";
        struct ask *k = ask_with(in, OP_CREATE, samples[i].home, fr, samples[i].ty, span_str(samples[i].text));
        cse_submit(in->cse, &k->x);
        settle(&net);
        for (int s = 0; s < PATIENCE_S && !k->done; s++)
            wait_ms(&net, 1000);
        if (getenv("FIELD_SHOW"))
            fprintf(stderr, "%u %s %s\n", k->rsc, samples[i].home, k->pc);
        judge(k);
    }
}

/* ---- what must hold afterwards ------------------------------------------------------------------- */

static void check_children(struct store_tx *t, struct arena *a, const struct row *row)
{
    struct rows kids;
    int64_t cni = 0, cbs = 0, subs = 0;
    if (store_list(t, row->rid, 0, 0, 10000, true, a, &kids) != OK)
        __builtin_trap();
    for (size_t i = 0; i < kids.n; i++) {
        bool instance = kids.v[i].ty == TY_CIN || kids.v[i].ty == TY_TSI || kids.v[i].ty == TY_FCI;
        cni += instance;
        cbs += instance ? kids.v[i].cs : 0;
        subs += kids.v[i].ty == TY_SUB;
        check_children(t, a, &kids.v[i]);
    }
    bool counts = row->ty == TY_CNT || row->ty == TY_TS || row->ty == TY_FCNT;
    if ((uint32_t)row->subs != subs || (counts && (row->cni != cni || row->cbs != cbs)) ||
        (row->ty != TY_CB && !row->pid))
        __builtin_trap();
}

static void check_store(struct node *n)
{
    struct store_tx *t;
    struct arena a;
    struct row base;
    heap_arena(&a, 1 << 16, 64 << 20);
    if (store_read(n->store, 0, &t) != OK || store_get(t, 1, &a, &base) != OK)
        __builtin_trap();
    check_children(t, &a, &base);
    store_end(t);
    arena_reset(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outside target;
    struct script s = {data, size};
    net = (struct net){0};
    bool lab = take(&s, 2);
    struct node *in = node_up(&net, ROLE_IN, "/id-in", "in", "http://in", NULL, lab);
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "http://mn", in, lab);
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    net.outside[0] = &target;
    net.nout = 1;
    wait_ms(&net, 1000);
    furnish(in, mn);
    for (unsigned i = 0; s.n > 0 && i < REQUESTS_MAX; i++) {
        unsigned dice = take(&s, 16);
        target.rsc = dice == 1 ? 0 : dice == 2 ? 4005 : 2000;
        net.down = dice == 4 ? 2 : 0;
        if (dice == 3)
            wait_ms(&net, 4000);
        request(dice == 5 ? mn : in, &s);
    }
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (open_asks[i])
            judge(open_asks[i]);
        open_asks[i] = NULL;
    }
    wait_ms(&net, 20000);
    check_store(in);
    check_store(mn);
    net_down(&net);
    return 0;
}
