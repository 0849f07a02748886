/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/plan/numbers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "daemon/daemon.h"
#include "upkeep/probes.h"
#include "engine/plan/scopes.h"
#include "engine/plan/tables.h"
#include "registry/rows.h"

#define MAX_SCOPES (1u << 24)

int numbers_new(struct daemon *daemon, struct error *error)
{
    int r = name_numbers_new(&daemon->scopes, 1, MAX_SCOPES);

    if (r == 0)
        r = name_numbers_new(&daemon->addresses, 1, daemon->config.alias_addresses);
    if (r == 0)
        r = name_numbers_new(&daemon->endpoints, 1, daemon->config.max_endpoints);
    if (r == 0)
        r = outliers_new(&daemon->outliers, daemon->config.max_endpoints);
    daemon->instances = calloc((size_t)daemon->config.max_endpoints + 1, sizeof(struct instance *));
    if (r == 0 && !daemon->instances)
        r = -ENOMEM;
    return r < 0 ? error_errno(error, r, "starting") : 0;
}

/* Not remembering costs an address that may differ after a reboot; it is not worth failing for. */
static void remember(struct daemon *daemon, enum row_kind kind, const char *name, uint32_t number)
{
    struct unsaved_numbers *unsaved = &daemon->unsaved;
    struct registry_row *larger = realloc(unsaved->rows, (unsaved->n + 1) * sizeof(*larger));

    if (!larger)
        return;
    unsaved->rows = larger;
    if (row_for_host_number(kind, name, number, &unsaved->rows[unsaved->n]) == 0)
        unsaved->n++;
}

int numbers_add_unsaved(struct daemon *daemon, char *key, char *value)
{
    struct unsaved_numbers *unsaved = &daemon->unsaved;
    struct registry_row *larger = realloc(unsaved->rows, (unsaved->n + 1) * sizeof(*larger));

    if (!larger)
        return -ENOMEM;
    unsaved->rows = larger;
    unsaved->rows[unsaved->n++] = (struct registry_row){key, value};
    return 0;
}

void numbers_remember_client(struct daemon *daemon, const char *namespace_name, const char *client,
                             uint32_t scope)
{
    char name[SCOPE_NAME_SIZE + SVC_SERVICE_SIZE * 2];

    (void)snprintf(name, sizeof(name), "%s/%s", namespace_name, client);
    remember(daemon, ROW_HOST_SCOPE, name, scope);
}

void numbers_forget_client(struct daemon *daemon, const char *namespace_name, const char *client)
{
    struct unsaved_numbers *unsaved = &daemon->unsaved;
    struct registry_row wanted;
    char name[SCOPE_NAME_SIZE + SVC_SERVICE_SIZE * 2];

    (void)snprintf(name, sizeof(name), "%s/%s", namespace_name, client);
    if (row_for_host_number(ROW_HOST_SCOPE, name, 0, &wanted) < 0)
        return;
    for (size_t i = unsaved->n; i-- > 0;)
        if (strcmp(unsaved->rows[i].key, wanted.key) == 0) {
            row_done(&unsaved->rows[i]);
            unsaved->rows[i] = unsaved->rows[--unsaved->n];
        }
    row_done(&wanted);
}

void numbers_saved(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->unsaved.n; i++)
        row_done(&daemon->unsaved.rows[i]);
    free(daemon->unsaved.rows);
    daemon->unsaved = (struct unsaved_numbers){0};
}

int numbers_scope(struct daemon *daemon, const char *namespace_name, uint32_t *ret_scope, struct error *error)
{
    int r = name_numbers_find(daemon->scopes, namespace_name, ret_scope);

    if (r == 0)
        return 0;
    r = name_numbers_take(daemon->scopes, namespace_name, ret_scope);
    if (r < 0)
        return error_errno(error, r, "numbering the namespace");
    remember(daemon, ROW_HOST_SCOPE, namespace_name, *ret_scope);
    return 0;
}

int numbers_address(struct daemon *daemon, const char *dns_name, uint32_t *ret_number, struct error *error)
{
    int r = name_numbers_find(daemon->addresses, dns_name, ret_number);

    if (r == 0)
        return 0;
    r = name_numbers_take(daemon->addresses, dns_name, ret_number);
    if (r == -ENOSPC)
        return error_set(
            error, ENOSPC,
            "the alias addresses are all in use (%u in %s): widen aliasRange and restart svcconnectd",
            name_numbers_capacity(daemon->addresses), daemon->config.alias_range_text);
    if (r < 0)
        return error_errno(error, r, "giving %s an address", dns_name);
    remember(daemon, ROW_HOST_ADDRESS, dns_name, *ret_number);
    return 0;
}

