/* seal_letters.h - what a gateway sealed is opened with the keys from the letters that wait in its store. */
#ifndef TEST_SEAL_LETTERS_H
#define TEST_SEAL_LETTERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/letter_open.h"
#include "esd/open.h"
#include "seal_plant.h"

static struct store *store; /* of the gateway */
static struct arena mem;

static UNUSED struct esd_label label_of(struct span con)
{
    struct esd_label l;
    assert_true(con.n > 2 && con.p[0] == '"' && con.p[con.n - 1] == '"');
    assert_int_equal(label_read(span_of(con.p + 1, con.n - 2), &mem, &l), REASON_OK);
    return l;
}

/* KV of a kid, from the letters that wait in the store. */
static UNUSED bool kv_of(struct span kid, uint8_t kv[ESD_KV], struct letter_item *item)
{
    uint64_t first, next;
    bool found = false;
    struct store_tx *r;
    assert_int_equal(store_read(store, 0, &r), OK);
    assert_int_equal(seal_queue_span(r, &mem, &first, &next), OK);
    for (uint64_t n = first; n < next && !found; n++) {
        struct seal_letter q;
        struct jws j;
        struct key_letter l;
        uint8_t kvs[1][ESD_KV];
        if (seal_queue_get(r, &mem, n, &q) != OK)
            continue;
        assert_int_equal(letter_read(q.text, &mem, &j, &l), REASON_OK);
        assert_int_equal(jws_verify(&j, gateway), REASON_OK);
        assert_true(span_eq(j.kid, SPAN("53-//demo.example/id-mn")) && span_eq(l.iss, SPAN("//demo.example/id-mn")));
        assert_int_equal(letter_open(&l, sealing, &mem, kvs), REASON_OK);
        if (!kid_eq(l.items[0].kid, kid))
            continue;
        memcpy(kv, kvs[0], ESD_KV);
        *item = l.items[0];
        found = true;
    }
    store_end(r);
    return found;
}

static UNUSED unsigned waiting(void)
{
    uint64_t first, next;
    struct store_tx *r;
    assert_int_equal(store_read(store, 0, &r), OK);
    assert_int_equal(seal_queue_span(r, &mem, &first, &next), OK);
    store_end(r);
    return (unsigned)(next - first);
}

static UNUSED struct span opened(struct span con)
{
    struct opener o;
    struct esd_label l = label_of(con);
    struct letter_item item;
    struct span plain;
    uint8_t kv[ESD_KV], *room = (uint8_t *)arena_alloc(&mem, con.n);
    struct buf out = buf_over(room, con.n);
    assert_true(kv_of(l.kid, kv, &item));
    assert_memory_equal(item.sid, l.e2e.sid, ESD_SID);
    assert_int_equal(item.ep, l.e2e.ep);
    assert_int_equal(opener_init(&o), OK);
    assert_int_equal(open_aead(&o, &l, span_of(kv, 32), &out, &plain), REASON_OK);
    opener_free(&o);
    return plain;
}

#endif
