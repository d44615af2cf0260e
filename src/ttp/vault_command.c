#include "ttp/vault_command.h"

#include "base/code.h"
#include "ttp/take.h"
#include "ttp/vault_reg.h"

#include <string.h>

enum { ID = MEFCMD_ID_MAX / 2, TEXT = 1024, VALUE = VAULT_COMMANDS_MAX * (TEXT + 64) + 128 };

/* ---- the table ----------------------------------------------------------------------------------------------------
 */

struct waiting {
    struct span id, text;
    uint64_t ct;
};
struct queue {
    struct span last;     /* identifier of the command that was reported last */
    uint64_t last_status; /* what was reported */
    struct waiting w[VAULT_COMMANDS_MAX + 1];
    size_t n;
};

static enum err queue_read(struct span s, struct queue *q)
{
    TRY(take_blob(&s, &q->last));
    TRY(take_u64(&s, &q->last_status));
    while (s.n > 0 && q->n < LEN(q->w)) {
        struct waiting *w = &q->w[q->n++];
        TRY(take_blob(&s, &w->id));
        TRY(take_u64(&s, &w->ct));
        TRY(take_blob(&s, &w->text));
    }
    return s.n == 0 ? OK : ERR_SYNTAX;
}

static struct queue queue_get(struct vault *v, struct span reg)
{
    struct queue q = {0};
    const struct span *value = vault_map_get(&v->table[TABLE_COMMANDS], reg);
    return value && queue_read(*value, &q) == OK ? q : (struct queue){0};
}

static enum err queue_put(struct vault *v, struct span reg, const struct queue *q)
{
    uint8_t value[VALUE];
    struct buf b = BUF_ARRAY(value);
    msg_item_put(&b, q->last);
    buf_be64(&b, q->last_status);
    for (size_t i = 0; i < q->n; i++) {
        msg_item_put(&b, q->w[i].id);
        buf_be64(&b, q->w[i].ct);
        msg_item_put(&b, q->w[i].text);
    }
    TRY(b.e);
    return vault_state_set(v, TABLE_COMMANDS, reg, buf_span(&b));
}

/* Writes description and identifier into the caller's buffers. */
static enum err waiting_new(struct vault *v, const struct mefcmd *c, struct buf *text, struct buf *id,
                            struct waiting *out)
{
    uint8_t random[ID / 2];
    struct jw w = jw_over(text);
    mefcmd_put(&w, c);
    TRY(esd_random(random, sizeof random));
    hex_put(id, span_of(random, sizeof random));
    *out = (struct waiting){buf_span(id), buf_span(text), (uint64_t)v->conf.now_ms(v->conf.ctx)};
    return text->e != OK ? text->e : id->e;
}

enum err vault_command_queue(struct vault *v, struct span reg, const struct mefcmd *c, struct buf *id)
{
    uint8_t text[TEXT];
    struct buf t = BUF_ARRAY(text);
    struct queue q = queue_get(v, reg);
    if (!mefcmd_acceptable(c, span_str(v->fqdn)))
        return ERR_RANGE;
    if (q.n >= VAULT_COMMANDS_MAX)
        return ERR_FULL;
    TRY(waiting_new(v, c, &t, id, &q.w[q.n]));
    q.n++;
    return queue_put(v, reg, &q);
}

enum err vault_command_forget(struct vault *v, struct span reg)
{
    return vault_map_get(&v->table[TABLE_COMMANDS], reg) ? vault_state_set(v, TABLE_COMMANDS, reg, SPAN_NONE) : OK;
}

void vault_command_put_child(struct jw *w, struct vault *v, struct span reg)
{
    uint8_t text[128];
    struct buf b = BUF_ARRAY(text);
    if (queue_get(v, reg).n == 0)
        return;
    buf_put(&b, m2mname_base_path(M2MBASE_MEF));
    buf_c(&b, '/');
    buf_put(&b, reg);
    buf_c(&b, '/');
    buf_put(&b, m2mname_child(M2MCHILD_CMD));
    m2mname_put(w, M2MATTR_CH);
    jw_arr(w);
    jw_obj(w);
    JW_STR(w, "val", buf_span(&b));
    JW_STR(w, "nm", m2mname_child(M2MCHILD_CMD));
    JW_U64(w, "typ", m2mname_ty(M2MTYPE_MECM));
    jw_end_obj(w);
    jw_end_arr(w);
}

