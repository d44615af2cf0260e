/* prim_part.h - what the files of prim share. Internal to lib/m2m. */
#ifndef M2M_PRIM_PART_H
#define M2M_PRIM_PART_H

#include "m2m/prim.h"

/* Interprets p->args into p->fc. */
struct verdict prim_criteria(struct prim *p, struct arena *a);
/* Words between single blanks into the arena; ERR_SYNTAX for an empty word, ERR_NOMEM. */
MUST_USE enum err prim_words(struct span s, uint8_t separator, struct arena *a, struct strings *out);
struct verdict prim_no_memory(void);

#endif
