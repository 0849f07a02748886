/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which bytes are a character of UTF-8. */
#pragma once

#include <stddef.h>

/* How many bytes the character at `bytes` has, of which `left` are there, at least one; 0: it is none. No overlong forms, no
 * surrogates, nothing above U+10FFFF. */
size_t utf8_length(const char *bytes, size_t left);
