/* hook_tsb.c - timeSyncBeacon (Release 4: TS-0001 9.6.60): this CSE tells its time, periodically. That a requester has
 * lost its synchronization is not watched here. */
#include "cse/alarm.h"
#include "cse/patch.h"
#include "cse/tell.h"

enum { PERIODIC = 1, BEACON_MIN = 1000 /* ms: a shorter interval counts as this */ };

static const struct jval *will(const struct run *r, enum attr a)
{
    const struct jval *in = attrs_get(&r->in, a);
    if (in)
        return in->type == J_NULL ? NULL : in;
    return r->q->op == OP_UPDATE ? attrs_get(&r->old, a) : NULL;
}

static enum says check_tsb(struct run *r)
{
    int64_t bcnc = PERIODIC;
    const struct jval *v = will(r, AT_bcnc);
    if (v && json_i64(v, &bcnc) == OK && bcnc != PERIODIC)
        return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("bcnc"), "only periodic beacons (1) are sent by this CSE");
    return will(r, AT_bcni)
               ? MORE
               : refuse(r, RSC_BAD_REQUEST, SPAN("bcni"), "a periodic beacon needs its interval (TS-0001 9.6.60)");
}

static enum err next(struct run *r, const struct row *row, const struct attrs *at, int64_t from)
{
    int64_t ms = 0;
    if (!check_duration(attrs_text(at, AT_bcni, r->a), &ms) || ms < BEACON_MIN)
        ms = BEACON_MIN;
    int64_t due = from + ms;
    return alarm_at(r, ALARM_beacon, row->rid, due > r->now ? due : r->now + ms);
}

static enum says after_tsb(struct run *r)
{
    struct attrs at;
    STEP_TRY(r, name_attrs(&r->out, r->a, &at));
    if (r->q->op == OP_CREATE || attrs_get(&r->in, AT_bcni))
        STEP_TRY(r, next(r, &r->out, &at, r->now));
    return MORE;
}

/* Time goes stale while it waits: what was not sent yet is replaced. */
enum err beacon_ring(struct run *r, struct row *row, int64_t due)
{
    struct attrs at;
    struct text t;
    TRY(name_attrs(row, r->a, &at));
    TRY(next(r, row, &at, due));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:tsbn");
    jw_obj(&w);
    JW_STR(&w, "tbr", name_sp_relative(r->c, row, r->a));
    JW_STR(&w, "ctm", name_time(r->now, r->a));
    jw_end_obj(&w);
    jw_end_obj(&w);
    TRY(t.b.e);
    TRY(store_letters_drop(r->t, row->rid));
    return tell_letters(r, row, &at, AT_bcnu, buf_span(&t.b), false);
}

static enum err gone_tsb(struct run *r, const struct row *row)
{
    return store_letters_drop(r->t, row->rid);
}

const struct type_hook hook_tsb = {.check = check_tsb, .check_update = check_tsb, .after = after_tsb, .gone = gone_tsb};
