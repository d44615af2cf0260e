/* sheet.c - results, held or spilt. */
#include "cse/sheet.h"

void sheet_begin(struct sheet *s, struct run *r)
{
    *s = (struct sheet){.may = r->x->spills && r->c->w.spill_new};
    text_init(&s->t, r->a);
    s->w = jw_over(&s->t.b);
}

uint64_t sheet_entries(const struct sheet *s)
{
    return s->may ? RESULT_SPILT : RESULT_HELD;
}

static enum err give(struct sheet *s, struct run *r)
{
    const struct world *w = &r->c->w;
    if (!s->spill && !(s->spill = w->spill_new(w->ctx))) {
        r->x->busy = true; /* as many as there may be are under way */
        return ERR_LIMIT;
    }
    TRY(w->spill_put(s->spill, buf_span(&s->t.b)));
    s->out += s->t.b.n;
    s->t.b.n = 0;
    return OK;
}

enum err sheet_flush(struct sheet *s, struct run *r)
{
    TRY(s->t.b.e);
    return s->may && s->t.b.n >= SHEET_HELD ? give(s, r) : OK;
}

enum says sheet_answer(struct sheet *s, struct run *r)
{
    enum err e = s->t.b.e;
    if (e == OK && s->spill)
        e = give(s, r);
    if (e != OK) {
        sheet_drop(s, r);
        return oops(r, e);
    }
    view_answer(r, RSC_OK, buf_span(&s->t.b));
    if (s->spill) {
        r->x->rsp->ser = SER_JSON;
        r->x->spill = s->spill;
        r->x->spill_n = s->out;
        s->spill = NULL;
    }
    view_cut(r);
    return DONE;
}

void sheet_drop(struct sheet *s, struct run *r)
{
    if (s->spill)
        r->c->w.spill_free(s->spill);
    s->spill = NULL;
}
