/* src/ttp: the enrolment CA and certificates on request, vault and ledger without processes. */
#include "ttp_est.h"

#include "ttp/take.h"
#include "ttp/vault_own.h"

static const char APP[] = "URI:m2m://demo.example/Sapp", APP_ID[] = "//demo.example/Sapp",
                  GATEWAY[] = "DNS:id-mn.id-in.demo.example";

static int set(void **state)
{
    struct house *h = est_house();
    assert_int_equal(est_told(h, ADMIN_enrol_ca, ""), 200);
    *state = h;
    return 0;
}

static int end(void **state)
{
    house_free(*state);
    return 0;
}

static struct p256 *pair(void)
{
    struct p256 *k;
    assert_int_equal(p256_new(&k), OK);
    return k;
}

static unsigned status_of(struct house *h, enum ttp_kind kind, struct span body)
{
    return ask(h, kind, "", body).status;
}

/* ---- the CA --------------------------------------------------------------------------------------------------------
 */

static void the_ca_is_made_once_and_kept(void **state)
{
    struct house *h = *state;
    uint64_t size = h->size;
    struct span pem = h->enrol_ca;
    assert_true(pem.n > 0);
    X509 *ca = est_ca(h), *again;
    assert_int_equal(est_told(h, ADMIN_enrol_ca, ""), 200);
    assert_int_equal(h->size, size);
    house_restart(h);
    assert_int_equal(est_told(h, ADMIN_enrol_ca, ""), 200);
    assert_true(span_eq(h->enrol_ca, pem));
    again = est_ca(h);
    assert_int_equal(X509_cmp(ca, again), 0);
    assert_true((X509_get_extension_flags(ca) & EXFLAG_CA) && X509_get_pathlen(ca) == 0);
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
    assert_int_equal(sk_GENERAL_SUBTREE_num(nc->permittedSubtrees), 2);
    NAME_CONSTRAINTS_free(nc);
    X509_free(ca);
    X509_free(again);
}

static void without_a_ca_nothing_is_issued(void **state)
{
    (void)state;
    struct house *h = house_new();
    struct p256 *k = pair();
    struct span csr = est_body(h, est_csr(h, &(struct est_csr){.key = p256_evp(k), .san = APP}));
    static const enum ttp_kind kinds[] = {KIND_ANCHORS, KIND_EST_CACERTS, KIND_EST_CSRATTRS};
    for (size_t i = 0; i < LEN(kinds); i++)
        assert_int_equal(status_of(h, kinds[i], SPAN_NONE), 404);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, csr), 404);
    assert_int_equal(est_told(h, ADMIN_join_token_create, "//demo.example/Sapp 900 1 0"), 404);
    h->enrol_sp = SP; /* wanted, not made */
    house_restart(h);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, csr), 503);
    p256_free(k);
    house_free(h);
}

static void a_ca_of_a_failed_batch_is_none(void **state)
{
    (void)state;
    struct house *h = est_house();
    h->fail_commit = true;
    assert_int_equal(est_told(h, ADMIN_enrol_ca, ""), 503);
    assert_int_equal(status_of(h, KIND_EST_CACERTS, SPAN_NONE), 503);
    h->fail_commit = false;
    assert_int_equal(est_told(h, ADMIN_enrol_ca, ""), 200);
    X509_free(est_ca(h));
    house_restart(h);
    X509_free(est_ca(h));
    house_free(h);
}

static void another_domain_is_not_served_by_it(void **state)
{
    struct house *h = *state;
    h->enrol_sp = "other.example";
    house_restart(h);
    assert_false(span_eq(h->no, SPAN_NONE));
    h->enrol_sp = SP;
}

