/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What Docker's API answers (https://docs.docker.com/reference/api/engine/), as podman speaks it too: one container
 * as GET /containers/ID/json tells it, the ids of GET /containers/json, one line of GET /events. Members that are
 * missing or of another type are taken for not said: labels are strangers', but so is the runtime's version.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/container.h"

#define DOCKER_INSPECT_MAX (4u << 20) /* bytes of an answer; 10,000 labels are about one */
#define DOCKER_LIST_MAX    (64u << 20)
#define DOCKER_EVENT_MAX   (1u << 20)
#define DOCKER_ID_MAX      64
#define DOCKER_STOP_MAX    86400 /* seconds */

enum docker_action {
    DOCKER_OTHER,   /* nothing that matters here */
    DOCKER_CREATED, /* with its labels: `container` */
    DOCKER_CHANGED, /* started, ended, paused, renamed, healthy, on another network: to be asked for */
    DOCKER_ENDING,  /* told to end, by a signal that ends */
    DOCKER_DESTROYED,
};

struct docker_event {
    enum docker_action action;
    char id[DOCKER_ID_MAX + 1];
    struct container *container; /* the receiver frees it; NULL: none */
};

/* -EINVAL: no JSON, or no id in it; -ENOMEM. */
int docker_read_inspect(const char *runtime, const char *text, size_t length,
                        struct container **ret_container, struct error *error);
/* The ids, each of 1 to DOCKER_ID_MAX characters, in one piece of memory that the caller frees. */
int docker_read_list(const char *text, size_t length, char (**ret_ids)[DOCKER_ID_MAX + 1], size_t *ret_n,
                     struct error *error);
/* What such a list tells of one id, its labels above all: state, networks and ports are not read. *ret_container NULL: not listed. */
int docker_read_listed(const char *runtime, const char *text, size_t length, const char *id,
                       struct container **ret_container, struct error *error);
int docker_read_event(const char *runtime, const char *text, size_t length, struct docker_event *ret_event,
                      struct error *error);
