/* seal.c - oneseal/seal.h over esd/seal.h and esd/letter.h. */
#include "oneseal/seal.h"

#include <string.h>

#include "api/api.h"
#include "api/writer.h"

enum { SUID_PROVISIONED = 14, BUCKET_MAX = 65536 };
_Static_assert(sizeof(struct writer) <= ONESEAL_SEALER_SIZE, "a writer fits its handle");

static struct writer *writer_of(oneseal_sealer *s)
{
    struct writer *w = (void *)s;
    return w && w->magic == SEALER_MAGIC ? w : NULL;
}

static enum err fill(void *ctx, uint8_t *p, size_t n)
{
    const struct writer *w = ctx;
    if (!w->platform.random)
        return esd_random(p, n);
    return w->platform.random(w->platform.ctx, p, n) == 0 ? OK : ERR_CRYPTO;
}

/* 0: not known. */
static int64_t clock_ms(const struct writer *w)
{
    int64_t now = w->platform.clock ? w->platform.clock(w->platform.ctx) : 0;
    return now > 0 && (uint64_t)now < ESD_INT_END ? now : 0;
}

oneseal_status oneseal_sealer_init(oneseal_sealer *s, const oneseal_platform *platform)
{
    struct writer *w = (void *)s;
    if (!w || (platform && platform->size < sizeof *platform))
        return ONESEAL_BAD_ARGUMENT;
    memset(w, 0, sizeof *w);
    if (platform)
        w->platform = *platform;
    bool own = w->platform.random;
    enum err e = sealer_init(&w->sealer, own ? (struct esd_rng){.fill = fill, .ctx = w} : (struct esd_rng){0});
    w->magic = e == OK ? SEALER_MAGIC : 0;
    return api_err(e);
}

void oneseal_epoch_end(oneseal_sealer *s)
{
    struct writer *w = writer_of(s);
    if (!w)
        return;
    sealer_forget(&w->sealer, &w->key);
    seal_key_wipe(&w->key);
    keys_wipe(&w->keys);
    w->open = w->own = false;
    w->i = 0;
    w->kid[0] = '\0';
}

void oneseal_sealer_free(oneseal_sealer *s)
{
    struct writer *w = writer_of(s);
    if (!w)
        return;
    oneseal_epoch_end(s);
    sealer_free(&w->sealer);
    wipe(w, sizeof *w);
}

static enum err make_key(struct writer *w, const uint8_t sid[ESD_SID], struct span ttp)
{
    uint8_t kv[ESD_KV];
    struct buf kid = BUF_ARRAY(w->kid);
    enum err e = fill(w, kv, sizeof kv);
    if (e == OK && keys_derive(span_of(kv, sizeof kv), sid, &w->keys) != REASON_OK)
        e = ERR_CRYPTO;
    wipe(kv, sizeof kv);
    if (e == OK)
        e = seal_key_init(&w->key, &w->keys, ttp);
    if (e == OK) {
        keys_kid_put(&kid, w->keys.kc, ttp);
        buf_nul(&kid);
        e = kid.e;
    }
    return e;
}

static oneseal_status begun(oneseal_sealer *s, enum err e, uint64_t epoch)
{
    struct writer *w = writer_of(s);
    if (e != OK) {
        oneseal_epoch_end(s);
        return api_err(e);
    }
    w->open = true;
    w->ep = epoch;
    w->began_ms = clock_ms(w);
    return ONESEAL_OK;
}

oneseal_status oneseal_epoch_begin(oneseal_sealer *s, const char *address, const char *ttp, uint64_t epoch)
{
    struct writer *w = writer_of(s);
    uint8_t sid[ESD_SID];
    if (!w || !address || !ttp || epoch == 0 || epoch >= ESD_INT_END || !esd_fqdn_ok(span_str(ttp)))
        return ONESEAL_BAD_ARGUMENT;
    enum reason r = keys_sid(span_str(address), sid);
    if (r != REASON_OK)
        return api_reason(r);
    oneseal_epoch_end(s);
    enum err e = make_key(w, sid, span_str(ttp));
    w->own = e == OK;
    return begun(s, e, epoch);
}

