/* m2mroute.h - requests on the oneM2M bases as HTTP brings them (spec/security.md 7.6): which kind a request is, what
 * the vault is handed, and the header lines of its answer. Knows no server: front and teller use it alike. */
#ifndef TTP_M2MROUTE_H
#define TTP_M2MROUTE_H

#include "base/buf.h"
#include "m2m/m2mname.h"
#include "ttp/kind.h"

struct m2mroute {
    uint8_t base;           /* its number */
    enum ttp_kind kind;     /* KIND__N: the base itself, which any room can show */
    enum m2mname_type type; /* of a CREATE */
    struct span name;       /* behind the base, without what names a child; points into the path */
    uint16_t status, rsc;   /* when it succeeds */
};
struct m2mroute_wrong {
    uint16_t status, rsc;
    const char *what, *todo;
};

/* Is the path at or below a base? */
bool m2mroute_here(struct span path);
/* NULL: *out is filled. */
const struct m2mroute_wrong *m2mroute_read(struct span method, struct span path, struct span content_type,
                                           struct m2mroute *out);
/* Body of the ASKED (vault_m2m.h). `body` of a configuration retrieval is the port that serves, as text. */
void m2mroute_put(struct buf *b, struct span origin, struct span name, struct span body);
/* X-M2M-RSC, -RVI, -RI (`ri` empty: left out) as lines of a header. */
void m2mroute_fields(struct buf *b, unsigned rsc, struct span ri);
/* The base as a resource. */
void m2mroute_base(struct buf *b, uint8_t base);

#endif
