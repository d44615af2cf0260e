/* joint.h - inside the registration at the registrar: joint.c moves it on, joint_say.c writes what is sent and kept. */
#ifndef CSE_JOINT_H
#define CSE_JOINT_H

#include "cse/inside.h"

/* What is to be done next. In this order after a start; a registrar that forgot us brings JOINT_CREATE back. */
enum joint_todo { JOINT_CREATE, JOINT_UPDATE, JOINT_READ, JOINT_BASE, JOINT_DONE, JOINT_LEAVE, JOINT_LEFT };

struct joint {
    uint8_t todo; /* enum joint_todo */
    bool busy, joined;
    bool known;       /* the registrar's remoteCSE is here and its CSEBase was asked for, since this process began */
    int64_t next;     /* not before */
    int64_t et, life; /* of our remoteCSE there, ms; 0: it did not say */
    uint32_t tries;
    struct arena a;
    struct prim q; /* of the context */
    struct exch x;
    struct run r;
    struct hop hop;
    struct span base; /* the registrar's CSEBase as it answered, while it is recorded; empty: it did not show it */
    void (*left)(void *ctx); /* somebody waits for JOINT_LEFT */
    void *left_ctx;
};

/* The request of j->todo into j->hop.req; texts in j->a. */
void joint_request(struct cse *c, struct joint *j);
/* Writer: the registrar as a remoteCSE of this CSE, made or brought up to date from j->base. */
enum err joint_record(struct cse *c, struct store_tx *t, struct exch *x);

#endif
