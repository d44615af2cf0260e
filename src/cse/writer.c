#include "cse/writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

struct writer {
    struct writer_conf conf;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock; /* guards all below but `batch` and `last` */
    pthread_cond_t wake;
    struct exch *first, **end;
    size_t waiting;
    bool sleeps, stop;
    struct writer_counts n;
    struct exch *batch[WRITER_BATCH]; /* the thread's own */
    size_t last;                      /* size of the batch before */
};

/* Waits until there is something; false: stop, and nothing is left. Called with the lock. */
static bool wait_for_work(struct writer *w)
{
    while (!w->first && !w->stop) {
        w->sleeps = true;
        pthread_cond_wait(&w->wake, &w->lock);
        w->sleeps = false;
    }
    return w->first != NULL;
}

static size_t take(struct writer *w)
{
    size_t n = 0;
    while (w->first && n < WRITER_BATCH) {
        w->batch[n++] = w->first;
        w->first = w->first->next;
    }
    if (!w->first)
        w->end = &w->first;
    w->waiting -= n;
    w->n.batches++;
    w->n.taken += n;
    if (n > w->n.largest)
        w->n.largest = n;
    return n;
}

static void give_back(struct writer *w, size_t n)
{
    struct exch *first[STORE_SLOTS_MAX] = {0}, **end[STORE_SLOTS_MAX];
    for (unsigned i = 0; i < w->conf.loops; i++)
        end[i] = &first[i];
    for (size_t i = 0; i < n; i++) {
        struct exch *x = w->batch[i];
        x->next = NULL;
        *end[x->loop] = x;
        end[x->loop] = &x->next;
    }
    for (unsigned i = 0; i < w->conf.loops; i++)
        if (first[i])
            w->conf.back(w->conf.ctx, i, first[i]);
}

static void pause_for_more(struct writer *w)
{
    uint64_t ns = w->conf.pause_ns && w->last > 1 ? w->conf.pause_ns(w->conf.ctx) : 0;
    if (ns > 0)
        nanosleep(&(struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}, NULL);
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    prctl(PR_SET_NAME, "writer");
    prctl(PR_SET_TIMERSLACK, 1); /* the pause is tens of microseconds; the usual slack is fifty */
    pthread_mutex_lock(&w->lock);
    while (wait_for_work(w)) {
        pthread_mutex_unlock(&w->lock);
        pause_for_more(w);
        pthread_mutex_lock(&w->lock);
        size_t n = take(w);
        pthread_mutex_unlock(&w->lock);
        w->last = n;
        w->conf.run(w->conf.ctx, w->batch, n);
        give_back(w, n);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum err writer_new(const struct writer_conf *conf, struct writer **out)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w)
        return ERR_NOMEM;
    w->conf = *conf;
    if (w->conf.queue_max == 0)
        w->conf.queue_max = WRITER_QUEUE;
    w->end = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (pthread_create(&w->thread, NULL, writer_main, w) != 0) {
        writer_free(w);
        return ERR_NOMEM;
    }
    w->runs = true;
    *out = w;
    return OK;
}

bool writer_put(struct writer *w, struct exch *x)
{
    pthread_mutex_lock(&w->lock);
    bool room = w->waiting < w->conf.queue_max && !w->stop;
    bool wake = room && w->sleeps;
    if (room) {
        x->next = NULL;
        *w->end = x;
        w->end = &x->next;
        w->waiting++;
        w->sleeps = false; /* once is enough */
    } else {
        w->n.refused++;
    }
    pthread_mutex_unlock(&w->lock);
    if (wake)
        pthread_cond_signal(&w->wake);
    return room;
}

struct writer_counts writer_counts(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct writer_counts n = w->n;
    n.waiting = w->waiting;
    pthread_mutex_unlock(&w->lock);
    return n;
}

void writer_stop(struct writer *w)
{
    if (!w->runs)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_mutex_unlock(&w->lock);
    pthread_cond_signal(&w->wake);
    pthread_join(w->thread, NULL);
    w->runs = false;
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
