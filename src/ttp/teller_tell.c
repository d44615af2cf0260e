/* Boxes between a teller and the vault, through the hall. */
#include "ttp/teller.h"

#include "host/heap.h"
#include "ttp/take.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static enum err wait_for_answer(struct teller *t, int64_t deadline)
{
    while (!t->paid) {
        struct pollfd p = {.fd = t->hall.fd, .events = POLLIN};
        int64_t left = deadline - teller_now();
        if (left <= 0)
            return ERR_TIMEOUT;
        int n = poll(&p, 1, (int)left);
        if (n < 0 && errno != EINTR)
            return ERR_IO;
        if (n > 0)
            TRY(link_read(&t->hall, &t->end));
    }
    return OK;
}

static enum err ask_put(struct teller *t, enum ttp_kind kind, uint8_t base, struct span body, struct buf *plain)
{
    uint8_t jwk[512];
    struct buf k = BUF_ARRAY(jwk);
    p256_put(&k, t->epk);
    TRY(k.e);
    till_ask_put(plain, &(struct till_ask){.kind = (uint8_t)kind,
                                           .base = base,
                                           .epk = buf_span(&k),
                                           .peer = span_of(t->names, t->names_n),
                                           .body = body});
    return plain->e;
}

enum err teller_tell(struct teller *t, enum ttp_kind kind, uint8_t base, struct span body, struct till_answer *out)
{
    struct buf plain = BUF_ARRAY(t->desk->plain), box = BUF_ARRAY(t->desk->box), paid = BUF_ARRAY(t->desk->paid);
    struct arena a;
    TRY(ask_put(t, kind, base, body, &plain));
    TRY(till_wrap(t->till, SPAN_NONE, buf_span(&plain), &box));
    buf_wipe(&plain);
    t->paid = false;
    msg_put_TELL(&t->hall.out, &(struct msg_TELL){.n = t->n, .box = buf_span(&box)});
    TRY(link_flush(&t->hall));
    TRY(wait_for_answer(t, teller_now() + TELLER_ANSWER_MS));
    t->n++;
    arena_over(&a, t->desk->work, sizeof t->desk->work);
    TRY(till_open(t->epk, buf_span(&box), buf_span(&t->answer), &a, &paid));
    return till_answer_get(buf_span(&paid), out) == OK ? OK : ERR_AUTH;
}

/* ---- pre-shared keys -----------------------------------------------------------------------------------------------
 */

/* meta of the answer: items key, client, base. An identity that nobody has gets a key that nobody knows, from the
 * vault, so that neither the client nor a teller learns from the handshake which there are. */
static size_t take_key(struct teller *t, struct span meta, uint8_t *out)
{
    struct span key, client;
    if (take_blob(&meta, &key) != OK || take_blob(&meta, &client) != OK || take_u8(&meta, &t->psk_base) != OK ||
        key.n > TLS_PSK_MAX || client.n >= sizeof t->names)
        return 0;
    memcpy(out, key.p, key.n);
    memcpy(t->names, client.p, client.n);
    t->names_n = client.n;
    return key.n;
}

size_t teller_psk(void *teller, struct span identity, uint8_t *out)
{
    struct teller *t = teller;
    struct till_answer m;
    int64_t floor = teller_now() + TELLER_PSK_FLOOR_MS;
    size_t n = 0;
    if (teller_tell(t, KIND_PSK, 0, identity, &m) == OK && m.status == 200)
        n = take_key(t, m.meta, out);
    wipe(t->desk->paid, sizeof t->desk->paid);
    int64_t left = floor - teller_now();
    if (left > 0)
        poll(NULL, 0, (int)left);
    return n;
}
