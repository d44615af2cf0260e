/* geo.h - geometries of m2m:geoCoordinates and what they have to do with one another (TS-0004 7.3.3.17; RFC 7946).
 *
 * Coordinates are taken as points of a plane, degree by degree, as RFC 7946 3.1.1 interprets straight lines. A border
 * belongs to its area: what touches it is inside, and intersects. A polygon is a ring or a list of rings (the first the
 * outer one, the others holes); a ring that does not end where it began is closed. */
#ifndef M2M_GEO_H
#define M2M_GEO_H

#include "base/arena.h"
#include "wire/json.h"

enum { GEO_POINTS_MAX = 100 }; /* of one geometry: a comparison costs their third power at worst */

/* m2m:geometryType, m2m:geoSpatialFunctionType */
enum geo_type {
    GEO_POINT = 1,
    GEO_LINE,
    GEO_POLYGON,
    GEO_POINTS,
    GEO_LINES,
    GEO_POLYGONS,
};
enum geo_function { GEO_WITHIN = 1, GEO_CONTAINS, GEO_INTERSECTS };

struct geo_point {
    double x, y;
};
struct geo_ring { /* a point, the points of a line, or a ring */
    const struct geo_point *p;
    size_t n;
};
struct geo_part { /* of a polygon the rings; else one */
    const struct geo_ring *r;
    size_t n;
};
struct geo {
    uint8_t base; /* GEO_POINT, GEO_LINE, GEO_POLYGON */
    const struct geo_part *part;
    size_t n;
};

/* From JSON text of coordinates, "[[1.5,2],[3,4]]". ERR_SYNTAX: no JSON, or not the coordinates of that type;
 * ERR_LIMIT: too many points; ERR_NOMEM. */
MUST_USE enum err geo_parse(unsigned type, struct span coordinates, struct arena *a, struct geo *out);
/* From a value of m2m:geoCoordinates, {"typ":1,"crd":"[1,2]"}; crd may be the array itself. */
MUST_USE enum err geo_value(const struct jval *v, struct arena *a, struct geo *out);

/* Is every point of g in h? */
bool geo_within(const struct geo *g, const struct geo *h);
bool geo_intersects(const struct geo *g, const struct geo *h);
/* The function of a filter: within: g lies in h; contains: h lies in g; intersects. */
bool geo_is(unsigned function, const struct geo *g, const struct geo *h);

#endif
