/* Signed notes: what a log head looks like on the wire (C2SP tlog-checkpoint, signed-note). */
#include "base/code.h"
#include "esd/log_port.h"

enum { ID = 4, SIG = 64, ED25519 = 1, ROOT_B64 = 44, SIG_LINE_B64 = 92 };
static const struct span dash = {(const uint8_t *)"\xe2\x80\x94 ", 4}; /* em dash and a blank */

/* A key's name: not empty, no blank, no plus, nothing below a blank (signed-note). */
static bool name_ok(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == '+' || s.p[i] == 0x7f)
            return false;
    return s.n > 0 && s.n <= LOG_ORIGIN_MAX;
}

enum err log_public(const uint8_t seed[LOG_SEED], uint8_t pub[LOG_PUBLIC])
{
    return log_port_public(seed, pub);
}

enum err log_key_id(struct span name, const uint8_t pub[LOG_PUBLIC], uint8_t id[ID])
{
    const uint8_t mark[2] = {'\n', ED25519};
    const struct span piece[] = {name, span_of(mark, sizeof mark), span_of(pub, LOG_PUBLIC)};
    struct log_hash h;
    TRY(log_port_sha256(piece, LEN(piece), &h));
    memcpy(id, h.b, ID);
    return OK;
}

enum err log_vkey_put(struct span name, const uint8_t pub[LOG_PUBLIC], struct buf *b)
{
    uint8_t id[ID], key[1 + LOG_PUBLIC] = {ED25519};
    if (!name_ok(name))
        return ERR_SYNTAX;
    TRY(log_key_id(name, pub, id));
    memcpy(key + 1, pub, LOG_PUBLIC);
    buf_put(b, name);
    buf_c(b, '+');
    hex_put(b, span_of(id, ID));
    buf_c(b, '+');
    b64_put(b, span_of(key, sizeof key));
    return b->e;
}

enum err log_vkey_get(struct span vkey, struct span *name, uint8_t pub[LOG_PUBLIC])
{
    uint8_t id[ID], is[ID], key[1 + LOG_PUBLIC];
    struct buf id_b = BUF_ARRAY(id), key_b = BUF_ARRAY(key);
    *name = span_cut(&vkey, '+');
    struct span hex = span_cut(&vkey, '+');
    if (!name_ok(*name) || hex_get(hex, &id_b) != OK || id_b.n != ID)
        return ERR_SYNTAX;
    if (b64_get(vkey, &key_b) != OK || key_b.n != sizeof key || key[0] != ED25519)
        return ERR_SYNTAX;
    memcpy(pub, key + 1, LOG_PUBLIC);
    TRY(log_key_id(*name, pub, is));
    return memcmp(id, is, ID) == 0 ? OK : ERR_AUTH;
}

enum err log_checkpoint_sign(struct span origin, const struct log_head *head, const uint8_t seed[LOG_SEED],
                             struct buf *out)
{
    uint8_t pub[LOG_PUBLIC], line[ID + SIG];
    if (!name_ok(origin))
        return ERR_SYNTAX;
    size_t start = out->n;
    buf_put(out, origin);
    buf_c(out, '\n');
    buf_u64(out, head->size);
    buf_c(out, '\n');
    b64_put(out, span_of(head->root.b, LOG_HASH));
    buf_c(out, '\n');
    if (out->e != OK)
        return out->e;
    TRY(log_port_public(seed, pub));
    TRY(log_key_id(origin, pub, line));
    TRY(log_port_sign(seed, span_from(buf_span(out), start), line + ID));
    buf_c(out, '\n');
    buf_put(out, dash);
    buf_put(out, origin);
    buf_c(out, ' ');
    b64_put(out, span_of(line, sizeof line));
    buf_c(out, '\n');
    return out->e;
}

/* Position behind the last empty line, where the signatures start; 0 when there is none. */
static size_t signatures(struct span note)
{
    for (size_t i = note.n; i >= 2; i--)
        if (note.p[i - 1] == '\n' && note.p[i - 2] == '\n')
            return i;
    return 0;
}

static enum err body(struct span text, struct span origin, struct log_head *head)
{
    struct span first = span_cut(&text, '\n'), size = span_cut(&text, '\n'), root = span_cut(&text, '\n');
    struct buf b = BUF_ARRAY(head->root.b);
    if (root.n != ROOT_B64 || b64_get(root, &b) != OK || b.n != LOG_HASH ||
        span_u64(size, INT64_MAX, &head->size) != OK)
        return ERR_SYNTAX;
    return span_eq(first, origin) ? OK : ERR_AUTH;
}

/* One line without its line feed: ERR_NOTFOUND when it is some other key's. */
static enum err signature(struct span line, struct span text, struct span origin, const uint8_t pub[LOG_PUBLIC])
{
    uint8_t raw[256], id[ID];
    struct buf b = BUF_ARRAY(raw);
    if (!span_starts(line, dash))
        return ERR_SYNTAX;
    struct span rest = span_from(line, dash.n), name = span_cut(&rest, ' ');
    if (!name_ok(name) || b64_get(rest, &b) != OK || b.n <= ID)
        return ERR_SYNTAX;
    TRY(log_key_id(origin, pub, id));
    if (!span_eq(name, origin) || memcmp(raw, id, ID) != 0)
        return ERR_NOTFOUND;
    return b.n == ID + SIG ? log_port_verify(pub, text, raw + ID) : ERR_AUTH;
}

static bool clean(struct span note)
{
    for (size_t i = 0; i < note.n; i++)
        if ((note.p[i] < ' ' && note.p[i] != '\n') || note.p[i] == 0x7f)
            return false;
    return note.n > 0 && note.n <= LOG_NOTE_MAX && note.p[note.n - 1] == '\n';
}

enum err log_checkpoint_verify(struct span note, struct span origin, const uint8_t pub[LOG_PUBLIC],
                               struct log_head *head)
{
    memset(head, 0, sizeof *head);
    size_t at = clean(note) ? signatures(note) : 0;
    if (at == 0 || at == note.n)
        return ERR_SYNTAX;
    struct span text = span_first(note, at - 1), lines = span_from(note, at);
    bool signed_by_log = false;
    while (lines.n > 0) {
        enum err e = signature(span_cut(&lines, '\n'), text, origin, pub);
        if (e != OK && e != ERR_NOTFOUND)
            return e;
        signed_by_log = signed_by_log || e == OK;
    }
    struct log_head h;
    TRY(body(text, origin, &h));
    if (!signed_by_log)
        return ERR_AUTH;
    *head = h;
    return OK;
}
