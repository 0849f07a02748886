/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A container as its runtime tells of it, as plain data: what runtimes/ brings and workloads/ makes tasks and
 * instances of. Nothing in here has been believed yet: labels are texts that whoever started the container
 * chose.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <svcconnect/abi.h>

#include "base/address.h"
#include "base/cleanup.h"

/* Of one container; what is beyond is left out, and the container says so (is_cut). */
#define CONTAINER_LABELS_MAX   64 /* of those that mean something here */
#define CONTAINER_NETWORKS_MAX 32
#define CONTAINER_PORTS_MAX    64
#define CONTAINER_STOP_S       10   /* where nobody has said how long it may take to stop */
#define CONTAINER_TEXT_MAX     1024 /* a label's value */

enum container_state {
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_PAUSED,
    CONTAINER_ENDING, /* has been told to end */
    CONTAINER_ENDED,
};

enum container_health {
    CONTAINER_UNCHECKED, /* nobody checks it */
    CONTAINER_STARTING,
    CONTAINER_HEALTHY,
    CONTAINER_UNHEALTHY,
};

enum container_network_mode {
    CONTAINER_OWN_NETWORK, /* on the networks in the list */
    CONTAINER_HOST_NETWORK,
    CONTAINER_NO_NETWORK,
    CONTAINER_SHARED_NETWORK, /* another container's: `shares_with` */
};

struct container_label {
    char *name;
    char *value;
};

struct container_network {
    char *name;
    bool has_v4;
    bool has_v6;
    struct ip_address v4;
    struct ip_address v6;
};

struct container_port {
    uint16_t port; /* host order, inside the container */
    enum svc_protocol protocol;
    uint16_t published_port;     /* of the host, that leads to it; 0: none */
    struct ip_address published; /* the host's address; unspecified (0.0.0.0, ::): all of them */
};

/* Texts are the container's own. */
struct container {
    char *id;      /* as the runtime tells it, whole */
    char *name;    /* what people call it; may be the id */
    char *image;   /* NULL: not known */
    char *runtime; /* "docker", "podman", "containerd" */
    char *cgroup;  /* path below the cgroup root; NULL: not known yet */
    pid_t pid;     /* of its first process; 0: it has none, or none is known */
    enum container_state state;
    enum container_health health;
    enum container_network_mode network_mode;
    char *shares_with;       /* id or name of the container whose network it has; else NULL */
    int64_t started_at;      /* wall clock, seconds; 0: never */
    uint32_t stop_timeout_s; /* what its runtime gives it from the signal to the kill */
    struct container_label *labels;
    size_t n_labels;
    struct container_network *networks; /* sorted by name */
    size_t n_networks;
    /* Of its own network namespace, where the runtime tells none: others made that network, as ECS does. */
    bool has_own_address;
    struct ip_address own_address;
    struct container_port *ports; /* those it exposes, sorted */
    size_t n_ports;
    bool is_cut; /* it has more labels, networks or ports than are kept */
};

/* NULL: no memory. `name` NULL: the id. */
struct container *container_new(const char *runtime, const char *id, const char *name);
void container_free(struct container **container); /* NULL-safe; sets to NULL */

/* Does a label of this name mean something here? Others need not be kept. */
bool container_label_matters(const char *name);

/*
 * Each adds one and copies the texts. What does not fit, or means nothing here, is left out and 0 is returned;
 * a label of a name that is there takes its place. -ENOMEM.
 */
int container_add_label(struct container *container, const char *name, const char *value);
int container_add_network(struct container *container, const struct container_network *network);
int container_add_port(struct container *container, uint16_t port, enum svc_protocol protocol);

/* A port of the host that leads to it, which it may not expose otherwise. The first of several is kept. -ENOMEM. */
int container_publish_port(struct container *container, const struct container_port *port);

/* Its value; NULL: it has no such label. */
const char *container_label(const struct container *container, const char *name);

static inline void cleanup_container(struct container **container)
{
    container_free(container);
}
#define _cleanup_container_ _cleanup_(cleanup_container)
