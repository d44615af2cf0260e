/* admin.h - the table of admin.def, for the parent, which hands commands on, and the rooms, which do them. */
#ifndef TTP_ADMIN_H
#define TTP_ADMIN_H

#include "ttp/msg.h"

/* States of the house, as the parent sees it. */
enum admin_state {
    A_STARTING = 1,   /* rooms come up */
    A_SEALED = 2,     /* no vault: front and ledger serve, whatever needs a key is answered ttp-sealed */
    A_OPEN = 4,       /* everything is served */
    A_QUARANTINE = 8, /* the vault has its keys and releases nothing: an older copy of the state may have come back */
    A_ANY = A_STARTING | A_SEALED | A_OPEN | A_QUARANTINE
};
/* "open", "sealed", "starting", "quarantine". */
const char *admin_state_name(unsigned state);

enum admin_name {
#define ADMIN(name, room, when, what) ADMIN_##name,
#include "ttp/admin.def"
#undef ADMIN
    ADMIN__N
};

struct admin_row {
    const char *name; /* with "_", where the line has "-" */
    enum msg_room room;
    unsigned when; /* set of enum admin_state */
    const char *what;
};
/* n < ADMIN__N. */
const struct admin_row *admin_row(unsigned n);
/* ADMIN__N: there is no such command. */
enum admin_name admin_find(struct span word);

#endif
