/* hostile_teller BINARY - a teller (and hall) that somebody conquered, before the real ledger and vault of BINARY. It
 * may name any client and ask for whatever it likes. What the design concedes: plain rows of any client, each with a
 * leaf before. What it must not get: a sealed row. One JSON line per attack. */
#include "stage.h"

#include "base/code.h"
#include "host/heap.h"
#include "ttp/m2mroute.h"

#include <stdio.h>
#include <string.h>

static const char owner[] = "//demo.example/Sowner", target[] = "//demo.example/Starget";
static const uint8_t secret[32] = "what the owner gave in clear....";

static struct span items(struct stage *s, const char *origin, struct span name, const char *body, bool create)
{
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    m2mroute_put(&b, span_str(origin), name, span_str(body));
    if (create)
        msg_item_put(&b, SPAN_NONE);
    NEED(b.e == OK);
    return stage_keep(s, buf_span(&b));
}

static bool holds(struct span body, struct span octets)
{
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    b64_put(&b, octets);
    for (size_t i = 0; i + b.n <= body.n; i++)
        if (memcmp(body.p + i, b.p, b.n) == 0)
            return true;
    return false;
}

/* An honest owner came by before: its key in clear is registered. The name of the resource. */
static struct span plain_row(struct stage *s)
{
    uint8_t text[128];
    char body[512];
    struct buf kv = BUF_ARRAY(text);
    b64_put(&kv, span_of(secret, sizeof secret));
    NEED(stage_tell(s, KIND_REG_CREATE, 2, owner,
                    items(s, owner, SPAN_NONE,
                          "{\"sec:mecr\":{\"et\":\"20301231T000000\",\"adfq\":\"ttp.demo.example\"}}", false)));
    NEED(s->paid.status == 200);
    snprintf(body, sizeof body,
             "{\"sec:skr\":{\"et\":\"20301231T000000\",\"adfq\":\"ttp.demo.example\",\"suid\":24,\"tgis\":[\"%s\"],"
             "\"kv\":\"%.*s\"}}",
             target, SPAN_FMT(buf_span(&kv)));
    NEED(stage_tell(s, KIND_PLAIN_CREATE, 2, owner, items(s, owner, SPAN_NONE, body, true)) && s->paid.status == 200);
    struct jval *doc;
    struct span name;
    NEED(json_parse(s->paid.body, &s->mem, &doc, NULL) == OK &&
         json_str(JSON_GET(JSON_GET(doc, "sec:skr"), "ri"), &s->mem, &name) == OK);
    return name;
}

static bool get(struct stage *s, const char *who, struct span name)
{
    return stage_tell(s, KIND_SKR_GET, 2, who, items(s, who, name, "", false)) && s->paid.status == 200;
}

static void rows_of_class_plain(struct stage *s)
{
    struct span name = plain_row(s);
    uint64_t before = s->size;
    bool leaked = get(s, target, name) && holds(s->paid.body, span_of(secret, sizeof secret));
    stage_report("plain-row-in-targets-name", leaked, "conceded: a plain row of any client");
    stage_report("plain-row-without-a-leaf", leaked && s->size == before, "the same, and the log did not grow");
    leaked = get(s, owner, name) && holds(s->paid.body, span_of(secret, sizeof secret));
    stage_report("plain-row-in-creators-name", leaked, "a creator is shown no key, whoever claims to be it");
}

static void rows_of_class_sealed(struct stage *s)
{
    struct span kid = s->kid, name = span_cut(&kid, '@');
    bool leaked = get(s, s->reader.iss, name) && holds(s->paid.body, span_of(s->kv, ESD_KV));
    stage_report("sealed-row-in-readers-name", leaked, "the reader's name; the policy lets it read");
    struct p256 *mine;
    NEED(p256_new(&mine) == OK);
    struct span q = stage_request(s, &s->thief, s->reader.iss, s->kid, mine);
    leaked = stage_tell(s, KIND_RELEASE, 0, s->reader.iss, q) && stage_opens(s, q, s->paid.body, mine);
    stage_report("release-signed-by-thief", leaked, "a signed path, the reader's name, the thief's signature and epk");
    p256_free(mine);
}

/* Nobody but the hall may say these: the ledger ends the front that does. */
static void tellers_words_by_the_front(struct stage *s)
{
    bool answered = stage_ask(s, KIND_PSK, SPAN("km@ttp.demo.example"));
    stage_report("psk-by-the-front", answered, "the front asks for a pre-shared key");
}

int main(int argc, char **argv)
{
    static struct stage s;
    NEED(argc == 2);
    stage_init(&s, argv[1]);
    s.with_hall = true;
    stage_start(&s, true, false);
    NEED(s.up);
    stage_stop(&s);
    s.known = false;
    stage_start(&s, false, false);
    NEED(s.up);
    stage_honest(&s);
    rows_of_class_plain(&s);
    rows_of_class_sealed(&s);
    tellers_words_by_the_front(&s);
    stage_end(&s);
    return 0;
}
