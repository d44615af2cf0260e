/* scrub.h - what vault and ledger agree on about a scrub (vault_scrub.h). */
#ifndef TTP_SCRUB_H
#define TTP_SCRUB_H

enum { SCRUB_LEAVES = 32 /* leaves of one part */ };

/* SCRUB_THING.what */
enum scrub_thing { SCRUB_META, SCRUB_TENANT, SCRUB_STREAM, SCRUB_SNAPSHOT, SCRUB_PAGES, SCRUB_THINGS };

#endif
