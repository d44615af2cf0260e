/* src/cse/writer: nothing is lost or turned round, a full queue refuses, stopping finishes what is queued. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "cse/writer.h"

enum { LOOPS = 3, EACH = 5000 };

struct lane {
    pthread_mutex_t lock;
    struct exch *first, **end;
    unsigned got;
};

struct desk {
    struct lane lane[LOOPS];
    atomic_uint ran, batches;
    pthread_mutex_t gate; /* held by a test: the writer stands still in `run` */
    atomic_bool inside;
    struct writer *w;
};

static void run(void *ctx, struct exch **list, size_t n)
{
    struct desk *d = ctx;
    d->inside = true;
    pthread_mutex_lock(&d->gate);
    pthread_mutex_unlock(&d->gate);
    d->inside = false;
    for (size_t i = 0; i < n; i++)
        list[i]->wrote = OK;
    d->ran += (unsigned)n;
    d->batches++;
}

static void back(void *ctx, unsigned loop, struct exch *first)
{
    struct desk *d = ctx;
    struct lane *l = &d->lane[loop];
    pthread_mutex_lock(&l->lock);
    *l->end = first;
    for (; first; first = first->next) {
        l->end = &first->next;
        l->got++;
    }
    pthread_mutex_unlock(&l->lock);
}

static uint64_t moment(void *ctx)
{
    (void)ctx;
    return 1000;
}

static void start(struct desk *d, size_t queue)
{
    *d = (struct desk){0};
    pthread_mutex_init(&d->gate, NULL);
    for (unsigned i = 0; i < LOOPS; i++) {
        pthread_mutex_init(&d->lane[i].lock, NULL);
        d->lane[i].end = &d->lane[i].first;
    }
    struct writer_conf conf = {
        .queue_max = queue, .loops = LOOPS, .ctx = d, .run = run, .back = back, .pause_ns = moment};
    assert_int_equal(writer_new(&conf, &d->w), OK);
}

struct maker {
    struct desk *d;
    unsigned loop;
    struct exch *x;
};

static void *make(void *arg)
{
    struct maker *m = arg;
    for (size_t i = 0; i < EACH; i++) {
        m->x[i].loop = m->loop;
        m->x[i].door = &m->x[i];
        while (!writer_put(m->d->w, &m->x[i]))
            sched_yield();
    }
    return NULL;
}

static void every_exchange_comes_back_in_its_order(void **state)
{
    (void)state;
    struct desk d;
    start(&d, 64);
    static struct exch x[LOOPS][EACH];
    struct maker m[LOOPS];
    pthread_t t[LOOPS];
    for (unsigned i = 0; i < LOOPS; i++) {
        m[i] = (struct maker){&d, i, x[i]};
        assert_int_equal(pthread_create(&t[i], NULL, make, &m[i]), 0);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        pthread_join(t[i], NULL);
    writer_stop(d.w);
    for (unsigned i = 0; i < LOOPS; i++) {
        assert_int_equal(d.lane[i].got, EACH);
        struct exch *at = d.lane[i].first;
        for (size_t k = 0; k < EACH; k++, at = at->next)
            assert_ptr_equal(at, &x[i][k]);
        assert_null(at);
    }
    struct writer_counts n = writer_counts(d.w);
    assert_int_equal(n.taken, LOOPS * EACH);
    assert_int_equal(d.ran, LOOPS * EACH);
    assert_true(n.largest <= 64);
    writer_free(d.w);
}

static void a_full_queue_refuses_at_once(void **state)
{
    (void)state;
    struct desk d;
    start(&d, 4);
    static struct exch x[8];
    pthread_mutex_lock(&d.gate);
    assert_true(writer_put(d.w, &x[0]));
    while (!d.inside)
        sched_yield(); /* x[0] is out of the queue */
    for (size_t i = 1; i <= 4; i++)
        assert_true(writer_put(d.w, &x[i]));
    assert_false(writer_put(d.w, &x[5]));
    assert_int_equal(writer_counts(d.w).refused, 1);
    assert_int_equal(writer_counts(d.w).waiting, 4);
    pthread_mutex_unlock(&d.gate);
    writer_stop(d.w);
    assert_int_equal(d.lane[0].got, 5);
    assert_int_equal(d.batches, 2);
    assert_int_equal(writer_counts(d.w).largest, 4);
    assert_false(writer_put(d.w, &x[6])); /* it has stopped */
    writer_free(d.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_exchange_comes_back_in_its_order),
        cmocka_unit_test(a_full_queue_refuses_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
