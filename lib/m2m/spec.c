/* spec.c - tables of flexContainer specializations from their descriptions. */
#include "m2m/spec.h"

#include <string.h>

#include "m2m/grammar.h"
#include "wire/json.h"

/* ---- words of a description ------------------------------------------------------------------------ */

struct word {
    const char *text;
    uint8_t value;
};
static const struct word kinds[] = {
    {"string", VK_STRING},     {"token", VK_TOKEN},   {"uri", VK_URI},       {"id", VK_ID},
    {"boolean", VK_BOOL},      {"integer", VK_UINT},  {"float", VK_FLOAT},   {"timestamp", VK_TIME},
    {"duration", VK_DURATION}, {"base64", VK_BASE64}, {"object", VK_OBJECT}, {"any", VK_ANY},
};
static const struct word presences[] = {{"M", P_M}, {"O", P_O}, {"NP", P_NP}};
static const struct word announces[] = {{"OA", ANN_OA}, {"MA", ANN_MA}, {"NA", ANN_NA}};

/* One reading: of the present description. */
struct reading {
    struct spec_list *l;
    struct arena *a;
    struct spec_why *why;
};

static enum err wrong(struct reading *r, enum err e, const char *rule)
{
    r->why->rule = rule;
    return e;
}

static bool word_of(const struct word *w, size_t n, const struct jval *v, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        if (json_is(v, span_str(w[i].text))) {
            *out = w[i].value;
            return true;
        }
    return false;
}

static enum err choice(struct reading *r, const struct jval *attr, struct span name, const struct word *w, size_t n,
                       uint8_t *out)
{
    const struct jval *v = json_get(attr, name);
    if (v && !word_of(w, n, v, out))
        return wrong(r, ERR_SYNTAX, "has a word that is none of those of spec.h");
    return OK;
}

static enum err text_of(struct reading *r, const struct jval *v, size_t max, struct span *out)
{
    if (!v || v->type != J_STR)
        return wrong(r, ERR_SYNTAX, "misses a text that must be there");
    TRY(json_str(v, r->a, out));
    if (out->n == 0 || out->n > max)
        return wrong(r, ERR_RANGE, "has a text that is empty or too long");
    return OK;
}

/* ---- one attribute --------------------------------------------------------------------------------- */

/* Only members that spec.h names: a misspelt one would be a rule that nobody keeps. */
static enum err only(struct reading *r, const struct jval *object, const char *const *names, size_t n)
{
    for (const struct jval *m = object->child; m; m = m->next) {
        size_t i = 0;
        while (i < n && !span_eq(m->key, span_str(names[i])))
            i++;
        if (i == n)
            return wrong(r, ERR_SYNTAX, "has a member that spec.h does not know");
    }
    return OK;
}

static enum err value_of(struct reading *r, const struct jval *attr, struct vdesc *d)
{
    const struct jval *list = JSON_GET(attr, "list"), *least = JSON_GET(attr, "least"), *most = JSON_GET(attr, "most");
    bool yes = false;
    if (!word_of(kinds, LEN(kinds), JSON_GET(attr, "type"), &d->kind))
        return wrong(r, ERR_SYNTAX, "has no type, or one that spec.h does not know");
    if (list && json_bool(list, &yes) != OK)
        return wrong(r, ERR_SYNTAX, "has a list that is neither true nor false");
    d->list = yes ? LIST_YES : LIST_NO;
    d->least = yes;
    d->lo = INT64_MIN;
    d->hi = INT64_MAX;
    if ((least || most) && d->kind != VK_UINT)
        return wrong(r, ERR_SYNTAX, "has bounds but is no integer");
    if ((least && json_i64(least, &d->lo) != OK) || (most && json_i64(most, &d->hi) != OK) || d->lo > d->hi)
        return wrong(r, ERR_RANGE, "has bounds that are no whole numbers in order");
    return OK;
}

/* What is sealed is stored as a text, so it must be one. */
static enum err sealed_of(struct reading *r, const struct jval *attr, const struct vdesc *d, bool *out)
{
    const struct jval *v = JSON_GET(attr, "sealed");
    if (v && json_bool(v, out) != OK)
        return wrong(r, ERR_SYNTAX, "has a sealed that is neither true nor false");
    if (*out && (d->kind != VK_STRING || d->list != LIST_NO))
        return wrong(r, ERR_SYNTAX, "is to be sealed but is no string");
    return OK;
}

