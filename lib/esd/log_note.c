/* Signed notes: what a log head looks like on the wire (C2SP tlog-checkpoint, signed-note). */
#include "base/code.h"
#include "esd/log_port.h"
#include "esd/log_witness.h"

enum { ID = 4, SIG = 64, ED25519 = 1, COSIGNATURE = 4, TIME = 8, TEXT_MAX = LOG_NOTE_MAX + 64, ROOT_B64 = 44 };
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

static enum err key_id(uint8_t type, struct span name, const uint8_t pub[LOG_PUBLIC], uint8_t id[ID])
{
    const uint8_t mark[2] = {'\n', type};
    const struct span piece[] = {name, span_of(mark, sizeof mark), span_of(pub, LOG_PUBLIC)};
    struct log_hash h;
    TRY(log_port_sha256(piece, LEN(piece), &h));
    memcpy(id, h.b, ID);
    return OK;
}

enum err log_key_id(struct span name, const uint8_t pub[LOG_PUBLIC], uint8_t id[ID])
{
    return key_id(ED25519, name, pub, id);
}

static enum err vkey_put(uint8_t type, struct span name, const uint8_t pub[LOG_PUBLIC], struct buf *b)
{
    uint8_t id[ID], key[1 + LOG_PUBLIC] = {type};
    if (!name_ok(name))
        return ERR_SYNTAX;
    TRY(key_id(type, name, pub, id));
    memcpy(key + 1, pub, LOG_PUBLIC);
    buf_put(b, name);
    buf_c(b, '+');
    hex_put(b, span_of(id, ID));
    buf_c(b, '+');
    b64_put(b, span_of(key, sizeof key));
    return b->e;
}

static enum err vkey_get(uint8_t type, struct span vkey, struct span *name, uint8_t pub[LOG_PUBLIC])
{
    uint8_t id[ID], is[ID], key[1 + LOG_PUBLIC];
    struct buf id_b = BUF_ARRAY(id), key_b = BUF_ARRAY(key);
    *name = span_cut(&vkey, '+');
    struct span hex = span_cut(&vkey, '+');
    if (!name_ok(*name) || hex_get(hex, &id_b) != OK || id_b.n != ID)
        return ERR_SYNTAX;
    if (b64_get(vkey, &key_b) != OK || key_b.n != sizeof key || key[0] != type)
        return ERR_SYNTAX;
    memcpy(pub, key + 1, LOG_PUBLIC);
    TRY(key_id(type, *name, pub, is));
    return memcmp(id, is, ID) == 0 ? OK : ERR_AUTH;
}

enum err log_vkey_put(struct span name, const uint8_t pub[LOG_PUBLIC], struct buf *b)
{
    return vkey_put(ED25519, name, pub, b);
}

enum err log_vkey_get(struct span vkey, struct span *name, uint8_t pub[LOG_PUBLIC])
{
    return vkey_get(ED25519, vkey, name, pub);
}

enum err log_witness_vkey_put(struct span name, const uint8_t pub[LOG_PUBLIC], struct buf *b)
{
    return vkey_put(COSIGNATURE, name, pub, b);
}

enum err log_witness_vkey_get(struct span vkey, struct span *name, uint8_t pub[LOG_PUBLIC])
{
    return vkey_get(COSIGNATURE, vkey, name, pub);
}

static void put_line(struct buf *out, struct span name, struct span signature)
{
    buf_put(out, dash);
    buf_put(out, name);
    buf_c(out, ' ');
    b64_put(out, signature);
    buf_c(out, '\n');
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
    put_line(out, origin, span_of(line, sizeof line));
    return out->e;
}

static size_t signatures(struct span note);
static bool clean(struct span note);

