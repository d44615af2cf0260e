/* mef.c - see mef.h. */
#include "app/mef.h"

#include <string.h>

#include "base/m2mtime.h"
#include "host/heap.h"
#include "m2m/m2mname.h"

enum { TEXT_MAX = 8192, TARGET_MAX = 512 };

static enum status failed(struct mef *m, enum status st, const char *what, const char *todo)
{
    return APP_FAIL(m->e->app, st, .what = what, .who = m->e->conf.fqdn, .kind = "MEF", .object = m->e->conf.url,
                    .todo = todo);
}

/* ---- one request
 * ------------------------------------------------------------------------------------------------------ */

struct reply {
    int http;
    struct jval *doc; /* NULL: no JSON */
};

static enum status call(struct mef *m, const char *method, const char *child, int ty, struct span body,
                        struct reply *out)
{
    char fields[TEXT_MAX], target[TARGET_MAX];
    struct buf f = BUF_ARRAY(fields), t = BUF_ARRAY(target);
    struct http_url where;
    struct http_reply_copy copy = {.status = 0};
    buf_put(&t, m2mname_base_path(M2MBASE_MEF));
    if (m->ri[0])
        buf_fmt(&t, "/%s", m->ri);
    buf_fmt(&t, "%s%s", *child ? "/" : "", child);
    buf_fmt(&f, "X-M2M-Origin: %s\r\nX-M2M-RI: mef-%llu\r\nX-M2M-RVI: 3\r\nAccept: application/json\r\n", m->iss,
            (unsigned long long)++m->calls);
    if (ty)
        buf_fmt(&f, "Content-Type: application/json; ty=%d\r\n", ty);
    else if (body.n > 0)
        buf_str(&f, "Content-Type: application/json\r\n");
    enum err e = f.e != OK ? f.e : t.e != OK ? t.e : http_url_parse(span_str(m->e->conf.url), &where);
    struct http_call c = {.address = where.address,
                          .tls = m->e->talk.tls,
                          .name = span_str(m->e->conf.fqdn),
                          .method = span_str(method),
                          .target = buf_span(&t),
                          .fields = buf_span(&f),
                          .body = body,
                          .response_ms = (uint32_t)m->e->app->timeout_ms};
    if (e == OK)
        e = http_call_wait(m->e->talk.http, &c, &copy);
    *out = (struct reply){.http = copy.status};
    if (e == OK && json_parse(arena_dup(&m->e->app->mem, buf_span(&copy.body)), &m->e->app->mem, &out->doc, NULL) != OK)
        out->doc = NULL;
    http_reply_copy_free(&copy);
    return e == OK ? ST_DONE
                   : failed(m, ST_UNREACHABLE, app_fmt(m->e->app, "the MEF is not reached: %s", err_text(e)),
                            "check the address and the network; then again");
}

static enum status refused(struct mef *m, const struct reply *r, const char *doing)
{
    struct span what = SPAN("no reason is given");
    (void)!json_str(JSON_GET(r->doc, "what"), &m->e->app->mem, &what);
    return failed(m,
                  r->http == 403   ? ST_REFUSED
                  : r->http == 409 ? ST_CONFLICT
                  : r->http == 503 ? ST_TTP
                                   : ST_FAILED,
                  app_fmt(m->e->app, "%s: HTTP status %d, %.*s", doing, r->http, SPAN_FMT(what)),
                  "ask the operator of the MEF");
}

/* ---- registration
 * ------------------------------------------------------------------------------------------------------- */

