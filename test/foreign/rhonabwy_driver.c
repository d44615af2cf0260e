/* rhonabwy_driver - rhonabwy behind the line protocol (README.md). */
#include <rhonabwy.h>

#include "line.h"

static json_t *about(const json_t *q)
{
    (void)q;
    return json_pack("{s:s,s:s}", "library", "rhonabwy", "version", RHONABWY_VERSION_STR);
}

static jwk_t *key_of(const json_t *jwk)
{
    jwk_t *k = NULL;
    if (r_jwk_init(&k) != RHN_OK || r_jwk_import_from_json_t(k, (json_t *)(uintptr_t)jwk) != RHN_OK) {
        r_jwk_free(k);
        return line_fail("r_jwk_import_from_json_t refuses", line_str(jwk, "kty"));
    }
    return k;
}

/* A set of keys; each says its algorithm, as the library wants it in the general serialization. */
static jwks_t *keys_of(const json_t *q)
{
    jwks_t *set = NULL;
    json_t *jwk;
    size_t i;
    if (r_jwks_init(&set) != RHN_OK)
        return line_fail("r_jwks_init", NULL);
    json_array_foreach(json_object_get(q, "keys"), i, jwk)
    {
        json_t *copy = json_deep_copy(jwk);
        if (!json_object_get(copy, "alg"))
            json_object_set(copy, "alg", json_object_get(q, "alg"));
        jwk_t *k = key_of(copy);
        if (k)
            r_jwks_append_jwk(set, k);
        r_jwk_free(k);
        json_decref(copy);
    }
    return set;
}

static int mode_of(const json_t *q)
{
    return strcmp(line_str(q, "form"), "general") == 0 ? R_JSON_MODE_GENERAL : R_JSON_MODE_FLATTENED;
}

static json_t *given(char *text, const char *what, const char *detail)
{
    json_t *answer = text ? line_give_text("object", text) : line_fail(what, detail);
    r_free(text);
    return answer;
}

static json_t *seal_op(const json_t *q)
{
    size_t n, n_aad = 0;
    uint8_t *plain = line_octets(line_str(q, "plain"), &n), *aad = line_octets(line_str(q, "aad"), &n_aad);
    const json_t *first = json_array_get(json_object_get(q, "keys"), 0);
    jwe_t *jwe = NULL;
    json_t *answer = NULL;
    bool ready = r_jwe_init(&jwe) == RHN_OK && r_jwe_set_payload(jwe, plain, n) == RHN_OK &&
                 r_jwe_set_enc(jwe, r_str_to_jwa_enc(line_str(q, "enc"))) == RHN_OK &&
                 r_jwe_set_alg(jwe, r_str_to_jwa_alg(line_str(q, "alg"))) == RHN_OK;
    if (ready && n_aad)
        ready = r_jwe_set_aad(jwe, aad, n_aad) == RHN_OK;
    if (!ready)
        line_fail("r_jwe_set refuses", line_str(q, "alg"));
    else if (strcmp(line_str(q, "form"), "compact") == 0) {
        jwk_t *k = key_of(first);
        r_jwe_set_header_str_value(jwe, "kid", line_str(first, "kid"));
        if (k)
            answer = given(r_jwe_serialize(jwe, k, 0), "r_jwe_serialize refuses", line_str(q, "alg"));
        r_jwk_free(k);
    } else {
        jwks_t *set = keys_of(q);
        if (strcmp(line_str(q, "alg"), "dir") == 0) { /* no encrypted key: the library writes no recipient's header */
            r_jwe_set_header_str_value(jwe, "alg", "dir");
            r_jwe_set_header_str_value(jwe, "kid", line_str(first, "kid"));
        }
        answer = given(r_jwe_serialize_json_str(jwe, set, 0, mode_of(q)), "r_jwe_serialize_json_str refuses",
                       line_str(q, "alg"));
        r_jwks_free(set);
    }
    r_jwe_free(jwe);
    free(plain);
    free(aad);
    return answer;
}

static json_t *open_op(const json_t *q)
{
    const char *text = line_str(q, "object");
    jwk_t *k = key_of(json_array_get(json_object_get(q, "keys"), 0));
    jwe_t *jwe = NULL;
    json_t *answer = NULL;
    size_t n = 0;
    bool parsed = k && r_jwe_init(&jwe) == RHN_OK && r_jwe_advanced_parse(jwe, text, R_PARSE_NONE, 0) == RHN_OK;
    int code = parsed ? r_jwe_decrypt(jwe, k, 0) : RHN_ERROR;
    const unsigned char *plain = code == RHN_OK ? r_jwe_get_payload(jwe, &n) : NULL;
    if (plain)
        answer = line_give_octets("plain", plain, n);
    else
        line_fail(parsed ? "r_jwe_decrypt refuses" : "r_jwe_advanced_parse refuses", NULL);
    r_jwe_free(jwe);
    r_jwk_free(k);
    return answer;
}

static json_t *sign_op(const json_t *q)
{
    size_t n;
    uint8_t *plain = line_octets(line_str(q, "plain"), &n);
    const json_t *first = json_array_get(json_object_get(q, "keys"), 0);
    jws_t *jws = NULL;
    json_t *answer = NULL;
    if (r_jws_init(&jws) != RHN_OK || r_jws_set_payload(jws, plain, n) != RHN_OK ||
        r_jws_set_alg(jws, r_str_to_jwa_alg(line_str(q, "alg"))) != RHN_OK)
        line_fail("r_jws_set refuses", line_str(q, "alg"));
    else if (strcmp(line_str(q, "form"), "compact") == 0) {
        jwk_t *k = key_of(first);
        r_jws_set_header_str_value(jws, "kid", line_str(first, "kid"));
        if (k)
            answer = given(r_jws_serialize(jws, k, 0), "r_jws_serialize refuses", line_str(q, "alg"));
        r_jwk_free(k);
    } else {
        jwks_t *set = keys_of(q);
        answer = given(r_jws_serialize_json_str(jws, set, 0, mode_of(q)), "r_jws_serialize_json_str refuses",
                       line_str(q, "alg"));
        r_jwks_free(set);
    }
    r_jws_free(jws);
    free(plain);
    return answer;
}

static json_t *verify_op(const json_t *q)
{
    const char *text = line_str(q, "object");
    jwk_t *k = key_of(json_array_get(json_object_get(q, "keys"), 0));
    jws_t *jws = NULL;
    json_t *answer = NULL;
    size_t n = 0;
    bool parsed = k && r_jws_init(&jws) == RHN_OK && r_jws_advanced_parse(jws, text, R_PARSE_NONE, 0) == RHN_OK;
    const unsigned char *plain =
        parsed && r_jws_verify_signature(jws, k, 0) == RHN_OK ? r_jws_get_payload(jws, &n) : NULL;
    if (plain)
        answer = line_give_octets("plain", plain, n);
    else
        line_fail(parsed ? "r_jws_verify_signature refuses" : "r_jws_advanced_parse refuses", NULL);
    r_jws_free(jws);
    r_jwk_free(k);
    return answer;
}

int main(void)
{
    static const struct line_ops ops[] = {{"about", about},  {"seal", seal_op},     {"open", open_op},
                                          {"sign", sign_op}, {"verify", verify_op}, {NULL, NULL}};
    if (r_global_init() != RHN_OK)
        return 1;
    int code = line_serve(ops);
    r_global_close();
    return code;
}
