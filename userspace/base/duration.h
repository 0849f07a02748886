/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Lengths of time as people write them. */
#pragma once

#include <stdint.h>

/* "30", "30s", "6m", "1h", "1d" in seconds. -EINVAL: not of that form, or longer than can be counted. */
int duration_parse(const char *text, uint64_t *ret_seconds);

#define DURATION_SIZE 32

/* The one way in which they are shown: "45s", "6m", "1h", "1m30s". */
const char *duration_format(uint64_t seconds, char text[static DURATION_SIZE]);
