/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * registry copy: a host's own registry goes into a fleet's. First everything is compared; what the fleet has otherwise
 * refuses the copy as a whole. Then rows are written some at a time, so a copy that was interrupted goes on when it is
 * made again. The etcd is reached as the daemon's configuration file says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_etcd.h"
#include "cli/report.h"
#include "cli/text.h"
#include "registry/sqlite/sqlite_backup.h"

#define SHOWN_MAX  20
#define BAR_WIDTH  40
#define MOST_TRIES 8

struct copy_command {
    const struct invocation *invocation;
    const char *from;
    struct registry_etcd etcd;
    struct registry *registry;
    struct registry_row *rows; /* of the host, in key order; what the fleet has already is taken out */
    size_t n_rows, n_same, n_other;
};

static int take_row(const char *key, const char *value, void *user)
{
    struct copy_command *command = user;
    struct registry_row row = {strdup(key), strdup(value)};

    if (!row.key || !row.value || ARRAY_MAKE_ROOM(command->rows, command->n_rows) < 0) {
        free(row.key);
        free(row.value);
        return -ENOMEM;
    }
    command->rows[command->n_rows++] = row;
    return 0;
}

/* ---- what there is to do ---- */

static int copy_compare_keys(const void *key, const void *row)
{
    return strcmp(key, ((const struct registry_row *)row)->key);
}

/* A row of the fleet: what is the same needs no copy, what is not is said. */
static int compare_with(const char *key, const char *value, void *user)
{
    struct copy_command *command = user;
    struct registry_row *row = command->n_rows ? bsearch(key, command->rows, command->n_rows,
                                                         sizeof(*command->rows), copy_compare_keys)
                                               : NULL;

    if (!row || !row->value)
        return 0;
    if (strcmp(row->value, value) != 0) {
        if (command->n_other++ < SHOWN_MAX && !command->invocation->is_json)
            (void)fprintf(stderr, "the fleet has another %s\n", key);
        return 0;
    }
    command->n_same++;
    free(row->value);
    row->value = NULL;
    return 0;
}

static int compare_all(struct copy_command *command)
{
    const struct invocation *invocation = command->invocation;
    struct error error = {0};
    size_t n = 0;

    if (sqlite_backup_read(command->from, take_row, command, &error) < 0 ||
        etcd_registry_open(&command->etcd.settings, &command->registry, &error) < 0 ||
        registry_load(command->registry, "", compare_with, command, &error) < 0)
        return report_error(invocation, CLI_FAILED, "%s: nothing was changed", error.message);
    for (size_t i = 0; i < command->n_rows; i++) {
        if (command->rows[i].value)
            command->rows[n++] = command->rows[i];
        else
            free(command->rows[i].key);
    }
    command->n_rows = n;
    return CLI_DONE;
}

/* ---- doing it ---- */

static void draw_copied(const struct copy_command *command, size_t done)
{
    size_t filled = command->n_rows ? done * BAR_WIDTH / command->n_rows : BAR_WIDTH;

    if (command->invocation->is_json || !isatty(STDERR_FILENO))
        return;
    (void)fprintf(stderr, "\r[%.*s%*s] %zu of %zu%s", (int)filled, "########################################",
                  (int)(BAR_WIDTH - filled), "", done, command->n_rows, done == command->n_rows ? "\n" : "");
    (void)fflush(stderr);
}

/* Another host may write in between: what it wrote is read, and the same rows are tried again. */
static int write_some(struct copy_command *command, size_t at, size_t n, struct error *error)
{
    uint64_t revision;
    int r = -EAGAIN;

    for (unsigned i = 0; r == -EAGAIN && i < MOST_TRIES; i++) {
        r = registry_commit(command->registry, command->rows + at, n, &revision, error);
        if (r == -EAGAIN) {
            struct copy_command unheard = {.invocation = command->invocation};

            r = registry_load(command->registry, "", compare_with, &unheard, error);
            r = r == 0 ? -EAGAIN : r;
        }
    }
    return r;
}

/* As many rows as fit into one request. */
static size_t next_piece(const struct copy_command *command, size_t at)
{
    size_t bytes = 0, n = 0;

    /* Each may be the only one of its namespace, whose head is written with it; so is the fleet's. */
    while (at + n < command->n_rows && 2 * n + 3 <= command->etcd.settings.max_txn_ops) {
        bytes += strlen(command->rows[at + n].key) + strlen(command->rows[at + n].value) + 512;
        if (n > 0 && bytes > command->etcd.settings.max_bytes)
            break;
        n++;
    }
    return n;
}

static int copy_rows(struct copy_command *command)
{
    struct error error = {0};

    for (size_t at = 0; at < command->n_rows;) {
        size_t n = next_piece(command, at);

        if (write_some(command, at, n, &error) < 0)
            return report_error(command->invocation, CLI_FAILED,
                                "%s; %zu of %zu rows were copied: the same command goes on", error.message,
                                at, command->n_rows);
        at += n;
        draw_copied(command, at);
    }
    return CLI_DONE;
}

static int tell_copied(const struct copy_command *command, bool is_dry)
{
    const struct invocation *invocation = command->invocation;
    _cleanup_json_ cJSON *json = NULL;

    if (!invocation->is_json) {
        (void)printf("%zu rows %s, %zu were there already%s\n", command->n_rows,
                     is_dry ? "would be copied" : "were copied", command->n_same,
                     is_dry ? "; nothing was changed" : "");
        return CLI_DONE;
    }
    json = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(json, is_dry ? "wouldCopy" : "copied", (double)command->n_rows);
    (void)cJSON_AddNumberToObject(json, "same", (double)command->n_same);
    return api_print_json(invocation, json, NULL);
}

static int copy_registry(struct copy_command *command)
{
    bool is_dry = command->invocation->options[OPTION_DRY_RUN] != NULL;
    int status =
        registry_etcd_read(command->invocation, command->invocation->options[OPTION_TO], &command->etcd);

    if (status == CLI_DONE)
        status = compare_all(command);
    if (status == CLI_DONE && command->n_other)
        return report_error(command->invocation, CLI_FAILED,
                            "the fleet has %zu of these rows otherwise: nothing was changed",
                            command->n_other);
    if (status == CLI_DONE && !is_dry)
        status = copy_rows(command);
    return status == CLI_DONE ? tell_copied(command, is_dry) : status;
}

int command_registry_copy(const struct invocation *invocation)
{
    const char *from = invocation->options[OPTION_FROM];
    struct copy_command command = {.invocation = invocation};
    int status;

    if (!from || !invocation->options[OPTION_TO] || strncmp(from, "sqlite:", 7) != 0 || !from[7])
        return report_usage(invocation, "--from sqlite:FILE and --to etcd:URL[,URL...] are needed");
    command.from = from + 7;
    status = copy_registry(&command);
    for (size_t i = 0; i < command.n_rows; i++) {
        free(command.rows[i].key);
        free(command.rows[i].value);
    }
    free(command.rows);
    (void)registry_close(&command.registry);
    registry_etcd_done(&command.etcd);
    return status;
}
