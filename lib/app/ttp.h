/* ttp.h - an AE's dealings with its TTPs (e2e.md 6): the pinned bundle, registration, release of keys,
 * policies, denials, letters, the log. Synchronous, over talk.h. */
#ifndef APP_TTP_H
#define APP_TTP_H

#include "app/book.h"
#include "app/talk.h"
#include "esd/keyask_open.h"
#include "esd/letter.h"
#include "esd/log.h"
#include "esd/policy_ask.h"
#include "esd/release_open.h"

enum { TTP_WHY_MAX = 512 };

/* One TTP that the profile trusts. */
struct ttp {
    const struct profile_ttp *row;
    struct bundle bundle;
    bool open, registered;
    int64_t bundle_ms;       /* when the bundle was asked for; 0: never */
    char note[LOG_NOTE_MAX]; /* the newest head of its log that came with an acknowledgement of this run */
    size_t note_n;
    uint64_t note_size;
};
struct ttps {
    struct app *app;
    struct talk *t;
    struct book *book;
    struct p256 *key;   /* the profile's signing key */
    struct span cert;   /* its certificate, DER, in app->mem */
    const char *key_id; /* "54-//demo.example/Sapp-heat" */
    struct ttp one[PROFILE_TTPS_MAX];
    /* The last refusal in words: who, what, what to do. */
    char why[TTP_WHY_MAX], who[TTP_WHY_MAX], todo[TTP_WHY_MAX];
};
/* Reads the signing key, the certificate and the pinned bundles of the profile. Says the fault. The book may
 * be NULL: then nothing is remembered. */
MUST_USE enum status ttps_open(struct talk *t, struct book *book, struct ttps *out);
void ttps_close(struct ttps *s);
struct ttp *ttps_find(struct ttps *s, struct span fqdn);

/* Asks for the keys of one TTP, at most RELEASE_WANT_MAX, and puts those released into the reader's cache. sid(ctx,
 * kid) is the stream that a key belongs to, or NULL. Returns REASON_OK when the TTP answered (see verdict),
 * TTP_UNREACHABLE, TTP_SEALED, REFUSED, or what release_open found. verdict[i] tells about kids[i]. */
enum reason ttp_release(struct ttps *s, struct ttp *t, struct reader *r, const struct span *kids, size_t n,
                        const uint8_t *(*sid)(void *ctx, struct span kid), void *ctx, enum reason *verdict);

/* What the vault said to a document. */
struct ttp_ack {
    char code[32];    /* "ok", "conflict", a code of reasons.def */
    uint64_t version; /* of the policy, where it concerns one: with "conflict" the current one */
};
/* Signed documents to a path of the TTP; the vault's acknowledgement must verify. REASON_OK: "ok". `ack` may be
 * NULL. */
enum reason ttp_send(struct ttps *s, struct ttp *t, const char *path, struct span jws, struct ttp_ack *ack);
/* POST /client once, before anything else. */
enum reason ttp_register(struct ttps *s, struct ttp *t);
/* What a writer must know before it seals on (e2e.md 7), signed by the vault over a nonce of ours. */
struct ttp_news {
    uint64_t state; /* rises with every policy or denial: a change asks for a new epoch */
    uint64_t ep;    /* the highest epoch of the stream that the vault knows; 0: none */
};
/* POST /poll for one stream. */
enum reason ttp_poll(struct ttps *s, struct ttp *t, const uint8_t sid[ESD_SID], uint64_t ep, struct ttp_news *out);
/* POST /key: a Key Value (q->pairs 0) or strict pairs for a stream of this profile. Of q the caller fills pairs and
 * item; the rest is filled in. On OK end *out with keyask_free; its texts and Key Value lie in the arena. The TTP's
 * refusal, what keyask_open found, FAILED. */
enum reason ttp_key(struct ttps *s, struct ttp *t, struct key_ask *q, struct arena *a, struct key_answer *out);
/* What a policy says (esd/policy_ask.h), and why a key is or is not released. Of q the caller fills owner and policy,
 * or subject, kid and jkt. *claims, verified, lie in `a`. The TTP's refusal, TAMPERED, FAILED. */
enum reason ttp_policy_show(struct ttps *s, struct ttp *t, struct policy_show *q, struct arena *a,
                            struct jval **claims);
enum reason ttp_policy_why(struct ttps *s, struct ttp *t, struct policy_why *q, struct arena *a, struct jval **claims);
/* A GET; the body is appended to out. */
enum reason ttp_get(struct ttps *s, struct ttp *t, const char *path, struct buf *out);
/* Milliseconds since 1970. */
int64_t ttp_now_ms(void);

#endif
