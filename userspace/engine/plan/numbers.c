/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/plan/numbers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "engine/change/jobs.h"
#include "engine/plan/scopes.h"
#include "model/endpoint_names.h"
#include "model/names.h"
#include "registry/rows.h"

#define SCOPE_KEY_SIZE (SCOPE_NAME_SIZE + SVC_SERVICE_SIZE * 2)

/* Not remembering costs an address that may differ after a reboot; it is not worth failing for. */
static void numbers_remember(struct engine *engine, enum row_kind kind, const char *name, uint32_t number)
{
    struct unsaved_numbers *unsaved = &engine->unsaved;
    struct registry_row *larger = realloc(unsaved->rows, (unsaved->n + 1) * sizeof(*larger));

    if (!larger)
        return;
    unsaved->rows = larger;
    if (row_for_host_number(kind, name, number, &unsaved->rows[unsaved->n]) == 0)
        unsaved->n++;
}

int numbers_add_unsaved(struct engine *engine, char *key, char *value)
{
    struct unsaved_numbers *unsaved = &engine->unsaved;
    struct registry_row *larger = realloc(unsaved->rows, (unsaved->n + 1) * sizeof(*larger));

    if (!larger)
        return -ENOMEM;
    unsaved->rows = larger;
    unsaved->rows[unsaved->n++] = (struct registry_row){key, value};
    return 0;
}

/* NS[/CLIENT] of a row's key. */
static void scope_key(const char *namespace_name, const char *client, char name[static SCOPE_KEY_SIZE])
{
    char part[MODEL_NAMESPACE_MAX + 1];

    (void)snprintf(name, SCOPE_KEY_SIZE, "%s%s%s", model_namespace_part(namespace_name, part),
                   client ? "/" : "", client ? client : "");
}

void numbers_remember_client(struct engine *engine, const char *namespace_name, const char *client,
                             uint32_t scope)
{
    char name[SCOPE_KEY_SIZE];

    scope_key(namespace_name, client, name);
    numbers_remember(engine, ROW_HOST_SCOPE, name, scope);
}

void numbers_forget_client(struct engine *engine, const char *namespace_name, const char *client)
{
    struct unsaved_numbers *unsaved = &engine->unsaved;
    struct registry_row wanted;
    char name[SCOPE_KEY_SIZE];

    scope_key(namespace_name, client, name);
    if (row_for_host_number(ROW_HOST_SCOPE, name, 0, &wanted) < 0)
        return;
    for (size_t i = unsaved->n; i-- > 0;)
        if (strcmp(unsaved->rows[i].key, wanted.key) == 0) {
            row_done(&unsaved->rows[i]);
            unsaved->rows[i] = unsaved->rows[--unsaved->n];
        }
    row_done(&wanted);
}

void numbers_free(struct unsaved_numbers *unsaved)
{
    for (size_t i = 0; i < unsaved->n; i++)
        row_done(&unsaved->rows[i]);
    free(unsaved->rows);
    *unsaved = (struct unsaved_numbers){0};
}

struct unsaved_numbers numbers_take_unsaved(struct engine *engine, size_t most)
{
    struct unsaved_numbers *unsaved = &engine->unsaved;
    struct unsaved_numbers taken = *unsaved;

    if (unsaved->n <= most) {
        *unsaved = (struct unsaved_numbers){0};
        return taken;
    }
    taken = (struct unsaved_numbers){.rows = calloc(most + 1, sizeof(*taken.rows))};
    if (!taken.rows || most == 0)
        return taken; /* they stay for a later one */
    taken.n = most;
    memcpy(taken.rows, unsaved->rows, most * sizeof(*taken.rows));
    unsaved->n -= most;
    memmove(unsaved->rows, unsaved->rows + most, unsaved->n * sizeof(*unsaved->rows));
    return taken;
}

void numbers_give_back(struct engine *engine, struct unsaved_numbers *taken)
{
    struct registry_row *larger =
        realloc(engine->unsaved.rows, (engine->unsaved.n + taken->n + 1) * sizeof(*larger));

    if (!larger) { /* forgotten: see numbers_remember() */
        numbers_free(taken);
        return;
    }
    if (engine->unsaved.n)
        memmove(larger + taken->n, larger, engine->unsaved.n * sizeof(*larger));
    if (taken->n)
        memcpy(larger, taken->rows, taken->n * sizeof(*larger));
    engine->unsaved.rows = larger;
    engine->unsaved.n += taken->n;
    free(taken->rows);
    *taken = (struct unsaved_numbers){0};
}

int numbers_scope(struct engine *engine, const char *namespace_name, uint32_t *ret_scope, struct error *error)
{
    int r = name_numbers_find(engine->scopes, namespace_name, ret_scope);
    char name[SCOPE_KEY_SIZE];

    if (r == 0)
        return 0;
    r = name_numbers_take(engine->scopes, namespace_name, ret_scope);
    if (r < 0)
        return error_errno(error, r, "numbering the namespace");
    scope_key(namespace_name, NULL, name);
    numbers_remember(engine, ROW_HOST_SCOPE, name, *ret_scope);
    return 0;
}

