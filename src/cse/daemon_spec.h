/* daemon_spec.h - the flexContainer specializations of a folder (lib/m2m/spec.h says what its files look like). */
#ifndef CSE_DAEMON_SPEC_H
#define CSE_DAEMON_SPEC_H

#include "base/buf.h"

/* Reads every *.json of the folder, in the order of their names, and makes them part of the vocabulary for the whole
 * process: before any thread runs, once. NULL: there are none. ERR_CONFIG with a sentence in `why`. */
MUST_USE enum err daemon_specs(const char *folder, struct buf *why);

#endif