static void the_anchors_come_in_words_of_the_vault(void **state)
{
    struct house *h = *state;
    struct enrol_anchors k;
    struct answer a = ask(h, KIND_ANCHORS, "", SPAN_NONE);
    assert_int_equal(enrol_anchors_open(a.body, SPAN(FQDN), h->bundle.release, &h->mem, &k), REASON_OK);
    X509 *ca = est_ca(h);
    struct span der = cert_der(ca, &h->mem);
    assert_true(k.n == 1 && span_eq(k.cert[0], der));
    assert_int_equal(enrol_anchors_open(a.body, SPAN("x.example"), h->bundle.release, &h->mem, &k), REASON_REFUSED);
    assert_int_equal(enrol_anchors_open(a.body, SPAN(FQDN), h->operator_key, &h->mem, &k), REASON_TAMPERED);
    X509_free(ca);
}

static bool holds(struct span file, struct span what)
{
    return memmem(file.p, file.n, what.p, what.n) != NULL;
}

/* What the ledger has of the CA is a box; who has RK finds the key in it, nobody finds it on the disk. */
static void its_key_is_on_no_disk(void **state)
{
    struct house *h = *state;
    struct join_token t = est_token(h, "//demo.example/Sapp 900 1 0");
    const struct span *row = vault_map_get(&h->vault->table[TABLE_CA], SPAN("1"));
    struct span rest = *row, sp, der, box, jwk, token_key, d;
    struct buf plain = heap_buf(4096), disk_image = heap_buf(64 << 20);
    struct jval *doc;
    uint8_t raw[32], hash[ESD_HASH];
    assert_int_equal(take_blob(&rest, &sp) | take_blob(&rest, &der) | take_blob(&rest, &box), OK);
    assert_int_equal(vault_box_open(h->root, "oneseal-ca-v1", der, box, &plain), OK);
    rest = buf_span(&plain);
    assert_int_equal(take_blob(&rest, &jwk) | take_blob(&rest, &token_key), OK);
    assert_int_equal(json_parse(jwk, &h->mem, &doc, NULL), OK);
    assert_int_equal(json_str(JSON_GET(doc, "d"), &h->mem, &d), OK);
    struct buf r = BUF_ARRAY(raw);
    assert_int_equal(b64url_get(d, &r), OK);
    assert_int_equal(join_hash(t.secret, hash), OK);
    static const char *const ends[] = {"", "-wal"};
    for (size_t i = 0; i < LEN(ends); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", h->db, ends[i]);
        assert_int_equal(file_read(path, &disk_image), OK);
    }
    struct span image = buf_span(&disk_image);
    assert_true(holds(image, der) && holds(image, box)); /* the control: this is where it would be */
    assert_false(holds(image, d) || holds(image, buf_span(&r)) || holds(image, token_key));
    assert_false(holds(image, span_of(t.secret, JOIN_SECRET)) || holds(image, span_of(hash, ESD_HASH)));
    /* Boxed again when RK changes. */
    uint8_t other[VAULT_KEY] = {9};
    assert_int_equal(vault_ca_rewrap(h->vault, other), OK);
    rest = *vault_map_get(&h->vault->table[TABLE_CA], SPAN("1"));
    assert_int_equal(take_blob(&rest, &sp) | take_blob(&rest, &der) | take_blob(&rest, &box), OK);
    assert_int_equal(vault_box_open(h->root, "oneseal-ca-v1", der, box, &disk_image), ERR_AUTH);
    assert_int_equal(vault_box_open(other, "oneseal-ca-v1", der, box, &disk_image), OK);
    assert_int_equal(vault_state_undo(h->vault), OK);
    heap_buf_free(&plain);
    heap_buf_free(&disk_image);
}

/* ---- joining --------------------------------------------------------------------------------------------------------
 */

static void a_token_gives_one_certificate(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair(), *other = pair();
    struct join_token t = est_token(h, "//demo.example/Sapp 900 1 0");
    struct span csr = est_join_csr(h, &t, k, APP);
    uint64_t size = h->size;
    X509 *x = est_cert(ask(h, KIND_EST_ENROLL, "", csr));
    assert_int_equal(h->size, size + 1);
    assert_int_equal(est_chain(h, x), X509_V_OK);
    assert_false(X509_get_extension_flags(x) & EXFLAG_CA);
    assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    assert_int_equal(sk_GENERAL_NAME_num(names), 1);
    GENERAL_NAMES_free(names);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), p256_evp(k)), 1);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, csr), 403);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &t, other, APP)), 403);
    X509_free(x);
    p256_free(k);
    p256_free(other);
}

