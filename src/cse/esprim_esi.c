/* esprim_esi.c - what this CSE offers: its random objects, and the attribute e2eSecInfo that shows the shared one
 * (TS-0004 6.3.5.52). */
#include <stdlib.h>

#include "base/code.h"
#include "cse/esprim_agree.h"
#include "cse/esprim_own.h"
#include "cse/patch.h"
#include "host/heap.h"
#include "host/secret.h"

/* What for a key may serve that is given, or agreed by certificates (security.md 4, 15.1). */
enum { SUID_ESPRIM = 13, SUID_ESPRIM_CERT = 43, SUID_ESDATA_CERT = 44, PUBLISH_BLOCK = 4096, PUBLISH_MEM = 1 << 20 };

enum err esprim_new(size_t keys, int64_t life, struct esprim **out)
{
    struct esprim *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return ERR_NOMEM;
    m->life = life ? life : ESPRIM_LIFE_MS;
    m->secret = secret_alloc(sizeof *m->secret + keys * sizeof m->secret->pair[0]);
    m->origs = (struct esp_origs){calloc(ESPRIM_ORIGS, sizeof *m->origs.slot), ESPRIM_ORIGS};
    atomic_flag_clear(&m->lock);
    if (!m->secret || !m->origs.slot) {
        esprim_free(m);
        return ERR_NOMEM;
    }
    m->ring = (struct esp_ring){m->secret->pair, keys};
    m->esi = buf_over(m->esi_room, sizeof m->esi_room);
    *out = m;
    return OK;
}

enum err esprim_add_key(struct esprim *m, struct span kid, struct span peer, struct span value)
{
    m->keys = true;
    return esp_ring_add(&m->ring, kid, peer, value, 0, NEVER);
}

void esprim_free(struct esprim *m)
{
    if (!m)
        return;
    esprim_agree_free(m);
    secret_free(m->secret);
    free(m->origs.slot);
    free(m);
}

enum err esprim_object(struct cse *c, bool shared, int64_t now, struct arena *a, struct span *out)
{
    struct esprim *m = c->conf.esprim;
    uint8_t random[11];
    struct text t;
    text_init(&t, a);
    c->w.entropy(c->w.ctx, random, sizeof random);
    TRY(esp_own_make(&m->secret->own, shared, now + m->life, random, &t.b));
    *out = buf_span(&t.b);
    return OK;
}

static void put_features(struct jw *w, const struct esprim *m)
{
    struct span cert = esprim_agree_cert(m);
    uint8_t room[ESPRIM_ESI_MAX / 2];
    struct buf b = BUF_ARRAY(room);
    JW_NAME(w, "esf");
    jw_arr(w);
    if (m->keys)
        jw_u64(w, SUID_ESPRIM);
    if (cert.n) {
        jw_u64(w, SUID_ESPRIM_CERT);
        jw_u64(w, SUID_ESDATA_CERT);
    }
    jw_end_arr(w);
    if (!cert.n)
        return;
    JW_NAME(w, "escert");
    jw_arr(w);
    b64_put(&b, cert);
    jw_str(w, buf_span(&b));
    jw_end_arr(w);
}

static enum err write_esi(struct cse *c, int64_t now, struct arena *a)
{
    struct esprim *m = c->conf.esprim;
    struct span object;
    TRY(esprim_object(c, true, now, a, &object));
    buf_reset(&m->esi);
    struct jw w = jw_over(&m->esi);
    jw_obj(&w);
    put_features(&w, m);
    JW_NAME(&w, "esro");
    jw_raw(&w, object);
    jw_end_obj(&w);
    m->renew = now + m->life / 2;
    return m->esi.e;
}

enum err esprim_open(struct cse *c)
{
    struct esprim *m = c->conf.esprim;
    struct arena a;
    if (!m)
        return OK;
    c->w.entropy(c->w.ctx, m->secret->own.boot, sizeof m->secret->own.boot);
    m->secret->own.enc = ESP_ENC_ALL;
    heap_arena(&a, PUBLISH_BLOCK, PUBLISH_MEM);
    enum err e = write_esi(c, c->w.now(c->w.ctx), &a);
    arena_reset(&a);
    return e;
}

void esprim_put_esi(const struct esprim *m, struct jw *w)
{
    if (!m)
        return;
    JW_NAME(w, "esi");
    jw_raw(w, buf_span(&m->esi));
}

/* ---- renewal ---------------------------------------------------------------------------------------------- */

static enum err publish(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct esprim *m = x->door;
    struct row row;
    (void)c;
    m->run.t = t;
    TRY(store_get(t, RID_BASE, &m->a, &row));
    return patch_row(&m->run, &row, &(struct patch){SPAN("esi"), buf_span(&m->esi)}, 1);
}

static void published(struct exch *x)
{
    struct esprim *m = x->door;
    if (x->wrote == OK)
        atomic_store(&m->run.c->below_changed, true); /* the registrar's copy follows */
    arena_reset(&m->a);
    m->busy = false;
}

int64_t esprim_tick(struct cse *c, int64_t now)
{
    struct esprim *m = c->conf.esprim;
    if (!m)
        return NEVER;
    esprim_agree_sweep(m, now);
    if (m->busy || now < m->renew)
        return m->busy ? NEVER : m->renew;
    esprim_lock(m);
    esp_ring_sweep(&m->ring, now);
    esprim_unlock(m);
    heap_arena(&m->a, PUBLISH_BLOCK, PUBLISH_MEM);
    m->x = (struct exch){.req = &m->q, .arena = &m->a, .self = true, .door = m, .done = published, .job = publish};
    m->run = (struct run){.c = c, .x = &m->x, .q = &m->q, .a = &m->a, .now = now};
    m->busy = true;
    if (write_esi(c, now, &m->a) != OK || !c->w.enqueue(c->w.ctx, &m->x)) {
        arena_reset(&m->a);
        m->busy = false; /* what the CSEBase shows is still good for half of its life */
        m->renew = now + TICK_MS;
    }
    return NEVER;
}
