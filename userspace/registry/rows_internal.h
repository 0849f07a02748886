/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the files of rows share. */
#pragma once

#include <cjson/cJSON.h>

#include "registry/rows.h"

/* "dnsName:port/protocol" back to its parts; it must be spelt as alias_identity() does, or nobody finds it:
 * -EINVAL. */
int row_parse_identity(const char *text, struct client_alias *ret_alias);

/* row_apply() of a ROW_CANARY with a value (rows_canary.c). */
int row_apply_canary(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                     struct error *error);
