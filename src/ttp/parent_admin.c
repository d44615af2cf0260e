/* Commands of the operator: which room does each, and those that the parent does itself. */
#include "base/code.h"
#include "host/log.h"
#include "ttp/parent.h"
#include "wire/json.h"
#include "wire/utf8.h"

#define ADMIN_IS_PARENT(name) [ADMIN_##name] = parent_admin_##name,
#define ADMIN_IS_VAULT(name)
#define ADMIN_IS_LEDGER(name)
#define ADMIN(name, room, when, what) ADMIN_IS_##room(name)
static parent_admin_do *const commands[ADMIN__N] = {
#include "ttp/admin.def"
};
#undef ADMIN

void parent_answer(struct parent_call *c, unsigned status, struct span json)
{
    c->waiting = c->stays = false;
    c->id = 0;
    /* A room that was conquered may not pass for two answers. */
    if (span_find(json, '\n') < json.n || json.n == 0) {
        status = 500;
        json = SPAN("{\"code\":\"failed\",\"what\":\"the room's answer is no line of JSON\"}");
    }
    buf_fmt(&c->out, "{\"v\":1,\"status\":%u,\"answer\":", status);
    buf_put(&c->out, json);
    buf_str(&c->out, "}\n");
}

void parent_refuse(struct parent *p, struct parent_call *c, unsigned status, const char *code, const char *what,
                   const char *todo)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_STR(&w, "code", span_str(code));
    JW_STR(&w, "what", span_str(what));
    JW_STR(&w, "who", span_str(conf_text(p->conf, "ttp", "fqdn")));
    JW_STR(&w, "object", SPAN("command"));
    JW_STR(&w, "do", span_str(todo));
    jw_end_obj(&w);
    parent_answer(c, status, buf_span(&b));
}

/* ---- handing on -------------------------------------------------------------------------------------------------- */

static void refuse_state(struct parent *p, struct parent_call *c)
{
    if (p->house == A_SEALED)
        parent_refuse(p, c, 503, "ttp-sealed", "the TTP is sealed", "oneseal ttp unseal");
    else if (p->house == A_STARTING)
        parent_refuse(p, c, 503, "ttp-unreachable", "the rooms are being started", "try again in a moment");
    else
        parent_refuse(p, c, 409, "conflict", p->house == A_OPEN ? "the TTP is open" : "the TTP is in quarantine",
                      "see oneseal ttp status");
}

static void hand_on(struct parent *p, struct parent_call *c, enum admin_name n, struct span words)
{
    c->waiting = true;
    c->id = ++p->desk.next_id;
    if (n == ADMIN_seal)
        parent_custody_seal(p, c);
    if (admin_row(n)->room == ROOM_VAULT)
        msg_put_VAULT_DO(&p->link[P_VAULT].out,
                         &(struct msg_VAULT_DO){.id = c->id, .command = (uint8_t)n, .words = words});
    else
        msg_put_LEDGER_DO(&p->link[P_LEDGER].out,
                          &(struct msg_LEDGER_DO){.id = c->id, .command = (uint8_t)n, .words = words});
}

void parent_command(struct parent *p, struct parent_call *c, struct span line)
{
    struct span words = line, name = span_cut(&words, ' ');
    enum admin_name n = admin_find(name);
    if (utf8_bad(line) < line.n) {
        parent_refuse(p, c, 400, "malformed", "the line is not UTF-8", "write it in UTF-8");
        return;
    }
    if (n == ADMIN__N) {
        parent_refuse(p, c, 404, "malformed", "there is no such command", "oneseal ttp help");
        return;
    }
    LOG(LOG_L_NOTICE, "operator", log_str("command", admin_row(n)->name));
    if (!(admin_row(n)->when & p->house))
        refuse_state(p, c);
    else if (admin_row(n)->room == ROOM_PARENT)
        commands[n](p, c, words);
    else
        hand_on(p, c, n, words);
}

/* ---- the parent's own -------------------------------------------------------------------------------------------- */

void parent_admin_help(struct parent *p, struct parent_call *c, struct span words)
{
    uint8_t text[16384];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    (void)p, (void)words;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_NAME(&w, "commands");
    jw_obj(&w);
    for (unsigned i = 0; i < ADMIN__N; i++) {
        char name[64];
        struct buf n = BUF_ARRAY(name);
        for (const char *at = admin_row(i)->name; *at; at++)
            buf_c(&n, (uint8_t)(*at == '_' ? '-' : *at));
        jw_name(&w, buf_span(&n));
        jw_str(&w, span_str(admin_row(i)->what));
    }
    jw_end_obj(&w);
    jw_end_obj(&w);
    parent_answer(c, 200, buf_span(&b));
}

void parent_admin_status(struct parent *p, struct parent_call *c, struct span words)
{
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    (void)words;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "ttp", span_str(conf_text(p->conf, "ttp", "fqdn")));
    JW_STR(&w, "state", span_str(admin_state_name(p->house)));
    JW_STR(&w, "custody", span_str(parent_custody_kind(p)));
    JW_BOOL(&w, "attended", p->custody.attended);
    if (p->quarantine_n > 0)
        JW_STR(&w, "quarantine", span_of(p->quarantine, p->quarantine_n));
    JW_BOOL(&w, "known", p->known);
    if (p->known) {
        JW_U64(&w, "size", p->size);
        JW_B64URL(&w, "root", span_of(p->root, MSG_HASH));
    }
    JW_STR(&w, "rollback", SPAN("a rollback of the whole state while the TTP is off is not detected"));
    jw_end_obj(&w);
    parent_answer(c, 200, buf_span(&b));
}
