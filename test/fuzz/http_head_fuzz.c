/* Requests and answers, heads and bodies: never a crash, and the same outcome however the octets are cut. */
#include "http_drive.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct head_limits limits = {.head = 2048, .fields = 16, .value = 512, .body = 4096};
    if (n > 8192)
        return 0;
    for (int response = 0; response < 2; response++) {
        struct drive whole = drive(data, n, n ? n : 1, response, &limits);
        struct drive pieces = drive(data, n, 7, response, &limits);
        struct drive octets = n <= 1024 ? drive(data, n, 1, response, &limits) : pieces;
        if (whole.refused != pieces.refused || whole.messages != pieces.messages || octets.refused != whole.refused ||
            octets.messages != whole.messages)
            abort();
        if (!whole.refused && (whole.sum != pieces.sum || whole.sum != octets.sum))
            abort();
    }
    return 0;
}
