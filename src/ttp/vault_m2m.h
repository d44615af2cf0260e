/* vault_m2m.h - the oneM2M face inside the vault (spec/security.md 5.4 to 5.8, 6.4 to 6.7, 7.4). The front (and the
 * teller) hand on what the client sent; the vault reads, decides, and answers with the finished resource, so that no
 * other room writes one. The body of an ASKED of these kinds is three items (be32 length, octets): the originator, the
 * name in the path behind the base, the body of the request. */
#ifndef TTP_VAULT_M2M_H
#define TTP_VAULT_M2M_H

#include "ttp/m2mbody.h"
#include "ttp/vault_own.h"

/* Set in an ask of these kinds by vault_m2m_open, in its arena. */
struct vault_m2m {
    struct span id;   /* the originator as an absolute identifier (name_absolute): the identity that the room saw */
    struct span name; /* below the base */
    struct m2mbody body;
    struct span lbl, tgis; /* of a registration that is being made: columns of its row, one to a line */
};

/* Unwraps a->body. With `type` < M2MTYPE__N reads the resource too. ERR_NOMEM; otherwise OK, and when it was refused
 * a->done. */
MUST_USE enum err vault_m2m_open(struct vault *v, struct vault_ask *a, enum m2mname_type type, enum m2mbody_op op);
/* Error JSON with a oneM2M response status code. */
void vault_m2m_refuse(struct vault *v, struct vault_ask *a, uint16_t rsc, const char *what, const char *todo);
/* The same, and the denial is counted for the log. */
void vault_m2m_deny(struct vault *v, struct vault_ask *a, const char *what, const char *todo);
/* Answers with a resource. */
void vault_m2m_reply(struct vault *v, struct vault_ask *a, struct span resource);
/* Begins a resource: root, rn, ty, ri, pi (the base's name, or `parent`), ct, lt. End it with vault_m2m_end. */
void vault_m2m_head(struct jw *w, enum m2mname_type t, struct span name, struct span parent, uint64_t ct, uint64_t lt);
void vault_m2m_end(struct jw *w);
/* A timestamp, or a list that stands one to a line. */
void vault_m2m_put_time(struct jw *w, enum m2mname_attr attr, uint64_t ms);
void vault_m2m_put_lines(struct jw *w, enum m2mname_attr attr, struct span lines);
/* Name of a base as resource name: "mef". */
struct span vault_m2m_base(uint8_t base);

#endif
