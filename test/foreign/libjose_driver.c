/* libjose_driver - libjose behind the line protocol (README.md). The library makes flattened objects and puts `epk`
 * beside the protected header; the other serializations are what its user makes of its JSON. */
#include <jose/jose.h>

#include "line.h"

static const char *const jwe_names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
static const char *const jws_names[] = {"protected", "payload", "signature"};

static json_t *about(const json_t *q)
{
    (void)q;
    return json_pack("{s:s,s:s}", "library", "libjose", "version", FOREIGN_VERSION);
}

/* One recipient: flattened -> general. */
static void make_general(json_t *jwe)
{
    static const char *const moved[] = {"header", "encrypted_key"};
    if (json_object_get(jwe, "recipients"))
        return;
    json_t *one = json_object(), *m;
    for (size_t i = 0; i < 2; i++)
        if ((m = json_object_get(jwe, moved[i]))) {
            json_object_set(one, moved[i], m);
            json_object_del(jwe, moved[i]);
        }
    json_object_set_new(jwe, "recipients", json_pack("[o]", one));
}

static json_t *seal_with(const json_t *q, json_t *jwe, const uint8_t *plain, size_t n)
{
    const char *form = line_str(q, "form"), *alg = line_str(q, "alg");
    bool general = strcmp(form, "general") == 0;
    json_t *keys = json_object_get(q, "keys"), *jwk, *cek = json_object();
    size_t i;
    json_array_foreach(keys, i, jwk)
    {
        const char *his = json_string_value(json_object_get(jwk, "alg"));
        json_t *header = json_pack("{s:s,s:s}", "alg", his ? his : alg, "kid", line_str(jwk, "kid"));
        json_t *rcp = json_object();
        if (general)
            json_object_set(rcp, "header", header);
        else
            json_object_update(json_object_get(jwe, "protected"), header);
        json_decref(header);
        bool done = jose_jwe_enc_jwk(NULL, jwe, rcp, jwk, cek);
        json_decref(rcp);
        if (!done) {
            json_decref(cek);
            return line_fail("jose_jwe_enc_jwk refuses", alg);
        }
    }
    json_t *beside = json_object_get(jwe, "header");
    if (!general && beside) {
        json_object_update(json_object_get(jwe, "protected"), beside);
        json_object_del(jwe, "header");
    }
    bool done = jose_jwe_enc_cek(NULL, jwe, cek, plain, n);
    json_decref(cek);
    if (!done)
        return line_fail("jose_jwe_enc_cek refuses", line_str(q, "enc"));
    if (general)
        make_general(jwe);
    return strcmp(form, "compact") == 0 ? line_joined("object", jwe, jwe_names, 5) : line_give_json("object", jwe);
}

static json_t *seal_op(const json_t *q)
{
    size_t n;
    uint8_t *plain = line_octets(line_str(q, "plain"), &n);
    json_t *jwe = json_pack("{s:{s:s}}", "protected", "enc", line_str(q, "enc")), *aad = json_object_get(q, "aad");
    if (aad)
        json_object_set(jwe, "aad", aad);
    json_t *answer = seal_with(q, jwe, plain, n);
    json_decref(jwe);
    free(plain);
    return answer;
}

static json_t *open_op(const json_t *q)
{
    json_t *jwe = line_parts(line_str(q, "object"), jwe_names, 5), *answer = NULL;
    size_t n = 0;
    uint8_t *plain = jwe ? jose_jwe_dec(NULL, jwe, NULL, json_array_get(json_object_get(q, "keys"), 0), &n) : NULL;
    if (plain)
        answer = line_give_octets("plain", plain, n);
    else
        line_fail("jose_jwe_dec refuses", NULL);
    free(plain);
    json_decref(jwe);
    return answer;
}

static json_t *sign_op(const json_t *q)
{
    const char *form = line_str(q, "form");
    json_t *jws = json_pack("{s:s}", "payload", line_str(q, "plain")), *jwk, *answer = NULL;
    size_t i;
    bool done = true;
    json_array_foreach(json_object_get(q, "keys"), i, jwk)
    {
        const char *his = json_string_value(json_object_get(jwk, "alg"));
        json_t *sig =
            json_pack("{s:{s:s,s:s}}", "protected", "alg", his ? his : line_str(q, "alg"), "kid", line_str(jwk, "kid"));
        done = done && jose_jws_sig(NULL, jws, sig, jwk);
        json_decref(sig);
    }
    if (!done)
        line_fail("jose_jws_sig refuses", line_str(q, "alg"));
    else
        answer =
            strcmp(form, "compact") == 0 ? line_joined("object", jws, jws_names, 3) : line_give_json("object", jws);
    json_decref(jws);
    return answer;
}

static json_t *verify_op(const json_t *q)
{
    json_t *jws = line_parts(line_str(q, "object"), jws_names, 3), *answer = NULL;
    if (jws && jose_jws_ver(NULL, jws, NULL, json_array_get(json_object_get(q, "keys"), 0), false))
        answer = line_give_text("plain", line_str(jws, "payload"));
    else
        line_fail("jose_jws_ver refuses", NULL);
    json_decref(jws);
    return answer;
}

int main(void)
{
    static const struct line_ops ops[] = {{"about", about},  {"seal", seal_op},     {"open", open_op},
                                          {"sign", sign_op}, {"verify", verify_op}, {NULL, NULL}};
    return line_serve(ops);
}
