/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ECS's names and ARNs, and what it shows of clusters, task definitions and services. What is kept has the
 * members of the requests; times are under the names they are shown by. Pure. */
#pragma once

#include "aws/aws_fields.h"
#include "model/catalog.h"

#define ECS_ARN_SIZE     700
#define ECS_NAME_MAX     255
#define ECS_KEY_SIZE     (ECS_NAME_MAX + 16)
#define ECS_DEFAULT_NAME "default"
#define AWS_OWNER        "svcconnectOwner" /* of what is kept: the namespace that it belongs to; never shown */

/* "arn:aws:ecs:REGION:ACCOUNT:KIND/NAME" */
const char *ecs_arn(const char *region, const char *kind, const char *name, char arn[static ECS_ARN_SIZE]);

/* A name of 1 to 255 letters, digits, _ and - in that member, or an ARN of the `kind`, of which the last part
 * is the name. `usual` where it is missing; NULL: it is required. */
int ecs_get_name(const cJSON *body, const char *member, const char *kind, const char *usual,
                 const char **ret_name, struct aws_error *error);
/* The name of an item, whatever it looks like: of an ARN what follows the last '/'. */
const char *ecs_last_part(const char *text);

/* "tags" of a request. */
int ecs_get_tags(const cJSON *body, const cJSON **ret_tags, struct aws_error *error);

/* "FAMILY:REVISION" taken apart; revision 0: none. */
int ecs_parse_definition(const char *text, char family[static ECS_NAME_MAX + 1], unsigned *ret_revision);

struct ecs_counts {
    unsigned running;
    unsigned services;
};

/* The caller frees each. `default_namespace`: the ARN of it, or NULL. */
cJSON *ecs_cluster_view(const char *name, const cJSON *kept, const char *default_namespace,
                        const struct ecs_counts *counts, const char *region);
cJSON *ecs_definition_view(const char *name, const cJSON *kept, const char *region);
/* `document` is the service's; `resources`, a list of its Cloud Map services, is taken over. */
cJSON *ecs_service_view(const cJSON *document, const char *status, unsigned running, cJSON *resources,
                        bool with_tags, const char *region);
