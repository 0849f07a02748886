/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * JSON of the daemon's without what must not leave the host: commands, attributes that users
 * gave, URLs with a password, and whatever is named like a secret.
 */
#pragma once

#include <stdbool.h>

#include "base/json.h"

/* In place, at any depth: such a member is null then. */
void redact(cJSON *json);

/* Is it a URL with a user or a password in it? */
bool redact_has_login(const char *text);
