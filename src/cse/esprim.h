/* esprim.h - requests that come inside ESPrim Objects: this CSE as their receiver (TS-0003 8.4, TS-0004 7.6.2).
 *
 * A NOTIFY to the CSEBase with m2m:seci carries one (sit 5), asks for a random object (sit 3), or is a message of a key
 * agreement (sit 6, esprim_agree.h). Whether it is let in
 * is decided by the pairwise key, not by a policy. The inner primitive runs as an errand: blocking, in the name of whom
 * the key is bound to, authenticated (acaf). Its memory is overwritten when it is answered; nothing but what the inner
 * request itself stores keeps a decrypted octet. The answer is sealed under the same session, whatever it says.
 *
 * Only resources of this CSE can be reached so, and nobody registers so. Objects for an AE pass through unopened
 * (notify.c). What can open is lib/esp, whose keys are of a type of their own: no ESData is opened here. */
#ifndef CSE_ESPRIM_H
#define CSE_ESPRIM_H

#include "cse/inside.h"
#include "host/conf.h"

struct esprim;

enum {
    ESPRIM_KEYS_MAX = 256,   /* sections [esprim KID] */
    ESPRIM_AGREED_MAX = 256, /* keys from ESCertKE at once */
    ESPRIM_ORIGS = 1024,     /* originators' random objects in use at once */
    ESPRIM_ESI_MAX = 16384,  /* octets of e2eSecInfo */
};
#define ESPRIM_LIFE_MS INT64_C(3600000) /* of this CSE's random objects: 1 h */

/* keys: how many pairwise keys there will be at most. life 0: ESPRIM_LIFE_MS. ERR_NOMEM: also when memory for keys
 * cannot be locked. */
MUST_USE enum err esprim_new(size_t keys, int64_t life, struct esprim **out);
/* A pairwise key and the absolute AE-ID or CSE-ID that it is bound to; before any thread runs. Errors of esp_ring_add.
 */
MUST_USE enum err esprim_add_key(struct esprim *m, struct span kid, struct span peer, struct span value);
/* Wipes the keys. After the cse. NULL is fine. */
void esprim_free(struct esprim *m);

/* Sections [esprim KID] and [escertke]; *out stays NULL when there is neither. ERR_CONFIG: `why` has a sentence
 * "FILE:LINE: ..." for each defect. ERR_NOMEM. */
MUST_USE enum err esprim_conf(const struct conf *c, const struct self *self, struct esprim **out, struct buf *why);

/* ---- for the engine ---- */

/* Fresh secrets and the first shared random object. Nothing when conf.esprim is NULL. */
MUST_USE enum err esprim_open(struct cse *c);
/* Member esi (e2eSecInfo, TS-0004 6.3.5.52) of the CSEBase and of our remoteCSE at the registrar; NULL: nothing. Start
 * and loop 0. */
void esprim_put_esi(const struct esprim *m, struct jw *w);
/* Loop 0: the shared object is renewed at half of its life, in the CSEBase and at the registrar. */
int64_t esprim_tick(struct cse *c, int64_t now);
/* Is it a NOTIFY of the kinds above? */
bool esprim_is(const struct run *r);
enum says esprim_hear(struct run *r);

#endif
