/* book_in.h - statements of the book, for the files that share it; internal to lib/app. */
#ifndef APP_BOOK_IN_H
#define APP_BOOK_IN_H

#include <sqlite3.h>

#include "app/book.h"

/* Beside the flags of a reading: */
#define BOOK_JSON    (INT64_C(1) << 32)
#define BOOK_WATCHED (INT64_C(1) << 33)

/* The statement of this text, bound by letters: t text (struct span), b blob (struct span), i int64_t. An empty text is
 * ''. The text is known by its address: always a literal. NULL: it cannot be prepared or bound. */
sqlite3_stmt *book_ask(struct book *b, const char *sql, const char *types, ...);
/* Runs a statement that gives no rows. ERR_EXISTS, ERR_DISK, ERR_NOMEM, ERR_IO (also for NULL). */
MUST_USE enum err book_run(sqlite3_stmt *s);
/* Steps to the first row; ERR_NOTFOUND (and done) when there is none. */
MUST_USE enum err book_first(sqlite3_stmt *s);
void book_done(sqlite3_stmt *s);
bool book_tells(const struct book *b);
/* Columns of the row that it stands on; spans live until book_done. */
struct span book_column(sqlite3_stmt *s, int i);
uint64_t book_column_u64(sqlite3_stmt *s, int i);

#endif
