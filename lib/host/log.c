#include "host/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *program;
    bool json, journal;
    enum log_level level;
} log_to = {.program = "oneseal", .level = LOG_L_INFO};

static const char *level_name(enum log_level level)
{
    static const char *const name[] = {"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"};
    return (size_t)level < LEN(name) ? name[level] : "info";
}

/* systemd sets JOURNAL_STREAM to device and inode of the stream it attached; when that is our standard
 * error, priorities in front of the line are understood. */
static bool journal_attached(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return false;
    char mine[64];
    snprintf(mine, sizeof mine, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(mine, stream) == 0;
}

void log_open(const char *program, bool json, enum log_level level)
{
    log_to.program = program;
    log_to.json = json;
    log_to.journal = journal_attached();
    log_to.level = level;
}

/* Printable ASCII as it is, the rest as \u00XX (\" and \\ escaped), in quotes. An octet above 0x7f is written
 * the same way: a log line is ASCII whatever a peer sent. */
static void put_quoted(struct buf *b, struct span s)
{
    s = span_first(s, LOG_VALUE_MAX);
    buf_c(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '"' || c == '\\')
            buf_c(b, '\\');
        if (c < 0x20 || c > 0x7e)
            buf_fmt(b, "\\u%04x", c);
        else
            buf_c(b, c);
    }
    buf_c(b, '"');
}

static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] > 0x7e || s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '=')
            return false;
    return s.n > 0 && s.n <= LOG_VALUE_MAX;
}

static void put_value(struct buf *b, bool json, const struct log_kv *kv)
{
    if (kv->type == LOG_KV_INT)
        buf_i64(b, kv->i);
    else if (kv->type == LOG_KV_BOOL)
        buf_str(b, json ? (kv->i ? "true" : "false") : (kv->i ? "yes" : "no"));
    else if (!json && is_plain(kv->s))
        buf_put(b, kv->s);
    else
        put_quoted(b, kv->s);
}

static void put_time(struct buf *b, int64_t now_ms)
{
    time_t s = (time_t)(now_ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    buf_fmt(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
            tm.tm_min, tm.tm_sec, (int)(now_ms % 1000));
}

static void line_json(struct buf *b, int64_t now_ms, const char *program, enum log_level level, const char *event,
                      const struct log_kv *kv, size_t n)
{
    buf_str(b, "{\"time\":\"");
    put_time(b, now_ms);
    buf_fmt(b, "\",\"level\":\"%s\",\"program\":\"%s\",\"event\":\"%s\"", level_name(level), program, event);
    for (size_t i = 0; i < n; i++) {
        buf_fmt(b, ",\"%s\":", kv[i].key);
        put_value(b, true, &kv[i]);
    }
    buf_c(b, '}');
}

void log_line(struct buf *b, bool json, int64_t now_ms, const char *program, enum log_level level, const char *event,
              const struct log_kv *kv, size_t n)
{
    if (json) {
        line_json(b, now_ms, program, level, event, kv, n);
        return;
    }
    put_time(b, now_ms);
    buf_fmt(b, " %s %s: %s", level_name(level), program, event);
    for (size_t i = 0; i < n; i++) {
        buf_fmt(b, " %s=", kv[i].key);
        put_value(b, false, &kv[i]);
    }
}

static void line_journal(struct buf *b, enum log_level level, const char *event, const struct log_kv *kv, size_t n)
{
    buf_fmt(b, "<%d>%s", (int)level, event);
    for (size_t i = 0; i < n; i++) {
        buf_fmt(b, " %s=", kv[i].key);
        put_value(b, false, &kv[i]);
    }
}

static void put_line(struct buf *b, enum log_level level, const char *event, const struct log_kv *kv, size_t n)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (log_to.journal && !log_to.json)
        line_journal(b, level, event, kv, n);
    else
        log_line(b, log_to.json, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, log_to.program, level, event, kv,
                 n);
    buf_c(b, '\n');
}

void log_put(enum log_level level, const char *event, const struct log_kv *kv, size_t n)
{
    if (level > log_to.level)
        return;
    uint8_t line[LOG_LINE_MAX];
    struct buf b = BUF_ARRAY(line);
    put_line(&b, level, event, kv, n);
    if (b.e != OK) { /* too long: the event without its members is still a whole line */
        buf_reset(&b);
        struct log_kv cut = log_bool("members-too-long", true);
        put_line(&b, level, event, &cut, 1);
    }
    ssize_t done;
    do
        done = write(STDERR_FILENO, b.p, b.n);
    while (done < 0 && errno == EINTR);
}
