/* m-of-n shares: the operator gives them one after the other, a line each; each is checked when it comes
 * (unsealer_shamir.h). At init "oneseal-custody new shares m=M n=N" makes a fresh S, and its shares, a line each, go to
 * UNSEALER_PASS; nothing of them is kept. */
#include "ttp/unsealer.h"

#include "ttp/room.h"
#include "ttp/unsealer_shamir.h"

#include <string.h>
#include <unistd.h>

/* In u->in, which is locked and wiped. */
struct own {
    struct share share[SHAMIR_MOST];
    uint8_t coef[(SHAMIR_MOST - 1) * SHAMIR_N];
    uint8_t line[256];
    size_t n;
};
_Static_assert(sizeof(struct own) <= CUSTODY_PASS_MAX, "the shares fit into the locked memory");

/* The next line, without line feed and blanks at its end. ERR_CLOSED: nobody gives anything any more. */
static enum err next_line(struct own *o, struct span *line)
{
    o->n = 0;
    for (;;) {
        ssize_t got = read(UNSEALER_PASS, o->line + o->n, 1);
        if (got <= 0)
            return ERR_CLOSED;
        if (o->line[o->n] == '\n' || o->n == sizeof o->line - 1)
            break;
        o->n++;
    }
    while (o->n > 0 && (o->line[o->n - 1] == ' ' || o->line[o->n - 1] == '\r'))
        o->n--;
    *line = span_of(o->line, o->n);
    return OK;
}

/* Is it one of ours, and new? Else it is told what is wrong with it; *good then stays false. */
static enum err check(const struct sharing *g, const struct own *o, unsigned have, struct share *s, struct span line,
                      bool *good)
{
    uint8_t set[SHAMIR_SET], tag[SHAMIR_TAG];
    enum err e = shamir_get(line, set, s);
    *good = false;
    if (e == ERR_SYNTAX)
        return unsealer_say("wrong this is no share: a line oneseal-share-1-..., one of its digits may be wrong");
    TRY(e);
    if (!shamir_same(set, g->set, SHAMIR_SET))
        return unsealer_say("wrong share %u belongs to another sharing, not to this state folder", s->x);
    for (unsigned i = 0; i < have; i++)
        if (o->share[i].x == s->x)
            return unsealer_say("wrong share %u was given already", s->x);
    TRY(shamir_tag_share(g, s, tag));
    *good = s->x <= g->n && shamir_same(tag, g->tag[s->x - 1], SHAMIR_TAG);
    return *good ? OK : unsealer_say("wrong share %u is not the one that was handed out", s->x);
}

static enum err collect(struct unsealer *u, const struct sharing *g, struct own *o)
{
    for (unsigned have = 0; have < g->m;) {
        struct span line;
        bool good;
        TRY(next_line(o, &line));
        TRY(check(g, o, have, &o->share[have], line, &good));
        have += good;
        if (good && have < g->m)
            TRY(unsealer_say("more %u %u", have, g->m));
    }
    shamir_combine(o->share, g->m, u->secret);
    return OK;
}

static enum err secret(struct unsealer *u)
{
    struct sharing g;
    uint8_t tag[SHAMIR_TAG];
    TRY(shamir_get_sharing(u->words, &g));
    TRY(collect(u, &g, (struct own *)(void *)u->in));
    TRY(shamir_tag_secret(&g, u->secret, tag));
    if (shamir_same(tag, g.secret, SHAMIR_TAG))
        return OK;
    u->why = "the shares do not give the secret of this custody file";
    return ERR_AUTH;
}

static enum err plan(struct span words, struct sharing *g)
{
    uint64_t m, n;
    struct span first = span_cut(&words, ' ');
    if (!span_starts(first, SPAN("m=")) || !span_starts(words, SPAN("n=")))
        return ERR_SYNTAX;
    TRY(span_u64(span_from(first, 2), SHAMIR_MOST, &m));
    TRY(span_u64(span_from(words, 2), SHAMIR_MOST, &n));
    *g = (struct sharing){.m = (unsigned)m, .n = (unsigned)n};
    return m >= 2 && m <= n ? OK : ERR_RANGE;
}

static enum err hand_out(const struct sharing *g, struct own *o)
{
    for (unsigned i = 0; i < g->n; i++) {
        TRY(shamir_put(g, &o->share[i], o->line));
        o->line[SHAMIR_TEXT] = '\n';
        if (write(UNSEALER_PASS, o->line, SHAMIR_TEXT + 1) != SHAMIR_TEXT + 1)
            return ERR_IO;
    }
    return OK;
}

static enum err make(struct unsealer *u)
{
    struct sharing g;
    struct own *o = (struct own *)(void *)u->in;
    char text[2048];
    struct buf b = BUF_ARRAY(text);
    TRY(plan(u->words, &g));
    memcpy(g.set, o->line, SHAMIR_SET); /* all of it is random until something is written there */
    shamir_split(u->secret, o->coef, g.m, g.n, o->share);
    TRY(shamir_tag_secret(&g, u->secret, g.secret));
    for (unsigned i = 0; i < g.n; i++)
        TRY(shamir_tag_share(&g, &o->share[i], g.tag[i]));
    shamir_put_sharing(&g, &b);
    TRY(b.e);
    TRY(hand_out(&g, o));
    return unsealer_say("custody oneseal-custody 1 shares %.*s", SPAN_FMT(buf_span(&b)));
}

const struct unsealer_kind unsealer_shares = {"shares", CELL_UNSEALER, NULL, secret, make};
_Static_assert((int)SHAMIR_N == (int)CUSTODY_SECRET, "what is shared is S");
