/* Passphrase: a file of mode 0600, or what the operator types. "oneseal-custody 1 argon2id t= m= p= salt=". */
#include "ttp/unsealer.h"

static enum err secret(struct unsealer *u)
{
    struct custody c;
    struct span pass = unsealer_read(u);
    TRY(custody_read(u->file, &c));
    enum err e = custody_stretch(&c, pass, u->secret);
    if (e == ERR_RANGE)
        u->why = "the passphrase is shorter than 8 octets";
    return e;
}

const struct unsealer_kind unsealer_passphrase = {"argon2id", CELL_UNSEALER, NULL, secret, NULL};
