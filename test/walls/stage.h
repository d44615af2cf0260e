/* stage.h - what the hostile executables share: they start real rooms of a real binary, play the rooms that are left,
 * and know honest people who register, share and read. An attack has a key only when it opens it with its own key. */
#ifndef WALLS_STAGE_H
#define WALLS_STAGE_H

#include <sys/types.h>

#include <openssl/x509.h>

#include "esd/keyask_open.h"
#include "esd/letter.h"
#include "esd/release_open.h"
#include "ttp/kind.h"
#include "ttp/ledger.h"
#include "ttp/link.h"
#include "ttp/till.h"

/* Ends the program with a line: the stage itself is broken, which is no result of an attack. */
#define NEED(x) ((x) ? (void)0 : stage_broken(#x, __FILE__, __LINE__))
_Noreturn void stage_broken(const char *what, const char *file, int line);

struct party {
    char iss[64];
    struct p256 *key;
    uint8_t der[2048];
    size_t der_n;
};

struct stage {
    const char *binary; /* oneseal-ttp, or the control */
    char folder[64], db[96];
    pid_t vault, ledger;
    struct link parent_vault, parent_ledger, peer; /* peer: to the real ledger as front, or to the vault as ledger */
    struct ledger *own_ledger;                     /* the hostile ledger's store */
    struct buf own_parent, own_front;
    uint32_t at;
    struct arena mem;
    struct buf anchors;
    EVP_PKEY *ca_key;
    X509 *ca;
    struct party gateway, reader, thief;
    const char *enrol_sp; /* the vault has a CA for this domain; NULL: none */
    uint8_t kv[ESD_KV];   /* the secret of the play */
    struct span kid;
    struct bundle bundle;
    struct span bundle_text;
    const struct msg_VAULT_PEERS *partners; /* told to the vault before it starts; NULL: none */
    /* the parent's 72 octets */
    bool known, up, refused;
    uint64_t size;
    uint8_t root[MSG_HASH], state[MSG_HASH];
    bool keep_heads; /* reply to HEAD */
    /* with_hall, set before stage_start: the vault has a hall too, which is this program */
    bool with_hall;
    struct link hall;
    struct p256 *till;
    /* the newest answer */
    uint64_t asked;
    bool answered;
    unsigned status;
    struct span body;
    struct till_answer paid;
    /* the hostile ledger's hook: sees each frame of the vault before its store does, and each of the store before the
     * vault does. False: swallow it. */
    bool (*to_store)(struct stage *s, enum msg type, const union msg_any *m);
    bool (*to_vault)(struct stage *s, enum msg type, union msg_any *m, struct buf *instead);
};

void stage_init(struct stage *s, const char *binary);
/* A vault (and, without own_ledger, a ledger) on the present database. */
void stage_start(struct stage *s, bool init, bool hostile_ledger);
/* Ends the rooms. */
void stage_stop(struct stage *s);
void stage_end(struct stage *s);
/* Handles what comes within `ms` after the last message; false when a room ended. */
bool stage_run(struct stage *s, int ms);
/* Still there after a second? Reaps it when not. */
bool stage_alive(pid_t pid);
/* One request as the front hands it on; true when it was answered. */
bool stage_ask(struct stage *s, enum ttp_kind kind, struct span body);
/* A command as the operator gives it, which no front can; its answer, when it is 200, in s->body. */
bool stage_told(struct stage *s, unsigned command, const char *words);
/* The same as a teller asks, with names that it claims its client to have. What the vault paid is in s->paid; its spans
 * live as long as the stage. */
bool stage_tell(struct stage *s, enum ttp_kind kind, uint8_t base, const char *names, struct span body);
/* Raw octets to the real ledger or the vault. */
void stage_raw(struct stage *s, struct span octets);

/* Honest texts. */
struct party stage_party(struct stage *s, const char *iss, const char *san, X509 *ca, EVP_PKEY *ca_key);
X509 *stage_cert(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *san, bool ca);
struct span stage_client(struct stage *s, const struct party *p, const char *iss);
struct span stage_letter(struct stage *s, const struct p256 *sealing, struct span sealing_kid, struct span *kid);
struct span stage_policy(struct stage *s, const struct party *signer, const char *iss, uint64_t version,
                         const struct party *reader);
/* epk: whose answer it will be. */
struct span stage_request(struct stage *s, const struct party *signer, const char *iss, struct span kid,
                          struct p256 *epk);
/* A request to /key for the gateway's stream of that sid: pairs, or a Key Value for q->epk. */
struct span stage_key(struct stage *s, const struct party *signer, uint8_t sid, struct key_ask *q);
/* Everybody registered, the key too, the reader on the policy. */
void stage_honest(struct stage *s);
/* Does this answer hold the secret for the holder of `epk`? Only the wrap counts, not who signed. */
bool stage_opens(struct stage *s, struct span request, struct span answer, const struct p256 *epk);
struct span stage_keep(struct stage *s, struct span x);
/* One JSON line. */
void stage_report(const char *attack, bool leaked, const char *what);

#endif
