/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The list in the help of `set`, row by row of the table that the daemon reads settings by. */
#include "cli/settings_help.h"

#include <string.h>

#include "base/cleanup.h"
#include "settings/settings_table.h"

/* "prefer|only|off" */
static void list_words(const struct setting *row, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < ARRAY_SIZE(row->words) && row->words[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "|" : "", row->words[i]);
}

static void settings_help_print_row(FILE *out, const char *group, const struct setting *row,
                                    const void *defaults)
{
    char range[64];
    char text[128];
    char usual[64] = "";

    (void)snprintf(range, sizeof(range), "%u..%u", row->minimum, row->maximum);
    if (row->words[0])
        list_words(row, range, sizeof(range));
    if (row->words[0])
        (void)snprintf(usual, sizeof(usual), " (%s)", row->words[0]);
    else if (row->kind == SETTING_NUMBER && !row->is_optional)
        (void)snprintf(usual, sizeof(usual), " (%u)", setting_number(row, defaults));
    (void)snprintf(text, sizeof(text), "%s%s%s=%s", group, *group ? "." : "", row->name,
                   row->takes ? row->takes : range);
    (void)fprintf(out, "  %-38s %s%s\n", text, row->help, usual);
}

bool settings_are_seconds(const char *group, const char *name)
{
    const struct setting *rows = service_setting_rows;

    for (const struct setting *row = rows; *group && row->name; row++)
        if (strcmp(row->name, group) == 0)
            rows = row->members;
    for (; rows && rows->name; rows++)
        if (strcmp(rows->name, name) == 0)
            return rows->kind == SETTING_NUMBER && rows->scale == 1000;
    return false;
}

void settings_help_print(FILE *out)
{
    (void)fprintf(out, "\nsettings (and their defaults); times are in seconds:\n");
    for (const struct setting *row = service_setting_rows; row->name; row++) {
        if (!row->members) {
            settings_help_print_row(out, "", row, &service_settings_default);
            continue;
        }
        for (const struct setting *inner = row->members; inner->name; inner++)
            settings_help_print_row(out, row->name, inner,
                                    (const char *)&service_settings_default + row->offset);
    }
}
