/* seal.c - seals standard input with a key that both ends were given, and writes the value of `con`.
 *
 *     head -c 32 /dev/urandom > key
 *     echo -n '21.5' | ./seal //demo.example/id-mn/mn/thermo-1/data thermo-1@demo.example key > sealed
 */
#include <oneseal/seal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    static char plain[4096], con[ONESEAL_SEAL_ROOM(sizeof plain)];
    static oneseal_sealer sealer;
    unsigned char key[32];
    size_t con_n = 0, n = fread(plain, 1, sizeof plain, stdin);
    FILE *file = argc == 4 ? fopen(argv[3], "rb") : NULL;
    oneseal_status st = file && fread(key, sizeof key, 1, file) ? oneseal_sealer_init(&sealer, NULL) : ONESEAL_CONFIG;
    st = st ? st : oneseal_epoch_provisioned(&sealer, argv[1], argv[2], key, sizeof key, 1);
    st = st ? st : oneseal_seal(&sealer, NULL, plain, n, con, sizeof con, &con_n);
    fprintf(st ? stderr : stdout, "%s\n", st ? oneseal_sentence(st) : con);
    return st != ONESEAL_OK;
}
