/* lib/m2m: representations for CREATE and UPDATE, the order of their checks, and the small grammars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "m2m/check.h"
#include "m2m/prim.h"

static const int64_t now = 1795507200000; /* 20261124T080000 */
static uint8_t memory[1 << 18];

struct row {
    unsigned parent, ty;
    const char *json; /* content, NULL: none */
    unsigned rsc;     /* 0: accepted */
    const char *attr; /* name in the verdict, "" when none */
};

static struct verdict run(const struct row *r, bool create, const char *old_json, const struct switches *sw,
                          unsigned rvi, unsigned role, struct attrs *out)
{
    static struct arena a;
    struct jval *pc = NULL, *old = NULL;
    struct attrs was = {0};
    arena_over(&a, memory, sizeof memory);
    if (r->json)
        assert_int_equal(json_parse(span_str(r->json), &a, &pc, NULL), OK);
    if (old_json) {
        assert_int_equal(json_parse(span_str(old_json), &a, &old, NULL), OK);
        attrs_from(old, type_of(r->ty), &was);
    }
    struct check c = {.sw = sw,
                      .now = now,
                      .role = (uint8_t)role,
                      .rvi = (uint8_t)rvi,
                      .parent_ty = (uint16_t)r->parent,
                      .ty = (uint16_t)r->ty,
                      .pc = pc};
    return create ? check_create(&c, &a, out) : check_update(&c, &was, &a, out);
}

static void expect(const struct row *r, struct verdict v)
{
    if (v.rsc != r->rsc || !span_eq(v.attr, span_str(r->attr)))
        fail_msg("%s: got %u '%.*s' (%s), want %u '%s'", r->json ? r->json : "no content", (unsigned)v.rsc,
                 SPAN_FMT(v.attr), v.rule ? v.rule : "", r->rsc, r->attr);
    assert_true(v.rsc == 0 || (v.rule && strlen(v.rule) > 8));
}

static void all(const struct row *rows, size_t n, bool create, const char *old)
{
    static const struct switches none;
    struct attrs out;
    for (size_t i = 0; i < n; i++)
        expect(&rows[i], run(&rows[i], create, old, &none, REL_3, ROLE_MN, &out));
}

