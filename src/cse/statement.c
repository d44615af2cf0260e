#include "cse/statement.h"

#include "base/attr.h"
#include "m2m/prim.h"
#include "m2m/rsc.h"
#include "m2m/switches.h"
#include "m2m/type.h"
#include "wire/json.h"

/* ---- words ------------------------------------------------------------------------------------------- */

static const char *const presence[] = {
    [P_ABSENT] = "-", [P_NP] = "NP", [P_O] = "O", [P_M] = "M", [P_LACKS] = "not supported"};
static const char *const announcement[] = {[ANN_NA] = "NA", [ANN_OA] = "OA", [ANN_MA] = "MA"};
static const char *const carried[] = {
    [IN_NOTHING] = "",    [IN_METHOD] = "method",      [IN_TARGET] = "target", [IN_HEADER] = "header",
    [IN_QUERY] = "query", [IN_CTYPE] = "Content-Type", [IN_BODY] = "body"};

struct binding {
    const char *name, *text, *state;
};
static const struct binding bindings[] = {
    {"HTTP/1.1", "TS-0009", "server and client, with TLS 1.2 and 1.3"},
    {"JSON", "TS-0004 8.4", "every primitive"},
};

struct place_of_choice {
    const char *topic;
    bool choice; /* open deployments read it differently */
};
static const struct place_of_choice choices[SW__N] = {
#define SWITCH(number, id, has_open, topic) [number] = {topic, has_open},
#include "m2m/tbl/switch.def"
#undef SWITCH
};

/* Types of the standard that this CSE knows and does not host. */
struct stranger {
    unsigned number;
    const char *name;
};
static const struct stranger strangers[] = {
#define TYPE(id, ...)
#define SPEC(id, ...)
#define VIRTUAL(id, ...)
#define UNHOSTED(id, number, root, long_name, flags) {number, long_name},
#include "m2m/type.gen.def"
#undef TYPE
#undef SPEC
#undef VIRTUAL
#undef UNHOSTED
};

/* "CRUD" without the letters of the operations that no request may ask of the type. */
static const char *operations(const struct type *t, char text[5])
{
    const struct {
        uint16_t never;
        char letter;
    } all[] = {{TF_NO_CREATE, 'C'}, {0, 'R'}, {TF_NO_UPDATE, 'U'}, {TF_NO_DELETE, 'D'}};
    size_t n = 0;
    for (size_t i = 0; i < LEN(all); i++)
        if (!(t->flags & all[i].never))
            text[n++] = all[i].letter;
    text[n] = '\0';
    return text;
}

static bool plain(const struct type *t)
{
    return !(t->flags & (TF_VIRTUAL | TF_ANNOUNCED));
}

/* ---- Markdown ---------------------------------------------------------------------------------------- */

static void text_attributes(struct buf *b, const struct type *t)
{
    for (size_t i = 1; i <= t->n; i++) {
        const struct rule *r = &t->own[i];
        buf_fmt(b, "%s%.*s%s %s/%s", i > 1 ? ", " : "", SPAN_FMT(r->row->sn), r->row->v.list == LIST_NO ? "" : "[]",
                presence[r->create], presence[r->update]);
        if (r->announce != ANN_NA)
            buf_fmt(b, " %s", announcement[r->announce]);
    }
}

static void text_types(struct buf *b)
{
    size_t n;
    char ops[5];
    const struct type *rows = type_rows(&n);
    buf_fmt(b, "## Resource types\n\nAttributes: short name (`[]` a list), optionality on CREATE/UPDATE, and how it is "
               "announced when it may be. Announced variants take the MA and OA attributes.\n\n"
               "| ty | name | root | operations | announced | attributes |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        const struct type *t = &rows[i];
        if (!plain(t))
            continue;
        buf_fmt(b, "| %u%s | %s | `%.*s` | %s | ", t->number, t->flags & TF_IN_ONLY ? " (IN-CSE)" : "", t->long_name,
                SPAN_FMT(t->root), operations(t, ops));
        if (t->flags & TF_ANNC)
            buf_fmt(b, "%u", t->number + TY_ANNC);
        buf_fmt(b, " | ");
        text_attributes(b, t);
        buf_fmt(b, " |\n");
    }
    buf_fmt(b, "\nVirtual resources:");
    for (size_t i = 0; i < n; i++)
        if (rows[i].flags & TF_VIRTUAL)
            buf_fmt(b, " `%.*s`", SPAN_FMT(rows[i].root));
    buf_fmt(b, ".\n\nNot hosted (CREATE is answered 5001):");
    for (size_t i = 0; i < LEN(strangers); i++)
        if (strangers[i].number < TY_ANNC)
            buf_fmt(b, "%s %s (%u)", i ? "," : "", strangers[i].name, strangers[i].number);
    buf_fmt(b, ".\n");
}

