#include "ttp/vault_work.h"

#include "host/heap.h"
#include "ttp/take.h"
#include "ttp/vault_root.h"

#include <string.h>

static const char prefix[] = "work/";
enum { PREFIX = sizeof prefix - 1, WORK_MEM = 8 << 20 };

/* ---- what is wanted --------------------------------------------------------------------------------------------- */

static void name_put(struct buf *b, char kind, const struct span *part, size_t n)
{
    buf_str(b, prefix);
    buf_c(b, (uint8_t)kind);
    vault_key_put(b, part, n);
}

static uint64_t count_of(const struct span *value)
{
    struct span s = value ? *value : SPAN_NONE;
    uint64_t n = 0;
    return value && take_u64(&s, &n) == OK ? n : 0;
}

static enum err want(struct vault *v, char kind, const struct span *part, size_t n, uint64_t value)
{
    uint8_t name[WORK_KEY_MAX], text[8];
    struct buf b = BUF_ARRAY(name), t = BUF_ARRAY(text);
    name_put(&b, kind, part, n);
    TRY(b.e);
    if (value == 0)
        value = count_of(vault_map_get(&v->table[TABLE_LIFE], buf_span(&b))) + 1;
    buf_be64(&t, value);
    return vault_state_set(v, TABLE_LIFE, buf_span(&b), buf_span(&t));
}

enum err vault_work_cut(struct vault *v, struct span iss, struct span sid)
{
    return want(v, 'd', (struct span[]){iss, sid}, 2, v->tree.size);
}

enum err vault_work_stream(struct vault *v, struct span iss, struct span sid, struct span tenant)
{
    return want(v, 's', (struct span[]){iss, sid, tenant}, 3, 0);
}

enum err vault_work_tenant(struct vault *v, struct span tenant)
{
    return want(v, 't', &tenant, 1, 0);
}

enum err vault_work_xk(struct vault *v)
{
    return want(v, 'r', NULL, 0, 0);
}

enum err vault_work_boxes(struct vault *v)
{
    return want(v, 'o', NULL, 0, 0);
}

enum err vault_work_done(struct vault *v, char kind)
{
    uint8_t name[PREFIX + 1];
    struct buf b = BUF_ARRAY(name);
    name_put(&b, kind, NULL, 0);
    if (!vault_map_get(&v->table[TABLE_LIFE], buf_span(&b)))
        return OK;
    return vault_state_set(v, TABLE_LIFE, buf_span(&b), SPAN_NONE);
}

static const struct vault_entry *entry(const struct vault *v, size_t *at)
{
    const struct vault_map *m = &v->table[TABLE_LIFE];
    for (; *at < m->n; ++*at)
        if (span_starts(m->e[*at].key, span_str(prefix)) && m->e[*at].key.n > PREFIX)
            return &m->e[(*at)++];
    return NULL;
}

