/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What has to change so that a daemon has everything an export has (state.h). What it has beside that stays. */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "cli/records.h"
#include "cli/state.h"

struct difference {
    const struct state_part *part;
    const cJSON *item; /* the export's */
    char *name;        /* "default/v1/a"; owned */
    cJSON *resets;     /* settings to be put back to their defaults first, or NULL; owned */
    bool is_new;       /* the daemon has none of that identity */
};

struct differences {
    struct difference *items; /* in the order in which changes have to be made */
    size_t count;
};

/* -EINVAL: something in the lists is no object, in `error`; -ENOMEM. `wanted` has to outlive the result. */
int differences_find(const cJSON *wanted, const cJSON *present, struct differences *ret_differences,
                     struct error *error);

/* Its items of a batch, behind those that are there. -ENOMEM. */
int difference_add_changes(const struct difference *difference, struct records *changes);

void differences_done(struct differences *differences);
