/* seal_watch.h - a gateway in a test (memory store, virtual clock, faults) and a small reader that follows the chain of
 * its heads and confirms every message. */
#ifndef TEST_SEAL_WATCH_H
#define TEST_SEAL_WATCH_H

#include "cse/seal_head.h"
#include "cse_node.h"
#include "m2m/spec.h"
#include "seal_letters.h"
#include "store/fault.h"

static struct node *n;
static struct conf *conf;
static struct hook_seal *h;
static struct spec_list list;
static struct arena spec_mem;
static struct fault plan;
static struct outside watcher;
static const char *more_conf;

#define GATEWAY                                                                                                        \
    "[cse]\nrole=mn\ncse-id=/id-mn\nname=mn\nsp=//demo.example\n[storage]\npath=:memory:\n"                            \
    "[ttp " TTP "]\nurl=https://127.0.0.1:1\nbundle=bundle\nsigning-key-file=key\nsigning-certificate=cert\n%s"        \
    "[seal ward]\nfor=/id-mn/mn/one/*\npolicy=seal-at-gateway\nreaders=//demo.example/Sheat\nttp=" TTP "\n"
#define ONE "//demo.example/id-mn/mn/one/"

static void seal_up(void)
{
    char text[4096], words[2048];
    struct buf why = BUF_ARRAY(words);
    snprintf(text, sizeof text, GATEWAY, more_conf ? more_conf : "");
    struct span copy = arena_dup(&mem, span_str(text));
    enum err e = conf_read(in_folder("conf"), copy, rows, LEN(rows), &conf, &why);
    if (e == OK)
        e = hook_seal_new(conf, SPAN("//demo.example"), SPAN("/id-mn"), &h, &why);
    if (e != OK)
        fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
    struct cse_hook hook = hook_seal_hook(h);
    assert_int_equal(seal_head_attach(h, n->cse, &hook), OK);
    cse_set_hook(n->cse, &hook);
}

static void seal_down(void)
{
    cse_set_hook(n->cse, &(struct cse_hook){0});
    hook_seal_free(h);
    conf_free(conf);
    h = NULL;
    conf = NULL;
}

/* What the process knew is gone; what the store has is there. */
static void restart(void)
{
    seal_down();
    seal_up();
}

/* ---- the reader ---------------------------------------------------------------------------------------- */

static struct seen {
    char kid[80];
    uint32_t i;
    uint8_t hash[ESD_HASH];
} seen[30000];
static size_t n_seen;

