/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Lists: services, endpoints, aliases, routes, tasks, hosts. */
#include "api/read/reads.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/sorted.h"
#include "api/api.h"
#include "dns/dns.h"
#include "engine/engine.h"
#include "health/health.h"
#include "datapath/datapath.h"
#include "tasks/task_list.h"
#include "model/catalog.h"
#include "tasks/task_hosts.h"
#include "engine/plan/tables.h"
#include "model/endpoint_names.h"
#include "model/aliases.h"

static const char *wanted_namespace(const struct control_call *call)
{
    return evhttp_find_header(call->query, "namespace");
}

static bool is_wanted(const struct control_call *call, const char *namespace_name)
{
    const char *wanted = wanted_namespace(call);

    return !wanted || strcmp(wanted, namespace_name) == 0;
}

static int namespaces_by_name(const void *a, const void *b)
{
    return strcmp((*(struct model_namespace *const *)a)->name, (*(struct model_namespace *const *)b)->name);
}

/* The namespaces asked for, sorted; NULL-terminated, the caller frees. */
static struct model_namespace **sorted_namespaces(const struct api *api, const struct control_call *call)
{
    struct model_namespace **sorted =
        SORTED_ENTRIES(engine_catalog(api->engine)->namespaces, namespaces_by_name);
    size_t n = 0;

    for (size_t i = 0; sorted && sorted[i]; i++)
        if (is_wanted(call, sorted[i]->name))
            sorted[n++] = sorted[i];
    if (sorted)
        sorted[n] = NULL;
    return sorted;
}

static int services_by_name(const void *a, const void *b)
{
    return strcmp((*(struct service *const *)a)->name, (*(struct service *const *)b)->name);
}

static struct service **sorted_services(const struct model_namespace *parent)
{
    struct service **sorted = SORTED_ENTRIES(parent->services, services_by_name);
    size_t n = 0;

    for (size_t i = 0; sorted && sorted[i]; i++)
        if (sorted[i]->is_declared)
            sorted[n++] = sorted[i];
    if (sorted)
        sorted[n] = NULL;
    return sorted;
}

static void add_alias(cJSON *object, const struct client_alias *alias)
{
    (void)cJSON_AddStringToObject(object, "dnsName", alias->dns_name);
    (void)cJSON_AddNumberToObject(object, "port", alias->port);
    (void)cJSON_AddStringToObject(object, "protocol", protocol_name(alias->protocol));
}

static bool is_eligible(const struct instance *instance)
{
    return instance_is_eligible(instance, instance->protocol) && instance->weight > 0;
}

static bool is_any_eligible(const struct instance *external)
{
    for (size_t i = 0; i < external->n_addresses; i++)
        if (is_eligible(external->addresses[i]))
            return true;
    return false;
}

static cJSON *service_object(const struct service *service)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *aliases;
    const struct instance *instance;
    unsigned instances = 0;
    unsigned eligible = 0;

    (void)cJSON_AddStringToObject(object, "namespace", service->parent->name);
    (void)cJSON_AddStringToObject(object, "name", service->name);
    if (service->document)
        (void)cJSON_AddStringToObject(object, "document", service->document);
    aliases = cJSON_AddArrayToObject(object, "clientAliases");
    for (size_t i = 0; i < service->n_aliases; i++) {
        cJSON *alias = cJSON_CreateObject();

        add_alias(alias, &service->aliases[i]);
        (void)cJSON_AddItemToArray(aliases, alias);
    }
    if (service->settings)
        (void)cJSON_AddItemToObject(object, "settings", service_settings_write(service->settings));
    for (instance = service->instances; instance; instance = instance->hh.next) {
        instances += !instance->external;
        eligible += !instance->external && is_eligible(instance);
    }
    for (instance = service->records; instance; instance = instance->hh.next) {
        instances += instance->host != NULL;
        eligible += instance->host && is_any_eligible(instance);
    }
    (void)cJSON_AddNumberToObject(object, "instances", instances);
    (void)cJSON_AddNumberToObject(object, "eligible", eligible);
    return object;
}