static void a_proof_is_good_for_its_key_and_name_only(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair(), *thief = pair();
    struct join_token t = est_token(h, "//demo.example/S* 900 1 0"), wrong = t;
    struct span proof = est_proof(h, &t, JOIN_CERTIFICATE, k, APP + 4);
    struct est_csr q = {.key = p256_evp(thief), .san = APP, .challenge = proof};
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_body(h, est_csr(h, &q))), 403);
    q = (struct est_csr){.key = p256_evp(k), .san = "URI:m2m://demo.example/Sother", .challenge = proof};
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_body(h, est_csr(h, &q))), 403);
    q = (struct est_csr){.key = p256_evp(k), .san = APP, .challenge = est_proof(h, &t, JOIN_CLIENT, k, APP + 4)};
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_body(h, est_csr(h, &q))), 403);
    q.challenge = SPAN_NONE;
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_body(h, est_csr(h, &q))), 403);
    wrong.secret[0] ^= 1;
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &wrong, k, APP)), 403);
    /* Outside of what it is for. */
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &t, k, GATEWAY)), 403);
    X509_free(est_cert(ask(h, KIND_EST_ENROLL, "", est_join_csr(h, &t, k, APP))));
    p256_free(k);
    p256_free(thief);
}

static void the_token_itself_only_where_it_was_minted_so(void **state)
{
    struct house *h = *state;
    for (int plain = 0; plain < 2; plain++) {
        struct p256 *k = pair();
        struct join_token t = est_token(h, plain ? "//demo.example/Sapp 900 1 1" : "//demo.example/Sapp 900 1 0");
        struct buf b = heap_buf(JOIN_TEXT_MAX);
        join_token_put(&b, &t);
        struct est_csr q = {.key = p256_evp(k), .san = APP, .challenge = built(h, &b, OK)};
        assert_int_equal(status_of(h, KIND_EST_ENROLL, est_body(h, est_csr(h, &q))), plain ? 200 : 403);
        p256_free(k);
    }
}

static void tokens_expire_are_counted_and_revoked(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair();
    struct join_token t = est_token(h, "*.demo.example 60 2 0"), old = est_token(h, "*.demo.example 60 2 0"), gone;
    for (int i = 0; i < 3; i++)
        assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &t, k, GATEWAY)), i < 2 ? 200 : 403);
    gone = est_token(h, "*.demo.example 60 2 0");
    house_restart(h); /* tokens live in the snapshot */
    h->now += 61000;
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &old, k, GATEWAY)), 403);
    h->now -= 60000;
    uint8_t id[64];
    struct buf b = BUF_ARRAY(id);
    b64url_put(&b, span_of(gone.id, JOIN_ID));
    buf_nul(&b);
    assert_int_equal(est_told(h, ADMIN_join_token_revoke, (const char *)id), 200);
    assert_int_equal(est_told(h, ADMIN_join_token_revoke, (const char *)id), 404);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &gone, k, GATEWAY)), 403);
    assert_int_equal(est_told(h, ADMIN_join_token_list, ""), 200);
    assert_true(span_starts(h->done_json, SPAN("{\"v\":1,\"tokens\":[{\"id\":\"")));
    p256_free(k);
}

static void a_failed_batch_gives_the_token_back(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair();
    struct join_token t = est_token(h, "//demo.example/Sapp 900 1 0");
    struct span csr = est_join_csr(h, &t, k, APP);
    h->fail_commit = true;
    assert_int_equal(status_of(h, KIND_EST_ENROLL, csr), 503);
    h->fail_commit = false;
    assert_int_equal(status_of(h, KIND_EST_ENROLL, csr), 200);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, csr), 403);
    p256_free(k);
}