static enum attr name_of(struct reading *r, const struct attr_row *row)
{
    struct spec_list *l = r->l;
    enum attr at = attr_find(row->sn);
    if (at != AT_NONE && at < AT__N)
        return at;
    for (size_t i = 0; i < l->n_names; i++)
        if (span_eq(l->names[i].sn, row->sn))
            return (enum attr)(AT__N + i);
    if (l->n_names == l->cap_names) {
        size_t cap = l->cap_names ? l->cap_names * 2 : 64;
        struct attr_row *v = ARENA_ARRAY(r->a, struct attr_row, cap);
        if (!v)
            return AT_NONE;
        if (l->n_names)
            memcpy(v, l->names, l->n_names * sizeof *v);
        l->names = v;
        l->cap_names = cap;
    }
    l->names[l->n_names] = *row;
    return (enum attr)(AT__N + l->n_names++);
}

static enum err attribute(struct reading *r, const struct jval *v, struct rule *out)
{
    static const char *const names[] = {"sn",       "name", "type",  "create", "update",
                                        "announce", "list", "least", "most",   "sealed"};
    struct attr_row *row = ARENA_NEW(r->a, struct attr_row);
    struct span long_name;
    if (!row)
        return ERR_NOMEM;
    if (v->type != J_OBJ)
        return wrong(r, ERR_SYNTAX, "has an attribute that is no object");
    TRY(text_of(r, JSON_GET(v, "sn"), SPEC_ROOT_MAX, &row->sn));
    r->why->attr = row->sn;
    if (!grammar_ncname(row->sn))
        return wrong(r, ERR_SYNTAX, "is no name for an attribute");
    TRY(only(r, v, names, LEN(names)));
    TRY(text_of(r, JSON_GET(v, "name") ? JSON_GET(v, "name") : JSON_GET(v, "sn"), SPEC_ROOT_MAX, &long_name));
    row->long_name = arena_cstr(r->a, long_name);
    TRY(value_of(r, v, &row->v));
    *out = (struct rule){.row = row, .create = P_O, .update = P_O, .announce = ANN_OA, .access = ACC_RW};
    TRY(choice(r, v, SPAN("create"), presences, LEN(presences), &out->create));
    TRY(choice(r, v, SPAN("update"), presences, LEN(presences), &out->update));
    TRY(choice(r, v, SPAN("announce"), announces, LEN(announces), &out->announce));
    TRY(sealed_of(r, v, &row->v, &out->sealed));
    out->one = out->create == P_M;
    enum attr at = name_of(r, row);
    out->at = (uint16_t)at;
    return at == AT_NONE || !row->long_name ? ERR_NOMEM : OK;
}

/* ---- tables ------------------------------------------------------------------------------------------ */

static int order(struct span x, struct span y)
{
    return x.n != y.n ? x.n < y.n ? -1 : 1 : memcmp(x.p, y.p, x.n);
}

/* Puts a rule into its place. false: there is one of that name. */
static bool insert(struct rule *own, size_t n, const struct rule *rule)
{
    size_t i = n + 1;
    while (i > 1 && order(own[i - 1].row->sn, rule->row->sn) > 0)
        i--;
    if (i > 1 && order(own[i - 1].row->sn, rule->row->sn) == 0)
        return false;
    memmove(own + i + 1, own + i, (n + 1 - i) * sizeof *own);
    own[i] = *rule;
    return true;
}

/* How a custom attribute stands in the table of that kind; false: it does not. */
static bool take_over(unsigned number, struct rule *rule)
{
    if (number == TY_FCNT)
        return true;
    if (number >= TY_ANNC && rule->announce == ANN_NA)
        return false;
    rule->create = P_O;
    rule->update = number >= TY_ANNC ? P_O : P_NP;
    rule->one = false;
    return true;
}

static enum err table(struct reading *r, unsigned number, const struct type *head, const struct rule *custom, size_t n,
                      struct type *out)
{
    const struct type *base = type_of(number);
    struct rule *own = ARENA_ARRAY(r->a, struct rule, ATTRS_MAX + 1);
    uint8_t *slot = ARENA_ARRAY(r->a, uint8_t, AT__N);
    size_t have = base->n;
    if (!own || !slot)
        return ERR_NOMEM;
    memcpy(own, base->own, (have + 1u) * sizeof *own);
    for (size_t i = 0; i < n; i++) {
        struct rule rule = custom[i];
        r->why->attr = rule.row->sn;
        if (!take_over(number, &rule))
            continue;
        if (have + 1 == ATTRS_MAX)
            return wrong(r, ERR_LIMIT, "makes more attributes than a resource can have");
        if (!insert(own, have, &rule))
            return wrong(r, ERR_EXISTS, "is there twice, or every flexContainer has it");
        have++;
    }
    for (size_t i = 1; i <= have; i++)
        if (own[i].at < AT__N)
            slot[own[i].at] = (uint8_t)i;
    *out = *head;
    out->own = own;
    out->slot = slot;
    out->n = (uint8_t)have;
    out->number = (uint16_t)number;
    out->flags = (uint16_t)(base->flags | TF_SPEC);
    out->kids = base->kids;
    out->n_kids = base->n_kids;
    r->why->attr = SPAN_NONE;
    return OK;
}

