/* cjose_driver - cjose behind the line protocol (README.md). */
#include <cjose/cjose.h>

#include "line.h"

static json_t *about(const json_t *q)
{
    (void)q;
    return json_pack("{s:s,s:s}", "library", "cjose", "version", cjose_version());
}

static cjose_jwk_t *key_of(const json_t *jwk)
{
    cjose_err err = {0};
    char *text = json_dumps(jwk, JSON_COMPACT);
    cjose_jwk_t *k = cjose_jwk_import(text, strlen(text), &err);
    free(text);
    return k ? k : line_fail("cjose_jwk_import", err.message);
}

static cjose_header_t *header_of(const char *const (*rows)[2], size_t n)
{
    cjose_err err;
    cjose_header_t *h = cjose_header_new(&err);
    for (size_t i = 0; h && i < n; i++)
        if (rows[i][1][0] && !cjose_header_set(h, rows[i][0], rows[i][1], &err))
            return line_fail("cjose_header_set", err.message);
    return h;
}

static const char *alg_of(const json_t *q, const json_t *jwk)
{
    const char *his = json_string_value(json_object_get(jwk, "alg"));
    return his ? his : line_str(q, "alg");
}

static json_t *given_text(char *text, cjose_err err)
{
    json_t *answer = text ? line_give_text("object", text) : line_fail("export", err.message);
    free(text);
    return answer;
}

static json_t *seal_compact(const json_t *q, const uint8_t *plain, size_t n)
{
    cjose_err err = {0};
    const json_t *jwk = json_array_get(json_object_get(q, "keys"), 0);
    const char *rows[][2] = {
        {CJOSE_HDR_ALG, alg_of(q, jwk)}, {CJOSE_HDR_ENC, line_str(q, "enc")}, {CJOSE_HDR_KID, line_str(jwk, "kid")}};
    cjose_jwk_t *k = key_of(jwk);
    cjose_header_t *h = header_of((const char *const(*)[2])rows, 3);
    cjose_jwe_t *jwe = k && h ? cjose_jwe_encrypt(k, h, plain, n, &err) : NULL;
    json_t *answer = jwe ? given_text(cjose_jwe_export(jwe, &err), err) : line_fail("cjose_jwe_encrypt", err.message);
    cjose_jwe_release(jwe);
    cjose_header_release(h);
    cjose_jwk_release(k);
    return answer;
}

enum { KEYS_MAX = 32 };

/* The library has one JSON serialization, which it writes flattened for one recipient and general for several. */
static json_t *seal_json(const json_t *q, const uint8_t *plain, size_t n)
{
    cjose_err err = {0};
    json_t *keys = json_object_get(q, "keys"), *jwk, *answer = NULL;
    bool flat = strcmp(line_str(q, "form"), "flattened") == 0;
    cjose_jwe_recipient_t rcp[KEYS_MAX] = {0};
    size_t i, all = json_array_size(keys);
    const json_t *first = json_array_get(keys, 0);
    const char *outside[][2] = {{CJOSE_HDR_ENC, line_str(q, "enc")},
                                {CJOSE_HDR_ALG, flat ? alg_of(q, first) : ""},
                                {CJOSE_HDR_KID, flat ? line_str(first, "kid") : ""}};
    cjose_header_t *protected = header_of((const char *const(*)[2])outside, 3);
    bool ready = protected && all <= KEYS_MAX;
    json_array_foreach(keys, i, jwk)
    {
        const char *rows[][2] = {{CJOSE_HDR_ALG, alg_of(q, jwk)}, {CJOSE_HDR_KID, line_str(jwk, "kid")}};
        rcp[i].jwk = key_of(jwk);
        if (!flat)
            rcp[i].unprotected_header = header_of((const char *const(*)[2])rows, 2);
        ready = ready && rcp[i].jwk;
    }
    cjose_jwe_t *jwe = ready ? cjose_jwe_encrypt_multi(rcp, all, protected, NULL, plain, n, &err) : NULL;
    if (jwe)
        answer = given_text(cjose_jwe_export_json(jwe, &err), err);
    else
        line_fail("cjose_jwe_encrypt_multi", err.message);
    cjose_jwe_release(jwe);
    cjose_header_release(protected);
    return answer;
}

