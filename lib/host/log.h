/* log.h - one structured line per event to standard error.
 *
 * Text form: "<N>program event key=value key="two words"": with the journal attached each line begins
 * with its priority in angle brackets (sd-daemon(3)), otherwise with the time. JSON form: one object per
 * line with time, level, program, event and the members. Values are cut at LOG_VALUE_MAX octets and
 * escaped. Never hand content, keys or tokens to it: names, sizes, identifiers and causes only. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include "base/buf.h"

/* Priorities of syslog. */
enum log_level { LOG_L_ERROR = 3, LOG_L_WARN = 4, LOG_L_NOTICE = 5, LOG_L_INFO = 6, LOG_L_DEBUG = 7 };

enum { LOG_VALUE_MAX = 512, LOG_LINE_MAX = 4096 };

struct log_kv {
    const char *key;
    enum { LOG_KV_SPAN, LOG_KV_INT, LOG_KV_BOOL } type;
    struct span s;
    int64_t i;
};
static inline struct log_kv log_span(const char *key, struct span s)
{
    return (struct log_kv){.key = key, .type = LOG_KV_SPAN, .s = s};
}
static inline struct log_kv log_str(const char *key, const char *s)
{
    return log_span(key, span_str(s));
}
static inline struct log_kv log_int(const char *key, int64_t i)
{
    return (struct log_kv){.key = key, .type = LOG_KV_INT, .i = i};
}
static inline struct log_kv log_bool(const char *key, bool b)
{
    return (struct log_kv){.key = key, .type = LOG_KV_BOOL, .i = b};
}
static inline struct log_kv log_err(const char *key, enum err e)
{
    return log_str(key, err_name(e));
}

/* Before the first event. `program` must live on. Lines above `level` are dropped. */
void log_open(const char *program, bool json, enum log_level level);
/* From any thread: the line leaves in one write. */
void log_put(enum log_level level, const char *event, const struct log_kv *kv, size_t n);
/* LOG(LOG_L_INFO, "listening", log_str("address", text), log_int("port", port)); at least one member. */
#define LOG(level, event, ...)                                                                                         \
    log_put((level), (event), (struct log_kv[]){__VA_ARGS__},                                                          \
            sizeof((struct log_kv[]){__VA_ARGS__}) / sizeof(struct log_kv))

/* Writes a line into b instead (no newline); for tests and the admin socket. */
void log_line(struct buf *b, bool json, int64_t now_ms, const char *program, enum log_level level, const char *event,
              const struct log_kv *kv, size_t n);

#endif
