/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Making containers: bounded lists, in order. */
#include "model/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

struct container *container_new(const char *runtime, const char *id, const char *name)
{
    _cleanup_container_ struct container *container = calloc(1, sizeof(*container));

    if (!container)
        return NULL;
    container->stop_timeout_s = CONTAINER_STOP_S;
    container->runtime = strdup(runtime);
    container->id = strdup(id);
    container->name = strdup(name ? name : id);
    if (!container->runtime || !container->id || !container->name)
        return NULL;
    return TAKE_PTR(container);
}

void container_free(struct container **container)
{
    struct container *old = *container;

    if (!old)
        return;
    for (size_t i = 0; i < old->n_labels; i++) {
        free(old->labels[i].name);
        free(old->labels[i].value);
    }
    for (size_t i = 0; i < old->n_networks; i++)
        free(old->networks[i].name);
    free(old->labels);
    free(old->networks);
    free(old->ports);
    free(old->shares_with);
    free(old->cgroup);
    free(old->runtime);
    free(old->image);
    free(old->name);
    free(old->id);
    free(old);
    *container = NULL;
}

bool container_label_matters(const char *name)
{
    return strncmp(name, "svcconnect.", 11) == 0 || strncmp(name, "com.amazonaws.ecs.", 18) == 0 ||
           strcmp(name, "com.docker.compose.project") == 0 || strcmp(name, "com.docker.compose.service") == 0;
}

static struct container_label *container_find_label(const struct container *container, const char *name)
{
    for (size_t i = 0; i < container->n_labels; i++)
        if (strcmp(container->labels[i].name, name) == 0)
            return &container->labels[i];
    return NULL;
}

const char *container_label(const struct container *container, const char *name)
{
    const struct container_label *label = container_find_label(container, name);

    return label ? label->value : NULL;
}

int container_add_label(struct container *container, const char *name, const char *value)
{
    struct container_label *label = container_find_label(container, name);
    _cleanup_free_ char *name_copy = NULL;
    _cleanup_free_ char *copy = NULL;

    if (!container_label_matters(name))
        return 0;
    if ((!label && container->n_labels == CONTAINER_LABELS_MAX) || strlen(name) > CONTAINER_TEXT_MAX ||
        strlen(value) > CONTAINER_TEXT_MAX) {
        container->is_cut = true;
        return 0;
    }
    copy = strdup(value);
    if (!copy)
        return -ENOMEM;
    if (label) {
        free(label->value);
        label->value = TAKE_PTR(copy);
        return 0;
    }
    name_copy = strdup(name);
    if (!name_copy || ARRAY_MAKE_ROOM(container->labels, container->n_labels) < 0)
        return -ENOMEM;
    container->labels[container->n_labels++] =
        (struct container_label){.name = TAKE_PTR(name_copy), .value = TAKE_PTR(copy)};
    return 0;
}

int container_add_network(struct container *container, const struct container_network *network)
{
    _cleanup_free_ char *name = NULL;
    size_t at = 0;

    if (container->n_networks == CONTAINER_NETWORKS_MAX) {
        container->is_cut = true;
        return 0;
    }
    name = strdup(network->name);
    if (!name || ARRAY_MAKE_ROOM(container->networks, container->n_networks) < 0)
        return -ENOMEM;
    while (at < container->n_networks && strcmp(container->networks[at].name, name) < 0)
        at++;
    memmove(&container->networks[at + 1], &container->networks[at],
            (container->n_networks - at) * sizeof(container->networks[0]));
    container->networks[at] = *network;
    container->networks[at].name = TAKE_PTR(name);
    container->n_networks++;
    return 0;
}

/* By protocol, then by number. */
static int compare_ports(const struct container_port *a, const struct container_port *b)
{
    if (a->protocol != b->protocol)
        return a->protocol < b->protocol ? -1 : 1;
    return (int)a->port - (int)b->port;
}

/* Its place, where it may not be yet. */
static size_t container_port_place(const struct container *container, const struct container_port *port,
                                   bool *ret_is_there)
{
    size_t at = 0;

    while (at < container->n_ports && compare_ports(&container->ports[at], port) < 0)
        at++;
    *ret_is_there = at < container->n_ports && compare_ports(&container->ports[at], port) == 0;
    return at;
}

int container_publish_port(struct container *container, const struct container_port *port)
{
    bool is_there;
    size_t at = container_port_place(container, port, &is_there);

    if (is_there) {
        if (port->published_port && !container->ports[at].published_port)
            container->ports[at] = *port;
        return 0;
    }
    if (container->n_ports == CONTAINER_PORTS_MAX) {
        container->is_cut = true;
        return 0;
    }
    if (ARRAY_MAKE_ROOM(container->ports, container->n_ports) < 0)
        return -ENOMEM;
    memmove(&container->ports[at + 1], &container->ports[at],
            (container->n_ports - at) * sizeof(container->ports[0]));
    container->ports[at] = *port;
    container->n_ports++;
    return 0;
}

int container_add_port(struct container *container, uint16_t port, enum svc_protocol protocol)
{
    return container_publish_port(container, &(struct container_port){.port = port, .protocol = protocol});
}
