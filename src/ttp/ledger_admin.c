#include "ttp/ledger_admin.h"

#include "host/heap.h"
#include "ttp/kind.h"
#include "wire/json.h"

#define ADMIN_IS_LEDGER(name) [ADMIN_##name] = ledger_admin_##name,
#define ADMIN_IS_PARENT(name)
#define ADMIN_IS_VAULT(name)
#define ADMIN(name, room, when, what) ADMIN_IS_##room(name)
static ledger_admin_do *const commands[ADMIN__N] = {
#include "ttp/admin.def"
};
#undef ADMIN

static void failed(struct buf *json, enum err e)
{
    struct jw w = jw_over(json);
    buf_reset(json);
    jw_obj(&w);
    JW_STR(&w, "code", SPAN("failed"));
    JW_STR(&w, "what", span_str(err_text(e)));
    JW_STR(&w, "who", SPAN("ledger"));
    JW_STR(&w, "object", SPAN("command"));
    JW_STR(&w, "do", SPAN("look into the log of oneseal-ttp"));
    jw_end_obj(&w);
}

enum err ledger_admin(struct ledger *l, const struct msg_LEDGER_DO *m)
{
    uint16_t status = 200;
    struct buf json = heap_buf(LEDGER_ADMIN_MAX);
    if (m->command >= ADMIN__N || !commands[m->command])
        return ERR_UNSUPPORTED;
    enum err e = commands[m->command](l, m->words, &status, &json);
    if (e == OK)
        e = json.e;
    if (e != OK) {
        status = 500;
        failed(&json, e);
    }
    msg_put_LEDGER_DONE(l->conf.to_parent,
                        &(struct msg_LEDGER_DONE){.id = m->id, .status = status, .json = buf_span(&json)});
    heap_buf_free(&json);
    return OK;
}

enum err ledger_admin_storage(struct ledger *l, struct span words, uint16_t *status, struct buf *json)
{
    uint64_t left = ledger_db_free(&l->db);
    struct jw w = jw_over(json);
    (void)words, (void)status;
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "leaves", l->size);
    JW_U64(&w, "free", left);
    JW_U64(&w, "reserve", TTP_RESERVE);
    JW_BOOL(&w, "low", ledger_db_space(&l->db) == SPACE_LOW);
    JW_BOOL(&w, "warn", ledger_db_space(&l->db) != SPACE_ENOUGH);
    jw_end_obj(&w);
    return OK;
}
