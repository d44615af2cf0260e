#include "cse/hook_seal.h"

#include <stdlib.h>
#include <string.h>

#include "cse/seal_own.h"
#include "host/heap.h"
#include "host/log.h"
#include "host/secret.h"
#include "wire/json.h"

/* ---- content that is sealed already ------------------------------------------------------------------- */

static struct verdict no(struct hook_seal *h, enum rsc rsc, const char *rule)
{
    h->refused++;
    return verdict_of(rsc, SPAN("con"), rule);
}

/* JSON serialization: a string whose text is an object with a ciphertext. Who reads it judges the rest. */
static bool looks_general(struct span con, struct arena *a)
{
    struct jval *v;
    return json_parse(con, a, &v, NULL) == OK && JSON_GET(v, "ciphertext") && JSON_GET(v, "protected");
}

/* What says that it is sealed must be an envelope, and one for this very container: otherwise clear text would only
 * have to claim it. */
static struct verdict check_sealed(struct hook_seal *h, const struct cse_hook_ask *ask, uint8_t security)
{
    struct esd_label l;
    uint8_t sid[ESD_SID];
    struct span con;
    bool json;
    if (seal_plain(ask->con, ask->arena, &con, &json) != OK || json)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, "cnf says that con is sealed, but con is no string (TS-0001 9.6.7)");
    if (security == 2 && looks_general(con, ask->arena))
        return VERDICT_GO;
    if (security != 1 || label_read(con, ask->arena, &l) != REASON_OK)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, "cnf says that con is sealed, but it is no JWE of the ESData profile");
    if (l.e2e.here && (keys_sid(ask->path, sid) != REASON_OK || memcmp(sid, l.e2e.sid, ESD_SID) != 0))
        return no(h, RSC_CONTENTS_UNACCEPTABLE, "con is sealed for another container (wrong-place)");
    return VERDICT_GO;
}

/* ---- sealing ------------------------------------------------------------------------------------------ */

static struct verdict cannot(struct hook_seal *h, const struct cse_hook_ask *ask, enum reason r)
{
    static const struct {
        enum reason r;
        const char *rule;
    } rows[] = {
        {REASON_NO_CREDENTIAL, "no-credential: no bundle of the TTP is pinned, so there is no credential to seal with"},
        {REASON_REGISTRATION_OVERDUE, "registration-overdue: the TTP was out of reach for too long"},
        {REASON_PLACE_UNVERIFIED, "place-unverified: the container has no absolute structured address"},
    };
    LOG(LOG_L_ERROR, "cannot-seal", log_span("container", ask->path), log_str("reason", reason_code(r)));
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].r == r)
            return no(h, RSC_INTERNAL_SERVER_ERROR, rows[i].rule);
    return no(h, RSC_INTERNAL_SERVER_ERROR, "sealing failed");
}

/* con as a JSON string: base64url and dots need no escapes. */
static enum err put_content(struct hook_seal *h, const struct cse_hook_ask *ask, const struct epoch *e,
                            struct span plain, bool json, struct cse_hook_say *say)
{
    size_t room = seal_room(plain.n + 1) + 2, cnf_room = ask->cnf.n + 32;
    uint8_t *p = (uint8_t *)arena_alloc(ask->arena, room), *c = (uint8_t *)arena_alloc(ask->arena, cnf_room);
    if (!p || !c)
        return ERR_NOMEM;
    struct buf con = buf_over(p, room), cnf = buf_over(c, cnf_room);
    uint8_t space[1];
    struct buf scratch = BUF_ARRAY(space);
    struct seal_msg m = {.ep = e->ep, .t_ms = (uint64_t)ask->now, .i = e->i, .json = json};
    m.padding = plain.n == 0; /* a ciphertext must not be empty (TS-0004 6.3.3): one octet of padding stands for "" */
    m.pad = m.padding ? 1 : 0;
    TRY(seal_cnf(ask->cnf, json, &cnf));
    buf_c(&con, '"');
    TRY(seal(&h->sealer, &e->key, &m, plain, &scratch, &con));
    buf_c(&con, '"');
    say->con = buf_span(&con);
    say->cnf = buf_span(&cnf);
    return con.e;
}

