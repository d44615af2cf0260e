#include "esd/recall.h"

#include <string.h>

#include "base/code.h"
#include "esd/header.h"

enum { TAIL_MAX = 96 }; /* octets of a header from the index on, and up to two before it */

/* ---- keeping -------------------------------------------------------------------------------------- */

/* ,"e2e":[1,"sid",ep,i,...]} at the end, in the spelling that we write: then the header differs from the next one of
 * this epoch only behind `ep,`. */
static bool ends_as_ours(const struct esd_label *l, size_t *before_index)
{
    uint8_t text[24], tail[200], head[200];
    struct buf sid = BUF_ARRAY(text), t = BUF_ARRAY(tail), h = BUF_ARRAY(head);
    b64url_put(&sid, span_of(l->e2e.sid, ESD_SID));
    buf_str(&t, ",\"e2e\":");
    header_put_e2e(&t, buf_span(&sid), &l->e2e);
    buf_c(&t, '}');
    buf_str(&h, ",\"e2e\":[1,\"");
    buf_put(&h, buf_span(&sid));
    buf_str(&h, "\",");
    buf_u64(&h, l->e2e.ep);
    buf_c(&h, ',');
    if (t.e != OK || h.e != OK || !span_ends(l->header, buf_span(&t)))
        return false;
    *before_index = l->header.n - t.n + h.n;
    return true;
}

static bool within(struct span part, struct span whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static struct span moved(struct span part, struct span from, const uint8_t *to)
{
    return part.n ? span_of(to + (part.p - from.p), part.n) : SPAN_NONE;
}

static void move_label(struct esd_label *l, struct esd_part *p, const uint8_t *to)
{
    struct span from = l->header;
    l->kid = p->kid = moved(l->kid, from, to);
    l->ttp = p->ttp = moved(l->ttp, from, to);
    l->cty = p->cty = moved(l->cty, from, to);
    l->header = span_of(to, from.n);
    l->parts = p;
}

void recall_keep(struct opener *o, const struct open_ask *ask, const struct esd_label *l)
{
    struct open_memory *m = &o->last;
    size_t index_at;
    m->text_n = 0;
    if (l->jws || l->alg != ESD_DIR || ask->security > 1 || !l->e2e.here || l->header.n > sizeof m->text ||
        l->aad.n > sizeof m->same || !within(l->kid, l->header) || !within(l->cty, l->header) ||
        !ends_as_ours(l, &index_at))
        return;
    memcpy(m->text, l->header.p, l->header.n);
    memcpy(m->same, l->aad.p, l->aad.n);
    m->label = *l;
    m->part = l->parts[0];
    move_label(&m->label, &m->part, m->text);
    m->allow = ask->allow;
    m->text_n = (uint16_t)l->header.n;
    m->index_at = (uint16_t)index_at;
    m->same_n = (uint16_t)(index_at / 3 * 4);
}

/* ---- recalling ------------------------------------------------------------------------------------ */

/* A number and the comma behind it. */
static bool number(struct span *rest, uint8_t end, uint64_t max, uint64_t *out)
{
    struct span s = span_cut(rest, end);
    return rest->p && span_u64(s, max, out) == OK;
}

/* i,t_ms,"mode"]} or i,t_ms,"mode",pad]} */
static bool read_tail(struct span rest, size_t pad_end, struct esd_e2e *e)
{
    uint64_t i, pad = 0;
    if (!number(&rest, ',', ESD_INDEX_END - 1, &i) || !number(&rest, ',', ESD_INT_END - 1, &e->t_ms))
        return false;
    if (rest.n < 5 || rest.p[0] != '"' || (rest.p[1] != 'd' && rest.p[1] != 'g'))
        return false;
    e->device = rest.p[1] == 'd';
    e->batch = rest.p[2] == 'b';
    rest = span_from(rest, e->batch ? 3 : 2);
    if (rest.n == 0 || rest.p[0] != '"')
        return false;
    rest = span_from(rest, 1);
    e->padded = rest.n > 0 && rest.p[0] == ',';
    if (e->padded) {
        rest = span_from(rest, 1);
        if (!number(&rest, ']', pad_end, &pad) || !span_eq(rest, SPAN("}")))
            return false;
    } else if (!span_eq(rest, SPAN("]}"))) {
        return false;
    }
    e->i = (uint32_t)i;
    e->pad = (uint32_t)pad;
    return true;
}

/* The four parts behind the header: no encrypted key, IV, ciphertext, tag. */
static bool read_parts(struct span rest, struct esd_label *l)
{
    struct span key = span_cut(&rest, '.');
    l->iv_text = span_cut(&rest, '.');
    l->ct_text = span_cut(&rest, '.');
    l->tag_text = rest;
    size_t n = l->ct_text.n;
    l->ct_len = n / 4 * 3 + (n % 4 ? n % 4 - 1 : 0);
    return rest.p && key.n == 0 && l->iv_text.n == B64URL_LEN(ESD_IV) && l->tag_text.n == B64URL_LEN(ESD_TAG) &&
           l->ct_len > 0 && b64url_ok(l->iv_text) && b64url_ok(l->ct_text) && b64url_ok(l->tag_text);
}

static bool same_head(const struct open_memory *m, struct span con)
{
    return con.n > m->same_n && memcmp(con.p, m->same, m->same_n) == 0;
}

bool recall_label(const struct opener *o, struct span con, const struct open_ask *ask, struct arena *a,
                  struct esd_label *out)
{
    const struct open_memory *m = &o->last;
    uint8_t tail[TAIL_MAX];
    struct buf t = BUF_ARRAY(tail);
    struct span rest = con;
    if (m->text_n == 0 || con.n > ESD_CON_MAX || ask->security > 1 || ask->payload.p || ask->allow != m->allow ||
        !same_head(m, con))
        return false;
    struct span head = span_cut(&rest, '.');
    size_t kept = m->same_n / 4 * 3, odd = m->index_at - kept;
    if (!rest.p || head.n < m->same_n || head.n - m->same_n > B64URL_LEN(TAIL_MAX) ||
        b64url_get(span_from(head, m->same_n), &t) != OK || t.n < odd || memcmp(tail, m->text + kept, odd) != 0)
        return false;
    struct esd_label l = m->label;
    if (!read_parts(rest, &l) || !read_tail(span_from(buf_span(&t), odd), l.ct_len, &l.e2e))
        return false;
    uint8_t *p = (uint8_t *)arena_alloc(a, kept + t.n);
    struct esd_part *part = (struct esd_part *)arena_alloc(a, sizeof *part);
    if (!p || !part)
        return false;
    memcpy(p, m->text, kept);
    memcpy(p + kept, tail, t.n);
    *part = m->part;
    move_label(&l, part, p);
    l.header.n = kept + t.n;
    l.aad = head;
    *out = l;
    return true;
}

enum reason recall_commitment(struct opener *o, struct span value, const uint8_t sid[ESD_SID], struct span kid)
{
    struct open_memory *m = &o->last;
    if (m->value_n == value.n && span_eq(span_of(m->kid, m->kid_n), kid) && memcmp(m->sid, sid, ESD_SID) == 0 &&
        span_eq_secret(span_of(m->value, m->value_n), value))
        return REASON_OK;
    JUDGE(keys_check(value, sid, kid));
    if (value.n > sizeof m->value || kid.n > sizeof m->kid)
        return REASON_OK;
    memcpy(m->value, value.p, value.n);
    memcpy(m->sid, sid, ESD_SID);
    memcpy(m->kid, kid.p, kid.n);
    m->value_n = (uint16_t)value.n;
    m->kid_n = (uint16_t)kid.n;
    return REASON_OK;
}