int read_services(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    _cleanup_free_ struct model_namespace **namespaces = sorted_namespaces(user, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "services");

    (void)error;
    for (size_t n = 0; namespaces && namespaces[n]; n++) {
        _cleanup_free_ struct service **services = sorted_services(namespaces[n]);

        for (size_t s = 0; services && services[s]; s++)
            (void)cJSON_AddItemToArray(list, service_object(services[s]));
    }
    *ret_answer = answer;
    return 0;
}

cJSON *read_instance(const struct instance *instance)
{
    char address[IP_ADDRESS_TEXT_SIZE];
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "id", instance_id(instance));
    (void)cJSON_AddStringToObject(object, "address",
                                  instance->host ? "" : ip_address_format(&instance->address, address));
    if (instance->host || instance->external)
        (void)cJSON_AddStringToObject(object, "host",
                                      instance->host ? instance->host : instance->external->host);
    (void)cJSON_AddNumberToObject(object, "port", instance->port);
    (void)cJSON_AddStringToObject(object, "protocol", protocol_name(instance->protocol));
    (void)cJSON_AddNumberToObject(object, "weight", instance->weight);
    (void)cJSON_AddStringToObject(object, "health", health_name(instance_health(instance)));
    return object;
}

static int instances_by_id(const void *a, const void *b)
{
    return strcmp((*(struct instance *const *)a)->id, (*(struct instance *const *)b)->id);
}

static void add_endpoints(struct api *api, const struct service *service, cJSON *list)
{
    size_t room = HASH_COUNT(service->instances) + HASH_COUNT(service->records);
    _cleanup_free_ struct instance **sorted = calloc(room + 1, sizeof(struct instance *));
    struct instance *instance;
    size_t n = 0;

    if (!sorted)
        return;
    for (instance = service->instances; instance; instance = instance->hh.next)
        sorted[n++] = instance;
    for (instance = service->records; instance; instance = instance->hh.next)
        if (instance->host && instance->n_addresses == 0)
            sorted[n++] = instance;
    if (n)
        qsort(sorted, n, sizeof(struct instance *), instances_by_id);
    for (size_t i = 0; i < n; i++)
        (void)cJSON_AddItemToArray(list, sorted[i]->host ? read_unresolved(api, sorted[i])
                                                         : read_endpoint(api, sorted[i]));
}

int read_endpoints(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    _cleanup_free_ struct model_namespace **namespaces = sorted_namespaces(user, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "endpoints");

    (void)error;
    for (size_t n = 0; namespaces && namespaces[n]; n++) {
        _cleanup_free_ struct service **services = sorted_services(namespaces[n]);

        for (size_t s = 0; services && services[s]; s++)
            add_endpoints(user, services[s], list);
    }
    *ret_answer = answer;
    return 0;
}

/* ---- aliases and routes ---- */

static double percent(double share)
{
    return round(share * 1e8) / 1e6;
}

static cJSON *target_object(const struct alias_view *view, size_t t, double wanted_sum)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *list;

    (void)cJSON_AddStringToObject(object, "service", view->services[t]->name);
    (void)cJSON_AddNumberToObject(object, "weight", view->targets[t].weight);
    (void)cJSON_AddNumberToObject(object, "wantedPercent",
                                  wanted_sum > 0 ? percent(view->targets[t].weight / wanted_sum) : 0);
    (void)cJSON_AddNumberToObject(object, "effectivePercent",
                                  percent(table_target_share(view->targets, view->n_targets, false, t)));
    list = cJSON_AddArrayToObject(object, "endpoints");
    for (size_t c = 0; c < view->targets[t].n_candidates; c++) {
        cJSON *endpoint = read_instance(view->instances[t][c]);

        (void)cJSON_AddNumberToObject(endpoint, "effectivePercent",
                                      percent(table_share(view->targets, view->n_targets, false, t, c)));
        (void)cJSON_AddItemToArray(list, endpoint);
    }
    return object;
}

static bool has_own_route(const struct model_namespace *parent, const struct client *client,
                          const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];

    return catalog_route(parent, client, alias_identity(alias, identity)) != NULL;
}

/* The route that an alias follows: the client's own, else everybody's; NULL. */
static const struct route *effective_route(const struct model_namespace *parent, const struct client *client,
                                           const struct client_alias *alias)
{
    char identity[ALIAS_IDENTITY_SIZE];
    const struct route *route;

    (void)alias_identity(alias, identity);
    route = client ? catalog_route(parent, client, identity) : NULL;
    return route ? route : catalog_route(parent, NULL, identity);
}

