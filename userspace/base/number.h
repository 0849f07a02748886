/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

#include <stdint.h>

/*
 * Decimal digits only (no sign, space, or leading zero), within [minimum, maximum].
 * -EINVAL: not such a number; -ERANGE: a number out of range. The output is untouched on failure.
 */
int parse_number(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *ret_number);
