/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The setting "tasks": which cgroups are tasks by their path. */
#pragma once

struct config_type;

extern const struct config_type config_type_tasks; /* at config->task_patterns */
