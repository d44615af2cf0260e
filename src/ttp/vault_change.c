#include "ttp/vault_change.h"

#include "ttp/take.h"

#include <string.h>

static enum err read(struct span s, struct vault_change *c)
{
    uint8_t has_lbl, has_tgis;
    TRY(take_u64(&s, &c->n));
    TRY(take_u64(&s, &c->row_et));
    TRY(take_u64(&s, &c->et));
    TRY(take_u64(&s, &c->lt));
    TRY(take_u8(&s, &has_lbl));
    TRY(take_blob(&s, &c->lbl));
    TRY(take_u8(&s, &has_tgis));
    TRY(take_blob(&s, &c->tgis));
    c->has_lbl = has_lbl != 0;
    c->has_tgis = has_tgis != 0;
    return s.n == 0 ? OK : ERR_SYNTAX;
}

static const struct span *find(struct vault *v, struct span kid)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    return row_kid_key(kid, &key) == OK ? vault_map_get(&v->table[TABLE_CHANGES], buf_span(&key)) : NULL;
}

struct vault_change vault_change_get(struct vault *v, const struct row *row)
{
    struct vault_change c = {0};
    const struct span *value = find(v, row->kid);
    if (value && read(*value, &c) == OK)
        return c;
    return (struct vault_change){.row_et = row->et, .et = row->et};
}

void vault_change_apply(struct vault *v, struct row *row)
{
    if (v->table[TABLE_CHANGES].n == 0)
        return;
    struct vault_change c = vault_change_get(v, row);
    row->et = c.et;
    row->lbl = c.has_lbl ? c.lbl : row->lbl;
    row->tgis = c.has_tgis ? c.tgis : row->tgis;
}

/* Forgets what belongs to rows that are over whichever of their two times counts: a shorter time that was set must not
 * end with the memory of it. */
static enum err sweep(struct vault *v)
{
    const struct vault_map *m = &v->table[TABLE_CHANGES];
    uint64_t now = (uint64_t)v->conf.now_ms(v->conf.ctx);
    for (size_t i = m->n; i > 0; i--) {
        uint8_t text[ROW_KID_MAX];
        struct vault_change c;
        struct span key = m->e[i - 1].key;
        if (key.n > sizeof text || read(m->e[i - 1].value, &c) != OK || c.et > now || c.row_et > now)
            continue;
        memcpy(text, key.p, key.n);
        TRY(vault_state_set(v, TABLE_CHANGES, span_of(text, key.n), SPAN_NONE));
    }
    return OK;
}

enum err vault_change_set(struct vault *v, const struct row *row, const struct vault_change *c)
{
    uint8_t text[ROW_KID_MAX], value[64 + 2 * ROW_TEXT_MAX];
    struct buf key = BUF_ARRAY(text), b = BUF_ARRAY(value);
    TRY(row_kid_key(row->kid, &key));
    buf_be64(&b, c->n);
    buf_be64(&b, c->row_et);
    buf_be64(&b, c->et);
    buf_be64(&b, c->lt);
    buf_c(&b, c->has_lbl);
    msg_item_put(&b, c->lbl);
    buf_c(&b, c->has_tgis);
    msg_item_put(&b, c->tgis);
    TRY(b.e);
    TRY(sweep(v));
    return vault_state_set(v, TABLE_CHANGES, buf_span(&key), buf_span(&b));
}

enum err vault_change_forget(struct vault *v, struct span kid)
{
    uint8_t text[ROW_KID_MAX];
    struct buf key = BUF_ARRAY(text);
    TRY(row_kid_key(kid, &key));
    if (!vault_map_get(&v->table[TABLE_CHANGES], buf_span(&key)))
        return OK;
    return vault_state_set(v, TABLE_CHANGES, buf_span(&key), SPAN_NONE);
}
