/* daemon_desk.c - what the admin socket answers: status. */
#include "cse/daemon.h"
#include "host/heap.h"
#include "host/log.h"
#include "m2m/prim.h"
#include "wire/json.h"

#define COUNT(w, name, v) (JW_NAME((w), name), jw_u64((w), (v)))

static void put_refusals(struct jw *w, const struct http_counts *c)
{
    JW_NAME(w, "refused");
    jw_obj(w);
    for (unsigned i = 0; i < HTTP_REFUSE__N; i++)
        if (c->refused[i]) {
            jw_name(w, span_str(http_refusal_name((enum http_refusal)i)));
            jw_u64(w, c->refused[i]);
        }
    jw_end_obj(w);
}

static void add(struct http_counts *sum, const struct http_counts *c)
{
    sum->requests += c->requests;
    sum->answers += c->answers;
    sum->accepted += c->accepted;
    sum->closed += c->closed;
    sum->octets_in += c->octets_in;
    sum->octets_out += c->octets_out;
    sum->handshakes += c->handshakes;
    sum->handshakes_failed += c->handshakes_failed;
    sum->open += c->open;
    for (unsigned i = 0; i < HTTP_REFUSE__N; i++)
        sum->refused[i] += c->refused[i];
}

static void put_doors(struct jw *w, const struct daemon *d)
{
    struct http_counts sum = {0};
    uint64_t busy = 0;
    size_t visits = 0, errands = 0;
    for (unsigned i = 0; i < d->stations; i++) {
        add(&sum, &d->figures[i].https);
        add(&sum, &d->figures[i].http);
        busy += d->figures[i].busy;
        visits += d->figures[i].visits;
        errands += d->figures[i].errands;
    }
    JW_NAME(w, "http");
    jw_obj(w);
    COUNT(w, "requests", sum.requests);
    COUNT(w, "answers", sum.answers);
    COUNT(w, "connections", sum.open);
    COUNT(w, "accepted", sum.accepted);
    COUNT(w, "octets_in", sum.octets_in);
    COUNT(w, "octets_out", sum.octets_out);
    COUNT(w, "handshakes", sum.handshakes);
    COUNT(w, "handshakes_failed", sum.handshakes_failed);
    COUNT(w, "in_hand", visits);
    COUNT(w, "sent_and_waiting", errands);
    COUNT(w, "busy", busy);
    put_refusals(w, &sum);
    jw_end_obj(w);
}

static void put_writer(struct jw *w, struct daemon *d)
{
    struct writer_counts n = writer_counts(d->writer);
    JW_NAME(w, "writer");
    jw_obj(w);
    COUNT(w, "changes", n.taken);
    COUNT(w, "batches", n.batches);
    COUNT(w, "largest", n.largest);
    COUNT(w, "waiting", n.waiting);
    COUNT(w, "refused", n.refused);
    jw_end_obj(w);
}

static void put_store(struct jw *w, const struct daemon *d)
{
    JW_NAME(w, "store");
    jw_obj(w);
    JW_STR(w, "path", d->set.folder ? span_str(d->set.folder) : SPAN(":memory:"));
    JW_STR(w, "durability", d->set.power_loss ? SPAN("power-loss") : SPAN("process"));
    COUNT(w, "commits", d->batch.commits);
    COUNT(w, "commit_us", d->batch.mean_commit / 1000);
    COUNT(w, "wal_octets", d->batch.wal_bytes);
    COUNT(w, "checkpoints", d->batch.passive);
    COUNT(w, "truncated", d->batch.truncated);
    COUNT(w, "cache_hits", d->cache.hits);
    COUNT(w, "cache_misses", d->cache.misses);
    COUNT(w, "cache_octets", d->cache.bytes);
    jw_end_obj(w);
}

static void put_sealing(struct jw *w, const struct daemon *d)
{
    struct hook_seal_counts n = hook_seal_counts(d->seal);
    JW_NAME(w, "sealing");
    jw_obj(w);
    COUNT(w, "sealed", n.sealed);
    COUNT(w, "refused", n.refused);
    COUNT(w, "epochs", n.epochs);
    COUNT(w, "streams", n.streams);
    if (d->post) {
        struct net_seal_post_counts p = net_seal_post_counts(d->post);
        COUNT(w, "letters_sent", p.sent);
        COUNT(w, "ttp_failures", p.failed);
        JW_BOOL(w, "ttp_reached", p.reached);
    }
    jw_end_obj(w);
}

/* Letters that wait; -1 when the store cannot say. */
static int64_t letters(struct daemon *d)
{
    struct store_tx *t;
    int64_t n = -1;
    if (store_read(d->store, 0, &t) != OK)
        return -1;
    if (store_letters_count(t, 0, &n) != OK)
        n = -1;
    store_end(t);
    return n;
}

static void put_status(struct daemon *d, struct buf *out)
{
    static const char *const role[] = {"", "in", "mn", "asn"};
    struct jw w = jw_over(out);
    int64_t waiting = letters(d);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "cse", d->set.cse.self.csi);
    JW_STR(&w, "role", span_str(role[d->set.cse.role]));
    JW_NAME(&w, "seconds");
    jw_i64(&w, (daemon_now(d) - d->started) / 1000);
    JW_NAME(&w, "outbox");
    jw_i64(&w, waiting);
    JW_U64(&w, "loops", d->stations);
    pthread_mutex_lock(&d->lock);
    put_doors(&w, d);
    put_store(&w, d);
    pthread_mutex_unlock(&d->lock);
    put_writer(&w, d);
    put_sealing(&w, d);
    jw_end_obj(&w);
}

/* policy why ADDRESS */
static void put_policy(struct daemon *d, struct span rest, struct buf *out)
{
    enum { WHY_MEM = 1 << 20 };
    struct store_tx *t;
    struct arena a;
    struct span verb = span_cut(&rest, ' ');
    if (!span_eq(verb, SPAN("why")) || !rest.n) {
        buf_str(out, "{\"error\":\"policy why ADDRESS\"}");
        return;
    }
    heap_arena(&a, 16384, WHY_MEM);
    enum err e = store_read(d->store, 0, &t);
    if (e == OK) {
        hook_seal_why(d->seal, d->cse, t, &a, daemon_now(d), rest, out);
        store_end(t);
    }
    arena_reset(&a);
}

/* Every stream begins a new epoch with its next reading: after a denial at the TTP, for example. */
static void put_epoch(struct daemon *d, struct buf *out)
{
    struct jw w = jw_over(out);
    unsigned streams = hook_seal_new_epoch(d->seal);
    LOG(LOG_L_NOTICE, "new-epoch-commanded", log_int("streams", streams));
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_BOOL(&w, "ok", true);
    COUNT(&w, "streams", streams);
    jw_end_obj(&w);
}

void daemon_desk(void *ctx, struct span verb, struct span rest, struct buf *out)
{
    struct daemon *d = ctx;
    if (span_eq(verb, SPAN("status")))
        put_status(d, out);
    else if (span_eq(verb, SPAN("epoch")))
        put_epoch(d, out);
    else if (span_eq(verb, SPAN("policy")))
        put_policy(d, rest, out);
    else
        buf_str(out, "{\"error\":\"unknown command; there are: status, epoch, policy why ADDRESS\"}");
}
