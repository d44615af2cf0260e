/* hostile_enrol BINARY - a front that somebody conquered, before the real ledger and the real vault of BINARY, which
 * has an enrolment CA. It sees each request for a certificate in clear text and wants one of its own in the name of
 * somebody else. One JSON line per attack; leaked: the vault signed it. */
#include "stage.h"

#include "base/code.h"
#include "esd/enrol.h"
#include "esd/join.h"
#include "host/heap.h"
#include "ttp/admin.h"

#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static const char VICTIM[] = "URI:m2m://demo.example/Svictim", VICTIM_ID[] = "//demo.example/Svictim",
                  THIEF[] = "URI:m2m://demo.example/Sthief", THIEF_ID[] = "//demo.example/Sthief";
enum { PREFIX = 4 };

static struct p256 *pair(void)
{
    struct p256 *k;
    NEED(p256_new(&k) == OK);
    return k;
}

static struct join_token token(struct stage *s, const char *words)
{
    struct join_token t;
    struct jval *doc;
    struct span text;
    NEED(stage_told(s, ADMIN_join_token_create, words));
    NEED(json_parse(s->body, &s->mem, &doc, NULL) == OK && json_str(JSON_GET(doc, "token"), &s->mem, &text) == OK);
    NEED(join_token_read(text, &t) == OK);
    return t;
}

static struct span proof(struct stage *s, const struct join_token *t, enum join_purpose p, const struct p256 *key,
                         const char *name)
{
    uint8_t jkt[JOSE_THUMB], text[JOIN_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    NEED(p256_thumb(key, jkt) == OK && join_proof_put(&b, t, p, jkt, span_str(name)) == OK);
    return stage_keep(s, buf_span(&b));
}

/* `key` is what it names, `signer` signs it. DER. */
static struct span request(struct stage *s, const struct p256 *key, const struct p256 *signer, const char *san,
                           const char *basic, struct span challenge)
{
    X509_REQ *r = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *ext = sk_X509_EXTENSION_new_null();
    X509V3_CTX c;
    uint8_t *der = NULL;
    X509V3_set_ctx(&c, NULL, NULL, r, NULL, 0);
    sk_X509_EXTENSION_push(ext, X509V3_EXT_conf_nid(NULL, &c, NID_subject_alt_name, san));
    if (basic)
        sk_X509_EXTENSION_push(ext, X509V3_EXT_conf_nid(NULL, &c, NID_basic_constraints, basic));
    NEED(X509_REQ_set_pubkey(r, p256_evp(key)) == 1 && X509_REQ_add_extensions(r, ext) == 1);
    if (challenge.n > 0)
        NEED(X509_REQ_add1_attr_by_NID(r, NID_pkcs9_challengePassword, MBSTRING_UTF8, challenge.p, (int)challenge.n));
    NEED(X509_REQ_sign(r, p256_evp(signer), EVP_sha256()) > 0);
    int n = i2d_X509_REQ(r, &der);
    NEED(n > 0);
    struct span out = stage_keep(s, span_of(der, (size_t)n));
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(ext, X509_EXTENSION_free);
    X509_REQ_free(r);
    return out;
}

static struct span base64(struct stage *s, struct span der)
{
    uint8_t text[8192];
    struct buf b = BUF_ARRAY(text);
    b64_put(&b, der);
    NEED(b.e == OK);
    return stage_keep(s, buf_span(&b));
}

/* The certificate of the newest answer; SPAN_NONE when there is none. */
static struct span certificate(struct stage *s)
{
    uint8_t der[8192], *out = NULL;
    struct buf b = BUF_ARRAY(der);
    const uint8_t *p = der;
    if (s->status != 200 || b64_get(s->body, &b) != OK)
        return SPAN_NONE;
    PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)b.n);
    int n = p7 && p7->d.sign ? i2d_X509(sk_X509_value(p7->d.sign->cert, 0), &out) : 0;
    struct span x = n > 0 ? stage_keep(s, span_of(out, (size_t)n)) : SPAN_NONE;
    OPENSSL_free(out);
    PKCS7_free(p7);
    return x;
}