/* No answer before the head is with the parent; and a token that an unsigned leaf used up is not used up. */
static void no_certificate_before_its_leaf(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair();
    struct join_token t = est_token(h, "//demo.example/Sapp 900 1 0");
    struct span csr = est_join_csr(h, &t, k, APP);
    h->hold_heads = true;
    h->n_answers = 0;
    ask_only(h, KIND_EST_ENROLL, "", csr);
    pump(h);
    assert_int_equal(h->n_answers, 0);
    h->hold_heads = false;
    house_restart(h);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, csr), 200);
    p256_free(k);
}

static void two_in_one_batch_share_no_use(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair(), *other = pair();
    struct join_token t = est_token(h, "//demo.example/Sapp 900 1 0");
    struct span one = est_join_csr(h, &t, k, APP), two = est_join_csr(h, &t, other, APP);
    h->n_answers = 0;
    uint64_t a = ask_only(h, KIND_EST_ENROLL, "", one), b = ask_only(h, KIND_EST_ENROLL, "", two);
    pump(h);
    assert_int_equal(answer_of(h, a)->status + answer_of(h, b)->status, 200 + 403);
    p256_free(k);
    p256_free(other);
}

static void wrong_proofs_are_limited(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair();
    struct join_token t = est_token(h, "//demo.example/Sapp 900 1 0"), wrong = t;
    wrong.secret[5] ^= 0x80;
    unsigned status = 0;
    for (int i = 0; i < 12 && status != 429; i++)
        status = status_of(h, KIND_EST_ENROLL, est_join_csr(h, &wrong, k, APP));
    assert_int_equal(status, 429);
    h->now += 61000;
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &t, k, APP)), 200);
    p256_free(k);
}

static void what_the_operator_denies_gets_none(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair();
    struct join_token t = est_token(h, "//demo.example/Sapp 900 1 0");
    struct span d = denial_text(h, "//demo.example/operator", h->operator_key, APP_ID, true, 1);
    assert_true(span_eq(ack_of(h, d, ask(h, KIND_POLICY, "", d)).code, SPAN("ok")));
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &t, k, APP)), 403);
    d = denial_text(h, "//demo.example/operator", h->operator_key, APP_ID, false, 2);
    assert_true(span_eq(ack_of(h, d, ask(h, KIND_POLICY, "", d)).code, SPAN("ok")));
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_join_csr(h, &t, k, APP)), 200);
    p256_free(k);
}

static void words_of_the_operator(void **state)
{
    struct house *h = *state;
    static const char *const bad[] = {"",
                                      "//demo.example/Sapp",
                                      "//demo.example/Sapp 900 1",
                                      "//demo.example/Sapp 900 1 2",
                                      "//demo.example/Sapp 0 1 0",
                                      "//demo.example/Sapp 900 0 0",
                                      "//demo.example/Sapp 9999999 1 0",
                                      "//demo.example 900 1 0",
                                      "//other.example/Sapp 900 1 0",
                                      "//demo.example/*pp 900 1 0",
                                      "*.other.example 900 1 0",
                                      "x*.demo.example 900 1 0",
                                      "evildemo.example 900 1 0",
                                      "\"//demo.example/S 900 1 0"};
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(est_told(h, ADMIN_join_token_create, bad[i]), 400);
}

/* ---- requests that are refused whatever token they show
 * --------------------------------------------------------------- */