enum err log_checkpoint_again(struct span origin, const uint8_t seed[LOG_SEED], struct buf *note)
{
    uint8_t pub[LOG_PUBLIC], line[ID + SIG];
    size_t at = clean(buf_span(note)) ? signatures(buf_span(note)) : 0;
    if (at == 0 || !name_ok(origin))
        return ERR_SYNTAX;
    TRY(log_port_public(seed, pub));
    TRY(log_key_id(origin, pub, line));
    TRY(log_port_sign(seed, span_first(buf_span(note), at - 1), line + ID));
    put_line(note, origin, span_of(line, sizeof line));
    return note->e;
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

/* What a witness signs: the time, then the checkpoint (C2SP tlog-cosignature). */
static enum err witnessed(struct span text, uint64_t time, struct buf *out)
{
    buf_str(out, "cosignature/v1\ntime ");
    buf_u64(out, time);
    buf_c(out, '\n');
    buf_put(out, text);
    return out->e;
}

struct signer {
    uint8_t type;
    struct span name;
    const uint8_t *pub;
    uint64_t time; /* of a witness, when its line was right */
    struct span line;
};

static enum err signed_by(struct signer *s, struct span text, struct span raw)
{
    uint8_t room[TEXT_MAX];
    struct buf b = BUF_ARRAY(room);
    uint64_t time = 0;
    if (s->type == ED25519)
        return raw.n == SIG ? log_port_verify(s->pub, text, raw.p) : ERR_AUTH;
    if (raw.n != TIME + SIG)
        return ERR_AUTH;
    for (size_t i = 0; i < TIME; i++)
        time = time << 8 | raw.p[i];
    TRY(witnessed(text, time, &b));
    TRY(log_port_verify(s->pub, buf_span(&b), raw.p + TIME));
    s->time = time;
    return OK;
}

/* One line without its line feed: ERR_NOTFOUND when it is some other key's. */
static enum err signature(struct span line, struct span text, struct signer *s)
{
    uint8_t raw[256], id[ID];
    struct buf b = BUF_ARRAY(raw);
    if (!span_starts(line, dash))
        return ERR_SYNTAX;
    struct span rest = span_from(line, dash.n), name = span_cut(&rest, ' ');
    if (!name_ok(name) || b64_get(rest, &b) != OK || b.n <= ID)
        return ERR_SYNTAX;
    TRY(key_id(s->type, s->name, s->pub, id));
    if (!span_eq(name, s->name) || memcmp(raw, id, ID) != 0)
        return ERR_NOTFOUND;
    return signed_by(s, text, span_from(buf_span(&b), ID));
}

static bool clean(struct span note)
{
    for (size_t i = 0; i < note.n; i++)
        if ((note.p[i] < ' ' && note.p[i] != '\n') || note.p[i] == 0x7f)
            return false;
    return note.n > 0 && note.n <= LOG_NOTE_MAX && note.p[note.n - 1] == '\n';
}

/* Splits a note; ERR_AUTH when none of its lines is by this key, or one that is is wrong. */
static enum err verify(struct span note, struct signer *s, struct span *text)
{
    size_t at = clean(note) ? signatures(note) : 0;
    if (at == 0 || at == note.n)
        return ERR_SYNTAX;
    struct span lines = span_from(note, at);
    bool found = false;
    *text = span_first(note, at - 1);
    while (lines.n > 0) {
        struct span line = span_cut(&lines, '\n');
        enum err e = signature(line, *text, s);
        if (e != OK && e != ERR_NOTFOUND)
            return e;
        found = found || e == OK;
        s->line = e == OK ? line : s->line;
    }
    return found ? OK : ERR_AUTH;
}

enum err log_checkpoint_verify(struct span note, struct span origin, const uint8_t pub[LOG_PUBLIC],
                               struct log_head *head)
{
    struct signer log = {.type = ED25519, .name = origin, .pub = pub};
    struct log_head h;
    struct span text;
    memset(head, 0, sizeof *head);
    TRY(verify(note, &log, &text));
    TRY(body(text, origin, &h));
    *head = h;
    return OK;
}

enum err log_witness_sign(struct span name, const uint8_t seed[LOG_SEED], uint64_t time, struct buf *note)
{
    uint8_t pub[LOG_PUBLIC], line[ID + TIME + SIG], room[TEXT_MAX];
    struct buf b = BUF_ARRAY(room);
    size_t at = clean(buf_span(note)) ? signatures(buf_span(note)) : 0;
    if (at == 0 || !name_ok(name))
        return ERR_SYNTAX;
    TRY(witnessed(span_first(buf_span(note), at - 1), time, &b));
    TRY(log_port_public(seed, pub));
    TRY(key_id(COSIGNATURE, name, pub, line));
    for (size_t i = 0; i < TIME; i++)
        line[ID + i] = (uint8_t)(time >> (8 * (TIME - 1 - i)));
    TRY(log_port_sign(seed, buf_span(&b), line + ID + TIME));
    put_line(note, name, span_of(line, sizeof line));
    return note->e;
}

enum err log_witness_line(struct span note, struct span name, const uint8_t pub[LOG_PUBLIC], uint64_t *time,
                          struct span *line)
{
    struct signer witness = {.type = COSIGNATURE, .name = name, .pub = pub};
    struct span text;
    *time = 0;
    TRY(verify(note, &witness, &text));
    *time = witness.time;
    *line = witness.line;
    return OK;
}

enum err log_witness_verify(struct span note, struct span name, const uint8_t pub[LOG_PUBLIC], uint64_t *time)
{
    struct span line;
    return log_witness_line(note, name, pub, time, &line);
}
