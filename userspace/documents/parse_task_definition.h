/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What Service Connect needs of a task definition: its family, its port mappings, its network mode. */
#pragma once

#include "documents/document_reader.h"

struct port_mapping {
    const char *name;        /* of portMappings[].name; NULL: it has none */
    uint32_t container_port; /* 0: none, or a bad one */
    bool is_range;           /* containerPortRange in its place */
    enum svc_protocol protocol;
    const char *app_protocol; /* NULL: plain TCP */
};

/* Strings belong to the JSON. */
struct task_definition {
    const cJSON *json;
    const char *family; /* NULL: left out or bad */
    uint32_t revision;  /* 0: left out */
    const char *network_mode;
    struct port_mapping *mappings; /* by name, those without one last */
    size_t n_mappings;
    size_t n_named;
};

/* Findings go to the reader, which stands at the task definition. */
void task_definition_parse(struct document_reader *reader, const cJSON *json, bool is_family_required,
                           struct task_definition *ret_definition);
void task_definition_done(struct task_definition *definition);

/* NULL: no mapping has that name. */
const struct port_mapping *task_definition_mapping(const struct task_definition *definition,
                                                   const char *name);
