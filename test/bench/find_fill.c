/* find_fill - fills a store with resources as the CSE writes them, for the figures of discovery and of long containers.
 *
 *   find_fill --dir FOLDER --parent RID --containers N --instances N
 *
 * FOLDER is the store of a CSE that does not run; RID an AE or container of it. Every container and every fifth
 * instance gets the label "tag". Prints {"rows":..}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/heap.h"
#include "store/store.h"

enum { BATCH = 20000 };
#define CT INT64_C(1790000000000)

struct fill {
    struct store *store;
    struct store_tx *t;
    struct arena a;
    int64_t parent, containers, instances, rows;
    const char *dir;
};

static void die(const char *what, enum err e)
{
    fprintf(stderr, "find_fill: %s: %s\n", what, err_text(e));
    exit(1);
}

static void must(const char *what, enum err e)
{
    if (e != OK)
        die(what, e);
}

static const char *rid_text(int64_t rid)
{
    static char out[16];
    size_t k = sizeof out - 1;
    for (uint64_t v = (uint64_t)rid; v; v /= 36)
        out[--k] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
    return out + k;
}

static void put(struct fill *f, struct row *r, bool tag)
{
    static const struct span label = {(const uint8_t *)"tag", 3};
    r->lbl = &label;
    r->nlbl = tag;
    r->ct = r->lt = CT;
    r->et = CT + INT64_C(157680000000);
    must("put", store_put(f->t, r));
    if (++f->rows % BATCH == 0) {
        must("commit", store_commit(f->t));
        must("write", store_write(f->store, &f->t));
    }
}

static int64_t put_container(struct fill *f, const struct row *up, int64_t n)
{
    char name[32], body[512], ri[16], pi[16];
    struct row r = {.pid = up->rid, .ty = 3, .creator = up->creator, .cni = f->instances, .cbs = f->instances * 100};
    must("rid", store_next_rid(f->t, &r.rid));
    snprintf(name, sizeof name, "c%lld", (long long)n);
    snprintf(ri, sizeof ri, "%s", rid_text(r.rid));
    snprintf(pi, sizeof pi, "%s", rid_text(up->rid));
    snprintf(body, sizeof body,
             "{\"rn\":\"%s\",\"ty\":3,\"ri\":\"%s\",\"pi\":\"%s\",\"ct\":\"20260921T121640,000000\","
             "\"et\":\"20310920T121640\",\"lbl\":[\"tag\"],\"mni\":100000000}",
             name, ri, pi);
    r.rn = span_str(name);
    r.body = span_str(body);
    r.st = f->instances;
    put(f, &r, true);
    return r.rid;
}

static void put_instance(struct fill *f, int64_t up, int64_t n)
{
    char body[512], ri[16], pi[16];
    bool tag = n % 5 == 0;
    struct row r = {.pid = up, .ty = 4, .st = n + 1, .cs = 100};
    must("rid", store_next_rid(f->t, &r.rid));
    snprintf(ri, sizeof ri, "%s", rid_text(r.rid));
    snprintf(pi, sizeof pi, "%s", rid_text(up));
    snprintf(
        body, sizeof body,
        "{\"rn\":\"cin-%s\",\"ty\":4,\"ri\":\"%s\",\"pi\":\"%s\",\"ct\":\"20260921T121640,000000\","
        "\"lt\":\"20260921T121640,000000\",\"et\":\"20310920T121640\",%s\"st\":%lld,\"cs\":100,\"con\":\"%0100d\"}",
        ri, ri, pi, tag ? "\"lbl\":[\"tag\"]," : "", (long long)(n + 1), 0);
    r.body = span_str(body);
    put(f, &r, tag);
}

static void options(struct fill *f, int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        int64_t v = strtoll(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--dir"))
            f->dir = argv[i + 1];
        else if (!strcmp(argv[i], "--parent"))
            f->parent = v;
        else if (!strcmp(argv[i], "--containers"))
            f->containers = v;
        else if (!strcmp(argv[i], "--instances"))
            f->instances = v;
    }
    if (!f->dir || !f->parent)
        die("needs --dir and --parent", ERR_CONFIG);
}

int main(int argc, char **argv)
{
    static const uint8_t instance[16];
    struct fill f = {.containers = 1};
    struct row up;
    options(&f, argc, argv);
    heap_arena(&f.a, 4096, 1 << 20);
    must("open", store_sqlite(f.dir, false, instance, &f.store));
    must("write", store_write(f.store, &f.t));
    must("parent", store_get(f.t, f.parent, &f.a, &up));
    for (int64_t c = 0; c < f.containers; c++) {
        int64_t rid = put_container(&f, &up, c);
        for (int64_t i = 0; i < f.instances; i++)
            put_instance(&f, rid, i);
    }
    must("commit", store_commit(f.t));
    store_close(f.store);
    arena_reset(&f.a);
    printf("{\"rows\":%lld}\n", (long long)f.rows);
    return 0;
}