static void creates(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* the type: IN-only, not implemented, never, not a child, not subscribable */
        {TY_CB, 47, "{\"m2m:tr\":{}}", 4005, "ty"},
        {TY_CB, TY_TRAC, "{\"m2m:trac\":{}}", 5001, "ty"},
        {TY_CB, TY_CB, "{\"m2m:cb\":{}}", 4005, "ty"},
        {TY_CNT, TY_AE, "{\"m2m:ae\":{}}", 4108, "ty"},
        {TY_CIN, TY_SUB, "{\"m2m:sub\":{}}", 5203, "ty"},
        {TY_SUB, TY_SUB, "{\"m2m:sub\":{}}", 5203, "ty"},
        {TY_CNT, TY_AE, NULL, 4108, "ty"},
        /* content and root */
        {TY_AE, TY_CNT, NULL, 4000, "pc"},
        {TY_AE, TY_CNT, "[]", 4000, "pc"},
        {TY_AE, TY_CNT, "{}", 4000, "pc"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{},\"m2m:cin\":{}}", 4000, "pc"},
        {TY_AE, TY_CNT, "{\"m2m:cin\":{}}", 4000, "m2m:cin"},
        {TY_AE, TY_CNT, "{\"cnt\":{}}", 4000, "cnt"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":[]}", 4000, "m2m:cnt"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{}}", 0, ""},
        /* et comes before everything else in the object, cr next, then unknown names, then the others */
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"xyz\":1,\"cr\":\"C\",\"et\":\"20200101T000000\"}}", 4000, "et"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"xyz\":1,\"cr\":\"C\"}}", 4000, "cr"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":-1,\"xyz\":1}}", 4000, "xyz"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"et\":\"20261124T080000\"}}", 4000, "et"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"et\":\"20261124T080001\"}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"et\":\"20271324T080001\"}}", 4000, "et"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"et\":5}}", 4000, "et"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"et\":null}}", 4000, "et"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"cr\":null}}", 0, ""},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"cr\":null,\"api\":\"N1\",\"rr\":true,\"srv\":[\"3\"]}}", 4000, "cr"},
        /* given by the CSE */
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"ct\":\"20261124T080000\"}}", 4000, "ct"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"ri\":\"x\"}}", 4000, "ri"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"st\":1}}", 4000, "st"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"cni\":null}}", 4000, "cni"},
        /* types */
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":\"5\"}}", 4000, "mni"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":-1}}", 4000, "mni"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":1.5}}", 4000, "mni"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":99999999999999999999}}", 4000, "mni"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":9223372036854775807,\"mbs\":0,\"mia\":1}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":null}}", 4000, "mni"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"lbl\":\"x\"}}", 4000, "lbl"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"lbl\":[]}}", 4000, "lbl"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"lbl\":[\"a\",\"\"]}}", 4000, "lbl"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"lbl\":[\"a b:c\",\"\\u00e9\"]}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"lbl\":[\"a  b\"]}}", 4000, "lbl"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"lbl\":[\"a\\nb\"]}}", 4000, "lbl"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"lbl\":[null]}}", 4000, "lbl"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"disr\":1}}", 4000, "disr"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"acpi\":[]}}", 4000, "acpi"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"acpi\":[\"mn/acp 1\"]}}", 4000, "acpi"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"\\u006dni\":3}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"loc\":{\"typ\":1,\"crd\":\"[1,2]\"}}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"loc\":[{\"typ\":1,\"crd\":\"[1,2]\"}]}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"loc\":{\"typ\":9,\"crd\":\"[1,2]\"}}}", 4000, "loc.typ"},
        /* names */
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"_a\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"-\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\".a\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a/b\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a@b\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a b\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"x';DROP TABLE r;--\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a\"}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"la\"}}", 0, ""},
        {TY_CNT, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"la\"}}", 4005, "rn"},
        {TY_CNT, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"ol\"}}", 4005, "rn"},
        {TY_CNT, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"lab\"}}", 0, ""},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"rn\":\"la\",\"nu\":[\"C1\"]}}", 4005, "rn"},
        /* contentInstance */
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{}}", 4000, "con"},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"con\":null}}", 4000, "con"},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"con\":\"\"}}", 0, ""},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"con\":{\"a\":[1,null]}}}", 0, ""},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"con\":\"x\",\"cs\":1}}", 4000, "cs"},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"con\":\"x\",\"acpi\":[\"mn/a\"]}}", 4000, "acpi"},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"con\":\"x\",\"cnf\":\"text\"}}", 4000, "cnf"},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"con\":\"x\",\"dcnt\":0}}", 4000, "dcnt"},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"conr\":{\"urir\":[{\"nm\":\"a\",\"uri\":\"mn/x\"}]}}}", 0, ""},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"conr\":{\"urir\":[{\"nm\":\"a\"}]}}}", 4000, "conr.urir.uri"},
        /* AE */
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true,\"srv\":[\"2a\",\"3\"]}}", 0, ""},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"r.a\",\"rr\":true,\"srv\":[\"3\"]}}", 0, ""},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"x.a\",\"rr\":true,\"srv\":[\"3\"]}}", 4000, "api"},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"rr\":true,\"srv\":[\"3\"]}}", 4000, "api"},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"srv\":[\"3\"]}}", 4000, "rr"},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true}}", 4000, "srv"},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true,\"srv\":[\"6\"]}}", 4000, "srv"},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":\"true\",\"srv\":[\"3\"]}}", 4000, "rr"},
        {TY_CB, TY_AE,
         "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true,\"srv\":[\"3\"],\"csz\":[\"application/json\",\"cbor\"]}}", 0, ""},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true,\"srv\":[\"3\"],\"csz\":[\"yaml\"]}}", 4000, "csz"},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true,\"srv\":[\"3\"],\"aei\":\"C1\"}}", 4000, "aei"},
        {TY_CB, TY_AE,
         "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true,\"srv\":[\"3\"],\"esi\":{\"esf\":[14,44]},\"poa\":[\"https://h:1/"
         "x\"],"
         "\"ape\":[{\"se\":[{\"sce\":[\"* * * * * * *\"]}],\"sti\":1}]}}",
         0, ""},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true,\"srv\":[\"3\"],\"esi\":{\"esf\":[9]}}}", 4000,
         "esi.esf"},
        /* remoteCSE */
        {TY_CB, TY_CSR, "{\"m2m:csr\":{\"cb\":\"/id-mn/mn\",\"rr\":true,\"srv\":[\"3\"],\"cst\":2}}", 0, ""},
        {TY_CB, TY_CSR, "{\"m2m:csr\":{\"cb\":\"/id-mn/mn\",\"rr\":true,\"srv\":[\"3\"],\"cst\":4}}", 4000, "cst"},
        {TY_CB, TY_CSR, "{\"m2m:csr\":{\"rr\":true,\"srv\":[\"3\"]}}", 4000, "cb"},
    };
    all(rows, LEN(rows), true, NULL);
}

