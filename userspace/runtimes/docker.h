/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Docker, or podman by the same API, over its socket:
 *
 *   connect     GET /events since now, then GET /containers/json: no gap between them
 *   each id     GET /containers/ID/json, a few at a time; asked again if something happened meanwhile
 *   an event    created: told at once, with its labels; else the container is asked for
 *   now and then, and whenever the stream has ended, all of it again: the runtime is the truth
 *
 * GET /containers/ID/json answers only when the container's start is over, so whoever holds a start must not wait for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtimes/docker_json.h"

struct docker;
struct event_base;
struct fetcher;

struct docker_settings {
    struct event_base *base;
    struct fetcher *fetcher;
    const char *runtime; /* "docker", "podman" */
    const char *socket;
    uint32_t resync_ms; /* between two lists while all is quiet; 0: a minute */
    /* The receiver frees the container. */
    void (*put)(struct container *container, void *user);
    void (*ending)(const char *id, void *user);
    void (*gone)(const char *id, void *user);
    /* It is there, but could not be asked for; the next list asks again. */
    void (*unread)(const struct docker *docker, const char *id, void *user);
    /* What there is is being asked for: whatever is told from now on may be missing in the answer. */
    void (*listing)(const struct docker *docker, void *user);
    /* These are all that there are; each of them is put (or gone, or unread) soon, and then `settled` is told. */
    void (*listed)(const struct docker *docker, char (*ids)[DOCKER_ID_MAX + 1], size_t n, void *user);
    void (*settled)(const struct docker *docker, void *user);
    /* `reason` is for people, "" while it is connected. */
    void (*connection)(const struct docker *docker, bool is_connected, const char *reason, void *user);
    void *user;
};

/* Connects, and goes on trying. Texts and pointers outlive it. -ENOMEM. */
int docker_new(const struct docker_settings *settings, struct docker **ret_docker);
void docker_free(struct docker **docker); /* NULL-safe; sets to NULL */
const char *docker_runtime(const struct docker *docker);