oneseal_status oneseal_epoch_provisioned(oneseal_sealer *s, const char *address, const char *kid,
                                         const unsigned char *key, size_t key_n, uint64_t epoch)
{
    struct writer *w = writer_of(s);
    uint8_t sid[ESD_SID];
    if (!w || !address || !kid || !key || epoch == 0 || epoch >= ESD_INT_END || strlen(kid) > ESD_KID_MAX)
        return ONESEAL_BAD_ARGUMENT;
    enum reason r = keys_sid(span_str(address), sid);
    if (r != REASON_OK)
        return api_reason(r);
    oneseal_epoch_end(s);
    enum err e = seal_key_foreign(&w->key, span_of(key, key_n), SUID_PROVISIONED, span_str(kid), sid);
    if (e == OK)
        api_text(w->kid, sizeof w->kid, span_str(kid));
    return begun(s, e, epoch);
}

const char *oneseal_epoch_kid(const oneseal_sealer *s)
{
    const struct writer *w = writer_read(s);
    return w ? w->kid : "";
}

int oneseal_epoch_due(const oneseal_sealer *s)
{
    const struct writer *w = writer_read(s);
    if (!w || !w->open || w->i >= ONESEAL_EPOCH_MESSAGES)
        return 1;
    int64_t now = clock_ms(w);
    return now && w->began_ms && now - w->began_ms >= (int64_t)ONESEAL_EPOCH_SECONDS * 1000;
}

oneseal_status oneseal_epoch_value(const oneseal_sealer *s, unsigned char value[ONESEAL_KEY_VALUE])
{
    const struct writer *w = writer_read(s);
    if (!w || !value)
        return ONESEAL_BAD_ARGUMENT;
    if (!w->own)
        return ONESEAL_EPOCH_OVER;
    memcpy(value, w->keys.kv, ESD_KV);
    return ONESEAL_OK;
}

/* ---- messages ----------------------------------------------------------------------------------- */

/* Octets up to the next multiple of the bucket; never an empty message. */
static uint32_t padding(size_t n, uint32_t bucket)
{
    size_t over = n % bucket;
    return n == 0 ? bucket : over ? (uint32_t)(bucket - over) : 0;
}

static bool how_fits(const oneseal_seal_how *how, size_t n)
{
    if (!how)
        return true;
    if (how->size < sizeof *how || (how->batch && !how->json) || how->bucket > BUCKET_MAX)
        return false;
    return n <= ESD_CON_MAX && (!how->bucket || how->work);
}

oneseal_status oneseal_seal(oneseal_sealer *s, const oneseal_seal_how *how, const char *plain, size_t n, char *out,
                            size_t room, size_t *out_n)
{
    struct writer *w = writer_of(s);
    if (!w || !how_fits(how, n) || (!plain && n) || !out || !room || !out_n)
        return ONESEAL_BAD_ARGUMENT;
    if (!w->open || w->i >= ESD_INDEX_END)
        return ONESEAL_EPOCH_OVER;
    struct seal_msg m = {.ep = w->ep, .t_ms = (uint64_t)clock_ms(w), .i = w->i, .device = true};
    struct buf scratch = {0}, text = buf_over(out, room);
    if (how) {
        m.json = how->json;
        m.batch = how->batch;
        m.padding = how->bucket > 0;
        m.pad = how->bucket ? padding(n, how->bucket) : 0;
        scratch = buf_over(how->work, how->work_n);
    }
    oneseal_status st = api_ended(&text, seal(&w->sealer, &w->key, &m, span_of(plain, n), &scratch, &text), out_n);
    w->i += st == ONESEAL_OK;
    return st;
}

oneseal_status oneseal_seal_cnf(const char *cnf, int json, char *out, size_t room)
{
    if (!out || !room)
        return ONESEAL_BAD_ARGUMENT;
    struct buf b = buf_over(out, room);
    enum err e = seal_cnf(api_span(cnf), json, &b);
    oneseal_status st = api_ended(&b, e, NULL);
    return e == ERR_NOTNOW ? ONESEAL_CONFLICT : st;
}
