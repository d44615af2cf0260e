#include "cse/hook_seal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cse/seal_head.h"
#include "host/heap.h"
#include "host/log.h"
#include "host/secret.h"
#include "wire/json.h"

static struct verdict no(struct hook_seal *h, enum rsc rsc, struct span attr, const char *rule)
{
    h->refused++;
    return verdict_of(rsc, attr, rule);
}

#define CON SPAN("con")

/* ---- content that is sealed already ------------------------------------------------------------------- */

/* JSON serialization: a string whose text is an object with a ciphertext. Who reads it judges the rest. */
static bool looks_general(struct span con, struct arena *a)
{
    struct jval *v;
    return json_parse(con, a, &v, NULL) == OK && JSON_GET(v, "ciphertext") && JSON_GET(v, "protected");
}

/* What says that it is sealed must be an envelope, and one for this very place: otherwise clear text would only have
 * to claim it. */
static struct verdict check_envelope(struct hook_seal *h, const struct cse_hook_ask *ask, struct span attr,
                                     struct span address, struct span text)
{
    struct esd_label l;
    uint8_t sid[ESD_SID];
    if (label_read(text, ask->arena, &l) != REASON_OK)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, attr, "is said to be sealed, but is no JWE of the ESData profile");
    if (l.e2e.here && (keys_sid(address, sid) != REASON_OK || memcmp(sid, l.e2e.sid, ESD_SID) != 0))
        return no(h, RSC_CONTENTS_UNACCEPTABLE, attr, "is sealed for another place (wrong-place)");
    return VERDICT_GO;
}

static struct verdict check_sealed(struct hook_seal *h, const struct cse_hook_ask *ask, uint8_t security)
{
    struct span con;
    bool json;
    if (seal_plain(ask->con, ask->arena, &con, &json) != OK || json)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, CON,
                  "cnf says that con is sealed, but con is no string (TS-0001 9.6.7)");
    if (security == 2 && looks_general(con, ask->arena))
        return VERDICT_GO;
    if (security != 1)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, CON,
                  "cnf says that con is sealed in a serialization that it does not have");
    return check_envelope(h, ask, CON, ask->path, con);
}

/* A string that has the form of an envelope: its sender sealed it. */
static bool envelope_in(const struct cse_hook_ask *ask, struct span json_text, struct span *text)
{
    bool json;
    return seal_plain(json_text, ask->arena, text, &json) == OK && !json && label_looks_sealed(*text);
}

/* ---- sealing ------------------------------------------------------------------------------------------ */

static struct verdict cannot(struct hook_seal *h, struct span attr, struct span address, enum reason r)
{
    static const struct {
        enum reason r;
        const char *rule;
    } rows[] = {
        {REASON_NO_CREDENTIAL, "no-credential: no bundle of the TTP is pinned, or a key that it makes has not come "
                               "yet, so there is nothing to "
                               "seal with"},
        {REASON_REGISTRATION_OVERDUE, "registration-overdue: the TTP was out of reach for too long"},
        {REASON_PLACE_UNVERIFIED, "place-unverified: the place has no absolute structured address"},
    };
    LOG(LOG_L_ERROR, "cannot-seal", log_span("container", address), log_str("reason", reason_code(r)));
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].r == r)
            return no(h, RSC_INTERNAL_SERVER_ERROR, attr, rows[i].rule);
    return no(h, RSC_INTERNAL_SERVER_ERROR, attr, "sealing failed");
}

/* Octets of padding: up to the smallest bucket that holds it, beyond the largest to a multiple of that. A ciphertext
 * must not be empty (TS-0004 6.3.3): one octet stands for "" in streams without padding. */
static uint32_t pad_of(const struct seal_policy *p, size_t n)
{
    size_t last = p->n_pad ? p->pad[p->n_pad - 1] : 0;
    for (size_t i = 0; i < p->n_pad; i++)
        if (n <= p->pad[i] && p->pad[i])
            return (uint32_t)(p->pad[i] - n);
    return last ? (uint32_t)((last - n % last) % last) : n == 0;
}

