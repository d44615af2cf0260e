/* tag_probe - how a wrong tag is refused, for test_tag.py: 128 copies of one object, each with another bit of its tag
 * flipped, are opened in ours. Prints a line for each copy: bit, reason, octets given out, flags. Under callgrind the
 * instructions of each opening are dumped under the name "bit N"; before each, the true object is opened, so that every
 * measured opening finds the same state.
 *
 * tag_probe --control compares the tags octet by octet and stops at the first difference: what a count must show. */
#include <valgrind/callgrind.h>

#include "base/code.h"
#include "esd/open.h"
#include "esd/seal.h"

static const struct span fqdn = {(const uint8_t *)"ttp.demo.example", 16};
static struct esd_keys keys;
static struct opener opener;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "tag_probe: %s failed\n", what);
    exit(1);
}

static enum reason give(void *ctx, const struct esd_label *l, struct open_key *k)
{
    (void)ctx, (void)l;
    *k = (struct open_key){.value = span_of(keys.kv, ESD_KV), .suid = 24, .commits = true};
    return REASON_OK;
}

static enum reason open_it(struct span con, struct buf *out, struct opened *res)
{
    static uint8_t memory[1 << 16];
    struct arena a;
    struct open_ask ask = {.sid = keys.sid, .ttps = &fqdn, .n_ttps = 1, .key = give};
    arena_over(&a, memory, sizeof memory);
    return open_envelope(&opener, con, &ask, &a, out, res);
}

/* The object with one bit of the tag flipped. */
static struct span spoilt(struct span con, unsigned bit, struct buf *out)
{
    uint8_t tag[ESD_TAG];
    struct buf t = BUF_ARRAY(tag);
    size_t at = con.n - 22; /* 16 octets in base64url */
    must(b64url_get(span_of(con.p + at, 22), &t) == OK && t.n == ESD_TAG, "tag");
    tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
    buf_put(out, span_of(con.p, at));
    b64url_put(out, span_of(tag, ESD_TAG));
    return buf_span(out);
}

/* The mistake that the count is there to find. */
static enum reason compare_quickly(struct span good, struct span wrong)
{
    for (size_t i = good.n - 22; i < good.n; i++)
        if (good.p[i] != wrong.p[i])
            return REASON_TAMPERED;
    return REASON_OK;
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "--control") == 0;
    static const uint8_t kv[ESD_KV] = {1, 2, 3};
    static uint8_t text[4096], other[4096], plain[4096];
    uint8_t sid[ESD_SID];
    struct seal_key sk;
    struct sealer sealer;
    struct opened res;
    struct buf con = BUF_ARRAY(text);
    must(keys_sid(SPAN("//demo.example/id-mn/mn/x"), sid) == REASON_OK &&
             keys_derive(span_of(kv, sizeof kv), sid, &keys) == REASON_OK && seal_key_init(&sk, &keys, fqdn) == OK &&
             sealer_init(&sealer, (struct esd_rng){0}) == OK && opener_init(&opener) == OK,
         "keys");
    must(seal(&sealer, &sk, &(struct seal_msg){.ep = 1, .i = 7, .t_ms = 1767225600000u}, SPAN("{\"t\":21.5}"), NULL,
              &con) == OK,
         "seal");
    for (unsigned bit = 0; bit < 8 * ESD_TAG; bit++) {
        char name[16];
        struct buf b = BUF_ARRAY(other), good = BUF_ARRAY(plain);
        struct span wrong = spoilt(buf_span(&con), bit, &b);
        must(open_it(buf_span(&con), &good, &res) == REASON_OK, "control");
        struct buf out = BUF_ARRAY(plain);
        snprintf(name, sizeof name, "bit %u", bit);
        CALLGRIND_ZERO_STATS;
        enum reason r = control ? compare_quickly(buf_span(&con), wrong) : open_it(wrong, &out, &res);
        CALLGRIND_DUMP_STATS_AT(name);
        printf("%u %s %zu %zu %u\n", bit, reason_code(r), out.n, res.plain.n, (unsigned)res.flags);
    }
    sealer_free(&sealer);
    opener_free(&opener);
    return 0;
}
