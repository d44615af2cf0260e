/* row.h - one registration: the columns of columns.def and their canonical encoding. */
#ifndef TTP_ROW_H
#define TTP_ROW_H

#include "base/buf.h"

enum {
    ROW_SID = 16,
    ROW_KC = 32,
    ROW_WK = 32,
    ROW_SEALED_CLASS = 1,
    ROW_PLAIN_CLASS = 2,
    ROW_GIVEN_LEAST = 16, /* octets of a Key Value of the class plain: an even number from here */
    ROW_GIVEN_MOST = 128, /* to here (spec/security.md 7.4, step 5) */
    ROW_VALUE_MAX = 1 + ROW_GIVEN_MOST,
    ROW_KEY_VALUE = 64, /* octets of a Key Value of the class sealed */
    ROW_KID_MAX = 320,  /* octets of kid */
    ROW_TEXT_MAX = 512  /* octets of iss, adfq, policy, lbl, tgis */
};

/* What the sealed value is. A pair and its activation are two rows; the first one goes when its time is over. */
enum row_kind { ROW_VALUE = 1, ROW_PAIR = 2, ROW_ACTIVE = 3, ROW_GIVEN = 4 };

/* Texts belong to whoever filled it. */
struct row {
    uint8_t klass, kind, suid, base, has_pv, plain;
    struct span kid, iss, adfq, policy, lbl, tgis;
    uint8_t sid[ROW_SID], kc[ROW_KC], wk[ROW_WK];
    uint64_t ep, pv, et, ct, leaf;
};

/* The canonical encoding: columns in order, integers big endian, texts with be32 length. Injective. */
void row_put(struct buf *b, const struct row *r);
/* Takes one row off *s; texts point into it. ERR_SYNTAX. */
MUST_USE enum err row_get(struct span *s, struct row *r);
/* Do two rows say the same about their key? ct and leaf are the TTP's own and do not count; neither do labels, which
 * only a request of the oneM2M face carries. */
bool row_same(const struct row *a, const struct row *b);
/* Octets of the value of a kind: 64, 32, 129, or 0 when there is no such kind. A given one is an octet with its length,
 * the Key Value, and zeroes: the size of what is stored says nothing about the size of the key. */
size_t row_value_n(uint8_t kind);
/* kid as it is looked up: relative part in upper case, domain in lower case. ERR_SYNTAX: no kid; ERR_FULL. */
MUST_USE enum err row_kid_key(struct span kid, struct buf *out);

#endif
