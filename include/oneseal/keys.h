/* oneseal/keys.h - names of streams and keys, signing keys, and the public keys of a TTP. See label.h for the rules. */
#ifndef ONESEAL_KEYS_H
#define ONESEAL_KEYS_H

#include "label.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The stream identifier of a container from its absolute structured address ("//demo.example/id-mn/mn/thermo-1/data").
 * PLACE_UNVERIFIED: another form of address. */
ONESEAL_API oneseal_status oneseal_keys_sid(const char *address, unsigned char sid[ONESEAL_SID]);
/* The identifier of a Key Value in a stream: 32 hex digits @ the TTP's domain. */
ONESEAL_API oneseal_status oneseal_keys_kid(const unsigned char value[ONESEAL_KEY_VALUE], const char *address,
                                            const char *ttp, char kid[ONESEAL_KID_MAX + 1]);
/* OK when kid commits to this Key Value in this stream; COMMITMENT_MISMATCH. */
ONESEAL_API oneseal_status oneseal_keys_check(const unsigned char value[ONESEAL_KEY_VALUE], const char *address,
                                              const char *kid);

/* A signing key (P-256): proves who wrote a letter. Opaque; memory of the cryptographic library. */
typedef struct oneseal_identity oneseal_identity;
/* From PEM, a private key (PKCS#8 or SEC1, not encrypted). MALFORMED: no such text; ALGORITHM_REFUSED: not P-256.
 * The caller wipes its own copy of the text. Free with oneseal_identity_free. */
ONESEAL_API oneseal_status oneseal_identity_read(const char *pem, size_t n, oneseal_identity **out);
ONESEAL_SAY void oneseal_identity_free(oneseal_identity *identity); /* NULL is fine */

/* The public keys of one TTP: the bundle that its operator handed over (`oneseal-ttp --bundle-out`). */
enum { ONESEAL_BUNDLE_SIZE = 32 * 1024 };
typedef union oneseal_bundle {
    uint64_t align_;
    void *align_p_;
    unsigned char memory_[ONESEAL_BUNDLE_SIZE];
} oneseal_bundle;
/* Reads and checks the bundle, which is the pin itself: that it came unaltered is the caller's to know. `fqdn` is the
 * TTP's name, now_s the time in seconds since 1970 (0: unknown, its end is not checked). MALFORMED, TAMPERED, EXPIRED,
 * ALGORITHM_REFUSED; REFUSED: another TTP's. After OK end with oneseal_bundle_free. */
ONESEAL_API oneseal_status oneseal_bundle_read(oneseal_bundle *bundle, const char *text, size_t n, const char *fqdn,
                                               uint64_t now_s);
ONESEAL_SAY void oneseal_bundle_free(oneseal_bundle *bundle);

#ifdef __cplusplus
}
#endif
#endif
