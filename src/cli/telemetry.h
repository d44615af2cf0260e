/* telemetry.h - a reading of this host as a JSON object: load, memory, disk, network counters, temperatures
 * where present. From /proc and /sys. */
#ifndef CLI_TELEMETRY_H
#define CLI_TELEMETRY_H

#include "base/buf.h"

/* Appends one object, e.g. {"load":0.42,"temp":41.5,"mem_free_kb":...,"t":1790...}. What cannot be read is left
 * out; the time is always there. */
void telemetry_put(struct buf *b);

#endif
