/* attr.h - words for the compiler, and the calls that this house does not make. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NOINLINE          __attribute__((noinline))
#define UNUSED            __attribute__((unused))
#define LEN(a)            (sizeof(a) / sizeof((a)[0]))

#endif
