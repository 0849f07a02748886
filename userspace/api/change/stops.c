/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/change/stops.h"

#include "api/api.h"
#include "api/change/tasks.h"
#include "base/json.h"
#include "containers/containers.h"

#define MAX_STOP_S 86400

int handle_stop(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    static const char *const known[] = {"container", "timeoutSeconds", NULL};
    struct api *api = user;
    const struct actor actor = control_call_actor(call);
    char by[ACTOR_TEXT_SIZE];
    struct container_stop stop;
    const char *container = NULL;
    uint64_t seconds = 0;
    uint32_t timeout_s;
    int r = json_check_members(call->body, known, error);

    if (r == 0)
        r = json_get_string(call->body, "container", true, &container, error);
    if (r == 0)
        r = json_get_seconds(call->body, "timeoutSeconds", false, 0, MAX_STOP_S, &seconds, error);
    if (r < 0)
        return r;
    timeout_s = (uint32_t)seconds;
    r = containers_stop(api->containers ? *api->containers : NULL, "container", container,
                        cJSON_HasObjectItem(call->body, "timeoutSeconds") ? &timeout_s : NULL,
                        actor_text(&actor, by), &stop, error);
    if (r < 0)
        return r;
    *ret_answer = requests_new_answer();
    (void)cJSON_AddStringToObject(*ret_answer, "container", stop.name);
    (void)cJSON_AddStringToObject(*ret_answer, "id", stop.id);
    (void)cJSON_AddStringToObject(*ret_answer, "runtime", stop.runtime);
    (void)cJSON_AddNumberToObject(*ret_answer, "instances", (double)stop.n_instances);
    (void)cJSON_AddNumberToObject(*ret_answer, "open", (double)stop.open);
    (void)cJSON_AddNumberToObject(*ret_answer, "timeoutSeconds", stop.timeout_s);
    return 0;
}