enum status mef_register(struct mef *m, int64_t until_ms)
{
    char text[TEXT_MAX], time[32];
    struct buf b = BUF_ARRAY(text), t = BUF_ARRAY(time);
    struct jw w = jw_over(&b);
    struct reply r;
    struct span ri;
    m2mtime_put(&t, until_ms);
    jw_obj(&w);
    jw_name(&w, m2mname_root(M2MTYPE_MECR));
    jw_obj(&w);
    m2mname_put_str(&w, M2MATTR_ET, buf_span(&t));
    m2mname_put_str(&w, M2MATTR_ADFQ, span_str(m->e->conf.fqdn));
    jw_end_obj(&w);
    jw_end_obj(&w);
    m->ri[0] = '\0';
    enum status st = call(m, "POST", "", (int)m2mname_ty(M2MTYPE_MECR), buf_span(&b), &r);
    if (st != ST_DONE)
        return st;
    if (r.http != 201)
        return refused(m, &r, "the client is not registered");
    const struct jval *reg = m2mname_resource(r.doc, M2MTYPE_MECR);
    if (json_str(JSON_GET(reg, "ri"), &m->e->app->mem, &ri) != OK || ri.n == 0 || ri.n >= sizeof m->ri ||
        span_find(ri, '/') < ri.n || span_find(ri, ' ') < ri.n)
        return failed(m, ST_FAILED, "the registration has no resource identifier", "is this a MEF?");
    memcpy(m->ri, ri.p, ri.n);
    m->ri[ri.n] = '\0';
    return ST_DONE;
}

/* ---- commands
 * ------------------------------------------------------------------------------------------------------------ */

static bool take(struct mef *m, const struct jval *doc, struct mef_command *out)
{
    const struct jval *o = m2mname_resource(doc, M2MTYPE_MECM), *d = m2mname_get(o, M2MATTR_CMDD);
    *out = (struct mef_command){.here = false};
    if (!o)
        return false;
    if (!d)
        return true;
    if (json_str(m2mname_get(o, M2MATTR_CMID), &m->e->app->mem, &out->id) != OK || !mefcmd_id_good(out->id))
        return false;
    out->here = true;
    if (json_u64(m2mname_get(d, M2MATTR_CCID), UINT32_MAX, &out->klass) != OK)
        out->klass = UINT64_MAX;
    out->form = mefcmd_read(d, &m->e->app->mem, &out->cmd);
    return true;
}

static const char *cmd_name(struct mef *m)
{
    return app_fmt(m->e->app, "%.*s", SPAN_FMT(m2mname_child(M2MCHILD_CMD)));
}

/* Is the registration there yet? */
static enum status still_there(struct mef *m)
{
    struct reply r;
    enum status st = call(m, "GET", "", 0, SPAN_NONE, &r);
    if (st != ST_DONE || r.http == 200)
        return st;
    return r.http == 404 ? ST_NOT_FOUND : refused(m, &r, "the registration is not shown");
}

enum status mef_next(struct mef *m, struct mef_command *out)
{
    struct reply r;
    *out = (struct mef_command){.here = false};
    enum status st = call(m, "GET", cmd_name(m), 0, SPAN_NONE, &r);
    if (st != ST_DONE)
        return st;
    if (r.http == 404)
        return still_there(m);
    if (r.http != 200)
        return refused(m, &r, "no command is shown");
    return take(m, r.doc, out) ? ST_DONE : failed(m, ST_FAILED, "the command cannot be read at all", "try again later");
}

enum status mef_report(struct mef *m, struct span id, unsigned status, struct mef_command *out)
{
    char text[TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    struct reply r;
    *out = (struct mef_command){.here = false};
    jw_obj(&w);
    jw_name(&w, m2mname_root(M2MTYPE_MECM));
    jw_obj(&w);
    m2mname_put_str(&w, M2MATTR_CMID, id);
    m2mname_put_u64(&w, M2MATTR_CMST, status);
    jw_end_obj(&w);
    jw_end_obj(&w);
    enum status st = call(m, "PUT", cmd_name(m), 0, buf_span(&b), &r);
    if (st != ST_DONE)
        return st;
    if (r.http != 200)
        return refused(m, &r, "the report is not taken");
    return take(m, r.doc, out) ? ST_DONE
                               : failed(m, ST_FAILED, "the next command cannot be read at all", "try again later");
}
