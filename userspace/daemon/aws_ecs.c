/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of ECS that carries Service Connect: the table. */
#include "daemon/aws_calls.h"

const struct aws_operation aws_ecs_operations[] = {
    {NULL, NULL, false},
};
