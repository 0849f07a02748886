/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The command of a health check read from JSON: with CMD, with CMD-SHELL, or the words alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings_reading.h"

#define FIELD "healthCheck.command"

/* The words that are run: without CMD, through the shell for CMD-SHELL. Returns their number; 0: refused. */
static size_t spell_command(struct settings_reading *reading, const cJSON *list,
                            const char *words[static HEALTH_CHECK_MAX_WORDS])
{
    const char *first = cJSON_IsString(list->child) ? list->child->valuestring : "";
    bool is_shell = strcmp(first, "CMD-SHELL") == 0;
    const cJSON *item = list->child;
    size_t size = 0;
    size_t n = 0;

    if (is_shell) {
        words[n++] = "/bin/sh";
        words[n++] = "-c";
        size += sizeof("/bin/sh") + sizeof("-c");
    }
    if (is_shell || strcmp(first, "CMD") == 0)
        item = item->next;
    for (; item; item = item->next) {
        if (!cJSON_IsString(item)) {
            settings_refuse(reading, FIELD, "(not all strings)", "a list of strings");
            return 0;
        }
        size += strlen(item->valuestring) + 1;
        if (n == HEALTH_CHECK_MAX_WORDS || size > HEALTH_CHECK_MAX_COMMAND) {
            settings_refuse(reading, FIELD, "(too long)", "at most %u words and %u bytes",
                            HEALTH_CHECK_MAX_WORDS, HEALTH_CHECK_MAX_COMMAND);
            return 0;
        }
        words[n++] = item->valuestring;
    }
    if (is_shell ? n != 3 || !*words[2] : n == 0 || !*words[0]) {
        settings_refuse(reading, FIELD, n == 0 || is_shell ? first : "(empty)",
                        is_shell ? "CMD-SHELL and one text for the shell" : "a program to run");
        return 0;
    }
    return n;
}

void health_check_read_command(struct settings_reading *reading, const cJSON *list,
                               struct health_check *check)
{
    const char *words[HEALTH_CHECK_MAX_WORDS];
    char **command;
    size_t n;

    if (!cJSON_IsArray(list) || !list->child) {
        settings_refuse(reading, FIELD, list->child ? "(no list)" : "(empty or no list)",
                        "[\"CMD\", \"PROGRAM\", ...], [\"CMD-SHELL\", \"TEXT\"] or [\"NONE\"]");
        return;
    }
    n = spell_command(reading, list, words);
    if (n == 0)
        return;
    command = calloc(n + 1, sizeof(*command));
    for (size_t i = 0; command && i < n; i++) {
        command[i] = strdup(words[i]);
        if (!command[i]) {
            setting_free_command(command);
            command = NULL;
        }
    }
    if (!command) {
        reading->status = -ENOMEM;
        return;
    }
    setting_free_command(check->command);
    check->command = command;
}