static void policies(void **state)
{
    (void)state;
#define ACP(pv, pvs) "{\"m2m:acp\":{\"pv\":" pv ",\"pvs\":" pvs "}}"
#define OKRULE       "{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]}"
#define RULE1(more)  "{\"acr\":[{\"acor\":[\"all\"],\"acop\":1" more "}]}"
    static const struct row rows[] = {
        {TY_AE, TY_ACP, ACP("{}", OKRULE), 0, ""},
        {TY_AE, TY_ACP, ACP("{\"acr\":[]}", OKRULE), 0, ""},
        {TY_AE, TY_ACP, ACP(OKRULE, "{}"), 4000, "pvs"},
        {TY_AE, TY_ACP, ACP(OKRULE, "{\"acr\":[]}"), 4000, "pvs"},
        {TY_AE, TY_ACP, "{\"m2m:acp\":{\"pv\":{}}}", 4000, "pvs"},
        {TY_AE, TY_ACP, ACP("{\"acr\":[{\"acor\":[\"C1\"]}]}", OKRULE), 4000, "pv.acr.acop"},
        {TY_AE, TY_ACP, ACP("{\"acr\":[{\"acor\":[\"C1\"],\"acop\":0}]}", OKRULE), 4000, "pv.acr.acop"},
        {TY_AE, TY_ACP, ACP("{\"acr\":[{\"acor\":[\"C1\"],\"acop\":64}]}", OKRULE), 4000, "pv.acr.acop"},
        {TY_AE, TY_ACP, ACP("{\"acr\":[{\"acor\":[],\"acop\":1}]}", OKRULE), 4000, "pv.acr.acor"},
        {TY_AE, TY_ACP, ACP("{\"acr\":{\"acor\":[\"C1\"],\"acop\":1}}", OKRULE), 4000, "pv.acr"},
        {TY_AE, TY_ACP, ACP("[]", OKRULE), 4000, "pv"},
        {TY_AE, TY_ACP, ACP(RULE1(",\"x\":1"), OKRULE), 4000, "pv.acr.x"},
        {TY_AE, TY_ACP, ACP(RULE1(",\"acaf\":null"), OKRULE), 4000, "pv.acr.acaf"},
        {TY_AE, TY_ACP,
         ACP(RULE1(",\"acco\":[{\"actw\":[\"* * 8-17 * * 1-5 *\"],\"acip\":{\"ipv4\":[\"10.0.0.0/8\"]}}]"), OKRULE), 0,
         ""},
        {TY_AE, TY_ACP, ACP(RULE1(",\"acco\":[{\"actw\":[\"* * 25 * * * *\"]}]"), OKRULE), 4000, "pv.acr.acco.actw"},
        {TY_AE, TY_ACP, ACP(RULE1(",\"acco\":[{\"acip\":{\"ipv4\":[\"10.0.0.256\"]}}]"), OKRULE), 4000,
         "pv.acr.acco.acip.ipv4"},
        {TY_AE, TY_ACP, ACP(RULE1(",\"acco\":[{\"acip\":{\"ipv6\":[\"2001:db8::/32\",\"::1\"]}}]"), OKRULE), 0, ""},
        {TY_AE, TY_ACP, ACP(RULE1(",\"acod\":[{\"chty\":[3,4]}]"), OKRULE), 0, ""},
        {TY_AE, TY_ACP, ACP(RULE1(",\"acod\":[{\"ty\":3}]"), OKRULE), 4000, "pv.acr.acod.chty"},
    };
    all(rows, LEN(rows), true, NULL);
}

