/* enrol.h - getting and renewing a certificate from a TTP's own CA (doc/decisions/074, 075): EST, with a join token's
 * proof or the signature of the present key. Everything that counts is in words of the vault, whose bundle is pinned by
 * a file or by the token: anchors, and with them the certificate itself; the TTP's front is only a way. */
#ifndef APP_ENROL_H
#define APP_ENROL_H

#include "app/talk.h"
#include "esd/enrol.h"
#include "esd/join.h"
#include "esd/letter.h"

#include <openssl/x509.h>

struct enrol_conf {
    const char *url, *fqdn;             /* of the TTP; its certificate must carry fqdn */
    const char *ca;                     /* file: CAs that the TTP's certificate must chain to */
    const char *bundle;                 /* file: the pinned bundle; NULL: `pin` counts */
    const uint8_t *pin;                 /* thumbprint of the vault's identity key, JOSE_THUMB octets; NULL: the file */
    const char *certificate, *key_file; /* own, for TLS; NULL: none yet */
};
/* An open way to one TTP. */
struct enrol {
    struct app *app;
    struct enrol_conf conf;
    struct profile profile; /* as far as talk.h needs one */
    struct talk talk;
    struct span bundle_text; /* as it came, in app->mem */
    struct bundle bundle;
    struct enrol_anchors anchors;
};
/* Fetches the present bundle, which must follow the pin, and the anchors that it signs. Says the fault: CONFIG,
 * UNREACHABLE, TTP, INTEGRITY, REFUSED. */
MUST_USE enum status enrol_open(struct app *app, const struct enrol_conf *conf, struct enrol *out);
void enrol_close(struct enrol *e);

/* What is asked for. */
struct enrol_want {
    const char *iss; /* absolute AE-ID or CSE-ID */
    const char *san; /* "URI:m2m://..." or "DNS:..." */
    const struct p256 *key;
};
/* Each gives a certificate that holds this key and name and chains to the anchors: X509_free. Says the fault. */
MUST_USE enum status enrol_by_token(struct enrol *e, const struct enrol_want *w, const struct join_token *t,
                                    X509 **out);
/* The key is the one of the newest certificate: its own signature renews it. `quiet`: a refusal is not said. */
MUST_USE enum status enrol_same_key(struct enrol *e, const struct enrol_want *w, bool quiet, X509 **out);
/* Another key, signed for by the present one, whose certificate is given in DER. */
MUST_USE enum status enrol_other_key(struct enrol *e, const struct enrol_want *w, const struct p256 *present,
                                     struct span certificate, X509 **out);
/* Binds the key to iss at the vault, so that letters, requests and policies can be signed with it. The way must be one
 * with the certificate in TLS. */
MUST_USE enum status enrol_register(struct enrol *e, const char *iss, const struct p256 *key, struct span certificate);

#endif
