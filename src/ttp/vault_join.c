#include "ttp/vault_join.h"

#include "base/code.h"
#include "ttp/name.h"
#include "ttp/take.h"
#include "ttp/vault_admin.h"

#include <string.h>

static const char box_label[] = "oneseal-join-v1";
enum { VALUE_MAX = 1024, FOR_MAX = 320, MINUTE_MS = 60000 };

/* TABLE_TOKENS: key = ID; value = until ms, uses left, plain, made ms, items for and box(K) with ID || for as
 * associated data. */
struct token {
    uint64_t until, uses, made;
    uint8_t plain;
    struct span who, box;
};

static enum err token_get(struct vault *v, struct span id, struct token *t)
{
    const struct span *value = vault_map_get(&v->table[TABLE_TOKENS], id);
    if (!value)
        return ERR_NOTFOUND;
    struct span s = *value;
    TRY(take_u64(&s, &t->until));
    TRY(take_u64(&s, &t->uses));
    TRY(take_u8(&s, &t->plain));
    TRY(take_u64(&s, &t->made));
    TRY(take_blob(&s, &t->who));
    return take_blob(&s, &t->box);
}

static enum err token_set(struct vault *v, struct span id, const struct token *t)
{
    uint8_t value[VALUE_MAX];
    struct buf b = BUF_ARRAY(value);
    buf_be64(&b, t->until);
    buf_be64(&b, t->uses);
    buf_c(&b, t->plain);
    buf_be64(&b, t->made);
    msg_item_put(&b, t->who);
    msg_item_put(&b, t->box);
    TRY(b.e);
    return vault_state_set(v, TABLE_TOKENS, id, buf_span(&b));
}

static void box_aad(struct buf *b, struct span id, struct span who)
{
    buf_put(b, id);
    buf_put(b, who);
}

static enum err hash_open(struct vault *v, struct span id, const struct token *t, uint8_t k[ESD_HASH])
{
    uint8_t aad[JOIN_ID + FOR_MAX];
    struct buf b = BUF_ARRAY(aad), out = buf_over(k, ESD_HASH);
    box_aad(&b, id, t->who);
    TRY(b.e);
    TRY(vault_box_open(v->ca.token_key, box_label, buf_span(&b), t->box, &out));
    return out.n == ESD_HASH ? OK : ERR_AUTH;
}

/* ---- for whom -----------------------------------------------------------------------------------------------------
 */

bool vault_join_for(struct span pattern, struct span name, struct span iss)
{
    if (span_starts(pattern, SPAN("//"))) {
        if (pattern.p[pattern.n - 1] == '*')
            return span_starts(iss, span_first(pattern, pattern.n - 1));
        return span_eq(iss, pattern);
    }
    if (span_starts(pattern, SPAN("*.")))
        return name.n > pattern.n - 1 && span_ends(name, span_from(pattern, 1));
    return span_eq_nocase(name, pattern);
}

/* What the operator may write behind --for: within the service provider's domain, one star at its place. */
static bool pattern_ok(struct vault *v, struct span s)
{
    struct span sp = span_str(v->ca.sp), rest = s;
    if (s.n == 0 || s.n > FOR_MAX - 8)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    if (span_starts(s, SPAN("//"))) {
        rest = span_from(s, 2);
        size_t star = span_find(s, '*');
        return span_eq(span_cut(&rest, '/'), sp) && rest.n > 0 && (star == s.n || star == s.n - 1);
    }
    if (span_starts(s, SPAN("*.")))
        rest = span_from(s, 2);
    return span_find(rest, '*') == rest.n && span_ends(rest, sp) &&
           (rest.n == sp.n || rest.p[rest.n - sp.n - 1] == '.');
}

/* ---- use ------------------------------------------------------------------------------------------------------------
 */

