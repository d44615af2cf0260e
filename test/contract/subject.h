/* subject.h - the store that the contract tests look at. */
#ifndef CONTRACT_SUBJECT_H
#define CONTRACT_SUBJECT_H

#include "store/fault.h"
#include "store/store.h"

struct subject {
    struct store *store;
    struct arena mem;
    struct fault plan;
    char dir[64];                     /* of a store on disk; else empty */
    void (*reopen)(struct subject *); /* NULL: this store forgets */
};

extern const uint8_t subject_instance[16];

bool subject_choose(const char *name);
int subject_open(void **state);
int subject_close(void **state);
/* Opens the store in s->dir. */
struct store *subject_sqlite(const char *dir);
/* Makes a fresh folder and writes its name. */
void subject_folder(char dir[64]);
void subject_remove(const char *dir);
bool subject_same_row(const struct row *x, const struct row *y);

#endif
