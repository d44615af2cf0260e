/* schedule.c - m2m:scheduleEntry (TS-0004 table 7.4.9.1-4): second minute hour day month weekday year, UTC; each
 * field `*`, n, n-m, `*`/s, n-m/s, or a list of these with commas. */
#include "m2m/acr.h"

enum { FIELDS = 7 };

struct bounds {
    uint16_t lo, hi;
};
static const struct bounds bounds[FIELDS] = {{0, 59}, {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}, {2000, 9999}};

struct range {
    uint64_t lo, hi, step;
};

/* One element of a field. */
static bool element(struct span s, struct bounds b, struct range *r)
{
    struct span step = s, from = span_cut(&step, '/');
    *r = (struct range){b.lo, b.hi, 1};
    if (step.p && (span_u64(step, 9999, &r->step) != OK || r->step == 0))
        return false;
    if (span_eq(from, SPAN("*")))
        return true;
    struct span to = from, first = span_cut(&to, '-');
    if (span_u64(first, b.hi, &r->lo) != OK || r->lo < b.lo)
        return false;
    r->hi = r->lo;
    if (to.p && (span_u64(to, b.hi, &r->hi) != OK || r->hi < r->lo))
        return false;
    return to.p || !step.p; /* "5/2" is no range */
}

/* Is the field well-formed, and is `value` in it? */
static bool field(struct span s, struct bounds b, uint64_t value, bool *in)
{
    *in = false;
    if (!s.n)
        return false;
    while (s.p) {
        struct range r;
        if (!element(span_cut(&s, ','), b, &r))
            return false;
        *in |= value >= r.lo && value <= r.hi && (value - r.lo) % r.step == 0;
    }
    return true;
}

static bool entry(struct span s, const uint64_t value[FIELDS], uint16_t first_year, bool *in)
{
    *in = true;
    for (int i = 0; i < FIELDS; i++) {
        bool here;
        struct bounds b = bounds[i];
        if (i == FIELDS - 1)
            b.lo = first_year;
        if (!s.p || !field(span_cut(&s, ' '), b, value[i], &here))
            return false;
        *in &= here;
    }
    return !s.p;
}

bool acr_schedule_valid(struct span s, bool any_year)
{
    static const uint64_t none[FIELDS];
    bool in;
    return entry(s, none, any_year ? 0 : 2000, &in);
}

/* Civil date of a day number since 1970 (proleptic Gregorian). */
static void civil(int64_t day, uint64_t v[FIELDS])
{
    int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
    v[3] = (uint64_t)(doy - (153 * mp + 2) / 5 + 1);
    v[4] = (uint64_t)month;
    v[5] = (uint64_t)(((day + 4) % 7 + 7) % 7); /* 1 January 1970 was a Thursday */
    v[6] = (uint64_t)(yoe + era * 400 + (month <= 2));
}

bool acr_schedule_now(struct span s, int64_t now)
{
    uint64_t v[FIELDS];
    bool in;
    if (now < 0)
        return false;
    int64_t second = now / 1000, of_day = second % 86400;
    v[0] = (uint64_t)(of_day % 60);
    v[1] = (uint64_t)(of_day / 60 % 60);
    v[2] = (uint64_t)(of_day / 3600);
    civil(second / 86400, v);
    return entry(s, v, 0, &in) && in;
}

enum { DAYS_AHEAD = 366 * 5 }; /* a schedule that does not open in five years does not open */

/* Is `value` in field i of the entry? */
static bool in_field(struct span s, int i, uint64_t value)
{
    bool in = false;
    struct bounds b = bounds[i];
    if (i == FIELDS - 1)
        b.lo = 0;
    for (; i > 0; i--)
        (void)span_cut(&s, ' ');
    return field(span_cut(&s, ' '), b, value, &in) && in;
}

static bool on_day(struct span s, int64_t day)
{
    uint64_t v[FIELDS];
    bool in = true;
    civil(day, v);
    for (int i = 3; i < FIELDS && in; i++)
        in = in_field(s, i, v[i]);
    return in;
}

/* The first value from `from` on that the field has; -1: none. */
static int from_value(struct span s, int i, int from)
{
    for (int v = from; v <= bounds[i].hi; v++)
        if (in_field(s, i, (uint64_t)v))
            return v;
    return -1;
}

/* The first second of the day from `from` on; -1: none. */
static int64_t in_day(struct span s, int64_t from)
{
    int h = (int)(from / 3600), m = (int)(from / 60 % 60), sec = (int)(from % 60);
    for (; h <= 23; h++, m = 0, sec = 0) {
        if (!in_field(s, 2, (uint64_t)h))
            continue;
        for (m = from_value(s, 1, m); m >= 0; m = from_value(s, 1, m + 1), sec = 0) {
            int at = from_value(s, 0, sec);
            if (at >= 0)
                return (int64_t)h * 3600 + m * 60 + at;
            sec = 0;
        }
    }
    return -1;
}

int64_t acr_schedule_next(struct span s, int64_t now)
{
    if (now < 0 || acr_schedule_now(s, now))
        return now;
    int64_t second = now / 1000 + 1, day = second / 86400, from = second % 86400;
    if (!acr_schedule_valid(s, true))
        return INT64_MAX;
    for (int64_t end = day + DAYS_AHEAD; day < end; day++, from = 0) {
        int64_t at = on_day(s, day) ? in_day(s, from) : -1;
        if (at >= 0)
            return (day * 86400 + at) * 1000;
    }
    return INT64_MAX;
}
