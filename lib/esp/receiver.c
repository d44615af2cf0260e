#include "esp/receiver.h"

#include <string.h>

#include "base/code.h"
#include "esp/port.h"

/* ---- own objects ------------------------------------------------------------------------------------------ */

/* Identifier: s or u, then base64url of expiry in seconds (5 octets), 11 random ones, 8 of a code over all before. */
enum { OWN_EXPIRY = 5, OWN_RANDOM = 11, OWN_CODE = 8, OWN_OCTETS = OWN_EXPIRY + OWN_RANDOM + OWN_CODE };

static enum err own_code(const struct esp_own *o, const char *what, uint8_t kind, const uint8_t *octets, size_t n,
                         uint8_t out[32])
{
    const struct span parts[] = {span_str(what), span_of(&kind, 1), span_of(octets, n)};
    return esp_port_hmac(span_of(o->boot, ESP_BOOT), parts, LEN(parts), out);
}

static enum err own_put(const struct esp_own *o, struct span id, const uint8_t *octets, int64_t expiry, struct buf *out)
{
    uint8_t mac[32], room[ESP_RANDOM_TEXT];
    struct buf value = BUF_ARRAY(room);
    TRY(own_code(o, "value", id.p[0], octets, OWN_OCTETS, mac));
    esp_rand_value(&value, mac);
    esp_rand_put(out, true, id, buf_span(&value), expiry, ESP_KGEN_ALL, o->enc);
    wipe(mac, sizeof mac);
    return out->e;
}

enum err esp_own_make(const struct esp_own *o, bool shared, int64_t expiry, const uint8_t random[11], struct buf *out)
{
    uint8_t octets[OWN_OCTETS], mac[32], room[ESP_OWN_ID];
    struct buf id = BUF_ARRAY(room);
    uint64_t s = (uint64_t)(expiry / 1000);
    uint8_t kind = shared ? 's' : 'u';
    for (int i = 0; i < OWN_EXPIRY; i++)
        octets[i] = (uint8_t)(s >> (8 * (OWN_EXPIRY - 1 - i)));
    memcpy(octets + OWN_EXPIRY, random, OWN_RANDOM);
    TRY(own_code(o, "id", kind, octets, OWN_EXPIRY + OWN_RANDOM, mac));
    memcpy(octets + OWN_EXPIRY + OWN_RANDOM, mac, OWN_CODE);
    buf_c(&id, kind);
    b64url_put(&id, span_of(octets, sizeof octets));
    return own_put(o, buf_span(&id), octets, (int64_t)s * 1000, out);
}

enum err esp_own_find(const struct esp_own *o, struct span id, int64_t now, struct arena *a, struct esp_rand *out)
{
    uint8_t octets[OWN_OCTETS], mac[32];
    struct buf b = BUF_ARRAY(octets);
    if (id.n != ESP_OWN_ID || (id.p[0] != 's' && id.p[0] != 'u') || b64url_get(span_from(id, 1), &b) != OK)
        return ERR_NOTFOUND;
    TRY(own_code(o, "id", id.p[0], octets, OWN_EXPIRY + OWN_RANDOM, mac));
    if (!span_eq_secret(span_of(mac, OWN_CODE), span_of(octets + OWN_EXPIRY + OWN_RANDOM, OWN_CODE)))
        return ERR_NOTFOUND;
    int64_t expiry = 0;
    for (int i = 0; i < OWN_EXPIRY; i++)
        expiry = expiry << 8 | octets[i];
    expiry *= 1000;
    if (expiry <= now)
        return ERR_STALE;
    uint8_t *room = arena_alloc(a, ESP_RAND_MAX);
    if (!room)
        return ERR_NOMEM;
    struct buf text = buf_over(room, ESP_RAND_MAX);
    TRY(own_put(o, id, octets, expiry, &text));
    return esp_rand_text(buf_span(&text), true, now, a, out);
}

/* ---- originators' objects in use -------------------------------------------------------------------------- */

static struct esp_orig *orig_find(const struct esp_origs *t, struct span kid, struct span id, int64_t now)
{
    for (size_t i = 0; i < t->n; i++) {
        struct esp_orig *o = &t->slot[i];
        if (o->used && o->keep > now && span_eq(span_of(o->id, o->id_n), id) &&
            span_eq_nocase(span_of(o->kid, o->kid_n), kid))
            return o;
    }
    return NULL;
}

