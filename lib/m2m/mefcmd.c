#include "m2m/mefcmd.h"

#include "m2m/check.h"
#include "m2m/grammar.h"
#include "m2m/m2mname.h"

static bool text_of(const struct jval *o, enum m2mname_attr attr, struct arena *a, struct span *out)
{
    return json_str(m2mname_get(o, attr), a, out) == OK && out->n > 0 && out->n <= MEFCMD_TEXT_MAX;
}

static bool number_of(const struct jval *o, enum m2mname_attr attr, uint64_t least, uint64_t most, uint8_t *out)
{
    uint64_t n;
    if (json_u64(m2mname_get(o, attr), most, &n) != OK || n < least)
        return false;
    *out = (uint8_t)n;
    return true;
}

static bool uri_of(const struct jval *o, enum m2mname_attr attr, struct arena *a, struct span *out)
{
    return text_of(o, attr, a, out) && grammar_uri(*out);
}

/* ---- arguments, by class ---------------------------------------------------------------------------------------- */

static bool read_no_more(const struct jval *o, struct arena *a, struct mefcmd *c)
{
    return text_of(o, M2MATTR_RDUR, a, &c->retry) && check_duration(c->retry, &c->retry_ms);
}

static bool read_cert_prov(const struct jval *o, struct arena *a, struct mefcmd *c)
{
    return number_of(o, M2MATTR_CPPI, MEFCMD_EST, MEFCMD_SCEP, &c->protocol) && uri_of(o, M2MATTR_URI, a, &c->uri) &&
           number_of(o, M2MATTR_CSTP, MEFCMD_NODE_ID, MEFCMD_AE_ID, &c->subject_type) &&
           uri_of(o, M2MATTR_CSID, a, &c->subject);
}

/* sec:deviceConfigURI: devMgmtID, a colon, the URI. */
static bool read_dev_cfg(const struct jval *o, struct arena *a, struct mefcmd *c)
{
    struct span text;
    if (!uri_of(o, M2MATTR_DCU, a, &text) || text.n < 3 || text.p[0] < '1' || text.p[0] > '4' || text.p[1] != ':')
        return false;
    c->management = (uint8_t)(text.p[0] - '0');
    c->uri = span_from(text, 2);
    return true;
}

static bool read_mo_node(const struct jval *o, struct arena *a, struct mefcmd *c)
{
    const struct jval *own = m2mname_get(o, M2MATTR_OTSA);
    if (!uri_of(o, M2MATTR_OBP, a, &c->path) ||
        !number_of(o, M2MATTR_OTID, MEFCMD_AUTH_PROFILE, MEFCMD_MAF_CLIENT_CFG, &c->object_type))
        return false;
    if (c->object_type != MEFCMD_AUTH_PROFILE)
        return own == NULL;
    return number_of(m2mname_get(own, M2MATTR_APMA), M2MATTR_SUID, 10, 45, &c->suid);
}

static void put_no_more(struct jw *w, const struct mefcmd *c)
{
    m2mname_put_str(w, M2MATTR_RDUR, c->retry);
}

static void put_cert_prov(struct jw *w, const struct mefcmd *c)
{
    m2mname_put_u64(w, M2MATTR_CPPI, c->protocol);
    m2mname_put_str(w, M2MATTR_URI, c->uri);
    m2mname_put_u64(w, M2MATTR_CSTP, c->subject_type);
    m2mname_put_str(w, M2MATTR_CSID, c->subject);
}

static void put_dev_cfg(struct jw *w, const struct mefcmd *c)
{
    uint8_t text[MEFCMD_TEXT_MAX + 8];
    struct buf b = BUF_ARRAY(text);
    buf_u64(&b, c->management);
    buf_c(&b, ':');
    buf_put(&b, c->uri);
    m2mname_put_str(w, M2MATTR_DCU, buf_span(&b));
}

static void put_mo_node(struct jw *w, const struct mefcmd *c)
{
    m2mname_put_str(w, M2MATTR_OBP, c->path);
    m2mname_put_u64(w, M2MATTR_OTID, c->object_type);
    if (c->object_type != MEFCMD_AUTH_PROFILE)
        return;
    m2mname_put(w, M2MATTR_OTSA);
    jw_obj(w);
    m2mname_put(w, M2MATTR_APMA);
    jw_obj(w);
    m2mname_put_u64(w, M2MATTR_SUID, c->suid);
    jw_end_obj(w);
    jw_end_obj(w);
}

