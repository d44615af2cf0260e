#include "ttp/unsealer_tpm2.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096, HEAD = 10 };

static struct {
    TSS2_TCTI_CONTEXT_COMMON_V1 v1; /* first */
    int fd;
    size_t n; /* octets of the answer that is here */
    uint8_t answer[ANSWER_MAX];
} wire;

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *ctx, size_t n, const uint8_t *command)
{
    (void)ctx;
    wire.n = 0;
    return write(wire.fd, command, n) == (ssize_t)n ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

static size_t length(void)
{
    const uint8_t *p = wire.answer;
    return wire.n < HEAD ? 0 : (size_t)p[2] << 24 | (size_t)p[3] << 16 | (size_t)p[4] << 8 | p[5];
}

/* A device gives an answer in one piece, a socket perhaps in several. Blocking: the unsealer has nothing else to do. */
static bool whole(void)
{
    while (length() == 0 || wire.n < length()) {
        ssize_t got = read(wire.fd, wire.answer + wire.n, sizeof wire.answer - wire.n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || length() > sizeof wire.answer)
            return false;
        wire.n += (size_t)got;
    }
    return true;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *ctx, size_t *n, uint8_t *answer, int32_t timeout)
{
    (void)ctx, (void)timeout;
    if (!whole())
        return TSS2_TCTI_RC_IO_ERROR;
    size_t cap = *n;
    *n = length();
    if (!answer)
        return TSS2_RC_SUCCESS; /* asked only how long it is */
    if (cap < *n)
        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    memcpy(answer, wire.answer, *n);
    return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *ctx)
{
    (void)ctx;
    explicit_bzero(wire.answer, sizeof wire.answer);
}

TSS2_TCTI_CONTEXT *unsealer_tpm2_over(int fd)
{
    wire.fd = fd;
    wire.v1.magic = UINT64_C(0x6f6e657365616c31);
    wire.v1.version = 1;
    wire.v1.transmit = transmit;
    wire.v1.receive = receive;
    wire.v1.finalize = finalize;
    return (TSS2_TCTI_CONTEXT *)(void *)&wire;
}
