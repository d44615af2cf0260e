/* prim.h - one request or response, whatever door it came in by (TS-0004 6.4, 7.3.2; TS-0001 8.1).
 *
 * A binding fills `raw` (text of each parameter that was there), `args` (filter criteria and attribute
 * conditions), `pc`, `ser`, `accept` and `assoc`. prim_read interprets and judges them in the order of
 * TS-0004 7.3.2.1 as far as no store is needed. Spans point into the binding's memory or the exchange's arena. */
#ifndef M2M_PRIM_H
#define M2M_PRIM_H

#include "base/arena.h"
#include "m2m/addr.h"
#include "m2m/check.h"
#include "m2m/geo.h"
#include "m2m/jsonpath.h"
#include "m2m/labelq.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum op { OP_NONE, OP_CREATE, OP_RETRIEVE, OP_UPDATE, OP_DELETE, OP_NOTIFY, OP__N };

/* Parameters of requests and responses, PA_op, PA_to ... : rows of tbl/param.def. */
enum param {
    PA_NONE = 0,
#define PARAM(id, long_name, kind, place, http_name) PA_##id,
#define CRIT(id, long_name, kind)
#include "m2m/tbl/param.def"
#undef PARAM
#undef CRIT
    PA__N
};
/* Members of filterCriteria that a query carries, FC_crb, FC_ty ... */
enum crit {
    FC_NONE = 0,
#define PARAM(id, long_name, kind, place, http_name)
#define CRIT(id, long_name, kind) FC_##id,
#include "m2m/tbl/param.def"
#undef PARAM
#undef CRIT
    FC__N
};
#define PA_BIT(id) (UINT64_C(1) << PA_##id)
#define FC_BIT(id) (UINT64_C(1) << FC_##id)

enum ser { SER_NONE, SER_JSON, SER_XML, SER_CBOR, SER_OTHER };
enum release { REL_NONE, REL_1, REL_2, REL_2A, REL_3, REL_4, REL_5, REL_OTHER };
enum rcn {
    RCN_NOTHING,
    RCN_ATTRIBUTES,
    RCN_ADDRESS,
    RCN_ADDRESS_ATTRIBUTES,
    RCN_ATTRIBUTES_CHILDREN,
    RCN_ATTRIBUTES_REFS,
    RCN_REFS,
    RCN_ORIGINAL,
    RCN_CHILDREN,
    RCN_MODIFIED,
    RCN_SEMANTIC,
    RCN_DISCOVERY_REFS,
    RCN_PERMISSIONS,
    RCN_DEFAULT = 255 /* the request named none */
};
enum rt { RT_SYNCH = 1, RT_ASYNCH, RT_BLOCKING, RT_FLEX, RT_NONE };
enum fu { FU_NONE, FU_DISCOVERY, FU_CONDITION, FU_IPE, FU_DISCOVERY_BASED };

/* One filter criterion or attribute condition as it came; repeats stay separate, in order. */
struct arg {
    struct arg *next;
    uint8_t crit;      /* enum crit; FC_atr FC_catr FC_patr for attribute conditions */
    uint16_t attr;     /* attribute conditions: enum attr */
    struct span name;  /* attribute conditions: short name; empty for everything else */
    struct span value; /* decoded; several values of a list are separated by one blank */
};

/* filterCriteria, interpreted (TS-0001 8.1.2, TS-0004 6.3.5.8 and 7.3.3.17). */
struct strings {
    const struct span *v;
    size_t n;
};
struct numbers {
    const uint32_t *v;
    size_t n;
};
struct condition { /* attribute, childAttribute, parentAttribute */
    const struct condition *next;
    uint8_t crit;     /* FC_atr FC_catr FC_patr */
    uint16_t attr;    /* enum attr; AT_NONE: one that only a loaded specialization has, by its name */
    struct span name; /* its short name */
    struct span value;
};
struct fc {
    uint64_t have;  /* FC_BIT of every criterion that is there */
    uint8_t fu, fo; /* fo: 1 AND (default) 2 OR 3 XOR */
    uint8_t cfs, gmty, gsf;
    uint32_t lim, ofst, lvl;
    int64_t crb, cra, ms, us, exb, exa; /* ms since 1970 */
    uint64_t sts, stb, sza, szb;
    struct numbers ty, chty, pty;
    struct strings lbl, clbl, palb, cty, smf;
    struct labelq lbq;
    struct geo geo;       /* of gmty and geom */
    struct jsonpath path; /* of cfq */
    struct span cfq, arp, geom, aq;
    const struct condition *cond;
};
/* The criteria that select (not fu lim ofst lvl fo arp). */
#define FC_HANDLING (FC_BIT(fu) | FC_BIT(lim) | FC_BIT(ofst) | FC_BIT(lvl) | FC_BIT(fo) | FC_BIT(arp))

