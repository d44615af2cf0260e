/* replay.c - runs a fuzz target over every file of a folder, without a fuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    static uint8_t octets[1 << 21];
    size_t n = fread(octets, 1, sizeof octets, f);
    fclose(f);
    /* An exact copy, so that a sanitizer sees a read behind the end. */
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact)
        return -1;
    memcpy(exact, octets, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
    if (!d) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    unsigned files = 0;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char path[4096];
        if (e->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name) >= (int)sizeof path)
            continue;
        if (replay_file(path) != 0)
            return 1;
        files++;
    }
    closedir(d);
    printf("%u inputs replayed\n", files);
    return files ? 0 : 1;
}
