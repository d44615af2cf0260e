/* The operator's commands for the oneM2M face: administrations that are served, commands to registered clients. */
#include "ttp/name.h"
#include "ttp/vault_admin.h"
#include "ttp/vault_command.h"
#include "ttp/vault_reg.h"

enum { SAY_MAX = 64 << 10 };

static struct span word(struct span *s)
{
    return s->p ? span_cut(s, ' ') : SPAN_NONE;
}

static enum err wrong(struct vault *v, struct vault_ask *a, const char *what, const char *todo)
{
    vault_refuse(v, a, 400, reason_code(REASON_MALFORMED), what, todo);
    return OK;
}

static enum err full(struct vault *v, struct vault_ask *a)
{
    vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the table is full", "remove what is no longer needed");
    return OK;
}

/* ---- administration: list | set FQDN WHO... | remove FQDN ---------------------------------------------------------
 */

static enum err admins_list(struct vault *v, struct vault_ask *a)
{
    const struct vault_map *m = &v->table[TABLE_ADMINS];
    uint8_t *text = arena_alloc(&a->mem, SAY_MAX);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, SAY_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_NAME(&w, "administrations");
    jw_obj(&w);
    for (size_t i = 0; i < m->n; i++) {
        struct span who = m->e[i].value;
        jw_name(&w, m->e[i].key);
        jw_arr(&w);
        while (who.p && who.n > 0)
            jw_str(&w, span_cut(&who, '\n'));
        jw_end_arr(&w);
    }
    jw_end_obj(&w);
    jw_end_obj(&w);
    TRY(b.e);
    vault_admin_say(v, a, buf_span(&b));
    return OK;
}

/* An identifier, //sp-domain/ or "*", each as name_absolute would write it. */
static bool who_good(struct span s)
{
    uint8_t text[NAME_MAX_OCTETS];
    struct buf b = BUF_ARRAY(text);
    if (span_eq(s, SPAN("*")))
        return true;
    uint8_t some[NAME_MAX_OCTETS];
    struct buf o = BUF_ARRAY(some);
    buf_put(&o, s);
    if (s.n > 3 && s.p[s.n - 1] == '/') /* a domain: as somebody of it would be named */
        buf_c(&o, 'S');
    return o.e == OK && name_absolute(buf_span(&o), buf_span(&o), &b) && span_eq(buf_span(&b), buf_span(&o));
}

static enum err admins_set(struct vault *v, struct vault_ask *a, struct span fqdn, struct span words)
{
    uint8_t text[8 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    while (words.p && words.n > 0) {
        struct span who = word(&words);
        if (!who_good(who))
            return wrong(v, a, "whom it admits is an absolute identifier, //sp-domain/ or *",
                         "oneseal ttp administration set FQDN //sp.example/");
        if (b.n > 0)
            buf_c(&b, '\n');
        buf_put(&b, who);
    }
    if (b.e != OK || b.n == 0)
        return wrong(v, a, "nobody is named, or too many", "oneseal ttp administration set FQDN WHO...");
    enum err e = vault_admin_set(v, fqdn, buf_span(&b));
    if (e == ERR_SYNTAX)
        return wrong(v, a, "the administration is no domain name", "name it as adfq does");
    return e == OK ? vault_admin_leaf(v, a, "administration", fqdn) : full(v, a);
}

enum err vault_admin_administration(struct vault *v, struct vault_ask *a, struct span words)
{
    struct span verb = word(&words), fqdn = word(&words);
    if (span_eq(verb, SPAN("list")))
        return admins_list(v, a);
    if (span_eq(verb, SPAN("set")))
        return admins_set(v, a, fqdn, words);
    if (!span_eq(verb, SPAN("remove")))
        return wrong(v, a, "list, set or remove", "oneseal ttp administration list");
    if (vault_admin_set(v, fqdn, SPAN_NONE) != OK)
        return wrong(v, a, "the administration is no domain name", "oneseal ttp administration list shows them");
    return vault_admin_leaf(v, a, "administration", fqdn);
}

/* ---- command: add CLIENT[@ADFQ] CLASS ... | list CLIENT[@ADFQ] | drop CLIENT[@ADFQ] --------------------------------
 */

static bool registration(struct vault *v, struct span client, uint8_t name[REG_NAME])
{
    uint8_t text[NAME_MAX_OCTETS];
    struct buf b = BUF_ARRAY(text);
    struct span adfq = client, id = span_cut(&adfq, '@');
    struct vault_reg r;
    return name_absolute(id, id, &b) &&
           vault_reg_name(M2MBASE_MEF, buf_span(&b), adfq.n > 0 ? adfq : span_str(v->fqdn), name) == OK &&
           vault_reg_get(v, span_of(name, REG_NAME), &r) == OK;
}

static enum err command_add(struct vault *v, struct vault_ask *a, struct span reg, struct span words)
{
    uint8_t text[MEFCMD_ID_MAX], line[2048];
    struct buf id = BUF_ARRAY(text), b = BUF_ARRAY(line);
    struct mefcmd c;
    struct span said = words;
    const char *why = vault_command_read(words, &a->mem, &c);
    if (why)
        return wrong(v, a, why,
                     "CERT_PROV EST URI NODE|CSE|AE ID, DEV_CFG 1:URI, MO_NODE PATH 1 SUID, or NO_MORE PT1H");
    enum err e = vault_command_queue(v, reg, &c, &id);
    if (e == ERR_RANGE)
        return wrong(v, a, "the URI names another host than this TTP, and no client would follow it",
                     "name this TTP's own FQDN");
    if (e == ERR_FULL)
        return wrong(v, a, "sixteen commands wait for this client already", "let it work on them, or drop them");
    if (e != OK)
        return full(v, a);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_BOOL(&w, "ok", true);
    JW_STR(&w, "command", buf_span(&id));
    jw_end_obj(&w);
    TRY(vault_admin_answer(a, buf_span(&b)));
    buf_reset(&b);
    buf_put(&b, buf_span(&id));
    buf_c(&b, ' ');
    buf_put(&b, reg);
    buf_c(&b, ' ');
    buf_put(&b, said);
    TRY(b.e);
    return vault_admin_leaf(v, a, "command", buf_span(&b));
}

static enum err command_list(struct vault *v, struct vault_ask *a, struct span reg)
{
    uint8_t *text = arena_alloc(&a->mem, SAY_MAX);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, SAY_MAX);
    struct jw w = jw_over(&b);
    vault_command_list(&w, v, reg);
    TRY(b.e);
    vault_admin_say(v, a, buf_span(&b));
    return OK;
}

enum err vault_admin_command(struct vault *v, struct vault_ask *a, struct span words)
{
    uint8_t name[REG_NAME];
    struct span verb = word(&words), client = word(&words), reg = span_of(name, REG_NAME);
    if (!registration(v, client, name))
        return wrong(v, a, "no client of that name is registered with the MEF here",
                     "oneseal ttp command add //sp/id[@adminFQDN] ..., after it registered");
    if (span_eq(verb, SPAN("add")))
        return command_add(v, a, reg, words);
    if (span_eq(verb, SPAN("list")))
        return command_list(v, a, reg);
    if (!span_eq(verb, SPAN("drop")))
        return wrong(v, a, "add, list or drop", "oneseal ttp command list CLIENT");
    TRY(vault_command_forget(v, reg));
    return vault_admin_leaf(v, a, "command", client);
}
