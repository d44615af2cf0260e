#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/subject.h"
#include "host/heap.h"

const uint8_t subject_instance[16] = "contract-subject";
static const char *chosen;

bool subject_choose(const char *name)
{
    chosen = name;
    return strcmp(name, "mem") == 0 || strcmp(name, "sqlite") == 0 || strcmp(name, "fault") == 0;
}

void subject_folder(char dir[64])
{
    snprintf(dir, 64, "/tmp/oneseal-store-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

void subject_remove(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

struct store *subject_sqlite(const char *dir)
{
    struct store *s = NULL;
    assert_int_equal(store_sqlite(dir, false, subject_instance, &s), OK);
    return s;
}

static void reopen(struct subject *s)
{
    store_close(s->store);
    s->store = subject_sqlite(s->dir);
}

int subject_open(void **state)
{
    struct subject *s = xalloc(sizeof *s);
    heap_arena(&s->mem, 1 << 16, 1 << 28);
    if (strcmp(chosen, "sqlite") == 0) {
        subject_folder(s->dir);
        s->store = subject_sqlite(s->dir);
        s->reopen = reopen;
    } else {
        s->store = store_mem(subject_instance);
    }
    s->plan.left = FAULT_NEVER;
    if (strcmp(chosen, "fault") == 0)
        s->store = store_fault(s->store, &s->plan);
    *state = s;
    return s->store ? 0 : -1;
}

int subject_close(void **state)
{
    struct subject *s = *state;
    store_close(s->store);
    if (s->dir[0])
        subject_remove(s->dir);
    arena_reset(&s->mem);
    free(s);
    return 0;
}

bool subject_same_row(const struct row *x, const struct row *y)
{
    return x->rid == y->rid && x->pid == y->pid && x->ty == y->ty && span_eq(x->rn, y->rn) &&
           span_eq(x->alias, y->alias) && span_eq(x->creator, y->creator) && x->ct == y->ct && x->lt == y->lt &&
           x->et == y->et && x->st == y->st && x->cni == y->cni && x->cbs == y->cbs && x->cs == y->cs &&
           x->subs == y->subs && x->rank == y->rank && span_eq(x->spec, y->spec) && span_eq(x->body, y->body);
}
