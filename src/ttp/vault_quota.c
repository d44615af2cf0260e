#include "ttp/vault_quota.h"

#include "esd/target.h"
#include "ttp/vault_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_S = 60, DAY_S = 86400, FIRST_METERS = 64 };

void vault_quota_init(struct vault_quota *q)
{
    *q = (struct vault_quota){.conf = {QUOTA_CLIENT_MINUTE, QUOTA_CLIENT_DAY, QUOTA_TENANT_MINUTE, QUOTA_TENANT_DAY}};
}

void vault_quota_free(struct vault_quota *q)
{
    free(q->meter);
    q->meter = NULL;
}

/* ---- meters ------------------------------------------------------------------------------------------------------ */

static const uint8_t nobody[16];

static bool is_free(const struct vault_meter *m)
{
    return memcmp(m->who, nobody, sizeof nobody) == 0;
}

static struct vault_meter *place(struct vault_meter *all, size_t cap, const uint8_t who[16])
{
    size_t at = 0;
    for (size_t i = 0; i < 8; i++)
        at = at << 8 | who[i];
    for (;; at++) {
        struct vault_meter *m = &all[at & (cap - 1)];
        if (is_free(m) || memcmp(m->who, who, sizeof m->who) == 0)
            return m;
    }
}

/* Meters of days past go; what is left moves into `cap` places. */
static enum err move(struct vault_quota *q, size_t cap, uint64_t day)
{
    struct vault_meter *fresh = calloc(cap, sizeof *fresh);
    size_t n = 0;
    if (!fresh)
        return ERR_NOMEM;
    for (size_t i = 0; i < q->cap; i++)
        if (!is_free(&q->meter[i]) && q->meter[i].day >= day) {
            *place(fresh, cap, q->meter[i].who) = q->meter[i];
            n++;
        }
    free(q->meter);
    q->meter = fresh;
    q->cap = cap;
    q->n = n;
    return OK;
}

/* Room for two more, at most half of the places in use. */
static enum err make_room(struct vault_quota *q, uint64_t day)
{
    if (2 * (q->n + 2) <= q->cap)
        return OK;
    TRY(move(q, q->cap ? q->cap : FIRST_METERS, day));
    if (4 * (q->n + 2) <= q->cap)
        return OK;
    if (q->cap < 2 * QUOTA_METERS_MAX)
        return move(q, 2 * q->cap, day);
    return 2 * (q->n + 2) <= q->cap ? OK : ERR_LIMIT;
}

static enum err meter_of(struct vault *v, char kind, struct span name, uint64_t now, struct vault_meter **out)
{
    uint8_t text[VAULT_KEY + 1], h[ESD_HASH];
    struct vault_quota *q = &v->quota;
    memcpy(text, v->secret->boot, VAULT_KEY);
    text[VAULT_KEY] = (uint8_t)kind;
    enum err e = esd_sha256_2(span_of(text, sizeof text), name, h);
    wipe(text, sizeof text);
    TRY(e);
    h[0] |= 1; /* never free */
    struct vault_meter *m = place(q->meter, q->cap, h);
    q->n += is_free(m);
    memcpy(m->who, h, sizeof m->who);
    if (m->minute != now / MINUTE_S)
        m->in_minute = 0;
    if (m->day != now / DAY_S)
        m->in_day = 0;
    m->minute = now / MINUTE_S;
    m->day = now / DAY_S;
    *out = m;
    return OK;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

struct bound {
    const char *whose, *span;
    struct span name;
    uint64_t used, most, seconds;
};

static bool fits(const struct bound *b, uint64_t n)
{
    return b->most == 0 || (b->used <= b->most && n <= b->most - b->used);
}

/* More than a whole quota: no waiting helps. */
static void refuse(struct vault *v, struct vault_ask *a, const struct bound *b, uint64_t n, uint64_t now)
{
    uint8_t text[1536];
    char what[768], todo[128];
    struct buf out = BUF_ARRAY(text);
    struct jw w = jw_over(&out);
    uint64_t retry = b->seconds - now % b->seconds;
    snprintf(what, sizeof what, "the quota of %s %.*s is %llu a %s; %llu are used and this request counts %llu",
             b->whose, SPAN_FMT(b->name), (unsigned long long)b->most, b->span, (unsigned long long)b->used,
             (unsigned long long)n);
    if (n > b->most)
        snprintf(todo, sizeof todo, "ask for fewer keys in one request, or the operator for a larger quota");
    else
        snprintf(todo, sizeof todo, "again in %llu s; keep released keys for their ttl", (unsigned long long)retry);
    jw_obj(&w);
    JW_STR(&w, "code", span_str(reason_code(REASON_REFUSED)));
    JW_STR(&w, "what", span_str(what));
    JW_STR(&w, "who", span_str(v->fqdn));
    JW_STR(&w, "object", SPAN("request"));
    JW_STR(&w, "do", span_str(todo));
    JW_U64(&w, "retry", retry);
    jw_end_obj(&w);
    vault_reply(v, a, 429, TYPE_ERROR, buf_span(&out), SPAN_NONE);
}

bool vault_quota_take(struct vault *v, struct vault_ask *a, struct span iss, uint64_t n)
{
    const struct vault_quota_conf *c = &v->quota.conf;
    uint64_t now = (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000);
    uint8_t text[ESD_FQDN_MAX + 2];
    struct buf b = BUF_ARRAY(text);
    struct vault_meter *client, *tenant;
    target_put(&b, &(struct target){.kind = TARGET_DOMAIN, .domain = target_domain(iss)});
    struct span domain = buf_span(&b);
    if (make_room(&v->quota, now / DAY_S) != OK || meter_of(v, 'c', iss, now, &client) != OK ||
        meter_of(v, 't', domain, now, &tenant) != OK) {
        vault_refuse_reason(v, a, REASON_FAILED);
        return false;
    }
    const struct bound bound[] = {{"client", "minute", iss, client->in_minute, c->client_minute, MINUTE_S},
                                  {"client", "day", iss, client->in_day, c->client_day, DAY_S},
                                  {"tenant", "minute", domain, tenant->in_minute, c->tenant_minute, MINUTE_S},
                                  {"tenant", "day", domain, tenant->in_day, c->tenant_day, DAY_S}};
    for (size_t i = 0; i < LEN(bound); i++)
        if (!fits(&bound[i], n)) {
            refuse(v, a, &bound[i], n, now);
            return false;
        }
    client->in_minute += n;
    client->in_day += n;
    tenant->in_minute += n;
    tenant->in_day += n;
    return true;
}
