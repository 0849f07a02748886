/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whose is this id? Asked of one runtime while the container's start is under way and its program is held, so by requests
 * alone that no runtime answers only after the start:
 *
 *   docker   GET /containers/json?all=1 of this id: labels in state "created"
 *   podman   GET /events of the last minutes, of this id's creation: its lists wait for the container's lock, which its start
 *            has, and its stream of events is some 250 ms late where events are kept in a file
 */
#pragma once

#include <stdint.h>

#include "model/container.h"

struct docker_lookup;
struct fetcher;

struct docker_lookup_request {
    struct fetcher *fetcher;
    const char *runtime; /* "docker", "podman"; outlives the lookup */
    const char *socket;
    const char *id;      /* hexadecimal digits */
    uint32_t timeout_ms; /* then it is not known */
    /* Once, unless cancelled; the lookup is gone then. NULL: it does not know, or does not answer. The receiver frees it. */
    void (*done)(struct container *container, void *user);
    void *user;
};

/* -ENOMEM, -ENAMETOOLONG, -EINVAL (no id): nobody will be told. */
int docker_lookup_start(const struct docker_lookup_request *request, struct docker_lookup **ret_lookup);
void docker_lookup_cancel(struct docker_lookup **lookup); /* NULL-safe; sets to NULL */