static void subscriptions(void **state)
{
    (void)state;
#define SUB(more) "{\"m2m:sub\":{\"nu\":[\"C1\"]" more "}}"
#define ENC(enc)  SUB(",\"enc\":{" enc "}")
    static const struct row rows[] = {
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{}}", 4000, "nu"},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nu\":[]}}", 4000, "nu"},
        {TY_CNT, TY_SUB, SUB(""), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"net\":[1,2,3,4]"), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"net\":[9]"), 4000, "enc.net"},
        {TY_CNT, TY_SUB, ENC("\"net\":3"), 4000, "enc.net"},
        {TY_CNT, TY_SUB, ENC("\"net\":[3],\"chty\":[4]"), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"net\":[3],\"chty\":[28]"), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"net\":[3],\"chty\":[2]"), 4000, "enc.chty"},
        {TY_CNT, TY_SUB, ENC("\"net\":[1],\"om\":[{\"ops\":2}]"), 4000, "enc"},
        {TY_CNT, TY_SUB, ENC("\"om\":[{\"ops\":2,\"or\":\"C1\"}]"), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"om\":[{}]"), 4000, "enc.om"},
        {TY_CNT, TY_SUB, ENC("\"om\":[{\"org\":\"C1\"}]"), 4000, "enc.om.org"},
        {TY_CNT, TY_SUB, ENC("\"sts\":0"), 4000, "enc.sts"},
        {TY_CNT, TY_SUB, ENC("\"szb\":0"), 4000, "enc.szb"},
        {TY_CNT, TY_SUB, ENC("\"sza\":0,\"stb\":0"), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"atr\":[\"lbl\"],\"fo\":3"), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"crb\":\"yesterday\""), 4000, "enc.crb"},
        {TY_CNT, TY_SUB, ENC("\"net\":[8]"), 4000, "enc.md"},
        {TY_CNT, TY_SUB, ENC("\"net\":[1],\"md\":{\"num\":1,\"dur\":\"PT1S\"}"), 4000, "enc.md"},
        {TY_CNT, TY_SUB, ENC("\"net\":[5]"), 0, ""},
        {TY_AE, TY_SUB, ENC("\"net\":[5]"), 4000, "enc.net"},
        {TY_AE, TY_SUB, ENC("\"net\":[6]"), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"net\":[6]"), 4000, "enc.net"},
        {TY_CNT, TY_SUB, SUB(",\"nct\":2"), 0, ""},
        {TY_CNT, TY_SUB, SUB(",\"nct\":4"), 4000, "nct"},
        {TY_CNT, TY_SUB, SUB(",\"nct\":9"), 4000, "nct"},
        {TY_CNT, TY_SUB, ENC("\"net\":[3]},\"nct\":2,\"rl\":{\"mnn\":1,\"tww\":\"PT1M\""), 4000, "nct"},
        {TY_CNT, TY_SUB, ENC("\"net\":[1,3]},\"nct\":3,\"rl\":{\"mnn\":1,\"tww\":\"PT1M\""), 0, ""},
        {TY_CNT, TY_SUB, SUB(",\"exc\":0"), 4000, "exc"},
        {TY_CNT, TY_SUB, SUB(",\"bn\":{\"num\":3,\"dur\":\"PT5S\"}"), 0, ""},
        {TY_CNT, TY_SUB, SUB(",\"bn\":{\"num\":3,\"dur\":\"-PT5S\"}"), 4000, "bn.dur"},
        {TY_CNT, TY_SUB, SUB(",\"bn\":{\"num\":3,\"dur\":5}"), 4000, "bn.dur"},
        {TY_CNT, TY_SUB, SUB(",\"pn\":3"), 4000, "pn"},
        {TY_CNT, TY_SUB, SUB(",\"nec\":5"), 4000, "nec"},
        {TY_CNT, TY_SUB, SUB(",\"nec\":100"), 0, ""},
        {TY_CNT, TY_SUB, SUB(",\"cr\":null"), 0, ""},
        /* blocking update */
        {TY_CNT, TY_SUB, ENC("\"net\":[7],\"atr\":[\"lbl\"]"), 0, ""},
        {TY_CNT, TY_SUB, ENC("\"net\":[7,1]"), 4000, "enc.net"},
        {TY_CNT, TY_SUB, ENC("\"net\":[7],\"sza\":1"), 4000, "enc"},
        {TY_CNT, TY_SUB, ENC("\"net\":[7]},\"bn\":{\"num\":1"), 4000, "bn"},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nu\":[\"C1\",\"C2\"],\"enc\":{\"net\":[7]}}}", 4000, "nu"},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nu\":[\"http://h/\"],\"enc\":{\"net\":[7]}}}", 4000, "nu"},
    };
    all(rows, LEN(rows), true, NULL);
}

