/* open.c - opens a sealed value of `con` from standard input with a key that both ends were given.
 *
 *     ./open //demo.example/id-mn/mn/thermo-1/data key < sealed
 */
#include <oneseal/open.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    static char con[65536], plain[65536];
    static unsigned char key[32], work[ONESEAL_WORK];
    static oneseal_opener opener;
    oneseal_opened opened;
    FILE *file = argc == 3 ? fopen(argv[2], "rb") : NULL;
    oneseal_open_how how = {.size = sizeof how,
                            .address = argv[1],
                            .key = {ONESEAL_KEY_PROVISIONED, key, sizeof key},
                            .work = work,
                            .work_n = sizeof work};
    oneseal_status st = file && fread(key, sizeof key, 1, file) && scanf("%65535s", con) == 1
                            ? oneseal_opener_init(&opener)
                            : ONESEAL_CONFIG;
    st = st ? st : oneseal_open(&opener, &how, con, strlen(con), plain, sizeof plain, &opened);
    fprintf(st ? stderr : stdout, "%s\n", st ? oneseal_sentence(st) : plain);
    return st != ONESEAL_OK;
}
