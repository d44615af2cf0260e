#include "ttp/vault_news.h"

#include "ttp/take.h"

static uint64_t own_of(const struct vault *v, struct span iss)
{
    const struct span *value = vault_map_get(&v->table[TABLE_NEWS], iss);
    struct span s = value ? *value : SPAN_NONE;
    uint64_t n = 0;
    return value && take_u64(&s, &n) == OK ? n : 0;
}

enum err vault_news(struct vault *v, struct span iss)
{
    uint8_t text[8];
    struct buf b = BUF_ARRAY(text);
    buf_be64(&b, own_of(v, iss) + 1);
    v->holds.turn++;
    return vault_state_set(v, TABLE_NEWS, iss, buf_span(&b));
}

void vault_news_all(struct vault *v)
{
    v->changes++;
    v->holds.turn++;
}

uint64_t vault_news_of(const struct vault *v, struct span iss)
{
    return v->changes + own_of(v, iss);
}
