/* subscribe.c - subscribes to a container, opens what arrives, prints it; ends after COUNT readings, or at Ctrl-C.
 *
 *     ./subscribe PROFILE CONTAINER [COUNT]
 */
#include <oneseal/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static oneseal_client *client;

static void stop(int number)
{
    (void)number;
    oneseal_client_stop(client);
}

static int show(void *left, const oneseal_reading *reading)
{
    long *n = left;
    if (reading->verdict != ONESEAL_OK)
        printf("%s: %s\n", reading->address, oneseal_sentence(reading->verdict));
    else
        printf("%s: %s\n", reading->address, reading->plain);
    fflush(stdout);
    return --*n == 0;
}

int main(int argc, char **argv)
{
    long count = argc > 3 ? strtol(argv[3], NULL, 10) : -1;
    oneseal_status st = argc > 2 ? oneseal_client_open(argv[1], NULL, &client) : ONESEAL_BAD_ARGUMENT;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    if (st == ONESEAL_OK)
        st = oneseal_client_subscribe(client, argv[2]);
    if (st == ONESEAL_OK)
        st = oneseal_client_run(client, show, &count);
    if (st != ONESEAL_OK && st != ONESEAL_STOPPED) {
        fprintf(stderr, "%s: %s\n", oneseal_sentence(st), oneseal_client_why(client));
        fprintf(stderr, "decided by %s; do: %s\n", oneseal_client_who(client), oneseal_client_todo(client));
    }
    oneseal_client_close(client);
    return st != ONESEAL_OK && st != ONESEAL_STOPPED;
}
