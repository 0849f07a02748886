/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A health check in one piece of memory, texts and command included, for as long as a target is probed. */
#pragma once

#include <stdbool.h>

#include "model/service_settings.h"

/* NULL: no memory. free() gives all of it back. */
struct health_check *check_copy(const struct health_check *check);

bool check_copy_equal(const struct health_check *a, const struct health_check *b);