static struct verdict seal_it(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                              struct cse_hook_say *say)
{
    struct epoch *e;
    struct span plain;
    bool json;
    if (seal_plain(ask->con, ask->arena, &plain, &json) != OK)
        return no(h, RSC_BAD_REQUEST, "con is no JSON value");
    enum reason r = seal_epoch_for(h, ask, p, &e);
    enum err x = r == REASON_OK ? put_content(h, ask, e, plain, json, say) : OK;
    size_t n = plain.n;
    if (plain.n && (plain.p < ask->con.p || plain.p >= ask->con.p + ask->con.n))
        wipe((void *)(uintptr_t)plain.p, plain.n); /* an unescaped copy in the arena */
    if (r != REASON_OK)
        return cannot(h, ask, r);
    if (x == ERR_SYNTAX || x == ERR_NOTNOW)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, "cnf is no contentInfo of clear content (TS-0004 6.3.3)");
    if (x != OK)
        return cannot(h, ask, REASON_FAILED);
    e->i++;
    e->octets += (int64_t)n;
    e->tx = h->tx;
    h->last.e = e;
    h->last.octets = (int64_t)n;
    h->sealed++;
    return VERDICT_GO;
}

/* ---- the hook ----------------------------------------------------------------------------------------- */

static struct verdict before(void *ctx, const struct cse_hook_ask *ask, struct cse_hook_say *say)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    struct esd_cnf cnf = {0};
    bool unknown;
    h->last.e = NULL;
    const struct seal_policy *p = seal_conf_policy(h, ask->path, ask->lbl, ask->nlbl, &unknown);
    enum seal_level level = unknown ? SEAL_REFUSE_CLEAR : p ? p->level : SEAL_PASS;
    if (level == SEAL_PASS || !ask->con.n)
        return VERDICT_GO;
    if (ask->cnf.n && cnf_read(ask->cnf, &cnf) != REASON_OK)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, "cnf is no contentInfo (TS-0004 6.3.3)");
    if (cnf.security)
        return check_sealed(h, ask, cnf.security);
    if (unknown)
        return no(h, RSC_CONTENTS_UNACCEPTABLE,
                  "a label e2e:policy= of the container names a policy that this gateway does not have: clear text is "
                  "refused");
    if (ask->fixed)
        return no(
            h, RSC_CONTENTS_UNACCEPTABLE,
            "the gateway's policy protects this place, and it seals contentInstances only: this would be stored in "
            "clear");
    if (level == SEAL_REFUSE_CLEAR)
        return no(h, RSC_CONTENTS_UNACCEPTABLE, "the gateway's policy takes only sealed content in this container");
    return seal_it(h, ask, p, say);
}

/* The index is given back; an epoch whose begin was taken back with it never was. */
static void undone(void *ctx)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    struct epoch *e = h->last.e;
    h->last.e = NULL;
    if (!e || !e->open)
        return;
    e->i--;
    e->octets -= h->last.octets;
    h->sealed--;
    if (e->i == 0 && e->born == h->tx)
        seal_epoch_drop(h, e);
}

/* After a failed commit nothing is known of the indices of this transaction but that none is stored: their epochs end.
 */
static void committed(void *ctx, enum err e)
{
    struct hook_seal *h = (struct hook_seal *)ctx;
    for (size_t i = 0; e != OK && h->secret && i < SEAL_STREAMS; i++)
        if (h->secret->epoch[i].open && (h->secret->epoch[i].tx == h->tx || h->secret->epoch[i].born == h->tx))
            seal_epoch_drop(h, &h->secret->epoch[i]);
    void (*wake)(void *) = h->wake;
    if (e == OK && h->queued && wake)
        wake(h->wake_ctx);
    h->queued = false;
    h->last.e = NULL;
    h->tx++;
}

struct cse_hook hook_seal_hook(struct hook_seal *h)
{
    return (struct cse_hook){.ctx = h, .before = before, .undone = undone, .committed = committed};
}

/* ---- life --------------------------------------------------------------------------------------------- */

static enum err fill(struct hook_seal *h, const struct conf *conf, struct span sp, struct span csi, struct buf *why)
{
    h->sp = sp;
    h->iss = arena_join(&h->mem, sp, csi);
    h->kid = arena_join(&h->mem, SPAN("53-"), h->iss);
    if (!arena_ok(&h->mem))
        return ERR_NOMEM;
    TRY(seal_conf_read(conf, h, why));
    if (!hook_seal_seals(h))
        return OK;
    TRY(sealer_init(&h->sealer, (struct esd_rng){0}));
    h->secret = (struct seal_secret *)secret_alloc(sizeof *h->secret);
    if (h->secret)
        return OK;
    buf_fmt(why, "memory for the keys of %d streams (%zu octets) cannot be locked: raise LimitMEMLOCK of the service\n",
            SEAL_STREAMS, sizeof *h->secret);
    return ERR_NOMEM;
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
    if (h->sealer.gcm)
        sealer_free(&h->sealer);
    secret_free(h->secret);
    for (size_t i = 0; i < h->n_ttps; i++) {
        p256_free(h->ttps[i].key);
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
