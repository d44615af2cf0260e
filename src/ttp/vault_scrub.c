#include "ttp/vault_scrub.h"

#include "base/code.h"
#include "host/heap.h"
#include "host/log.h"
#include "ttp/take.h"
#include "ttp/vault_admin.h"

#include <stdio.h>
#include <string.h>

/* ---- what was found ------------------------------------------------------------------------------------------------
 */

static void fault(struct vault *v, const char *what, struct span object, const char *why)
{
    struct vault_scrub *s = &v->scrub;
    LOG(LOG_L_ERROR, "scrub-fault", log_str("what", what), log_span("object", object), log_str("why", why));
    if (s->faults < SCRUB_FAULTS) {
        struct scrub_fault *f = &s->fault[s->faults];
        snprintf(f->what, sizeof f->what, "%s", what);
        snprintf(f->object, sizeof f->object, "%.*s", SPAN_FMT(span_first(object, sizeof f->object - 1)));
        snprintf(f->why, sizeof f->why, "%s", why);
    }
    s->faults++;
}

static void leaf_fault(struct vault *v, uint64_t index, const char *why)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)index);
    fault(v, "record", span_of(text, (size_t)n), why);
}

void vault_scrub_put(const struct vault *v, struct buf *b)
{
    const struct vault_scrub *s = &v->scrub;
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_BOOL(&w, "running", s->running);
    JW_U64(&w, "t", (uint64_t)(s->done_ms / 1000));
    JW_U64(&w, "leaves", s->leaves);
    JW_U64(&w, "rows", s->rows);
    JW_U64(&w, "keys", s->keys);
    JW_U64(&w, "faults", s->faults);
    JW_NAME(&w, "found");
    jw_arr(&w);
    for (size_t i = 0; i < s->faults && i < SCRUB_FAULTS; i++) {
        jw_obj(&w);
        JW_STR(&w, "what", span_str(s->fault[i].what));
        JW_STR(&w, "object", span_str(s->fault[i].object));
        JW_STR(&w, "why", span_str(s->fault[i].why));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
}

/* ---- running -------------------------------------------------------------------------------------------------------
 */

static void next(struct vault *v)
{
    uint64_t from = v->scrub.tree.size, to = from + SCRUB_LEAVES;
    if (from < v->scrub.target.size)
        msg_put_SCRUB(v->conf.to_ledger,
                      &(struct msg_SCRUB){.from = from, .to = to < v->scrub.target.size ? to : v->scrub.target.size});
    else
        msg_put_SCRUB_REST(v->conf.to_ledger, &(struct msg_SCRUB_REST){.what = SCRUB_META});
}

void vault_scrub_start(struct vault *v)
{
    struct vault_scrub *s = &v->scrub;
    if (s->running)
        return;
    s->running = true;
    s->target = v->head;
    s->leaves = s->rows = s->keys = s->faults = 0;
    s->n_tenants = s->n_items = 0;
    s->has_leaf = false;
    log_tree_init(&s->tree);
    heap_arena(&s->mem, 4096, SCRUB_MEMORY);
    heap_arena(&s->things, 4096, SCRUB_MEMORY);
    next(v);
}

void vault_scrub_free(struct vault *v)
{
    if (!v->scrub.running)
        return;
    arena_reset(&v->scrub.mem);
    arena_reset(&v->scrub.things);
}

static enum err finish(struct vault *v)
{
    struct vault_scrub *s = &v->scrub;
    vault_scrub_free(v);
    s->running = false;
    s->runs++;
    s->done_ms = v->conf.now_ms(v->conf.ctx);
    LOG(s->faults ? LOG_L_ERROR : LOG_L_INFO, "scrub", log_int("leaves", (int64_t)s->leaves),
        log_int("rows", (int64_t)s->rows), log_int("faults", (int64_t)s->faults));
    return vault_launch(v); /* the operator may wait for it */
}

/* ---- leaves and the rows they registered ---------------------------------------------------------------------------
 */

/* Was it shredded, alone or with its stream? */
static bool gone(struct vault *v, const struct scrub_item *i)
{
    uint8_t sid[ROW_SID];
    struct buf b = BUF_ARRAY(sid);
    return b64url_get(i->sid, &b) == OK && b.n == ROW_SID ? vault_tomb_refuses(v, v->scrub.iss, sid, i->ep, i->kid)
                                                          : vault_tomb_has_kid(v, i->kid);
}

/* What the leaf in hand registered and no row showed: an older leaf may have, for a letter may repeat itself. */
static void close_leaf(struct vault *v)
{
    struct vault_scrub *s = &v->scrub;
    for (size_t i = 0; s->has_leaf && s->registers && !s->ended && i < s->n_items; i++)
        if (!s->item[i].seen && !gone(v, &s->item[i]))
            msg_put_SCRUB_LOOK(v->conf.to_ledger,
                               &(struct msg_SCRUB_LOOK){.leaf = s->leaf, .pair = s->pairs, .kid = s->item[i].kid});
    s->has_leaf = false;
    s->n_items = 0;
    arena_reset(&s->mem);
    heap_arena(&s->mem, 4096, SCRUB_MEMORY);
}

static bool one_of(struct span op, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_eq(op, span_str(names[i])))
            return true;
    return false;
}

