/* book.sql.h - the tables of the application's own store. Included by book.c alone. */
#ifndef CLI_BOOK_SQL_H
#define CLI_BOOK_SQL_H

static const char book_schema[] =
    /* what the reader remembers of each key and stream (esd/reader.h) */
    "CREATE TABLE IF NOT EXISTS mark(kid TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS came(kid TEXT, i INTEGER, h BLOB NOT NULL, came_ms INTEGER, PRIMARY KEY(kid, i))"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS sealed(sid BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS epoch(sid BLOB, ep INTEGER, kid TEXT, PRIMARY KEY(sid, ep)) WITHOUT ROWID;"
    /* heads of the writers: their chain by key, the segments, what they say about single readings */
    "CREATE TABLE IF NOT EXISTS chain(kid TEXT PRIMARY KEY, sid BLOB, body BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS chain_sid ON chain(sid, kid);"
    "CREATE TABLE IF NOT EXISTS segment(kid TEXT, first INTEGER, n INTEGER, open INTEGER, con TEXT NOT NULL,"
    " PRIMARY KEY(kid, first)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS second(kid TEXT, i INTEGER, reason TEXT, told INTEGER, PRIMARY KEY(kid, i))"
    " WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS second_told ON second(kid, i) WHERE told=0;"
    /* opened readings, each once; part numbers the readings of a batch */
    "CREATE TABLE IF NOT EXISTS reading(n INTEGER PRIMARY KEY, kid TEXT NOT NULL, i INTEGER NOT NULL, part INTEGER NOT "
    "NULL,"
    " address TEXT NOT NULL, ep INTEGER, t_ms INTEGER, opened_ms INTEGER, flags INTEGER, plain BLOB NOT NULL,"
    " UNIQUE(kid, i, part));"
    "CREATE INDEX IF NOT EXISTS reading_any ON reading(kid COLLATE NOCASE, i, part);"
    /* what arrived and is not opened yet: sealed, as it came */
    "CREATE TABLE IF NOT EXISTS inbox(n INTEGER PRIMARY KEY, kid TEXT, sur TEXT, cnf TEXT, con BLOB NOT NULL,"
    " con_json INTEGER, came_ms INTEGER);"
    /* what was judged and refused: the reason and a hash, never the content */
    "CREATE TABLE IF NOT EXISTS alarm(n INTEGER PRIMARY KEY, reason TEXT, kid TEXT, i INTEGER, address TEXT, at_ms "
    "INTEGER);"
    /* which container a subscription of ours is about */
    "CREATE TABLE IF NOT EXISTS subscribed(sur TEXT PRIMARY KEY, address TEXT NOT NULL) WITHOUT ROWID;"
    /* keys that were asked for: what is known about them, not the keys */
    "CREATE TABLE IF NOT EXISTS key(kid TEXT PRIMARY KEY, ttp TEXT, verdict TEXT, class TEXT, cr TEXT, pv INTEGER,"
    " asked_ms INTEGER, until_ms INTEGER) WITHOUT ROWID;"
    /* the TTP's newest head and every answer: evidence that others can check */
    "CREATE TABLE IF NOT EXISTS head(ttp TEXT PRIMARY KEY, size INTEGER, root BLOB, note TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS bundle(ttp TEXT PRIMARY KEY, text TEXT NOT NULL, at_ms INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS release(n INTEGER PRIMARY KEY, ttp TEXT, at_ms INTEGER, size INTEGER, request TEXT,"
    " answer TEXT);"
    /* a sealing device: epochs taken, letters that wait for the TTP */
    "CREATE TABLE IF NOT EXISTS writer(sid BLOB PRIMARY KEY, ep INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS policy(ttp TEXT, name TEXT, version INTEGER, readers TEXT, PRIMARY KEY(ttp, name))"
    " WITHOUT ROWID;"
    /* strict pairs, public halves: which wait, and which an epoch was begun with */
    "CREATE TABLE IF NOT EXISTS pair(kid TEXT PRIMARY KEY, sid BLOB, ttp TEXT, jwk TEXT, et_ms INTEGER, used INTEGER)"
    " WITHOUT ROWID;"
    /* the open segment of each epoch that this device seals: what its next head will say, and what waits to be stored
     */
    "CREATE TABLE IF NOT EXISTS owed(kid TEXT PRIMARY KEY, sid BLOB, ep INTEGER, kc BLOB, prev BLOB, first INTEGER,"
    " boot TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS owed_hash(kid TEXT, i INTEGER, h BLOB NOT NULL, PRIMARY KEY(kid, i)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS owed_closing(sid BLOB PRIMARY KEY, ep INTEGER, id BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS owed_head(n INTEGER PRIMARY KEY, place TEXT, con TEXT, cnf TEXT);"
    /* provisioned keys: the next index */
    "CREATE TABLE IF NOT EXISTS given(kid TEXT PRIMARY KEY, i INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS letter(n INTEGER PRIMARY KEY, kid TEXT, ttp TEXT, path TEXT, body TEXT NOT NULL);"
    "PRAGMA user_version=2;";

#endif
