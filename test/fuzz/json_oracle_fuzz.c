/* Targets: json_parse against jansson, the strict JSON library of the distribution. Both accept or both
 * refuse, but for what only one of them bounds: depth, member count, and the size of numbers. */
#include "target.h"

#include <jansson.h>
#include <string.h>

#include "wire/json.h"

static uint8_t memory[1 << 22];

static bool only_theirs(const json_error_t *why)
{
    enum json_error_code code = json_error_code(why);
    return code == json_error_numeric_overflow || code == json_error_stack_overflow;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jval *ours;
    json_error_t why;
    arena_over(&a, memory, sizeof memory);
    enum err e = json_parse(span_of(data, size), &a, &ours, NULL);
    json_t *theirs = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    bool bounded = e == ERR_DEPTH || e == ERR_LIMIT || e == ERR_NOMEM || (!theirs && only_theirs(&why));
    /* jansson takes a NUL behind the value for the end of the text; RFC 8259 does not. */
    if (memchr(data, 0, size))
        bounded = true;
    if (!bounded && (e == OK) != (theirs != NULL))
        __builtin_trap();
    json_decref(theirs);
    return 0;
}