static int up(void **state)
{
    static const uint8_t instance[16] = {3};
    static const char lamp[] = "{\"cnd\":\"org.x.lamp\",\"root\":\"x:lamp\",\"attributes\":["
                               "{\"sn\":\"motto\",\"type\":\"string\",\"sealed\":true},"
                               "{\"sn\":\"note\",\"type\":\"string\",\"sealed\":true}]}";
    struct spec_why why;
    (void)state;
    heap_arena(&mem, 65536, 256 << 20);
    heap_arena(&spec_mem, 65536, 1 << 20);
    list = (struct spec_list){0};
    assert_int_equal(spec_read(&list, span_str(lamp), &spec_mem, &why), OK);
    type_extend(&list);
    net.now = T0;
    plan = (struct fault){.left = FAULT_NEVER, .at = FAULT_COMMIT, .e = ERR_DISK};
    store = store_fault(store_mem(instance), &plan);
    n = node_up_on(&net, ROLE_MN, "/id-mn", "mn", "https://mn", NULL, true, store);
    watcher = (struct outside){.url = "http://w/", .rsc = 2000};
    net.outside[0] = &watcher;
    net.nout = 1;
    n_seen = 0;
    more_conf = NULL;
    seal_up();
    IS(2001, CREATE(n, "mn", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    return 0;
}

static int all_down(void **state)
{
    seal_down();
    down(state);
    type_extend(NULL);
    arena_reset(&spec_mem);
    arena_reset(&mem);
    return 0;
}

/* The sealed text of a member of the last answer is remembered. */
static void see(const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(last->pc, key);
    assert_non_null(at);
    at += strlen(key);
    struct span con = arena_dup(&mem, span_of(at, (size_t)(strchr(at, '"') - at)));
    struct esd_label l;
    assert_int_equal(label_read(con, &mem, &l), REASON_OK);
    assert_true(n_seen < LEN(seen));
    struct seen *s = &seen[n_seen++];
    snprintf(s->kid, sizeof s->kid, "%.*s", SPAN_FMT(l.kid));
    s->i = l.e2e.i;
    assert_int_equal(esd_sha256(con, s->hash), OK);
}

static void container(const char *rn, const char *more)
{
    char body[400];
    snprintf(body, sizeof body, "{\"m2m:cnt\":{\"rn\":\"%s\"%s}}", rn, more);
    IS(2001, CREATE(n, "mn/one", "Cone", TY_CNT, body));
}

static void say(const char *rn, unsigned times)
{
    char to[100];
    snprintf(to, sizeof to, "mn/one/%s", rn);
    for (unsigned k = 0; k < times; k++) {
        IS(2001, CREATE(n, to, "Cone", TY_CIN, "{\"m2m:cin\":{\"con\":\"21.5\"}}"));
        see("con");
    }
}

struct found {
    unsigned heads, links, closed, hashes, confirmed, partial, holes;
    struct head newest;
    uint8_t id[ESD_HASH]; /* of the newest */
    char ttp[200];
};

struct judging {
    const char *kid;
    struct found *f;
};

static enum err got(void *ctx, uint32_t i, uint8_t out[ESD_HASH])
{
    struct judging *j = (struct judging *)ctx;
    for (size_t k = 0; k < n_seen; k++)
        if (seen[k].i == i && strcmp(seen[k].kid, j->kid) == 0) {
            memcpy(out, seen[k].hash, ESD_HASH);
            return OK;
        }
    return ERR_NOTFOUND;
}

static void said(void *ctx, uint32_t i, enum reason r)
{
    struct judging *j = (struct judging *)ctx;
    (void)i;
    if (r == REASON_OK)
        j->f->confirmed++;
    else if (r == REASON_PARTIAL)
        j->f->partial++;
    else
        fail_msg("index %u: %s", i, reason_code(r));
}

static bool row_at(struct store_tx *t, const char *path, struct row *out)
{
    struct span rest = span_str(path), part;
    int64_t rid = 1;
    for (part = span_cut(&rest, '/'); rest.p; rid = out->rid) {
        part = span_cut(&rest, '/');
        if (store_child(t, rid, part, &mem, out) != OK)
            return false;
    }
    return true;
}

/* Every head in the container at `box` about the stream of `address`, in the order in which they came. */
static struct found judge_as(const char *box, const char *address, const struct p256 *signer)
{
    struct found f = {0};
    struct head_chain chain[64];
    char kids[64][80] = {{0}};
    size_t n_kids = 0;
    uint8_t sid[ESD_SID], wk[JOSE_THUMB];
    struct store_tx *t;
    struct row row;
    struct rows page = {.more = true};
    assert_int_equal(keys_sid(span_str(address), sid), REASON_OK);
    assert_int_equal(p256_thumb(signer, wk), OK);
    assert_int_equal(store_read(store, 0, &t), OK);
    bool there = row_at(t, box, &row);
    for (int64_t after = 0; there && page.more;) {
        assert_int_equal(store_list(t, row.rid, TY_CIN, after, 100, false, &mem, &page), OK);
        for (size_t i = 0; i < page.n; i++) {
            struct jval *body;
            struct span con;
            struct head_text x;
            after = page.v[i].rid;
            assert_int_equal(json_parse(page.v[i].body, &mem, &body, NULL), OK);
            assert_int_equal(json_str(JSON_GET(body, "con"), &mem, &con), OK);
            assert_int_equal(head_read(con, &mem, &x), REASON_OK);
            assert_true(json_is(JSON_GET(body, "cnf"), x.hashes.n ? HEAD_CNF_HASHES : HEAD_CNF));
            if (memcmp(x.head.sid, sid, ESD_SID) != 0) {
                head_text_free(&x);
                continue;
            }
            struct head_of of = {.sid = sid, .kid = x.head.kid, .kc = x.head.kc, .wk = wk};
            assert_int_equal(keys_check_kc(x.head.kc, x.head.kid), REASON_OK);
            assert_int_equal(head_verify(&x, &of), REASON_OK);
            char kid[80];
            snprintf(kid, sizeof kid, "%.*s", SPAN_FMT(x.head.kid));
            if (!n_kids || strcmp(kids[n_kids - 1], kid) != 0) {
                memcpy(kids[n_kids], kid, sizeof kid);
                chain[n_kids++] = (struct head_chain){0};
            }
            enum head_step step;
            struct head_chain *c = &chain[n_kids - 1];
            enum reason r = head_follow(c, &x, n_kids > 1 ? &chain[n_kids - 2] : NULL, &step);
            if (r != REASON_OK || (step != HEAD_FOLLOWS && step != HEAD_STARTS))
                fail_msg("%s: head %u [%u +%u): %s, step %d", address, f.heads, x.head.first, x.head.n, reason_code(r),
                         (int)step);
            f.heads++;
            f.links += head_is_link(&x.head);
            f.closed += x.head.closed;
            f.hashes += x.hashes.n > 0;
            struct judging j = {kid, &f};
            assert_int_not_equal(
                head_confirm(&x, x.head.oldest, 0, (struct head_got){got, &j}, (struct head_say){said, &j}),
                REASON_FAILED);
            f.newest = x.head;
            memcpy(f.id, x.id, ESD_HASH);
            snprintf(f.ttp, sizeof f.ttp, "%.*s", SPAN_FMT(x.head.ttp));
            head_text_free(&x);
        }
    }
    store_end(t);
    return f;
}

static UNUSED struct found judge(const char *box, const char *address)
{
    return judge_as(box, address, gateway);
}

#endif