int numbers_endpoint(struct daemon *daemon, struct instance *instance, struct error *error)
{
    char name[ENDPOINT_NAME_SIZE];
    int r;

    if (instance->endpoint)
        return 0;
    r = name_numbers_take(daemon->endpoints, endpoint_name(instance, name), &instance->endpoint);
    if (r == -ENOSPC)
        return error_set(
            error, ENOSPC,
            "the endpoints of the data path are all in use (%u): raise maps.endpoints and restart "
            "svcconnectd",
            name_numbers_capacity(daemon->endpoints));
    return r < 0 ? error_errno(error, r, "numbering an endpoint") : 0;
}

/* Text from the kernel's maps that filled its field may have been cut there; such a name is not adopted. */
static bool is_whole(const char *text, size_t size)
{
    return strnlen(text, size) < size - 1;
}

static int on_task(uint64_t cgroup_id, const struct svc_task *task, void *user)
{
    struct daemon *daemon = user;

    (void)cgroup_id;
    /* A task of a named service may see another scope than its namespace's own. */
    if (!task->service[0] && is_whole(task->namespace, sizeof(task->namespace)))
        (void)name_numbers_adopt(daemon->scopes, task->namespace, task->scope);
    return 0;
}

static int on_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    struct daemon *daemon = user;
    struct ip_address address;
    uint32_t number;

    if (!alias->client[0] && is_whole(alias->namespace, sizeof(alias->namespace)))
        (void)name_numbers_adopt(daemon->scopes, alias->namespace, key->scope);
    memcpy(address.bytes, key->address, sizeof(address.bytes));
    if (strnlen(alias->dns_name, sizeof(alias->dns_name)) < sizeof(alias->dns_name) &&
        config_alias_number(&daemon->config, &address, &number) == 0)
        (void)name_numbers_adopt(daemon->addresses, alias->dns_name, number);
    return 0;
}

/* Checks begin where an earlier run's ended: a restart takes nobody out. */
static void adopt_health(struct instance *instance, const struct svc_endpoint *entry)
{
    if (instance && entry->health <= DRAINING)
        probes_adopt(instance, entry->health);
}

static int on_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    struct daemon *daemon = user;
    struct instance *instance;
    char name[ENDPOINT_NAME_SIZE];

    if (!is_whole(endpoint->namespace, sizeof(endpoint->namespace)))
        return 0;
    instance = entry_instance(daemon->catalog, endpoint, name);
    if (name_numbers_adopt(daemon->endpoints, name, number) == 0)
        adopt_health(instance, endpoint);
    return 0;
}

int numbers_adopt_kernel(struct daemon *daemon, struct error *error)
{
    int r = datapath_each_task(daemon->datapath, on_task, daemon);

    if (r == 0)
        r = datapath_each_alias(daemon->datapath, on_alias, daemon);
    if (r == 0)
        r = datapath_each_endpoint(daemon->datapath, on_endpoint, daemon);
    return r < 0 ? error_errno(error, r, "reading the pinned maps") : 0;
}

/* "NS" or "NS/CLIENT"; the latter goes by what the client's routes are now. */
static void adopt_scope(struct daemon *daemon, const char *text, uint32_t number)
{
    const char *slash = strchr(text, '/');
    const struct model_namespace *parent;
    const struct client *client;
    char name[SCOPE_NAME_SIZE];

    if (!slash) {
        (void)name_numbers_adopt(daemon->scopes, text, number);
        return;
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)(slash - text), text);
    parent = catalog_namespace(daemon->catalog, name);
    client = parent ? catalog_client(parent, slash + 1) : NULL;
    if (!client)
        return;
    scope_name(parent, client, name);
    (void)name_numbers_adopt(daemon->scopes, name, number);
}

void numbers_adopt_row(struct daemon *daemon, const char *key, const char *value)
{
    struct row_name name;
    uint64_t number;

    if (row_parse_key(key, &name) < 0 || parse_number(value, 1, UINT32_MAX, &number) < 0)
        return;
    if (name.kind == ROW_HOST_ADDRESS)
        (void)name_numbers_adopt(daemon->addresses, name.last, (uint32_t)number);
    else if (name.kind == ROW_HOST_SCOPE)
        adopt_scope(daemon, name.last, (uint32_t)number);
}
