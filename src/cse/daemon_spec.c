/* daemon_spec.c - reads a folder of flexContainer specializations. */
#include "cse/daemon_spec.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>

#include "host/heap.h"
#include "m2m/spec.h"

enum { SPEC_MEMORY = 64 << 20, SPEC_BLOCK = 1 << 16 };

static int is_json(const struct dirent *d)
{
    return span_ends(span_str(d->d_name), SPAN(".json"));
}

static enum err say(struct buf *why, const char *path, enum err e, const struct spec_why *w)
{
    buf_fmt(why, "%s: ", path);
    if (w->root.n)
        buf_fmt(why, "%.*s: ", SPAN_FMT(w->root));
    if (w->attr.n)
        buf_fmt(why, "%.*s: ", SPAN_FMT(w->attr));
    buf_fmt(why, "%s\n", w->rule ? w->rule : err_text(e));
    return ERR_CONFIG;
}

static enum err read_file(struct spec_list *l, const char *path, struct arena *a, struct buf *why)
{
    struct buf text = heap_buf(SPEC_TEXT_MAX);
    struct spec_why w = {0};
    enum err e = file_read(path, &text);
    if (e == OK) { /* the tables point into it */
        struct span lasting = arena_dup(a, buf_span(&text));
        e = arena_ok(a) ? spec_read(l, lasting, a, &w) : ERR_NOMEM;
    }
    heap_buf_free(&text);
    return e == OK ? OK : say(why, path, e, &w);
}

enum err daemon_specs(const char *folder, struct buf *why)
{
    static struct arena mem; /* for the life of the process */
    static struct spec_list list;
    struct dirent **names;
    enum err e = OK;
    if (!folder)
        return OK;
    int n = scandir(folder, &names, is_json, alphasort);
    if (n < 0) {
        buf_fmt(why, "%s: cannot read this folder of specializations\n", folder);
        return ERR_CONFIG;
    }
    heap_arena(&mem, SPEC_BLOCK, SPEC_MEMORY);
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (e == OK)
            e = read_file(&list, path, &mem, why);
        free(names[i]);
    }
    free(names);
    type_extend(&list);
    return e;
}
