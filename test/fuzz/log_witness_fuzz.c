/* Bodies of POST /add-checkpoint: what is read is written again as it was. */
#include "esd/log_witness.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[LOG_SUBMISSION_MAX + 64];
    struct log_submission s, again;
    struct span origin;
    uint64_t n;
    struct buf b = BUF_ARRAY(text);
    if (log_submission_get(span_of(data, size), &s) != OK)
        return 0;
    if (log_submission_put(&s, &b) != OK || log_submission_get(buf_span(&b), &again) != OK || again.old != s.old ||
        again.n != s.n || !span_eq(again.note, s.note))
        __builtin_trap();
    (void)!log_note_claims(s.note, &origin, &n);
    return 0;
}
