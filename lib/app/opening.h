/* opening.h - the reader of an application: judges readings, asks the TTP for keys, keeps opened readings
 * and marks in one transaction of the book. */
#ifndef APP_OPENING_H
#define APP_OPENING_H

#include "app/item.h"
#include "app/own_key.h"
#include "app/ttp.h"
#include "esd/reader_want.h"

enum { OPENING_KEYS_MAX = 256, OPENING_REFUSED_MAX = 64 };

struct outcome;
struct opening {
    struct app *app;
    const struct profile *p;
    struct book *book;
    struct ttps *ttps;
    struct opener opener;
    struct reader reader;
    struct reader_key keys[OPENING_KEYS_MAX];
    struct reader_wants wants;
    /* Told of each reading that was fetched beside the one that was asked for (confirm.h); NULL: nobody. */
    void (*found)(void *ctx, const struct outcome *out);
    void *found_ctx;
    bool watches; /* what opens is shown by a watcher when it is confirmed */
    /* Heads that were refused: each is an alarm once, however often the server shows it. */
    uint8_t refused[OPENING_REFUSED_MAX][ESD_HASH];
    size_t n_refused; /* in all; the newest are kept */
    struct own_keys own;
    struct span names[PROFILE_TTPS_MAX + PROFILE_KEYS_MAX]; /* the TTPs, and the domains of own keys */
};
MUST_USE enum status opening_new(struct talk *t, struct ttps *ttps, struct book *book, struct opening *o);
/* Wipes the keys. */
void opening_free(struct opening *o);

/* What became of one item. Spans live in the arena that was given. */
struct outcome {
    enum reason reason; /* REASON_OK: opened, or clear where that is fine */
    bool duplicate;     /* (kid, i) was opened before: nothing was stored, nothing is to be shown */
    struct reader_result res;
    struct span plain;
    uint8_t hash[ESD_HASH]; /* of a sealed one: SHA-256 of the envelope's text */
    const char *address;    /* of the container; NULL: not known */
};
/* Judges and, when `store`, keeps the opened reading together with the marks. Without a key it asks the TTP
 * (`ask`) or ends in NO_KEY_YET. */
void opening_item(struct opening *o, const struct item *it, struct span address, enum reader_how how, bool ask,
                  struct arena *a, struct outcome *out);
/* Notes that a key is wanted (reader_want); UNKNOWN_TTP: nobody to ask. */
enum reason opening_want(struct opening *o, struct span kid, struct span address);
/* Asks for what is noted and for what is due for a refresh: one request to each TTP. */
void opening_flush(struct opening *o);
/* Asks for one key, and with it for all that are noted. */
enum reason opening_ask(struct opening *o, struct span kid, struct span address);

/* The container of an address that names an instance, `la` or `ol`. Empty when it has none. */
struct span opening_container(struct span absolute);

/* Says why it cannot be opened; returns the exit status of the reason. */
enum status opening_fail(struct opening *o, const struct outcome *out);

#endif