static bool got(struct stage *s, enum ttp_kind kind, struct span body)
{
    return stage_ask(s, kind, body) && certificate(s).n > 0;
}

/* Somebody joins honestly, and the front looks on. */
static struct span joins(struct stage *s, const struct p256 *key, const char *san, const char *words,
                         struct span *shown)
{
    struct join_token t = token(s, words);
    *shown = proof(s, &t, JOIN_CERTIFICATE, key, san + PREFIX);
    NEED(got(s, KIND_EST_ENROLL, base64(s, request(s, key, key, san, NULL, *shown))));
    return certificate(s);
}

static void without_and_with_stolen_words(struct stage *s, const struct p256 *mine)
{
    struct p256 *theirs = pair();
    struct join_token t = token(s, "//demo.example/Svictim 900 2 0"), own = token(s, "//demo.example/Sthief 900 9 0");
    struct span seen = proof(s, &t, JOIN_CERTIFICATE, theirs, VICTIM + PREFIX);
    stage_report("no-token", got(s, KIND_EST_ENROLL, base64(s, request(s, mine, mine, VICTIM, NULL, SPAN_NONE))),
                 "a request without challengePassword");
    stage_report("stolen-proof", got(s, KIND_EST_ENROLL, base64(s, request(s, mine, mine, VICTIM, NULL, seen))),
                 "the victim's proof, which was not handed on, under the thief's key");
    struct span other = proof(s, &own, JOIN_CERTIFICATE, mine, VICTIM + PREFIX);
    stage_report("token-of-another-name",
                 got(s, KIND_EST_ENROLL, base64(s, request(s, mine, mine, VICTIM, NULL, other))),
                 "the thief's own token for the victim's name");
    struct span honest = proof(s, &own, JOIN_CERTIFICATE, mine, THIEF + PREFIX);
    stage_report("ca-flag",
                 got(s, KIND_EST_ENROLL, base64(s, request(s, mine, mine, THIEF, "critical,CA:TRUE", honest))),
                 "the thief's own token, for a certificate that may issue others");
    struct span far = proof(s, &own, JOIN_CERTIFICATE, mine, "m2m://other.example/Sthief");
    stage_report(
        "foreign-domain",
        got(s, KIND_EST_ENROLL, base64(s, request(s, mine, mine, "URI:m2m://other.example/Sthief", NULL, far))),
        "a name of another service provider");
    struct span theirs_own = proof(s, &own, JOIN_CERTIFICATE, theirs, THIEF + PREFIX);
    stage_report("key-of-somebody-else",
                 got(s, KIND_EST_ENROLL, base64(s, request(s, theirs, mine, THIEF, NULL, theirs_own))),
                 "a key that the thief does not have, signed by one that he has");
    p256_free(theirs);
}