static void updates(void **state)
{
    (void)state;
    static const struct row containers[] = {
        {TY_AE, TY_CNT, NULL, 4000, "pc"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cin\":{}}", 4000, "m2m:cin"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"et\":\"20200101T000000\",\"xyz\":1}}", 4000, "et"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"ct\":\"20261124T080000\",\"xyz\":1}}", 4000, "xyz"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"ct\":\"20261124T080000\"}}", 4000, "ct"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"x\"}}", 4000, "rn"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"cr\":null}}", 4000, "cr"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"et\":null,\"lbl\":null,\"mni\":null}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":-3}}", 4000, "mni"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"acpi\":[\"mn/a\"]}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"acpi\":null}}", 0, ""},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"acpi\":[]}}", 4000, "acpi"},
        {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"acpi\":[\"mn/a\"],\"lbl\":[\"x\"]}}", 4000, "acpi"},
        {TY_CNT, TY_CIN, "{\"m2m:cin\":{\"lbl\":[\"x\"]}}", 4005, ""},
        {TY_CNT, TY_LA, "{\"m2m:cin\":{}}", 4005, ""},
        {0, TY_CB, "{\"m2m:cb\":{}}", 4005, ""},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N1\"}}", 4000, "api"},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"rr\":null}}", 4000, "rr"},
        {TY_CB, TY_AE, "{\"m2m:ae\":{\"rr\":false,\"poa\":[\"http://h/\"]}}", 0, ""},
        {TY_CB, TY_ACP, "{\"m2m:acp\":{\"pvs\":{\"acr\":[]}}}", 4000, "pvs"},
        {TY_CB, TY_ACP, "{\"m2m:acp\":{\"pvs\":null}}", 4000, "pvs"},
        {TY_CB, TY_ACP, "{\"m2m:acp\":{\"pv\":{\"acr\":[]}}}", 0, ""},
    };
    all(containers, LEN(containers), false, NULL);
    static const char old[] = "{\"nu\":[\"C1\"],\"enc\":{\"net\":[3]},\"nct\":1}";
    static const struct row subs[] = {
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nct\":3}}", 0, ""},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nct\":2}}", 4000, "nct"},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nct\":2,\"enc\":{\"net\":[1]}}}", 0, ""},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nct\":2,\"enc\":null}}", 0, ""},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nu\":null}}", 4000, "nu"},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"enc\":{\"net\":[7]}}}", 4000, "enc.net"},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"enc\":{\"net\":[4],\"om\":[{\"ops\":1}]}}}", 4000, "enc"},
    };
    all(subs, LEN(subs), false, old);
    static const char blocking[] = "{\"nu\":[\"C1\"],\"enc\":{\"net\":[7]},\"nct\":2}";
    static const struct row blocks[] = {
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"enc\":{\"net\":[7],\"atr\":[\"lbl\"]}}}", 0, ""},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"lbl\":[\"x\"]}}", 0, ""},
        {TY_CNT, TY_SUB, "{\"m2m:sub\":{\"nu\":[\"C1\",\"C2\"]}}", 4000, "nu"},
    };
    all(blocks, LEN(blocks), false, blocking);
}