static enum err types_room(struct reading *r, size_t more)
{
    struct spec_list *l = r->l;
    if (l->n_types + more <= l->cap_types)
        return OK;
    size_t cap = l->cap_types ? l->cap_types * 2 : 64;
    struct type *v = ARENA_ARRAY(r->a, struct type, cap);
    if (!v)
        return ERR_NOMEM;
    if (l->n_types)
        memcpy(v, l->types, l->n_types * sizeof *v);
    l->types = v;
    l->cap_types = cap;
    return OK;
}

/* Is it there already, as a row or from another description? */
static bool known(const struct spec_list *l, struct span root, struct span cnd)
{
    if (type_of_root(root))
        return true;
    for (size_t i = 0; i < l->n_types; i++)
        if (span_eq(l->types[i].root, root) || (l->types[i].number == TY_FCNT && span_eq(l->types[i].cnd, cnd)))
            return true;
    return false;
}

/* "prefix:name". */
static bool is_root(struct span s)
{
    size_t colon = span_find(s, ':');
    return colon < s.n && grammar_ncname(span_first(s, colon)) && grammar_ncname(span_from(s, colon + 1));
}

static enum err head_of(struct reading *r, const struct jval *v, struct type *head, struct span *announced)
{
    static const char *const names[] = {"cnd", "root", "name", "attributes"};
    struct span name;
    if (v->type != J_OBJ)
        return wrong(r, ERR_SYNTAX, "a description is an object");
    TRY(text_of(r, JSON_GET(v, "root"), SPEC_ROOT_MAX, &head->root));
    r->why->root = head->root;
    TRY(only(r, v, names, LEN(names)));
    TRY(text_of(r, JSON_GET(v, "cnd"), SPEC_CND_MAX, &head->cnd));
    TRY(text_of(r, JSON_GET(v, "name") ? JSON_GET(v, "name") : JSON_GET(v, "root"), SPEC_ROOT_MAX, &name));
    if (!is_root(head->root) || !grammar_uri(head->cnd))
        return wrong(r, ERR_SYNTAX, "its root is not prefix:name, or its cnd is no URI");
    if (known(r->l, head->root, head->cnd))
        return wrong(r, ERR_EXISTS, "a table with this root or cnd is there already");
    head->long_name = arena_cstr(r->a, name);
    *announced = arena_join(r->a, head->root, SPAN("A"));
    return arena_ok(r->a) ? OK : ERR_NOMEM;
}

static enum err description(struct reading *r, const struct jval *v)
{
    static const uint16_t numbers[] = {TY_FCNT, TY_FCI, TY_FCNT_A, TY_FCI_A};
    struct type head = {0};
    struct span announced;
    struct rule custom[ATTRS_MAX];
    const struct jval *list = JSON_GET(v, "attributes");
    size_t n = 0;
    TRY(head_of(r, v, &head, &announced));
    if (list && list->type != J_ARR)
        return wrong(r, ERR_SYNTAX, "its attributes are no list");
    if (r->l->n_types / LEN(numbers) == SPEC_MAX || (list && list->n >= ATTRS_MAX))
        return wrong(r, ERR_LIMIT, "there are too many descriptions, or too many attributes in one");
    for (const struct jval *e = list ? list->child : NULL; e; e = e->next)
        TRY(attribute(r, e, &custom[n++]));
    TRY(types_room(r, LEN(numbers)));
    struct type *to = r->l->types + r->l->n_types;
    for (size_t i = 0; i < LEN(numbers); i++) {
        TRY(table(r, numbers[i], &head, custom, n, &to[i]));
        if (numbers[i] >= TY_ANNC)
            to[i].root = announced;
    }
    r->l->n_types += LEN(numbers);
    return OK;
}

enum err spec_read(struct spec_list *l, struct span text, struct arena *a, struct spec_why *why)
{
    struct jval *v;
    struct spec_list before = *l;
    struct reading r = {.l = l, .a = a, .why = why};
    *why = (struct spec_why){.rule = "is no JSON text"};
    if (text.n > SPEC_TEXT_MAX)
        return wrong(&r, ERR_LIMIT, "the text is too long");
    enum err e = json_parse(text, a, &v, NULL);
    if (e != OK)
        return e == ERR_NOMEM ? e : ERR_SYNTAX;
    if (v->type != J_ARR)
        e = description(&r, v);
    else
        for (v = v->child; v && e == OK; v = v->next)
            e = description(&r, v);
    if (e != OK)
        *l = before;
    return e;
}