/* The envelope as a JSON string: base64url and dots need no escapes. */
static enum err put_envelope(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                             const struct epoch *e, struct span plain, bool json, struct span *out)
{
    struct seal_msg m = {.ep = e->ep,
                         .t_ms = (uint64_t)ask->now,
                         .i = e->i,
                         .device = h->device,
                         .json = json,
                         .batch = p->batch && json && plain.n && plain.p[0] == '[',
                         .pad = pad_of(p, plain.n)};
    m.padding = p->n_pad || m.pad;
    size_t n = plain.n + m.pad, room = (e->strict ? seal_to_room(n) : seal_room(n)) + 2,
           scratch_room = m.pad ? plain.n + m.pad : 0;
    uint8_t *text = (uint8_t *)arena_alloc(ask->arena, room + scratch_room);
    if (!text)
        return ERR_NOMEM;
    struct buf con = buf_over(text, room), scratch = buf_over(text + room, scratch_room);
    buf_c(&con, '"');
    if (e->strict)
        TRY(seal_to(&h->sealer, &e->to, &m, plain, &scratch, &con));
    else
        TRY(seal(&h->sealer, &e->key, &m, plain, &scratch, &con));
    buf_c(&con, '"');
    *out = buf_span(&con);
    return con.e;
}

static void remember(struct hook_seal *h, struct epoch *e, size_t n)
{
    e->i++;
    e->octets += (int64_t)n;
    e->tx = h->tx;
    h->last[h->n_last].e = e;
    h->last[h->n_last].octets = (int64_t)n;
    memcpy(h->last[h->n_last++].sid, e->sid, ESD_SID);
    h->sealed++;
}

/* One value, in the stream at `address`. Every message that this CSE seals comes through here. */
static struct verdict seal_value(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                                 struct span attr, struct span address, struct span json_text, bool *json,
                                 struct span *out)
{
    struct epoch *e;
    struct span plain;
    if (h->n_last == SEAL_LAST_MAX)
        return no(h, RSC_NOT_ACCEPTABLE, attr, "more than 64 attributes are to be sealed in one request");
    if (seal_plain(json_text, ask->arena, &plain, json) != OK)
        return no(h, RSC_BAD_REQUEST, attr, "is no JSON value");
    enum reason r = seal_epoch_for(h, ask, p, address, &e);
    if (r == REASON_OK && !seal_head_room(h, e))
        return no(h, RSC_INTERNAL_SERVER_ERROR, attr, "too many messages of this stream wait for their heads");
    enum err x = r == REASON_OK ? put_envelope(h, ask, p, e, plain, *json, out) : OK;
    size_t n = plain.n;
    if (plain.n && (plain.p < json_text.p || plain.p >= json_text.p + json_text.n))
        wipe((void *)(uintptr_t)plain.p, plain.n); /* an unescaped copy in the arena */
    if (r != REASON_OK || x != OK)
        return cannot(h, attr, address, r != REASON_OK ? r : REASON_FAILED);
    if (x == OK) {
        struct span text = span_of(out->p + 1, out->n - 2); /* without the quotes */
        x = seal_head_sealed(h, ask, e, text);
    }
    remember(h, e, n);
    return x == OK ? VERDICT_GO : cannot(h, attr, address, REASON_FAILED);
}

/* contentInfo of the envelope. */
static struct verdict put_cnf(struct hook_seal *h, const struct cse_hook_ask *ask, bool json, struct cse_hook_say *say)
{
    size_t room = ask->cnf.n + 32;
    uint8_t *c = (uint8_t *)arena_alloc(ask->arena, room);
    struct buf cnf = buf_over(c, c ? room : 0);
    if (seal_cnf(ask->cnf, json, &cnf) != OK)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, SPAN("cnf"), "is no contentInfo of clear content (TS-0004 6.3.3)");
    say->cnf = buf_span(&cnf);
    return VERDICT_GO;
}

/* ---- kinds of content ----------------------------------------------------------------------------------- */

static const char unknown_label[] = "a label e2e:policy= names a policy that this gateway does not have: clear text is "
                                    "refused";
static const char sealed_only[] = "the gateway's policy takes only sealed content in this place";

static struct verdict refuse_clear(struct hook_seal *h, const struct seal_rule *rule, struct span attr)
{
    return no(h, RSC_CONTENTS_UNACCEPTABLE, attr, rule->unknown ? unknown_label : sealed_only);
}

/* The container of heads (heads.h): whoever seals publishes there, the device too, and nobody anything else. */
static bool is_heads(const struct cse_hook_ask *ask)
{
    bool labelled = false;
    for (size_t i = 0; i < ask->nlbl; i++)
        labelled |= span_eq(ask->lbl[i], HEAD_LABEL);
    return labelled && (span_ends(ask->path, SPAN("/e2e-heads")) || span_ends(ask->path, HEAD_NAME_AFTER));
}

static struct verdict before_head(struct hook_seal *h, const struct cse_hook_ask *ask)
{
    struct head_text t;
    struct span text;
    bool json;
    if (seal_plain(ask->con, ask->arena, &text, &json) != OK || json || head_read(text, ask->arena, &t) != REASON_OK)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, CON, "only heads are stored here (JWS of type oneseal-head+jws)");
    head_text_free(&t);
    return VERDICT_GO;
}

