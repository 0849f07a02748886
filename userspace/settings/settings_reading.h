/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What service_settings.c and health_check.c share: reading members one by one with a report of what is
 * wrong, and whole numbers as tables that are read and written. */
#pragma once

#include "settings/service_settings.h"

struct settings_reading {
    struct settings_rights rights;
    service_settings_report report;
    void *user;
    unsigned n_bad;
    int status; /* 0 or -ENOMEM */
};

/* A member that is a whole number, kept in a uint32_t. */
struct settings_number {
    const char *name;
    size_t offset; /* in the struct it belongs to */
    uint32_t minimum, maximum;
    uint32_t scale;    /* 1000: seconds outside, milliseconds inside */
    uint32_t fallback; /* as it is kept */
};

/* `prefix` "" for a member of the settings themselves. */
void settings_bad(struct settings_reading *reading, const char *prefix, struct error *error);
void settings_refuse(struct settings_reading *reading, const char *field, const char *value,
                     const char *allowed, ...) __attribute__((format(printf, 4, 5)));
/* Reports the members that are not among the NULL-terminated `known`. */
void settings_check_members(struct settings_reading *reading, const cJSON *object, const char *prefix,
                            const char *const known[]);

/* Returns whether the member was given and good, and no null. */
bool settings_read_number(struct settings_reading *reading, const cJSON *object, const char *prefix,
                          const struct settings_number *number, void *base);
void settings_write_number(cJSON *object, const struct settings_number *number, const void *base,
                           bool is_full);

/* ---- health_check.c, health_check_read.c, health_check_rights.c ---- */

#define HEALTH_CHECK_TYPES   (HEALTH_CHECK_EXEC + 1)
#define HEALTH_CHECK_NUMBERS 5

extern const char *const health_check_type_names[HEALTH_CHECK_TYPES];
extern const struct settings_number
    health_check_numbers[HEALTH_CHECK_NUMBERS]; /* interval and timeout first */

/* `item` null: back to no check. */
void health_check_read(struct settings_reading *reading, const cJSON *item, struct health_check *check);
/* Refuses the check that `object` has led to if it takes rights that the reading has not. */
void health_check_check_rights(struct settings_reading *reading, const cJSON *object,
                               const struct health_check *check);
/* The caller's; NULL: no memory. */
cJSON *health_check_write(const struct health_check *check, bool is_full);
void health_check_free_command(char **command); /* NULL-safe */
