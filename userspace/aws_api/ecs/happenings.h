/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What happens to ECS's services beside their deployments: instances come and go, by whatever entrance, and a
 * service reaches its steady state. For the events of describe-services; kept in memory, of this run alone, the
 * last of each service. A follower of the engine.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "engine/follower.h"

#define HAPPENINGS_OF_A_SERVICE 20
#define HAPPENINGS_SERVICES     1000 /* beyond, the service that came first is forgotten */

struct happening_list;

struct ecs_happenings {
    struct engine *engine;
    struct happening_list *lists; /* by namespace and document */
    int64_t (*clock_ms)(void);    /* wall clock; tests put theirs here */
    uint64_t n;                   /* how many there have been */
};

void ecs_happenings_init(struct ecs_happenings *happenings, struct engine *engine);
void ecs_happenings_done(struct ecs_happenings *happenings);

extern const struct engine_follower ecs_happenings_follower; /* `user`: the happenings */

/* Merges those of the document, whose service has the name, into a list of events, the latest first. NULL-safe. */
void ecs_happenings_show(const struct ecs_happenings *happenings, const char *namespace_name,
                         const char *document, const char *name, cJSON *events);
