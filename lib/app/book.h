/* book.h - the application's own store: one SQLite file (WAL, synchronous FULL), one process.
 *
 * Opened readings and the reader's marks live in it and change in one transaction, so that a reading is
 * opened exactly once by (kid, i) whatever dies when. Keys are never written to it. */
#ifndef APP_BOOK_H
#define APP_BOOK_H

#include "app/app.h"
#include "esd/log.h"
#include "esd/reader.h"

struct book;

/* Opens or makes the file (mode 0600); path NULL: memory only. Says the fault. */
MUST_USE enum status book_open(struct app *app, const char *path, struct book **out);
void book_close(struct book *b);

MUST_USE enum err book_begin(struct book *b);
MUST_USE enum err book_commit(struct book *b);
void book_rollback(struct book *b);
/* Outside of a transaction. Light: a commit survives the death of this process, and the loss of power only when one
 * that is not light came after it. */
MUST_USE enum err book_light(struct book *b, bool light);

/* The reader's state in this book. */
struct reader_store book_reader(struct book *b);

struct book_reading {
    int64_t n; /* filled on reading */
    struct span kid, address, plain;
    uint32_t i, part;
    uint64_t ep, t_ms;
    int64_t opened_ms;
    reason_set flags;
    bool json;    /* plain is JSON, otherwise a string */
    bool watched; /* it came to a watcher, who shows it when it is confirmed */
};
/* ERR_EXISTS: (kid, i, part) is there already. ERR_IO. */
MUST_USE enum err book_reading_put(struct book *b, const struct book_reading *r);
MUST_USE enum err book_reading_count(struct book *b, uint64_t *n);
/* A part of what was opened under (kid, i), kid in any letter case; spans live in the arena. ERR_NOTFOUND. */
MUST_USE enum err book_reading_part(struct book *b, struct span kid, uint32_t i, uint32_t part, struct arena *a,
                                    struct book_reading *out);

/* A second verdict that nobody was told of yet (reader_head.h): OK is confirmed. */
struct book_second {
    struct span kid;
    uint32_t i;
    enum reason verdict;
};
/* From now on second verdicts that change wait to be told (book_second_next); without it they are only kept. */
void book_tell(struct book *b);
MUST_USE enum err book_second_next(struct book *b, struct arena *a, struct book_second *out);
/* OK: some reading has no second verdict yet. ERR_NOTFOUND: none. */
MUST_USE enum err book_unconfirmed(struct book *b);
MUST_USE enum err book_second_told(struct book *b, struct span kid, uint32_t i);

struct book_mail {
    int64_t n;
    struct span kid, sur, cnf, con; /* sur: the subscription that brought it */
    bool con_json;
    int64_t came_ms;
};
/* Keeps what arrived (durable at commit). */
MUST_USE enum err book_mail_put(struct book *b, const struct book_mail *m);
/* The oldest with n > after. Spans live in the arena. ERR_NOTFOUND. */
MUST_USE enum err book_mail_next(struct book *b, int64_t after, struct arena *a, struct book_mail *out);
/* The different keys that mail waits for, at most max; spans live in the arena. */
MUST_USE enum err book_mail_kids(struct book *b, struct arena *a, struct span *kids, size_t max, size_t *n);
MUST_USE enum err book_mail_drop(struct book *b, int64_t n);

MUST_USE enum err book_alarm_put(struct book *b, enum reason r, struct span kid, uint32_t i, struct span address,
                                 int64_t at_ms);

/* Subscription resource -> container address. */
MUST_USE enum err book_subscribed_put(struct book *b, struct span sur, struct span address);
MUST_USE enum err book_subscribed_get(struct book *b, struct span sur, struct arena *a, struct span *address);

struct book_key {
    struct span kid, ttp, verdict, class, cr;
    uint64_t pv;
    int64_t asked_ms, until_ms;
};
MUST_USE enum err book_key_put(struct book *b, const struct book_key *k);
/* Calls each row; stops at the first error. */
MUST_USE enum err book_key_each(struct book *b, enum err (*each)(void *ctx, const struct book_key *k), void *ctx);

struct book_head {
    uint64_t size;
    uint8_t root[ESD_HASH];
};
MUST_USE enum err book_head_put(struct book *b, struct span ttp, const struct book_head *h, struct span note);
MUST_USE enum err book_head_get(struct book *b, struct span ttp, struct book_head *out);

/* The newest bundle of a TTP as it came, and when it was asked for. The text lives in the arena. ERR_NOTFOUND. */
MUST_USE enum err book_bundle_put(struct book *b, struct span ttp, struct span text, int64_t at_ms);
MUST_USE enum err book_bundle_get(struct book *b, struct span ttp, struct arena *a, struct span *text, int64_t *at_ms);

