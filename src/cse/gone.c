/* gone.c - DELETE, expiry and retention: what leaves, in which order, and which counters follow (TS-0004 7.3.3.8).
 *
 * A tree is taken down leaf by leaf without recursion: at a row, its instances go at once, then its first child is
 * visited; without children the row itself goes and its parent is visited again. */
#include <string.h>

#include "cse/annc.h"
#include "cse/enroll.h"
#include "cse/group.h"
#include "cse/hold.h"
#include "cse/match.h"
#include "cse/node.h"
#include "cse/tell.h"

/* ---- check --------------------------------------------------------------------------------------- */

/* With a children form the criteria select what is shown, not whether (procedures 7). */
static enum says check_condition(struct run *r)
{
    return view_is_tree(r->q->rcn) ? MORE : match_condition(r);
}

enum says gone_check(struct run *r)
{
    const struct type_hook *h = type_hook(r->target.ty);
    enum says say = check_condition(r);
    return say == MORE && h && h->check_delete ? h->check_delete(r) : say;
}

/* ---- a tree -------------------------------------------------------------------------------------- */

/* Switch 21: a deleted policy's id leaves every acpi of this CSE; an emptied list counts as absent. */
static enum err strip_acpi(struct run *r, struct row *row, const struct attrs *at, int64_t policy)
{
    const struct jval *acpi = attrs_get(at, AT_acpi), *body;
    struct text list, t;
    size_t kept = 0;
    text_init(&list, r->a);
    for (const struct jval *v = acpi->child; v; v = v->next) {
        struct row p;
        enum err e = find_text(r, name_text(v, r->a), &p);
        if (e == OK && p.rid == policy)
            continue;
        buf_c(&list.b, kept++ ? ',' : '[');
        buf_put(&list.b, v->raw);
    }
    buf_c(&list.b, ']');
    if (kept == acpi->n)
        return OK;
    TRY(name_parse(row->body, r->a, &body));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    for (const struct jval *v = body->child; v; v = v->next) {
        bool it = span_eq(v->key, SPAN("acpi"));
        if (it && kept == 0)
            continue;
        jw_name(&w, v->key);
        jw_raw(&w, it ? buf_span(&list.b) : v->raw);
    }
    jw_end_obj(&w);
    row->body = buf_span(&t.b);
    TRY(make_labels(r, attrs_get(at, AT_lbl), row));
    return store_set(r->t, row);
}

static enum err forget_in(struct run *r, unsigned ty, int64_t policy)
{
    struct rows page = {.more = true};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_find(r->t, FIND_TYPE, ty, SPAN_NONE, after, PAGE, false, r->a, &page));
        for (size_t k = 0; k < page.n; k++) {
            struct attrs at;
            TRY(name_attrs(&page.v[k], r->a, &at));
            if (attrs_get(&at, AT_acpi))
                TRY(strip_acpi(r, &page.v[k], &at, policy));
        }
        if (!page.n)
            break;
    }
    return OK;
}

static enum err forget_policy(struct run *r, int64_t policy)
{
    size_t n;
    const struct type *types = type_rows(&n);
    for (size_t i = 0; i < n && sw_open(&r->c->conf.sw, SW_dead_acpi); i++)
        if (types[i].flags & TF_ACPI)
            TRY(forget_in(r, types[i].number, policy));
    return OK;
}

/* Letters of a subscription that is itself deleted are dropped; when it goes with its parent, what happened before
 * is still told. */
static enum err drop_one(struct run *r, const struct row *row, bool itself)
{
    if (row->ty == TY_SUB)
        TRY(tell_sub_ends(r, row, !itself));
    if (row->ty == TY_CNT && subs_hear_reads(row))
        TRY(tell_container_ends(r, row));
    TRY(annc_gone(r, row));
    TRY(enroll_gone(r, row));
    if (row->ty == TY_ACP)
        TRY(forget_policy(r, row->rid));
    if (row->ty == TY_CSR)
        r->c->csr_changed = true;
    if (row->ty == TY_REQ) /* the notification of its result */
        TRY(store_letters_drop(r->t, row->rid));
    TRY(node_gone(r, row));
    const struct type_hook *h = type_hook(row->ty);
    if (h && h->gone)
        TRY(h->gone(r, row));
    if (!(type_of(row->ty)->flags & TF_INSTANCE))
        TRY(store_alarms_drop(r->t, row->rid));
    if (itself || !(type_of(row->ty)->flags & TF_INSTANCE))
        TRY(group_forget(r, row));
    readers_moved(r, row->ty);
    return store_drop(r->t, row->rid);
}

static enum err take_down(struct run *r, const struct row *root)
{
    struct row at = *root;
    for (;;) {
        struct rows kids;
        int64_t n;
        const struct hold *h = hold_of(at.ty);
        if (h)
            TRY(store_clear(r->t, at.rid, h->kid, &n));
        TRY(store_list(r->t, at.rid, 0, 0, 1, false, r->a, &kids));
        if (kids.n) {
            at = kids.v[0];
            continue;
        }
        int64_t up = at.pid;
        bool last = at.rid == root->rid;
        TRY(drop_one(r, &at, last));
        if (last)
            return OK;
        TRY(store_get(r->t, up, r->a, &at));
    }
}

enum err gone_below(struct run *r, const struct row *row)
{
    return take_down(r, row);
}

static enum err parent_counts(struct run *r, const struct row *row)
{
    struct row up;
    if (!row->pid)
        return OK;
    if (type_of(row->ty)->flags & TF_INSTANCE)
        return hold_lost(r, row->pid, row);
    TRY(store_get(r->t, row->pid, r->a, &up));
    return make_count_child(r, &up, row, -1);
}

enum err gone_tree(struct run *r, const struct row *row, bool direct)
{
    struct row up;
    if (direct)
        TRY(tell_delete(r, row));
    TRY(take_down(r, row));
    TRY(parent_counts(r, row));
    if (!direct || !row->pid)
        return OK;
    TRY(store_get(r->t, row->pid, r->a, &up));
    return tell_delete_child(r, &up, row);
}

/* The answer shows the resource as it was. */
enum says gone_apply(struct run *r)
{
    enum says say = view_before_delete(r);
    if (say != MORE)
        return say;
    STEP_TRY(r, gone_tree(r, &r->target, true));
    return MORE;
}
