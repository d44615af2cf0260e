/* telemetry.h - a reading of this host as a JSON object: load, memory, disk, network counters, temperatures
 * where present. From /proc and /sys. */
#ifndef CLI_TELEMETRY_H
#define CLI_TELEMETRY_H

#include "base/buf.h"

/* Appends one object, e.g. {"t":1790...,"load":0.42,"mem_free_kb":...,"temp":41.5}. What cannot be read is left
 * out; the time is always there. */
void telemetry_put(struct buf *b);

#endif
