/* device.c - a device that seals its readings itself: a line of JSON on standard input becomes a contentInstance. Its
 * profile names the TTP, the policy and the readers in [seal]; the gateway stores what it cannot open.
 *
 *     ./device PROFILE CONTAINER < readings
 */
#include <oneseal/client.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char line[4096];
    oneseal_client *client = NULL;
    oneseal_status st = argc == 3 ? oneseal_client_open(argv[1], NULL, &client) : ONESEAL_BAD_ARGUMENT;
    while (!st && fgets(line, sizeof line, stdin))
        st = oneseal_client_put(client, argv[2], line, strcspn(line, "\n"), NULL, ONESEAL_PUT_SEALED);
    st = st ? st : oneseal_client_flush(client);
    if (st)
        fprintf(stderr, "%s: %s. %s\n", oneseal_sentence(st), oneseal_client_why(client), oneseal_client_todo(client));
    oneseal_client_close(client);
    return st != ONESEAL_OK;
}