static struct verdict before_cin(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_rule *rule,
                                 const struct esd_cnf *cnf, struct cse_hook_say *say)
{
    bool json;
    struct span con = SPAN_NONE;
    if (seal_rule_level(rule) == SEAL_PASS || !ask->con.n)
        return VERDICT_GO;
    if (is_heads(ask))
        return before_head(h, ask);
    if (cnf->security)
        return check_sealed(h, ask, cnf->security);
    if (seal_rule_level(rule) == SEAL_REFUSE_CLEAR)
        return refuse_clear(h, rule, CON);
    struct verdict v = seal_value(h, ask, rule->p, CON, ask->path, ask->con, &json, &con);
    if (verdict_go(v))
        v = put_cnf(h, ask, json, say);
    say->con = con;
    return v;
}

/* Its cnf says for all instances to come that they are sealed. What an instance is, its envelope says. */
static struct verdict before_ts(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_rule *rule,
                                const struct esd_cnf *cnf, struct cse_hook_say *say)
{
    uint8_t sid[ESD_SID];
    enum seal_level level = seal_rule_level(rule);
    enum reason r = keys_sid(ask->path, sid);
    if (r != REASON_OK)
        return level == SEAL_PASS ? VERDICT_GO : cannot(h, SPAN("rn"), ask->path, r);
    if (seal_series_drop(ask, sid) != OK) /* of one that had this address before */
        return cannot(h, SPAN("cnf"), ask->path, REASON_FAILED);
    if (level == SEAL_PASS || cnf->security)
        return VERDICT_GO;
    if (level == SEAL_REFUSE_CLEAR)
        return rule->unknown ? refuse_clear(h, rule, SPAN("cnf"))
                             : no(h, RSC_CONTENTS_UNACCEPTABLE, SPAN("cnf"),
                                  "the gateway's policy takes only sealed content in this place: cnf must say so for "
                                  "the instances (text/plain:0:1)");
    if (seal_series_put(ask, sid, rule->p->name) != OK)
        return cannot(h, SPAN("cnf"), ask->path, REASON_FAILED);
    seal_epoch_ahead(h, ask, rule->p);
    return put_cnf(h, ask, false, say);
}

/* The policy that the timeSeries was made with counts on, unless a stronger one came. */
static struct verdict before_tsi(struct hook_seal *h, const struct cse_hook_ask *ask, struct seal_rule rule,
                                 const struct esd_cnf *cnf, struct cse_hook_say *say)
{
    uint8_t sid[ESD_SID];
    struct span name, text;
    bool json;
    if (!cnf->security)
        return seal_rule_level(&rule) == SEAL_PASS
                   ? VERDICT_GO
                   : no(h, RSC_CONTENTS_UNACCEPTABLE, CON,
                        "the gateway's policy protects this place, and the timeSeries was made for clear content: its "
                        "cnf never changes, so it has to be made anew");
    enum err e = keys_sid(ask->path, sid) == REASON_OK ? seal_series_get(ask, sid, &name) : ERR_NOTFOUND;
    if (e != OK && e != ERR_NOTFOUND)
        return cannot(h, CON, ask->path, REASON_FAILED);
    if (e == ERR_NOTFOUND && seal_rule_level(&rule) == SEAL_PASS)
        return VERDICT_GO;
    if (e == ERR_NOTFOUND || envelope_in(ask, ask->con, &text))
        return check_sealed(h, ask, cnf->security);
    const struct seal_policy *made = seal_policy_named(h, name);
    if (!made || made->level == SEAL_PASS)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, CON,
                  "the policy that the timeSeries was made with is not configured any more: clear text is refused");
    if (!seal_policy_stronger(rule.p, made))
        rule.p = made;
    if (seal_rule_level(&rule) == SEAL_REFUSE_CLEAR)
        return refuse_clear(h, &rule, CON);
    return seal_value(h, ask, rule.p, CON, ask->path, ask->con, &json, &say->con);
}

static struct verdict before_attr(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_rule *rule,
                                  struct cse_hook_attr *at)
{
    struct span text;
    bool json;
    if (!at->sealable)
        return rule->p && rule->p->others_clear && !rule->unknown
                   ? VERDICT_GO
                   : no(h, RSC_CONTENTS_UNACCEPTABLE, at->name,
                        "the gateway's policy protects this place, and this attribute cannot be sealed: its "
                        "description does not say so, or it is no string");
    struct span address = arena_join(ask->arena, arena_join(ask->arena, ask->path, SPAN("#")), at->name);
    if (!arena_ok(ask->arena))
        return cannot(h, at->name, ask->path, REASON_FAILED);
    if (envelope_in(ask, at->json, &text))
        return check_envelope(h, ask, at->name, address, text);
    if (seal_rule_level(rule) == SEAL_REFUSE_CLEAR)
        return refuse_clear(h, rule, at->name);
    return seal_value(h, ask, rule->p, at->name, address, at->json, &json, &at->say);
}