void vault_command_list(struct jw *w, struct vault *v, struct span reg)
{
    struct queue q = queue_get(v, reg);
    jw_obj(w);
    JW_U64(w, "v", 1);
    JW_NAME(w, "waiting");
    jw_arr(w);
    for (size_t i = 0; i < q.n; i++) {
        jw_obj(w);
        JW_STR(w, "command", q.w[i].id);
        JW_U64(w, "t", q.w[i].ct / 1000);
        JW_NAME(w, "description");
        jw_raw(w, q.w[i].text);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    if (q.last.n > 0) {
        JW_NAME(w, "last");
        jw_obj(w);
        JW_STR(w, "command", q.last);
        JW_U64(w, "status", q.last_status);
        jw_end_obj(w);
    }
    jw_end_obj(w);
}

/* ---- the operator's words ------------------------------------------------------------------------------------------
 */

static struct span word(struct span *s)
{
    return s->p ? span_cut(s, ' ') : SPAN_NONE;
}

static uint8_t place_of(struct span w, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_eq(w, span_str(names[i])))
            return (uint8_t)(i + 1);
    return 0;
}

static uint8_t small(struct span w, uint64_t max)
{
    uint64_t n;
    return span_u64(w, max, &n) == OK ? (uint8_t)n : 0;
}

static void fill(struct span words, struct mefcmd *c)
{
    static const char *const protocols[] = {"EST", "SCEP"}, *const subjects[] = {"NODE", "CSE", "AE"};
    switch (c->klass) {
    case MEFCMD_NO_MORE:
        c->retry = word(&words);
        break;
    case MEFCMD_CERT_PROV:
        c->protocol = place_of(word(&words), protocols, LEN(protocols));
        c->uri = word(&words);
        c->subject_type = place_of(word(&words), subjects, LEN(subjects));
        c->subject = word(&words);
        break;
    case MEFCMD_DEV_CFG:
        c->management = small(span_cut(&words, ':'), 4);
        c->uri = word(&words);
        break;
    case MEFCMD_MO_NODE:
        c->path = word(&words);
        c->object_type = small(word(&words), MEFCMD_MAF_CLIENT_CFG);
        c->suid = small(word(&words), 45);
        break;
    }
    c->target = words; /* what is left: nothing, or too many words */
}

const char *vault_command_read(struct span words, struct arena *a, struct mefcmd *out)
{
    static const char *const classes[] = {"NO_MORE", "CERT_PROV", "DEV_CFG", "MO_NODE"};
    uint8_t text[2 * TEXT];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    struct jval *doc;
    uint8_t place = place_of(word(&words), classes, LEN(classes));
    if (place == 0)
        return "the command must be CERT_PROV, DEV_CFG, MO_NODE or NO_MORE";
    *out = (struct mefcmd){.klass = (enum mefcmd_class)(place - 1)};
    fill(words, out);
    if (out->target.n > 0)
        return "there are more words than the command has arguments";
    mefcmd_put(&w, out); /* what a client could not read is not queued */
    struct span s = arena_dup(a, buf_span(&b));
    if (b.e != OK || json_parse(s, a, &doc, NULL) != OK || mefcmd_read(doc, a, out) != MEFCMD_OK)
        return "the arguments of the command are not complete, or one is not of its form";
    return NULL;
}

/* ---- the client: RETRIEVE and UPDATE -------------------------------------------------------------------------------
 */

static enum err answer(struct vault *v, struct vault_ask *a, const struct waiting *w)
{
    uint8_t text[2 * TEXT];
    struct buf b = BUF_ARRAY(text);
    struct jw j = jw_over(&b);
    vault_m2m_head(&j, M2MTYPE_MECM, m2mname_child(M2MCHILD_CMD), a->m2m->name, w->ct, w->ct);
    m2mname_put_str(&j, M2MATTR_CMID, w->id);
    m2mname_put_u64(&j, M2MATTR_CMST, MEFCMD_ISSUED);
    m2mname_put(&j, M2MATTR_CMDD);
    jw_raw(&j, w->text);
    vault_m2m_end(&j);
    TRY(b.e);
    vault_m2m_reply(v, a, buf_span(&b));
    return OK;
}

