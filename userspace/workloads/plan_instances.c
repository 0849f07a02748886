/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where a container can be reached, and as which instances of which services. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/dns_name.h"
#include "workloads/plan_internal.h"

/* Is this the network that the label means? Compose puts its project before the names of networks. */
static bool is_named(const struct workload *workload, const char *network)
{
    const char *wanted = workload->wish.network;
    const char *project = workload->wish.project;
    size_t length = project ? strlen(project) : 0;

    return strcmp(network, wanted) == 0 ||
           (project && strncmp(network, project, length) == 0 && network[length] == '_' &&
            strcmp(network + length + 1, wanted) == 0);
}

/* NULL: it is on no network that counts. */
static const struct container_network *choose_network(struct planning *planning, struct workload *workload,
                                                      const struct container *of)
{
    const struct container_network *best = NULL;
    size_t best_tasks = 0;
    size_t n = 0;

    for (size_t i = 0; i < of->n_networks; i++) {
        const struct container_network *network = &of->networks[i];
        const struct network_use *use =
            plan_network_use(planning, workload->namespace_name, network->name, false);
        size_t tasks = use ? use->n_tasks : 0;

        if (!network->has_v4 && !network->has_v6)
            continue;
        if (workload->wish.network) {
            if (is_named(workload, network->name))
                return network;
            continue;
        }
        n++;
        if (!best || tasks > best_tasks) {
            best = network;
            best_tasks = tasks;
        }
    }
    if (n > 1)
        plan_note(workload, "of %zu networks \"%s\" was taken: the label svcconnect.network says which", n,
                  best->name);
    return best;
}

/* The container whose network it has: itself, or the one of its task that it shares with. */
static const struct container *network_owner(const struct planning *planning, const struct workload *workload)
{
    const struct workload_plan *plan = planning->plan;
    size_t owner = plan->items[workload->group].owner;
    bool is_shared = workload->container->network_mode == CONTAINER_SHARED_NETWORK;

    return is_shared && owner < plan->n ? plan->items[owner].container : workload->container;
}

static bool has_host_network(const struct planning *planning, const struct workload *workload)
{
    return network_owner(planning, workload)->network_mode == CONTAINER_HOST_NETWORK;
}

static void find_workload_address(struct planning *planning, struct workload *workload)
{
    const struct container *of = network_owner(planning, workload);
    const struct container_network *network;

    if (of->network_mode == CONTAINER_HOST_NETWORK) {
        workload->has_address = planning->settings->has_host_address;
        workload->address = planning->settings->host_address;
        return;
    }
    network = choose_network(planning, workload, of);
    if (!network && of->network_mode == CONTAINER_NO_NETWORK && workload->container->has_own_address) {
        workload->has_address = true;
        workload->address = workload->container->own_address;
    }
    if (!network)
        return;
    workload->network = network->name;
    workload->has_address = true;
    workload->address = network->has_v4 ? network->v4 : network->v6;
}

/* "IDIDIDIDIDID-START", the start in hexadecimal. Ids of other forms lose what an instance's may not have. */
static void instance_id(const struct container *container, char *ret_id, size_t size)
{
    size_t n = 0;

    for (const char *c = container->id; *c && n < 32; c++)
        if (isalnum((unsigned char)*c) || *c == '_' || *c == '.' || *c == '-')
            ret_id[n++] = *c;
    if (strspn(container->id, "0123456789abcdef") == 64 && !container->id[64])
        n = 12; /* as docker ps shows it */
    (void)snprintf(ret_id + n, size - n, "-%llx", (unsigned long long)container->started_at);
}

