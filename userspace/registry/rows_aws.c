/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reading what the AWS API keeps in rows. Its texts are opaque here but for their size and form. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "model/catalog_aws.h"
#include "model/catalog_external.h"
#include "registry/rows_internal.h"

/* The member as compact JSON. */
static int print_bounded(const cJSON *object, const char *field, char **ret_text, struct error *error)
{
    char *text = cJSON_PrintUnformatted(object);

    if (!text)
        return -ENOMEM;
    if (strlen(text) > CATALOG_AWS_MAX) {
        free(text);
        return error_input(error, field, "(longer)", "at most %u bytes", CATALOG_AWS_MAX);
    }
    *ret_text = text;
    return 0;
}

int row_read_aws(const cJSON *json, char **ret_text, const char **ret_id, struct error *error)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(json, "aws");
    const char *id = NULL;
    int r;

    if (!object)
        return 0;
    if (!cJSON_IsObject(object))
        return error_input(error, "aws", "(no object)", "an object");
    r = json_get_string(object, "id", false, &id, error);
    if (r == 0 && id && (!*id || strlen(id) >= CATALOG_ID_SIZE))
        r = error_input(error, "id", id, "1 to %d characters", CATALOG_ID_SIZE - 1);
    if (r < 0) {
        error_prefix_field(error, "aws");
        return r;
    }
    r = print_bounded(object, "aws", ret_text, error);
    if (r == 0)
        *ret_id = id;
    return r;
}

int row_read_attributes(const cJSON *json, char **ret_text, const char **ret_creator, struct error *error)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(json, "attributes");
    const cJSON *item;
    const char *creator = NULL;
    int r = json_get_string(json, "creatorRequestId", false, &creator, error);

    if (r < 0)
        return r;
    if (object && !cJSON_IsObject(object))
        return error_input(error, "attributes", "(no object)", "an object");
    cJSON_ArrayForEach (item, object)
        if (!cJSON_IsString(item))
            return error_input(error, "attributes", "(no texts)", "an object of texts");
    r = object ? print_bounded(object, "attributes", ret_text, error) : 0;
    if (r == 0)
        *ret_creator = creator;
    return r;
}

int row_apply_record(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                     struct error *error)
{
    _cleanup_free_ char *attributes = NULL;
    const char *creator = NULL;
    const char *health = "HEALTHY";
    struct instance *record;
    struct service *service;
    int r = row_read_attributes(json, &attributes, &creator, error);

    if (r == 0)
        r = json_get_string(json, "health", false, &health, error);
    if (r == 0 && strcmp(health, "HEALTHY") != 0 && strcmp(health, "UNHEALTHY") != 0)
        r = error_input(error, "health", health, "HEALTHY, UNHEALTHY");
    if (r < 0)
        return r;
    service = catalog_make_service(catalog, name->namespace_name, name->service);
    record = service ? catalog_make_record(service, name->last) : NULL;
    if (!record)
        return -ENOMEM;
    if (!record->attributes || strcmp(record->attributes, attributes) != 0)
        catalog_bump_instances(service);
    if (record->host) {
        (void)catalog_set_host(record, NULL);
        record->port = 0;
        record->weight = 0;
        record->drain_until = 0;
        record->drain_for_s = 0;
    }
    r = catalog_set_attributes(record, attributes, creator);
    record->health = strcmp(health, "HEALTHY") == 0 ? HEALTHY : UNHEALTHY;
    if (r == 0 && catalog_instance(service, name->last))
        catalog_remove_instance(catalog, catalog_instance(service, name->last));
    return r;
}

int row_apply_aws(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                  struct error *error)
{
    _cleanup_free_ char *text = NULL;
    int r;

    if (!json) {
        catalog_remove_aws_record(catalog, name->aws_kind, name->last);
        return 0;
    }
    r = print_bounded(json, name->last, &text, error);
    return r < 0 ? r : catalog_set_aws_record(catalog, name->aws_kind, name->last, text);
}
