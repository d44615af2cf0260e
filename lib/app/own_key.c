/* own_key.c - see own_key.h. */
#include "app/own_key.h"

#include <sys/stat.h>

#include "host/heap.h"
#include "host/secret.h"

enum {
    FILE_MAX = 1 << 16,
    ARENA_BLOCK = 1 << 14,
    ARENA_MAX = 1 << 20,
    OCTETS_LEAST = 16, /* AES-128 */
    OCTETS_MOST = 128,
    SUID_PROVISIONED = 14,
    SUID_MAC = 15,
    SUID_DECRYPT = 44,
    OTHERS_MAY = 077,
};

static enum status bad(struct app *app, const struct profile_own_key *k, const char *why)
{
    return APP_FAIL(app, ST_CONFIG, .what = app_fmt(app, "the key %.*s cannot be used: %s", SPAN_FMT(k->kid), why),
                    .who = "this program", .kind = "file", .object = k->file,
                    .todo = "suid 14: 64 hexadecimal digits; suid 44: a private key as PEM or JWK; mode 0600");
}

static enum status read_octets(struct app *app, const struct profile_own_key *row, struct own_key *k)
{
    const char *why = NULL;
    size_t n = 0;
    uint8_t *room = secret_alloc(OCTETS_MOST);
    if (!room)
        return bad(app, row, "there is no locked memory");
    enum err e = secret_key_file(row->file, OCTETS_LEAST, OCTETS_MOST, room, &n, &why);
    if (e == OK && jwkey_oct(span_of(room, n), &k->key) != OK) {
        e = ERR_RANGE;
        why = "it has another length";
    }
    secret_free(room);
    return e == OK ? ST_DONE : bad(app, row, why);
}

static const char *take_private(struct span text, struct own_key *k)
{
    struct arena mem;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    bool jwk = text.n && text.p[0] == '{', fine;
    fine = jwk ? jwkey_read_text(text, &mem, &k->key) == REASON_OK : jwkey_read_pem(text, &k->key) == OK;
    arena_reset(&mem);
    if (!fine)
        return "it is no key of a kind that is known here";
    return jwkey_private(&k->key) ? NULL : "it has no private half";
}

static enum status read_private(struct app *app, const struct profile_own_key *row, struct own_key *k)
{
    struct stat st;
    struct buf text = heap_buf(FILE_MAX);
    const char *why = NULL;
    if (stat(row->file, &st) == 0 && st.st_mode & OTHERS_MAY)
        why = "others may read the file";
    else if (file_read(row->file, &text) != OK)
        why = "the file cannot be read";
    else
        why = take_private(buf_span(&text), k);
    buf_wipe(&text);
    heap_buf_free(&text);
    return why ? bad(app, row, why) : ST_DONE;
}

enum status own_keys_open(struct app *app, const struct profile *p, struct own_keys *out)
{
    *out = (struct own_keys){0};
    if (p->n_keys == 0)
        return ST_DONE;
    out->one = secret_alloc(p->n_keys * sizeof *out->one);
    if (!out->one)
        return bad(app, &p->key[0], "there is no locked memory");
    enum status st = ST_DONE;
    for (size_t i = 0; st == ST_DONE && i < p->n_keys; i++) {
        struct own_key *k = &out->one[out->n++];
        *k = (struct own_key){.kid = p->key[i].kid, .suid = p->key[i].suid};
        bool octets = k->suid == SUID_PROVISIONED || k->suid == SUID_MAC;
        if (!octets && k->suid != SUID_DECRYPT)
            st = bad(app, &p->key[i], "suid is none of 14, 15, 44");
        else
            st = octets ? read_octets(app, &p->key[i], k) : read_private(app, &p->key[i], k);
    }
    if (st != ST_DONE)
        own_keys_close(out);
    return st;
}

void own_keys_close(struct own_keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        jwkey_free(&k->one[i].key);
    secret_free(k->one);
    *k = (struct own_keys){0};
}

enum reason own_keys_find(void *ctx, const struct esd_label *l, struct open_key *out)
{
    const struct own_keys *all = ctx;
    for (size_t i = 0; i < all->n; i++) {
        const struct own_key *k = &all->one[i];
        if (!kid_eq(k->kid, l->kid))
            continue;
        *out = (struct open_key){.suid = k->suid};
        if (k->key.kind == JWKEY_OCT)
            out->value = span_of(k->key.oct, k->key.oct_n);
        else
            out->pair = &k->key;
        return REASON_OK;
    }
    return REASON_NO_KEY_YET;
}