static bool take_item(struct vault *v, const struct jval *from, struct scrub_item *i)
{
    struct arena *a = &v->scrub.mem;
    *i = (struct scrub_item){.seen = false};
    if (json_str(JSON_GET(from, "sid"), a, &i->sid) != OK || json_u64(JSON_GET(from, "ep"), INT64_MAX, &i->ep) != OK)
        i->sid = SPAN_NONE;
    return json_str(JSON_GET(from, "kid"), a, &i->kid) == OK;
}

/* The kids of a record; whether each must have a row hangs on its op. The texts outlive the frame. */
static void read_record(struct vault *v, struct span text)
{
    static const char *const makes[] = {"letter", "key", "activate", "pairs"};
    struct vault_scrub *s = &v->scrub;
    struct jval *doc;
    struct span op;
    uint64_t t;
    struct span record = arena_dup(&s->mem, text);
    if (json_parse(record, &s->mem, &doc, NULL) != OK || json_str(JSON_GET(doc, "op"), &s->mem, &op) != OK)
        return;
    const struct jval *items = JSON_GET(doc, "items");
    if (json_str(JSON_GET(doc, "iss"), &s->mem, &s->iss) != OK)
        s->iss = SPAN_NONE;
    s->registers = one_of(op, makes, LEN(makes));
    s->pairs = span_eq(op, SPAN("pairs"));
    s->ended = s->pairs && json_u64(JSON_GET(doc, "t"), INT64_MAX / 1000, &t) == OK &&
               ((int64_t)t + (int64_t)VAULT_PAIR_DAYS * 86400 - 60) * 1000 <= v->conf.now_ms(v->conf.ctx);
    if (!items || items->type != J_ARR || items->n == 0)
        return;
    s->item = ARENA_ARRAY(&s->mem, struct scrub_item, items->n);
    for (const struct jval *i = s->item ? items->child : NULL; i; i = i->next)
        if (take_item(v, i, &s->item[s->n_items]))
            s->n_items++;
}

static enum err append(struct vault *v, const struct msg_SCRUB_LEAF *m)
{
    struct log_hash entry, leaf;
    TRY(log_entry(m->salt, m->record, &entry));
    TRY(log_leaf(&entry, &leaf));
    return log_tree_append(&v->scrub.tree, &leaf);
}

enum err vault_scrub_leaf(struct vault *v, const struct msg_SCRUB_LEAF *m)
{
    struct vault_scrub *s = &v->scrub;
    uint8_t mac[MSG_HASH];
    if (!s->running || m->index < s->tree.size || m->index >= s->target.size)
        return ERR_SYNTAX;
    close_leaf(v);
    for (; s->tree.size < m->index; s->tree.size++)
        leaf_fault(v, s->tree.size, "missing");
    TRY(vault_mac_leaf(v, m->index, m->salt, m->record, mac));
    bool good = span_eq_secret(span_of(mac, MSG_HASH), span_of(m->mac, MSG_HASH));
    if (!good)
        leaf_fault(v, m->index, "does not authenticate");
    TRY(append(v, m));
    s->leaf = m->index;
    s->has_leaf = true;
    s->registers = s->pairs = s->ended = false;
    s->leaves++;
    if (good)
        read_record(v, m->record);
    return OK;
}

static const char *row_wrong(struct vault *v, const struct msg_SCRUB_ROW *m)
{
    uint8_t value[ROW_VALUE_MAX], key[ROW_KID_MAX + 8];
    struct buf b = BUF_ARRAY(key);
    struct vault_found f = {
        .here = true, .row = m->row, .sealed = m->sealed, .stream_key = m->stream_key, .tenant_key = m->tenant_key};
    bool good = vault_row_open(v, &f, value) == OK;
    wipe(value, sizeof value);
    if (!good)
        return "its row does not authenticate";
    if (m->row.kind == ROW_PAIR)
        buf_str(&b, "pair:");
    if (row_kid_key(m->row.kid, &b) != OK || !span_eq(buf_span(&b), m->kid_key))
        return "its row is filed under another name";
    return m->found ? NULL : "its row is not found by its name";
}

