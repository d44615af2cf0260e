#include "cse/missing.h"

#include <string.h>

#include "base/m2mtime.h"
#include "cse/alarm.h"
#include "cse/patch.h"
#include "cse/tell.h"

/* ---- dataGenerationTime --------------------------------------------------------------------------- */

/* Digits four to six of the fraction, which milliseconds do not hold. */
static int64_t micros(struct span text)
{
    int64_t v = 0, unit = 100;
    for (size_t i = 19; i < text.n && unit > 0; i++, unit /= 10)
        v += (text.p[i] - '0') * unit;
    return v;
}

static bool relative(struct span text, int64_t *ms)
{
    uint64_t v;
    bool minus = text.n && text.p[0] == '-';
    if (text.n && (text.p[0] == '-' || text.p[0] == '+'))
        text = span_from(text, 1);
    if (span_u64(text, INT64_MAX / 2000, &v) != OK)
        return false;
    *ms = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

enum err missing_dgt(struct run *r, const struct jval *dgt, int64_t *ms, int64_t *rank)
{
    struct span text = dgt->type == J_STR ? name_text(dgt, r->a) : dgt->raw;
    int64_t us = 0;
    if (m2mtime_get(text, ms) == OK) {
        us = micros(text);
    } else {
        int64_t off;
        if (!relative(text, &off))
            return ERR_SYNTAX;
        *ms = r->now + off;
    }
    us += *ms * 1000;
    *rank = us >= 0 ? us + 1 : us; /* 0 is no rank */
    return OK;
}

/* ---- what is known -------------------------------------------------------------------------------- */

enum { SEEN_BITS = 64 };

struct watch {
    int64_t begin; /* ms */
    int64_t next;  /* number of the point to be looked at */
    uint64_t seen; /* bit i: point next + i has come. An instance may be evicted before its point is looked at */
};

static struct span key_of(uint8_t p[24], const char *kind, int64_t rid)
{
    struct buf b = buf_over(p, 24);
    buf_str(&b, kind);
    buf_i64(&b, rid);
    return buf_span(&b);
}

static enum err watch_get(struct run *r, int64_t ts, struct watch *w)
{
    uint8_t p[24];
    struct span v;
    TRY(store_state_get(r->t, key_of(p, "miss", ts), r->a, &v));
    if (v.n != sizeof *w)
        return ERR_NOTFOUND;
    memcpy(w, v.p, sizeof *w);
    return OK;
}

static enum err watch_put(struct run *r, int64_t ts, const struct watch *w)
{
    uint8_t p[24];
    return store_state_put(r->t, key_of(p, "miss", ts), span_of(w, sizeof *w));
}

enum err missing_forget(struct run *r, int64_t ts)
{
    uint8_t p[24];
    TRY(alarm_at(r, ALARM_missing, ts, NEVER));
    return store_state_drop(r->t, key_of(p, "miss", ts));
}

struct terms { /* as the timeSeries has them */
    int64_t pei, peid, mdt, mdn;
};

static bool monitored(const struct attrs *at, struct terms *m)
{
    m->pei = patch_int(at, AT_pei, 0);
    m->peid = patch_int(at, AT_peid, 0);
    m->mdt = patch_int(at, AT_mdt, 0);
    m->mdn = patch_int(at, AT_mdn, MISSING_MAX);
    return patch_true(at, AT_mdd) && m->pei > 0 && m->pei < INT32_MAX && m->mdt > 0 && m->mdt < INT64_MAX / 4;
}

static int64_t expected(const struct watch *w, const struct terms *m, int64_t i)
{
    return w->begin + (w->next + i) * m->pei;
}

enum err missing_came(struct run *r, int64_t dgt)
{
    struct terms m;
    struct watch w;
    int64_t ts = r->target.rid;
    if (!monitored(&r->old, &m))
        return OK;
    enum err e = watch_get(r, ts, &w);
    if (e == ERR_NOTFOUND) {
        w = (struct watch){.begin = dgt, .next = 1};
        TRY(watch_put(r, ts, &w));
        return alarm_at(r, ALARM_missing, ts, expected(&w, &m, 0) + m.mdt + 1);
    }
    TRY(e);
    int64_t n = (dgt - w.begin + m.pei / 2) / m.pei, off = dgt - (w.begin + n * m.pei);
    if (n < w.next || n - w.next >= SEEN_BITS || off > m.peid || off < -m.peid)
        return OK;
    w.seen |= UINT64_C(1) << (n - w.next);
    return watch_put(r, ts, &w);
}

/* ---- subscriptions -------------------------------------------------------------------------------- */

/* The window of one subscription: from its first missing point, dur long. */
struct window {
    int64_t end, count, told;
};

static bool reports(const struct attrs *sub)
{
    return check_sub_nets(attrs_get(sub, AT_enc)) >> 8 & 1;
}

static enum err window_get(struct run *r, int64_t sub, struct window *w, const struct jval **list)
{
    uint8_t p[24];
    struct span v;
    *list = NULL;
    *w = (struct window){.end = INT64_MIN};
    enum err e = store_state_get(r->t, key_of(p, "md", sub), r->a, &v);
    if (e == ERR_NOTFOUND)
        return OK;
    TRY(e);
    if (v.n < sizeof *w)
        return OK;
    memcpy(w, v.p, sizeof *w);
    return name_parse(span_from(v, sizeof *w), r->a, list);
}

static enum err window_put(struct run *r, int64_t sub, const struct window *w, struct span list)
{
    uint8_t p[24];
    return store_state_put(r->t, key_of(p, "md", sub), arena_join(r->a, span_of(w, sizeof *w), list));
}

static struct span appended(struct run *r, const struct jval *list, int64_t dgt, bool fresh)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_arr(&w);
    for (const struct jval *v = list && !fresh ? list->child : NULL; v; v = v->next)
        jw_raw(&w, v->raw);
    jw_str(&w, name_time(dgt, r->a));
    jw_end_arr(&w);
    return buf_span(&t.b);
}

