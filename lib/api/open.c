/* open.c - oneseal/open.h over esd/open.h. */
#include "oneseal/open.h"

#include <string.h>

#include "api/api.h"
#include "esd/open.h"

enum { SUID_PROVISIONED = 14, SUID_MEF = 24, TTPS_MAX = 64, KEY_MIN = 16 };
#define OPENER_MAGIC UINT64_C(0x6f6e65736f706e31)

struct reader {
    uint64_t magic;
    struct opener opener;
};
_Static_assert(sizeof(struct reader) <= ONESEAL_OPENER_SIZE, "a reader fits its handle");

static struct reader *reader_of(oneseal_opener *o)
{
    struct reader *r = (void *)o;
    return r && r->magic == OPENER_MAGIC ? r : NULL;
}

oneseal_status oneseal_opener_init(oneseal_opener *o)
{
    struct reader *r = (void *)o;
    if (!r)
        return ONESEAL_BAD_ARGUMENT;
    memset(r, 0, sizeof *r);
    enum err e = opener_init(&r->opener);
    r->magic = e == OK ? OPENER_MAGIC : 0;
    return api_err(e);
}

void oneseal_opener_free(oneseal_opener *o)
{
    struct reader *r = reader_of(o);
    if (!r)
        return;
    opener_free(&r->opener);
    wipe(r, sizeof *r);
}

/* One call: whom to ask for the key, and what they said, since their statuses are more than our reasons. */
struct asking {
    const oneseal_open_how *how;
    oneseal_key key;
    oneseal_status said;
};

static enum reason give(const oneseal_key *k, struct open_key *out)
{
    if (!k->value || k->n < KEY_MIN || k->n > ONESEAL_KEY_VALUE_MAX || (unsigned)k->kind > ONESEAL_KEY_PROVISIONED)
        return REASON_NO_KEY_YET;
    *out = (struct open_key){.value = span_of(k->value, k->n),
                             .suid = k->kind == ONESEAL_KEY_PROVISIONED ? SUID_PROVISIONED : SUID_MEF,
                             .commits = k->kind == ONESEAL_KEY_OURS};
    return REASON_OK;
}

static enum reason find(void *ctx, const struct esd_label *l, struct open_key *out)
{
    struct asking *a = ctx;
    oneseal_label label;
    a->key = a->how->key;
    if (a->how->find) {
        api_label(l, &label);
        memset(&a->key, 0, sizeof a->key);
        a->said = a->how->find(a->how->ctx, &label, &a->key);
        if (a->said != ONESEAL_OK)
            return REASON_NO_KEY_YET;
    }
    return give(&a->key, out);
}

static bool how_fits(const oneseal_open_how *how)
{
    if (!how || how->size < sizeof *how || !how->work || how->ttps_n > TTPS_MAX || (how->ttps_n && !how->ttps))
        return false;
    for (size_t i = 0; i < how->ttps_n; i++)
        if (!how->ttps[i])
            return false;
    return how->security >= 0 && how->security <= 3;
}

oneseal_status oneseal_open(oneseal_opener *o, const oneseal_open_how *how, const char *con, size_t n, char *plain,
                            size_t room, oneseal_opened *out)
{
    struct reader *r = reader_of(o);
    struct span ttps[TTPS_MAX], text = span_of(con, n);
    uint8_t sid[ESD_SID];
    struct arena mem;
    struct opened res = {0};
    if (!r || !how_fits(how) || !con || !plain || !room || !out)
        return ONESEAL_BAD_ARGUMENT;
    memset(out, 0, sizeof *out);
    plain[0] = '\0';
    if (room < n)
        return ONESEAL_NO_ROOM;
    if (how->address && keys_sid(span_str(how->address), sid) != REASON_OK)
        return ONESEAL_PLACE_UNVERIFIED;
    struct asking asking = {.how = how};
    struct open_ask ask = {.sid = how->address ? sid : NULL,
                           .ttps = ttps,
                           .n_ttps = how->ttps_n,
                           .security = (unsigned)how->security,
                           .key = find,
                           .ctx = &asking};
    for (size_t i = 0; i < how->ttps_n; i++)
        ttps[i] = span_str(how->ttps[i]);
    arena_over(&mem, how->work, how->work_n);
    struct esd_label any = {0};
    if (!how->ttps_n && how->security <= 1 && label_read(text, &mem, &any) == REASON_OK) {
        ttps[0] = any.ttp; /* the caller chose the key, and with it the TTP */
        ask.n_ttps = 1;
    }
    struct buf b = buf_over(plain, room);
    enum reason x = open_envelope(&r->opener, text, &ask, &mem, &b, &res);
    api_label(&res.label, &out->label);
    if (x == REASON_OK) {
        memmove(plain, res.plain.p, res.plain.n);
        plain[res.plain.n] = '\0'; /* ciphertext is longer than what it hides: base64url, header, tag */
        out->n = res.plain.n;
        out->flags = api_flags(res.flags);
        out->json = res.json;
        return ONESEAL_OK;
    }
    wipe(plain, room);
    if (asking.said != ONESEAL_OK && x == REASON_NO_KEY_YET)
        return asking.said;
    return x == REASON_FAILED && !arena_ok(&mem) ? ONESEAL_NO_ROOM : api_reason(x);
}
