#include "cse/hold.h"

#include <string.h>

#include "cse/alarm.h"
#include "cse/annc.h"
#include "cse/patch.h"
#include "cse/tell.h"

static const struct hold holds[] = {
    {TY_CNT, TY_CIN, false, true}, {TY_TS, TY_TSI, true, false}, {TY_FCNT, TY_FCI, false, false}};
enum { MIA_MAX = INT32_MAX }; /* s: a longer mia never ends anything here */

const struct hold *hold_of(unsigned ty)
{
    for (size_t i = 0; i < LEN(holds); i++)
        if (holds[i].ty == ty)
            return &holds[i];
    return NULL;
}

static enum err end_of(struct run *r, const struct row *holder, bool newest, int64_t now, struct row *out)
{
    const struct hold *h = hold_of(holder->ty);
    if (!h)
        return ERR_NOTFOUND;
    if (h->ranked)
        return store_ranked(r->t, holder->rid, h->kid, INT64_MIN, INT64_MAX, newest, now, r->a, out);
    return newest ? store_newest(r->t, holder->rid, h->kid, now, r->a, out)
                  : store_oldest(r->t, holder->rid, h->kid, now, r->a, out);
}

enum err hold_end(struct run *r, const struct row *holder, bool newest, struct row *out)
{
    return end_of(r, holder, newest, r->now, out);
}

/* ---- retention ----------------------------------------------------------------------------------- */

static enum err drop(struct run *r, struct row *holder, const struct row *kid)
{
    holder->cni--;
    holder->cbs -= kid->cs;
    if (memmem(holder->body.p, holder->body.n, "\"at\":", 5))
        TRY(annc_gone(r, kid)); /* only where the holder is announced its instances can be */
    return kid->subs ? gone_below(r, kid) : store_drop(r->t, kid->rid);
}

/* Expired ones count until the sweep has taken them: they are the oldest, mostly. */
static enum err trim_numbers(struct run *r, struct row *holder, const struct attrs *limits)
{
    int64_t mni = patch_int(limits, AT_mni, INT64_MAX), mbs = patch_int(limits, AT_mbs, INT64_MAX);
    while (holder->cni > 0 && (holder->cni > mni || holder->cbs > mbs)) {
        struct row old;
        enum err e = end_of(r, holder, false, 0, &old);
        if (e == ERR_NOTFOUND)
            break;
        TRY(e);
        TRY(drop(r, holder, &old));
    }
    return OK;
}

static int64_t age_of(const struct attrs *limits)
{
    int64_t mia = patch_int(limits, AT_mia, MIA_MAX);
    return mia < MIA_MAX ? mia * 1000 : NEVER;
}

/* Instances carry the mia under which they were made in their et; after it was lowered the oldest tells when the next
 * one has to go. */
enum err age_ring(struct run *r, struct row *holder, int64_t due)
{
    struct attrs limits;
    struct row old;
    const struct hold *h = hold_of(holder->ty);
    (void)due;
    TRY(name_attrs(holder, r->a, &limits));
    int64_t age = age_of(&limits);
    bool any = false;
    while (h && age != NEVER) {
        enum err e = store_oldest(r->t, holder->rid, h->kid, 0, r->a, &old);
        if (e == ERR_NOTFOUND)
            break;
        TRY(e);
        if (old.ct + age > r->now) {
            if (old.et > old.ct + age)
                TRY(alarm_at(r, ALARM_age, holder->rid, old.ct + age));
            break;
        }
        TRY(drop(r, holder, &old));
        any = true;
    }
    return any ? make_count(r, holder) : OK;
}

enum err hold_trim(struct run *r, struct row *holder, const struct attrs *limits)
{
    TRY(age_ring(r, holder, r->now));
    TRY(trim_numbers(r, holder, limits));
    return make_count(r, holder);
}

enum err hold_took(struct run *r, struct row *holder, const struct attrs *limits, const struct row *kid)
{
    const struct hold *h = hold_of(holder->ty);
    if (!h)
        return OK; /* an instance below an announced resource */
    holder->st += h->state;
    holder->cni++;
    holder->cbs += kid->cs;
    TRY(trim_numbers(r, holder, limits));
    return make_count(r, holder);
}

enum err hold_lost(struct run *r, int64_t holder, const struct row *kid)
{
    struct row up;
    TRY(store_get(r->t, holder, r->a, &up));
    if (!hold_of(up.ty))
        return OK;
    up.cni--;
    up.cbs -= kid->cs;
    if (kid->et <= r->now)
        TRY(tell_expired(r, &up));
    return make_count(r, &up);
}

enum err hold_clear(struct run *r, struct row *holder)
{
    int64_t n;
    struct row kid;
    const struct hold *h = hold_of(holder->ty);
    TRY(store_clear(r->t, holder->rid, h->kid, &n));
    enum err e;
    while ((e = store_oldest(r->t, holder->rid, h->kid, 0, r->a, &kid)) == OK) /* those with children of their own */
        TRY(gone_below(r, &kid));
    holder->cni = holder->cbs = 0;
    return e == ERR_NOTFOUND ? make_count(r, holder) : e;
}

struct span hold_shorten(struct run *r, const struct attrs *limits, struct span et, int64_t *ms)
{
    int64_t age = age_of(limits);
    if (age == NEVER || *ms - r->now <= age)
        return et;
    *ms = r->now + age;
    return name_time_s(*ms, r->a);
}
