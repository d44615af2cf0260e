/* esprim_own.h - inside the receiver of ESPrim: esprim.c answers, esprim_esi.c says what this CSE offers. */
#ifndef CSE_ESPRIM_OWN_H
#define CSE_ESPRIM_OWN_H

#include "cse/esprim.h"
#include "esp/receiver.h"

/* Memory that is locked. */
struct esprim_secret {
    struct esp_own own;
    struct esp_pair pair[];
};

struct esprim {
    struct esprim_secret *secret;
    int64_t life;
    atomic_flag lock; /* guards ring and origs */
    struct esp_ring ring;
    struct esp_origs origs;
    struct esprim_agree *agree; /* esprim_agree.c; NULL: no keys are agreed here */
    bool keys;                  /* the configuration gives some */

    /* loop 0 */
    struct buf esi; /* the attribute's text */
    uint8_t esi_room[ESPRIM_ESI_MAX];
    int64_t renew; /* when the shared object gets a successor */
    bool busy;     /* the writer has the new text */
    struct arena a;
    struct prim q;
    struct exch x;
    struct run run;
};

void esprim_lock(struct esprim *m);
void esprim_unlock(struct esprim *m);
/* A new random object of this CSE, its text in the arena. */
MUST_USE enum err esprim_object(struct cse *c, bool shared, int64_t now, struct arena *a, struct span *out);

#endif
