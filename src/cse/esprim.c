#include "cse/esprim_own.h"

#include <string.h>

#include "cse/errand.h"
#include "cse/esprim_agree.h"
#include "m2m/prim_json.h"

enum { SIT_ASK = 3, SIT_GIVE = 4, SIT_OBJECT = 5, SIT_AGREE = 6 };

void esprim_lock(struct esprim *m)
{
    while (atomic_flag_test_and_set_explicit(&m->lock, memory_order_acquire)) {
    }
}

void esprim_unlock(struct esprim *m)
{
    atomic_flag_clear_explicit(&m->lock, memory_order_release);
}

bool esprim_is(const struct run *r)
{
    return r->c->conf.esprim && r->q->op == OP_NOTIFY && r->target.ty == TY_CB && span_eq(r->q->root, SPAN("m2m:seci"));
}

/* ---- the answer ------------------------------------------------------------------------------------------- */

/* {"m2m:seci":{"sit":N,"NAME": */
static void put_seci(struct jw *w, unsigned sit, struct span name)
{
    jw_obj(w);
    JW_NAME(w, "m2m:seci");
    jw_obj(w);
    JW_U64(w, "sit", sit);
    jw_name(w, name);
}

static enum says give_object(struct run *r)
{
    struct span object;
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    STEP_TRY(r, esprim_object(r->c, false, r->now, r->a, &object));
    put_seci(&w, SIT_GIVE, SPAN("ero"));
    jw_raw(&w, object);
    jw_end_obj(&w);
    jw_end_obj(&w);
    STEP_TRY(r, t.b.e);
    view_answer(r, RSC_OK, buf_span(&t.b));
    return DONE;
}

/* The session as it was found, with its errand. */
struct inner {
    struct run *r;
    struct esp_session s;
};

/* A fresh random object for whose own is about to end. */
static struct span successor(struct run *r, const struct esp_session *s, int64_t now)
{
    struct span object;
    bool soon = s->recv.expiry - now < r->c->conf.esprim->life / 4;
    return soon && esprim_object(r->c, false, now, r->a, &object) == OK ? object : SPAN_NONE;
}

static enum err seal_answer(struct inner *k, struct span plain, struct text *out)
{
    struct cse *c = k->r->c;
    struct esprim *m = c->conf.esprim;
    uint8_t iv[ESP_IV];
    int64_t now = c->w.now(c->w.ctx);
    struct span rro = successor(k->r, &k->s, now);
    struct jw w = jw_over(&out->b);
    c->w.entropy(c->w.ctx, iv, sizeof iv);
    put_seci(&w, SIT_OBJECT, SPAN("epo"));
    buf_c(&out->b, '"');
    esprim_lock(m);
    enum err e = esp_answer(&m->ring, &k->s, now, iv, rro, plain, &out->b);
    esprim_unlock(m);
    buf_str(&out->b, "\"}}");
    return e == OK ? out->b.e : e;
}

/* Whatever became of the inner request travels inside; outside is success (TS-0004 7.6.2). */
static void answer(struct errand *e, const struct prim *rsp)
{
    struct inner *k = e->ctx;
    struct text plain, out;
    text_init(&plain, &e->a);
    text_init(&out, k->r->a);
    struct jw w = jw_over(&plain.b);
    prim_put_response(&w, rsp, SPAN_NONE, SPAN_NONE);
    if (plain.b.e == OK && seal_answer(k, buf_span(&plain.b), &out) == OK)
        view_answer(k->r, RSC_OK, buf_span(&out.b));
    else
        refuse(k->r, RSC_ESPRIM_ENCRYPTION_ERROR, SPAN("epo"), "the answer could not be protected (TS-0004 7.6.2)");
}

static void over(struct errand *e)
{
    struct inner *k = e->ctx;
    struct run *r = k->r;
    answer(e, e->x.rsp);
    errand_free(e);
    run_answer(r);
}

/* The session is known: a refusal travels inside as well. */
static enum says refuse_inside(struct errand *e, struct verdict v)
{
    struct prim rsp;
    prim_refuse(&rsp, &e->q, v, &e->a);
    answer(e, &rsp);
    errand_free(e);
    return DONE;
}

/* ---- the inner request ------------------------------------------------------------------------------------ */

static struct verdict bad(const char *attr, const char *rule)
{
    return verdict_of(RSC_BAD_REQUEST, span_str(attr), rule);
}

/* As the registrar of an AE, or the CSE before us, would write it. */
static enum err write_from(struct errand *e)
{
    const struct self *me = &e->c->conf.self;
    struct id id = id_parse(prim_text(&e->q, PA_fr), me);
    struct text t;
    text_init(&t, &e->a);
    if (id.kind == ID_AE_C && span_eq(id.cse, me->csi) && span_eq_nocase(id.sp, me->sp))
        id_put_stem(&t.b, &id);
    else if (span_eq_nocase(id.sp, me->sp))
        id_put_sp_relative(&t.b, &id);
    else
        id_put_absolute(&t.b, &id);
    prim_set(&e->q, PA_fr, buf_span(&t.b));
    return t.b.e;
}

