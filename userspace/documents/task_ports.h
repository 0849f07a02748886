/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Of a stored document, what running containers of its task definition are: which container serves which discovery name, at
 * which port. The document was in force, so it is read leniently, without findings; what cannot be meant is left out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

struct task_port {
    char *discovery_name;
    char *container; /* whose port mapping it is; NULL: the task definition is not in the document */
    uint16_t port;   /* host order; 0 with no container */
    enum svc_protocol protocol;
};

struct task_ports {
    char *family;
    struct task_port *items;
    size_t n;
};

#define TASK_PORTS_TEXT_MAX (256u << 10) /* bytes of a document, which are read on the loop */

/* -EINVAL: it has no task definition; -E2BIG: longer than that; -ENOMEM. */
int task_ports_read(const char *text, size_t length, struct task_ports *ret_ports);
void task_ports_done(struct task_ports *ports); /* good for a zeroed one */
