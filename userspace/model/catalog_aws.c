/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/catalog_aws.h"

#include "model/catalog_external.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

/* ---- ids ---- */

/* FNV-1a of 128 bits. Whoever finds two names with one hash gets another id for the second, no more. */
static unsigned __int128 hash_text(unsigned __int128 hash, const char *text)
{
    const unsigned __int128 prime = ((unsigned __int128)1 << 88) | 0x13b;

    do {
        hash = (hash ^ (unsigned char)*text) * prime;
    } while (*text++);
    return hash;
}

static void derive_id(const char *prefix, const char *first, const char *second, unsigned attempt, char *id)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned __int128 hash = ((unsigned __int128)0x6c62272e07bb0142u << 64) | 0x62b821756295c58du;
    char text[24];
    size_t length = strlen(prefix);

    (void)snprintf(text, sizeof(text), "%u", attempt);
    hash = hash_text(hash_text(hash_text(hash_text(hash, prefix), first), second), text);
    memcpy(id, prefix, length);
    for (int i = 0; i < 16; i++)
        id[length + (size_t)i] = digits[(unsigned)(hash >> (5 * i + 40)) & 31];
    id[length + 16] = '\0';
}

struct model_namespace *catalog_namespace_by_id(const struct catalog *catalog, const char *id)
{
    struct model_namespace *found = NULL;

    HASH_FIND(hh_id, catalog->namespaces_by_id, id, strlen(id), found);
    return found;
}

struct service *catalog_service_by_id(const struct catalog *catalog, const char *id)
{
    struct service *found = NULL;

    HASH_FIND(hh_id, catalog->services_by_id, id, strlen(id), found);
    return found;
}

/* "ns-" and 16 characters are no name that anybody gives. */
static bool is_id(const char *text)
{
    return strncmp(text, "ns-", 3) == 0 && strspn(text + 3, "abcdefghijklmnopqrstuvwxyz0123456789") == 16 &&
           text[3 + 16] == '\0';
}

bool catalog_is_namespace_reference(const char *text)
{
    return strncmp(text, "arn:", 4) == 0 || is_id(text);
}

struct model_namespace *catalog_find_namespace(const struct catalog *catalog, const char *text,
                                               const char **ret_name)
{
    bool is_arn = strncmp(text, "arn:", 4) == 0;
    const char *mark = is_arn ? strstr(text, CATALOG_NAMESPACE_MARK) : NULL;
    const char *name = mark ? mark + strlen(CATALOG_NAMESPACE_MARK) : text;
    struct model_namespace *found =
        is_arn ? catalog_namespace_by_id(catalog, name) : catalog_namespace(catalog, name);

    if (!found)
        found = is_arn ? catalog_namespace(catalog, name) : catalog_namespace_by_id(catalog, name);
    *ret_name = found ? found->name : name;
    if (!found && (is_arn ? !mark || strncmp(name, "ns-", 3) == 0 : is_id(name)))
        *ret_name = NULL;
    return found;
}

void catalog_identify_namespace(struct model_namespace *parent, const char *id)
{
    struct catalog *catalog = parent->catalog;
    unsigned attempt = 0;

    if (parent->id[0])
        HASH_DELETE(hh_id, catalog->namespaces_by_id, parent);
    if (id && strlen(id) < sizeof(parent->id) && !catalog_namespace_by_id(catalog, id))
        strcpy(parent->id, id);
    else
        do {
            derive_id("ns-", parent->name, "", attempt++, parent->id);
        } while (catalog_namespace_by_id(catalog, parent->id));
    HASH_ADD_KEYPTR(hh_id, catalog->namespaces_by_id, parent->id, strlen(parent->id), parent);
}

void catalog_identify_service(struct service *service, const char *id)
{
    struct catalog *catalog = service->parent->catalog;
    unsigned attempt = 0;

    if (service->id[0])
        HASH_DELETE(hh_id, catalog->services_by_id, service);
    if (id && strlen(id) < sizeof(service->id) && !catalog_service_by_id(catalog, id))
        strcpy(service->id, id);
    else
        do {
            derive_id("srv-", service->parent->name, service->name, attempt++, service->id);
        } while (catalog_service_by_id(catalog, service->id));
    HASH_ADD_KEYPTR(hh_id, catalog->services_by_id, service->id, strlen(service->id), service);
}

static int replace_text(char **text, const char *with)
{
    char *copy = with ? strdup(with) : NULL;

    if (with && !copy)
        return -ENOMEM;
    free(*text);
    *text = copy;
    return 0;
}

static bool is_api_only(const char *aws)
{
    _cleanup_json_ cJSON *kept = aws ? cJSON_Parse(aws) : NULL;
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(kept, "Type"));

    return type && strcmp(type, "HTTP") == 0;
}

int catalog_set_namespace_aws(struct model_namespace *parent, const char *text, const char *id)
{
    int r = replace_text(&parent->aws, text);

    if (r < 0)
        return r;
    parent->is_api_only = is_api_only(text);
    catalog_identify_namespace(parent, id);
    return 0;
}

int catalog_set_service_aws(struct service *service, const char *text, const char *id)
{
    int r = replace_text(&service->aws, text);

    if (r < 0)
        return r;
    service->dns = dns_records_read(text);
    catalog_identify_service(service, id);
    return 0;
}

