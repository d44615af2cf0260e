/* vault_news.h - what a writer must hear of (e2e.md 7): a number for each issuer that changes with everything that
 * concerns it, so that nobody on a shared TTP takes a new key for somebody else's sake. It is the sum of two counters
 * that never fall: v->changes, of what concerns all (the operator's denials and whatever has no owner), and the
 * issuer's own in TABLE_NEWS. Both are in the snapshot: a number that a writer saw never comes again for another
 * state. */
#ifndef TTP_VAULT_NEWS_H
#define TTP_VAULT_NEWS_H

#include "ttp/vault_own.h"

/* Something that concerns this issuer's streams alone: its policies, its denials, its keys. In a batch; undone with it.
 * ERR_LIMIT, ERR_NOMEM. */
MUST_USE enum err vault_news(struct vault *v, struct span iss);
/* Something that concerns everybody. The same. */
void vault_news_all(struct vault *v);
/* What a poll of this issuer is answered with. */
uint64_t vault_news_of(const struct vault *v, struct span iss);

#endif
