/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What differs between two values of a row, for people. */
#pragma once

#include <stddef.h>

/*
 * "weight 1 -> 5, health HEALTHY -> UNHEALTHY"; "created: ..." and "removed: ..." where one of them is NULL.
 * Values are JSON objects as rows.h writes them. What does not fit is cut, at a whole character. Pure.
 */
void row_tell_difference(const char *before, const char *after, char *ret_text, size_t size);
