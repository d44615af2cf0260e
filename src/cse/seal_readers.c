/* seal_readers.c - readers = acp: the policy of a stream at its TTP follows the access control of its place (e2e.md 7).
 *
 * Small state: "seal/acl/ID" is be64(version) || SHA-256 of the readers || the policy's name || the TTP || the address,
 * ID the first 16 octets of SHA-256(sid || TTP); "seal/acl" be64(number of them), "seal/acl#N" the Nth ID. */
#include <string.h>

#include "base/code.h"
#include "cse/seal_head.h"
#include "cse/seal_rows.h"
#include "host/log.h"
#include "wire/json.h"

enum { ID = 16, HEAD = 8 + ESD_HASH };

struct known {
    uint64_t version;
    struct span hash, policy, ttp, address;
};

/* ---- state ------------------------------------------------------------------------------------------ */

static struct span key_of(struct buf *b, const uint8_t id[ID])
{
    buf_str(b, "seal/acl/");
    hex_put(b, span_of(id, ID));
    return buf_span(b);
}

static struct span nth_key(struct buf *b, uint64_t n)
{
    buf_str(b, "seal/acl#");
    buf_u64(b, n);
    return buf_span(b);
}

static enum err id_of(const uint8_t sid[ESD_SID], struct span fqdn, uint8_t id[ID])
{
    uint8_t h[ESD_HASH];
    TRY(esd_sha256_2(span_of(sid, ESD_SID), fqdn, h));
    memcpy(id, h, ID);
    return OK;
}

static enum err get(struct store_tx *t, struct arena *a, const uint8_t id[ID], struct known *k)
{
    uint8_t key[STORE_KEY_MAX];
    struct buf b = BUF_ARRAY(key);
    struct span v;
    *k = (struct known){0};
    TRY(store_state_get(t, key_of(&b, id), a, &v));
    if (v.n < HEAD)
        return ERR_IO;
    k->version = seal_be64(seal_take(&v, 8).p);
    k->hash = seal_take(&v, ESD_HASH);
    k->policy = seal_text_take(&v);
    k->ttp = seal_text_take(&v);
    k->address = v;
    return OK;
}

static enum err put(struct store_tx *t, struct arena *a, const uint8_t id[ID], const struct known *k)
{
    uint8_t key[STORE_KEY_MAX];
    struct buf b = BUF_ARRAY(key);
    size_t room = HEAD + 4 + k->policy.n + k->ttp.n + k->address.n;
    uint8_t *text = (uint8_t *)arena_alloc(a, room);
    if (!text)
        return ERR_NOMEM;
    struct buf v = buf_over(text, room);
    buf_be64(&v, k->version);
    buf_put(&v, k->hash);
    seal_text_put(&v, k->policy);
    seal_text_put(&v, k->ttp);
    buf_put(&v, k->address);
    return v.e != OK ? v.e : store_state_put(t, key_of(&b, id), buf_span(&v));
}

static enum err count(struct store_tx *t, struct arena *a, uint64_t *n)
{
    struct span v;
    *n = 0;
    enum err e = store_state_get(t, SPAN("seal/acl"), a, &v);
    if (e == OK && v.n == 8)
        *n = seal_be64(v.p);
    return e == ERR_NOTFOUND ? OK : e;
}

/* One more, to be found when access control changes. */
static enum err enlist(struct store_tx *t, struct arena *a, const uint8_t id[ID])
{
    uint8_t key[STORE_KEY_MAX], text[8];
    struct buf k = BUF_ARRAY(key), v = BUF_ARRAY(text);
    uint64_t n;
    TRY(count(t, a, &n));
    TRY(store_state_put(t, nth_key(&k, n), span_of(id, ID)));
    buf_be64(&v, n + 1);
    return store_state_put(t, SPAN("seal/acl"), buf_span(&v));
}

/* ---- a version -------------------------------------------------------------------------------------- */

struct span seal_readers_name(struct arena *a, const uint8_t sid[ESD_SID])
{
    enum { PREFIX = 4 };
    uint8_t *p = (uint8_t *)arena_alloc(a, PREFIX + ESD_SID_TEXT);
    if (!p)
        return SPAN_NONE;
    struct buf b = buf_over(p, PREFIX + ESD_SID_TEXT);
    buf_str(&b, "acp:");
    b64url_put(&b, span_of(sid, ESD_SID));
    return buf_span(&b);
}

static enum err hash_of(const struct readers *r, uint8_t h[ESD_HASH])
{
    memset(h, 0, ESD_HASH);
    for (size_t i = 0; i < r->n; i++)
        TRY(esd_sha256_2(span_of(h, ESD_HASH), r->id[i], h));
    return OK;
}

/* What the task makes a policy of when its turn has come: {"version":n,"readers":[...]}. */
static enum err queue_policy(const struct seal_stream *s, const struct readers *r, uint64_t version)
{
    size_t room = 64;
    for (size_t i = 0; i < r->n; i++)
        room += 2 * r->id[i].n + 4;
    uint8_t *text = (uint8_t *)arena_alloc(s->a, room);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, room);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "version", version);
    JW_NAME(&w, "readers");
    jw_arr(&w);
    for (size_t i = 0; i < r->n; i++)
        jw_str(&w, r->id[i]);
    jw_end_arr(&w);
    jw_end_obj(&w);
    struct seal_letter l = {
        .ms = s->now, .ttp = s->p->ttp->fqdn, .policy = seal_readers_name(s->a, s->sid), .text = buf_span(&b)};
    if (!l.policy.n)
        return ERR_NOMEM;
    return b.e != OK ? b.e : seal_queue_put(s->t, s->a, &l);
}

