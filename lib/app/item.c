/* item.c - see item.h. */
#include "app/item.h"

#include "esd/label.h"
#include "wire/json.h"

static struct span trimmed(struct span s)
{
    while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == ' '))
        s.n--;
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\n' || s.p[0] == '\r'))
        s = span_from(s, 1);
    return s;
}

static enum err read_cin(const struct jval *cin, struct arena *a, struct item *out)
{
    const struct jval *con = JSON_GET(cin, "con");
    if (!cin || cin->type != J_OBJ)
        return ERR_TYPE;
    if (!con)
        return ERR_MISSING;
    out->con_json = con->type != J_STR;
    out->con = con->raw;
    if (!out->con_json)
        TRY(json_str(con, a, &out->con));
    const struct {
        const char *name;
        struct span *to;
    } texts[] = {{"cnf", &out->cnf}, {"rn", &out->rn}, {"ri", &out->ri}};
    for (size_t i = 0; i < LEN(texts); i++) {
        const struct jval *v = json_get(cin, span_str(texts[i].name));
        if (v)
            TRY(json_str(v, a, texts[i].to));
    }
    return OK;
}

/* The resource of a kind that holds one reading. */
static const struct jval *instance_in(const struct jval *v, bool *copy)
{
    static const struct {
        const char *name;
        bool copy;
    } kinds[] = {{"m2m:cin", false}, {"m2m:tsi", false}, {"m2m:cinA", true}, {"m2m:tsiA", true}};
    for (size_t i = 0; v && v->type == J_OBJ && i < LEN(kinds); i++) {
        const struct jval *one = json_get(v, span_str(kinds[i].name));
        *copy = one && kinds[i].copy;
        if (one)
            return one;
    }
    return NULL;
}

static enum err read_sgn(const struct jval *sgn, struct arena *a, struct item *out)
{
    const struct jval *sur = JSON_GET(sgn, "sur"), *flag = JSON_GET(sgn, "vrq");
    if (sur)
        TRY(json_str(sur, a, &out->sur));
    if (flag && json_bool(flag, &out->verify) == OK && out->verify)
        return OK;
    flag = JSON_GET(sgn, "sud");
    if (flag && json_bool(flag, &out->deletion) == OK && out->deletion)
        return OK;
    const struct jval *rep = JSON_GET(JSON_GET(sgn, "nev"), "rep");
    const struct jval *cin = instance_in(rep, &out->copy);
    out->other = !cin && JSON_GET(sgn, "nev");
    out->rep = rep ? rep->raw : SPAN_NONE;
    return cin ? read_cin(cin, a, out) : out->other ? OK : ERR_TYPE;
}

enum err item_read(struct span text, struct arena *a, struct item *out)
{
    *out = (struct item){0};
    text = trimmed(text);
    if (label_looks_sealed(text)) {
        out->con = text;
        return OK;
    }
    struct jval *v = NULL;
    if (json_parse(text, a, &v, NULL) != OK)
        return ERR_SYNTAX;
    const struct jval *sgn = JSON_GET(v, "m2m:sgn"), *cin = instance_in(v, &out->copy);
    if (sgn)
        return read_sgn(sgn, a, out);
    if (cin)
        return read_cin(cin, a, out);
    return JSON_GET(v, "con") ? read_cin(v, a, out) : ERR_TYPE;
}

enum err item_attribute(struct span text, struct span name, struct arena *a, struct item *out)
{
    struct jval *v = NULL;
    *out = (struct item){0};
    if (json_parse(text, a, &v, NULL) != OK)
        return ERR_SYNTAX;
    const struct jval *resource = v->type == J_OBJ ? v->child : NULL;
    if (!resource || resource->type != J_OBJ)
        return ERR_TYPE;
    const struct jval *con = json_get(resource, name), *ri = JSON_GET(resource, "ri");
    if (!con)
        return ERR_MISSING;
    if (ri)
        TRY(json_str(ri, a, &out->ri));
    out->con_json = con->type != J_STR;
    out->con = con->raw;
    return out->con_json ? OK : json_str(con, a, &out->con);
}

enum err item_members(struct span text, struct arena *a, enum err (*each)(void *ctx, struct span resource), void *ctx)
{
    struct jval *v = NULL;
    if (json_parse(text, a, &v, NULL) != OK)
        return ERR_SYNTAX;
    const struct jval *all = JSON_GET(JSON_GET(v, "m2m:agr"), "m2m:rsp");
    if (!all || all->type != J_ARR)
        return ERR_TYPE;
    for (const struct jval *c = all->child; c; c = c->next) {
        const struct jval *pc = JSON_GET(c, "pc");
        if (pc)
            TRY(each(ctx, pc->raw));
    }
    return OK;
}

void item_put(struct buf *b, struct span rn, struct span cnf, struct span con, bool text)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:cin");
    jw_obj(&w);
    if (rn.n)
        JW_STR(&w, "rn", rn);
    if (cnf.n)
        JW_STR(&w, "cnf", cnf);
    JW_NAME(&w, "con");
    if (text)
        jw_str(&w, con);
    else
        jw_raw(&w, con);
    jw_end_obj(&w);
    jw_end_obj(&w);
}