static void text_switches(struct buf *b)
{
    buf_fmt(b,
            "\n## Where the standard leaves room\n\nThe Release 3 text is the default reading (`r3`). Where there is a "
            "second one, `[switches]` of the configuration chooses it by name (`open`), and a laboratory CSE "
            "(`[lab] open`) reads all of them so.\n\n| # | name | default | topic: Release 3 \\| open "
            "|\n|---|---|---|---|\n");
    for (unsigned i = 0; i < SW__N; i++)
        if (choices[i].topic) {
            buf_fmt(b, "| %u | %s | %s | ", i, choices[i].choice ? switches_name(i) : "",
                    choices[i].choice ? "r3" : "fixed");
            for (struct span rest = span_str(choices[i].topic), part; rest.n;) {
                part = span_cut(&rest, '|');
                buf_fmt(b, "%.*s%s", SPAN_FMT(part), rest.n ? "\\|" : "");
            }
            buf_fmt(b, " |\n");
        }
}

static void text_parameters(struct buf *b)
{
    buf_fmt(b, "\n## Parameters of primitives\n\n| short | name | HTTP carries it in | as |\n|---|---|---|---|\n");
    for (unsigned i = PA_NONE + 1; i < PA__N; i++) {
        const struct param_row *p = param_row((enum param)i);
        buf_fmt(b, "| %.*s | %s | %s | %.*s |\n", SPAN_FMT(p->sn), p->long_name, carried[p->place], SPAN_FMT(p->http));
    }
    buf_fmt(b, "\nFilter criteria:");
    for (unsigned i = FC_NONE + 1; i < FC__N; i++)
        buf_fmt(b, " `%.*s`", SPAN_FMT(crit_name((enum crit)i)));
    buf_fmt(b, ".\n");
}

static void text_codes(struct buf *b)
{
    size_t n;
    const struct rsc_row *rows = rsc_rows(&n);
    buf_fmt(b, "\n## Response status codes\n\n| code | name | HTTP |\n|---|---|---|\n");
    for (size_t i = 0; i < n; i++)
        buf_fmt(b, "| %u | %s | %u |\n", rows[i].rsc, rows[i].name, rows[i].http);
}

