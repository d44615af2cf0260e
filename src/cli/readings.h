/* readings.h - where `put` gets its readings from: JSON, one value a line; CSV with a header line; or this host's own
 * telemetry. Each comes out as JSON text. */
#ifndef CLI_READINGS_H
#define CLI_READINGS_H

#include "cli/cli.h"

struct readings;

enum reading {
    READING_ONE,
    READING_LATER, /* none came in the time; ask again */
    READING_END,
    READING_BAD /* the fault was said, with the number of the line */
};

/* from: a path, "-" or NULL for standard input, "host" for telemetry. CSV when `csv`, or when the path ends in ".csv".
 * Says the fault. */
MUST_USE enum status readings_open(struct cli *c, const char *from, bool csv, struct readings **out);
/* NULL is fine. */
void readings_close(struct readings *r);
/* The next one; wait_ms < 0: however long it takes. Empty lines are passed over. *out lives until the next call. */
enum reading readings_next(struct readings *r, int64_t wait_ms, struct span *out);
/* The line that the newest reading, or the fault, began in; 0: no lines. */
uint64_t readings_line(const struct readings *r);

#endif
