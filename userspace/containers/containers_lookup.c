/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers by what people call them and by their cgroups, and how many runtimes there are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "containers/containers_internal.h"
#include "runtimes/container_cgroup.h"

#define SHORTEST_ID 4 /* digits: fewer are more likely a name that is not there */

static bool is_meant(const struct container *container, const char *text)
{
    size_t length = strlen(text);

    return strcmp(container->name, text) == 0 ||
           (length >= SHORTEST_ID && strncmp(container->id, text, length) == 0);
}

int containers_find_running(const struct containers *containers, const char *field, const char *text,
                            struct held **ret_held, const char **ret_cgroup, struct error *error)
{
    struct held *found = NULL;

    if (!containers || containers->n_runtimes == 0)
        return error_set(error, ENOENT,
                         "%s: no container runtime is followed: give cgroup or pid, or start "
                         "svcconnectd with --container-runtime",
                         field);
    for (struct held *held = containers->all; held; held = held->hh.next) {
        if (!is_meant(held->container, text))
            continue;
        if (found)
            return error_input(error, field, text, "the name or id of one container, and several are meant");
        found = held;
    }
    if (!found)
        return error_set(error, ENOENT,
                         "%s: no runtime has a container \"%s\": svcconnect containers lists them", field,
                         text);
    if (!found->container->cgroup || found->container->state == CONTAINER_ENDED)
        return error_set(error, ENOENT, "%s: the container \"%s\" does not run: start it first", field, text);
    *ret_held = found;
    *ret_cgroup = found->container->cgroup;
    return 0;
}

int containers_cgroup_of(const struct containers *containers, const char *field, const char *text,
                         const char **ret_cgroup, struct error *error)
{
    struct held *held;

    return containers_find_running(containers, field, text, &held, ret_cgroup, error);
}

/* The container whose cgroup this path begins with. */
static const struct held *held_of_path(const struct containers *containers, const char *path)
{
    for (const struct held *held = containers->all; held; held = held->hh.next) {
        const char *cgroup = held->container->cgroup;
        size_t length = cgroup ? strlen(cgroup) : 0;

        if (length > 0 && strncmp(path, cgroup, length) == 0 && (path[length] == '/' || !path[length]))
            return held;
    }
    return NULL;
}

const struct held *containers_at(const struct containers *containers, const char *cgroup)
{
    const char *rest = cgroup;
    const struct held *held = NULL;
    char component[256];
    char id[CONTAINER_ID_SIZE];

    while (containers && *rest == '/' && !held) {
        size_t length = strcspn(++rest, "/");

        (void)snprintf(component, sizeof(component), "%.*s", (int)length, rest);
        if (length < sizeof(component) && container_cgroup_id(component, id))
            held = containers_find(containers, id);
        rest += length;
    }
    return containers && !held ? held_of_path(containers, cgroup) : held;
}

const char *containers_name_at(const struct containers *containers, const char *cgroup)
{
    const struct held *held = containers_at(containers, cgroup);

    return held ? held->container->name : "";
}

size_t containers_count_runtimes(const struct containers *containers, size_t *ret_connected)
{
    size_t n = containers ? containers->n_runtimes : 0;

    *ret_connected = 0;
    for (size_t i = 0; i < n; i++)
        *ret_connected += containers->runtimes[i].is_connected;
    return n;
}
