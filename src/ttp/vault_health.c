#include "ttp/vault_health.h"

#include "host/heap.h"
#include "ttp/vault_own.h"

enum { TEXT_MAX = 64 << 10 };

void vault_health_answered(struct vault_health *h, unsigned kind, unsigned status)
{
    if (kind < KIND__N && status / 100 < LEN(h->answered[0]))
        h->answered[kind][status / 100]++;
}

void vault_health_batch(struct vault_health *h, bool written)
{
    h->unwritten = !written;
    h->unwritten_total += !written;
}

/* ---- health ------------------------------------------------------------------------------------------------------ */

struct said {
    const char *code, *what; /* what NULL: it does not hold */
};

static void put_said(struct jw *w, const char *name, const struct said *s, size_t n)
{
    jw_name(w, span_str(name));
    jw_arr(w);
    for (size_t i = 0; i < n; i++) {
        if (!s[i].what)
            continue;
        jw_obj(w);
        JW_STR(w, "code", span_str(s[i].code));
        JW_STR(w, "what", span_str(s[i].what));
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void health(struct vault *v, struct vault_ask *a)
{
    uint8_t text[4096], why[QUARANTINE_WHY_MAX + 1];
    struct buf b = BUF_ARRAY(text), q = BUF_ARRAY(why);
    buf_put(&q, span_of(v->quarantine.why, v->quarantine.n));
    buf_nul(&q);
    const struct said reasons[] = {
        {"quarantine", v->quarantine.on ? (const char *)why : NULL},
        {"log", v->health.unwritten ? "the last batch could not be written to the log" : NULL},
        {"witness", vault_witness_bars(v)},
    };
    const struct said warnings[] = {
        {"storage-80", a->space == SPACE_80 ? "the disk of the state folder is four fifths full" : NULL},
        {"storage-low", a->space == SPACE_LOW ? "what is left of the disk is for releases and revocations" : NULL},
    };
    bool ready = !reasons[0].what && !reasons[1].what && !reasons[2].what;
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_BOOL(&w, "ready", ready);
    put_said(&w, "reasons", reasons, LEN(reasons));
    put_said(&w, "warnings", warnings, LEN(warnings));
    jw_end_obj(&w);
    vault_reply(v, a, ready ? 200 : 503, TYPE_JSON, buf_span(&b), SPAN_NONE);
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

static void gauge(struct buf *b, const char *name, const char *type, const char *help, uint64_t value)
{
    buf_fmt(b, "# HELP oneseal_ttp_%s %s\n# TYPE oneseal_ttp_%s %s\noneseal_ttp_%s %llu\n", name, help, name, type,
            name, (unsigned long long)value);
}

static void put_answers(struct vault *v, struct buf *b)
{
    static const char *const kinds[KIND__N] = {
#define KIND(name, method, path, cert, letter) [KIND_##name] = #name,
#include "ttp/kind.def"
#undef KIND
    };
    buf_str(b, "# HELP oneseal_ttp_answers_total Answers by kind of request and hundreds of the status.\n"
               "# TYPE oneseal_ttp_answers_total counter\n");
    for (size_t k = 0; k < KIND__N; k++)
        for (size_t i = 0; i < LEN(v->health.answered[k]); i++)
            if (v->health.answered[k][i] > 0)
                buf_fmt(b, "oneseal_ttp_answers_total{kind=\"%s\",status=\"%zuxx\"} %llu\n", kinds[k], i,
                        (unsigned long long)v->health.answered[k][i]);
}

static enum err metrics(struct vault *v, struct vault_ask *a)
{
    struct buf b = heap_buf(TEXT_MAX);
    bool ready = !v->quarantine.on && !v->health.unwritten && !vault_witness_bars(v);
    gauge(&b, "ready", "gauge", "1: keys can be released.", ready);
    gauge(&b, "quarantine", "gauge", "1: the state may be an older copy.", v->quarantine.on);
    gauge(&b, "log_entries", "gauge", "Leaves of the log.", v->tree.size);
    gauge(&b, "batches_total", "counter", "Batches made durable since the start.", v->commits);
    gauge(&b, "batches_failed_total", "counter", "Batches that could not be written.", v->health.unwritten_total);
    gauge(&b, "requests", "gauge", "Requests in the vault.", v->n_asks);
    gauge(&b, "clients", "gauge", "Registered clients.", v->table[TABLE_CLIENTS].n);
    gauge(&b, "policies", "gauge", "Policies.", v->table[TABLE_POLICIES].n);
    gauge(&b, "storage", "gauge", "0 enough, 1 four fifths used, 2 only releases and revocations.", a->space);
    put_answers(v, &b);
    if (b.e == OK)
        vault_reply(v, a, 200, TYPE_TEXT, buf_span(&b), SPAN_NONE);
    enum err e = b.e;
    heap_buf_free(&b);
    return e;
}

static enum err health_read(struct vault *v, struct vault_ask *a)
{
    if (a->kind == KIND_METRICS)
        return metrics(v, a);
    health(v, a);
    return OK;
}

const struct vault_kind vault_kind_health = {.read = health_read};
