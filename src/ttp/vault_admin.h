/* vault_admin.h - what the operator commands, done in the vault (rows VAULT of admin.def).
 *
 * A command is an ask like any other: it waits its turn, is decided inside a batch, gets its leaf, and is answered once
 * the head is signed and kept; only that its answer goes to the parent (VAULT_DONE) and that its peer is the local
 * operator, whom the kernel named to the parent. To add one: a row in admin.def and
 *
 *     enum err vault_admin_NAME(struct vault *v, struct vault_ask *a, struct span words)
 *
 * called as a kind's `decide` is (vault_own.h). It does one of these and returns OK:
 *   - vault_admin_say(v, a, json): answers at once, without a leaf; nothing may have been changed;
 *   - vault_refuse(v, a, status, code, what, todo): refuses; nothing may have been changed;
 *   - changes (vault_state_set, ROW ... messages) and exactly one vault_leaf or vault_admin_leaf. The answer is then
 *     {"v":1,"ok":true,"index":..,"size":..}, or what vault_admin_answer set before;
 *   - vault_admin_need: rows are wanted first; it is called again once they are in a->need.
 * An error after something was changed fails the whole batch, which is undone. */
#ifndef TTP_VAULT_ADMIN_H
#define TTP_VAULT_ADMIN_H

#include "ttp/admin.h"
#include "ttp/vault_own.h"

/* Ids of commands, apart from those of the front's requests. */
#define VAULT_ADMIN_ID (UINT64_C(1) << 63)

typedef enum err vault_admin_do(struct vault *v, struct vault_ask *a, struct span words);
#define ADMIN_IS_VAULT(name) vault_admin_do vault_admin_##name;
#define ADMIN_IS_PARENT(name)
#define ADMIN_IS_LEDGER(name)
#define ADMIN(name, room, when, what) ADMIN_IS_##room(name)
#include "ttp/admin.def"
#undef ADMIN
#undef ADMIN_IS_VAULT
#undef ADMIN_IS_PARENT
#undef ADMIN_IS_LEDGER

extern const struct vault_kind vault_kind_admin;

/* Answers at once with a JSON object, status 200. */
void vault_admin_say(struct vault *v, struct vault_ask *a, struct span json);
/* The answer that goes out after the leaf; copied. ERR_NOMEM. */
MUST_USE enum err vault_admin_answer(struct vault_ask *a, struct span json);
/* Called once the leaf is durable and the head kept, before the answer: what only then becomes true in memory. */
void vault_admin_after(struct vault_ask *a, void (*after)(struct vault *v));
/* One leaf {"v":1,"t":seconds,"op":op,"by":"operator"} with "text" unless it is empty. ERR_FULL, ERR_NOMEM. */
MUST_USE enum err vault_admin_leaf(struct vault *v, struct vault_ask *a, const char *op, struct span text);
/* Wants n rows, which `find` asks for by vault_find or vault_find_stream as need 0..n-1. True: asked for; return OK and
 * wait to be called again. False: they are here. */
bool vault_admin_need(struct vault *v, struct vault_ask *a, size_t n,
                      void (*find)(struct vault *v, struct vault_ask *a));

#endif
