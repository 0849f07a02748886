/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Shapes that ECS's services and its task definitions share. */
#pragma once

#include "aws/aws_shape_words.h"

extern const struct aws_shape ecs_tag[];
extern const struct aws_shape ecs_log_configuration[];
extern const struct aws_shape ecs_register_task_definition[];