static struct verdict before_fcnt(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_rule *rule)
{
    struct verdict v = VERDICT_GO;
    if (seal_rule_level(rule) == SEAL_PASS)
        return v;
    for (size_t i = 0; i < ask->n_attrs && verdict_go(v); i++)
        v = before_attr(h, ask, rule, &ask->attrs[i]);
    return v;
}

/* ---- the hook ----------------------------------------------------------------------------------------- */

static struct verdict before(void *ctx, const struct cse_hook_ask *ask, struct cse_hook_say *say)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    struct esd_cnf cnf = {0};
    seal_head_flush(h); /* what the request before this one sealed is kept */
    h->n_last = 0;
    struct seal_rule rule = seal_policy_for(h, ask->path, ask->lbl, ask->nlbl);
    if (ask->cnf.n && cnf_read(ask->cnf, &cnf) != REASON_OK)
        return seal_rule_level(&rule) == SEAL_PASS
                   ? VERDICT_GO
                   : no(h, RSC_CONTENTS_UNACCEPTABLE, SPAN("cnf"), "is no contentInfo (TS-0004 6.3.3)");
    switch ((enum cse_hook_what)ask->what) {
    case HOOK_CIN:
        return before_cin(h, ask, &rule, &cnf, say);
    case HOOK_TS:
        return before_ts(h, ask, &rule, &cnf, say);
    case HOOK_TSI:
        return before_tsi(h, ask, rule, &cnf, say);
    case HOOK_FCNT:
        return before_fcnt(h, ask, &rule);
    case HOOK_CNT:
        if (seal_rule_level(&rule) == SEAL_GATEWAY)
            seal_epoch_ahead(h, ask, rule.p);
        break;
    }
    return VERDICT_GO;
}

static struct verdict relabel(void *ctx, const struct cse_hook_relabel *ask)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    struct seal_rule was = seal_policy_for(h, ask->path, ask->was, ask->nwas);
    struct seal_rule will = seal_policy_for(h, ask->path, ask->will, ask->nwill);
    if (ask->admin || seal_rule_follows(&was, &will))
        return VERDICT_GO;
    return no(h, RSC_CONTENTS_UNACCEPTABLE, SPAN("lbl"),
              "a label e2e:policy= may strengthen the protection of a place; only the administrator of the gateway "
              "takes it away or exchanges it");
}

/* The index is given back; an epoch whose begin was taken back with it never was. */
static void undone(void *ctx)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    for (size_t i = h->n_last; i > 0; i--) {
        struct epoch *e = h->last[i - 1].e;
        if (!e->open || memcmp(e->sid, h->last[i - 1].sid, ESD_SID) != 0)
            continue;
        e->i--;
        seal_head_undone(h, e);
        e->octets -= h->last[i - 1].octets;
        h->sealed--;
        if (e->i == 0 && e->born == h->tx)
            seal_epoch_drop(h, e);
    }
    h->n_last = 0;
}

/* After a failed commit nothing is known of the indices of this transaction but that none is stored: their epochs end.
 */
static void committed(void *ctx, enum err e)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    seal_head_flush(h);
    seal_head_committed(h, e);
    for (size_t i = 0; e != OK && h->secret && i < SEAL_STREAMS; i++)
        if (h->secret->epoch[i].open && (h->secret->epoch[i].tx == h->tx || h->secret->epoch[i].born == h->tx))
            seal_epoch_drop(h, &h->secret->epoch[i]);
    if (e == OK)
        seal_stock_spent(h);
    else
        seal_stock_back(h, NULL);
    void (*wake)(void *) = h->wake;
    if (e == OK && h->queued && wake)
        wake(h->wake_ctx);
    h->queued = false;
    h->n_last = 0;
    h->tx++;
}

/* The policies of streams whose readers follow access control are looked at by the task. */
static void access_changed(void *ctx)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    void (*wake)(void *) = h->wake;
    if (!h->follows)
        return;
    atomic_store(&h->renew, true);
    if (wake)
        wake(h->wake_ctx);
}

