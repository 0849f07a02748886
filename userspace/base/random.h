/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

#include <stdint.h>

/* 0..n-1, which nobody can foresee; n is not 0, and small beside 2^32. 0 if the kernel has none yet. */
uint32_t random_below(uint32_t n);