static struct span tsn_of(struct run *r, struct span mdlt, int64_t mdc)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:tsn");
    jw_obj(&w);
    JW_NAME(&w, "mdlt");
    jw_raw(&w, mdlt);
    JW_U64(&w, "mdc", (uint64_t)mdc);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

/* The end of the window belongs to it. Points are counted at the time when they were found missing, not when this CSE
 * came to look. */
static enum err count_point(struct run *r, const struct row *ts, const struct row *sub, const struct attrs *at,
                            const struct terms *m, int64_t dgt)
{
    const struct jval *md = JSON_GET(attrs_get(at, AT_enc), "md"), *list;
    struct window w;
    int64_t num, dur, found = dgt + m->mdt;
    if (!md || json_i64(JSON_GET(md, "num"), &num) != OK ||
        !check_duration(name_text(JSON_GET(md, "dur"), r->a), &dur) || dur > m->pei)
        return OK; /* a window longer than the period never fires (TS-0004 7.5.1.2) */
    TRY(window_get(r, sub->rid, &w, &list));
    bool fresh = found > w.end;
    if (fresh)
        w = (struct window){.end = found + dur};
    w.count++;
    struct span since = appended(r, list, dgt, fresh);
    if (w.count < num)
        return window_put(r, sub->rid, &w, since);
    TRY(window_put(r, sub->rid, &w, SPAN("[]")));
    return tell_missing(r, ts, sub, at, tsn_of(r, since, w.count));
}

static enum err tell_all(struct run *r, const struct row *ts, const struct terms *m, int64_t dgt)
{
    struct rows page = {.more = ts->subs > 0};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_list(r->t, ts->rid, TY_SUB, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n; i++) {
            struct attrs at;
            TRY(name_attrs(&page.v[i], r->a, &at));
            if (page.v[i].et > r->now && reports(&at))
                TRY(count_point(r, ts, &page.v[i], &at, m, dgt));
        }
        if (!page.n)
            break;
    }
    return OK;
}

