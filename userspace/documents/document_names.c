/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/document_names.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "model/catalog_aws.h"
#include "model/names.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_made_of(const char *name, const char *alphabet, size_t longest)
{
    size_t length = strlen(name);

    return length >= 1 && length <= longest && strspn(name, alphabet) == length;
}

bool document_name_is_service(const char *name)
{
    return is_made_of(name, LOWER UPPER DIGITS "_-", DOCUMENT_SERVICE_MAX);
}

const char *document_name_service(struct document_reader *reader, const cJSON *object, const char *member,
                                  bool required)
{
    const char *name = document_get_string(reader, object, member, required);

    if (!name || document_name_is_service(name))
        return name;
    document_error(reader, member, name, "1 to %d letters, digits, _ and -", DOCUMENT_SERVICE_MAX);
    return NULL;
}

static bool is_port_name(const char *name)
{
    return name[0] != '-' && is_made_of(name, LOWER DIGITS "_-", DOCUMENT_PORT_MAX);
}

const char *document_name_port(struct document_reader *reader, const cJSON *object, const char *member,
                               bool required)
{
    const char *name = document_get_string(reader, object, member, required);

    if (!name || is_port_name(name))
        return name;
    document_error(reader, member, name, "1 to %d lower-case letters, digits, _ and - (not first)",
                   DOCUMENT_PORT_MAX);
    return NULL;
}

bool document_name_dns(struct document_reader *reader, const cJSON *object, const char *member, bool required,
                       char name[static SVC_DNS_NAME_SIZE])
{
    const char *given = document_get_string(reader, object, member, required);
    char folded[SVC_DNS_NAME_SIZE + 1];
    struct error error = {0};

    if (!given)
        return false;
    /* Longer than allowed by one stays so: the check sees it. */
    (void)snprintf(folded, sizeof(folded), "%s", given);
    /* The model folds case, ECS refuses upper case: who wrote it should know what is published. */
    if (model_check_dns_name(member, folded, &error) < 0 || strcmp(folded, given) != 0) {
        document_error(reader, member, given,
                       "a DNS name of at most %d characters: labels of 1 to 63 lower-case letters, digits, "
                       "_ and - (not first), joined by dots; no IP address in any form (10, 127.1, 0x7f.1)",
                       MODEL_DNS_NAME_MAX);
        return false;
    }
    memcpy(name, folded, SVC_DNS_NAME_SIZE);
    return true;
}

/* The name behind an id or ARN; NULL with an error reported. */
static const char *find_reference(struct document_reader *reader, const char *member, const char *given)
{
    struct document_namespaces *known = reader->options->namespaces;
    struct document_namespace *item = NULL;
    _cleanup_free_ char *copy = NULL;

    if (!known)
        return reader->options->default_namespace;
    for (size_t i = 0; i < known->n && !item; i++)
        if (strcmp(known->items[i].reference, given) == 0)
            item = &known->items[i];
    if (item && item->name && *item->name)
        return item->name;
    if (!item && known->n == DOCUMENTS_MAX_REFERENCES) {
        document_error(reader, member, given, "a name: a source names at most %d namespaces by id or ARN",
                       DOCUMENTS_MAX_REFERENCES);
        return NULL;
    }
    if (!item) {
        copy = document_copy(reader, given);
        if (copy && ARRAY_MAKE_ROOM(known->items, known->n) == 0)
            known->items[known->n++] = (struct document_namespace){.reference = TAKE_PTR(copy)};
        else
            reader->status = -ENOMEM;
    }
    document_error(reader, member, given, "the id or ARN of a namespace that is here, or a name");
    return NULL;
}

const char *document_name_namespace(struct document_reader *reader, const cJSON *object, const char *member)
{
    const char *given = document_get_string(reader, object, member, false);
    const char *name = given;
    struct error error = {0};

    if (!document_member(object, member))
        return reader->options->default_namespace;
    if (!given)
        return NULL;
    if (strncmp(given, "arn:", 4) == 0) {
        const char *mark = strstr(given, CATALOG_NAMESPACE_MARK);

        if (!mark) {
            document_error(reader, member, given, "a name, or an ARN \"arn:...:namespace/ID\"");
            return NULL;
        }
        name = mark + strlen(CATALOG_NAMESPACE_MARK);
    }
    if (catalog_is_namespace_reference(given) ? model_check_namespace(member, name, &error) < 0
                                              : model_check_ecs_namespace(member, name, &error) < 0) {
        document_error(reader, member, given, "%s", error.allowed);
        return NULL;
    }
    return catalog_is_namespace_reference(given) ? find_reference(reader, member, given) : name;
}

const char *document_name_target(struct document_reader *reader, const cJSON *object, const char *member)
{
    const char *name = document_get_string(reader, object, member, true);
    struct error error = {0};

    if (!name || is_port_name(name) || model_check_service(member, name, &error) == 0)
        return name;
    document_error(reader, member, name, "%s", error.allowed);
    return NULL;
}

const char *document_name_family(const char *task_definition, size_t *ret_length)
{
    const char *slash = strrchr(task_definition, '/');
    const char *family = slash ? slash + 1 : task_definition;

    *ret_length = strcspn(family, ":");
    return family;
}
