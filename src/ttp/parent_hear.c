/* What the rooms tell the parent. */
#include "host/heap.h"
#include "host/log.h"
#include "host/notify.h"
#include "ttp/parent_peers.h"

#include <stdio.h>
#include <string.h>

static void put_vault_start(struct buf *b, struct parent *p)
{
    struct msg_VAULT_START m = {.init = p->init,
                                .fqdn = span_str(conf_text(p->conf, "ttp", "fqdn")),
                                .anchors = buf_span(&p->anchors),
                                .operator_key = buf_span(&p->operator_key),
                                .known = p->known,
                                .size = p->size};
    memcpy(m.root, p->root, MSG_HASH);
    memcpy(m.state, p->state_hash, MSG_HASH);
    msg_put_VAULT_START(b, &m);
}

static void put_vault_quota(struct buf *b, const struct parent *p)
{
    msg_put_VAULT_QUOTA(
        b, &(struct msg_VAULT_QUOTA){.client_minute = (uint64_t)conf_int(p->conf, "quota", "client-minute"),
                                     .client_day = (uint64_t)conf_int(p->conf, "quota", "client-day"),
                                     .tenant_minute = (uint64_t)conf_int(p->conf, "quota", "tenant-minute"),
                                     .tenant_day = (uint64_t)conf_int(p->conf, "quota", "tenant-day")});
}

static void put_front_start(struct buf *b, struct parent *p)
{
    msg_put_FRONT_START(b, &(struct msg_FRONT_START){.fqdn = span_str(conf_text(p->conf, "ttp", "fqdn")),
                                                     .certificate = buf_span(&p->cert),
                                                     .key = buf_span(&p->key),
                                                     .ca = buf_span(&p->ca),
                                                     .auditors = buf_span(&p->auditors)});
}

static void put_hall_start(struct buf *b, struct parent *p)
{
    msg_put_HALL_START(b, &(struct msg_HALL_START){.fqdn = span_str(conf_text(p->conf, "ttp", "fqdn")),
                                                   .certificate = buf_span(&p->cert),
                                                   .key = buf_span(&p->key),
                                                   .ca = buf_span(&p->ca)});
}

static enum err on_LEDGER_UP(void *room, const union msg_any *m)
{
    struct parent *p = room;
    (void)m;
    if (!p->custody.sealed) {
        put_vault_quota(&p->link[P_VAULT].out, p);
        parent_enrol_start(p);
        parent_witnesses(p, &p->link[P_VAULT].out);
        parent_peers_put(&p->link[P_VAULT].out, p);
        parent_rekey_tell(p);
        put_vault_start(&p->link[P_VAULT].out, p);
        return OK;
    }
    msg_put_LEDGER_SEALED(&p->link[P_LEDGER].out, &(struct msg_LEDGER_SEALED){.sealed = 1});
    msg_put_FRONT_SEALED(&p->link[P_FRONT].out,
                         &(struct msg_FRONT_SEALED){.what = SPAN("the TTP is up but sealed; no key can be used"),
                                                    .todo = SPAN("the TTP's operator must unseal it")});
    put_front_start(&p->link[P_FRONT].out, p);
    return OK;
}

static void keep(struct parent *p, uint64_t size, const uint8_t root[MSG_HASH], const uint8_t state[MSG_HASH])
{
    p->known = true;
    p->size = size;
    memcpy(p->root, root, MSG_HASH);
    memcpy(p->state_hash, state, MSG_HASH);
}

static enum err bundle_ready(struct parent *p, struct span bundle)
{
    char path[4200];
    enum err e = file_replace(parent_path(p, "bundle.jws", path), bundle, 0644);
    if (e == OK && p->bundle_out)
        e = file_replace(p->bundle_out, bundle, 0644);
    if (e != OK)
        fprintf(stderr, "oneseal-ttp: the bundle cannot be written: %s\n", err_text(e));
    return e;
}

static enum err on_VAULT_UP(void *room, const union msg_any *m)
{
    struct parent *p = room;
    const struct msg_VAULT_UP *u = &m->VAULT_UP;
    if (!p->known && !p->init)
        LOG(LOG_L_NOTICE, "cold-start", log_int("log-size", (int64_t)u->size),
            log_str("what", "a rollback of the whole state while the TTP was off is not detected"));
    keep(p, u->size, u->root, u->state);
    p->at = AT_START | AT_REST; /* with two doors, a head may come before both are open */
    if (!p->init) {
        put_front_start(&p->link[P_FRONT].out, p);
        if (p->till >= 0)
            put_hall_start(&p->link[P_HALL].out, p);
        return OK;
    }
    p->stopping = true;
    p->status = bundle_ready(p, u->bundle) == OK ? 0 : 1;
    return OK;
}

static enum err on_ROOT_IS(void *room, const union msg_any *m)
{
    parent_rekey_is(room, m->ROOT_IS.other != 0);
    return OK;
}

