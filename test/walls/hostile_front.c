/* hostile_front BINARY - a front that somebody conquered, before the real ledger and the real vault of BINARY. It tries
 * to get a sealed key with whatever a front has: it sees every request, may alter, forge, replay and withhold, and
 * speaks to the ledger as it likes. One JSON line per attack. */
#include "stage.h"

#include "host/heap.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static struct p256 *pair(void)
{
    struct p256 *k;
    NEED(p256_new(&k) == OK);
    return k;
}

/* Asks and says whether the thief's pair opens the answer. */
static bool robs(struct stage *s, struct span request, const struct p256 *epk)
{
    return stage_ask(s, KIND_RELEASE, request) && stage_opens(s, request, s->body, epk);
}

static void someone_elses_epk(struct stage *s)
{
    struct p256 *mine = pair(), *theirs = pair();
    struct span real = stage_request(s, &s->reader, s->reader.iss, s->kid, theirs);
    struct span own = stage_request(s, &s->thief, s->reader.iss, s->kid, mine);
    stage_report("epk-signed-by-thief", robs(s, own, mine), "the reader's name, the thief's signature and epk");
    /* header and body of the forgery under the reader's signature */
    struct span sig = span_from(real, span_rfind(real, '.'));
    struct span mixed = arena_join(&s->mem, span_first(own, span_rfind(own, '.')), sig);
    stage_report("epk-under-readers-signature", robs(s, mixed, mine), "the thief's epk, the reader's signature");
    p256_free(mine);
    p256_free(theirs);
}

static void replayed_request(struct stage *s)
{
    struct p256 *mine = pair(), *theirs = pair();
    struct span real = stage_request(s, &s->reader, s->reader.iss, s->kid, theirs);
    bool leaked = robs(s, real, mine);
    leaked = robs(s, real, mine) || leaked; /* again: decided anew, for the same epk */
    stage_report("replayed-request", leaked, "the reader's own request twice; the answer is for the reader's epk");
    p256_free(mine);
    p256_free(theirs);
}

/* A key that the vault makes is registered in the name of whoever asks: the thief would hold what the writer seals
 * with. */
static void key_in_the_writers_name(struct stage *s)
{
    struct key_ask q = {.epk = pair()};
    struct key_answer got;
    struct span text = stage_key(s, &s->thief, 9, &q);
    struct keyask_expect x = {.request = text, .ask = &q, .release = s->bundle.release};
    bool leaked = stage_ask(s, KIND_KEY, text) && keyask_open(s->body, &x, &s->mem, &got) == REASON_OK;
    stage_report("key-in-writers-name", leaked, "the writer's name, the thief's signature and epk");
    if (leaked)
        keyask_free(&got);
    p256_free(q.epk);
}

static void forged_registration(struct stage *s)
{
    struct p256 *mine = pair();
    struct party fake = stage_party(s, s->reader.iss, "URI:m2m://demo.example/Sreader", NULL, NULL);
    NEED(stage_ask(s, KIND_CLIENT, stage_client(s, &fake, s->reader.iss)));
    struct span q = stage_request(s, &fake, s->reader.iss, s->kid, mine);
    stage_report("forged-registration", robs(s, q, mine), "the reader's name in a certificate that the thief signed");
    /* put things right for what follows */
    NEED(stage_ask(s, KIND_CLIENT, stage_client(s, &s->reader, s->reader.iss)));
    p256_free(mine);
    p256_free(fake.key);
}

static void forged_policy(struct stage *s)
{
    struct p256 *mine = pair();
    NEED(stage_ask(s, KIND_POLICY, stage_policy(s, &s->thief, s->gateway.iss, 2, &s->thief)));
    struct span q = stage_request(s, &s->thief, s->thief.iss, s->kid, mine);
    stage_report("forged-policy", robs(s, q, mine), "version 2 in the owner's name, signed by the thief");
    p256_free(mine);
}

static void stale_policy(struct stage *s)
{
    struct p256 *theirs = pair();
    struct span old = stage_policy(s, &s->gateway, s->gateway.iss, 2, &s->thief);
    struct span newer = stage_policy(s, &s->gateway, s->gateway.iss, 3, &s->reader);
    (void)stage_ask(s, KIND_POLICY, old);
    (void)stage_ask(s, KIND_POLICY, newer);
    (void)stage_ask(s, KIND_POLICY, old); /* once more, after it was replaced */
    struct span q = stage_request(s, &s->thief, s->thief.iss, s->kid, theirs);
    stage_report("stale-policy", robs(s, q, theirs), "a version that was replaced is sent again");
    p256_free(theirs);
}

