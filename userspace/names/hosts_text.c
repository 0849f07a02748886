/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "names/hosts_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define BLOCK_BEGIN "# svcconnect: names of this task's namespace; kept up to date by svcconnectd"
#define BLOCK_END   "# svcconnect: end"

static int by_name(const void *a, const void *b)
{
    return strcasecmp((*(const struct hosts_entry *const *)a)->name, (*(const struct hosts_entry *const *)b)->name);
}

static int name_against_entry(const void *name, const void *entry)
{
    return strcasecmp(name, (*(const struct hosts_entry *const *)entry)->name);
}

/* Does a line of the host's own file define one of our names? Aliases after the first name count too. */
static bool defines_entry(const char *line, const struct hosts_entry *const *sorted, size_t n)
{
    _cleanup_free_ char *copy = strdup(line);
    char *state = NULL;
    char *word;

    if (!copy || n == 0)
        return false;
    copy[strcspn(copy, "#")] = '\0';
    (void)strtok_r(copy, " \t\r", &state);
    while ((word = strtok_r(NULL, " \t\r", &state)))
        if (bsearch(word, sorted, n, sizeof(*sorted), name_against_entry))
            return true;
    return false;
}

static void copy_base(FILE *out, char *base, const struct hosts_entry *const *sorted, size_t n)
{
    bool in_block = false;

    for (char *line = base, *end; line && *line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        if (strcmp(line, BLOCK_BEGIN) == 0)
            in_block = true;
        if (!in_block)
            (void)fprintf(out, "%s%s\n", defines_entry(line, sorted, n) ? "# svcconnect: " : "", line);
        if (strcmp(line, BLOCK_END) == 0)
            in_block = false;
    }
}

int hosts_text_build(const char *base, const struct hosts_entry *entries, size_t n_entries, char **ret_text)
{
    _cleanup_free_ const struct hosts_entry **sorted = calloc(n_entries + 1, sizeof(*sorted));
    _cleanup_free_ char *copy = strdup(base);
    char address[IP_ADDRESS_TEXT_SIZE];
    char *text = NULL;
    size_t size = 0;
    FILE *out;

    if (!sorted || !copy)
        return -ENOMEM;
    out = open_memstream(&text, &size);
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < n_entries; i++)
        sorted[i] = &entries[i];
    if (n_entries)
        qsort(sorted, n_entries, sizeof(*sorted), by_name);
    copy_base(out, copy, sorted, n_entries);
    (void)fprintf(out, "%s\n", BLOCK_BEGIN);
    for (size_t i = 0; i < n_entries; i++) {
        (void)fprintf(out, "%s %s\n", ip_address_format(&entries[i].address, address), entries[i].name);
        (void)fprintf(out, "%s %s\n", ip_address_format(&entries[i].address6, address), entries[i].name);
    }
    (void)fprintf(out, "%s\n", BLOCK_END);
    if (fclose(out) != 0) {
        free(text);
        return -ENOMEM;
    }
    *ret_text = text;
    return 0;
}
