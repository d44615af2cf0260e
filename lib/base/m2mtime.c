#include "base/m2mtime.h"

/* Days from 1970-01-01 to y-m-d in the proleptic Gregorian calendar: years begin in March here, so
 * that the leap day is the last day of a year and 153 days make five months. */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, int64_t *m, int64_t *d)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = yoe + era * 400 + (*m <= 2);
}

static void digits(struct buf *b, int64_t v, int n)
{
    uint8_t *at = buf_take(b, (size_t)n);
    for (int i = n - 1; at && i >= 0; i--, v /= 10)
        at[i] = (uint8_t)('0' + v % 10);
}

static const int64_t first_ms = -62167219200000; /* 0000-01-01T00:00:00 */
static const int64_t last_ms = 253402300799999;  /* 9999-12-31T23:59:59.999 */

void m2mtime_put(struct buf *b, int64_t ms)
{
    ms = ms < first_ms ? first_ms : ms > last_ms ? last_ms : ms;
    int64_t day_ms = 86400000, day = ms / day_ms, in_day = ms % day_ms, y, m, d;
    if (in_day < 0) {
        in_day += day_ms;
        day--;
    }
    civil_from_days(day, &y, &m, &d);
    int64_t s = in_day / 1000;
    digits(b, y, 4);
    digits(b, m, 2);
    digits(b, d, 2);
    buf_c(b, 'T');
    digits(b, s / 3600, 2);
    digits(b, s / 60 % 60, 2);
    digits(b, s % 60, 2);
}

void m2mtime_put_us(struct buf *b, int64_t ms)
{
    ms = ms < first_ms ? first_ms : ms > last_ms ? last_ms : ms;
    m2mtime_put(b, ms);
    buf_c(b, ',');
    digits(b, (ms % 1000 + 1000) % 1000, 3);
    buf_str(b, "000");
}

/* n digits of s at `at`, or -1. */
static int64_t number(struct span s, size_t at, size_t n)
{
    int64_t v = 0;
    for (size_t i = at; i < at + n; i++) {
        if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
            return -1;
        v = v * 10 + (s.p[i] - '0');
    }
    return v;
}

static int64_t month_days(int64_t y, int64_t m)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return days[m - 1] + (m == 2 && leap);
}

enum err m2mtime_get(struct span t, int64_t *ms)
{
    int64_t y = number(t, 0, 4), m = number(t, 4, 2), d = number(t, 6, 2);
    int64_t hh = number(t, 9, 2), mm = number(t, 11, 2), ss = number(t, 13, 2);
    if (t.n < 15 || t.p[8] != 'T' || y < 0 || m < 1 || m > 12 || d < 1 || d > month_days(y, m) || hh < 0 || hh > 23 ||
        mm < 0 || mm > 59 || ss < 0 || ss > 59)
        return ERR_SYNTAX;
    int64_t fraction = 0;
    if (t.n > 15) {
        size_t n = t.n - 16;
        if ((t.p[15] != ',' && t.p[15] != '.') || n < 1 || n > 6 || number(t, 16, n) < 0)
            return ERR_SYNTAX;
        int64_t unit = 100;
        for (size_t i = 0; i < n && unit > 0; i++, unit /= 10)
            fraction += (t.p[16 + i] - '0') * unit;
    }
    *ms = ((days_from_civil(y, m, d) * 24 + hh) * 60 + mm) * 60000 + ss * 1000 + fraction;
    return OK;
}
