/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/default_names.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"

#include "model/names.h"

#define LONGEST (DOCUMENT_PATH_SIZE + MODEL_NAMESPACE_MAX + 64) /* before it is checked */

void alias_publish(struct document_reader *reader, struct document_service *service,
                   const struct client_alias *alias, bool is_default, const char *path)
{
    struct document_alias *item;

    if (reader->n_names == DOCUMENTS_MAX_NAMES) {
        document_error_at(reader, path, "more", "at most %d published names in one source",
                          DOCUMENTS_MAX_NAMES);
        return;
    }
    if (ARRAY_MAKE_ROOM(service->aliases, service->n_aliases) < 0) {
        reader->status = -ENOMEM;
        return;
    }
    reader->n_names++;
    item = &service->aliases[service->n_aliases++];
    *item = (struct document_alias){.alias = *alias, .is_default = is_default};
    document_clip(item->path, sizeof(item->path), path);
}

static bool is_published(const struct document_service *service, size_t since, const char *dns_name)
{
    for (size_t i = since; i < service->n_aliases; i++)
        if (strcmp(service->aliases[i].alias.dns_name, dns_name) == 0)
            return true;
    return false;
}

/* `since`: the first name of this alias. */
static void documents_default_names_publish(struct document_reader *reader, struct document_service *service,
                                            size_t since, const struct client_alias *alias, const char *path,
                                            char *name)
{
    struct client_alias named = *alias;
    struct error error = {0};

    if (model_check_dns_name("", name, &error) < 0) {
        char shown[80];

        document_clip(shown, sizeof(shown), name);
        document_warn_at(reader, path,
                         "the default name \"%s%s\" is left out: no DNS name of at most %d "
                         "characters",
                         shown, strlen(shown) < strlen(name) ? "..." : "", MODEL_DNS_NAME_MAX);
        return;
    }
    if (is_published(service, since, name))
        return;
    (void)snprintf(named.dns_name, sizeof(named.dns_name), "%s", name);
    alias_publish(reader, service, &named, true, path);
}

void default_names_publish(struct document_reader *reader, struct document_service *service,
                           const char *namespace_name, const struct client_alias *alias, const char *path)
{
    const char *const *suffix = reader->options->suffixes;
    const char *discovery = service->discovery_name;
    size_t since = service->n_aliases;
    char name[LONGEST];

    (void)snprintf(name, sizeof(name), "%s.%s", discovery, namespace_name);
    documents_default_names_publish(reader, service, since, alias, path, name);
    (void)snprintf(name, sizeof(name), "%s.%s.svc.cluster.local", discovery, namespace_name);
    documents_default_names_publish(reader, service, since, alias, path, name);
    for (; suffix && *suffix; suffix++) {
        (void)snprintf(name, sizeof(name), "%s.%s", discovery, *suffix);
        documents_default_names_publish(reader, service, since, alias, path, name);
    }
    (void)snprintf(name, sizeof(name), "%s", discovery);
    documents_default_names_publish(reader, service, since, alias, path, name);
}

bool default_names_is_own(const struct document_service *service, const char *namespace_name,
                          const char *dns_name)
{
    size_t length = strlen(service->discovery_name);

    return strncmp(dns_name, service->discovery_name, length) == 0 && dns_name[length] == '.' &&
           strcasecmp(dns_name + length + 1, namespace_name) == 0;
}
