#include "esd/log_witness.h"

#include "base/code.h"

#include <string.h>

enum err log_submission_put(const struct log_submission *s, struct buf *b)
{
    buf_str(b, "old ");
    buf_u64(b, s->old);
    buf_c(b, '\n');
    for (size_t i = 0; i < s->n; i++) {
        b64_put(b, span_of(s->proof[i].b, LOG_HASH));
        buf_c(b, '\n');
    }
    buf_c(b, '\n');
    buf_put(b, s->note);
    return b->e;
}

static enum err take_hash(struct span line, struct log_submission *s)
{
    uint8_t octets[LOG_HASH + 4];
    struct buf b = BUF_ARRAY(octets);
    if (s->n == LOG_PROOF_MAX)
        return ERR_LIMIT;
    if (b64_get(line, &b) != OK || b.n != LOG_HASH)
        return ERR_SYNTAX;
    memcpy(s->proof[s->n++].b, octets, LOG_HASH);
    return OK;
}

enum err log_submission_get(struct span body, struct log_submission *s)
{
    memset(s, 0, sizeof *s);
    if (body.n > LOG_SUBMISSION_MAX)
        return ERR_LIMIT;
    struct span first = span_cut(&body, '\n');
    if (!span_starts(first, SPAN("old ")) || span_u64(span_from(first, 4), INT64_MAX, &s->old) != OK)
        return ERR_SYNTAX;
    while (body.n > 0) {
        struct span line = span_cut(&body, '\n');
        if (line.n == 0) {
            s->note = body;
            return body.n > 0 ? OK : ERR_SYNTAX;
        }
        TRY(take_hash(line, s));
    }
    return ERR_SYNTAX;
}

enum err log_note_claims(struct span note, struct span *origin, uint64_t *size)
{
    *origin = span_cut(&note, '\n');
    struct span text = span_cut(&note, '\n');
    if (origin->n == 0 || origin->n > LOG_ORIGIN_MAX || span_u64(text, INT64_MAX, size) != OK || note.n == 0)
        return ERR_SYNTAX;
    return OK;
}

enum err log_witness_judge(const struct log_head *old, const struct log_head *fresh, const struct log_submission *s)
{
    if (s->old > fresh->size)
        return ERR_RANGE;
    if (s->old != old->size)
        return ERR_STALE;
    if (old->size == 0)
        return s->n == 0 ? OK : ERR_AUTH;
    return log_consistency_verify(old->size, fresh->size, &old->root, &fresh->root, s->proof, s->n);
}
