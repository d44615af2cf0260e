/* profile_reading.c - see profile_reading.h. */
#include "app/profile_reading.h"

static enum status bad(struct app *app, const struct profile *p, const char *what, const char *todo)
{
    return APP_FAIL(app, ST_CONFIG, .what = what, .who = "this program", .kind = "profile", .object = p->path,
                    .todo = todo);
}

static struct span text_of(struct app *app, const struct conf *f, const char *section, const char *key)
{
    const char *text = conf_text(f, section, key);
    return text ? span_str(app_fmt(app, "%s", text)) : SPAN_NONE;
}

/* fatal = gap, stale: absent keeps what refuses by default; "none" refuses nothing that may be chosen. */
static enum status take_policy(struct app *app, const struct conf *f, const char *section, struct profile *p,
                               struct reader_policy *out)
{
    const char *item;
    *out = (struct reader_policy){.fatal = conf_item(f, section, "fatal", 0) ? 0 : READER_FATAL,
                                  .max_age_ms = conf_int(f, section, "max-age"),
                                  .heartbeat_ms = conf_int(f, section, "heartbeat")};
    for (size_t i = 0; (item = conf_item(f, section, "fatal", i)); i++) {
        enum reason r = REASON_OK;
        if (i == 0 && strcmp(item, "none") == 0)
            continue;
        if (reason_of(span_str(item), &r) != OK || !(reason_bit(r) & READER_CHOICE))
            return bad(
                app, p, app_fmt(app, "[%s] fatal: %s is nothing that may be chosen", section, item),
                "out of: place-unverified, replayed, rolled-back, gap, stale, no-clock, writer-restored; or none");
        out->fatal |= reason_bit(r);
    }
    out->max_age_ms = out->max_age_ms > 0 ? out->max_age_ms : 0;
    out->heartbeat_ms = out->heartbeat_ms > 0 ? out->heartbeat_ms : 0;
    return ST_DONE;
}

static enum status take_stream(struct app *app, const struct conf *f, const char *name, struct profile *p)
{
    const char *section = app_fmt(app, "stream %s", name), *item;
    struct profile_stream *s = &p->stream[p->streams];
    *s = (struct profile_stream){.address = text_of(app, f, section, "address"),
                                 .writer = text_of(app, f, section, "writer"),
                                 .clear = conf_bool(f, section, "clear")};
    for (; (item = conf_item(f, section, "also", s->n_also)); s->n_also++) {
        if (s->n_also == PROFILE_ALSO_MAX)
            return bad(app, p, app_fmt(app, "[%s] also: too many", section), "at most 8");
        s->also[s->n_also] = profile_absolute(app, p, span_str(app_fmt(app, "%s", item)));
    }
    return take_policy(app, f, section, p, &s->policy);
}

enum status profile_take_reading(struct app *app, const struct conf *f, struct profile *p)
{
    const char *name;
    enum status st = ST_DONE;
    for (; st == ST_DONE && (name = conf_name(f, "stream", p->streams)); p->streams++) {
        if (p->streams == PROFILE_STREAMS_MAX)
            return bad(app, p, "too many [stream NAME] sections", "at most 64");
        st = take_stream(app, f, name, p);
    }
    for (; st == ST_DONE && (name = conf_name(f, "key", p->n_keys)); p->n_keys++) {
        const char *section = app_fmt(app, "key %s", name);
        if (p->n_keys == PROFILE_KEYS_MAX)
            return bad(app, p, "too many [key NAME] sections", "at most 16");
        p->key[p->n_keys] = (struct profile_own_key){.kid = span_str(app_fmt(app, "%s", name)),
                                                     .file = app_fmt(app, "%s", conf_text(f, section, "key-file")),
                                                     .suid = (uint8_t)conf_int(f, section, "suid")};
    }
    return st;
}

/* ---- places ---- */

static struct span cut(struct span *rest)
{
    struct span part = span_first(*rest, span_find(*rest, '/'));
    *rest = span_from(*rest, part.n < rest->n ? part.n + 1 : part.n);
    return part;
}

/* Structured paths begin with the name of a CSEBase; anything else behind a CSE-ID is a resource identifier, alone or
 * with names behind it. Which name a CSE has is known of the registrar, and of CSEs that a pinned path lies on. */
static bool structured(const struct profile *p, struct span absolute)
{
    struct span rest = span_from(absolute, 2), mine = span_str(p->cse_id);
    struct span sp = cut(&rest), cse = cut(&rest), base = span_first(rest, span_find(rest, '/'));
    if (base.n == 0 || base.n == rest.n)
        return false;
    struct span own_sp = span_from(span_str(p->sp), 2);
    if (span_eq(sp, own_sp) && mine.n && span_eq(cse, span_from(mine, 1)))
        return span_eq(base, span_str(p->base));
    size_t prefix = (size_t)(cse.p + cse.n - absolute.p);
    bool known = false;
    for (size_t i = 0; i < p->streams; i++) {
        struct span a = p->stream[i].address;
        if (a.n <= prefix || !span_eq(span_first(a, prefix), span_first(absolute, prefix)) || a.p[prefix] != '/')
            continue;
        struct span after = span_from(a, prefix + 1);
        known = true;
        if (span_eq(span_first(after, span_find(after, '/')), base))
            return true;
    }
    return !known;
}

struct span profile_place(const struct profile *p, struct span absolute)
{
    for (size_t i = 0; i < p->streams; i++) {
        const struct profile_stream *s = &p->stream[i];
        if (span_eq(s->address, absolute))
            return s->address;
        for (size_t k = 0; k < s->n_also; k++)
            if (span_eq(s->also[k], absolute))
                return s->address;
    }
    return span_starts(absolute, SPAN("//")) && structured(p, absolute) ? absolute : SPAN_NONE;
}
