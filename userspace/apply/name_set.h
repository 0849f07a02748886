/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which of many names are there: a document may have 100,000, each asked for once. */
#pragma once

#include <stdbool.h>

struct name_set_item;

struct name_set {
    struct name_set_item *items;
};

/* Copies; one that is there already stays. -ENOMEM. */
int name_set_add(struct name_set *set, const char *name);
bool name_set_has(const struct name_set *set, const char *name);
void name_set_done(struct name_set *set);