static json_t *seal_op(const json_t *q)
{
    size_t n;
    if (json_object_get(q, "aad"))
        return line_fail("no parameter for the member aad in its interface", NULL);
    uint8_t *plain = line_octets(line_str(q, "plain"), &n);
    json_t *answer = strcmp(line_str(q, "form"), "compact") == 0 ? seal_compact(q, plain, n) : seal_json(q, plain, n);
    free(plain);
    return answer;
}

struct locate {
    const char *kid;
    cjose_jwk_t *key;
};

static const cjose_jwk_t *locate(cjose_jwe_t *jwe, cjose_header_t *h, void *ctx)
{
    (void)jwe;
    cjose_err err;
    const struct locate *l = ctx;
    const char *kid = cjose_header_get(h, CJOSE_HDR_KID, &err);
    return kid && strcmp(kid, l->kid) == 0 ? l->key : NULL;
}

static json_t *open_op(const json_t *q)
{
    cjose_err err = {0};
    const char *text = line_str(q, "object");
    const json_t *jwk = json_array_get(json_object_get(q, "keys"), 0);
    bool compact = text[0] != '{';
    struct locate l = {line_str(jwk, "kid"), key_of(jwk)};
    cjose_jwe_t *jwe =
        compact ? cjose_jwe_import(text, strlen(text), &err) : cjose_jwe_import_json(text, strlen(text), &err);
    size_t n = 0;
    uint8_t *plain = NULL;
    json_t *answer = NULL;
    if (jwe && l.key)
        plain = strstr(text, "\"recipients\"") ? cjose_jwe_decrypt_multi(jwe, locate, &l, &n, &err)
                                               : cjose_jwe_decrypt(jwe, l.key, &n, &err);
    if (plain)
        answer = line_give_octets("plain", plain, n);
    else
        line_fail(jwe ? "cjose_jwe_decrypt" : "cjose_jwe_import", err.message);
    free(plain);
    cjose_jwe_release(jwe);
    cjose_jwk_release(l.key);
    return answer;
}

static json_t *sign_op(const json_t *q)
{
    cjose_err err = {0};
    if (strcmp(line_str(q, "form"), "compact") != 0)
        return line_fail("cjose_jws_export writes the compact serialization alone", NULL);
    size_t n;
    const char *text = NULL;
    const json_t *jwk = json_array_get(json_object_get(q, "keys"), 0);
    const char *rows[][2] = {{CJOSE_HDR_ALG, alg_of(q, jwk)}, {CJOSE_HDR_KID, line_str(jwk, "kid")}};
    uint8_t *plain = line_octets(line_str(q, "plain"), &n);
    cjose_jwk_t *k = key_of(jwk);
    cjose_header_t *h = header_of((const char *const(*)[2])rows, 2);
    cjose_jws_t *jws = k && h ? cjose_jws_sign(k, h, plain, n, &err) : NULL;
    json_t *answer = jws && cjose_jws_export(jws, &text, &err) ? line_give_text("object", text)
                                                               : line_fail("cjose_jws_sign", err.message);
    cjose_jws_release(jws);
    cjose_header_release(h);
    cjose_jwk_release(k);
    free(plain);
    return answer;
}

static json_t *verify_op(const json_t *q)
{
    cjose_err err = {0};
    const char *text = line_str(q, "object");
    cjose_jwk_t *k = key_of(json_array_get(json_object_get(q, "keys"), 0));
    cjose_jws_t *jws = k ? cjose_jws_import(text, strlen(text), &err) : NULL;
    uint8_t *plain = NULL;
    size_t n = 0;
    json_t *answer = NULL;
    if (jws && cjose_jws_verify(jws, k, &err) && cjose_jws_get_plaintext(jws, &plain, &n, &err))
        answer = line_give_octets("plain", plain, n);
    else
        line_fail(jws ? "cjose_jws_verify" : "cjose_jws_import", err.message);
    cjose_jws_release(jws);
    cjose_jwk_release(k);
    return answer;
}

int main(void)
{
    static const struct line_ops ops[] = {{"about", about},  {"seal", seal_op},     {"open", open_op},
                                          {"sign", sign_op}, {"verify", verify_op}, {NULL, NULL}};
    return line_serve(ops);
}
