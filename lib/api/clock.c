/* clock.c - the clock of hosted systems for oneseal/seal.h. */
#include <time.h>

#include "oneseal/seal.h"

int64_t oneseal_system_clock(void *ctx)
{
    struct timespec t;
    (void)ctx;
    if (clock_gettime(CLOCK_REALTIME, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