void statement_text(struct buf *b)
{
    buf_fmt(b,
            "# Implementation conformance statement\n\noneseal-cse %s. Written by `oneseal-cse --ics` from the rows "
            "that the "
            "program itself works with.\n\n## Bindings and serializations\n\n| | specification | |\n|---|---|---|\n",
            ONESEAL_VERSION);
    for (size_t i = 0; i < LEN(bindings); i++)
        buf_fmt(b, "| %s | %s | %s |\n", bindings[i].name, bindings[i].text, bindings[i].state);
    buf_fmt(b, "\n");
    text_types(b);
    text_switches(b);
    text_parameters(b);
    text_codes(b);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

#define TELL(w, name, text) JW_STR(w, name, span_str(text))

static void new_line(struct jw *w)
{
    buf_put(w->b, SPAN("\n"));
}

static void json_attribute(struct jw *w, const struct rule *r)
{
    jw_obj(w);
    JW_STR(w, "sn", r->row->sn);
    TELL(w, "name", r->row->long_name);
    JW_BOOL(w, "one", r->one);
    JW_BOOL(w, "list", r->row->v.list != LIST_NO);
    TELL(w, "create", presence[r->create]);
    TELL(w, "update", presence[r->update]);
    TELL(w, "announce", announcement[r->announce]);
    jw_end_obj(w);
}

static void json_type(struct jw *w, const struct type *t)
{
    char ops[5];
    jw_obj(w);
    JW_U64(w, "ty", t->number);
    TELL(w, "name", t->long_name);
    JW_STR(w, "root", t->root);
    if (t->mgd)
        JW_U64(w, "mgd", t->mgd);
    TELL(w, "operations", operations(t, ops));
    JW_BOOL(w, "inOnly", t->flags & TF_IN_ONLY);
    JW_BOOL(w, "subscribable", t->flags & TF_SUBSCRIBABLE);
    JW_BOOL(w, "announceable", t->flags & TF_ANNC);
    JW_NAME(w, "children");
    jw_arr(w);
    for (size_t i = 0; i < t->n_kids; i++)
        jw_u64(w, t->kids[i]);
    jw_end_arr(w);
    JW_NAME(w, "attributes");
    jw_arr(w);
    for (size_t i = 1; i <= t->n && !(t->flags & TF_VIRTUAL); i++)
        json_attribute(w, &t->own[i]);
    jw_end_arr(w);
    jw_end_obj(w);
    new_line(w);
}

static void json_types(struct jw *w)
{
    size_t n;
    const struct type *rows = type_rows(&n);
    JW_NAME(w, "types");
    jw_arr(w);
    new_line(w);
    for (size_t i = 0; i < n; i++)
        json_type(w, &rows[i]);
    jw_end_arr(w);
    JW_NAME(w, "notHosted");
    jw_arr(w);
    for (size_t i = 0; i < LEN(strangers); i++)
        jw_u64(w, strangers[i].number);
    jw_end_arr(w);
    new_line(w);
}

static void json_switches(struct jw *w)
{
    JW_NAME(w, "switches");
    jw_arr(w);
    new_line(w);
    for (unsigned i = 0; i < SW__N; i++) {
        if (!choices[i].topic)
            continue;
        jw_obj(w);
        JW_U64(w, "number", i);
        TELL(w, "name", choices[i].choice ? switches_name(i) : "");
        TELL(w, "default", choices[i].choice ? "r3" : "fixed");
        TELL(w, "topic", choices[i].topic);
        jw_end_obj(w);
        new_line(w);
    }
    jw_end_arr(w);
}

static void json_parameters(struct jw *w)
{
    JW_NAME(w, "parameters");
    jw_arr(w);
    new_line(w);
    for (unsigned i = PA_NONE + 1; i < PA__N; i++) {
        const struct param_row *p = param_row((enum param)i);
        jw_obj(w);
        JW_STR(w, "sn", p->sn);
        TELL(w, "name", p->long_name);
        TELL(w, "in", carried[p->place]);
        JW_STR(w, "http", p->http);
        jw_end_obj(w);
        new_line(w);
    }
    jw_end_arr(w);
    JW_NAME(w, "filterCriteria");
    jw_arr(w);
    for (unsigned i = FC_NONE + 1; i < FC__N; i++)
        jw_str(w, crit_name((enum crit)i));
    jw_end_arr(w);
    new_line(w);
}

static void json_codes(struct jw *w)
{
    size_t n;
    const struct rsc_row *rows = rsc_rows(&n);
    JW_NAME(w, "responseStatusCodes");
    jw_arr(w);
    new_line(w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(w);
        JW_U64(w, "rsc", rows[i].rsc);
        TELL(w, "name", rows[i].name);
        JW_U64(w, "http", rows[i].http);
        jw_end_obj(w);
        new_line(w);
    }
    jw_end_arr(w);
}

void statement_json(struct buf *b)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    TELL(&w, "program", "oneseal-cse");
    TELL(&w, "version", ONESEAL_VERSION);
    JW_NAME(&w, "bindings");
    jw_arr(&w);
    for (size_t i = 0; i < LEN(bindings); i++) {
        jw_obj(&w);
        TELL(&w, "name", bindings[i].name);
        TELL(&w, "specification", bindings[i].text);
        TELL(&w, "state", bindings[i].state);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    new_line(&w);
    json_types(&w);
    json_switches(&w);
    json_parameters(&w);
    json_codes(&w);
    jw_end_obj(&w);
    new_line(&w);
}
