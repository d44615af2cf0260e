#include "ttp/row.h"

#include "ttp/take.h"

#include <string.h>

static void put_blob(struct buf *b, struct span s)
{
    buf_be32(b, (uint32_t)s.n);
    buf_put(b, s);
}

#define PUT_U8(name)   buf_c(b, r->name)
#define PUT_U64(name)  buf_be64(b, r->name)
#define PUT_TEXT(name) put_blob(b, r->name)
#define PUT_FIX(name)  buf_put(b, span_of(r->name, sizeof r->name))

void row_put(struct buf *b, const struct row *r)
{
#define COLUMN(type, name, what) PUT_##type(name);
#include "ttp/columns.def"
#undef COLUMN
}

#define GET_U8(name)   TRY(take_u8(s, &r->name))
#define GET_U64(name)  TRY(take_u64(s, &r->name))
#define GET_TEXT(name) TRY(take_blob(s, &r->name))
#define GET_FIX(name)  TRY(take_fix(s, r->name, sizeof r->name))

enum err row_get(struct span *s, struct row *r)
{
#define COLUMN(type, name, what) GET_##type(name);
#include "ttp/columns.def"
#undef COLUMN
    return OK;
}

bool row_same(const struct row *a, const struct row *b)
{
    uint8_t x[4096], y[4096];
    struct buf bx = BUF_ARRAY(x), by = BUF_ARRAY(y);
    struct row ra = *a, rb = *b;
    ra.ct = rb.ct = ra.leaf = rb.leaf = 0;
    ra.lbl = rb.lbl = SPAN_NONE;
    row_put(&bx, &ra);
    row_put(&by, &rb);
    return bx.e == OK && by.e == OK && span_eq(buf_span(&bx), buf_span(&by));
}

size_t row_value_n(uint8_t kind)
{
    static const size_t n[] = {
        [ROW_VALUE] = ROW_KEY_VALUE, [ROW_PAIR] = 32, [ROW_ACTIVE] = 32, [ROW_GIVEN] = ROW_VALUE_MAX};
    return kind < LEN(n) ? n[kind] : 0;
}

enum err row_kid_key(struct span kid, struct buf *out)
{
    size_t at = span_find(kid, '@');
    if (at == 0 || at + 1 >= kid.n || kid.n > ROW_KID_MAX)
        return ERR_SYNTAX;
    for (size_t i = 0; i < kid.n; i++) {
        uint8_t c = kid.p[i];
        if (i < at && c >= 'a' && c <= 'z')
            c = (uint8_t)(c - 32);
        if (i > at && c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        buf_c(out, c);
    }
    return out->e;
}
