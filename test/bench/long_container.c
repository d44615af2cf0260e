/* long_container - CREATE of an instance and RETRIEVE of la, inside one process, for counting instructions:
 *
 *   valgrind --tool=callgrind --toggle-collect=measured long_container --dir FOLDER --do create|la
 *
 * FOLDER is the store of /id-in with in/bench/c0 (find_fill). What is counted are 200 requests in batches of ten, after
 * 50 that are not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cse/cse.h"
#include "host/heap.h"

enum { WARM = 50, COUNTED = 200, BATCH = 10, MEM = 1 << 20 };

static struct store *store;
static struct cse *cse;
static struct exch *queue, **end = &queue;
static size_t answered;

static int64_t now(void *ctx)
{
    (void)ctx;
    return INT64_C(1790000100000);
}

static void entropy(void *ctx, void *p, size_t n)
{
    (void)ctx;
    memset(p, 7, n);
}

static bool enqueue(void *ctx, struct exch *x)
{
    (void)ctx;
    x->next = NULL;
    *end = x;
    end = &x->next;
    return true;
}

static void no_send(void *ctx, struct sending *s)
{
    (void)ctx;
    (void)s;
    abort();
}

static void no_later(void *ctx, unsigned loop, void (*fn)(void *arg), void *arg)
{
    (void)ctx;
    (void)loop;
    (void)fn;
    (void)arg;
}

static void no_wake(void *ctx, unsigned loop, int64_t at)
{
    (void)ctx;
    (void)loop;
    (void)at;
}

struct one {
    struct exch x;
    struct prim q;
    struct arena a;
};

static void done(struct exch *x)
{
    if (x->rsp->rsc >= 3000) {
        fprintf(stderr, "long_container: %u %.*s\n", x->rsp->rsc, SPAN_FMT(x->rsp->pc));
        exit(1);
    }
    answered++;
}

static void submit(struct one *o, bool create)
{
    heap_arena(&o->a, 16384, MEM);
    prim_init(&o->q);
    o->q.op = create ? OP_CREATE : OP_RETRIEVE;
    prim_set(&o->q, PA_op, create ? SPAN("1") : SPAN("2"));
    prim_set(&o->q, PA_to, create ? SPAN("in/bench/c0") : SPAN("in/bench/c0/la"));
    prim_set(&o->q, PA_fr, SPAN("Cbench"));
    prim_set(&o->q, PA_rqi, SPAN("1"));
    prim_set(&o->q, PA_rvi, SPAN("3"));
    if (create) {
        prim_set(&o->q, PA_ty, SPAN("4"));
        o->q.pc = SPAN("{\"m2m:cin\":{\"con\":\"a reading of the usual length\"}}");
        o->q.ser = SER_JSON;
    }
    o->x = (struct exch){.req = &o->q, .arena = &o->a, .done = done, .door = o};
    cse_submit(cse, &o->x);
}

static void write_queue(void)
{
    struct exch *list[BATCH];
    size_t n = 0;
    for (struct exch *x = queue; x; x = x->next)
        list[n++] = x;
    queue = NULL;
    end = &queue;
    if (!n)
        return;
    cse_run_write(cse, list, n);
    for (size_t i = 0; i < n; i++)
        cse_finish(cse, list[i]);
}

static __attribute__((noinline)) void requests(bool create, int n)
{
    static struct one some[BATCH];
    for (int at = 0; at < n; at += BATCH) {
        for (int i = 0; i < BATCH; i++)
            submit(&some[i], create);
        write_queue();
        for (int i = 0; i < BATCH; i++)
            arena_reset(&some[i].a);
    }
}

/* callgrind counts from here. */
__attribute__((noinline)) void measured(bool create);
void measured(bool create)
{
    requests(create, COUNTED);
}

int main(int argc, char **argv)
{
    static const uint8_t instance[16];
    const char *dir = NULL, *what = "la", *why = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--dir"))
            dir = argv[i + 1];
        else if (!strcmp(argv[i], "--do"))
            what = argv[i + 1];
    }
    bool create = strcmp(what, "create") == 0;
    if (!dir || store_sqlite(dir, false, instance, &store) != OK) {
        fprintf(stderr, "long_container: no store in --dir\n");
        return 1;
    }
    struct cse_conf conf = {.role = ROLE_IN,
                            .self = {SPAN("//demo.example"), SPAN("/id-in"), SPAN("in")},
                            .admin = SPAN("CAdmin"),
                            .sw = switches_open()};
    struct world w = {.now = now,
                      .entropy = entropy,
                      .store = store,
                      .send = no_send,
                      .enqueue = enqueue,
                      .later = no_later,
                      .wake = no_wake};
    if (cse_new(&conf, &w, &cse, &why) != OK) {
        fprintf(stderr, "long_container: %s\n", why ? why : "no engine");
        return 1;
    }
    requests(create, WARM);
    measured(create);
    printf("{\"answered\":%zu}\n", answered);
    cse_free(cse);
    store_close(store);
    return 0;
}
