#include "ttp/vault_admin.h"

#include <string.h>

struct own {
    enum admin_name name;
    struct span answer;
    void (*find)(struct vault *v, struct vault_ask *a);
    void (*after)(struct vault *v);
};

#define ADMIN_IS_VAULT(name) [ADMIN_##name] = vault_admin_##name,
#define ADMIN_IS_PARENT(name)
#define ADMIN_IS_LEDGER(name)
#define ADMIN(name, room, when, what) ADMIN_IS_##room(name)
static vault_admin_do *const commands[ADMIN__N] = {
#include "ttp/admin.def"
};
#undef ADMIN

void vault_admin_say(struct vault *v, struct vault_ask *a, struct span json)
{
    vault_reply(v, a, 200, TYPE_JSON, json, SPAN_NONE);
}

enum err vault_admin_answer(struct vault_ask *a, struct span json)
{
    struct own *o = a->own;
    o->answer = arena_dup(&a->mem, json);
    return arena_ok(&a->mem) ? OK : ERR_NOMEM;
}

void vault_admin_after(struct vault_ask *a, void (*after)(struct vault *v))
{
    struct own *o = a->own;
    o->after = after;
}

enum err vault_admin_leaf(struct vault *v, struct vault_ask *a, const char *op, struct span text)
{
    uint8_t record[8192];
    struct buf b = BUF_ARRAY(record);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", span_str(op));
    JW_STR(&w, "by", SPAN("operator"));
    if (text.n > 0)
        JW_STR(&w, "text", text);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

bool vault_admin_need(struct vault *v, struct vault_ask *a, size_t n,
                      void (*find)(struct vault *v, struct vault_ask *a))
{
    struct own *o = a->own;
    if (a->need)
        return false;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, n);
    if (!a->need) {
        vault_refuse_reason(v, a, REASON_FAILED);
        return true;
    }
    a->n_need = n;
    o->find = find;
    vault_look_again(v, a);
    return true;
}

/* ---- the kind ---------------------------------------------------------------------------------------------------- */

static enum err admin_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = arena_alloc(&a->mem, sizeof *o);
    (void)v;
    if (!o || a->base >= ADMIN__N || !commands[a->base])
        return ERR_UNSUPPORTED;
    *o = (struct own){.name = (enum admin_name)a->base};
    a->own = o;
    return OK;
}

static enum err admin_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    return commands[o->name](v, a, a->body);
}

static enum err admin_ready(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    uint8_t text[128];
    struct buf b = BUF_ARRAY(text);
    if (o->after)
        o->after(v);
    buf_fmt(&b, "{\"v\":1,\"ok\":true,\"index\":%llu,\"size\":%llu}", (unsigned long long)a->index,
            (unsigned long long)v->head.size);
    vault_admin_say(v, a, o->answer.p ? o->answer : buf_span(&b));
    return OK;
}

static void admin_find_rows(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    o->find(v, a);
}

const struct vault_kind vault_kind_admin = {admin_read, admin_decide, admin_ready, admin_find_rows, NULL};

/* ---- commands that are the vault's own --------------------------------------------------------------------------- */

/* The parent ends the vault when it has this answer. */
enum err vault_admin_seal(struct vault *v, struct vault_ask *a, struct span words)
{
    return vault_admin_leaf(v, a, "seal", words);
}

enum err vault_admin_note(struct vault *v, struct vault_ask *a, struct span words)
{
    if (words.n == 0) {
        vault_refuse(v, a, 400, reason_code(REASON_MALFORMED), "a remark without text", "oneseal ttp note TEXT");
        return OK;
    }
    return vault_admin_leaf(v, a, "note", words);
}
