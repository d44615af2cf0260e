/* line.h - what the drivers of foreign libraries in C share: the loop over requests, base64url, the serializations that
 * a library leaves to its user. The protocol is in README.md. Static inline: each driver is one file. */
#ifndef FOREIGN_LINE_H
#define FOREIGN_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_OCTETS = 1 << 20 };

/* One operation of a driver: an answer, or NULL after line_fail. */
typedef json_t *(*line_op)(const json_t *request);
struct line_ops {
    const char *name;
    line_op run;
};

static char line_reason[512];

/* Remembers why, first reason wins; always NULL. */
static inline void *line_fail(const char *what, const char *detail)
{
    if (!line_reason[0])
        snprintf(line_reason, sizeof line_reason, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    return NULL;
}

static inline const char *line_str(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static inline int line_six(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* Octets of base64url text; NULL when it is none. The caller frees. */
static inline uint8_t *line_octets(const char *text, size_t *n)
{
    size_t len = strlen(text), at = 0;
    uint8_t *out = calloc(1, len + 1);
    uint32_t bits = 0;
    *n = 0;
    for (size_t i = 0; out && i < len; i++) {
        int six = line_six(text[i]);
        if (six < 0) {
            free(out);
            return NULL;
        }
        bits = bits << 6 | (uint32_t)six;
        if (i % 4)
            out[at++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    *n = at;
    return out;
}

/* {NAME: base64url of the octets}. */
static inline json_t *line_give_octets(const char *name, const uint8_t *p, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *text = calloc(1, n * 4 / 3 + 4);
    if (!text)
        return line_fail("memory", NULL);
    size_t at = 0;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0u);
        size_t chars = n - i >= 3 ? 4 : n - i + 1;
        for (size_t k = 0; k < chars; k++)
            text[at++] = alphabet[three >> (18 - 6 * k) & 63];
    }
    json_t *answer = json_pack("{s:s}", name, text);
    free(text);
    return answer;
}

static inline json_t *line_give_text(const char *name, const char *text)
{
    return json_pack("{s:s}", name, text);
}

/* The object as JSON: a compact one is taken apart into `names`. */
static inline json_t *line_parts(const char *text, const char *const *names, size_t n_names)
{
    if (text[0] == '{')
        return json_loads(text, 0, NULL);
    json_t *o = json_object();
    for (size_t i = 0; i < n_names; i++) {
        const char *end = strchr(text, '.');
        size_t n = end ? (size_t)(end - text) : strlen(text);
        if ((end != NULL) != (i + 1 < n_names)) {
            json_decref(o);
            return line_fail("not that many parts", NULL);
        }
        if (n)
            json_object_set_new(o, names[i], json_stringn(text, n));
        text += n + 1;
    }
    return o;
}

/* And back: the members joined by dots. */
static inline json_t *line_joined(const char *answer, const json_t *o, const char *const *names, size_t n_names)
{
    static char text[LINE_MAX_OCTETS];
    size_t at = 0;
    for (size_t i = 0; i < n_names; i++) {
        int n = snprintf(text + at, sizeof text - at, "%s%s", i ? "." : "", line_str(o, names[i]));
        if (n < 0 || (size_t)n >= sizeof text - at)
            return line_fail("too long", NULL);
        at += (size_t)n;
    }
    return line_give_text(answer, text);
}

static inline json_t *line_give_json(const char *name, const json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    json_t *answer = text ? line_give_text(name, text) : line_fail("memory", NULL);
    free(text);
    return answer;
}

/* Answers every line of standard input until it ends. */
static inline int line_serve(const struct line_ops *ops)
{
    static char line[LINE_MAX_OCTETS];
    while (fgets(line, sizeof line, stdin)) {
        json_t *request = json_loads(line, 0, NULL), *answer = NULL;
        const struct line_ops *op = ops;
        line_reason[0] = 0;
        while (op->name && strcmp(op->name, line_str(request, "op")) != 0)
            op++;
        if (op->name)
            answer = op->run(request);
        else
            line_fail("this driver has no such operation", NULL);
        if (!answer)
            answer = json_pack("{s:s}", "error", line_reason[0] ? line_reason : "refused without a reason");
        char *text = json_dumps(answer, JSON_COMPACT);
        printf("%s\n", text);
        fflush(stdout);
        free(text);
        json_decref(answer);
        json_decref(request);
    }
    return 0;
}

#endif
