/* src/ttp: the small parts - ordered maps, names of certificates, custody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/heap.h"
#include "ttp/name.h"
#include "ttp/unsealer_custody.h"
#include "ttp/vault_map.h"

static void certificates_cover_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *iss;
        bool covers;
    } rows[] = {
        {"m2m://demo.example/Sapp-heat", "//demo.example/Sapp-heat", true},
        {"//demo.example/Sapp-heat", "//demo.example/Sapp-heat", true},
        {"m2m://demo.example/Sapp-heat", "//demo.example/Sapp-other", false},
        {"m2m://demo.example/Sapp-heat", "//demo.example/Sapp-hea", false},
        {"m2m://demo.example/id-mn/Cthermo-1", "//demo.example/id-mn/Cthermo-1", true},
        {"m2m:x//demo.example/Sapp", "//demo.example/Sapp", false},
        {"id-mn.id-in.demo.example", "//demo.example/id-mn", true},
        {"ID-MN.id-in.demo.example", "//demo.example/id-mn", true},
        {"id-in.demo.example", "//demo.example/id-in", true},
        {"id-in.demo.example", "//demo.example/id-mn", false},
        {"id-mn.evildemo.example", "//demo.example/id-mn", false},
        {"id-mn.demo.example.evil", "//demo.example/id-mn", false},
        {"id-mnx.demo.example", "//demo.example/id-mn", false},
        {"id-mn.demo.example", "//demo.example/", false},
        {"id-mn.demo.example", "/id-mn", false},
        {"id-mn.demo.example", "//demo.example/id-mn/Cx", false},
        {"demo.example", "//demo.example/", false},
        {"", "//demo.example/id-mn", false},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        if (name_covers(span_str(rows[i].name), span_str(rows[i].iss)) != rows[i].covers)
            fail_msg("%s for %s", rows[i].name, rows[i].iss);
    assert_true(names_cover(SPAN("a.b\nid-in.demo.example\n"), SPAN("//demo.example/id-in")));
    assert_false(names_cover(SPAN(""), SPAN("//demo.example/id-in")));
}

static void maps_are_canonical(void **state)
{
    (void)state;
    struct vault_map a = {0}, b = {0}, c = {0};
    struct buf x = heap_buf(1 << 16), y = heap_buf(1 << 16);
    for (unsigned i = 0; i < 100; i++) {
        uint8_t k[2] = {(uint8_t)(i * 37 % 101), 5}, j[2] = {(uint8_t)((99 - i) * 37 % 101), 5};
        assert_int_equal(vault_map_put(&a, span_of(k, 2), span_of(k, 1)), OK);
        assert_int_equal(vault_map_put(&b, span_of(j, 2), SPAN("old")), OK);
        assert_int_equal(vault_map_put(&b, span_of(j, 2), span_of(j, 1)), OK);
    }
    assert_int_equal(vault_map_put(&b, SPAN("extra"), SPAN("")), OK);
    vault_map_del(&b, SPAN("extra"));
    vault_map_del(&b, SPAN("never there"));
    vault_map_write(&a, &x);
    vault_map_write(&b, &y);
    assert_true(span_eq(buf_span(&x), buf_span(&y)));
    assert_int_equal(a.octets, b.octets);
    assert_int_equal(a.octets + 4, x.n);
    struct span s = buf_span(&x);
    assert_int_equal(vault_map_read(&s, &c), OK);
    assert_int_equal(s.n, 0);
    assert_int_equal(c.n, 100);
    for (size_t n = 0; n < x.n; n += 7) {
        struct vault_map d = {0};
        s = span_first(buf_span(&x), n);
        assert_int_equal(vault_map_read(&s, &d), ERR_SYNTAX);
        vault_map_free(&d);
    }
    x.p[4 + 4] ^= 0x80; /* the first key is now behind the second */
    s = buf_span(&x);
    struct vault_map d = {0};
    assert_int_equal(vault_map_read(&s, &d), ERR_SYNTAX);
    vault_map_free(&a);
    vault_map_free(&b);
    vault_map_free(&c);
    vault_map_free(&d);
    heap_buf_free(&x);
    heap_buf_free(&y);
}