/* ---- instances ---- */

struct instance *catalog_record(const struct service *service, const char *id)
{
    struct instance *found;

    HASH_FIND_STR(service->records, id, found);
    return found;
}

struct instance *catalog_make_record(struct service *service, const char *id)
{
    struct instance *made = catalog_record(service, id);

    if (made)
        return made;
    made = catalog_new_instance(service, id);
    if (!made)
        return NULL;
    made->is_record = true;
    HASH_ADD_KEYPTR(hh, service->records, made->id, strlen(made->id), made);
    return made;
}

void catalog_free_instance(struct instance *instance)
{
    catalog_leave_zone(instance);
    free(instance->host);
    free(instance->addresses);
    free(instance->attributes);
    free(instance->creator);
    free(instance->id);
    free(instance);
}

void catalog_remove_record(struct instance *record)
{
    struct service *service = record->service;

    /* Its addresses go first; none of them can be the service's last mention while the record is there. */
    (void)catalog_set_host(record, NULL);
    HASH_DEL(service->records, record);
    catalog_free_instance(record);
    catalog_drop_if_forgotten(service);
}

int catalog_set_attributes(struct instance *instance, const char *attributes, const char *creator)
{
    char *copy = creator ? strdup(creator) : NULL;

    if ((creator && !copy) || replace_text(&instance->attributes, attributes) < 0) {
        free(copy);
        return -ENOMEM;
    }
    free(instance->creator);
    instance->creator = copy;
    return catalog_read_zone(instance);
}

void catalog_bump_instances(struct service *service)
{
    service->instances_revision = service->parent->catalog->instances_revision;
}

/* ---- records ---- */

const char *catalog_left_out_name(const char *namespace_name, const char *service, const char *id,
                                  char name[static CATALOG_LEFT_OUT_SIZE])
{
    char part[MODEL_NAMESPACE_MAX + 1];

    (void)snprintf(name, CATALOG_LEFT_OUT_SIZE, "%s/%s/%s", model_namespace_part(namespace_name, part),
                   service, id);
    return name;
}

const char *aws_record_kind_name(enum aws_record_kind kind)
{
    static const char *const names[AWS_RECORD_KINDS] = {
        "operations", "clusters", "task-definitions", "ended-services", "service-histories", "left-out"};

    return names[kind];
}

struct aws_record *catalog_aws_record(const struct catalog *catalog, enum aws_record_kind kind,
                                      const char *name)
{
    struct aws_record *found;

    HASH_FIND_STR(catalog->aws_records[kind], name, found);
    return found;
}

int catalog_set_aws_record(struct catalog *catalog, enum aws_record_kind kind, const char *name,
                           const char *text)
{
    struct aws_record *record = catalog_aws_record(catalog, kind, name);

    if (record)
        return replace_text(&record->text, text);
    record = calloc(1, sizeof(*record));
    if (!record)
        return -ENOMEM;
    record->name = strdup(name);
    record->text = strdup(text);
    if (!record->name || !record->text) {
        free(record->name);
        free(record->text);
        free(record);
        return -ENOMEM;
    }
    HASH_ADD_KEYPTR(hh, catalog->aws_records[kind], record->name, strlen(record->name), record);
    return 0;
}

static void remove_record(struct catalog *catalog, enum aws_record_kind kind, struct aws_record *record)
{
    HASH_DEL(catalog->aws_records[kind], record);
    free(record->name);
    free(record->text);
    free(record);
}

void catalog_remove_aws_record(struct catalog *catalog, enum aws_record_kind kind, const char *name)
{
    struct aws_record *record = catalog_aws_record(catalog, kind, name);

    if (record)
        remove_record(catalog, kind, record);
}

/* ---- the end ---- */

void catalog_forget_namespace(struct model_namespace *parent)
{
    HASH_DELETE(hh_id, parent->catalog->namespaces_by_id, parent);
    free(parent->aws);
    parent->aws = NULL;
}

void catalog_forget_service(struct service *service)
{
    struct instance *record, *next;

    HASH_ITER (hh, service->records, record, next) {
        HASH_DEL(service->records, record);
        catalog_free_instance(record);
    }
    HASH_DELETE(hh_id, service->parent->catalog->services_by_id, service);
    free(service->aws);
    service->aws = NULL;
}

void catalog_free_aws_records(struct catalog *catalog)
{
    for (int kind = 0; kind < AWS_RECORD_KINDS; kind++) {
        struct aws_record *record, *next;

        HASH_ITER (hh, catalog->aws_records[kind], record, next)
            remove_record(catalog, kind, record);
    }
}

/* ---- health checks ---- */

bool catalog_is_check_of_aws(const struct service *service)
{
    const struct stored_document *stored =
        service->document ? catalog_document(service->parent, service->document) : NULL;

    return (stored && strncmp(stored->source, CATALOG_SOURCE_OF_ECS, strlen(CATALOG_SOURCE_OF_ECS)) == 0) ||
           (service->aws && strstr(service->aws, "\"HealthCheckConfig\":") &&
            !strstr(service->aws, "\"" CATALOG_CHECK_OF_HOST "\":true"));
}
