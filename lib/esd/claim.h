/* claim.h - how the bodies of our signed texts are written and read; internal to lib/esd. */
#ifndef ESD_CLAIM_H
#define ESD_CLAIM_H

#include "base/m2mtime.h"
#include "esd/jose.h"

enum { CLAIM_TEXT_MAX = 320 };

/* A string of 1 to CLAIM_TEXT_MAX octets. */
MUST_USE enum reason claim_name(const struct jval *o, const char *name, struct arena *a, struct span *out);
/* The same, or absent: *out is then empty. */
MUST_USE enum reason claim_name_opt(const struct jval *o, const char *name, struct arena *a, struct span *out);
/* An absent number gives 0. */
MUST_USE enum reason claim_u64_opt(const struct jval *o, const char *name, uint64_t end, uint64_t *out);
/* An absent boolean gives false. */
MUST_USE enum reason claim_bool_opt(const struct jval *o, const char *name, bool *out);
/* m2m:timestamp in ms; absent gives 0. */
MUST_USE enum reason claim_time_opt(const struct jval *o, const char *name, struct arena *a, int64_t *ms);
/* iss and aud (a string), the first two members of most bodies. */
MUST_USE enum reason claim_parties(const struct jval *o, struct arena *a, struct span *iss, struct span *aud);
/* An array of 0 to max elements. */
MUST_USE enum reason claim_list(const struct jval *o, const char *name, uint32_t max, const struct jval **out);

static inline void claim_put_time(struct jw *w, struct span name, int64_t ms)
{
    uint8_t text[32];
    struct buf b = BUF_ARRAY(text);
    m2mtime_put(&b, ms);
    jw_name(w, name);
    jw_str(w, buf_span(&b));
}

#endif
