/* Targets: region_point, region_get, region_holds. Property: what was taken for a place lies on the globe and in the
 * circle around itself; what was taken for a circle has a radius. */
#include "target.h"

#include <math.h>

#include "m2m/region.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    double lat, lon;
    struct region r;
    struct arena a;
    struct jval *v;
    static uint8_t room[1 << 16];
    if (region_point(span_of(p, n), &lat, &lon) == OK) {
        struct region here = {lat, lon, 1};
        if (!(fabs(lat) <= 90) || !(fabs(lon) <= 180) || !region_holds(&here, lat, lon))
            __builtin_trap();
    }
    arena_over(&a, room, sizeof room);
    if (json_parse(span_of(p, n), &a, &v, NULL) == OK && region_get(v, &r) == OK &&
        (!(r.radius >= 0) || !(fabs(r.lat) <= 90) || !(fabs(r.lon) <= 180)))
        __builtin_trap();
    return 0;
}
