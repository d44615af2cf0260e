/* The key policy of a sealing device: who may read, as the profile says (e2e.md 6, 7). */
#include "app/writer_own.h"

#include "host/heap.h"

static enum err put_policy(struct session *s, uint64_t version, struct buf *scratch, struct buf *out)
{
    const struct profile *p = &s->p;
    struct policy_reader readers[PROFILE_READERS_MAX];
    for (size_t i = 0; i < p->n_readers; i++)
        readers[i] = (struct policy_reader){.id = p->readers[i]};
    struct policy pol = {.iss = span_str(p->ae_id),
                         .aud = span_str(p->seal_ttp),
                         .policy = span_str(p->seal_policy),
                         .version = version,
                         .readers = readers,
                         .n = p->n_readers};
    return policy_build(&pol, s->ttps.key, span_str(s->ttps.key_id), scratch, out);
}

static void put_readers(const struct profile *p, struct buf *b)
{
    for (size_t i = 0; i < p->n_readers; i++)
        buf_fmt(b, "%.*s\n", SPAN_FMT(p->readers[i]));
}

enum err writer_policy_store(struct session *s, struct span ttp, struct buf *scratch, struct buf *text)
{
    struct arena mem;
    uint64_t version = 0;
    struct span before = SPAN_NONE, name = span_str(s->p.seal_policy);
    struct buf readers = heap_buf(WRITER_DOCUMENT_MAX);
    heap_arena(&mem, WRITER_ARENA_BLOCK, WRITER_ARENA_MAX);
    put_readers(&s->p, &readers);
    buf_reset(text);
    enum err e = book_policy_get(s->book, ttp, name, &mem, &version, &before);
    bool same = e == OK && span_eq(before, buf_span(&readers));
    if (e == ERR_NOTFOUND)
        e = OK;
    if (e == OK && !same)
        e = put_policy(s, version + 1, scratch, text);
    if (e == OK && !same)
        e = book_letter_put(s->book, SPAN_NONE, ttp, SPAN("/policy"), buf_span(text));
    if (e == OK && !same)
        e = book_policy_put(s->book, ttp, name, version + 1, buf_span(&readers));
    arena_reset(&mem);
    heap_buf_free(&readers);
    return e;
}

enum reason writer_policy_again(struct session *s, struct ttp *t, uint64_t current)
{
    struct buf scratch = heap_buf(WRITER_DOCUMENT_MAX), text = heap_buf(WRITER_DOCUMENT_MAX),
               readers = heap_buf(WRITER_DOCUMENT_MAX);
    enum reason r = put_policy(s, current + 1, &scratch, &text) == OK ? REASON_OK : REASON_FAILED;
    if (r == REASON_OK)
        r = ttp_send(&s->ttps, t, "/policy", buf_span(&text), NULL);
    put_readers(&s->p, &readers);
    if (r == REASON_OK && book_policy_put(s->book, span_str(t->row->fqdn), span_str(s->p.seal_policy), current + 1,
                                          buf_span(&readers)) != OK)
        r = REASON_FAILED;
    heap_buf_free(&scratch);
    heap_buf_free(&text);
    heap_buf_free(&readers);
    return r;
}