static const struct {
    enum m2mname_attr args;
    bool (*read)(const struct jval *o, struct arena *a, struct mefcmd *c);
    void (*put)(struct jw *w, const struct mefcmd *c);
    uint16_t first, last; /* status codes of its own */
} classes[] = {
    [MEFCMD_NO_MORE] = {M2MATTR_NMCA, read_no_more, put_no_more, 0, 0},
    [MEFCMD_CERT_PROV] = {M2MATTR_CPCA, read_cert_prov, put_cert_prov, MEFCMD_CERT_PROV_SERVER_ERROR,
                          MEFCMD_CERT_PROV_CLIENT_ERROR},
    [MEFCMD_DEV_CFG] = {M2MATTR_DCCA, read_dev_cfg, put_dev_cfg, MEFCMD_DEV_CFG_SERVER_ERROR,
                        MEFCMD_DEV_CFG_CLIENT_ERROR},
    [MEFCMD_MO_NODE] = {M2MATTR_MNCA, read_mo_node, put_mo_node, MEFCMD_MO_NODE_NOT_FOUND, MEFCMD_MO_NODE_FAILED},
};

/* ---- the description -------------------------------------------------------------------------------------------- */

enum mefcmd_status mefcmd_read(const struct jval *cmdd, struct arena *a, struct mefcmd *out)
{
    uint64_t klass;
    const struct jval *args = m2mname_get(cmdd, M2MATTR_CMDA);
    *out = (struct mefcmd){0};
    if (json_u64(m2mname_get(cmdd, M2MATTR_CCID), UINT32_MAX, &klass) != OK)
        return MEFCMD_BAD_ARGUMENTS;
    if (klass >= LEN(classes))
        return MEFCMD_CLASS_NOT_SUPPORTED;
    out->klass = (enum mefcmd_class)klass;
    if (m2mname_get(cmdd, M2MATTR_TGID) && !uri_of(cmdd, M2MATTR_TGID, a, &out->target))
        return MEFCMD_BAD_ARGUMENTS;
    if (!args || args->type != J_OBJ || args->n != 1)
        return MEFCMD_BAD_ARGUMENTS;
    const struct jval *own = m2mname_get(args, classes[klass].args);
    return own && classes[klass].read(own, a, out) ? MEFCMD_OK : MEFCMD_BAD_ARGUMENTS;
}

void mefcmd_put(struct jw *w, const struct mefcmd *c)
{
    jw_obj(w);
    m2mname_put_u64(w, M2MATTR_CCID, c->klass);
    m2mname_put(w, M2MATTR_CMDA);
    jw_obj(w);
    m2mname_put(w, classes[c->klass].args);
    jw_obj(w);
    classes[c->klass].put(w, c);
    jw_end_obj(w);
    jw_end_obj(w);
    if (c->target.n > 0)
        m2mname_put_str(w, M2MATTR_TGID, c->target);
    jw_end_obj(w);
}

/* Host of an absolute URI: scheme://host[:port][/...]. User information would hide the host: none is accepted. */
static bool host_is(struct span uri, struct span fqdn)
{
    size_t at = span_find(uri, ':');
    struct span rest = span_from(uri, at);
    if (at == 0 || !span_starts(rest, SPAN("://")))
        return false;
    rest = span_from(rest, 3);
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
        end++;
    struct span authority = span_first(rest, end);
    if (span_find(authority, '@') < authority.n)
        return false;
    size_t colon = span_find(authority, ':');
    for (size_t i = colon + 1; i < authority.n; i++)
        if (authority.p[i] < '0' || authority.p[i] > '9')
            return false;
    return span_eq_nocase(span_first(authority, colon), fqdn);
}

bool mefcmd_acceptable(const struct mefcmd *c, struct span fqdn)
{
    return (c->klass != MEFCMD_CERT_PROV && c->klass != MEFCMD_DEV_CFG) || host_is(c->uri, fqdn);
}

bool mefcmd_id_good(struct span id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!grammar_unreserved(id.p[i]) || id.p[i] == '~')
            return false;
    return id.n > 0 && id.n <= MEFCMD_ID_MAX;
}

bool mefcmd_status_fits(enum mefcmd_class klass, uint64_t status)
{
    bool any = status == MEFCMD_OK || (status >= MEFCMD_REPEATED_CMD_ID && status <= MEFCMD_UNACCEPTABLE_ARGUMENTS);
    return any || (classes[klass].first > 0 && status >= classes[klass].first && status <= classes[klass].last);
}