static int add_alias(struct workload_instance *instance, const char *dns_name, uint16_t port)
{
    struct client_alias alias = {.port = port, .protocol = instance->protocol};

    for (size_t i = 0; i < instance->n_aliases; i++)
        if (instance->aliases[i].port == port && strcmp(instance->aliases[i].dns_name, dns_name) == 0)
            return 0;
    if (ARRAY_MAKE_ROOM(instance->aliases, instance->n_aliases) < 0)
        return -ENOMEM;
    (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s", dns_name);
    instance->aliases[instance->n_aliases++] = alias;
    return 0;
}

/*
 * The names of the label, else the service's own: at the port that the container listens at, and for TCP at 80
 * as well, because http://NAME/ is what people type.
 */
static int add_aliases(const struct workload *workload, struct workload_instance *instance, bool is_main)
{
    const char *cursor = is_main ? workload->wish.aliases : NULL;
    char dns_name[SVC_DNS_NAME_SIZE];
    struct label_alias alias;
    int r = 0;

    while (r == 0 && cursor && labels_next_alias(&cursor, &alias))
        r = add_alias(instance, alias.dns_name, alias.port ? alias.port : instance->port);
    if (r < 0 || (is_main && workload->wish.aliases))
        return r;
    (void)snprintf(dns_name, sizeof(dns_name), "%s", workload->wish.service);
    if (dns_name_check("", dns_name, NULL) < 0)
        return 0; /* a service's name may be none that can be looked up */
    r = add_alias(instance, dns_name, instance->port);
    if (r == 0 && is_main && instance->protocol == TCP)
        r = add_alias(instance, dns_name, 80);
    return r;
}

static bool is_serving(const struct workload *workload)
{
    enum container_health health = workload->container->health;

    if (workload->container->state != CONTAINER_RUNNING && workload->container->state != CONTAINER_ENDING)
        return false;
    return health == CONTAINER_UNCHECKED || health == CONTAINER_HEALTHY ||
           (health == CONTAINER_STARTING && workload->wish.serves_while_starting);
}

/* A port of this host that leads to it: of use to other hosts, unless it is on an address of this one alone. */
static void find_published(const struct planning *planning, const struct workload *workload,
                           struct workload_instance *instance)
{
    const struct container *of = network_owner(planning, workload);
    const struct workload_settings *settings = planning->settings;

    for (size_t i = 0; i < of->n_ports; i++) {
        const struct container_port *port = &of->ports[i];
        bool is_everywhere = ip_address_is_unusable(&port->published);

        if (!port->published_port || port->port != instance->port || port->protocol != instance->protocol ||
            (is_everywhere && !settings->has_host_address) || ip_address_is_loopback(&port->published))
            continue;
        instance->published = is_everywhere ? settings->host_address : port->published;
        instance->published_port = port->published_port;
    }
}

static int add_instance(const struct planning *planning, struct workload *workload,
                        struct workload_instance *instance)
{
    instance->address = workload->address;
    instance->weight = workload->wish.weight;
    instance->is_healthy = is_serving(workload);
    instance->is_draining = workload->container->state == CONTAINER_ENDING;
    instance->zone = workload->wish.zone;
    find_published(planning, workload, instance);
    instance_id(workload->container, instance->id, sizeof(instance->id));
    if (ARRAY_MAKE_ROOM(workload->instances, workload->n_instances) < 0) {
        free(instance->aliases);
        return -ENOMEM;
    }
    workload->instances[workload->n_instances++] = *instance;
    return 0;
}

/* ---- by labels of ours ---- */

static int add_labelled(const struct planning *planning, struct workload *workload,
                        const struct label_port *port)
{
    struct workload_instance instance = {.port = port->port, .protocol = port->protocol};
    const char *separator = *port->name ? "-" : "";
    int length = snprintf(instance.service, sizeof(instance.service), "%s%s%s", workload->wish.service,
                          separator, port->name);

    if (length < 0 || (size_t)length >= sizeof(instance.service)) {
        plan_note(workload, "port \"%s\" is left out: the service's name would be too long", port->name);
        return 0;
    }
    if (add_aliases(workload, &instance, !*port->name) < 0) {
        free(instance.aliases);
        return -ENOMEM;
    }
    return add_instance(planning, workload, &instance);
}

static int add_by_labels(const struct planning *planning, struct workload *workload)
{
    const struct container *container = workload->container;
    struct label_port only = {.name = ""};

    for (size_t i = 0; i < workload->wish.n_ports; i++)
        if (add_labelled(planning, workload, &workload->wish.ports[i]) < 0)
            return -ENOMEM;
    if (workload->wish.n_ports > 0)
        return 0;
    if (container->n_ports == 0)
        return 0; /* a client: nothing says that it listens anywhere */
    if (container->n_ports != 1) {
        plan_note(workload, "it serves nobody: it exposes %zu ports, and the label svcconnect.port says none",
                  container->n_ports);
        return 0;
    }
    only.port = container->ports[0].port;
    only.protocol = container->ports[0].protocol;
    return add_labelled(planning, workload, &only);
}

/* ---- by a document of ECS, which also says what clients call it ---- */

/* The port of a mapping that is not in the document: said by a label, or the only one that the container exposes. */
static bool find_unsaid_port(const struct workload *workload, struct workload_instance *instance)
{
    const struct container *container = workload->container;

    if (workload->wish.n_ports == 1) {
        instance->port = workload->wish.ports[0].port;
        instance->protocol = workload->wish.ports[0].protocol;
        return true;
    }
    if (container->n_ports != 1)
        return false;
    instance->port = container->ports[0].port;
    instance->protocol = container->ports[0].protocol;
    return true;
}

static bool is_port_of(const struct workload *workload, const struct workload_port *port,
                       struct workload_instance *instance)
{
    const char *name = workload->wish.task_container;

    instance->port = port->port;
    instance->protocol = port->protocol;
    return port->container ? name && strcmp(port->container, name) == 0
                           : workload->document->n_ports == 1 && find_unsaid_port(workload, instance);
}

static bool has_port_by_document(const struct workload *workload)
{
    struct workload_instance instance;

    for (size_t i = 0; workload->document && i < workload->document->n_ports; i++)
        if (is_port_of(workload, &workload->document->ports[i], &instance))
            return true;
    return false;
}

static int add_by_document(const struct planning *planning, struct workload *workload)
{
    const struct workload_document *document = workload->document;

    for (size_t i = 0; i < document->n_ports; i++) {
        const struct workload_port *port = &document->ports[i];
        struct workload_instance instance = {0};

        if (!is_port_of(workload, port, &instance))
            continue;
        (void)snprintf(instance.service, sizeof(instance.service), "%s", port->service);
        if (add_instance(planning, workload, &instance) < 0)
            return -ENOMEM;
    }
    return 0;
}

int plan_instances(struct planning *planning, struct workload *workload)
{
    workload->network_owner = network_owner(planning, workload);
    if (!workload->is_task || workload->container->state == CONTAINER_CREATED)
        return 0;
    find_workload_address(planning, workload);
    if (!workload->wish.service && !has_port_by_document(workload))
        return 0;
    if (!workload->has_address && has_host_network(planning, workload)) {
        plan_note(workload, "it serves nobody: this host has no address for others; hostAddress says one");
        return 0;
    }
    if (!workload->has_address) {
        plan_note(workload, "it serves nobody: it has no address%s%s",
                  workload->wish.network ? " on network " : "",
                  workload->wish.network ? workload->wish.network : "");
        return 0;
    }
    return workload->wish.service ? add_by_labels(planning, workload) : add_by_document(planning, workload);
}
