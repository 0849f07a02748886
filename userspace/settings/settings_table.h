/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every setting of a service, declared once. How one is read and written as JSON, copied, compared and shown
 * in the help of `svcconnect set`, what completion offers and which members documents know: all of it goes by
 * these tables.
 *
 * A new setting takes four files:
 *   1. settings/service_settings.h  the member of the struct, and its default in the macro there;
 *   2. settings/settings_table.c    its row;
 *   3. docs/api.md                  what it takes;
 *   4. docs/man/svcconnect.1        the same for people.
 * And of course whoever acts by it. tests/unit/settings/test_settings_table.c walks the rows, so it tests a
 * new one without being told, and fails where a member has no row or a document no word of it.
 */
#pragma once

#include "settings/service_settings.h"

enum setting_kind {
    SETTING_NUMBER,   /* whole, in a uint16_t or uint32_t */
    SETTING_CHOICE,   /* one of two words, in a bool: is it the second? */
    SETTING_WORD,     /* one of some words, its place among them in a uint32_t */
    SETTING_SAMPLE,   /* off, all, or 1/N: N in a uint16_t, 0 and 1 for the words */
    SETTING_ZONES,    /* char *, owned; NULL: not set. See zone_clients.h */
    SETTING_CLIENTS,  /* the same. See allow_from.h */
    SETTING_TYPE,     /* of a health check */
    SETTING_STATUS,   /* of a health check: a range, in two uint16_t side by side */
    SETTING_TEXT,     /* char *, owned; NULL: not set */
    SETTING_COMMAND,  /* char **, owned, NULL-terminated; NULL: not set */
    SETTING_CHECK,    /* an object: struct health_check */
    SETTING_EJECTION, /* an object: struct ejection_policy */
};

struct setting {
    const char *name; /* as JSON has it */
    enum setting_kind kind;
    size_t offset; /* of what is kept, in the struct that the table is about */
    size_t size;
    size_t own; /* offset of the bool that tells whether the service has it of its own; 0: there is none */
    uint32_t minimum, maximum; /* of numbers, as they are given */
    uint32_t ecs_minimum;      /* where ECS's form of a health check takes less; 0: the same */
    uint32_t scale;            /* 1000: seconds outside, milliseconds inside */
    bool is_optional;          /* of numbers: 0 is "not set", which cannot be given and is not shown */
    const char *words[4];      /* of choices and words, NULL behind the last; the first is the default */
    const char *takes;         /* for people, where kind and range do not tell */
    const char *help;
    const struct setting *members; /* of objects */
};

/* Each table ends with a row without name. */
extern const struct setting service_setting_rows[]; /* of struct service_settings */
extern const struct setting health_check_rows[];    /* of struct health_check */
extern const struct setting ejection_policy_rows[]; /* of struct ejection_policy */

#define SETTING_MEMBERS_MAX 32

/* The names of the rows, NULL-terminated. */
void setting_names(const struct setting *rows, const char *ret_names[static SETTING_MEMBERS_MAX + 1]);

/* A number as it is given, not as it is kept. */
uint32_t setting_number(const struct setting *row, const void *base);

void setting_free_command(char **command); /* NULL-safe */

/* ---- whole structs by their table ---- */

bool settings_equal(const struct setting *rows, const void *a, const void *b);

/* *to is a copy of *from, texts included by pointer; gives it texts of its own. -ENOMEM: it has
 * none at all. */
int settings_own(const struct setting *rows, const void *from, void *to);
/* Frees the texts and leaves NULL. */
void settings_disown(const struct setting *rows, void *base);