/* Nothing outstanding: what was reported, without a description. */
static enum err answer_nothing(struct vault *v, struct vault_ask *a, const struct queue *q)
{
    uint8_t text[512];
    struct buf b = BUF_ARRAY(text);
    struct jw j = jw_over(&b);
    jw_obj(&j);
    jw_name(&j, m2mname_root(M2MTYPE_MECM));
    jw_obj(&j);
    m2mname_put_str(&j, M2MATTR_CMID, q->last);
    m2mname_put_u64(&j, M2MATTR_CMST, q->last_status);
    vault_m2m_end(&j);
    TRY(b.e);
    vault_m2m_reply(v, a, buf_span(&b));
    return OK;
}

static enum err get_read(struct vault *v, struct vault_ask *a)
{
    return vault_m2m_open(v, a, M2MTYPE__N, M2MBODY_UPDATE);
}

static enum err get_decide(struct vault *v, struct vault_ask *a)
{
    struct vault_reg r;
    if (!vault_reg_own(v, a, &r))
        return OK;
    struct queue q = queue_get(v, a->m2m->name);
    if (q.n > 0)
        return answer(v, a, &q.w[0]);
    vault_m2m_refuse(v, a, 4004, "no command is outstanding", "ask again after the last retryDuration");
    return OK;
}

static enum err update_read(struct vault *v, struct vault_ask *a)
{
    return vault_m2m_open(v, a, M2MTYPE_MECM, M2MBODY_UPDATE);
}

static enum err record(struct vault *v, struct vault_ask *a, uint64_t status, struct span id)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", SPAN("reported"));
    JW_STR(&w, "iss", a->m2m->id);
    JW_STR(&w, "command", id);
    JW_U64(&w, "status", status);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static enum mefcmd_class class_of(struct vault_ask *a, const struct waiting *w)
{
    struct jval *doc;
    struct mefcmd c;
    if (json_parse(w->text, &a->mem, &doc, NULL) != OK || mefcmd_read(doc, &a->mem, &c) != MEFCMD_OK)
        return MEFCMD_NO_MORE;
    return c.klass;
}

/* The first is done; behind the last real one comes NO_MORE_COMMANDS. */
static enum err advance(struct vault *v, struct vault_ask *a, struct queue *q, uint64_t status)
{
    uint8_t text[TEXT], id[MEFCMD_ID_MAX];
    struct buf t = BUF_ARRAY(text), i = BUF_ARRAY(id);
    enum mefcmd_class klass = class_of(a, &q->w[0]);
    struct span reported = q->last = arena_dup(&a->mem, q->w[0].id);
    q->last_status = status;
    q->n--;
    memmove(q->w, q->w + 1, q->n * sizeof *q->w);
    if (q->n == 0 && klass != MEFCMD_NO_MORE) {
        struct mefcmd c = {.klass = MEFCMD_NO_MORE, .retry = SPAN("PT1H")};
        TRY(waiting_new(v, &c, &t, &i, &q->w[q->n++]));
    }
    if (queue_put(v, a->m2m->name, q) != OK) {
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the table of commands is full", "tell the operator");
        return OK;
    }
    return record(v, a, status, reported);
}

static enum err present(struct vault *v, struct vault_ask *a)
{
    struct queue q = queue_get(v, a->m2m->name);
    return q.n > 0 ? answer(v, a, &q.w[0]) : answer_nothing(v, a, &q);
}

static enum err update_decide(struct vault *v, struct vault_ask *a)
{
    const struct m2mbody *m = &a->m2m->body;
    struct vault_reg r;
    if (!vault_reg_own(v, a, &r))
        return OK;
    struct queue q = queue_get(v, a->m2m->name);
    if (q.last.n > 0 && span_eq(m->cmid, q.last) && m->cmst == q.last_status)
        return present(v, a); /* the answer was lost */
    if (q.n == 0 || !span_eq(m->cmid, q.w[0].id)) {
        vault_m2m_refuse(v, a, 4000, "cmid is not that of the outstanding command", "retrieve it first");
        return OK;
    }
    if (!mefcmd_status_fits(class_of(a, &q.w[0]), m->cmst)) {
        vault_m2m_refuse(v, a, 4000, "cmst is no status that a client reports of a command of this class",
                         "see TS-0003 12.3.2.7");
        return OK;
    }
    return advance(v, a, &q, m->cmst);
}

const struct vault_kind vault_kind_cmd_get = {.read = get_read, .decide = get_decide};
const struct vault_kind vault_kind_cmd_update = {.read = update_read, .decide = update_decide, .answer = present};
