/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What runtimes tell over their APIs. There may be several of one name (a user's own podman beside root's): each speaks of
 * the containers that it has told of first, and neither makes those of another end nor says what they are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "containers/containers_internal.h"

/* Who is told of by files alone may be known better by an API. What a user has told of first may be root's. */
static bool is_of_another(const struct runtime *runtime, const struct held *held)
{
    return held && held->from != runtime && (held->from ? held->from->docker != NULL : runtime->is_bounded) &&
           (runtime->is_bounded || !held->from->is_bounded);
}

void containers_on_docker_put(struct container *container, void *user)
{
    const struct runtime *runtime = user;
    struct held *held = containers_find(runtime->owner, container->id);
    _cleanup_free_ char *id = strdup(container->id);

    if (!id || is_of_another(runtime, held)) {
        container_free(&container);
        return;
    }
    if (!containers_bound(runtime, container)) {
        container_free(&container);
        containers_on_gone(id, runtime->owner);
        return;
    }
    if (held && held->from != runtime && held->from && held->from->is_bounded)
        containers_free_held(runtime->owner, held); /* of what he said nothing holds */
    containers_on_put(container, runtime->owner);
    held = containers_find(runtime->owner, id);
    if (held)
        held->from = runtime;
}

/* What was known of it holds; what somebody registered for it before us stays. */
void containers_on_unread(const struct docker *docker, const char *id, void *user)
{
    const struct runtime *runtime = user;
    struct container *container;
    struct held *held;

    if (runtime->is_bounded || containers_find(runtime->owner, id))
        return;
    container = container_new(docker_runtime(docker), id, NULL);
    if (!container || containers_add(runtime->owner, container, &held) < 0)
        return;
    held->is_unread = true;
    held->from = runtime;
}

void containers_on_ending(const char *id, void *user)
{
    const struct runtime *runtime = user;
    struct held *held = containers_find(runtime->owner, id);

    if (!held || is_of_another(runtime, held) || held->container->state == CONTAINER_ENDED)
        return;
    held->container->state = CONTAINER_ENDING;
    held->told_to_end_ms = clock_monotonic_ms();
    containers_changed(runtime->owner);
}

void containers_on_docker_gone(const char *id, void *user)
{
    const struct runtime *runtime = user;

    if (!is_of_another(runtime, containers_find(runtime->owner, id)))
        containers_on_gone(id, runtime->owner);
}

static int compare_container_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

void containers_on_listing(const struct docker *docker, void *user)
{
    struct runtime *runtime = user;

    (void)docker;
    runtime->list = ++runtime->owner->n_lists;
}

/* One that the runtime has told of meanwhile may have been created after it wrote the list: it may be at the gate just now. */
void containers_on_listed(const struct docker *docker, char (*ids)[DOCKER_ID_MAX + 1], size_t n, void *user)
{
    const struct runtime *runtime = user;
    struct containers *containers = runtime->owner;
    struct held *held;
    struct held *next;

    (void)docker;
    containers->documents_generation++; /* now and then, whatever has changed */
    qsort(ids, n, sizeof(*ids), compare_container_ids);
    HASH_ITER (hh, containers->all, held, next) {
        char key[DOCKER_ID_MAX + 1];

        (void)snprintf(key, sizeof(key), "%s", held->container->id);
        if (held->from == runtime && held->list < runtime->list &&
            !bsearch(key, ids, n, sizeof(*ids), compare_container_ids))
            containers_free_held(containers, held);
    }
    containers_changed(containers);
}