static cJSON *alias_object(struct api *api, const struct model_namespace *parent, const struct client *client,
                           const struct client_alias *alias)
{
    _cleanup_(alias_view_done) struct alias_view view = {0};
    const struct route *route = effective_route(parent, client, alias);
    char text[IP_ADDRESS_TEXT_SIZE];
    cJSON *object = cJSON_CreateObject();
    cJSON *targets;
    double wanted_sum = 0;
    uint32_t number;

    (void)cJSON_AddStringToObject(object, "namespace", parent->name);
    (void)cJSON_AddStringToObject(object, "client", client ? client->name : "");
    add_alias(object, alias);
    if (engine_address(api->engine, alias->dns_name, &number) == 0) {
        struct ip_address address = alias_range_address(&api->settings.alias_range, number);
        struct ip_address address6 = alias_range_address6(&api->settings.alias_range, number);

        (void)cJSON_AddStringToObject(object, "address", ip_address_format(&address, text));
        (void)cJSON_AddStringToObject(object, "address6", ip_address_format(&address6, text));
    }
    (void)cJSON_AddStringToObject(object, "origin", route ? "route" : "service");
    (void)cJSON_AddStringToObject(object, "onEmpty",
                                  route && route->is_unhealthy_on_empty ? "unhealthy" : "refuse");
    targets = cJSON_AddArrayToObject(object, "targets");
    if (alias_view_build(parent, client, alias, &view) < 0)
        return object;
    for (size_t t = 0; t < view.n_targets; t++)
        wanted_sum += view.targets[t].weight;
    for (size_t t = 0; t < view.n_targets; t++)
        (void)cJSON_AddItemToArray(targets, target_object(&view, t, wanted_sum));
    return object;
}

static int aliases_by_name(const void *a, const void *b)
{
    const struct client_alias *left = a;
    const struct client_alias *right = b;
    int order = strcmp(left->dns_name, right->dns_name);

    return order ? order : left->port - right->port;
}

/* What tasks of `client` (NULL: others) see, or only what was set for them. */
static int add_aliases(struct api *api, const struct model_namespace *parent, const struct client *client,
                       bool only_routes, cJSON *list)
{
    _cleanup_free_ struct client_alias *aliases = NULL;
    size_t n = 0;
    int r = alias_list_build(parent, client, &aliases, &n);

    if (r < 0)
        return r;
    if (n)
        qsort(aliases, n, sizeof(*aliases), aliases_by_name);
    for (size_t a = 0; a < n; a++)
        if (!only_routes || has_own_route(parent, client, &aliases[a]))
            (void)cJSON_AddItemToArray(list, alias_object(api, parent, client, &aliases[a]));
    return 0;
}

static int clients_by_name(const void *a, const void *b)
{
    return strcmp((*(struct client *const *)a)->name, (*(struct client *const *)b)->name);
}

static int list_aliases(struct api *api, const struct control_call *call, const char *member,
                        bool only_routes, cJSON **ret_answer)
{
    _cleanup_free_ struct model_namespace **namespaces = sorted_namespaces(api, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, member);

    for (size_t i = 0; namespaces && namespaces[i]; i++) {
        _cleanup_free_ struct client **clients = SORTED_ENTRIES(namespaces[i]->clients, clients_by_name);

        (void)add_aliases(api, namespaces[i], NULL, only_routes, list);
        for (size_t c = 0; only_routes && clients && clients[c]; c++)
            (void)add_aliases(api, namespaces[i], clients[c], true, list);
    }
    *ret_answer = answer;
    return 0;
}

int read_aliases(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)error;
    return list_aliases(user, call, "aliases", false, ret_answer);
}

int read_routes(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)error;
    return list_aliases(user, call, "routes", true, ret_answer);
}

/* ---- tasks and hosts ---- */

