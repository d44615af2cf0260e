/* geo.c - reading coordinates, and whether geometries lie in one another or meet. */
#include "m2m/geo.h"

/* ---- reading ------------------------------------------------------------------------------------- */

struct reader {
    struct arena *a;
    size_t points;
};

static bool is_number(const struct jval *v)
{
    return v && (v->type == J_INT || v->type == J_FLOAT);
}

/* How many arrays deep is the first number? [1,2] is 1; 0: it is none of that. */
static unsigned depth_of(const struct jval *v)
{
    unsigned d = 0;
    for (; v && v->type == J_ARR && d < 8; v = v->child)
        d++;
    return is_number(v) ? d : 0;
}

/* [x, y] or [x, y, height] */
static enum err point(struct reader *s, const struct jval *v, struct geo_point *out)
{
    if (v->type != J_ARR || v->n < 2 || v->n > 3 || !is_number(v->child) || !is_number(v->child->next) ||
        (v->n == 3 && !is_number(v->child->next->next)))
        return ERR_SYNTAX;
    if (++s->points > GEO_POINTS_MAX)
        return ERR_LIMIT;
    TRY(json_f64(v->child, &out->x));
    return json_f64(v->child->next, &out->y);
}

static bool same(struct geo_point a, struct geo_point b)
{
    return a.x <= b.x && a.x >= b.x && a.y <= b.y && a.y >= b.y;
}

/* A list of at least `least` points; `closed`: the first once more at the end when it is not there. */
static enum err chain(struct reader *s, const struct jval *v, size_t least, bool closed, struct geo_ring *out)
{
    struct geo_point *p;
    size_t n = 0;
    if (v->type != J_ARR || v->n < least)
        return ERR_SYNTAX;
    if (v->n > GEO_POINTS_MAX)
        return ERR_LIMIT;
    if (!(p = ARENA_ARRAY(s->a, struct geo_point, v->n + 1)))
        return ERR_NOMEM;
    for (const struct jval *e = v->child; e; e = e->next)
        TRY(point(s, e, &p[n++]));
    if (closed && !same(p[0], p[n - 1]))
        p[n++] = p[0];
    *out = (struct geo_ring){p, n};
    return closed && n < 4 ? ERR_SYNTAX : OK;
}

/* One point, line or polygon. */
static enum err part(struct reader *s, unsigned base, const struct jval *v, struct geo_part *out)
{
    bool rings = base == GEO_POLYGON && depth_of(v) == 3;
    size_t n = rings ? v->n : 1;
    struct geo_ring *r = n > GEO_POINTS_MAX ? NULL : ARENA_ARRAY(s->a, struct geo_ring, n);
    if (!r)
        return n > GEO_POINTS_MAX ? ERR_LIMIT : ERR_NOMEM;
    *out = (struct geo_part){r, n};
    if (base == GEO_POINT) {
        struct geo_point *p = ARENA_NEW(s->a, struct geo_point);
        if (!p)
            return ERR_NOMEM;
        r[0] = (struct geo_ring){p, 1};
        return point(s, v, p);
    }
    if (base == GEO_LINE)
        return chain(s, v, 2, false, r);
    if (!rings)
        return chain(s, v, 3, true, r);
    size_t i = 0;
    for (const struct jval *e = v->child; e; e = e->next)
        TRY(chain(s, e, 3, true, &r[i++]));
    return OK;
}

static enum err read(unsigned type, const struct jval *v, struct arena *a, struct geo *out)
{
    struct reader s = {.a = a};
    struct geo_part *p;
    bool many = type > GEO_POLYGON;
    if (type < GEO_POINT || type > GEO_POLYGONS || v->type != J_ARR || !v->n)
        return ERR_SYNTAX;
    if (many && v->n > GEO_POINTS_MAX)
        return ERR_LIMIT;
    *out = (struct geo){.base = (uint8_t)(many ? type - 3 : type), .n = many ? v->n : 1};
    if (!(p = ARENA_ARRAY(a, struct geo_part, out->n)))
        return ERR_NOMEM;
    out->part = p;
    if (!many)
        return part(&s, out->base, v, p);
    for (const struct jval *e = v->child; e; e = e->next)
        TRY(part(&s, out->base, e, p++));
    return OK;
}

enum err geo_parse(unsigned type, struct span coordinates, struct arena *a, struct geo *out)
{
    struct jval *v;
    enum err e = json_parse(coordinates, a, &v, NULL);
    if (e != OK)
        return e == ERR_NOMEM || e == ERR_LIMIT ? e : ERR_SYNTAX;
    return read(type, v, a, out);
}

enum err geo_value(const struct jval *v, struct arena *a, struct geo *out)
{
    uint64_t type;
    struct span text;
    const struct jval *crd = JSON_GET(v, "crd");
    if (!crd || json_u64(JSON_GET(v, "typ"), GEO_POLYGONS, &type) != OK)
        return ERR_SYNTAX;
    if (crd->type == J_ARR)
        return read((unsigned)type, crd, a, out);
    TRY(json_str(crd, a, &text));
    return geo_parse((unsigned)type, text, a, out);
}

