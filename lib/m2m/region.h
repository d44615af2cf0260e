/* region.h - circles on the globe: accessControlLocationRegion (TS-0004 6.3.5.28) and the places it is compared with.
 */
#ifndef M2M_REGION_H
#define M2M_REGION_H

#include "wire/json.h"

struct region {
    double lat, lon; /* degrees of the centre */
    double radius;   /* metres */
};

/* circRegion: an array of latitude, longitude, radius. ERR_TYPE: not three numbers; ERR_RANGE: no place on the globe,
 * or a negative radius. */
MUST_USE enum err region_get(const struct jval *accr, struct region *out);
/* crd of m2m:geoCoordinates for a Point: JSON text of [longitude, latitude] or with an altitude behind (RFC
 * 7946 3.1.1). ERR_SYNTAX, ERR_TYPE, ERR_RANGE. */
MUST_USE enum err region_point(struct span crd, double *lat, double *lon);
/* Is the place inside the circle? By the great circle over a sphere of the Earth's mean radius; its rim is inside. */
bool region_holds(const struct region *r, double lat, double lon);

#endif
