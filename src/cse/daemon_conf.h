/* daemon_conf.h - the configuration of oneseal-cse as values: read, checked, ready to use. */
#ifndef CSE_DAEMON_CONF_H
#define CSE_DAEMON_CONF_H

#include "cse/cse.h"
#include "host/conf.h"
#include "host/log.h"
#include "net/http.h"

enum { PEERS_MAX = 16 }; /* other service providers */

struct settings {
    struct conf *conf; /* owns the texts below; sections [seal NAME] and [ttp FQDN] are read by who needs them */
    struct cse_conf cse;
    struct span *poa; /* from the file; n 0: the listeners' addresses */
    size_t npoa;
    struct span *lists[6];            /* of cse, owned here */
    struct cse_peer peers[PEERS_MAX]; /* their sp is owned here */
    const char *peer_ca[PEERS_MAX];   /* NULL: of [tls] */
    const char *folder;               /* NULL: memory */
    const char *specs;                /* folder of flexContainer descriptions; NULL: none */
    bool power_loss;
    const char *https, *http; /* addresses to listen at; NULL: not */
    const char *certificate, *key_file, *ca;
    const char *parent_name; /* name in the parent's certificate; NULL: none given */
    const char *socket;      /* admin; NULL: none */
    bool lab, clear;         /* clear: requests may go out without TLS, since they may come in without */
    enum log_level level;
    bool json;
    struct http_limits http_limits;
    unsigned loops;
    size_t exchanges, request_memory, queue;
    int64_t row_cache, page_cache, map, wal, storage;
};

/* Reads FILE. On failure `why` has a sentence "FILE:LINE: ..." for each defect; ERR_CONFIG, ERR_NOTFOUND, ERR_IO. */
MUST_USE enum err settings_load(const char *file, struct settings *out, struct buf *why);
void settings_free(struct settings *s);

#endif