/* ---- points and segments ------------------------------------------------------------------------- */

struct segment {
    struct geo_point a, b;
};

/* Twice the area of the triangle a b c: positive when c lies to the left of a-b. */
static double turn(struct geo_point a, struct geo_point b, struct geo_point c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

static double far(double v)
{
    return v < 0 ? -v : v;
}

/* Points that were computed lie beside their line by rounding: what counts as nothing, for figures of this size. */
static double nothing(struct segment s)
{
    double dx = far(s.b.x - s.a.x), dy = far(s.b.y - s.a.y);
    return 1e-12 * (1 + dx + dy) * (1 + far(s.a.x) + far(s.a.y));
}

static bool between(double v, double a, double b)
{
    const double slack = 1e-12 * (1 + far(v));
    return a <= b ? v >= a - slack && v <= b + slack : v >= b - slack && v <= a + slack;
}

static bool on(struct segment s, struct geo_point p)
{
    return far(turn(s.a, s.b, p)) <= nothing(s) && between(p.x, s.a.x, s.b.x) && between(p.y, s.a.y, s.b.y);
}

static bool cross(struct segment s, struct segment t)
{
    double a = turn(s.a, s.b, t.a), b = turn(s.a, s.b, t.b), c = turn(t.a, t.b, s.a), d = turn(t.a, t.b, s.b);
    if (((a > 0 && b < 0) || (a < 0 && b > 0)) && ((c > 0 && d < 0) || (c < 0 && d > 0)))
        return true;
    return on(s, t.a) || on(s, t.b) || on(t, s.a) || on(t, s.b);
}

static struct segment side(const struct geo_ring *r, size_t i)
{
    return (struct segment){r->p[i], r->p[i + 1]};
}

static bool on_ring(const struct geo_ring *r, struct geo_point p)
{
    bool hit = r->n == 1 && same(r->p[0], p);
    for (size_t i = 0; i + 1 < r->n && !hit; i++)
        hit = on(side(r, i), p);
    return hit;
}

/* Even-odd rule, for points that are on no ring. */
static bool inside(const struct geo_part *g, struct geo_point p)
{
    bool in = false;
    for (size_t k = 0; k < g->n; k++)
        for (size_t i = 0; i + 1 < g->r[k].n; i++) {
            struct segment s = side(&g->r[k], i);
            if ((s.a.y > p.y) != (s.b.y > p.y) && p.x < (s.b.x - s.a.x) * (p.y - s.a.y) / (s.b.y - s.a.y) + s.a.x)
                in = !in;
        }
    return in;
}

/* Is the point in any part of g, its borders included? */
static bool covers(const struct geo *g, struct geo_point p)
{
    for (size_t i = 0; i < g->n; i++) {
        for (size_t k = 0; k < g->part[i].n; k++)
            if (on_ring(&g->part[i].r[k], p))
                return true;
        if (g->base == GEO_POLYGON && inside(&g->part[i], p))
            return true;
    }
    return false;
}

/* ---- geometries ---------------------------------------------------------------------------------- */

/* Calls `see` for every ring of g until one says true. */
static bool any_ring(const struct geo *g, const struct geo *h,
                     bool (*see)(const struct geo_ring *r, const struct geo *h))
{
    bool hit = false;
    for (size_t i = 0; i < g->n && !hit; i++)
        for (size_t k = 0; k < g->part[i].n && !hit; k++)
            hit = see(&g->part[i].r[k], h);
    return hit;
}

static bool starts_in(const struct geo_ring *r, const struct geo *h)
{
    return covers(h, r->p[0]);
}

static bool meets(const struct geo_ring *r, const struct geo *h)
{
    bool hit = false;
    for (size_t i = 0; i < r->n && !hit; i++)
        hit = covers(h, r->p[i]);
    for (size_t i = 0; i + 1 < r->n && !hit; i++)
        for (size_t p = 0; p < h->n && !hit; p++)
            for (size_t k = 0; k < h->part[p].n && !hit; k++)
                for (size_t j = 0; j + 1 < h->part[p].r[k].n && !hit; j++)
                    hit = cross(side(r, i), side(&h->part[p].r[k], j));
    return hit;
}

/* Two geometries meet when a border or point of one is in the other: g's on h, or h wholly in g. */
bool geo_intersects(const struct geo *g, const struct geo *h)
{
    return any_ring(g, h, meets) || any_ring(h, g, starts_in);
}

/* Where along s the line of t cuts it, 0..1; negative: nowhere. */
static double cut_at(struct segment s, struct segment t)
{
    double dx = s.b.x - s.a.x, dy = s.b.y - s.a.y, ex = t.b.x - t.a.x, ey = t.b.y - t.a.y;
    double det = dx * ey - dy * ex;
    if (far(det) < 1e-300)
        return -1;
    double k = ((t.a.x - s.a.x) * ey - (t.a.y - s.a.y) * ex) / det;
    double m = ((t.a.x - s.a.x) * dy - (t.a.y - s.a.y) * dx) / det;
    return k > 0 && k < 1 && m >= -1e-9 && m <= 1 + 1e-9 ? k : -1;
}

/* Where along s the point lies, when it is on it. */
static double place_on(struct segment s, struct geo_point p)
{
    if (!on(s, p))
        return -1;
    double dx = s.b.x - s.a.x, dy = s.b.y - s.a.y;
    if (far(dx) >= far(dy))
        return far(dx) > 0 ? (p.x - s.a.x) / dx : -1;
    return (p.y - s.a.y) / dy;
}

/* The smallest cut of s by a border of h behind `after`; 1 when there is none. */
static double next_cut(struct segment s, const struct geo *h, double after)
{
    double best = 1;
    for (size_t p = 0; p < h->n; p++)
        for (size_t k = 0; k < h->part[p].n; k++)
            for (size_t j = 0; j + 1 < h->part[p].r[k].n; j++) {
                struct segment t = side(&h->part[p].r[k], j);
                const double at[] = {cut_at(s, t), place_on(s, t.a), place_on(s, t.b)};
                for (size_t i = 0; i < LEN(at); i++)
                    if (at[i] > after + 1e-12 && at[i] < best)
                        best = at[i];
            }
    return best;
}

/* Between two cuts a segment is wholly in or wholly out: one point of each piece tells. */
static bool segment_in(struct segment s, const struct geo *h)
{
    if (!covers(h, s.a) || !covers(h, s.b))
        return false;
    for (double from = 0; from < 1;) {
        double to = next_cut(s, h, from), mid = (from + to) / 2;
        if (!covers(h, (struct geo_point){s.a.x + (s.b.x - s.a.x) * mid, s.a.y + (s.b.y - s.a.y) * mid}))
            return false;
        from = to;
    }
    return true;
}

static bool leaves(const struct geo_ring *r, const struct geo *h)
{
    if (r->n == 1)
        return !covers(h, r->p[0]);
    bool out = false;
    for (size_t i = 0; i + 1 < r->n && !out; i++)
        out = !segment_in(side(r, i), h);
    return out;
}

/* A point of the polygon that is on none of its borders: on a line just above its lowest corners, between the first two
 * borders that the line crosses. */
static struct geo_point midst(const struct geo_part *g)
{
    double low = g->r[0].p[0].y, next = low, x1, x2;
    for (size_t i = 1; i < g->r[0].n; i++)
        low = g->r[0].p[i].y < low ? g->r[0].p[i].y : low;
    for (size_t k = 0; k < g->n; k++)
        for (size_t i = 0; i < g->r[k].n; i++) {
            double y = g->r[k].p[i].y;
            next = y > low && (next <= low || y < next) ? y : next;
        }
    double y = (low + next) / 2;
    x1 = x2 = 1e300;
    for (size_t k = 0; k < g->n; k++)
        for (size_t i = 0; i + 1 < g->r[k].n; i++) {
            struct segment s = side(&g->r[k], i);
            if ((s.a.y > y) == (s.b.y > y))
                continue;
            double x = (s.b.x - s.a.x) * (y - s.a.y) / (s.b.y - s.a.y) + s.a.x;
            x2 = x < x1 ? x1 : x < x2 ? x : x2;
            x1 = x < x1 ? x : x1;
        }
    return (struct geo_point){(x1 + x2) / 2, y};
}

/* All borders of the polygon are in h. What is left: it fills a hole of h, or has one in its midst. */
static bool hole_in(const struct geo_part *g, const struct geo *h)
{
    const struct geo one = {GEO_POLYGON, g, 1};
    if (!covers(h, midst(g)))
        return true;
    for (size_t p = 0; p < h->n; p++)
        for (size_t k = 1; k < h->part[p].n; k++) {
            const struct geo_ring *hole = &h->part[p].r[k];
            for (size_t i = 0; i + 1 < hole->n; i++) {
                struct segment s = side(hole, i);
                struct geo_point mid = {(s.a.x + s.b.x) / 2, (s.a.y + s.b.y) / 2};
                bool edge = false;
                for (size_t q = 0; q < g->n && !edge; q++)
                    edge = on_ring(&g->r[q], mid);
                if (!edge && covers(&one, mid))
                    return true;
            }
        }
    return false;
}

bool geo_within(const struct geo *g, const struct geo *h)
{
    if (g->base > h->base || any_ring(g, h, leaves))
        return false;
    bool in = true;
    for (size_t i = 0; i < g->n && in && g->base == GEO_POLYGON; i++)
        in = !hole_in(&g->part[i], h);
    return in;
}

bool geo_is(unsigned function, const struct geo *g, const struct geo *h)
{
    switch (function) {
    case GEO_WITHIN:
        return geo_within(g, h);
    case GEO_CONTAINS:
        return geo_within(h, g);
    default:
        return geo_intersects(g, h);
    }
}