static bool proven(struct vault *v, const struct vault_join *j, const struct token *t, const uint8_t jkt[JOSE_THUMB])
{
    uint8_t k[ESD_HASH], want[ESD_HASH];
    bool good = hash_open(v, span_of(j->shown.id, JOIN_ID), t, k) == OK;
    if (good && j->shown.plain)
        memcpy(want, k, ESD_HASH);
    else if (good)
        good = join_mac(k, j->purpose, jkt, j->name, want) == OK;
    good = good && (!j->shown.plain || t->plain) &&
           span_eq_secret(span_of(want, ESD_HASH), span_of(j->shown.mac, ESD_HASH));
    wipe(k, sizeof k);
    wipe(want, sizeof want);
    return good;
}

/* Wrong, used up, unknown and not for this name look alike from outside. */
static enum reason judge(struct vault *v, struct vault_join *j, const uint8_t jkt[JOSE_THUMB])
{
    struct token t;
    if (token_get(v, span_of(j->shown.id, JOIN_ID), &t) != OK)
        return REASON_REFUSED;
    bool for_it = vault_join_for(t.who, j->name, j->iss);
    if (!proven(v, j, &t, jkt) || !for_it || t.uses == 0)
        return REASON_REFUSED;
    return (int64_t)t.until < v->conf.now_ms(v->conf.ctx) ? REASON_EXPIRED : REASON_OK;
}

/* The counter of a token in this minute; one of a minute that is over is taken for it. Only tokens that exist are
 * counted, so that nobody makes up identifiers to push a counter out. NULL: all are in use. */
static struct vault_join_try *tries_of(struct vault *v, struct span id)
{
    uint64_t minute = (uint64_t)v->conf.now_ms(v->conf.ctx) / MINUTE_MS;
    struct vault_join_try *unused = NULL;
    for (size_t i = 0; i < LEN(v->ca.tried); i++) {
        struct vault_join_try *t = &v->ca.tried[i];
        if (t->minute == minute && span_eq(span_of(t->id, JOIN_ID), id))
            return t;
        if (t->minute != minute && !unused)
            unused = t;
    }
    if (unused) {
        *unused = (struct vault_join_try){.minute = minute};
        memcpy(unused->id, id.p, JOIN_ID);
    }
    return unused;
}

/* Ten wrong proofs for one token: no further one is looked at in this minute. */
static bool too_many(struct vault *v, const struct vault_join *j, struct vault_join_try **out)
{
    struct token t;
    struct span id = span_of(j->shown.id, JOIN_ID);
    *out = NULL;
    if (token_get(v, id, &t) != OK)
        return false;
    *out = tries_of(v, id);
    return !*out || (*out)->n >= JOIN_TRIES_PER_MIN;
}

bool vault_join_good(struct vault *v, struct vault_ask *a, struct vault_join *j, const uint8_t jkt[JOSE_THUMB])
{
    struct vault_join_try *tries;
    bool read = join_shown_read(j->text, &j->shown) == OK;
    if (read && too_many(v, j, &tries)) {
        vault_refuse(v, a, 429, reason_code(REASON_REFUSED), "ten wrong proofs were shown for this join token",
                     "try again in a minute");
        return false;
    }
    enum reason r = VAULT_VERIFY(read ? judge(v, j, jkt) : REASON_REFUSED);
    if (r == REASON_OK)
        return true;
    if (read && tries)
        tries->n++;
    vault_fold_add(v, SPAN("join"), r);
    vault_refuse(v, a, 403, reason_code(r),
                 r == REASON_EXPIRED ? "the join token has expired"
                                     : "the join token is unknown, used up, for another name, or its proof is wrong",
                 "ask the TTP's operator for a new one: oneseal join-token create --for NAME");
    return false;
}

