/* Sections [seal NAME] and [ttp FQDN]: everything that can be wrong is found before the first request. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "cse/seal_own.h"
#include "host/heap.h"
#include "host/secret.h"

enum { FILE_MAX = 1 << 20, SECTION_MAX = 512 };

struct reading {
    const struct conf *c;
    struct hook_seal *h;
    struct buf *why;
    char section[SECTION_MAX];
};

static bool section_of(struct reading *r, const char *kind, const char *name)
{
    struct buf b = BUF_ARRAY(r->section);
    buf_fmt(&b, "%s %s", kind, name);
    buf_nul(&b);
    return b.e == OK;
}

/* One defect: where it stands and what would do. */
static enum err defect(struct reading *r, const char *key, const char *sentence)
{
    conf_where(r->c, r->section, key, r->why);
    buf_str(r->why, sentence);
    buf_c(r->why, '\n');
    return ERR_CONFIG;
}

/* ---- TTPs ------------------------------------------------------------------------------------------- */

static enum err file_text(struct reading *r, const char *key, struct buf *out)
{
    *out = heap_buf(FILE_MAX);
    enum err e = file_read(conf_text(r->c, r->section, key), out);
    if (e == OK)
        return OK;
    heap_buf_free(out);
    return defect(r, key, e == ERR_NOTFOUND ? "there is no such file" : "the file cannot be read");
}

static enum err read_key(struct reading *r, struct seal_ttp *t)
{
    struct buf text;
    TRY(file_text(r, "signing-key-file", &text));
    enum err e = p256_read_pem(buf_span(&text), &t->key);
    if (e == OK && !p256_private(t->key))
        e = ERR_SYNTAX;
    buf_wipe(&text);
    heap_buf_free(&text);
    return e == OK ? OK : defect(r, "signing-key-file", "it holds no P-256 private key in PEM");
}

/* Whose thumbprint the letters name as the writer's: it signs heads. */
static enum err read_data_key(struct reading *r, struct seal_ttp *t)
{
    struct buf text;
    if (!conf_text(r->c, r->section, "data-signing-key-file")) {
        t->data = p256_ref(t->key);
        return p256_thumb(t->data, t->wk);
    }
    TRY(file_text(r, "data-signing-key-file", &text));
    enum err e = p256_read_pem(buf_span(&text), &t->data);
    if (e == OK && !p256_private(t->data))
        e = ERR_SYNTAX;
    buf_wipe(&text);
    heap_buf_free(&text);
    return e == OK ? p256_thumb(t->data, t->wk)
                   : defect(r, "data-signing-key-file", "it holds no P-256 private key in PEM");
}

/* The chain in DER, the leaf first. */
static enum err read_chain(struct reading *r, struct seal_ttp *t, struct span pem)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *x = NULL;
    enum err e = b ? OK : ERR_NOMEM;
    while (e == OK && t->n_x5c < JWS_X5C_MAX && (x = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
        unsigned char *der = NULL;
        int n = i2d_X509(x, &der);
        if (n > 0)
            t->x5c[t->n_x5c++] = arena_dup(&r->h->mem, span_of(der, (size_t)n));
        OPENSSL_free(der);
        X509_free(x);
        e = n > 0 && arena_ok(&r->h->mem) ? OK : ERR_NOMEM;
    }
    BIO_free(b);
    return e;
}

static enum err read_certificate(struct reading *r, struct seal_ttp *t)
{
    struct buf text;
    struct p256 *k = NULL;
    TRY(file_text(r, "signing-certificate", &text));
    enum err e = read_chain(r, t, buf_span(&text));
    heap_buf_free(&text);
    TRY(e);
    bool ok = t->n_x5c > 0 && p256_read_cert(t->x5c[0], &k) == OK && p256_same(k, t->key);
    p256_free(k);
    return ok ? OK : defect(r, "signing-certificate", "it is no certificate in PEM of the signing key");
}

/* Age does not matter here: the identity key stays pinned, and the task fetches a fresh bundle under it. */
static enum err read_bundle(struct reading *r, struct seal_ttp *t)
{
    struct buf text;
    if (!conf_text(r->c, r->section, "bundle"))
        return OK; /* nothing is pinned: sealing is refused with no-credential */
    TRY(file_text(r, "bundle", &text));
    struct span copy = arena_dup(&t->mem, buf_span(&text));
    heap_buf_free(&text);
    enum reason v = bundle_open(copy, t->fqdn, NULL, 0, &t->mem, &t->bundle);
    if (v == REASON_OK)
        return OK;
    return defect(r, "bundle",
                  v == REASON_REFUSED ? "it is the bundle of another TTP"
                                      : "it is no bundle that its own identity key signed");
}