/* recv: the receiver's object that it came with. A relative expiry is no bound by itself. */
static struct esp_orig *orig_add(struct esp_origs *t, struct span kid, const struct esp_rand *r,
                                 const struct esp_rand *recv, int64_t now)
{
    struct esp_orig *o = NULL;
    unsigned same = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct esp_orig *s = &t->slot[i];
        bool live = s->used && s->keep > now;
        same += live && span_eq_nocase(span_of(s->kid, s->kid_n), kid);
        if (!live && !o)
            o = s;
    }
    if (!o || same >= ESP_ORIGS_A_KEY)
        return NULL;
    o->used = true;
    o->kid_n = (uint16_t)kid.n;
    o->id_n = (uint16_t)r->id.n;
    o->text_n = (uint16_t)r->text.n;
    o->uses = 0;
    o->expiry = r->expiry;
    o->keep = r->relative ? recv->expiry : r->expiry;
    memcpy(o->kid, kid.p, kid.n);
    memcpy(o->id, r->id.p, r->id.n);
    memcpy(o->text, r->text.p, r->text.n);
    return o;
}

/* ---- judging ---------------------------------------------------------------------------------------------- */

static struct verdict no(enum rsc rsc, const char *attr, const char *rule)
{
    return verdict_of(rsc, span_str(attr), rule);
}

static struct verdict no_memory(void)
{
    return no(RSC_INTERNAL_SERVER_ERROR, "epo", "the object's header needs more memory than its limit");
}

static struct verdict find_receiver(const struct esp_ask *ask, const struct esp_head *h, struct arena *a,
                                    struct esp_rand *out)
{
    switch (ask->own(ask->ctx, h->rri, ask->now, a, out)) {
    case OK:
        return out->expiry > ask->now
                   ? VERDICT_GO
                   : no(RSC_ESPRIM_UNKNOWN_RECV_RAND_ID, "rri", "the receiver's random object is expired");
    case ERR_NOTFOUND:
        return no(RSC_ESPRIM_UNKNOWN_RECV_RAND_ID, "rri", "is no random object of this receiver (TS-0004 7.6.2)");
    case ERR_STALE:
        return no(RSC_ESPRIM_UNKNOWN_RECV_RAND_ID, "rri", "the receiver's random object is expired");
    case ERR_NOMEM:
        return no_memory();
    default:
        return no(RSC_ESPRIM_DECRYPTION_ERROR, "rri", "the receiver's random object cannot be made");
    }
}

/* The object that `ori` names: in the header, or known from an earlier request. What the header brings may also be the
 * one that will be used from now on (TS-0003 8.4.3.2). */
static struct verdict find_originator(const struct esp_ask *ask, const struct esp_head *h, struct arena *a,
                                      struct esp_session *s)
{
    struct esp_rand brought = {0};
    if (h->oro.n) {
        enum err e = esp_rand_text(h->oro, false, ask->now, a, &brought);
        if (e != OK)
            return e == ERR_NOMEM ? no_memory()
                                  : no(RSC_BAD_REQUEST, "oro", "is no originatorESPrimRandObject (TS-0004 6.3.5.50)");
    }
    const struct esp_orig *known = orig_find(ask->origs, h->kid, h->ori, ask->now);
    if (brought.text.n && span_eq(brought.id, h->ori)) {
        s->orig = brought;
        if (known)
            s->orig.expiry = known->expiry;
        return known && !span_eq(span_of(known->text, known->text_n), brought.text)
                   ? no(RSC_ESPRIM_UNKNOWN_ORIG_RAND_ID, "oro", "another object of this identifier is in use")
                   : VERDICT_GO;
    }
    s->next = brought;
    if (!known)
        return no(RSC_ESPRIM_UNKNOWN_ORIG_RAND_ID, "ori",
                  "is no originator's random object that is known here; its first use brings it in oro (TS-0003 "
                  "8.4.3.2)");
    enum err e = esp_rand_text(arena_dup(a, span_of(known->text, known->text_n)), false, ask->now, a, &s->orig);
    s->orig.expiry = known->expiry; /* a relative one counts from when it came */
    return e == OK ? VERDICT_GO : no_memory();
}

static struct verdict check_originator(const struct esp_rand *o, const struct esp_rand *recv, int64_t now)
{
    if (o->expiry <= now)
        return no(RSC_ESPRIM_UNKNOWN_ORIG_RAND_ID, "esrx", "the originator's random object is expired");
    if (o->expiry > recv->expiry)
        return no(RSC_ESPRIM_UNKNOWN_ORIG_RAND_ID, "esrx",
                  "the originator's random object must not outlive the receiver's (TS-0003 8.4.2)");
    if (!o->kgen || !(o->kgen & recv->kgen))
        return no(RSC_ESPRIM_UNSUPPORTED_OPTION, "esk",
                  "is no key derivation that the receiver offers (TS-0003 8.4.2)");
    if (o->odd || (o->enc & ~recv->enc))
        return no(RSC_ESPRIM_UNSUPPORTED_OPTION, "espa",
                  "is no subset of what the receiver's random object offers (TS-0003 8.4.2)");
    return VERDICT_GO;
}