/* A row in the group of the leaf in hand. */
static void row_of_leaf(struct vault *v, const struct msg_SCRUB_ROW *m)
{
    struct vault_scrub *s = &v->scrub;
    for (size_t i = 0; i < s->n_items; i++) {
        if (!kid_eq(s->item[i].kid, m->row.kid))
            continue;
        if (s->item[i].seen)
            fault(v, "key", m->row.kid, "its row is there twice");
        s->item[i].seen = true;
        return;
    }
    if (s->has_leaf && s->leaf == m->leaf && s->n_items > 0)
        fault(v, "key", m->row.kid, "its row names a record that does not register it");
    else if (s->has_leaf && s->leaf == m->leaf && !s->registers)
        fault(v, "key", m->row.kid, "its row names a record that registers nothing");
}

enum err vault_scrub_row(struct vault *v, const struct msg_SCRUB_ROW *m)
{
    struct vault_scrub *s = &v->scrub;
    if (!s->running)
        return ERR_SYNTAX;
    if (m->looked && !m->here) {
        if (!vault_tomb_has_kid(v, m->kid_key)) /* it may have been shredded meanwhile */
            fault(v, "key", m->kid_key, "its record is there and its row is missing");
        return OK;
    }
    const char *why = row_wrong(v, m);
    if (why)
        fault(v, "key", span_starts(m->kid_key, SPAN("pair:")) ? span_from(m->kid_key, 5) : m->kid_key, why);
    if (m->looked && !why && m->row.leaf > m->leaf)
        fault(v, "key", m->row.kid, "its row names a later record");
    if (m->looked)
        return OK;
    s->rows++;
    if (!why)
        row_of_leaf(v, m);
    return OK;
}

enum err vault_scrub_part(struct vault *v, uint64_t to)
{
    struct vault_scrub *s = &v->scrub;
    struct log_hash root;
    if (!s->running || to > s->target.size)
        return ERR_SYNTAX;
    close_leaf(v);
    for (; s->tree.size < to; s->tree.size++)
        leaf_fault(v, s->tree.size, "missing");
    if (to == s->target.size) {
        TRY(log_tree_root(&s->tree, &root));
        if (memcmp(&root, &s->target.root, LOG_HASH) != 0)
            fault(v, "log", SPAN("tree"), "its records do not make the tree that was signed");
    }
    next(v);
    return OK;
}

/* ---- what stands beside them ---------------------------------------------------------------------------------------
 */

/* be64 size and a signed head, each of whose lines is by a key of this log or by one of its witnesses. */
static bool head_good(struct vault *v, struct span note)
{
    const struct ring *r = v->life.ring;
    struct log_head h;
    struct span line;
    uint64_t size, time;
    size_t lines = 0, known = 0;
    if (take_u64(&note, &size) != OK)
        return false;
    for (size_t i = 2; i < note.n; i++)
        lines += note.p[i - 1] == '\n' && note.p[i] == 0xe2;
    for (size_t i = 0; i < r->n[BUNDLE_LOG]; i++)
        known += log_checkpoint_verify(note, span_str(v->origin), r->key[BUNDLE_LOG][i].pub, &h) == OK;
    for (size_t i = 0; i < v->witness.n; i++)
        known += log_witness_line(note, span_str(v->witness.one[i].key), v->witness.one[i].pub, &time, &line) == OK;
    return lines == known && vault_head_read(v, note, &h) == OK && h.size == size;
}

/* The first bundle, signed by the identity of now or of before. */
static bool bundle_good(struct vault *v, struct span text)
{
    const struct ring *r = v->life.ring;
    struct jws j;
    for (size_t i = 0; i < r->n[BUNDLE_IDENTITY]; i++)
        if (jws_open(text, JWS_BUNDLE, r->key[BUNDLE_IDENTITY][i].pair, &v->scrub.things, &j) == REASON_OK)
            return true;
    return false;
}

static bool meta_good(struct vault *v, struct span name, struct span value)
{
    uint8_t hash[MSG_HASH];
    if (span_eq(name, SPAN("note")) || span_eq(name, SPAN("cosigned")))
        return head_good(v, value);
    if (span_eq(name, SPAN("bundle")))
        return bundle_good(v, value);
    return span_eq(name, SPAN("keys")) && esd_sha256(value, hash) == OK &&
           memcmp(hash, v->scrub.keys_hash, MSG_HASH) == 0; /* nothing else is kept there */
}

static bool snapshot_good(struct vault *v, struct span hash, struct span body, struct span mac)
{
    uint8_t m[MSG_HASH], h[MSG_HASH];
    return vault_mac_snapshot(v, body, m) == OK && esd_sha256(body, h) == OK && span_eq(mac, span_of(m, MSG_HASH)) &&
           span_eq(hash, span_of(h, MSG_HASH));
}

