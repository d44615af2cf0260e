/* hostile_ledger BINARY - a ledger that somebody conquered, together with the front, before the real vault of BINARY.
 * It holds the whole disk, hands out what it likes, acknowledges what it did not write, and speaks to the vault as it
 * likes. One JSON line per attack. */
#include "stage.h"

#include "host/heap.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct p256 *pair(void)
{
    struct p256 *k;
    NEED(p256_new(&k) == OK);
    return k;
}

static void restart(struct stage *s)
{
    s->to_store = NULL;
    s->to_vault = NULL;
    stage_stop(s);
    stage_start(s, false, true);
    NEED(s->up);
}

static bool thief_gets(struct stage *s)
{
    struct p256 *mine = pair();
    struct span q = stage_request(s, &s->thief, s->thief.iss, s->kid, mine);
    bool leaked = stage_ask(s, KIND_RELEASE, q) && stage_opens(s, q, s->body, mine);
    p256_free(mine);
    return leaked;
}

/* ---- rows
 * ------------------------------------------------------------------------------------------------------------- */

/* What the row that is handed out says instead. */
static struct msg_FOUND forged;
static void (*forge)(struct stage *s, struct msg_FOUND *f);

static bool forge_row(struct stage *s, enum msg type, union msg_any *m, struct buf *instead)
{
    if (type != SAY_FOUND || !m->FOUND.here)
        return true;
    forged = m->FOUND;
    forge(s, &forged);
    msg_put_FOUND(instead, &forged);
    return false;
}

static void of_the_thief(struct stage *s, struct msg_FOUND *f)
{
    f->row.iss = span_str(s->thief.iss); /* whose policy allows the thief */
}

static void of_another_policy(struct stage *s, struct msg_FOUND *f)
{
    (void)s;
    f->row.policy = SPAN("mine");
}

static void of_another_class(struct stage *s, struct msg_FOUND *f)
{
    (void)s;
    f->row.klass = 2;
    f->row.plain = 1;
}

static void forged_rows(struct stage *s)
{
    static const struct {
        const char *attack, *what;
        void (*forge)(struct stage *s, struct msg_FOUND *f);
    } rows[] = {
        {"row-of-thief", "the row says that the thief registered it, whose policy allows the thief", of_the_thief},
        {"row-of-other-policy", "the row names another policy", of_another_policy},
        {"row-of-class-plain", "the row says that it may leave plain", of_another_class},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        forge = rows[i].forge;
        s->to_vault = forge_row;
        stage_report(rows[i].attack, thief_gets(s), rows[i].what);
        s->to_vault = NULL;
    }
}

/* ---- pairs that wait
 * ------------------------------------------------------------------------------------------------------------- */

/* The row of a pair as the vault sent it, and the keys above it. */
static struct {
    struct msg_FOUND row;
    uint8_t kind; /* what it is handed out as */
} waiting;

static bool keep_pair(struct stage *s, enum msg type, const union msg_any *m)
{
    struct msg_FOUND *f = &waiting.row;
    if (type == SAY_TENANT_KEY)
        f->tenant_key = stage_keep(s, m->TENANT_KEY.wrapped);
    if (type == SAY_STREAM_KEY)
        f->stream_key = stage_keep(s, m->STREAM_KEY.wrapped);
    if (type == SAY_ROW && m->ROW.row.kind == ROW_PAIR) {
        f->row = m->ROW.row; /* the frame stays in the arena */
        f->sealed = m->ROW.sealed;
    }
    return true;
}

static bool keep_tenant(struct stage *s, enum msg type, union msg_any *m, struct buf *instead)
{
    (void)instead;
    if (type == SAY_STREAM)
        waiting.row.tenant_key = stage_keep(s, m->STREAM.tenant_key);
    return true;
}

static bool show_pair(struct stage *s, enum msg type, union msg_any *m, struct buf *instead)
{
    (void)s;
    if (type != SAY_FOUND)
        return true;
    struct msg_FOUND f = waiting.row;
    f.id = m->FOUND.id;
    f.n = m->FOUND.n;
    f.here = 1;
    f.row.kind = waiting.kind;
    msg_put_FOUND(instead, &f);
    return false;
}