static enum err on_QUARANTINE(void *room, const union msg_any *m)
{
    struct parent *p = room;
    struct span why = span_first(m->QUARANTINE.why, sizeof p->quarantine);
    p->quarantine_n = m->QUARANTINE.on ? (uint16_t)why.n : 0;
    if (p->quarantine_n > 0)
        memcpy(p->quarantine, why.p, why.n);
    LOG(LOG_L_WARN, p->quarantine_n > 0 ? "quarantine" : "quarantine-over", log_span("what", why));
    if (p->house != A_STARTING)
        p->house = p->quarantine_n > 0 ? A_QUARANTINE : A_OPEN;
    return OK;
}

static enum err on_REWRAPPED(void *room, const union msg_any *m)
{
    parent_rekey_done(room, m->REWRAPPED.done != 0, m->REWRAPPED.why);
    return OK;
}

static enum err on_REKEY_WANTED(void *room, const union msg_any *m)
{
    (void)m;
    parent_rekey_wanted(room);
    return OK;
}

static enum err on_VAULT_NO(void *room, const union msg_any *m)
{
    struct parent *p = room;
    LOG(LOG_L_ERROR, "vault-refuses", log_span("what", m->VAULT_NO.why));
    if (parent_custody_refused(p, m->VAULT_NO.why))
        return OK;
    p->stopping = true;
    p->status = 1;
    return OK;
}

static enum err on_HEAD(void *room, const union msg_any *m)
{
    struct parent *p = room;
    const struct msg_HEAD *h = &m->HEAD;
    if (h->size < p->size)
        return ERR_STALE;
    keep(p, h->size, h->root, h->state);
    msg_put_HEAD_KEPT(&p->link[P_VAULT].out, &(struct msg_HEAD_KEPT){.size = h->size});
    return OK;
}

static void say_ready(const struct parent *p)
{
    const char *address = conf_text(p->conf, "ttp", "listen"), *till = conf_text(p->conf, "teller", "listen");
    printf("ready https=%.*s:%u", (int)(strrchr(address, ':') - address), address, (unsigned)p->front_port);
    if (p->hall_up)
        printf(" teller=%.*s:%u", (int)(strrchr(till, ':') - till), till, (unsigned)p->till_port);
    printf("\n");
    fflush(stdout);
    if (notify_send("READY=1") != OK)
        LOG(LOG_L_WARN, "notify-failed", log_str("what", "the service manager was not told"));
}

/* Every door is open; sealed, there is one only. */
static enum err doors_open(struct parent *p)
{
    if (!p->front_up || (p->till >= 0 && !p->custody.sealed && !p->hall_up))
        return OK;
    p->at = AT_START | AT_REST;
    p->house = p->custody.sealed ? A_SEALED : p->quarantine_n > 0 ? A_QUARANTINE : A_OPEN;
    if (!p->custody.sealed)
        parent_enrol_open(p);
    parent_custody_serving(p);
    LOG(LOG_L_INFO, "serving", log_int("port", p->front_port), log_int("teller-port", p->till_port),
        log_int("log-size", (int64_t)p->size), log_str("state", admin_state_name(p->house)));
    if (!p->served)
        say_ready(p);
    p->served = true;
    return OK;
}

static enum err on_ENROL_CA(void *room, const union msg_any *m)
{
    struct parent *p = room;
    msg_put_FRONT_CA(&p->link[P_FRONT].out, &(struct msg_FRONT_CA){.ca = m->ENROL_CA.certificate});
    return OK;
}

static enum err on_VAULT_DONE(void *room, const union msg_any *m)
{
    if (parent_custody_done(room, m->VAULT_DONE.id, m->VAULT_DONE.status))
        return OK;
    parent_desk_done(room, m->VAULT_DONE.id, m->VAULT_DONE.status, m->VAULT_DONE.json);
    return OK;
}

static enum err on_LEDGER_DONE(void *room, const union msg_any *m)
{
    parent_desk_done(room, m->LEDGER_DONE.id, m->LEDGER_DONE.status, m->LEDGER_DONE.json);
    return OK;
}

static enum err on_FRONT_UP(void *room, const union msg_any *m)
{
    struct parent *p = room;
    p->front_up = true;
    p->front_port = (uint16_t)m->FRONT_UP.port;
    return doors_open(p);
}

static enum err on_HALL_UP(void *room, const union msg_any *m)
{
    struct parent *p = room;
    p->hall_up = true;
    p->till_port = (uint16_t)m->HALL_UP.port;
    return doors_open(p);
}

void parent_ears(struct parent *p)
{
    p->end = (struct msg_end){.me = ROOM_PARENT, .state = &p->at, .room = p};
#define HEAR_PARENT(name) p->end.on[SAY_##name] = on_##name;
#define HEAR_FRONT(name)
#define HEAR_COURIER(name)
#define HEAR_LEDGER(name)
#define HEAR_VAULT(name)
#define HEAR_HALL(name)
#define HEAR_TELLER(name)
#define MSG(name, from, to, armed, fields, what) HEAR_##to(name)
#include "ttp/msg.def"
#undef MSG
}
