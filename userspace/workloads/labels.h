/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a container's labels ask for. */
#pragma once

#include "base/error.h"
#include "model/catalog.h"
#include "model/container.h"
#include "model/names.h"

#define LABELS_PORTS_MAX   16
#define LABELS_ALIASES_MAX 16
#define LABELS_WEIGHT_MAX  65535u /* as the control API's */

/* A port that is published. */
struct label_port {
    const char *name; /* of svcconnect.port.NAME; "" for svcconnect.port */
    uint16_t port;    /* host order */
    enum svc_protocol protocol;
};

/* A name clients call the service by; port 0: the port the container listens at. */
struct label_alias {
    char dns_name[SVC_DNS_NAME_SIZE];
    uint16_t port;
};

/* Texts are the container's. */
struct container_wish {
    bool is_wanted;             /* does anything say that this is a task? */
    bool is_refused;            /* svcconnect.enable=false */
    const char *service;        /* discovery name; NULL: it serves nothing, or its document says what */
    const char *document;       /* of ECS: the task definition's family, which documents go by; else NULL */
    const char *task;           /* ARN of the ECS task; NULL: none */
    const char *task_container; /* its name in the task definition; NULL: not said */
    const char *cluster;        /* of ECS, its name; NULL: none */
    const char *namespace_name; /* "": the default */
    bool is_namespace_said;     /* by svcconnect.namespace */
    const char *zone;           /* NULL: not said */
    const char *network;        /* NULL: not said */
    const char *project;        /* of compose; NULL: none */
    uint32_t weight;
    bool serves_while_starting; /* takes traffic before its health check has passed */
    struct label_port ports[LABELS_PORTS_MAX];
    size_t n_ports;      /* 0: the only port that it exposes */
    const char *aliases; /* checked, for labels_next_alias(); NULL: the usual ones */
    const char *unknown; /* name of a label that begins like ours and is none; NULL: there is none */
};

/*
 * Reads the labels of the container, which stays as it is as long as the wish is used. -EINVAL: a label that
 * cannot be meant; the container is left alone then, rather than half understood.
 */
int labels_read(const struct container *container, struct container_wish *ret_wish, struct error *error);

/*
 * The next name of a wish's `aliases`, from *cursor, which is moved on. false: there are no more. What was
 * checked once can be read.
 */
bool labels_next_alias(const char **cursor, struct label_alias *ret_alias);
