/* Target: an ESPrim Object as a receiver and as an originator take it. Property: what is refused leaves no octet
 * behind; what opens was sealed with the key of the seeds. */
#include "target.h"

#include "esp/originator.h"
#include "esp/receiver.h"

static uint8_t memory[ESP_ARENA], out[1 << 20];
static struct esp_pair pairs[1];
static struct esp_orig origs[2];
static const uint8_t key[32] = {1, 2, 3, 4, 5, 6, 7, 8};
#define RECEIVER                                                                                                       \
    SPAN("{\"esri\":\"R1\",\"esrv\":\"AAECAwQFBgcICQoLDA0ODw\",\"esrx\":\"20300101T000000\",\"esks\":[1],\"espa\":["   \
         "10,11,12]}")

static enum err own(void *ctx, struct span id, int64_t now, struct arena *a, struct esp_rand *r)
{
    (void)ctx;
    TRY(esp_rand_text(RECEIVER, true, now, a, r));
    return span_eq(id, r->id) ? OK : ERR_NOTFOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct esp_ring ring = {pairs, LEN(pairs)};
    struct esp_origs table = {origs, LEN(origs)};
    struct esp_ask ask = {.now = 1790000000000, .ring = &ring, .origs = &table, .own = own};
    struct esp_session s;
    struct esp_call call;
    struct arena a;
    struct span plain, rro;
    struct buf b = BUF_ARRAY(out);
    static const uint8_t dice[32] = {1};
    if (size > sizeof out)
        return 0;
    arena_over(&a, memory, sizeof memory);
    origs[0].used = origs[1].used = pairs[0].used = false;
    if (esp_ring_add(&ring, SPAN("k@sp.example.com"), SPAN("//sp.example.com/S1"), span_of(key, sizeof key), 0,
                     INT64_MAX) != OK)
        __builtin_trap();
    struct verdict v = esp_receive(&ask, span_of(data, size), &a, &b, &plain, &s);
    if (!verdict_go(v) && (b.n != 0 || plain.n != 0))
        __builtin_trap();
    if (verdict_go(v) && !span_starts(plain, SPAN("{\"op\":")))
        __builtin_trap();
    b = BUF_ARRAY(out);
    arena_over(&a, memory, sizeof memory);
    if (esp_call_begin(&call, SPAN("k@sp.example.com"), span_of(key, sizeof key), RECEIVER, ask.now, 60000, dice, &a) !=
        OK)
        __builtin_trap();
    v = esp_call_open(&call, span_of(data, size), &a, &b, &plain, &rro);
    if (!verdict_go(v) && (b.n != 0 || plain.n != 0))
        __builtin_trap();
    return 0;
}
