/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "health/check_copy.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* Copies to `*end` and moves it on. NULL stays NULL. */
static char *put_text(char **end, const char *text)
{
    char *copy = *end;

    if (!text)
        return NULL;
    memcpy(copy, text, text_size(text));
    *end += text_size(text);
    return copy;
}

struct health_check *check_copy(const struct health_check *check)
{
    struct memory {
        struct health_check check;
        char *command[];
    } * memory;
    size_t n_command = 0; /* with the closing NULL */
    size_t size = sizeof(*memory) + text_size(check->path) + text_size(check->host);
    char *end;

    if (check->command) {
        for (; check->command[n_command]; n_command++)
            size += text_size(check->command[n_command]);
        n_command++;
    }
    memory = malloc(size + n_command * sizeof(memory->command[0]));
    if (!memory)
        return NULL;
    memory->check = *check;
    end = (char *)&memory->command[n_command];
    memory->check.path = put_text(&end, check->path);
    memory->check.host = put_text(&end, check->host);
    memory->check.command = check->command ? memory->command : NULL;
    for (size_t i = 0; i < n_command; i++)
        memory->command[i] = put_text(&end, check->command[i]);
    return &memory->check;
}

static bool is_text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_command_equal(char *const *a, char *const *b)
{
    if (!a || !b)
        return a == b;
    while (*a && *b && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return !*a && !*b;
}

bool check_copy_equal(const struct health_check *a, const struct health_check *b)
{
    return a->type == b->type && a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
           a->start_period_ms == b->start_period_ms && a->rise == b->rise && a->fall == b->fall &&
           a->port == b->port && a->status_min == b->status_min && a->status_max == b->status_max &&
           is_text_equal(a->path, b->path) && is_text_equal(a->host, b->host) &&
           is_command_equal(a->command, b->command);
}
