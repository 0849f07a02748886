/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the files of rows share. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "registry/rows.h"

/* Takes `json` over (NULL: a deletion); the rest is the key. -ENOMEM. */
int row_make(struct registry_row *ret_row, cJSON *json, bool is_delete, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "dnsName:port/protocol" back to its parts; it must be spelt as alias_identity() does, or nobody finds it:
 * -EINVAL. */
int row_parse_identity(const char *text, struct client_alias *ret_alias);

/* row_apply() of a ROW_CANARY with a value (rows_canary.c). */
int row_apply_canary(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                     struct error *error);
