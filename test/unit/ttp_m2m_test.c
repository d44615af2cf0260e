/* src/ttp: the oneM2M face of the TTP: client registrations, key registrations, commands (spec/security.md 5 to 7). */
#include "ttp_m2m.h"

#include "base/m2mtime.h"
#include "esd/update.h"
#include "ttp/m2mbody.h"
#include "ttp/name.h"
#include "ttp/vault_command.h"
#include "ttp/vault_reg.h"

struct scene {
    struct house *h;
    struct party gateway, app, other;
    char et[32]; /* of letters */
};

static void scene_set(struct scene *s)
{
    struct buf b = buf_over(s->et, sizeof s->et);
    s->h = house_new();
    s->gateway = party_new(s->h, "//demo.example/id-mn", "URI:m2m://demo.example/id-mn");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    s->other = party_new(s->h, "//demo.example/Sapp-other", "URI:m2m://demo.example/Sapp-other");
    join(s->h, &s->app);
    join(s->h, &s->other);
    s->h->now -= s->h->now % 1000; /* times on the wire have seconds */
    m2mtime_put(&b, s->h->now + 86400000);
    buf_nul(&b);
}

static void scene_end(struct scene *s)
{
    p256_free(s->gateway.key);
    p256_free(s->app.key);
    p256_free(s->other.key);
    house_free(s->h);
}

static struct span text_of(struct scene *s, const struct jval *o, enum m2mname_attr attr)
{
    struct span t;
    assert_int_equal(json_str(m2mname_get(o, attr), &s->h->mem, &t), OK);
    return t;
}

/* Registers `p` with a base; the name of the registration. */
static struct span enrol(struct scene *s, uint8_t base, const struct party *p, const char *adfq, bool proven)
{
    char json[8192];
    struct span osl = proven ? client_text(s->h, p) : SPAN_NONE, ri;
    snprintf(json, sizeof json, "{\"%s\":{\"et\":\"%s\",\"adfq\":\"%s\",\"lbl\":[\"a\",\"b\"]%s%.*s%s}}",
             base == M2MBASE_MAF ? "sec:macr" : "sec:mecr", s->et, adfq, proven ? ",\"osl\":\"" : "", SPAN_FMT(osl),
             proven ? "\"" : "");
    struct answer a = m2m_ask(s->h, KIND_REG_CREATE, base, p->iss, SPAN_NONE, json);
    if (a.status != 200)
        return SPAN_NONE;
    const struct jval *o = m2m_resource(s->h, a, base == M2MBASE_MAF ? M2MTYPE_MACR : M2MTYPE_MECR);
    assert_int_equal(json_str(JSON_GET(o, "ri"), &s->h->mem, &ri), OK);
    assert_true(json_is(JSON_GET(o, "cr"), span_str(p->iss)));
    assert_int_equal(m2mname_get(o, M2MATTR_LBL)->n, 2);
    return ri;
}

/* A letter for a key of its own: number n. */
static struct letter_item item_n(struct scene *s, uint8_t n, uint8_t suid, uint8_t kv[ESD_KV])
{
    memset(kv, n, ESD_KV);
    struct letter_item m = item_of(s->h, kv, n, 1, "ward");
    m.suid = suid;
    return m;
}

static struct answer create(struct scene *s, uint8_t base, const struct party *p, struct letter_item *m,
                            const uint8_t kv[ESD_KV], const char *more)
{
    char json[16384];
    uint8_t kvs[1][ESD_KV];
    memcpy(kvs[0], kv, ESD_KV);
    struct span l = letter_text(s->h, p, m, 1, (const uint8_t(*)[ESD_KV])kvs);
    snprintf(json, sizeof json, "{\"sec:skr\":{\"et\":\"%s\",\"adfq\":\"%s\",\"suid\":%u,\"osl\":\"%.*s\"%s}}", s->et,
             FQDN, m->suid, SPAN_FMT(l), more);
    return m2m_ask(s->h, KIND_SKR_CREATE, base, p->iss, SPAN_NONE, json);
}

static struct span relative(struct span kid)
{
    return span_cut(&kid, '@');
}

