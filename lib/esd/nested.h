/* nested.h - content that was signed by its source before it was sealed (TS-0003 8.5.2.4, e2e.md 4): JWS compact with
 * ES256 inside the envelope, its header repeating the outer `e2e`. */
#ifndef ESD_NESTED_H
#define ESD_NESTED_H

#include "esd/jose.h"
#include "esd/open.h"

struct nested {
    /* The public key that the reader trusts for this kid (51- .. 55-...), or NULL. Stays the callee's. */
    const struct p256 *(*signer)(void *ctx, struct span kid);
    void *ctx;
};
/* For open_ask.nested; ctx is a struct nested. MALFORMED; ALGORITHM_REFUSED: unsecured, a MIC instead of a signature,
 * or another algorithm than ES256; WRONG_PLACE: the inner e2e is not the outer one; WRITER_CHANGED: nobody we trust has
 * this kid; TAMPERED; FAILED. A key in the header is never used. */
enum reason nested_verify(void *ctx, const struct esd_label *outer, struct span text, struct arena *a,
                          struct open_inner *out);

#endif
