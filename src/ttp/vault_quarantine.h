/* vault_quarantine.h - the vault has its keys and releases nothing, because what it was started with may be an older
 * copy of its state: a policy, a denial or a shred may be missing (e2e.md 6, "Keys at rest"; 12). Who finds that out
 * calls vault_quarantine: the TPM's counter at a cold start, a witness that knows a newer head, or the operator.
 *
 * From that moment every request but NONCE, BUNDLE, HEALTH and METRICS is answered 503 ttp-sealed with the reason, also
 * those that were decided but not yet answered. A leaf {"op":"quarantine","text":why} and a row of TABLE_CUSTODY make
 * it outlast a warm and a cold start; if they cannot be written it still holds until the vault ends. `unquarantine
 * REASON` of the operator ends it, with a leaf. */
#ifndef TTP_VAULT_QUARANTINE_H
#define TTP_VAULT_QUARANTINE_H

#include "base/span.h"

enum { QUARANTINE_WHY_MAX = 240 };

struct vault;
struct vault_ask;

struct vault_quarantine {
    bool on;
    uint16_t n;
    char why[QUARANTINE_WHY_MAX];
};

/* Begins it, at any time but from inside the functions of a kind; twice is as once. `why` is a sentence without a full
 * stop. Errors as vault_launch. */
MUST_USE enum err vault_quarantine(struct vault *v, const char *why);
/* After the snapshot was read: was it in quarantine? */
void vault_quarantine_load(struct vault *v);
/* Tells the parent how it is. */
void vault_quarantine_tell(struct vault *v);
/* True, and the request is answered, when it may not go on. */
bool vault_quarantine_holds(struct vault *v, struct vault_ask *a);

#endif