enum err missing_window_forget(struct run *r, int64_t sub)
{
    uint8_t p[24];
    return store_state_drop(r->t, key_of(p, "md", sub));
}

/* ---- the alarm ------------------------------------------------------------------------------------ */

struct missed { /* numbers of one ring, ascending */
    int64_t *v;
    size_t n;
};

static enum err came(struct run *r, const struct row *ts, const struct terms *m, const struct watch *w, bool *yes)
{
    struct row row;
    int64_t at = expected(w, m, 0);
    *yes = w->seen & 1;
    if (*yes)
        return OK;
    int64_t lo = (at - m->peid) * 1000 + 1, hi = (at + m->peid) * 1000 + 1000; /* ranks: microseconds + 1 */
    enum err e = store_ranked(r->t, ts->rid, TY_TSI, lo, hi, false, 0, r->a, &row);
    *yes = e == OK;
    return e == ERR_NOTFOUND ? OK : e;
}

/* Points whose time is over by now. */
static enum err look(struct run *r, const struct row *ts, const struct terms *m, struct watch *w, struct missed *f)
{
    int64_t over = (r->now - 1 - m->mdt - w->begin) / m->pei; /* the last such point */
    if (over - w->next >= MISSING_BACKLOG) {
        w->next = over - MISSING_BACKLOG + 1;
        w->seen = 0;
    }
    if (over < w->next)
        return OK;
    f->v = ARENA_ARRAY(r->a, int64_t, (size_t)(over - w->next + 1));
    if (!f->v)
        return ERR_NOMEM;
    for (; w->next <= over; w->next++, w->seen >>= 1) {
        bool yes;
        TRY(came(r, ts, m, w, &yes));
        if (!yes)
            f->v[f->n++] = expected(w, m, 0);
    }
    return OK;
}

/* mdlt, the newest first, at most mdn of them; mdc is their number. */
static enum err record(struct run *r, struct row *ts, const struct attrs *at, const struct terms *m,
                       const struct missed *f)
{
    struct text t, n;
    int64_t count = 0, max = m->mdn < MISSING_MAX ? m->mdn : MISSING_MAX;
    const struct jval *old = attrs_get(at, AT_mdlt);
    text_init(&t, r->a);
    text_init(&n, r->a);
    struct jw w = jw_over(&t.b);
    jw_arr(&w);
    for (size_t i = f->n; i > 0 && count < max; i--, count++)
        jw_str(&w, name_time(f->v[i - 1], r->a));
    for (const struct jval *v = old ? old->child : NULL; v && count < max; v = v->next, count++)
        jw_raw(&w, v->raw);
    jw_end_arr(&w);
    buf_i64(&n.b, count);
    TRY(t.b.e);
    return patch_row(r, ts, (struct patch[]){{SPAN("mdlt"), buf_span(&t.b)}, {SPAN("mdc"), buf_span(&n.b)}}, 2);
}

enum err missing_ring(struct run *r, struct row *ts, int64_t due)
{
    struct attrs at;
    struct terms m;
    struct watch w;
    struct missed f = {0};
    (void)due;
    TRY(name_attrs(ts, r->a, &at));
    enum err e = monitored(&at, &m) ? watch_get(r, ts->rid, &w) : ERR_NOTFOUND;
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    TRY(look(r, ts, &m, &w, &f));
    TRY(watch_put(r, ts->rid, &w));
    TRY(alarm_at(r, ALARM_missing, ts->rid, expected(&w, &m, 0) + m.mdt + 1));
    if (f.n == 0)
        return OK;
    TRY(record(r, ts, &at, &m, &f));
    for (size_t i = 0; i < f.n; i++)
        TRY(tell_all(r, ts, &m, f.v[i]));
    return OK;
}
