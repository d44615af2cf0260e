/* audit.c - `oneseal audit`: the TTP's log as this profile sees it, and whether it is the one that it saw before.
 *
 * verify reads every leaf, computes the tree of RFC 9162 over them, compares it with the signed head, checks that
 * the head kept from earlier is a beginning of it, and looks for each release that this profile has on paper. */
#include "app/session.h"
#include "cli/verbs.h"

#include "base/code.h"
#include "base/m2mtime.h"
#include "esd/log.h"
#include "host/heap.h"
#include "wire/json.h"

enum {
    PAGE = 256,
    ENTRIES_MAX = 1 << 24, /* 512 MiB of leaf hashes */
    TEXT_MAX = 8 << 20,
    ARENA_BLOCK = 1 << 16,
    ARENA_MAX = 64 << 20,
    PATH_MAX_ = 128,
    LINE_MAX_ = 1 << 16,
    TIME_MAX_ = 32
};

struct audit {
    struct cli *c;
    struct session s;
    struct ttp *t;
    struct span origin; /* of the log */
    uint8_t pub[LOG_PUBLIC];
    struct log_head head; /* now, signed */
    struct span note;
    struct book_head kept; /* from earlier */
    bool has_kept;
    struct log_tree tree;
    struct log_hash *leaf; /* all of them */
    uint64_t papers, mine, faults;
    bool print; /* show instead of verify */
    uint64_t start;
};

static enum status damaged(struct audit *a, const char *what)
{
    return CLI_FAIL(a->c, ST_FOUND, .what = what, .who = "this program", .kind = "log", .object = a->t->row->fqdn,
                    .code = reason_code(REASON_PROOF_INVALID),
                    .todo = "keep the store as it is and ask the operator of the TTP, and others who hold heads");
}

static enum status no_ttp(struct audit *a, enum reason r)
{
    const struct ttps *t = &a->s.ttps;
    return CLI_FAIL(a->c, (enum status)reason_exit(r), .what = cli_fmt(a->c, "the log cannot be read: %s", t->why),
                    .who = t->who, .kind = "log", .object = a->t->row->fqdn, .code = reason_code(r),
                    .todo = t->todo[0] ? t->todo : "check the TTP's url and that it runs; try again");
}

static enum status open_audit(struct cli *c, struct audit *a)
{
    const char *fqdn = cli_opt(c, "ttp");
    a->c = c;
    enum status st = profile_load(&c->app, c->args ? c->arg[0] : NULL, &a->s.p);
    if (st == ST_DONE)
        st = session_open(&c->app, &a->s, SESSION_BOOK | SESSION_TTP);
    if (st != ST_DONE)
        return st;
    a->t = fqdn ? ttps_find(&a->s.ttps, span_str(fqdn)) : a->s.p.ttps == 1 ? &a->s.ttps.one[0] : NULL;
    if (!a->t)
        return CLI_FAIL(c, ST_USAGE, .what = "which TTP?", .who = "this program", .object = fqdn,
                        .todo = "name one of the profile's [ttp FQDN] sections: --ttp FQDN");
    if (log_vkey_get(a->t->bundle.log_vkey, &a->origin, a->pub) != OK)
        return CLI_FAIL(c, ST_CONFIG, .what = "the pinned bundle has no valid log key", .who = "this program",
                        .kind = "file", .object = a->t->row->bundle, .todo = "ask the operator for its present bundle");
    a->has_kept = book_head_get(a->s.book, span_str(a->t->row->fqdn), &a->kept) == OK;
    return ST_DONE;
}

static enum status read_head(struct audit *a)
{
    struct buf b = heap_buf(TEXT_MAX);
    enum reason r = ttp_register(&a->s.ttps, a->t);
    if (r == REASON_OK)
        r = ttp_get(&a->s.ttps, a->t, "/log/checkpoint", &b);
    enum status st = r == REASON_OK ? ST_DONE : no_ttp(a, r);
    if (st == ST_DONE) {
        a->note = arena_dup(&a->c->app.mem, buf_span(&b));
        if (log_checkpoint_verify(a->note, a->origin, a->pub, &a->head) != OK)
            st = damaged(a, "the head is not signed by the log's key");
    }
    heap_buf_free(&b);
    return st;
}

static bool get_hash(const struct jval *o, const char *name, struct arena *mem, uint8_t out[LOG_HASH])
{
    struct span text;
    uint8_t octets[LOG_HASH + 2];
    struct buf b = BUF_ARRAY(octets);
    if (json_str(json_get(o, span_str(name)), mem, &text) != OK || b64url_get(text, &b) != OK || b.n != LOG_HASH)
        return false;
    memcpy(out, octets, LOG_HASH);
    return true;
}