static void names_and_keys_of_another_kind(void **state)
{
    struct house *h = *state;
    static const struct {
        const char *san, *basic;
        unsigned status;
    } rows[] = {
        {"URI:m2m://demo.example/Sapp", "critical,CA:TRUE", 403},
        {"URI:m2m://demo.example/Sapp", "CA:FALSE", 200},
        {"URI:m2m://other.example/Sapp", NULL, 403},
        {"URI:m2m://demo.example/", NULL, 403},
        {"URI:m2m://demo.example", NULL, 403},
        {"URI:m2m://demo.example/S*", NULL, 403},
        {"URI:m2m://demo.example/a/b/c", NULL, 403},
        {"URI:m2m://demo.example.evil/Sapp", NULL, 403},
        {"URI:m2m://x@demo.example/Sapp", NULL, 403},
        {"URI:https://demo.example/Sapp", NULL, 403},
        {"URI:urn:oid:1.2.3", NULL, 403},
        {"DNS:*.demo.example", NULL, 403},
        {"DNS:id-mn.other.example", NULL, 403},
        {"DNS:evildemo.example", NULL, 403},
        {"DNS:demo.example", NULL, 403},
        {"DNS:ttp.demo.example", NULL, 403},
        {"DNS:TTP.Demo.Example", NULL, 403},
        {"DNS:-a.demo.example", NULL, 403},
        {"DNS:a..demo.example", NULL, 403},
        {"DNS:ID-MN.id-in.demo.example", NULL, 200},
        {"DNS:node-1.demo.example", NULL, 200},
        {"URI:m2m://demo.example/id-mn/Cdev", NULL, 200},
        {"IP:127.0.0.1", NULL, 403},
        {"email:a@demo.example", NULL, 403},
        {"DNS:a.demo.example,DNS:b.demo.example", NULL, 400},
        {NULL, NULL, 400},
    };
    struct p256 *k = pair();
    for (size_t i = 0; i < LEN(rows); i++) {
        h->now += 61000;
        const char *san = rows[i].san ? rows[i].san : "    ";
        struct join_token t = est_token(h, i % 2 ? "//demo.example/* 900 1 1" : "//demo.example/* 900 1 1");
        struct buf b = heap_buf(JOIN_TEXT_MAX);
        join_token_put(&b, &t);
        struct est_csr q = {
            .key = p256_evp(k), .san = rows[i].san, .basic = rows[i].basic, .challenge = built(h, &b, OK)};
        struct answer a = ask(h, KIND_EST_ENROLL, "", est_body(h, est_csr(h, &q)));
        if (a.status != rows[i].status)
            fail_msg("%s: %u, %.*s", san, a.status, SPAN_FMT(a.body));
        if (a.status == 200) {
            X509 *x = est_cert(a);
            assert_int_equal(est_chain(h, x), X509_V_OK);
            X509_free(x);
        }
    }
    p256_free(k);
}

static void what_is_no_request(void **state)
{
    struct house *h = *state;
    EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
    struct p256 *k = pair(), *other = pair();
    const struct {
        struct est_csr q;
        unsigned status;
    } rows[] = {{{.key = p384, .san = APP}, 400},
                {{.key = rsa, .san = APP}, 400},
                {{.key = p256_evp(k), .signer = p256_evp(other), .san = APP}, 403},
                {{.key = p256_evp(k), .san = APP, .md = EVP_sha512()}, 400}};
    for (size_t i = 0; i < LEN(rows); i++)
        assert_int_equal(status_of(h, KIND_EST_ENROLL, est_body(h, est_csr(h, &rows[i].q))), rows[i].status);
    struct span der = est_csr(h, &(struct est_csr){.key = p256_evp(k), .san = APP});
    struct span longer = arena_join(&h->mem, der, SPAN("x"));
    assert_int_equal(status_of(h, KIND_EST_ENROLL, est_body(h, longer)), 400);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, der), 400);
    assert_int_equal(status_of(h, KIND_EST_ENROLL, SPAN_NONE), 400);
    assert_int_equal(status_of(h, KIND_EST_SIGNED, est_body(h, der)), 400);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(rsa);
    p256_free(k);
    p256_free(other);
}

/* ---- renewing
 * ---------------------------------------------------------------------------------------------------------- */

static struct span joined(struct house *h, const struct p256 *k, const char *words, const char *san)
{
    struct join_token t = est_token(h, words);
    X509 *x = est_cert(ask(h, KIND_EST_ENROLL, "", est_join_csr(h, &t, k, san)));
    struct span der = cert_der(x, &h->mem);
    X509_free(x);
    return der;
}