static struct verdict check_inner(struct inner *k, struct errand *e)
{
    struct addr at;
    const char *why;
    const struct cse_conf *conf = &e->c->conf;
    struct verdict v = esp_check_from(prim_text(&e->q, PA_fr), &k->s, &conf->self);
    if (!verdict_go(v))
        return v;
    if (addr_parse(prim_text(&e->q, PA_to), &conf->self, &conf->sw, &at, &why) == OK && find_away(k->r, &at))
        return verdict_of(RSC_NOT_FOUND, SPAN("to"),
                          "an ESPrim Object is for resources of the CSE that opens it (TS-0004 7.6.2)");
    struct span ty = prim_text(&e->q, PA_ty);
    if (e->q.op == OP_CREATE && (span_eq(ty, SPAN("2")) || span_eq(ty, SPAN("16"))))
        return bad("ty", "nobody registers inside of an ESPrim Object");
    return VERDICT_GO;
}

/* Always carried out blocking: rt, ec and da do not count (TS-0004 7.6.2). */
static struct verdict read_inner(struct inner *k, struct errand *e, struct span plain)
{
    struct jval *v;
    struct jerr why;
    if (json_parse(plain, &e->a, &v, &why) != OK || prim_take_request(v, &e->a, &e->q) != OK) {
        prim_init(&e->q);
        return bad("epo", "the inner primitive is no JSON object (TS-0004 8.4)");
    }
    e->q.have &= ~(PA_BIT(rt) | PA_BIT(rtu) | PA_BIT(ec) | PA_BIT(da));
    struct verdict go = check_inner(k, e);
    if (verdict_go(go) && write_from(e) != OK)
        return verdict_of(RSC_INTERNAL_SERVER_ERROR, SPAN_NONE, err_text(ERR_NOMEM));
    return go;
}

/* ---- the object ------------------------------------------------------------------------------------------- */

static enum err own(void *ctx, struct span id, int64_t now, struct arena *a, struct esp_rand *out)
{
    return esp_own_find(ctx, id, now, a, out);
}

static struct verdict take(struct inner *k, struct errand *e, struct span object, struct span *plain)
{
    struct esprim *m = e->c->conf.esprim;
    struct esp_ask ask = {.now = k->r->now, .ring = &m->ring, .origs = &m->origs, .own = own, .ctx = &m->secret->own};
    struct esp_head h;
    struct esp_key key;
    struct text t;
    text_init(&t, &e->a);
    struct verdict v = esp_read(object, k->r->a, &h);
    if (!verdict_go(v))
        return v;
    esprim_lock(m);
    v = esp_find(&ask, &h, k->r->a, &k->s, &key);
    esprim_unlock(m);
    if (verdict_go(v))
        v = esp_open(&key, &h, &t.b, plain);
    esp_key_wipe(&key);
    if (!verdict_go(v))
        return v;
    esprim_lock(m);
    v = esp_accept(&ask, &h, &k->s);
    esprim_unlock(m);
    return v;
}

static enum says take_object(struct run *r)
{
    struct span object, plain;
    struct inner *k = ARENA_NEW(r->a, struct inner);
    if (r->x->proven)
        return refuse(r, RSC_BAD_REQUEST, SPAN("epo"), "an ESPrim Object inside of another is not opened");
    if (json_str(JSON_GET(r->q->content, "epo"), r->a, &object) != OK)
        return refuse(r, RSC_BAD_REQUEST, SPAN("epo"), "is missing or no text (TS-0004 6.3.5.48)");
    struct errand *e = k ? errand_new(r->c, NULL, r->x->loop, OP_NONE, SPAN_NONE) : NULL;
    if (!e)
        return oops(r, ERR_NOMEM);
    errand_secret(e);
    k->r = r;
    e->ctx = k;
    e->over = over;
    e->x.self = false;
    e->x.proven = true;
    struct verdict v = take(k, e, object, &plain);
    if (!verdict_go(v)) {
        errand_free(e);
        return refuse_verdict(r, v);
    }
    v = read_inner(k, e, plain);
    if (!verdict_go(v))
        return refuse_inside(e, v);
    errand_go(e);
    return WAIT;
}

/* What a NOTIFY with m2m:seci may be here (TS-0004 6.3.4.2.35). */
enum says esprim_hear(struct run *r)
{
    uint64_t sit;
    if (json_u64(JSON_GET(r->q->content, "sit"), UINT8_MAX, &sit) != OK)
        return refuse(r, RSC_BAD_REQUEST, SPAN("sit"), "is missing or no number (TS-0004 6.3.5.48)");
    if (sit == SIT_ASK)
        return give_object(r);
    if (sit == SIT_OBJECT)
        return take_object(r);
    if (sit == SIT_AGREE)
        return esprim_agree_hear(r);
    return refuse(r, RSC_BAD_REQUEST, SPAN("sit"), "is nothing that a CSE is sent (TS-0004 6.3.4.2.35)");
}
