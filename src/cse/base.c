/* base.c - the engine comes and goes: configuration, the CSEBase resource, the tick. */
#include <stdlib.h>
#include <string.h>

#include "cse/access.h"
#include "cse/action.h"
#include "cse/alarm.h"
#include "cse/annc.h"
#include "cse/esprim.h"
#include "cse/fan.h"
#include "cse/group.h"
#include "cse/poll.h"
#include "cse/profile.h"
#include "cse/request.h"
#include "cse/tell.h"
#include "host/heap.h"

enum { BASE_BLOCK = 4096, BASE_MEM = 1 << 20 };

/* ---- CSEBase ------------------------------------------------------------------------------------- */

static void put_list(struct jw *w, struct span name, const struct span *v, size_t n)
{
    jw_name(w, name);
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        jw_str(w, v[i]);
    jw_end_arr(w);
}

/* A specialization has no number of its own. */
static void put_types(struct jw *w, const struct cse_conf *conf)
{
    size_t n;
    const struct type *t = type_rows(&n);
    JW_NAME(w, "srt");
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        if (!(t[i].flags & (TF_VIRTUAL | TF_SPEC)) && !(conf->no_requests && t[i].number == TY_REQ) &&
            (conf->role == ROLE_IN || !(t[i].flags & TF_IN_ONLY)))
            jw_u64(w, t[i].number);
    jw_end_arr(w);
}

static void put_releases(struct jw *w, uint16_t releases)
{
    JW_NAME(w, "srv");
    jw_arr(w);
    for (unsigned rel = REL_1; rel < REL_OTHER; rel++)
        if (releases >> rel & 1)
            jw_str(w, release_text(rel));
    jw_end_arr(w);
}

/* Everything but ct and lt comes from the configuration and is written anew at each start. */
static enum err base_body(const struct cse *c, struct arena *a, int64_t ct, int64_t lt, struct span *out)
{
    const struct cse_conf *conf = &c->conf;
    struct text t;
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_STR(&w, "rn", conf->self.base);
    JW_U64(&w, "ty", TY_CB);
    JW_STR(&w, "ri", span_from(conf->self.csi, 1));
    JW_STR(&w, "pi", SPAN_NONE);
    JW_STR(&w, "ct", name_time(ct, a));
    JW_STR(&w, "lt", name_time(lt, a));
    JW_STR(&w, "csi", conf->self.csi);
    JW_STR(&w, "spi", conf->self.sp);
    if (conf->role == ROLE_IN || conf->in_csi.n)
        JW_STR(&w, "ici", conf->in_csi.n ? conf->in_csi : conf->self.csi);
    JW_U64(&w, "cst", conf->role);
    if (conf->labels.n)
        put_list(&w, SPAN("lbl"), conf->labels.v, conf->labels.n);
    if (conf->policies.n)
        put_list(&w, SPAN("acpi"), conf->policies.v, conf->policies.n);
    if (conf->node.n)
        JW_STR(&w, "nl", conf->node);
    put_list(&w, SPAN("csz"), &(struct span){(const uint8_t *)"json", 4}, 1);
    put_list(&w, SPAN("poa"), conf->poa, conf->npoa);
    put_types(&w, conf);
    put_releases(&w, conf->releases);
    esprim_put_esi(conf->esprim, &w);
    jw_end_obj(&w);
    *out = buf_span(&t.b);
    return t.b.e;
}

static enum err base_put(struct cse *c, struct store_tx *t, struct arena *a, int64_t now)
{
    int64_t rid = 0;
    struct row row = {.rid = RID_BASE,
                      .ty = TY_CB,
                      .rn = c->conf.self.base,
                      .alias = span_from(c->conf.self.csi, 1),
                      .ct = now,
                      .lt = now,
                      .et = NEVER,
                      .lbl = c->conf.labels.v,
                      .nlbl = c->conf.labels.n};
    while (rid < RID_BASE)
        TRY(store_next_rid(t, &rid));
    TRY(base_body(c, a, now, now, &row.body));
    return store_put(t, &row);
}

static enum err base_check(struct cse *c, struct store_tx *t, struct arena *a, const char **why)
{
    struct row row;
    struct span body;
    int64_t now = c->w.now(c->w.ctx);
    enum err e = store_get(t, RID_BASE, a, &row);
    if (e == ERR_NOTFOUND)
        return base_put(c, t, a, now);
    TRY(e);
    if (!span_eq(row.alias, span_from(c->conf.self.csi, 1)) || !span_eq(row.rn, c->conf.self.base)) {
        *why = "the store belongs to a CSE of another cse-id or name; give each CSE a folder of its own";
        return ERR_NOTNOW;
    }
    TRY(base_body(c, a, row.ct, row.lt, &body));
    if (span_eq(body, row.body))
        return OK;
    row.lt = now;
    row.lbl = c->conf.labels.v;
    row.nlbl = c->conf.labels.n;
    TRY(base_body(c, a, row.ct, now, &row.body));
    return store_set(t, &row);
}

