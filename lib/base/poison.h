/* poison.h - included by the compiler before every file (see meson.build): calls that lose lengths
 * or hide errors do not compile here. */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef sprintf /* fortified by a macro under clang */
#pragma GCC poison strcpy strcat sprintf vsprintf atoi atol strtok gets

#endif