/* What goes there is signed and wrapped, but who registers what is nobody's business. */
static bool url_ok(const char *text)
{
    struct span url = span_str(text);
    return span_starts(url, SPAN("https://")) || span_starts(url, SPAN("http://127.0.0.1:")) ||
           span_starts(url, SPAN("http://[::1]:"));
}

static enum err read_ttp(struct reading *r, const char *name, struct seal_ttp *t)
{
    if (!section_of(r, "ttp", name) || !esd_fqdn_ok(span_str(name)))
        return defect(r, "url", "the section must be named after the TTP's domain: [ttp ttp.demo.example]");
    t->fqdn = span_str(name);
    t->url = conf_text(r->c, r->section, "url");
    if (!url_ok(t->url))
        return defect(r, "url", "it must be https://host:port (http:// only to this host itself)");
    heap_arena(&t->mem, 4096, 1 << 20);
    pthread_mutex_init(&t->lock, NULL);
    r->h->n_ttps++; /* from here on it is freed with the others */
    if (!conf_text(r->c, r->section, "signing-key-file") || !conf_text(r->c, r->section, "signing-certificate"))
        return defect(r, "url", "signing-key-file and signing-certificate are missing");
    TRY(read_key(r, t));
    TRY(read_certificate(r, t));
    TRY(read_data_key(r, t));
    return read_bundle(r, t);
}

/* ---- policies --------------------------------------------------------------------------------------- */

/* The pattern as an absolute address without its star. */
static enum err read_pattern(struct reading *r, struct seal_policy *p)
{
    struct span text = span_str(conf_text(r->c, r->section, "for"));
    p->star = span_ends(text, SPAN("*"));
    if (p->star)
        text.n--;
    if (span_find(text, '*') != text.n)
        return defect(r, "for", "a star may only stand at the end");
    if (!span_starts(text, SPAN("/")) || text.n < 2)
        return defect(r, "for",
                      "it must be an absolute or SP-relative structured address: //demo.example/id-mn/mn/... or "
                      "/id-mn/mn/...");
    p->pattern = span_starts(text, SPAN("//")) ? text : arena_join(&r->h->mem, r->h->sp, text);
    return arena_ok(&r->h->mem) ? OK : ERR_NOMEM;
}

/* S-type AE-IDs only: others change when the AE registers again. */
static bool reader_ok(struct span id)
{
    struct span rest = span_from(id, 2);
    if (!span_starts(id, SPAN("//")) || !esd_fqdn_ok(span_cut(&rest, '/')))
        return false;
    return rest.n > 1 && rest.p[0] == 'S' && span_find(rest, '/') == rest.n;
}

static enum err read_readers(struct reading *r, struct seal_policy *p)
{
    const char *id = conf_item(r->c, r->section, "readers", 0);
    p->readers_acp = id && span_eq(span_str(id), SPAN("acp"));
    if (p->readers_acp)
        return conf_item(r->c, r->section, "readers", 1)
                   ? defect(r, "readers", "either acp, or readers by name: not both")
                   : OK;
    while (conf_item(r->c, r->section, "readers", p->n_readers))
        p->n_readers++;
    if (p->n_readers == 0)
        return defect(r, "readers", "name who may open it: absolute AE-IDs with commas between them");
    if (p->n_readers > SEAL_READERS_MAX)
        return defect(r, "readers", "more than 256 readers");
    p->readers = ARENA_ARRAY(&r->h->mem, struct policy_reader, p->n_readers);
    if (!p->readers)
        return ERR_NOMEM;
    for (size_t i = 0; (id = conf_item(r->c, r->section, "readers", i)); i++) {
        p->readers[i].id = span_str(id);
        if (span_eq(p->readers[i].id, SPAN("acp")))
            return defect(r, "readers", "either acp, or readers by name: not both");
        if (!reader_ok(p->readers[i].id))
            return defect(r, "readers", "a reader is an absolute S-type AE-ID: //demo.example/Sapp-heat");
    }
    return OK;
}

static enum err read_keeper(struct reading *r, struct seal_policy *p)
{
    const char *fqdn = conf_text(r->c, r->section, "ttp");
    if (!fqdn)
        return defect(r, "policy", "seal-at-gateway needs a ttp");
    for (size_t i = 0; i < r->h->n_ttps; i++)
        if (span_eq_nocase(r->h->ttps[i].fqdn, span_str(fqdn)))
            p->ttp = &r->h->ttps[i];
    if (!p->ttp)
        return defect(r, "ttp", "there is no section [ttp FQDN] of this name");
    p->ttp->used = true;
    return OK;
}

