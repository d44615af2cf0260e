/* parent.h - the room that starts the others: opens sockets and files, gives each only the descriptors it needs, keeps
 * the 72 octets size || root || state for a restarted vault, runs the unsealer for it, and starts the rooms again when
 * one dies. It holds no key of the vault; the TLS key passes through it to the front.
 *
 * A room that dies takes the others with it: messages under way have lost an owner, and a chain that starts from what
 * is durable has only one kind of recovery to get right. The listening socket stays open, so that clients wait instead
 * of being refused. */
#ifndef TTP_PARENT_H
#define TTP_PARENT_H

#include <sys/types.h>

#include "host/conf.h"
#include "ttp/parent_admin.h"
#include "ttp/parent_courier.h"
#include "ttp/parent_custody.h"
#include "ttp/parent_rekey.h"
#include "ttp/room.h"

enum parent_room { P_FRONT, P_LEDGER, P_VAULT, P_HALL, P_UNSEALER, P_COURIER, P__N };

struct parent {
    struct conf *conf;
    bool init;
    const char *bundle_out; /* NULL: none */
    int secret_fd;          /* init: where the operator's secret is read from, or shares are written to; -1 */
    int listen;             /* -1 with init */
    int till;               /* where tellers listen; -1: there are none */
    bool front_up, hall_up; /* both: ready */
    uint16_t front_port, till_port;
    char state[4096];                                          /* folder */
    struct buf cert, key, ca, anchors, operator_key, auditors; /* files as read */
    struct buf peers_own, peers;                               /* parent_peers.h */
    /* the chain */
    pid_t pid[P__N];
    struct link link[P__N]; /* none to the unsealer, nor to a vault that is not there */
    int spare;              /* sealed: the end of the vault's link to the ledger; otherwise -1 */
    uint32_t at;            /* state of our end */
    struct msg_end end;
    bool served, stopping; /* served: it was ready once */
    unsigned house;        /* enum admin_state */
    uint16_t quarantine_n; /* why the vault is in quarantine; 0: it is not */
    char quarantine[256];
    struct parent_desk desk;
    struct parent_courier courier;
    struct parent_custody custody;
    struct parent_rekey rekey;
    /* 72 octets for a restarted vault */
    bool known;
    uint64_t size;
    uint8_t root[MSG_HASH], state_hash[MSG_HASH];
    /* restarts */
    int64_t started_ms;
    unsigned quick; /* starts that did not last */
    int status;     /* exit status of the program */
};

/* parent_files.c: reads what the configuration names; with init makes custody files. ERR_CONFIG with sentences in
 * `why`. */
MUST_USE enum err parent_files(struct parent *p, struct buf *why);
/* "FILE:LINE: [section] key: what" into why; ERR_CONFIG. */
enum err parent_wrong(struct buf *why, const struct parent *p, const char *section, const char *key, const char *what);
/* Path of a file in the state folder. */
const char *parent_path(const struct parent *p, const char *name, char out[4200]);
/* Opens the listening socket. ERR_CONFIG with a sentence in `why`. */
MUST_USE enum err parent_listen(struct parent *p, struct buf *why);

/* parent_enrol.c: with [enrol] ca = own, tells the vault about its CA: before VAULT_START, and once front and vault
 * serve, so that the vault makes the CA when there is none and the front comes to trust it. */
void parent_enrol_start(struct parent *p);
void parent_enrol_open(struct parent *p);

/* parent_rooms.c: starts the chain; sealed: without a vault. ERR_IO. */
MUST_USE enum err parent_start(struct parent *p);
/* Ends whatever runs and waits for it; an unsealer that waits for the operator goes on waiting. */
void parent_stop(struct parent *p);
/* Starts the unsealer alone; `fd` in the order of room.h. ERR_IO. */
MUST_USE enum err parent_unsealer(struct parent *p, const int fd[UNSEALER_FDS]);
/* Ends one room and waits for it. */
void parent_end_room(struct parent *p, enum parent_room room);
/* parent_hear.c: the end of the parent for messages. */
void parent_ears(struct parent *p);

#endif
