/* sensor.c - a device whose messages somebody else carries: seals and registers by the device half of liboneseal alone,
 * in memory of its own. It speaks lines: on standard output a path of the TTP and the text to POST there, or "con" and
 * a sealed value; on standard input first a nonce of the TTP, then the answer to each POST, then readings.
 *
 *     ./sensor KEY.pem CERTIFICATE.der BUNDLE CONTAINER AE-ID READER
 */
#include <oneseal/seal.h>
#include <stdio.h>
#include <string.h>

static oneseal_sealer sealer;
static oneseal_bundle bundle;
static unsigned char work[ONESEAL_WORK];
static char in[8192], out[8192];

static size_t file_read(const char *path, void *to, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t n = file ? fread(to, 1, room, file) : 0;
    if (file)
        fclose(file);
    return n;
}

static size_t line(void)
{
    size_t n = fgets(in, sizeof in, stdin) ? strcspn(in, "\n") : 0;
    in[n] = '\0';
    return n;
}

/* Says a text for the TTP and reads what came back. */
static oneseal_status send(const char *path, oneseal_status st)
{
    if (st == ONESEAL_OK)
        printf("%s %s\n", path, out);
    fflush(stdout);
    return st ? st : oneseal_acknowledged(&bundle, out, strlen(out), in, line(), work, sizeof work, NULL);
}

/* The key of this epoch, registered. A device with storage keeps the letter until the TTP has acknowledged it. */
static oneseal_status start(const oneseal_letter *how, const unsigned char *cert, size_t cert_n, const char *reader)
{
    size_t n = 0;
    line();
    oneseal_status st = send("/client", oneseal_registration(how, in, cert, cert_n, out, sizeof out, &n));
    if (st == ONESEAL_OK)
        st = send("/policy", oneseal_policy(how, 1, &reader, 1, out, sizeof out, &n));
    return st ? st : send("/letter", oneseal_epoch_letter(&sealer, how, out, sizeof out, &n));
}

int main(int argc, char **argv)
{
    static unsigned char cert[4096];
    oneseal_identity *identity = NULL;
    oneseal_platform platform = {.size = sizeof platform, .clock = oneseal_system_clock};
    if (argc != 7 || oneseal_sealer_init(&sealer, &platform))
        return 2;
    oneseal_status st = oneseal_identity_read(in, file_read(argv[1], in, sizeof in), &identity);
    if (st == ONESEAL_OK)
        st = oneseal_bundle_read(&bundle, in, file_read(argv[3], in, sizeof in), "ttp.demo.example", 0);
    if (st == ONESEAL_OK)
        st = oneseal_epoch_begin(&sealer, argv[4], "ttp.demo.example", 1);
    oneseal_letter how = {.size = sizeof how,
                          .identity = identity,
                          .writer = argv[5],
                          .ttp = &bundle,
                          .policy = "sensor",
                          .work = work,
                          .work_n = sizeof work};
    if (st == ONESEAL_OK)
        st = start(&how, cert, file_read(argv[2], cert, sizeof cert), argv[6]);
    oneseal_seal_how json = {.size = sizeof json, .json = 1};
    for (size_t n, got; st == ONESEAL_OK && (got = line()) > 0;) {
        st = oneseal_seal(&sealer, &json, in, got, out, sizeof out, &n);
        printf("con %s\n", out);
        fflush(stdout);
    }
    if (st != ONESEAL_OK)
        fprintf(stderr, "%s\n", oneseal_sentence(st));
    oneseal_sealer_free(&sealer);
    oneseal_bundle_free(&bundle);
    oneseal_identity_free(identity);
    return st != ONESEAL_OK;
}