size_t vault_work_left(const struct vault *v)
{
    size_t at = 0, n = 0;
    while (entry(v, &at))
        n++;
    return n;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

void vault_work_new(struct vault *v)
{
    heap_arena(&v->work.mem, 4096, WORK_MEM);
    heap_arena(&v->work.page, 64 << 10, WORK_MEM);
}

void vault_work_free(struct vault *v)
{
    arena_reset(&v->work.mem);
    arena_reset(&v->work.page);
}

static void turn_page(struct vault_work *w)
{
    arena_reset(&w->page);
    w->first = NULL;
    w->last = &w->first;
    w->n = 0;
    w->asked = w->came = false;
    w->stream_key = w->tenant_key = SPAN_NONE;
}

static void drop(struct vault_work *w)
{
    turn_page(w);
    arena_reset(&w->mem);
    w->kind = 0;
    w->begun = w->fresh = false;
    w->after = 0;
    w->name = w->value = w->iss = w->sid = w->tenant = w->after_iss = w->after_sid = SPAN_NONE;
}

static void from_start(struct vault_work *w)
{
    w->begun = w->fresh = false;
    w->after = 0;
    w->after_iss = w->after_sid = SPAN_NONE;
}

static bool take_up(struct vault *v, const struct vault_entry *e)
{
    struct vault_work *w = &v->work;
    struct span *const part[] = {&w->iss, &w->sid, &w->tenant};
    drop(w);
    w->kind = (char)e->key.p[PREFIX];
    w->name = arena_dup(&w->mem, e->key);
    w->value = arena_dup(&w->mem, e->value);
    struct span rest = span_from(w->name, PREFIX + 1);
    if (w->kind == 't')
        return arena_ok(&w->mem) && take_blob(&rest, &w->tenant) == OK;
    for (size_t i = 0; i < LEN(part) && rest.n > 0; i++)
        if (take_blob(&rest, part[i]) != OK)
            return false;
    return arena_ok(&w->mem);
}

/* The parent's work goes to the parent; of the others the first. */
static enum err pick(struct vault *v)
{
    const struct vault_entry *e;
    size_t at = 0;
    if (vault_root_waits(v)) {
        drop(&v->work);
        v->work.kind = 'x';
        return OK;
    }
    while ((e = entry(v, &at))) {
        uint64_t count = count_of(&e->value);
        if (e->key.p[PREFIX] != 'r')
            return take_up(v, e) ? OK : ERR_NOMEM;
        if (v->work.told != count)
            msg_put_REKEY_WANTED(v->conf.to_parent, &(struct msg_REKEY_WANTED){.since = vault_now_s(v)});
        v->work.told = count;
    }
    return OK;
}

static void ask(struct vault *v)
{
    struct vault_work *w = &v->work;
    struct msg_SWEEP q = {.iss = w->iss, .sid = w->sid, .tenant = w->tenant, .after = w->after, .limit = WORK_ROWS};
    switch (w->kind) {
    case 'd':
        q.what = SWEEP_BEFORE;
        q.after = count_of(&w->value);
        break;
    case 's':
        q.what = SWEEP_ROWS;
        break;
    case 't':
        q.what = SWEEP_STREAMS;
        q.iss = w->after_iss;
        q.sid = w->after_sid;
        break;
    default:
        q.what = SWEEP_TENANTS;
        q.limit = WORK_TENANTS;
    }
    turn_page(w);
    w->asked = true;
    /* What is with the ledger already is done before it looks. */
    w->asked_at = v->commits + (v->state == AT_LEDGER);
    msg_put_SWEEP(v->conf.to_ledger, &q);
}

enum err vault_work_go(struct vault *v)
{
    struct vault_work *w = &v->work;
    if (w->asked || w->pause || v->quarantine.on) /* what may be an older copy is not worked on */
        return OK;
    if (w->kind == 0)
        TRY(pick(v));
    if (w->kind != 0)
        ask(v);
    return OK;
}

enum err vault_work_swept(struct vault *v, const struct msg_SWEPT *m)
{
    struct vault_work *w = &v->work;
    struct vault_swept *s = ARENA_NEW(&w->page, struct vault_swept);
    if (!w->asked || w->came || w->n >= WORK_TENANTS || !s)
        return ERR_SYNTAX;
    *s = (struct vault_swept){.at = m->at, .row = m->row};
    s->key = arena_dup(&w->page, m->key);
    s->sealed = arena_dup(&w->page, m->sealed);
    s->row.kid = arena_dup(&w->page, m->row.kid);
    s->row.iss = arena_dup(&w->page, m->row.iss);
    s->row.adfq = arena_dup(&w->page, m->row.adfq);
    s->row.policy = arena_dup(&w->page, m->row.policy);
    *w->last = s;
    w->last = &s->next;
    w->n++;
    return arena_ok(&w->page) ? OK : ERR_NOMEM;
}

enum err vault_work_swept_end(struct vault *v, const struct msg_SWEPT_END *m)
{
    struct vault_work *w = &v->work;
    if (!w->asked || w->came || m->n != w->n)
        return ERR_SYNTAX;
    w->stream_key = arena_dup(&w->page, m->stream_key);
    w->tenant_key = arena_dup(&w->page, m->tenant_key);
    w->came = true;
    return arena_ok(&w->page) ? vault_launch(v) : ERR_NOMEM;
}

void vault_work_failed(struct vault *v)
{
    drop(&v->work);
    v->work.pause = true;
}

void vault_work_tick(struct vault *v)
{
    v->work.pause = false;
}

/* ---- the end of a work ------------------------------------------------------------------------------------------ */

static enum err record(struct vault *v)
{
    static const struct {
        char kind;
        const char *what;
    } names[] = {{'d', "rows"}, {'s', "stream"}, {'t', "tenant"}, {'o', "root"}};
    const struct vault_work *w = &v->work;
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    struct jw j = jw_over(&b);
    jw_obj(&j);
    JW_U64(&j, "v", 1);
    JW_U64(&j, "t", vault_now_s(v));
    JW_STR(&j, "op", SPAN("rewrap"));
    for (size_t i = 0; i < LEN(names); i++)
        if (names[i].kind == w->kind)
            JW_STR(&j, "what", span_str(names[i].what));
    if (w->iss.n > 0) {
        JW_STR(&j, "owner", w->iss);
        JW_B64URL(&j, "sid", w->sid);
    }
    jw_end_obj(&j);
    TRY(b.e);
    return vault_batch_leaf(v, buf_span(&b));
}

/* Wanted once more meanwhile, or finished with a key from before it was wanted: from the start. */
static enum err finish(struct vault *v, bool fresh)
{
    struct vault_work *w = &v->work;
    const struct span *value = vault_map_get(&v->table[TABLE_LIFE], w->name);
    if (value && span_eq(*value, w->value) && fresh) {
        TRY(vault_state_set(v, TABLE_LIFE, w->name, SPAN_NONE));
        TRY(record(v));
        msg_put_PURGE(v->conf.to_ledger, &(struct msg_PURGE){.n = 1});
        drop(w);
        return OK;
    }
    if (!value) {
        drop(w);
        return OK;
    }
    struct span now = arena_dup(&w->mem, *value);
    w->value = now;
    turn_page(w);
    from_start(w);
    return arena_ok(&w->mem) ? OK : ERR_NOMEM;
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

/* Did a batch since SWEEP change what it showed? */
static bool outdated(const struct vault *v, struct span iss, const uint8_t *sid, struct span tenant)
{
    const struct vault_ask as = {.asked_at = v->work.asked_at};
    return (iss.n > 0 && vault_touched_stream(v, &as, iss, sid)) || vault_touched(v, &as, TOUCH_TENANT, tenant);
}

static enum err step_cut(struct vault *v)
{
    struct vault_work *w = &v->work;
    if (w->n == 0)
        return finish(v, true);
    vault_batch_open(v);
    for (const struct vault_swept *s = w->first; s; s = s->next) {
        /* With its tombstone a reader hears "shredded" for ever; when the tables are full, only that it is not there.
         */
        if (vault_state_room(v) > WORK_KEY_MAX && !vault_tomb_has_kid(v, s->row.kid))
            TRY(vault_tomb_kid(v, s->row.kid));
        msg_put_SHRED(v->conf.to_ledger, &(struct msg_SHRED){.kid = s->row.kid});
    }
    turn_page(w);
    return OK;
}

/* The fresh key comes before the old one; a box that has two already was left by a vault that died. */
static enum err two_keys(struct vault_work *w, struct vault_two *k)
{
    w->begun = true;
    if (k->n == 2)
        return OK;
    w->fresh = true;
    memcpy(k->key[1], k->key[0], VAULT_KEY);
    k->n = 2;
    return esd_random(k->key[0], VAULT_KEY);
}

static struct row stream_of(const struct vault_work *w)
{
    struct row r = {.iss = w->iss, .adfq = w->tenant};
    if (w->sid.n == ROW_SID)
        memcpy(r.sid, w->sid.p, ROW_SID);
    return r;
}

static enum err put_stream(struct vault *v, const struct row *r, const uint8_t tk[VAULT_KEY],
                           const struct vault_two *sk)
{
    uint8_t box[2 * VAULT_KEY + VAULT_BOX];
    struct buf b = BUF_ARRAY(box);
    TRY(vault_stream_seal(tk, r, sk, &b));
    vault_batch_open(v);
    msg_put_STREAM_KEY(v->conf.to_ledger, &(struct msg_STREAM_KEY){
                                              .iss = r->iss, .sid = span_of(r->sid, ROW_SID), .wrapped = buf_span(&b)});
    return vault_touch_stream(v, r->iss, r->sid);
}

static enum err row_again(struct vault *v, const struct vault_swept *s, const struct vault_two *sk)
{
    uint8_t value[ROW_VALUE_MAX], box[ROW_VALUE_MAX + VAULT_BOX];
    struct buf b = BUF_ARRAY(box);
    size_t which = 0;
    enum err e = vault_row_open_by(sk, &s->row, s->sealed, value, &which);
    if (e == OK && which == 1) {
        e = vault_row_seal_by(sk->key[0], &s->row, value, &b);
        vault_batch_open(v);
        if (e == OK)
            msg_put_ROW_AGAIN(v->conf.to_ledger, &(struct msg_ROW_AGAIN){.key = s->key, .sealed = buf_span(&b)});
    }
    wipe(value, sizeof value);
    return e == ERR_AUTH ? OK : e; /* what was damaged before stays damaged */
}

static enum err stream_page(struct vault *v, const struct row *r, const struct vault_two *tk, struct vault_two *sk)
{
    struct vault_work *w = &v->work;
    for (const struct vault_swept *s = w->first; s; s = s->next) {
        TRY(row_again(v, s, sk));
        w->after = s->at;
    }
    bool last = w->n < WORK_ROWS, fresh = w->fresh;
    turn_page(w);
    if (!last)
        return OK;
    sk->n = 1;
    TRY(put_stream(v, r, tk->key[0], sk));
    return finish(v, fresh);
}

static enum err step_stream(struct vault *v, struct vault_two *tk, struct vault_two *sk)
{
    struct vault_work *w = &v->work;
    struct row r = stream_of(w);
    size_t which;
    if (outdated(v, r.iss, r.sid, r.adfq)) {
        turn_page(w);
        return OK;
    }
    if (w->stream_key.n == 0 || vault_tenant_open(v, r.adfq, w->tenant_key, tk) != OK ||
        vault_stream_open(tk, &r, w->stream_key, sk, &which) != OK)
        return finish(v, true); /* destroyed meanwhile, or beyond opening */
    if (w->begun && sk->n == 2)
        return stream_page(v, &r, tk, sk);
    from_start(w);
    TRY(two_keys(w, sk));
    turn_page(w);
    return put_stream(v, &r, tk->key[0], sk);
}

static enum err put_tenant(struct vault *v, struct span tenant, const struct vault_two *tk)
{
    uint8_t box[2 * VAULT_KEY + VAULT_BOX];
    struct buf b = BUF_ARRAY(box);
    TRY(vault_tenant_seal(v->secret->rk, tenant, tk, &b));
    vault_batch_open(v);
    msg_put_TENANT_KEY(v->conf.to_ledger, &(struct msg_TENANT_KEY){.tenant = tenant, .wrapped = buf_span(&b)});
    return vault_touch(v, TOUCH_TENANT, tenant);
}

static enum err stream_again(struct vault *v, struct vault_swept *s, const struct vault_two *tk, struct vault_two *sk)
{
    size_t which = 0;
    s->row.adfq = v->work.tenant;
    if (vault_stream_open(tk, &s->row, s->sealed, sk, &which) != OK || which == 0 ||
        outdated(v, s->row.iss, s->row.sid, v->work.tenant))
        return OK;
    return put_stream(v, &s->row, tk->key[0], sk);
}

static enum err tenant_page(struct vault *v, struct vault_two *tk, struct vault_two *sk)
{
    struct vault_work *w = &v->work;
    for (struct vault_swept *s = w->first; s; s = s->next) {
        TRY(stream_again(v, s, tk, sk));
        if (!s->next) {
            w->after_iss = arena_dup(&w->mem, s->row.iss);
            w->after_sid = arena_dup(&w->mem, span_of(s->row.sid, ROW_SID));
        }
    }
    bool last = w->n < WORK_ROWS, fresh = w->fresh;
    turn_page(w);
    if (!arena_ok(&w->mem))
        return ERR_NOMEM;
    if (!last)
        return OK;
    tk->n = 1;
    TRY(put_tenant(v, w->tenant, tk));
    return finish(v, fresh);
}

static enum err step_tenant(struct vault *v, struct vault_two *tk, struct vault_two *sk)
{
    struct vault_work *w = &v->work;
    if (outdated(v, SPAN_NONE, NULL, w->tenant)) {
        turn_page(w);
        return OK;
    }
    if (w->tenant_key.n == 0 || vault_tenant_open(v, w->tenant, w->tenant_key, tk) != OK)
        return finish(v, true);
    if (w->begun && tk->n == 2)
        return tenant_page(v, tk, sk);
    from_start(w);
    TRY(two_keys(w, tk));
    turn_page(w);
    return put_tenant(v, w->tenant, tk);
}

static enum err step_boxes(struct vault *v, struct vault_two *tk)
{
    struct vault_work *w = &v->work;
    for (const struct vault_swept *s = w->first; s; s = s->next) {
        if (outdated(v, SPAN_NONE, NULL, s->row.adfq)) {
            turn_page(w);
            return OK;
        }
        if (vault_tenant_open(v, s->row.adfq, s->sealed, tk) == OK)
            TRY(put_tenant(v, s->row.adfq, tk));
    }
    TRY(vault_life_store(v));
    return finish(v, true);
}

enum err vault_work_launch(struct vault *v)
{
    struct vault_work *w = &v->work;
    struct vault_two tk, sk;
    if (!w->came)
        return OK;
    enum err e = w->kind == 'd'   ? step_cut(v)
                 : w->kind == 's' ? step_stream(v, &tk, &sk)
                 : w->kind == 't' ? step_tenant(v, &tk, &sk)
                 : w->kind == 'o' ? step_boxes(v, &tk)
                                  : vault_root_switch(v, w->first, w->n);
    if (w->kind == 'x')
        drop(w);
    wipe(&tk, sizeof tk);
    wipe(&sk, sizeof sk);
    return e;
}