struct verdict esp_find(const struct esp_ask *ask, const struct esp_head *h, struct arena *a, struct esp_session *s,
                        struct esp_key *key)
{
    *s = (struct esp_session){.enc = h->enc};
    if (h->rro.n)
        return no(RSC_BAD_REQUEST, "rro", "only the receiver sends its random object (TS-0003 8.4.3.2)");
    const struct esp_pair *pair = esp_ring_find(ask->ring, h->kid, ask->now);
    if (!pair)
        return no(RSC_ESPRIM_UNKNOWN_KEY_ID, "kid",
                  "no pairwise key of this identifier is known here, or it is expired");
    s->kid = arena_dup(a, h->kid);
    s->peer = arena_dup(a, esp_pair_peer(pair));
    struct verdict v = find_receiver(ask, h, a, &s->recv);
    if (verdict_go(v))
        v = find_originator(ask, h, a, s);
    if (verdict_go(v))
        v = check_originator(&s->orig, &s->recv, ask->now);
    if (verdict_go(v) && s->next.text.n)
        v = check_originator(&s->next, &s->recv, ask->now);
    if (!verdict_go(v))
        return v;
    if (!(s->orig.enc >> h->enc & 1))
        return no(RSC_ESPRIM_UNSUPPORTED_OPTION, "enc", "is not among espa of the originator's random object");
    if (!arena_ok(a))
        return no_memory();
    return esp_derive(esp_pair_value(pair), s->recv.text, s->orig.text, key) == OK
               ? VERDICT_GO
               : no(RSC_ESPRIM_DECRYPTION_ERROR, "kid", "the session key cannot be derived");
}

static uint32_t mark_of(const struct esp_head *h)
{
    uint8_t tag[ESP_TAG];
    uint32_t mark = 0;
    struct buf b = BUF_ARRAY(tag);
    if (b64url_get(h->tag_text, &b) == OK)
        memcpy(&mark, tag, sizeof mark);
    return mark;
}

struct verdict esp_accept(const struct esp_ask *ask, const struct esp_head *h, const struct esp_session *s)
{
    struct esp_orig *o = orig_find(ask->origs, s->kid, s->orig.id, ask->now);
    uint32_t mark = mark_of(h);
    for (size_t i = 0; o && i < o->uses; i++)
        if (o->seen[i] == mark)
            return no(RSC_ESPRIM_DECRYPTION_ERROR, "epo", "this very object was received before");
    if (!o)
        o = orig_add(ask->origs, s->kid, &s->orig, &s->recv, ask->now);
    if (!o || o->uses == ESP_ORIG_USES)
        return no(RSC_ESPRIM_UNKNOWN_ORIG_RAND_ID, o ? "ori" : "oro",
                  o ? "this originator's random object has served its number of requests; make another one"
                    : "too many random objects of originators are in use; use one of them again");
    o->seen[o->uses++] = mark;
    if (s->next.text.n && !orig_find(ask->origs, s->kid, s->next.id, ask->now))
        (void)!orig_add(ask->origs, s->kid, &s->next, &s->recv, ask->now); /* its first use may bring it again */
    return VERDICT_GO;
}

struct verdict esp_receive(const struct esp_ask *ask, struct span object, struct arena *a, struct buf *out,
                           struct span *plain, struct esp_session *s)
{
    struct esp_head h;
    struct esp_key key;
    size_t start = out->n;
    *plain = SPAN_NONE;
    struct verdict v = esp_read(object, a, &h);
    if (!verdict_go(v))
        return v;
    v = esp_find(ask, &h, a, s, &key);
    if (verdict_go(v))
        v = esp_open(&key, &h, out, plain);
    esp_key_wipe(&key);
    if (verdict_go(v))
        v = esp_accept(ask, &h, s);
    if (verdict_go(v))
        return v;
    if (out->n > start)
        wipe(out->p + start, out->n - start);
    out->n = start;
    *plain = SPAN_NONE;
    return v;
}

struct verdict esp_check_from(struct span fr, const struct esp_session *s, const struct self *me)
{
    return id_same_text(fr, s->peer, me)
               ? VERDICT_GO
               : no(RSC_ESPRIM_IMPERSONATION_ERROR, "fr", "is not whom the pairwise key is bound to (TS-0004 7.6.2)");
}

/* ---- the answer ------------------------------------------------------------------------------------------- */

enum err esp_answer(const struct esp_ring *ring, const struct esp_session *s, int64_t now, const uint8_t iv[ESP_IV],
                    struct span rro, struct span plain, struct buf *out)
{
    const struct esp_pair *pair = esp_ring_find(ring, s->kid, now);
    struct esp_head h = {
        .kid = s->kid, .cty = ESP_CTY_RESPONSE, .ori = s->orig.id, .rri = s->recv.id, .rro = rro, .enc = s->enc};
    struct esp_key key;
    if (!pair)
        return ERR_NOTFOUND;
    TRY(esp_derive(esp_pair_value(pair), s->recv.text, s->orig.text, &key));
    enum err e = esp_seal(&key, &h, iv, plain, out);
    esp_key_wipe(&key);
    return e;
}