struct book_release {
    int64_t n, at_ms;
    struct span ttp, request, answer;
    uint64_t size;
};
MUST_USE enum err book_release_put(struct book *b, const struct book_release *r);
MUST_USE enum err book_release_each(struct book *b, enum err (*each)(void *ctx, const struct book_release *r),
                                    void *ctx);

/* The next epoch number of a stream that this device seals, above `known` (a book that was put back must not count
 * anew what the vault has seen); durable at commit. */
MUST_USE enum err book_writer_next(struct book *b, const uint8_t sid[ESD_SID], uint64_t known, uint64_t *ep);
/* The newest version of a policy that this device has sent, and its readers as one text. ERR_NOTFOUND. */
MUST_USE enum err book_policy_get(struct book *b, struct span ttp, struct span name, struct arena *a, uint64_t *version,
                                  struct span *readers);
MUST_USE enum err book_policy_put(struct book *b, struct span ttp, struct span name, uint64_t version,
                                  struct span readers);
/* A strict pair that the TTP made for a stream: its public half. */
struct book_pair {
    struct span kid, jwk;
    int64_t et_ms; /* until then it must be activated */
};
/* One that is there already stays as it is, used or not. */
MUST_USE enum err book_pair_put(struct book *b, const uint8_t sid[ESD_SID], struct span ttp, const struct book_pair *p);
/* Those that ended before `ms` go. */
MUST_USE enum err book_pair_past(struct book *b, int64_t ms);
/* How many are not used and last beyond `after_ms`. */
MUST_USE enum err book_pair_count(struct book *b, const uint8_t sid[ESD_SID], struct span ttp, int64_t after_ms,
                                  uint64_t *n);
/* The one that ends first of these; from now on it is used. ERR_NOTFOUND. Spans live in the arena. */
MUST_USE enum err book_pair_take(struct book *b, const uint8_t sid[ESD_SID], struct span ttp, int64_t after_ms,
                                 struct arena *a, struct book_pair *out);
/* The next index of a provisioned key, from 0; durable when it returns. */
MUST_USE enum err book_index_next(struct book *b, struct span kid, uint64_t *i);
MUST_USE enum err book_letter_put(struct book *b, struct span kid, struct span ttp, struct span path, struct span body);
struct book_letter {
    int64_t n;
    struct span kid, ttp, path, body;
};
/* The oldest with n > after. Spans live in the arena. ERR_NOTFOUND. */
MUST_USE enum err book_letter_next(struct book *b, int64_t after, struct arena *a, struct book_letter *out);
MUST_USE enum err book_letter_drop(struct book *b, int64_t n);

/* ---- heads of a device that seals (writer_head.h) ---- */
/* The open segment of an epoch. */
struct book_segment {
    struct span kid, boot; /* boot: of which run of this machine */
    uint64_t ep;
    uint8_t kc[ESD_KC], prev[ESD_HASH];
    bool has_prev;
    uint32_t first;
};
MUST_USE enum err book_segment_put(struct book *b, const uint8_t sid[ESD_SID], const struct book_segment *g);
/* One of the stream's, the lowest epoch. Spans live in the arena. ERR_NOTFOUND. */
MUST_USE enum err book_segment_get(struct book *b, const uint8_t sid[ESD_SID], struct arena *a,
                                   struct book_segment *out);
/* A head was made: it begins anew at `first`, and the hashes before are forgotten. prev NULL: none. */
MUST_USE enum err book_segment_move(struct book *b, struct span kid, uint32_t first, const uint8_t *prev);
/* The epoch is closed. */
MUST_USE enum err book_segment_drop(struct book *b, struct span kid);
MUST_USE enum err book_sealed_put(struct book *b, struct span kid, uint32_t i, const struct log_hash *h);
/* Each from `first` on, in order. */
MUST_USE enum err book_sealed_each(struct book *b, struct span kid, uint32_t first,
                                   enum err (*each)(void *ctx, const struct log_hash *h), void *ctx);
/* The closing head of a stream's newest closed epoch. ERR_NOTFOUND: it is not that of `ep`. */
MUST_USE enum err book_closing_put(struct book *b, const uint8_t sid[ESD_SID], uint64_t ep, const uint8_t id[ESD_HASH]);
MUST_USE enum err book_closing_get(struct book *b, const uint8_t sid[ESD_SID], uint64_t ep, uint8_t id[ESD_HASH]);
/* Heads that wait to be stored. */
struct book_head_out {
    int64_t n;
    struct span place, con, cnf;
};
MUST_USE enum err book_head_out_put(struct book *b, struct span place, struct span con, struct span cnf);
MUST_USE enum err book_head_out_next(struct book *b, int64_t after, struct arena *a, struct book_head_out *out);
MUST_USE enum err book_head_out_drop(struct book *b, int64_t n);

#endif