static void used_token(struct stage *s, const struct p256 *mine)
{
    struct p256 *theirs = pair();
    struct join_token t = token(s, "//demo.example/Svictim 900 1 1");
    uint8_t text[JOIN_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    join_token_put(&b, &t);
    NEED(got(s, KIND_EST_ENROLL, base64(s, request(s, theirs, theirs, VICTIM, NULL, buf_span(&b)))));
    stage_report("used-token", got(s, KIND_EST_ENROLL, base64(s, request(s, mine, mine, VICTIM, NULL, buf_span(&b)))),
                 "a token that the victim has shown in clear text and used up");
    p256_free(theirs);
}

static struct span nonce(struct stage *s)
{
    struct jval *doc;
    struct span text;
    NEED(stage_ask(s, KIND_NONCE, SPAN_NONE) && json_parse(s->body, &s->mem, &doc, NULL) == OK);
    NEED(json_str(JSON_GET(doc, "nonce"), &s->mem, &text) == OK);
    return text;
}

static struct span signed_text(struct stage *s, const char *iss, const struct p256 *signer, struct span cert,
                               struct span der)
{
    struct buf scratch = heap_buf(65536), out = heap_buf(65536);
    struct enrol_ask q = {.iss = span_str(iss), .aud = SPAN("ttp.demo.example"), .nonce = nonce(s), .csr = der};
    NEED(enrol_ask_build(&q, signer, &cert, 1, &scratch, &out) == OK);
    struct span text = stage_keep(s, buf_span(&out));
    heap_buf_free(&scratch);
    heap_buf_free(&out);
    return text;
}

static void renewals(struct stage *s, const struct p256 *mine)
{
    struct p256 *first = pair(), *second = pair();
    struct span seen, mine_seen, theirs = joins(s, first, VICTIM, "//demo.example/Svictim 900 1 0", &seen);
    struct span own = joins(s, mine, THIEF, "//demo.example/Sthief 900 1 0", &mine_seen);
    struct span wanted = request(s, mine, mine, VICTIM, NULL, SPAN_NONE);
    stage_report("renewal-by-front", got(s, KIND_EST_REENROLL, base64(s, wanted)),
                 "simplereenroll of the victim's name under the thief's key, as if TLS had shown the victim");
    NEED(got(s, KIND_EST_SIGNED,
             signed_text(s, VICTIM_ID, first, theirs, request(s, second, second, VICTIM, NULL, SPAN_NONE))));
    stage_report("renewal-signed-by-thief",
                 got(s, KIND_EST_SIGNED, signed_text(s, VICTIM_ID, mine, certificate(s), wanted)),
                 "the victim's certificate, the thief's signature and key");
    stage_report("renewal-in-own-name", got(s, KIND_EST_SIGNED, signed_text(s, THIEF_ID, mine, own, wanted)),
                 "the thief's own certificate and signature, the victim's name in the request");
    stage_report("renewal-by-old-key", got(s, KIND_EST_SIGNED, signed_text(s, VICTIM_ID, first, theirs, wanted)),
                 "the key of before the renewal, which was stolen from the victim later");
    p256_free(first);
    p256_free(second);
}

/* Not a certificate but as good as one: the thief's key bound to the victim's name. */
static void registration(struct stage *s, const struct p256 *mine)
{
    struct p256 *theirs = pair();
    struct join_token t = token(s, "//demo.example/Svictim 900 1 0");
    struct buf scratch = heap_buf(65536), out = heap_buf(65536);
    struct client c = {.iss = span_str(VICTIM_ID),
                       .aud = SPAN("ttp.demo.example"),
                       .nonce = nonce(s),
                       .join = proof(s, &t, JOIN_CLIENT, theirs, VICTIM_ID),
                       .key = p256_ref(mine)};
    NEED(client_build(&c, SPAN("k"), NULL, 0, &scratch, &out) == OK);
    stage_report("registration-by-stolen-proof", stage_ask(s, KIND_CLIENT, buf_span(&out)) && s->status == 200,
                 "the victim's proof for a signing key, under the thief's key");
    p256_free(c.key);
    p256_free(theirs);
    heap_buf_free(&scratch);
    heap_buf_free(&out);
}

int main(int argc, char **argv)
{
    static struct stage s;
    NEED(argc == 2);
    stage_init(&s, argv[1]);
    s.enrol_sp = "demo.example";
    stage_start(&s, true, false);
    NEED(s.up);
    stage_stop(&s);
    s.known = false;
    stage_start(&s, false, false);
    NEED(s.up && stage_told(&s, ADMIN_enrol_ca, ""));
    struct p256 *mine = pair();
    without_and_with_stolen_words(&s, mine);
    used_token(&s, mine);
    renewals(&s, mine);
    registration(&s, mine);
    p256_free(mine);
    stage_end(&s);
    return 0;
}
