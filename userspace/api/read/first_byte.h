/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Times to the first byte, as every answer tells them. */
#pragma once

#include <cjson/cJSON.h>

#include "metrics/first_byte.h"

/* Adds how many were measured, their average, half and 99 %, and the buckets that these are made of. */
void read_first_byte(const struct first_byte_sum *sum, cJSON *object);

/* To three places. */
void read_milliseconds(cJSON *object, const char *name, double microseconds);