/* What the transport proved about the sender. Filled by the listener, never by the message. */
enum assoc_kind { ASSOC_NONE, ASSOC_AE, ASSOC_CSE };
struct assoc {
    bool secured;           /* a (D)TLS session with an authenticated peer */
    uint8_t kind;           /* enum assoc_kind of the authenticated peer */
    const struct span *ids; /* absolute AE-IDs that it may use; for a CSE its absolute or SP-relative CSE-ID */
    uint8_t n_ids;
    uint8_t ip_family; /* 4, 6, or 0 when unknown */
    uint8_t ip[16];    /* network order */
};

struct prim {
    /* filled by the binding */
    uint64_t have; /* PA_BIT of every parameter present, empty ones included */
    struct span raw[PA__N];
    struct arg *args;
    struct span pc;   /* content as it came; n == 0: none */
    uint8_t op;       /* enum op of a request; OP_NONE in a response */
    uint8_t ser;      /* enum ser of pc */
    uint8_t accept;   /* bit per enum ser that the sender takes in return; 0: says nothing */
    bool vnd;         /* peer used or listed the vnd.onem2m media types */
    const char *bad;  /* set by the binding: why the message cannot be a primitive; rule text */
    uint16_t bad_rsc; /* with `bad`; 0: 4000 */
    struct span uri;  /* CREATE response whose content carries the URI (rcn 2, 3): that text, for Content-Location */
    struct assoc assoc;
    /* filled by prim_read, or by who builds a primitive */
    uint16_t ty, rsc;
    uint8_t rvi;          /* enum release */
    uint8_t rcn, rt, drt; /* rcn: RCN_DEFAULT when absent; rt: RT_BLOCKING; drt: 1 */
    uint16_t ec;          /* 0: none */
    bool sqi;
    int64_t rqet, rset, oet, rp; /* ms since 1970; 0: none */
    struct addr addr;            /* of `to` */
    struct id from;              /* of `fr` */
    const struct fc *fc;         /* NULL: no criteria */
    struct strings nu;           /* notification targets of rt; nu_given tells [] from nothing */
    bool nu_given;
    struct strings atrl;     /* partial RETRIEVE: names, from '#', the query or the content */
    const struct jval *body; /* parsed pc: the object with its one member; NULL before prim_body or without content */
    struct span root;        /* name of that member, "m2m:cnt" */
    const struct jval *content; /* value of that member */
};

static inline bool prim_has(const struct prim *p, enum param id)
{
    return p->have >> (unsigned)id & 1;
}
static inline struct span prim_text(const struct prim *p, enum param id)
{
    return p->raw[id];
}
/* Takes the next word off a list as a query or JSON carries it: separated by blanks or '+'. Empty at its end. */
struct span prim_word(struct span *list);
/* Zeroes *p. */
void prim_init(struct prim *p);
/* Sets a parameter (text as on the wire of JSON or HTTP). */
void prim_set(struct prim *p, enum param id, struct span text);
/* Adds a criterion; NULL arena memory makes it ERR_NOMEM. */
MUST_USE enum err prim_add(struct prim *p, enum crit id, enum attr a, struct span value, struct arena *ar);
/* An attribute condition (FC_atr, FC_catr, FC_patr) by the short name. ERR_NOTFOUND: no type has such an attribute,
 * and no loaded specialization. */