/* The record of an entry, where we may see it: it must hash to its leaf. */
static bool own_record(const struct jval *e, struct arena *mem, const struct log_hash *leaf, struct span *record,
                       bool *good)
{
    uint8_t salt[LOG_SALT];
    struct log_hash entry, made;
    if (json_str(JSON_GET(e, "record"), mem, record) != OK || !get_hash(e, "salt", mem, salt))
        return false;
    *good = log_entry(salt, *record, &entry) == OK && log_leaf(&entry, &made) == OK &&
            memcmp(made.b, leaf->b, LOG_HASH) == 0;
    return true;
}

static enum status print_entry(struct audit *a, uint64_t index, const struct log_hash *leaf, struct span record)
{
    struct buf b = heap_buf(LINE_MAX_);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "index", index);
    JW_B64URL(&w, "leaf", span_of(leaf->b, LOG_HASH));
    if (record.n) {
        JW_NAME(&w, "record");
        if (json_check(record, NULL) == OK)
            jw_raw(&w, record);
        else
            jw_str(&w, record);
    }
    jw_end_obj(&w);
    if (!a->c->json) {
        buf_reset(&b);
        buf_fmt(&b, "%8llu  ", (unsigned long long)index);
        hex_put(&b, span_of(leaf->b, 8));
        buf_fmt(&b, "..  %.*s", SPAN_FMT(record.n ? record : SPAN("(not ours: hash only)")));
    }
    enum status st = cli_out_line(a->c, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

static enum status take_entry(struct audit *a, const struct jval *e, uint64_t index, struct arena *mem)
{
    struct log_hash leaf;
    struct span record = SPAN_NONE;
    uint64_t says = 0;
    bool good = true;
    if (json_u64(JSON_GET(e, "index"), UINT64_MAX, &says) != OK || says != index || !get_hash(e, "leaf", mem, leaf.b))
        return damaged(a, cli_fmt(a->c, "entry %llu is missing or has another form", (unsigned long long)index));
    if (own_record(e, mem, &leaf, &record, &good)) {
        a->mine++;
        if (!good)
            return damaged(
                a, cli_fmt(a->c, "the record of entry %llu is not the one that was logged", (unsigned long long)index));
    }
    if (a->print)
        return index >= a->start ? print_entry(a, index, &leaf, record) : ST_DONE;
    a->leaf[index] = leaf;
    return log_tree_append(&a->tree, &leaf) == OK ? ST_DONE : damaged(a, "the tree cannot be computed");
}

static enum status read_page(struct audit *a, uint64_t *at)
{
    struct buf b = heap_buf(TEXT_MAX);
    struct arena mem;
    struct jval *v = NULL;
    char path[PATH_MAX_];
    uint64_t count = a->head.size - *at < PAGE ? a->head.size - *at : PAGE;
    (void)snprintf(path, sizeof path, "/log/entries?start=%llu&count=%llu", (unsigned long long)*at,
                   (unsigned long long)count);
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    enum reason r = ttp_get(&a->s.ttps, a->t, path, &b);
    enum status st = r == REASON_OK ? ST_DONE : no_ttp(a, r);
    if (st == ST_DONE && json_parse(buf_span(&b), &mem, &v, NULL) != OK)
        st = damaged(a, "the entries are no JSON");
    const struct jval *list = JSON_GET(v, "entries");
    if (st == ST_DONE && (!list || list->type != J_ARR || list->n == 0 || list->n > count))
        st = damaged(a, cli_fmt(a->c, "entry %llu is missing", (unsigned long long)*at));
    for (const struct jval *e = st == ST_DONE ? list->child : NULL; e && st == ST_DONE; e = e->next)
        st = take_entry(a, e, (*at)++, &mem);
    arena_reset(&mem);
    heap_buf_free(&b);
    return st;
}

static enum status read_entries(struct audit *a)
{
    uint64_t at = a->print ? a->start : 0;
    enum status st = ST_DONE;
    while (st == ST_DONE && at < a->head.size)
        st = read_page(a, &at);
    return st;
}

/* The head kept from earlier must be a beginning of the tree that the leaves make. */
static enum status check_kept(struct audit *a)
{
    struct log_tree t;
    struct log_hash root;
    if (!a->has_kept)
        return ST_DONE;
    if (a->kept.size > a->head.size)
        return damaged(a, cli_fmt(a->c, "the log has %llu entries; it had %llu when this profile last saw it",
                                  (unsigned long long)a->head.size, (unsigned long long)a->kept.size));
    log_tree_init(&t);
    for (uint64_t i = 0; i < a->kept.size; i++)
        if (log_tree_append(&t, &a->leaf[i]) != OK)
            return damaged(a, "the tree cannot be computed");
    if (log_tree_root(&t, &root) != OK || memcmp(root.b, a->kept.root, LOG_HASH) != 0)
        return damaged(a, cli_fmt(a->c, "the first %llu entries are not those that this profile saw",
                                  (unsigned long long)a->kept.size));
    return ST_DONE;
}

/* A signed answer on paper: its entry must be in the log, at its place. */
static enum err check_paper(void *ctx, const struct book_release *r)
{
    struct audit *a = ctx;
    struct arena mem;
    struct jws j;
    struct span record;
    uint64_t index = 0;
    uint8_t salt[LOG_SALT];
    struct log_hash entry, leaf;
    if (!span_eq(r->ttp, span_str(a->t->row->fqdn)))
        return OK;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    bool read = jws_read(r->answer, JWS_ANSWER, &mem, &j) == REASON_OK;
    const struct p256 *by = read ? bundle_release_ever(&a->t->bundle, j.kid) : NULL; /* also one of the past */
    read = by && jws_verify(&j, by) == REASON_OK;
    bool releases = read && JSON_GET(j.claims, "index");
    bool good = read;
    if (releases)
        good = json_u64(JSON_GET(j.claims, "index"), UINT64_MAX, &index) == OK && index < a->head.size &&
               json_str(JSON_GET(j.claims, "record"), &mem, &record) == OK && get_hash(j.claims, "salt", &mem, salt) &&
               log_entry(salt, record, &entry) == OK && log_leaf(&entry, &leaf) == OK &&
               memcmp(leaf.b, a->leaf[index].b, LOG_HASH) == 0;
    a->papers += releases;
    a->faults += !good;
    arena_reset(&mem);
    return OK;
}

static enum status report(struct audit *a)
{
    struct cli *c = a->c;
    char text[LINE_MAX_ / 16];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    if (!c->json) {
        buf_fmt(&b, "%llu entries, chain good, head %llu signed by %.*s\n", (unsigned long long)a->head.size,
                (unsigned long long)a->head.size, SPAN_FMT(a->origin));
        if (a->has_kept)
            buf_fmt(&b, "consistent with the head you kept (%llu): nothing removed, nothing changed\n",
                    (unsigned long long)a->kept.size);
        else
            buf_str(&b, "no head was kept from earlier: this one is kept now\n");
        buf_fmt(&b, "%llu releases on paper, all of them in the log; %llu records readable for you",
                (unsigned long long)a->papers, (unsigned long long)a->mine);
        return cli_out_line(c, buf_span(&b));
    }
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "ttp", span_str(a->t->row->fqdn));
    JW_U64(&w, "size", a->head.size);
    JW_B64URL(&w, "root", span_of(a->head.root.b, LOG_HASH));
    JW_U64(&w, "kept", a->has_kept ? a->kept.size : 0);
    JW_U64(&w, "releases", a->papers);
    JW_U64(&w, "records", a->mine);
    JW_BOOL(&w, "ok", true);
    jw_end_obj(&w);
    return cli_out_line(c, buf_span(&b));
}

