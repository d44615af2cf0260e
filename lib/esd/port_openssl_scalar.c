/* The public half of a P-256 private number: OpenSSL's key import wants both halves, so the point is computed first. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "esd/p256_port.h"

/* ERR_AUTH: 0 or at least the order of the curve. */
static enum err point_of(const EC_GROUP *g, const uint8_t d[P256_COORD], EC_POINT *p, uint8_t x[P256_COORD],
                         uint8_t y[P256_COORD])
{
    BIGNUM *n = BN_secure_new(), *bx = BN_new(), *by = BN_new();
    enum err e = ERR_CRYPTO;
    if (n && bx && by && BN_bin2bn(d, P256_COORD, n)) {
        BN_set_flags(n, BN_FLG_CONSTTIME);
        if (BN_is_zero(n) || BN_cmp(n, EC_GROUP_get0_order(g)) >= 0)
            e = ERR_AUTH;
        else if (EC_POINT_mul(g, p, n, NULL, NULL, NULL) == 1 &&
                 EC_POINT_get_affine_coordinates(g, p, bx, by, NULL) == 1 &&
                 BN_bn2binpad(bx, x, P256_COORD) == P256_COORD && BN_bn2binpad(by, y, P256_COORD) == P256_COORD)
            e = OK;
    }
    BN_clear_free(n);
    BN_free(bx);
    BN_free(by);
    return e;
}

enum err p256_of_scalar(const uint8_t d[P256_COORD], struct p256 **out)
{
    uint8_t x[P256_COORD], y[P256_COORD];
    EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *p = g ? EC_POINT_new(g) : NULL;
    enum err e = p ? point_of(g, d, p, x, y) : ERR_NOMEM;
    EC_POINT_free(p);
    EC_GROUP_free(g);
    *out = NULL;
    return e == OK ? p256_make(x, y, d, out) : e;
}
