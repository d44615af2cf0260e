#include "esd/join.h"

#include "base/code.h"

#include <string.h>

static const char token_mark[] = "osj1", proof_mark[] = "osjp1", hash_label[] = "oneseal-join-v1";
static const char *const purposes[] = {
    [JOIN_CERTIFICATE] = "oneseal-join-certificate-v1", [JOIN_CLIENT] = "oneseal-join-client-v1"};
enum { MESSAGE_MAX = 1024 };

static void part(struct buf *b, const uint8_t *octets, size_t n)
{
    buf_c(b, '.');
    b64url_put(b, span_of(octets, n));
}

void join_token_put(struct buf *b, const struct join_token *t)
{
    buf_str(b, token_mark);
    part(b, t->id, JOIN_ID);
    part(b, t->secret, JOIN_SECRET);
    if (t->pinned)
        part(b, t->pin, JOSE_THUMB);
}

static enum err octets(struct span text, uint8_t *out, size_t n)
{
    struct buf b = buf_over(out, n);
    return b64url_get(text, &b) == OK && b.n == n ? OK : ERR_SYNTAX;
}

enum err join_token_read(struct span text, struct join_token *t)
{
    *t = (struct join_token){.pinned = false};
    if (!span_eq(span_cut(&text, '.'), span_str(token_mark)))
        return ERR_SYNTAX;
    TRY(octets(span_cut(&text, '.'), t->id, JOIN_ID));
    TRY(octets(span_cut(&text, '.'), t->secret, JOIN_SECRET));
    t->pinned = text.p != NULL;
    return t->pinned ? octets(text, t->pin, JOSE_THUMB) : OK;
}

enum err join_hash(const uint8_t secret[JOIN_SECRET], uint8_t out[ESD_HASH])
{
    return esd_sha256_2(span_str(hash_label), span_of(secret, JOIN_SECRET), out);
}

enum err join_mac(const uint8_t k[ESD_HASH], enum join_purpose p, const uint8_t jkt[JOSE_THUMB], struct span name,
                  uint8_t out[ESD_HASH])
{
    uint8_t text[MESSAGE_MAX];
    struct buf b = BUF_ARRAY(text);
    buf_str(&b, purposes[p]);
    buf_c(&b, '\0');
    buf_put(&b, span_of(jkt, JOSE_THUMB));
    buf_put(&b, name);
    TRY(b.e);
    return esd_hmac(span_of(k, ESD_HASH), buf_span(&b), SPAN_NONE, out);
}

enum err join_proof_put(struct buf *b, const struct join_token *t, enum join_purpose p, const uint8_t jkt[JOSE_THUMB],
                        struct span name)
{
    uint8_t k[ESD_HASH], mac[ESD_HASH];
    enum err e = join_hash(t->secret, k);
    if (e == OK)
        e = join_mac(k, p, jkt, name, mac);
    wipe(k, sizeof k);
    TRY(e);
    buf_str(b, proof_mark);
    part(b, t->id, JOIN_ID);
    part(b, mac, ESD_HASH);
    return b->e;
}

enum err join_shown_read(struct span text, struct join_shown *out)
{
    struct join_token t;
    *out = (struct join_shown){.plain = span_starts(text, span_str("osj1."))};
    if (out->plain) {
        TRY(join_token_read(text, &t));
        memcpy(out->id, t.id, JOIN_ID);
        enum err e = join_hash(t.secret, out->mac);
        wipe(&t, sizeof t);
        return e;
    }
    if (!span_eq(span_cut(&text, '.'), span_str(proof_mark)))
        return ERR_SYNTAX;
    TRY(octets(span_cut(&text, '.'), out->id, JOIN_ID));
    return text.p ? octets(text, out->mac, ESD_HASH) : ERR_SYNTAX;
}
