/* ae.h - what an application entity does at its registrar: registers, says where it can be reached,
 * subscribes. Each is safe to repeat after a restart. */
#ifndef APP_AE_H
#define APP_AE_H

#include "app/session.h"

/* CREATE <AE> with the profile's names (From = its AE-ID-Stem); when it is registered already, UPDATE of poa.
 * poa NULL: none, not reachable. *a is the last answer; free it. Says nothing. */
void ae_register(struct session *s, const char *poa, struct talk_answer *a);
/* CREATE <subscription> to created child resources (net 3) of a container with content; when one of that
 * name is there already, it is used. Remembers in the book which container the subscription is about.
 * ERR_IO: the book; otherwise see a->e and a->rsc. */
MUST_USE enum err ae_subscribe(struct session *s, struct span container, struct talk_answer *a);

#endif