/* The reader's own request, before the writer's activation. */
static bool released_early(struct stage *s, struct span kid)
{
    struct p256 *epk = pair();
    struct jws j;
    struct span q = stage_request(s, &s->reader, s->reader.iss, kid, epk);
    bool leaked = stage_ask(s, KIND_RELEASE, q) && jws_read(s->body, JWS_ANSWER, &s->mem, &j) == REASON_OK &&
                  JSON_GET(j.claims, "jwe") != NULL;
    p256_free(epk);
    return leaked;
}

static void pair_before_activation(struct stage *s)
{
    static const struct {
        const char *attack, *what;
        uint8_t kind;
    } rows[] = {
        {"pair-before-activation", "the pair that waits, handed out for its registration", ROW_PAIR},
        {"pair-as-activated", "the same, and the row says that it was activated", ROW_ACTIVE},
        {"pair-as-key-value", "the same, and the row says that it is a Key Value", ROW_VALUE},
    };
    struct key_ask q = {.pairs = 1};
    struct key_answer got;
    struct span text = stage_key(s, &s->gateway, 9, &q);
    struct keyask_expect x = {.request = text, .ask = &q, .release = s->bundle.release};
    s->to_store = keep_pair;
    s->to_vault = keep_tenant;
    NEED(stage_ask(s, KIND_KEY, text) && keyask_open(s->body, &x, &s->mem, &got) == REASON_OK);
    NEED(waiting.row.sealed.n > 0 && waiting.row.stream_key.n > 0 && waiting.row.tenant_key.n > 0);
    s->to_store = NULL;
    s->to_vault = show_pair;
    for (size_t i = 0; i < LEN(rows); i++) {
        waiting.kind = rows[i].kind;
        stage_report(rows[i].attack, released_early(s, got.keys[0].kid), rows[i].what);
    }
    s->to_vault = NULL;
    keyask_free(&got);
}

static void the_honest_row(struct stage *s)
{
    stage_report("thief-asks", thief_gets(s), "the thief asks in its own name, with its own epk");
}

static void forged_requests(struct stage *s)
{
    struct p256 *mine = pair();
    struct span q = stage_request(s, &s->thief, s->reader.iss, s->kid, mine);
    stage_report("epk-signed-by-thief", stage_ask(s, KIND_RELEASE, q) && stage_opens(s, q, s->body, mine),
                 "the reader's name, the thief's signature and epk");
    p256_free(mine);
}

/* ---- the log
 * ------------------------------------------------------------------------------------------------------------- */

static bool swallow_commit(struct stage *s, enum msg type, const union msg_any *m)
{
    (void)s;
    (void)m;
    return type != SAY_COMMIT;
}

/* The reader's own request: it may get its answer only after its record. */
static bool answered_without(struct stage *s)
{
    struct p256 *epk = pair();
    struct span q = stage_request(s, &s->reader, s->reader.iss, s->kid, epk);
    bool got = stage_ask(s, KIND_RELEASE, q) && stage_opens(s, q, s->body, epk);
    p256_free(epk);
    return got;
}

static void skipped_ack(struct stage *s)
{
    s->to_store = swallow_commit;
    stage_report("skipped-log-ack", answered_without(s),
                 "the log never acknowledges; does the answer come all the same");
    restart(s);
}

static bool wrong_size(struct stage *s, enum msg type, union msg_any *m, struct buf *instead)
{
    (void)s;
    if (type != SAY_COMMITTED)
        return true;
    msg_put_COMMITTED(instead, &(struct msg_COMMITTED){.size = m->COMMITTED.size - 1});
    return false;
}

static void acknowledged_another(struct stage *s)
{
    s->to_vault = wrong_size;
    bool leaked = answered_without(s);
    bool ended = !stage_alive(s->vault);
    if (ended)
        s->vault = 0;
    stage_report("ack-of-another-size", leaked || !ended, "the log acknowledges a tree that the vault did not make");
    restart(s);
}

static void parent_says_nothing(struct stage *s)
{
    s->keep_heads = false;
    stage_report("head-not-kept", answered_without(s),
                 "nobody kept the signed head; does the answer come all the same");
    s->keep_heads = true;
    restart(s);
}

