/* telemetry.c - see telemetry.h. */
#include "cli/telemetry.h"

#include <dirent.h>
#include <sys/statvfs.h>
#include <time.h>

#include "wire/json.h"

enum { FILE_MAX = 8192, PATH_MAX_ = 512, ZONES_MAX = 8 };

/* A small file of /proc or /sys as text; empty when it cannot be read. */
static struct span small_file(const char *path, char text[FILE_MAX])
{
    FILE *f = fopen(path, "re");
    if (!f)
        return SPAN_NONE;
    size_t n = fread(text, 1, FILE_MAX, f);
    (void)fclose(f);
    return span_of(text, n);
}

/* The word that begins at s, up to a blank or newline. */
static struct span word(struct span s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] > ' ')
        n++;
    return span_first(s, n);
}

static struct span skip_blanks(struct span s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_from(s, 1);
    return s;
}

static void put_load(struct jw *w, char text[FILE_MAX])
{
    struct span load = word(small_file("/proc/loadavg", text));
    if (load.n && json_check(load, NULL) == OK) {
        JW_NAME(w, "load");
        jw_raw(w, load);
    }
}

/* A line "Name:   123 kB" of /proc/meminfo. */
static void put_memory(struct jw *w, const char *name, const char *member, char text[FILE_MAX])
{
    struct span rest = small_file("/proc/meminfo", text);
    while (rest.p) {
        struct span line = span_cut(&rest, '\n');
        struct span label = span_cut(&line, ':');
        uint64_t kb = 0;
        if (span_eq(label, span_str(name)) && span_u64(word(skip_blanks(line)), UINT64_MAX, &kb) == OK) {
            jw_name(w, span_str(member));
            jw_u64(w, kb);
            return;
        }
    }
}

static void put_disk(struct jw *w)
{
    struct statvfs v;
    if (statvfs("/", &v) == 0)
        JW_U64(w, "disk_free_mb", (uint64_t)v.f_bavail * v.f_frsize / (1 << 20));
}

/* Received and sent octets of all interfaces: fields 1 and 9 behind the colon of /proc/net/dev. */
static void put_network(struct jw *w, char text[FILE_MAX])
{
    struct span rest = small_file("/proc/net/dev", text);
    uint64_t in = 0, out = 0;
    bool seen = false;
    while (rest.p) {
        struct span line = span_cut(&rest, '\n');
        (void)span_cut(&line, ':');
        for (int field = 1; line.p && field <= 9; field++) {
            line = skip_blanks(line);
            struct span value = word(line);
            uint64_t n = 0;
            if (span_u64(value, UINT64_MAX, &n) != OK)
                break;
            seen = true;
            in += field == 1 ? n : 0;
            out += field == 9 ? n : 0;
            line = span_from(line, value.n);
        }
    }
    if (seen) {
        JW_U64(w, "net_in", in);
        JW_U64(w, "net_out", out);
    }
}

static void put_temperature(struct jw *w, char text[FILE_MAX])
{
    char path[PATH_MAX_];
    for (int i = 0; i < ZONES_MAX; i++) {
        uint64_t milli = 0;
        (void)snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", i);
        if (span_u64(word(small_file(path, text)), 200000, &milli) != OK)
            continue;
        (void)snprintf(path, sizeof path, "%llu.%llu", (unsigned long long)milli / 1000,
                       (unsigned long long)milli % 1000 / 100);
        JW_NAME(w, "temp");
        jw_raw(w, span_str(path));
        return;
    }
}

void telemetry_put(struct buf *b)
{
    char text[FILE_MAX];
    struct timespec t;
    struct jw w = jw_over(b);
    (void)clock_gettime(CLOCK_REALTIME, &t);
    jw_obj(&w);
    put_load(&w, text);
    put_temperature(&w, text);
    put_memory(&w, "MemAvailable", "mem_free_kb", text);
    put_disk(&w);
    put_network(&w, text);
    JW_U64(&w, "t", (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
    jw_end_obj(&w);
}
