/* conf.h - configuration: INI read with inih, against declared rows.
 *
 * Rows say what exists: section, key, type, default, range, prose. Anything else in the file is an error
 * that names file, line and the nearest known name. A key given twice is an error unless its row is a
 * list. Units are required: times "30s" "500ms" "10m" "1h" "2d", sizes "64MiB" "16KiB" "1GiB" "512B".
 * A row's section "seal *" stands for any number of sections [seal NAME]. */
#ifndef HOST_CONF_H
#define HOST_CONF_H

#include "base/buf.h"

enum conf_type {
    CONF_TEXT,    /* not empty */
    CONF_BOOL,    /* yes no true false on off */
    CONF_INT,     /* min..max */
    CONF_SIZE,    /* octets, min..max */
    CONF_TIME,    /* ms, min..max */
    CONF_CHOICE,  /* one of `choices`, "in|mn|asn"; its number is the position */
    CONF_ADDRESS, /* "127.0.0.1:8443" or "[::1]:8443" */
    CONF_URL,     /* "https://..." or "http://..." */
    CONF_PATH,    /* a relative one counts from the folder of the configuration file */
    CONF_LIST     /* texts with commas between them; the key may be given several times */
};

/* need */
enum { CONF_OPTIONAL = 0, CONF_REQUIRED = 1 }; /* required: in every section of that name that is present */

struct conf_row {
    const char *section; /* "cse", "seal *" */
    const char *key;
    enum conf_type type;
    int need;
    const char *def; /* as it would be written; NULL: none */
    int64_t min, max;
    const char *choices;
    const char *prose; /* one line for manual page and `config show` */
};
/* A .def file has lines
 *   CONF(section, key, type, need, default, min, max, choices, prose)
 * and is included as `#define CONF(s, k, t, need, d, lo, hi, ch, p) {s, k, t, need, d, lo, hi, ch, p},`. */

struct conf;

/* Reads the file. On failure returns ERR_CONFIG (ERR_NOTFOUND, ERR_IO when it cannot be read) and writes to `why` one
 * sentence "FILE:LINE: ..." per defect, with '\n' between them. The rows must live as long as the conf. */
MUST_USE enum err conf_load(const char *path, const struct conf_row *rows, size_t n_rows, struct conf **out,
                            struct buf *why);
/* The same from memory; `path` only for messages and relative paths. */
MUST_USE enum err conf_read(const char *path, struct span text, const struct conf_row *rows, size_t n_rows,
                            struct conf **out, struct buf *why);
void conf_free(struct conf *c);

/* Is the section there? */
bool conf_has(const struct conf *c, const char *section);
/* NAME of the i-th section [pattern NAME], in the order of the file; `pattern` without the star: "seal".
 * NULL: no more. */
const char *conf_name(const struct conf *c, const char *pattern, size_t i);

/* Values. `section` in full: "cse", "seal ward-3". A key that is absent gives its default. Asking for a key that
 * is in no row is a mistake of the program: it stops with a line on standard error. */
/* NULL when absent and without default. Also for PATH (made absolute), URL, ADDRESS, CHOICE. Lives as long as c. */
const char *conf_text(const struct conf *c, const char *section, const char *key);
/* INT, SIZE (octets), TIME (ms), CHOICE (position), BOOL (0, 1); -1 when absent and without default. */
int64_t conf_int(const struct conf *c, const char *section, const char *key);
bool conf_bool(const struct conf *c, const char *section, const char *key);
/* The i-th text of a list, without blanks around it; NULL: no more. (The default of a list is one text.) */
const char *conf_item(const struct conf *c, const char *section, const char *key, size_t i);
/* The line it was set at; 0: the default. For messages of later checks. */
unsigned conf_line(const struct conf *c, const char *section, const char *key);
/* "FILE:LINE: [section] key: " in front of a message of a later check. */
void conf_where(const struct conf *c, const char *section, const char *key, struct buf *out);

#endif