enum err vault_join_take(struct vault *v, const struct vault_join *j)
{
    struct token t;
    uint8_t copy[VALUE_MAX];
    struct span id = span_of(j->shown.id, JOIN_ID);
    if (token_get(v, id, &t) != OK)
        return OK;
    if (t.uses <= 1)
        return vault_state_set(v, TABLE_TOKENS, id, SPAN_NONE);
    struct buf b = BUF_ARRAY(copy);
    size_t n = t.who.n;
    buf_put(&b, t.who); /* the table's own memory goes when the value is put anew */
    buf_put(&b, t.box);
    TRY(b.e);
    t.who = span_first(buf_span(&b), n);
    t.box = span_from(buf_span(&b), n);
    t.uses--;
    return token_set(v, id, &t);
}

/* ---- the operator's commands ----------------------------------------------------------------------------------------
 */

static enum err token_record(struct vault *v, struct vault_ask *a, const char *op, struct span id,
                             const struct token *t)
{
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", span_str(op));
    JW_STR(&w, "by", SPAN("operator"));
    JW_B64URL(&w, "id", id);
    JW_STR(&w, "for", t->who);
    JW_U64(&w, "until", t->until / 1000);
    JW_U64(&w, "uses", t->uses);
    JW_BOOL(&w, "plain", t->plain != 0);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

/* Those whose time is over make room. */
static enum err drop_expired(struct vault *v)
{
    struct vault_map *m = &v->table[TABLE_TOKENS];
    for (size_t i = m->n; i-- > 0;) {
        uint8_t id[JOIN_ID];
        uint64_t until;
        struct span s = m->e[i].value;
        if (m->e[i].key.n != JOIN_ID || take_u64(&s, &until) != OK || (int64_t)until >= v->conf.now_ms(v->conf.ctx))
            continue;
        memcpy(id, m->e[i].key.p, JOIN_ID);
        TRY(vault_state_set(v, TABLE_TOKENS, span_of(id, JOIN_ID), SPAN_NONE));
    }
    return OK;
}

static bool create_words(struct vault *v, struct span words, struct token *t)
{
    uint64_t ttl, plain;
    t->who = span_cut(&words, ' ');
    if (!pattern_ok(v, t->who) || span_u64(span_cut(&words, ' '), JOIN_TTL_MAX_S, &ttl) != OK || ttl == 0 ||
        span_u64(span_cut(&words, ' '), JOIN_USES_MAX, &t->uses) != OK || t->uses == 0 ||
        span_u64(words, 1, &plain) != OK)
        return false;
    t->plain = (uint8_t)plain;
    t->made = (uint64_t)v->conf.now_ms(v->conf.ctx);
    t->until = t->made + ttl * 1000;
    return true;
}

/* The secret leaves the vault once, in this answer. */
static enum err create_answer(struct vault *v, struct vault_ask *a, const struct token *t, struct join_token *secret)
{
    uint8_t text[1024], token[JOIN_TEXT_MAX];
    struct buf b = BUF_ARRAY(text), k = BUF_ARRAY(token);
    struct jw w = jw_over(&b);
    TRY(p256_thumb(v->identity, secret->pin));
    secret->pinned = true;
    join_token_put(&k, secret);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_B64URL(&w, "id", span_of(secret->id, JOIN_ID));
    JW_STR(&w, "for", t->who);
    JW_U64(&w, "until", t->until / 1000);
    JW_U64(&w, "uses", t->uses);
    JW_BOOL(&w, "plain", t->plain != 0);
    JW_STR(&w, "token", buf_span(&k));
    jw_end_obj(&w);
    enum err e = k.e != OK ? k.e : b.e;
    if (e == OK)
        e = vault_admin_answer(a, buf_span(&b));
    wipe(token, sizeof token);
    wipe(text, sizeof text);
    return e;
}

static enum err mint(struct vault *v, struct vault_ask *a, struct token *t)
{
    struct join_token secret = {.pinned = false};
    uint8_t k[ESD_HASH], aad[JOIN_ID + FOR_MAX], box[ESD_HASH + VAULT_BOX];
    struct buf ad = BUF_ARRAY(aad), b = BUF_ARRAY(box);
    TRY(esd_random(secret.id, JOIN_ID));
    TRY(esd_random(secret.secret, JOIN_SECRET));
    struct span id = span_of(secret.id, JOIN_ID);
    TRY(join_hash(secret.secret, k));
    box_aad(&ad, id, t->who);
    enum err e =
        ad.e != OK ? ad.e : vault_box_seal(v->ca.token_key, box_label, buf_span(&ad), span_of(k, ESD_HASH), &b);
    t->box = buf_span(&b);
    if (e == OK)
        e = create_answer(v, a, t, &secret);
    if (e == OK)
        e = token_set(v, id, t);
    if (e == OK)
        e = token_record(v, a, "join-token", id, t);
    wipe(k, sizeof k);
    wipe(&secret, sizeof secret);
    return e;
}

/* FOR TTL-SECONDS USES PLAIN(0 or 1) */
enum err vault_admin_join_token_create(struct vault *v, struct vault_ask *a, struct span words)
{
    struct token t = {.uses = 0};
    if (!vault_ca_needed(v, a))
        return OK;
    if (!create_words(v, words, &t)) {
        vault_refuse(
            v, a, 400, reason_code(REASON_MALFORMED),
            "no token for this name, time or number of uses: the name is an absolute AE-ID or CSE-ID (a star at "
            "its end) or a dNSName (*. before it) of the service provider, the time at most 30 days",
            "oneseal join-token create --for //sp.example/Sapp --ttl 15m --uses 1");
        return OK;
    }
    if (v->table[TABLE_TOKENS].n >= JOIN_TOKENS_MAX)
        TRY(drop_expired(v));
    if (v->table[TABLE_TOKENS].n >= JOIN_TOKENS_MAX) {
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "512 join tokens wait already",
                     "oneseal join-token revoke ID");
        return OK;
    }
    return mint(v, a, &t);
}

