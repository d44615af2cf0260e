/* log_witness.h - what a log and its witnesses say to each other (C2SP tlog-witness): the body of POST /add-checkpoint,
 * and the cosignature that comes back. No allocation, no I/O, no clock. */
#ifndef ESD_LOG_WITNESS_H
#define ESD_LOG_WITNESS_H

#include "esd/log.h"

enum { LOG_SUBMISSION_MAX = 8192 /* octets of a body */ };

/* "old SIZE\n", the consistency proof from there one base64 hash a line, an empty line, the signed checkpoint. */
struct log_submission {
    uint64_t old;
    struct log_hash proof[LOG_PROOF_MAX];
    size_t n;
    struct span note; /* points into the body */
};
/* ERR_FULL. */
MUST_USE enum err log_submission_put(const struct log_submission *s, struct buf *b);
/* Form alone. ERR_SYNTAX, ERR_LIMIT (too long, or more hashes than any proof has). */
MUST_USE enum err log_submission_get(struct span body, struct log_submission *s);
/* Origin and size of a checkpoint that nobody has verified yet: to know whose it claims to be. ERR_SYNTAX. */
MUST_USE enum err log_note_claims(struct span note, struct span *origin, uint64_t *size);
/* log_witness_verify, and *line is the verified line without its line feed, in `note`. */
MUST_USE enum err log_witness_line(struct span note, struct span name, const uint8_t pub[LOG_PUBLIC], uint64_t *time,
                                   struct span *line);
/* May a witness that holds `old` (old->size 0: nothing yet) sign `fresh`? OK; ERR_STALE: the submission starts from
 * another size than the witness holds; ERR_RANGE: it shrinks; ERR_AUTH: the proof does not hold, or another root of the
 * same size. */
MUST_USE enum err log_witness_judge(const struct log_head *old, const struct log_head *fresh,
                                    const struct log_submission *s);

#endif