static enum status verify(struct audit *a)
{
    struct log_hash root;
    enum status st = read_head(a);
    if (st != ST_DONE)
        return st;
    if (a->head.size > ENTRIES_MAX)
        return CLI_FAIL(a->c, ST_FAILED, .what = "the log is too long to be checked in memory", .who = "this program",
                        .kind = "log", .object = a->t->row->fqdn,
                        .todo = cli_fmt(a->c, "at most %d entries; a release that you get is checked by its own proof",
                                        ENTRIES_MAX));
    a->leaf = xalloc((size_t)a->head.size * sizeof *a->leaf + 1);
    log_tree_init(&a->tree);
    st = read_entries(a);
    if (st == ST_DONE && (log_tree_root(&a->tree, &root) != OK || memcmp(root.b, a->head.root.b, LOG_HASH) != 0))
        st = damaged(a, "the entries do not make the tree of the signed head");
    if (st == ST_DONE)
        st = check_kept(a);
    if (st == ST_DONE && book_release_each(a->s.book, check_paper, a) != OK)
        st = cli_fail_file(a->c, ERR_IO, "the store cannot be read", a->s.p.store);
    if (st == ST_DONE && a->faults)
        st = damaged(a, cli_fmt(a->c, "%llu releases that this profile has on paper are not in the log",
                                (unsigned long long)a->faults));
    struct book_head now = {.size = a->head.size};
    memcpy(now.root, a->head.root.b, LOG_HASH);
    if (st == ST_DONE && book_head_put(a->s.book, span_str(a->t->row->fqdn), &now, a->note) != OK)
        st = cli_fail_file(a->c, ERR_IO, "the store cannot be written", a->s.p.store);
    return st == ST_DONE ? report(a) : st;
}

enum status audit_verify(struct cli *c)
{
    static struct audit a;
    enum status st = open_audit(c, &a);
    if (st == ST_DONE)
        st = verify(&a);
    free(a.leaf);
    session_close(&a.s);
    return st;
}

enum status audit_show(struct cli *c)
{
    static struct audit a;
    enum status st = cli_number(c, "start", 0, UINT64_MAX, 0, &a.start);
    a.print = true;
    if (st == ST_DONE)
        st = open_audit(c, &a);
    if (st == ST_DONE)
        st = read_head(&a);
    if (st == ST_DONE)
        st = read_entries(&a);
    session_close(&a.s);
    return st;
}