static void settings(void **state)
{
    (void)state;
    struct attrs out;
    static const struct switches none;
    struct switches open = switches_open();
    struct row in_only = {TY_CB, 47, "{}", 5001, "ty"};
    expect(&in_only, run(&in_only, true, NULL, &none, REL_3, ROLE_IN, &out));
    struct row asn = {TY_CB, TY_CSR, "{}", 4005, "ty"};
    expect(&asn, run(&asn, true, NULL, &none, REL_3, ROLE_ASN, &out));
    struct row small_r = {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"r.a\",\"rr\":true,\"srv\":[\"4\"]}}", 4000, "api"};
    expect(&small_r, run(&small_r, true, NULL, &none, REL_4, ROLE_MN, &out));
    struct row no_srv = {TY_CB, TY_AE, "{\"m2m:ae\":{\"api\":\"N.a\",\"rr\":true}}", 0, ""};
    expect(&no_srv, run(&no_srv, true, NULL, &none, REL_1, ROLE_MN, &out));
    expect(&no_srv, run(&no_srv, true, NULL, &none, REL_NONE, ROLE_MN, &out));
    struct row org = {TY_CNT, TY_SUB, ENC("\"om\":[{\"ops\":2,\"org\":\"C1\"}]"), 0, ""};
    expect(&org, run(&org, true, NULL, &open, REL_3, ROLE_MN, &out));
    struct row year = {TY_AE, TY_ACP, ACP(RULE1(",\"acco\":[{\"actw\":[\"* * * * * * 1999\"]}]"), OKRULE), 4000,
                       "pv.acr.acco.actw"};
    expect(&year, run(&year, true, NULL, &none, REL_3, ROLE_MN, &out));
    year.rsc = 0;
    year.attr = "";
    expect(&year, run(&year, true, NULL, &open, REL_3, ROLE_MN, &out));
    struct row seconds = {TY_CNT, TY_SUB, SUB(",\"bn\":{\"dur\":5}"), 0, ""};
    expect(&seconds, run(&seconds, true, NULL, &open, REL_3, ROLE_MN, &out));
}

static void late_rules_wait(void **state)
{
    (void)state;
    struct arena a;
    struct jval *pc;
    struct attrs out;
    static const struct switches none;
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(json_parse(SPAN("{\"m2m:sub\":{\"nu\":[\"C1\"],\"nct\":4}}"), &a, &pc, NULL), OK);
    struct check c = {.sw = &none,
                      .now = now,
                      .role = ROLE_MN,
                      .rvi = REL_3,
                      .parent_ty = TY_CNT,
                      .ty = TY_SUB,
                      .pc = pc,
                      .late = true};
    assert_true(verdict_go(check_create(&c, &a, &out)));
    assert_int_equal(check_sub_late(&c, &out).rsc, 4000);
    assert_int_equal(check_sub_nct_default(NULL), 1);
    assert_int_equal(json_parse(SPAN("{\"net\":[7]}"), &a, &pc, NULL), OK);
    assert_int_equal(check_sub_nct_default(pc), 2);
    assert_int_equal(check_sub_nets(pc), 1 << 7);
    assert_int_equal(check_sub_nets(NULL), 1 << 1);
}

static void values_are_found_by_number(void **state)
{
    (void)state;
    struct attrs out;
    struct arena a;
    static const struct switches none;
    struct row r = {TY_AE, TY_CNT, "{\"m2m:cnt\":{\"mni\":7,\"rn\":\"d\\u0061ta\"}}", 0, ""};
    expect(&r, run(&r, true, NULL, &none, REL_3, ROLE_MN, &out));
    uint64_t mni;
    assert_int_equal(json_u64(attrs_get(&out, AT_mni), 100, &mni), OK);
    assert_int_equal(mni, 7);
    arena_over(&a, memory, sizeof memory);
    assert_true(span_eq(attrs_text(&out, AT_rn, &a), SPAN("data")));
    assert_null(attrs_get(&out, AT_lbl));
    assert_int_equal(attrs_text(&out, AT_lbl, &a).n, 0);
    assert_int_equal(attrs_text(&out, AT_mni, &a).n, 0);
}

