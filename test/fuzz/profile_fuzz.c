/* Target: open_envelope in all three serializations (the first octet chooses: '1' compact, '2' JSON, '3' base64 of
 * JSON), signed content inside it, label_read_as, jwkey_read_text. The keys are those of the seeds, so that unwrapping,
 * AEAD and signatures are reached and passed. Properties: what is refused leaves nothing behind; what opens is a seed's
 * plaintext; an opener that remembers another message of the seeds judges as one that remembers nothing. */
#include "target.h"

#include <string.h>

#include "esd/nested.h"

enum { OCT = 32 };

static uint8_t memory[ESD_ARENA + (1 << 20)], again[ESD_ARENA + (1 << 20)], out[1 << 20], out2[1 << 20];
static struct opener kept;
static struct jwkey oct, p256, x25519;
static bool ready;

/* Octets 1, 2, 3 ...: a symmetric key, and private numbers. */
static void set_up(void)
{
    uint8_t d[OCT];
    for (int i = 0; i < OCT; i++)
        d[i] = (uint8_t)(i + 1);
    if (opener_init(&kept) != OK || jwkey_oct(span_of(d, OCT), &oct) != OK ||
        jwkey_of_scalar(JWKEY_P256, span_of(d, OCT), &p256) != OK ||
        jwkey_of_scalar(JWKEY_X25519, span_of(d, OCT), &x25519) != OK)
        __builtin_trap();
    ready = true;
}

static enum reason give(void *ctx, const struct esd_label *l, struct open_key *k)
{
    enum esd_family f = alg_row(l->alg)->family;
    (void)ctx;
    *k = (struct open_key){.suid = f == ALG_MAC ? 15 : f == ALG_SIGN ? 45 : f == ALG_ECDH || f == ALG_RSA ? 44 : 14};
    if (f == ALG_DIRECT)
        k->value = span_of(oct.oct, esd_enc_key(l->enc));
    else if (f == ALG_KW || f == ALG_MAC)
        k->value = span_of(oct.oct, f == ALG_KW ? alg_row(l->alg)->octets : OCT);
    else
        k->pair = l->n_parts && l->parts[0].epk == JWKEY_X25519 ? &x25519 : &p256;
    return l->kid.n % 7 == 0 ? REASON_NO_KEY_YET : REASON_OK;
}

static const struct jwkey *signer(void *ctx, struct span kid)
{
    (void)ctx;
    return kid.n % 7 == 0 ? NULL : &p256;
}

static enum reason judge(struct opener *o, struct span object, unsigned security, uint8_t *room, struct buf *b,
                         struct opened *res)
{
    static const struct span ttps[] = {{(const uint8_t *)"ttp.example.com", 15}};
    struct nested nested = {signer, NULL};
    struct open_ask ask = {
        .ttps = ttps, .n_ttps = 1, .security = security, .key = give, .nested = nested_verify, .nested_ctx = &nested};
    struct arena a;
    arena_over(&a, room, sizeof memory);
    return open_envelope(o, object, &ask, &a, b, res);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct opener fresh;
    struct opened x, y;
    struct jwkey k;
    struct arena a;
    struct buf b = BUF_ARRAY(out), c = BUF_ARRAY(out2);
    if (!ready)
        set_up();
    arena_over(&a, memory, sizeof memory);
    if (jwkey_read_text(span_of(data, size), &a, &k) == REASON_OK)
        jwkey_free(&k);
    if (size < 2 || size > sizeof out || data[0] < '1' || data[0] > '3')
        return 0;
    struct span object = span_of(data + 1, size - 1);
    unsigned security = data[0] - (unsigned)'0';
    enum reason r = judge(&kept, object, security, memory, &b, &x);
    if (opener_init(&fresh) != OK)
        __builtin_trap();
    enum reason q = judge(&fresh, object, security, again, &c, &y);
    opener_free(&fresh);
    if (r != q || r == REASON_FAILED || !span_eq(buf_span(&b), buf_span(&c)) || !span_eq(x.label.kid, y.label.kid) ||
        x.label.e2e.i != y.label.e2e.i || x.label.e2e.ep != y.label.e2e.ep || x.label.e2e.t_ms != y.label.e2e.t_ms ||
        x.label.e2e.pad != y.label.e2e.pad || x.label.e2e.batch != y.label.e2e.batch || x.flags != y.flags)
        __builtin_trap();
    if (r != REASON_OK && (b.n != 0 || x.plain.n != 0))
        __builtin_trap();
    if (r == REASON_OK && x.plain.n && !span_starts(x.plain, SPAN("seed")))
        __builtin_trap();
    return 0;
}