static void policy_set(struct scene *s, uint64_t version, const struct party *reader)
{
    struct span t = policy_text(s->h, &s->gateway, "ward", version, reader);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
}

static struct span update_text(struct scene *s, const struct party *p, struct span kid, uint64_t n, int64_t et)
{
    struct buf scratch = heap_buf(1 << 16), out = heap_buf(1 << 16);
    struct key_update u = {.iss = span_str(p->iss), .aud = SPAN(FQDN), .kid = kid, .n = n, .et = et};
    enum err e = update_build(&u, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(s->h, &out, e);
}

/* ---- T-12 ----------------------------------------------------------------------------------------------------------
 */

static bool means(const char *id, const char *self, const char *want)
{
    uint8_t text[NAME_MAX_OCTETS];
    struct buf b = BUF_ARRAY(text);
    bool good = name_absolute(span_str(id), span_str(self), &b);
    return want ? good && span_eq(buf_span(&b), span_str(want)) : !good;
}

static void spellings_meet_within_their_domain_only(void **state)
{
    (void)state;
    assert_true(means("//sp.example/Sapp", "//other.example/Sx", "//sp.example/Sapp"));
    assert_true(means("//SP.Example/Sapp", "//other.example/Sx", "//sp.example/Sapp"));
    assert_true(means("/Sapp", "//sp.example/id-mn", "//sp.example/Sapp"));
    assert_true(means("/Sapp", "//other.example/id-mn", "//other.example/Sapp"));
    assert_true(means("Sapp", "//sp.example/Sx", "//sp.example/Sapp"));
    assert_true(means("/cse-1/Capp", "//sp.example/Sx", "//sp.example/cse-1/Capp"));
    assert_true(means("Capp", "//sp.example/cse-1/Cx", "//sp.example/cse-1/Capp"));
    assert_true(means("Capp", "//sp.example/cse-1", "//sp.example/cse-1/Capp"));
    static const char *const never[] = {
        "",     "/", "//",        "//sp.example",   "//sp.example/", "app", "Sa pp", "//sp/a/b", "//sp.example/a/Cb/c",
        "/a/b", "*", "//sp/S\nx", "//sp.example//S"};
    for (size_t i = 0; i < LEN(never); i++)
        if (!means(never[i], "//sp.example/Sx", NULL))
            fail_msg("%s", never[i]);
    assert_true(means("Capp", "//sp.example/Sx", NULL)); /* which CSE? */
    assert_true(name_same(SPAN("//SP.example/Sapp"), SPAN("//sp.example/Sapp")));
    assert_false(name_same(SPAN("//sp.example/sapp"), SPAN("//sp.example/Sapp")));
    assert_false(name_same(SPAN("//other.example/Sapp"), SPAN("//sp.example/Sapp")));
}

static void the_originator_may_spell_itself_shorter(void **state)
{
    (void)state;
    uint8_t text[NAME_MAX_OCTETS];
    struct buf b = BUF_ARRAY(text);
    static const struct span names = {(const uint8_t *)"x.example\nm2m://sp.example/Sapp\n", 31};
    assert_true(names_identity(names, SPAN("/Sapp"), &b));
    assert_true(span_eq(buf_span(&b), SPAN("//sp.example/Sapp")));
    assert_false(names_identity(names, SPAN("/Sother"), &b));
    assert_false(names_identity(names, SPAN("//other.example/Sapp"), &b));
    assert_false(names_identity(SPAN_NONE, SPAN("//sp.example/Sapp"), &b));
}

/* ---- bodies --------------------------------------------------------------------------------------------------------
 */

static void a_body_says_what_its_type_has_and_no_more(void **state)
{
    (void)state;
    static uint8_t room[1 << 16];
    static const struct {
        enum m2mname_type type;
        enum m2mbody_op op;
        const char *text;
    } bad[] = {
        {M2MTYPE_SKR, M2MBODY_CREATE, "{\"sec:skr\":{\"adfq\":\"a.b\",\"suid\":24}}"},
        {M2MTYPE_SKR, M2MBODY_CREATE, "{\"sec:skr\":{\"et\":\"20301231T000000\",\"adfq\":\"a.b\",\"suid\":20}}"},
        {M2MTYPE_SKR, M2MBODY_CREATE, "{\"sec:skr\":{\"et\":\"20301231T000000\",\"adfq\":\"a.b\",\"suid\":31}}"},
        {M2MTYPE_SKR, M2MBODY_CREATE, "{\"sec:skr\":{\"et\":\"x\",\"adfq\":\"a.b\",\"suid\":24}}"},
        {M2MTYPE_SKR, M2MBODY_CREATE,
         "{\"sec:skr\":{\"et\":\"20301231T000000\",\"adfq\":\"a.b\",\"suid\":24,\"acpi\":[]}}"},
        {M2MTYPE_SKR, M2MBODY_CREATE,
         "{\"sec:skr\":{\"et\":\"20301231T000000\",\"adfq\":\"a.b\",\"suid\":24,\"SUID\":24}}"},
        {M2MTYPE_SKR, M2MBODY_CREATE, "{\"sec:mecr\":{\"et\":\"20301231T000000\",\"adfq\":\"a.b\",\"suid\":24}}"},
        {M2MTYPE_SKR, M2MBODY_UPDATE, "{\"sec:skr\":{}}"},
        {M2MTYPE_SKR, M2MBODY_UPDATE, "{\"sec:skr\":{\"kv\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}}"},
        {M2MTYPE_SKR, M2MBODY_UPDATE, "{\"sec:skr\":{\"suid\":24}}"},
        {M2MTYPE_SKR, M2MBODY_UPDATE, "{\"sec:skr\":{\"lbl\":[\"a\\nb\"]}}"},
        {M2MTYPE_SKR, M2MBODY_UPDATE, "{\"sec:skr\":{\"lbl\":\"a\"}}"},
        {M2MTYPE_SKR, M2MBODY_UPDATE, "{\"sec:skr\":{\"tgis\":null}}"},
        {M2MTYPE_SKR, M2MBODY_UPDATE, "{\"sec:skr\":{\"lbl\":[]},\"x\":1}"},
        {M2MTYPE_MECR, M2MBODY_UPDATE, "{\"sec:mecr\":{\"adfq\":\"a.b\"}}"},
        {M2MTYPE_MECM, M2MBODY_UPDATE, "{\"sec:mecm\":{\"cmid\":\"a\"}}"},
        {M2MTYPE_MECM, M2MBODY_UPDATE, "{\"sec:mecm\":{\"cmid\":\"a b\",\"cmst\":20}}"},
    };
    struct m2mbody m;
    struct arena a;
    for (size_t i = 0; i < LEN(bad); i++) {
        arena_over(&a, room, sizeof room);
        if (!m2mbody_read(span_str(bad[i].text), bad[i].type, bad[i].op, &a, &m))
            fail_msg("%s", bad[i].text);
    }
    arena_over(&a, room, sizeof room);
    assert_null(m2mbody_read(SPAN("{\"sec:skr\":{\"labels\":[\"x\",\"y z\"],\"tgis\":[\"//sp/Sa\"]}}"), M2MTYPE_SKR,
                             M2MBODY_UPDATE, &a, &m));
    assert_true(span_eq(m.lbl, SPAN("x\ny z")));
    assert_true(m.has[M2MATTR_LBL] && m.n_tgis == 1);
}

static void targets_are_counted_by_suid(void **state)
{
    (void)state;
    static uint8_t room[1 << 16];
    struct arena a;
    struct span lines;
    struct m2mbody none = {0}, one = {.tgis = {SPAN("/Sa")}, .n_tgis = 1},
                   two = {.tgis = {SPAN("//sp.example/Sa"), SPAN("//sp.example/Sb")}, .n_tgis = 2},
                   doubled = {.tgis = {SPAN("//SP.example/Sa"), SPAN("/Sa")}, .n_tgis = 2},
                   maf = {.tgis = {SPAN("maf.example")}, .n_tgis = 1};
    struct span self = SPAN("//sp.example/id-mn");
    arena_over(&a, room, sizeof room);
    static const uint8_t pairs[] = {21, 22, 23, 32, 33}, many[] = {24, 25, 34, 35};
    for (size_t i = 0; i < LEN(pairs); i++) {
        assert_non_null(m2mbody_targets(&none, pairs[i], self, true, &a, &lines));
        assert_non_null(m2mbody_targets(&two, pairs[i], self, true, &a, &lines));
        assert_null(m2mbody_targets(&one, pairs[i], self, false, &a, &lines));
        assert_true(span_eq(lines, SPAN("//sp.example/Sa")));
        assert_null(m2mbody_targets(&doubled, pairs[i], self, false, &a, &lines));
    }
    for (size_t i = 0; i < LEN(many); i++) {
        assert_non_null(m2mbody_targets(&none, many[i], self, false, &a, &lines));
        assert_null(m2mbody_targets(&none, many[i], self, true, &a, &lines));
        assert_null(m2mbody_targets(&two, many[i], self, false, &a, &lines));
        assert_non_null(m2mbody_targets(&maf, many[i], self, false, &a, &lines));
    }
    assert_null(m2mbody_targets(&maf, 21, self, false, &a, &lines));
    assert_int_equal(m2mbody_suid_base(24), M2MBASE_MEF);
    assert_int_equal(m2mbody_suid_base(32), M2MBASE_MAF);
    assert_int_equal(m2mbody_suid_base(31), 0);
    assert_int_equal(m2mbody_suid_base(14), 0);
}

/* ---- client registrations ------------------------------------------------------------------------------------------
 */

static void a_client_registers_once(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct span ri = enrol(&s, M2MBASE_MEF, &s.gateway, FQDN, true);
    assert_int_equal(ri.n, REG_NAME);
    assert_int_equal(enrol(&s, M2MBASE_MEF, &s.gateway, FQDN, true).n, 0); /* 4105 */
    assert_int_equal(enrol(&s, M2MBASE_MAF, &s.gateway, FQDN, true).n, REG_NAME);
    assert_int_equal(enrol(&s, M2MBASE_MEF, &s.gateway, "unknown.example", true).n, 0);
    /* others see nothing of it */
    assert_int_equal(m2m_ask(s.h, KIND_REG_GET, M2MBASE_MEF, s.app.iss, ri, "").status, 403);
    assert_int_equal(m2m_ask(s.h, KIND_REG_CFG, M2MBASE_MEF, s.app.iss, ri, "443").status, 403);
    assert_int_equal(m2m_ask(s.h, KIND_REG_DELETE, M2MBASE_MEF, s.app.iss, ri, "").status, 403);
    assert_int_equal(m2m_ask(s.h, KIND_REG_GET, M2MBASE_MAF, s.gateway.iss, ri, "").status, 404);
    const struct jval *cfg =
        m2m_resource(s.h, m2m_ask(s.h, KIND_REG_CFG, M2MBASE_MEF, s.gateway.iss, ri, "8443"), M2MTYPE_CRC);
    uint64_t port;
    assert_int_equal(json_u64(m2mname_get(cfg, M2MATTR_HTPT), 65535, &port), OK);
    assert_int_equal(port, 8443);
    assert_true(span_eq(text_of(&s, cfg, M2MATTR_FQDN), SPAN(FQDN)));
    /* labels and time change, and stay so when the rooms come back */
    assert_int_equal(
        m2m_ask(s.h, KIND_REG_UPDATE, M2MBASE_MEF, s.gateway.iss, ri, "{\"sec:mecr\":{\"et\":\"20000101T000000\"}}")
            .status,
        400);
    assert_int_equal(m2m_ask(s.h, KIND_REG_UPDATE, M2MBASE_MEF, s.gateway.iss, ri,
                             "{\"sec:mecr\":{\"et\":\"20901231T000000\",\"lbl\":[\"c\"]}}")
                         .status,
                     200);
    house_restart(s.h);
    assert_true(s.h->up);
    const struct jval *o =
        m2m_resource(s.h, m2m_ask(s.h, KIND_REG_GET, M2MBASE_MEF, s.gateway.iss, ri, ""), M2MTYPE_MECR);
    assert_true(span_eq(text_of(&s, o, M2MATTR_ET), SPAN("20901231T000000")));
    assert_int_equal(m2mname_get(o, M2MATTR_LBL)->n, 1);
    assert_null(m2mname_get(o, M2MATTR_CH));
    assert_int_equal(m2m_ask(s.h, KIND_REG_DELETE, M2MBASE_MEF, s.gateway.iss, ri, "").status, 200);
    assert_int_equal(m2m_ask(s.h, KIND_REG_GET, M2MBASE_MEF, s.gateway.iss, ri, "").status, 404);
    assert_int_equal(enrol(&s, M2MBASE_MEF, &s.gateway, FQDN, true).n, REG_NAME);
    scene_end(&s);
}

/* A room's word alone registers nobody's signing key, and gives way to who proves his. */
static void a_registration_without_a_signature_binds_nothing(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    assert_int_equal(enrol(&s, M2MBASE_MEF, &s.gateway, FQDN, false).n, REG_NAME);
    struct letter_item m = item_n(&s, 7, 24, kv);
    assert_int_equal(create(&s, M2MBASE_MEF, &s.gateway, &m, kv, "").status, 403);
    assert_int_equal(enrol(&s, M2MBASE_MEF, &s.gateway, FQDN, true).n, REG_NAME);
    assert_int_equal(enrol(&s, M2MBASE_MEF, &s.gateway, FQDN, false).n, 0);
    assert_int_equal(create(&s, M2MBASE_MEF, &s.gateway, &m, kv, "").status, 200);
    scene_end(&s);
}

static void a_registration_is_for_who_signed_it(void **state)
{
    (void)state;
    struct scene s;
    char json[8192];
    scene_set(&s);
    struct span osl = client_text(s.h, &s.gateway);
    snprintf(json, sizeof json, "{\"sec:mecr\":{\"et\":\"%s\",\"adfq\":\"%s\",\"osl\":\"%.*s\"}}", s.et, FQDN,
             SPAN_FMT(osl));
    assert_int_equal(m2m_ask(s.h, KIND_REG_CREATE, M2MBASE_MEF, s.other.iss, SPAN_NONE, json).status, 403);
    /* the originator must be of the certificate */
    assert_int_equal(
        ask(s.h, KIND_REG_CREATE, "m2m://demo.example/Sapp-other\n", m2m_body(s.h, s.gateway.iss, SPAN_NONE, json))
            .status,
        403);
    scene_end(&s);
}

/* ---- key registrations ---------------------------------------------------------------------------------------------
 */

static void a_key_needs_a_registration_a_base_and_targets(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    join(s.h, &s.gateway);
    struct letter_item m = item_n(&s, 7, 24, kv);
    assert_int_equal(create(&s, M2MBASE_MEF, &s.gateway, &m, kv, "").status, 403); /* T-03 */
    assert_int_equal(enrol(&s, M2MBASE_MEF, &s.gateway, FQDN, true).n, REG_NAME);
    assert_int_equal(create(&s, M2MBASE_MAF, &s.gateway, &m, kv, "").status, 400); /* 24 is the MEF's */
    assert_int_equal(create(&s, M2MBASE_MEF, &s.gateway, &m, kv, ",\"tgis\":[\"Xapp\"]").status, 400);
    assert_int_equal(create(&s, M2MBASE_MEF, &s.gateway, &m, kv, ",\"kv\":\"AAAAAAAAAAAAAAAAAAAAAA==\"").status, 400);
    struct answer a = create(&s, M2MBASE_MEF, &s.gateway, &m, kv, ",\"lbl\":[\"ward 3\"],\"tgis\":[\"/Sapp-heat\"]");
    const struct jval *o = m2m_resource(s.h, a, M2MTYPE_SKR);
    assert_true(span_eq(text_of(&s, o, M2MATTR_ET), span_str(s.et)));
    assert_int_equal(m2mname_get(o, M2MATTR_TGIS)->n, 0); /* what counts is the policy, and there is none */
    assert_null(m2mname_get(o, M2MATTR_KV));
    static const uint8_t pairs[] = {21, 22, 23, 25};
    for (uint8_t i = 0; i < LEN(pairs); i++) {
        struct letter_item p = item_n(&s, (uint8_t)(20 + i), pairs[i], kv);
        if (pairs[i] != 25)
            assert_int_equal(create(&s, M2MBASE_MEF, &s.gateway, &p, kv, "").status, 400); /* T-07 */
        assert_int_equal(create(&s, M2MBASE_MEF, &s.gateway, &p, kv, ",\"tgis\":[\"/Sapp-heat\"]").status, 200);
    }
    struct letter_item maf = item_n(&s, 40, 34, kv);
    assert_int_equal(create(&s, M2MBASE_MAF, &s.gateway, &maf, kv, "").status, 403);
    assert_int_equal(enrol(&s, M2MBASE_MAF, &s.gateway, FQDN, true).n, REG_NAME);
    assert_int_equal(create(&s, M2MBASE_MAF, &s.gateway, &maf, kv, "").status, 200);
    scene_end(&s);
}

static struct answer get(struct scene *s, const struct party *p, struct span kid)
{
    return m2m_ask(s->h, KIND_SKR_GET, M2MBASE_MEF, p->iss, relative(kid), "");
}

static struct answer update(struct scene *s, const struct party *p, struct span kid, const char *json)
{
    return m2m_ask(s->h, KIND_SKR_UPDATE, M2MBASE_MEF, p->iss, relative(kid), json);
}

static struct span registered(struct scene *s, uint8_t suid)
{
    uint8_t kv[ESD_KV];
    assert_int_equal(enrol(s, M2MBASE_MEF, &s->gateway, FQDN, true).n, REG_NAME);
    struct letter_item m = item_n(s, 7, suid, kv);
    assert_int_equal(create(s, M2MBASE_MEF, &s->gateway, &m, kv, ",\"tgis\":[\"/Sapp-heat\"]").status, 200);
    policy_set(s, 1, &s->app);
    return m.kid;
}

static void creator_and_target_see_their_parts(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct span kid = registered(&s, 24);
    uint64_t size = s.h->size;
    const struct jval *o = m2m_resource(s.h, get(&s, &s.gateway, kid), M2MTYPE_SKR);
    assert_int_equal(m2mname_get(o, M2MATTR_TGIS)->n, 1);
    assert_true(json_is(m2mname_get(o, M2MATTR_TGIS)->child, span_str(s.app.iss)));
    assert_null(m2mname_get(o, M2MATTR_KV));
    o = m2m_resource(s.h, get(&s, &s.app, kid), M2MTYPE_SKR);
    assert_null(m2mname_get(o, M2MATTR_TGIS));
    assert_null(m2mname_get(o, M2MATTR_KV));
    assert_true(span_eq(text_of(&s, o, M2MATTR_OSR), SPAN("/release")));
    assert_int_equal(s.h->size, size + 2); /* T-11: each retrieval has its leaf */
    assert_int_equal(get(&s, &s.other, kid).status, 403);
    struct span no = denial_text(s.h, s.gateway.iss, s.gateway.key, s.app.iss, true, 1);
    assert_true(span_eq(ack_of(s.h, no, ask(s.h, KIND_POLICY, "", no)).code, SPAN("ok")));
    assert_int_equal(get(&s, &s.app, kid).status, 403);
    no = denial_text(s.h, s.gateway.iss, s.gateway.key, s.app.iss, false, 2);
    assert_true(span_eq(ack_of(s.h, no, ask(s.h, KIND_POLICY, "", no)).code, SPAN("ok")));
    assert_int_equal(get(&s, &s.app, kid).status, 200);
    size = s.h->size;
    s.h->now += 60000;
    assert_int_equal(vault_tick(s.h->vault), OK);
    pump(s.h);
    assert_int_equal(s.h->size, size + 2); /* and denials one each for who was denied */
    s.h->now += 86400000;
    assert_int_equal(get(&s, &s.app, kid).status, 404); /* T-06: over */
    scene_end(&s);
}

static void targets_change_by_the_signed_policy_alone(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    char json[16384];
    scene_set(&s);
    struct span kid = registered(&s, 24);
    assert_int_equal(update(&s, &s.gateway, kid, "{\"sec:skr\":{\"tgis\":[\"/Sapp-other\"]}}").status, 400);
    assert_int_equal(release_one(s.h, &s.other, kid, kv), REASON_REFUSED);
    /* a policy for other readers than the attribute names, and one that a reader signed */
    struct span p = policy_text(s.h, &s.gateway, "ward", 2, &s.other);
    snprintf(json, sizeof json, "{\"sec:skr\":{\"tgis\":[\"/Sapp-heat\"],\"osl\":\"%.*s\"}}", SPAN_FMT(p));
    assert_int_equal(update(&s, &s.gateway, kid, json).status, 400);
    struct span forged = policy_text(s.h, &s.other, "ward", 1, &s.other);
    snprintf(json, sizeof json, "{\"sec:skr\":{\"tgis\":[\"/Sapp-other\"],\"osl\":\"%.*s\"}}", SPAN_FMT(forged));
    assert_int_equal(update(&s, &s.gateway, kid, json).status, 400);
    assert_int_equal(update(&s, &s.other, kid, json).status, 403);
    assert_int_equal(release_one(s.h, &s.other, kid, kv), REASON_REFUSED);
    /* the owner's own */
    snprintf(json, sizeof json, "{\"sec:skr\":{\"tgis\":[\"/Sapp-other\"],\"lbl\":[\"new\"],\"osl\":\"%.*s\"}}",
             SPAN_FMT(p));
    const struct jval *o = m2m_resource(s.h, update(&s, &s.gateway, kid, json), M2MTYPE_SKR);
    assert_true(json_is(m2mname_get(o, M2MATTR_TGIS)->child, span_str(s.other.iss)));
    assert_null(m2mname_get(o, M2MATTR_SUID)); /* what was asked for, no more */
    assert_int_equal(release_one(s.h, &s.other, kid, kv), REASON_OK);
    assert_int_equal(release_one(s.h, &s.app, kid, kv), REASON_REFUSED);
    assert_int_equal(update(&s, &s.gateway, kid, json).status, 409); /* the version is taken */
    o = m2m_resource(s.h, get(&s, &s.gateway, kid), M2MTYPE_SKR);
    assert_true(json_is(m2mname_get(o, M2MATTR_LBL)->child, SPAN("new")));
    house_restart(s.h);
    assert_int_equal(release_one(s.h, &s.app, kid, kv), REASON_REFUSED);
    scene_end(&s);
}

static void the_end_changes_by_a_signed_text_alone(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV], time[32];
    struct buf b = BUF_ARRAY(time);
    char json[16384];
    scene_set(&s);
    struct span kid = registered(&s, 24);
    int64_t later = s.h->now + 10 * (int64_t)86400000;
    m2mtime_put(&b, later);
    buf_nul(&b);
    snprintf(json, sizeof json, "{\"sec:skr\":{\"et\":\"%s\"}}", (char *)time);
    assert_int_equal(update(&s, &s.gateway, kid, json).status, 400);
    struct span forged = update_text(&s, &s.other, kid, 5, later), good = update_text(&s, &s.gateway, kid, 5, later);
    snprintf(json, sizeof json, "{\"sec:skr\":{\"et\":\"%s\",\"osl\":\"%.*s\"}}", (char *)time, SPAN_FMT(forged));
    assert_int_equal(update(&s, &s.gateway, kid, json).status, 400);
    snprintf(json, sizeof json, "{\"sec:skr\":{\"et\":\"%s\",\"osl\":\"%.*s\"}}", (char *)time, SPAN_FMT(good));
    assert_int_equal(update(&s, &s.gateway, kid, json).status, 200);
    assert_int_equal(update(&s, &s.gateway, kid, json).status, 409); /* not twice */
    s.h->now += 2 * 86400000;
    assert_int_equal(release_one(s.h, &s.app, kid, kv), REASON_OK); /* beyond the row's own end */
    house_restart(s.h);
    assert_int_equal(release_one(s.h, &s.app, kid, kv), REASON_OK);
    /* and shorter again */
    buf_reset(&b);
    m2mtime_put(&b, s.h->now + 60000);
    buf_nul(&b);
    good = update_text(&s, &s.gateway, kid, 6, s.h->now + 60000);
    snprintf(json, sizeof json, "{\"sec:skr\":{\"et\":\"%s\",\"osl\":\"%.*s\"}}", (char *)time, SPAN_FMT(good));
    assert_int_equal(update(&s, &s.gateway, kid, json).status, 200);
    s.h->now += 60001;
    assert_int_equal(release_one(s.h, &s.app, kid, kv), REASON_EXPIRED);
    assert_int_equal(get(&s, &s.app, kid).status, 404);
    scene_end(&s);
}