static bool tenant_good(struct vault *v, struct span name, struct span wrapped)
{
    struct vault_scrub *s = &v->scrub;
    if (s->n_tenants < SCRUB_TENANTS) {
        s->tenant[s->n_tenants].name = arena_dup(&s->things, name);
        s->tenant[s->n_tenants++].wrapped = arena_dup(&s->things, wrapped);
    }
    return vault_path_good(v, name, wrapped, NULL, SPAN_NONE);
}

static bool stream_good(struct vault *v, struct span iss, struct span sid, struct span wrapped)
{
    const struct vault_scrub *s = &v->scrub;
    struct row r = {.iss = iss};
    if (sid.n != ROW_SID)
        return false;
    memcpy(r.sid, sid.p, ROW_SID);
    for (size_t i = 0; i < s->n_tenants; i++)
        if (vault_path_good(v, s->tenant[i].name, s->tenant[i].wrapped, &r, wrapped))
            return true;
    return false;
}

enum err vault_scrub_thing(struct vault *v, const struct msg_SCRUB_THING *m)
{
    if (!v->scrub.running || m->what >= SCRUB_PAGES)
        return ERR_SYNTAX;
    v->scrub.keys += m->what == SCRUB_TENANT || m->what == SCRUB_STREAM;
    if (m->what == SCRUB_META && !meta_good(v, m->name, m->a))
        fault(v, "meta", m->name, "is not what this vault wrote");
    if (m->what == SCRUB_TENANT && !tenant_good(v, m->name, m->a))
        fault(v, "tenant", m->name, "its key does not authenticate");
    if (m->what == SCRUB_STREAM && !stream_good(v, m->name, m->a, m->b))
        fault(v, "stream", m->name, "the key of one of its streams does not authenticate");
    if (m->what == SCRUB_SNAPSHOT && !snapshot_good(v, m->name, m->a, m->b))
        fault(v, "snapshot", SPAN("state"), "does not authenticate");
    return OK;
}

enum err vault_scrub_fault(struct vault *v, const struct msg_SCRUB_FAULT *m)
{
    char what[16], why[160];
    if (!v->scrub.running)
        return ERR_SYNTAX;
    snprintf(what, sizeof what, "%.*s", SPAN_FMT(span_first(m->what, sizeof what - 1)));
    snprintf(why, sizeof why, "%.*s", SPAN_FMT(span_first(m->why, sizeof why - 1)));
    fault(v, what, m->object, why);
    return OK;
}

enum err vault_scrub_done(struct vault *v, const struct msg_SCRUB_DONE *m)
{
    if (!v->scrub.running)
        return ERR_SYNTAX;
    if (m->what >= SCRUB_THINGS)
        return finish(v);
    msg_put_SCRUB_REST(v->conf.to_ledger, &(struct msg_SCRUB_REST){.what = m->what, .a = m->a, .b = m->b});
    return OK;
}

/* ---- at the start --------------------------------------------------------------------------------------------------
 */

bool vault_record_changes(struct span record)
{
    static const char *const ops[] = {"client", "policy",  "deny",       "lift",         "shred",
                                      "keys",   "witness", "quarantine", "unquarantine", "join-token-revoked"};
    static const struct span op = {(const uint8_t *)"\"op\":\"", 6};
    /* Records are written by the vault: v, t, op. */
    for (size_t at = 0; at < 48 && at + op.n < record.n; at++) {
        struct span rest = span_from(record, at);
        if (span_starts(rest, op)) {
            rest = span_from(rest, op.n);
            return one_of(span_cut(&rest, '"'), ops, LEN(ops));
        }
    }
    return false;
}

/* ---- the command ---------------------------------------------------------------------------------------------------
 */

enum err vault_admin_scrub(struct vault *v, struct vault_ask *a, struct span words)
{
    uint8_t text[(SCRUB_OBJECT + 256) * SCRUB_FAULTS];
    struct buf b = BUF_ARRAY(text);
    (void)words;
    if (!a->asked_scrub) {
        a->asked_scrub = v->scrub.runs + 1 + v->scrub.running;
        vault_scrub_start(v);
    }
    if (v->scrub.runs + 1 < a->asked_scrub && !v->scrub.running)
        vault_scrub_start(v); /* one was under way when it came: that one may have read before */
    if (v->scrub.runs < a->asked_scrub)
        return OK; /* asked again when the run ends */
    vault_scrub_put(v, &b);
    TRY(b.e);
    vault_admin_say(v, a, buf_span(&b));
    return OK;
}
