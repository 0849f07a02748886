/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* restore: the backup is copied into the state directory and checked; then the daemon goes to it, or, while
 * none runs, it becomes the registry under the daemon's lock. */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/state_files.h"
#include "cli/text.h"
#include "registry/sqlite/sqlite_place.h"

#define MOST_LINES 50 /* of a dry run; --json has all */

struct restore_command {
    const struct invocation *invocation;
    struct state_files files;
    char *copy; /* of the backup, in the state directory */
    struct backup_facts facts;
};

/* ---- what would change ---- */

struct difference {
    cJSON *list; /* NULL: lines */
    uint64_t n[3];
};

static int on_change(const char *key, enum backup_change change, void *user)
{
    static const char *const done[] = {"add", "change", "remove"};
    struct difference *difference = user;
    cJSON *item;

    difference->n[change]++;
    if (!difference->list) {
        uint64_t so_far = difference->n[0] + difference->n[1] + difference->n[2];

        if (so_far <= MOST_LINES)
            (void)printf("would %s %s\n", done[change], key);
        return 0;
    }
    item = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(item, "action", done[change]);
    (void)cJSON_AddStringToObject(item, "key", key);
    (void)cJSON_AddItemToArray(difference->list, item);
    return 0;
}

static int tell_difference(const struct restore_command *command)
{
    const struct invocation *invocation = command->invocation;
    _cleanup_json_ cJSON *json = invocation->is_json ? cJSON_CreateObject() : NULL;
    struct difference difference = {.list = json ? cJSON_AddArrayToObject(json, "changes") : NULL};
    struct error error = {0};
    int r = sqlite_backup_compare(command->copy, command->files.registry, on_change, &difference, &error);
    uint64_t n = difference.n[0] + difference.n[1] + difference.n[2];

    if (r < 0)
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    if (json) {
        (void)cJSON_AddNumberToObject(json, "revision", (double)command->facts.revision);
        return api_print_json(invocation, json, NULL);
    }
    if (n > MOST_LINES)
        (void)printf("... and %" PRIu64 " more; --json has all\n", n - MOST_LINES);
    (void)printf("%" PRIu64 " would be added, %" PRIu64 " changed, %" PRIu64
                 " removed; nothing was changed\n",
                 difference.n[BACKUP_ADDS], difference.n[BACKUP_CHANGES], difference.n[BACKUP_REMOVES]);
    return CLI_DONE;
}

/* ---- the daemon goes to it ---- */

static int restore_keys_running(const struct restore_command *command, const char *text)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = cJSON_Parse(text);
    int status;

    if (!body)
        return report_error(command->invocation, CLI_FAILED,
                            "the backup's key pairs are no JSON: left as they are");
    status = api_exchange(command->invocation, "PUT", "/v1/credentials", body, &response);
    cJSON_Delete(body);
    return status;
}

static int restore_running(const struct restore_command *command, const char *keys)
{
    const struct invocation *invocation = command->invocation;
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_free_ char *copy = strdup(command->copy);
    cJSON *body = cJSON_CreateObject();
    int status;

    api_add_string(&body, "file", copy ? basename(copy) : "");
    if (invocation->options[OPTION_OTHER])
        api_add_true(&body, "other");
    status = api_change(invocation, "POST", "/v1/registry/restore", body, &response);
    if (status == CLI_DONE && keys)
        status = restore_keys_running(command, keys);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("restored revision %" PRIu64 ": %" PRIu64 " services, %" PRIu64 " instances; %" PRIu64
                     " aliases were published, %" PRIu64 " are now; what was there is kept as %s\n",
                     command->facts.revision, command->facts.services, command->facts.instances,
                     text_number(response.json, "aliasesBefore"), text_number(response.json, "aliases"),
                     text_member(response.json, "before"));
    return status;
}

/* ---- without a daemon ---- */

