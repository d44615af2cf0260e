/* m2mbody.h - the attributes of one resource of the oneM2M bases as a client sends them (spec/security.md 7.3), read in
 * the vault, and the rules for identifiers and targets. Names stand in m2m/m2mnames.def. */
#ifndef TTP_M2MBODY_H
#define TTP_M2MBODY_H

#include "m2m/m2mname.h"

enum {
    M2MBODY_LIST_MAX = 64,   /* labels, targets */
    M2MBODY_LINES_MAX = 480, /* octets of labels, or of targets, one to a line: they fit a column of a row */
    M2MBODY_TEXTS_MAX = 2,   /* signed texts in one request */
    M2MBODY_KEY_LEAST = 16,  /* octets of a Key Value in clear */
    M2MBODY_KEY_MAX = 128
};

/* Texts point into the request or the arena. */
struct m2mbody {
    bool has[M2MATTR__N];
    int64_t et; /* ms */
    struct span adfq;
    uint8_t suid;
    struct span lbl;                    /* one to a line; has and empty: the list is emptied */
    struct span tgis[M2MBODY_LIST_MAX]; /* as they were written */
    size_t n_tgis;
    struct span kv; /* octets; secret */
    struct span osl[M2MBODY_TEXTS_MAX];
    size_t n_osl;
    struct span cmid;
    uint64_t cmst;
};
enum m2mbody_op { M2MBODY_CREATE, M2MBODY_UPDATE };

/* NULL: read. Otherwise what is wrong, a sentence that names the attribute and never repeats a value: BAD_REQUEST. An
 * attribute that the type does not have, or not with this operation, is refused. */
const char *m2mbody_read(struct span text, enum m2mname_type t, enum m2mbody_op op, struct arena *a,
                         struct m2mbody *out);

/* Is this an assigned SUID of symmetric keys that a TTP takes (21 to 25, 32 to 35)? */
bool m2mbody_suid_known(uint8_t suid);
/* The base whose keys have it: 2x belong to the MEF, 3x to the MAF (TS-0004 6.3.4.2.39). 0: none. */
uint8_t m2mbody_suid_base(uint8_t suid);
/* SUIDs whose keys two parties share: exactly one target. Of the others at least one, unless a policy names them. */
bool m2mbody_suid_one_target(uint8_t suid);

/* The targets of a request as absolute identifiers, one to a line, without doubles. `self` is the authenticated
 * identity of who asks, in whose domain shorter spellings are meant. NULL: good; otherwise the sentence. `filled`: the
 * TTP names the targets itself when the request does not. */
const char *m2mbody_targets(const struct m2mbody *m, uint8_t suid, struct span self, bool filled, struct arena *a,
                            struct span *lines);

#endif