enum err vault_admin_join_token_list(struct vault *v, struct vault_ask *a, struct span words)
{
    uint8_t *text = arena_alloc(&a->mem, JOIN_TOKENS_MAX * VALUE_MAX);
    struct buf b = buf_over(text, text ? JOIN_TOKENS_MAX * VALUE_MAX : 0);
    struct jw w = jw_over(&b);
    (void)words;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_NAME(&w, "tokens");
    jw_arr(&w);
    for (size_t i = 0; i < v->table[TABLE_TOKENS].n; i++) {
        struct span id = v->table[TABLE_TOKENS].e[i].key;
        struct token t;
        TRY(token_get(v, id, &t));
        jw_obj(&w);
        JW_B64URL(&w, "id", id);
        JW_STR(&w, "for", t.who);
        JW_U64(&w, "until", t.until / 1000);
        JW_U64(&w, "uses", t.uses);
        JW_BOOL(&w, "plain", t.plain != 0);
        JW_BOOL(&w, "expired", (int64_t)t.until < v->conf.now_ms(v->conf.ctx));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    TRY(b.e);
    vault_admin_say(v, a, buf_span(&b));
    return OK;
}

/* ID */
enum err vault_admin_join_token_revoke(struct vault *v, struct vault_ask *a, struct span words)
{
    uint8_t octets[JOIN_ID], who[FOR_MAX];
    struct buf id = BUF_ARRAY(octets), w = BUF_ARRAY(who);
    struct token t;
    if (b64url_get(words, &id) != OK || id.n != JOIN_ID || token_get(v, buf_span(&id), &t) != OK) {
        vault_refuse(v, a, 404, reason_code(REASON_REFUSED), "there is no join token with this identifier",
                     "oneseal join-token list");
        return OK;
    }
    buf_put(&w, t.who);
    TRY(w.e);
    t.who = buf_span(&w);
    TRY(vault_state_set(v, TABLE_TOKENS, buf_span(&id), SPAN_NONE));
    return token_record(v, a, "join-token-revoked", buf_span(&id), &t);
}