struct cse_hook hook_seal_hook(struct hook_seal *h)
{
    return (struct cse_hook){.ctx = h,
                             .before = before,
                             .undone = undone,
                             .committed = committed,
                             .access = access_changed,
                             .relabel = relabel};
}

/* ---- life --------------------------------------------------------------------------------------------- */

static enum err fill(struct hook_seal *h, const struct conf *conf, struct span sp, struct span csi, struct buf *why)
{
    h->sp = sp;
    h->device = conf_int(conf, "cse", "role") == 2; /* asn */
    h->iss = arena_join(&h->mem, sp, csi);
    h->kid = arena_join(&h->mem, SPAN("53-"), h->iss);
    if (!arena_ok(&h->mem))
        return ERR_NOMEM;
    TRY(seal_conf_read(conf, h, why));
    if (!hook_seal_seals(h))
        return OK;
    TRY(sealer_init(&h->sealer, (struct esd_rng){0}));
    TRY(seal_head_new(h, conf));
    h->wishes = ARENA_ARRAY(&h->mem, struct seal_wish, SEAL_WISHES_MAX);
    h->seen = ARENA_ARRAY(&h->mem, struct seal_seen, SEAL_STREAMS);
    h->secret = (struct seal_secret *)secret_alloc(sizeof *h->secret);
    if (!h->wishes || !h->seen)
        return ERR_NOMEM;
    if (h->secret)
        return seal_conf_keys(conf, h, why);
    buf_fmt(why, "memory for the keys of %d streams (%zu octets) cannot be locked: raise LimitMEMLOCK of the service\n",
            SEAL_STREAMS, sizeof *h->secret);
    return ERR_NOMEM;
}

static int64_t rising(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 1; /* never 0 */
}

enum err hook_seal_new(const struct conf *conf, struct span sp, struct span csi, struct hook_seal **out,
                       struct buf *why)
{
    struct hook_seal *h = (struct hook_seal *)calloc(1, sizeof *h);
    *out = NULL;
    if (!h)
        return ERR_NOMEM;
    heap_arena(&h->mem, 16384, 16 << 20);
    h->tx = 1;
    h->mono = rising;
    pthread_mutex_init(&h->wish_lock, NULL);
    pthread_mutex_init(&h->seen_lock, NULL);
    enum err e = fill(h, conf, sp, csi, why);
    if (e != OK) {
        hook_seal_free(h);
        return e;
    }
    *out = h;
    return OK;
}

void hook_seal_free(struct hook_seal *h)
{
    if (!h)
        return;
    for (size_t i = 0; h->secret && i < SEAL_STREAMS; i++)
        if (h->secret->epoch[i].open)
            seal_epoch_drop(h, &h->secret->epoch[i]);
    seal_stock_free(h);
    if (h->sealer.gcm)
        sealer_free(&h->sealer);
    seal_head_free(h);
    secret_free(h->secret);
    pthread_mutex_destroy(&h->wish_lock);
    pthread_mutex_destroy(&h->seen_lock);
    for (size_t i = 0; i < h->n_ttps; i++) {
        p256_free(h->ttps[i].key);
        p256_free(h->ttps[i].data);
        bundle_free(&h->ttps[i].bundle);
        arena_reset(&h->ttps[i].mem);
        pthread_mutex_destroy(&h->ttps[i].lock);
    }
    arena_reset(&h->mem);
    free(h);
}

bool hook_seal_seals(const struct hook_seal *h)
{
    for (size_t i = 0; i < h->n_policies; i++)
        if (h->policies[i].level == SEAL_GATEWAY)
            return true;
    return false;
}

bool hook_seal_asks(const struct hook_seal *h)
{
    for (size_t i = 0; i < h->n_policies; i++)
        if (h->policies[i].level == SEAL_GATEWAY && (h->policies[i].source == KEY_TTP || h->policies[i].strict))
            return true;
    return false;
}

void hook_seal_reads(struct hook_seal *h,
                     enum err (*at)(struct cse *c, struct store_tx *t, struct arena *a, int64_t now,
                                    struct span address, struct readers *out, const struct span **lbl, size_t *nlbl))
{
    h->readers_at = at;
    for (size_t i = 0; i < h->n_policies; i++)
        h->follows = h->follows || h->policies[i].readers_acp;
    atomic_store(&h->renew, h->follows); /* the configuration may be another than that of the last run */
}

unsigned hook_seal_new_epoch(struct hook_seal *h)
{
    h->generation++;
    return (unsigned)h->streams;
}

struct hook_seal_counts hook_seal_counts(const struct hook_seal *h)
{
    return (struct hook_seal_counts){
        .sealed = h->sealed, .refused = h->refused, .epochs = h->epochs, .streams = h->streams};
}
