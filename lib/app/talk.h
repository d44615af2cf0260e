/* talk.h - oneM2M requests over HTTP (TS-0009) from an AE to its registrar CSE, and plain ones to a TTP.
 *
 * Synchronous: a call runs the loop until its answer is there. Servers and timers on the same loop go on
 * meanwhile, so their callbacks must not call in here. */
#ifndef APP_TALK_H
#define APP_TALK_H

#include "app/profile.h"
#include "net/client.h"

enum { TALK_RQI_MAX = 128 };

enum talk_op { TALK_CREATE, TALK_RETRIEVE, TALK_UPDATE, TALK_DELETE, TALK_NOTIFY };

struct talk {
    struct app *app;
    const struct profile *p;
    struct net_loop *loop;
    struct http_client *http;
    struct tls_ctx *tls; /* NULL for http URLs */
    struct http_url server;
    uint64_t calls;
    char prefix[16]; /* of request identifiers: random, so that two runs never share one */
};
/* Says the fault: ST_CONFIG (certificate, key, CA, URL), ST_FAILED. */
MUST_USE enum status talk_open(struct app *app, const struct profile *p, struct talk *out);
void talk_close(struct talk *t);

struct talk_ask {
    enum talk_op op;
    struct span to;   /* any form of oneM2M address */
    int ty;           /* CREATE: resource type, otherwise 0 */
    struct span body; /* JSON; empty: none */
    struct span from; /* empty: the profile's stem */
    struct span rqi;  /* empty: a fresh one */
};
/* What came back. `rsc` is X-M2M-RSC; without one it is made from the HTTP status. */
struct talk_answer {
    enum err e;
    int http, rsc;
    char request[TALK_RQI_MAX]; /* the request identifier */
    struct http_reply_copy copy;
};
/* One request. Never says anything: e tells whether an answer came. Free with talk_answer_free in any case. */
void talk_m2m(struct talk *t, const struct talk_ask *ask, struct talk_answer *out);
void talk_answer_free(struct talk_answer *a);
/* The body. */
struct span talk_body(const struct talk_answer *a);

/* When the answer is no success: says the fault and returns its status; otherwise ST_DONE. `what` begins the
 * sentence: "the reading is not stored". */
MUST_USE enum status talk_judge(struct app *app, const struct talk_answer *a, const char *what, struct span object);
/* Exit status of a response status code. */
enum status talk_status(int rsc);

/* A plain HTTP request to a URL whose certificate must carry `name`. type empty: no body. */
void talk_plain(struct talk *t, const char *url, struct span name, struct span method, struct span path,
                struct span type, struct span body, struct talk_answer *out);

/* Appends the HTTP request target of an address (TS-0009 6.2.2.1). */
void talk_target(struct buf *b, struct span to);

#endif