MUST_USE enum err prim_add_condition(struct prim *p, enum crit id, struct span name, struct span value,
                                     struct arena *ar);

/* What prim_read needs to know. Callbacks may be NULL: then the rows that need them are left to the engine. */
struct prim_env {
    const struct self *self;
    const struct switches *sw;
    int64_t now;        /* ms */
    uint8_t role;       /* enum cse_role */
    uint16_t releases;  /* 1 << REL_x for every release that is served */
    uint64_t refuse;    /* PA_BIT of parameters that the standard has and this CSE does not support: 5001 */
    uint64_t refuse_fc; /* FC_BIT likewise */
    void *who;          /* for the callbacks */
    bool trusted;       /* made by this CSE: `fr` needs no proof */
    bool (*registered)(void *who, const struct id *ae); /* is this AE registered here? */
    bool (*registree)(void *who, const struct id *cse); /* is this CSE registered here? */
};
/* Parameters and criteria that nothing in this product evaluates. */
#define PRIM_REFUSE                                                                                                    \
    (PA_BIT(tkns) | PA_BIT(ltids) | PA_BIT(asi) | PA_BIT(aus) | PA_BIT(auri) | PA_BIT(sqi) | PA_BIT(omr) | PA_BIT(prpi))
#define PRIM_REFUSE_FC (FC_BIT(smf) | FC_BIT(aq))

/* A request: interprets raw and args, then judges rows 1 to 18 of procedures 2.1 that need no store.
 * VERDICT_GO: p is complete except `body`. Rows that only the hosting CSE checks (rvi, unsupported
 * parameters) are skipped when p->addr is elsewhere. Criteria and lists go into the arena. */
struct verdict prim_read(struct prim *p, const struct prim_env *env, struct arena *a);
/* At the hosting CSE, after prim_read: parses pc (JSON), demands exactly one member, content where the
 * operation needs it (CREATE, UPDATE, NOTIFY), sets body, root, content; takes atrl out of the content of a RETRIEVE.
 * 4000 with the place of a syntax error in the rule; 4015 for another serialization. */
struct verdict prim_body(struct prim *p, struct arena *a);

/* Is this result content allowed for the operation? (TS-0001 table 8.1.2-1.) discovery: RETRIEVE with fu=1. */
bool prim_rcn_allowed(enum op op, unsigned rcn, bool discovery, unsigned rvi);
enum release release_of(struct span text);
/* "3"; the empty span for REL_NONE and REL_OTHER. */
struct span release_text(unsigned rvi);
const char *op_name(unsigned op); /* "CREATE"; "?" outside */
/* Access control bit of an operation: CREATE 1 ... NOTIFY 16; discovery is 32. */
static inline unsigned op_acop(enum op op)
{
    return op == OP_NONE ? 0u : 1u << (op - 1);
}

/* Starts the response of a request: rsc, rqi, rvi, and vsi when it had one. */
void prim_respond(struct prim *out, const struct prim *request, enum rsc rsc);
/* The same for a refusal, with {"m2m:dbg":"..."} built in the arena. Content is left out when memory is. */
void prim_refuse(struct prim *out, const struct prim *request, struct verdict v, struct arena *a);
/* A response that came in (client role): interprets rsc, rvi, and checks that rsc is a number. */
struct verdict prim_read_response(struct prim *p);

/* ---- param.def, for bindings ---------------------------------------------------------------------- */

enum place { IN_NOTHING, IN_METHOD, IN_TARGET, IN_HEADER, IN_QUERY, IN_CTYPE, IN_BODY };
struct param_row {
    struct span sn;
    const char *long_name;
    struct span http; /* header name in lower case, or query name */
    uint8_t place;    /* enum place: where HTTP carries it */
    uint8_t kind;     /* enum vkind of its value, for prim_read */
};
const struct param_row *param_row(enum param id);
enum param param_of_header(struct span name); /* without regard to case; PA_NONE */
enum param param_of_query(struct span name);
enum crit crit_of_query(struct span name);
struct span crit_name(enum crit id);
enum vkind crit_kind(enum crit id); /* kind of one value */

#endif
