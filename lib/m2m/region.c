/* region.c - distance on the globe. */
#include "m2m/region.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 40 }; /* octets of a coordinate */
static const double EARTH_M = 6371008.8, DEGREE = 0.017453292519943295;

static enum err number(const struct jval *v, double lo, double hi, double *out)
{
    char text[NUMBER_MAX + 1];
    if (!v || (v->type != J_INT && v->type != J_FLOAT) || v->raw.n > NUMBER_MAX)
        return ERR_TYPE;
    memcpy(text, v->raw.p, v->raw.n);
    text[v->raw.n] = 0;
    *out = strtod(text, NULL); /* JSON's numbers are a part of C's */
    return *out >= lo && *out <= hi ? OK : ERR_RANGE;
}

enum err region_get(const struct jval *accr, struct region *out)
{
    if (!accr || accr->type != J_ARR || accr->n != 3)
        return ERR_TYPE;
    TRY(number(json_at(accr, 0), -90, 90, &out->lat));
    TRY(number(json_at(accr, 1), -180, 180, &out->lon));
    return number(json_at(accr, 2), 0, 1e9, &out->radius);
}

enum err region_point(struct span crd, double *lat, double *lon)
{
    struct jval *v;
    struct arena a;
    uint8_t room[1024];
    arena_over(&a, room, sizeof room);
    TRY(json_parse(crd, &a, &v, NULL));
    if (v->type != J_ARR || v->n < 2 || v->n > 3)
        return ERR_TYPE;
    TRY(number(json_at(v, 0), -180, 180, lon));
    return number(json_at(v, 1), -90, 90, lat);
}

bool region_holds(const struct region *r, double lat, double lon)
{
    double y = sin((lat - r->lat) * DEGREE / 2), x = sin((lon - r->lon) * DEGREE / 2);
    double h = y * y + cos(lat * DEGREE) * cos(r->lat * DEGREE) * x * x;
    return 2 * EARTH_M * asin(sqrt(h < 1 ? h : 1)) <= r->radius;
}
