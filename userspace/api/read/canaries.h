/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A canary as the API shows it (docs/api.md). */
#pragma once

#include <cjson/cJSON.h>

#include "model/catalog.h"

struct engine;

/* The caller frees it. */
cJSON *canaries_object(const struct engine *engine, const char *namespace_name,
                       const struct catalog_canary *entry);
