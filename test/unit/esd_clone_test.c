/* lib/esd: a writer that was cloned with its random state (a fork, a restored image) repeats a nonce only for the very
 * same message (e2e.md 2). The same random octets come again in every clone here: a message sealed in two of them gives
 * the same text, which is the control; any difference in content, header or padding gives another nonce. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "esd/seal_to.h"

enum { CLONES = 4, MESSAGES = 200, TEXT_MAX = 2048 };

/* What a restored image repeats: a stream of octets that depends on its own state alone. */
struct dice {
    uint64_t state;
};

static enum err roll(void *ctx, uint8_t *p, size_t n)
{
    struct dice *d = (struct dice *)ctx;
    for (size_t i = 0; i < n; i++) {
        d->state = d->state * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(d->state >> 56);
    }
    return OK;
}

struct writer {
    struct dice dice;
    struct sealer sealer;
    struct seal_key key;
    struct seal_to_key to;
    bool strict;
};

static void writer_begin(struct writer *w, bool strict)
{
    static const uint8_t kv[ESD_KV] = {7};
    struct esd_keys keys;
    struct p256 *pair;
    uint8_t sid[ESD_SID];
    *w = (struct writer){.dice = {1}, .strict = strict};
    assert_int_equal(keys_sid(SPAN("//demo.example/id-mn/mn/a/b"), sid), REASON_OK);
    assert_int_equal(keys_derive(span_of(kv, sizeof kv), sid, &keys), REASON_OK);
    assert_int_equal(sealer_init(&w->sealer, (struct esd_rng){roll, &w->dice}), OK);
    assert_int_equal(seal_key_init(&w->key, &keys, SPAN("ttp.demo.example")), OK);
    assert_int_equal(p256_new(&pair), OK);
    assert_int_equal(seal_to_init(&w->to, pair, sid, SPAN("ttp.demo.example")), OK);
    p256_free(pair);
}

static void writer_end(struct writer *w)
{
    sealer_free(&w->sealer);
    seal_to_free(&w->to);
}

static void write_one(struct writer *w, const struct seal_msg *m, const char *text, struct buf *out)
{
    uint8_t room[TEXT_MAX];
    struct buf scratch = BUF_ARRAY(room);
    out->n = 0;
    enum err e = w->strict ? seal_to(&w->sealer, &w->to, m, span_str(text), &scratch, out)
                           : seal(&w->sealer, &w->key, m, span_str(text), &scratch, out);
    assert_int_equal(e, OK);
}

/* The parts of a compact JWE: header, encrypted key, IV, ciphertext, tag. */
static struct span part(struct span text, unsigned n)
{
    struct span p = span_cut(&text, '.');
    while (n--)
        p = span_cut(&text, '.');
    return p;
}

/* In a strict message everything that is random is fresh: the ephemeral key (in the header), the content key, the IV.
 */
static bool random_differs(bool strict, struct span a, struct span b)
{
    bool iv = !span_eq(part(a, 2), part(b, 2));
    return strict ? iv && !span_eq(part(a, 0), part(b, 0)) && !span_eq(part(a, 1), part(b, 1)) : iv;
}

/* ---- a restored image: the sealer's own pool and the generator's state come back ---------------------- */