/* The front serves GET /bundle: it serves one of its own. */
static void own_sealing_key(struct stage *s, bool careless)
{
    struct p256 *mine = pair(), *identity = pair();
    struct buf text = heap_buf(65536), plain = heap_buf(65536);
    struct bundle b = s->bundle, got;
    struct span kid, jwe;
    struct jws j;
    struct key_letter l;
    b.identity = identity;
    b.sealing = mine;
    b.exp = (uint64_t)time(NULL) + 3600;
    NEED(bundle_build(&b, &text) == OK);
    /* The writer knows the identity key that it pinned; the careless one does not look. */
    bool leaked = false;
    enum reason r =
        bundle_open(buf_span(&text), b.fqdn, careless ? NULL : s->bundle.identity, (uint64_t)time(NULL), &s->mem, &got);
    if (r == REASON_OK) {
        struct span letter = stage_letter(s, got.sealing, got.sealing_kid, &kid);
        NEED(letter_read(letter, &s->mem, &j, &l) == REASON_OK);
        jwe = l.jwe;
        leaked = jwe_unwrap(mine, jwe, NULL, &s->mem, &plain) == REASON_OK && plain.n == ESD_KV &&
                 memcmp(plain.p, s->kv, ESD_KV) == 0;
        bundle_free(&got);
    }
    stage_report(careless ? "own-sealing-key-careless-writer" : "own-sealing-key", leaked,
                 "a bundle with the thief's sealing key");
    heap_buf_free(&text);
    heap_buf_free(&plain);
    p256_free(mine);
    p256_free(identity);
}

/* Frames that a front may not say, or not so. Each ends the ledger, and with it the way to the vault. */
static void words_out_of_turn(struct stage *s)
{
    static const uint8_t garbage[][12] = {{0, 0, 0, 2, 0, 0}, {0, 0, 0, 2, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff}};
    struct buf b = heap_buf(65536);
    bool all_ended = true;
    for (int i = 0; i < 9; i++) {
        buf_reset(&b);
        struct row row = {.kid = s->kid};
        if (i == 0)
            msg_put_FIND(&b, &(struct msg_FIND){.kid = s->kid});
        if (i == 1)
            msg_put_REPLY(&b, &(struct msg_REPLY){.status = 200});
        if (i == 2)
            msg_put_ROW(&b, &(struct msg_ROW){.row = row});
        if (i == 3)
            msg_put_COMMIT(&b, &(struct msg_COMMIT){.size = 0});
        if (i == 4)
            msg_put_LEDGER_START(&b, &(struct msg_LEDGER_START){.path = SPAN("/tmp/other.db")});
        if (i == 5) { /* an ASK with an octet left over */
            msg_put_ASK(&b, &(struct msg_ASK){.id = 1});
            buf_c(&b, 0);
            b.p[3]++;
        }
        if (i > 5)
            buf_put(&b, span_of(garbage[i - 6], i == 8 ? 4 : 6));
        stage_raw(s, buf_span(&b));
        (void)stage_run(s, 300);
        bool ended = !stage_alive(s->ledger);
        all_ended = all_ended && ended;
        if (ended)
            s->ledger = 0;
        stage_stop(s);
        stage_start(s, false, false);
        NEED(s->up);
    }
    heap_buf_free(&b);
    stage_report("words-out-of-turn", !all_ended, "unlisted, unarmed and overlong messages end the ledger");
}

int main(int argc, char **argv)
{
    static struct stage s;
    NEED(argc == 2);
    stage_init(&s, argv[1]);
    stage_start(&s, true, false);
    NEED(s.up);
    stage_stop(&s);
    s.known = false;
    stage_start(&s, false, false);
    NEED(s.up);
    stage_honest(&s);
    someone_elses_epk(&s);
    replayed_request(&s);
    key_in_the_writers_name(&s);
    own_sealing_key(&s, false);
    own_sealing_key(&s, true);
    words_out_of_turn(&s);
    forged_registration(&s);
    forged_policy(&s);
    stale_policy(&s);
    stage_end(&s);
    return 0;
}
