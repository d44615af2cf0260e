/* addr.h - addresses of resources and identifiers of entities (TS-0001 7.2, 9.3.1; TS-0004 7.3.2.8).
 * Pure functions; every span points into the caller's text. */
#ifndef M2M_ADDR_H
#define M2M_ADDR_H

#include "base/buf.h"
#include "m2m/switches.h"

/* Who this CSE is. */
struct self {
    struct span sp;   /* M2M-SP-ID with both slashes: "//demo.example" */
    struct span csi;  /* SP-relative CSE-ID with its slash: "/id-mn" */
    struct span base; /* resourceName of the CSEBase: "mn" */
};

enum addr_scope { ADDR_CSE_RELATIVE, ADDR_SP_RELATIVE, ADDR_ABSOLUTE };
enum addr_where { ADDR_HERE, ADDR_OTHER_CSE, ADDR_OTHER_SP };

/* A parsed `to`. `path` is what the hosting CSE resolves: segments joined by '/', without a leading or
 * final slash. Structured: the first segment is the CSEBase's name or "-", `names` is what stands behind
 * it (empty for the CSEBase itself) and `id` is empty. Unstructured: `id` is the first segment, a resource
 * identifier, and `names` what stands behind it (hybrid form "ri/la"), often empty.
 * For an address of another CSE the split is made likewise, but "structured" is only known for "-". */
struct addr {
    uint8_t scope; /* enum addr_scope, as written */
    uint8_t where; /* enum addr_where */
    bool structured;
    struct span sp;   /* ABSOLUTE: "//demo.example", as written; otherwise ours */
    struct span csi;  /* "/id-mn": the hosting CSE, as written; ours for CSE-relative */
    struct span path; /* "mn/thermo-1/data", "3f/la" */
    struct span id;   /* "3f"; empty when structured */
    struct span names;
    struct span attr; /* short name behind '#' (partial RETRIEVE); empty when there is none */
    bool s_ae; /* "/Sapp-heat": the AE-ID of an S-type AE, which does not say where it is registered. Then `where`
                  is HERE and `id` its stem; when there is no such AE here, it is for the registrar to know. Of another
                  service provider ("//other.example/Sapp"): OTHER_SP with the stem as `id`, no csi, and not s_ae. */
};

/* Parses any of the six forms and the hybrids. ERR_SYNTAX with a sentence in *why (static): empty, empty
 * segment, a bare CSE-ID, a character that an address cannot hold, two '#', a final slash when switch 24
 * is open (otherwise one final slash is dropped). Everything but these is well-formed: existence is the engine's. */
MUST_USE enum err addr_parse(struct span to, const struct self *me, const struct switches *sw, struct addr *out,
                             const char **why);
/* Takes the next segment off the front of *names; empty span when none is left. */
struct span addr_next(struct span *names);
/* The same address written SP-relative ("/id-mn/3f") or absolute: what leaves for another CSE. */
void addr_put_sp_relative(struct buf *b, const struct self *me, struct span cse_relative);
void addr_put_absolute(struct buf *b, const struct self *me, struct span cse_relative);

/* ---- identifiers of AEs and CSEs ----------------------------------------------------------------- */

enum id_kind {
    ID_BAD,    /* no AE-ID and no CSE-ID */
    ID_AE_C,   /* AE-ID, stem assigned by its registrar CSE */
    ID_AE_S,   /* AE-ID, stem assigned by the SP */
    ID_CSE,    /* CSE-ID; with a stem "S" or "Sxyz": a CSE that speaks for an S-type AE (TS-0001 10.2.2.2) */
    ID_SP,     /* M2M-SP-ID */
    ID_OPAQUE, /* one segment without slash that is none of these (switch 20) */
};
enum { ID_MAX = 400 }; /* octets of an absolute identifier, at most */

/* An identifier taken apart. Two identifiers name the same entity when kind, sp, cse and stem are equal
 * (id_same). A relative form is completed with `me`. */
struct id {
    uint8_t kind;     /* enum id_kind */
    uint8_t scope;    /* enum addr_scope, as written */
    struct span sp;   /* "//demo.example" */
    struct span cse;  /* "/id-mn"; empty for ID_AE_S and ID_SP */
    struct span stem; /* "Cthermo-1", "Sapp-heat"; of ID_CSE mostly empty */
};

/* Never fails: what is no identifier is ID_BAD. "/Sxyz" is an AE-ID unless it is our own CSE-ID. */
struct id id_parse(struct span text, const struct self *me);
bool id_same(const struct id *a, const struct id *b);
/* Do both texts name the same AE or CSE? False when one of them is bad. */
bool id_same_text(struct span a, struct span b, const struct self *me);
/* Writes a form of it. Stem: "Cthermo-1" (CSE-IDs: as SP-relative). */
void id_put_stem(struct buf *b, const struct id *i);
void id_put_sp_relative(struct buf *b, const struct id *i); /* "/id-mn/Cthermo-1", "/Sapp-heat", "/id-mn" */
void id_put_absolute(struct buf *b, const struct id *i);
/* What `fr` becomes when a request leaves for another CSE of the domain (SP-relative) or another domain (absolute). */
void id_put_forwarded(struct buf *b, struct span fr, const struct self *me, bool other_sp);
/* An AE-ID that belongs to an AE registered at this CSE, if it is registered at all: C-stem of ours, or any S-stem of
 * our SP. */
bool id_ours(const struct id *i, const struct self *me);

/* Identity in a certificate (TS-0003 10.1.1, security digest 8.5): a URI "m2m://demo.example/Sapp-heat"
 * (any scheme or none) becomes "//demo.example/Sapp-heat" (a piece of the text). Empty when it is no AE-ID. */
struct span id_of_uri(struct span san_uri);
/* A public domain name of a CSE "id-mn.id-in.demo.example" of our SP becomes "/id-mn" in *b.
 * ERR_SYNTAX: it is not under our SP's domain, or has not one label (IN-CSE) or two (others) in front of it. */
MUST_USE enum err id_of_dns(struct span san_dns, const struct self *me, struct buf *b);
/* The other way: CSE-ID "/id-mn" under IN-CSE "/id-in" gives "id-mn.id-in.demo.example"; the IN-CSE itself
 * "id-in.demo.example". */
void id_put_dns(struct buf *b, struct span csi, struct span in_csi, struct span sp);

#endif