static int refuse_stranger_file(const struct restore_command *command)
{
    struct backup_facts here = {0};
    const char *const own[] = {here.id, here.copy_of, here.restored_from};

    /* One that cannot be read is no reason to refuse: that is what a backup is for. */
    if (command->invocation->options[OPTION_OTHER] ||
        sqlite_backup_facts(command->files.registry, command->files.registry, &here, NULL) < 0 ||
        here.rows == 0 || sqlite_backup_is_of(&command->facts, own, ARRAY_SIZE(own)))
        return CLI_DONE;
    return report_error(
        command->invocation, CLI_FAILED,
        "the backup is of another registry (id %s) than the one in %s (id %s): nothing was changed; if "
        "it is the one that is wanted, give --other",
        *command->facts.id ? command->facts.id : "none", command->files.directory, here.id);
}

static int restore_stopped(struct restore_command *command, const char *keys)
{
    const struct invocation *invocation = command->invocation;
    _cleanup_close_ int lock = -1;
    _cleanup_free_ char *aside = NULL;
    struct error error = {0};
    int status;

    if (lock_directory("state directory", command->files.directory, &lock, &error) < 0)
        return report_error(invocation, CLI_FAILED, "%s, and it does not answer on %s%s", error.message,
                            invocation->socket_path, error.number == EBUSY ? ": give its --socket" : "");
    status = refuse_stranger_file(command);
    if (status != CLI_DONE)
        return status;
    if (sqlite_registry_place(command->copy, &command->facts, command->files.registry, &aside, &error) < 0)
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    if (keys) {
        int r = file_replace(command->files.keys, 0600, keys, strlen(keys));

        if (r < 0)
            return report_error(invocation, CLI_FAILED, "%s: %s; the registry is restored",
                                command->files.keys, strerror(-r));
    }
    if (!invocation->is_json) {
        (void)printf("restored revision %" PRIu64 ": %" PRIu64 " services, %" PRIu64
                     " instances; the next start of svcconnectd goes by it%s%s\n",
                     command->facts.revision, command->facts.services, command->facts.instances,
                     aside ? "; what was there is kept as " : "", aside ? aside : "");
        return CLI_DONE;
    }
    {
        _cleanup_json_ cJSON *json = cJSON_CreateObject();

        (void)cJSON_AddNumberToObject(json, "revision", (double)command->facts.revision);
        (void)cJSON_AddStringToObject(json, "before", aside ? aside : "");
        return api_print_json(invocation, json, NULL);
    }
}

/* ---- both ---- */

static int restore(struct restore_command *command)
{
    const struct invocation *invocation = command->invocation;
    const char *file = invocation->arguments[0];
    _cleanup_free_ char *keys = NULL;
    struct error error = {0};
    int status;

    if (sqlite_backup_check(command->copy, file, &command->facts, &error) < 0)
        return report_error(invocation, CLI_FAILED, "%s: nothing was changed", error.message);
    if (invocation->options[OPTION_DRY_RUN])
        return tell_difference(command);
    (void)sqlite_backup_carried(command->copy, STATE_KEYS_NAME, &keys, NULL);
    status = command->files.is_running ? restore_running(command, keys) : restore_stopped(command, keys);
    if (keys)
        explicit_bzero(keys, strlen(keys));
    return status;
}

int command_restore(const struct invocation *invocation)
{
    struct restore_command command = {.invocation = invocation};
    int status = state_files_find(invocation, &command.files);

    if (status == CLI_DONE)
        status = state_files_take_in(invocation, &command.files, invocation->arguments[0], &command.copy);
    if (status == CLI_DONE)
        status = restore(&command);
    if (command.copy) {
        char beside[4096];

        (void)unlink(command.copy);
        for (size_t i = 0; i < 2; i++) {
            (void)snprintf(beside, sizeof(beside), "%s%s", command.copy, i ? "-shm" : "-wal");
            (void)unlink(beside);
        }
        free(command.copy);
    }
    state_files_done(&command.files);
    return status;
}