cJSON *read_task(struct api *api, const struct task *task)
{
    const char *problem = dns_problem(api->dns, task->cgroup.id);
    char path[PATH_MAX];
    unsigned processes = 0;
    cJSON *object = cJSON_CreateObject();

    (void)cgroup_count_processes(api->settings.cgroup_root, task->cgroup.path, &processes);
    (void)cJSON_AddStringToObject(object, "cgroup", task->cgroup.path);
    (void)cJSON_AddNumberToObject(object, "cgroupId", (double)task->cgroup.id);
    (void)cJSON_AddStringToObject(object, "namespace", task->namespace_name);
    (void)cJSON_AddStringToObject(object, "service", task->service);
    (void)cJSON_AddNumberToObject(object, "scope", task->scope);
    /* Asked of the kernel, not remembered: a link can be severed behind the daemon's back. */
    (void)cJSON_AddStringToObject(
        object, "state",
        datapath_is_attached(api->datapath, task->link_name, task->cgroup.id) ? "attached" : "incomplete");
    (void)cJSON_AddBoolToObject(object, "run", task->is_run);
    (void)cJSON_AddNumberToObject(object, "processes", processes);
    (void)cJSON_AddItemToObject(object, "nameservers", dns_describe_task(api->dns, task->cgroup.id));
    if (*problem)
        (void)cJSON_AddStringToObject(object, "nameserversReason", problem);
    if (task->is_run) {
        task_hosts_path(api->tasks, task, path, sizeof(path));
        (void)cJSON_AddStringToObject(object, "hostsFile", path);
    }
    return object;
}

static int tasks_by_path(const void *a, const void *b)
{
    return strcmp((*(struct task *const *)a)->cgroup.path, (*(struct task *const *)b)->cgroup.path);
}

int read_tasks(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "tasks");
    _cleanup_free_ struct task **tasks = SORTED_ENTRIES(api->tasks->all, tasks_by_path);

    (void)error;
    for (size_t i = 0; tasks && tasks[i]; i++)
        if (is_wanted(call, tasks[i]->namespace_name))
            (void)cJSON_AddItemToArray(list, read_task(api, tasks[i]));
    *ret_answer = answer;
    return 0;
}

int read_hosts(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    _cleanup_free_ struct model_namespace **namespaces = sorted_namespaces(api, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "hosts");

    (void)error;
    for (size_t i = 0; namespaces && namespaces[i]; i++) {
        _cleanup_free_ struct client_alias *aliases = NULL;
        _cleanup_free_ struct hosts_entry *entries = NULL;
        char text[IP_ADDRESS_TEXT_SIZE];
        size_t n = 0;

        if (namespace_hosts_build(api->engine, namespaces[i]->name, "", &aliases, &entries, &n) < 0)
            break;
        for (size_t e = 0; e < n; e++) {
            cJSON *object = cJSON_CreateObject();

            (void)cJSON_AddStringToObject(object, "namespace", namespaces[i]->name);
            (void)cJSON_AddStringToObject(object, "address", ip_address_format(&entries[e].address, text));
            (void)cJSON_AddStringToObject(object, "address6", ip_address_format(&entries[e].address6, text));
            (void)cJSON_AddStringToObject(object, "name", entries[e].name);
            (void)cJSON_AddItemToArray(list, object);
        }
    }
    *ret_answer = answer;
    return 0;
}

static cJSON *document_object(const struct model_namespace *parent, const struct stored_document *stored)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *document = cJSON_Parse(stored->text);

    (void)cJSON_AddStringToObject(object, "namespace", parent->name);
    (void)cJSON_AddStringToObject(object, "name", stored->name);
    (void)cJSON_AddStringToObject(object, "source", stored->source);
    (void)cJSON_AddItemToObject(object, "document", document ? document : cJSON_CreateNull());
    return object;
}

static int documents_by_name(const void *a, const void *b)
{
    return strcmp((*(struct stored_document *const *)a)->name, (*(struct stored_document *const *)b)->name);
}

int read_documents(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    _cleanup_free_ struct model_namespace **namespaces = sorted_namespaces(user, call);
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "documents");

    (void)error;
    for (size_t n = 0; namespaces && namespaces[n]; n++) {
        _cleanup_free_ struct stored_document **documents =
            SORTED_ENTRIES(namespaces[n]->documents, documents_by_name);

        for (size_t d = 0; documents && documents[d]; d++)
            (void)cJSON_AddItemToArray(list, document_object(namespaces[n], documents[d]));
    }
    *ret_answer = answer;
    return 0;
}
