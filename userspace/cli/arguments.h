/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The shapes that arguments have: numbers, NAME[:PORT], SERVICE=WEIGHT, PERCENT, DURATION. What the values
 * mean is the daemon's to say. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The largest whole number that JSON carries exactly. */
#define ARGUMENT_NUMBER_MAX ((uint64_t)1 << 53)

/* A whole number in digits. -EINVAL otherwise. */
int argument_number(const char *text, uint64_t *ret_number);

/* A number of bytes, as 4096, 500K, 10M or 2G (powers of 1024). -EINVAL: it is none. */
int argument_size(const char *text, uint64_t *ret_bytes);

/* "backend:80" or "backend". The caller frees *ret_name. -EINVAL: no name, or a port that is no number;
 * -ENOMEM. */
int argument_name_port(const char *text, char **ret_name, bool *ret_has_port, uint64_t *ret_port);

/* "v1=90". The caller frees *ret_name. -EINVAL, -ENOMEM. */
int argument_target(const char *text, char **ret_name, uint64_t *ret_weight);

/* "12.5" with at most one decimal, as a number of JSON has it. -EINVAL. */
int argument_percent(const char *text, double *ret_percent);

/* What is said of an option (its name, its value) that is none of these. */
#define ARGUMENT_NO_NUMBER   "--%s: \"%s\" is not allowed; give a whole number"
#define ARGUMENT_NO_DURATION "--%s: \"%s\" is not allowed; give seconds or a duration such as 90s, 6m or 1h"
