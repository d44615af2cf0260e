/* vault_health.h - can keys be released now, and if not, why not; and what was done, in numbers.
 *
 * GET /health, for everybody: 200 when a release would be decided and recorded, 503 otherwise.
 *   {"v":1,"ready":true,"reasons":[],"warnings":[{"code":..,"what":..}]}
 * Reasons: quarantine; log (the last batch could not be written; the next request tries again); witness (too few keep
 * up). Warnings: storage-80, storage-low. A sealed TTP has no vault; the front then answers ttp-sealed.
 *
 * GET /metrics, for auditors of [operator] (the front decides): Prometheus text. Names begin with oneseal_ttp_. No
 * identity, identifier or policy stands in it. */
#ifndef TTP_VAULT_HEALTH_H
#define TTP_VAULT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "ttp/kind.h"

struct vault;
struct vault_ask;

struct vault_health {
    bool unwritten; /* the last batch failed */
    uint64_t unwritten_total;
    uint64_t answered[KIND__N][6]; /* by hundreds of the status */
};

/* Counts an answer. */
void vault_health_answered(struct vault_health *h, unsigned kind, unsigned status);
/* A batch is durable, or could not be made so. */
void vault_health_batch(struct vault_health *h, bool written);

#endif