static void tell(const struct seal_stream *s, const struct readers *r, uint64_t version)
{
    LOG(LOG_L_NOTICE, "readers-follow-acp", log_span("container", s->address), log_int("version", (int64_t)version),
        log_int("readers", (int64_t)r->n));
    for (size_t i = 0; i < r->n_notes; i++)
        LOG(LOG_L_NOTICE, "rule-grants-no-key", log_span("container", s->address), log_span("names", r->note[i].what),
            log_str("why", r->note[i].why));
}

/* A quiet stream gets its closing head, too. */
static void close_soon(struct hook_seal *h, const struct seal_stream *s)
{
    for (size_t i = 0; h->heads && i < SEAL_STREAMS; i++)
        if (h->heads->slot[i].on && memcmp(h->secret->epoch[i].sid, s->sid, ESD_SID) == 0) {
            h->heads->due[i] = s->now;
            h->heads->next_due = 0;
        }
}

enum err seal_readers_sync(struct hook_seal *h, const struct seal_stream *s, const struct readers *r, uint64_t *pv)
{
    uint8_t id[ID], hash[ESD_HASH];
    struct known k;
    TRY(hash_of(r, hash));
    TRY(id_of(s->sid, s->p->ttp->fqdn, id));
    enum err e = get(s->t, s->a, id, &k);
    bool fresh = e == ERR_NOTFOUND;
    if (e != OK && !fresh)
        return e;
    *pv = k.version;
    bool same = !fresh && span_eq(k.hash, span_of(hash, ESD_HASH));
    if (same && span_eq(k.policy, s->p->name))
        return OK;
    struct known now = {.version = k.version + !same,
                        .hash = span_of(hash, ESD_HASH),
                        .policy = s->p->name,
                        .ttp = s->p->ttp->fqdn,
                        .address = s->address};
    TRY(put(s->t, s->a, id, &now));
    if (fresh)
        TRY(enlist(s->t, s->a, id));
    if (same)
        return OK;
    *pv = now.version;
    h->queued = true;
    close_soon(h, s);
    tell(s, r, now.version);
    return queue_policy(s, r, now.version);
}

/* ---- when access control has changed ------------------------------------------------------------------ */

static enum err renew(struct hook_seal *h, struct cse *c, const struct seal_stream *base, const struct known *k)
{
    struct readers r;
    const struct span *lbl;
    size_t nlbl;
    uint64_t pv;
    struct seal_stream s = *base;
    enum err e = h->readers_at(c, s.t, s.a, s.now, k->address, &r, &lbl, &nlbl);
    if (e == ERR_NOTFOUND) /* the place is gone: who had its keys has them */
        return OK;
    TRY(e);
    s.address = k->address;
    s.p = seal_policy_named(h, k->policy);
    if (!s.p || !s.p->readers_acp || !s.p->ttp || !span_eq_nocase(s.p->ttp->fqdn, k->ttp) ||
        keys_sid(k->address, s.sid) != REASON_OK)
        return OK;
    return seal_readers_sync(h, &s, &r, &pv);
}

enum err seal_readers_renew(struct hook_seal *h, struct cse *c, struct store_tx *t, struct arena *a, int64_t now)
{
    uint64_t n;
    TRY(count(t, a, &n));
    for (uint64_t i = 0; i < n; i++) {
        uint8_t key[STORE_KEY_MAX];
        struct buf b = BUF_ARRAY(key);
        struct span id;
        struct known k;
        arena_reset(a);
        struct seal_stream s = {.t = t, .a = a, .now = now};
        TRY(store_state_get(t, nth_key(&b, i), a, &id));
        if (id.n != ID)
            return ERR_IO;
        TRY(get(t, a, id.p, &k));
        TRY(renew(h, c, &s, &k));
    }
    return OK;
}

/* ---- what the task asks --------------------------------------------------------------------------------- */

/* The sid of a policy's name. */
static bool sid_of(struct span name, uint8_t sid[ESD_SID])
{
    struct buf b = buf_over(sid, ESD_SID);
    return span_starts(name, SPAN("acp:")) && b64url_get(span_from(name, 4), &b) == OK && b.n == ESD_SID;
}

enum err seal_readers_version(struct store_tx *t, struct arena *a, const struct seal_letter *l, uint64_t *version)
{
    uint8_t id[ID], sid[ESD_SID];
    struct known k;
    *version = 0;
    if (!sid_of(l->policy, sid))
        return ERR_SYNTAX;
    TRY(id_of(sid, l->ttp, id));
    TRY(get(t, a, id, &k));
    *version = k.version;
    return OK;
}

enum err seal_readers_raise(struct store_tx *t, struct arena *a, const struct seal_letter *l, uint64_t version)
{
    uint8_t id[ID], sid[ESD_SID];
    struct known k;
    if (!sid_of(l->policy, sid))
        return ERR_SYNTAX;
    TRY(id_of(sid, l->ttp, id));
    TRY(get(t, a, id, &k));
    if (k.version >= version)
        return OK;
    k.version = version;
    return put(t, a, id, &k);
}

enum err seal_readers_read(struct span text, struct arena *a, struct policy *out)
{
    struct jval *v;
    TRY(json_parse(text, a, &v, NULL));
    const struct jval *list = JSON_GET(v, "readers");
    if (!list || list->type != J_ARR || list->n > READERS_MAX)
        return ERR_SYNTAX;
    TRY(json_u64(JSON_GET(v, "version"), INT64_MAX, &out->version));
    out->readers = ARENA_ARRAY(a, struct policy_reader, list->n + 1u);
    if (!out->readers)
        return ERR_NOMEM;
    for (const struct jval *r = list->child; r; r = r->next)
        TRY(json_str(r, a, &out->readers[out->n++].id));
    return OK;
}
