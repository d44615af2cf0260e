/* Target: open_envelope with a key that fits nothing, and with the key of the seeds. Property: whatever is refused
 * leaves nothing behind; what opens was sealed with this key, so the seeds' plaintext comes out and nothing else. */
#include "target.h"

#include <string.h>

#include "esd/open.h"

static uint8_t memory[ESD_ARENA], out[1 << 20];
static struct opener opener;
static bool ready;

/* The seeds are sealed with octets 1, 2, 3 ... as key, so that the AEAD is reached and passed. */
static enum reason give(void *ctx, const struct esd_label *l, struct open_key *k)
{
    static uint8_t kv[ESD_KV];
    (void)ctx, (void)l;
    for (int i = 0; i < ESD_KV; i++)
        kv[i] = (uint8_t)(i + 1);
    *k = (struct open_key){.value = span_of(kv, esd_enc_key(l->enc)), .suid = 14};
    return REASON_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span ttps[] = {{(const uint8_t *)"ttp.example.com", 15}};
    struct open_ask ask = {.ttps = ttps, .n_ttps = 1, .key = give};
    struct arena a;
    struct opened res;
    struct buf b = BUF_ARRAY(out);
    if (!ready && opener_init(&opener) != OK)
        __builtin_trap();
    ready = true;
    if (size > sizeof out)
        return 0;
    arena_over(&a, memory, sizeof memory);
    enum reason r = open_envelope(&opener, span_of(data, size), &ask, &a, &b, &res);
    if (r == REASON_FAILED || (r != REASON_OK && (b.n != 0 || res.plain.n != 0)))
        __builtin_trap();
    if (r == REASON_OK && !span_starts(res.plain, SPAN("seed")))
        __builtin_trap();
    return 0;
}