static void the_same_key_renews_by_its_own_request(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair(), *thief = pair();
    (void)joined(h, k, "//demo.example/Sapp 900 1 0", APP);
    struct span csr = est_body(h, est_csr(h, &(struct est_csr){.key = p256_evp(k), .san = APP}));
    struct span stolen = est_body(h, est_csr(h, &(struct est_csr){.key = p256_evp(thief), .san = APP}));
    struct span other =
        est_body(h, est_csr(h, &(struct est_csr){.key = p256_evp(k), .san = "URI:m2m://demo.example/Sother"}));
    h->now += 86400000LL * 60;
    X509 *x = est_cert(ask(h, KIND_EST_REENROLL, "", csr));
    assert_int_equal(est_chain(h, x), X509_V_OK);
    X509_free(x);
    assert_int_equal(status_of(h, KIND_EST_REENROLL, stolen), 403);
    assert_int_equal(status_of(h, KIND_EST_REENROLL, other), 403);
    h->now += 86400000LL * 91;
    assert_int_equal(status_of(h, KIND_EST_REENROLL, csr), 403);
    p256_free(k);
    p256_free(thief);
}

static void another_key_needs_the_present_ones_signature(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair(), *fresh = pair(), *third = pair();
    struct span cert = joined(h, k, "//demo.example/Sapp 900 1 0", APP);
    struct span der = est_csr(h, &(struct est_csr){.key = p256_evp(fresh), .san = APP});
    struct span good = est_signed(h, APP_ID, k, cert, der);
    X509 *x = est_cert(ask(h, KIND_EST_SIGNED, "", good));
    struct span second = cert_der(x, &h->mem);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), p256_evp(fresh)), 1);
    X509_free(x);
    /* The certificate of before is valid yet, but no longer the newest. */
    der = est_csr(h, &(struct est_csr){.key = p256_evp(third), .san = APP});
    assert_int_equal(status_of(h, KIND_EST_SIGNED, est_signed(h, APP_ID, k, cert, der)), 403);
    assert_int_equal(
        status_of(h, KIND_EST_REENROLL, est_body(h, est_csr(h, &(struct est_csr){.key = p256_evp(k), .san = APP}))),
        403);
    assert_int_equal(status_of(h, KIND_EST_SIGNED, est_signed(h, APP_ID, fresh, second, der)), 200);
    p256_free(k);
    p256_free(fresh);
    p256_free(third);
}

static void signed_requests_that_are_refused(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair(), *thief = pair();
    struct span cert = joined(h, k, "//demo.example/Sapp 900 1 0", APP);
    struct span victim = est_csr(h, &(struct est_csr){.key = p256_evp(thief), .san = "URI:m2m://demo.example/Sother"});
    struct span der = est_csr(h, &(struct est_csr){.key = p256_evp(thief), .san = APP});
    /* somebody else's name; another key than the certificate's; another certificate's name */
    assert_int_equal(status_of(h, KIND_EST_SIGNED, est_signed(h, APP_ID, k, cert, victim)), 403);
    assert_int_equal(status_of(h, KIND_EST_SIGNED, est_signed(h, "//demo.example/Sother", k, cert, victim)), 403);
    assert_int_equal(status_of(h, KIND_EST_SIGNED, est_signed(h, APP_ID, thief, cert, der)), 403);
    /* a nonce of long ago */
    struct span late = est_signed(h, APP_ID, k, cert, der);
    h->now += 200000;
    assert_int_equal(status_of(h, KIND_EST_SIGNED, late), 403);
    p256_free(k);
    p256_free(thief);
}

static void a_bootstrap_certificate_joins(void **state)
{
    struct house *h = *state;
    struct party p = party_new(h, APP_ID, APP), stranger;
    struct p256 *fresh = pair();
    struct span der = est_csr(h, &(struct est_csr){.key = p256_evp(fresh), .san = APP});
    struct span text = est_signed(h, APP_ID, p.key, span_of(p.der, p.der_n), der);
    X509 *x = est_cert(ask(h, KIND_EST_SIGNED, "", text));
    assert_int_equal(est_chain(h, x), X509_V_OK);
    X509_free(x);
    stranger = party_new(h, "//demo.example/Sother", "URI:m2m://demo.example/Sother");
    text = est_signed(h, APP_ID, stranger.key, span_of(stranger.der, stranger.der_n), der);
    assert_int_equal(status_of(h, KIND_EST_SIGNED, text), 403);
    p256_free(p.key);
    p256_free(stranger.key);
    p256_free(fresh);
}

