/* The vault and its ledger as a program that obeys lines of JSON, for a model that knows nothing of them. Each line is
 * answered by one line:
 *   {"do":"party","id":ID}              joins, or joins again with a fresh key: its thumbprint, base64url
 *   {"do":"key","policy":P,"pv":N|absent,"et":MS}   the owner registers a key: "ok"
 *   {"do":"policy","text":CLAIMS}       signed by the owner as it stands: code and version
 *   {"do":"deny","text":CLAIMS,"operator":bool}
 *   {"do":"time","at":MS}
 *   {"do":"ask","id":ID}                all keys in one request: their codes
 * CLAIMS is a string with the JSON that is signed, octet by octet. */
#include "ttp_house.h"

enum { PARTIES = 64, KEYS = 64, LINE = 1 << 18 };

static struct {
    struct house *h;
    struct party party[PARTIES], owner;
    size_t n_party;
    struct span kid[KEYS];
    size_t n_key;
    struct arena a, keep; /* of one line; of all */
} d;

static struct span text_of(const struct jval *o, const char *name)
{
    struct span s = SPAN_NONE;
    if (json_get(o, span_str(name)))
        assert_int_equal(json_str(json_get(o, span_str(name)), &d.a, &s), OK);
    return s;
}

static uint64_t number_of(const struct jval *o, const char *name)
{
    uint64_t n = 0;
    if (json_get(o, span_str(name)))
        assert_int_equal(json_u64(json_get(o, span_str(name)), UINT64_MAX, &n), OK);
    return n;
}

static struct party *party_of(struct span id)
{
    for (size_t i = 0; i < d.n_party; i++)
        if (span_eq(span_str(d.party[i].iss), id))
            return &d.party[i];
    return NULL;
}

static void do_party(const struct jval *o, struct buf *out)
{
    char iss[128], san[160];
    uint8_t jkt[JOSE_THUMB];
    struct span id = text_of(o, "id");
    snprintf(iss, sizeof iss, "%.*s", SPAN_FMT(id));
    snprintf(san, sizeof san, "URI:m2m:%s", iss);
    struct party *p = party_of(id);
    if (p)
        p256_free(p->key);
    else
        p = &d.party[d.n_party++];
    assert_true(d.n_party < PARTIES);
    *p = party_new(d.h, iss, san);
    join(d.h, p);
    assert_int_equal(p256_thumb(p->key, jkt), OK);
    b64url_put(out, span_of(jkt, sizeof jkt));
}

static void do_key(const struct jval *o, struct buf *out)
{
    uint8_t kv[1][ESD_KV] = {{1}};
    char name[64];
    assert_true(d.n_key < KEYS);
    kv[0][1] = (uint8_t)d.n_key;
    snprintf(name, sizeof name, "%.*s", SPAN_FMT(text_of(o, "policy")));
    struct letter_item m = item_of(d.h, kv[0], 7, d.n_key + 1, name);
    m.has_pv = JSON_GET(o, "pv") != NULL;
    m.pv = number_of(o, "pv");
    m.et = (int64_t)number_of(o, "et");
    struct span l = letter_text(d.h, &d.owner, &m, 1, (const uint8_t(*)[ESD_KV])kv);
    struct answer a = ask(d.h, KIND_LETTER, "", l);
    struct ack k = ack_of(d.h, l, a);
    d.kid[d.n_key++] = arena_dup(&d.keep, m.kid);
    buf_put(out, k.code);
}

static void do_signed(const struct jval *o, enum jws_typ typ, const struct p256 *key, struct buf *out)
{
    struct buf text = heap_buf(1 << 19);
    assert_int_equal(jws_sign(key, typ, SPAN("k"), text_of(o, "text"), &text), OK);
    struct span t = built(d.h, &text, OK);
    struct answer a = ask(d.h, KIND_POLICY, "", t);
    if (a.status == 400) {
        buf_str(out, "malformed 0");
        return;
    }
    struct ack k = ack_of(d.h, t, a);
    buf_put(out, k.code);
    buf_fmt(out, " %llu", (unsigned long long)k.version);
}

static void do_ask(const struct jval *o, struct buf *out)
{
    struct release_ask q = {0};
    struct release_got g;
    struct span text = release_text(d.h, party_of(text_of(o, "id")), &q, d.kid, d.n_key);
    struct answer a = ask(d.h, KIND_RELEASE, "", text);
    assert_int_equal(a.status, 200);
    assert_int_equal(open_answer(d.h, text, &q, a, &g), REASON_OK);
    for (size_t i = 0; i < d.n_key; i++) {
        const char *code = "none";
        for (size_t k = 0; k < g.n_keys; k++)
            code = kid_eq(g.keys[k].kid, d.kid[i]) ? "ok" : code;
        for (size_t k = 0; k < g.n_deny; k++)
            code = kid_eq(g.deny[k].kid, d.kid[i]) ? reason_code(g.deny[k].code) : code;
        buf_fmt(out, "%s%s", i ? " " : "", code);
    }
    release_wipe(&g);
    p256_free(q.epk);
}

static void obey(const struct jval *o, struct buf *out)
{
    struct span what = text_of(o, "do");
    bool by_operator = false;
    if (JSON_GET(o, "operator"))
        assert_int_equal(json_bool(JSON_GET(o, "operator"), &by_operator), OK);
    if (span_eq(what, SPAN("party")))
        do_party(o, out);
    else if (span_eq(what, SPAN("key")))
        do_key(o, out);
    else if (span_eq(what, SPAN("policy")))
        do_signed(o, JWS_POLICY, d.owner.key, out);
    else if (span_eq(what, SPAN("deny")))
        do_signed(o, JWS_DENY, by_operator ? d.h->operator_key : d.owner.key, out);
    else if (span_eq(what, SPAN("time")))
        d.h->now = (int64_t)number_of(o, "at");
    else if (span_eq(what, SPAN("ask")))
        do_ask(o, out);
    else
        fail_msg("no such line: %.*s", SPAN_FMT(what));
}

static void lines(void **state)
{
    static char line[LINE];
    static uint8_t text[LINE];
    (void)state;
    d.h = house_new();
    d.h->quota = (struct msg_VAULT_QUOTA){0};
    d.h->has_quota = true;
    house_restart(d.h);
    d.owner = party_new(d.h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    join(d.h, &d.owner);
    heap_arena(&d.a, 1 << 16, 16 << 20);
    heap_arena(&d.keep, 1 << 16, 1 << 20);
    bundle_free(&d.h->bundle);
    struct span bundle = arena_dup(&d.keep, d.h->bundle_text);
    assert_int_equal(bundle_open(bundle, SPAN(FQDN), NULL, (uint64_t)(d.h->now / 1000), &d.keep, &d.h->bundle),
                     REASON_OK);
    printf("%lld\n", (long long)d.h->now);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        struct buf out = BUF_ARRAY(text);
        struct jval *o;
        arena_reset(&d.a);
        arena_reset(&d.h->mem); /* what earlier lines left */
        assert_int_equal(json_parse(span_str(line), &d.a, &o, NULL), OK);
        obey(o, &out);
        assert_int_equal(out.e, OK);
        printf("%.*s\n", SPAN_FMT(buf_span(&out)));
        fflush(stdout);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
