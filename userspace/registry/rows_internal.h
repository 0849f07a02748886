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

/* rows_instance.c: "protocol" of a row, TCP where it is left out; row_apply() of a ROW_INSTANCE that is
 * somewhere. */
int row_read_protocol(const cJSON *object, enum svc_protocol *ret_protocol, struct error *error);
int row_apply_instance(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                       struct error *error);

/* rows_aws.c: what the AWS API adds to a row. *ret_text is the member as compact JSON, NULL without it, and
 * the caller's to free; ids belong to the object. -EINVAL, -ENOMEM. */
int row_read_aws(const cJSON *json, char **ret_text, const char **ret_id, struct error *error);
int row_read_attributes(const cJSON *json, char **ret_text, const char **ret_creator, struct error *error);
/* row_apply() of a ROW_AWS; `json` NULL: a deletion. */
int row_apply_aws(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                  struct error *error);
/* row_apply() of a ROW_INSTANCE without an address. */
int row_apply_record(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                     struct error *error);

/* rows.c: takes `json` over (NULL: a deletion); the format is the key's. -ENOMEM. */
int row_make(struct registry_row *ret_row, cJSON *json, bool is_delete, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with the key KIND/NS[/FIRST[/SECOND]], NULL where it ends. */
int row_make_in(struct registry_row *ret_row, cJSON *json, bool is_delete, const char *kind,
                const char *namespace_name, const char *first, const char *second);

/* rows_apply.c: the object that a row's value is. */
int row_parse_value(const char *key, const char *value, cJSON **ret_json, struct error *error);

/* What the API would refuse is refused here too. */
int row_check_names(const struct row_name *name, struct error *error);

/* rows_document.c */
int row_apply_stored_document(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                              struct error *error);
