/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The daemon's command line: the flags of the settings and those that are none. */
#pragma once

#include "daemon/config.h"

/* The file is named by a flag and yet comes before all of them, so the command line is read twice. */
enum config_flags {
    CONFIG_FLAGS_FILE, /* --config alone */
    CONFIG_FLAGS_REST,
};

/* -EINVAL with what is wrong. *action stays where no flag says another. */
int config_read_flags(int argc, char **argv, enum config_flags which, struct config *config,
                      enum config_action *action, struct error *error);