static void an_update_that_is_not_written_changes_nothing(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct span kid = registered(&s, 24);
    disk(s.h, "CREATE TRIGGER full BEFORE INSERT ON leaf BEGIN SELECT RAISE(ABORT,'disk full'); END");
    assert_int_equal(update(&s, &s.gateway, kid, "{\"sec:skr\":{\"lbl\":[\"x\"]}}").status, 503);
    disk(s.h, "DROP TRIGGER full");
    const struct jval *o = m2m_resource(s.h, get(&s, &s.gateway, kid), M2MTYPE_SKR);
    assert_null(m2mname_get(o, M2MATTR_LBL));
    assert_int_equal(update(&s, &s.gateway, kid, "{\"sec:skr\":{\"lbl\":[\"x\"]}}").status, 200);
    o = m2m_resource(s.h, get(&s, &s.gateway, kid), M2MTYPE_SKR);
    assert_int_equal(m2mname_get(o, M2MATTR_LBL)->n, 1);
    scene_end(&s);
}

/* A key for another use than data is not released to whoever takes it for one. */
static void a_key_is_released_for_its_use(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    struct span kid = registered(&s, 22);
    assert_int_equal(release_one(s.h, &s.app, kid, kv), REASON_REFUSED);
    struct release_ask q = {.purpose = SPAN("suid:22")};
    struct release_got g;
    struct span text = release_text(s.h, &s.app, &q, &kid, 1);
    assert_int_equal(open_answer(s.h, text, &q, ask(s.h, KIND_RELEASE, "", text), &g), REASON_OK);
    assert_int_equal(g.n_keys, 1);
    release_wipe(&g);
    p256_free(q.epk);
    scene_end(&s);
}