/* ---- words out of turn
 * ------------------------------------------------------------------------------------------------------ */

static void put_word(struct stage *s, struct buf *b, int i)
{
    struct row row = {.kid = s->kid};
    if (i == 0)
        msg_put_COMMITTED(b, &(struct msg_COMMITTED){.size = s->size});
    if (i == 1)
        msg_put_STORED(b, &(struct msg_STORED){.here = 1});
    if (i == 2)
        msg_put_OLD_LEAF(b, &(struct msg_OLD_LEAF){.index = s->size});
    if (i == 3)
        msg_put_HEAD_KEPT(b, &(struct msg_HEAD_KEPT){.size = s->size});
    if (i == 4)
        msg_put_VAULT_START(b, &(struct msg_VAULT_START){.fqdn = SPAN("ttp.demo.example")});
    if (i == 5)
        msg_put_FOUND(b, &(struct msg_FOUND){.id = 77, .here = 1, .row = row});
    if (i == 6)
        msg_put_ASK(b, &(struct msg_ASK){.id = 1});
    if (i == 7) { /* left over */
        msg_put_ASKED(b, &(struct msg_ASKED){.id = 1});
        buf_c(b, 0);
        b->p[3]++;
    }
    if (i == 8)
        msg_put_ASKED(b, &(struct msg_ASKED){.id = 1, .kind = 200});
    if (i == 9)
        msg_put_NOT_COMMITTED(b, &(struct msg_NOT_COMMITTED){.size = s->size});
    if (i == 10)
        msg_put_STREAM(b, &(struct msg_STREAM){.id = 9});
    if (i == 11)
        buf_put(b, span_of("\xff\xff\xff\xff", 4));
}

static void words_out_of_turn(struct stage *s)
{
    struct buf b = heap_buf(65536);
    bool all = true;
    for (int i = 0; i < 12; i++) {
        buf_reset(&b);
        put_word(s, &b, i);
        NEED(b.e == OK && b.n > 0);
        stage_raw(s, buf_span(&b));
        (void)stage_run(s, 300);
        bool ended = !stage_alive(s->vault);
        if (ended)
            s->vault = 0;
        else
            fprintf(stderr, "word %d did not end the vault\n", i);
        all = all && ended;
        restart(s);
    }
    heap_buf_free(&b);
    stage_report("words-out-of-turn", !all, "unlisted, unarmed and overlong messages end the vault");
}

/* ---- yesterday
 * ------------------------------------------------------------------------------------------------------------------ */

static void run_sql(struct stage *s, const char *sql)
{
    sqlite3 *db;
    NEED(sqlite3_open(s->db, &db) == SQLITE_OK);
    NEED(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void yesterdays_policy(struct stage *s)
{
    NEED(stage_ask(s, KIND_POLICY, stage_policy(s, &s->gateway, s->gateway.iss, 2, &s->thief)) && s->status == 200);
    NEED(thief_gets(s)); /* today it may */
    NEED(stage_ask(s, KIND_POLICY, stage_policy(s, &s->gateway, s->gateway.iss, 3, &s->reader)) && s->status == 200);
    stage_report("policy-of-yesterday-running", thief_gets(s), "revoked; the ledger has only the older state to offer");
    /* The vault starts again, and is offered the snapshot in which the thief may read. */
    stage_stop(s);
    run_sql(s, "DELETE FROM snapshot WHERE n=(SELECT max(n) FROM snapshot)");
    stage_start(s, false, true);
    bool leaked = s->up && thief_gets(s);
    stage_report("policy-of-yesterday-restart", leaked || !s->refused, "the older snapshot at a restart");
}

int main(int argc, char **argv)
{
    static struct stage s;
    NEED(argc == 2);
    stage_init(&s, argv[1]);
    stage_start(&s, true, true);
    NEED(s.up);
    s.known = false;
    restart(&s);
    stage_honest(&s);
    the_honest_row(&s);
    forged_requests(&s);
    forged_rows(&s);
    pair_before_activation(&s);
    skipped_ack(&s);
    acknowledged_another(&s);
    parent_says_nothing(&s);
    words_out_of_turn(&s);
    yesterdays_policy(&s);
    stage_end(&s);
    return 0;
}
