/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/change/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/change/changes.h"
#include "apply/services_dir.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/guard/guard.h"
#include "engine/guard/restore.h"

int handle_accept_registry(const struct control_call *call, cJSON **ret_answer, struct error *error,
                           void *user)
{
    static const char *const known[] = {NULL};
    struct api *api = user;
    uint32_t before = engine_figures(api->engine).aliases;
    const char *was = NULL;
    int r = json_check_members(call->body, known, error);

    if (r == 0)
        r = registry_guard_accept(api->engine, &was, error);
    if (r < 0)
        return r;
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddArrayToObject(*ret_answer, "warnings");
    (void)cJSON_AddStringToObject(*ret_answer, "was", was);
    (void)cJSON_AddNumberToObject(*ret_answer, "aliasesBefore", before);
    (void)cJSON_AddNumberToObject(*ret_answer, "aliases", engine_figures(api->engine).aliases);
    (void)cJSON_AddNumberToObject(*ret_answer, "revision", (double)engine_figures(api->engine).revision);
    return 0;
}

/* ---- going to a backup ---- */

struct restoring {
    struct api *api;
    struct control_reply *reply;
    uint32_t aliases_before;
};

static cJSON *tell_restored(const struct restoring *restoring, const struct restore_end *end)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON *backup = cJSON_AddObjectToObject(answer, "backup");

    (void)cJSON_AddArrayToObject(answer, "warnings");
    (void)cJSON_AddStringToObject(backup, "id", end->facts.id);
    (void)cJSON_AddNumberToObject(backup, "revision", (double)end->facts.revision);
    (void)cJSON_AddNumberToObject(backup, "services", (double)end->facts.services);
    (void)cJSON_AddNumberToObject(backup, "instances", (double)end->facts.instances);
    (void)cJSON_AddStringToObject(answer, "was", end->was);
    (void)cJSON_AddStringToObject(answer, "before", end->aside ? end->aside : "");
    (void)cJSON_AddNumberToObject(answer, "aliasesBefore", restoring->aliases_before);
    (void)cJSON_AddNumberToObject(answer, "aliases", engine_figures(restoring->api->engine).aliases);
    (void)cJSON_AddNumberToObject(answer, "revision", (double)end->revision);
    return answer;
}

static void on_restored(int r, const struct restore_end *end, const struct error *error, void *user)
{
    struct restoring *restoring = user;
    struct error said = error ? *error : (struct error){0};

    /* It is the asker's file that is at fault. */
    if (r == -EUCLEAN || r == -ENOTSUP) {
        r = -EINVAL;
        said.number = EINVAL;
    }
    /* What lies in services.d is in force whatever a backup says. */
    if (r == 0)
        services_dir_apply_again(restoring->api->services_dir);
    control_reply_send(restoring->reply, r, r == 0 ? tell_restored(restoring, end) : NULL, &said);
    free(restoring);
}

/* Only files of the state directory, which nobody but root can put there: whoever may use the socket cannot have
 * the daemon open a path of his. */
static int backup_path(const struct api *api, const char *name, char **ret_path, struct error *error)
{
    if (!*name || *name == '.' || strchr(name, '/'))
        return error_input(error, "file", name, "the name of a file in the state directory, without a slash");
    return asprintf(ret_path, "%s/%s", api->settings.state_dir, name) < 0 ? -ENOMEM : 0;
}

int handle_restore_registry(const struct control_call *call, cJSON **ret_answer, struct error *error,
                            void *user)
{
    static const char *const known[] = {"file", "other", NULL};
    struct api *api = user;
    _cleanup_free_ char *path = NULL;
    struct restoring *restoring;
    const char *name = NULL;
    bool is_other_taken = false;
    int r = json_check_members(call->body, known, error);

    (void)ret_answer;
    if (r == 0)
        r = json_get_string(call->body, "file", true, &name, error);
    if (r == 0)
        r = json_get_bool(call->body, "other", false, &is_other_taken, error);
    if (r == 0)
        r = backup_path(api, name, &path, error);
    if (r < 0)
        return r;
    restoring = calloc(1, sizeof(*restoring));
    if (!restoring)
        return -ENOMEM;
    *restoring = (struct restoring){.api = api, .aliases_before = engine_figures(api->engine).aliases};
    r = control_call_defer(call, &restoring->reply, error);
    if (r < 0) {
        free(restoring);
        return r;
    }
    r = registry_restore(api->engine, api->documents_worker, path, is_other_taken, on_restored, restoring);
    if (r < 0) {
        struct error refused = {0};

        (void)change_not_taken(r, &refused);
        on_restored(r, NULL, &refused, restoring);
    }
    return CONTROL_LATER;
}