/* ---- administrations -----------------------------------------------------------------------------------------------
 */

static void an_administration_keeps_its_streams(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kvs[1][ESD_KV];
    scene_set(&s);
    join(s.h, &s.gateway);
    struct letter_item m = item_n(&s, 7, 24, kvs[0]);
    struct span t = letter_text(s.h, &s.gateway, &m, 1, (const uint8_t(*)[ESD_KV])kvs);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_LETTER, "", t)).code, SPAN("ok")));
    /* the same stream under the same administration spelled otherwise: a tenant of its own, whose key does not fit */
    memset(kvs[0], 9, ESD_KV);
    m = item_of(s.h, kvs[0], 7, 2, "ward");
    m.adfq = SPAN("TTP.demo.example");
    t = letter_text(s.h, &s.gateway, &m, 1, (const uint8_t(*)[ESD_KV])kvs);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_LETTER, "", t)).code, SPAN("conflict")));
    assert_int_equal(s.h->vault_end, OK);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_meet_within_their_domain_only),
        cmocka_unit_test(the_originator_may_spell_itself_shorter),
        cmocka_unit_test(a_body_says_what_its_type_has_and_no_more),
        cmocka_unit_test(targets_are_counted_by_suid),
        cmocka_unit_test(a_client_registers_once),
        cmocka_unit_test(a_registration_without_a_signature_binds_nothing),
        cmocka_unit_test(a_registration_is_for_who_signed_it),
        cmocka_unit_test(a_key_needs_a_registration_a_base_and_targets),
        cmocka_unit_test(creator_and_target_see_their_parts),
        cmocka_unit_test(targets_change_by_the_signed_policy_alone),
        cmocka_unit_test(the_end_changes_by_a_signed_text_alone),
        cmocka_unit_test(an_update_that_is_not_written_changes_nothing),
        cmocka_unit_test(a_key_is_released_for_its_use),
        cmocka_unit_test(an_administration_keeps_its_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