int numbers_address(struct engine *engine, const char *dns_name, uint32_t *ret_number, struct error *error)
{
    int r = name_numbers_find(engine->addresses, dns_name, ret_number);

    if (r == 0)
        return 0;
    r = name_numbers_take(engine->addresses, dns_name, ret_number);
    if (r == -ENOSPC)
        return error_set(
            error, ENOSPC,
            "the alias addresses are all in use (%u in %s): widen aliasRange and restart svcconnectd",
            name_numbers_capacity(engine->addresses), engine->settings.alias_range.text);
    if (r < 0)
        return error_errno(error, r, "giving %s an address", dns_name);
    numbers_remember(engine, ROW_HOST_ADDRESS, dns_name, *ret_number);
    return 0;
}

int numbers_endpoint(struct engine *engine, struct instance *instance, struct error *error)
{
    char name[ENDPOINT_NAME_SIZE];
    int r;

    if (instance->endpoint)
        return 0;
    r = name_numbers_take(engine->endpoints, endpoint_name(instance, name), &instance->endpoint);
    if (r == -ENOSPC)
        return error_set(
            error, ENOSPC,
            "the endpoints of the data path are all in use (%u): raise maps.endpoints and restart "
            "svcconnectd",
            name_numbers_capacity(engine->endpoints));
    return r < 0 ? error_errno(error, r, "numbering an endpoint") : 0;
}

/* Text from the kernel's maps that filled its field may have been cut there; such a name is not adopted. */
static bool numbers_is_whole(const char *text, size_t size)
{
    return strnlen(text, size) < size - 1;
}

static int numbers_on_task(uint64_t cgroup_id, const struct svc_task *task, void *user)
{
    struct engine *engine = user;

    (void)cgroup_id;
    /* A task of a named service may see another scope than its namespace's own. */
    if (!task->service[0] && numbers_is_whole(task->namespace, sizeof(task->namespace)))
        (void)name_numbers_adopt(engine->scopes, task->namespace, task->scope);
    return 0;
}

static int numbers_on_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    struct engine *engine = user;
    struct ip_address address;
    uint32_t number;

    if (!alias->client[0] && numbers_is_whole(alias->namespace, sizeof(alias->namespace)))
        (void)name_numbers_adopt(engine->scopes, alias->namespace, key->scope);
    memcpy(address.bytes, key->address, sizeof(address.bytes));
    if (strnlen(alias->dns_name, sizeof(alias->dns_name)) < sizeof(alias->dns_name) &&
        alias_range_number(&engine->settings.alias_range, &address, &number) == 0)
        (void)name_numbers_adopt(engine->addresses, alias->dns_name, number);
    return 0;
}

static int numbers_on_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    struct engine *engine = user;
    struct instance *instance;
    char name[ENDPOINT_NAME_SIZE];

    if (!numbers_is_whole(endpoint->namespace, sizeof(endpoint->namespace)))
        return 0;
    instance = entry_instance(engine->catalog, endpoint, name);
    if (name_numbers_adopt(engine->endpoints, name, number) == 0 && instance)
        followers_found(engine, instance, number, endpoint);
    return 0;
}

int numbers_adopt_kernel(struct engine *engine, struct error *error)
{
    int r = datapath_each_task(engine->datapath, numbers_on_task, engine);

    if (r == 0)
        r = datapath_each_alias(engine->datapath, numbers_on_alias, engine);
    if (r == 0)
        r = datapath_each_endpoint(engine->datapath, numbers_on_endpoint, engine);
    return r < 0 ? error_errno(error, r, "reading the pinned maps") : 0;
}

/* "NS" or "NS/CLIENT"; the latter goes by what the client's routes are now. */
static void adopt_scope(struct engine *engine, const char *text, uint32_t number)
{
    const char *slash = strchr(text, '/');
    const struct model_namespace *parent;
    const struct client *client;
    char name[SCOPE_NAME_SIZE];

    (void)snprintf(name, sizeof(name), "%.*s", slash ? (int)(slash - text) : -1, text);
    model_namespace_from_part(name);
    if (!slash) {
        (void)name_numbers_adopt(engine->scopes, name, number);
        return;
    }
    parent = catalog_namespace(engine->catalog, name);
    client = parent ? catalog_client(parent, slash + 1) : NULL;
    if (!client)
        return;
    scope_name(parent, client, name);
    (void)name_numbers_adopt(engine->scopes, name, number);
}

void numbers_adopt_row(struct engine *engine, const char *key, const char *value)
{
    struct row_name name;
    uint64_t number;

    if (row_parse_key(key, &name) < 0 || parse_number(value, 1, UINT32_MAX, &number) < 0)
        return;
    if (name.kind == ROW_HOST_ADDRESS)
        (void)name_numbers_adopt(engine->addresses, name.last, (uint32_t)number);
    else if (name.kind == ROW_HOST_SCOPE)
        adopt_scope(engine, name.last, (uint32_t)number);
}
