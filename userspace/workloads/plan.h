/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which of a host's containers are tasks, of what namespace and service, and which instances they are. A pure
 * function of all containers: the same ones give the same plan, in whatever order they come, so that whoever
 * carries it out only compares with what there is.
 *
 * Containers that share a network namespace, or are of one ECS task, are one task: what one of them says of
 * itself holds for all. Where two of them say different things, the first by name counts and the others are
 * told so.
 *
 * An instance's address is that of the network which its label names, else the only one, else the one that it
 * shares with most tasks of its namespace, else the first by name; a container that has several and no label
 * is told which was taken. With the host's network it is the host's address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/container.h"
#include "workloads/labels.h"

#define WORKLOAD_NOTE_SIZE 320

/* What a document says of the containers of a task definition. */
struct workload_port {
    const char *service;   /* discovery name */
    const char *container; /* its name in the task definition; NULL: not known */
    uint16_t port;         /* host order; 0 with no container */
    enum svc_protocol protocol;
};

struct workload_document {
    const char *namespace_name;
    const char *name;
    const struct workload_port *ports;
    size_t n_ports;
    bool is_one_of_several; /* others are of the same family */
};

struct workload_settings {
    const char *default_namespace;
    bool has_host_address;
    struct ip_address host_address; /* of containers on the host's network */
    /* Does tasks' name `dns_name` lead somewhere in the namespace? NULL: nobody is warned. */
    bool (*has_name)(const char *namespace_name, const char *dns_name, void *user);
    /*
     * The document of a task definition's family: in the namespace, or if that is NULL in any, that of the cluster's
     * name (NULL: none) first. It stays as long as the plan. NULL: there is none, or nobody knows documents.
     */
    const struct workload_document *(*find_document)(const char *family, const char *namespace_name,
                                                     const char *cluster, void *user);
    void *user;
};

/* One endpoint. The id is the container's and its start's, so that a container which was started again is
 * another instance. */
struct workload_instance {
    char id[MODEL_INSTANCE_MAX + 1];
    char service[MODEL_SERVICE_MAX + 1]; /* discovery name */
    struct ip_address address;
    uint16_t port; /* host order */
    enum svc_protocol protocol;
    uint32_t weight;
    bool is_healthy;             /* as the runtime says it */
    bool is_draining;            /* it has been told to end */
    const char *zone;            /* NULL: not said */
    uint16_t published_port;     /* of this host, by which other hosts reach it; 0: none */
    struct ip_address published; /* with that port */
    /* What clients call the service by, if nobody else has declared it. */
    struct client_alias *aliases;
    size_t n_aliases;
};

struct workload {
    const struct container *container;
    struct container_wish wish;
    const struct workload_document *document; /* of ECS; NULL: none, or its labels go before */
    bool is_task;
    char why_not[WORKLOAD_NOTE_SIZE]; /* why it is left alone */
    char note[WORKLOAD_NOTE_SIZE];    /* a warning; "": none */
    const char *namespace_name;
    const char *service;                   /* whose routes it sees, and what it goes by; "": none */
    const struct container *network_owner; /* whose networks it has: itself, or another one of its task */
    const char *network;                   /* of these, whose address clients are to use; NULL: of none */
    bool has_address;                      /* the one that clients are to use */
    struct ip_address address;
    struct workload_instance *instances;
    size_t n_instances;
    size_t group; /* index of the first of those that are one task with it */
    size_t owner; /* of the group's first: index of the member whose network they have, n if none is known */
};

struct workload_plan {
    struct workload *items; /* one per container, in their order */
    size_t n;
};

/* The containers outlive the plan, as do the settings' texts. -ENOMEM. */
int workload_plan_make(const struct container *const *containers, size_t n,
                       const struct workload_settings *settings, struct workload_plan *ret_plan);
void workload_plan_free(struct workload_plan *plan); /* good for a zeroed one */