static void restored(void **state)
{
    static const struct {
        const char *what, *text;
        struct seal_msg m;
    } other[] = {
        {"another content", "21.6", {.ep = 1, .i = 5, .t_ms = 1000}},
        {"a longer content", "21.50", {.ep = 1, .i = 5, .t_ms = 1000}},
        {"another time", "21.5", {.ep = 1, .i = 5, .t_ms = 1001}},
        {"another index", "21.5", {.ep = 1, .i = 6, .t_ms = 1000}},
        {"another epoch number", "21.5", {.ep = 2, .i = 5, .t_ms = 1000}},
        {"another mode", "21.5", {.ep = 1, .i = 5, .t_ms = 1000, .device = true}},
        {"another kind of content", "21.5", {.ep = 1, .i = 5, .t_ms = 1000, .json = true}},
        {"a batch", "21.5", {.ep = 1, .i = 5, .t_ms = 1000, .json = true, .batch = true}},
        {"padding", "21.5", {.ep = 1, .i = 5, .t_ms = 1000, .padding = true, .pad = 12}},
        {"no padding, said", "21.5", {.ep = 1, .i = 5, .t_ms = 1000, .padding = true}},
    };
    static const struct seal_msg base = {.ep = 1, .i = 5, .t_ms = 1000};
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        struct writer w;
        uint8_t pool[sizeof w.sealer.pool], first[TEXT_MAX], again[TEXT_MAX];
        struct buf a = BUF_ARRAY(first), b = BUF_ARRAY(again);
        writer_begin(&w, strict);
        write_one(&w, &base, "before the image", &a);
        struct dice dice = w.dice;
        size_t at = w.sealer.pool_at;
        memcpy(pool, w.sealer.pool, sizeof pool);
#define RESTORE() (w.dice = dice, w.sealer.pool_at = at, memcpy(w.sealer.pool, pool, sizeof pool))
        write_one(&w, &base, "21.5", &a);
        RESTORE();
        write_one(&w, &base, "21.5", &b);
        assert_true(span_eq(buf_span(&a), buf_span(&b))); /* control: the random octets do repeat */
        for (size_t i = 0; i < LEN(other); i++) {
            RESTORE();
            write_one(&w, &other[i].m, other[i].text, &b);
            if (!random_differs(strict, buf_span(&a), buf_span(&b)))
                fail_msg("%s: %s", strict ? "strict" : "dir", other[i].what);
        }
#undef RESTORE
        writer_end(&w);
    }
}

/* ---- fork: several processes seal on with one state --------------------------------------------------- */

/* One line for each message. Every third is the same in all clones. */
static void clone_writes(struct writer *w, int clone, int fd)
{
    for (uint32_t i = 0; i < MESSAGES; i++) {
        char text[64];
        uint8_t room[TEXT_MAX];
        struct buf b = BUF_ARRAY(room);
        struct seal_msg m = {.ep = 1, .i = i, .t_ms = 1000 + i};
        (void)snprintf(text, sizeof text, "%d of %u", i % 3 ? clone : 0, i);
        write_one(w, &m, text, &b);
        buf_c(&b, '\n');
        if (write(fd, b.p, b.n) != (ssize_t)b.n)
            _exit(1);
    }
    _exit(0);
}

static struct span read_all(int fd, struct buf *b)
{
    for (ssize_t n; (n = read(fd, b->p + b->n, b->cap - b->n)) > 0;)
        b->n += (size_t)n;
    return buf_span(b);
}

static void forked(void **state)
{
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        static uint8_t room[CLONES][MESSAGES * TEXT_MAX];
        struct span said[CLONES];
        struct writer w;
        unsigned same = 0, differ = 0;
        writer_begin(&w, strict);
        for (int c = 0; c < CLONES; c++) {
            int fd[2], status;
            struct buf b = BUF_ARRAY(room[c]);
            assert_int_equal(pipe(fd), 0);
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0)
                clone_writes(&w, c, fd[1]);
            (void)close(fd[1]);
            said[c] = read_all(fd[0], &b);
            (void)close(fd[0]);
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_int_equal(status, 0);
        }
        for (uint32_t i = 0; i < MESSAGES; i++) {
            struct span line[CLONES];
            for (int c = 0; c < CLONES; c++)
                line[c] = span_cut(&said[c], '\n');
            for (int c = 1; c < CLONES; c++) {
                if (i % 3 == 0) {
                    assert_true(span_eq(line[0], line[c])); /* control: the clones do share their random octets */
                    same++;
                } else {
                    assert_true(random_differs(strict, line[0], line[c]));
                    assert_true(random_differs(strict, line[c - 1], line[c]));
                    differ++;
                }
            }
        }
        assert_true(same > 100 && differ > 300);
        writer_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restored),
        cmocka_unit_test(forked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
