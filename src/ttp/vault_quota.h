/* vault_quota.h - how much a client, and all clients of one tenant together, may ask for in a minute and in a day. The
 * tenant of a client is the domain of its identity. A key, a registration, a document counts one: a batch of n costs n.
 *
 * Counted only after the signature by the registered key has verified, so that strangers use up nobody's quota; kept
 * under a keyed hash of the whole name, so that no two share a counter. In memory alone: a restarted vault begins
 * anew. Refused is 429 with error JSON, whose `what` names the quota and whose `retry` the seconds until it begins
 * again; the front makes Retry-After of it. */
#ifndef TTP_VAULT_QUOTA_H
#define TTP_VAULT_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct vault;
struct vault_ask;

enum {
    QUOTA_CLIENT_MINUTE = 60000,
    QUOTA_CLIENT_DAY = 5000000,
    QUOTA_TENANT_MINUTE = 600000,
    QUOTA_TENANT_DAY = 50000000,
    QUOTA_METERS_MAX = 1 << 16 /* clients and tenants of one day */
};

/* 0: no bound. */
struct vault_quota_conf {
    uint64_t client_minute, client_day, tenant_minute, tenant_day;
};
struct vault_meter {
    uint8_t who[16]; /* all zero: free */
    uint64_t minute, day;
    uint64_t in_minute, in_day;
};
struct vault_quota {
    struct vault_quota_conf conf;
    struct vault_meter *meter; /* open addressing, `cap` a power of two */
    size_t n, cap;
};

/* The defaults. */
void vault_quota_init(struct vault_quota *q);
void vault_quota_free(struct vault_quota *q);
/* Takes n from the quotas of a client and its tenant, all or nothing. Answers and returns false when one is used up. */
bool vault_quota_take(struct vault *v, struct vault_ask *a, struct span iss, uint64_t n);

#endif
