/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rows of stored documents, whose texts are long: they are read once, and shared from then on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "registry/rows.h"
#include "registry/rows_internal.h"

static cJSON *document_json(const char *source, const char *text)
{
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "source", source);
    (void)cJSON_AddStringToObject(json, "text", text);
    return json;
}

int row_for_document(const char *namespace_name, const char *name, const char *source, const char *text,
                     struct registry_row *ret_row)
{
    return row_make_in(ret_row, document_json(source, text), false, "documents", namespace_name, name, NULL);
}

char *row_document_key(const char *namespace_name, const char *name)
{
    char part[MODEL_NAMESPACE_MAX + 1];
    char *key = NULL;

    return asprintf(&key, "documents/%s/%s", model_namespace_part(namespace_name, part), name) < 0 ? NULL
                                                                                                   : key;
}

int row_write_document(struct document_record *record)
{
    cJSON *json = document_json(record->source, record->text);
    char *row = cJSON_PrintUnformatted(json);

    cJSON_Delete(json);
    if (!row)
        return -ENOMEM;
    free(record->row);
    record->row = row;
    return 0;
}

static int rows_document_read_document(const cJSON *json, struct document_record **ret_record,
                                       struct error *error)
{
    const char *source = "";
    const char *text = NULL;
    int r = json_get_string(json, "source", false, &source, error);

    if (r == 0)
        r = json_get_string(json, "text", true, &text, error);
    return r < 0 ? r : document_record_new(source, text, ret_record);
}

static int store_document(struct catalog *catalog, const struct row_name *name,
                          struct document_record *record)
{
    struct model_namespace *parent = catalog_make_namespace(catalog, name->namespace_name);

    return parent ? catalog_set_document_record(catalog, parent, name->last, record) : -ENOMEM;
}

int row_apply_stored_document(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                              struct error *error)
{
    struct document_record *record = NULL;
    int r = rows_document_read_document(json, &record, error);

    if (r == 0)
        r = store_document(catalog, name, record);
    document_record_drop(&record);
    return r;
}

int row_read_document(const char *key, const char *value, struct document_record **ret_record,
                      struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    int r = row_parse_value(key, value, &json, error);

    return r < 0 ? r : rows_document_read_document(json, ret_record, error);
}

int row_apply_document(struct catalog *catalog, const char *key, struct document_record *record,
                       struct error *error)
{
    struct row_name name;
    int r = row_parse_key(key, &name);

    if (r < 0 || name.kind != ROW_DOCUMENT)
        return error_set(error, EINVAL, "registry row %.200s: not the key of a document", key);
    r = row_check_names(&name, error);
    return r < 0 ? r : store_document(catalog, &name, record);
}