/* What the CA gave is good for registering a client, after a restart too. */
static void the_certificate_registers_a_client(void **state)
{
    struct house *h = *state;
    struct party p = {.key = pair()};
    struct span cert = joined(h, p.key, "//demo.example/Sapp 900 1 0", APP);
    snprintf(p.iss, sizeof p.iss, "%s", APP_ID);
    memcpy(p.der, cert.p, cert.n);
    p.der_n = cert.n;
    house_restart(h);
    join(h, &p);
    p256_free(p.key);
}

/* A key that no certificate names is bound by a token; the proof is good for this key, name and purpose only. */
static void a_token_binds_a_signing_key(void **state)
{
    struct house *h = *state;
    struct p256 *k = pair(), *thief = pair();
    struct join_token t = est_token(h, "//demo.example/Sapp 900 1 0");
    struct span good = est_proof(h, &t, JOIN_CLIENT, k, APP_ID), other = est_proof(h, &t, JOIN_CERTIFICATE, k, APP_ID);
    const struct {
        struct p256 *key;
        const char *iss;
        struct span join;
        unsigned status;
    } rows[] = {{k, APP_ID, other, 403},     {thief, APP_ID, good, 403}, {k, "//demo.example/Sother", good, 403},
                {k, APP_ID, SPAN("x"), 403}, {k, APP_ID, good, 200},     {k, APP_ID, good, 403}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf scratch = heap_buf(1 << 16), out = heap_buf(1 << 16);
        struct client c = {.iss = span_str(rows[i].iss),
                           .aud = SPAN(FQDN),
                           .nonce = est_nonce(h),
                           .join = rows[i].join,
                           .key = rows[i].key};
        enum err e = client_build(&c, SPAN("k"), NULL, 0, &scratch, &out);
        heap_buf_free(&scratch);
        assert_int_equal(status_of(h, KIND_CLIENT, built(h, &out, e)), rows[i].status);
    }
    /* It is the key that policies are signed with from now on. */
    struct party p = {.key = k}, reader = {.iss = "//demo.example/Sreader"};
    snprintf(p.iss, sizeof p.iss, "%s", APP_ID);
    struct span text = policy_text(h, &p, "ward", 1, &reader);
    assert_true(span_eq(ack_of(h, text, ask(h, KIND_POLICY, "", text)).code, SPAN("ok")));
    p256_free(k);
    p256_free(thief);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_ca_is_made_once_and_kept),
        cmocka_unit_test(without_a_ca_nothing_is_issued),
        cmocka_unit_test(a_ca_of_a_failed_batch_is_none),
        T(another_domain_is_not_served_by_it),
        T(the_anchors_come_in_words_of_the_vault),
        T(its_key_is_on_no_disk),
        T(a_token_gives_one_certificate),
        T(a_proof_is_good_for_its_key_and_name_only),
        T(the_token_itself_only_where_it_was_minted_so),
        T(tokens_expire_are_counted_and_revoked),
        T(a_failed_batch_gives_the_token_back),
        T(no_certificate_before_its_leaf),
        T(two_in_one_batch_share_no_use),
        T(wrong_proofs_are_limited),
        T(what_the_operator_denies_gets_none),
        T(words_of_the_operator),
        T(names_and_keys_of_another_kind),
        T(what_is_no_request),
        T(the_same_key_renews_by_its_own_request),
        T(another_key_needs_the_present_ones_signature),
        T(signed_requests_that_are_refused),
        T(a_bootstrap_certificate_joins),
        T(the_certificate_registers_a_client),
        T(a_token_binds_a_signing_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
