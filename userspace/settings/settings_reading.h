/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Private to settings/: reading members one by one with a report of what is wrong, and writing them. */
#pragma once

#include "settings/settings_table.h"

struct settings_reading {
    struct settings_rights rights;
    service_settings_report report;
    void *user;
    unsigned n_bad;
    int status; /* 0 or -ENOMEM */
};

/* `prefix` "" for a member of the settings themselves. */
void settings_bad(struct settings_reading *reading, const char *prefix, struct error *error);
void settings_refuse(struct settings_reading *reading, const char *field, const char *value,
                     const char *allowed, ...) __attribute__((format(printf, 4, 5)));
/* Reports the members that are not among the NULL-terminated `known`. */
void settings_check_members(struct settings_reading *reading, const cJSON *object, const char *prefix,
                            const char *const known[]);

/* Puts a copy in the place of *member; `text` may be NULL. */
void settings_keep_text(struct settings_reading *reading, const char *text, char **member);

/*
 * Numbers of a struct. `defaults` is such a struct as well: null puts a number back to what it is there, and
 * what is the same there is written only where everything is. Returns whether the member was given and good,
 * and no null.
 */
bool settings_read_number(struct settings_reading *reading, const cJSON *object, const char *prefix,
                          const struct setting *row, void *base, const void *defaults);
void settings_write_number(cJSON *object, const struct setting *row, const void *base, const void *defaults,
                           bool is_full);

/* ---- health_check.c, health_check_read.c, health_check_command.c, health_check_rights.c ---- */

#define HEALTH_CHECK_TYPES (HEALTH_CHECK_EXEC + 1)

extern const char *const health_check_type_names[HEALTH_CHECK_TYPES];

/* `item` null: back to no check. */
void health_check_read(struct settings_reading *reading, const cJSON *item, struct health_check *check);
/* Refuses the check that `object` has led to if it takes rights that the reading has not. */
void health_check_check_rights(struct settings_reading *reading, const cJSON *object,
                               const struct health_check *check);
/* `list` is the member as it is given. */
void health_check_read_command(struct settings_reading *reading, const cJSON *list,
                               struct health_check *check);
/* The caller frees it; NULL: no memory. */
cJSON *health_check_write(const struct health_check *check, bool is_full);