static void too_little_memory(void **state)
{
    (void)state;
    struct arena a;
    struct jval *pc;
    struct attrs out;
    static const struct switches none;
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(json_parse(SPAN("{\"m2m:cnt\":{\"lbl\":[\"\\u0061aaaaaaaaaaaaaaaa\"]}}"), &a, &pc, NULL), OK);
    struct check c = {
        .sw = &none, .now = now, .role = ROLE_MN, .rvi = REL_3, .parent_ty = TY_AE, .ty = TY_CNT, .pc = pc};
    uint8_t tiny[4];
    struct arena t;
    arena_over(&t, tiny, sizeof tiny);
    assert_int_equal(check_create(&c, &t, &out).rsc, 5000);
}

static void content_info(void **state)
{
    (void)state;
    static const char *const good[] = {"application/json:0", "application/json:0:0", "application/json:0:5",
                                       "text/plain:1:1",     "application/jose:2:1", "text/plain;charset=utf-8:0"};
    static const char *const not [] = {"",
                                       "text",
                                       "text:0",
                                       "text/plain",
                                       "text/plain:9",
                                       "text/plain:0:0:0",
                                       "text/plain:0:6",
                                       ":0",
                                       "/plain:0",
                                       "text/:0",
                                       "text/plain:",
                                       "text/plain:0:",
                                       "text/plain:00",
                                       "text/pl ain:0",
                                       "text/plain:0:00",
                                       "text/plain: 0"};
    for (size_t i = 0; i < LEN(good); i++)
        assert_true(check_cnf(span_str(good[i])));
    for (size_t i = 0; i < LEN(not ); i++)
        assert_false(check_cnf(span_str(not [i])));
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"PT1S", 1000},       {"PT0S", 0},         {"P1D", 86400000}, {"P1DT2H3M4.5S", 93784500},    {"PT0.25S", 250},
        {"P1Y", 31536000000}, {"P2M", 5184000000}, {"PT5M", 300000},  {"PT157680000S", 157680000000}};
    static const char *const not [] = {"",      "P",      "PT",   "P1",        "1S",           "P1S",
                                       "PT1D",  "-PT1S",  "P1DT", "PT1S1M",    "PT1M1M",       "PT.5S",
                                       "PT1.S", "PT1.5M", "pt1s", "P9999999Y", "P99999999999D"};
    int64_t ms;
    for (size_t i = 0; i < LEN(good); i++) {
        assert_true(check_duration(span_str(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < LEN(not ); i++)
        if (check_duration(span_str(not [i]), NULL))
            fail_msg("%s is no duration", not [i]);
}

static size_t size_of(const char *json)
{
    struct arena a;
    struct jval *v;
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(json_parse(span_str(json), &a, &v, NULL), OK);
    return check_content_size(v);
}

static void content_size(void **state)
{
    (void)state;
    assert_int_equal(size_of("\"\""), 0);
    assert_int_equal(size_of("\"abc\""), 3);
    assert_int_equal(size_of("\"\xC3\xA9\""), 2);
    assert_int_equal(size_of("\"\\u00e9\\n\\\"\\u20ac\""), 2 + 1 + 1 + 3);
    assert_int_equal(size_of("\"\\ud83d\\ude00\""), 4);
    assert_int_equal(size_of("12.5"), 4);
    assert_int_equal(size_of("{ \"a b\" : [ 1 , true ] ,\n\"c\\\" \": \" \" }"),
                     strlen("{\"a b\":[1,true],\"c\\\" \":\" \"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates),
        cmocka_unit_test(policies),
        cmocka_unit_test(subscriptions),
        cmocka_unit_test(updates),
        cmocka_unit_test(settings),
        cmocka_unit_test(late_rules_wait),
        cmocka_unit_test(values_are_found_by_number),
        cmocka_unit_test(too_little_memory),
        cmocka_unit_test(content_info),
        cmocka_unit_test(durations),
        cmocka_unit_test(content_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
