/* kind.h - the requests of kind.def, the types of an answer, and the limits that rooms share. */
#ifndef TTP_KIND_H
#define TTP_KIND_H

#include "base/span.h"

enum ttp_kind {
#define KIND(name, method, path, cert, letter) KIND_##name,
#include "ttp/kind.def"
#undef KIND
    KIND__N,
    KIND_ADMIN = KIND__N /* a command of the operator: it never comes as ASKED (vault_admin.h) */
};

/* Content types of an ANSWER. */
enum ttp_type { TYPE_ERROR, TYPE_JOSE, TYPE_TEXT, TYPE_JSON, TYPE_CERTS, TYPE_CSRATTRS, TYPE_SIZE, TYPE_TILE };

/* What SWEEP asks for: rows of a stream behind rowid `after`; streams behind (iss, sid); tenants; rows of before leaf
 * `after`, of a stream or with an empty iss of all. */
enum ttp_sweep { SWEEP_ROWS, SWEEP_STREAMS, SWEEP_TENANTS, SWEEP_BEFORE };

/* What LOG_READ asks for. */
enum ttp_log { LOG_CHECKPOINT, LOG_ENTRIES, LOG_CONSISTENCY, LOG_COSIGNED };

/* VAULT_NO when the root is not the one of these keys; other reasons are about the state. */
#define TTP_WRONG_CUSTODY "the custody secret does not open the keys of this state folder"

/* How much of the disk is left, as the ledger says with every request: room for all; four fifths are used; no more
 * letters are taken. */
enum ttp_space { SPACE_ENOUGH, SPACE_80, SPACE_LOW };

enum {
    TTP_BODY_MAX = 512 << 10,  /* octets of one request body */
    TTP_ASKS_MAX = 1024,       /* requests in the rooms at a time */
    TTP_LOG_PAGE = 256,        /* entries of one log page */
    TTP_PEER_MAX = 2048,       /* octets of a certificate's names */
    TTP_RESERVE = 64 << 20,    /* octets of disk that letters leave to releases and revocations */
    TTP_REPLAY_MAX = 1 << 20,  /* leaves behind a snapshot that a vault loads */
    TTP_SNAPSHOT_EVERY = 1024, /* leaves after which the vault writes a new snapshot by itself */
    TTP_SNAPSHOT_MAX = 1 << 20 /* octets of a snapshot: clients, policies, denials and shreds together */
};

#endif