/* Its key is on both ends beforehand: no TTP, and nobody else who could be named as a reader. */
static enum err read_provisioned(struct reading *r, struct seal_policy *p)
{
    struct span relative, fqdn;
    const char *file = conf_text(r->c, r->section, "key-file"), *id = conf_text(r->c, r->section, "key-id");
    if (!file || !id)
        return defect(r, "key", "a provisioned key needs key-file and key-id");
    p->key_file = span_str(file);
    p->key_id = span_str(id);
    if (kid_split(p->key_id, &relative, &fqdn) != REASON_OK)
        return defect(r, "key-id", "it must be name@domain");
    if (p->strict || conf_text(r->c, r->section, "ttp") || conf_item(r->c, r->section, "readers", 0))
        return defect(r, "key",
                      "with a provisioned key there is no ttp, no readers and no strict: whoever has the key reads");
    return OK;
}

/* Sizes in octets, rising. */
static enum err read_padding(struct reading *r, struct seal_policy *p)
{
    const char *text;
    uint64_t size, last = 0;
    while ((text = conf_item(r->c, r->section, "padding", p->n_pad))) {
        if (p->n_pad == SEAL_BUCKETS_MAX)
            return defect(r, "padding", "more than 16 sizes");
        if (span_u64(span_str(text), ESD_PAD_MAX, &size) != OK || size <= last)
            return defect(r, "padding", "sizes in octets, each larger than the one before: 64, 256, 1024");
        p->pad[p->n_pad++] = (uint32_t)size;
        last = size;
    }
    return OK;
}

static enum err read_policy(struct reading *r, const char *name, struct seal_policy *p)
{
    if (!section_of(r, "seal", name))
        return defect(r, "for", "the name is too long");
    p->name = span_str(name);
    p->level = (enum seal_level)conf_int(r->c, r->section, "policy");
    TRY(read_pattern(r, p));
    p->others_clear = conf_int(r->c, r->section, "others") == 1;
    if (p->level != SEAL_GATEWAY)
        return OK;
    p->batch = conf_int(r->c, r->section, "batch") == 1;
    p->source = (enum seal_source)conf_int(r->c, r->section, "key");
    p->strict = conf_bool(r->c, r->section, "strict");
    p->foreign = (size_t)(p - r->h->policies);
    TRY(read_padding(r, p));
    if (p->source == KEY_PROVISIONED)
        return read_provisioned(r, p);
    enum err e = read_readers(r, p), k = read_keeper(r, p);
    return e != OK ? e : k;
}

static enum err worse(enum err so_far, enum err e)
{
    return so_far == OK || e == ERR_NOMEM ? e : so_far;
}

enum err seal_conf_read(const struct conf *c, struct hook_seal *h, struct buf *why)
{
    struct reading r = {.c = c, .h = h, .why = why};
    const char *name;
    size_t n_ttps = 0, n_policies = 0;
    enum err e = OK;
    while (conf_name(c, "ttp", n_ttps))
        n_ttps++;
    while (conf_name(c, "seal", n_policies))
        n_policies++;
    if (n_ttps > SEAL_TTPS_MAX || n_policies > SEAL_POLICIES_MAX) {
        buf_str(why, "more than 8 sections [ttp FQDN] or 256 sections [seal NAME]\n");
        return ERR_CONFIG;
    }
    h->ttps = ARENA_ARRAY(&h->mem, struct seal_ttp, n_ttps);
    h->policies = ARENA_ARRAY(&h->mem, struct seal_policy, n_policies);
    if (!h->ttps || !h->policies)
        return ERR_NOMEM;
    for (size_t i = 0; (name = conf_name(c, "ttp", i)); i++)
        e = worse(e, read_ttp(&r, name, &h->ttps[h->n_ttps]));
    for (size_t i = 0; (name = conf_name(c, "seal", i)); i++)
        e = worse(e, read_policy(&r, name, &h->policies[h->n_policies++]));
    return e;
}

/* ---- provisioned keys --------------------------------------------------------------------------------- */

enum err seal_conf_keys(const struct conf *c, struct hook_seal *h, struct buf *why)
{
    struct reading r = {.c = c, .h = h, .why = why};
    enum err all = OK;
    for (size_t i = 0; i < h->n_policies; i++) {
        struct seal_policy *p = &h->policies[i];
        if (p->level != SEAL_GATEWAY || p->source != KEY_PROVISIONED)
            continue;
        if (!section_of(&r, "seal", conf_name(c, "seal", i)))
            return ERR_NOMEM;
        size_t n;
        const char *sentence = NULL;
        enum err e = secret_key_file(conf_text(c, r.section, "key-file"), SEAL_FOREIGN, SEAL_FOREIGN,
                                     h->secret->foreign[p->foreign], &n, &sentence);
        if (e != OK)
            all = worse(all, defect(&r, "key-file", sentence));
    }
    return all;
}
