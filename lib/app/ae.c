/* ae.c - see ae.h. */
#include "app/ae.h"

#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum { BODY_MAX = 4096, ARENA_BLOCK = 16384, ARENA_MAX = 1 << 20 };

static void put_poa(struct jw *w, const char *poa)
{
    JW_BOOL(w, "rr", poa != NULL);
    if (!poa)
        return;
    JW_NAME(w, "poa");
    jw_arr(w);
    jw_str(w, span_str(poa));
    jw_end_arr(w);
}

static void ae_body(const struct session *s, const char *poa, bool create, struct buf *b)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:ae");
    jw_obj(&w);
    if (create) {
        JW_STR(&w, "rn", span_str(s->p.rn));
        JW_STR(&w, "api", span_str(s->p.api));
        JW_NAME(&w, "srv");
        jw_arr(&w);
        jw_str(&w, SPAN("3"));
        jw_end_arr(&w);
    }
    put_poa(&w, poa);
    jw_end_obj(&w);
    jw_end_obj(&w);
}

void ae_register(struct session *s, const char *poa, struct talk_answer *a)
{
    char text[BODY_MAX];
    struct buf b = BUF_ARRAY(text);
    ae_body(s, poa, true, &b);
    talk_m2m(&s->t, &(struct talk_ask){.op = TALK_CREATE, .to = span_str(s->p.base), .ty = 2, .body = buf_span(&b)}, a);
    if (a->e != OK || (a->rsc != RSC_ORIGINATOR_HAS_ALREADY_REGISTERED && a->rsc != RSC_CONFLICT))
        return;
    talk_answer_free(a);
    buf_reset(&b);
    ae_body(s, poa, false, &b);
    struct span to = span_str(app_fmt(s->app, "%s/%s", s->p.base, s->p.rn));
    talk_m2m(&s->t, &(struct talk_ask){.op = TALK_UPDATE, .to = to, .body = buf_span(&b)}, a);
}

/* The forms in which a notification may name this subscription. */
static enum err remember(struct session *s, struct span container, struct span sub, const struct talk_answer *a)
{
    struct arena mem;
    struct jval *v = NULL;
    struct span ri = SPAN_NONE, absolute = profile_absolute(s->app, &s->p, container);
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    if (json_parse(talk_body(a), &mem, &v, NULL) == OK)
        (void)!json_str(JSON_GET(JSON_GET(v, "m2m:sub"), "ri"), &mem, &ri);
    struct span whole = profile_absolute(s->app, &s->p, sub), rest = span_from(whole, 2), sp = span_cut(&rest, '/');
    struct span cse = span_first(rest, span_find(rest, '/'));
    const char *forms[] = {
        app_fmt(s->app, "%.*s", SPAN_FMT(whole)),
        app_fmt(s->app, "/%.*s", SPAN_FMT(rest)),
        ri.n ? app_fmt(s->app, "/%.*s/%.*s", SPAN_FMT(cse), SPAN_FMT(ri)) : NULL,
        ri.n ? app_fmt(s->app, "//%.*s/%.*s/%.*s", SPAN_FMT(sp), SPAN_FMT(cse), SPAN_FMT(ri)) : NULL,
    };
    enum err e = OK;
    for (size_t i = 0; i < LEN(forms) && e == OK; i++)
        if (forms[i])
            e = book_subscribed_put(s->book, span_str(forms[i]), absolute);
    arena_reset(&mem);
    return e;
}

/* The AE-ID, not a URL: the CSEs find the way by the registration. Another service provider's need all of it. */
static const char *notified_as(struct session *s, struct span container)
{
    struct span whole = profile_absolute(s->app, &s->p, container), rest = span_from(whole, 2);
    bool ours = span_eq_nocase(span_cut(&rest, '/'), span_from(span_str(s->p.sp), 2));
    return s->p.ae_id + (ours ? strlen(s->p.sp) : 0);
}

enum err ae_subscribe(struct session *s, struct span container, struct talk_answer *a)
{
    char text[BODY_MAX];
    struct buf b = BUF_ARRAY(text);
    struct span rest = container, resource = span_cut(&rest, '#');
    const char *rn = app_fmt(s->app, "sub-%s", s->p.stem);
    struct span sub = span_str(app_fmt(s->app, "%.*s/%s", SPAN_FMT(resource), rn));
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sub");
    jw_obj(&w);
    JW_STR(&w, "rn", span_str(rn));
    JW_NAME(&w, "nu");
    jw_raw(&w, span_str(app_fmt(s->app, "[\"%s\"]", notified_as(s, resource))));
    JW_U64(&w, "nct", 1);
    JW_NAME(&w, "enc");
    jw_raw(&w, rest.n ? SPAN("{\"net\":[1]}") : SPAN("{\"net\":[3]}")); /* an attribute changes, a child is created */
    jw_end_obj(&w);
    jw_end_obj(&w);
    session_ask(s, &(struct talk_ask){.op = TALK_CREATE, .to = resource, .ty = 23, .body = buf_span(&b)}, a);
    if (a->e == OK && a->rsc == RSC_CONFLICT) {
        talk_answer_free(a);
        session_ask(s, &(struct talk_ask){.op = TALK_RETRIEVE, .to = sub}, a);
    }
    return a->e == OK && rsc_ok((unsigned)a->rsc) ? remember(s, container, sub, a) : OK;
}
