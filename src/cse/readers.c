#include "cse/readers.h"

#include <string.h>

#include "cse/inside.h"

/* ---- the list -------------------------------------------------------------------------------------- */

static void note(struct readers *o, struct span what, const char *why)
{
    if (o->n_notes < READERS_NOTES_MAX)
        o->note[o->n_notes++] = (struct readers_note){what, why};
}

static void insert(struct readers *o, struct span id)
{
    size_t i = o->n;
    while (i > 0 && span_cmp(o->id[i - 1], id) > 0)
        i--;
    if (i > 0 && span_eq(o->id[i - 1], id))
        return;
    if (o->n == READERS_MAX) {
        note(o, id, "more than 256 readers: this one is left out");
        return;
    }
    memmove(o->id + i + 1, o->id + i, (o->n - i) * sizeof *o->id);
    o->id[i] = id;
    o->n++;
}

/* A single entity; false: the text names none. */
static bool take_id(struct run *r, struct span text, struct readers *o)
{
    struct text t;
    struct id id = id_parse(text, &r->c->conf.self);
    if (id.kind == ID_AE_C)
        note(o, text, "a C-type AE-ID changes when the AE registers again: readers have S-type AE-IDs");
    else if (id.kind == ID_CSE || id.kind == ID_SP)
        note(o, text, "names a CSE or a whole domain: readers are AEs");
    if (id.kind != ID_AE_S)
        return id.kind == ID_AE_C || id.kind == ID_CSE || id.kind == ID_SP;
    text_init(&t, r->a);
    id_put_absolute(&t.b, &id);
    insert(o, buf_span(&t.b));
    return true;
}

/* ---- groups and addresses ---------------------------------------------------------------------------- */

static enum err take_address(struct run *r, struct span text, bool group, struct readers *o);

/* Members of groups in the group are not looked at, as access control does not (access.h). */
static enum err take_group(struct run *r, const struct row *row, struct readers *o)
{
    struct attrs at;
    TRY(name_attrs(row, r->a, &at));
    const struct jval *mid = attrs_get(&at, AT_mid);
    for (const struct jval *v = mid && mid->type == J_ARR ? mid->child : NULL; v; v = v->next) {
        struct span text = name_text(v, r->a);
        if (!take_id(r, text, o))
            TRY(take_address(r, text, false, o));
    }
    return OK;
}

/* The address of an AE's resource, or of a group of this CSE. */
static enum err take_address(struct run *r, struct span text, bool group, struct readers *o)
{
    struct row row;
    enum err e = find_text(r, text, &row);
    if (e == ERR_NOTFOUND || e == ERR_SYNTAX || e == ERR_UNREACHABLE) {
        note(o, text,
             e == ERR_UNREACHABLE ? "lies on another CSE, which may change it unseen" : "names nothing that is there");
        return OK;
    }
    TRY(e);
    if (row.ty == TY_GRP && group)
        return take_group(r, &row, o);
    if (row.ty != TY_AE || !take_id(r, row.alias, o))
        note(o, text, "is neither an AE nor a group of AEs");
    return OK;
}

static enum err take_originator(struct run *r, struct span text, struct readers *o)
{
    if (span_eq(text, SPAN("all"))) {
        note(o, text, "names everybody, and so nobody to whom a key could be given");
        return OK;
    }
    if (span_find(text, '*') < text.n) {
        note(o, text, "is a pattern: nobody knows whom it will fit");
        return OK;
    }
    return take_id(r, text, o) ? OK : take_address(r, text, true, o);
}

/* ---- rules ------------------------------------------------------------------------------------------- */

/* Conditions that a key, once given, would not keep to. */
static const char *condition_of(const struct jval *rule)
{
    static const struct {
        const char *name, *why;
    } rows[] = {
        {"acco", "the rule has contexts (times, places, addresses), which a key does not keep to"},
        {"acod", "the rule concerns certain objects only"},
        {"aca", "the rule opens certain attributes only"},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        if (json_get(rule, span_str(rows[i].name)))
            return rows[i].why;
    return NULL;
}

static enum err take_rule(struct run *r, const struct jval *rule, struct readers *o)
{
    uint64_t ops;
    const struct jval *acor = JSON_GET(rule, "acor");
    const char *why = condition_of(rule);
    if (json_u64(JSON_GET(rule, "acop"), 63, &ops) != OK || !(ops & ACOP_RETRIEVE))
        return OK;
    for (const struct jval *v = acor && acor->type == J_ARR ? acor->child : NULL; v; v = v->next) {
        struct span text = name_text(v, r->a);
        if (why)
            note(o, text, why);
        else
            TRY(take_originator(r, text, o));
    }
    return OK;
}

static enum err take_policy(struct run *r, struct span id, struct readers *o)
{
    struct row row;
    struct attrs at;
    enum err e = find_text(r, id, &row);
    if (e == ERR_UNREACHABLE)
        note(o, id, "is a policy of another CSE, which may change it unseen");
    if (e == ERR_NOTFOUND || e == ERR_UNREACHABLE || e == ERR_SYNTAX || (e == OK && row.ty != TY_ACP))
        return OK;
    TRY(e);
    TRY(name_attrs(&row, r->a, &at));
    const struct jval *acr = JSON_GET(attrs_get(&at, AT_pv), "acr");
    for (const struct jval *v = acr && acr->type == J_ARR ? acr->child : NULL; v; v = v->next)
        TRY(take_rule(r, v, o));
    return OK;
}

enum err readers_of(struct run *r, const struct attrs *place, struct span creator, struct readers *out)
{
    *out = (struct readers){.n = 0};
    const struct jval *acpi = attrs_get(place, AT_acpi);
    struct span custodian = attrs_text(place, AT_cstn, r->a);
    if (!acpi || acpi->type != J_ARR || acpi->n == 0)
        return take_originator(r, custodian.n ? custodian : creator, out);
    for (const struct jval *v = acpi->child; v; v = v->next)
        TRY(take_policy(r, name_text(v, r->a), out));
    return arena_ok(r->a) ? OK : ERR_NOMEM;
}

enum err readers_at(struct cse *c, struct store_tx *t, struct arena *a, int64_t now, struct span address,
                    struct readers *out, const struct span **lbl, size_t *nlbl)
{
    struct run r = {.c = c, .t = t, .a = a, .now = now, .slot = STORE_SLOTS_MAX};
    struct row row;
    struct attrs at;
    enum err e = find_text(&r, span_first(address, span_find(address, '#')), &row);
    if (e == ERR_SYNTAX || e == ERR_UNREACHABLE)
        return ERR_NOTFOUND;
    TRY(e);
    TRY(name_attrs(&row, a, &at));
    TRY(make_label_list(&r, attrs_get(&at, AT_lbl), lbl, nlbl));
    return readers_of(&r, &at, row.creator, out);
}

uint64_t readers_turn(const struct cse *c)
{
    return c->access_turn;
}
