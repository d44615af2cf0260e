/* A credential of the service manager: random octets that systemd hands over in $CREDENTIALS_DIRECTORY, from a file
 * that only this machine's TPM or host key decrypts (LoadCredentialEncrypted=). S = SHA-256("oneseal-credential-v1" ||
 * octets), so it is no place for a passphrase: nothing stretches it. "oneseal-custody 1 credential name=NAME". */
#include "ttp/unsealer.h"

#include <openssl/evp.h>

enum { CREDENTIAL_LEAST = 32 };
static const char label[] = "oneseal-credential-v1";

static enum err secret(struct unsealer *u)
{
    struct span octets = unsealer_read(u);
    unsigned n = 0;
    if (octets.n < CREDENTIAL_LEAST || octets.n == sizeof u->in) {
        u->why = "the credential must have 32 to 4095 random octets";
        return ERR_RANGE;
    }
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(c, label, sizeof label - 1) == 1 && EVP_DigestUpdate(c, octets.p, octets.n) == 1 &&
                EVP_DigestFinal_ex(c, u->secret, &n) == 1;
    EVP_MD_CTX_free(c);
    return good ? OK : ERR_CRYPTO;
}

const struct unsealer_kind unsealer_credential = {"credential", CELL_UNSEALER, NULL, secret, NULL};