static void the_root_depends_on_all_it_is_made_of(void **state)
{
    (void)state;
    struct custody c = {.t = 1, .m_kib = 64, .p = 1};
    uint8_t xk[CUSTODY_XK] = {9}, root[5][CUSTODY_ROOT];
    struct span x = span_of(xk, sizeof xk);
    assert_int_equal(custody_root(&c, SPAN("correct horse"), x, root[0]), OK);
    assert_int_equal(custody_root(&c, SPAN("correct horse\n"), x, root[1]), OK);
    assert_memory_equal(root[0], root[1], CUSTODY_ROOT);
    assert_int_equal(custody_root(&c, SPAN("correct horsf"), x, root[1]), OK);
    xk[31] ^= 1;
    assert_int_equal(custody_root(&c, SPAN("correct horse"), x, root[2]), OK);
    xk[31] ^= 1;
    c.salt[0] ^= 1;
    assert_int_equal(custody_root(&c, SPAN("correct horse"), x, root[3]), OK);
    c.salt[0] ^= 1;
    c.t = 2;
    assert_int_equal(custody_root(&c, SPAN("correct horse"), x, root[4]), OK);
    for (int i = 1; i < 5; i++)
        assert_memory_not_equal(root[0], root[i], CUSTODY_ROOT);
    assert_int_equal(custody_root(&c, SPAN("short\n"), x, root[1]), ERR_RANGE);
    assert_int_equal(custody_root(&c, SPAN("correct horse"), span_first(x, 31), root[1]), ERR_SYNTAX);
}

/* Computed once with libargon2 from Python's ctypes and RFC 5869 written out with Python's hmac. */
static void the_root_is_argon2id_and_hkdf(void **state)
{
    (void)state;
    struct custody c = {.t = 2, .m_kib = 256, .p = 1};
    uint8_t xk[CUSTODY_XK], root[CUSTODY_ROOT];
    static const uint8_t want[CUSTODY_ROOT] = {0x6d, 0x4b, 0x92, 0x9b, 0xba, 0x8a, 0xe6, 0xc9, 0x4d, 0xa8, 0xd8,
                                               0xa2, 0xd3, 0x3e, 0x05, 0x01, 0xdb, 0x9f, 0x94, 0x10, 0x2d, 0x37,
                                               0x1e, 0xf5, 0x5b, 0xc7, 0x3b, 0x0a, 0xfb, 0x39, 0xba, 0xbc};
    for (int i = 0; i < CUSTODY_SALT; i++)
        c.salt[i] = (uint8_t)i;
    memset(xk, 0xab, sizeof xk);
    assert_int_equal(custody_root(&c, SPAN("correct horse battery"), span_of(xk, sizeof xk), root), OK);
    assert_memory_equal(root, want, CUSTODY_ROOT);
}

static void custody_files_read_as_written(void **state)
{
    (void)state;
    struct custody c, d;
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    assert_int_equal(custody_new(&c), OK);
    custody_write(&c, &b);
    assert_int_equal(custody_read(buf_span(&b), &d), OK);
    assert_int_equal(c.t, d.t);
    assert_int_equal(c.m_kib, d.m_kib);
    assert_int_equal(c.p, d.p);
    assert_memory_equal(c.salt, d.salt, CUSTODY_SALT);
    for (size_t n = 0; n < b.n; n++)
        assert_int_not_equal(custody_read(span_first(buf_span(&b), n), &d), OK);
    static const char *const bad[] = {
        "oneseal-custody 1 argon2id t=0 m=65536 p=1 salt=00000000000000000000000000000000\n",
        "oneseal-custody 1 argon2id t=3 m=4 p=1 salt=00000000000000000000000000000000\n",
        "oneseal-custody 1 argon2id t=3 m=65536 p=1 salt=0000\n",
        "oneseal-custody 1 argon2id t=3 m=99999999 p=1 salt=00000000000000000000000000000000\n",
        "oneseal-custody 2 argon2id t=3 m=65536 p=1 salt=00000000000000000000000000000000\n",
    };
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_not_equal(custody_read(span_str(bad[i]), &d), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_cover_their_names),        cmocka_unit_test(maps_are_canonical),
        cmocka_unit_test(the_root_depends_on_all_it_is_made_of), cmocka_unit_test(the_root_is_argon2id_and_hkdf),
        cmocka_unit_test(custody_files_read_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