static enum err base_open(struct cse *c, const char **why)
{
    struct store_tx *t;
    struct arena a;
    TRY(store_write(c->w.store, &t));
    heap_arena(&a, BASE_BLOCK, BASE_MEM);
    enum err e = base_check(c, t, &a, why);
    if (e == OK)
        e = request_recover(c, t);
    arena_reset(&a);
    if (e == OK)
        return store_commit(t);
    store_abort(t);
    return e;
}

/* ---- the engine ---------------------------------------------------------------------------------- */

static const char *fault(const struct cse_conf *k)
{
    if (!span_starts(k->self.csi, SPAN("/")) || k->self.csi.n < 2)
        return "cse-id must begin with a slash: /id-mn";
    if (!span_starts(k->self.sp, SPAN("//")) || k->self.sp.n < 3)
        return "sp must begin with two slashes: //demo.example";
    if (!check_resource_name(k->self.base))
        return "name must be a resource name: letters, digits, - . _";
    if (k->role == ROLE_IN && k->parent_url.n)
        return "an IN-CSE has no registrar: leave [parent] out";
    if (k->role < ROLE_IN || k->role > ROLE_ASN)
        return "role must be in, mn or asn";
    return NULL;
}

static uint16_t all_releases(const struct switches *sw)
{
    uint16_t newer = 1 << REL_2A | 1 << REL_3 | 1 << REL_4 | 1 << REL_5;
    return sw_open(sw, SW_rvi_required) ? newer : (uint16_t)(newer | 1 << REL_1);
}

enum err cse_new(const struct cse_conf *conf, const struct world *w, struct cse **out, const char **why)
{
    *out = NULL;
    *why = fault(conf);
    if (*why)
        return ERR_CONFIG;
    struct cse *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->conf = *conf;
    c->w = *w;
    if (!c->conf.releases)
        c->conf.releases = all_releases(&conf->sw);
    if (conf->admin.n)
        c->admin = id_parse(conf->admin, &c->conf.self);
    atomic_flag_clear(&c->fly_lock);
    atomic_flag_clear(&c->hold_lock);
    atomic_flag_clear(&c->block_lock);
    atomic_flag_clear(&c->grants_lock);
    atomic_flag_clear(&c->gids_lock);
    atomic_flag_clear(&c->regroup.lock);
    atomic_flag_clear(&c->annc_lock);
    c->paths = calloc(PATHS, sizeof *c->paths);
    enum err e = c->paths ? post_new(c) : ERR_NOMEM;
    if (e == OK)
        e = joint_new(c);
    if (e == OK)
        e = profile_new(c);
    if (e == OK)
        e = poll_new(c);
    if (e == OK)
        e = request_open(c);
    if (e == OK)
        e = alarm_new(c);
    if (e == OK)
        e = action_new(c);
    if (e == OK)
        e = esprim_open(c);
    if (e == OK)
        e = base_open(c, why);
    if (e != OK) {
        cse_free(c);
        return e;
    }
    *out = c;
    return OK;
}

void cse_free(struct cse *c)
{
    if (!c)
        return;
    rights_free(c);
    consult_free(c);
    fan_free(c);
    run_known_free(c);
    tell_free(c);
    post_free(c);
    joint_free(c);
    profile_free(c);
    poll_free(c);
    request_close(c);
    action_free(c);
    alarm_free(c);
    free(c->paths);
    free(c);
}

void cse_set_hook(struct cse *c, const struct cse_hook *h)
{
    c->hook = *h;
}

void cse_loop_stop(struct cse *c, unsigned loop)
{
    c->stopping[loop] = true;
    poll_stop(c, loop);
    method_stop(c, loop);
    request_stop(c, loop);
}

/* ---- tick ---------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t cse_tick(struct cse *c)
{
    int64_t now = c->w.now(c->w.ctx), at = now + TICK_MS;
    atomic_store(&c->tick, false);
    notice_tick(c, now);
    annc_tick(c, now);
    at = earlier(at, sweep_tick(c, now));
    at = earlier(at, alarm_tick(c, now));
    action_tick(c);
    group_tick(c);
    at = earlier(at, post_tick(c, now));
    at = earlier(at, esprim_tick(c, now));
    at = earlier(at, joint_tick(c, now));
    if (c->hook.tick)
        at = earlier(at, c->hook.tick(c->hook.ctx, now));
    return at;
}

bool cse_wants_tick(const struct cse *c)
{
    return atomic_load(&((struct cse *)(uintptr_t)c)->tick);
}
