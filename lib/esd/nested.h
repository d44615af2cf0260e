/* nested.h - content that was signed by its source before it was sealed (TS-0003 8.5.2.4, e2e.md 4): JWS, compact (cty
 * JOSE) or JSON (cty JOSE+JSON), with ES or RS inside the envelope, each header repeating the outer `e2e`. Written with
 * jws_write (jwe.h). */
#ifndef ESD_NESTED_H
#define ESD_NESTED_H

#include "esd/open.h"

struct nested {
    /* The public key that the reader trusts for this kid (51- .. 55-...), or NULL. Stays the callee's until the next
     * call. */
    const struct jwkey *(*signer)(void *ctx, struct span kid);
    void *ctx;
};
/* For open_ask.nested; ctx is a struct nested. Signatures by signers that nobody here knows are passed over; of the
 * others all must verify. MALFORMED; ALGORITHM_REFUSED: unsecured, a MIC instead of a signature, an algorithm outside
 * the profile, a key of another kind, an envelope instead of a signature; WRONG_PLACE: the inner e2e is not the outer
 * one; WRITER_CHANGED: nobody we trust has such a kid; TAMPERED; FAILED. A key in the header is never used. */
enum reason nested_verify(void *ctx, const struct esd_label *outer, struct span text, struct arena *a,
                          struct open_inner *out);

#endif
