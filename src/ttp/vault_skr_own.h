/* vault_skr_own.h - what the files of vault_skr.h share. */
#ifndef TTP_VAULT_SKR_OWN_H
#define TTP_VAULT_SKR_OWN_H

#include "ttp/vault_own.h"

enum { VAULT_SKR_TEXT = 512 << 10 }; /* octets of a resource: a policy has up to 1,024 readers */

/* Asks for the row that the path names, as need[0]; a->body is then its kid. */
MUST_USE enum err vault_skr_want(struct vault *v, struct vault_ask *a);
void vault_skr_find(struct vault *v, struct vault_ask *a);
/* 4004. */
void vault_skr_absent(struct vault *v, struct vault_ask *a);
/* Is need[0] there, whole, neither shredded nor over? *r: what counts now. Otherwise answers. */
bool vault_skr_alive(struct vault *v, struct vault_ask *a, struct row *r);
/* A record {v, t, op, iss, kid}. */
MUST_USE enum err vault_skr_record(struct vault *v, struct vault_ask *a, const char *op, const struct row *r,
                                   struct buf *b);
/* The member with the targets that count. */
void vault_skr_put_targets(struct jw *w, struct vault *v, const struct row *r);

/* vault_letter.c: the first item of a letter that vault_kind_letter.read took. */
const struct letter_item *vault_letter_item(const struct vault_ask *a, size_t *n, struct span *iss);

#endif
