#include "ttp/front_tile.h"

static const char prefix[] = "/log/tile/";

bool front_tile_handle(struct front *f, struct http_req *r)
{
    struct front_tile t;
    if (!span_starts(r->path, span_str(prefix)))
        return false;
    if (!span_eq(r->method, SPAN("GET"))) {
        front_error(f, r, 405, "malformed", "a tile is read with GET", "GET /log/tile/0/000");
        return true;
    }
    if (front_tile_parse(span_from(r->path, sizeof prefix - 1), &t) != OK) {
        front_error(f, r, 404, "malformed", "this is no tile's path", "see C2SP tlog-tiles: /log/tile/0/x001/234.p/17");
        return true;
    }
    struct front_ask *a = front_take(f, r);
    if (!a)
        return true;
    msg_put_TILE_READ(&f->ledger.out,
                      &(struct msg_TILE_READ){.id = a->id, .level = t.level, .n = t.n, .width = t.width});
    front_flush(f);
    return true;
}

/* Without a nonce: it would be old when a cache hands it out. */
void front_tile_answer(struct front *f, struct http_req *r, const struct msg_ANSWER *m)
{
    static const char fields[] = "Content-Type: application/octet-stream\r\n"
                                 "Cache-Control: public, max-age=31536000, immutable\r\n";
    (void)f;
    http_reply(r, &(struct http_answer){.status = m->status, .fields = SPAN(fields), .body = m->body});
}
